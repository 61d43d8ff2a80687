// Command idle measures how often a call that must not be repeated fails because the service closes an idle connection
// while the request is on its way. That depends on how long the service and the client keep such a connection, on the
// time between calls and on how far away the service is.
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
	sdk    = 0 // the client's own idle time
	anyGap = 0 // a gap of up to twice the server's idle time
)

// callers is how many connections there are at a time in each setting.
const callers = 100

// setting is a row of the table.
type setting struct {
	server, client time.Duration // how long they keep an idle connection
	roundTrip      time.Duration
	gap            time.Duration // between an answer and the next call

	calls, unknown, other, connections atomic.Int64
}

func settings() (all []*setting) {
	const ms = time.Millisecond
	for _, server := range []time.Duration{1000 * ms, 2000 * ms, 5000 * ms} {
		for _, client := range []time.Duration{sdk, server * 4 / 5, server, 90_000 * ms} {
			for _, roundTrip := range []time.Duration{1 * ms, 100 * ms} {
				// Any; and the one at which a request and the server's hanging up pass each other.
				for _, gap := range []time.Duration{anyGap, server - roundTrip/2} {
					all = append(all, &setting{server: server, client: client, roundTrip: roundTrip, gap: gap})
				}
			}
		}
	}
	return all
}

// pause is how long to wait before the next call.
func (s *setting) pause() time.Duration {
	if s.gap == anyGap {
		return rand.N(2 * s.server)
	}
	return s.gap
}

func main() {
	calls := flag.Int("calls", 1000, "calls in each setting")
	flag.Parse()
	if err := run(*calls); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(calls int) error {
	const atATime = 16 // settings, so that the connections do not exceed the usual limit of a process
	rows := settings()
	fmt.Println("| server keeps | client keeps | round trip | gap | calls | outcome unknown | other failures | connections |")
	fmt.Println("| --- | --- | --- | --- | --- | --- | --- | --- |")
	for len(rows) > 0 {
		batch := rows[:min(atATime, len(rows))]
		rows = rows[len(batch):]
		errs := make([]error, len(batch))
		var running sync.WaitGroup
		for i, s := range batch {
			running.Add(1)
			go func() {
				defer running.Done()
				errs[i] = s.measure(calls)
			}()
		}
		running.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
		for _, s := range batch {
			client, gap := s.client.String(), s.gap.String()
			if s.client == sdk {
				client = "as the SDK does"
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

// measure makes the calls, each at the gap after an answer over the same connection.
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
		running sync.WaitGroup
		failure atomic.Pointer[error]
	)
	for range callers {
		client, err := s.newClient("http://" + listener.Addr().String())
		if err != nil {
			return err
		}
		running.Add(1)
		go func() {
			defer running.Done()
			defer client.CloseIdleConnections()
			time.Sleep(rand.N(s.server)) // spread out, so that the machine is not what is measured
			if err := s.callAgainAndAgain(client, calls); err != nil {
				failure.Store(&err)
			}
		}()
	}
	running.Wait()
	if err := failure.Load(); err != nil {
		return *err
	}
	return nil
}

// newClient returns a client with connections of its own.
func (s *setting) newClient(url string) (*authing.Client, error) {
	opts := []authing.Option{authing.WithHosts(authing.Hosts{Users: url, OAuth: url})}
	if s.client != sdk {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.IdleConnTimeout = s.client
		opts = append(opts, authing.WithHTTPClient(&http.Client{Transport: transport}))
	}
	return authing.NewClient("5e4cdd055df3df65dc58b97d", opts...)
}

func (s *setting) callAgainAndAgain(client *authing.Client, calls int) error {
	call := func() error { return client.GetVerificationCode(context.Background(), "13800000000") }
	failed := true
	for {
		if failed { // the connection is gone
			if err := call(); err != nil {
				return fmt.Errorf("a call over a new connection: %w", err)
			}
		}
		if s.calls.Add(1) > int64(calls) {
			s.calls.Add(-1)
			return nil
		}
		time.Sleep(s.pause())
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

// serve answers until the connection was idle for too long. What it reads and writes takes half a round trip to travel,
// and so does its hanging up.
func (s *setting) serve(conn net.Conn) {
	defer conn.Close()
	arrived := make(chan struct{})
	hungUp := make(chan struct{})
	defer close(hungUp)
	go func() {
		defer close(arrived)
		in := bufio.NewReader(conn)
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			io.Copy(io.Discard, r.Body)
			time.Sleep(s.roundTrip / 2)
			select {
			case arrived <- struct{}{}:
			case <-hungUp:
				return
			}
		}
	}()
	const body = `{"code":200,"message":"ok"}`
	idle := time.NewTimer(time.Hour) // a machine that is busy opening connections must not be taken for an idle caller
	defer idle.Stop()
	for {
		select {
		case _, more := <-arrived:
			if !more {
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
