package authing_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/testkit"
)

func TestSecret(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "[redacted]", token.String())
	assert.Empty(t, authing.Secret("").String(), "an absent token shows as absent")
	assert.Equal(t, "header.payload.signature", string(token))

	stored, err := json.Marshal(struct{ Token authing.Secret }{token})
	require.NoError(t, err)
	assert.JSONEq(t, `{"Token":"header.payload.signature"}`, string(stored))
	var read struct{ Token authing.Secret }
	require.NoError(t, json.Unmarshal(stored, &read))
	assert.Equal(t, token, read.Token)
}

func TestBadTokenSendsNothing(t *testing.T) {
	t.Parallel()
	for _, bad := range []authing.Secret{
		"Bearer h.p.s", " h.p.s", "h.p.s ", "h.p.s\n", "h.p.s\r\nX-Admin: 1", "h\tp", "h\x00p", "h\x7fp", "令牌", "h\xffp",
	} {
		eachBearerCall(t, func(call codeCall) {
			client, got := setup(t, 200, call.answer)
			_, err := call.do(context.Background(), client.As(bad), code, call.detail)
			require.ErrorIs(t, err, authing.ErrInvalidArgument, "%s %q", call.op, string(bad))
			assert.NotErrorIs(t, err, authing.ErrLoginRequired)
			assert.Contains(t, err.Error(), `pass User.Token unchanged, without "Bearer "`)
			assert.NotContains(t, err.Error(), "h.p.s")
			assert.Empty(t, got.All())
		})
	}
}

// eachBearerCall runs test once per call that carries a token.
func eachBearerCall(t *testing.T, test func(codeCall)) {
	t.Helper()
	for _, call := range codeCalls {
		if call.op != "LoginWithWxapp" {
			test(call)
		}
	}
}

// A login carries no token, so that a stale one cannot hinder it.
func TestBadTokenDoesNotHinderLogin(t *testing.T) {
	t.Parallel()
	client, got := setup(t, 200, annAnswer)
	_, err := client.As("Bearer stale").LoginWithWxapp(context.Background(), code, loginDetail)
	require.NoError(t, err)
	assert.NotContains(t, got.Only(t).Header, "Authorization")
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
