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

// The hot calls keep their distance to hand-written ones: see docs/performance.md. It must not run in parallel, since
// allocations are counted for the whole process.
func TestAllocations(t *testing.T) {
	allocations := func(call contest.Call) float64 {
		var err error
		count := testing.AllocsPerRun(500, func() { err = call(context.Background()) })
		require.NoError(t, err)
		return count
	}
	newer := strings.HasPrefix(runtime.Version(), "go1.27") // its encoding/json allocates half as often
	for name, call := range offline {
		ours, byHand := allocations(call(contest.SDK)), allocations(call(contest.ByHand))
		target := limits[name][0]
		if newer {
			target = limits[name][1]
		}
		t.Logf("%s: %v allocations, %v by hand", name, ours, byHand)
		assert.LessOrEqual(t, ours/byHand, target, "%s: %v allocations against %v", name, ours, byHand)
	}
	assert.LessOrEqual(t, allocations(contest.Cached()), 1.0, "a cached check")
}

// limits are relative to the call by hand, on Go 1.26 and 1.27.
var limits = map[string][2]float64{"Login": {0.82, 1.05}, "V3Login": {0.79, 1.06}, "User": {0.88, 1.11}, "VerifyToken": {0.98, 1.31}}
