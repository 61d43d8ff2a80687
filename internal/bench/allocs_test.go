//go:build !race

// The race detector allocates, and makes pools forget.

package main_test

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing/internal/bench/contest"
)

// The login call keeps its distance to a hand-written one: see docs/performance.md. It must not run in parallel, since
// allocations are counted for the whole process.
func TestLoginAllocations(t *testing.T) {
	target := 1.0
	if strings.HasPrefix(runtime.Version(), "go1.27") {
		target = 1.4 // its encoding/json allocates half as often
	}
	measured := map[string]float64{}
	for _, contender := range []contest.Contender{contest.NetHTTP, contest.Authing} {
		login, err := contender.New("http://127.0.0.1", contest.Pool, contest.NoNetwork{})
		require.NoError(t, err)
		measured[contender.Name] = testing.AllocsPerRun(500, func() { err = login(context.Background()) })
		require.NoError(t, err)
	}
	ours, reference := measured[contest.Authing.Name], measured[contest.NetHTTP.Name]
	t.Logf("%v allocations, %v by hand", ours, reference)
	assert.LessOrEqual(t, ours/reference, target, "%v allocations against %v", ours, reference)
}
