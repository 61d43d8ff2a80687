package recordings_test

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/stretchr/testify/assert"
)

// settlement is how a call of the original ends. Holding the recordings to it keeps the rules of this test from
// explaining away whatever a recording has.
type settlement struct {
	kind string // "resolved", "rejected", "threw" or "pending"
	with func(value any) bool
}

var pending = settlement{"pending", anything}

func anything(any) bool { return true }

func equal(want any) func(any) bool {
	return func(value any) bool { return assert.ObjectsAreEqual(want, value) }
}

func resolved(value any) settlement { return settlement{"resolved", equal(value)} }
func rejected(value any) settlement { return settlement{"rejected", equal(value)} }

// isCrash recognizes an error of the JavaScript engine, whose text means nothing.
func isCrash(value any) bool {
	e, _ := value.(map[string]any)
	return e["$js"] == "Error" && e["name"] != "Error"
}

var crashed = settlement{"rejected", isCrash}

// settleREST takes data for what there is to say, on success and failure alike, or else the whole answer.
func settleREST(a serverAnswer) settlement {
	body := a.parsed()
	if body == nil {
		return pending
	}
	object, _ := body.(map[string]any)
	value := body
	if isTrue(object["data"]) {
		value = object["data"]
	}
	if a.Status == http.StatusOK && (body == "" || is200(object["code"])) {
		return resolved(value)
	}
	return rejected(value)
}

// settleGraphQL dies in a callback, where nobody sees it, if there is no message where it looks for one.
func settleGraphQL(field string) func(serverAnswer) settlement {
	return func(a serverAnswer) settlement {
		body := a.parsed()
		object, _ := body.(map[string]any)
		switch failed := isTrue(object["errors"]); {
		case body == nil || !failed && a.Status != http.StatusOK:
			return pending
		case failed:
			message := firstMessage(object["errors"])
			details, _ := message.(map[string]any)
			if message == nil {
				return pending
			}
			if !is200(details["code"]) {
				return rejected(message)
			}
		}
		data, _ := object["data"].(map[string]any)
		if data == nil {
			return crashed
		}
		if slices.Contains([]string{"login", "LoginByLDAP"}, field) && data[field] == nil {
			return crashed // it looks for the token
		}
		return resolved(data[field])
	}
}

// settleUpload does not look at the status.
func settleUpload(a serverAnswer) settlement {
	if a.Refuse || a.Drop {
		return settlement{"rejected", has("errMsg")}
	}
	body := a.parsed()
	if _, isText := body.(string); isText || body == nil {
		return crashed
	}
	if object, _ := body.(map[string]any); !isTrue(object["key"]) {
		return pending
	}
	return resolved(body)
}

func firstMessage(errors any) any {
	list, _ := errors.([]any)
	if len(list) == 0 {
		return nil
	}
	first, _ := list[0].(map[string]any)
	return first["message"]
}

// parsed is the answer as the platform hands it over: as text if it is not JSON, nil if there is none or it is null.
func (a serverAnswer) parsed() any {
	if a.Refuse || a.Drop {
		return nil
	}
	if v := decodedJSON([]byte(a.Body)); v != nil || strings.TrimSpace(a.Body) == "null" {
		return v
	}
	return a.Body
}

// isTrue is JavaScript's idea of it.
func isTrue(v any) bool { return v != nil && v != false && v != "" && v != 0.0 }

// is200 compares as loosely as JavaScript does.
func is200(code any) bool {
	if s, ok := code.(string); ok {
		n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		return err == nil && n == http.StatusOK
	}
	return code == 200.0
}

const loginFirst = "绑定手机号之前请先登录！"

var signedOut = map[string]any{"code": 2020.0, "status": false, "message": "未登录"}

// originally returns how the step can have settled, given what it was called with and the answers, and how many requests
// that took.
func (s situation) originally() (ends []settlement, requests int) {
	if len(s.step.Sent) == 0 {
		return s.unsent(), 0
	}
	var end settlement
	for _, part := range s.method.parts {
		end = part.settle(s.answer(requests))
		if requests++; end.kind != "resolved" {
			break
		}
	}
	switch noToken := s.token == ""; {
	case s.isOneOf("revokeAuthedApp"):
		end = settlement{"threw", isCrash}
	case s.isOneOf("loginByLDAP") && end.kind == "resolved":
		end = crashed
	case s.isOneOf("bindPhone") && (noToken || s.adrift):
		ends = append(ends, rejected(loginFirst))
		if noToken && !s.adrift {
			return ends, requests
		}
	case s.isOneOf("checkLoginStatus") && noToken && !s.adrift, s.lacksDetail():
		return nil, 0
	}
	return append(ends, end), requests
}

// lacksDetail reports whether the original, too, finds that there is nothing to send.
func (s situation) lacksDetail() bool {
	detail, _ := s.given["detail"].(map[string]any)
	accepted := detailsOf[s.step.Method]
	return accepted != nil && detail["errMsg"] != accepted[0]
}

// unsent returns how a step can have settled for which nothing was sent.
func (s situation) unsent() (ends []settlement) {
	switch noToken := s.token == "" || s.adrift; {
	case s.isOneOf("checkLoginStatus"):
		if noToken {
			ends = append(ends, resolved(signedOut))
		}
		return ends
	case s.isOneOf("changeAvatar"):
		switch {
		case s.step.Environment.ViaSuccess:
			ends = append(ends, pending, settlement{"rejected", anything})
		case s.given["picked"] != true:
			ends = append(ends, pending)
		}
		return ends
	case detailsOf[s.step.Method] != nil:
		detail, _ := s.given["detail"].(map[string]any)
		switch {
		case detail == nil:
			ends = append(ends, crashed, settlement{"threw", isCrash})
		case s.lacksDetail():
			ends = append(ends, rejected(detail["errMsg"]))
		}
		if s.isOneOf("bindPhone") && noToken && !s.tagged("sends-though-rejected-locally") {
			ends = append(ends, rejected(loginFirst))
		}
		return ends
	}
	ends = append(ends, settlement{"threw", s.namesWhatIsMissing})
	if s.isOneOf("getAuthedAppList", "sendVerifyEmail") || s.deviation != nil && s.deviation.unsent {
		ends = append(ends, crashed, settlement{"threw", isCrash})
	}
	return ends
}

var missing = regexp.MustCompile(`^(?:options\.)?(\w+?)(?: ?in options)? is not provided\.?$`)

// namesWhatIsMissing recognizes the texts that the original throws, some of them inside of an Error.
func (s situation) namesWhatIsMissing(value any) bool {
	if e, ok := value.(map[string]any); ok && e["name"] == "Error" {
		value = e["message"]
	}
	said, _ := value.(string)
	found := missing.FindStringSubmatch(said)
	return found != nil && !isTrue(s.given[found[1]])
}

// expectRecorded holds the recording itself to what the original does.
func expectRecorded(t *differences, s situation) {
	ends, requests := s.originally()
	assert.Len(t, s.step.Sent, requests, "requests of the original")
	assert.Len(t, s.step.Answers, requests, "answers to the original")
	value := decodedJSON(s.step.Outcome.Value)
	if undefined(value) {
		value = nil
	}
	assert.True(t, slices.ContainsFunc(ends, func(end settlement) bool {
		return end.kind == s.step.Outcome.Kind && end.with(value)
	}), "the original does not end so: %s with %v", s.step.Outcome.Kind, value)
}
