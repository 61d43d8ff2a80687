package authingtest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, client := setup(t, authingtest.Options{Clock: clock.Now})
	elsewhere, _ := setup(t, authingtest.Options{Clock: clock.Now, UserPoolID: srv.UserPoolID()})
	ann := srv.NewPhone(authingtest.WxUser{})
	user, _ := signIn(t, client, ann)
	token := string(user.Token)
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)

	for name, tt := range map[string]struct {
		token string
		after time.Duration
		code  int
	}{
		"valid":           {token, 0, 0},
		"about to expire": {token, 15*24*time.Hour - time.Second, 0},
		"expired":         {token, 15 * 24 * time.Hour, 2206},
		"not a token":     {"x", 0, 2207},
		"another server":  {string(elsewhere.AddUser(authing.User{}).Token), 0, 2207},
		"no signature":    {parts[0] + "." + parts[1] + ".", 0, 2207},
		"foreign payload": {parts[0] + "." + strings.Split(string(srv.AddUser(authing.User{}).Token), ".")[1] + "." + parts[2], 0, 2207},
		"alg none":        {"eyJhbGciOiJub25lIn0." + parts[1] + ".", 0, 2207},
	} {
		clock.advance(tt.after)
		got := map[string]error{}
		as := client.As(authing.Secret(tt.token))
		_, got["BindPhone"] = as.BindPhone(ctx, ann.Login(), ann.GetPhoneNumber())
		_, got["GetPhone"] = as.GetPhone(ctx, ann.Login(), ann.GetPhoneNumber())
		code, detail := ann.Login(), ann.GetUserInfo()
		_, got["Decrypt"] = as.Decrypt(ctx, code, detail.EncryptedData, detail.IV)
		clock.advance(-tt.after)

		for op, err := range got {
			if tt.code == 0 {
				assert.NoError(t, err, "%s: %s", name, op)
				continue
			}
			assert.ErrorIs(t, err, authing.ErrLoginRequired, "%s: %s", name, op)
			var e *authing.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, tt.code, e.Code, "%s: %s", name, op)
		}
	}
}

// The format is that of real tokens.
func TestTokenClaims(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, client := setup(t, authingtest.Options{Clock: clock.Now})
	user, _ := signIn(t, client, srv.NewPhone(authingtest.WxUser{UnionID: "u-1"}))

	header, payload := decodeToken(t, string(user.Token))

	assert.JSONEq(t, `{"alg":"HS256","typ":"JWT"}`, header)
	assert.JSONEq(t, `{"data":{"id":"`+user.ID+`","clientId":"`+srv.UserPoolID()+`","unionid":"u-1"},`+
		`"iat":1582781600,"exp":1584077600}`, payload)
	assert.Equal(t, int64(1584077600), user.TokenExpiredAt.Unix())
}

func TestInvalidTokenDoesNotUseUpCode(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{})
	ann := srv.NewPhone(authingtest.WxUser{})
	code, detail := ann.Login(), ann.GetPhoneNumber()
	_, err := client.As("x").BindPhone(ctx, code, detail)
	require.ErrorIs(t, err, authing.ErrLoginRequired)
	_, err = client.GetPhone(ctx, code, detail)
	assert.NoError(t, err)
	assert.Equal(t, map[string]int{code: 2}, srv.SpentCodes())
}

// A blocked or deleted account is rejected by all hosts.
func TestBlockedAndDeletedAccounts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		setUp func(*authingtest.Server, string)
		code  int
		state int  // code of CheckLoginStatus
		login int  // code of a new login, 0: accepted
		same  bool // whether the new login finds the same account
	}{
		"active":  {func(*authingtest.Server, string) {}, 0, 200, 0, true},
		"blocked": {func(srv *authingtest.Server, id string) { srv.SetBlocked(id, true) }, 2005, 2207, 2005, true},
		"deleted": {(*authingtest.Server).DeleteUser, 2207, 2207, 0, false},
	} {
		srv, client := setup(t, authingtest.Options{})
		ann := srv.NewPhone(authingtest.WxUser{})
		user, asAnn := signIn(t, client, ann)
		tt.setUp(srv, user.ID)

		_, bound := asAnn.BindPhone(ctx, ann.Login(), ann.GetPhoneNumber())
		_, read := asAnn.User(ctx, user.ID)
		status, err := asAnn.CheckLoginStatus(ctx)
		require.NoError(t, err, name)
		again, login := client.LoginWithWxapp(ctx, ann.Login(), ann.GetUserInfo())

		assert.Equal(t, tt.state, status.Code, name)
		if tt.code == 0 {
			assert.NoError(t, bound, name)
			assert.NoError(t, read, name)
			assert.True(t, status.SignedIn, name)
		} else {
			assert.Equal(t, tt.code, codeOf(t, bound), name)
			assert.Equal(t, tt.code, codeOf(t, read), name)
			assert.False(t, status.SignedIn, name)
		}
		if tt.login != 0 {
			assert.Equal(t, tt.login, codeOf(t, login), name)
			continue
		}
		require.NoError(t, login, name)
		assert.Equal(t, tt.same, again.ID == user.ID, name)
	}
}

func TestTokenExpiry(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, client := setup(t, authingtest.Options{Clock: clock.Now})
	ann := srv.AddUser(authing.User{})
	asAnn := client.As(ann.Token)
	clock.advance(15*24*time.Hour - time.Second)
	_, err := asAnn.User(ctx, ann.ID)
	require.NoError(t, err)
	later, err := client.VerifyToken(ctx, ann.Token)
	require.NoError(t, err)
	assert.Equal(t, ann.TokenExpiredAt.Unix(), later.ExpiresAt.Unix())

	clock.advance(time.Second)
	_, err = asAnn.User(ctx, ann.ID)
	assert.Equal(t, 2206, codeOf(t, err))
	_, err = client.VerifyToken(ctx, ann.Token)
	assert.Equal(t, 2206, codeOf(t, err))
	status, err := asAnn.CheckLoginStatus(ctx)
	require.NoError(t, err)
	assert.Equal(t, authing.LoginStatus{Code: 2206, Message: "登录信息已过期"}, *status)
	status, err = client.As("x").CheckLoginStatus(ctx)
	require.NoError(t, err)
	assert.Equal(t, authing.LoginStatus{Code: 2207, Message: "登录信息有误"}, *status)
}

// A logout invalidates all tokens of the user, and no others.
func TestLogoutInvalidatesAllTokens(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, client := setup(t, authingtest.Options{Clock: clock.Now})
	ann, bob := srv.AddUser(authing.User{UnionID: "u-ann"}), srv.AddUser(authing.User{})
	clock.advance(time.Second)
	second, err := client.Login(ctx, authing.LoginParams{UnionID: "u-ann"})
	require.NoError(t, err)
	require.NotEqual(t, ann.Token, second.Token)
	_, err = client.As(ann.Token).User(ctx, ann.ID)
	require.NoError(t, err, "a new login does not invalidate older tokens")

	require.NoError(t, client.As(second.Token).Logout(ctx, ann.ID))

	for _, token := range []authing.Secret{ann.Token, second.Token} {
		_, err = client.As(token).User(ctx, ann.ID)
		assert.Equal(t, 2206, codeOf(t, err))
	}
	assert.Equal(t, "0", srv.User(ann.ID).TokenExpiredAt.Text)
	_, err = client.As(bob.Token).User(ctx, bob.ID)
	assert.NoError(t, err)
	_, err = client.As(bob.Token).Update(ctx, bob.ID, authing.UserUpdate{TokenExpiredAt: authing.Ptr("2030-01-01T00:00:00Z")})
	require.NoError(t, err)
	_, err = client.As(bob.Token).User(ctx, bob.ID)
	assert.NoError(t, err, "that is in the future")
}
