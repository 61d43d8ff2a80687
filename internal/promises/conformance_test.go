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

// fault is a trouble between a client and the service, and what a call may make of it.
type fault struct {
	name string

	// One of the four happens.
	dial  func(context.Context) (net.Conn, error) // in place of a connection
	alert []byte                                  // in place of a TLS handshake
	at    func(conn *net.TCPConn, in *bufio.Reader, answer string)
	hang  bool

	known bool // the caller can tell that the call had no effect
	again bool // a read is sent again
}

func (f fault) beforeSending() bool { return f.dial != nil || f.alert != nil }

// refusedByAll is a refusal in the form of every kind of endpoint.
const refusedByAll = `{"code":2004,"message":"no","error":"no","data":null,"errors":[{"message":{"code":2004,"message":"no"}}]}`

func answering(status int, body string, known, again bool) fault {
	return fault{
		name: fmt.Sprintf("%d %.9s", status, body),
		at: func(conn *net.TCPConn, in *bufio.Reader, _ string) {
			readRequest(in)
			fmt.Fprintf(conn, "HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
		},
		known: known,
		again: again,
	}
}

// faults is all that the promise of "at most once" is tested against.
func faults() []fault {
	// The resolver is the real one; nobody answers its questions.
	resolver := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no name server")
	}}
	all := []fault{
		{name: "refused", known: true, again: true, dial: func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", "127.0.0.1:1") // a port that takes privileges to listen on
		}},
		{name: "name not found", known: true, again: true, dial: func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{Resolver: resolver}).DialContext(ctx, "tcp", "nowhere.test:80")
		}},
		{name: "TLS failure", known: true, alert: []byte{21, 3, 3, 0, 2, 2, 40}},
		{name: "reset before the request is read", again: true, at: func(conn *net.TCPConn, _ *bufio.Reader, _ string) {
			conn.SetLinger(0)
		}},
		{name: "reset after the request is read", again: true, at: func(conn *net.TCPConn, in *bufio.Reader, _ string) {
			readRequest(in)
			conn.SetLinger(0)
		}},
		{name: "end of file in the header", again: true, at: answerUpTo("\r\nContent-Le")},
		{name: "end of file in the body", again: true, at: answerUpTo("\r\n\r\n{\"")},
		{name: "hang", hang: true},
	}
	for _, status := range []int{408, 425, 429, 500, 502, 503, 504} {
		again := status >= 502
		all = append(all, answering(status, "<html>try later", false, again),
			answering(status, refusedByAll, status < 500, again))
	}
	return all
}

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

// troubled is a service that answers well up to the request that a method's entry is about and is in trouble from then on.
type troubled struct {
	url       string
	transport *http.Transport
	tries     atomic.Int32 // to get past the trouble
	arrivals  atomic.Int32 // requests that met it
	opened    atomic.Int32 // connections
}

// startTroubled starts it. late is closed when a request hangs.
func (m remoteMethod) startTroubled(t *testing.T, c faultCell, late chan struct{}) *troubled {
	t.Helper()
	good := int32(m.step)
	if c.reused {
		good += int32(len(m.answers))
	}
	// A connection ends with every answer where the next request is to come over another one.
	header := "\r\n"
	if !c.reused || c.beforeSending() {
		header = "\r\nConnection: close\r\n"
	}
	var (
		s        = &troubled{transport: &http.Transport{}}
		requests atomic.Int32
		inside   *tls.Config
	)
	if c.alert != nil {
		certificate, roots := selfSigned(t, nil)
		inside = &tls.Config{Certificates: []tls.Certificate{certificate}}
		s.transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	s.url = startTCP(t, func(raw net.Conn) {
		s.opened.Add(1)
		conn := raw
		if inside != nil {
			if requests.Load() >= good {
				s.tries.Add(1)
				raw.Read(make([]byte, 4096)) // the client's hello
				raw.Write(c.alert)
				return
			}
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
				answer := rawAnswerOf(m.answers[int(n)%len(m.answers)])
				io.WriteString(conn, strings.Replace(answer, "\r\n", header, 1))
				continue
			}
			s.tries.Add(1)
			s.arrivals.Add(1)
			if c.hang {
				readRequest(in)
				close(late)
				io.Copy(io.Discard, in)
				return
			}
			c.at(raw.(*net.TCPConn), in, rawAnswerOf(m.answers[m.step]))
			return
		}
	})
	if inside != nil {
		s.url = strings.Replace(s.url, "http:", "https:", 1)
	}
	s.transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if c.dial != nil && requests.Load() >= good {
			s.tries.Add(1)
			return c.dial(ctx)
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	return s
}

// lateContext is past its deadline once late is closed, on a slow machine and on a fast one.
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

// Every method against every fault, over a connection of its own and after a call that went well: what has an effect
// arrives at most once, a read at most twice, and a caller who cannot know what happened is told so.
func TestConformance(t *testing.T) {
	t.Parallel()
	var (
		cells         []faultCell
		tried, reused atomic.Int32 // of the cells after a call
	)
	for _, f := range faults() {
		cells = append(cells, faultCell{f, false}, faultCell{f, true})
	}
	t.Cleanup(func() {
		// A busy machine makes net/http open another connection now and then, and before some faults it must.
		assert.GreaterOrEqual(t, reused.Load(), tried.Load()/2, "the same connection was hardly ever used again")
	})
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		eachCell(t, cells, func(t *testing.T, c faultCell) {
			ctx := lateContext{context.Background(), make(chan struct{})}
			srv := m.startTroubled(t, c, ctx.late)
			client := clientAt(t, srv.url, authing.WithHTTPClient(&http.Client{Transport: srv.transport}))
			if c.reused {
				_, err := m.call(ctx, client)
				require.NoError(t, err)
			}

			result, err := m.call(ctx, client)

			m.wantFailure(t, result, err, !c.known)
			want := 1
			if c.again {
				want = m.arrivals()
			}
			assert.EqualValues(t, want, srv.tries.Load())
			if c.beforeSending() {
				assert.Zero(t, srv.arrivals.Load())
			}
			if c.reused && !c.beforeSending() && !m.read {
				tried.Add(1)
				if srv.opened.Load() == 1 {
					reused.Add(1)
				}
			}
			assert.Equal(t, c.hang, errors.Is(err, context.DeadlineExceeded))
		})
	})
}
