package authing_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

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

func TestErrorIsAsUnwrap(t *testing.T) {
	t.Parallel()
	broken := &net.OpError{Op: "read", Err: errors.New("reset")}
	client, _ := setupResponder(t, httpmock.NewErrorResponder(broken))
	_, err := client.LoginWithWxapp(context.Background(), code, loginDetail)
	wrapped := fmt.Errorf("sign-in: %w", err)

	var e *authing.Error
	require.ErrorAs(t, wrapped, &e)
	var op *net.OpError
	require.ErrorAs(t, wrapped, &op)
	assert.Same(t, broken, op)
	assert.ErrorIs(t, wrapped, authing.ErrOutcomeUnknown)
	assert.NotErrorIs(t, wrapped, authing.ErrBadResponse)
	assert.Zero(t, e.StatusCode)

	_, err = client.LoginWithWxapp(context.Background(), "", loginDetail)
	assert.Equal(t, authing.ErrInvalidArgument, errors.Unwrap(err))
}

func TestErrorPrints(t *testing.T) {
	t.Parallel()
	e, err := bindError(t, 200, `{"code":2206,"message":"for s3cr3t","data":{"phone":"13900000000"}}`)
	e.Message = "13900000000" // the service's words may hold anything, so no verb shows the fields
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		assert.Equal(t, err.Error(), fmt.Sprintf(verb, err), verb)
	}
	assert.Equal(t, fmt.Sprintf("%q", err.Error()), fmt.Sprintf("%q", err))
	text, marshalErr := json.Marshal(map[string]any{"error": err})
	require.NoError(t, marshalErr)
	var read map[string]string
	require.NoError(t, json.Unmarshal(text, &read))
	assert.Equal(t, map[string]string{"error": err.Error()}, read)
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
