package authing

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

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
		e.Reason = cmp.Or(strings.TrimSpace(secrets.Line(e.Message)), "the service refused")
	}
	if resp.Status == http.StatusTooManyRequests {
		e.match(ErrRateLimited)
	}
	if !known && !req.reads {
		e.match(ErrOutcomeUnknown)
		advice := "repeating it may do it twice"
		if req.spendsCode {
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
	case errors.Is(err, transport.ErrTooLarge), errors.Is(err, transport.ErrEncoded):
		return badResponse(resp, "a "+err.Error(), nil), false
	}
	e, _ = errors.AsType[*Error](err)
	return e, req.settles(resp.Status) && !errors.Is(e, ErrBadResponse)
}

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
		what := ""
		if field, _ := wire.Mistyped(cause); field != "" {
			what = unreadable(cause)
		}
		e := badResponse(resp, what, cmp.Or(err, cause))
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
		e.RetryAfter = retryAfter(resp.Header)
	}
	e.setReply(reply.Message, reply.Data)
	if hasOtherKeys(resp.Body) {
		e.Body = resp.Body
	}
	return e
}

// unreadable says what is wrong with a success that could not be decoded as one.
func unreadable(cause error) string {
	if cause == nil {
		return "a success, but not under HTTP 200"
	}
	if field, value := wire.Mistyped(cause); field != "" {
		return "a success that cannot be read: " + field + " came as " + value
	}
	return "a success that cannot be read"
}

// hasOtherKeys reports whether a refusal contains more than an Error has fields for.
func hasOtherKeys(body []byte) bool {
	var all map[string]json.RawMessage
	wire.Decode(body, &all)
	for _, known := range []string{"code", "message", "data"} {
		delete(all, known)
	}
	return len(all) > 0
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
	var text wire.Text
	if text.UnmarshalJSON(message) != nil {
		return string(message)
	}
	return string(text)
}

// serviceError is a failure with a code of the service. No source says where Authing puts WeChat's own code, so it is
// searched for in the parts of the response, as JSON or as JSON text.
func serviceError(code int, parts ...json.RawMessage) *Error {
	e := &Error{Code: code}
	for _, code := range []int{code, wechatCode(parts)} {
		hint, sentinel := meaning(code)
		e.match(sentinel)
		e.Hint = cmp.Or(hint, e.Hint)
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
			ErrCode wire.Int `json:"errcode"`
		}
		if json.Unmarshal(part, &wechat) == nil && wechat.ErrCode.Value != 0 {
			return int(wechat.ErrCode.Value)
		}
	}
	return 0
}

// badResponse reports a response that is not Authing's, or a success without the promised data.
func badResponse(resp transport.Response, what string, cause error) *Error {
	e := &Error{Body: resp.Body, RetryAfter: retryAfter(resp.Header), Err: errors.Join(ErrBadResponse, cause)}
	switch {
	case what != "":
	case len(resp.Body) == 0:
		what = "an empty response"
	default:
		what = "a response that is not Authing's"
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

// retryAfter parses Retry-After, which is a number of seconds or a date.
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
