package main

import (
	"bytes"
	"cmp"
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

// event is one step of an exchange, in the JSON format that the page expects.
type event struct {
	N        int    `json:"n"`
	At       string `json:"at"`
	Exchange int64  `json:"exchange"` // groups the steps caused by one request of the page
	From     string `json:"from"`
	To       string `json:"to"`
	Kind     string `json:"kind"`
	Op       string `json:"op,omitempty"`
	Button   string `json:"button,omitempty"` // the open-type of a tapped button
	*requestLine
	*result
	Body any `json:"body,omitempty"` // masked
}

type requestLine struct {
	Method string `json:"method"`
	Path   string `json:"path"`
}

type result struct {
	Status int    `json:"status"` // 0: no response
	MS     int64  `json:"ms"`
	Error  string `json:"error,omitempty"`
}

// maxEvents is the number of events that a trace keeps.
const maxEvents = 200

// trace keeps the latest events. Readers poll for new ones, so a slow reader may miss events but never blocks the
// writer.
type trace struct {
	done <-chan struct{}

	mu      sync.Mutex
	last    int
	events  []line // oldest first
	changed chan struct{}

	exchanges atomic.Int64

	down atomic.Bool // the visitor's switch "Authing is down"
}

func newTrace(done <-chan struct{}) *trace { return &trace{done: done, changed: make(chan struct{})} }

// line is an encoded event.
type line struct {
	n    int
	text []byte
}

func (t *trace) add(e event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	e.N, e.At = t.last, time.Now().Format("15:04:05.000")
	text, _ := json.Marshal(e) // cannot fail for these types
	t.events = append(t.events, line{e.N, text})
	if len(t.events) > maxEvents {
		t.events = t.events[1:]
	}
	close(t.changed)
	t.changed = make(chan struct{})
}

// after returns the events after number n, and a channel that is closed when there are new ones.
func (t *trace) after(n int) (lines []line, more <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n > t.last {
		n = 0 // the number is from before a restart
	}
	for _, l := range t.events {
		if l.n > n {
			lines = append(lines, l)
		}
	}
	return lines, t.changed
}

// stream sends events to a browser's EventSource.
func (t *trace) stream(w http.ResponseWriter, r *http.Request) {
	const writeTimeout = 5 * time.Second
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	conn := http.NewResponseController(w)
	seen, _ := strconv.Atoi(r.Header.Get("Last-Event-ID"))
	for {
		lines, more := t.after(seen)
		conn.SetWriteDeadline(time.Now().Add(writeTimeout)) // overrides the server's, which would end the stream
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
		case <-t.done:
			return
		}
	}
}

type exchangeKey struct{}

// exchange is one request of the page.
type exchange struct {
	trace *trace
	id    int64
}

// traceRequests records the page's requests to the backend and to the phone.
func (d *demo) traceRequests(mux *http.ServeMux, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, pattern := mux.Handler(r)
		to, op := "backend", ""
		switch {
		case strings.Contains(pattern, "/api/"):
		case strings.HasSuffix(pattern, "/{id}/login"):
			to, op = "wechat", "wx.login"
		case strings.HasSuffix(pattern, "/{id}/tap"):
			to, op = "wechat", "tap"
		default:
			next.ServeHTTP(w, r)
			return
		}
		trace := d.traceOf(r)
		id := trace.exchanges.Add(1)
		r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, exchange{trace, id}))
		var body []byte
		body, r.Body = peekBody(r.Body)
		request := event{Exchange: id, From: "page", To: to, Kind: "request", Op: op,
			requestLine: &requestLine{r.Method, maskPath(r.URL.Path, "")}}
		if to == "wechat" {
			request.Button = tappedButton(body) // the body is the demo's own: a real page sends WeChat none
		} else {
			request.Body = maskBody(r.Header.Get("Content-Type"), body)
		}
		trace.add(request)

		start := time.Now()
		buffered := &bufferedWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(buffered, r)
		res := &result{Status: buffered.status, MS: time.Since(start).Milliseconds()}
		if r.Context().Err() != nil {
			res.Error = "the page disconnected" // or closed only its sending side, and still gets the response
		}
		trace.add(event{Exchange: id, From: to, To: "page", Kind: "response", Op: op,
			result: res, Body: maskBody("", buffered.body.Bytes())})
		w.WriteHeader(buffered.status)
		w.Write(buffered.body.Bytes())
	})
}

func tappedButton(body []byte) string {
	v, _ := parse(body)
	in, _ := v.(map[string]any)
	button, _ := in["button"].(string)
	if button == "" {
		return ""
	}
	return maskWord(button)
}

// bufferedWriter holds back a response until it is recorded, so that the page's next request follows it in the trace.
type bufferedWriter struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (w *bufferedWriter) WriteHeader(status int)      { w.status = status }
func (w *bufferedWriter) Write(b []byte) (int, error) { return w.body.Write(b) }

// Unwrap supports http.ResponseController.
func (w *bufferedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// tracingTransport records the SDK's requests to Authing. It sends none for a visitor whose Authing is down.
type tracingTransport struct {
	trace *trace // of requests without an exchange
	pool  string
	base  *http.Transport
}

func (t *tracingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	x, ok := r.Context().Value(exchangeKey{}).(exchange)
	if !ok {
		x.trace = t.trace
	}
	op := authing.OperationFromContext(r.Context())
	r = r.Clone(r.Context()) // a RoundTripper must not change its request
	if r.Body == nil {
		r.Body = http.NoBody
	}
	body, rest := peekBody(r.Body)
	if len(body) > 0 {
		r.Body = rest
	}
	x.trace.add(event{Exchange: x.id, From: "backend", To: "authing", Kind: "request", Op: op,
		requestLine: &requestLine{r.Method, maskPath(cmp.Or(r.URL.Path, "/"), t.pool)}, Body: maskCall(r.Header.Get("Content-Type"), body)})

	start := time.Now()
	resp, err := t.send(r, x.trace.down.Load())
	res := &result{MS: time.Since(start).Milliseconds()}
	response := event{Exchange: x.id, From: "authing", To: "backend", Kind: "response", Op: op, result: res}
	if err != nil {
		res.Error = "no response"
		if errors.Is(err, syscall.ECONNREFUSED) {
			res.Error = "connection refused"
		}
		x.trace.add(response)
		return nil, err
	}
	body, resp.Body = peekBody(resp.Body)
	res.Status = resp.StatusCode
	response.Body = maskBody("", body)
	x.trace.add(response)
	return resp, nil
}

// send fails like a refused connection if Authing is down, so that the SDK knows that nothing was sent.
func (t *tracingTransport) send(r *http.Request, down bool) (*http.Response, error) {
	if down {
		r.Body.Close()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	return t.base.RoundTrip(r)
}

// peekBody reads the start of a body, and returns it with a body that still yields everything, including a final error.
func peekBody(body io.ReadCloser) ([]byte, io.ReadCloser) {
	start, _ := io.ReadAll(io.LimitReader(body, maxBody+1))
	return start, struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(start), body), body}
}
