package authing

import (
	"io"
	"net/http"
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
)

// newTransport returns net/http's default transport with more idle connections. A test may have replaced that by a
// mock, which is then used as it is.
func newTransport() http.RoundTripper {
	standard, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	t := standard.Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 2*idleConnections, idleConnections
	t.IdleConnTimeout = idleTimeout
	return t
}

// newResty returns a resty client without the defaults that do not suit a backend: a cookie jar that all users share,
// redirects that carry codes and tokens elsewhere, log lines, and bodies that net/http could send again.
func newResty(transport http.RoundTripper, userAgent string) *resty.Client {
	return resty.NewWithClient(&http.Client{Transport: unredirected{transport}}).
		SetLogger(silence{}).
		SetHeaders(map[string]string{
			"Accept":       "application/json",
			"Content-Type": "application/json",
			"User-Agent":   userAgent,
		}).
		SetPreRequestHook(func(_ *resty.Client, r *http.Request) error {
			// A body that cannot be had again is a request that cannot be sent again.
			r.GetBody = nil
			if r.Body == nil {
				r.Body = io.NopCloser(strings.NewReader(""))
			}
			if up, ok := r.Context().Value(uploadKey{}).(*upload); ok {
				r.Body, r.ContentLength = io.NopCloser(up.body), up.length
			}
			return nil
		})
}

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

type uploadKey struct{}

type silence struct{}

func (silence) Errorf(string, ...any) {}
func (silence) Warnf(string, ...any)  {}
func (silence) Debugf(string, ...any) {}
