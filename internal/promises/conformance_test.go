package promises_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// fault is something that goes wrong between a client and the service. Exactly one of dial, accept, at and hang is set.
type fault struct {
	name string

	dial   func(context.Context) (net.Conn, error) // called instead of connecting
	accept func(net.Conn)                          // called instead of serving a connection
	at     serveFault                              // called when the request begins to arrive
	hang   bool                                    // the service reads the request and never responds

	tls    bool // the service uses TLS
	known  bool // the caller can tell that the call had no effect
	again  bool // a read is sent again
	status int  // of the response, if one arrived
}

// serveFault gets the connection before the request is read, and the good response. The connection is closed after it.
type serveFault func(conn *net.TCPConn, in *bufio.Reader, response string)

func (f fault) beforeSending() bool { return f.dial != nil || f.accept != nil }

func readRequest(in *bufio.Reader) {
	if r, err := http.ReadRequest(in); err == nil {
		io.Copy(io.Discard, r.Body)
	}
}

// respond reads the request, sends what edit makes of the good response, and ends.
func respond(edit func(response string) string) serveFault {
	return func(conn *net.TCPConn, in *bufio.Reader, response string) {
		readRequest(in)
		io.WriteString(conn, edit(response))
	}
}

// respondUpTo sends the response up to and including last.
func respondUpTo(last string) serveFault {
	return respond(func(response string) string {
		before, _, _ := strings.Cut(response, last)
		return before + last
	})
}

// refusedByAll is a refusal in the forms of all endpoints at once.
const refusedByAll = `{"code":2004,"statusCode":403,"message":"no","error":"no","data":null,` +
	`"errors":[{"message":{"code":2004,"message":"no"}}]}`

// withStatus is a complete response with another status.
func withStatus(status int, body string) string {
	return fmt.Sprintf("HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
}

func respondStatus(status int, body string, known bool) fault {
	return fault{
		name:   fmt.Sprintf("%d %.9q", status, body),
		at:     respond(func(string) string { return withStatus(status, body) }),
		known:  known,
		again:  status >= 502,
		status: status,
	}
}

// cuts are the places where a connection breaks.
var cuts = []fault{
	{name: "closed before the request", again: true, accept: func(net.Conn) {}},
	{name: "reset after the first byte", again: true, at: func(conn *net.TCPConn, _ *bufio.Reader, _ string) { conn.SetLinger(0) }},
	{name: "closed after the headers", again: true, at: func(_ *net.TCPConn, in *bufio.Reader, _ string) { http.ReadRequest(in) }},
	{name: "closed after the request", again: true, at: func(_ *net.TCPConn, in *bufio.Reader, _ string) { readRequest(in) }},
	{name: "reset after the request", again: true, at: func(conn *net.TCPConn, in *bufio.Reader, _ string) {
		readRequest(in)
		conn.SetLinger(0)
	}},
	{name: "closed in the status line", again: true, at: respondUpTo("HTTP/1.1 2")},
	{name: "closed in a header", again: true, at: respondUpTo("\r\nContent-Le")},
	{name: "closed before the body", again: true, status: 200, at: respondUpTo("\r\n\r\n")},
	{name: "closed in the body", again: true, status: 200, at: respondUpTo("\r\n\r\n{\"")},
	{name: "closed before the last byte", again: true, status: 200, at: respond(func(response string) string {
		return response[:len(response)-1]
	})},
	{name: "closed in a chunk", again: true, status: 200, at: respond(func(response string) string {
		_, body, _ := strings.Cut(response, "\r\n\r\n")
		return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n" + body
	})},
}

// strays are responses that are followed by bytes which belong to none.
var strays = []fault{
	{name: "length too small", status: 200, at: respond(func(response string) string {
		head, body, _ := strings.Cut(response, "\r\n\r\n")
		length := "Content-Length: "
		return strings.Replace(head, fmt.Sprint(length, len(body)), fmt.Sprint(length, len(body)-1), 1) + "\r\n\r\n" + body
	})},
	{name: "204 with a body", status: 204, at: respond(func(response string) string {
		return strings.Replace(response, "200 OK", "204 No Content", 1)
	})},
	{name: "304 with a body", status: 304, at: respond(func(response string) string {
		return strings.Replace(response, "200 OK", "304 Not Modified", 1)
	})},
	{name: "a response twice", status: 400, known: true, at: respond(func(string) string {
		return strings.Repeat(withStatus(400, refusedByAll), 2)
	})},
	{name: "a success after a refusal", status: 400, known: true, at: respond(func(response string) string {
		return withStatus(400, refusedByAll) + response
	})},
}

func faults() []fault {
	// Go's own resolver, without a server to ask.
	resolver := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no name server")
	}}
	helloThen := func(response string) func(net.Conn) {
		return func(conn net.Conn) {
			conn.Read(make([]byte, 4096)) // the client's hello
			io.WriteString(conn, response)
		}
	}
	all := append([]fault{
		{name: "connection refused", known: true, again: true, dial: func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", "127.0.0.1:1") // listening there takes privileges
		}},
		{name: "connection refused, TLS", tls: true, known: true, again: true, dial: func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", "127.0.0.1:1")
		}},
		{name: "name not found", known: true, again: true, dial: func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{Resolver: resolver}).DialContext(ctx, "tcp", "nowhere.test:80")
		}},
		{name: "proxy refused", known: true, again: true, dial: func(context.Context) (net.Conn, error) {
			return nil, &net.OpError{Op: "proxyconnect", Net: "tcp", Err: errors.New("connection refused")}
		}},
		{name: "TLS handshake failure", tls: true, known: true, accept: helloThen("\x15\x03\x03\x00\x02\x02\x28")},
		{name: "plain HTTP instead of TLS", tls: true, known: true, accept: helloThen("HTTP/1.1 400 Bad Request\r\n\r\n")},
		{name: "hang", hang: true},
		{name: "switched protocols", status: 101, at: func(conn *net.TCPConn, in *bufio.Reader, _ string) {
			readRequest(in)
			io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
			io.Copy(io.Discard, in)
		}},
	}, cuts...)
	all = append(all, strays...)
	for _, status := range []int{400, 401, 403, 404, 408, 409, 425, 429, 500, 501, 502, 503, 504} {
		all = append(all,
			respondStatus(status, "<html>try later</html>", false),
			respondStatus(status, "", false),
			respondStatus(status, refusedByAll, status < 500), // a 5xx may have failed half-way
		)
	}
	return all
}

// faultCell is a fault that strikes a client's first request, or one after a call that succeeded.
type faultCell struct {
	fault
	reused bool
}

func (c faultCell) String() string {
	if c.reused {
		return c.name + ", after a call"
	}
	return c.name
}

// faultyService responds well to the requests before that of a row, and fails from then on.
type faultyService struct {
	url         string
	transport   *http.Transport
	attempts    atomic.Int32 // to connect or to send, since it fails
	arrivals    atomic.Int32 // of requests, since it fails
	connections atomic.Int32
}

// startFaulty starts the service. It closes hung when a request hangs.
func (m remoteMethod) startFaulty(t *testing.T, c faultCell, hung chan struct{}) *faultyService {
	t.Helper()
	good := int32(m.step)
	if c.reused {
		good += int32(len(m.responses))
	}
	// Where the failing request needs another connection, the good responses close theirs.
	header := "\r\n"
	if !c.reused || c.beforeSending() {
		header = "\r\nConnection: close\r\n"
	}
	var (
		s        = &faultyService{transport: &http.Transport{}}
		requests atomic.Int32
		inside   *tls.Config
	)
	if c.tls {
		certificate, roots := selfSigned(t, nil)
		inside = &tls.Config{Certificates: []tls.Certificate{certificate}}
		s.transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	s.url = startTCP(t, func(raw net.Conn) {
		s.connections.Add(1)
		if c.accept != nil && requests.Load() >= good {
			s.attempts.Add(1)
			c.accept(raw)
			return
		}
		conn := raw
		if inside != nil {
			conn = tls.Server(raw, inside)
		}
		in := bufio.NewReader(conn)
		for {
			if _, err := in.Peek(1); err != nil {
				return
			}
			n := requests.Add(1) - 1
			if n < good {
				readRequest(in)
				response := rawResponse(m.responses[int(n)%len(m.responses)])
				io.WriteString(conn, strings.Replace(response, "\r\n", header, 1))
				continue
			}
			s.attempts.Add(1)
			s.arrivals.Add(1)
			switch {
			case c.hang:
				readRequest(in)
				close(hung)
				io.Copy(io.Discard, in)
			case c.at != nil:
				c.at(raw.(*net.TCPConn), in, rawResponse(m.responses[m.step]))
			}
			return
		}
	})
	if c.tls {
		s.url = strings.Replace(s.url, "http:", "https:", 1)
	}
	s.transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if c.dial != nil && requests.Load() >= good {
			s.attempts.Add(1)
			return c.dial(ctx)
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	return s
}

// lateContext is a context whose deadline passes when late is closed, so that a test does not depend on the clock.
type lateContext struct {
	context.Context
	late chan struct{}
}

func (c lateContext) Done() <-chan struct{} { return c.late }

func (c lateContext) Err() error {
	select {
	case <-c.late:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// Every method meets every fault, on its first connection and after a successful call. A write arrives at most once and a
// read at most twice, the error says whether the outcome is known, and it shows no secret.
func TestConformance(t *testing.T) {
	t.Parallel()
	var (
		cells         []faultCell
		search        leakSearch
		tried, reused atomic.Int32 // connections
	)
	for _, f := range faults() {
		cells = append(cells, faultCell{f, false}, faultCell{f, true})
	}
	search.report(t, 100_000)
	t.Cleanup(func() {
		// On a busy machine net/http sometimes opens another connection, and before some faults it has to.
		assert.GreaterOrEqual(t, reused.Load(), tried.Load()/2, "connections were hardly ever reused")
	})
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		eachCell(t, cells, func(t *testing.T, c faultCell) {
			ctx := lateContext{context.Background(), make(chan struct{})}
			srv := m.startFaulty(t, c, ctx.late)
			client := clientAt(t, srv.url, withHTTPClient(&http.Client{Transport: srv.transport}))
			if c.reused {
				_, err := m.call(ctx, client)
				require.NoError(t, err)
			}

			result, err := m.call(ctx, client)

			if c.status == http.StatusNoContent && m.v3 && m.name == "Logout" { // a success, there
				require.NoError(t, err)
				return
			}
			e := m.wantFailure(t, result, err, !c.known)
			want := 1
			if c.again {
				want = m.arrivals()
			}
			assert.EqualValues(t, want, srv.attempts.Load())
			if c.beforeSending() {
				assert.Zero(t, srv.arrivals.Load())
			}
			if c.reused && !c.beforeSending() && !m.read {
				tried.Add(1)
				if srv.connections.Load() == 1 {
					reused.Add(1)
				}
			}
			assert.Equal(t, c.status, e.StatusCode)
			assert.Equal(t, c.hang, errors.Is(err, context.DeadlineExceeded))
			assert.Equal(t, c.status == http.StatusTooManyRequests, errors.Is(err, authing.ErrRateLimited))
			if c.known && c.beforeSending() {
				require.ErrorContains(t, err, "the service could not be reached")
				require.ErrorContains(t, err, m.unchanged("nothing was sent")+": check the network and the configured hosts")
			}
			assert.NotContains(t, err.Error(), "://", "no URL")
			if !c.reused {
				search.failure(t, err)
			}
		})
	})
}
