// Soak keeps one Client busy for a long time, against a server in a process of its own, and looks for what grows.
//
//	go run ./internal/soak -duration 30m -rate 2000 -faults 0.05
//
// It prints a line a minute, and exits with status 1 if a rule was broken: a result of a wrong user, a code that was
// seen twice, a failure that was not reported as it must, or a growth between the first and the last sixth of the run.
// Ctrl-C ends it early. Everything stays on loopback.
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
	flag.Float64Var(&cfg.faults, "faults", 0.05, "share of calls in trouble")
	flag.Uint64Var(&cfg.seed, "seed", rand.Uint64(), "of the sequence of calls and faults")
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
	pool        = "soak"
	workers     = 64
	mostTickets = 1 << 31 // a quarter of a GB in the server
)

func (c config) check() error {
	if c.duration <= 0 || c.rate < 1 || c.faults < 0 || c.faults > 1 || c.tickets() > mostTickets {
		return errors.New("the duration and the rate must be positive and make at most 2^31 calls, the faults a share")
	}
	return nil
}

// tickets is how many calls there can be at most.
func (c config) tickets() int64 { return int64(c.duration.Seconds()*float64(c.rate)) + 1 }

// interval is how often a line is printed: at least thirty times, so that there is a trend to see.
func (c config) interval() time.Duration { return min(time.Minute, c.duration/30) }

// soak is a run.
type soak struct {
	config
	client *authing.Client
	url    string

	resting sync.RWMutex // held for reading by every call
	next    atomic.Int64 // ticket
	counts  [outcomes]atomic.Int64
	broken  [faults]atomic.Int64 // calls of unknown outcome by their fault
	took    latencies
	puzzle  sync.Once
}

// run soaks until the time is over or ctx ends.
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
	fmt.Fprintf(out, "%v at %d calls per second, %g%% in trouble, seed %d\n", cfg.duration, cfg.rate, 100*cfg.faults, cfg.seed)
	s := &soak{config: cfg, client: client, url: url}
	samples := s.soak(ctx, out)
	return s.summarize(samples, out)
}

func (s *soak) soak(ctx context.Context, out io.Writer) []sample {
	ctx, cancel := context.WithTimeout(ctx, s.duration)
	defer cancel()
	var working sync.WaitGroup
	start := time.Now()
	for w := range workers {
		working.Add(1)
		go func() {
			defer working.Done()
			s.work(ctx, w, start)
		}()
	}
	samples := s.watch(ctx, start, out)
	working.Wait()
	return samples
}

// work makes every workers-th call, each at its time. Ending the run aborts none.
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
		s.make(calls[r.IntN(len(calls))], t)
	}
}

func (s *soak) make(c call, t ticket) {
	s.resting.RLock()
	defer s.resting.RUnlock()
	start := time.Now()
	err := c.do(context.Background(), s.client, t)
	if t.fault == none {
		s.took.add(time.Since(start))
	}
	o := c.judge(t, err)
	s.counts[o].Add(1)
	switch o {
	case unknown:
		s.broken[t.fault].Add(1)
	case unexpected:
		s.puzzle.Do(func() { fmt.Fprintf(os.Stderr, "the first that was not expected, of %v: %v\n", t, err) })
	}
}

// watch takes a sample after every interval, and prints it. The first interval warms up and gives none.
func (s *soak) watch(ctx context.Context, start time.Time, out io.Writer) (samples []sample) {
	ticker := time.NewTicker(s.interval())
	defer ticker.Stop()
	for warm := false; ; warm = true {
		select {
		case <-ctx.Done():
			return samples
		case <-ticker.C:
		}
		now, err := s.sample()
		if err != nil {
			fmt.Fprintln(out, "no sample:", err)
			continue
		}
		s.print(out, time.Since(start), now)
		if warm {
			samples = append(samples, now)
		}
	}
}

func (s *soak) sample() (sample, error) {
	report, err := s.askServer()
	if err != nil {
		return sample{}, err
	}
	took := s.took.take(0.5, 0.99)
	s.resting.Lock()
	defer s.resting.Unlock()
	s.client.CloseIdleConnections()
	http.DefaultClient.CloseIdleConnections()
	<-time.After(min(s.interval()/10, 50*time.Millisecond)) // a closed connection holds its buffers until its goroutines end
	runtime.GC()
	runtime.GC() // what the first took out of a sync.Pool
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return sample{took[0], took[1], report, memory.HeapAlloc, runtime.NumGoroutine(), descriptors()}, nil
}

// descriptors counts what the process has open, on Linux.
func descriptors() int {
	open, _ := os.ReadDir("/proc/self/fd")
	return len(open)
}

func (s *soak) askServer() (report serverReport, err error) {
	resp, err := http.Get(s.url + "/report")
	if err != nil {
		return report, err
	}
	defer resp.Body.Close()
	return report, json.NewDecoder(resp.Body).Decode(&report)
}

func (s *soak) print(out io.Writer, at time.Duration, now sample) {
	fmt.Fprintf(out, "%8v  calls %d  unknown %s  wrong user %d  unexpected %d  p50 %.2f ms  p99 %.2f ms  "+
		"heap %d kB  goroutines %d  descriptors %d  connections %d\n",
		at.Round(s.interval()/10), s.next.Load(), s.brokenByFault(), s.counts[wrongUser].Load(), s.counts[unexpected].Load(),
		ms(now.p50), ms(now.p99), now.heap>>10, now.goroutines, now.descriptors, now.server.Connections)
}

func (s *soak) brokenByFault() string {
	return fmt.Sprintf("%d (reset %d, cut %d, 502 %d)", s.counts[unknown].Load(),
		s.broken[reset].Load(), s.broken[replyCut].Load(), s.broken[badGateway].Load())
}

// summarize prints the result of the run and returns an error if a rule was broken.
func (s *soak) summarize(samples []sample, out io.Writer) error {
	var counts [outcomes]int64
	for o := range counts {
		counts[o] = s.counts[o].Load()
	}
	end, err := s.askServer()
	if err != nil {
		return fmt.Errorf("the server is gone: %w", err)
	}
	broken := violations(samples, counts, end)
	fmt.Fprintf(out, "%d calls: %d succeeded, unknown %s, wrong user %d, unexpected %d; %d requests, %d repeated, %d mixed up\n",
		s.next.Load(), counts[succeeded], s.brokenByFault(), counts[wrongUser], counts[unexpected],
		end.Requests, end.Repeats, end.MixUps)
	if len(broken) > 0 {
		return errors.New(strings.Join(broken, "; "))
	}
	if tooShort(samples) {
		fmt.Fprintln(out, "all rules hold, but the run was too short for those about trends")
		return nil
	}
	fmt.Fprintln(out, "all rules hold")
	return nil
}

// startServer runs this program again as the server.
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
