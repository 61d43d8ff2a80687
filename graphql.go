package authing

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/authing-wxapp/authing/internal/api"
	"github.com/authing-wxapp/authing/internal/transport"
	"github.com/authing-wxapp/authing/internal/wire"
)

// The fields of a user that operations select. They differ as in the original; only the password hash is left out.
const (
	accountFields = `_id email emailVerified username nickname company photo browser token tokenExpiredAt loginsCount
		lastLogin lastIP signedUp blocked`
	profileFields = accountFields + ` isDeleted registerInClient registerMethod oauth`
)

// operation is a GraphQL operation, declared beside the method that runs it. The document contains no values: those
// travel as variables.
type operation[T any] struct {
	field    string // of the response's data
	document string
	missing  func(*T) string // names a required part that a T lacks, or returns ""; nil requires only a T
}

// graphqlBody is the body of a GraphQL request. The original sends no operationName.
type graphqlBody struct {
	Query     string `json:"query"`
	Variables any    `json:"variables,omitempty"`
}

// graphqlEnvelope wraps what the GraphQL endpoints return.
type graphqlEnvelope[T any] struct {
	Data   wire.Field[T] `json:"data"`
	Errors wire.Entries  `json:"errors"`
}

// graphql completes the request for an operation and returns it with the function that reads its response. The caller
// sets op, invalid, auth and anything that is not the default.
func graphql[T, R any](c *Client, req api.Request, op operation[T], variables any, result func(*T, wire.Raw) (R, error)) (api.Request, func(transport.Response) (R, error)) {
	req.Method = http.MethodPost
	req.URL = cmp.Or(req.URL, c.users) + "/graphql"
	req.Body = &graphqlBody{op.document, variables} // a pointer saves two allocations
	return req, func(resp transport.Response) (R, error) {
		value, err := readGraphQL(resp, op, req.Reads)
		if err != nil {
			var none R
			return none, err
		}
		return result(value, wire.At(resp.Body, [2]string{"data", op.field}))
	}
}

// callGraphQL runs an operation.
func callGraphQL[T, R any](ctx context.Context, c *Client, req api.Request, op operation[T], variables any, result func(*T, wire.Raw) (R, error)) (R, error) {
	req, read := graphql(c, req, op, variables, result)
	return call(ctx, c, req, read)
}

// graphqlUser runs an operation that returns a user.
func graphqlUser(ctx context.Context, c *Client, req api.Request, op operation[wireUser], variables any) (*User, error) {
	return callGraphQL(ctx, c, req, op, variables, userOf)
}

// graphqlDone runs an operation that returns nothing but an acknowledgement.
func graphqlDone(ctx context.Context, c *Client, req api.Request, op operation[ack], variables any) error {
	_, err := callGraphQL(ctx, c, req, op, variables, func(a *ack, _ wire.Raw) (none struct{}, err error) {
		return none, a.refused()
	})
	return err
}

// readGraphQL decodes the operation's field of a response.
func readGraphQL[T any](resp transport.Response, op operation[T], reads bool) (*T, error) {
	env := graphqlEnvelope[T]{Data: wire.Field[T]{Name: op.field}}
	err := wire.Decode(resp.Body, &env)
	switch {
	case resp.Status != http.StatusOK || env.Errors.Count > 0:
		return nil, graphqlRefusal(resp, err)
	case env.Errors.Odd:
		return nil, api.BadResponse(resp, "", nil)
	}
	value, answered := env.Data.Value, env.Data.Present
	missing := ""
	switch {
	case value == nil:
		missing = op.field
	case op.missing != nil:
		missing = op.missing(value)
	}
	if err == nil && missing == "" {
		return value, nil
	}
	if refused := ackOf(resp, op.field).refused(); refused != nil {
		return nil, refused
	}
	if err != nil {
		return nil, graphqlRefusal(resp, err)
	}
	e := incomplete(resp, missing)
	if answered && errors.Is(e, ErrBadResponse) {
		e.Hint = "" // the response did come from Authing, so advice about the hosts would mislead
		if value == nil && reads {
			e.Hint = "the requested object may not exist"
		}
	}
	return nil, e
}

// ack is what the service returns when it has nothing else to return, and sometimes in place of a result that it
// refuses. A missing code means success.
type ack struct {
	Code    wire.Int  `json:"code"`
	Message wire.Text `json:"message"`
	Status  wire.Bool `json:"status"`
}

// ackOf reads the field of a response as an ack. It is empty if that is not possible.
func ackOf(resp transport.Response, field string) ack {
	env := graphqlEnvelope[ack]{Data: wire.Field[ack]{Name: field}}
	if wire.Decode(resp.Body, &env) == nil && env.Data.Value != nil {
		return *env.Data.Value
	}
	return ack{}
}

// missingCode rejects a code that cannot be read, which would pass for none. A status may be odd beside a code.
func missingCode(a *ack) string {
	switch {
	case a.Code.Odd:
		return "readable code"
	case a.Status.Odd && !a.Code.Set:
		return "readable status"
	}
	return ""
}

// missingVerdict requires an explicit verdict on a token: the absence of a refusal alone does not make it valid, and what
// cannot be read does not make it invalid.
func (a *ack) missingVerdict() string {
	if a.refused() == nil && (a.Code.Odd || a.Status.Odd || !a.Code.Set && !a.Status.Set) {
		return "readable verdict on the token"
	}
	return ""
}

func (a ack) refused() error {
	if (!a.Code.Set || a.Code.Value == http.StatusOK) && (!a.Status.Set || a.Status.Value) {
		return nil
	}
	e := serviceError(int(a.Code.Value))
	e.Message = string(a.Message)
	return e
}

// graphqlRefusal reads a GraphQL response that is not a success. Of several errors it returns the first, which also
// matches the sentinels of the others. The call may have taken effect if the response has data, or if an entry has no
// code: it is then a failure of the server rather than a refusal.
func graphqlRefusal(resp transport.Response, cause error) error {
	var reply graphqlEnvelope[struct{}]
	if wire.Decode(resp.Body, &reply) != nil || reply.Errors.Count == 0 {
		return refusal(resp, cause)
	}
	entries := reply.Errors.First
	first := graphqlError(json.RawMessage(entries[0]))
	first.RetryAfter = transport.RetryAfter(resp.Header)
	settled := isRefusalCode(first.Code)
	for _, other := range entries[1:] {
		e := graphqlError(json.RawMessage(other))
		first.Body = resp.Body
		first.Match(e.Err)
		settled = settled && isRefusalCode(e.Code)
	}
	if reply.Data.Others {
		first.Body = resp.Body
	}
	if !settled || reply.Data.Others || reply.Errors.Count > len(entries) {
		return api.Unsettled(first)
	}
	return first
}

// isRefusalCode reports whether an entry with this code says that nothing happened.
func isRefusalCode(code int) bool { return code != 0 && code != http.StatusOK }

// graphqlError reads an entry of errors. Its message is an object with code, message and data when a business rule
// failed, and plain text when the document or the server did; later servers put a code beside that text.
func graphqlError(entry json.RawMessage) *api.Error {
	type details struct {
		Code    json.RawMessage `json:"code"`
		Message json.RawMessage `json:"message"`
		Data    json.RawMessage `json:"data"`
	}
	var outer struct {
		details
		Extensions wire.Maybe[details] `json:"extensions"`
	}
	var inner details
	if wire.Decode(entry, &outer) != nil || outer.Message == nil {
		outer.Message = entry
	}
	if wire.Decode(outer.Message, &inner) != nil || inner.Message == nil {
		inner.Message = outer.Message
	}
	var code wire.Int
	for _, raw := range []json.RawMessage{inner.Code, outer.Code, outer.Extensions.Value.Code} {
		if !code.Set {
			code.UnmarshalJSON(raw) // a code that is not a number is no use
		}
	}
	data := inner.Data
	switch {
	case data == nil && inner.Code != nil && !bytes.Equal(inner.Code, []byte("null")) && !code.Set:
		data = entry // so that the code is not lost
	case data == nil:
		data = outer.Data
	}
	e := serviceError(int(code.Value), data, inner.Message)
	e.SetReply(inner.Message, data)
	return e
}
