package authingv3

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/authing-wxapp/authing/internal/api"
	"github.com/authing-wxapp/authing/internal/transport"
	"github.com/authing-wxapp/authing/internal/wire"
)

// envelope wraps what every endpoint but /oidc/* returns.
type envelope[T any] struct {
	StatusCode wire.Int `json:"statusCode"`
	Data       *T       `json:"data"`
}

// decode decodes the data of a successful response, which may be nil.
func decode[T any](resp transport.Response) (*T, error) {
	var env envelope[T]
	err := wire.Decode(resp.Body, &env)
	if err != nil || !succeeded(resp) || env.StatusCode.Value != http.StatusOK {
		return nil, refusal(resp, err)
	}
	return env.Data, nil
}

// decodeComplete requires data. missing names a required part that a T lacks, or returns "".
func decodeComplete[T any](resp transport.Response, missing func(*T) string) (*T, error) {
	result, err := decode[T](resp)
	switch {
	case err != nil:
		return nil, err
	case result == nil:
		return nil, incomplete(resp, "data")
	case missing(result) != "":
		return nil, incomplete(resp, missing(result))
	}
	return result, nil
}

// done reads a response that promises no data.
func done(resp transport.Response) (none struct{}, err error) {
	_, err = decode[json.RawMessage](resp)
	return none, err
}

func succeeded(resp transport.Response) bool { return resp.Status >= 200 && resp.Status < 300 }

// reply is a response that is not a success: an envelope, or an error of OpenID Connect.
type reply struct {
	StatusCode  wire.Int        `json:"statusCode"`
	APICode     wire.Int        `json:"apiCode"`
	Message     json.RawMessage `json:"message"`
	RequestID   wire.Text       `json:"requestId"`
	Data        json.RawMessage `json:"data"`
	Error       wire.Text       `json:"error"`
	Description wire.Text       `json:"error_description"`
}

// readReply reads all of a response or nothing: the beginning of one that was cut may look like a refusal.
func readReply(resp transport.Response) (r reply, err error) {
	if err := wire.Decode(resp.Body, &r); err != nil {
		return reply{}, err
	}
	return r, nil
}

// refusal reads an enveloped response that is not a success. cause says why it could not be decoded as one, if so.
func refusal(resp transport.Response, cause error) error {
	r, err := readReply(resp)
	return r.refusal(resp, cmp.Or(err, cause))
}

func (r reply) refusal(resp transport.Response, cause error) error {
	var e *api.Error
	switch code := int(r.StatusCode.Value); {
	case !r.StatusCode.Set:
		e = api.BadResponse(resp, "", cause)
		if bytes.Contains(resp.Body, []byte(clientRefused)) {
			e.Hint = oidcMeaning("invalid_client")
		}
	case code == http.StatusOK && succeeded(resp):
		e = api.BadResponse(resp, "a success that cannot be read", cause)
		e.Hint = "" // the response did come from Authing, so advice about the host would mislead
	case code == http.StatusOK:
		e = api.BadResponse(resp, "a success, but not under an HTTP status of one", cause)
	default:
		return r.failure(resp)
	}
	r.keepIn(e)
	return e
}

// failure is a failure that the service reports.
func (r reply) failure(resp transport.Response) error {
	e := &api.Error{RetryAfter: transport.RetryAfter(resp.Header)}
	r.keepIn(e)
	sentinel := error(nil)
	e.Hint, sentinel = meaning(e.Code, e.APICode)
	e.Match(sentinel)
	if e.Code == http.StatusTooManyRequests {
		e.Match(api.ErrRateLimited)
	}
	if strings.Contains(e.Message, clientRefused) {
		e.Hint = oidcMeaning("invalid_client")
	}
	if matchWeChat(e) && e.Code == codeThirdParty {
		return e
	}
	// From 500 on, the service or one behind it failed, which does not say whether anything happened.
	if e.Code < http.StatusMultipleChoices || e.Code >= http.StatusInternalServerError {
		return api.Unsettled(e)
	}
	return e
}

// matchWeChat makes e match ErrCodeInvalid if it reports that WeChat refused the code. Of another failure of WeChat's it shows
// the number and the words.
func matchWeChat(e *api.Error) bool {
	hint := wechatRefusal(e)
	if hint == "" {
		if number, said := api.FindWeChat(e.Data, []byte(e.Message)); number != 0 {
			e.Hint = fmt.Sprintf("WeChat said %q (errcode %d)", said, number)
		}
		return false
	}
	e.Hint = hint
	e.Match(api.ErrCodeInvalid)
	return true
}

// keepIn copies what the service said into e.
func (r reply) keepIn(e *api.Error) {
	e.Code, e.APICode = int(r.StatusCode.Value), int(r.APICode.Value)
	e.SetReply(r.Message, r.Data)
	e.RequestID = api.LoggableID(string(r.RequestID))
}

// incomplete reports a success that lacks what the call promises. Its data may be a refusal of WeChat's.
func incomplete(resp transport.Response, missing string) error {
	err := refusal(resp, nil)
	if e, ok := errors.AsType[*api.Error](err); ok && e.Code == http.StatusOK {
		e.Reason = "the service reported success but sent no " + missing
		matchWeChat(e)
	}
	return err
}

// oidcFailure reads a response of an /oidc endpoint that is not a success. Such an endpoint may send an envelope, too.
func oidcFailure(resp transport.Response, cause error) error {
	r, err := readReply(resp)
	if r.Error == "" {
		return r.refusal(resp, cmp.Or(err, cause))
	}
	e := &api.Error{
		Message: string(r.Error), Data: json.RawMessage(resp.Body), RetryAfter: transport.RetryAfter(resp.Header),
		Hint: oidcMeaning(string(r.Error)),
	}
	if r.Description != "" {
		e.Message += ": " + string(r.Description)
	}
	return e
}

// oidcError returns the name of an OpenID Connect error that err reports, or "".
func oidcError(err error) string {
	var named struct {
		Error wire.Text `json:"error"`
	}
	if e, ok := errors.AsType[*api.Error](err); ok && wire.Decode(e.Data, &named) == nil {
		return string(named.Error)
	}
	return ""
}
