package authing

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/authing-wxapp/authing/internal/api"
	"github.com/authing-wxapp/authing/internal/transport"
	"github.com/authing-wxapp/authing/internal/wire"
)

// refusal reads a REST response that is not a success. cause says why it could not be decoded as one, if so.
func refusal(resp transport.Response, cause error) *api.Error {
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
		e := api.BadResponse(resp, "", cmp.Or(err, cause))
		e.Message = api.MessageText(reply.Message)
		matchWeChat(e, reply.Data, reply.Message, resp.Body)
		return e
	}
	var e *api.Error
	if code := int(code.Value); code == http.StatusOK {
		e = api.BadResponse(resp, unreadable(cause), cause)
		e.Code = code
		if resp.Status == http.StatusOK {
			e.Hint = "" // the response did come from Authing, so advice about the hosts would mislead
		}
		matchWeChat(e, reply.Data, reply.Message, resp.Body)
	} else {
		e = serviceError(code, reply.Data, reply.Message, resp.Body)
		e.RetryAfter = transport.RetryAfter(resp.Header)
	}
	e.SetReply(reply.Message, reply.Data)
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

// serviceError is a failure with a code of the service. No source says where Authing puts WeChat's own code, so it is
// searched for in the parts of the response, as JSON or as JSON text.
func serviceError(code int, parts ...json.RawMessage) *api.Error {
	hint, sentinel := meaning(code)
	e := &api.Error{Code: code, Hint: hint}
	e.Match(sentinel)
	matchWeChat(e, parts...)
	return e
}

// matchWeChat makes e report a failure of WeChat's that is in one of parts.
func matchWeChat(e *api.Error, parts ...json.RawMessage) {
	code, said := api.FindWeChat(parts...)
	if code == 0 {
		return
	}
	hint, sentinel := meaning(code)
	e.Match(sentinel)
	if hint == "" {
		hint = fmt.Sprintf("WeChat said %q (errcode %d)", said, code)
	}
	e.Hint = hint
}

// incomplete reports a success that lacks what the call promises.
func incomplete(resp transport.Response, missing string) *api.Error {
	e := refusal(resp, nil)
	if e.Code == 0 || e.Code == http.StatusOK {
		e.Reason = "the service reported success but sent no " + missing
	}
	return e
}
