package authingtest_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

func pngImage(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8))))
	return b.Bytes()
}

// codeOf returns the Authing error code in err.
func codeOf(t *testing.T, err error) int {
	t.Helper()
	var e *authing.Error
	require.ErrorAs(t, err, &e)
	return e.Code
}

func TestAccountLifecycle(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, client := setup(t, authingtest.Options{Clock: clock.Now})

	registered, err := client.Register(ctx, authing.RegisterParams{
		Email: "ann@example.com", Username: "ann", Password: "correct horse 电池", Nickname: "Ann", LastIP: "192.0.2.1",
	})
	require.NoError(t, err)
	assert.Len(t, registered.ID, 24)
	assert.Equal(t, "Ann", registered.Nickname)
	assert.Empty(t, registered.Token, "registering does not sign in")
	assert.NotEmpty(t, registered.Group.Name)

	clock.advance(time.Minute)
	user, err := client.Login(ctx, authing.LoginParams{Email: "ann@example.com", Password: "correct horse 电池", LastIP: "192.0.2.1"})
	require.NoError(t, err)
	assert.Equal(t, registered.ID, user.ID)
	assert.Equal(t, 1, user.LoginsCount)
	assert.Equal(t, "192.0.2.1", user.LastIP)
	assert.Equal(t, "Thu Feb 27 2020 13:34:20 GMT+0800 (CST)", user.LastLogin.Text)
	assert.Equal(t, clock.Now().Truncate(time.Second).UTC(), user.LastLogin.UTC())
	assert.Equal(t, clock.Now().Add(15*24*time.Hour).Truncate(time.Second).UTC(), user.TokenExpiredAt.UTC())
	asAnn := client.As(user.Token)

	status, err := asAnn.CheckLoginStatus(ctx)
	require.NoError(t, err)
	assert.Equal(t, authing.LoginStatus{SignedIn: true, Code: 200, Message: "已登录"}, *status)
	info, err := client.VerifyToken(ctx, user.Token)
	require.NoError(t, err)
	assert.Equal(t, user.ID, info.UserID)
	assert.Equal(t, srv.UserPoolID(), info.UserPoolID)
	assert.Equal(t, "ann@example.com", info.Email)
	assert.Equal(t, clock.Now().Add(15*24*time.Hour).Unix(), info.ExpiresAt.Unix())

	updated, err := asAnn.Update(ctx, user.ID, authing.UserUpdate{Company: authing.Ptr("Example"), Nickname: authing.Ptr("")})
	require.NoError(t, err)
	assert.Equal(t, "Example", updated.Company)
	assert.Empty(t, updated.Nickname)
	again, err := asAnn.User(ctx, user.ID)
	require.NoError(t, err)
	assert.Equal(t, "Example", again.Company)
	assert.Equal(t, "ann", again.Username, "unset fields are unchanged")

	metadata, err := asAnn.SetMetadata(ctx, user.ID, "level", "3")
	require.NoError(t, err)
	assert.Equal(t, authing.Metadata{TotalCount: 1, List: []authing.MetadataItem{{Key: "level", Value: "3"}}}, *metadata)

	image := pngImage(t)
	updated, err = asAnn.ChangeAvatar(ctx, user.ID, bytes.NewReader(image))
	require.NoError(t, err)
	resp, err := http.Get(updated.Photo)
	require.NoError(t, err)
	defer resp.Body.Close()
	served, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, image, served)
	assert.Equal(t, "image/png", resp.Header.Get("Content-Type"))
	assert.Equal(t, updated.Photo, srv.User(user.ID).Photo)

	require.NoError(t, asAnn.Logout(ctx, user.ID))
	status, err = asAnn.CheckLoginStatus(ctx)
	require.NoError(t, err)
	assert.Equal(t, authing.LoginStatus{Code: 2206, Message: "登录信息已过期"}, *status)
	_, err = asAnn.User(ctx, user.ID)
	assert.ErrorIs(t, err, authing.ErrLoginRequired)
	_, err = client.VerifyToken(ctx, user.Token)
	assert.ErrorIs(t, err, authing.ErrLoginRequired)
	phone := srv.NewPhone(authingtest.WxUser{})
	_, err = asAnn.BindPhone(ctx, phone.Login(), phone.GetPhoneNumber())
	assert.ErrorIs(t, err, authing.ErrLoginRequired, "the token is invalid on the other host, too")

	clock.advance(time.Second)
	user, err = client.Login(ctx, authing.LoginParams{Username: "ann", Password: "correct horse 电池"})
	require.NoError(t, err)
	_, err = client.As(user.Token).User(ctx, user.ID)
	assert.NoError(t, err)
}

func TestPasswordReset(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, client := setup(t, authingtest.Options{Clock: clock.Now})
	ann := srv.AddUser(authing.User{Email: "ann@example.com"})
	srv.SetPassword(ann.ID, "forgotten")
	assert.Zero(t, srv.LastMail("ann@example.com"))

	require.NoError(t, client.SendResetPasswordEmail(ctx, "ann@example.com"))
	expired := srv.LastMail("ann@example.com").Code
	clock.advance(10 * time.Minute)
	err := client.VerifyResetPasswordVerifyCode(ctx, "ann@example.com", expired)
	assert.ErrorIs(t, err, authing.ErrVerifyCode)
	assert.Equal(t, 2300, codeOf(t, err))
	_, err = client.ChangePassword(ctx, authing.ChangePasswordParams{Email: "ann@example.com", Password: "new one", VerifyCode: expired})
	assert.Equal(t, 2300, codeOf(t, err))

	require.NoError(t, client.SendResetPasswordEmail(ctx, "ann@example.com"))
	assert.Equal(t, map[string]int{"ann@example.com": 2}, srv.SentMails())
	code := srv.LastMail("ann@example.com").Code
	err = client.VerifyResetPasswordVerifyCode(ctx, "ann@example.com", code+"0")
	assert.ErrorIs(t, err, authing.ErrVerifyCode)
	assert.Equal(t, 2001, codeOf(t, err))
	require.NoError(t, client.VerifyResetPasswordVerifyCode(ctx, "ann@example.com", code))
	change := authing.ChangePasswordParams{Email: "ann@example.com", Password: "short", VerifyCode: code}
	_, err = client.ChangePassword(ctx, change)
	assert.Equal(t, 2029, codeOf(t, err), "a rejected call does not use up the code")
	change.Password = "new one"
	user, err := client.ChangePassword(ctx, change)
	require.NoError(t, err)
	assert.Equal(t, ann.ID, user.ID)
	_, err = client.ChangePassword(ctx, change)
	assert.ErrorIs(t, err, authing.ErrVerifyCode, "the code is used up")

	_, err = client.Login(ctx, authing.LoginParams{Email: "ann@example.com", Password: "forgotten"})
	assert.ErrorIs(t, err, authing.ErrWrongPassword)
	_, err = client.Login(ctx, authing.LoginParams{Email: "ann@example.com", Password: "new one"})
	assert.NoError(t, err)

	assert.ErrorIs(t, client.SendResetPasswordEmail(ctx, "bob@example.com"), authing.ErrUserNotFound)
	assert.Equal(t, 2204, codeOf(t, client.SendResetPasswordEmail(ctx, "nonsense")))
	assert.NotContains(t, srv.SentMails(), "bob@example.com")
}

func TestPhoneCodeLogin(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, client := setup(t, authingtest.Options{Clock: clock.Now})
	const phone = "13900000000"
	assert.Empty(t, srv.LastSMS(phone))

	require.NoError(t, client.GetVerificationCode(ctx, phone))
	first := srv.LastSMS(phone)
	require.NoError(t, client.GetVerificationCode(ctx, phone))
	code := srv.LastSMS(phone)
	assert.Equal(t, map[string]int{phone: 2}, srv.SentSMS())
	assert.Regexp(t, "^[1-9][0-9]{3}$", code)
	if first != code {
		_, err := client.LoginByPhoneCode(ctx, phone, first)
		assert.Equal(t, 2001, codeOf(t, err), "the newer code replaces the older one")
	}
	_, err := client.LoginByPhoneCode(ctx, "13911111111", code)
	assert.Equal(t, 2001, codeOf(t, err), "the code belongs to one phone")
	assert.Empty(t, srv.Users())

	user, err := client.LoginByPhoneCode(ctx, phone, code)
	require.NoError(t, err)
	assert.Equal(t, phone, user.Phone)
	assert.Equal(t, user.ID, srv.UserByPhone(phone).ID)
	_, err = client.LoginByPhoneCode(ctx, phone, code)
	assert.ErrorIs(t, err, authing.ErrVerifyCode, "the code is used up")
	assert.Equal(t, 3, srv.SpentCodes()[code], "once for the other phone, twice for this one")
	_, err = client.As(user.Token).User(ctx, user.ID)
	assert.NoError(t, err)

	require.NoError(t, client.GetVerificationCode(ctx, phone))
	clock.advance(10*time.Minute - time.Second)
	again, err := client.LoginByPhoneCode(ctx, phone, srv.LastSMS(phone))
	require.NoError(t, err)
	assert.Equal(t, user.ID, again.ID)
	require.NoError(t, client.GetVerificationCode(ctx, phone))
	clock.advance(10 * time.Minute)
	_, err = client.LoginByPhoneCode(ctx, phone, srv.LastSMS(phone))
	assert.Equal(t, 2300, codeOf(t, err))

	srv.SetBlocked(user.ID, true)
	require.NoError(t, client.GetVerificationCode(ctx, phone))
	_, err = client.LoginByPhoneCode(ctx, phone, srv.LastSMS(phone))
	assert.ErrorIs(t, err, authing.ErrUserLocked)
	assert.Equal(t, 2028, codeOf(t, client.GetVerificationCode(ctx, "nonsense")))
}

// Concurrent users, for the race detector.
func TestConcurrentUsers(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{})
	avatar := pngImage(t)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			phone := fmt.Sprintf("139000000%02d", i)
			assert.NoError(t, client.GetVerificationCode(ctx, phone))
			user, err := client.LoginByPhoneCode(ctx, phone, srv.LastSMS(phone))
			if !assert.NoError(t, err) {
				return
			}
			asUser := client.As(user.Token)
			_, err = asUser.SetMetadata(ctx, user.ID, "phone", phone)
			assert.NoError(t, err)
			_, err = asUser.ChangeAvatar(ctx, user.ID, bytes.NewReader(avatar))
			assert.NoError(t, err)
			metadata, err := asUser.Metadata(ctx, user.ID)
			if assert.NoError(t, err) {
				assert.Equal(t, []authing.MetadataItem{{Key: "phone", Value: phone}}, metadata.List)
			}
			assert.Equal(t, phone, srv.User(user.ID).Phone)
		}()
	}
	wg.Wait()
	assert.Len(t, srv.Users(), 20)
}
