package authing

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"reflect"
	"strings"
	"time"

	"github.com/go-resty/resty/v2"
)

const (
	// Longer and a server that closes idle connections sooner could cut a call short, which must not be repeated:
	// node.js, for one, closes after 5 seconds.
	idleTimeout = 4 * time.Second

	// Enough that a busy backend reuses its connections: net/http keeps 2 for a host by default.
	idleConnections = 512

	headerLimit = 64 << 10 // bytes; net/http would read 10 MiB
)

// newTransport returns net/http's default transport with more idle connections and less patience for headers. A test may
// have replaced that by a mock, which is then used as it is.
func newTransport() http.RoundTripper {
	standard, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	t := standard.Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 2*idleConnections, idleConnections
	t.IdleConnTimeout = idleTimeout
	if t.MaxResponseHeaderBytes <= 0 || t.MaxResponseHeaderBytes > headerLimit {
		t.MaxResponseHeaderBytes = headerLimit
	}
	return t
}

// newResty returns a resty client without the defaults that do not suit a backend: a cookie jar that all users share,
// redirects that carry codes and tokens elsewhere, log lines, and bodies that net/http could send again. Requests are
// copies of the draft, which is never written to: that saves seven allocations, five of them maps that R makes and no call
// fills.
func newResty(transport http.RoundTripper, userAgent string) (client *resty.Client, draft *resty.Request) {
	client = resty.NewWithClient(&http.Client{Transport: unredirected{transport}}).
		SetLogger(silence{}).
		SetPreRequestHook(prepare)
	draft = client.R().SetDoNotParseResponse(true).SetHeaders(map[string]string{
		"Accept":       "application/json",
		"Content-Type": "application/json",
		"User-Agent":   userAgent,
	})
	return client, draft
}

// prepare gives a request what its trip has for it.
func prepare(_ *resty.Client, r *http.Request) error {
	// A body that cannot be had again is a request that cannot be sent again.
	r.GetBody = nil
	if r.Body == nil {
		r.Body = io.NopCloser(strings.NewReader(""))
	}
	t, ok := r.Context().Value(tripKey{}).(*trip)
	if !ok {
		return nil
	}
	// resty hands on a copy of the draft's headers. Should it stop doing so, one user's token must still not reach
	// another's request.
	if reflect.ValueOf(r.Header).Pointer() == reflect.ValueOf(t.request.Header).Pointer() {
		r.Header = r.Header.Clone()
	}
	if t.auth != "" {
		r.Header.Set("Authorization", t.auth)
	}
	if up := t.upload; up != nil {
		r.Header.Set("Content-Type", up.contentType)
		r.Body, r.ContentLength = io.NopCloser(up.body), up.length
	}
	return nil
}

// trip is the context of one request on its way: what the request takes along past resty, and what it brings back.
// Being one value it saves four allocations.
type trip struct {
	context.Context
	request resty.Request
	op      string
	auth    string
	body    bytes.Reader
	upload  *upload // instead of body
	answer  io.LimitedReader
	seen    progress
}

type tripKey struct{}

// Value returns the trip itself under its key.
func (t *trip) Value(key any) any {
	if key == (tripKey{}) {
		return t
	}
	return t.Context.Value(key)
}

// traced lets net/http tell how far it came.
func (t *trip) traced() context.Context { return httptrace.WithClientTrace(t, t.seen.trace()) }

// unredirected hides where an answer points to, so that net/http neither follows it nor fails because it cannot read
// the address.
type unredirected struct{ http.RoundTripper }

func (t unredirected) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(r)
	if resp == nil || resp.Header.Get("Location") == "" {
		return resp, err
	}
	hidden := *resp // a mock may give the same answer to many
	hidden.Header = resp.Header.Clone()
	hidden.Header.Del("Location")
	return &hidden, err
}

func (t unredirected) CloseIdleConnections() {
	if closer, ok := t.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// upload is a body to stream, of a length that is -1 if unknown. It passes resty by, which would hold it in memory.
type upload struct {
	body        io.Reader
	length      int64
	contentType string
	fault       func() error // what is wrong with the body itself, nil if nothing
}

type silence struct{}

func (silence) Errorf(string, ...any) {}
func (silence) Warnf(string, ...any)  {}
func (silence) Debugf(string, ...any) {}
