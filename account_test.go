package authing_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/testkit"
)

func TestRegister(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	for name, tt := range map[string]struct {
		params    authing.RegisterParams
		variables string
		encrypted []string
	}{
		"all": {
			params: authing.RegisterParams{
				Email: "ann@example.com", Username: "ann", UnionID: "u-1", Password: "pass 词", Nickname: "Ann", Photo: "https://x/p.png",
				OAuth: "{\n}", RegisterMethod: "default:username-password", LastIP: "192.0.2.1", ForceLogin: &yes,
			},
			variables: `{"email":"ann@example.com","username":"ann","unionid":"u-1","password":"pass 词","nickname":"Ann",
				"photo":"https://x/p.png","oauth":"{\n}","registerMethod":"default:username-password","lastIP":"192.0.2.1",
				"forceLogin":true,"registerInClient":"` + pool + `"}`,
			encrypted: []string{"password"},
		},
		"without a password": {
			params:    authing.RegisterParams{UnionID: "u-1"},
			variables: `{"unionid":"u-1","registerInClient":"` + pool + `"}`,
		},
		"a false is sent": {
			params:    authing.RegisterParams{Username: "ann", ForceLogin: &no},
			variables: `{"username":"ann","forceLogin":false,"registerInClient":"` + pool + `"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			given := asJSON(t, tt.params)
			user := operationCall[*authing.User]{
				do: func(ctx context.Context, c *authing.Client) (*authing.User, error) {
					return c.Register(ctx, tt.params)
				},
				operation: "mutation register", variables: tt.variables, encrypted: tt.encrypted,
				field: "register", result: `{"_id":"` + annID + `","email":"ann@example.com","token":null,"group":{"name":"default"}}`,
			}.check(t)
			assert.Equal(t, annID, user.ID)
			assert.Equal(t, "default", user.Group.Name)
			assert.Empty(t, user.Token, "not promised")
			assert.Equal(t, given, asJSON(t, tt.params), "the arguments do not change")
		})
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		params    authing.LoginParams
		variables string
		encrypted []string
	}{
		"all": {
			params: authing.LoginParams{
				Email: "ann@example.com", Username: "ann", UnionID: "u-1", Password: "pass 词", LastIP: "192.0.2.1", VerifyCode: "xk3f",
			},
			variables: `{"email":"ann@example.com","username":"ann","unionid":"u-1","password":"pass 词","lastIP":"192.0.2.1",
				"verifyCode":"xk3f","registerInClient":"` + pool + `"}`,
			encrypted: []string{"password"},
		},
		"e-mail": {
			params:    authing.LoginParams{Email: "ann@example.com", Password: "secret"},
			variables: `{"email":"ann@example.com","password":"secret","registerInClient":"` + pool + `"}`,
			encrypted: []string{"password"},
		},
		"without a password": {
			params:    authing.LoginParams{UnionID: "u-1"},
			variables: `{"unionid":"u-1","registerInClient":"` + pool + `"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			given := tt.params
			wantAnn(t, operationCall[*authing.User]{
				do: func(ctx context.Context, c *authing.Client) (*authing.User, error) {
					return c.Login(ctx, tt.params)
				},
				operation: "mutation login", variables: tt.variables, encrypted: tt.encrypted,
				field: "login", result: annGraphQL,
			}.check(t))
			assert.Equal(t, given, tt.params, "the arguments do not change")
		})
	}
}

func TestLoginByLDAP(t *testing.T) {
	t.Parallel()
	wantAnn(t, operationCall[*authing.User]{
		do: func(ctx context.Context, c *authing.Client) (*authing.User, error) {
			return c.LoginByLDAP(ctx, "ann", "pass 词")
		},
		host: "https://oauth.authing.cn", operation: "mutation LoginByLDAP",
		variables: `{"username":"ann","password":"pass 词","clientId":"` + pool + `"}`,
		field:     "LoginByLDAP", result: annGraphQL, tokenless: true,
	}.check(t))
}

func TestIncompleteLogins(t *testing.T) {
	t.Parallel()
	for field, do := range map[string]func(*authing.Client) (*authing.User, error){
		"login": tryPassword,
		"LoginByLDAP": func(c *authing.Client) (*authing.User, error) {
			return c.LoginByLDAP(context.Background(), "ann", "secret")
		},
	} {
		for _, result := range []string{`null`, `{}`, `{"_id":"u1"}`, `{"_id":"u1","token":null}`, `{"_id":"u1","token":""}`, `{"token":"h.p.s"}`} {
			client, _ := setup(t, 200, graphqlData(field, result))
			user, err := do(client)
			assert.Nil(t, user)
			wantIncomplete(t, err, result)
		}
	}
}

// A backend branches on these.
func TestLoginRefusals(t *testing.T) {
	t.Parallel()
	for n, sentinel := range map[int]error{
		2004: authing.ErrUserNotFound, 2006: authing.ErrWrongPassword, 2005: authing.ErrUserLocked, 1635: authing.ErrMFARequired,
		2000: authing.ErrCaptchaRequired,
	} {
		client, _ := setup(t, 200, fmt.Sprintf(`{"data":{"login":null},"errors":[{"message":{"code":%d,"message":"said","data":{"url":"u"}}}]}`, n))
		_, err := tryPassword(client)
		assertOnly(t, sentinel, err, err.Error())
		e := requireError(t, err)
		assert.Equal(t, "Login", e.Op)
		assert.Equal(t, n, e.Code)
		assert.Equal(t, "said", e.Message)
		assert.JSONEq(t, `{"url":"u"}`, string(e.Data))
	}
}

func TestAccountBadInput(t *testing.T) {
	t.Parallel()
	c, got := setup(t, 200, `{}`)
	c = c.As(token)
	ctx := context.Background()
	login := func(p authing.LoginParams) error { return errorOf(c.Login(ctx, p)) }
	register := func(p authing.RegisterParams) error { return errorOf(c.Register(ctx, p)) }
	wantRejections(t, got, []rejection{
		{login(authing.LoginParams{Password: "secret"}), "set Email, Username or UnionID"},
		{login(authing.LoginParams{Email: "ann@example.com\n"}), "the e-mail address contains control characters"},
		{login(authing.LoginParams{Username: "a\x00"}), "the user name contains"},
		{login(authing.LoginParams{UnionID: "\xff"}), "not valid UTF-8"},
		{login(authing.LoginParams{Username: "ann", VerifyCode: "x\t"}), "the captcha contains"},
		{register(authing.RegisterParams{Nickname: "Ann", Password: "secret"}), "set Email, Username or UnionID"},
		{register(authing.RegisterParams{Email: "\n"}), "the e-mail address contains"},
		{errorOf(c.LoginByLDAP(ctx, "", "secret")), "the user name is empty"},
		{errorOf(c.LoginByLDAP(ctx, "a\n", "secret")), "the user name contains"},
		{errorOf(c.LoginByLDAP(ctx, "ann", "")), "the password is empty"},
		{c.Logout(ctx, ""), "the user id is empty"},
		{c.Logout(ctx, "u\n1"), "the user id contains"},
	})
}

func TestCheckLoginStatus(t *testing.T) {
	t.Parallel()
	for result, want := range map[string]authing.LoginStatus{
		`{"status":true,"code":200,"message":"已登录"}`:          {SignedIn: true, Code: 200, Message: "已登录"},
		`{"status":true,"code":"200","message":null}`:         {SignedIn: true, Code: 200},
		`{"status":true,"code":null,"message":"","added":[]}`: {SignedIn: true},
		`{"status":false,"code":2206,"message":"登录信息已过期"}`:    {Code: 2206, Message: "登录信息已过期"},
		`{"status":false,"code":"2207","message":null}`:       {Code: 2207},
		`{"status":null,"code":2020}`:                         {Code: 2020},
		`{"status":true,"code":2020}`:                         {SignedIn: true, Code: 2020}, // both as the service sent them
		`{"status":false}`:                                    {},
		`{"status":"1","code":""}`:                            {SignedIn: true},
		`{"status":"false"}`:                                  {},
		`{"status":0}`:                                        {},
		`{"status":"expired","code":2206}`:                    {Code: 2206},
		`{"status":"","code":200}`:                            {SignedIn: true, Code: 200},
	} {
		client, got := setup(t, 200, graphqlData("checkLoginStatus", result))
		status, err := client.As(token).CheckLoginStatus(context.Background())
		require.NoError(t, err, "a token that is not accepted is no error here")
		assert.Equal(t, &want, status)

		sent := got.Only(t)
		assert.Equal(t, "POST https://users.authing.cn/graphql", sent.Line)
		assert.Equal(t, []string{"Bearer " + string(token)}, sent.Header["Authorization"])
		q := testkit.ParseGraphQL(t, sent.Body)
		assert.Equal(t, "query checkLoginStatus", q.Kind+" "+q.Name)
		assert.Equal(t, []string{"query"}, q.BodyKeys, "it has no variables")
	}
	for _, result := range []string{
		`null`, `{}`, `{"status":null,"code":null,"message":"?"}`, `{"message":"ok"}`, `{"code":"soon"}`, `[]`, `true`,
		`{"status":"ok","code":200}`, `{"status":200}`, `{"status":{},"code":null}`,
	} {
		client, _ := setup(t, 200, graphqlData("checkLoginStatus", result))
		status, err := client.As(token).CheckLoginStatus(context.Background())
		assert.Nil(t, status)
		assertOnly(t, authing.ErrBadResponse, err, result)
	}
}

func TestCheckLoginStatusWithoutToken(t *testing.T) {
	t.Parallel()
	client, got := setup(t, 500, "")
	status, err := client.CheckLoginStatus(context.Background())
	require.NoError(t, err)
	assert.Equal(t, &authing.LoginStatus{Code: 2020, Message: "未登录"}, status)

	var none context.Context
	_, err = client.CheckLoginStatus(none)
	require.ErrorIs(t, err, authing.ErrInvalidArgument)
	_, err = client.As("Bearer h.p.s").CheckLoginStatus(context.Background())
	require.ErrorIs(t, err, authing.ErrInvalidArgument)
	assert.Empty(t, got.All())
}

func TestLogout(t *testing.T) {
	t.Parallel()
	operationCall[any]{
		do: func(ctx context.Context, c *authing.Client) (any, error) {
			return nil, c.Logout(ctx, "u1")
		},
		operation: "mutation UpdateUser", variables: `{"_id":"u1","registerInClient":"` + pool + `","tokenExpiredAt":"0"}`,
		field: "updateUser", result: `{"_id":"u1","tokenExpiredAt":"0"}`,
	}.check(t)

	client, _ := setup(t, 200, `{"errors":[{"message":{"code":2020,"message":"尚未登录","data":null}}]}`)
	err := client.Logout(context.Background(), "u1")
	assertOnly(t, authing.ErrLoginRequired, err, "without a token, the service decides")
	assert.Equal(t, "Logout", requireError(t, err).Op)

	client, _ = setup(t, 200, `{"data":{"updateUser":null}}`)
	require.ErrorIs(t, client.As(token).Logout(context.Background(), "u1"), authing.ErrOutcomeUnknown)
}
