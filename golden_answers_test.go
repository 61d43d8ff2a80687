package authing_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// reply is an answer as the Go API has to understand it.
type reply struct {
	verdict verdict
	code    int
	message string
	data    json.RawMessage // what came with a refusal
	others  []int           // the codes of the further errors of GraphQL
	result  json.RawMessage // of a success
}

type verdict string

const (
	good    verdict = "a success"
	refused verdict = "a refusal of the service"
	hollow  verdict = "code 200, but no success"
	foreign verdict = "not an answer of the service"
	broken  verdict = "a broken connection"
	absent  verdict = "nobody there"
)

// part reads the answer of one exchange of a call.
type part func(serverAnswer) reply

// promise reports whether the result of a success is what the call promises.
type promise func(result any) bool

func nothing(any) bool { return true }

func isObject(result any) bool {
	_, is := result.(map[string]any)
	return is
}

func isFilled(result any) bool {
	object, _ := result.(map[string]any)
	return len(object) > 0
}

func isText(result any) bool {
	text, _ := result.(string)
	return text != ""
}

// has promises at least one of the members.
func has(members ...string) promise {
	return func(result any) bool {
		object, _ := result.(map[string]any)
		for _, member := range members {
			if value := object[member]; value != nil && value != "" {
				return true
			}
		}
		return false
	}
}

func hasID(result any) bool    { return has("_id", "id")(result) }
func signedIn(result any) bool { return hasID(result) && has("token")(result) }

func keeps(promised promise, result json.RawMessage) bool {
	var v any
	json.Unmarshal(result, &v)
	return promised(v)
}

// answerEnvelope is what the endpoints of Authing answer with: the REST ones a code, a message and data, GraphQL data
// and errors, or a code and a message when the server itself fails.
type answerEnvelope struct {
	Code, Message, Data json.RawMessage
	Errors              []json.RawMessage
}

// envelope reads the answer as one of Authing. A byte order mark is harmless, and met in practice.
func (a serverAnswer) envelope() (env answerEnvelope, ok bool) {
	const byteOrderMark = "\ufeff"
	ok = json.Unmarshal([]byte(strings.TrimPrefix(a.Body, byteOrderMark)), &env) == nil
	return env, ok
}

// failure is what the answer is if it is no success.
func (a serverAnswer) failure() reply {
	switch {
	case a.Refuse:
		return reply{verdict: absent}
	case a.Drop:
		return reply{verdict: broken}
	}
	env, ok := a.envelope()
	code, coded := integer(env.Code)
	if !ok || !coded {
		return reply{verdict: foreign}
	}
	r := reply{verdict: refused, code: code, message: text(env.Message), data: env.Data}
	if code == http.StatusOK {
		r.verdict = hollow
	}
	return r
}

// rest is the one part of a REST call.
func rest(promised promise) []part {
	return []part{func(a serverAnswer) reply {
		env, _ := a.envelope()
		if code, _ := integer(env.Code); a.Status == http.StatusOK && code == http.StatusOK && keeps(promised, env.Data) {
			return reply{verdict: good, result: env.Data}
		}
		return a.failure()
	}}
}

// graphql is the one part of a GraphQL call with this root field.
func graphql(field string, promised promise) []part {
	return []part{func(a serverAnswer) reply {
		env, _ := a.envelope()
		if len(env.Errors) > 0 {
			return graphqlErrors(env.Errors)
		}
		var data map[string]json.RawMessage
		json.Unmarshal(env.Data, &data)
		if a.Status == http.StatusOK && keeps(promised, data[field]) {
			return reply{verdict: good, result: data[field]}
		}
		return a.failure()
	}}
}

// graphqlErrors reads a list of errors: the first is the refusal. The message of each is an object or plain text; what
// has no message is its own.
func graphqlErrors(entries []json.RawMessage) reply {
	r := reply{verdict: refused}
	for i, entry := range entries {
		var outer, inner answerEnvelope
		if json.Unmarshal(entry, &outer) != nil || outer.Message == nil {
			outer.Message = entry
		}
		if json.Unmarshal(outer.Message, &inner) != nil || inner.Message == nil {
			inner.Message = outer.Message
		}
		code, _ := integer(inner.Code)
		if i == 0 {
			r.code, r.message, r.data = code, text(inner.Message), inner.Data
		} else {
			r.others = append(r.others, code)
		}
	}
	return r
}

// notice is the one part of a GraphQL call that has nothing to return. It can refuse inside data, and a success often
// has no code.
func notice(field string) []part {
	return []part{func(a serverAnswer) reply {
		r := graphql(field, isObject)[0](a)
		var n struct {
			Code, Message json.RawMessage
			Status        *bool
		}
		json.Unmarshal(r.result, &n)
		code, coded := integer(n.Code)
		if coded && code != http.StatusOK || n.Status != nil && !*n.Status {
			return reply{verdict: refused, code: code, message: text(n.Message)}
		}
		return r
	}}
}

// upload reads the answer of the image storage, which has a key or an error.
func upload(a serverAnswer) reply {
	var stored struct{ Key, Error string }
	err := json.Unmarshal([]byte(a.Body), &stored)
	switch {
	case err != nil:
	case a.Status == http.StatusOK && stored.Key != "":
		return reply{verdict: good}
	case stored.Error != "":
		return reply{verdict: refused, message: stored.Error, data: json.RawMessage(a.Body)}
	}
	if r := a.failure(); r.verdict == absent || r.verdict == broken {
		return r
	}
	return reply{verdict: foreign}
}

// integer reads a whole number, also one written as text. It is false for all else.
func integer(raw json.RawMessage) (int, bool) {
	n, err := strconv.Atoi(strings.Trim(string(raw), `"`))
	return n, err == nil
}

// text reads a text, or returns the JSON of what is none.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return string(raw)
	}
	return s
}
