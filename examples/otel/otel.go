// Package otel shows how to trace and measure the calls of package authing with OpenTelemetry: a span for each request
// that contains no phone number and keeps the connection pool, a status from the SDK's own error, and metrics from its log
// records. Copy what you need.
package otel

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/authing-wxapp/authing"
)

// NewTransport traces base, an authing.NewTransport. One of net/http's would keep only two idle connections per host.
func NewTransport(base http.RoundTripper, opts ...otelhttp.Option) http.RoundTripper {
	named := otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string {
		return "Authing " + authing.OperationFromContext(r.Context())
	})
	return hidden{otelhttp.NewTransport(shown{base}, append(opts, named)...), base}
}

type urlKey struct{}

// hidden hides the path of a request from what it wraps, which would record it: that of GetVerificationCode contains a
// phone number.
type hidden struct {
	http.RoundTripper
	base http.RoundTripper
}

func (t hidden) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := context.WithValue(r.Context(), urlKey{}, r.URL)
	traced := r.WithContext(ctx)
	traced.URL = &url.URL{Scheme: r.URL.Scheme, Host: r.URL.Host, Path: "/" + authing.OperationFromContext(ctx)}
	resp, err := t.RoundTripper.RoundTrip(traced)
	if q, ok := errors.AsType[quiet](err); ok {
		err = q.error
	}
	return resp, err
}

// CloseIdleConnections serves authing.Client.CloseIdleConnections, since otelhttp does not pass it on.
func (t hidden) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// shown sends a request to where it was going before hidden hid that, and keeps errors quiet.
type shown struct{ http.RoundTripper }

func (t shown) RoundTrip(r *http.Request) (*http.Response, error) {
	if original, ok := r.Context().Value(urlKey{}).(*url.URL); ok {
		r = r.Clone(r.Context()) // a RoundTripper must not change its request
		r.URL = original
	}
	resp, err := t.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, quiet{err}
	}
	resp.Body = quietBody{resp.Body}
	return resp, nil
}

// quiet has no text of its own: otelhttp would record that of net/http, which quotes what it cannot read, tokens included.
type quiet struct{ error }

func (quiet) Error() string   { return "the request failed" }
func (q quiet) Unwrap() error { return q.error }

type quietBody struct{ io.ReadCloser }

func (b quietBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = quiet{err}
	}
	return n, err
}

// Record sets the status of the span in ctx from the error of a call. HTTP's status does not say it: Authing refuses under
// 200 as well. The text is fit for a trace.
func Record(ctx context.Context, err error) {
	if err == nil {
		return
	}
	span := trace.SpanFromContext(ctx)
	span.SetStatus(codes.Error, err.Error())
	if e, ok := errors.AsType[*authing.Error](err); ok {
		span.SetAttributes(attribute.Int("authing.code", e.Code),
			attribute.Bool("authing.outcome_unknown", errors.Is(err, authing.ErrOutcomeUnknown)))
	}
}

// NewMetrics returns a handler for authing.WithLogger that counts and times calls by operation and code.
func NewMetrics(meter metric.Meter) (slog.Handler, error) {
	duration, err := meter.Float64Histogram("authing.call.duration", metric.WithUnit("s"))
	return metrics{duration}, err
}

type metrics struct{ duration metric.Float64Histogram }

func (m metrics) Enabled(context.Context, slog.Level) bool { return true }

func (m metrics) Handle(ctx context.Context, record slog.Record) error {
	var (
		took       time.Duration
		attributes []attribute.KeyValue
	)
	record.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "op":
			attributes = append(attributes, attribute.String("operation", a.Value.String()))
		case "code", "status":
			attributes = append(attributes, attribute.Int64(a.Key, a.Value.Int64()))
		case "took":
			took = a.Value.Duration()
		}
		return true
	})
	attributes = append(attributes, attribute.Bool("failed", record.Level >= slog.LevelWarn))
	m.duration.Record(ctx, took.Seconds(), metric.WithAttributes(attributes...))
	return nil
}

func (m metrics) WithAttrs([]slog.Attr) slog.Handler { return m }
func (m metrics) WithGroup(string) slog.Handler      { return m }
