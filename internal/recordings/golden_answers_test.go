package recordings_test

import (
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// reply is an answer as the Go API has to understand it.
type reply struct {
	verdict verdict
	settled bool // of a failure: the caller knows what it did
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

// part is one exchange of a call.
type part struct {
	read     func(serverAnswer) reply      // as Go has to
	settle   func(serverAnswer) settlement // as the original does
	promised promise
}

// promise reports whether the result of a success is what the call promises.
type promise func(result any) bool

func nothing(any) bool { return true }

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

func hasID(result any) bool { return isUser(result) && has("_id", "id")(result) }

// signedIn asks for a token that can be sent back in a header.
func signedIn(result any) bool {
	user, _ := result.(map[string]any)
	return hasID(result) && isText(user["token"]) && isSendable(user["token"].(string))
}

func isSendable(token string) bool {
	return !strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' })
}

// isUser reports whether all members of a result have the types that those of a user may have.
func isUser(result any) bool {
	user, ok := result.(map[string]any)
	for _, name := range []string{"_id", "id", "token", "email", "phone", "username", "nickname", "company", "photo", "browser",
		"device", "unionid", "openid", "oauth", "registerInClient", "registerMethod", "lastIP"} {
		ok = ok && isNullOr[string](user[name])
	}
	for _, name := range []string{"emailVerified", "phoneVerified", "blocked", "isDeleted"} {
		ok = ok && isNullOr[bool](user[name])
	}
	for _, name := range []string{"tokenExpiredAt", "lastLogin", "signedUp"} {
		ok = ok && isWritten(user[name])
	}
	return ok && isWhole(user["loginsCount"]) && isNullOr[map[string]any](user["group"])
}

func isPhone(result any) bool {
	phone, _ := result.(map[string]any)
	return isText(phone["phoneNumber"]) && isNullOr[string](phone["purePhoneNumber"]) && isWritten(phone["countryCode"])
}

func isMetadata(result any) bool {
	metadata, _ := result.(map[string]any)
	ok := isNullOr[[]any](metadata["list"]) && isWhole(metadata["totalCount"])
	list, _ := metadata["list"].([]any)
	for _, item := range list {
		texts, is := item.(map[string]any)
		ok = ok && is && isWritten(texts["key"]) && isWritten(texts["value"])
	}
	return ok && has("list", "totalCount")(result)
}

// isNotice has nothing to promise, but members of the right types.
func isNotice(result any) bool {
	notice, ok := result.(map[string]any)
	return ok && isWhole(notice["code"]) && isWritten(notice["message"]) && isNullOr[bool](notice["status"])
}

func isStatus(result any) bool { return isNotice(result) && has("code", "status")(result) }

func isNullOr[T any](v any) bool {
	_, ok := v.(T)
	return ok || v == nil
}

// isWritten accepts what the service writes as a text or as a number.
func isWritten(v any) bool { return isNullOr[string](v) || isNullOr[float64](v) }

// isWhole accepts a whole number, also as text, or none.
func isWhole(v any) bool {
	raw, err := json.Marshal(v)
	_, whole := integer(raw)
	return whole || err == nil && (v == nil || v == "")
}

func keeps(promised promise, result json.RawMessage) bool {
	return promised(decodedJSON(result))
}

func decodedJSON(raw []byte) (v any) {
	json.Unmarshal(raw, &v)
	return v
}

// answerEnvelope is what the endpoints of Authing answer with: the REST ones a code, a message and data, GraphQL data,
// or a code and a message when the server itself fails.
type answerEnvelope struct{ Code, Message, Data json.RawMessage }

const byteOrderMark = "\ufeff" // harmless, and met in practice

// envelope reads the answer as one of Authing.
func (a serverAnswer) envelope() (env answerEnvelope, ok bool) {
	ok = json.Unmarshal([]byte(strings.TrimPrefix(a.Body, byteOrderMark)), &env) == nil
	return env, ok
}

// failure is what the answer is if it is no success.
func (a serverAnswer) failure() reply {
	switch {
	case a.Refuse:
		return reply{verdict: absent, settled: true}
	case a.Drop:
		return reply{verdict: broken}
	}
	env, ok := a.envelope()
	code, coded := integer(env.Code)
	if !ok {
		return reply{verdict: foreign, data: json.RawMessage(a.Body)}
	}
	if !coded {
		return reply{verdict: foreign, data: json.RawMessage(a.Body), message: text(env.Message)}
	}
	r := reply{verdict: refused, settled: a.Status < 500, code: code, message: text(env.Message), data: env.Data}
	if code == http.StatusOK {
		r.verdict, r.settled = hollow, false
	}
	if isNull(r.data) && a.saysMore() {
		r.data = json.RawMessage(a.Body)
	}
	return r
}

// saysMore reports whether there is more in an envelope than an Error has fields for.
func (a serverAnswer) saysMore() bool {
	object, _ := decodedJSON([]byte(a.Body)).(map[string]any)
	for name := range object {
		if !slices.Contains([]string{"code", "message", "data"}, name) {
			return true
		}
	}
	return false
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// rest is the one part of a REST call.
func rest(promised promise) []part {
	return []part{{settle: settleREST, promised: promised, read: func(a serverAnswer) reply {
		env, _ := a.envelope()
		if code, _ := integer(env.Code); a.Status == http.StatusOK && code == http.StatusOK && keeps(promised, env.Data) {
			return reply{verdict: good, result: env.Data}
		}
		return a.failure()
	}}}
}

// graphql is the one part of a GraphQL call with this root field. A refusal can stand in the place of the result.
func graphql(field string, promised promise) []part {
	return []part{{settle: settleGraphQL(field), promised: promised, read: func(a serverAnswer) reply {
		result, fault := a.root(field)
		switch soft := refusalInside(result); {
		case fault != nil:
			return *fault
		case keeps(promised, result):
			return reply{verdict: good, result: result}
		case soft != nil:
			return *soft
		}
		return a.failure()
	}}}
}

// notice is the one part of a GraphQL call that has nothing to return. Its result can be a refusal, and a success often
// has no code.
func notice(field string) []part {
	return []part{{settle: settleGraphQL(field), promised: isNotice, read: func(a serverAnswer) reply {
		result, fault := a.root(field)
		switch soft := refusalInside(result); {
		case fault != nil:
			return *fault
		case soft != nil:
			return *soft
		case keeps(isNotice, result):
			return reply{verdict: good, result: result}
		}
		return a.failure()
	}}}
}

// root returns the root field of a GraphQL answer, or why it has none to look at.
func (a serverAnswer) root(field string) (result json.RawMessage, fault *reply) {
	var failed struct{ Errors []json.RawMessage }
	var success struct{ Data map[string]json.RawMessage }
	body := []byte(strings.TrimPrefix(a.Body, byteOrderMark))
	errorsErr, dataErr := json.Unmarshal(body, &failed), json.Unmarshal(body, &success)
	switch {
	case errorsErr == nil && len(failed.Errors) > 0:
		r := graphqlErrors(failed.Errors)
		r.settled = a.Status < 500
		return nil, &r
	case errorsErr == nil && dataErr == nil && a.Status == http.StatusOK:
		return success.Data[field], nil
	}
	r := a.failure()
	return nil, &r
}

// refusalInside reads a result as a refusal, nil if it is none.
func refusalInside(result json.RawMessage) *reply {
	if !keeps(isNotice, result) {
		return nil
	}
	var n struct {
		Code, Message json.RawMessage
		Status        *bool
	}
	json.Unmarshal(result, &n)
	code, coded := integer(n.Code)
	if (!coded || code == http.StatusOK) && (n.Status == nil || *n.Status) {
		return nil
	}
	return &reply{verdict: refused, settled: true, code: code, message: text(n.Message)}
}

// graphqlErrors reads a list of errors: the first is the refusal. The message of each is an object or plain text; what
// has no message is its own. Later servers put the code beside the message.
func graphqlErrors(entries []json.RawMessage) reply {
	r := reply{verdict: refused}
	for i, entry := range entries {
		var outer struct {
			answerEnvelope
			Extensions answerEnvelope
		}
		var inner answerEnvelope
		if json.Unmarshal(entry, &outer) != nil || outer.Message == nil {
			outer.Message = entry
		}
		if json.Unmarshal(outer.Message, &inner) != nil || inner.Message == nil {
			inner.Message = outer.Message
		}
		code, coded := 0, false
		for _, raw := range []json.RawMessage{inner.Code, outer.Code, outer.Extensions.Code} {
			if !coded {
				code, coded = integer(raw)
			}
		}
		if i > 0 {
			r.others = append(r.others, code)
			continue
		}
		r.code, r.message, r.data = code, text(inner.Message), inner.Data
		switch {
		case inner.Data != nil:
		case !isNull(inner.Code) && !coded:
			r.data = entry // so that the code is not lost
		default:
			r.data = outer.Data
		}
	}
	return r
}

// upload is the part in which the image storage answers, with a key or an error. Its own statuses begin with 6: all of
// them say that nothing was stored.
var upload = part{settle: settleUpload, promised: has("key"), read: func(a serverAnswer) reply {
	var stored struct {
		Key   string
		Error json.RawMessage
	}
	err := json.Unmarshal([]byte(a.Body), &stored)
	switch {
	case err != nil:
	case a.Status == http.StatusOK && stored.Key != "":
		return reply{verdict: good}
	case !isNull(stored.Error) && text(stored.Error) != "":
		return reply{
			verdict: refused, settled: a.Status < 500 || a.Status >= 600,
			message: text(stored.Error), data: json.RawMessage(a.Body),
		}
	}
	if r := a.failure(); r.verdict == absent || r.verdict == broken {
		return r
	}
	return reply{verdict: foreign, data: json.RawMessage(a.Body)}
}}

// integer reads a whole number, also one written as text or with a fraction of zeros. It is false for all else.
func integer(raw json.RawMessage) (int, bool) {
	n, err := strconv.ParseFloat(strings.Trim(string(raw), `"`), 64)
	if err != nil || n != math.Trunc(n) || math.Abs(n) >= 1<<53 {
		return 0, false
	}
	return int(n), true
}

// text reads a text, or returns the JSON of what is none.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return string(raw)
	}
	return s
}
