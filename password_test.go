package authing_test

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/testkit"
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

// passwordCalls is every call whose password travels encrypted.
var passwordCalls = map[string]func(ctx context.Context, c *authing.Client, password authing.Secret) (*authing.User, error){
	"login": func(ctx context.Context, c *authing.Client, password authing.Secret) (*authing.User, error) {
		return c.Login(ctx, authing.LoginParams{Username: "ann", Password: password})
	},
	"register": func(ctx context.Context, c *authing.Client, password authing.Secret) (*authing.User, error) {
		return c.Register(ctx, authing.RegisterParams{Username: "ann", Password: password})
	},
	"changePassword": func(ctx context.Context, c *authing.Client, password authing.Secret) (*authing.User, error) {
		return c.ChangePassword(ctx, authing.ChangePasswordParams{Email: "a@example.com", Password: password, VerifyCode: "0042"})
	},
	"updateUser": func(ctx context.Context, c *authing.Client, password authing.Secret) (*authing.User, error) {
		return c.Update(ctx, "u1", authing.UserUpdate{Password: &password, OldPassword: &password})
	},
}

// The limit is in bytes: 117 of them can be encrypted, which is 39 Chinese characters.
func TestPasswordLimit(t *testing.T) {
	t.Parallel()
	for field, do := range passwordCalls {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			answer := `{"data":{"` + field + `":` + annOfGraphQL + `}}`
			for _, password := range []string{"p", " \n\"\\", strings.Repeat("p", 117), strings.Repeat("密", 39)} {
				client, got := setup(t, 200, answer, authing.WithPublicKey(testkit.PublicKeyPEM(t)))
				_, err := do(context.Background(), client, authing.Secret(password))
				require.NoError(t, err)
				onWire := testkit.ParseGraphQL(t, got.Only(t).Body).Variables
				assert.Equal(t, password, testkit.DecryptPassword(t, onWire["password"].(string)))
				if old, changes := onWire["oldPassword"]; changes {
					assert.Equal(t, password, testkit.DecryptPassword(t, old.(string)))
				}
			}
			for _, password := range []string{strings.Repeat("p", 118), strings.Repeat("密", 39) + "p", strings.Repeat("密", 40)} {
				client, got := setup(t, 200, answer)
				user, err := do(context.Background(), client, authing.Secret(password))
				wantRefused(t, err, got)
				assert.Nil(t, user)
				assert.Contains(t, err.Error(), "the password is longer than the 117 bytes of UTF-8 that can be encrypted")
				assert.NotContains(t, err.Error(), password[:9])
			}
		})
	}
}

// Without a key of one's own it is Authing's, which nobody else can try out: what can be seen is its length, and that
// no two ciphertexts are alike.
func TestPasswordWithThePublishedKey(t *testing.T) {
	t.Parallel()
	for field, do := range passwordCalls {
		client, got := setup(t, 200, `{"data":{"`+field+`":`+annOfGraphQL+`}}`)
		seen := map[string]bool{}
		for range 3 {
			_, err := do(context.Background(), client, "secret")
			require.NoError(t, err)
		}
		for _, sent := range got.All() {
			onWire := testkit.ParseGraphQL(t, sent.Body).Variables["password"].(string)
			assert.Len(t, onWire, 172)
			cipher, err := base64.StdEncoding.DecodeString(onWire)
			require.NoError(t, err)
			assert.Len(t, cipher, 128)
			seen[onWire] = true
		}
		assert.Len(t, seen, 3)
	}
}

// The password does not travel in clear, but the service decrypts it and could echo it.
func TestPasswordDoesNotShow(t *testing.T) {
	t.Parallel()
	const password = "hUnTeR2xYz"
	for field, do := range passwordCalls {
		for _, answer := range []string{
			`{"errors":[{"message":{"code":2006,"message":"not ` + password + `","data":null}}]}`, `{"errors":[{"message":"` + password + `"}]}`,
			`{"code":500,"message":"` + password + `"}`,
		} {
			client, _ := setup(t, 200, answer)
			_, err := do(context.Background(), client, password)
			require.Error(t, err)
			assert.NotContains(t, err.Error(), password, field)
		}
	}
}
