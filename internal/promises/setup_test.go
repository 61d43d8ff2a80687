package promises_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/testkit"
)

const (
	pool = "5e4cdd055df3df65dc58b97d"

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

// setup returns a client that gets the same response to every request, and the recorder of its requests.
func setup(t *testing.T, status int, body string, opts ...authing.Option) (*authing.Client, *testkit.Recorder) {
	t.Helper()
	return setupResponder(t, httpmock.NewStringResponder(status, body), opts...)
}

// setupResponder is setup for responses that need more than a status and a body.
func setupResponder(t *testing.T, responder httpmock.Responder, opts ...authing.Option) (*authing.Client, *testkit.Recorder) {
	t.Helper()
	transport, got := testkit.Record(responder)
	return newClient(t, authing.WithHTTPClient(&http.Client{Transport: transport}), opts...), got
}

// clientAt returns a client that acts as the holder of the canary token and whose hosts are all at url.
func clientAt(t *testing.T, url string, opts ...authing.Option) *authing.Client {
	t.Helper()
	client := newClient(t, authing.WithHosts(hostsAt(url)), opts...)
	t.Cleanup(client.CloseIdleConnections)
	return client.As(canaryToken)
}

// clientOver returns a client that acts as the holder of the canary token and sends through transport.
func clientOver(t *testing.T, transport http.RoundTripper, opts ...authing.Option) *authing.Client {
	t.Helper()
	return newClient(t, authing.WithHTTPClient(&http.Client{Transport: transport}), opts...).As(canaryToken)
}

func hostsAt(url string) authing.Hosts {
	return authing.Hosts{Users: url, OAuth: url, Upload: url, CDN: url}
}

func newClient(t *testing.T, first authing.Option, others ...authing.Option) *authing.Client {
	t.Helper()
	client, err := authing.NewClient(pool, append([]authing.Option{first}, others...)...)
	require.NoError(t, err)
	return client
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
