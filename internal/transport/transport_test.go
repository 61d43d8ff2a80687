package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

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
		"200":                 {status: 200},
		"302":                 {status: 302},
		"400":                 {status: 400},
		"404":                 {status: 404},
		"429":                 {status: 429},
		"500":                 {status: 500},
		"501":                 {status: 501},
		"context canceled":    {err: context.Canceled},
		"deadline exceeded":   {err: context.DeadlineExceeded},
		"bad certificate":     {err: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}},
		"not TLS":             {err: tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}},
		"handshake too slow":  {err: errors.New("net/http: TLS handshake timeout")},
		"handshake rejected":  {err: errors.New("remote error: tls: handshake failure")},
		"too large":           {status: 200, body: strings.Repeat(" ", limit+1)},
		"unexpected encoding": {status: 200, header: http.Header{"Content-Encoding": {"br"}}},
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
	for _, tt := range []struct {
		name string
		step step
		err  error
	}{
		{"largest", step{status: 200, body: largest}, nil},
		{"too large", step{status: 200, body: largest + "x"}, ErrTooLarge},
		{"identity", step{status: 200, body: "{}", header: http.Header{"Content-Encoding": {"Identity"}}}, nil},
		{"encoded", step{status: 502, body: "{}", header: http.Header{"Content-Encoding": {"br"}}}, ErrEncoded},
	} {
		resp, _, err := New(&script{steps: []step{tt.step}}, "test").Send(t.Context(), get(0))
		require.ErrorIs(t, err, tt.err, tt.name)
		assert.Equal(t, tt.step.status, resp.Status, tt.name)
		if err == nil {
			assert.Equal(t, tt.step.body, string(resp.Body), tt.name)
		} else {
			assert.Empty(t, resp.Body, tt.name)
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

// net/http would replay a GET that has no body, even one with an effect.
func TestRequestsCannotBeReplayed(t *testing.T) {
	t.Parallel()
	rt := &script{steps: []step{{status: 200}}}
	client := New(rt, "test")
	body := get(0)
	body.Body = []byte("{}")
	for _, req := range []Request{get(0), body} {
		_, _, err := client.Send(t.Context(), req)
		require.NoError(t, err)
		got := rt.seen[len(rt.seen)-1]
		assert.Nil(t, got.GetBody)
		require.NotNil(t, got.Body)
		assert.NotEqual(t, http.NoBody, got.Body)
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	rt := &script{steps: []step{{status: 200}}}
	req := get(0)
	req.Authorization, req.ContentType = "h.p.s", "text/plain"
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

// Nothing of a call may stay in the template that all requests are copies of.
func TestTemplateIsNeverWrittenTo(t *testing.T) {
	t.Parallel()
	client := New(&script{steps: []step{{status: 200, body: "{}"}}}, "shop/1")
	template, header := *client.template, client.template.Header.Clone()
	for _, req := range []Request{
		{Method: http.MethodPost, URL: "https://x.test", Authorization: "h.p.s", Body: []byte(`{"code":"c"}`), Timeout: time.Second},
		{Method: http.MethodGet, URL: "https://x.test", Authorization: "h.p.s", Timeout: time.Second},
		{Method: http.MethodPost, URL: "https://x.test", Body: []byte("x"), ContentType: "text/plain", Timeout: time.Second},
	} {
		_, _, err := client.Send(t.Context(), req)
		require.NoError(t, err)
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
	e := &exchange{Context: t.Context(), request: *client.template, sent: Request{Authorization: "h.p.s"}}
	r, err := http.NewRequestWithContext(e, http.MethodGet, "https://x.test", nil)
	require.NoError(t, err)
	r.Header = client.template.Header

	require.NoError(t, prepare(nil, r))

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
func TestLargeBuffersAreNotKept(t *testing.T) {
	t.Parallel()
	client := New(&script{}, "test")
	_, err := client.read(strings.NewReader(strings.Repeat(" ", 200<<10)))
	require.NoError(t, err)
	kept := client.buffers.Get().(*bytes.Buffer)
	assert.LessOrEqual(t, kept.Cap(), 64<<10)
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
	} {
		_, _, err := New(&script{steps: []step{{err: tt.err}}}, "test").Send(t.Context(), get(0))
		var lost *Error
		require.ErrorAs(t, err, &lost)
		assert.Equal(t, tt.sent, lost.Sent, "%v", tt.err)
		assert.NotContains(t, err.Error(), ".test/", "no URL")
		assert.NotContains(t, err.Error(), "https:", "no URL")
	}

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
	assert.NotSame(t, standard, own)
	assert.Equal(t, 4*time.Second, own.IdleConnTimeout, "shorter than the 5 seconds of Node.js")
	assert.Equal(t, 512, own.MaxIdleConnsPerHost)
	assert.EqualValues(t, 64<<10, own.MaxResponseHeaderBytes)
	assert.True(t, own.TLSClientConfig == nil || !own.TLSClientConfig.InsecureSkipVerify)
	assert.NotEqual(t, own.MaxIdleConnsPerHost, standard.MaxIdleConnsPerHost, "the global one is unchanged")
	assert.NotSame(t, own, NewHTTP())
	assert.IsType(t, own, Default())
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
