// Command bench prints the tables of docs/performance.md: the cost of the hot calls with this SDK, relative to the same
// calls written by hand with net/http and encoding/json. Run it inside the module:
//
//	go run ./internal/bench
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"slices"

	"github.com/authing-wxapp/authing/internal/bench/contest"
)

func main() {
	contest.ServeIfChild()
	pairs := flag.Int("pairs", 60, "number of slices to compare per contender")
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
		func() error { return loopback(ctx, server, pairs) },
		func() error { return noNetwork(ctx, pairs) },
		func() error { return connections(ctx, server) },
		others,
	} {
		if err := table(); err != nil {
			return err
		}
		fmt.Println()
	}
	return nil
}

// contender is one way to make the calls. The first one is the reference of the others, and the last one its control.
type contender struct {
	name string
	new  func(base string, rt http.RoundTripper) contest.Calls
}

var contenders = []contender{
	{"by hand", contest.ByHand}, {"authing", contest.SDK}, {"plain resty", contest.Resty}, {"by hand again", contest.ByHand},
}

// cost is the average cost of a call.
type cost struct{ cpu, allocs, bytes float64 }

var measures = []struct {
	name string
	of   func(cost) float64
}{
	{"CPU", func(c cost) float64 { return c.cpu }},
	{"allocations", func(c cost) float64 { return c.allocs }},
	{"bytes", func(c cost) float64 { return c.bytes }},
}

// slice makes a series of calls and measures their cost. It begins without the garbage of the one before.
func slice(ctx context.Context, call contest.Call, goroutines int) (cost, error) {
	const calls = 1000
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := contest.CPU()
	err := contest.Run(ctx, call, goroutines, calls)
	cpu := contest.CPU() - start
	runtime.ReadMemStats(&after)
	return cost{float64(cpu) / calls, float64(after.Mallocs-before.Mallocs) / calls, float64(after.TotalAlloc-before.TotalAlloc) / calls}, err
}

// compare alternates between slices of all calls, so that other load on the machine affects all of them equally, and
// prints a row for each measure.
func compare(ctx context.Context, name string, calls []contest.Call, goroutines, pairs int) error {
	costs := make([][]cost, len(calls))
	for pair := range pairs + 1 {
		for i := range calls {
			next := (i + pair) % len(calls) // rotate who is first
			if calls[next] == nil {
				continue
			}
			measured, err := slice(ctx, calls[next], goroutines)
			if err != nil {
				return err
			}
			if pair > 0 { // the first round warms up connections and pools
				costs[next] = append(costs[next], measured)
			}
		}
	}
	for _, m := range measures {
		fmt.Printf("| %s, %s |", name, m.name)
		for _, own := range costs[1:] {
			fmt.Printf(" %s |", quartiles(own, costs[0], m.of))
		}
		fmt.Println()
	}
	return nil
}

// quartiles formats the median and the quartiles of the ratios of neighboring slices.
func quartiles(costs, against []cost, measure func(cost) float64) string {
	if len(costs) == 0 {
		return ""
	}
	var ratios []float64
	for i := range costs {
		ratios = append(ratios, measure(costs[i])/measure(against[i]))
	}
	slices.Sort(ratios)
	quartile := func(n int) float64 { return ratios[n*(len(ratios)-1)/4] }
	return fmt.Sprintf("%.2f [%.2f–%.2f]", quartile(2), quartile(1), quartile(3))
}

func header(first string) {
	fmt.Printf("| %s |", first)
	for _, c := range contenders[1:] {
		fmt.Printf(" %s |", c.name)
	}
	fmt.Println("\n|---|---|---|---|")
}

func loopback(ctx context.Context, server *contest.Server, pairs int) error {
	header("login over loopback, relative to by hand")
	for _, goroutines := range []int{1, 64, 256} {
		var logins, v3Logins []contest.Call
		for _, c := range contenders {
			calls := c.new(server.URL, nil)
			logins, v3Logins = append(logins, calls.Login), append(v3Logins, calls.V3Login)
		}
		if err := compare(ctx, fmt.Sprintf("%d at once", goroutines), logins, goroutines, pairs); err != nil {
			return err
		}
		if err := compare(ctx, fmt.Sprintf("`authingv3`, %d at once", goroutines), v3Logins, goroutines, pairs); err != nil {
			return err
		}
	}
	return nil
}

func noNetwork(ctx context.Context, pairs int) error {
	header("no network, relative to by hand")
	for _, kind := range []struct {
		name      string
		responses *contest.Responses
		call      func(contest.Calls) contest.Call
	}{
		{"login", contest.Logins, func(c contest.Calls) contest.Call { return c.Login }},
		{"login of `authingv3`", contest.V3Logins, func(c contest.Calls) contest.Call { return c.V3Login }},
		{"`User`", contest.Users, func(c contest.Calls) contest.Call { return c.User }},
		{"`VerifyToken`", contest.Tokens, func(c contest.Calls) contest.Call { return c.VerifyToken }},
	} {
		var calls []contest.Call
		for _, c := range contenders {
			calls = append(calls, kind.call(c.new("http://127.0.0.1", contest.NoNetwork{Responses: kind.responses})))
		}
		if err := compare(ctx, kind.name, calls, 1, pairs); err != nil {
			return err
		}
	}
	return nil
}

// connections prints how many connections 10,000 calls open: the median of nine clients.
func connections(ctx context.Context, server *contest.Server) error {
	const calls, clients = 10_000, 9
	fmt.Println("| connections per 10,000 logins | 64 | 256 at once |")
	fmt.Println("|---|---|---|")
	for _, c := range contenders[:3] {
		fmt.Printf("| %s |", c.name)
		for _, goroutines := range []int{64, 256} {
			var opened []int
			for range clients {
				before, err := server.Connections()
				if err != nil {
					return err
				}
				if err := contest.Run(ctx, c.new(server.URL, nil).Login, goroutines, calls); err != nil {
					return err
				}
				after, err := server.Connections()
				if err != nil {
					return err
				}
				opened = append(opened, after-before-1) // without the connection of Connections itself
			}
			slices.Sort(opened)
			fmt.Printf(" %d |", opened[clients/2])
		}
		fmt.Println()
	}
	return nil
}
