package authing_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

var sentinels = []error{
	authing.ErrInvalidArgument, authing.ErrUserRefused, authing.ErrNotPermitted, authing.ErrLoginRequired, authing.ErrCodeInvalid,
	authing.ErrOutcomeUnknown, authing.ErrBadResponse, authing.ErrRateLimited, authing.ErrCaptchaRequired, authing.ErrMFARequired,
	authing.ErrUserNotFound, authing.ErrUserLocked, authing.ErrWrongPassword, authing.ErrUserExists, authing.ErrPhoneTaken,
	authing.ErrEmailTaken, authing.ErrVerifyCode,
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

	_, err = client.LoginWithWxapp(context.Background(), "", loginDetail)
	assert.Equal(t, authing.ErrInvalidArgument, errors.Unwrap(err))
}

// Another implementation of authinghttp.Verifier, for one, has to build its errors itself.
func TestErrorBuiltByCaller(t *testing.T) {
	t.Parallel()
	private := errors.New("dial redis: user ann@example.com")
	for _, tt := range []struct {
		err  authing.Error
		want string
		is   []error
	}{
		{authing.Error{}, "authing: the call failed", nil},
		{authing.Error{Op: "X"}, "authing: X: the call failed", nil},
		{authing.Error{Op: "X", Err: authing.ErrLoginRequired}, "authing: X: login required", []error{authing.ErrLoginRequired}},
		{
			authing.Error{Op: "X", Reason: "the session ended", Hint: "sign in again", Err: authing.ErrLoginRequired},
			"authing: X: the session ended: sign in again", []error{authing.ErrLoginRequired},
		},
		{
			authing.Error{Op: "X", StatusCode: 403, Code: 7, Err: errors.Join(private, authing.ErrRateLimited, authing.ErrLoginRequired)},
			"authing: X: login required (code 7, HTTP 403)",
			[]error{private, authing.ErrRateLimited, authing.ErrLoginRequired},
		},
		{authing.Error{StatusCode: 500, Message: "private"}, "authing: the call failed (HTTP 500)", nil},
		{authing.Error{Err: private, RetryAfter: time.Second, RequestID: "r"}, "authing: the call failed", []error{private}},
	} {
		var err error = &tt.err
		require.EqualError(t, err, tt.want)
		for _, s := range append(sentinels, private) {
			assert.Equal(t, slices.Contains(tt.is, s), errors.Is(err, s), "%s: %v", tt.want, s)
		}
		assert.Equal(t, tt.err.Err, errors.Unwrap(err))
		assert.Same(t, &tt.err, requireError(t, fmt.Errorf("verify: %w", err)))
		assert.Empty(t, tt.err.CaptchaURL())
	}
}

func TestCaptchaURL(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		`{"url":"https://users.authing.cn/captcha?x=1","more":2}`: "https://users.authing.cn/captcha?x=1",
		`{"url":""}`: "", `{"url":5}`: "", `{}`: "", `"https://x"`: "", `null`: "", `{"url"`: "", ``: "",
	} {
		e := &authing.Error{Data: json.RawMessage(data), Err: authing.ErrCaptchaRequired}
		assert.Equal(t, want, e.CaptchaURL(), data)
		e.Err = authing.ErrRateLimited
		assert.Empty(t, e.CaptchaURL(), "not a captcha: %s", data)
	}

	const entry = `{"code":2000,"message":"请输入验证码","data":{"url":"https://x/y.png"}}`
	for _, body := range []string{entry, `{"errors":[{"message":` + entry + `}]}`} {
		client, _ := setup(t, 200, body)
		_, err := tryPassword(client)
		assert.Equal(t, "https://x/y.png", requireError(t, err).CaptchaURL())
	}
}
