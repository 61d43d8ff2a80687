package authingv3_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingv3"
)

func TestOptionsInAnyOrder(t *testing.T) {
	t.Parallel()
	opts := []authingv3.Option{
		authingv3.WithAppSecret(appSecret, authingv3.SecretInBody), authingv3.WithUserPool("pool-1"), authingv3.WithTenant("tenant-1"), nil,
		authingv3.WithScope("openid phone"), authingv3.WithUserAgent("shop/1.4"), authingv3.WithTimeout(time.Second),
		authingv3.WithReadRetries(0), authingv3.WithLogger(nil), authingv3.WithAllowHTTP(),
	}
	var first string
	for range 2 {
		client, got := setup(t, http.StatusOK, enveloped(tokens), opts...)
		_, err := client.LoginWithWxapp(context.Background(), code)
		require.NoError(t, err)
		e := got.Only(t)
		assert.Contains(t, e.Body, `"options":{"scope":"openid phone","tenantId":"tenant-1"}`)
		assert.True(t, strings.HasSuffix(e.Header.Get("User-Agent"), " shop/1.4"))
		if first != "" {
			assert.Equal(t, first, e.Body)
		}
		first = e.Body
		slices.Reverse(opts)
	}
	_, err := authingv3.NewClient("http://shop.authing.cn", appID, miniProgram, authingv3.WithAllowHTTP())
	require.NoError(t, err)
}

func TestScope(t *testing.T) {
	t.Parallel()
	client, got := setup(t, http.StatusOK, enveloped(tokens), authingv3.WithScope(""))
	_, err := client.LoginWithWxapp(context.Background(), code)
	require.NoError(t, err)
	assert.NotContains(t, got.Only(t).Body, "options", "there is nothing in it")
	_, err = client.Login(context.Background(), "ann", "x", authingv3.WithAutoRegister(false))
	require.NoError(t, err)
	assert.Contains(t, got.All()[1].Body, `"options":{"autoRegister":false}`)
}

func TestBadOptions(t *testing.T) {
	t.Parallel()
	jar, _ := cookiejar.New(nil)
	var transport *http.Transport
	const hidden = "s3cr3t"
	for text, opt := range map[string]authingv3.Option{
		"WithAppSecret requires SecretInBody or SecretInBasic":                       authingv3.WithAppSecret(hidden, 0),
		"WithAppSecret requires SecretInBody or":                                     authingv3.WithAppSecret(hidden, 3),
		"the application's secret is empty: omit WithAppSecret if there is none":     authingv3.WithAppSecret("", authingv3.SecretInBody),
		"the application's secret contains control characters or is not valid UTF-8": authingv3.WithAppSecret(hidden+"\n", authingv3.SecretInBody),
		"the application's secret contains control characters":                       authingv3.WithAppSecret(hidden+"\xff", authingv3.SecretInBasic),
		"the user pool id is empty: copy it from the Authing console":                authingv3.WithUserPool(""),
		"the user pool id contains characters other than letters":                    authingv3.WithUserPool(hidden + "\r\n"),
		"the tenant id is empty: copy it from the Authing console":                   authingv3.WithTenant(""),
		"the tenant id contains characters other than letters":                       authingv3.WithTenant(hidden + "/"),
		"the scope has to contain openid":                                            authingv3.WithScope("profile openid2"),
		"the scope contains control characters":                                      authingv3.WithScope("openid\nphone"),
		"WithHTTPClient requires a client: omit the option for the default":          authingv3.WithHTTPClient(nil),
		"the http.Client has a cookie Jar, which would mix users up: remove it":      authingv3.WithHTTPClient(&http.Client{Jar: jar}),
		"the http.Client has a CheckRedirect, but redirects are never followed":      authingv3.WithHTTPClient(&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}),
		"the http.Client has a Transport whose value is nil: set one, or none":       authingv3.WithHTTPClient(&http.Client{Transport: transport}),
		"the timeout must be positive: a call without a limit can hang forever":      authingv3.WithTimeout(0),
		"the number of read retries must not be negative: 0 switches them off":       authingv3.WithReadRetries(-1),
		"the user agent must be printable ASCII text":                                authingv3.WithUserAgent(hidden + "\n"),
	} {
		for _, opts := range [][]authingv3.Option{{opt}, {authingv3.WithReadRetries(1), opt, authingv3.WithTimeout(time.Second)}} {
			client, err := authingv3.NewClient(host, appID, miniProgram, opts...)
			assert.Nil(t, client)
			require.ErrorIs(t, err, authing.ErrInvalidArgument)
			require.ErrorContains(t, err, "authing: NewClient: "+text)
			assert.NotContains(t, err.Error(), hidden)
		}
	}
}

func TestLogger(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	client, err := authingv3.NewClient(host, appID, miniProgram, authingv3.WithLogger(slog.New(slog.NewTextHandler(&log, nil))),
		withTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "get-profile") {
				return response(http.StatusOK, enveloped(ann)), nil
			}
			return response(http.StatusBadGateway, "<html>"), nil
		})), authingv3.WithAppSecret(appSecret, authingv3.SecretInBasic))
	require.NoError(t, err)
	_, err = client.As(token).User(context.Background())
	require.NoError(t, err)
	assert.Regexp(t, `level=INFO msg="authing call" op=User took=\S+ status=200 attempts=1\n`, log.String())
	log.Reset()
	_, err = client.Refresh(context.Background(), "r0r0r0r0")
	require.Error(t, err)
	assert.Regexp(t, `level=WARN msg="authing call" op=Refresh took=\S+ status=502 attempts=1 code=0 error="authing: Refresh: `, log.String())
	for _, hidden := range []string{"r0r0r0r0", "s3cr3t", basic[6:], string(token)} {
		assert.NotContains(t, log.String(), hidden)
	}
}

func TestReadRetries(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"default": 2, "none": 1, "three": 4} {
		for op, do := range map[string]doing{"User": user, "VerifyToken": verify} {
			opts := map[string][]authingv3.Option{"none": {authingv3.WithReadRetries(0)}, "three": {authingv3.WithReadRetries(3)}}[name]
			client, got := setup(t, http.StatusServiceUnavailable, "", opts...)
			_, err := do(context.Background(), client.As(token))
			require.Error(t, err)
			assert.Len(t, got.All(), want, "%s, %s", op, name)
		}
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	for limit, opts := range map[time.Duration][]authingv3.Option{10 * time.Second: nil, time.Second: {authingv3.WithTimeout(time.Second)}} {
		synctest.Test(t, func(t *testing.T) {
			client, err := authingv3.NewClient(host, appID, miniProgram, append(opts, withTransport(roundTrip(
				func(r *http.Request) (*http.Response, error) {
					<-r.Context().Done()
					return nil, r.Context().Err()
				})))...)
			require.NoError(t, err)
			start := time.Now()
			_, err = client.LoginWithWxapp(context.Background(), code)
			assert.True(t, errors.Is(err, context.DeadlineExceeded) && isUnknown(err))
			assert.Equal(t, limit, time.Since(start))
		})
	}
}
