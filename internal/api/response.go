package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/authing-wxapp/authing/internal/redact"
	"github.com/authing-wxapp/authing/internal/transport"
	"github.com/authing-wxapp/authing/internal/wire"
)

// failure finishes the error of a sent call: it redacts secrets and records whether the outcome is known.
func failure(req Request, body []byte, resp transport.Response, err error) *Error {
	secrets := req.secrets(body)
	e, known := explain(req, resp, err, secrets)
	e.Op, e.StatusCode, e.RequestID = req.Op, resp.Status, cmp.Or(e.RequestID, requestID(resp.Header))
	if e.Reason == "" {
		e.Reason = cmp.Or(strings.TrimSpace(secrets.Line(e.Message)), "the service rejected the call")
	}
	e.Hint = secrets.Line(e.Hint) // it may quote WeChat
	if resp.Status == http.StatusTooManyRequests {
		e.Match(ErrRateLimited)
	}
	if !known && !req.Reads {
		e.Match(ErrOutcomeUnknown)
		advice := "repeating it may do it twice"
		if req.Spends != "" {
			advice = "do not repeat it with the same " + req.Spends + ", look first or start over"
		}
		e.Hint = strings.TrimPrefix(e.Hint+"; the call may have taken effect: "+advice, "; ")
	}
	return e
}

// explain turns err into an Error and reports whether the call is known to have had no effect, or the effect that the
// service reports.
func explain(req Request, resp transport.Response, err error, secrets redact.Secrets) (e *Error, known bool) {
	var lost *transport.Error
	switch {
	case errors.As(err, &lost):
		return unanswered(lost, secrets), !lost.Sent
	case errors.Is(err, transport.ErrTooLarge), errors.Is(err, transport.ErrInterim):
		return BadResponse(resp, "a "+err.Error(), nil), false
	}
	e, _ = errors.AsType[*Error](err)
	_, half := errors.AsType[unsettled](err)
	return e, !half && req.settles(resp.Status) && !errors.Is(e, ErrBadResponse)
}

// Unsettled marks a refusal that does not say whether anything happened.
func Unsettled(e *Error) error { return unsettled{e} }

type unsettled struct{ err *Error }

func (u unsettled) Error() string { return u.err.Error() }
func (u unsettled) Unwrap() error { return u.err }

// settles reports whether a refusal with this status says that nothing happened. A 5xx may be a proxy's, or that of a
// service that failed half-way.
func (r Request) settles(status int) bool {
	return status < 500 || status >= 600 && r.Storage
}

// secrets returns what the caller sent that must not show in an error: the token, every string in the body, the URL.
func (r Request) secrets(body []byte) redact.Secrets {
	secrets := append([]string{r.Token, r.Authorization}, r.Secrets...)
	if r.Form == nil {
		// These contain no values of the user, but words that messages use.
		secrets = append(secrets, redact.Strings(body, "query", "connection", "extIdpConnidentifier", "verifyMethod")...)
	}
	return redact.New(secrets, r.URL)
}

// unanswered reports that no complete response came.
func unanswered(lost *transport.Error, secrets redact.Secrets) *Error {
	e := &Error{Err: HideOurs(secrets.Error(lost.Err))}
	canceled := errors.Is(lost.Err, context.Canceled)
	switch {
	case canceled:
		e.Reason = "canceled before a response came"
	case errors.Is(lost.Err, context.DeadlineExceeded):
		e.Reason = "no response came in time"
	case lost.Unprocessed:
		e.Reason, e.Hint = lost.Err.Error(), "nothing was done: try again"
		return e
	case lost.Sent:
		e.Reason = "no complete response came: " + e.Err.Error()
	default:
		e.Reason = "the service could not be reached: " + e.Err.Error()
	}
	if !lost.Sent {
		e.Hint = "nothing was sent"
		if !canceled { // which is on purpose
			e.Hint += ": check the network and the configured hosts"
		}
	}
	return e
}

// BadResponse reports a response that is not Authing's, or a success without the promised data.
func BadResponse(resp transport.Response, what string, cause error) *Error {
	e := &Error{Body: resp.Body, RetryAfter: transport.RetryAfter(resp.Header), Err: errors.Join(ErrBadResponse, cause)}
	switch {
	case what != "":
	case len(resp.Body) == 0:
		what = "an empty response"
	default:
		what = "a response that is not Authing's"
		switch encoding := strings.ToLower(resp.Header.Get("Content-Encoding")); encoding {
		case "", "identity":
		case "gzip", "x-gzip", "br", "zstd", "deflate", "compress":
			what += fmt.Sprintf(" (its Content-Encoding is %q)", encoding)
		default: // which may echo a secret
			what += " (its Content-Encoding is unknown)"
		}
	}
	e.Reason = "the service sent " + what
	switch {
	case resp.Status == http.StatusTooManyRequests:
		e.Hint = "wait before you call again"
	case resp.Status >= 500:
		e.Hint = "the server is in trouble: try later"
	case resp.Status >= 300 && resp.Status < 400 && resp.Status != http.StatusNotModified:
		e.Hint = "redirects are not followed: check the configured hosts"
	default:
		e.Hint = "check the configured hosts and any proxy in front of them"
	}
	return e
}

// SetReply keeps the message and the data of the service.
func (e *Error) SetReply(message, data json.RawMessage) {
	e.Message = MessageText(message)
	if len(data) > 0 && string(data) != "null" {
		e.Data = data
	}
}

// MessageText decodes a message, which is a JSON string as a rule.
func MessageText(message json.RawMessage) string {
	if text, err := wire.String(message); err == nil && (text != "" || !isComposite(message)) {
		return text
	}
	return string(message)
}

func isComposite(b []byte) bool {
	return len(b) > 0 && (b[0] == '{' || b[0] == '[')
}

// requestID returns the header that names a request.
func requestID(header http.Header) string { return LoggableID(header.Get("X-Request-Id")) }

// LoggableID returns the id of a request, unless a log could not show it.
func LoggableID(id string) string {
	const tooLong = 128
	if len(id) > tooLong || !PrintableASCII(id) {
		return ""
	}
	return id
}

// FindWeChat returns WeChat's own code and words. No source says where Authing puts them, so the parts of a response are
// searched, as JSON or as JSON text.
func FindWeChat(parts ...json.RawMessage) (code int, message string) {
	for _, part := range parts {
		var quoted string
		if json.Unmarshal(part, &quoted) == nil {
			part = json.RawMessage(quoted)
		}
		var wechat struct {
			ErrCode wire.Int  `json:"errcode"`
			ErrMsg  wire.Text `json:"errmsg"`
		}
		if wire.Decode(part, &wechat) == nil && wechat.ErrCode.Value != 0 {
			return int(wechat.ErrCode.Value), string(wechat.ErrMsg)
		}
	}
	return 0, ""
}
