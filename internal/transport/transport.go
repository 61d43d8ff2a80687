// Package transport sends one HTTP request at most once and reports what is known of it. It is the only package that
// knows resty and net/http's way of sending: the package above describes requests and reads responses.
package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-resty/resty/v2"
)

// limit bounds a response body in bytes, after decompression.
const limit = 1 << 20

// These reject a response whose body is not returned.
var (
	ErrTooLarge = errors.New("response larger than 1 MiB")
	ErrInterim  = errors.New("response that only announces another protocol or response")
)

// Request describes one request.
type Request struct {
	Op            string // for Operation
	Method        string
	URL           string
	Authorization string      // header; "" sends none
	Header        http.Header // further headers, which are not changed; nil removes one
	ContentType   string      // of Body; "" is JSON
	Body          []byte
	Timeout       time.Duration // of each attempt
	Retries       int           // how often to send it again after a transient failure; 0 for anything but a read
}

// Response is what the server sent, read to its end.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Client sends requests. It is safe for concurrent use and nothing of one call is reachable from another.
type Client struct {
	resty    *resty.Client
	own      bool           // the transport was made here and reports how far each request got
	template *resty.Request // every request is a copy of it
	requests sync.Pool      // of those copies: saves each call 480 bytes
	buffers  sync.Pool      // of *bytes.Buffer
}

// New returns a Client that sends through rt, by default a transport of its own, without resty's defaults that do not suit
// a backend: a cookie jar that all users would share, redirects that carry codes and tokens elsewhere, log output, and
// bodies that net/http could replay.
func New(rt http.RoundTripper, userAgent string) *Client {
	own := rt == nil
	if own {
		rt = Default()
	}
	_, standard := rt.(*http.Transport)
	c := &Client{
		own: own && standard,
		resty: resty.NewWithClient(&http.Client{Transport: noRedirects{rt}}).
			SetLogger(discard{}),
		buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }},
	}
	c.resty.SetPreRequestHook(c.prepare)
	// Copying one request instead of asking resty for each saves seven allocations, five of them empty maps.
	c.template = c.resty.R().SetDoNotParseResponse(true).SetHeaders(map[string]string{
		"Accept":       "application/json",
		"Content-Type": "application/json",
		"User-Agent":   userAgent,
	})
	c.requests.New = func() any {
		request := *c.template
		return &request
	}
	return c
}

// CloseIdleConnections closes connections that no call is using.
func (c *Client) CloseIdleConnections() { c.resty.GetClient().CloseIdleConnections() }

// Send sends req, again as often as req.Retries says after a transient failure, and again up to three times if an HTTP/2
// server declares it unprocessed. It reports how many attempts it made. An error is an *Error if no complete response came,
// else ErrTooLarge or ErrInterim.
func (c *Client) Send(ctx context.Context, req Request) (resp Response, attempts int, err error) {
	const unprocessedLimit = 3
	for attempts = 1; ; attempts++ {
		resp, err = c.sendOnce(ctx, req)
		switch {
		case err != nil && declaredUnprocessed(err) && attempts <= unprocessedLimit && backoff(ctx, 0):
		case attempts > req.Retries || !transient(resp, err) || !backoff(ctx, RetryAfter(resp.Header)):
			return resp, attempts, err
		}
	}
}

// sendOnce reads the response to its end, so that the connection can be reused.
func (c *Client) sendOnce(ctx context.Context, req Request) (Response, error) {
	ctx, cancel := WithTimeout(ctx, req.Timeout)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return Response{}, &Error{Err: err}
	}
	e := &exchange{Context: ctx, op: req.Op, authorization: req.Authorization, contentType: req.ContentType, header: req.Header}
	e.trace.init(c.own, req.Body == nil, cancel)
	request := c.requests.Get().(*resty.Request)
	if req.Body != nil {
		e.body.Reset(req.Body)
		request.Body = &e.body // resty passes a reader on without copying it
	}
	result, err := request.SetContext(e.traced()).Execute(req.Method, req.URL)
	*request = *c.template // resty is done with it, and net/http never saw it
	c.requests.Put(request)
	if err != nil {
		return Response{}, lost(ctx, err, &e.trace)
	}
	raw := result.RawResponse
	defer raw.Body.Close()
	resp := Response{Status: raw.StatusCode, Header: raw.Header}
	if resp.Status < 200 {
		return resp, ErrInterim // the context does not end the body of a 101
	}
	e.limited = io.LimitedReader{R: raw.Body, N: limit + 1}
	body, err := c.read(&e.limited)
	switch {
	case err != nil:
		return resp, lost(ctx, err, &e.trace)
	case len(body) > limit:
		return resp, ErrTooLarge
	}
	resp.Body = body
	return resp, nil
}

// WithTimeout is context.WithTimeout for contexts that may report a deadline and never end.
func WithTimeout(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < limit {
		if reflect.TypeOf(ctx) == withTimer {
			return context.WithCancel(ctx) // a second timer would cost two allocations
		}
		ctx = noDeadline{ctx}
	}
	return context.WithTimeout(ctx, limit)
}

// withTimer is the type of the contexts that have a timer for their deadline. Others may only report one.
var withTimer = func() reflect.Type {
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	cancel()
	return reflect.TypeOf(ctx)
}()

// noDeadline ends with its parent, but context.WithTimeout gives it a timer of its own.
type noDeadline struct{ context.Context }

func (noDeadline) Deadline() (deadline time.Time, ok bool) { return }

// read returns a copy of what it read into a pooled buffer, which saves four allocations of growing one. A buffer whose
// body failed is dropped: after a timeout, a body may still have a goroutine that writes into it.
func (c *Client) read(body io.Reader) ([]byte, error) {
	const tooLarge = 64 << 10 // to keep between calls
	buffer := c.buffers.Get().(*bytes.Buffer)
	buffer.Reset()
	_, err := buffer.ReadFrom(body)
	read := bytes.Clone(buffer.Bytes())
	if err == nil && buffer.Cap() <= tooLarge {
		c.buffers.Put(buffer)
	}
	return read, err
}

func declaredUnprocessed(err error) bool {
	var lost *Error
	return errors.As(err, &lost) && lost.Unprocessed
}

// transient reports whether a failed read is worth another attempt.
func transient(resp Response, err error) bool {
	if err == nil {
		return resp.Status == 502 || resp.Status == 503 || resp.Status == 504
	}
	var lost *Error
	return errors.As(err, &lost) && !errors.Is(lost.Err, context.Canceled) &&
		!errors.Is(lost.Err, context.DeadlineExceeded) && !isTLSFailure(lost.Err)
}

// backoff waits 50 to 150 ms, or as long as the server asked for. It returns false at once if that is beyond ctx or too long
// for a caller to wait without knowing why, and later if ctx ends meanwhile.
func backoff(ctx context.Context, asked time.Duration) bool {
	const longest = 3 * time.Second
	wait := max(asked, 50*time.Millisecond+rand.N(100*time.Millisecond))
	if deadline, ok := ctx.Deadline(); wait > longest || ok && time.Until(deadline) < wait {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// RetryAfter parses the header of that name, which is a number of seconds or a date. It is 0 if there is none. Some servers
// send a fraction, and some proxies add a second number.
func RetryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if date, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(date))
	}
	first, _, _ := strings.Cut(value, ",")
	if seconds, _ := strconv.ParseFloat(strings.TrimSpace(first), 64); seconds > 0 {
		return time.Duration(min(math.Ceil(seconds), float64(math.MaxInt64/time.Second))) * time.Second
	}
	return 0
}
