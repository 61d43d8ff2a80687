package authing_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

func TestSecret(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "[redacted]", token.String())
	assert.Empty(t, authing.Secret("").String(), "an absent token shows as absent")
	assert.Equal(t, "header.payload.signature", string(token))

	stored, err := json.Marshal(struct{ Token authing.Secret }{token})
	require.NoError(t, err)
	assert.JSONEq(t, `{"Token":"header.payload.signature"}`, string(stored))
	var read struct{ Token authing.Secret }
	require.NoError(t, json.Unmarshal(stored, &read))
	assert.Equal(t, token, read.Token)
}

func TestBadTokenSendsNothing(t *testing.T) {
	t.Parallel()
	for _, bad := range []authing.Secret{
		"Bearer h.p.s", " h.p.s", "h.p.s ", "h.p.s\n", "h.p.s\r\nX-Admin: 1", "h\tp", "h\x00p", "h\x7fp", "令牌", "h\xffp",
	} {
		eachBearerCall(t, func(call codeCall) {
			client, got := setup(t, 200, call.answer)
			_, err := call.do(context.Background(), client.As(bad), code, call.detail)
			require.ErrorIs(t, err, authing.ErrInvalidArgument, "%s %q", call.op, string(bad))
			assert.NotErrorIs(t, err, authing.ErrLoginRequired)
			assert.Contains(t, err.Error(), `pass User.Token as it is, without "Bearer "`)
			assert.NotContains(t, err.Error(), "h.p.s")
			assert.Empty(t, got.all())
		})
	}
}

// eachBearerCall runs test once per call that carries a token.
func eachBearerCall(t *testing.T, test func(codeCall)) {
	t.Helper()
	for _, call := range codeCalls {
		if call.op != "LoginWithWxapp" {
			test(call)
		}
	}
}

// A login carries no token, so that a stale one cannot hinder it.
func TestBadTokenDoesNotHinderLogin(t *testing.T) {
	t.Parallel()
	client, got := setup(t, 200, annAnswer)
	_, err := client.As("Bearer stale").LoginWithWxapp(context.Background(), code, loginDetail)
	require.NoError(t, err)
	assert.NotContains(t, got.only(t).Header, "Authorization")
}
