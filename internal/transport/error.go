package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
)

// Error reports that no complete response came. It does not unwrap: a context's cause may be an error of another call.
type Error struct {
	Err  error
	Sent bool // the server may have received the request
}

func (e *Error) Error() string { return e.Err.Error() }

// lost takes the URL out of an error of net/http and makes the end of the context visible in it. The cause of that end
// is the caller's and not shown: it may be the error of another call.
func lost(ctx context.Context, err error, seen *trace) *Error {
	for addressed := (*url.Error)(nil); errors.As(err, &addressed); {
		err = addressed.Err
	}
	if ended := ctx.Err(); ended != nil {
		switch cause := context.Cause(ctx); {
		case cause != ended && errors.Is(err, cause): //nolint:errorlint // a cause that wraps ended is not ended
			err = ended
		case !errors.Is(err, ended):
			err = fmt.Errorf("%w: %w", ended, err)
		}
	}
	return &Error{Err: err, Sent: !unsent(err, seen)}
}

// trace records how far net/http got with a request. Other transports may not report it.
type trace struct {
	asked     atomic.Bool // for a connection
	connected atomic.Bool // the request may have left
	client    httptrace.ClientTrace
}

func (t *trace) hooks() *httptrace.ClientTrace {
	t.client.GetConn = func(string) { t.asked.Store(true) }
	t.client.GotConn = func(httptrace.GotConnInfo) { t.connected.Store(true) }
	return &t.client
}

// unsent reports whether no request can have left: the lookup, the dial or the TLS handshake failed. If net/http asked
// for a connection and never got one, even because of a timeout, nothing was sent. A caller's transport that also sends
// by other means can break this proof: see docs/reliability.md.
func unsent(err error, seen *trace) bool {
	var (
		dns *net.DNSError
		op  *net.OpError
	)
	switch {
	case seen.connected.Load():
		return false // errors that look like a failed dial or handshake also occur on established connections
	case errors.As(err, &dns), errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect"):
		return true
	}
	return seen.asked.Load() || isTLSFailure(err)
}

// isTLSFailure reports whether err looks like a failed TLS handshake. Not all of them have a type. Of the server's alerts
// only those count that answer the first message: under TLS 1.3 others may arrive after the request.
func isTLSFailure(err error) bool {
	var (
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
	)
	if errors.As(err, &certificate) || errors.As(err, &record) {
		return true
	}
	for _, text := range []string{
		"net/http: TLS handshake timeout",
		"http: server gave HTTP response to HTTPS client",
		"remote error: tls: handshake failure",
		"remote error: tls: protocol version not supported",
		"remote error: tls: unrecognized name",
		"remote error: tls: no application protocol",
		"tls: server selected unsupported protocol version",
	} {
		if strings.HasPrefix(err.Error(), text) {
			return true
		}
	}
	return false
}
