package authing_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// testCertificate returns the certificate of net/http/httptest and what trusts it.
func testCertificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	srv.StartTLS()
	defer srv.Close()
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	return srv.TLS.Certificates[0], roots
}

// loginOverTLS signs in at a server that serves one connection, and waits until that is done with it.
func loginOverTLS(t *testing.T, roots *x509.CertPool, serve func(net.Conn)) error {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if c, err := l.Accept(); err == nil {
			defer c.Close()
			serve(c)
		}
	}()
	client, err := authing.NewClient(pool, authing.WithHosts(authing.Hosts{OAuth: "https://" + l.Addr().String()}),
		authing.WithHTTPClient(&http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "example.com"},
		}}))
	require.NoError(t, err)
	_, err = client.LoginWithWxapp(context.Background(), code, loginDetail)
	l.Close()
	<-done
	require.Error(t, err)
	return err
}

// What looks like a failed handshake can come out of a connection over which the request has left.
func TestTLSFailureAfterTheHandshake(t *testing.T) {
	t.Parallel()
	certificate, roots := testCertificate(t)
	for name, garbage := range map[string][]byte{
		"plain HTTP":       []byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
		"unknown records":  bytes.Repeat([]byte{0x17, 5, 5, 0, 1}, 10),
		"an alert, plain":  {21, 3, 3, 0, 2, 2, 40},
		"an alert, second": {21, 3, 3, 0, 2, 2, 70},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(name+" under "+tls.VersionName(version), func(t *testing.T) {
				t.Parallel()
				read := make(chan int64, 1)
				err := loginOverTLS(t, roots, func(raw net.Conn) {
					c := tls.Server(raw, &tls.Config{
						Certificates: []tls.Certificate{certificate}, MinVersion: version, MaxVersion: version,
					})
					r, err := http.ReadRequest(bufio.NewReader(c))
					if err != nil {
						read <- 0
						return
					}
					n, _ := io.Copy(io.Discard, r.Body)
					read <- n
					raw.Write(garbage)
				})
				require.Positive(t, <-read, "the server read the request")
				require.ErrorIs(t, err, authing.ErrOutcomeUnknown)
				assert.NotContains(t, err.Error(), "nothing was sent")
			})
		}
	}
}

// During the handshake no request has left, however it fails.
func TestTLSFailureDuringTheHandshake(t *testing.T) {
	t.Parallel()
	_, roots := testCertificate(t)
	for name, answer := range map[string][]byte{
		"closed":               nil,
		"half a server hello":  {22, 3, 3, 0, 100, 2, 0, 0},
		"internal error":       {21, 3, 3, 0, 2, 2, 80},
		"access denied":        {21, 3, 3, 0, 2, 2, 49},
		"protocol version":     {21, 3, 3, 0, 2, 2, 70},
		"plain HTTP":           []byte("HTTP/1.1 400 Bad Request\r\n\r\n"),
		"something of another": []byte("SSH-2.0-OpenSSH_9.2p1\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := loginOverTLS(t, roots, func(raw net.Conn) {
				raw.Read(make([]byte, 4096)) // the client's hello
				raw.Write(answer)
			})
			require.NotErrorIs(t, err, authing.ErrOutcomeUnknown)
			assert.ErrorContains(t, err, "nothing was sent")
		})
	}
}
