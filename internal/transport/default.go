package transport

import (
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
)

// NewHTTP returns net/http's default transport with more idle connections and smaller headers.
func NewHTTP() *http.Transport {
	standard, ok := http.DefaultTransport.(*http.Transport)
	if !ok { // a test replaced it
		standard = &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second}
	}
	t := standard.Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 2*idleConnections, idleConnections
	t.IdleConnTimeout = idleTimeout
	if t.MaxResponseHeaderBytes <= 0 || t.MaxResponseHeaderBytes > headerLimit {
		t.MaxResponseHeaderBytes = headerLimit
	}
	return t
}

// Default returns a transport of NewHTTP, or http.DefaultTransport if a test replaced it by a mock.
func Default() http.RoundTripper {
	if _, ok := http.DefaultTransport.(*http.Transport); !ok {
		return http.DefaultTransport
	}
	return NewHTTP()
}
