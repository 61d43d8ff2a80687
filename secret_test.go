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
	assert.Empty(t, authing.Secret("").String(), "so that a log shows its absence")
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
	eachCodeCall(t, func(t *testing.T, call codeCall) {
		for _, bad := range []authing.Secret{
			"Bearer h.p.s", " h.p.s", "h.p.s ", "h.p.s\n", "h.p.s\r\nX-Admin: 1", "h\tp", "h\x00p", "h\x7fp", "令牌", "h\xffp",
		} {
			client, got := setup(t, 200, call.response)
			_, err := call.do(context.Background(), client.As(bad), code, call.detail)
			wantRejected(t, err, got)
			assert.NotErrorIs(t, err, authing.ErrLoginRequired)
			assert.ErrorContains(t, err, `pass it unchanged, without "Bearer "`)
			assert.NotContains(t, err.Error(), "h.p.s")
		}
	}, "LoginWithWxapp")
}

// A bad token must not fail a call that does not send it.
func TestCallsWithoutATokenIgnoreIt(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for body, call := range map[string]func(*authing.Client) error{
		annResponse:    func(c *authing.Client) error { return errorOf(c.LoginWithWxapp(ctx, code, loginDetail)) },
		`{"code":200}`: func(c *authing.Client) error { return c.GetVerificationCode(ctx, "13800000000") },
		graphqlData("LoginByLDAP", annGraphQL): func(c *authing.Client) error {
			return errorOf(c.LoginByLDAP(ctx, "ann", "secret"))
		},
	} {
		client, got := setup(t, 200, body)
		require.NoError(t, call(client.As("Bearer stale")))
		assert.NotContains(t, got.Only(t).Header, "Authorization")
	}
}

// passwordCalls are the calls that send a password encrypted, by the field of the response.
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
			body := graphqlData(field, annGraphQL)
			for _, password := range []string{"p", " \n\"\\", strings.Repeat("p", 117), strings.Repeat("密", 39)} {
				client, got := setup(t, 200, body, authing.WithPublicKey(testkit.PublicKeyPEM(t)))
				_, err := do(context.Background(), client, authing.Secret(password))
				require.NoError(t, err)
				onWire := testkit.ParseGraphQL(t, got.Only(t).Body).Variables
				assert.Equal(t, password, testkit.DecryptPassword(t, onWire["password"].(string)))
				if old, changes := onWire["oldPassword"]; changes {
					assert.Equal(t, password, testkit.DecryptPassword(t, old.(string)))
				}
			}
			for _, password := range []string{strings.Repeat("p", 118), strings.Repeat("密", 39) + "p", strings.Repeat("密", 40)} {
				client, got := setup(t, 200, body)
				user, err := do(context.Background(), client.As(token), authing.Secret(password))
				wantRejected(t, err, got)
				assert.Nil(t, user)
				assert.Contains(t, err.Error(), "the password is longer than the 117 bytes of UTF-8 that can be encrypted")
				assert.NotContains(t, err.Error(), password[:9])
			}
		})
	}
}

// The published key's private half is unknown, so only the size and the randomness of the ciphertext can be checked.
func TestPasswordWithThePublishedKey(t *testing.T) {
	t.Parallel()
	for field, do := range passwordCalls {
		client, got := setup(t, 200, graphqlData(field, annGraphQL))
		seen := map[string]bool{}
		for range 3 {
			_, err := do(context.Background(), client, "secret")
			require.NoError(t, err)
		}
		for _, sent := range got.All() {
			onWire := testkit.ParseGraphQL(t, sent.Body).Variables["password"].(string)
			cipher, err := base64.StdEncoding.DecodeString(onWire)
			require.NoError(t, err)
			assert.Len(t, cipher, 128)
			seen[onWire] = true
		}
		assert.Len(t, seen, 3)
	}
}

// The service decrypts the password and may echo it.
func TestPasswordDoesNotShow(t *testing.T) {
	t.Parallel()
	const password = "hUnTeR2xYz"
	for field, do := range passwordCalls {
		for _, body := range []string{
			`{"errors":[{"message":{"code":2006,"message":"not ` + password + `","data":null}}]}`, `{"errors":[{"message":"` + password + `"}]}`,
			`{"code":500,"message":"` + password + `"}`,
		} {
			client, _ := setup(t, 200, body)
			_, err := do(context.Background(), client, password)
			require.Error(t, err)
			assert.NotContains(t, err.Error(), password, field)
		}
	}
}

// Without a token, no other argument of a call about its owner matters.
func TestTokenIsMissedFirst(t *testing.T) {
	t.Parallel()
	client, got := setup(t, 200, "")
	ctx := context.Background()
	for name, call := range map[string]func() error{
		"User":             func() error { _, err := client.User(ctx, ""); return err },
		"Update":           func() error { _, err := client.Update(ctx, "", authing.UserUpdate{}); return err },
		"Logout":           func() error { return client.Logout(ctx, "") },
		"UnbindEmail":      func() error { _, err := client.UnbindEmail(ctx, ""); return err },
		"Metadata":         func() error { _, err := client.Metadata(ctx, ""); return err },
		"SetMetadata":      func() error { _, err := client.SetMetadata(ctx, "", "", ""); return err },
		"RemoveMetadata":   func() error { _, err := client.RemoveMetadata(ctx, "", ""); return err },
		"GetAuthedAppList": func() error { _, err := client.GetAuthedAppList(ctx, "", authing.ListOptions{}); return err },
		"RevokeAuthedApp":  func() error { _, err := client.RevokeAuthedApp(ctx, "", ""); return err },
		"ChangeAvatar":     func() error { _, err := client.ChangeAvatar(ctx, "", nil); return err },
		"its image":        func() error { _, err := client.ChangeAvatar(ctx, "u1", nil); return err },
		"BindPhone":        func() error { _, err := client.BindPhone(ctx, "", authing.Detail{}); return err },
	} {
		err := call()
		require.ErrorIs(t, err, authing.ErrLoginRequired, name)
		assert.ErrorContains(t, err, "no token: use client.As with the token of a login; nothing was sent", name)
	}
	assert.Empty(t, got.All())
}
