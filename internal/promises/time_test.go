package promises_test

import (
	"bufio"
	"context"
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

// phase is a stretch of a call's way in which it gets stuck. reached is called once it is.
type phase struct {
	name      string
	scheme    string
	transport func(reached func()) http.RoundTripper
	sent      bool // the service may have acted
}

// stuckOn returns a transport whose dialing is stuck.
func stuckOn(dial func(ctx context.Context, reached func()) (net.Conn, error)) func(func()) http.RoundTripper {
	return func(reached func()) http.RoundTripper {
		return &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dial(ctx, reached)
		}}
	}
}

// closing is a connection that tells when it is closed.
type closing struct {
	net.Conn
	closed func()
}

func (c closing) Close() error {
	c.closed()
	return c.Conn.Close()
}

// stuckWith returns a transport that talks to serve over a pipe without a buffer: what serve does not read is not
// written, on any system. The other end is held until the client hangs up.
func stuckWith(serve func(conn net.Conn, reached func())) func(func()) http.RoundTripper {
	return stuckOn(func(_ context.Context, reached func()) (net.Conn, error) {
		near, far := net.Pipe()
		closed := make(chan struct{})
		go func() {
			defer far.Close()
			serve(far, reached)
			<-closed
		}()
		return closing{near, sync.OnceFunc(func() { close(closed) })}, nil
	})
}

// watchedBody tells when somebody waits for its second part.
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
	{name: "name resolution", scheme: "http", transport: stuckOn(func(ctx context.Context, reached func()) (net.Conn, error) {
		resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			reached()
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		return (&net.Dialer{Resolver: resolver}).DialContext(ctx, "tcp", "nowhere.test:80")
	})},
	{name: "dialing", scheme: "http", transport: stuckOn(func(ctx context.Context, reached func()) (net.Conn, error) {
		reached()
		<-ctx.Done()
		return nil, ctx.Err()
	})},
	{name: "TLS handshake", scheme: "https", transport: stuckWith(func(conn net.Conn, reached func()) {
		conn.Read(make([]byte, 4096)) // the client's hello
		reached()
	})},
	{name: "writing the request", scheme: "http", sent: true, transport: stuckWith(func(conn net.Conn, reached func()) {
		conn.Read(make([]byte, 1))
		reached()
	})},
	{name: "waiting for the answer", scheme: "http", sent: true, transport: stuckWith(func(conn net.Conn, reached func()) {
		readRequest(bufio.NewReader(conn))
		reached()
	})},
	{name: "reading the answer", scheme: "http", sent: true, transport: func(reached func()) http.RoundTripper {
		inner := stuckWith(func(conn net.Conn, _ func()) {
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

// delays collects how long calls took to return.
type delays struct {
	mu  sync.Mutex
	all []time.Duration
}

func (d *delays) add(took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = append(d.all, took)
}

func (d *delays) at(part float64) time.Duration {
	slices.Sort(d.all)
	return d.all[int(part*float64(len(d.all)-1))]
}

// Wherever a call is stuck, it returns when its context ends. How fast is told by -v, and not a reason to fail: other
// programs run beside this one.
func TestCallEndsWithItsContext(t *testing.T) {
	t.Parallel()
	runs, full := 3, sized(2) == 2
	if full {
		runs = 20
	}
	endings := map[error]func() (ctx context.Context, end func()){
		context.Canceled: func() (context.Context, func()) {
			return context.WithCancel(context.Background())
		},
		context.DeadlineExceeded: func() (context.Context, func()) {
			ctx := lateContext{context.Background(), make(chan struct{})}
			return ctx, func() { close(ctx.late) }
		},
	}
	took := make([]delays, len(phases))
	t.Cleanup(func() {
		for i, p := range phases {
			d := &took[i]
			if len(d.all) == 0 {
				continue // left out by -run
			}
			if full { // then nothing else should be running
				assert.LessOrEqual(t, d.at(0.99), 50*time.Millisecond, p.name)
			}
			t.Logf("%-23s %5d calls returned within %7v at half, %7v at 99 percent, %7v at most",
				p.name, len(d.all), d.at(0.5), d.at(0.99), d.at(1))
		}
	})
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		for i, p := range phases {
			for why, begin := range endings {
				t.Run(p.name+", "+why.Error(), func(t *testing.T) {
					for range runs {
						ctx, end := begin()
						ended := make(chan time.Time, 1)
						transport := p.transport(sync.OnceFunc(func() {
							ended <- time.Now()
							end()
						}))
						client := clientAt(t, p.scheme+"://127.0.0.1", authing.WithHTTPClient(&http.Client{
							Transport: m.prepared(transport.RoundTrip),
						}))

						result, err := m.call(ctx, client)

						delay := time.Since(<-ended)
						took[i].add(delay)
						assert.Less(t, delay, 2*time.Second)
						require.ErrorIs(t, err, why)
						assert.Nil(t, result)
						m.wantFailure(t, result, err, p.sent)
					}
				})
			}
		}
	})
}

// slowAnswer is an answer that never ends, a byte at a time.
type slowAnswer struct {
	name, start string
	option      bool // the time limit is the option's, else the context's
}

func (s slowAnswer) String() string {
	if s.option {
		return s.name + ", WithTimeout"
	}
	return s.name + ", context"
}

// A server that keeps on sending does not keep the call alive. It is about time, so it takes some.
func TestSlowAnswerEndsInTime(t *testing.T) {
	t.Parallel()
	const limit = 400 * time.Millisecond
	var cells []slowAnswer
	for _, option := range []bool{false, true} {
		cells = append(cells,
			slowAnswer{"headers", "HTTP/1.1 200 OK\r\nX-Slow: ", option},
			slowAnswer{"body", "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{\"code\":200,", option},
		)
	}
	eachCell(t, remoteMethods, func(t *testing.T, m remoteMethod) {
		eachCell(t, cells, func(t *testing.T, s slowAnswer) {
			var arrivals atomic.Int32
			url := startTCP(t, func(conn net.Conn) {
				readRequest(bufio.NewReader(conn))
				arrivals.Add(1)
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
			opts := []authing.Option{authing.WithHTTPClient(&http.Client{Transport: m.prepared(transport.RoundTrip)})}
			start := time.Now()
			ctx, cancel := context.Background(), context.CancelFunc(func() {})
			if s.option {
				opts = append(opts, authing.WithTimeout(limit))
			} else {
				ctx, cancel = context.WithTimeout(ctx, limit)
			}
			defer cancel()
			client := clientAt(t, url, opts...)

			result, err := m.call(ctx, client)

			took := time.Since(start)
			m.wantOverdue(t, result, err, arrivals.Load() > 0)
			assert.LessOrEqual(t, arrivals.Load(), int32(1))
			assert.GreaterOrEqual(t, took, limit)
			assert.Less(t, took, limit+3*time.Second)
		})
	})
}

// A read is sent again after a moment that differs from call to call, so that many clients do not come back at once, and
// not as late as the service would like: the caller can wait longer, and is told for how long.
func TestReadPause(t *testing.T) {
	t.Parallel()
	var (
		pauses  delays
		running sync.WaitGroup
	)
	for range 200 {
		var first time.Time
		client := clientOver(t, transportFunc(func(*http.Request) (*http.Response, error) {
			if first.IsZero() {
				first = time.Now()
				resp := stringAnswer(http.StatusServiceUnavailable, "")
				resp.Header.Set("Retry-After", "3600")
				return resp, nil
			}
			pauses.add(time.Since(first))
			return stringAnswer(http.StatusOK, graphqlData("user", canaryUserData)), nil
		}))
		running.Add(1)
		go func() {
			defer running.Done()
			_, err := client.User(context.Background(), userID)
			assert.NoError(t, err)
		}()
	}
	running.Wait()
	require.Len(t, pauses.all, 200)
	t.Logf("between %v and %v, %v at half", pauses.at(0), pauses.at(1), pauses.at(0.5))
	assert.GreaterOrEqual(t, pauses.at(0), 50*time.Millisecond)
	assert.Less(t, pauses.at(0.5), 5*time.Second)
	assert.Greater(t, pauses.at(1)-pauses.at(0), 20*time.Millisecond)
}
