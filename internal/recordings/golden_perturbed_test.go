package recordings_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing/internal/testkit"
)

// A comparison that a wrong recording passes says nothing: replays notice all of these but for what unnoticeable names.
func TestGoldenPerturbed(t *testing.T) {
	t.Parallel()
	for _, file := range recordings(t) {
		for _, c := range load(t, file).Cases {
			t.Run(c.ID, func(t *testing.T) {
				t.Parallel()
				for i, step := range c.Steps {
					for what, perturb := range perturbations(step) {
						wrong := clone(t, c)
						perturb(&wrong.Steps[i])
						if unnoticeable(step, what) == "" {
							assert.True(t, differs(wrong), "%s of %s", what, step.Method)
						}
						if what == anotherValue && comparesValue(c, step) {
							assert.True(t, differsInGo(wrong), "%s of %s, compared with that of Go", what, step.Method)
						}
					}
				}
			})
		}
	}
}

// unnoticeable says why a replay cannot notice that a recording is wrong, "" if it has to. How a step ended, and with how
// many requests, it always notices.
func unnoticeable(step recordedStep, what string) (reason string) {
	tagged := func(defect string) bool { return slices.Contains(step.JSDefects, defect) }
	isOf := func(method, part string) bool { return step.Method == method && strings.HasPrefix(what, part) }
	switch {
	case !strings.HasPrefix(what, ofRequest):
		return ""
	case tagged("sends-though-rejected-locally"), tagged("phone-code-becomes-null"), tagged("required-variable-missing"),
		tagged("word-undefined-on-the-wire") && step.Method == "getVerificationCode", step.Method == "_auth":
		return "Go does not send that request"
	case step.Method == "loginWithWxapp" && lacksCodeOrIV(step.Sent[0]):
		return "Go does not send that request either; the original sees no defect in it"
	case tagged("undeclared-variables-sent") && strings.HasPrefix(what, ofRequest+"variable "):
		return "Go does not send undeclared variables, whatever they hold"
	case isOf("loginByLDAP", ofRequest+"variable browser"), isOf("loginByPhoneCode", ofRequest+"variable browser"):
		return "Go does not send a browser, whichever it is"
	case isOf("update", ofRequest+"type of ") && hasUndefined(step):
		return "Go does not declare what is undefined, whatever its type"
	}
	return ""
}

func lacksCodeOrIV(r recordedRequest) bool {
	body, _ := r.Body.(map[string]any)
	return !isTrue(body["code"]) || !isTrue(body["iv"])
}

func hasUndefined(step recordedStep) bool {
	options, _ := step.Args[0].(map[string]any)
	return slices.ContainsFunc(slices.Collect(maps.Values(options)), undefined)
}

const (
	ofRequest    = "request: "
	anotherValue = "another value"
)

// comparesValue reports whether the value that the original settled with has to be found in what Go returns.
func comparesValue(c recordedCase, step recordedStep) bool {
	s := newSituation(c, step, optionsOf(c.Variant, step), c.StateBefore.Token)
	return len(c.Steps) == 1 && s.deviates() == nil && (step.Outcome.Kind == "rejected" || !s.isOneOf(
		"logout", "getVerificationCode", "sendResetPasswordEmail", "verifyResetPasswordVerifyCode", "sendVerifyEmail"))
}

// perturbations are changes that make the recording of a step wrong, by what they change.
func perturbations(step recordedStep) map[string]func(*recordedStep) {
	all := map[string]func(*recordedStep){}
	for _, kind := range []string{"resolved", "rejected", "pending"} {
		if threw := kind == "rejected" && step.Outcome.Kind == "threw"; kind != step.Outcome.Kind && !threw {
			all[kind] = func(s *recordedStep) { s.Outcome.Kind = kind }
		}
	}
	if step.Outcome.Kind != "pending" {
		all[anotherValue] = func(s *recordedStep) { s.Outcome.Value = json.RawMessage(`"other"`) }
	}
	if len(step.Sent) == 0 {
		return all
	}
	last := len(step.Sent) - 1
	all["one request less"] = func(s *recordedStep) { s.Sent, s.Answers = s.Sent[:last], s.Answers[:last] }
	all["one request more"] = func(s *recordedStep) {
		s.Sent, s.Answers = append(s.Sent, s.Sent[last]), append(s.Answers, s.Answers[last])
	}
	if step.Sent[last].BodyKind == "" {
		return all // recordings of answers have little of a request, always the same
	}
	for what, perturb := range requestPerturbations(step.Sent[last]) {
		all[ofRequest+what] = func(s *recordedStep) { perturb(&s.Sent[last]) }
	}
	return all
}

func requestPerturbations(recorded recordedRequest) map[string]func(*recordedRequest) {
	all := map[string]func(*recordedRequest){
		"verb": func(r *recordedRequest) { r.Verb = "PUT" },
		"path": func(r *recordedRequest) { r.Path += "x" },
		"url":  func(r *recordedRequest) { r.URL += "x" },
		"host": func(r *recordedRequest) {
			r.HostRole = map[string]string{"users": "oauth", "oauth": "users", "qiniu": "users"}[r.HostRole]
		},
		"header":        func(r *recordedRequest) { r.Headers["x-other"] = "other" },
		"authorization": func(r *recordedRequest) { r.Headers["authorization"] += "x" },
	}
	if recorded.BodyKind != "none" {
		all["content type"] = func(r *recordedRequest) { r.WireContentType = "text/plain" }
	}
	switch recorded.BodyKind {
	case "json":
		all["body"] = func(r *recordedRequest) { r.Body.(map[string]any)["other"] = "other" }
		for name := range recorded.Body.(map[string]any) {
			all["body "+name] = func(r *recordedRequest) { r.Body.(map[string]any)[name] = "other" }
		}
	case "multipart":
		all["file field"] = func(r *recordedRequest) { r.Multipart.FileField += "x" }
		all["token"] = func(r *recordedRequest) { r.Multipart.Fields["token"] += "x" }
	case "graphql":
		for what, perturb := range graphqlPerturbations(recorded.GraphQL) {
			all[what] = func(r *recordedRequest) { perturb(&r.GraphQL) }
		}
	}
	return all
}

func graphqlPerturbations(recorded testkit.GraphQLRequest) map[string]func(*testkit.GraphQLRequest) {
	all := map[string]func(*testkit.GraphQLRequest){
		"kind":        func(q *testkit.GraphQLRequest) { q.Kind = "subscription" },
		"name":        func(q *testkit.GraphQLRequest) { q.Name += "x" },
		"root field":  func(q *testkit.GraphQLRequest) { q.RootFields[0].Field += "x" },
		"argument":    func(q *testkit.GraphQLRequest) { q.RootFields[0].Arguments["other"] = "other" },
		"declaration": func(q *testkit.GraphQLRequest) { q.Declared["other"] = "String" },
		"selection":   func(q *testkit.GraphQLRequest) { q.Selection = append(q.Selection, "other") },
		"leaf":        func(q *testkit.GraphQLRequest) { q.Selection = q.Selection[1:] },
		"body keys":   func(q *testkit.GraphQLRequest) { q.BodyKeys = append(q.BodyKeys, "other") },
	}
	for name := range recorded.Declared {
		all["type of "+name] = func(q *testkit.GraphQLRequest) { q.Declared[name] += "x" }
	}
	for name := range recorded.Variables {
		all["variable "+name] = func(q *testkit.GraphQLRequest) { q.Variables[name] = "other" }
	}
	return all
}

// clone returns a copy that has no part of c: replays and perturbations change what is inside.
func clone(t *testing.T, c recordedCase) (copied recordedCase) {
	t.Helper()
	data, err := json.Marshal(c)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &copied))
	return copied
}
