package transport

import (
	"net"
	"net/http"
	"time"
)

const (
	// Must be shorter than the server's own idle timeout (5 s in Node.js): a request that races with the server's close
	// cannot safely be repeated.
	idleTimeout = 4 * time.Second

	// Enough for a busy backend to reuse its connections: net/http keeps 2 per host by default.
	idleConnections = 512

	headerLimit = 64 << 10 // bytes; net/http would read 10 MiB

	// A silent HTTP/2 connection would otherwise take all calls down with it until the kernel gives up, minutes later.
	pingAfter, pingTimeout = 3 * time.Second, 3 * time.Second
)

// NewHTTP returns a transport for a busy backend. It takes the proxy and the dialer of http.DefaultTransport and nothing
// else, because other packages change that one.
func NewHTTP() *http.Transport {
	t := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxIdleConns:           2 * idleConnections,
		MaxIdleConnsPerHost:    idleConnections,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: headerLimit,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
	}
	if standard, ok := http.DefaultTransport.(*http.Transport); ok && standard != nil {
		t.Proxy = standard.Proxy
		if standard.DialContext != nil {
			t.DialContext = standard.DialContext
		}
	}
	return t
}

// Default returns a transport of NewHTTP, or http.DefaultTransport if a test replaced it by a mock.
func Default() http.RoundTripper {
	if _, ok := http.DefaultTransport.(*http.Transport); ok || http.DefaultTransport == nil {
		return NewHTTP()
	}
	return http.DefaultTransport
}
