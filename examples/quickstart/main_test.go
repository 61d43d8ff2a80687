package main

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, run(context.Background(), &out))
	assert.Contains(t, out.String(), "nickname Ann, phone none, token [redacted]")
	assert.Contains(t, out.String(), "nickname Ann, phone 138…")
	assert.NotRegexp(t, `138[0-9]{8}|eyJ`, out.String(), "a phone number or a token in full")
}
