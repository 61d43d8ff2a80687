package promises_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingv3"
	"github.com/authing-wxapp/authing/internal/testkit"
)

const (
	pool        = "5e4cdd055df3df65dc58b97d"
	appID       = "65f0c1d2e3b4a59687766554"
	miniProgram = "shop-mini-program"

	// WeChat documents no form for a code. The iv and the ciphertext have valid lengths: 16 and 48 bytes.
	code          = "061AbcDefGhiJklMnoPqrStu0VwXyZ01"
	iv            = "EBESExQVFhcYGRobHB0eHw=="
	encryptedData = "aLhedzo+Z6es5zW+YHo9sgkoobhypSEeViQBPmmCx3fmcZGKbataj/52/+U/sVY3"
	token         = authing.Secret("header.payload.signature")
)

var (
	loginDetail = authing.Detail{ErrMsg: "getUserInfo:ok", EncryptedData: encryptedData, IV: iv}
	phoneDetail = authing.Detail{ErrMsg: "getPhoneNumber:ok", EncryptedData: encryptedData, IV: iv}
)

// pair is a client of either generation, with the same settings. Where none is named, it is that of package authing.
type pair struct {
	*authing.Client

	v3      *authingv3.Client // sends its secret in the body
	v3Basic *authingv3.Client // sends it in the header
}

// As returns the pair of the copies that act as a user.
func (p pair) As(token authing.Secret) pair {
	return pair{p.Client.As(token), p.v3.As(token), p.v3Basic.As(token)}
}

// option is an option of both generations. One that only package authing has is nil in v3.
type option struct {
	legacy authing.Option
	v3     authingv3.Option
}

func withHTTPClient(hc *http.Client) option {
	return option{authing.WithHTTPClient(hc), authingv3.WithHTTPClient(hc)}
}

func withTransport(transport http.RoundTripper) option {
	return withHTTPClient(&http.Client{Transport: transport})
}

func withReadRetries(n int) option {
	return option{authing.WithReadRetries(n), authingv3.WithReadRetries(n)}
}

func withTimeout(d time.Duration) option {
	return option{authing.WithTimeout(d), authingv3.WithTimeout(d)}
}

func withLogger(logger *slog.Logger) option {
	return option{authing.WithLogger(logger), authingv3.WithLogger(logger)}
}

// setup returns a client that gets the same response to every request, and the recorder of its requests.
func setup(t *testing.T, status int, body string, opts ...option) (pair, *testkit.Recorder) {
	t.Helper()
	return setupResponder(t, httpmock.NewStringResponder(status, body), opts...)
}

// setupResponder is setup for responses that need more than a status and a body.
func setupResponder(t *testing.T, responder httpmock.Responder, opts ...option) (pair, *testkit.Recorder) {
	t.Helper()
	transport, got := testkit.Record(responder)
	return newClient(t, "", append([]option{withTransport(transport)}, opts...)...), got
}

// clientAt returns a client that acts as the holder of the canary token and whose hosts are all at url.
func clientAt(t *testing.T, url string, opts ...option) pair {
	t.Helper()
	client := newClient(t, url, opts...)
	t.Cleanup(client.CloseIdleConnections)
	return client.As(canaryToken)
}

// clientOver returns a client that acts as the holder of the canary token and sends through transport.
func clientOver(t *testing.T, transport http.RoundTripper, opts ...option) pair {
	t.Helper()
	return newClient(t, "", append([]option{withTransport(transport)}, opts...)...).As(canaryToken)
}

// CloseIdleConnections closes those of all clients.
func (p pair) CloseIdleConnections() {
	p.Client.CloseIdleConnections()
	p.v3.CloseIdleConnections()
	p.v3Basic.CloseIdleConnections()
}

// newClient returns a client whose hosts are all at url, or the default ones.
func newClient(t *testing.T, url string, opts ...option) pair {
	t.Helper()
	hosts := authing.Hosts{Users: url, OAuth: url, Upload: url, CDN: url}
	legacy := []authing.Option{authing.WithHosts(hosts)}
	var v3 []authingv3.Option
	for _, opt := range opts {
		legacy, v3 = append(legacy, opt.legacy), append(v3, opt.v3)
	}
	client, err := authing.NewClient(pool, legacy...)
	require.NoError(t, err)
	newV3 := func(in authingv3.SecretIn) *authingv3.Client {
		c, err := authingv3.NewClient(cmp.Or(url, "https://shop.authing.cn"), appID, miniProgram,
			append(v3, authingv3.WithAppSecret(canaryAppSecret, in))...)
		require.NoError(t, err)
		return c
	}
	return pair{client, newV3(authingv3.SecretInBody), newV3(authingv3.SecretInBasic)}
}

// transportFunc is an http.RoundTripper.
type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// readerFunc is an io.Reader.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// newResponse is a response as a transport returns it.
func newResponse(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// rawResponse is a complete response with this body as bytes on the wire.
func rawResponse(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// startTCP starts a server below HTTP, which can misbehave as net/http's own cannot, and returns its URL. serve has the
// connection until it returns.
func startTCP(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var (
		open      []net.Conn
		serving   sync.WaitGroup
		accepting = make(chan struct{})
	)
	go func() {
		defer close(accepting)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			open = append(open, conn)
			serving.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-accepting
		for _, conn := range open {
			conn.Close()
		}
		serving.Wait()
	})
	return "http://" + listener.Addr().String()
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}
