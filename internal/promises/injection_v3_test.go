package promises_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingv3"
	"github.com/authing-wxapp/authing/internal/testkit"
)

// v3Argument is a text that a caller of package authingv3 passes on, perhaps from a page.
type v3Argument struct {
	name, path string
	pass       func(ctx context.Context, c *authingv3.Client, value string) error
	at         []string // where it is sent: in the body, by key
}

var v3Arguments = []v3Argument{
	{"code", "/api/v3/signin-by-mobile", func(ctx context.Context, c *authingv3.Client, s string) error {
		return second(c.LoginWithWxapp(ctx, s))
	}, []string{"wechatMiniProgramCodePayload", "code"}},
	{"phone code", "/api/v3/get-wechat-miniprogram-phone", func(ctx context.Context, c *authingv3.Client, s string) error {
		return second(c.GetPhone(ctx, s))
	}, []string{"code"}},
	{"phone code of a login", "/api/v3/signin-by-mobile", func(ctx context.Context, c *authingv3.Client, s string) error {
		return second(c.LoginWithWxappPhone(ctx, code, s))
	}, []string{"wechatMiniProgramCodeAndPhonePayload", "wxPhoneInfo", "code"}},
	{"texted code", "/api/v3/bind-phone", func(ctx context.Context, c *authingv3.Client, s string) error {
		return c.BindPhone(ctx, "13800138000", s)
	}, []string{"passCode"}},
	{"account", "/api/v3/signin", func(ctx context.Context, c *authingv3.Client, s string) error {
		return second(c.Login(ctx, s, "secret"))
	}, []string{"passwordPayload", "account"}},
	{"password", "/api/v3/signin", func(ctx context.Context, c *authingv3.Client, s string) error {
		return second(c.Login(ctx, "ann", authing.Secret(s)))
	}, []string{"passwordPayload", "password"}},
	{"client IP", "/api/v3/signin", func(ctx context.Context, c *authingv3.Client, s string) error {
		return second(c.Login(ctx, "ann", "secret", authingv3.WithClientIP(s)))
	}, []string{"options", "clientIp"}},
	{"e-mail address", "/api/v3/send-email", func(ctx context.Context, c *authingv3.Client, s string) error {
		return c.SendEmailCode(ctx, s, authingv3.ChannelLogin)
	}, []string{"email"}},
	{"nickname", "/api/v3/update-profile", func(ctx context.Context, c *authingv3.Client, s string) error {
		return second(c.Update(ctx, authingv3.UserUpdate{Nickname: &s}))
	}, []string{"nickname"}},
	{"refresh token", "/oidc/token", func(ctx context.Context, c *authingv3.Client, s string) error {
		return second(c.Refresh(ctx, authing.Secret(s)))
	}, []string{"refresh_token"}},
	{"token to revoke", "/oidc/token/revocation", func(ctx context.Context, c *authingv3.Client, s string) error {
		return c.Logout(ctx, authing.Secret(s))
	}, []string{"token"}},
	{"token to verify", "/oidc/token/introspection", func(ctx context.Context, c *authingv3.Client, s string) error {
		return second(c.VerifyToken(ctx, authing.Secret(s)))
	}, []string{"token"}},
}

// valueAt returns the text under keys in a JSON object or a form.
func valueAt(t *testing.T, e testkit.Exchange, keys []string) any {
	t.Helper()
	if e.Header.Get("Content-Type") == "application/x-www-form-urlencoded" {
		form, err := url.ParseQuery(e.Body)
		require.NoError(t, err)
		require.Len(t, form[keys[0]], 1)
		return form.Get(keys[0])
	}
	var value any
	require.NoError(t, json.Unmarshal([]byte(e.Body), &value))
	for _, key := range keys {
		value = value.(map[string]any)[key]
	}
	return value
}

// What a caller passes is rejected, or arrives unchanged in its place and changes nothing else.
func TestInjectionThroughV3Arguments(t *testing.T) {
	t.Parallel()
	for _, argument := range v3Arguments {
		t.Run(argument.name, func(t *testing.T) {
			t.Parallel()
			sent := 0
			for _, value := range testkit.HostileValues() {
				pair, got := setup(t, http.StatusBadRequest, `{"statusCode":400,"message":"no"}`, withReadRetries(0))
				err := argument.pass(context.Background(), pair.v3.As(token), value)
				require.Error(t, err)
				if len(got.All()) == 0 {
					require.True(t, isRefusal(err), "%q: %v", value, err)
					require.NotErrorIs(t, err, authing.ErrOutcomeUnknown)
					continue
				}
				e := got.Only(t)
				assert.Equal(t, "POST https://shop.authing.cn"+argument.path, e.Line)
				if value != "" { // which is left out
					assert.Equal(t, value, valueAt(t, e, argument.at), "%q", value)
				}
				for name, values := range e.Header {
					assert.Contains(t, []string{"Accept", "Content-Type", "User-Agent", "Authorization", "X-Authing-App-Id"}, name)
					assert.NotContains(t, strings.Join(values, ""), "evil")
				}
				sent++
			}
			assert.Greater(t, sent, 50)
		})
	}
}

func TestInjectionThroughV3Identifiers(t *testing.T) {
	t.Parallel()
	accepted := []string{"null", strings.Repeat("a", 64), "a-b_C9"}
	for name, build := range map[string]func(value string) (*authingv3.Client, error){
		"application id": func(s string) (*authingv3.Client, error) {
			return authingv3.NewClient("https://a.test", s, miniProgram)
		},
		"mini program": func(s string) (*authingv3.Client, error) { return authingv3.NewClient("https://a.test", appID, s) },
		"user pool": func(s string) (*authingv3.Client, error) {
			return authingv3.NewClient("https://a.test", appID, miniProgram, authingv3.WithUserPool(s))
		},
		"tenant": func(s string) (*authingv3.Client, error) {
			return authingv3.NewClient("https://a.test", appID, miniProgram, authingv3.WithTenant(s))
		},
	} {
		for _, value := range testkit.HostileValues() {
			client, err := build(value)
			if err == nil {
				assert.NotEmpty(t, strings.Trim(value, "./"), "%s %q", name, value)
				assert.NotContains(t, value, "/")
				continue
			}
			require.ErrorIs(t, err, authing.ErrInvalidArgument)
			assert.False(t, slices.Contains(accepted, value), "%s %q", name, value)
			assert.Nil(t, client)
		}
	}
}

// isRefusal reports whether an argument was not sent.
func isRefusal(err error) bool {
	return errors.Is(err, authing.ErrInvalidArgument) || errors.Is(err, authing.ErrLoginRequired)
}
