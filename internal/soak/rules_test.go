package main

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/authing-wxapp/authing"
)

// steady returns n samples that vary without growing.
func steady(n int) []sample {
	samples := make([]sample, n)
	for i := range samples {
		samples[i] = sample{
			p99: 10*time.Millisecond + time.Duration(i%3)*time.Millisecond, heap: 1_000_000 + uint64(i%3)*30_000,
			goroutines: 70 + i%2, descriptors: 11 + i%2,
		}
	}
	return samples
}

func TestViolations(t *testing.T) {
	t.Parallel()
	lastSixth := func(change func(*sample)) func([]sample, *[outcomes]int64) {
		return func(samples []sample, _ *[outcomes]int64) {
			for i := range samples[25:] {
				change(&samples[25+i])
			}
		}
	}
	for name, tt := range map[string]struct {
		change func([]sample, *[outcomes]int64)
		want   string // "": no violation
	}{
		"steady":               {lastSixth(func(*sample) {}), ""},
		"expected unknowns":    {func(_ []sample, c *[outcomes]int64) { c[unknown] = 9 }, ""},
		"wrong user":           {func(_ []sample, c *[outcomes]int64) { c[wrongUser] = 1 }, "1 results of another user"},
		"unexpected":           {func(_ []sample, c *[outcomes]int64) { c[unexpected] = 2 }, "2 calls with an unexpected result"},
		"wrong token":          {lastSixth(func(s *sample) { s.server.WrongTokens = 3 }), "3 calls with another user's token"},
		"code twice":           {lastSixth(func(s *sample) { s.server.Repeats = 4 }), "4 codes sent twice"},
		"unmatched request":    {lastSixth(func(s *sample) { s.server.Unmatched = 5 }), "5 requests without a matching call"},
		"heap":                 {lastSixth(func(s *sample) { s.heap += 150_000 }), "heap grew"},
		"small heap growth":    {lastSixth(func(s *sample) { s.heap += 50_000 }), ""},
		"latency":              {lastSixth(func(s *sample) { s.p99 *= 2 }), "p99 in ms grew"},
		"small latency growth": {lastSixth(func(s *sample) { s.p99 += s.p99 / 4 }), ""},
		"descriptors":          {lastSixth(func(s *sample) { s.descriptors += 4 }), "descriptors grew"},
		"goroutines":           {lastSixth(func(s *sample) { s.goroutines += 4 }), "goroutines grew"},
		"single outlier":       {func(samples []sample, _ *[outcomes]int64) { samples[29].heap *= 9 }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			samples, counts := steady(30), [outcomes]int64{}
			tt.change(samples, &counts)

			violated := violations(samples, counts, samples[len(samples)-1].server)

			if tt.want == "" {
				assert.Empty(t, violated)
				return
			}
			if assert.Len(t, violated, 1) {
				assert.Contains(t, violated[0], tt.want)
			}
		})
	}
}

// A short run is not checked for growth, but for everything else.
func TestViolationsInShortRun(t *testing.T) {
	t.Parallel()
	assert.Empty(t, violations(nil, [outcomes]int64{}, serverReport{}))
	assert.Len(t, violations(nil, [outcomes]int64{wrongUser: 1}, serverReport{}), 1)
	assert.Len(t, violations(nil, [outcomes]int64{}, serverReport{Repeats: 1}), 1)
	samples := steady(5)
	samples[4].heap *= 9
	assert.Empty(t, violations(samples, [outcomes]int64{}, serverReport{}))
}

func TestLatencies(t *testing.T) {
	t.Parallel()
	var l latencies
	assert.Equal(t, []time.Duration{0, 0}, l.take(0.5, 0.99), "empty")
	for i := range 1000 {
		l.add(time.Duration(i+1) * time.Millisecond)
	}
	quantiles := l.take(0.5, 0.99)
	assert.InDelta(t, 500, ms(quantiles[0]), 30)
	assert.InDelta(t, 990, ms(quantiles[1]), 50)
	assert.Equal(t, []time.Duration{0}, l.take(0.5), "take resets")
	l.add(0)
	l.add(24 * time.Hour)
	assert.Less(t, l.take(0.5)[0], 3*time.Microsecond)
}

func TestTicket(t *testing.T) {
	t.Parallel()
	want := ticket{number: 1 << 30, user: 63, fault: slow}
	got, ok := findTicket([]byte(fmt.Sprintf(`{"code":"%s"} token-of-user-1`, want)))
	assert.True(t, ok)
	assert.Equal(t, want, got)
	_, ok = findTicket([]byte("tk-1-2"))
	assert.False(t, ok)
}

func TestClassify(t *testing.T) {
	t.Parallel()
	lost := fmt.Errorf("lost: %w", authing.ErrOutcomeUnknown)
	for _, tt := range []struct {
		read  bool
		fault fault
		err   error
		want  outcome
	}{
		{false, none, nil, succeeded},
		{false, slow, nil, succeeded},
		{false, replyCut, lost, unknown},
		{true, replyCut, nil, succeeded},
		{false, none, errWrongUser, wrongUser},
		{true, reset, errWrongUser, wrongUser},
		{false, replyCut, nil, unexpected},
		{false, replyCut, errors.New("known"), unexpected},
		{false, none, lost, unexpected},
		{true, reset, lost, unexpected},
		{true, badGateway, errors.New("not sent again"), unexpected},
	} {
		assert.Equal(t, tt.want, call{read: tt.read}.classify(ticket{fault: tt.fault}, tt.err), "%+v", tt)
	}
}
