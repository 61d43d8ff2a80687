package main

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	t.Parallel()
	for name, story := range map[string]func(context.Context, io.Writer) error{"authing": run, "authingv3": runV3} {
		var out strings.Builder
		require.NoError(t, story(context.Background(), &out), name)
		assert.Contains(t, out.String(), "nickname Ann, phone none, token [redacted]", name)
		assert.Contains(t, out.String(), "nickname Ann, phone 138…", name)
		assert.NotRegexp(t, `138[0-9]{8}|eyJ`, out.String(), "a phone number or a token in full")
	}
}
