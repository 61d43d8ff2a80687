package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
)

// Error reports that no complete response came. It does not unwrap: a context's cause may be an error of another call.
type Error struct {
	Err         error
	Sent        bool // the server may have acted on the request
	Unprocessed bool // an HTTP/2 server declared that it did not
}

func (e *Error) Error() string { return e.Err.Error() }

// lost takes the URL out of an error of net/http and makes the end of the context visible in it. The cause of that end
// is the caller's and not shown: it may be the error of another call.
func lost(ctx context.Context, err error, seen *trace) *Error {
	for addressed := (*url.Error)(nil); errors.As(err, &addressed); {
		if err = addressed.Err; err == nil {
			err = errors.New("unknown error")
		}
	}
	if seen.stopped.Load() {
		return &Error{Err: io.EOF, Sent: true} // ctx was canceled to prevent a second attempt
	}
	if ended := ctx.Err(); ended != nil {
		switch cause := context.Cause(ctx); {
		case cause != ended && errors.Is(err, cause): //nolint:errorlint // a cause that wraps ended is not ended
			err = ended
		case !errors.Is(err, ended):
			err = fmt.Errorf("%w: %w", ended, err)
		}
	}
	if isUnprocessed(err) {
		return &Error{Err: errUnprocessed, Unprocessed: true}
	}
	return &Error{Err: err, Sent: !unsent(err, seen)}
}

var errUnprocessed = errors.New("the server declared the request unprocessed")

// isUnprocessed reports whether an HTTP/2 server declared that it did not process the request: it reset the stream with
// REFUSED_STREAM, or named an earlier one as its last. net/http has no type for that.
func isUnprocessed(err error) bool {
	text := err.Error()
	if strings.HasPrefix(text, "http2: Transport received GOAWAY from server") ||
		text == "net/http: cannot rewind body after connection loss" { // no HTTP/2 connection took the request
		return true
	}
	reason, ok := strings.CutPrefix(text, "http2: Transport: cannot retry err [")
	return ok && (strings.Contains(reason, "REFUSED_STREAM") || strings.Contains(reason, "GOAWAY") ||
		strings.Contains(reason, "client conn not usable"))
}

// unsent reports whether no request can have left: the lookup, the dial or the TLS handshake failed. If net/http asked for
// a connection and never got one, even because of a timeout, nothing was sent. A caller's transport that also sends by
// other means can break this proof: see docs/reliability.md.
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
	return seen.own || seen.asked.Load() || isTLSFailure(err)
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
