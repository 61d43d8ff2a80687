package authing_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// mailCall is a call around a mailed code. The service has nothing to return for it.
type mailCall struct {
	field     string
	variables string
	do        func(ctx context.Context, c *authing.Client) error
}

var mailCalls = []mailCall{
	{
		field: "sendResetPasswordEmail", variables: `{"email":"ann@example.com","client":"` + pool + `"}`,
		do: func(ctx context.Context, c *authing.Client) error {
			return c.SendResetPasswordEmail(ctx, "ann@example.com")
		},
	},
	{
		field: "verifyResetPasswordVerifyCode", variables: `{"email":"ann@example.com","client":"` + pool + `","verifyCode":"0042"}`,
		do: func(ctx context.Context, c *authing.Client) error {
			return c.VerifyResetPasswordVerifyCode(ctx, "ann@example.com", "0042")
		},
	},
	{
		field: "sendVerifyEmail", variables: `{"email":"ann@example.com","client":"` + pool + `"}`,
		do: func(ctx context.Context, c *authing.Client) error { return c.SendVerifyEmail(ctx, "ann@example.com") },
	},
}

func TestMailCalls(t *testing.T) {
	t.Parallel()
	for _, call := range mailCalls {
		for _, answer := range []string{
			`{"message":"成功","code":null}`, `{"message":"成功"}`, `{"code":200}`, `{"code":"200","status":true}`, `{}`,
			`{"message":null,"code":null,"status":null}`,
		} {
			operationCall[any]{
				do: func(ctx context.Context, c *authing.Client) (any, error) {
					return nil, call.do(ctx, c)
				},
				operation: "mutation " + call.field, variables: call.variables, field: call.field, answer: answer,
			}.check(t)
		}
	}
}

// The service puts some refusals inside data.
func TestMailCallsRefusedInData(t *testing.T) {
	t.Parallel()
	for _, call := range mailCalls {
		for answer, n := range map[string]int{
			`{"code":2300,"message":"验证码过期","status":false}`: 2300,
			`{"code":"2001","message":"验证码错误"}`:              2001,
			`{"code":2300,"status":true}`:                    2300,
		} {
			client, _ := setup(t, 200, `{"data":{"`+call.field+`":`+answer+`}}`)
			err := call.do(context.Background(), client)
			assertOnly(t, authing.ErrVerifyCode, err, call.field+" "+answer)
			assert.Equal(t, n, requireError(t, err).Code)
		}
		client, _ := setup(t, 200, `{"data":{"`+call.field+`":{"message":"发送失败","status":false}}}`)
		err := call.do(context.Background(), client)
		assertOnly(t, nil, err, "a status alone is a refusal")
		assert.Equal(t, "发送失败", requireError(t, err).Message)

		for _, answer := range []string{`null`, `"成功"`, `[]`, `{"code":"soon"}`} {
			client, _ := setup(t, 200, `{"data":{"`+call.field+`":`+answer+`}}`)
			err := call.do(context.Background(), client)
			require.ErrorIs(t, err, authing.ErrBadResponse, answer)
			require.ErrorIs(t, err, authing.ErrOutcomeUnknown, answer)
		}
	}
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	params := authing.ChangePasswordParams{Email: "ann@example.com", Password: "neu 密码", VerifyCode: "0042"}
	given := params
	wantAnnOfGraphQL(t, operationCall[*authing.User]{
		do: func(ctx context.Context, c *authing.Client) (*authing.User, error) {
			return c.ChangePassword(ctx, params)
		},
		operation: "mutation changePassword", encrypted: []string{"password"},
		variables: `{"email":"ann@example.com","client":"` + pool + `","password":"neu 密码","verifyCode":"0042"}`,
		field:     "changePassword", answer: annOfGraphQL,
	}.check(t))
	assert.Equal(t, given, params, "what the caller gave is the caller's")
}

func TestPasswordBadInput(t *testing.T) {
	t.Parallel()
	reset := func(text, email string) unsentCall {
		return unsentCall{text, func(ctx context.Context, c *authing.Client) (any, error) {
			return nil, c.SendResetPasswordEmail(ctx, email)
		}}
	}
	send := func(text, email string) unsentCall {
		return unsentCall{text, func(ctx context.Context, c *authing.Client) (any, error) {
			return nil, c.SendVerifyEmail(ctx, email)
		}}
	}
	verify := func(text, email, code string) unsentCall {
		return unsentCall{text, func(ctx context.Context, c *authing.Client) (any, error) {
			return nil, c.VerifyResetPasswordVerifyCode(ctx, email, code)
		}}
	}
	change := func(text string, p authing.ChangePasswordParams) unsentCall {
		return unsentCall{text, func(ctx context.Context, c *authing.Client) (any, error) {
			user, err := c.ChangePassword(ctx, p)
			return orNil(user), err
		}}
	}
	checkUnsent(t, []unsentCall{
		reset("the e-mail address is empty", ""),
		reset("the e-mail address contains", "a@example.com\r\n"),
		send("the e-mail address is empty", ""),
		send("the e-mail address contains", "a\xff"),
		verify("the e-mail address is empty", "", "0042"),
		verify("the verification code is empty", "a@example.com", ""),
		verify("the verification code contains", "a@example.com", "00\n42"),
		change("the e-mail address is empty", authing.ChangePasswordParams{Password: "p", VerifyCode: "0042"}),
		change("the password is empty", authing.ChangePasswordParams{Email: "a@example.com", VerifyCode: "0042"}),
		change("the verification code is empty", authing.ChangePasswordParams{Email: "a@example.com", Password: "p"}),
		change("the verification code contains", authing.ChangePasswordParams{Email: "a@example.com", Password: "p", VerifyCode: "\n"}),
	})
}
