package authing_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

func tryPassword(client *authing.Client) (*authing.User, error) {
	return client.Login(context.Background(), authing.LoginParams{Email: "ann@example.com", Password: "long enough"})
}

func TestGraphQLErrors(t *testing.T) {
	t.Parallel()
	const captcha = `{"url":"https://users.authing.cn/captcha?x=1"}`
	success := graphqlData("login", annGraphQL)
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
		"other extensions":     {200, one(`{"message":{"code":2004,"message":"no"},"extensions":[]}`), 2004, "no", "", authing.ErrUserNotFound},
		"code in another case": {200, one(`{"message":{"code":2006,"Code":2020,"message":"no"}}`), 2006, "no", "", authing.ErrWrongPassword},
		"success code":         {200, one(`{"message":{"code":200,"message":"ok"}}`), 200, "ok", "", nil},
		"captcha": {200, one(`{"message":{"code":2000,"message":"请输入验证码","data":` + captcha + `}}`),
			2000, "请输入验证码", captcha, authing.ErrCaptchaRequired},
		"text as data":           {200, one(`{"message":{"code":2005,"message":"no","data":"why"}}`), 2005, "no", `"why"`, authing.ErrUserLocked},
		"text":                   {200, one(`{"message":"Cannot query field \"x\""}`), 0, `Cannot query field "x"`, "", nil},
		"number as message":      {200, one(`{"message":42}`), 0, "42", "", nil},
		"object in the message":  {200, one(`{"message":{"code":500,"message":{"name":"CastError"}}}`), 500, `{"name":"CastError"}`, "", nil},
		"list as message":        {200, one(`{"message":["a","b"]}`), 0, `["a","b"]`, "", nil},
		"no message":             {200, one(`{"extensions":{"code":"INTERNAL"}}`), 0, `{"extensions":{"code":"INTERNAL"}}`, "", nil},
		"object without message": {200, one(`{"message":{"code":2004}}`), 2004, `{"code":2004}`, "", authing.ErrUserNotFound},
		"null message":           {200, one(`{"message":null}`), 0, "", "", nil},
		"bare text":              {200, one(`"out of order"`), 0, "out of order", "", nil},
		"null":                   {200, one(`null`), 0, "", "", nil},
		"without data":           {200, `{"errors":[{"message":"no"}]}`, 0, "no", "", nil},
		"beside data":            {200, `{"errors":[{"message":{"code":2004,"message":"no"}}],` + success[1:], 2004, "no", "", authing.ErrUserNotFound},
		"success code beside data": {200, `{"errors":[{"message":{"code":200,"message":"ok"}}],` + success[1:],
			200, "ok", "", nil},
		"rejected document": {400, `{"errors":[{"message":"Syntax Error"}]}`, 0, "Syntax Error", "", nil},
		"403":               {403, one(`{"message":{"code":2206,"message":"expired"}}`), 2206, "expired", "", authing.ErrLoginRequired},
		"429":               {429, one(`{"message":"slow down"}`), 0, "slow down", "", authing.ErrRateLimited},
		"500":               {500, one(`{"message":{"code":500,"message":"no"}}`), 500, "no", "", authing.ErrOutcomeUnknown},
		"502 with a code":   {502, one(`{"message":{"code":2004,"message":"no"}}`), 2004, "no", "", authing.ErrOutcomeUnknown},
		"REST envelope":     {200, `{"code":2004,"message":"no","data":null}`, 2004, "no", "", authing.ErrUserNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			user, err := tryPassword(setupHeader(t, tt.status, tt.body, "Retry-After", "7"))

			e := requireError(t, err)
			assert.Nil(t, user)
			assert.Equal(t, "Login", e.Op)
			assert.Equal(t, tt.status, e.StatusCode)
			assert.Equal(t, tt.code, e.Code)
			assert.Equal(t, tt.message, e.Message)
			assert.Equal(t, tt.data, string(e.Data))
			assert.Equal(t, 7*time.Second, e.RetryAfter)
			assert.Contains(t, err.Error(), tt.message)
			settled := tt.status < 500 && tt.code != 0 && tt.code != 200 && !strings.Contains(tt.body, `"login":{`)
			assert.Equal(t, !settled, errors.Is(err, authing.ErrOutcomeUnknown))
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
		assert.ErrorIs(t, err, authing.ErrOutcomeUnknown, "two of them say nothing about the outcome")
		assert.Contains(t, err.Error(), "authing: Login: first")
		e := requireError(t, err)
		assert.Equal(t, 2000, e.Code)
		assert.Equal(t, "first", e.Message)
		assert.Equal(t, `{"url":"x"}`, string(e.Data))
		assert.Equal(t, body, string(e.Body), "which has the others")
	}
}

// Only the first few errors are read, so the rest may be anything.
func TestGraphQLManyErrors(t *testing.T) {
	t.Parallel()
	const entry = `{"message":{"code":2006,"message":"no"}}`
	for count, unknown := range map[int]bool{1: false, 8: false, 9: true} {
		client, _ := setup(t, 200, `{"errors":[`+strings.Repeat(entry+",", count-1)+entry+`]}`)
		_, err := tryPassword(client)
		require.ErrorIs(t, err, authing.ErrWrongPassword)
		assert.Equal(t, unknown, errors.Is(err, authing.ErrOutcomeUnknown), count)
	}
}

// The service may send a refusal in place of the promised result.
func TestGraphQLRefusalInData(t *testing.T) {
	t.Parallel()
	for result, tt := range map[string]struct {
		code int
		text string
		is   error
	}{
		`{"code":2006,"message":"密码不正确"}`:                  {2006, "密码不正确 (code 2006, HTTP 200): the password is wrong", authing.ErrWrongPassword},
		`{"code":2206,"message":"expired","status":false}`: {2206, "expired (code 2206, HTTP 200): the token has expired or was ended: sign in again", authing.ErrLoginRequired},
		`{"status":false,"message":"locked out"}`:          {0, "locked out (HTTP 200)", nil},
	} {
		client, _ := setup(t, 200, graphqlData("login", result))
		user, err := tryPassword(client)
		assert.Nil(t, user)
		assertOnly(t, tt.is, err, result)
		require.EqualError(t, err, "authing: Login: "+tt.text)
		assert.Equal(t, tt.code, requireError(t, err).Code)
	}

	client, _ := setup(t, 200, graphqlData("userMetadata", `{"code":2206,"message":"expired"}`))
	_, err := client.As(token).Metadata(context.Background(), "u1")
	require.ErrorIs(t, err, authing.ErrLoginRequired)

	client, _ = setup(t, 200, graphqlData("login", `{"_id":"u1","token":"a.b.c","code":2006}`))
	_, err = tryPassword(client)
	require.NoError(t, err, "the promised result came")
}

// The hint about Hosts would mislead if the response did come from Authing.
func TestGraphQLIncompleteHint(t *testing.T) {
	t.Parallel()
	const said = "authing: User: the service reported success but sent no "
	for body, want := range map[string]string{
		`{"data":{"user":null}}`:          said + "user (HTTP 200): the requested object may not exist",
		`{"data":{"user":{"email":"a"}}}`: said + "user id (HTTP 200)",
		`{"data":null}`:                   said + "user (HTTP 200): check the configured hosts and any proxy in front of them",
		// A code beside the data says more.
		`{"code":2206,"message":"no","data":{"user":null}}`: "authing: User: no (code 2206, HTTP 200): the token has expired or was ended: sign in again",
		`{"code":2206,"message":"no","data":{"user":{}}}`:   "authing: User: no (code 2206, HTTP 200): the token has expired or was ended: sign in again",
	} {
		client, _ := setup(t, 200, body)
		_, err := client.As(token).User(context.Background(), "u1")
		assert.EqualError(t, err, want)
	}

	client, _ := setup(t, 200, `{"data":{"register":null}}`)
	_, err := client.Register(context.Background(), authing.RegisterParams{Username: "ann"})
	assert.NotContains(t, err.Error(), "may not exist", "it was about to be created")
}

func FuzzGraphQLEnvelope(f *testing.F) {
	params := authing.LoginParams{Email: "ann.lee@example.com", Password: "correct horse", LastIP: "192.0.2.44", VerifyCode: "xk3f9qwe"}
	echo := params.Email + " " + params.LastIP + " " + params.VerifyCode + " " + string(token)
	for _, seed := range []string{
		`{"data":{"login":` + annGraphQL + `}}`, `{"data":{"login":` + annGraphQL + `},"errors":[]}`, "", "null", "<html>", "[]",
		`{"data":{"login":` + annGraphQL + `},"errors":[{"message":{"code":200}}]}`, `{"data":{"login":null}}`, `{"data":null}`,
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
			assert.NotErrorIs(t, err, authing.ErrBadResponse, "only Authing can say that a call had no effect")
		}
		wantFitForLogs(t, err, params.Email, params.LastIP, params.VerifyCode, string(token))
	})
}
