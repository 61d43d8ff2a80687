package authing_test

import (
	"context"
	"fmt"
	"net/http"
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
				field: "register", answer: `{"_id":"` + annID + `","email":"ann@example.com","token":null,"group":{"name":"default"}}`,
			}.check(t)
			assert.Equal(t, annID, user.ID)
			assert.Equal(t, "default", user.Group.Name)
			assert.Empty(t, user.Token, "no promise is made of one")
			assert.Equal(t, given, asJSON(t, tt.params), "what the caller gave is the caller's")
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
			wantAnnOfGraphQL(t, operationCall[*authing.User]{
				do: func(ctx context.Context, c *authing.Client) (*authing.User, error) {
					return c.Login(ctx, tt.params)
				},
				operation: "mutation login", variables: tt.variables, encrypted: tt.encrypted,
				field: "login", answer: annOfGraphQL,
			}.check(t))
			assert.Equal(t, given, tt.params, "what the caller gave is the caller's")
		})
	}
}

func TestLoginByLDAP(t *testing.T) {
	t.Parallel()
	wantAnnOfGraphQL(t, operationCall[*authing.User]{
		do: func(ctx context.Context, c *authing.Client) (*authing.User, error) {
			return c.LoginByLDAP(ctx, "ann", "pass 词")
		},
		host: "https://oauth.authing.cn", operation: "mutation LoginByLDAP",
		variables: `{"username":"ann","password":"pass 词","clientId":"` + pool + `"}`,
		field:     "LoginByLDAP", answer: annOfGraphQL, anonymous: true,
	}.check(t))

	client, got := setup(t, 200, `{"data":{"LoginByLDAP":`+annOfGraphQL+`}}`)
	_, err := client.As("Bearer stale").LoginByLDAP(context.Background(), "ann", "secret")
	require.NoError(t, err, "a token that is not sent cannot hinder")
	assert.NotContains(t, got.Only(t).Header, "Authorization")
}

// A login that gives no token, or nobody, has not kept its promise.
func TestLoginsWithoutWhatTheyPromise(t *testing.T) {
	t.Parallel()
	for field, do := range map[string]func(*authing.Client) (*authing.User, error){
		"login": func(c *authing.Client) (*authing.User, error) {
			return c.Login(context.Background(), authing.LoginParams{Username: "ann", Password: "secret"})
		},
		"LoginByLDAP": func(c *authing.Client) (*authing.User, error) {
			return c.LoginByLDAP(context.Background(), "ann", "secret")
		},
	} {
		for _, answer := range []string{`null`, `{}`, `{"_id":"u1"}`, `{"_id":"u1","token":null}`, `{"_id":"u1","token":""}`, `{"token":"h.p.s"}`} {
			client, _ := setup(t, 200, `{"data":{"`+field+`":`+answer+`}}`)
			user, err := do(client)
			assert.Nil(t, user)
			require.ErrorIs(t, err, authing.ErrBadResponse, answer)
			require.ErrorIs(t, err, authing.ErrOutcomeUnknown, answer)
		}
	}
}

// A backend branches on these, and the captcha's address is in Data.
func TestLoginRefusals(t *testing.T) {
	t.Parallel()
	for n, sentinel := range map[int]error{
		2004: authing.ErrUserNotFound, 2006: authing.ErrWrongPassword, 2005: authing.ErrUserLocked, 1635: authing.ErrMFARequired,
		2000: authing.ErrCaptchaRequired,
	} {
		client, _ := setup(t, 200, fmt.Sprintf(`{"data":{"login":null},"errors":[{"message":{"code":%d,"message":"said","data":{"url":"u"}}}]}`, n))
		_, err := client.Login(context.Background(), authing.LoginParams{Username: "ann", Password: "secret"})
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
	login := func(text string, p authing.LoginParams) unsentCall {
		return unsentCall{text, func(ctx context.Context, c *authing.Client) (any, error) {
			user, err := c.Login(ctx, p)
			return orNil(user), err
		}}
	}
	register := func(text string, p authing.RegisterParams) unsentCall {
		return unsentCall{text, func(ctx context.Context, c *authing.Client) (any, error) {
			user, err := c.Register(ctx, p)
			return orNil(user), err
		}}
	}
	ldap := func(text, username string, password authing.Secret) unsentCall {
		return unsentCall{text, func(ctx context.Context, c *authing.Client) (any, error) {
			user, err := c.LoginByLDAP(ctx, username, password)
			return orNil(user), err
		}}
	}
	logout := func(text, id string) unsentCall {
		return unsentCall{text, func(ctx context.Context, c *authing.Client) (any, error) {
			return nil, c.Logout(ctx, id)
		}}
	}
	checkUnsent(t, []unsentCall{
		login("set Email, Username or UnionID", authing.LoginParams{Password: "secret"}),
		login("the e-mail address contains control characters", authing.LoginParams{Email: "ann@example.com\n"}),
		login("the user name contains", authing.LoginParams{Username: "a\x00"}),
		login("not valid UTF-8", authing.LoginParams{UnionID: "\xff"}),
		login("the last IP contains", authing.LoginParams{Username: "ann", LastIP: "192.0.2.1\r"}),
		login("the captcha contains", authing.LoginParams{Username: "ann", VerifyCode: "x\t"}),
		register("set Email, Username or UnionID", authing.RegisterParams{Nickname: "Ann", Password: "secret"}),
		register("the e-mail address contains", authing.RegisterParams{Email: "\n"}),
		register("the nickname contains", authing.RegisterParams{Username: "ann", Nickname: "\n"}),
		register("the photo contains", authing.RegisterParams{Username: "ann", Photo: "\n"}),
		register("the register method contains", authing.RegisterParams{Username: "ann", RegisterMethod: "\n"}),
		register("the last IP contains", authing.RegisterParams{Username: "ann", LastIP: "\n"}),
		ldap("the user name is empty", "", "secret"),
		ldap("the user name contains", "a\n", "secret"),
		ldap("the password is empty", "ann", ""),
		logout("the user id is empty", ""),
		logout("the user id contains", "u\n1"),
	})
}

func TestCheckLoginStatus(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]authing.LoginStatus{
		`{"status":true,"code":200,"message":"已登录"}`:          {SignedIn: true, Code: 200, Message: "已登录"},
		`{"status":false,"code":2206,"message":"登录信息已过期"}`:    {Code: 2206, Message: "登录信息已过期"},
		`{"status":false,"code":"2207","message":null}`:       {Code: 2207},
		`{"status":null,"code":2020}`:                         {Code: 2020},
		`{"status":true,"code":null,"message":"","added":[]}`: {SignedIn: true},
	} {
		client, got := setup(t, 200, `{"data":{"checkLoginStatus":`+answer+`}}`)
		status, err := client.As(token).CheckLoginStatus(context.Background())
		require.NoError(t, err, "a token that is not accepted is an answer")
		assert.Equal(t, &want, status)

		sent := got.Only(t)
		assert.Equal(t, "POST https://users.authing.cn/graphql", sent.Line)
		assert.Equal(t, []string{"Bearer " + string(token)}, sent.Header["Authorization"])
		q := testkit.ParseGraphQL(t, sent.Body)
		assert.Equal(t, "query checkLoginStatus", q.Kind+" "+q.Name)
		assert.Equal(t, []string{"query"}, q.BodyKeys, "it has no variables")
	}
	for _, answer := range []string{`null`, `{}`, `{"status":null,"code":null,"message":"?"}`, `{"code":"soon"}`, `[]`} {
		client, _ := setup(t, 200, `{"data":{"checkLoginStatus":`+answer+`}}`)
		status, err := client.As(token).CheckLoginStatus(context.Background())
		assert.Nil(t, status)
		assertOnly(t, authing.ErrBadResponse, err, answer)
	}
}

func TestCheckLoginStatusOfNobody(t *testing.T) {
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
		field: "updateUser", answer: `{"_id":"u1","tokenExpiredAt":"0"}`,
	}.check(t)

	client, _ := setup(t, 200, `{"errors":[{"message":{"code":2020,"message":"尚未登录","data":null}}]}`)
	err := client.Logout(context.Background(), "u1")
	assertOnly(t, authing.ErrLoginRequired, err, "the service decides about a call of nobody")
	assert.Equal(t, "Logout", requireError(t, err).Op)

	client, _ = setup(t, 200, `{"data":{"updateUser":null}}`)
	require.ErrorIs(t, client.As(token).Logout(context.Background(), "u1"), authing.ErrOutcomeUnknown)
}

func TestGraphQLLoginStatus(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]authing.LoginStatus{
		`{"status":true,"code":200,"message":"ok"}`:          {SignedIn: true, Code: 200, Message: "ok"},
		`{"status":true,"code":"200","message":null}`:        {SignedIn: true, Code: 200},
		`{"status":false,"code":2206,"message":"登录过期"}`:      {Code: 2206, Message: "登录过期"},
		`{"status":false,"code":2207,"message":"token 不合法"}`: {Code: 2207, Message: "token 不合法"},
		`{"status":null,"code":2020}`:                        {Code: 2020},
		`{"status":false}`:                                   {},
	} {
		client, _ := setup(t, http.StatusOK, graphqlData("checkLoginStatus", answer))

		status, err := client.As(token).CheckLoginStatus(context.Background())
		require.NoError(t, err)
		assert.Equal(t, want, *status)

		info, err := client.VerifyToken(context.Background(), token)
		assert.Nil(t, info)
		if want.SignedIn {
			require.ErrorIs(t, err, authing.ErrBadResponse, "it does not say whose token it is")
			continue
		}
		require.NotErrorIs(t, err, authing.ErrBadResponse)
		var e *authing.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, want.Code, e.Code)
		assert.ErrorIs(t, err, authing.ErrLoginRequired)
	}
	for _, answer := range []string{`null`, `{}`, `{"message":"ok"}`, `[]`, `true`, `{"status":"yes"}`, `{"code":"x"}`} {
		client, _ := setup(t, http.StatusOK, graphqlData("checkLoginStatus", answer))
		status, err := client.As(token).CheckLoginStatus(context.Background())
		require.ErrorIs(t, err, authing.ErrBadResponse, answer)
		assert.Nil(t, status)
	}
}
