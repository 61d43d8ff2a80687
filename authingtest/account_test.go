package authingtest_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

// addAnn adds an account that can sign in in every way.
func addAnn(srv *authingtest.Server) *authing.User {
	ann := srv.AddUser(authing.User{Email: "ann@example.com", Username: "ann", UnionID: "u-ann", Phone: "13900000000"})
	srv.SetPassword(ann.ID, "password")
	return srv.User(ann.ID)
}

func TestRegister(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{})
	addAnn(srv)
	for name, tt := range map[string]struct {
		params authing.RegisterParams
		code   int // 0: accepted
	}{
		"email":                 {authing.RegisterParams{Email: "bob@example.com", Password: "123456"}, 0},
		"username":              {authing.RegisterParams{Username: "bob", Password: "密码密码密码"}, 0},
		"union id":              {authing.RegisterParams{UnionID: "u-bob"}, 0},
		"email taken":           {authing.RegisterParams{Email: "ann@example.com", Password: "123456"}, 2026},
		"union id taken":        {authing.RegisterParams{UnionID: "u-ann"}, 2026},
		"username taken":        {authing.RegisterParams{Username: "ann", Password: "123456"}, 2034},
		"invalid email":         {authing.RegisterParams{Email: "bob", Password: "123456"}, 2003},
		"short password":        {authing.RegisterParams{Email: "b@example.com", Password: "12345"}, 2029},
		"short in characters":   {authing.RegisterParams{Email: "b@example.com", Password: "密码密码"}, 2029},
		"no password":           {authing.RegisterParams{Email: "b@example.com"}, 2032},
		"username, no password": {authing.RegisterParams{Username: "b"}, 2032},
	} {
		before := len(srv.Users())
		user, err := client.Register(ctx, tt.params)
		if tt.code != 0 {
			assert.Equal(t, tt.code, codeOf(t, err), name)
			assert.Len(t, srv.Users(), before, name)
			continue
		}
		require.NoError(t, err, name)
		assert.Equal(t, tt.params.Email, srv.User(user.ID).Email, name)
		assert.Equal(t, tt.params.Username, srv.User(user.ID).Username, name)
		assert.Equal(t, tt.params.UnionID, srv.User(user.ID).UnionID, name)
		_, err = client.Login(ctx, authing.LoginParams{
			Email: tt.params.Email, Username: tt.params.Username, UnionID: tt.params.UnionID, Password: tt.params.Password,
		})
		assert.NoError(t, err, name)
	}

	user, err := client.Register(ctx, authing.RegisterParams{
		UnionID: "u-eve", ForceLogin: authing.Ptr(true), OAuth: `{"nickname":"Eve"}`, RegisterMethod: "oauth:test",
		Nickname: "Eve", Photo: "https://x.test/eve.png", LastIP: "192.0.2.9",
	})
	require.NoError(t, err)
	require.NotEmpty(t, user.Token, "forceLogin")
	stored, err := client.As(user.Token).User(ctx, user.ID)
	require.NoError(t, err)
	assert.Equal(t, `{"nickname":"Eve"}`, stored.OAuth)
	assert.Equal(t, "oauth:test", stored.RegisterMethod)
	assert.Equal(t, "Eve", stored.Nickname)
	assert.Equal(t, "https://x.test/eve.png", stored.Photo)
	assert.Equal(t, "192.0.2.9", stored.LastIP)
}

func TestRegisterWithoutForceLogin(t *testing.T) {
	t.Parallel()
	_, client := setup(t, authingtest.Options{})
	user, err := client.Register(ctx, authing.RegisterParams{UnionID: "u-eve", ForceLogin: authing.Ptr(false)})
	require.NoError(t, err)
	assert.Empty(t, user.Token)
}

func TestRegisterPhone(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{UserPoolID: "pool-1"})
	register := func(code string) string {
		_, response := send(t, graphqlRequest(srv, query(`mutation { register(userInfo: {phone: "13900000001", phoneCode: `+code+
			`, registerInClient: "pool-1"}) { phone } }`, "")))
		return response
	}
	assert.Contains(t, register("1234"), `"code":2001`, "no code was sent")
	require.NoError(t, client.GetVerificationCode(ctx, "13900000001"))
	code := srv.LastSMS("13900000001")
	assert.Contains(t, register("null"), `"code":2001`)
	assert.JSONEq(t, `{"data":{"register":{"phone":"13900000001"}}}`, register(code))
	assert.Contains(t, register(code), `"code":2026`)
	_, err := client.LoginByPhoneCode(ctx, "13900000001", code)
	assert.Equal(t, 2001, codeOf(t, err), "registering uses up the code")
}

func TestLogin(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		params  authing.LoginParams
		prepare func(*authingtest.Server, string)
		code    int // 0: accepted
	}{
		"email":                         {params: authing.LoginParams{Email: "ann@example.com", Password: "password"}},
		"username":                      {params: authing.LoginParams{Username: "ann", Password: "password"}},
		"union id":                      {params: authing.LoginParams{UnionID: "u-ann"}},
		"union id, password":            {params: authing.LoginParams{UnionID: "u-ann", Password: "password"}},
		"union id, wrong password":      {params: authing.LoginParams{UnionID: "u-ann", Password: "passwords"}, code: 2006},
		"wrong password":                {params: authing.LoginParams{Email: "ann@example.com", Password: "Password"}, code: 2006},
		"no password":                   {params: authing.LoginParams{Email: "ann@example.com"}, code: 2006},
		"unknown email":                 {params: authing.LoginParams{Email: "bob@example.com", Password: "password"}, code: 2004},
		"unknown username":              {params: authing.LoginParams{Username: "bob", Password: "password"}, code: 2004},
		"unknown union id":              {params: authing.LoginParams{UnionID: "u-bob"}, code: 2004},
		"invalid email":                 {params: authing.LoginParams{Email: "ann", Password: "password"}, code: 2003},
		"blocked":                       {params: authing.LoginParams{UnionID: "u-ann"}, code: 2005, prepare: func(s *authingtest.Server, id string) { s.SetBlocked(id, true) }},
		"unblocked":                     {params: authing.LoginParams{UnionID: "u-ann"}, prepare: func(s *authingtest.Server, id string) { s.SetBlocked(id, true); s.SetBlocked(id, false) }},
		"deleted":                       {params: authing.LoginParams{UnionID: "u-ann"}, code: 2004, prepare: (*authingtest.Server).DeleteUser},
		"second factor":                 {params: authing.LoginParams{Username: "ann", Password: "password"}, code: 1635, prepare: func(s *authingtest.Server, id string) { s.SetMFA(id, true) }},
		"second factor, wrong password": {params: authing.LoginParams{Username: "ann", Password: "passwords"}, code: 2006, prepare: func(s *authingtest.Server, id string) { s.SetMFA(id, true) }},
		"no password stored":            {params: authing.LoginParams{Email: "ann@example.com", Password: "password"}, code: 2027, prepare: func(s *authingtest.Server, id string) { s.SetPassword(id, "") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, client := setup(t, authingtest.Options{})
			ann := addAnn(srv)
			if tt.prepare != nil {
				tt.prepare(srv, ann.ID)
			}
			user, err := client.Login(ctx, tt.params)
			if tt.code != 0 {
				assert.Equal(t, tt.code, codeOf(t, err))
				assert.Equal(t, 1, srv.User(ann.ID).LoginsCount)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, ann.ID, user.ID)
			assert.Equal(t, 2, user.LoginsCount)
			assert.Equal(t, "::ffff:127.0.0.1", user.LastIP)
		})
	}
}

// A WeChat nickname is stored as username but neither signs in nor reserves the name.
func TestNicknamesAreNotUsernames(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{})
	signIn(t, client, srv.NewPhone(authingtest.WxUser{NickName: "ann"}))
	_, err := client.Login(ctx, authing.LoginParams{Username: "ann", Password: "password"})
	assert.Equal(t, 2004, codeOf(t, err))
	_, err = client.Register(ctx, authing.RegisterParams{Username: "ann", Password: "password"})
	assert.NoError(t, err)
}

func TestOtherPool(t *testing.T) {
	t.Parallel()
	srv, _ := setup(t, authingtest.Options{})
	other, err := authing.NewClient("another", srv.ClientOptions()...)
	require.NoError(t, err)
	ann := addAnn(srv)
	asAnn := other.As(ann.Token)
	for name, call := range map[string]func() error{
		"Login":    func() error { _, err := other.Login(ctx, authing.LoginParams{UnionID: "u-ann"}); return err },
		"Register": func() error { _, err := other.Register(ctx, authing.RegisterParams{UnionID: "u"}); return err },
		"LDAP":     func() error { _, err := other.LoginByLDAP(ctx, "ann", "x"); return err },
		"SMS":      func() error { return other.GetVerificationCode(ctx, "13900000000") },
		"mail":     func() error { return other.SendResetPasswordEmail(ctx, "ann@example.com") },
		"User":     func() error { _, err := asAnn.User(ctx, ann.ID); return err },
		"Update": func() error {
			_, err := asAnn.Update(ctx, ann.ID, authing.UserUpdate{Company: authing.Ptr("x")})
			return err
		},
		"unbind": func() error { _, err := asAnn.UnbindEmail(ctx, ann.ID); return err },
		"apps":   func() error { _, err := asAnn.GetAuthedAppList(ctx, ann.ID, authing.ListOptions{}); return err },
		"revoke": func() error { _, err := asAnn.RevokeAuthedApp(ctx, ann.ID, "x"); return err },
	} {
		assert.Equal(t, 2224, codeOf(t, call()), name)
	}
	assert.Empty(t, srv.SentMails())
	assert.Empty(t, srv.SentSMS())
	assert.Equal(t, []*authing.User{ann}, srv.Users())
}

func TestPasswordKeys(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	srv, client := setup(t, authingtest.Options{PrivateKey: key})
	addAnn(srv)
	_, err = client.Login(ctx, authing.LoginParams{Username: "ann", Password: "password"})
	require.NoError(t, err)
	_, err = client.Register(ctx, authing.RegisterParams{Username: "bob", Password: authing.Secret(strings.Repeat("x", 200))})
	assert.NoError(t, err, "a longer key allows longer passwords")

	elsewhere, _ := setup(t, authingtest.Options{})
	client, err = authing.NewClient(srv.UserPoolID(),
		append(srv.ClientOptions(), authing.WithPublicKey(elsewhere.PublicKey()))...)
	require.NoError(t, err)
	_, err = client.Login(ctx, authing.LoginParams{Username: "ann", Password: "password"})
	assert.Equal(t, 2016, codeOf(t, err))
	_, response := send(t, graphqlRequest(srv, query(`mutation { login(username: "ann", password: "password", registerInClient: "`+
		srv.UserPoolID()+`") { _id } }`, "")))
	assert.Contains(t, response, `"code":2016`, "clear-text password")
}

// The original drops leading zero bytes of a ciphertext.
func TestShortCiphertext(t *testing.T) {
	t.Parallel()
	srv, _ := setup(t, authingtest.Options{})
	addAnn(srv)
	block, _ := pem.Decode([]byte(srv.PublicKey()))
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	require.NoError(t, err)
	ciphertext := []byte{1}
	for ciphertext[0] != 0 {
		ciphertext, err = rsa.EncryptPKCS1v15(rand.Reader, key.(*rsa.PublicKey), []byte("password"))
		require.NoError(t, err)
	}
	_, response := send(t, graphqlRequest(srv, query(`mutation { login(username: "ann", password: "`+
		base64.StdEncoding.EncodeToString(ciphertext[1:])+`", registerInClient: "`+srv.UserPoolID()+`") { username } }`, "")))
	assert.JSONEq(t, `{"data":{"login":{"username":"ann"}}}`, response)
}

func TestLDAP(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{})
	srv.AddLDAPUser("ann", "secret")

	user, err := client.As("nonsense").LoginByLDAP(ctx, "ann", "secret")
	require.NoError(t, err)
	assert.Equal(t, "ann", user.Username)
	assert.Equal(t, "ldap:default::from-undefined", user.RegisterMethod)
	assert.Contains(t, user.UnionID, "uid=ann,")
	_, err = client.As(user.Token).User(ctx, user.ID)
	assert.NoError(t, err)
	again, err := client.LoginByLDAP(ctx, "ann", "secret")
	require.NoError(t, err)
	assert.Equal(t, user.ID, again.ID)
	assert.Equal(t, "oauth", srv.Requests()[0].Host)

	_, err = client.LoginByLDAP(ctx, "ann", "Secret")
	assert.ErrorIs(t, err, authing.ErrWrongPassword)
	_, err = client.LoginByLDAP(ctx, "bob", "secret")
	assert.ErrorIs(t, err, authing.ErrUserNotFound)
	srv.SetBlocked(user.ID, true)
	_, err = client.LoginByLDAP(ctx, "ann", "secret")
	assert.ErrorIs(t, err, authing.ErrUserLocked)
}

func TestVerifyEmail(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{EarlyUpdates: true})
	ann := addAnn(srv)
	follow := func(link string) (code int) {
		_, response := send(t, rawRequest{"GET", link, "", "", http.Header{}})
		var got struct{ Code int }
		require.NoError(t, json.Unmarshal([]byte(response), &got))
		return got.Code
	}
	require.NoError(t, client.SendVerifyEmail(ctx, "ann@example.com"))
	assert.False(t, srv.User(ann.ID).EmailVerified)
	link := srv.LastMail("ann@example.com").Link
	assert.Equal(t, 200, follow(link))
	assert.True(t, srv.User(ann.ID).EmailVerified)
	assert.Equal(t, 2023, follow(link), "a link works once")

	require.NoError(t, client.SendVerifyEmail(ctx, "ann@example.com"))
	_, err := client.As(ann.Token).Update(ctx, ann.ID, authing.UserUpdate{
		Email: authing.Ptr("new@example.com"), EmailVerified: authing.Ptr(false),
	})
	require.NoError(t, err)
	assert.Equal(t, 2023, follow(srv.LastMail("ann@example.com").Link), "the account has another address by now")
	assert.False(t, srv.User(ann.ID).EmailVerified)
	assert.ErrorIs(t, client.SendVerifyEmail(ctx, "ann@example.com"), authing.ErrUserNotFound)
}
