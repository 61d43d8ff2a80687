package authing

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
)

// What the operations select of a user. They differ as in the original; only the password hash is left out.
const (
	accountFields = `_id email emailVerified username nickname company photo browser token tokenExpiredAt loginsCount
		lastLogin lastIP signedUp blocked`
	profileFields = accountFields + ` isDeleted registerInClient registerMethod oauth`
)

// operation is a GraphQL operation, declared once beside the method that runs it. The document never holds a value:
// those travel as variables.
type operation struct {
	document string
	field    string // of the answer's data
}

// graphqlBody is what a GraphQL endpoint is sent. The original sends no operationName.
type graphqlBody struct {
	Query     string `json:"query"`
	Variables any    `json:"variables,omitempty"`
}

// graphqlEnvelope is how the GraphQL endpoints wrap what they return.
type graphqlEnvelope[T any] struct {
	Data   map[string]*T     `json:"data"`
	Errors []json.RawMessage `json:"errors"`
}

// graphql runs an operation and decodes its field of the answer. lacks names what a T that the call promises does not
// have; nil promises nothing but a T. Of rq, the method gives op and check, and what differs from the usual.
func graphql[T any](ctx context.Context, c *Client, rq request, o operation, variables any, lacks func(*T) string) (*T, rawAnswer, error) {
	rq.method = http.MethodPost
	rq.url = cmp.Or(rq.url, c.users) + "/graphql"
	rq.body = graphqlBody{o.document, variables}
	var result *T
	ans, err := c.do(ctx, rq, func(ans answer) error {
		var env graphqlEnvelope[T]
		err := decode(ans.body, &env)
		result = env.Data[o.field]
		if ans.status != http.StatusOK || len(env.Errors) > 0 {
			return graphqlRefusal(ans, err)
		}
		missing := ""
		switch {
		case result == nil:
			missing = o.field
		case lacks != nil:
			missing = lacks(result)
		}
		if err == nil && missing == "" {
			if r, ok := any(result).(refuser); ok {
				return r.refused(c.pool)
			}
			return nil
		}
		if refused := softRefusal(ans, o.field); refused != nil {
			return refused
		}
		if err != nil {
			return graphqlRefusal(ans, err)
		}
		e := incomplete(ans, missing)
		if _, answered := env.Data[o.field]; answered && e.Is(ErrBadResponse) { // so it is Authing
			e.hint = ""
			if result == nil && rq.read {
				e.hint = "what the call is about may not exist"
			}
		}
		return e
	})
	if err != nil {
		return nil, rawAnswer{}, err
	}
	return result, rawAnswer{ans.body, [2]string{"data", o.field}}, nil
}

func graphqlUser(ctx context.Context, c *Client, rq request, o operation, variables any, lacks func(*wireUser) string) (*User, error) {
	return userOf(graphql(ctx, c, rq, o, variables, lacks))
}

// bearer is the token as the GraphQL endpoints want it.
func (c *Client) bearer() string {
	if c.token == "" {
		return ""
	}
	return "Bearer " + string(c.token)
}

// graphqlRefusal reads a GraphQL answer that is not a success. Of several errors the first is returned and the others
// are its cause, so that errors.Is finds them all.
func graphqlRefusal(ans answer, cause error) *Error {
	var said struct {
		Errors []json.RawMessage `json:"errors"`
	}
	if decode(ans.body, &said) != nil || len(said.Errors) == 0 {
		return refusal(ans, cause)
	}
	var all []error
	for _, entry := range said.Errors {
		e := graphqlError(entry)
		e.StatusCode, e.settled, e.RetryAfter = ans.status, ans.status < 500, retryAfter(ans.header)
		all = append(all, e)
	}
	first := all[0].(*Error)
	first.cause = errors.Join(all[1:]...)
	return first
}

// graphqlError reads an entry of errors: its message is an object with code, message and data when a business rule
// failed, and plain text when the document or the server did. Then a code may stand beside it, as in later servers.
func graphqlError(entry json.RawMessage) *Error {
	type details struct {
		Code    json.RawMessage `json:"code"`
		Message json.RawMessage `json:"message"`
		Data    json.RawMessage `json:"data"`
	}
	var outer struct {
		details
		Extensions details `json:"extensions"`
	}
	var inner details
	if json.Unmarshal(entry, &outer) != nil || outer.Message == nil {
		outer.Message = entry
	}
	if json.Unmarshal(outer.Message, &inner) != nil || inner.Message == nil {
		inner.Message = outer.Message
	}
	var code number
	for _, raw := range []json.RawMessage{inner.Code, outer.Code, outer.Extensions.Code} {
		if !code.set {
			code.UnmarshalJSON(raw) // a code that is no number says nothing to us
		}
	}
	data := inner.Data
	switch {
	case data == nil && inner.Code != nil && !bytes.Equal(inner.Code, []byte("null")) && !code.set:
		data = entry // so that the code is not lost
	case data == nil:
		data = outer.Data
	}
	e := serviceError(int(code.value), data, inner.Message)
	e.say(inner.Message, data)
	return e
}

// say keeps the words and the data of the service.
func (e *Error) say(message, data json.RawMessage) {
	e.Message = words(message)
	e.Data = nil
	if !bytes.Equal(data, []byte("null")) {
		e.Data = data
	}
}

// words reads a message, which is JSON text as a rule.
func words(message json.RawMessage) string {
	var said text
	if said.UnmarshalJSON(message) != nil {
		return string(message)
	}
	return string(said)
}

// refuser is a result that can itself be a refusal: the service puts some of them inside data.
type refuser interface{ refused(pool string) error }

// softRefusal is the refusal that stands inside data, in the place of what a call promises; nil if there is none.
func softRefusal(ans answer, field string) error {
	var env graphqlEnvelope[notice]
	if decode(ans.body, &env) != nil {
		return nil
	}
	if n := env.Data[field]; n != nil {
		return n.refused("")
	}
	return nil
}

// notice is what the service sends when it has nothing to return. A missing code is success.
type notice struct {
	Code    number `json:"code"`
	Message text   `json:"message"`
	Status  *bool  `json:"status"`
}

func (n *notice) refused(string) error {
	if (!n.Code.set || n.Code.value == http.StatusOK) && (n.Status == nil || *n.Status) {
		return nil
	}
	e := serviceError(int(n.Code.value))
	e.Message, e.settled = string(n.Message), true
	return e
}
