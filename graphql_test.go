package authing_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// graphqlData is the answer of a GraphQL operation with this field.
func graphqlData(field, result string) string { return `{"data":{"` + field + `":` + result + `}}` }

func tryPassword(client *authing.Client) (*authing.User, error) {
	return client.Login(context.Background(), authing.LoginParams{Email: "ann@example.com", Password: "long enough"})
}

func TestGraphQLErrors(t *testing.T) {
	t.Parallel()
	const captcha = `{"url":"https://users.authing.cn/captcha?x=1"}`
	success := graphqlData("login", annOfGraphQL)
	one := func(entry string) string { return `{"errors":[` + entry + `],"data":null}` }
	for name, tt := range map[string]struct {
		status  int
		body    string
		code    int
		message string
		data    string
		is      error
	}{
		"object": {200, one(`{"message":{"code":2004,"message":"用户不存在","data":null},"path":["login"]}`),
			2004, "用户不存在", "", authing.ErrUserNotFound},
		"numeric text as code": {200, one(`{"message":{"code":"2006","message":"密码错误"}}`), 2006, "密码错误", "", authing.ErrWrongPassword},
		"fraction as code":     {200, one(`{"message":{"code":2006.0,"message":"密码错误"}}`), 2006, "密码错误", "", authing.ErrWrongPassword},
		"null code":            {200, one(`{"message":{"code":null,"message":"no"}}`), 0, "no", "", nil},
		"no code":              {200, one(`{"message":{"message":"no"}}`), 0, "no", "", nil},
		"unreadable code":      {200, one(`{"message":{"code":"E1","message":"no"}}`), 0, "no", `{"message":{"code":"E1","message":"no"}}`, nil},
		"code beside":          {200, one(`{"message":"验证码过期","code":2300}`), 2300, "验证码过期", "", authing.ErrVerifyCode},
		"code in extensions":   {200, one(`{"message":"no","extensions":{"code":"2004"}}`), 2004, "no", "", authing.ErrUserNotFound},
		"code of a success":    {200, one(`{"message":{"code":200,"message":"ok"}}`), 200, "ok", "", nil},
		"captcha": {200, one(`{"message":{"code":2000,"message":"请输入验证码","data":` + captcha + `}}`),
			2000, "请输入验证码", captcha, authing.ErrCaptchaRequired},
		"text as data":          {200, one(`{"message":{"code":2005,"message":"no","data":"why"}}`), 2005, "no", `"why"`, authing.ErrUserLocked},
		"text":                  {200, one(`{"message":"Cannot query field \"x\""}`), 0, `Cannot query field "x"`, "", nil},
		"number as message":     {200, one(`{"message":42}`), 0, "42", "", nil},
		"object in the message": {200, one(`{"message":{"code":500,"message":{"name":"CastError"}}}`), 500, `{"name":"CastError"}`, "", nil},
		"list as message":       {200, one(`{"message":["a","b"]}`), 0, `["a","b"]`, "", nil},
		"no message":            {200, one(`{"extensions":{"code":"INTERNAL"}}`), 0, `{"extensions":{"code":"INTERNAL"}}`, "", nil},
		"object without words":  {200, one(`{"message":{"code":2004}}`), 2004, `{"code":2004}`, "", authing.ErrUserNotFound},
		"null message":          {200, one(`{"message":null}`), 0, "", "", nil},
		"bare text":             {200, one(`"out of order"`), 0, "out of order", "", nil},
		"null":                  {200, one(`null`), 0, "", "", nil},
		"without data":          {200, `{"errors":[{"message":"no"}]}`, 0, "no", "", nil},
		"beside data":           {200, `{"errors":[{"message":{"code":2004,"message":"no"}}],` + success[1:], 2004, "no", "", authing.ErrUserNotFound},
		"code of a success beside data": {200, `{"errors":[{"message":{"code":200,"message":"ok"}}],` + success[1:],
			200, "ok", "", nil},
		"refused document":      {400, `{"errors":[{"message":"Syntax Error"}]}`, 0, "Syntax Error", "", nil},
		"403":                   {403, one(`{"message":{"code":2206,"message":"expired"}}`), 2206, "expired", "", authing.ErrLoginRequired},
		"429":                   {429, one(`{"message":"slow down"}`), 0, "slow down", "", authing.ErrRateLimited},
		"500":                   {500, one(`{"message":{"code":500,"message":"no"}}`), 500, "no", "", authing.ErrOutcomeUnknown},
		"502 with a code":       {502, one(`{"message":{"code":2004,"message":"no"}}`), 2004, "no", "", authing.ErrOutcomeUnknown},
		"refusal in REST's way": {200, `{"code":2004,"message":"no","data":null}`, 2004, "no", "", authing.ErrUserNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := setupResponder(t, httpmock.NewStringResponder(tt.status, tt.body).
				HeaderSet(http.Header{"Retry-After": {"7"}}))

			user, err := tryPassword(client)

			var e *authing.Error
			require.ErrorAs(t, err, &e)
			assert.Nil(t, user)
			assert.Equal(t, "Login", e.Op)
			assert.Equal(t, tt.status, e.StatusCode)
			assert.Equal(t, tt.code, e.Code)
			assert.Equal(t, tt.message, e.Message)
			assert.Equal(t, tt.data, string(e.Data))
			assert.Equal(t, 7*time.Second, e.RetryAfter)
			assert.Contains(t, err.Error(), tt.message)
			assert.Equal(t, tt.status >= 500, errors.Is(err, authing.ErrOutcomeUnknown))
			require.NotErrorIs(t, err, authing.ErrBadResponse)
			if tt.is != nil {
				require.ErrorIs(t, err, tt.is)
			}
		})
	}
}

func TestGraphQLSeveralErrors(t *testing.T) {
	t.Parallel()
	const body = `{"errors":[{"message":{"code":2000,"message":"first","data":{"url":"x"}}},{"message":"second"},"third",
		{"message":{"code":2005,"message":"fourth","data":4}},{"message":{"code":"2006","message":"fifth"}}]}`
	for _, status := range []int{200, 400, 500} {
		client, _ := setup(t, status, body)

		user, err := tryPassword(client)

		assert.Nil(t, user)
		for _, sentinel := range []error{authing.ErrCaptchaRequired, authing.ErrUserLocked, authing.ErrWrongPassword} {
			require.ErrorIs(t, err, sentinel)
		}
		assert.Equal(t, status == 500, errors.Is(err, authing.ErrOutcomeUnknown))
		assert.Contains(t, err.Error(), "authing: Login: first")
		e := requireError(t, err)
		assert.Equal(t, 2000, e.Code)
		assert.Equal(t, "first", e.Message)
		assert.Equal(t, `{"url":"x"}`, string(e.Data))
		assert.Equal(t, body, string(e.Body), "the others are in the body")
	}
}

func FuzzGraphQLEnvelope(f *testing.F) {
	params := authing.LoginParams{Email: "ann.lee@example.com", Password: "correct horse", LastIP: "192.0.2.44", VerifyCode: "xk3f9qwe"}
	echo := params.Email + " " + params.LastIP + " " + params.VerifyCode + " " + string(token)
	for _, seed := range []string{
		`{"data":{"login":` + annOfGraphQL + `}}`, `{"data":{"login":` + annOfGraphQL + `},"errors":[]}`, "", "null", "<html>", "[]",
		`{"data":{"login":` + annOfGraphQL + `},"errors":[{"message":{"code":200}}]}`, `{"data":{"login":null}}`, `{"data":null}`,
		`{"errors":[{"message":{"code":2006,"message":"密码不正确","data":null}},{"message":"Syntax Error"}]}`,
		`{"errors":[{"message":{"code":"2000","message":"` + echo + `","data":{"url":"u"}}}]}`, `{"errors":[null,7,{}]}`,
		`{"errors":["` + echo + `"]}`, `{"errors":{"message":"x"}}`, `{"code":500,"message":"` + echo + `"}`,
		`{"data":{"login":{"_id":"u1","token":""}}}`, "\xef\xbb\xbf{}", `{"errors":[{"message":"\u0000\n\u001b[31m"}]}`,
	} {
		f.Add(200, []byte(seed))
		f.Add(400, []byte(seed))
		f.Add(502, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		client, last := stub(t, status, string(body))
		user, err := client.As(token).Login(context.Background(), params)
		require.NotNil(t, *last)
		if err == nil {
			assert.Equal(t, 200, status)
			assert.NotEmpty(t, user.ID)
			assert.NotEmpty(t, user.Token)
			var said struct{ Errors []json.RawMessage }
			assert.NoError(t, json.Unmarshal(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), &said))
			assert.Empty(t, said.Errors)
			return
		}
		assert.Nil(t, user)
		e := requireError(t, err)
		assert.Equal(t, "Login", e.Op)
		assert.Equal(t, status, e.StatusCode)
		if !errors.Is(err, authing.ErrOutcomeUnknown) {
			assert.Less(t, status, 500)
			assert.NotErrorIs(t, err, authing.ErrBadResponse, "a call is only settled by an answer of Authing")
		}
		for _, secret := range []string{params.Email, params.LastIP, params.VerifyCode, string(token)} {
			assert.NotContains(t, err.Error(), secret)
		}
		assert.False(t, strings.ContainsFunc(err.Error(), unicode.IsControl), "%q", err)
		assert.Less(t, utf8.RuneCountInString(err.Error()), 1000)
	})
}

// A text that would be GraphQL inside the document stays a text, since it travels as a variable.
func TestDocumentsHoldNoValues(t *testing.T) {
	t.Parallel()
	const hostile = `"}) { token } } mutation { removeUsers #`
	for name, call := range map[string]func(context.Context, *authing.Client) error{
		"username": func(ctx context.Context, c *authing.Client) error {
			_, err := c.Login(ctx, authing.LoginParams{Username: hostile})
			return err
		},
		"oauth": func(ctx context.Context, c *authing.Client) error {
			_, err := c.Register(ctx, authing.RegisterParams{Username: "ann", OAuth: hostile})
			return err
		},
		"nickname": func(ctx context.Context, c *authing.Client) error {
			nickname := hostile
			_, err := c.Update(ctx, "u1", authing.UserUpdate{Nickname: &nickname})
			return err
		},
		"_id": func(ctx context.Context, c *authing.Client) error {
			return c.Logout(ctx, hostile)
		},
		"user": func(ctx context.Context, c *authing.Client) error {
			_, err := c.UnbindEmail(ctx, hostile)
			return err
		},
		"userId": func(ctx context.Context, c *authing.Client) error {
			_, err := c.GetAuthedAppList(ctx, hostile, authing.ListOptions{})
			return err
		},
	} {
		client, got := setup(t, 200, `{"errors":["no"]}`)
		require.Error(t, call(context.Background(), client))
		var sent struct {
			Query     string
			Variables map[string]any
		}
		require.NoError(t, json.Unmarshal([]byte(got.Only(t).Body), &sent))
		assert.Equal(t, hostile, sent.Variables[name])
		assert.NotContains(t, sent.Query, "removeUsers")
	}
}

// The service can put a refusal in the place of what a call promises.
func TestSoftRefusalInPlaceOfAResult(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	client, _ := setup(t, 200, `{"data":{"changePassword":{"code":2300,"message":"验证码过期","status":false}}}`)
	_, err := client.ChangePassword(ctx, authing.ChangePasswordParams{Email: "a@b.c", Password: "secret", VerifyCode: "1"})
	require.ErrorIs(t, err, authing.ErrVerifyCode)
	require.NotErrorIs(t, err, authing.ErrOutcomeUnknown)
	assert.Equal(t, "验证码过期", requireError(t, err).Message)

	client, _ = setup(t, 200, `{"data":{"login":{"code":2006,"message":"密码不正确"}}}`)
	_, err = client.Login(ctx, authing.LoginParams{Username: "lin", Password: "x"})
	require.ErrorIs(t, err, authing.ErrWrongPassword)

	client, _ = setup(t, 200, `{"data":{"userMetadata":{"code":2206,"message":"expired"}}}`)
	_, err = client.As(token).Metadata(ctx, "u1")
	require.ErrorIs(t, err, authing.ErrLoginRequired)

	client, _ = setup(t, 200, `{"data":{"login":{"status":false,"message":"locked out"}}}`)
	_, err = client.Login(ctx, authing.LoginParams{Username: "lin", Password: "x"})
	require.EqualError(t, err, "authing: Login: locked out (HTTP 200)")
	require.NotErrorIs(t, err, authing.ErrOutcomeUnknown)

	client, _ = setup(t, 200, `{"data":{"login":{"_id":"u1","token":"a.b.c","code":2006}}}`)
	_, err = client.Login(ctx, authing.LoginParams{Username: "lin", Password: "x"})
	require.NoError(t, err, "what a call promises is there")
}

// A success without what it promises blames the network only if it may not have come from Authing.
func TestGraphQLIncompleteHint(t *testing.T) {
	t.Parallel()
	const said = "authing: User: the service reported success but sent no "
	for answer, want := range map[string]string{
		`{"data":{"user":null}}`:          said + "user (HTTP 200): the requested object may not exist",
		`{"data":{"user":{"email":"a"}}}`: said + "user id (HTTP 200)",
		`{"data":null}`:                   said + "user (HTTP 200): check the Hosts and any proxy in front of them",
		// A code beside it says more.
		`{"code":2206,"message":"no","data":{"user":null}}`: "authing: User: no (code 2206, HTTP 200): the token has expired: sign in again",
		`{"code":2206,"message":"no","data":{"user":{}}}`:   "authing: User: no (code 2206, HTTP 200): the token has expired: sign in again",
	} {
		client, _ := setup(t, 200, answer)
		_, err := client.As(token).User(context.Background(), "u1")
		assert.EqualError(t, err, want)
	}

	client, _ := setup(t, 200, `{"data":{"register":null}}`)
	_, err := client.Register(context.Background(), authing.RegisterParams{Username: "ann"})
	assert.NotContains(t, err.Error(), "may not exist", "it was to be made")
}
