package transport

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/go-resty/resty/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// script is a transport that answers the n-th request with its n-th step, and further ones with the last.
type script struct {
	steps []step
	seen  []*http.Request
}

type step struct {
	status int
	header http.Header
	body   string
	broken error // ends the body
	err    error
	then   func() // runs when the request has arrived
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	now := s.steps[min(len(s.seen), len(s.steps)-1)]
	s.seen = append(s.seen, r)
	if now.then != nil {
		now.then()
	}
	if now.err != nil {
		return nil, now.err
	}
	header := now.header
	if header == nil {
		header = http.Header{}
	}
	var body io.Reader = strings.NewReader(now.body)
	if now.broken != nil {
		body = io.MultiReader(body, iotest.ErrReader(now.broken))
	}
	return &http.Response{StatusCode: now.status, Header: header, Body: io.NopCloser(body)}, nil
}

func get(retries int) Request {
	return Request{Op: "User", Method: http.MethodGet, URL: "https://users.example.com/x", Timeout: time.Minute, Retries: retries}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	reset := &net.OpError{Op: "read", Err: errors.New("connection reset")}
	dial := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	for name, transient := range map[string]step{
		"connection failure": {err: reset},
		"cut":                {err: io.ErrUnexpectedEOF},
		"cut in the body":    {status: 200, body: "{", broken: io.ErrUnexpectedEOF},
		"refused":            {err: dial},
		"502":                {status: 502},
		"503":                {status: 503},
		"504":                {status: 504},
	} {
		for _, tt := range []struct{ failures, retries, sent int }{
			{failures: 1, retries: 1, sent: 2},
			{failures: 3, retries: 1, sent: 2},
			{failures: 1, retries: 0, sent: 1},
			{failures: 2, retries: 2, sent: 3},
		} {
			t.Run(fmt.Sprintf("%s %+v", name, tt), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					steps := make([]step, tt.failures)
					for i := range steps {
						steps[i] = transient
					}
					rt := &script{steps: append(steps, step{status: 200})}
					start := time.Now()

					resp, attempts, err := New(rt, "test").Send(t.Context(), get(tt.retries))

					assert.Equal(t, tt.sent > tt.failures, err == nil && resp.Status == 200)
					assert.Len(t, rt.seen, tt.sent)
					assert.Equal(t, tt.sent, attempts)
					waits := time.Duration(tt.sent - 1)
					assert.GreaterOrEqual(t, time.Since(start), waits*50*time.Millisecond)
					assert.LessOrEqual(t, time.Since(start), waits*150*time.Millisecond)
				})
			})
		}
	}
}

func TestFinal(t *testing.T) {
	t.Parallel()
	for name, final := range map[string]step{
		"200":                {status: 200},
		"302":                {status: 302},
		"400":                {status: 400},
		"404":                {status: 404},
		"429":                {status: 429},
		"500":                {status: 500},
		"501":                {status: 501},
		"context canceled":   {err: context.Canceled},
		"deadline exceeded":  {err: context.DeadlineExceeded},
		"bad certificate":    {err: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}},
		"not TLS":            {err: tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}},
		"handshake too slow": {err: errors.New("net/http: TLS handshake timeout")},
		"handshake rejected": {err: errors.New("remote error: tls: handshake failure")},
		"too large":          {status: 200, body: strings.Repeat(" ", limit+1)},
		"switched protocols": {status: 101},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rt := &script{steps: []step{final, {status: 200}}}
			_, attempts, _ := New(rt, "test").Send(t.Context(), get(3))
			assert.Len(t, rt.seen, 1)
			assert.Equal(t, 1, attempts)
		})
	}
}

func TestBackoffStaysWithinTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 40*time.Millisecond) // shorter than the shortest wait
		defer cancel()
		rt := &script{steps: []step{{status: 503}, {status: 200}}}
		resp, _, err := New(rt, "test").Send(ctx, get(1))
		require.NoError(t, err)
		assert.Equal(t, 503, resp.Status, "the response that did arrive")
		assert.Len(t, rt.seen, 1)
	})
	ctx, cancel := context.WithCancel(t.Context())
	rt := &script{steps: []step{{status: 503, then: cancel}, {status: 200}}}
	New(rt, "test").Send(ctx, get(1))
	assert.Len(t, rt.seen, 1)
}

func TestBodies(t *testing.T) {
	t.Parallel()
	largest := strings.Repeat("x", limit)
	for name, tt := range map[string]struct {
		step step
		err  error
	}{
		"largest":            {step{status: 200, body: largest}, nil},
		"too large":          {step{status: 200, body: largest + "x"}, ErrTooLarge},
		"odd encoding":       {step{status: 502, body: "{}", header: http.Header{"Content-Encoding": {"utf-8"}}}, nil},
		"switched protocols": {step{status: 101, body: "never read"}, ErrInterim},
	} {
		resp, _, err := New(&script{steps: []step{tt.step}}, "test").Send(t.Context(), get(0))
		require.ErrorIs(t, err, tt.err, name)
		assert.Equal(t, tt.step.status, resp.Status, name)
		if err == nil {
			assert.Equal(t, tt.step.body, string(resp.Body), name)
		} else {
			assert.Empty(t, resp.Body, name)
		}
	}
}

func TestBrokenBody(t *testing.T) {
	t.Parallel()
	reset := errors.New("connection reset")
	rt := &script{steps: []step{{status: 200, body: "{", broken: reset}}}
	resp, _, err := New(rt, "test").Send(t.Context(), get(0))
	var lost *Error
	require.ErrorAs(t, err, &lost)
	assert.Equal(t, reset, lost.Err)
	assert.True(t, lost.Sent)
	assert.Equal(t, Response{Status: 200, Header: http.Header{}}, resp, "half a body is no use")
}

// A 101 hands the connection over, and no context ends a read from it.
func TestSwitchedProtocolsEndAtOnce(t *testing.T) {
	t.Parallel()
	closed := make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			closed <- err
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		_, err = conn.Read(make([]byte, 1)) // the client says nothing more
		closed <- err
	}))
	defer server.Close()
	client := New(nil, "test")
	defer client.CloseIdleConnections()
	req := get(0)
	req.URL, req.Timeout = server.URL, time.Hour
	_, _, err := client.Send(t.Context(), req)
	require.ErrorIs(t, err, ErrInterim)
	require.ErrorIs(t, <-closed, io.EOF, "the connection was closed")
}

// A transport that is not net/http's gets nothing that it could replay.
func TestRequestsCannotBeReplayed(t *testing.T) {
	t.Parallel()
	rt := &script{steps: []step{{status: 200}}}
	client := New(rt, "test")
	post := get(0)
	post.Method, post.Body = http.MethodPost, []byte("{}")
	for _, req := range []Request{get(0), post} {
		_, _, err := client.Send(t.Context(), req)
		require.NoError(t, err)
		assert.Nil(t, rt.seen[len(rt.seen)-1].GetBody)
	}
	assert.Nil(t, rt.seen[0].Body, "HTTP/2 would announce a body that never comes")
}

// breaking serves each connection's first request and reads the second without answering it.
func breaking(t *testing.T) (url string, arrived *atomic.Int32) {
	t.Helper()
	arrived = new(atomic.Int32)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived.Add(1)
		served := r.Context().Value(servedKey{}).(*atomic.Int32)
		if served.Add(1) > 1 {
			conn, _, _ := http.NewResponseController(w).Hijack()
			conn.Close()
		}
	}))
	server.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, servedKey{}, new(atomic.Int32))
	}
	server.Start()
	t.Cleanup(server.Close)
	return server.URL, arrived
}

type servedKey struct{}

// net/http replays a GET if a reused connection breaks before the response.
func TestGETIsNotReplayed(t *testing.T) {
	t.Parallel()
	for name, rt := range map[string]http.RoundTripper{
		"own": nil, "caller's": NewHTTP(), "wrapped": struct{ http.RoundTripper }{NewHTTP()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, arrived := breaking(t)
			client := New(rt, "test")
			defer client.CloseIdleConnections()
			req := get(0)
			req.URL = url
			_, _, err := client.Send(t.Context(), req)
			require.NoError(t, err)
			_, _, err = client.Send(t.Context(), req)
			var lost *Error
			require.ErrorAs(t, err, &lost)
			assert.True(t, lost.Sent)
			require.ErrorIs(t, lost.Err, io.EOF)
			assert.EqualValues(t, 2, arrived.Load())
		})
	}
}

func TestPOSTIsNotReplayedOverHTTP1(t *testing.T) {
	t.Parallel()
	url, arrived := breaking(t)
	client := New(nil, "test")
	defer client.CloseIdleConnections()
	req := get(0)
	req.URL, req.Method, req.Body = url, http.MethodPost, []byte("{}")
	client.Send(t.Context(), req)
	_, _, err := client.Send(t.Context(), req)
	require.Error(t, err)
	assert.EqualValues(t, 2, arrived.Load())
}

// Over HTTP/2, a second attempt meets the connection that other calls are using.
func TestStoppingAnAttemptLeavesOtherStreamsAlone(t *testing.T) {
	t.Parallel()
	borrowed := httptest.NewUnstartedServer(nil)
	borrowed.EnableHTTP2 = true
	borrowed.StartTLS() // for its certificate
	defer borrowed.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	const headers, reset, settings = 1, 3, 4
	frame := func(kind, flags byte, stream uint32, payload string) []byte {
		head := []byte{0, 0, byte(len(payload)), kind, flags}
		return append(binary.BigEndian.AppendUint32(head, stream), payload...)
	}
	opened, complete := make(chan struct{}), make(chan struct{})
	go func() { // opens a stream, refuses the others, and completes the first when asked to
		raw, err := listener.Accept()
		if err != nil {
			return
		}
		conn := tls.Server(raw, &tls.Config{Certificates: borrowed.TLS.Certificates, NextProtos: []string{"h2"}})
		defer conn.Close()
		in := bufio.NewReader(conn)
		io.ReadFull(in, make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")))
		conn.Write(frame(settings, 0, 0, ""))
		for {
			var head [9]byte
			if _, err := io.ReadFull(in, head[:]); err != nil {
				return
			}
			io.CopyN(io.Discard, in, int64(head[0])<<16|int64(head[1])<<8|int64(head[2]))
			switch stream := binary.BigEndian.Uint32(head[5:]); {
			case head[3] == settings && head[4] == 0:
				conn.Write(frame(settings, 1, 0, ""))
			case head[3] == headers && stream == 1:
				close(opened)
				go func() {
					<-complete
					conn.Write(frame(headers, 5, 1, "\x88")) // 200 and the end of the stream
				}()
			case head[3] == headers:
				conn.Write(frame(reset, 0, stream, "\x00\x00\x00\x07")) // REFUSED_STREAM
			}
		}
	}()
	rt := NewHTTP()
	rt.TLSClientConfig = borrowed.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	rt.TLSClientConfig.NextProtos = nil
	client := New(rt, "test")
	defer client.CloseIdleConnections()
	req := get(0)
	req.URL = "https://" + listener.Addr().String()
	first := make(chan error, 1)
	go func() {
		_, _, err := client.Send(t.Context(), req)
		first <- err
	}()
	<-opened

	_, _, err = client.Send(t.Context(), req)
	require.Error(t, err)
	close(complete)
	assert.NoError(t, <-first)
}

// endless reports a deadline that has no effect.
type endless struct{ context.Context }

func (endless) Done() <-chan struct{} { return nil }
func (endless) Err() error            { return nil }

func TestTheLimitAlwaysHolds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		blocking := roundTripper(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		req := get(0)
		req.Timeout = 5 * time.Second
		start := time.Now()
		_, _, err := New(blocking, "test").Send(endless{ctx}, req)
		var lost *Error
		require.ErrorAs(t, err, &lost)
		require.ErrorIs(t, lost.Err, context.DeadlineExceeded)
		assert.Equal(t, 5*time.Second, time.Since(start))

		start = time.Now()
		_, _, err = New(blocking, "test").Send(ctx, req)
		require.Error(t, err)
		assert.Zero(t, time.Since(start), "that one has ended")
	})
}

// A context of the standard library that ends sooner needs no timer of ours. One that only says so does.
func TestOneTimerIsEnough(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	allocations := func(ctx context.Context) float64 {
		return testing.AllocsPerRun(100, func() {
			_, cancel := WithTimeout(ctx, time.Hour)
			cancel()
		})
	}
	assert.Less(t, allocations(ctx), allocations(t.Context()))
	assert.GreaterOrEqual(t, allocations(endless{ctx}), allocations(t.Context()))
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// If time runs out before net/http asks for a connection, nothing was sent.
func TestNothingIsSentWithoutTime(t *testing.T) {
	t.Parallel()
	for limit := range 300 {
		req := get(0)
		req.URL, req.Timeout = "https://127.0.0.1:1", time.Duration(limit)*100*time.Nanosecond
		_, _, err := New(nil, "test").Send(t.Context(), req)
		var lost *Error
		require.ErrorAs(t, err, &lost)
		assert.False(t, lost.Sent, "%v after %v", err, req.Timeout)
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	rt := &script{steps: []step{{status: 200}}}
	req := get(0)
	req.Authorization, req.ContentType, req.Body = "h.p.s", "text/plain", []byte("x")
	req.Method = http.MethodPost
	_, _, err := New(rt, "shop/1").Send(t.Context(), req)
	require.NoError(t, err)
	assert.Equal(t, http.Header{
		"Accept": {"application/json"}, "Authorization": {"h.p.s"}, "Content-Type": {"text/plain"}, "User-Agent": {"shop/1"},
	}, rt.seen[0].Header)
	assert.Equal(t, "User", Operation(rt.seen[0].Context()))
	assert.Empty(t, Operation(t.Context()))
}

// A cookie would act as one user in the next user's call.
func TestNoCookies(t *testing.T) {
	t.Parallel()
	rt := &script{steps: []step{{status: 200, header: http.Header{"Set-Cookie": {"sid=1; Path=/"}}}}}
	client := New(rt, "test")
	for range 2 {
		_, _, err := client.Send(t.Context(), get(0))
		require.NoError(t, err)
	}
	assert.Empty(t, rt.seen[1].Header.Values("Cookie"))
}

// A transport, httpmock's for one, may give the same header to several calls at a time.
func TestResponseHeadersAreNotModified(t *testing.T) {
	t.Parallel()
	header := http.Header{"Location": {"https://elsewhere.test"}, "Set-Cookie": {"sid=1"}}
	before := header.Clone()
	resp, _, err := New(&script{steps: []step{{status: 302, header: header}}}, "test").Send(t.Context(), get(0))
	require.NoError(t, err)
	assert.Equal(t, 302, resp.Status)
	assert.Equal(t, before, header)
}

// Nothing of a call may stay in the template that all requests are copies of, or in those copies.
func TestTemplateIsNeverWrittenTo(t *testing.T) {
	t.Parallel()
	client := New(&script{steps: []step{{status: 200, body: "{}"}, {err: io.EOF}, {status: 503}}}, "shop/1")
	copies := map[*resty.Request]bool{}
	client.requests.New = func() any {
		request := *client.template
		copies[&request] = true
		return &request
	}
	template, header := *client.template, client.template.Header.Clone()
	for _, req := range []Request{
		{Method: http.MethodPost, URL: "https://x.test", Authorization: "h.p.s", Body: []byte(`{"code":"c"}`), Timeout: time.Second},
		{Method: http.MethodGet, URL: "https://x.test", Authorization: "h.p.s", Timeout: time.Second},
		{Method: http.MethodPost, URL: "https://x.test", Body: []byte("x"), ContentType: "text/plain", Timeout: time.Second},
	} {
		client.Send(t.Context(), req)
	}
	assert.NotEmpty(t, copies)
	for request := range copies {
		assert.Equal(t, template, *request)
	}
	assert.Equal(t, header, client.template.Header)
	assert.Equal(t, template, *client.template)
	assert.Empty(t, client.template.QueryParam)
	assert.Empty(t, client.template.FormData)
}

// The template's headers must not reach a request even if resty stops cloning them.
func TestTemplateHeadersAreNotShared(t *testing.T) {
	t.Parallel()
	client := New(&script{}, "test")
	header := client.template.Header.Clone()
	e := &exchange{Context: t.Context(), authorization: "h.p.s"}
	r, err := http.NewRequestWithContext(e, http.MethodGet, "https://x.test", nil)
	require.NoError(t, err)
	r.Header = client.template.Header

	require.NoError(t, client.prepare(nil, r))

	assert.Equal(t, "h.p.s", r.Header.Get("Authorization"))
	assert.Equal(t, header, client.template.Header)
}

// A response must not change when later ones are read into the same buffer.
func TestBodiesOutliveTheBuffer(t *testing.T) {
	t.Parallel()
	client := New(&script{}, "test")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			var bodies [][]byte
			text := func(n int) string { return strings.Repeat(fmt.Sprintf("%d.%d;", i, n), 100*(n%7)) }
			for n := range 200 {
				body, err := client.read(strings.NewReader(text(n)))
				assert.NoError(t, err)
				bodies = append(bodies, body)
			}
			for n, body := range bodies {
				assert.Equal(t, text(n), string(body))
			}
		}()
	}
	wg.Wait()
}

// One large response must not make every later one cost its memory.
func TestBuffersThatAreNotKept(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]io.Reader{
		"large":  strings.NewReader(strings.Repeat(" ", 200<<10)),
		"broken": io.MultiReader(strings.NewReader("{"), iotest.ErrReader(io.ErrUnexpectedEOF)),
	} {
		client := New(&script{}, "test")
		client.read(body)
		assert.Zero(t, client.buffers.Get().(*bytes.Buffer).Cap(), name)
	}
}

func TestSent(t *testing.T) {
	t.Parallel()
	dial := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	for _, tt := range []struct {
		err  error
		sent bool
	}{
		{dial, false},
		{&net.OpError{Op: "proxyconnect", Err: errors.New("refused")}, false},
		{&net.DNSError{Name: "x.test", IsNotFound: true}, false},
		{fmt.Errorf("wrapped: %w", dial), false},
		{&url.Error{Op: "Get", URL: "https://a.test", Err: &url.Error{Op: "Get", URL: "https://b.test", Err: dial}}, false},
		{tls.RecordHeaderError{Msg: "not TLS"}, false},
		{&net.OpError{Op: "read", Err: errors.New("reset")}, true},
		{&net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")}, true},
		{errors.New("net/http: timeout awaiting response headers"), true},
		{io.ErrUnexpectedEOF, true},
		{context.DeadlineExceeded, true},
		{&url.Error{Op: "Post", URL: "https://a.test"}, true},
	} {
		_, _, err := New(&script{steps: []step{{err: tt.err}}}, "test").Send(t.Context(), get(0))
		var lost *Error
		require.ErrorAs(t, err, &lost)
		assert.Equal(t, tt.sent, lost.Sent, "%v", tt.err)
		assert.NotContains(t, err.Error(), ".test/", "no URL")
		assert.NotContains(t, err.Error(), "https:", "no URL")
	}

	ours := &trace{own: true}
	assert.True(t, unsent(io.EOF, ours), "our transport reports every connection")
	connected := &trace{}
	connected.connected.Store(true)
	assert.False(t, unsent(dial, connected), "an established connection can fail in the same way")
}

// With net/http it is known whether a connection was made, even if time ran out.
func TestSentOverNetHTTP(t *testing.T) {
	t.Parallel()
	hangUp := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer hangUp.Close()
	dialing := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	for name, tt := range map[string]struct {
		rt      *http.Transport
		timeout time.Duration
		sent    bool
	}{
		"connection closed": {&http.Transport{}, time.Minute, true},
		"dialed too long":   {&http.Transport{DialContext: dialing}, time.Millisecond, false},
	} {
		req := get(0)
		req.URL, req.Timeout = hangUp.URL, tt.timeout
		client := New(tt.rt, "test")
		_, _, err := client.Send(t.Context(), req)
		client.CloseIdleConnections()
		var lost *Error
		require.ErrorAs(t, err, &lost, name)
		assert.Equal(t, tt.sent, lost.Sent, name)
		assert.Equal(t, !tt.sent, errors.Is(lost.Err, context.DeadlineExceeded), name)
	}
}

func TestUnprocessed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"http2: Transport: cannot retry err [stream error: stream ID 3; REFUSED_STREAM; received from peer] after Request.Body was written": true,
		"http2: Transport: cannot retry err [http2: Transport received Server's graceful shutdown GOAWAY] after Request.Body was written":   true,
		"http2: Transport: cannot retry err [http2: client conn not usable] after Request.Body was written":                                 true,
		"net/http: cannot rewind body after connection loss":                                                                                true,
		"http2: Transport received GOAWAY from server ErrCode:ENHANCE_YOUR_CALM":                                                            true,
		"http2: Transport: cannot retry err [stream error: stream ID 3; PROTOCOL_ERROR; received from peer] after Request.Body was written": false,
		"http2: server sent GOAWAY and closed the connection; LastStreamID=1, ErrCode=NO_ERROR, debug=\"\"":                                 false,
		"stream error: stream ID 1; CANCEL; received from peer":                                                                             false,
	} {
		synctest.Test(t, func(t *testing.T) {
			rt := &script{steps: []step{{err: errors.New(text)}}}
			_, attempts, err := New(rt, "test").Send(t.Context(), get(0))
			var lost *Error
			require.ErrorAs(t, err, &lost)
			assert.Equal(t, want, lost.Unprocessed, text)
			assert.Equal(t, want, !lost.Sent, text)
			if want {
				assert.Equal(t, 4, attempts)
			} else {
				assert.Equal(t, 1, attempts)
			}
		})
	}
}

// The cause of a context belongs to the caller: it may be the error of another call.
func TestCausesDoNotShow(t *testing.T) {
	t.Parallel()
	cause := errors.New("another call")
	for name, s := range map[string]step{
		"cause":         {err: cause},
		"wrapped cause": {err: fmt.Errorf("round trip: %w", cause)},
		"something":     {err: io.ErrUnexpectedEOF},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		s.then = func() { cancel(cause) }
		_, _, err := New(&script{steps: []step{s}}, "test").Send(ctx, get(0))
		var lost *Error
		require.ErrorAs(t, err, &lost, name)
		require.ErrorIs(t, lost.Err, context.Canceled, name)
		assert.NotErrorIs(t, lost.Err, cause, name)
	}
}

func TestNewHTTP(t *testing.T) {
	t.Parallel()
	own, standard := NewHTTP(), http.DefaultTransport.(*http.Transport)
	assert.Equal(t, 4*time.Second, own.IdleConnTimeout, "shorter than the 5 seconds of Node.js")
	assert.Equal(t, 512, own.MaxIdleConnsPerHost)
	assert.EqualValues(t, 64<<10, own.MaxResponseHeaderBytes)
	assert.NotEqual(t, own.MaxIdleConnsPerHost, standard.MaxIdleConnsPerHost, "the global one is unchanged")
	assert.NotSame(t, own, NewHTTP())
	assert.IsType(t, own, Default())
	assert.Nil(t, own.TLSClientConfig)
	assert.Nil(t, own.TLSNextProto, "connections of others would be shared")
	assert.Equal(t, &http.HTTP2Config{SendPingTimeout: 3 * time.Second, PingTimeout: 3 * time.Second}, own.HTTP2)
	assert.Equal(t, reflect.ValueOf(standard.Proxy).Pointer(), reflect.ValueOf(own.Proxy).Pointer())
}

// Not parallel: it replaces a global.
func TestReplacedDefault(t *testing.T) {
	original := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = original })
	mock := &script{}
	http.DefaultTransport = mock
	assert.Same(t, mock, Default())
	own := NewHTTP()
	assert.NotNil(t, own.Proxy)
	assert.True(t, own.ForceAttemptHTTP2)
	assert.Equal(t, 4*time.Second, own.IdleConnTimeout)
	http.DefaultTransport = nil
	assert.IsType(t, own, Default())
}

// Not parallel: it replaces a global.
func TestOnlyProxyAndDialerAreTakenOver(t *testing.T) {
	original := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = original })
	http.DefaultTransport = &http.Transport{
		Proxy:                  func(*http.Request) (*url.URL, error) { return nil, io.EOF },
		DialContext:            func(context.Context, string, string) (net.Conn, error) { return nil, io.EOF },
		DialTLSContext:         func(context.Context, string, string) (net.Conn, error) { return nil, io.EOF },
		TLSClientConfig:        &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // must not be taken over
		MaxResponseHeaderBytes: 1,
		DisableKeepAlives:      true,
	}
	own := NewHTTP()
	_, err := own.Proxy(nil)
	require.ErrorIs(t, err, io.EOF)
	_, err = own.DialContext(t.Context(), "tcp", "x")
	require.ErrorIs(t, err, io.EOF)
	assert.Nil(t, own.DialTLSContext)
	assert.Nil(t, own.TLSClientConfig)
	assert.EqualValues(t, 64<<10, own.MaxResponseHeaderBytes)
	assert.False(t, own.DisableKeepAlives)
}

// resty binds its logger to os.Stderr when a client is built, so the calls run in a process of their own.
func TestNothingOnStderr(t *testing.T) {
	t.Parallel()
	const asked = "AUTHING_TEST_FAILING_CALLS"
	if os.Getenv(asked) == "" {
		var stdout, stderr bytes.Buffer
		cmd := exec.Command(os.Args[0], "-test.run=^TestNothingOnStderr$", "-test.v")
		cmd.Env = append(os.Environ(), asked+"=1")
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		require.NoError(t, cmd.Run(), "%s", &stdout)
		require.Contains(t, stdout.String(), "--- PASS: TestNothingOnStderr")
		assert.Empty(t, stderr.String())
		return
	}
	for _, s := range []step{{status: 502}, {err: io.ErrUnexpectedEOF}} {
		client := New(&script{steps: []step{s}}, "test")
		client.Send(context.Background(), get(1))
		client.resty.R().SetBasicAuth("user", "password").Get("http://127.0.0.1") // resty warns of plain http
	}
}

func TestRetryWaitsAsAsked(t *testing.T) {
	t.Parallel()
	for asked, want := range map[string]struct {
		sent int
		wait time.Duration
	}{
		"2":  {2, 2 * time.Second},
		"3":  {2, 3 * time.Second},
		"4":  {1, 0},
		"60": {1, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			rt := &script{steps: []step{{status: 503, header: http.Header{"Retry-After": {asked}}}, {status: 200}}}
			start := time.Now()
			_, attempts, err := New(rt, "test").Send(t.Context(), get(1))
			require.NoError(t, err)
			assert.Equal(t, want.sent, attempts, asked)
			assert.Equal(t, want.wait, time.Since(start), asked)
		})
	}
}
