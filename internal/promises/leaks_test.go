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

// alone reports whether the test has a process of its own, in which it can count goroutines and descriptors. If it has
// not, alone runs it in one.
func alone(t *testing.T) bool {
	t.Helper()
	const which = "AUTHING_TEST_ALONE"
	if os.Getenv(which) == t.Name() {
		return true
	}
	exe, err := os.Executable()
	require.NoError(t, err)
	child := exec.Command(exe, "-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1", "-test.timeout=5m")
	child.Env = append(os.Environ(), which+"="+t.Name())
	out, err := child.CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, line := range strings.Split(string(out), "\n") {
		if strings.Contains(line, "_test.go:") {
			t.Log(strings.TrimSpace(line))
		}
	}
	return false
}

// holdings is what a leak would grow.
type holdings struct{ goroutines, descriptors int }

func countHoldings() holdings {
	open, _ := os.ReadDir("/proc/self/fd") // only Linux has it
	return holdings{runtime.NumGoroutine(), len(open)}
}

// wantReleased waits until the process holds no more than before.
func wantReleased(t *testing.T, before holdings) {
	t.Helper()
	released := func(now holdings) bool {
		return now.goroutines <= before.goroutines && now.descriptors <= before.descriptors
	}
	now := countHoldings()
	for deadline := time.Now().Add(10 * time.Second); !released(now) && time.Now().Before(deadline); now = countHoldings() {
		<-time.After(10 * time.Millisecond) // a busy loop would keep back what it waits for
	}
	if !assert.True(t, released(now), "before %+v, now %+v", before, now) {
		stacks := make([]byte, 1<<20)
		t.Logf("%s", stacks[:runtime.Stack(stacks, true)])
	}
}

// A connection can be used again only if the answer was read to its end, whatever it was.
func TestLeaksConnections(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]struct {
		status int
		body   string
	}{
		"success":           {200, `{"code":200,"data":{"_id":"1","token":"x.y.z"}}`},
		"refusal":           {200, `{"code":2004,"message":"no such user"}`},
		"GraphQL refusal":   {200, `{"data":null,"errors":[{"message":{"code":2004,"message":"no such user"}}]}`},
		"refusal with 400":  {400, `{"code":2004,"message":"no such user"}`},
		"500":               {500, `{"code":1000,"message":"busy"}`},
		"502":               {502, strings.Repeat("<html>try later</html>", 1000)},
		"redirect":          {302, "<html>elsewhere</html>"},
		"HTML":              {200, strings.Repeat("<html>welcome</html>", 1000)},
		"nothing":           {200, ""},
		"success of nobody": {200, `{"code":200,"data":null}`},
		"half of JSON":      {200, `{"code":200,"data":{"_id":`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const calls = 1000
			var connections, arrived atomic.Int64
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				arrived.Add(1)
				w.Header().Set("Location", "https://elsewhere.test")
				w.WriteHeader(answer.status)
				io.WriteString(w, answer.body)
			}))
			srv.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					connections.Add(1)
				}
			}
			srv.Start()
			t.Cleanup(srv.Close)
			client := clientAt(t, srv.URL, authing.WithReadRetries(0))

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
			// One, but net/http gives a connection up that its own goroutine did not come to look after for 50 ms.
			assert.LessOrEqual(t, connections.Load(), int64(3))
		})
	}
}

func TestLeaksAfterFaults(t *testing.T) {
	t.Parallel()
	if !alone(t) {
		return
	}
	faults := slices.Concat(cuts, []cut{
		{"silence", func(_ *net.TCPConn, in *bufio.Reader, _ string) { io.Copy(io.Discard, in) }},
		{"an answer without end", func(conn *net.TCPConn, in *bufio.Reader, _ string) {
			readRequest(in)
			io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
			for err := error(nil); err == nil; {
				_, err = conn.Write(make([]byte, 64<<10))
			}
		}},
		{"no HTTP at all", func(conn *net.TCPConn, in *bufio.Reader, _ string) {
			readRequest(in)
			io.WriteString(conn, "SSH-2.0-OpenSSH_9.9\r\n")
		}},
		{"an early answer", func(conn *net.TCPConn, _ *bufio.Reader, _ string) {
			io.WriteString(conn, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
		}},
	})
	for _, fault := range faults {
		t.Run(fault.name, func(t *testing.T) {
			wantNothingHeld(t, func(t *testing.T) {
				inParallel(3*len(remoteMethods), func(g int) {
					m := remoteMethods[g/3]
					url, _, _ := m.startCutting(t, fault, false)
					_, err := m.call(context.Background(), clientAt(t, url, authing.WithTimeout(300*time.Millisecond)))
					assert.Error(t, err)
				})
			})
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		wantNothingHeld(t, func(t *testing.T) {
			for _, m := range remoteMethods {
				m.call(context.Background(), clientAt(t, "http://127.0.0.1:1"))
			}
		})
	})
	t.Run("canceled", func(t *testing.T) {
		wantNothingHeld(t, func(t *testing.T) {
			for _, m := range remoteMethods {
				ctx, cancel := context.WithCancel(context.Background())
				url, _, _ := m.startCutting(t, cut{"canceled", func(_ *net.TCPConn, in *bufio.Reader, _ string) {
					readRequest(in)
					cancel()
					io.Copy(io.Discard, in)
				}}, false)
				m.call(ctx, clientAt(t, url))
				cancel()
			}
		})
	})
}

// wantNothingHeld runs a test, which must clean up after itself.
func wantNothingHeld(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	before := countHoldings()
	t.Run("calls", test)
	wantReleased(t, before)
}

func TestLeaksManyClients(t *testing.T) {
	t.Parallel()
	if !alone(t) {
		return
	}
	const clients = 10_000
	url := startTCP(t, func(conn net.Conn) {
		in := bufio.NewReader(conn)
		for _, err := http.ReadRequest(in); err == nil; _, err = http.ReadRequest(in) {
			io.WriteString(conn, rawAnswerOf(`{"code":200,"message":"sent"}`))
		}
	})
	newClient := func() *authing.Client {
		client, err := authing.NewClient(pool, authing.WithHosts(authing.Hosts{Users: url}))
		require.NoError(t, err)
		return client
	}
	call := func(c *authing.Client) {
		require.NoError(t, c.GetVerificationCode(context.Background(), "13800000001"))
	}
	first := newClient()
	call(first)
	first.CloseIdleConnections()
	before := countHoldings()

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

	// Those who forget to close lose their connections to the time limit on idle ones.
	for range 100 {
		call(newClient())
	}
	assert.Greater(t, runtime.NumGoroutine(), before.goroutines+100, "the connections are not held, so there is nothing to see")
	wantReleased(t, before)
}
