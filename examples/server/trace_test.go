package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// step is an event as decoded by the page.
type step struct {
	N, Exchange, Status                  int
	At, From, To, Kind, Op, Method, Path string
	Button                               string
	Error                                string
	MS                                   *int64
	Body                                 json.RawMessage
	raw                                  string
}

// follow connects to the trace and returns a function that reads the next event. It returns false at the end.
func follow(t *testing.T, p *program, lastEventID string) func() (step, bool) {
	t.Helper()
	return followVisitor(t, p, lastEventID, "")
}

func followVisitor(t *testing.T, p *program, lastEventID, cookie string) func() (step, bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", p.url+"/demo/trace", nil)
	require.NoError(t, err)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	if lastEventID != "" {
		r.Header.Set("Last-Event-ID", lastEventID)
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { resp.Body.Close() })
	require.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	return func() (s step, ok bool) {
		var id int
		for lines.Scan() {
			line := lines.Text()
			if line == "" {
				require.Equal(t, id, s.N)
				return s, true
			}
			if data, found := strings.CutPrefix(line, "data: "); found {
				s.raw = data
				require.NoError(t, json.Unmarshal([]byte(data), &s))
				continue
			}
			_, err := fmt.Sscanf(line, "id: %d", &id)
			require.NoError(t, err, line)
		}
		return s, false
	}
}

func TestTraceEvents(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	next := follow(t, p, "")
	zoe := newDemoPhone(t, p, nil)
	token := zoe.signIn(t, "").Token
	request(t, "GET", p.url+"/api/me", token, nil)
	request(t, "POST", p.url+"/demo/authing", "", map[string]bool{"down": true})
	request(t, "POST", p.url+"/api/logout", token, nil)
	request(t, "GET", p.url+"/nowhere", "", nil)
	request(t, "POST", p.url+"/api/login", "", 1)

	var got []string
	var pool string
	exchange := map[int]int{}
	for i := range 20 {
		s, ok := next()
		require.True(t, ok)
		assert.Equal(t, i+1, s.N)
		assert.Regexp(t, `^\d\d:\d\d:\d\d\.\d{3}$`, s.At)
		assert.Equal(t, s.Kind == "response", s.MS != nil, s.raw)
		assert.Equal(t, s.Kind == "request", s.Method != "", s.raw)
		if s.Op == "LoginWithWxapp" && s.Kind == "request" {
			pool = s.Path[strings.LastIndexByte(s.Path, '/')+1:]
			s.Path = strings.TrimSuffix(s.Path, pool)
		}
		exchange[s.Exchange]++
		got = append(got, fmt.Sprint(s.Exchange, " ", s.From, ">", s.To, " ", s.Op, s.Path, " ", s.Status, s.Error))
	}
	assert.Equal(t, []string{
		"1 page>wechat wx.login/demo/phones/1/login 0", "1 wechat>page wx.login 200",
		"2 page>wechat tap/demo/phones/1/tap 0", "2 wechat>page tap 200",
		"3 page>backend /api/login 0",
		"3 backend>authing LoginWithWxapp/oauth/wechatapp/auth/ 0", "3 authing>backend LoginWithWxapp 200",
		"3 backend>page  200",
		"4 page>backend /api/me 0",
		"4 backend>authing VerifyToken/graphql 0", "4 authing>backend VerifyToken 200",
		"4 backend>authing User/graphql 0", "4 authing>backend User 200",
		"4 backend>page  200",
		"5 page>backend /api/logout 0",
		"5 backend>authing Logout/graphql 0", "5 authing>backend Logout 0connection refused",
		"5 backend>page  503",
		"6 page>backend /api/login 0", "6 backend>page  400",
	}, got)
	var state struct {
		Down bool
		Pool string
	}
	decodeInto(t, request(t, "GET", p.url+"/demo/state", "", nil), &state)
	assert.Equal(t, state.Pool, pool)
}

func TestTraceReplays(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	zoe := newDemoPhone(t, p, nil)
	zoe.login(t)
	zoe.login(t)
	for lastEventID, first := range map[string]int{"": 1, "0": 1, "2": 3, "99": 1, "x": 1, "-5": 1} {
		next := follow(t, p, lastEventID)
		for n := first; n <= 4; n++ {
			s, ok := next()
			require.True(t, ok)
			assert.Equal(t, n, s.N, lastEventID)
		}
	}
	live := follow(t, p, "4")
	zoe.login(t)
	s, ok := live()
	require.True(t, ok)
	assert.Equal(t, 5, s.N)
}

func newTestTrace() (*trace, chan struct{}) {
	done := make(chan struct{})
	return &trace{done: done, changed: make(chan struct{})}, done
}

func TestTraceIsBounded(t *testing.T) {
	t.Parallel()
	tr, _ := newTestTrace()
	for range maxEvents + 50 {
		tr.add(event{})
	}
	lines, _ := tr.after(0)
	require.Len(t, lines, maxEvents)
	assert.Equal(t, 51, lines[0].n)
	assert.Equal(t, maxEvents+50, lines[maxEvents-1].n)
}

// stuckWriter blocks until release is closed.
type stuckWriter struct {
	*httptest.ResponseRecorder
	stuck, release chan struct{}
}

func (w *stuckWriter) Write(b []byte) (int, error) {
	if w.stuck != nil {
		close(w.stuck)
		w.stuck = nil
	}
	<-w.release
	return w.ResponseRecorder.Write(b)
}

func TestStalledReaderDoesNotBlock(t *testing.T) {
	t.Parallel()
	tr, done := newTestTrace()
	tr.add(event{})
	stuck, release, left := make(chan struct{}), make(chan struct{}), make(chan struct{})
	w := &stuckWriter{httptest.NewRecorder(), stuck, release}
	go func() {
		tr.stream(w, httptest.NewRequest("GET", "/demo/trace", nil))
		close(left)
	}()
	<-stuck
	for range 3 * maxEvents {
		tr.add(event{})
	}
	lines, _ := tr.after(0)
	assert.Len(t, lines, maxEvents)
	close(done)
	close(release)
	<-left
	assert.Contains(t, w.Body.String(), "id: 1\n")
}

// failingWriter is a closed connection.
type failingWriter struct{ *httptest.ResponseRecorder }

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
func (failingWriter) FlushError() error         { return io.ErrClosedPipe }

func TestStreamEndsOnDisconnect(t *testing.T) {
	t.Parallel()
	tr, _ := newTestTrace()
	tr.stream(failingWriter{httptest.NewRecorder()}, httptest.NewRequest("GET", "/", nil)) // no events: fails in Flush
	tr.add(event{})
	tr.stream(failingWriter{httptest.NewRecorder()}, httptest.NewRequest("GET", "/", nil))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	tr.stream(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil).WithContext(ctx))
}

func TestShutdownEndsStreams(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	next := follow(t, p, "")
	started := time.Now()
	require.NoError(t, p.stop())
	_, ok := next()
	assert.False(t, ok)
	assert.Less(t, time.Since(started), gracePeriod)
	assert.Regexp(t, `route="GET /demo/trace" status=200 `, p.log.String())
}

func TestTraceImplicitStatus(t *testing.T) {
	t.Parallel()
	d, err := newDemo(nil)
	require.NoError(t, err)
	t.Cleanup(d.close)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/logout", func(http.ResponseWriter, *http.Request) {})
	w := httptest.NewRecorder()
	d.traceRequests(mux, mux).ServeHTTP(w, httptest.NewRequest("POST", "/api/logout", nil))
	assert.Equal(t, http.StatusOK, w.Code)
	lines, _ := d.trace.after(1)
	require.Len(t, lines, 1)
	assert.Contains(t, string(lines[0].text), `"status":200`)
}

func TestTraceDisconnectedPage(t *testing.T) {
	t.Parallel()
	d, err := newDemo(nil)
	require.NoError(t, err)
	t.Cleanup(d.close)
	ctx, cancel := context.WithCancel(context.Background())
	mux := http.NewServeMux()
	mux.Handle("POST /api/login", handler(func(http.ResponseWriter, *http.Request) error {
		cancel()
		return ctx.Err()
	}))
	r := httptest.NewRequest("POST", "/api/login", strings.NewReader("x"))
	got := record(t, d.traceRequests(mux, mux), r.WithContext(ctx))
	lines, _ := d.trace.after(0)
	require.Len(t, lines, 2)
	assert.Contains(t, string(lines[0].text), `"body":"•••• (1)"`)
	assert.Contains(t, string(lines[1].text), `"status":503,"ms":0,"error":"the page disconnected","body":{"error":`)
	assert.Equal(t, "service_down", got.Error.Reason, "the page may have closed only its sending side")

	d.fake.Close()
	r = httptest.NewRequest("POST", d.fake.OAuthURL()+"/x", strings.NewReader(""))
	r.RequestURI = ""
	_, err = d.transport.RoundTrip(r)
	require.Error(t, err)
	lines, _ = d.trace.after(2)
	require.Len(t, lines, 2)
	assert.Contains(t, string(lines[1].text), `"status":0`)
}
