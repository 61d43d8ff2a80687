package main

import (
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"time"
)

// sample is the state of the program at the end of an interval. Memory, goroutines and descriptors are measured while
// calls are paused and all connections are closed.
type sample struct {
	p50, p99    time.Duration // of the calls without a fault
	server      serverReport  // before the pause
	heap        uint64        // bytes in use after a garbage collection
	goroutines  int
	descriptors int
}

// violations returns the rules that a run violated. Growth is measured between its first and last sixth.
func violations(samples []sample, counts [outcomes]int64, server serverReport) (violated []string) {
	rule := func(holds bool, format string, args ...any) {
		if !holds {
			violated = append(violated, fmt.Sprintf(format, args...))
		}
	}
	rule(counts[wrongUser] == 0, "%d results of another user", counts[wrongUser])
	rule(counts[unexpected] == 0, "%d calls with an unexpected result", counts[unexpected])
	rule(server.WrongTokens == 0, "%d calls with another user's token", server.WrongTokens)
	rule(server.Repeats == 0, "%d codes sent twice", server.Repeats)
	rule(server.Unmatched == 0, "%d requests without a matching call", server.Unmatched)
	if tooFewSamples(samples) {
		return violated
	}
	checkGrowth := func(name string, value func(sample) float64, factor, slack float64) {
		sixth := len(samples) / 6
		first, last := median(samples[:sixth], value), median(samples[len(samples)-sixth:], value)
		rule(last <= first*factor+slack, "%s grew from %.4g to %.4g", name, first, last)
	}
	checkGrowth("heap", func(s sample) float64 { return float64(s.heap) }, 1.1, 0)
	checkGrowth("p99 in ms", func(s sample) float64 { return ms(s.p99) }, 1.5, 0)
	checkGrowth("descriptors", func(s sample) float64 { return float64(s.descriptors) }, 1, 2)
	checkGrowth("goroutines", func(s sample) float64 { return float64(s.goroutines) }, 1, 2)
	return violated
}

// tooFewSamples reports whether a run cannot be divided into sixths.
func tooFewSamples(samples []sample) bool { return len(samples) < 6 }

func median(samples []sample, value func(sample) float64) float64 {
	var values []float64
	for _, s := range samples {
		values = append(values, value(s))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// latencies is a histogram with buckets that grow by 5%. Its size is fixed.
type latencies struct{ buckets [400]atomic.Int64 }

const growthFactor = 1.05

func (l *latencies) add(d time.Duration) {
	i := int(math.Log(max(1, float64(d/time.Microsecond))) / math.Log(growthFactor))
	l.buckets[min(i, len(l.buckets)-1)].Add(1)
}

// take returns quantiles of the durations added since the last call.
func (l *latencies) take(quantiles ...float64) []time.Duration {
	var (
		counts [len(l.buckets)]int64
		total  int64
	)
	for i := range l.buckets {
		counts[i] = l.buckets[i].Swap(0)
		total += counts[i]
	}
	result := make([]time.Duration, len(quantiles))
	for q, fraction := range quantiles {
		rest := int64(math.Ceil(fraction * float64(total)))
		for i, count := range counts {
			if rest -= count; rest <= 0 && total > 0 {
				result[q] = time.Duration(math.Pow(growthFactor, float64(i+1)) * float64(time.Microsecond))
				break
			}
		}
	}
	return result
}
