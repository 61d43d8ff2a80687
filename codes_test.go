package authing_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// codesOf lists, by sentinel, the codes that stand for it. None stands for the codes that only carry a hint.
var codesOf = map[error][]int{
	authing.ErrLoginRequired:   {2020, 2206, 2207, 1921, 1922, 1923, 2401},
	authing.ErrCodeInvalid:     {40029, 40163},
	authing.ErrRateLimited:     {45011, 2100},
	authing.ErrCaptchaRequired: {2000},
	authing.ErrMFARequired:     {1635, 1636},
	authing.ErrUserNotFound:    {2004},
	authing.ErrUserLocked:      {2005},
	authing.ErrWrongPassword:   {2006, 2333, 2203},
	authing.ErrUserExists:      {2026, 2034},
	authing.ErrPhoneTaken:      {2035},
	authing.ErrEmailTaken:      {2200},
	authing.ErrVerifyCode:      {2001, 2300},
	nil: {
		-1, 500, 1000, 1001, 1576, 1639, 1640, 1641, 1642, 1643, 1699, 1920, 1924, 2002, 2003, 2010, 2011, 2012, 2016, 2017, 2018, 2019,
		2021, 2022, 2023, 2025, 2027, 2028, 2029, 2030, 2031, 2032, 2036, 2037, 2038, 2040, 2058, 2101, 2201, 2202, 2204, 2205, 2208,
		2211, 2213, 2214, 2215, 2216, 2217, 2218, 2219, 2224, 2225, 2226, 2227, 2228, 2229, 2230, 2231, 2921, 3012, 3013, 3014, 4021,
		40013, 40125, 40226, 2120008, 2130010, 2820002,
	},
}

var sentinels = []error{
	authing.ErrInvalidArgument, authing.ErrUserRefused, authing.ErrLoginRequired, authing.ErrCodeInvalid, authing.ErrOutcomeUnknown,
	authing.ErrBadResponse, authing.ErrRateLimited, authing.ErrCaptchaRequired, authing.ErrMFARequired, authing.ErrUserNotFound,
	authing.ErrUserLocked, authing.ErrWrongPassword, authing.ErrUserExists, authing.ErrPhoneTaken, authing.ErrEmailTaken,
	authing.ErrVerifyCode,
}

// assertOnly checks that err matches want, if there is one, and no other sentinel.
func assertOnly(t *testing.T, want, err error, note string) {
	t.Helper()
	for _, s := range sentinels {
		assert.Equal(t, s == want, errors.Is(err, s), "%s: %v", note, s)
	}
}

func TestSentinelsDiffer(t *testing.T) {
	t.Parallel()
	texts := map[string]bool{}
	for _, s := range sentinels {
		texts[s.Error()] = true
		assert.Regexp(t, `^authing: `, s.Error())
	}
	assert.Len(t, texts, len(sentinels))
}

func TestCodes(t *testing.T) {
	t.Parallel()
	for sentinel, codes := range codesOf {
		for _, n := range codes {
			for _, body := range []string{`{"code":%d,"message":"said","data":null}`, `{"code":"%d","message":"said"}`} {
				e, err := bindError(t, 200, fmt.Sprintf(body, n))
				assertOnly(t, sentinel, err, err.Error())
				assert.Equal(t, n, e.Code)
				assert.Regexp(t, fmt.Sprintf(`^authing: BindPhone: said \(code %d, HTTP 200\): .{10}`, n), err.Error(), "the next step")
			}
		}
	}
}

// The tables have gaps and grow, so a code nobody listed reaches the caller as it is.
func TestUnknownCodes(t *testing.T) {
	t.Parallel()
	for _, n := range []int{-2, 1, 100, 201, 400, 1601, 1708, 2033, 2041, 2057, 9999, 40164, 2147483648} {
		e, err := bindError(t, 200, fmt.Sprintf(`{"code":%d,"message":"said","data":{"x":1}}`, n))
		assertOnly(t, nil, err, err.Error())
		assert.Equal(t, n, e.Code)
		assert.Equal(t, "said", e.Message)
		assert.Equal(t, `{"x":1}`, string(e.Data))
		assert.EqualError(t, err, fmt.Sprintf("authing: BindPhone: said (code %d, HTTP 200)", n))
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

// What WeChat's code means does not depend on the call that spent it.
func TestCodeInvalidOfEveryCall(t *testing.T) {
	t.Parallel()
	eachCodeCall(t, func(t *testing.T, call codeCall) {
		client, _ := setup(t, 200, `{"code":40163,"message":"code been used","data":null}`)
		_, err := call.do(context.Background(), client.As(token), code, call.detail)
		assertOnly(t, authing.ErrCodeInvalid, err, call.op)
	})
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
