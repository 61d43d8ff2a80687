package promises_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// selfSigned returns a certificate for 127.0.0.1 and example.com, valid since 2020, and a pool that trusts it.
func selfSigned(t *testing.T, change func(*x509.Certificate)) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Now().AddDate(1, 0, 0),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		DNSNames:     []string{"example.com"},
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// loginOverTLS signs in at a server that serves one connection, and waits until the server is done.
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

// A connection over which the request has left can still fail in ways that look like a failed handshake.
func TestTLSFailureAfterTheHandshake(t *testing.T) {
	t.Parallel()
	certificate, roots := selfSigned(t, nil)
	for name, garbage := range map[string][]byte{
		"plain HTTP":                    []byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
		"unknown records":               bytes.Repeat([]byte{0x17, 5, 5, 0, 1}, 10),
		"plain handshake failure alert": {21, 3, 3, 0, 2, 2, 40},
		"plain protocol version alert":  {21, 3, 3, 0, 2, 2, 70},
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

// However the handshake fails, no request has left.
func TestTLSFailureDuringTheHandshake(t *testing.T) {
	t.Parallel()
	_, roots := selfSigned(t, nil)
	for name, answer := range map[string][]byte{
		"closed":              nil,
		"half a server hello": {22, 3, 3, 0, 100, 2, 0, 0},
		"internal error":      {21, 3, 3, 0, 2, 2, 80},
		"access denied":       {21, 3, 3, 0, 2, 2, 49},
		"protocol version":    {21, 3, 3, 0, 2, 2, 70},
		"plain HTTP":          []byte("HTTP/1.1 400 Bad Request\r\n\r\n"),
		"another protocol":    []byte("SSH-2.0-OpenSSH_9.2p1\r\n"),
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

// withoutTLS13 hides from a server that the client supports TLS 1.3, as an attacker in between could.
type withoutTLS13 struct{ net.Conn }

func (c withoutTLS13) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	supported := []byte{0, 43, 0, 5, 4, 3, 4, 3, 3} // the extension that offers TLS 1.3 and 1.2
	if at := bytes.Index(p[:n], supported); at >= 0 {
		p[at] = 0xfa // makes it an unknown extension
	}
	return n, err
}

// distrusted is a server that the client must not trust.
type distrusted struct {
	name     string
	server   *tls.Config
	roots    *x509.CertPool
	says     string
	tampered bool // the handshake is tampered with on its way

	url         string
	received    *atomic.Int64 // bytes inside TLS
	connections *atomic.Int64
}

func (d distrusted) String() string { return d.name }

// Not one byte of a call goes to a server that the client cannot trust.
func TestTLSWithoutTrust(t *testing.T) {
	t.Parallel()
	good, roots := selfSigned(t, nil)
	foreign, foreignRoots := selfSigned(t, func(c *x509.Certificate) { c.IPAddresses = nil })
	expired, expiredRoots := selfSigned(t, func(c *x509.Certificate) { c.NotAfter = c.NotBefore.AddDate(1, 0, 0) })
	future, futureRoots := selfSigned(t, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = c.NotAfter, c.NotAfter.AddDate(1, 0, 0)
	})
	serving := func(c tls.Certificate, highest uint16) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{c}, MinVersion: tls.VersionTLS10, MaxVersion: highest}
	}
	cells := []distrusted{
		{name: "self-signed", server: serving(good, 0), roots: x509.NewCertPool(), says: "unknown authority"},
		{name: "wrong name", server: serving(foreign, 0), roots: foreignRoots, says: "doesn't contain any IP SANs"},
		{name: "expired", server: serving(expired, 0), roots: expiredRoots, says: "expired"},
		{name: "not valid yet", server: serving(future, 0), roots: futureRoots, says: "not yet valid"},
		{name: "TLS 1.0", server: serving(good, tls.VersionTLS10), roots: roots, says: "protocol version"},
		{name: "TLS 1.1", server: serving(good, tls.VersionTLS11), roots: roots, says: "protocol version"},
		{name: "downgrade", server: serving(good, 0), roots: roots, says: "downgrade", tampered: true},
	}
	// This runs after the servers have stopped, because cleanups run in reverse order.
	t.Cleanup(func() {
		for _, d := range cells {
			assert.GreaterOrEqual(t, int(d.connections.Load()), len(remoteMethods), d.name)
			assert.Zero(t, d.received.Load(), d.name)
		}
	})
	for i := range cells {
		d := &cells[i]
		d.received, d.connections = new(atomic.Int64), new(atomic.Int64)
		d.url = strings.Replace(startTCP(t, func(conn net.Conn) {
			d.connections.Add(1)
			if d.tampered {
				conn = withoutTLS13{conn}
			}
			n, _ := io.Copy(io.Discard, tls.Server(conn, d.server))
			d.received.Add(n)
		}), "http:", "https:", 1)
	}
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		eachCell(t, cells, func(t *testing.T, d distrusted) {
			var attempts atomic.Int32
			transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: d.roots}}
			client := clientAt(t, d.url, withHTTPClient(&http.Client{
				Transport: m.prepared(func(r *http.Request) (*http.Response, error) {
					attempts.Add(1)
					return transport.RoundTrip(r)
				}),
			}))

			result, err := m.call(context.Background(), client)

			e := m.wantFailure(t, result, err, false)
			require.ErrorContains(t, err, d.says)
			assert.ErrorContains(t, err, m.unchanged("nothing was sent")+": check the network and the configured hosts")
			assert.NotContains(t, err.Error(), d.url)
			assert.Zero(t, e.StatusCode)
			want := 1 // a second attempt would not make the server more trustworthy
			if d.tampered {
				want = m.arrivals() // this error looks like that of a broken connection
			}
			assert.EqualValues(t, want, attempts.Load())
		})
	})
}

// The server of TestTLSWithoutTrust does receive what a client sends that trusts it.
func TestTLSWithTrust(t *testing.T) {
	t.Parallel()
	certificate, roots := selfSigned(t, nil)
	received := make(chan string, 1)
	url := strings.Replace(startTCP(t, func(conn net.Conn) {
		inside := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{certificate}})
		first := make([]byte, 4)
		io.ReadFull(inside, first)
		received <- string(first)
	}), "http:", "https:", 1)

	_, err := tryLogin(clientAt(t, url, withHTTPClient(&http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}},
	})))

	require.ErrorIs(t, err, authing.ErrOutcomeUnknown)
	assert.Equal(t, "POST", <-received)
}

// The package offers no way to switch the checks off.
func TestTLSIsNeverWeakened(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../*.go")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	inside, err := filepath.Glob("../../internal/*/*.go")
	require.NoError(t, err)
	for _, file := range append(files, inside...) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, word := range []string{"InsecureSkipVerify", "VersionTLS10", "VersionTLS11", "VersionSSL30", "CipherSuites"} {
			assert.NotContains(t, string(source), word, file)
		}
		assert.NotRegexp(t, `func With\w*(Insecure|TLS)`, string(source), file)
	}
}
