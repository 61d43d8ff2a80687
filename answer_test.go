package authing_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		status int
		body   string
		code   int // what the service gave as its code
	}{
		{"empty", 200, "", 0},
		{"white space", 200, " \n", 0},
		{"null", 200, "null", 0},
		{"HTML", 200, "<!DOCTYPE html><title>502</title>", 0},
		{"a list", 200, "[]", 0},
		{"a text", 200, `"ok"`, 0},
		{"a number", 200, "200", 0},
		{"no code", 200, `{"data":{"_id":"u1","token":"h.p.s"}}`, 0},
		{"code null", 200, `{"code":null,"data":{"_id":"u1","token":"h.p.s"}}`, 0},
		{"code empty", 200, `{"code":"","data":{"_id":"u1","token":"h.p.s"}}`, 0},
		{"code a word", 200, `{"code":"ok","data":{"_id":"u1","token":"h.p.s"}}`, 0},
		{"code true", 200, `{"code":true,"data":{"_id":"u1","token":"h.p.s"}}`, 0},
		{"code a fraction", 200, `{"code":200.5,"data":{"_id":"u1","token":"h.p.s"}}`, 0},
		{"code beyond any integer", 200, `{"code":1e999,"data":{"_id":"u1","token":"h.p.s"}}`, 0},
		{"cut", 200, annAnswer[:len(annAnswer)/2], 0},
		{"something after", 200, annAnswer + "x", 0},
		{"two answers", 200, annAnswer + annAnswer, 0},
		{"invalid UTF-8", 200, `{"code":200,"data":{"_id":"u1","token":"h.p.s","nickname":"` + "\xff" + `"}}`, 0},
		{"HTML over 502", 502, "<html>", 0},
		{"empty over 204", 204, "", 0},
		{"success over 500", 500, annAnswer, 200},
		{"success over 201", 201, annAnswer, 200},
		{"success over 302", 302, annAnswer, 200},
		{"user not an object", 200, `{"code":200,"data":"u1"}`, 200},
		{"user with a wrong type", 200, `{"code":200,"data":{"_id":["u1"],"token":"h.p.s"}}`, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client, got := setup(t, tt.status, tt.body)
			user, err := client.LoginWithWxapp(context.Background(), code, loginDetail)
			assert.Nil(t, user)
			require.ErrorIs(t, err, authing.ErrBadResponse)
			require.ErrorIs(t, err, authing.ErrOutcomeUnknown)
			e := requireError(t, err)
			assert.Equal(t, "LoginWithWxapp", e.Op)
			assert.Equal(t, tt.status, e.StatusCode)
			assert.Equal(t, tt.code, e.Code)
			assert.NotContains(t, err.Error(), "h.p.s")
			got.Only(t)
		})
	}
}

func TestBadAnswerKeepsItsBody(t *testing.T) {
	t.Parallel()
	for body, text := range map[string]string{
		"<html>": "authing: GetPhone: the service sent a response that is not Authing's (HTTP 503): the server is in trouble: try later",
		"":       "authing: GetPhone: the service sent an empty response (HTTP 503): the server is in trouble: try later",
	} {
		client, _ := setup(t, 503, body)
		_, err := client.GetPhone(context.Background(), code, phoneDetail)
		assert.Equal(t, body, string(requireError(t, err).Body))
		assert.Contains(t, err.Error(), text)
	}
}

const unknownOutcome = "; the call may have taken effect: do not repeat it with the same code, look first or start over"

func TestErrorText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status     int
		body, want string
	}{
		{
			200, `{"code":2206,"message":"登录信息已过期","data":null}`,
			"authing: BindPhone: 登录信息已过期 (code 2206, HTTP 200): the token has expired: sign in again",
		},
		{200, `{"code":9999,"message":"new","data":null}`, "authing: BindPhone: new (code 9999, HTTP 200)"},
		{400, `{"code":"2035","message":"手机号已绑定"}`, "authing: BindPhone: 手机号已绑定 (code 2035, HTTP 400): another account already has it"},
		{
			500, `{"code":1000,"message":"系统繁忙，请稍后再试","data":null}`,
			"authing: BindPhone: 系统繁忙，请稍后再试 (code 1000, HTTP 500): the service is busy: try later" + unknownOutcome,
		},
		{200, `{"code":0,"message":"odd"}`, "authing: BindPhone: odd (HTTP 200)"},
		{200, `{"code":7,"message":{"detail":"x"}}`, `authing: BindPhone: {"detail":"x"} (code 7, HTTP 200)`},
		{200, `{"code":7,"message":8}`, `authing: BindPhone: 8 (code 7, HTTP 200)`},
		{
			502, "<html>", "authing: BindPhone: the service sent a response that is not Authing's (HTTP 502): " +
				"the server is in trouble: try later" + unknownOutcome,
		},
		{
			200, "<html>", "authing: BindPhone: the service sent a response that is not Authing's (HTTP 200): " +
				"check the Hosts and any proxy in front of them" + unknownOutcome,
		},
		{
			429, "slow down", "authing: BindPhone: the service sent a response that is not Authing's (HTTP 429): " +
				"wait before you call again" + unknownOutcome,
		},
		{
			200, `{"code":200,"message":"ok","data":{}}`, "authing: BindPhone: the service reported success but sent no user id (code 200, HTTP 200)" +
				strings.Replace(unknownOutcome, ";", ":", 1),
		},
		{
			201, annAnswer, "authing: BindPhone: the service sent a success, but not under HTTP 200 (code 200, HTTP 201): " +
				"check the Hosts and any proxy in front of them" + unknownOutcome,
		},
	} {
		_, err := bindError(t, tt.status, tt.body)
		assert.EqualError(t, err, tt.want)
	}
}

func TestErrorOfACanceledDial(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	client, err := authing.NewClient(pool, withTransport(&http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			cancel()
			return nil, context.Canceled
		},
	}))
	require.NoError(t, err)
	_, err = client.LoginWithWxapp(ctx, code, loginDetail)
	assert.EqualError(t, err, "authing: LoginWithWxapp: canceled before a response came: nothing was sent")
}

// The words of a gateway in front of Authing are kept, too.
func TestErrorMessageWithoutACode(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"statusCode":404,"message":"Cannot POST /oauth"}`:   "Cannot POST /oauth",
		`{"code":"abc","message":"no code","data":{"a":"b"}}`: "no code",
		`{"code":null,"message":null}`:                        "",
		`["message"]`:                                         "",
	} {
		e, err := bindError(t, 404, body)
		require.ErrorIs(t, err, authing.ErrBadResponse)
		assert.Equal(t, want, e.Message)
		assert.Equal(t, body, string(e.Body))
	}
}

// A whole address does not show, but the words of it are no secrets.
func TestErrorTextKeepsWordsOfTheAddress(t *testing.T) {
	t.Parallel()
	const address = "https://oauth.authing.cn/oauth/wechatapp/phone/" + pool
	_, err := bindError(t, 200, `{"code":9999,"message":"wechatapp of pool `+pool+` is closed, see `+address+`"}`)
	assert.EqualError(t, err, "authing: BindPhone: wechatapp of pool "+pool+" is closed, see [redacted] (code 9999, HTTP 200)")
}

func TestErrorTextWithoutAMessage(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"code":2206}`, `{"code":2206,"message":null}`, `{"code":2206,"message":""}`} {
		e, err := bindError(t, 200, body)
		assert.Empty(t, e.Message)
		assert.NotContains(t, err.Error(), "  ", "no hole where the message would be")
		assert.NotContains(t, err.Error(), ": (")
		assert.Contains(t, err.Error(), "(code 2206, HTTP 200): the token has expired: sign in again")
	}
}

func TestErrorKeepsWhatTheServiceSaid(t *testing.T) {
	t.Parallel()
	e, err := bindError(t, 403, `{"code":2000,"message":"need captcha","data":{"url":"https://x/y.png"}}`)
	assert.Equal(t, "BindPhone", e.Op)
	assert.Equal(t, 403, e.StatusCode)
	assert.Equal(t, 2000, e.Code)
	assert.Equal(t, "need captcha", e.Message)
	assert.Equal(t, `{"url":"https://x/y.png"}`, string(e.Data))
	assert.ErrorIs(t, err, authing.ErrCaptchaRequired)

	e, _ = bindError(t, 200, `{"code":2206,"message":"x","data":null}`)
	assert.Nil(t, e.Data)
	e, _ = bindError(t, 200, `{"code":2206,"message":"x"}`)
	assert.Nil(t, e.Data)
}

func TestErrorOutcome(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status  int
		body    string
		unknown bool
	}{
		{200, `{"code":2035,"message":"x"}`, false},
		{400, `{"code":2035,"message":"x"}`, false},
		{429, `{"code":45011,"message":"x"}`, false},
		{499, `{"code":500,"message":"x"}`, false},
		{500, `{"code":2035,"message":"x"}`, true},
		{502, `{"code":2035,"message":"x"}`, true},
		{400, `<html>`, true},
		{404, ``, true},
		{429, ``, true},
		{400, `{"message":"no code"}`, true},
		{400, `{"code":200,"message":"success, but not"}`, true},
	} {
		_, err := bindError(t, tt.status, tt.body)
		assert.Equal(t, tt.unknown, errors.Is(err, authing.ErrOutcomeUnknown), "%d %s", tt.status, tt.body)
		assert.Equal(t, tt.unknown, strings.HasSuffix(err.Error(), unknownOutcome), "%d %s", tt.status, tt.body)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	retryAfter := func(value, body string, status int) *authing.Error {
		client, _ := setupResponder(t, func(*http.Request) (*http.Response, error) {
			resp := httpmock.NewStringResponse(status, body)
			resp.Header.Set("Retry-After", value)
			return resp, nil
		})
		_, err := client.LoginWithWxapp(context.Background(), code, loginDetail)
		return requireError(t, err)
	}
	for value, want := range map[string]time.Duration{
		"120":                           2 * time.Minute,
		"0":                             0,
		"":                              0,
		"-5":                            0,
		"-9223372036":                   0,
		"-9223372037":                   0,
		"-9223372036854775808":          0,
		"soon":                          0,
		"1.5":                           0,
		"Wed, 21 Oct 2015 07:28:00 GMT": 0,
	} {
		assert.Equal(t, want, retryAfter(value, "", 503).RetryAfter, "%q", value)
	}
	for _, value := range []string{"9223372036", "9223372037", "9223372036854775807"} {
		assert.Greater(t, retryAfter(value, "", 503).RetryAfter, 50*365*24*time.Hour, "%q", value)
	}
	inAnHour := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	assert.InDelta(t, time.Hour, retryAfter(inAnHour, "", 503).RetryAfter, float64(time.Minute))

	e := retryAfter("30", `{"code":45011,"message":"slow down"}`, 429)
	assert.Equal(t, 30*time.Second, e.RetryAfter, "of a refusal of Authing as well")
	require.ErrorIs(t, e, authing.ErrRateLimited)
}

func TestTooManyRequests(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "<html>", `{"code":1000,"message":"x"}`} {
		_, err := bindError(t, 429, body)
		assert.ErrorIs(t, err, authing.ErrRateLimited, body)
	}
}

// A service may well repeat what it was sent. Nothing of that may reach a log through Error().
func TestEchoedSecrets(t *testing.T) {
	t.Parallel()
	const phone = "13800000000"
	const url = "https://oauth.authing.cn/oauth/wechatapp/auth/" + pool
	said := strings.Join([]string{"bad", code, iv, encryptedData, phone, url, "end"}, " ")
	body, err := json.Marshal(map[string]any{"code": 1000, "message": said, "data": map[string]any{"you": said}})
	require.NoError(t, err)
	client, _ := setup(t, 200, string(body))
	_, err = client.LoginWithWxapp(context.Background(), code, loginDetail, authing.WithPhone(phone))
	for _, secret := range []string{code, iv, encryptedData, phone, url} {
		assert.NotContains(t, err.Error(), secret)
	}
	assert.Contains(t, err.Error(), "bad [redacted] [redacted] [redacted] [redacted] [redacted] end (code 1000")
	e := requireError(t, err)
	assert.Equal(t, said, e.Message, "unchanged where a caller asks for it")
	assert.Contains(t, string(e.Data), code)

	client, _ = setup(t, 200, `{"code":1000,"message":"token `+string(token)+` is odd"}`)
	for _, call := range codeCalls[1:] {
		_, err = call.do(context.Background(), client.As(token), code, call.detail)
		assert.NotContains(t, err.Error(), string(token), call.op)
		assert.Contains(t, err.Error(), "token [redacted] is odd", call.op)
	}
}

// A transport's error may name what it was to send.
func TestSecretsInTransportErrors(t *testing.T) {
	t.Parallel()
	for name, cause := range map[string]error{
		"code":  errors.New("cannot proxy " + code),
		"token": fmt.Errorf("cannot sign %s: %w", token, net.ErrClosed),
		"URL":   errors.New("POST https://oauth.authing.cn/oauth/wechatapp/phone/" + pool + " failed"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := setupResponder(t, httpmock.NewErrorResponder(cause))
			_, err := client.As(token).BindPhone(context.Background(), code, phoneDetail)
			require.ErrorIs(t, err, authing.ErrOutcomeUnknown)
			for e := err; e != nil; e = errors.Unwrap(e) {
				assert.NotContains(t, e.Error(), code)
				assert.NotContains(t, e.Error(), string(token))
				assert.NotContains(t, e.Error(), "authing.cn")
			}
			assert.Contains(t, err.Error(), "[redacted]")
		})
	}
	for _, ended := range []error{context.Canceled, context.DeadlineExceeded} {
		client, _ := setupResponder(t, httpmock.NewErrorResponder(fmt.Errorf("sending %s: %w", code, ended)))
		_, err := client.LoginWithWxapp(context.Background(), code, loginDetail)
		require.ErrorIs(t, err, ended, "the end of a context stays visible")
		assert.NotContains(t, err.Error(), code)
		assert.NotContains(t, errors.Unwrap(err).Error(), code)
	}
}

func TestOddMessages(t *testing.T) {
	t.Parallel()
	said := "line\r\nlevel=ERROR\x00\x1b[31m\u0085" + strings.Repeat("长", 5000)
	body, err := json.Marshal(map[string]any{"code": 1000, "message": said})
	require.NoError(t, err)
	e, err := bindError(t, 200, string(body))
	assert.Equal(t, said, e.Message)
	assert.False(t, strings.ContainsFunc(err.Error(), unicode.IsControl), "one line: %q", err.Error()[:60])
	assert.Contains(t, err.Error(), "line  level=ERROR")
	assert.Contains(t, err.Error(), "长… (code 1000")
	assert.Less(t, len([]rune(err.Error())), 500)
}

// The service knows more about a user than the caller sent, such as the number inside encryptedData.
func TestErrorTextHoldsNoPersonalData(t *testing.T) {
	t.Parallel()
	e, err := bindError(t, 200, `{"code":2035,"message":"手机号 13812345678 已绑定 (ann.b+c@mail.example.com), +8613812345678"}`)
	assert.EqualError(t, err, "authing: BindPhone: 手机号 [redacted] 已绑定 ([redacted]), [redacted] (code 2035, HTTP 200): "+
		"another account already has it")
	assert.Contains(t, e.Message, "13812345678", "unchanged")

	_, err = bindError(t, 200, `{"code":2035,"message":"tel 138-0000-0000, +86 138 0000 0000 taken"}`)
	assert.NotRegexp(t, `0000`, err.Error())

	_, err = bindError(t, 200, `{"code":500,"message":"code been used, rid: 65a1b2c3-12345678-0f0f0f0f"}`)
	assert.ErrorContains(t, err, "rid: 65a1b2c3-12345678-0f0f0f0f", "WeChat's support asks for it")
}

func TestUnreadableSuccessNamesTheField(t *testing.T) {
	t.Parallel()
	_, err := bindError(t, 200, `{"code":200,"message":"ok","data":{"_id":"u1","phone":13812345678}}`)
	assert.ErrorContains(t, err, "cannot be read: phone came as number")
	assert.NotContains(t, err.Error(), "13812345678")
}

// net/http quotes an answer that it cannot read, and with it what the service says about a user.
func TestCauseHoldsNoPersonalData(t *testing.T) {
	t.Parallel()
	client, _ := setupResponder(t, func(*http.Request) (*http.Response, error) {
		return nil, errors.New(`malformed HTTP response "ann@example.com 13812345678"`)
	})
	_, err := client.LoginWithWxapp(context.Background(), code, loginDetail)
	require.ErrorContains(t, err, "malformed HTTP response")
	for e := err; e != nil; e = errors.Unwrap(e) {
		assert.NotRegexp(t, `ann@|138`, e.Error())
	}
}

func TestContentEncoding(t *testing.T) {
	t.Parallel()
	for encoding, ok := range map[string]bool{"identity": true, "Identity": true, "br": false, "gzip": false} {
		client, got := setupResponder(t, func(*http.Request) (*http.Response, error) {
			resp := httpmock.NewStringResponse(200, annAnswer)
			resp.Header.Set("Content-Encoding", encoding)
			return resp, nil
		})
		_, err := client.LoginWithWxapp(context.Background(), code, loginDetail)
		got.Only(t)
		if ok {
			require.NoError(t, err, encoding)
			continue
		}
		require.ErrorIs(t, err, authing.ErrBadResponse, encoding)
		require.ErrorIs(t, err, authing.ErrOutcomeUnknown)
		assert.Contains(t, err.Error(), "Content-Encoding")
		assert.Equal(t, 200, requireError(t, err).StatusCode)
	}
}

func TestAnswerLimit(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	padded := func(size int) string { return annAnswer + strings.Repeat(" ", size-len(annAnswer)) }

	client, _ := setup(t, 200, padded(limit))
	user, err := client.LoginWithWxapp(context.Background(), code, loginDetail)
	require.NoError(t, err)
	assert.Equal(t, annID, user.ID)

	client, _ = setup(t, 200, padded(limit+1))
	_, err = client.LoginWithWxapp(context.Background(), code, loginDetail)
	require.ErrorIs(t, err, authing.ErrBadResponse)
	require.ErrorIs(t, err, authing.ErrOutcomeUnknown)
	assert.Contains(t, err.Error(), "larger than 1 MiB")
	assert.Empty(t, requireError(t, err).Body)
}

func TestUnsentIsKnown(t *testing.T) {
	t.Parallel()
	quiet := log.New(io.Discard, "", 0)

	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = quiet
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)

	plain := httptest.NewUnstartedServer(http.NotFoundHandler())
	plain.Config.ErrorLog = quiet
	plain.Start()
	t.Cleanup(plain.Close)

	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()

	for name, host := range map[string]string{
		"untrusted certificate":      untrusted.URL,
		"plain HTTP server":          strings.Replace(plain.URL, "http:", "https:", 1),
		"nobody listens":             closed.URL,
		"nobody listens, over https": strings.Replace(closed.URL, "http:", "https:", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := authing.NewClient(pool, authing.WithHosts(authing.Hosts{OAuth: host}))
			require.NoError(t, err)
			_, err = client.LoginWithWxapp(context.Background(), code, loginDetail)
			assert.NotErrorIs(t, err, authing.ErrOutcomeUnknown)
			assert.Contains(t, err.Error(), "the service could not be reached")
			assert.Contains(t, err.Error(), "nothing was sent: check the network and the Hosts")
			assert.NotContains(t, err.Error(), "/oauth/wechatapp", "no URL")
			assert.Zero(t, requireError(t, err).StatusCode)
		})
	}
}

func TestSentIsUnknown(t *testing.T) {
	t.Parallel()
	for name, cause := range map[string]error{
		"reset":          &net.OpError{Op: "read", Err: errors.New("connection reset by peer")},
		"cut":            io.ErrUnexpectedEOF,
		"late TLS alert": &net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")},
		"header timeout": errors.New("net/http: timeout awaiting response headers"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := setupResponder(t, httpmock.NewErrorResponder(cause))
			_, err := client.LoginWithWxapp(context.Background(), code, loginDetail)
			require.ErrorIs(t, err, authing.ErrOutcomeUnknown)
			require.ErrorIs(t, err, cause)
			assert.Contains(t, err.Error(), "no complete response came: "+cause.Error())
			assert.Contains(t, err.Error(), "do not repeat it with the same code")
		})
	}
}

func TestWeChatCodeInData(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		data     string
		sentinel error
		text     string
	}{
		{`{"errcode":40029,"errmsg":"invalid code, rid: 5f-1"}`, authing.ErrCodeInvalid, "older than five minutes or of another AppID: call wx.login again"},
		{`{"errcode":"40163","errmsg":"code been used"}`, authing.ErrCodeInvalid, "the code was already used and every call needs its own: call wx.login again"},
		{`{"errcode":45011}`, authing.ErrRateLimited, "wait, then use a fresh code"},
		{`{"errcode":40226}`, nil, "high-risk"},
		{`{"errcode":0}`, nil, "the service is busy"},
		{`{"errcode":-1,"errmsg":"system error"}`, nil, "try later"},
		{`{"errcode":null}`, nil, "the service is busy"},
		{`{"errcode":"x"}`, nil, "the service is busy"},
		{`"40029"`, nil, "the service is busy"},
		{`[40029]`, nil, "the service is busy"},
	} {
		e, err := bindError(t, 200, `{"code":1000,"message":"said","data":`+tt.data+`}`)
		assertOnly(t, tt.sentinel, err, tt.data)
		assert.Equal(t, 1000, e.Code, "the service's own code stays")
		assert.Equal(t, tt.data, string(e.Data))
		assert.Contains(t, err.Error(), tt.text)
	}
}

// Both may say something to branch on.
func TestCodeOfServiceAndOfWeChat(t *testing.T) {
	t.Parallel()
	_, err := bindError(t, 200, `{"code":2020,"message":"said","data":{"errcode":40029}}`)
	require.ErrorIs(t, err, authing.ErrLoginRequired)
	require.ErrorIs(t, err, authing.ErrCodeInvalid)
	assert.NotErrorIs(t, err, authing.ErrOutcomeUnknown)
}

// Where Authing puts WeChat's own code is not documented, so every place is looked at.
func TestWeChatCodeAnywhere(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"code":500,"message":"m","data":{"errcode":40163,"errmsg":"code been used"}}`,
		`{"code":500,"message":"m","data":"{\"errcode\":40163}"}`,
		`{"code":500,"message":"{\"errcode\":\"40163\"}"}`,
		`{"code":500,"message":{"errcode":40163,"errmsg":"code been used"}}`,
		`{"code":500,"errcode":40163,"errmsg":"code been used"}`,
		`{"code":40163,"message":"m"}`,
	} {
		_, err := bindError(t, 200, body)
		require.ErrorIs(t, err, authing.ErrCodeInvalid, body)
		assert.ErrorContains(t, err, "call wx.login again")
	}
	_, err := bindError(t, 200, `{"code":500,"message":"errcode 40163"}`)
	assert.NotErrorIs(t, err, authing.ErrCodeInvalid, "words are not matched")
}

func TestNothingOfARefusalIsLost(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		body, data string
		hasMore    bool
	}{
		{`{"code":2000,"message":"m","data":{"url":"u"}}`, `{"url":"u"}`, false},
		{`{"code":2000,"message":"m"}`, ``, false},
		{`{"code":2000,"message":"m","data":null}`, ``, false},
		{`{"code":2000,"message":"m","url":"u"}`, ``, true},
		{`{"code":2000,"message":"m","data":null,"requestId":"r"}`, ``, true},
		{`{"code":2000,"message":"m","data":{"x":1},"requestId":"r"}`, `{"x":1}`, true},
	} {
		e, _ := bindError(t, 200, tt.body)
		assert.Equal(t, tt.data, string(e.Data), tt.body)
		if tt.hasMore {
			assert.Equal(t, tt.body, string(e.Body))
		} else {
			assert.Nil(t, e.Body, tt.body)
		}
	}
}
