package promises_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// ending is a way in which a context ends.
type ending struct {
	name  string
	begin func() (ctx context.Context, end func())
	want  error
	text  string // of the error when it ends during a call
}

func (e ending) String() string { return e.name }

var (
	errShopClosed = errors.New("the shop is closed")

	// As with errgroup, whose context ends with the first error of a group of calls.
	errAnotherCall = &authing.Error{Op: "AnotherCall", Code: 2035, Reason: "another call failed", Err: authing.ErrPhoneTaken}

	endings = []ending{
		canceledWith("canceled", nil),
		canceledWith("canceled with a cause", errShopClosed),
		canceledWith("canceled with a sentinel", authing.ErrPhoneTaken),
		canceledWith("canceled with the error of another call", errAnotherCall),
		{"deadline", func() (context.Context, func()) {
			ctx := lateContext{context.Background(), make(chan struct{})}
			return ctx, sync.OnceFunc(func() { close(ctx.late) })
		}, context.DeadlineExceeded, "no response came in time"},
	}
)

func canceledWith(name string, cause error) ending {
	return ending{name, func() (context.Context, func()) {
		ctx, cancel := context.WithCancelCause(context.Background())
		return ctx, func() { cancel(cause) }
	}, context.Canceled, "canceled before a response came"}
}

// check checks that err shows how the context ended, and not why: the cause belongs to the caller.
func (e ending) check(t *testing.T, err error) {
	t.Helper()
	require.ErrorIs(t, err, e.want)
	assert.NotErrorIs(t, err, errShopClosed)
	wantOwnError(t, err, e.name)
}

func TestEndedContext(t *testing.T) {
	t.Parallel()
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		for _, e := range endings {
			client, got := setupResponder(t, m.succeed())
			ctx, end := e.begin()
			end()

			result, err := m.call(ctx, client.As(canaryToken))

			m.wantFailure(t, result, err, false)
			e.check(t, err)
			assert.ErrorContains(t, err, "nothing was sent", e.name)
			assert.Empty(t, got.All(), e.name)
		}
	})
}

func TestNilContext(t *testing.T) {
	t.Parallel()
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		client, got := setupResponder(t, m.succeed())
		var none context.Context

		result, err := m.call(none, client.As(canaryToken))

		m.wantFailure(t, result, err, false)
		require.ErrorIs(t, err, authing.ErrInvalidArgument)
		require.EqualError(t, err, "authing: "+m.name+": the context is nil: use context.Background() if there is none")
		assert.Empty(t, got.All())
	})
}

// phase is a part of a call in which it gets stuck. The transport then calls reached.
type phase struct {
	name      string
	scheme    string
	transport func(reached func()) http.RoundTripper
	sent      bool // the service may have acted
}

// stuckDialing returns a transport that gets stuck in dial.
func stuckDialing(dial func(ctx context.Context, reached func()) (net.Conn, error)) func(func()) http.RoundTripper {
	return func(reached func()) http.RoundTripper {
		return &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dial(ctx, reached)
		}}
	}
}

// watchedConn calls closed when it is closed.
type watchedConn struct {
	net.Conn
	closed func()
}

func (c watchedConn) Close() error {
	c.closed()
	return c.Conn.Close()
}

// stuckServing returns a transport that talks to serve and then gets no further. The connection is a pipe without a buffer,
// so nothing counts as written before serve reads it, whatever the system.
func stuckServing(serve func(conn net.Conn, reached func())) func(func()) http.RoundTripper {
	return stuckDialing(func(_ context.Context, reached func()) (net.Conn, error) {
		near, far := net.Pipe()
		closed := make(chan struct{})
		go func() {
			defer far.Close()
			serve(far, reached)
			<-closed
		}()
		return watchedConn{near, sync.OnceFunc(func() { close(closed) })}, nil
	})
}

// watchedBody calls reached before its second read.
type watchedBody struct {
	io.ReadCloser
	reached func()
	started bool
}

func (b *watchedBody) Read(p []byte) (int, error) {
	if b.started {
		b.reached()
	}
	b.started = true
	return b.ReadCloser.Read(p)
}

var phases = []phase{
	{name: "name lookup", scheme: "http", transport: stuckDialing(func(ctx context.Context, reached func()) (net.Conn, error) {
		resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			reached()
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		return (&net.Dialer{Resolver: resolver}).DialContext(ctx, "tcp", "nowhere.test:80")
	})},
	{name: "dialing", scheme: "http", transport: stuckDialing(func(ctx context.Context, reached func()) (net.Conn, error) {
		reached()
		<-ctx.Done()
		return nil, ctx.Err()
	})},
	{name: "TLS handshake", scheme: "https", transport: stuckServing(func(conn net.Conn, reached func()) {
		conn.Read(make([]byte, 4096)) // the client's hello
		reached()
	})},
	{name: "writing the request", scheme: "http", sent: true, transport: stuckServing(func(conn net.Conn, reached func()) {
		conn.Read(make([]byte, 1))
		reached()
	})},
	{name: "waiting for the response", scheme: "http", sent: true, transport: stuckServing(func(conn net.Conn, reached func()) {
		readRequest(bufio.NewReader(conn))
		reached()
	})},
	{name: "reading the response", scheme: "http", sent: true, transport: func(reached func()) http.RoundTripper {
		inner := stuckServing(func(conn net.Conn, _ func()) {
			readRequest(bufio.NewReader(conn))
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
		})(nil)
		return transportFunc(func(r *http.Request) (*http.Response, error) {
			resp, err := inner.RoundTrip(r)
			if err == nil {
				resp.Body = &watchedBody{resp.Body, reached, false}
			}
			return resp, err
		})
	}},
}

// durations collects measurements of several goroutines.
type durations struct {
	mu  sync.Mutex
	all []time.Duration
}

func (d *durations) add(took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = append(d.all, took)
}

// quantile is the duration that this share of the measurements does not exceed.
func (d *durations) quantile(share float64) time.Duration {
	slices.Sort(d.all)
	return d.all[int(share*float64(len(d.all)-1))]
}

// A call returns when its context ends, wherever it is stuck, and is not sent again. -v prints how fast. That is asserted in
// full size only, because other programs may keep the machine busy.
func TestCallEndsWithItsContext(t *testing.T) {
	t.Parallel()
	runs, full := 1, fullSize()
	if full {
		runs = 20
	}
	took := make([]durations, len(phases))
	t.Cleanup(func() {
		for i, p := range phases {
			d := &took[i]
			if len(d.all) == 0 {
				continue // excluded by -run
			}
			if full {
				assert.LessOrEqual(t, d.quantile(0.99), 50*time.Millisecond, p.name)
			}
			t.Logf("%-24s %5d calls returned within %7v at the median, %7v at the 99th percentile, %7v at most",
				p.name, len(d.all), d.quantile(0.5), d.quantile(0.99), d.quantile(1))
		}
	})
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		for i, p := range phases {
			for _, e := range endings {
				t.Run(p.name+", "+e.name, func(t *testing.T) {
					for range runs {
						var requests atomic.Int32
						ctx, end := e.begin()
						ended := make(chan time.Time, 1)
						transport := p.transport(sync.OnceFunc(func() {
							ended <- time.Now()
							end()
						}))
						client := clientAt(t, p.scheme+"://127.0.0.1", withHTTPClient(&http.Client{
							Transport: m.prepared(func(r *http.Request) (*http.Response, error) {
								requests.Add(1)
								return transport.RoundTrip(r)
							}),
						}))

						result, err := m.call(ctx, client)

						delay := time.Since(<-ended)
						took[i].add(delay)
						assert.Less(t, delay, 2*time.Second)
						m.wantFailure(t, result, err, p.sent)
						e.check(t, err)
						assert.ErrorContains(t, err, e.text)
						assert.EqualValues(t, 1, requests.Load())
					}
				})
			}
		}
	})
}

// slowResponse never ends.
type slowResponse struct {
	name, start string
	option      bool // the time limit is WithTimeout, otherwise the context's deadline
}

func (s slowResponse) String() string {
	if s.option {
		return s.name + ", WithTimeout"
	}
	return s.name + ", context"
}

// A server that keeps sending does not keep the call alive. This takes real time.
func TestSlowResponseEndsInTime(t *testing.T) {
	t.Parallel()
	const limit = 400 * time.Millisecond
	var cells []slowResponse
	for _, option := range []bool{false, true} {
		cells = append(cells,
			slowResponse{"nothing", "", option},
			slowResponse{"headers", "HTTP/1.1 200 OK\r\nX-Slow: ", option},
			slowResponse{"body", "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{\"code\":200,", option},
		)
	}
	var arrived atomic.Int32
	t.Cleanup(func() { assert.Positive(t, arrived.Load(), "no request was in time") })
	eachCell(t, remoteMethods, func(t *testing.T, m remoteMethod) {
		eachCell(t, cells, func(t *testing.T, s slowResponse) {
			var arrivals atomic.Int32
			url := startTCP(t, func(conn net.Conn) {
				in := bufio.NewReader(conn)
				readRequest(in)
				arrivals.Add(1)
				if s.start == "" {
					io.Copy(io.Discard, in)
					return
				}
				_, err := io.WriteString(conn, s.start)
				drip := time.NewTicker(20 * time.Millisecond)
				defer drip.Stop()
				for err == nil {
					<-drip.C
					_, err = io.WriteString(conn, " ")
				}
			})
			transport := &http.Transport{}
			t.Cleanup(transport.CloseIdleConnections)
			opts := []option{withHTTPClient(&http.Client{Transport: m.prepared(transport.RoundTrip)})}
			start := time.Now()
			ctx, cancel := context.Background(), context.CancelFunc(func() {})
			if s.option {
				opts = append(opts, withTimeout(limit))
			} else {
				ctx, cancel = context.WithTimeout(ctx, limit)
			}
			defer cancel()
			client := clientAt(t, url, opts...)

			result, err := m.call(ctx, client)

			took := time.Since(start)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Nil(t, result)
			if arrivals.Load() > 0 { // on a busy machine, the time may be over before
				m.wantFailure(t, result, err, true)
			}
			assert.LessOrEqual(t, arrivals.Load(), int32(1))
			arrived.Add(arrivals.Load())
			assert.GreaterOrEqual(t, took, limit)
			assert.Less(t, took, limit+3*time.Second)
		})
	})
}

// Reads are retried after a random wait, so that many clients do not return at once. The wait ignores Retry-After, which the
// error reports instead: the caller may have more time than the call.
func TestReadBackoff(t *testing.T) {
	t.Parallel()
	const calls = 200
	var waits durations
	inParallel(calls, func(int) {
		var first time.Time
		client := clientOver(t, transportFunc(func(*http.Request) (*http.Response, error) {
			if first.IsZero() {
				first = time.Now()
				return newResponse(http.StatusServiceUnavailable, ""), nil
			}
			waits.add(time.Since(first))
			return newResponse(http.StatusOK, graphqlData("user", canaryUserData)), nil
		}))
		_, err := client.User(context.Background(), userID)
		assert.NoError(t, err)
	})
	require.Len(t, waits.all, calls)
	assert.GreaterOrEqual(t, waits.quantile(0), 50*time.Millisecond)
	assert.Less(t, waits.quantile(0.5), 5*time.Second)
	assert.Greater(t, waits.quantile(1)-waits.quantile(0), 20*time.Millisecond)
}
