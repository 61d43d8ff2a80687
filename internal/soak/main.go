// Command soak keeps one Client busy for a long time, against a server in a separate process, and checks for leaks.
//
//	go run ./internal/soak -duration 30m -rate 2000 -faults 0.05
//
// It prints one line per minute, and exits with status 1 if a rule was violated: a result belonged to another user, a
// code was sent twice, a failure was not reported correctly, or memory, latency, goroutines or file descriptors grew
// between the first and the last sixth of the run. Ctrl-C ends it early. All connections are on loopback.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/authing-wxapp/authing"
)

func main() {
	if tickets := os.Getenv(serverEnv); tickets != "" {
		exit(runServer(tickets))
		return
	}
	var cfg config
	flag.DurationVar(&cfg.duration, "duration", time.Minute, "how long to run")
	flag.IntVar(&cfg.rate, "rate", 1000, "calls per second")
	flag.Float64Var(&cfg.faults, "faults", 0.05, "fraction of calls with a fault")
	flag.Uint64Var(&cfg.seed, "seed", rand.Uint64(), "seed for the sequence of calls and faults")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit(run(ctx, cfg, os.Stdout))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

type config struct {
	duration time.Duration
	rate     int
	faults   float64
	seed     uint64
}

const (
	pool       = "soak"
	workers    = 64
	maxTickets = 1 << 31 // 256 MiB in the server
)

func (c config) check() error {
	if c.duration <= 0 || c.rate < 1 || c.faults < 0 || c.faults > 1 || c.tickets() > maxTickets {
		return errors.New("duration and rate must be positive and make at most 2^31 calls, faults must be between 0 and 1")
	}
	return nil
}

// tickets returns the maximum number of calls.
func (c config) tickets() int64 { return int64(c.duration.Seconds()*float64(c.rate)) + 1 }

// interval returns the time between samples: short enough for thirty of them, which show a trend.
func (c config) interval() time.Duration { return min(time.Minute, c.duration/30) }

type soak struct {
	config
	client *authing.Client
	url    string

	pause           sync.RWMutex // read-locked by every call, locked while sampling
	next            atomic.Int64 // ticket number
	counts          [outcomes]atomic.Int64
	unknownByFault  [faults]atomic.Int64
	latencies       latencies
	firstUnexpected sync.Once
}

// run makes calls until the time is up or ctx ends.
func run(ctx context.Context, cfg config, out io.Writer) error {
	if err := cfg.check(); err != nil {
		return err
	}
	url, stop, err := startServer(cfg.tickets())
	if err != nil {
		return err
	}
	defer stop()
	client, err := authing.NewClient(pool, authing.WithHosts(authing.Hosts{Users: url, OAuth: url}))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%v at %d calls per second, %g%% with faults, seed %d\n", cfg.duration, cfg.rate, 100*cfg.faults, cfg.seed)
	s := &soak{config: cfg, client: client, url: url}
	samples := s.soak(ctx, out)
	return s.summarize(samples, out)
}

func (s *soak) soak(ctx context.Context, out io.Writer) []sample {
	ctx, cancel := context.WithTimeout(ctx, s.duration)
	defer cancel()
	var wg sync.WaitGroup
	start := time.Now()
	for w := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			s.work(ctx, w, start)
		}()
	}
	samples := s.watch(ctx, start, out)
	wg.Wait()
	return samples
}

// work makes every workers-th call at its scheduled time. When ctx ends, the current call still completes.
func (s *soak) work(ctx context.Context, w int, start time.Time) {
	r := rand.New(rand.NewPCG(s.seed, uint64(w)))
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := w; ; n += workers {
		due := start.Add(time.Duration(float64(n) / float64(s.rate) * float64(time.Second)))
		timer.Reset(time.Until(due))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		t := ticket{number: s.next.Add(1) - 1, user: w}
		if t.number >= s.tickets() {
			return
		}
		if r.Float64() < s.faults {
			t.fault = reset + fault(r.IntN(faults-1))
		}
		s.call(calls[r.IntN(len(calls))], t)
	}
}

func (s *soak) call(c call, t ticket) {
	s.pause.RLock()
	defer s.pause.RUnlock()
	start := time.Now()
	err := c.do(context.Background(), s.client, t)
	if t.fault == none {
		s.latencies.add(time.Since(start))
	}
	o := c.classify(t, err)
	s.counts[o].Add(1)
	switch o {
	case unknown:
		s.unknownByFault[t.fault].Add(1)
	case unexpected:
		s.firstUnexpected.Do(func() { fmt.Fprintf(os.Stderr, "first unexpected result, of %v: %v\n", t, err) })
	}
}

// watch takes and prints a sample after every interval. The first one is only a warm-up and not returned.
func (s *soak) watch(ctx context.Context, start time.Time, out io.Writer) (samples []sample) {
	ticker := time.NewTicker(s.interval())
	defer ticker.Stop()
	for warm := false; ; warm = true {
		select {
		case <-ctx.Done():
			return samples
		case <-ticker.C:
		}
		current, err := s.sample()
		if err != nil {
			fmt.Fprintln(out, "no sample:", err)
			continue
		}
		s.print(out, time.Since(start), current)
		if warm {
			samples = append(samples, current)
		}
	}
}

func (s *soak) sample() (sample, error) {
	report, err := s.fetchReport()
	if err != nil {
		return sample{}, err
	}
	quantiles := s.latencies.take(0.5, 0.99)
	s.pause.Lock()
	defer s.pause.Unlock()
	s.client.CloseIdleConnections()
	http.DefaultClient.CloseIdleConnections()
	<-time.After(min(s.interval()/10, 50*time.Millisecond)) // closed connections keep their buffers until their goroutines end
	runtime.GC()
	runtime.GC() // sync.Pool keeps its items for one more collection
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return sample{quantiles[0], quantiles[1], report, memory.HeapAlloc, runtime.NumGoroutine(), descriptors()}, nil
}

// descriptors returns the number of open file descriptors on Linux, 0 elsewhere.
func descriptors() int {
	open, _ := os.ReadDir("/proc/self/fd")
	return len(open)
}

func (s *soak) fetchReport() (report serverReport, err error) {
	resp, err := http.Get(s.url + "/report")
	if err != nil {
		return report, err
	}
	defer resp.Body.Close()
	return report, json.NewDecoder(resp.Body).Decode(&report)
}

func (s *soak) print(out io.Writer, at time.Duration, current sample) {
	fmt.Fprintf(out, "%8v  calls %d  unknown %s  wrong user %d  unexpected %d  p50 %.2f ms  p99 %.2f ms  "+
		"heap %d kB  goroutines %d  descriptors %d  connections %d\n",
		at.Round(s.interval()/10), s.next.Load(), s.unknownSummary(), s.counts[wrongUser].Load(), s.counts[unexpected].Load(),
		ms(current.p50), ms(current.p99), current.heap>>10, current.goroutines, current.descriptors,
		current.server.Connections)
}

func (s *soak) unknownSummary() string {
	return fmt.Sprintf("%d (reset %d, truncated %d, 502 %d)", s.counts[unknown].Load(),
		s.unknownByFault[reset].Load(), s.unknownByFault[replyCut].Load(), s.unknownByFault[badGateway].Load())
}

// summarize prints the result of the run and returns an error if a rule was violated.
func (s *soak) summarize(samples []sample, out io.Writer) error {
	var counts [outcomes]int64
	for o := range counts {
		counts[o] = s.counts[o].Load()
	}
	end, err := s.fetchReport()
	if err != nil {
		return fmt.Errorf("cannot reach the server: %w", err)
	}
	violated := violations(samples, counts, end)
	fmt.Fprintf(out, "%d calls: %d succeeded, unknown %s, wrong user %d, unexpected %d; %d requests, %d repeated, %d with a wrong token\n",
		s.next.Load(), counts[succeeded], s.unknownSummary(), counts[wrongUser], counts[unexpected],
		end.Requests, end.Repeats, end.WrongTokens)
	if len(violated) > 0 {
		return errors.New(strings.Join(violated, "; "))
	}
	if tooFewSamples(samples) {
		fmt.Fprintln(out, "all rules hold, but the run was too short to check for growth")
		return nil
	}
	fmt.Fprintln(out, "all rules hold")
	return nil
}

// startServer runs the server in a child process.
func startServer(tickets int64) (url string, stop func(), err error) {
	exe, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	child := exec.Command(exe)
	child.Env = append(os.Environ(), fmt.Sprintf("%s=%d", serverEnv, tickets))
	child.Stderr = os.Stderr
	stdin, err := child.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := child.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		stdin.Close()
		child.Wait()
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		stop()
		return "", nil, fmt.Errorf("the server did not start: %w", err)
	}
	return strings.TrimSpace(line), stop, nil
}
