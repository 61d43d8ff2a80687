package authing_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

const unknownOutcome = "; the call may have taken effect: do not repeat it with the same code, look first or start over"

// onlyUnknown is unknownOutcome where no other hint precedes it.
var onlyUnknown = strings.Replace(unknownOutcome, ";", ":", 1)

func TestErrorText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status     int
		body, want string
	}{
		{200, `{"code":2206,"message":"登录信息已过期","data":null}`, "登录信息已过期 (code 2206, HTTP 200): the token has expired or was ended: sign in again"},
		{200, `{"code":9999,"message":"new","data":null}`, "new (code 9999, HTTP 200)"},
		{400, `{"code":"2035","message":"手机号已绑定"}`, "手机号已绑定 (code 2035, HTTP 400): another account already has it"},
		{
			500, `{"code":1000,"message":"系统繁忙，请稍后再试","data":null}`,
			"系统繁忙，请稍后再试 (code 1000, HTTP 500): the service is busy: try later" + unknownOutcome,
		},
		{200, `{"code":0,"message":"odd"}`, "odd (HTTP 200)"},
		{200, `{"code":7,"message":{"detail":"x"}}`, `{"detail":"x"} (code 7, HTTP 200)`},
		{200, `{"code":7,"message":8}`, `8 (code 7, HTTP 200)`},
		{
			502, "<html>",
			"the service sent a response that is not Authing's (HTTP 502): the server is in trouble: try later" + unknownOutcome,
		},
		{503, "", "the service sent an empty response (HTTP 503): the server is in trouble: try later" + unknownOutcome},
		{
			200, "<html>",
			"the service sent a response that is not Authing's (HTTP 200): check the configured hosts and any proxy in front of them" + unknownOutcome,
		},
		{
			302, "<a href>",
			"the service sent a response that is not Authing's (HTTP 302): redirects are not followed: check the configured hosts" + unknownOutcome,
		},
		{
			304, "",
			"the service sent an empty response (HTTP 304): check the configured hosts and any proxy in front of them" + unknownOutcome,
		},
		{
			429, "slow down",
			"the service sent a response that is not Authing's (HTTP 429): wait before you call again" + unknownOutcome,
		},
		{200, `{"code":200,"message":"ok","data":{}}`, "the service reported success but sent no user id (code 200, HTTP 200)" + onlyUnknown},
		{
			200, `{"code":200,"message":"ok","data":"13812345678"}`,
			"the service sent a success that cannot be read (code 200, HTTP 200)" + onlyUnknown,
		},
		{
			201, annResponse,
			"the service sent a success, but not under HTTP 200 (code 200, HTTP 201): check the configured hosts and any proxy in front of them" + unknownOutcome,
		},
		// An error without a message says so in words of its own.
		{200, `{"code":2206}`, "the service rejected the call (code 2206, HTTP 200): the token has expired or was ended: sign in again"},
		{200, `{"code":2206,"message":null}`, "the service rejected the call (code 2206, HTTP 200): the token has expired or was ended: sign in again"},
		{200, `{"code":2206,"message":""}`, "the service rejected the call (code 2206, HTTP 200): the token has expired or was ended: sign in again"},
		// The service knows more about a user than the caller sent, such as the number inside encryptedData.
		{
			200, `{"code":2035,"message":"手机号 13812345678 已绑定 (ann.b+c@mail.example.com)"}`,
			"手机号 [redacted] 已绑定 ([redacted]) (code 2035, HTTP 200): another account already has it",
		},
		// The URL is redacted as a whole: its words also occur in ordinary messages.
		{
			200, `{"code":9999,"message":"wechatapp of pool ` + pool + ` is closed, see https://oauth.authing.cn/oauth/wechatapp/phone/` + pool + `"}`,
			"wechatapp of pool " + pool + " is closed, see [redacted] (code 9999, HTTP 200)",
		},
	} {
		_, err := bindError(t, tt.status, tt.body)
		assert.EqualError(t, err, "authing: BindPhone: "+tt.want)
	}
}

func TestUnansweredText(t *testing.T) {
	t.Parallel()
	const unsent = ": nothing was sent"
	reset := &net.OpError{Op: "read", Err: errors.New("connection reset")}
	refused := &net.OpError{Op: "dial", Err: errors.New("refused")}
	for _, tt := range []struct {
		cause, visible error // visible is in the chain
		want           string
	}{
		{reset, reset, "no complete response came: read: connection reset" + onlyUnknown},
		{io.ErrUnexpectedEOF, io.ErrUnexpectedEOF, "no complete response came: unexpected EOF" + onlyUnknown},
		{context.Canceled, context.Canceled, "canceled before a response came" + onlyUnknown},
		{context.DeadlineExceeded, context.DeadlineExceeded, "no response came in time" + onlyUnknown},
		{refused, refused, "the service could not be reached: dial: refused" + unsent + ": check the network and the configured hosts"},
		{&net.OpError{Op: "dial", Err: context.Canceled}, context.Canceled, "canceled before a response came" + unsent},
		// A transport may quote what it was to send.
		{fmt.Errorf("cannot send %s: %w", code, reset), nil, "no complete response came: cannot send [redacted]: read: connection reset" + onlyUnknown},
		{fmt.Errorf("sending %s: %w", code, context.Canceled), context.Canceled, "canceled before a response came" + onlyUnknown},
		{fmt.Errorf("sending %s: %w", code, context.DeadlineExceeded), context.DeadlineExceeded, "no response came in time" + onlyUnknown},
		// A transport may fail with the error of a call of its own, whose sentinels would be wrong here.
		{&authing.Error{Reason: "proxy login", Err: authing.ErrWrongPassword}, nil, "no complete response came: authing: proxy login" + onlyUnknown},
	} {
		client, _ := setupResponder(t, httpmock.NewErrorResponder(tt.cause))
		_, err := client.As(token).BindPhone(context.Background(), code, phoneDetail)
		require.EqualError(t, err, "authing: BindPhone: "+tt.want)
		assert.Zero(t, requireError(t, err).StatusCode)
		assert.NotErrorIs(t, err, authing.ErrBadResponse)
		assert.NotErrorIs(t, err, authing.ErrWrongPassword)
		assert.Equal(t, strings.HasSuffix(tt.want, onlyUnknown), errors.Is(err, authing.ErrOutcomeUnknown), tt.want)
		if tt.visible != nil {
			assert.ErrorIs(t, err, tt.visible)
		} else {
			assert.NotErrorIs(t, err, tt.cause)
			assert.NotErrorIs(t, err, reset)
		}
	}
}

func TestAnswerLimit(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	padded := func(size int) string { return annResponse + strings.Repeat(" ", size-len(annResponse)) }

	client, _ := setup(t, 200, padded(limit))
	user, err := client.LoginWithWxapp(context.Background(), code, loginDetail)
	require.NoError(t, err)
	assert.Equal(t, annID, user.ID)

	client, _ = setup(t, 200, padded(limit+1))
	_, err = client.LoginWithWxapp(context.Background(), code, loginDetail)
	wantIncomplete(t, err, "too large")
	assert.ErrorContains(t, err, "the service sent a response larger than 1 MiB (HTTP 200)")
	assert.Empty(t, requireError(t, err).Body)
}

// A gateway in front of Authing may say something useful.
func TestMessageWithoutACode(t *testing.T) {
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

func TestErrorKeepsWhatTheServiceSaid(t *testing.T) {
	t.Parallel()
	long := "13812345678 line\r\n\x1b[31m" + strings.Repeat("长", 5000)
	e, err := bindError(t, 403, `{"code":2000,"message":`+asJSON(t, long)+`,"data":{"url":"https://x/y.png","code":"`+code+`"}}`)
	assert.Equal(t, "BindPhone", e.Op)
	assert.Equal(t, 403, e.StatusCode)
	assert.Equal(t, 2000, e.Code)
	assert.Equal(t, long, e.Message, "unlike the text")
	assert.Equal(t, `{"url":"https://x/y.png","code":"`+code+`"}`, string(e.Data))
	assert.ErrorIs(t, err, authing.ErrCaptchaRequired)
}

// Of a refusal, Body is set only if it says more than the other fields. Of a bad response, it always is.
func TestDataAndBody(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status     int
		body, data string
		hasBody    bool
	}{
		{200, `{"code":2000,"message":"m","data":{"url":"u"}}`, `{"url":"u"}`, false},
		{200, `{"code":2000,"message":"m"}`, ``, false},
		{200, `{"code":2000,"message":"m","data":null}`, ``, false},
		{200, `{"code":2000,"message":"m","url":"u"}`, ``, true},
		{200, `{"code":2000,"message":"m","data":null,"requestId":"r"}`, ``, true},
		{200, `{"code":2000,"message":"m","data":{"x":1},"requestId":"r"}`, `{"x":1}`, true},
		{200, `{"code":200,"message":"m","data":{}}`, `{}`, true},
		{200, `{"code":200,"message":"m","data":{"_id":[]}}`, `{"_id":[]}`, true},
		{201, annResponse, annUser, true},
		{502, `<html>`, ``, true},
		{503, ``, ``, true},
	} {
		e, _ := bindError(t, tt.status, tt.body)
		assert.Equal(t, tt.data, string(e.Data), tt.body)
		if tt.hasBody {
			assert.Equal(t, tt.body, string(e.Body))
		} else {
			assert.Nil(t, e.Body, tt.body)
		}
	}
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
		{700, `{"code":2035,"message":"x"}`, true},
		{400, `<html>`, true},
		{404, ``, true},
		{429, ``, true},
		{400, `{"message":"no code"}`, true},
		{400, `{"code":200,"message":"success, but not"}`, true},
	} {
		_, err := bindError(t, tt.status, tt.body)
		assert.Equal(t, tt.unknown, errors.Is(err, authing.ErrOutcomeUnknown), "%d %s", tt.status, tt.body)
		assert.Equal(t, tt.unknown, strings.HasSuffix(err.Error(), unknownOutcome), "%d %s", tt.status, tt.body)
		assert.Equal(t, tt.status == 429, errors.Is(err, authing.ErrRateLimited), "%d %s", tt.status, tt.body)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	loginError := func(value, body string, status int) *authing.Error {
		_, err := setupHeader(t, status, body, "Retry-After", value).LoginWithWxapp(context.Background(), code, loginDetail)
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
		"60.5":                          61 * time.Second,
		"2.0":                           2 * time.Second,
		"60 , 5":                        time.Minute,
		"Wed, 21 Oct 2015 07:28:00 GMT": 0,
	} {
		assert.Equal(t, want, loginError(value, "", 503).RetryAfter, "%q", value)
	}
	for _, value := range []string{"9223372036", "9223372037", "9223372036854775807"} {
		assert.Greater(t, loginError(value, "", 503).RetryAfter, 50*365*24*time.Hour, "%q", value)
	}
	inAnHour := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	assert.InDelta(t, time.Hour, loginError(inAnHour, "", 503).RetryAfter, float64(time.Minute))

	e := loginError("30", `{"code":45011,"message":"slow down"}`, 429)
	assert.Equal(t, 30*time.Second, e.RetryAfter, "of a refusal with a code")
	require.ErrorIs(t, e, authing.ErrRateLimited)
}

// The header comes from outside and goes into logs, so anything odd is dropped.
func TestRequestID(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"":                                 "",
		"0af7651916cd43dd8448eb211c80319c": "0af7651916cd43dd8448eb211c80319c",
		"a b:c/d={~}":                      "a b:c/d={~}",
		strings.Repeat("x", 128):           strings.Repeat("x", 128),
		strings.Repeat("x", 129):           "",
		"a\nlevel=ERROR":                   "",
		"a\r\nX-Evil: 1":                   "",
		"a\x00":                            "",
		"a\x1b[31m":                        "",
		"a\x7f":                            "",
		"请求":                               "",
		"a\xff":                            "",
	} {
		for _, tt := range []struct {
			status int
			body   string
		}{
			{200, `{"code":2206,"message":"expired"}`}, {200, `{"code":200,"data":{}}`}, {502, "<html>"}, {500, ""},
		} {
			_, err := setupHeader(t, tt.status, tt.body, "X-Request-Id", value).LoginWithWxapp(context.Background(), code, loginDetail)
			assert.Equal(t, want, requireError(t, err).RequestID, "%q", value)
		}
		client := setupHeader(t, 200, `{"errors":[{"message":"no"}]}`, "X-Request-Id", value)
		_, err := client.User(context.Background(), "u1")
		assert.Equal(t, want, requireError(t, err).RequestID, "%q", value)
	}
}

// No source says where Authing puts WeChat's own code.
func TestWeChatCode(t *testing.T) {
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
	assert.NotErrorIs(t, err, authing.ErrCodeInvalid, "words are not searched")
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
		{`{"errcode":-1,"errmsg":"system error"}`, nil, "try later"},
		{`{"errcode":0}`, nil, "the service is busy"},
		{`{"errcode":null}`, nil, "the service is busy"},
		{`{"errcode":"x"}`, nil, "the service is busy"},
		{`"40029"`, nil, "the service is busy"},
		{`[40029]`, nil, "the service is busy"},
	} {
		e, err := bindError(t, 200, `{"code":1000,"message":"said","data":`+tt.data+`}`)
		assertOnly(t, tt.sentinel, err, tt.data)
		assert.Equal(t, 1000, e.Code, "the service's own")
		assert.Equal(t, tt.data, string(e.Data))
		assert.ErrorContains(t, err, tt.text)
	}
}

func TestCodeOfServiceAndOfWeChat(t *testing.T) {
	t.Parallel()
	_, err := bindError(t, 200, `{"code":2020,"message":"said","data":{"errcode":40029}}`)
	require.ErrorIs(t, err, authing.ErrLoginRequired)
	require.ErrorIs(t, err, authing.ErrCodeInvalid)
	assert.NotErrorIs(t, err, authing.ErrOutcomeUnknown)
}

// WeChat's own error may be anywhere in the response. One that is not listed is quoted.
func TestUnlistedWeChatError(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"code":500,"message":"failed","data":{"errcode":41008,"errmsg":"missing code, rid: 65a1b2c3-12345678-0f0f0f0f"}}`,
		`{"code":500,"message":"{\"errcode\":41008,\"errmsg\":\"missing code, rid: 65a1b2c3-12345678-0f0f0f0f\"}"}`,
	} {
		_, err := bindError(t, 200, body)
		assert.ErrorContains(t, err, `WeChat said "missing code, rid: 65a1b2c3-12345678-0f0f0f0f" (errcode 41008)`)
	}
	_, err := bindError(t, 200, `{"code":500,"message":"m","data":{"errcode":41008,"errmsg":"for `+code+`"}}`)
	assert.ErrorContains(t, err, `WeChat said "for [redacted]"`)
}

// The context of one call may end with the error of another.
func TestCauseOfTheContextDoesNotDecide(t *testing.T) {
	t.Parallel()
	for name, cause := range map[string]error{
		"sentinel": authing.ErrUserRefused,
		"error":    &authing.Error{Op: "LoginWithWxapp", Reason: "another call", Err: authing.ErrLoginRequired},
	} {
		ctx, cancel := context.WithCancelCause(context.Background())
		client, err := authing.NewClient(pool, withTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
			cancel(cause)
			<-r.Context().Done()
			return nil, context.Cause(r.Context())
		})))
		require.NoError(t, err)
		_, err = client.LoginWithWxapp(ctx, code, loginDetail)
		require.ErrorIs(t, err, context.Canceled, name)
		require.ErrorIs(t, err, authing.ErrOutcomeUnknown, name)
		assert.NotErrorIs(t, err, authing.ErrUserRefused, name)
		assert.NotErrorIs(t, err, authing.ErrLoginRequired, name)
		assert.NotContains(t, err.Error(), "another call", name)

		_, err = client.LoginWithWxapp(endedWith{context.Background(), cause}, code, loginDetail)
		require.ErrorContains(t, err, "nothing was sent", name)
		assert.NotErrorIs(t, err, authing.ErrUserRefused, name)
		assert.NotErrorIs(t, err, authing.ErrLoginRequired, name)
	}
}

// endedWith is a caller's own context, which says itself why it ended.
type endedWith struct {
	context.Context
	err error
}

func (e endedWith) Err() error { return e.err }
