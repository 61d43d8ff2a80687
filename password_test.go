package authing_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/authing-wxapp/authing"
)

// mailCall is a call that returns nothing but an acknowledgement.
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
		for _, result := range []string{
			`{"message":"成功","code":null}`, `{"message":"成功"}`, `{"code":200}`, `{"code":"200","status":true}`, `{}`,
			`{"message":null,"code":null,"status":null}`, `{"code":200,"status":"ok"}`, `{"code":200,"status":200}`,
		} {
			operationCall[any]{
				do: func(ctx context.Context, c *authing.Client) (any, error) {
					return nil, call.do(ctx, c)
				},
				operation: "mutation " + call.field, variables: call.variables, field: call.field, result: result,
			}.check(t)
		}
	}
}

func TestMailCallsRefusedInData(t *testing.T) {
	t.Parallel()
	for _, call := range mailCalls {
		for result, tt := range map[string]struct {
			code int
			is   error
		}{
			`{"code":2300,"message":"验证码过期","status":false}`: {2300, authing.ErrVerifyCode},
			`{"code":"2001","message":"验证码错误"}`:              {2001, authing.ErrVerifyCode},
			`{"code":2300,"message":"","status":true}`:       {2300, authing.ErrVerifyCode},
			`{"message":"发送失败","status":false}`:              {0, nil},
		} {
			client, _ := setup(t, 200, graphqlData(call.field, result))
			err := call.do(context.Background(), client)
			assertOnly(t, tt.is, err, call.field+" "+result)
			e := requireError(t, err)
			assert.Equal(t, tt.code, e.Code)
			assert.Contains(t, result, `"message":"`+e.Message+`"`)
		}
		for _, result := range []string{`null`, `"成功"`, `[]`, `{"code":"soon"}`, `{"status":"failed"}`} {
			client, _ := setup(t, 200, graphqlData(call.field, result))
			wantIncomplete(t, call.do(context.Background(), client), result)
		}
	}
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	params := authing.ChangePasswordParams{Email: "ann@example.com", Password: "neu 密码", VerifyCode: "0042"}
	given := params
	wantAnn(t, operationCall[*authing.User]{
		do: func(ctx context.Context, c *authing.Client) (*authing.User, error) {
			return c.ChangePassword(ctx, params)
		},
		operation: "mutation changePassword", encrypted: []string{"password"},
		variables: `{"email":"ann@example.com","client":"` + pool + `","password":"neu 密码","verifyCode":"0042"}`,
		field:     "changePassword", result: annGraphQL,
	}.check(t))
	assert.Equal(t, given, params, "the arguments do not change")
}

func TestPasswordBadInput(t *testing.T) {
	t.Parallel()
	c, got := setup(t, 200, `{}`)
	ctx := context.Background()
	change := func(p authing.ChangePasswordParams) error { return errorOf(c.ChangePassword(ctx, p)) }
	wantRejections(t, got, []rejection{
		{c.SendResetPasswordEmail(ctx, ""), "the e-mail address is empty"},
		{c.SendResetPasswordEmail(ctx, "a@example.com\r\n"), "the e-mail address contains"},
		{c.SendVerifyEmail(ctx, ""), "the e-mail address is empty"},
		{c.SendVerifyEmail(ctx, "a\xff"), "the e-mail address contains"},
		{c.VerifyResetPasswordVerifyCode(ctx, "", "0042"), "the e-mail address is empty"},
		{c.VerifyResetPasswordVerifyCode(ctx, "a@example.com", ""), "the verification code is empty"},
		{c.VerifyResetPasswordVerifyCode(ctx, "a@example.com", "00\n42"), "the verification code contains"},
		{change(authing.ChangePasswordParams{Password: "p", VerifyCode: "0042"}), "the e-mail address is empty"},
		{change(authing.ChangePasswordParams{Email: "a@example.com", VerifyCode: "0042"}), "the password is empty"},
		{change(authing.ChangePasswordParams{Email: "a@example.com", Password: "p"}), "the verification code is empty"},
		{change(authing.ChangePasswordParams{Email: "a@example.com", Password: "p", VerifyCode: "\n"}), "the verification code contains"},
	})
}
