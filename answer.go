package authing

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
func failure(c *Client, req request, body []byte, resp transport.Response, err error) *Error {
	secrets := secretsOf(c, req, body)
	e, known := explain(req, resp, err, secrets)
	e.Op, e.StatusCode, e.RequestID = req.op, resp.Status, requestID(resp.Header)
	if e.Reason == "" {
		e.Reason = cmp.Or(strings.TrimSpace(secrets.Line(e.Message)), "the service rejected the call")
	}
	e.Hint = secrets.Line(e.Hint) // it may quote WeChat
	if resp.Status == http.StatusTooManyRequests {
		e.match(ErrRateLimited)
	}
	if !known && !req.reads {
		e.match(ErrOutcomeUnknown)
		advice := "repeating it may do it twice"
		if req.usesCode {
			advice = "do not repeat it with the same code, look first or start over"
		}
		e.Hint = strings.TrimPrefix(e.Hint+"; the call may have taken effect: "+advice, "; ")
	}
	return e
}

// explain turns err into an Error and reports whether the call is known to have had no effect, or the effect that the
// service reports.
func explain(req request, resp transport.Response, err error, secrets redact.Secrets) (e *Error, known bool) {
	var lost *transport.Error
	switch {
	case errors.As(err, &lost):
		return unanswered(lost, secrets), !lost.Sent
	case errors.Is(err, transport.ErrTooLarge), errors.Is(err, transport.ErrInterim):
		return badResponse(resp, "a "+err.Error(), nil), false
	}
	e, _ = errors.AsType[*Error](err)
	_, half := errors.AsType[unsettled](err)
	return e, !half && req.settles(resp.Status) && !errors.Is(e, ErrBadResponse)
}

// unsettled is a refusal that does not say whether anything happened.
type unsettled struct{ err *Error }

func (u unsettled) Error() string { return u.err.Error() }
func (u unsettled) Unwrap() error { return u.err }

// settles reports whether a refusal with this status says that nothing happened. A 5xx may be a proxy's, or that of a
// service that failed half-way. The storage numbers its own refusals from 600.
func (r request) settles(status int) bool {
	return status < 500 || status >= 600 && r.form != nil
}

// secretsOf returns what the caller sent that must not show in an error: the token, every string in the body, the URL.
func secretsOf(c *Client, req request, body []byte) redact.Secrets {
	secrets := append([]string{string(c.token)}, req.secrets...)
	if req.form == nil {
		// The query of GraphQL contains no values, but words that messages use.
		secrets = append(secrets, redact.Strings(body, "query")...)
	}
	return redact.New(secrets, req.url)
}

// unanswered reports that no complete response came.
func unanswered(lost *transport.Error, secrets redact.Secrets) *Error {
	e := &Error{Err: hideOurs(secrets.Error(lost.Err))}
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
			e.Hint += ": check the network and the Hosts"
		}
	}
	return e
}

// hideOurs returns err, or if it contains an error of this package, one with the same text: a caller's Transport or reader
// may fail with the error of another call, whose sentinels would be wrong here.
func hideOurs(err error) error {
	for _, sentinel := range sentinels() {
		if errors.Is(err, sentinel) {
			for _, ended := range []error{context.Canceled, context.DeadlineExceeded} {
				if errors.Is(err, ended) {
					return ended
				}
			}
			return errors.New(err.Error())
		}
	}
	return err
}

// refusal reads a REST response that is not a success. cause says why it could not be decoded as one, if so.
func refusal(resp transport.Response, cause error) *Error {
	var reply struct {
		Code    json.RawMessage `json:"code"`
		Message json.RawMessage `json:"message"`
		Data    json.RawMessage `json:"data"`
	}
	var code wire.Int
	err := wire.Decode(resp.Body, &reply)
	if err == nil && reply.Code != nil {
		err = code.UnmarshalJSON(reply.Code)
	}
	if !code.Set {
		e := badResponse(resp, "", cmp.Or(err, cause))
		e.Message = messageText(reply.Message)
		return e
	}
	var e *Error
	if code := int(code.Value); code == http.StatusOK {
		e = badResponse(resp, unreadable(cause), cause)
		e.Code = code
		if resp.Status == http.StatusOK {
			e.Hint = "" // the response did come from Authing, so advice about the Hosts would mislead
		}
	} else {
		e = serviceError(code, reply.Data, reply.Message, resp.Body)
		e.RetryAfter = transport.RetryAfter(resp.Header)
	}
	e.setReply(reply.Message, reply.Data)
	if wire.HasOtherKeys(resp.Body, "code", "message", "data") {
		e.Body = resp.Body
	}
	return e
}

// unreadable says what is wrong with a success that could not be decoded as one.
func unreadable(cause error) string {
	if cause == nil {
		return "a success, but not under HTTP 200"
	}
	return "a success that cannot be read"
}

// setReply keeps the message and the data of the service.
func (e *Error) setReply(message, data json.RawMessage) {
	e.Message = messageText(message)
	if len(data) > 0 && string(data) != "null" {
		e.Data = data
	}
}

// messageText decodes a message, which is a JSON string as a rule.
func messageText(message json.RawMessage) string {
	if text, err := wire.String(message); err == nil && (text != "" || !isComposite(message)) {
		return text
	}
	return string(message)
}

func isComposite(b []byte) bool {
	return len(b) > 0 && (b[0] == '{' || b[0] == '[')
}

// serviceError is a failure with a code of the service. No source says where Authing puts WeChat's own code, so it is
// searched for in the parts of the response, as JSON or as JSON text.
func serviceError(code int, parts ...json.RawMessage) *Error {
	hint, sentinel := meaning(code)
	e := &Error{Code: code, Hint: hint}
	e.match(sentinel)
	if wechat := findWeChat(parts); wechat.ErrCode.Value != 0 {
		hint, sentinel := meaning(int(wechat.ErrCode.Value))
		e.match(sentinel)
		if hint == "" {
			hint = fmt.Sprintf("WeChat said %q (errcode %d)", wechat.ErrMsg, wechat.ErrCode.Value)
		}
		e.Hint = hint
	}
	return e
}

type wechatError struct {
	ErrCode wire.Int  `json:"errcode"`
	ErrMsg  wire.Text `json:"errmsg"`
}

func findWeChat(parts []json.RawMessage) (found wechatError) {
	for _, part := range parts {
		var quoted string
		if json.Unmarshal(part, &quoted) == nil {
			part = json.RawMessage(quoted)
		}
		var wechat wechatError
		if json.Unmarshal(part, &wechat) == nil && wechat.ErrCode.Value != 0 {
			return wechat
		}
	}
	return found
}

// badResponse reports a response that is not Authing's, or a success without the promised data.
func badResponse(resp transport.Response, what string, cause error) *Error {
	e := &Error{Body: resp.Body, RetryAfter: transport.RetryAfter(resp.Header), Err: errors.Join(ErrBadResponse, cause)}
	switch {
	case what != "":
	case len(resp.Body) == 0:
		what = "an empty response"
	default:
		what = "a response that is not Authing's"
		if encoding := resp.Header.Get("Content-Encoding"); encoding != "" && printableASCII(encoding) {
			what += fmt.Sprintf(" (its Content-Encoding is %.20q)", encoding)
		}
	}
	e.Reason = "the service sent " + what
	switch {
	case resp.Status == http.StatusTooManyRequests:
		e.Hint = "wait before you call again"
	case resp.Status >= 500:
		e.Hint = "the server is in trouble: try later"
	case resp.Status >= 300 && resp.Status < 400 && resp.Status != http.StatusNotModified:
		e.Hint = "redirects are not followed: check the Hosts"
	default:
		e.Hint = "check the Hosts and any proxy in front of them"
	}
	return e
}

// incomplete reports a success that lacks what the call promises.
func incomplete(resp transport.Response, missing string) *Error {
	e := refusal(resp, nil)
	if e.Code == 0 || e.Code == http.StatusOK {
		e.Reason = "the service reported success but sent no " + missing
	}
	return e
}

// requestID returns the header that names a request, unless a log could not show it.
func requestID(header http.Header) string {
	const tooLong = 128
	id := header.Get("X-Request-Id")
	if len(id) > tooLong || !printableASCII(id) {
		return ""
	}
	return id
}
