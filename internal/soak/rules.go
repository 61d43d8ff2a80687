package main

import (
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"time"
)

// sample is the state of the program at the end of an interval. What a leak would grow is counted at rest: with no call
// under way and no connection open.
type sample struct {
	p50, p99    time.Duration // of the calls of the interval that met no fault
	server      serverReport  // before the rest
	heap        uint64        // bytes in use after a garbage collection
	goroutines  int
	descriptors int
}

// violations returns which rules a run broke. The trends are told from its first and its last sixth.
func violations(samples []sample, counts [outcomes]int64, server serverReport) (broken []string) {
	rule := func(holds bool, format string, args ...any) {
		if !holds {
			broken = append(broken, fmt.Sprintf(format, args...))
		}
	}
	rule(counts[wrongUser] == 0, "%d results of a wrong user", counts[wrongUser])
	rule(counts[unexpected] == 0, "%d calls did not end as they must", counts[unexpected])
	rule(server.MixUps == 0, "%d calls with the token of a wrong user", server.MixUps)
	rule(server.Repeats == 0, "%d codes were seen twice", server.Repeats)
	rule(server.Strangers == 0, "%d requests that nobody made", server.Strangers)
	if tooShort(samples) {
		return broken
	}
	trend := func(name string, of func(sample) float64, factor, slack float64) {
		sixth := len(samples) / 6
		first, last := median(samples[:sixth], of), median(samples[len(samples)-sixth:], of)
		rule(last <= first*factor+slack, "%s grew from %.4g to %.4g", name, first, last)
	}
	trend("the heap", func(s sample) float64 { return float64(s.heap) }, 1.1, 0)
	trend("p99 in ms", func(s sample) float64 { return ms(s.p99) }, 1.5, 0)
	trend("descriptors", func(s sample) float64 { return float64(s.descriptors) }, 1, 2)
	trend("goroutines", func(s sample) float64 { return float64(s.goroutines) }, 1, 2)
	return broken
}

// tooShort reports whether a run has no sixths to compare.
func tooShort(samples []sample) bool { return len(samples) < 6 }

func median(samples []sample, of func(sample) float64) float64 {
	var values []float64
	for _, s := range samples {
		values = append(values, of(s))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// latencies counts calls by how long they took, in steps of 5%. It never grows.
type latencies struct{ steps [400]atomic.Int64 }

const step = 1.05

func (l *latencies) add(d time.Duration) {
	i := int(math.Log(max(1, float64(d/time.Microsecond))) / math.Log(step))
	l.steps[min(i, len(l.steps)-1)].Add(1)
}

// take returns the quantiles of what was added since the last time.
func (l *latencies) take(quantiles ...float64) []time.Duration {
	var (
		counts [len(l.steps)]int64
		all    int64
	)
	for i := range l.steps {
		counts[i] = l.steps[i].Swap(0)
		all += counts[i]
	}
	found := make([]time.Duration, len(quantiles))
	for q, share := range quantiles {
		rest := int64(math.Ceil(share * float64(all)))
		for i, count := range counts {
			if rest -= count; rest <= 0 && all > 0 {
				found[q] = time.Duration(math.Pow(step, float64(i+1)) * float64(time.Microsecond))
				break
			}
		}
	}
	return found
}
