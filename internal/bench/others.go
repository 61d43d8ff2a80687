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

// others prints what nobody writes by hand, so that there is nothing to compare it with. Of five times the shortest counts,
// since other load only adds to them.
func others() error {
	const runs = 5
	fmt.Println("| measure | authing |")
	fmt.Println("|---|---|")
	var failure atomic.Value
	row := func(name string, body func(*testing.PB) error) {
		best := time.Hour
		var allocations int64
		for range runs {
			r := testing.Benchmark(func(b *testing.B) {
				b.RunParallel(func(pb *testing.PB) {
					if err := body(pb); err != nil {
						failure.Store(err)
					}
				})
			})
			best, allocations = min(best, time.Duration(r.NsPerOp())), r.AllocsPerOp()
		}
		fmt.Printf("| %s | %v, allocations: %d |\n", name, best, allocations)
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
