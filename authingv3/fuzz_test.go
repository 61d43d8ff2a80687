package authingv3_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingv3"
)

// secrets are in the requests, which a service could echo.
var secrets = []string{
	"fUzZcOdE7yHnUjM8iK", "fUzZpHoNe6tGbYhN5rF", "fUzZtOkEn4eDcRfV3wS", "fUzZsEcReT2qAzWsX1d", "13907715642",
}

// FuzzDecoders sends one response to a call of each decoder.
func FuzzDecoders(f *testing.F) {
	for _, seed := range []string{
		enveloped(tokens), tokens, enveloped(everything), active, enveloped(`{"phone_info":{"phoneNumber":"1"}}`), nothing,
		`{"statusCode":403,"apiCode":2333,"message":"Account not exists or password is incorrect."}`,
		`{"statusCode":602,"message":"{\"errcode\":40029}","requestId":"q"}`, `{"error":"invalid_grant","error_description":"no"}`,
		`{"code":200,"data":{"url":"u"}}`, enveloped(`{"deleteAccountToken":"d"}`), `{"active":false}`, `{"statusCode":4`, "", "null", "[]",
		`{"statusCode":403,"message":"` + strings.Join(secrets, " ") + `"}`, `{"error":"` + secrets[2] + `"}`,
	} {
		f.Add(200, seed)
		f.Add(400, seed)
		f.Add(503, seed)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 999 {
			return
		}
		client, err := authingv3.NewClient(host, appID, miniProgram, authingv3.WithReadRetries(0),
			authingv3.WithAppSecret(authing.Secret(secrets[3]), authingv3.SecretInBody),
			withTransport(roundTrip(func(*http.Request) (*http.Response, error) { return response(status, body), nil })))
		require.NoError(t, err)
		client = client.As(authing.Secret(secrets[2]))
		const aCode, aPhoneCode, aToken, aSecret, aPhone = 0, 1, 2, 3, 4
		for _, call := range []struct {
			do    doing
			sends []int
		}{
			{func(ctx context.Context, c *authingv3.Client) (any, error) {
				return result(c.LoginWithWxapp(ctx, secrets[aCode]))
			},
				[]int{aCode, aSecret}},
			{func(ctx context.Context, c *authingv3.Client) (any, error) {
				return result(c.Refresh(ctx, authing.Secret(secrets[aToken])))
			}, []int{aToken, aSecret}},
			{func(ctx context.Context, c *authingv3.Client) (any, error) {
				return nil, c.Logout(ctx, authing.Secret(secrets[aToken]))
			},
				[]int{aToken, aSecret}},
			{func(ctx context.Context, c *authingv3.Client) (any, error) {
				return result(c.VerifyToken(ctx, authing.Secret(secrets[aToken])))
			}, []int{aToken, aSecret}},
			{func(ctx context.Context, c *authingv3.Client) (any, error) {
				return result(c.GetPhone(ctx, secrets[aPhoneCode]))
			},
				[]int{aPhoneCode, aToken}},
			{func(ctx context.Context, c *authingv3.Client) (any, error) {
				return result(c.Decrypt(ctx, secrets[aCode], encrypted, iv))
			}, []int{aCode, aToken}},
			{bindPhone(secrets[aPhone], "1234"), []int{aPhone, aToken}},
			{user, []int{aToken}}, {deletionByPassword, []int{aToken}}, {changeAvatar(png), []int{aToken}},
		} {
			_, err := call.do(context.Background(), client)
			if err == nil {
				assert.Equal(t, 2, status/100, "a failure of HTTP is a failure")
				continue
			}
			var e *authing.Error
			require.ErrorAs(t, err, &e)
			for _, secret := range call.sends {
				assert.NotContains(t, err.Error(), secrets[secret])
			}
			assert.NotContains(t, err.Error(), "\n")
		}
	})
}

// FuzzNewClient checks that no host and no identifier makes a request go elsewhere.
func FuzzNewClient(f *testing.F) {
	for _, seed := range []string{host, host + "/app/", "http://127.0.0.1:8080", "https://[fe80::1%25a]/", "https://a@b.test", "a.test", "https://a.test/%2e"} {
		f.Add(seed, appID, miniProgram)
	}
	f.Add(host, "a\r\nX-Evil: 1", "../x")
	f.Fuzz(func(t *testing.T, address, app, program string) {
		var sent *http.Request
		client, err := authingv3.NewClient(address, app, program, withTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
			sent = r
			return response(http.StatusOK, enveloped(tokens)), nil
		})))
		if err != nil {
			require.ErrorIs(t, err, authing.ErrInvalidArgument)
			return
		}
		_, err = client.LoginWithWxapp(context.Background(), code)
		require.NoError(t, err)
		given, err := url.Parse(address)
		require.NoError(t, err)
		assert.Equal(t, given.Host, sent.URL.Host)
		assert.True(t, strings.HasSuffix(sent.URL.Path, "/api/v3/signin-by-mobile"))
		assert.Empty(t, sent.URL.RawQuery)
		assert.Equal(t, []string{app}, sent.Header["X-Authing-App-Id"])
		assert.NotContains(t, app+program, "/")
	})
}
