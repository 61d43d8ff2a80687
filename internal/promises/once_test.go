package promises_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// cut is a place where a connection breaks. In none of them can the caller know whether the call took effect.
type cut struct {
	name string
	// at is given the connection when the request begins to arrive; the connection is closed after it.
	// nil closes it without waiting for a request.
	at func(conn *net.TCPConn, in *bufio.Reader, answer string)
}

func (c cut) String() string { return c.name }

var cuts = []cut{
	{"before the request is read", nil},
	{"after the first byte", func(conn *net.TCPConn, _ *bufio.Reader, _ string) { conn.SetLinger(0) }},
	{"after the headers", func(_ *net.TCPConn, in *bufio.Reader, _ string) { http.ReadRequest(in) }},
	{"after the request", func(_ *net.TCPConn, in *bufio.Reader, _ string) { readRequest(in) }},
	{"after the request, by a reset", func(conn *net.TCPConn, in *bufio.Reader, _ string) {
		readRequest(in)
		conn.SetLinger(0)
	}},
	{"in the status line", answerUpTo("HTTP/1.1 2")},
	{"in a header", answerUpTo("\r\nContent-Le")},
	{"before the body", answerUpTo("\r\n\r\n")},
	{"in the body", answerUpTo("\r\n\r\n{\"")},
	{"before the last byte", func(conn *net.TCPConn, in *bufio.Reader, answer string) {
		readRequest(in)
		io.WriteString(conn, answer[:len(answer)-1])
	}},
	{"in a chunk", func(conn *net.TCPConn, in *bufio.Reader, answer string) {
		readRequest(in)
		_, body, _ := strings.Cut(answer, "\r\n\r\n")
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n"+body)
	}},
}

// answerUpTo reads the request and answers up to the end of last.
func answerUpTo(last string) func(*net.TCPConn, *bufio.Reader, string) {
	return func(conn *net.TCPConn, in *bufio.Reader, answer string) {
		readRequest(in)
		before, _, _ := strings.Cut(answer, last)
		io.WriteString(conn, before+last)
	}
}

func readRequest(in *bufio.Reader) {
	if r, err := http.ReadRequest(in); err == nil {
		io.Copy(io.Discard, r.Body)
	}
}

// startCutting starts a server that answers well up to the request that m is about and cuts every connection from then
// on. It counts the requests since then that began to arrive, for a cut before that the connections, and all
// connections. The request of interest comes over a connection of its own, or after a whole call over the same one.
func (m remoteMethod) startCutting(t *testing.T, c cut, reused bool) (url string, arrivals, connections *atomic.Int32) {
	t.Helper()
	arrivals, connections = new(atomic.Int32), new(atomic.Int32)
	good, header := int32(m.step), "\r\nConnection: close\r\n"
	if reused {
		good, header = int32(len(m.answers)+m.step), "\r\n"
	}
	var requests atomic.Int32
	url = startTCP(t, func(conn net.Conn) {
		connections.Add(1)
		in := bufio.NewReader(conn)
		for fresh := true; ; fresh = false {
			if c.at == nil && requests.Load() >= good {
				if fresh {
					arrivals.Add(1)
				}
				return
			}
			if _, err := in.Peek(1); err != nil {
				return
			}
			n := requests.Add(1) - 1
			if n >= good {
				arrivals.Add(1)
				c.at(conn.(*net.TCPConn), in, rawAnswerOf(m.answers[m.step]))
				return
			}
			readRequest(in)
			answer := rawAnswerOf(m.answers[int(n)%len(m.answers)])
			io.WriteString(conn, strings.Replace(answer, "\r\n", header, 1))
		}
	})
	return url, arrivals, connections
}

type connectionCut struct {
	cut
	reused bool
}

func (c connectionCut) String() string {
	if c.reused {
		return c.name + " of a reused connection"
	}
	return c.name
}

func TestOnceCut(t *testing.T) {
	t.Parallel()
	var cells []connectionCut
	for _, c := range cuts {
		cells = append(cells, connectionCut{c, false}, connectionCut{c, true})
	}
	var tried, asMeant atomic.Int32
	t.Cleanup(func() {
		// A busy machine makes net/http open another connection now and then.
		assert.Greater(t, asMeant.Load(), tried.Load()*3/4, "the connections were hardly ever of the kind to test")
	})
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		eachCell(t, cells, func(t *testing.T, c connectionCut) {
			url, arrivals, connections := m.startCutting(t, c.cut, c.reused)
			client, want := clientAt(t, url), m.step+1
			if c.reused {
				_, err := m.call(context.Background(), client)
				require.NoError(t, err)
				want = 1
			}

			result, err := m.call(context.Background(), client)

			m.wantFailure(t, result, err, true)
			assert.LessOrEqual(t, int(arrivals.Load()), m.arrivals())
			if c.at != nil {
				assert.EqualValues(t, m.arrivals(), arrivals.Load())
				if !m.read {
					tried.Add(1)
					if int(connections.Load()) == want {
						asMeant.Add(1)
					}
				}
			}
		})
	})
}

// A server that closes idle connections at once leaves the client in doubt over and over. It may fail, but not repeat.
func TestOnceStaleConnections(t *testing.T) {
	t.Parallel()
	const calls = 30
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		var arrivals, sent atomic.Int32
		url := startTCP(t, func(conn net.Conn) {
			in := bufio.NewReader(conn)
			if _, err := http.ReadRequest(in); err == nil {
				n := arrivals.Add(1) - 1
				io.WriteString(conn, rawAnswerOf(m.answers[int(n)%len(m.answers)]))
			}
		})
		transport := &http.Transport{}
		t.Cleanup(transport.CloseIdleConnections)
		client := clientAt(t, url, authing.WithReadRetries(0), authing.WithHTTPClient(&http.Client{
			Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
				sent.Add(1)
				return transport.RoundTrip(r)
			}),
		}))

		for range calls {
			if _, err := m.call(context.Background(), client); err != nil {
				var e *authing.Error
				require.ErrorAs(t, err, &e)
			}
		}

		assert.LessOrEqual(t, arrivals.Load(), sent.Load(), "net/http sent something again")
		assert.LessOrEqual(t, int(sent.Load()), calls*len(m.answers))
	})
}

// unreachable is a trouble before anything could be sent.
type unreachable struct {
	name      string
	url       string
	transport http.RoundTripper
	again     bool // a read is tried again
}

func (u unreachable) String() string { return u.name }

func TestOnceUnreachable(t *testing.T) {
	t.Parallel()
	var arrivals atomic.Int32
	count := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrivals.Add(1) })
	start := func(config *tls.Config) *httptest.Server {
		srv := httptest.NewUnstartedServer(count)
		srv.TLS = config
		srv.Config.ErrorLog = log.New(io.Discard, "", 0)
		srv.StartTLS()
		t.Cleanup(srv.Close)
		return srv
	}
	dialing := func(dial func(context.Context, string, string) (net.Conn, error), roots *x509.CertPool) *http.Transport {
		return &http.Transport{DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: roots}}
	}
	failing := func(err error) *http.Transport {
		return dialing(func(context.Context, string, string) (net.Conn, error) { return nil, err }, nil)
	}
	expired, expiredRoots := selfSigned(t, func(c *x509.Certificate) { c.NotAfter = c.NotBefore.AddDate(1, 0, 0) })
	trusted, plain := start(nil), httptest.NewServer(count)
	t.Cleanup(plain.Close)
	roots := x509.NewCertPool()
	roots.AddCert(trusted.Certificate())

	cells := []unreachable{
		{"connection refused", "http://127.0.0.1:1", &http.Transport{}, true}, // a port that takes privileges to listen on
		{"connection refused over HTTPS", "https://127.0.0.1:1", &http.Transport{}, true},
		{"name not found", "https://nowhere.test",
			failing(&net.DNSError{Err: "no such host", Name: "nowhere.test", IsNotFound: true}), true},
		{"proxy refused", "https://nowhere.test",
			failing(&net.OpError{Op: "proxyconnect", Net: "tcp", Err: errors.New("connection refused")}), true},
		{"certificate of an unknown authority", trusted.URL, &http.Transport{}, false},
		{"certificate of another host", "https://other.test",
			dialing(func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, trusted.Listener.Addr().String())
			}, roots), false},
		{"expired certificate", start(&tls.Config{Certificates: []tls.Certificate{expired}}).URL,
			dialing(nil, expiredRoots), false},
		{"TLS 1.1", start(&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}).URL,
			trusted.Client().Transport, false},
		{"no TLS at all", strings.Replace(plain.URL, "http:", "https:", 1), &http.Transport{}, false},
	}
	t.Cleanup(func() { assert.Zero(t, arrivals.Load()) })
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		eachCell(t, cells, func(t *testing.T, u unreachable) {
			var attempts atomic.Int32
			client := clientAt(t, u.url, authing.WithHTTPClient(&http.Client{
				Transport: m.prepared(func(r *http.Request) (*http.Response, error) {
					attempts.Add(1)
					return u.transport.RoundTrip(r)
				}),
			}))

			result, err := m.call(context.Background(), client)

			m.wantFailure(t, result, err, false)
			var e *authing.Error
			require.ErrorAs(t, err, &e)
			assert.Zero(t, e.StatusCode)
			assert.ErrorContains(t, err, "the service could not be reached")
			assert.ErrorContains(t, err, "nothing was sent: check the network and the Hosts")
			assert.NotContains(t, err.Error(), "://", "no URL")
			assert.NotContains(t, err.Error(), "/oauth/wechatapp", "no URL")
			want := 1
			if u.again {
				want = m.arrivals()
			}
			assert.EqualValues(t, want, attempts.Load())
		})
	})
}

// failingAnswer is an answer that is no success.
type failingAnswer struct {
	name   string
	status int
	body   string
	known  bool // whether it proves that the call was refused
}

func (v failingAnswer) String() string { return http.StatusText(v.status) + ", " + v.name }

func TestOnceStatus(t *testing.T) {
	t.Parallel()
	const page, silent = "<html>try later</html>", ""
	// A refusal in the form of every kind of endpoint.
	const refused = `{"code":2004,"message":"no","error":"no","data":null,"errors":[{"message":{"code":2004,"message":"no"}}]}`
	var cells []failingAnswer
	for _, status := range []int{400, 401, 403, 404, 408, 409, 425, 429, 500, 501, 502, 503, 504} {
		cells = append(cells, failingAnswer{"a page", status, page, false}, failingAnswer{"nothing", status, silent, false})
		if status < 500 {
			cells = append(cells, failingAnswer{"a refusal", status, refused, true})
		} else {
			cells = append(cells, failingAnswer{"a code", status, `{"code":500,"message":"busy"}`, false})
		}
	}
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		eachCell(t, cells, func(t *testing.T, v failingAnswer) {
			client, got := m.setupFailing(t, httpmock.NewStringResponder(v.status, v.body))

			result, err := m.call(context.Background(), client)

			m.wantFailure(t, result, err, !v.known)
			var e *authing.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, v.status, e.StatusCode)
			assert.Equal(t, v.status == http.StatusTooManyRequests, errors.Is(err, authing.ErrRateLimited))
			want := 1
			if v.status == 502 || v.status == 503 || v.status == 504 {
				want = m.arrivals()
			}
			assert.Len(t, got(), want)
		})
	})
}

func TestOnceSilent(t *testing.T) {
	t.Parallel()
	var arrived atomic.Int32
	t.Cleanup(func() { assert.Positive(t, arrived.Load(), "no request was in time") })
	eachCell(t, remoteMethods, func(t *testing.T, m remoteMethod) {
		url, arrivals, _ := m.startCutting(t, cut{"never", func(_ *net.TCPConn, in *bufio.Reader, _ string) {
			io.Copy(io.Discard, in)
		}}, false)
		client := clientAt(t, url, authing.WithTimeout(300*time.Millisecond))
		start := time.Now()

		result, err := m.call(context.Background(), client)

		m.wantOverdue(t, result, err, arrivals.Load() > 0)
		assert.Less(t, time.Since(start), 5*time.Second)
		assert.LessOrEqual(t, arrivals.Load(), int32(1))
		arrived.Add(arrivals.Load())
	})
}

func TestOnceHTTP2(t *testing.T) {
	t.Parallel()
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		var executions atomic.Int32
		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			n := int(executions.Add(1)) - 1
			if n < len(m.answers)+m.step && r.ProtoMajor == 2 {
				io.WriteString(w, m.answers[n%len(m.answers)])
				return
			}
			panic(http.ErrAbortHandler)
		}))
		srv.EnableHTTP2 = true
		srv.StartTLS()
		t.Cleanup(srv.Close)
		client := clientAt(t, srv.URL, authing.WithHTTPClient(&http.Client{Transport: srv.Client().Transport}))
		_, err := m.call(context.Background(), client)
		require.NoError(t, err)

		result, err := m.call(context.Background(), client)

		m.wantFailure(t, result, err, true)
		assert.LessOrEqual(t, int(executions.Load())-len(m.answers)-m.step, m.arrivals())
	})
}

// What makes net/http send again is a body that it can have again, no body at all, or an idempotency key.
func TestOnceNothingToRepeat(t *testing.T) {
	t.Parallel()
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		var sent *http.Request
		client := clientOver(t, m.prepared(func(r *http.Request) (*http.Response, error) {
			sent = r
			return nil, errors.New("enough seen")
		}), authing.WithReadRetries(0))

		_, err := m.call(context.Background(), client)

		require.Error(t, err)
		require.NotNil(t, sent)
		assert.Nil(t, sent.GetBody)
		assert.NotNil(t, sent.Body)
		assert.NotEqual(t, http.NoBody, sent.Body)
	})
}

func TestOnceHeaders(t *testing.T) {
	t.Parallel()
	allowed := []string{"Accept", "Content-Type", "User-Agent", "Authorization", "Content-Length", "Accept-Encoding"}
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		var (
			header   http.Header
			requests int
		)
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if requests == m.step {
				header = r.Header.Clone()
			}
			io.WriteString(w, m.answers[requests])
			requests++
		}))
		t.Cleanup(srv.Close)

		_, err := m.call(context.Background(), clientAt(t, srv.URL))

		require.NoError(t, err)
		for name, values := range header {
			assert.Contains(t, allowed, name)
			assert.Len(t, values, 1, name)
		}
		assert.Contains(t, header.Get("User-Agent"), "authing-go/")
		assert.Equal(t, slices.Contains(m.sends, string(canaryToken)), header.Get("Authorization") != "")
	})
}

// A network error is kept as the cause and named in the text.
func TestNetworkErrorsAreShown(t *testing.T) {
	t.Parallel()
	for name, cause := range map[string]error{
		"reset":          &net.OpError{Op: "read", Err: errors.New("connection reset by peer")},
		"end of file":    io.ErrUnexpectedEOF,
		"late TLS alert": &net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")},
		"header timeout": errors.New("net/http: timeout awaiting response headers"),
	} {
		eachMethod(t, func(t *testing.T, m remoteMethod) {
			t.Run(name, func(t *testing.T) {
				client, got := m.setupFailing(t, httpmock.NewErrorResponder(cause), authing.WithReadRetries(0))

				result, err := m.call(context.Background(), client)

				m.wantFailure(t, result, err, true)
				require.ErrorIs(t, err, cause)
				assert.ErrorContains(t, err, "no complete response came: "+cause.Error())
				assert.Len(t, got(), 1)
			})
		})
	}
}

// ending is a way for the caller to stop waiting.
type ending struct {
	name  string
	begin func() (context.Context, func())
	want  error
}

func (e ending) String() string { return e.name }

var (
	errShopClosed = errors.New("the shop is closed")

	// A group of calls may share a context that ends with the first error, which is that of another call.
	errAnotherCall = &authing.Error{Op: "AnotherCall", Code: 2035, Reason: "another call failed", Err: authing.ErrPhoneTaken}

	endings = []ending{
		{"cancel", func() (context.Context, func()) {
			ctx, cancel := context.WithCancel(context.Background())
			return ctx, cancel
		}, context.Canceled},
		{"cancel with a cause", func() (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(context.Background())
			return ctx, func() { cancel(errShopClosed) }
		}, context.Canceled},
		{"cancel with the error of another call", func() (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(context.Background())
			return ctx, func() { cancel(errAnotherCall) }
		}, context.Canceled},
		{"deadline", func() (context.Context, func()) {
			ctx := lateContext{context.Background(), make(chan struct{})}
			return ctx, sync.OnceFunc(func() { close(ctx.late) })
		}, context.DeadlineExceeded},
	}
)

// wantEnded asserts that a call failed because its context ended, and for no reason of another call.
func (m remoteMethod) wantEnded(t *testing.T, e ending, err error) {
	t.Helper()
	require.ErrorIs(t, err, e.want)
	assert.NotErrorIs(t, err, authing.ErrPhoneTaken)
	assert.NotErrorIs(t, err, errShopClosed)
	assert.EqualError(t, errAnotherCall, "authing: AnotherCall: another call failed (code 2035, HTTP 0)", "it was changed")
}

func TestOnceCancelBefore(t *testing.T) {
	t.Parallel()
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		eachCell(t, endings, func(t *testing.T, e ending) {
			client, got := setupResponder(t, m.succeed())
			ctx, end := e.begin()
			end()

			result, err := m.call(ctx, client.As(canaryToken))

			m.wantFailure(t, result, err, false)
			m.wantEnded(t, e, err)
			assert.ErrorContains(t, err, "nothing was sent")
			assert.Empty(t, got.All())
		})
	})
}

func TestOnceCancelWhileWaiting(t *testing.T) {
	t.Parallel()
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		eachCell(t, endings, func(t *testing.T, e ending) {
			ctx, end := e.begin()
			defer end()
			url, arrivals, _ := m.startCutting(t, cut{"canceled", func(_ *net.TCPConn, in *bufio.Reader, _ string) {
				readRequest(in)
				end()
				io.Copy(io.Discard, in)
			}}, false)
			client := clientAt(t, url)
			start := time.Now()

			result, err := m.call(ctx, client)

			m.wantFailure(t, result, err, true)
			m.wantEnded(t, e, err)
			if e.want == context.Canceled {
				assert.ErrorContains(t, err, "canceled before a response came")
			} else {
				assert.ErrorContains(t, err, "no response came in time")
			}
			assert.EqualValues(t, 1, arrivals.Load())
			assert.Less(t, time.Since(start), 5*time.Second, "it waited for the timeout")
		})
	})
}

func TestOnceCancelWhileReading(t *testing.T) {
	t.Parallel()
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		eachCell(t, endings, func(t *testing.T, e ending) {
			ctx, end := e.begin()
			defer end()
			url, arrivals, _ := m.startCutting(t, cut{"canceled", func(conn *net.TCPConn, in *bufio.Reader, answer string) {
				readRequest(in)
				io.WriteString(conn, answer[:len(answer)-1])
				io.Copy(io.Discard, in)
			}}, false)
			transport := &http.Transport{}
			t.Cleanup(transport.CloseIdleConnections)
			var answers atomic.Int32
			client := clientAt(t, url, authing.WithHTTPClient(&http.Client{
				Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
					resp, err := transport.RoundTrip(r)
					if int(answers.Add(1)) > m.step {
						end()
					}
					return resp, err
				}),
			}))
			start := time.Now()

			result, err := m.call(ctx, client)

			m.wantFailure(t, result, err, true)
			m.wantEnded(t, e, err)
			if e.want == context.Canceled {
				assert.ErrorContains(t, err, "canceled before a response came")
			} else {
				assert.ErrorContains(t, err, "no response came in time")
			}
			assert.EqualValues(t, 1, arrivals.Load())
			assert.Less(t, time.Since(start), 5*time.Second, "it waited for the timeout")
		})
	})
}

// A transport may use this SDK, too: what went wrong in its call is not the outcome of ours.
func TestOnceErrorOfAnotherCall(t *testing.T) {
	t.Parallel()
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		_, other := authing.NewClient("../x")
		before := other.Error()
		for _, failure := range []error{other, fmt.Errorf("no proxy: %w", other)} {
			client := clientOver(t, m.prepared(func(*http.Request) (*http.Response, error) {
				return nil, failure
			}), authing.WithReadRetries(0))

			result, err := m.call(context.Background(), client)

			m.wantFailure(t, result, err, true)
			assert.Equal(t, before, other.Error())
		}
	})
}

func TestOnceNilContext(t *testing.T) {
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

func TestOnceReadRetries(t *testing.T) {
	t.Parallel()
	troubles := map[string]httpmock.Responder{
		"503":               httpmock.NewStringResponder(http.StatusServiceUnavailable, "<html>try later</html>"),
		"broken connection": httpmock.NewErrorResponder(io.ErrUnexpectedEOF),
	}
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		for name, trouble := range troubles {
			for _, retries := range []int{0, 1, 2, 3} {
				t.Run(fmt.Sprint(name, ", again ", retries), func(t *testing.T) {
					t.Parallel()
					client, got := m.setupFailing(t, trouble, authing.WithReadRetries(retries))

					result, err := m.call(context.Background(), client)

					m.wantFailure(t, result, err, true)
					if m.read {
						assert.Len(t, got(), 1+retries)
					} else {
						assert.Len(t, got(), 1)
					}
				})
			}
		}
	})
}

// A read that met a passing trouble succeeds the second time; everything else is told as it is.
func TestOnceReadRecovers(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]httpmock.Responder{
		"502":                httpmock.NewStringResponder(502, "<html>"),
		"503 of the service": httpmock.NewStringResponder(503, `{"code":1000,"message":"busy"}`),
		"504":                httpmock.NewStringResponder(504, ""),
		"reset":              httpmock.NewErrorResponder(&net.OpError{Op: "read", Net: "tcp", Err: errors.New("reset by peer")}),
		"end of file":        httpmock.NewErrorResponder(io.EOF),
		"not 500":            httpmock.NewStringResponder(500, `{"code":1000,"message":"busy"}`),
		"not 429":            httpmock.NewStringResponder(429, ""),
		"not 404":            httpmock.NewStringResponder(404, "<html>"),
		"not HTML":           httpmock.NewStringResponder(200, "<html>"),
		"not a cut answer":   httpmock.NewStringResponder(200, `{"data":`),
		"not a GraphQL error": httpmock.NewStringResponder(200,
			`{"errors":[{"message":{"code":1000,"message":"busy"}}],"data":null}`),
		"not a timeout": httpmock.NewErrorResponder(context.DeadlineExceeded),
	} {
		eachMethod(t, func(t *testing.T, m remoteMethod) {
			t.Run(name, func(t *testing.T) {
				var requests atomic.Int32
				client, got := m.setupFailing(t, func(r *http.Request) (*http.Response, error) {
					if requests.Add(1) == 1 {
						return first(r)
					}
					return stringAnswer(http.StatusOK, m.answers[m.step]), nil
				})

				_, err := m.call(context.Background(), client)

				if m.read && !strings.HasPrefix(name, "not ") {
					require.NoError(t, err)
					assert.Len(t, got(), 2)
					return
				}
				require.Error(t, err)
				assert.Len(t, got(), 1)
			})
		})
	}
}

// hurried is a context that always ends in a moment.
type hurried struct{ context.Context }

func (hurried) Deadline() (time.Time, bool) { return time.Now().Add(10 * time.Millisecond), true }

// The wait before a read is sent again ends with the context, and does not begin if there is no time for it.
func TestOnceReadWithoutTimeToWait(t *testing.T) {
	t.Parallel()
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		canceled, cancel := context.WithCancel(context.Background())
		defer cancel()
		for name, ctx := range map[string]context.Context{
			"canceled": canceled, "short of time": hurried{context.Background()},
		} {
			client, got := m.setupFailing(t, func(*http.Request) (*http.Response, error) {
				if ctx == canceled {
					cancel()
				}
				return stringAnswer(http.StatusServiceUnavailable, ""), nil
			}, authing.WithReadRetries(100))

			result, err := m.call(ctx, client)

			m.wantFailure(t, result, err, true)
			assert.Len(t, got(), 1, name)
		}
	})
}

// It counts the goroutines of the process, so it cannot run in parallel.
func TestOnceConnections(t *testing.T) {
	before := runtime.NumGoroutine()
	var connections, calls atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch calls.Add(1) % 5 {
		case 0:
			io.WriteString(w, canaryUser)
		case 1:
			io.WriteString(w, `{"code":2004,"message":"no such user"}`)
		case 2:
			w.WriteHeader(http.StatusBadGateway)
			io.WriteString(w, strings.Repeat("<html>try later</html>", 1000))
		case 3:
			io.WriteString(w, "no JSON at all")
		}
	}))
	srv.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	srv.Start()
	client, err := authing.NewClient(pool, authing.WithHosts(authing.Hosts{OAuth: srv.URL}))
	require.NoError(t, err)

	for range 1000 {
		_, err := client.LoginWithWxapp(context.Background(), code, loginDetail)
		if err == nil {
			continue
		}
		var e *authing.Error
		require.ErrorAs(t, err, &e)
	}

	assert.EqualValues(t, 1000, calls.Load())
	assert.EqualValues(t, 1, connections.Load())
	srv.Close()
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(deadline); {
		runtime.Gosched()
	}
	assert.LessOrEqual(t, runtime.NumGoroutine(), before)
}

// A transport that sends again, and then finds nobody, has sent all the same.
func TestSentBeforeAFailedDialIsUnknown(t *testing.T) {
	t.Parallel()
	var dials atomic.Int32
	inner := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if dials.Add(1) > 1 {
			return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	url := startTCP(t, func(conn net.Conn) { readRequest(bufio.NewReader(conn)) })
	client := clientAt(t, url, authing.WithHTTPClient(&http.Client{
		Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			var resp *http.Response
			for range 2 {
				r.Body = io.NopCloser(bytes.NewReader(body))
				if resp, err = inner.RoundTrip(r); err == nil {
					return resp, nil
				}
			}
			return nil, err
		}),
	}))

	_, err := client.LoginWithWxapp(context.Background(), code, loginDetail)

	assert.EqualValues(t, 2, dials.Load())
	assert.ErrorIs(t, err, authing.ErrOutcomeUnknown)
}

// Only a call that spends a code must not be repeated with it.
func TestErrorTextAfterwards(t *testing.T) {
	t.Parallel()
	spending := []string{"LoginWithWxapp", "BindPhone", "GetPhone", "Decrypt", "LoginByPhoneCode", "ChangePassword"}
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		client, _ := m.setupFailing(t, httpmock.NewStringResponder(502, "<html>"))

		_, err := m.call(context.Background(), client.As(canaryToken))

		require.Error(t, err)
		switch {
		case m.read:
			assert.NotContains(t, err.Error(), "may have taken effect")
		case slices.Contains(spending, m.name):
			assert.Contains(t, err.Error(), "; the call may have taken effect: do not repeat it with the same code, look first or start over")
		default:
			assert.Contains(t, err.Error(), "; the call may have taken effect: repeating it may do it twice")
		}
	})
}
