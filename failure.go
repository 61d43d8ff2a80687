package authing

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// unsent completes an error of a call that was not sent.
func unsent(op string, err error) *Error {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{summary: err.Error(), cause: err}
	}
	e.Op, e.settled = op, true
	return e
}

// notStarted is a call whose context had ended before it was sent.
func notStarted(ended error) *Error {
	return &Error{summary: "nothing was sent: " + ended.Error(), cause: ended}
}

// failure completes the error of a call that was sent: whether its outcome is known, and without a secret in it.
func failure(rq request, body []byte, ans answer, err error) *Error {
	secrets := secretsOf(rq, body)
	e, ok := err.(*Error)
	if !ok {
		e = unanswered(err.(lost), secrets)
	}
	e.StatusCode = ans.status
	e.complete(rq.op, secrets)
	if several, ok := e.cause.(interface{ Unwrap() []error }); ok {
		for _, other := range several.Unwrap() {
			if other, ok := other.(*Error); ok && other.Op == "" {
				other.complete(rq.op, secrets)
			}
		}
	}
	if ans.status == http.StatusTooManyRequests {
		e.kinds = append(e.kinds, ErrRateLimited)
	}
	if !e.settled && !rq.read {
		e.kinds = append(e.kinds, ErrOutcomeUnknown)
		e.afterwards = "repeating it may do it twice"
		if rq.spendsCode {
			e.afterwards = "do not repeat it with the same code, look first or start over"
		}
	}
	return e
}

// complete says which call failed and, unless that is known already, what the service said.
func (e *Error) complete(op string, secrets []string) {
	e.Op = op
	if e.summary == "" {
		e.summary = cmp.Or(strings.TrimSpace(quotable(e.Message, secrets)), "the service refused")
	}
}

// refusal reads a REST answer that is not a success. cause says why it could not be read as one, nil if it could.
func refusal(ans answer, cause error) *Error {
	var said struct {
		Code    json.RawMessage `json:"code"`
		Message json.RawMessage `json:"message"`
		Data    json.RawMessage `json:"data"`
	}
	var code number
	err := decode(ans.body, &said)
	if err == nil && said.Code != nil {
		err = code.UnmarshalJSON(said.Code)
	}
	var e *Error
	if !code.set {
		what := ""
		if field := (*json.UnmarshalTypeError)(nil); errors.As(cause, &field) && field.Field != "" {
			what = unreadable(cause)
		}
		e = badResponse(ans, what, cmp.Or(err, cause))
		e.Message = words(said.Message)
		return e
	}
	if code := int(code.value); code == http.StatusOK {
		e = badResponse(ans, unreadable(cause), cause)
		e.Code = code
		if ans.status == http.StatusOK {
			e.hint = "" // it is Authing that answered, whatever it means
		}
	} else {
		e = serviceError(code, said.Data, said.Message, ans.body)
		e.settled = ans.status < 500
		e.RetryAfter = retryAfter(ans.header)
	}
	e.say(said.Message, said.Data)
	if e.Data == nil && hasOtherKeys(ans.body) {
		e.Data = ans.body
	}
	return e
}

// unreadable names the field that makes a success unreadable, as far as that is known.
func unreadable(cause error) string {
	var field *json.UnmarshalTypeError
	switch {
	case cause == nil:
		return "a success, but not under HTTP 200"
	case errors.As(cause, &field) && field.Field != "":
		name := field.Field[strings.LastIndexByte(field.Field, '.')+1:]
		return "a success that cannot be read: " + name + " came as " + field.Value
	}
	return "a success that cannot be read"
}

// hasOtherKeys reports whether a refusal says more than an Error has fields for.
func hasOtherKeys(body []byte) bool {
	var all map[string]json.RawMessage
	decode(body, &all)
	for _, known := range []string{"code", "message", "data"} {
		delete(all, known)
	}
	return len(all) > 0
}

// serviceError is a failure with a code of the service. It is not known where Authing puts WeChat's own code, so it is
// looked for in the parts of the answer, as JSON or as JSON text.
func serviceError(code int, parts ...json.RawMessage) *Error {
	e := &Error{Code: code}
	for _, code := range []int{code, wechatCode(parts)} {
		hint, sentinel := meaning(code)
		if sentinel != nil {
			e.kinds = append(e.kinds, sentinel)
		}
		e.hint = cmp.Or(hint, e.hint)
	}
	return e
}

func wechatCode(parts []json.RawMessage) int {
	for _, part := range parts {
		var quoted string
		if json.Unmarshal(part, &quoted) == nil {
			part = json.RawMessage(quoted)
		}
		var wechat struct {
			ErrCode number `json:"errcode"`
		}
		if json.Unmarshal(part, &wechat) == nil && wechat.ErrCode.value != 0 {
			return int(wechat.ErrCode.value)
		}
	}
	return 0
}

// badResponse is an answer that is not one of Authing, or a success that does not keep its promise.
func badResponse(ans answer, what string, cause error) *Error {
	e := &Error{kinds: []error{ErrBadResponse}, Data: ans.body, RetryAfter: retryAfter(ans.header), cause: cause}
	switch {
	case what != "":
	case len(ans.body) == 0:
		what = "an empty answer"
	default:
		what = "something that is not an answer of Authing"
	}
	e.summary = "the service sent " + what
	switch {
	case ans.status == http.StatusTooManyRequests:
		e.hint = "wait before you call again"
	case ans.status >= 500:
		e.hint = "the server is in trouble: try later"
	case ans.status >= 300 && ans.status < 400 && ans.status != http.StatusNotModified:
		e.hint = "redirects are not followed: check the Hosts"
	default:
		e.hint = "check the Hosts, and what stands between this machine and them"
	}
	return e
}

// incomplete is a success without what it promises.
func incomplete(ans answer, what string) *Error {
	e := refusal(ans, nil)
	if e.Code == 0 || e.Code == http.StatusOK {
		e.summary = "the service reported success but sent no " + what
	}
	return e
}

// unanswered is a call that no answer came to.
func unanswered(err lost, secrets []string) *Error {
	e := &Error{cause: withoutSecrets(err.error, secrets), settled: !err.sent}
	canceled := errors.Is(err.error, context.Canceled)
	switch {
	case canceled:
		e.summary = "canceled before an answer came"
	case errors.Is(err.error, context.DeadlineExceeded):
		e.summary = "no answer came in time"
	case e.settled:
		e.summary = "the service could not be reached: " + e.cause.Error()
	default:
		e.summary = "no complete answer came: " + e.cause.Error()
	}
	if e.settled {
		e.hint = "nothing was sent"
		if !canceled { // on purpose, then nothing is wrong
			e.hint += ": check the network and the Hosts"
		}
	}
	return e
}

// progress is how far net/http came with a request. Another transport may not tell.
type progress struct {
	asked     atomic.Bool // for a connection
	connected atomic.Bool // the request may have left
	hooks     httptrace.ClientTrace
}

func (p *progress) trace() *httptrace.ClientTrace {
	p.hooks.GetConn = func(string) { p.asked.Store(true) }
	p.hooks.GotConn = func(httptrace.GotConnInfo) { p.connected.Store(true) }
	return &p.hooks
}

// lost is why no answer came. It keeps such errors apart from our own: the cause of a context can be an *Error too.
type lost struct {
	error
	sent bool // or may have been
}

// networkError takes the URL out of an error of net/http and makes sure that the end of the context shows in it, also
// one with a cause of its own.
func networkError(ctx context.Context, err error, seen *progress) error {
	for addressed := (*url.Error)(nil); errors.As(err, &addressed); {
		err = addressed.Err
	}
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		err = fmt.Errorf("%w: %w", ended, err)
	}
	return lost{err, !notSent(err, seen)}
}

// notSent reports whether it is proven that no request left: the name was not found, or nobody answered there, or the
// TLS handshake failed. net/http tells so by asking for a connection and never getting one, also when time ran out over
// it. A caller's transport that sends by other means, too, or after it has returned, can disprove that: see
// docs/reliability.md.
func notSent(err error, seen *progress) bool {
	var (
		dns *net.DNSError
		op  *net.OpError
	)
	switch {
	case seen.connected.Load():
		return false // what looks like a failed dial or handshake can also come after an established connection
	case errors.As(err, &dns), errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect"):
		return true
	}
	return seen.asked.Load() || tlsFailure(err)
}

// tlsFailure reports whether err looks like a failed TLS handshake. Not all of them have a type. An alert of the server
// counts only if it can come in answer to the first message alone: others, under TLS 1.3, may arrive after the request.
func tlsFailure(err error) bool {
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

// retryAfter reads the header of that name, which holds seconds or a date.
func retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(max(seconds, 0), int64(math.MaxInt64/time.Second))) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(date))
	}
	return 0
}
