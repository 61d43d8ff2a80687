package authing_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
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

// cut is a place where a connection breaks. In none of them can the caller know whether the call took effect.
type cut struct {
	name string
	// at is given the connection when the request begins to arrive; the connection is closed after it.
	// nil closes it without waiting for a request.
	at func(conn *net.TCPConn, in *bufio.Reader, answer string)
}

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
	{"in the body", answerUpTo(`{"code":200,"message`)},
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

// startCutting starts a server that gives good answers first and cuts every connection afterwards. It counts the
// requests that began to arrive, and for a cut before that the connections.
func startCutting(t *testing.T, c cut, good int32, body string) (url string, arrivals, connections *atomic.Int32) {
	t.Helper()
	arrivals, connections = new(atomic.Int32), new(atomic.Int32)
	answer := rawAnswerOf(body)
	url = startTCP(t, func(conn net.Conn) {
		connections.Add(1)
		in := bufio.NewReader(conn)
		for {
			if c.at == nil && arrivals.Load() >= good {
				if connections.Load() > good {
					arrivals.Add(1)
				}
				return
			}
			if _, err := in.Peek(1); err != nil {
				return
			}
			if arrivals.Add(1) > good {
				c.at(conn.(*net.TCPConn), in, answer)
				return
			}
			readRequest(in)
			io.WriteString(conn, answer)
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
	return c.name + " of a fresh connection"
}

func TestOnceCut(t *testing.T) {
	t.Parallel()
	var cells []connectionCut
	for _, c := range cuts {
		cells = append(cells, connectionCut{c, false}, connectionCut{c, true})
	}
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		eachCell(t, cells, func(t *testing.T, c connectionCut) {
			var good int32
			if c.reused {
				good = 1
			}
			url, arrivals, connections := startCutting(t, c.cut, good, m.answer)
			client := clientAt(t, url)
			if c.reused {
				_, err := m.call(context.Background(), client)
				require.NoError(t, err)
			}

			result, err := m.call(context.Background(), client)

			m.wantFailure(t, result, err, true)
			assert.LessOrEqual(t, int(arrivals.Load()-good), m.mostArrivals())
			if c.at != nil {
				assert.Greater(t, arrivals.Load(), good)
				if !m.read {
					assert.EqualValues(t, 1, connections.Load(), "the connection was not reused: this tests nothing")
				}
			}
		})
	})
}

// unreachable is a trouble before anything could be sent.
type unreachable struct {
	name   string
	client func(t *testing.T) *authing.Client
}

func (u unreachable) String() string { return u.name }

func TestOnceUnreachable(t *testing.T) {
	t.Parallel()
	var arrivals atomic.Int32
	count := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrivals.Add(1) })
	start := func(t *testing.T, config *tls.Config) *httptest.Server {
		srv := httptest.NewUnstartedServer(count)
		srv.TLS = config
		srv.Config.ErrorLog = log.New(io.Discard, "", 0)
		srv.StartTLS()
		t.Cleanup(srv.Close)
		return srv
	}
	dialing := func(dial func(context.Context, string, string) (net.Conn, error), roots *x509.CertPool) authing.Option {
		transport := &http.Transport{DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: roots}}
		return authing.WithHTTPClient(&http.Client{Transport: transport})
	}
	expired, expiredRoots := expiredCertificate(t)

	cells := []unreachable{
		{"connection refused", func(t *testing.T) *authing.Client {
			return clientAt(t, "http://127.0.0.1:1") // a port that takes privileges to listen on
		}},
		{"name not found", func(t *testing.T) *authing.Client {
			return clientAt(t, "https://nowhere.test", dialing(func(context.Context, string, string) (net.Conn, error) {
				return nil, &net.DNSError{Err: "no such host", Name: "nowhere.test", IsNotFound: true}
			}, nil))
		}},
		{"proxy refused", func(t *testing.T) *authing.Client {
			return clientAt(t, "https://nowhere.test", dialing(func(context.Context, string, string) (net.Conn, error) {
				return nil, &net.OpError{Op: "proxyconnect", Net: "tcp", Err: errors.New("connection refused")}
			}, nil))
		}},
		{"certificate of an unknown authority", func(t *testing.T) *authing.Client {
			return clientAt(t, start(t, nil).URL)
		}},
		{"certificate of another host", func(t *testing.T) *authing.Client {
			srv := start(t, nil)
			roots := x509.NewCertPool()
			roots.AddCert(srv.Certificate())
			return clientAt(t, "https://other.test", dialing(func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, srv.Listener.Addr().String())
			}, roots))
		}},
		{"expired certificate", func(t *testing.T) *authing.Client {
			srv := start(t, &tls.Config{Certificates: []tls.Certificate{expired}})
			return clientAt(t, srv.URL, dialing(nil, expiredRoots))
		}},
		{"TLS 1.1", func(t *testing.T) *authing.Client {
			srv := start(t, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
			return clientAt(t, srv.URL, authing.WithHTTPClient(&http.Client{Transport: srv.Client().Transport}))
		}},
		{"no TLS at all", func(t *testing.T) *authing.Client {
			srv := httptest.NewServer(count)
			t.Cleanup(srv.Close)
			return clientAt(t, strings.Replace(srv.URL, "http:", "https:", 1))
		}},
	}
	t.Cleanup(func() { assert.Zero(t, arrivals.Load()) })
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		eachCell(t, cells, func(t *testing.T, u unreachable) {
			result, err := m.call(context.Background(), u.client(t))

			m.wantFailure(t, result, err, false)
			var e *authing.Error
			require.ErrorAs(t, err, &e)
			assert.Zero(t, e.StatusCode)
		})
	})
}

// expiredCertificate returns a certificate for 127.0.0.1 that was valid in 2020, and a pool that trusts it.
func expiredCertificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2020, 12, 31, 0, 0, 0, 0, time.UTC),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
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
	// A refusal in the form of either kind of endpoint.
	const refused = `{"code":2004,"message":"no","data":null,"errors":[{"message":{"code":2004,"message":"no"}}]}`
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
			client, got := setup(t, v.status, v.body)

			result, err := m.call(context.Background(), client.As(canaryToken))

			m.wantFailure(t, result, err, !v.known)
			var e *authing.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, v.status, e.StatusCode)
			assert.Equal(t, v.status == http.StatusTooManyRequests, errors.Is(err, authing.ErrRateLimited))
			assert.LessOrEqual(t, len(got.all()), m.mostArrivals())
		})
	})
}

func TestOnceSilent(t *testing.T) {
	t.Parallel()
	eachCell(t, named(remoteMethods), func(t *testing.T, m namedMethod) {
		var arrivals atomic.Int32
		url := startTCP(t, func(conn net.Conn) {
			in := bufio.NewReader(conn)
			if _, err := in.Peek(1); err == nil {
				arrivals.Add(1)
			}
			io.Copy(io.Discard, in)
		})
		client := clientAt(t, url, authing.WithTimeout(250*time.Millisecond))
		start := time.Now()

		result, err := m.call(context.Background(), client)

		m.wantFailure(t, result, err, true)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Less(t, time.Since(start), 5*time.Second)
		assert.EqualValues(t, 1, arrivals.Load())
	})
}

type namedMethod struct{ remoteMethod }

func (m namedMethod) String() string { return m.name }

func named(methods []remoteMethod) (cells []namedMethod) {
	for _, m := range methods {
		cells = append(cells, namedMethod{m})
	}
	return cells
}

func TestOnceHTTP2(t *testing.T) {
	t.Parallel()
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		var executions atomic.Int32
		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			if executions.Add(1) == 1 && r.ProtoMajor == 2 {
				io.WriteString(w, m.answer)
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
		assert.LessOrEqual(t, int(executions.Load()-1), m.mostArrivals())
	})
}

// What makes net/http send again is a body that it can have again, no body at all, or an idempotency key.
func TestOnceNothingToRepeat(t *testing.T) {
	t.Parallel()
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		var sent *http.Request
		client := clientOver(t, transportFunc(func(r *http.Request) (*http.Response, error) {
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
		var header http.Header
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			header = r.Header.Clone()
			io.WriteString(w, m.answer)
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

// ending is a way for the caller to stop waiting.
type ending struct {
	name  string
	begin func() (context.Context, func())
}

func (e ending) String() string { return e.name }

var (
	errShopClosed = errors.New("the shop is closed")

	endings = []ending{
		{"cancel", func() (context.Context, func()) {
			ctx, cancel := context.WithCancel(context.Background())
			return ctx, cancel
		}},
		{"cancel with a cause", func() (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(context.Background())
			return ctx, func() { cancel(errShopClosed) }
		}},
	}
)

func TestOnceCancelBefore(t *testing.T) {
	t.Parallel()
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		eachCell(t, endings, func(t *testing.T, e ending) {
			client, got := setup(t, http.StatusOK, m.answer)
			ctx, end := e.begin()
			end()

			result, err := m.call(ctx, client.As(canaryToken))

			m.wantFailure(t, result, err, false)
			require.ErrorIs(t, err, context.Canceled)
			assert.Empty(t, got.all())
		})
	})
}

func TestOnceCancelWhileWaiting(t *testing.T) {
	t.Parallel()
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		eachCell(t, endings, func(t *testing.T, e ending) {
			ctx, end := e.begin()
			defer end()
			var arrivals atomic.Int32
			url := startTCP(t, func(conn net.Conn) {
				in := bufio.NewReader(conn)
				readRequest(in)
				arrivals.Add(1)
				end()
				io.Copy(io.Discard, in)
			})
			client := clientAt(t, url)
			start := time.Now()

			result, err := m.call(ctx, client)

			m.wantFailure(t, result, err, true)
			require.ErrorIs(t, err, context.Canceled)
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
			url := startTCP(t, func(conn net.Conn) {
				in := bufio.NewReader(conn)
				readRequest(in)
				io.WriteString(conn, rawAnswerOf(m.answer)[:120])
				io.Copy(io.Discard, in)
			})
			transport := &http.Transport{}
			t.Cleanup(transport.CloseIdleConnections)
			client := clientAt(t, url, authing.WithHTTPClient(&http.Client{
				Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
					resp, err := transport.RoundTrip(r)
					end()
					return resp, err
				}),
			}))
			start := time.Now()

			result, err := m.call(ctx, client)

			m.wantFailure(t, result, err, true)
			require.ErrorIs(t, err, context.Canceled)
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
			client := clientOver(t, transportFunc(func(*http.Request) (*http.Response, error) {
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
		client, got := setup(t, http.StatusOK, m.answer)
		var none context.Context

		result, err := m.call(none, client.As(canaryToken))

		m.wantFailure(t, result, err, false)
		require.ErrorIs(t, err, authing.ErrInvalidArgument)
		assert.Empty(t, got.all())
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
