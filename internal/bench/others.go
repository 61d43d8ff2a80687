package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/bench/contest"
)

// others prints what nobody writes by hand, so that there is nothing to compare it with. It measures CPU time, which other
// load hardly changes.
func others() error {
	const cpu = "cpu-ns/op"
	fmt.Println("| measure, CPU | authing |")
	fmt.Println("|---|---|")
	var failure atomic.Value
	row := func(name string, body func(*testing.PB) error) {
		r := testing.Benchmark(func(b *testing.B) {
			start := contest.CPU()
			b.RunParallel(func(pb *testing.PB) {
				if err := body(pb); err != nil {
					failure.Store(err)
				}
			})
			b.ReportMetric(float64(contest.CPU()-start)/float64(b.N), cpu)
		})
		fmt.Printf("| %s | %v, allocations: %d |\n", name, time.Duration(r.Extra[cpu]), r.AllocsPerOp())
	}

	cached := contest.Cached()
	check := func(pb *testing.PB) error {
		for pb.Next() {
			if err := cached(context.Background()); err != nil {
				return err
			}
		}
		return nil
	}
	cpus := runtime.GOMAXPROCS(1)
	row("cached check in `authinghttp`, 1 core", check)
	row("construction", func(pb *testing.PB) error {
		for pb.Next() {
			if _, err := authing.NewClient(contest.Pool); err != nil {
				return err
			}
		}
		return nil
	})
	runtime.GOMAXPROCS(cpus)
	row(fmt.Sprintf("cached check in `authinghttp`, %d cores", cpus), check)
	if err, ok := failure.Load().(error); ok {
		return err
	}

	plain, err := build(restyProgram)
	ours, oursErr := build(authingProgram)
	if err := errors.Join(err, oursErr); err != nil {
		return err
	}
	fmt.Printf("| static stripped program, over one of plain resty | %+d KiB |\n", (ours.size-plain.size)>>10)
	fmt.Printf("| linked modules, over those of resty | %+d |\n", ours.modules-plain.modules)
	return nil
}
