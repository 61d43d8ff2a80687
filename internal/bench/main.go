// Command bench prints the tables of docs/performance.md: the cost of a login call with this SDK, relative to the same
// call written by hand with net/http. Run it inside the module:
//
//	go run ./internal/bench
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/authing-wxapp/authing/internal/bench/contest"
)

func main() {
	contest.ServeIfChild()
	pairs := flag.Int("pairs", 40, "number of slices to compare per contender")
	flag.Parse()
	if err := run(context.Background(), *pairs); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, pairs int) error {
	server, err := contest.StartServer()
	if err != nil {
		return err
	}
	defer server.Close()
	fmt.Printf("%s, %s/%s, %d CPUs, %d pairs\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), pairs)
	for _, table := range []func() error{
		func() error { return ratios(ctx, server, pairs) },
		func() error { return connections(ctx, server) },
		func() error { return others(ctx, server) },
	} {
		if err := table(); err != nil {
			return err
		}
		fmt.Println()
	}
	return nil
}

// cost is the average cost of a call.
type cost struct{ allocs, bytes, cpu float64 }

// slice makes a series of calls and measures their cost.
func slice(ctx context.Context, login contest.Login, goroutines, calls int) (cost, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := contest.CPU()
	err := contest.Run(ctx, login, goroutines, calls)
	cpu := contest.CPU() - start
	runtime.ReadMemStats(&after)
	n := float64(calls)
	return cost{float64(after.Mallocs-before.Mallocs) / n, float64(after.TotalAlloc-before.TotalAlloc) / n, float64(cpu) / n}, err
}

// compare alternates between slices of all contenders, so that other load on the machine affects all of them equally.
func compare(ctx context.Context, url string, transport http.RoundTripper, goroutines, calls, pairs int) (map[string][]cost, error) {
	logins := map[string]contest.Login{}
	for _, c := range contest.All {
		login, err := c.New(url, contest.Pool, transport)
		if err != nil {
			return nil, err
		}
		if _, err := slice(ctx, login, goroutines, calls); err != nil { // warm up connections and caches
			return nil, err
		}
		logins[c.Name] = login
	}
	costs := map[string][]cost{}
	for pair := range pairs {
		for i := range contest.All {
			c := contest.All[(i+pair)%len(contest.All)] // rotate who is first
			measured, err := slice(ctx, logins[c.Name], goroutines, calls)
			if err != nil {
				return nil, err
			}
			costs[c.Name] = append(costs[c.Name], measured)
		}
	}
	return costs, nil
}

func ratios(ctx context.Context, server *contest.Server, pairs int) error {
	fmt.Println("| measure | against | authing | plain resty | target |")
	fmt.Println("|---|---|---|---|---|")
	allocs := func(c cost) float64 { return c.allocs }
	bytes := func(c cost) float64 { return c.bytes }
	cpu := func(c cost) float64 { return c.cpu }
	row := func(name string, costs map[string][]cost, measure func(cost) float64, reference contest.Contender, target string) {
		against := costs[reference.Name]
		fmt.Printf("| %s | %s | %s | %s | %s |\n", name, reference.Name,
			quartiles(costs[contest.Authing.Name], against, measure),
			quartiles(costs[contest.Resty.Name], against, measure), target)
	}

	costs, err := compare(ctx, "http://127.0.0.1", contest.NoNetwork{}, 1, 1000, pairs)
	if err != nil {
		return err
	}
	row("allocations, no network", costs, allocs, contest.NetHTTP, "≤ 1.15")
	row("allocations, no network", costs, allocs, contest.NetHTTPLimited, "")
	row("bytes, no network", costs, bytes, contest.NetHTTP, "≤ 0.90")
	row("CPU, no network", costs, cpu, contest.NetHTTP, "")
	for _, goroutines := range []int{1, 64, 256} {
		costs, err := compare(ctx, server.URL, nil, goroutines, 1000, pairs)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("client CPU, loopback, %d at once", goroutines)
		if goroutines == 1 {
			row("allocations, loopback", costs, allocs, contest.NetHTTP, "≤ 1.08")
			row("allocations, loopback", costs, allocs, contest.NetHTTPLimited, "")
			row("bytes, loopback", costs, bytes, contest.NetHTTP, "")
			row(name, costs, cpu, contest.NetHTTP, "≤ 1.06")
			row(name, costs, cpu, contest.NetHTTPLimited, "")
			continue
		}
		row(name, costs, cpu, contest.NetHTTP, "< 1")
		row(name, costs, cpu, contest.NetHTTPTuned, "≤ 1.06")
	}
	return nil
}

// quartiles formats the median and the quartiles of the ratios of neighboring slices.
func quartiles(costs, against []cost, measure func(cost) float64) string {
	var ratios []float64
	for i := range costs {
		ratios = append(ratios, measure(costs[i])/measure(against[i]))
	}
	slices.Sort(ratios)
	quartile := func(n int) float64 { return ratios[n*(len(ratios)-1)/4] }
	return fmt.Sprintf("%.2f [%.2f–%.2f]", quartile(2), quartile(1), quartile(3))
}

func connections(ctx context.Context, server *contest.Server) error {
	const calls = 10_000
	fmt.Println("| connections per 10,000 calls | 1 | 64 | 256 at once |")
	fmt.Println("|---|---|---|---|")
	for _, c := range contest.All {
		fmt.Printf("| %s |", c.Name)
		for _, goroutines := range []int{1, 64, 256} {
			login, err := c.New(server.URL, contest.Pool, nil)
			if err != nil {
				return err
			}
			before, err := server.Connections()
			if err != nil {
				return err
			}
			if err := contest.Run(ctx, login, goroutines, calls); err != nil {
				return err
			}
			after, err := server.Connections()
			if err != nil {
				return err
			}
			fmt.Printf(" %d |", after-before-1) // without the connection of Connections itself
		}
		fmt.Println()
	}
	return nil
}

func others(ctx context.Context, server *contest.Server) error {
	fmt.Println("| measure | authing | target |")
	fmt.Println("|---|---|---|")
	construction, err := median(200, func() error {
		_, err := contest.Client(server.URL, contest.Pool, nil)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Printf("| construction | %.1f µs | ≤ 10 µs |\n", float64(construction)/float64(time.Microsecond))

	login, err := contest.Authing.New(server.URL, contest.Slow, nil)
	if err != nil {
		return err
	}
	const deadline = 50 * time.Millisecond
	returned, err := median(20, func() error {
		ctx, cancel := context.WithTimeout(ctx, deadline)
		defer cancel()
		if err := login(ctx); !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("want a deadline error, got: %w", cmp.Or(err, errors.New("success")))
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Printf("| return after a deadline | %.1f ms late | ≤ 5 ms |\n", float64(returned-deadline)/float64(time.Millisecond))

	plain, err := build(restyProgram)
	if err != nil {
		return err
	}
	ours, err := build(authingProgram)
	if err != nil {
		return err
	}
	fmt.Printf("| static stripped program, over one of resty | %+d KiB | ≤ 100 KiB |\n", (ours.size-plain.size)>>10)
	fmt.Printf("| linked modules, over those of resty | %+d | 0 |\n", ours.modules-plain.modules)
	return nil
}

func median(n int, f func() error) (time.Duration, error) {
	var durations []time.Duration
	for range n {
		start := time.Now()
		if err := f(); err != nil {
			return 0, err
		}
		durations = append(durations, time.Since(start))
	}
	slices.Sort(durations)
	return durations[n/2], nil
}
