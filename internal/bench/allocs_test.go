//go:build !race && go1.26 && !go1.27

// The race detector allocates, and makes pools forget. Before Go 1.26 io.ReadAll allocated less often and more bytes, so the
// same calls have another ratio (59 to 50 with Go 1.23).

package main_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing/internal/bench/contest"
)

// The login call keeps its distance to a hand-written one: see docs/performance.md. It must not run in parallel, since
// allocations are counted for the whole process.
func TestLoginAllocations(t *testing.T) {
	const target = 1.15
	measured := map[string]float64{}
	for _, contender := range []contest.Contender{contest.NetHTTP, contest.Authing} {
		login, err := contender.New("http://127.0.0.1", contest.Pool, contest.NoNetwork{})
		require.NoError(t, err)
		measured[contender.Name] = testing.AllocsPerRun(500, func() { err = login(context.Background()) })
		require.NoError(t, err)
	}
	ours, reference := measured[contest.Authing.Name], measured[contest.NetHTTP.Name]
	assert.LessOrEqual(t, ours/reference, target, "%v allocations against %v", ours, reference)
}
