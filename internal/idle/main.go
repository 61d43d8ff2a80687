// Command idle measures how often a call that must not be repeated fails because the server closes an idle connection
// while the request is in flight. This depends on the idle timeouts of server and client, the time between calls, and
// the network latency.
//
//	go run ./internal/idle
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/authing-wxapp/authing"
)

const (
	sdk    = 0 // the SDK's own idle timeout
	anyGap = 0 // a random gap of up to twice the server's idle timeout
)

// callers is the number of concurrent connections per setting.
const callers = 100

// setting is a row of the table.
type setting struct {
	server, client time.Duration // idle timeouts
	roundTrip      time.Duration
	gap            time.Duration // between a response and the next call

	calls, unknown, other, connections atomic.Int64
}

func settings() (all []*setting) {
	const ms = time.Millisecond
	for _, server := range []time.Duration{1000 * ms, 2000 * ms, 5000 * ms} {
		for _, client := range []time.Duration{sdk, server * 4 / 5, server, 90_000 * ms} {
			for _, roundTrip := range []time.Duration{1 * ms, 100 * ms} {
				// A random gap, and the one at which the request and the server's close cross on the wire.
				for _, gap := range []time.Duration{anyGap, server - roundTrip/2} {
					all = append(all, &setting{server: server, client: client, roundTrip: roundTrip, gap: gap})
				}
			}
		}
	}
	return all
}

// nextGap returns the time to wait before the next call.
func (s *setting) nextGap() time.Duration {
	if s.gap == anyGap {
		return rand.N(2 * s.server)
	}
	return s.gap
}

func main() {
	calls := flag.Int("calls", 1000, "calls per setting")
	flag.Parse()
	if err := run(*calls); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(calls int) error {
	const batchSize = 16 // keeps the number of connections below the usual file descriptor limit
	rows := settings()
	fmt.Println("| server keeps | client keeps | round trip | gap | calls | outcome unknown | other failures | connections |")
	fmt.Println("| --- | --- | --- | --- | --- | --- | --- | --- |")
	for len(rows) > 0 {
		batch := rows[:min(batchSize, len(rows))]
		rows = rows[len(batch):]
		errs := make([]error, len(batch))
		var wg sync.WaitGroup
		for i, s := range batch {
			wg.Add(1)
			go func() {
				defer wg.Done()
				errs[i] = s.measure(calls)
			}()
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
		for _, s := range batch {
			client, gap := s.client.String(), s.gap.String()
			if s.client == sdk {
				client = "SDK default"
			}
			if s.gap == anyGap {
				gap = "any"
			}
			fmt.Printf("| %v | %s | %v | %v | %d | %d | %d | %d |\n",
				s.server, client, s.roundTrip, gap, s.calls.Load(), s.unknown.Load(), s.other.Load(), s.connections.Load())
		}
	}
	return nil
}

// measure makes the calls, each after the gap and on the connection of the previous one.
func (s *setting) measure(calls int) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.connections.Add(1)
			go s.serve(conn)
		}
	}()
	var (
		wg      sync.WaitGroup
		failure atomic.Pointer[error]
	)
	for range callers {
		client, err := s.newClient("http://" + listener.Addr().String())
		if err != nil {
			return err
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer client.CloseIdleConnections()
			time.Sleep(rand.N(s.server)) // spread the load, so that the machine is not the bottleneck
			if err := s.callRepeatedly(client, calls); err != nil {
				failure.Store(&err)
			}
		}()
	}
	wg.Wait()
	if err := failure.Load(); err != nil {
		return *err
	}
	return nil
}

// newClient returns a client with its own connections.
func (s *setting) newClient(url string) (*authing.Client, error) {
	opts := []authing.Option{authing.WithHosts(authing.Hosts{Users: url, OAuth: url})}
	if s.client != sdk {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.IdleConnTimeout = s.client
		opts = append(opts, authing.WithHTTPClient(&http.Client{Transport: transport}))
	}
	return authing.NewClient("5e4cdd055df3df65dc58b97d", opts...)
}

func (s *setting) callRepeatedly(client *authing.Client, calls int) error {
	call := func() error { return client.GetVerificationCode(context.Background(), "13800000000") }
	failed := true
	for {
		if failed { // open a new connection
			if err := call(); err != nil {
				return fmt.Errorf("call on a new connection: %w", err)
			}
		}
		if s.calls.Add(1) > int64(calls) {
			s.calls.Add(-1)
			return nil
		}
		time.Sleep(s.nextGap())
		err := call()
		failed = err != nil
		switch {
		case errors.Is(err, authing.ErrOutcomeUnknown):
			s.unknown.Add(1)
		case err != nil:
			s.other.Add(1)
		}
	}
}

// serve responds until the connection is idle for too long. It delays requests, responses and its close by half a round
// trip each.
func (s *setting) serve(conn net.Conn) {
	defer conn.Close()
	requests := make(chan struct{})
	closed := make(chan struct{})
	defer close(closed)
	go func() {
		defer close(requests)
		in := bufio.NewReader(conn)
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			io.Copy(io.Discard, r.Body)
			time.Sleep(s.roundTrip / 2)
			select {
			case requests <- struct{}{}:
			case <-closed:
				return
			}
		}
	}()
	const body = `{"code":200,"message":"ok"}`
	idle := time.NewTimer(time.Hour) // the first request may be delayed by a busy machine
	defer idle.Stop()
	for {
		select {
		case _, ok := <-requests:
			if !ok {
				return
			}
		case <-idle.C:
			time.Sleep(s.roundTrip / 2)
			return
		}
		idle.Reset(s.server)
		time.Sleep(s.roundTrip / 2)
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
}
