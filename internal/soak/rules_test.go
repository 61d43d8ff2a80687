package main

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/authing-wxapp/authing"
)

// steady is a run in which nothing grows, but everything varies.
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
	last := func(spoil func(*sample)) func([]sample, *[outcomes]int64) {
		return func(samples []sample, _ *[outcomes]int64) {
			for i := range samples[25:] {
				spoil(&samples[25+i])
			}
		}
	}
	for name, tt := range map[string]struct {
		spoil func([]sample, *[outcomes]int64)
		want  string // "" is no violation
	}{
		"nothing":                   {last(func(*sample) {}), ""},
		"broken as expected":        {func(_ []sample, c *[outcomes]int64) { c[unknown] = 9 }, ""},
		"wrong user":                {func(_ []sample, c *[outcomes]int64) { c[wrongUser] = 1 }, "1 results of a wrong user"},
		"unexpected":                {func(_ []sample, c *[outcomes]int64) { c[unexpected] = 2 }, "2 calls did not end"},
		"wrong token":               {last(func(s *sample) { s.server.MixUps = 3 }), "3 calls with the token"},
		"code twice":                {last(func(s *sample) { s.server.Repeats = 4 }), "4 codes were seen twice"},
		"stranger":                  {last(func(s *sample) { s.server.Strangers = 5 }), "5 requests that nobody made"},
		"heap":                      {last(func(s *sample) { s.heap += 150_000 }), "the heap grew"},
		"heap, a little":            {last(func(s *sample) { s.heap += 50_000 }), ""},
		"slower":                    {last(func(s *sample) { s.p99 *= 2 }), "p99 in ms grew"},
		"a little slower":           {last(func(s *sample) { s.p99 += s.p99 / 4 }), ""},
		"descriptors":               {last(func(s *sample) { s.descriptors += 4 }), "descriptors grew"},
		"goroutines":                {last(func(s *sample) { s.goroutines += 4 }), "goroutines grew"},
		"one sample is not a trend": {func(samples []sample, _ *[outcomes]int64) { samples[29].heap *= 9 }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			samples, counts := steady(30), [outcomes]int64{}
			tt.spoil(samples, &counts)

			broken := violations(samples, counts, samples[len(samples)-1].server)

			if tt.want == "" {
				assert.Empty(t, broken)
				return
			}
			if assert.Len(t, broken, 1) {
				assert.Contains(t, broken[0], tt.want)
			}
		})
	}
}

// A run that was ended early has no trend, but it can be wrong.
func TestViolationsOfAShortRun(t *testing.T) {
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
	assert.Equal(t, []time.Duration{0, 0}, l.take(0.5, 0.99), "of nothing")
	for i := range 1000 {
		l.add(time.Duration(i+1) * time.Millisecond)
	}
	took := l.take(0.5, 0.99)
	assert.InDelta(t, 500, ms(took[0]), 30)
	assert.InDelta(t, 990, ms(took[1]), 50)
	assert.Equal(t, []time.Duration{0}, l.take(0.5), "it was taken")
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

func TestJudge(t *testing.T) {
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
		assert.Equal(t, tt.want, call{read: tt.read}.judge(ticket{fault: tt.fault}, tt.err), "%+v", tt)
	}
}
