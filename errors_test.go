package authing_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"

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
