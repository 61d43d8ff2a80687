package promises_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/testkit"
)

// codeCall is a method that sends a WeChat code and encrypted data.
type codeCall struct {
	op, path string
	detail   authing.Detail // that it accepts
	do       func(ctx context.Context, c pair, code string, d authing.Detail) (any, error)
}

// codeResponse is a success of each of them.
const codeResponse = `{"code":200,"data":{"_id":"u1","token":"t","phoneNumber":"1"}}`

// eachCodeCall runs test for each of them.
func eachCodeCall(t *testing.T, test func(t *testing.T, call codeCall)) {
	t.Helper()
	for _, call := range []codeCall{
		{"LoginWithWxapp", "/oauth/wechatapp/auth/", loginDetail,
			func(ctx context.Context, c pair, code string, d authing.Detail) (any, error) {
				return c.LoginWithWxapp(ctx, code, d)
			}},
		{"BindPhone", "/oauth/wechatapp/phone/", phoneDetail,
			func(ctx context.Context, c pair, code string, d authing.Detail) (any, error) {
				return c.BindPhone(ctx, code, d)
			}},
		{"GetPhone", "/oauth/wechatapp/getphone/", phoneDetail,
			func(ctx context.Context, c pair, code string, d authing.Detail) (any, error) {
				return c.GetPhone(ctx, code, d)
			}},
		{"Decrypt", "/oauth/wechatapp/decrypt/", phoneDetail,
			func(ctx context.Context, c pair, code string, d authing.Detail) (any, error) {
				return c.Decrypt(ctx, code, d.EncryptedData, d.IV)
			}},
	} {
		t.Run(call.op, func(t *testing.T) {
			t.Parallel()
			test(t, call)
		})
	}
}

// eachHostileValue runs test for every hostile value.
func eachHostileValue(t *testing.T, test func(t *testing.T, value string)) {
	t.Helper()
	values := testkit.HostileValues()
	require.Greater(t, len(values), 200)
	for _, value := range values {
		name := strconv.QuoteToASCII(value)
		t.Run(name[:min(len(name), 30)], func(t *testing.T) {
			t.Parallel()
			test(t, value)
		})
	}
}

// wantUntouched checks that a request has the address and the headers that it would have without a hostile value.
func wantUntouched(t *testing.T, e testkit.Exchange, path string) {
	t.Helper()
	assert.Equal(t, "POST https://oauth.authing.cn"+path+pool, e.Line)
	for name, values := range e.Header {
		assert.Contains(t, []string{"Accept", "Content-Type", "User-Agent", "Authorization"}, name)
		assert.Len(t, values, 1)
		assert.NotContains(t, values[0], "\r")
		assert.NotContains(t, values[0], "\n")
	}
}

// wantRefused checks that an argument was rejected and nothing was sent.
func wantRefused(t *testing.T, err error, got *testkit.Recorder) {
	t.Helper()
	require.ErrorIs(t, err, authing.ErrInvalidArgument)
	require.NotErrorIs(t, err, authing.ErrOutcomeUnknown)
	assert.Empty(t, got.All())
}

// sentBody returns the body of a request.
func sentBody(t *testing.T, e testkit.Exchange) (body map[string]any) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(e.Body), &body))
	return body
}

func TestInjectionThroughPoolID(t *testing.T) {
	t.Parallel()
	accepted := []string{"null", strings.Repeat("a", 64), "a-b_C9"}
	eachHostileValue(t, func(t *testing.T, value string) {
		var host, uri string
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			host, uri = r.Host, r.RequestURI
			io.WriteString(w, canaryUser)
		}))
		t.Cleanup(srv.Close)

		client, err := authing.NewClient(value, authing.WithHosts(authing.Hosts{OAuth: srv.URL}))

		if err != nil {
			require.ErrorIs(t, err, authing.ErrInvalidArgument)
			assert.NotContains(t, accepted, value)
			assert.Nil(t, client)
			return
		}
		t.Cleanup(client.CloseIdleConnections)
		_, err = client.LoginWithWxapp(context.Background(), code, loginDetail)
		require.NoError(t, err)
		assert.Equal(t, strings.TrimPrefix(srv.URL, "http://"), host)
		assert.Equal(t, "/oauth/wechatapp/auth/"+value, uri)
		assert.NotContains(t, value, "/")
	})
}

func TestInjectionThroughCode(t *testing.T) {
	t.Parallel()
	eachCodeCall(t, func(t *testing.T, call codeCall) {
		eachHostileValue(t, func(t *testing.T, value string) {
			client, got := setup(t, http.StatusOK, codeResponse)

			_, err := call.do(context.Background(), client.As(token), value, call.detail)

			if err != nil {
				wantRefused(t, err, got)
				return
			}
			wantUntouched(t, got.Only(t), call.path)
			assert.Equal(t, map[string]any{"code": value, "iv": iv, "encryptedData": encryptedData}, sentBody(t, got.Only(t)))
		})
	})
}

func TestInjectionThroughPhone(t *testing.T) {
	t.Parallel()
	eachHostileValue(t, func(t *testing.T, value string) {
		client, got := setup(t, http.StatusOK, canaryUser)

		_, err := client.LoginWithWxapp(context.Background(), code, loginDetail, authing.WithPhone(value))

		if err != nil {
			wantRefused(t, err, got)
			return
		}
		wantUntouched(t, got.Only(t), "/oauth/wechatapp/auth/")
		assert.Equal(t, map[string]any{"code": code, "iv": iv, "encryptedData": encryptedData, "phone": value},
			sentBody(t, got.Only(t)))
	})
}

func TestInjectionThroughToken(t *testing.T) {
	t.Parallel()
	eachHostileValue(t, func(t *testing.T, value string) {
		client, got := setup(t, http.StatusOK, canaryUser)

		_, err := client.As(authing.Secret(value)).BindPhone(context.Background(), code, phoneDetail)

		switch {
		case value == "":
			require.ErrorIs(t, err, authing.ErrLoginRequired)
			assert.Empty(t, got.All())
		case err != nil:
			wantRefused(t, err, got)
		default:
			wantUntouched(t, got.Only(t), "/oauth/wechatapp/phone/")
			assert.Equal(t, []string{value}, got.Only(t).Header["Authorization"])
		}
	})
}

// No method sends a token that is not valid in a header.
func TestInjectionThroughTokenOfEveryMethod(t *testing.T) {
	t.Parallel()
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		for _, value := range []authing.Secret{"a\r\nX-Evil: 1", "a\nb", "\x00", " ", "Bearer a", "é", "\x7f"} {
			var headers []http.Header
			client := clientOver(t, transportFunc(func(r *http.Request) (*http.Response, error) {
				headers = append(headers, r.Header)
				return nil, io.ErrUnexpectedEOF
			}), withReadRetries(0))

			_, err := m.call(context.Background(), client.As(value))

			require.Error(t, err)
			for _, header := range headers {
				assert.Contains(t, []string{"", "Basic " + canaryBasic}, header.Get("Authorization"), "%q", value)
			}
		}
	})
}

// The phone number is part of the URL of GetVerificationCode.
func TestInjectionThroughAddress(t *testing.T) {
	t.Parallel()
	eachHostileValue(t, func(t *testing.T, value string) {
		var host, uri string
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			host, uri = r.Host, r.RequestURI
			io.WriteString(w, `{"code":200,"message":"ok"}`)
		}))
		t.Cleanup(srv.Close)
		client := clientAt(t, srv.URL)

		err := client.GetVerificationCode(context.Background(), value)

		if err != nil {
			require.ErrorIs(t, err, authing.ErrInvalidArgument)
			assert.Empty(t, uri)
			return
		}
		assert.Equal(t, strings.TrimPrefix(srv.URL, "http://"), host)
		segments := strings.Split(uri, "/")
		require.Len(t, segments, 4)
		assert.Equal(t, []string{"", "send_smscode", pool}, []string{segments[0], segments[1], segments[3]})
		assert.NotContains(t, []string{".", ".."}, segments[2])
		assert.False(t, strings.ContainsAny(segments[2], "?#"))
		unescaped, err := url.PathUnescape(segments[2])
		require.NoError(t, err)
		assert.Equal(t, value, unescaped)
	})
}

// Hostile values in a detail are rejected unless they happen to be valid base64 of the right length.
func TestInjectionThroughDetail(t *testing.T) {
	t.Parallel()
	eachCodeCall(t, func(t *testing.T, call codeCall) {
		eachHostileValue(t, func(t *testing.T, value string) {
			client, got := setup(t, http.StatusOK, codeResponse)
			broken := []authing.Detail{call.detail}
			broken[0].IV = value
			if call.op != "Decrypt" { // which takes no errMsg
				broken = append(broken, call.detail, call.detail)
				broken[1].ErrMsg = value
				broken[2].ErrMsg += value + " "
			}
			for _, detail := range broken {
				_, err := call.do(context.Background(), client.As(token), code, detail)
				wantRefused(t, err, got)
			}
			detail := call.detail
			detail.EncryptedData = value

			_, err := call.do(context.Background(), client.As(token), code, detail)

			if err != nil {
				wantRefused(t, err, got)
				return
			}
			assert.Equal(t, map[string]any{"code": code, "iv": iv, "encryptedData": value}, sentBody(t, got.Only(t)))
		})
	})
}

// The pool id is part of some URLs and some variables, and is the same everywhere.
func TestPoolIDOfEveryMethod(t *testing.T) {
	t.Parallel()
	const id = "a-b_C9"
	eachMethodOf(t, legacyMethods, func(t *testing.T, m remoteMethod) {
		var uris, bodies []string
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			answer := m.responses[len(uris)]
			uris, bodies = append(uris, r.RequestURI), append(bodies, string(body))
			io.WriteString(w, strings.ReplaceAll(answer, pool, id))
		}))
		t.Cleanup(srv.Close)
		client, err := authing.NewClient(id, authing.WithHosts(authing.Hosts{
			Users: srv.URL, OAuth: srv.URL, Upload: srv.URL, CDN: srv.URL,
		}))
		require.NoError(t, err)
		t.Cleanup(client.CloseIdleConnections)

		_, err = m.call(context.Background(), pair{Client: client.As(canaryToken)})

		require.NoError(t, err)
		switch uri := uris[m.step]; uri {
		case "/", "/graphql":
		default:
			assert.True(t, strings.HasSuffix(uri, "/"+id), uri)
			assert.Equal(t, 1, strings.Count(uri, id))
		}
		assert.NotContains(t, strings.Join(uris, " ")+strings.Join(bodies, " "), pool)
	})
}

func TestInjectionThroughUserAgent(t *testing.T) {
	t.Parallel()
	eachHostileValue(t, func(t *testing.T, value string) {
		var header http.Header
		client, err := authing.NewClient(pool, authing.WithUserAgent(value), authing.WithHTTPClient(&http.Client{
			Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
				header = r.Header
				return nil, io.ErrUnexpectedEOF
			}),
		}))
		if err != nil {
			require.ErrorIs(t, err, authing.ErrInvalidArgument)
			return
		}

		_, err = client.LoginWithWxapp(context.Background(), code, loginDetail)

		require.Error(t, err)
		require.Len(t, header["User-Agent"], 1)
		assert.True(t, strings.HasSuffix(header.Get("User-Agent"), " "+value))
		assert.False(t, strings.ContainsFunc(header.Get("User-Agent"), func(r rune) bool { return r < ' ' || r > '~' }))
	})
}
