package promises_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// inOwnProcess reports whether the test runs in a process of its own, where it can count goroutines and descriptors. If not,
// it first runs the test in one: it starts this test binary again, with only this test and a variable that says so.
func inOwnProcess(t *testing.T) bool {
	t.Helper()
	const variable = "AUTHING_TEST_ALONE"
	if os.Getenv(variable) == t.Name() {
		return true
	}
	exe, err := os.Executable()
	require.NoError(t, err)
	child := exec.Command(exe, "-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1", "-test.timeout=5m")
	child.Env = append(os.Environ(), variable+"="+t.Name())
	out, err := child.CombinedOutput()
	require.NoError(t, err, "%s", out)
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "_test.go:") {
			t.Log(strings.TrimSpace(line))
		}
	}
	return false
}

// resources are what a leak would add to.
type resources struct{ goroutines, descriptors int }

func countResources() resources {
	open, _ := os.ReadDir("/proc/self/fd") // exists only on Linux
	return resources{runtime.NumGoroutine(), len(open)}
}

// wantReleased waits until the process uses no more than before.
func wantReleased(t *testing.T, before resources) {
	t.Helper()
	released := func(now resources) bool {
		return now.goroutines <= before.goroutines && now.descriptors <= before.descriptors
	}
	now := countResources()
	for deadline := time.Now().Add(10 * time.Second); !released(now) && time.Now().Before(deadline); now = countResources() {
		<-time.After(10 * time.Millisecond) // a busy loop would delay what it waits for
	}
	if !assert.True(t, released(now), "before %+v, now %+v", before, now) {
		stacks := make([]byte, 1<<20)
		t.Logf("%s", stacks[:runtime.Stack(stacks, true)])
	}
}

// A connection can be reused only if the response was read to its end, whatever it was.
func TestLeaksConnections(t *testing.T) {
	t.Parallel()
	for name, response := range map[string]struct {
		status int
		body   string
	}{
		"success":              {200, `{"code":200,"data":{"_id":"1","token":"x.y.z"}}`},
		"refusal":              {200, `{"code":2004,"message":"no such user"}`},
		"GraphQL refusal":      {200, `{"data":null,"errors":[{"message":{"code":2004,"message":"no such user"}}]}`},
		"refusal with 400":     {400, `{"code":2004,"message":"no such user"}`},
		"500":                  {500, `{"code":1000,"message":"busy"}`},
		"502":                  {502, strings.Repeat("<html>try later</html>", 1000)},
		"redirect":             {302, "<html>elsewhere</html>"},
		"HTML":                 {200, strings.Repeat("<html>welcome</html>", 1000)},
		"empty":                {200, ""},
		"success without data": {200, `{"code":200,"data":null}`},
		"half of JSON":         {200, `{"code":200,"data":{"_id":`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := sized(1000)
			var connections, arrived atomic.Int64
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				arrived.Add(1)
				w.Header().Set("Location", "https://elsewhere.test")
				w.WriteHeader(response.status)
				io.WriteString(w, response.body)
			}))
			srv.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					connections.Add(1)
				}
			}
			srv.Start()
			t.Cleanup(srv.Close)
			client := clientAt(t, srv.URL, withReadRetries(0))

			for i := range calls {
				var err error
				if i%2 == 0 {
					_, err = client.LoginWithWxapp(context.Background(), code, loginDetail)
				} else {
					_, err = client.User(context.Background(), userID)
				}
				if name != "success" {
					require.Error(t, err)
				}
			}

			assert.EqualValues(t, calls, arrived.Load())
			// On a busy machine net/http gives up a connection that its own goroutine did not return in time.
			assert.LessOrEqual(t, connections.Load(), int64(3))
		})
	}
}

func TestLeaksAfterFaults(t *testing.T) {
	t.Parallel()
	if !inOwnProcess(t) {
		return
	}
	for _, f := range slices.Concat(faults(), []fault{
		{name: "endless response", at: func(conn *net.TCPConn, in *bufio.Reader, _ string) {
			readRequest(in)
			io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
			for err := error(nil); err == nil; {
				_, err = conn.Write(make([]byte, 64<<10))
			}
		}},
		{name: "no HTTP", at: respond(func(string) string { return "SSH-2.0-OpenSSH_9.9\r\n" })},
		{name: "response before the request", at: func(conn *net.TCPConn, _ *bufio.Reader, _ string) {
			io.WriteString(conn, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
		}},
	}) {
		if f.status != 0 && f.status != 200 { // see TestLeaksConnections
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			wantNoLeak(t, func(t *testing.T) {
				inParallel(len(remoteMethods), func(i int) {
					m, hung := remoteMethods[i], make(chan struct{})
					srv := m.startFaulty(t, faultCell{fault: f}, hung)
					client := clientAt(t, srv.url, withReadRetries(0), withTimeout(300*time.Millisecond),
						withHTTPClient(&http.Client{Transport: srv.transport}))
					_, err := m.call(context.Background(), client)
					assert.Error(t, err)
				})
			})
		})
	}
	t.Run("canceled", func(t *testing.T) {
		wantNoLeak(t, func(t *testing.T) {
			for _, m := range remoteMethods {
				ctx, cancel := context.WithCancel(context.Background())
				srv := m.startFaulty(t, faultCell{fault: fault{at: func(_ *net.TCPConn, in *bufio.Reader, _ string) {
					readRequest(in)
					cancel()
					io.Copy(io.Discard, in)
				}}}, nil)
				_, err := m.call(ctx, clientAt(t, srv.url))
				assert.ErrorIs(t, err, context.Canceled)
			}
		})
	})
}

// wantNoLeak runs a test that has to clean up after itself.
func wantNoLeak(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	before := countResources()
	t.Run("calls", test)
	wantReleased(t, before)
}

func TestLeaksManyClients(t *testing.T) {
	t.Parallel()
	if !inOwnProcess(t) {
		return
	}
	const clients = 10_000
	url := startTCP(t, func(conn net.Conn) {
		in := bufio.NewReader(conn)
		for _, err := http.ReadRequest(in); err == nil; _, err = http.ReadRequest(in) {
			io.WriteString(conn, rawResponse(`{"code":200,"message":"sent"}`))
		}
	})
	newClient := func(opts ...authing.Option) *authing.Client {
		hosts := authing.WithHosts(authing.Hosts{OAuth: url, Users: url})
		client, err := authing.NewClient(pool, append(opts, hosts)...)
		require.NoError(t, err)
		return client
	}
	call := func(c *authing.Client) {
		require.NoError(t, c.GetVerificationCode(context.Background(), "13800000001"))
	}
	first := newClient()
	call(first)
	first.CloseIdleConnections()
	before := countResources()

	most := 0
	for i := range clients {
		client := newClient()
		if i%10 == 0 {
			call(client)
			client.CloseIdleConnections()
		}
		most = max(most, runtime.NumGoroutine())
	}
	assert.Less(t, most, before.goroutines+50)
	wantReleased(t, before)

	// The idle connections of a client that is not closed time out, by default after 4 seconds.
	for range 100 {
		var opts []authing.Option
		if !fullSize() {
			transport := authing.NewTransport()
			transport.IdleConnTimeout = 300 * time.Millisecond
			opts = append(opts, authing.WithHTTPClient(&http.Client{Transport: transport}))
		}
		call(newClient(opts...))
	}
	assert.Greater(t, runtime.NumGoroutine(), before.goroutines+100, "the connections are already gone")
	wantReleased(t, before)
}
