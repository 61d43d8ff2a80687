package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/authing-wxapp/authing"
)

// event is one step of an exchange, as the page shows it.
type event struct {
	N        int    `json:"n"`
	At       string `json:"at"`
	Exchange int64  `json:"exchange"` // ties together the steps that one request of the page leads to
	From     string `json:"from"`
	To       string `json:"to"`
	Kind     string `json:"kind"`
	Op       string `json:"op,omitempty"`
	*sent
	*answered
	Body any `json:"body,omitempty"` // masked
}

type sent struct {
	Method string `json:"method"`
	Path   string `json:"path"`
}

type answered struct {
	Status int    `json:"status"` // 0: no answer came
	MS     int64  `json:"ms"`
	Error  string `json:"error,omitempty"`
}

// kept is how many events the trace remembers.
const kept = 200

// trace holds the last events. Readers come and take what is new, so that a slow one misses events and keeps nobody
// waiting.
type trace struct {
	ending <-chan struct{}

	mu      sync.Mutex
	last    int
	events  []line // in their order
	changed chan struct{}
}

// line is an event as it is sent.
type line struct {
	n    int
	text []byte
}

func (t *trace) add(e event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	e.N, e.At = t.last, time.Now().Format("15:04:05.000")
	text, _ := json.Marshal(e) // of types that JSON has
	t.events = append(t.events, line{e.N, text})
	if len(t.events) > kept {
		t.events = t.events[1:]
	}
	close(t.changed)
	t.changed = make(chan struct{})
}

// after returns the events that came after number n, and a channel that is closed when there are more.
func (t *trace) after(n int) (lines []line, more <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n > t.last {
		n = 0 // the reader knows the numbers of an earlier process
	}
	for _, l := range t.events {
		if l.n > n {
			lines = append(lines, l)
		}
	}
	return lines, t.changed
}

// stream sends events as they come, to a browser's EventSource.
func (t *trace) stream(w http.ResponseWriter, r *http.Request) {
	const writeTimeout = 5 * time.Second
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	conn := http.NewResponseController(w)
	seen, _ := strconv.Atoi(r.Header.Get("Last-Event-ID"))
	for {
		lines, more := t.after(seen)
		conn.SetWriteDeadline(time.Now().Add(writeTimeout)) // instead of the server's, which is for requests that end
		for _, l := range lines {
			if _, err := fmt.Fprintf(w, "id: %d\ndata: %s\n\n", l.n, l.text); err != nil {
				return
			}
			seen = l.n
		}
		if conn.Flush() != nil {
			return
		}
		conn.SetWriteDeadline(time.Time{})
		select {
		case <-more:
		case <-r.Context().Done():
			return
		case <-t.ending:
			return
		}
	}
}

type exchangeKey struct{}

// traced takes down what the page asks of the backend, and of the phone.
func (d *demo) traced(mux *http.ServeMux, next http.Handler) http.Handler {
	var exchanges atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, pattern := mux.Handler(r)
		to, op := "backend", ""
		switch {
		case strings.Contains(pattern, " /api/"):
		case strings.HasSuffix(pattern, "/{id}/login"):
			to, op = "wechat", "wx.login"
		case strings.HasSuffix(pattern, "/{id}/tap"):
			to, op = "wechat", "tap"
		default:
			next.ServeHTTP(w, r)
			return
		}
		id := exchanges.Add(1)
		r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, id))
		var body []byte
		body, r.Body = peek(r.Body)
		d.trace.add(event{Exchange: id, From: "page", To: to, Kind: "request", Op: op,
			sent: &sent{r.Method, maskedPath(r.URL.Path, "")}, Body: masked(body)})

		start := time.Now()
		held := &heldWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(held, r)
		outcome := &answered{Status: held.status, MS: time.Since(start).Milliseconds()}
		if r.Context().Err() != nil {
			outcome.Error = "the page went away" // or closed only its own side, and still gets the answer
		}
		d.trace.add(event{Exchange: id, From: to, To: "page", Kind: "answer", Op: op,
			answered: outcome, Body: masked(held.body.Bytes())})
		w.WriteHeader(held.status)
		w.Write(held.body.Bytes())
	})
}

// heldWriter holds an answer back until it is taken down: the page's next request must not come before it in the trace.
type heldWriter struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (w *heldWriter) WriteHeader(status int)      { w.status = status }
func (w *heldWriter) Write(b []byte) (int, error) { return w.body.Write(b) }

// wire carries the SDK's requests to Authing and takes them down. While it is down, nothing leaves.
type wire struct {
	trace *trace
	pool  string
	base  *http.Transport
	down  atomic.Bool
}

func (t *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	id, _ := r.Context().Value(exchangeKey{}).(int64)
	op := authing.OperationFromContext(r.Context())
	body, rest := peek(r.Body)
	r = r.Clone(r.Context()) // a RoundTripper must not change its request
	r.Body = rest
	t.trace.add(event{Exchange: id, From: "backend", To: "authing", Kind: "request", Op: op,
		sent: &sent{r.Method, maskedPath(r.URL.Path, t.pool)}, Body: maskedCall(body)})

	start := time.Now()
	resp, err := t.send(r)
	outcome := &answered{MS: time.Since(start).Milliseconds()}
	answer := event{Exchange: id, From: "authing", To: "backend", Kind: "answer", Op: op, answered: outcome}
	if err != nil {
		outcome.Error = "no answer"
		if errors.Is(err, syscall.ECONNREFUSED) {
			outcome.Error = "connection refused"
		}
		t.trace.add(answer)
		return nil, err
	}
	body, resp.Body = peek(resp.Body)
	outcome.Status = resp.StatusCode
	answer.Body = masked(body)
	t.trace.add(answer)
	return resp, nil
}

// send fails while the wire is down as a dial does that nobody answers: so the SDK knows that nothing was sent.
func (t *wire) send(r *http.Request) (*http.Response, error) {
	if t.down.Load() {
		r.Body.Close()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	return t.base.RoundTrip(r)
}

// peek returns what a body begins with, and a body that still has all of it, the error included that it ends with.
func peek(body io.ReadCloser) ([]byte, io.ReadCloser) {
	start, _ := io.ReadAll(io.LimitReader(body, maxBody+1))
	return start, struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(start), body), body}
}
