package transport

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"sync/atomic"
)

// trace records how far net/http got with a request, and keeps it from sending the request twice. Other transports may
// not report anything.
type trace struct {
	own    bool               // the transport is ours and reports everything
	once   bool               // net/http would replay it, as it has no body
	cancel context.CancelFunc // ends the request

	asked     atomic.Bool // for a connection
	connected atomic.Bool // the request may have left
	stopped   atomic.Bool // before a second attempt

	client httptrace.ClientTrace
}

func (t *trace) init(own, once bool, cancel context.CancelFunc) {
	t.own, t.once, t.cancel = own, once, cancel
	t.client.GotConn = t.gotConn
	if once || !own {
		t.client.GetConn = t.getConn
	}
}

// getConn is called before each attempt. net/http makes another one if a reused connection breaks before the response, or if
// an HTTP/2 server resets the stream: neither proves that the server ignored the request.
func (t *trace) getConn(string) {
	if t.once && t.connected.Load() {
		t.stopped.Store(true)
		t.cancel()
	}
	t.asked.Store(true)
}

func (t *trace) gotConn(info httptrace.GotConnInfo) {
	switch {
	case !t.stopped.Load():
		t.connected.Store(true)
	case !isHTTP2(info.Conn): // it looks at the context before it sends, and other requests share the connection
		info.Conn.Close() // net/http may have a connection at hand and not look at the context
	}
}

func isHTTP2(conn net.Conn) bool {
	encrypted, ok := conn.(interface{ ConnectionState() tls.ConnectionState })
	return ok && encrypted.ConnectionState().NegotiatedProtocol == "h2"
}
