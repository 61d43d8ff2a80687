package transport

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"reflect"

	"github.com/go-resty/resty/v2"
)

// exchange carries one request's state through resty, as its context. Keeping it in one value saves four allocations. It
// is not used again: net/http may look at it after the call.
type exchange struct {
	context.Context
	op, authorization, contentType string
	header                         http.Header

	body    bytes.Reader
	limited io.LimitedReader
	trace   trace
}

type exchangeKey struct{}

// Value returns the exchange itself under its key.
func (e *exchange) Value(key any) any {
	if key == (exchangeKey{}) {
		return e
	}
	return e.Context.Value(key)
}

// traced returns e as a context that lets net/http report its progress.
func (e *exchange) traced() context.Context { return httptrace.WithClientTrace(e, &e.trace.client) }

// Operation returns the Op of the request that ctx belongs to, or "".
func Operation(ctx context.Context) string {
	if e, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return e.op
	}
	return ""
}

// prepare adds the headers of one call and makes its body impossible to replay. net/http would also repeat a request that
// an HTTP/2 server reset for other reasons than that it did not process it; Send knows better.
func (c *Client) prepare(_ *resty.Client, r *http.Request) error {
	r.GetBody = nil
	e, ok := r.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		return nil
	}
	// resty clones the template's headers. If it ever stops, one user's token must still not reach another's request.
	if reflect.ValueOf(r.Header).Pointer() == reflect.ValueOf(c.template.Header).Pointer() {
		r.Header = r.Header.Clone()
	}
	for name, values := range e.header {
		r.Header[name] = values
		if values == nil {
			delete(r.Header, name)
		}
	}
	if e.authorization != "" {
		r.Header.Set("Authorization", e.authorization)
	}
	if e.contentType != "" {
		r.Header.Set("Content-Type", e.contentType)
	}
	return nil
}

// noRedirects hides where a response redirects to, so that net/http neither follows it nor fails to parse the address.
type noRedirects struct{ http.RoundTripper }

func (t noRedirects) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(r)
	if resp == nil || resp.Header.Get("Location") == "" {
		return resp, err
	}
	hidden := *resp // a mock may return the same response again
	hidden.Header = resp.Header.Clone()
	hidden.Header.Del("Location")
	return &hidden, err
}

func (t noRedirects) CloseIdleConnections() {
	if closer, ok := t.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// discard is a resty.Logger.
type discard struct{}

func (discard) Errorf(string, ...any) {}
func (discard) Warnf(string, ...any)  {}
func (discard) Debugf(string, ...any) {}
