package authingtest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault       authingtest.Fault
		takesEffect bool
		err         error
		status      int
		errcode     int
	}{
		"drop before":     {fault: authingtest.Fault{Drop: true}, err: io.EOF},
		"drop after":      {fault: authingtest.Fault{When: authingtest.After, Drop: true}, takesEffect: true, err: io.EOF},
		"cut off":         {fault: authingtest.Fault{When: authingtest.MidReply}, takesEffect: true, err: io.ErrUnexpectedEOF, status: 200},
		"replaced before": {fault: authingtest.Fault{Status: 502, Body: "<html>"}, err: authing.ErrBadResponse, status: 502},
		"replaced after": {
			fault:       authingtest.Fault{When: authingtest.After, Status: 504},
			takesEffect: true, err: authing.ErrBadResponse, status: 504,
		},
		"body only": {fault: authingtest.Fault{Body: `{"code":2206,"message":"x"}`}, err: authing.ErrLoginRequired, status: 200},
		"replaced and cut off": {
			fault:       authingtest.Fault{When: authingtest.MidReply, Status: 500, Body: "0123456789"},
			takesEffect: true, err: io.ErrUnexpectedEOF, status: 500,
		},
		"busy":             {fault: authingtest.Fault{ErrCode: -1}, errcode: -1},
		"busy after":       {fault: authingtest.Fault{When: authingtest.After, ErrCode: -1}, takesEffect: true, errcode: -1},
		"other errcode":    {fault: authingtest.Fault{ErrCode: 40125}, errcode: 40125},
		"slow":             {fault: authingtest.Fault{Delay: time.Nanosecond}, takesEffect: true},
		"slow reply":       {fault: authingtest.Fault{When: authingtest.After, Delay: time.Nanosecond}, takesEffect: true},
		"slow and dropped": {fault: authingtest.Fault{Delay: time.Nanosecond, Drop: true}, err: io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, client := setup(t, authingtest.Options{})
			ann := srv.NewPhone(authingtest.WxUser{})
			code, detail := ann.Login(), ann.GetUserInfo()
			srv.FailNext("GetPhone", authingtest.Fault{Drop: true}) // must not apply
			srv.FailNext("LoginWithWxapp", tt.fault)

			_, err := client.LoginWithWxapp(ctx, code, detail)

			switch {
			case tt.err != nil:
				assert.ErrorIs(t, err, tt.err)
				var e *authing.Error
				require.ErrorAs(t, err, &e)
				assert.Equal(t, tt.status, e.StatusCode)
			default:
				assert.Equal(t, tt.errcode, errcode(t, err))
			}
			assert.Equal(t, tt.takesEffect, len(srv.Users()) == 1)
			assert.Equal(t, map[string]int{code: 1}, srv.SpentCodes())

			_, err = client.LoginWithWxapp(ctx, code, detail)
			if tt.takesEffect {
				assert.Equal(t, 40163, errcode(t, err))
			} else {
				assert.NoError(t, err, "the code is still valid and the fault applied once")
			}
			assert.Equal(t, map[string]int{code: 2}, srv.SpentCodes())
		})
	}
}

func TestMidReplySendsHalf(t *testing.T) {
	t.Parallel()
	srv, _ := setup(t, authingtest.Options{})
	srv.FailNext("Decrypt", authingtest.Fault{When: authingtest.MidReply, Body: "0123456789"})
	resp, err := http.Post(srv.OAuthURL()+"/oauth/wechatapp/decrypt/"+srv.UserPoolID(), "application/json", nil)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.Equal(t, "01234", string(body))
}

// methodCalls returns a successful call of every method of the client.
func methodCalls(t *testing.T, srv *authingtest.Server, client *authing.Client) map[string]func() error {
	t.Helper()
	phone := srv.NewPhone(authingtest.WxUser{})
	user, asUser := signIn(t, client, phone)
	srv.AddLDAPUser("ann", "secret")
	app := srv.AuthorizeApp(user.ID, authing.OAuthApp{})
	srv.AddUser(authing.User{Email: "ann@example.com"})
	bob := srv.AddUser(authing.User{Phone: "13900000000"})
	asBob := client.As(bob.Token)
	picture, registered := pngImage(t), 0
	return map[string]func() error{
		"LoginWithWxapp": func() error { _, err := client.LoginWithWxapp(ctx, phone.Login(), phone.GetUserInfo()); return err },
		"BindPhone":      func() error { _, err := asUser.BindPhone(ctx, phone.Login(), phone.GetPhoneNumber()); return err },
		"GetPhone":       func() error { _, err := client.GetPhone(ctx, phone.Login(), phone.GetPhoneNumber()); return err },
		"Decrypt": func() error {
			code, d := phone.Login(), phone.GetPhoneNumber()
			_, err := client.Decrypt(ctx, code, d.EncryptedData, d.IV)
			return err
		},
		"GetVerificationCode": func() error { return client.GetVerificationCode(ctx, "13900000009") },
		"LoginByPhoneCode": func() error {
			require.NoError(t, client.GetVerificationCode(ctx, "13900000008"))
			_, err := client.LoginByPhoneCode(ctx, "13900000008", srv.LastSMS("13900000008"))
			return err
		},
		"Register": func() error {
			registered++
			_, err := client.Register(ctx, authing.RegisterParams{UnionID: fmt.Sprint("u-", registered)})
			return err
		},
		"Login":            func() error { _, err := client.Login(ctx, authing.LoginParams{UnionID: user.UnionID}); return err },
		"LoginByLDAP":      func() error { _, err := client.LoginByLDAP(ctx, "ann", "secret"); return err },
		"CheckLoginStatus": func() error { _, err := asUser.CheckLoginStatus(ctx); return err },
		"VerifyToken":      func() error { _, err := client.VerifyToken(ctx, user.Token); return err },
		"Logout": func() error {
			leaving := srv.AddUser(authing.User{})
			return client.As(leaving.Token).Logout(ctx, leaving.ID)
		},
		"User": func() error { _, err := asUser.User(ctx, user.ID); return err },
		"Update": func() error {
			_, err := asUser.Update(ctx, user.ID, authing.UserUpdate{Company: authing.Ptr("x"), LoginsCount: authing.Ptr(1), Blocked: authing.Ptr(false)})
			return err
		},
		"SendResetPasswordEmail": func() error { return client.SendResetPasswordEmail(ctx, "ann@example.com") },
		"VerifyResetPasswordVerifyCode": func() error {
			require.NoError(t, client.SendResetPasswordEmail(ctx, "ann@example.com"))
			return client.VerifyResetPasswordVerifyCode(ctx, "ann@example.com", srv.LastMail("ann@example.com").Code)
		},
		"ChangePassword": func() error {
			require.NoError(t, client.SendResetPasswordEmail(ctx, "ann@example.com"))
			_, err := client.ChangePassword(ctx, authing.ChangePasswordParams{
				Email: "ann@example.com", Password: "password", VerifyCode: srv.LastMail("ann@example.com").Code,
			})
			return err
		},
		"SendVerifyEmail": func() error { return client.SendVerifyEmail(ctx, "ann@example.com") },
		"UnbindEmail": func() error {
			_, err := asBob.Update(ctx, bob.ID, authing.UserUpdate{Email: authing.Ptr("bob@example.com")})
			require.NoError(t, err)
			_, err = asBob.UnbindEmail(ctx, bob.ID)
			return err
		},
		"Metadata":       func() error { _, err := asUser.Metadata(ctx, user.ID); return err },
		"SetMetadata":    func() error { _, err := asUser.SetMetadata(ctx, user.ID, "k", "v"); return err },
		"RemoveMetadata": func() error { _, err := asUser.RemoveMetadata(ctx, user.ID, "k"); return err },
		"ChangeAvatar":   func() error { _, err := asUser.ChangeAvatar(ctx, user.ID, bytes.NewReader(picture)); return err },
		"GetAuthedAppList": func() error {
			_, err := asUser.GetAuthedAppList(ctx, user.ID, authing.ListOptions{Page: 1, Count: 1})
			return err
		},
		"RevokeAuthedApp": func() error { _, err := asUser.RevokeAuthedApp(ctx, user.ID, app); return err },
	}
}

func TestFaultsOfEveryMethod(t *testing.T) {
	t.Parallel()
	srv, _ := setup(t, authingtest.Options{EarlyUpdates: true})
	client, err := authing.NewClient(srv.UserPoolID(), append(srv.ClientOptions(), authing.WithReadRetries(0))...)
	require.NoError(t, err)
	for op, call := range methodCalls(t, srv, client) {
		srv.FailNext(op, authingtest.Fault{Drop: true})
		srv.FailNext(op, authingtest.Fault{Status: 503})
		srv.FailNext(op, authingtest.Fault{Code: 1000})
		dropped := call()
		assert.True(t, errors.Is(dropped, io.EOF) || errors.Is(dropped, io.ErrUnexpectedEOF), "%s: %v", op, dropped)
		assert.ErrorIs(t, call(), authing.ErrBadResponse, "faults apply in order: %s", op)
		err := call()
		assert.Equal(t, 1000, codeOf(t, err), op)
		assert.ErrorContains(t, err, "系统繁忙", op)
		assert.NotErrorIs(t, err, authing.ErrOutcomeUnknown, op)
		assert.NoError(t, call(), op)
	}
}

func TestUntilGone(t *testing.T) {
	t.Parallel()
	for when, takesEffect := range map[authingtest.When]bool{
		authingtest.Before: false, authingtest.After: true, authingtest.MidReply: true,
	} {
		srv, client := setup(t, authingtest.Options{})
		ann := srv.NewPhone(authingtest.WxUser{})
		code, detail := ann.Login(), ann.GetUserInfo()
		srv.FailNext("LoginWithWxapp", authingtest.Fault{When: when, Delay: authingtest.UntilGone})
		cancelable, cancel := context.WithCancel(ctx)
		failed := make(chan error, 1)
		go func() {
			_, err := client.LoginWithWxapp(cancelable, code, detail)
			failed <- err
		}()
		require.Eventually(t, func() bool {
			return len(srv.Requests()) == 1 && (len(srv.Users()) == 1) == takesEffect
		}, 5*time.Second, time.Millisecond)
		cancel()

		err := <-failed
		assert.ErrorIs(t, err, context.Canceled)
		assert.ErrorIs(t, err, authing.ErrOutcomeUnknown)
		_, err = client.LoginWithWxapp(ctx, code, detail)
		assert.Equal(t, takesEffect, err != nil)
	}
}
