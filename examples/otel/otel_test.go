package otel_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/codes"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
	"github.com/authing-wxapp/authing/examples/otel"
)

// traced is a fake Authing and a client whose calls are traced and measured.
type traced struct {
	srv     *authingtest.Server
	client  *authing.Client
	tracer  *sdktrace.TracerProvider
	spans   *tracetest.InMemoryExporter
	metrics *sdkmetric.ManualReader
	dialed  atomic.Int32
}

func start(t *testing.T) *traced {
	t.Helper()
	s := &traced{
		srv:     authingtest.NewServer(authingtest.Options{}),
		spans:   tracetest.NewInMemoryExporter(),
		metrics: sdkmetric.NewManualReader(),
	}
	t.Cleanup(s.srv.Close)
	s.tracer = sdktrace.NewTracerProvider(sdktrace.WithSyncer(s.spans))
	transport := authing.NewTransport()
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		s.dialed.Add(1)
		return dial(ctx, network, address)
	}
	metrics, err := otel.NewMetrics(sdkmetric.NewMeterProvider(sdkmetric.WithReader(s.metrics)).Meter("test"))
	require.NoError(t, err)
	s.client, err = authing.NewClient(s.srv.UserPoolID(), append(s.srv.ClientOptions(),
		authing.WithHTTPClient(&http.Client{Transport: otel.NewTransport(transport, otelhttp.WithTracerProvider(s.tracer))}),
		authing.WithLogger(slog.New(metrics)))...)
	require.NoError(t, err)
	t.Cleanup(transport.CloseIdleConnections)
	return s
}

func TestSpansNameTheOperationAndNoPhoneNumber(t *testing.T) {
	t.Parallel()
	const phone = "13812345678"
	s := start(t)
	require.NoError(t, s.client.GetVerificationCode(t.Context(), phone))
	assert.NotEmpty(t, s.srv.LastSMS(phone), "the real address was used")

	spans := s.spans.GetSpans()
	require.Len(t, spans, 1)
	assert.Equal(t, "Authing GetVerificationCode", spans[0].Name)
	assert.NotContains(t, fmt.Sprintf("%+v", spans), phone)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// net/http quotes what it cannot read.
func TestSpansQuoteNoResponse(t *testing.T) {
	t.Parallel()
	malformed := errors.New("malformed HTTP response \"canary\"")
	for _, base := range []roundTripper{
		func(*http.Request) (*http.Response, error) { return nil, malformed },
		func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(iotest.ErrReader(malformed))}, nil
		},
	} {
		spans := tracetest.NewInMemoryExporter()
		tracer := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://example.com", http.NoBody)
		require.NoError(t, err)
		resp, err := otel.NewTransport(base, otelhttp.WithTracerProvider(tracer)).RoundTrip(r)
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		} else {
			assert.Equal(t, malformed, err, "the SDK needs the text, and redacts it")
		}
		require.ErrorIs(t, err, malformed)
		require.Len(t, spans.GetSpans(), 1)
		assert.Equal(t, codes.Error, spans.GetSpans()[0].Status.Code)
		assert.NotContains(t, fmt.Sprintf("%+v", spans.GetSpans()), "canary")
	}
}

func TestStatusIsThatOfTheError(t *testing.T) {
	t.Parallel()
	s := start(t)
	ctx, span := s.tracer.Tracer("test").Start(t.Context(), "sign in")
	_, err := s.client.LoginByPhoneCode(ctx, "13812345678", "000000")
	require.ErrorIs(t, err, authing.ErrVerifyCode)
	otel.Record(ctx, err)
	otel.Record(ctx, nil)
	span.End()

	spans := s.spans.GetSpans()
	require.Len(t, spans, 2)
	assert.Equal(t, codes.Unset, spans[0].Status.Code, "HTTP was fine")
	assert.Equal(t, codes.Error, spans[1].Status.Code)
	assert.Equal(t, err.Error(), spans[1].Status.Description)
	assert.NotContains(t, fmt.Sprintf("%+v", spans), "13812345678")
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	s := start(t)
	require.NoError(t, s.client.GetVerificationCode(t.Context(), "13812345678"))
	_, err := s.client.LoginByPhoneCode(t.Context(), "13812345678", "000000")
	require.Error(t, err)

	var all metricdata.ResourceMetrics
	require.NoError(t, s.metrics.Collect(t.Context(), &all))
	histogram, ok := all.ScopeMetrics[0].Metrics[0].Data.(metricdata.Histogram[float64])
	require.True(t, ok)
	counts := map[string]uint64{}
	for _, point := range histogram.DataPoints {
		operation, _ := point.Attributes.Value("operation")
		failed, _ := point.Attributes.Value("failed")
		counts[fmt.Sprint(operation.AsString(), " ", failed.AsBool())] = point.Count
	}
	assert.Equal(t, map[string]uint64{"GetVerificationCode false": 1, "LoginByPhoneCode true": 1}, counts)
}

// With net/http's two idle connections per host, this would take some 1,800.
func TestConnectionsAreReused(t *testing.T) {
	t.Parallel()
	s := start(t)
	var wg sync.WaitGroup
	for range 64 {
		phone := s.srv.NewPhone(authingtest.WxUser{})
		wg.Go(func() {
			for range 100 {
				_, err := s.client.LoginWithWxapp(context.Background(), phone.Login(), phone.GetUserInfo())
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	dialed := s.dialed.Load()
	t.Logf("%d connections for 6,400 calls", dialed)
	assert.Less(t, dialed, int32(200))

	s.client.CloseIdleConnections()
	require.NoError(t, s.client.GetVerificationCode(context.Background(), "13812345678"))
	assert.Equal(t, dialed+1, s.dialed.Load(), "nothing was left to use again")
}
