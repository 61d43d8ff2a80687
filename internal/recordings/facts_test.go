package recordings_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/testkit"
)

// stepFacts returns the facts of one call: those of its requests, then its outcome.
func stepFacts(number int, method string, requests []recordedRequest, outcome []string) (facts []string) {
	for i, r := range requests {
		facts = append(facts, labeled(fmt.Sprintf("%d.%d %s", number, i+1, method), r.facts())...)
	}
	return append(facts, labeled(fmt.Sprintf("%d %s", number, method), outcome)...)
}

func labeled(label string, facts []string) []string {
	for i := range facts {
		facts[i] = label + " " + facts[i]
	}
	return facts
}

func (r recordedRequest) facts() []string {
	facts := []string{"sends " + r.Verb + " " + r.HostRole + " " + unescaped(r.Path)}
	if r.BodyKind == "" {
		if r.Operation != "" {
			facts = append(facts, "operation "+r.Operation)
		}
		return facts
	}
	facts = append(facts, "url "+unescaped(r.URL))
	facts = append(facts, members("header", r.Headers)...)
	if r.ContentType != "" {
		facts = append(facts, "content type "+r.ContentType)
	}
	switch r.BodyKind {
	case "none":
	case "json":
		facts = append(facts, flat("body", sendable(r.Body))...)
	case "graphql":
		facts = append(facts, graphqlFacts(r.GraphQL)...)
	case "multipart":
		facts = append(facts, members("field", r.Multipart.Fields)...)
		facts = append(facts, "file "+r.Multipart.FileField)
	default:
		facts = append(facts, "body of kind "+r.BodyKind)
	}
	return facts
}

// unescaped makes addresses comparable: the platform and Go escape different characters.
func unescaped(address string) string {
	if plain, err := url.PathUnescape(address); err == nil {
		return plain
	}
	return address
}

func graphqlFacts(q testkit.GraphQLRequest) []string {
	facts := []string{"operation " + q.Kind + " " + q.Name}
	for _, name := range slices.Sorted(maps.Keys(q.Declared)) {
		facts = append(facts, "declares $"+name+": "+q.Declared[name])
	}
	for _, root := range q.RootFields {
		facts = append(facts, strings.TrimSpace("calls "+root.Field+" "+root.Alias))
		facts = append(facts, members("argument "+root.Field, root.Arguments)...)
	}
	for _, leaf := range q.Selection {
		facts = append(facts, "selects "+leaf)
	}
	for _, key := range q.BodyKeys {
		facts = append(facts, "body has "+key)
	}
	return append(facts, members("variable", q.Variables)...)
}

// observed describes a request as a recording would.
func observed(t *testing.T, c recordedCase, sent testkit.Exchange) recordedRequest {
	verb, address, _ := strings.Cut(sent.Line, " ")
	u, err := url.Parse(address)
	require.NoError(t, err)
	contentType, params, _ := mime.ParseMediaType(sent.Header.Get("Content-Type"))
	r := recordedRequest{
		Verb: verb, HostRole: c.hostRole(u), Path: u.RequestURI(), URL: address,
		Headers: map[string]string{}, ContentType: contentType,
	}
	for name, values := range sent.Header {
		// The original leaves the last two to the platform. TestRequestOfEveryCall checks them.
		if !slices.Contains([]string{"Content-Type", "Accept", "User-Agent"}, name) {
			r.Headers[strings.ToLower(name)] = strings.Join(values, ", ")
		}
	}
	switch {
	case sent.Body == "":
		r.BodyKind = "none"
	case strings.HasSuffix(u.Path, "/graphql"):
		r.BodyKind = "graphql"
		r.GraphQL = decrypted(t, testkit.ParseGraphQL(t, sent.Body))
		r.Operation = r.GraphQL.Kind + " " + r.GraphQL.Name
	case contentType == "multipart/form-data":
		r.BodyKind = "multipart"
		r.Multipart.Fields, r.Multipart.FileField = readForm(t, sent.Body, params["boundary"])
	default:
		r.BodyKind = "json"
		r.Body = parsed(sent.Body)
	}
	return r
}

// hostRole returns what recordings call the host of an address.
func (c recordedCase) hostRole(address *url.URL) string {
	for _, host := range [][2]string{
		{"users", cmp.Or(c.Construct.Host.User, "https://users.authing.cn")},
		{"oauth", cmp.Or(c.Construct.Host.OAuth, "https://oauth.authing.cn")},
		{"qiniu", "https://up.qiniup.com"},
	} {
		role, base := host[0], host[1]
		if strings.HasPrefix(base+"/", address.Scheme+"://"+address.Host+"/") {
			return role
		}
	}
	return address.Host
}

// decrypted replaces ciphertexts by what recordings have in their place.
func decrypted(t *testing.T, q testkit.GraphQLRequest) testkit.GraphQLRequest {
	for name, value := range q.Variables {
		if text, ok := value.(string); ok && len(text) == 172 {
			q.Variables[name] = map[string]any{"rsaEncrypted": testkit.DecryptPassword(t, text)}
		}
	}
	return q
}

var randomName = regexp.MustCompile(`/[0-9a-f]{32}\.`)

// readForm returns the fields of a form and the name of its file, which has to be the picture.
func readForm(t *testing.T, body, boundary string) (fields map[string]string, fileField string) {
	form, err := multipart.NewReader(strings.NewReader(body), boundary).ReadForm(1 << 20)
	require.NoError(t, err)
	fields = map[string]string{}
	for name, values := range form.Value {
		fields[name] = randomName.ReplaceAllString(strings.Join(values, ", "), "/<random>.")
	}
	require.Len(t, form.File, 1)
	for name, files := range form.File {
		require.Len(t, files, 1)
		assert.Equal(t, "image/png", files[0].Header.Get("Content-Type"))
		f, err := files[0].Open()
		require.NoError(t, err)
		defer f.Close()
		content, err := io.ReadAll(f)
		require.NoError(t, err)
		assert.Equal(t, picture, string(content))
		fileField = name
	}
	return fields, fileField
}

const wholeAnswer = "keeps the whole answer"

// recordedOutcome returns the facts of how the original ended a step.
func recordedOutcome(step recordedStep) []string {
	var answer serverAnswer
	if n := len(step.Answers); n > 0 {
		answer = step.Answers[n-1]
	}
	facts := []string{"fails"}
	switch step.Outcome.Kind {
	case "resolved":
		return append([]string{"succeeds"}, resultFacts(step.Outcome.Value, answer)...)
	case "pending":
		facts = []string{"never settles"}
	}
	if answer.Status != 0 {
		facts = append(facts, fmt.Sprintf("HTTP %d", answer.Status))
	}
	return append(facts, reasonFacts(step.Outcome.Value, answer)...)
}

// reasonFacts returns the facts of what the original rejects with or throws: an Error, the answer or only its data, or a
// message of the answer or its own.
func reasonFacts(reason any, answer serverAnswer) (facts []string) {
	object, isObject := reason.(map[string]any)
	isAnswer := assert.ObjectsAreEqual(parsed(answer.Body), reason)
	more := true // than code, message and data
	switch {
	case reason == nil || isUndefined(reason):
		return nil
	case object["$js"] != nil && object["name"] != "Error": // thrown by the engine, in its own words
		return []string{fmt.Sprint("crashes with ", object["name"])}
	case object["$js"] != nil:
		return flat("message", object["message"])
	case object["code"] != nil || object["message"] != nil:
		known := 0
		for _, name := range []string{"code", "message", "data"} {
			value, ok := object[name]
			if ok {
				known++
			}
			if value != nil {
				facts = append(facts, flat(name, value)...)
			}
		}
		more = known < len(object)
	case isAnswer:
	case isObject:
		return flat("data", reason)
	default:
		return flat("message", reason)
	}
	switch {
	case !more:
		return facts
	case isAnswer:
		return append(facts, wholeAnswer)
	}
	return append(facts, flat("body", reason)...)
}

// observedOutcome returns the facts of how a Go call ended.
func observedOutcome(op string, value any, err error, answer serverAnswer) []string {
	if err == nil {
		return append([]string{"succeeds"}, valueFacts(value, answer)...)
	}
	facts := append([]string{"fails"}, valueFacts(value, answer)...)
	var e *authing.Error
	if !errors.As(err, &e) {
		return append(facts, "is no *authing.Error")
	}
	if !strings.EqualFold(op, e.Op) {
		facts = append(facts, "names the call "+e.Op)
	}
	if e.StatusCode != 0 {
		facts = append(facts, fmt.Sprintf("HTTP %d", e.StatusCode))
	}
	if e.Code != 0 {
		facts = append(facts, fmt.Sprintf("code %d", e.Code))
	}
	if e.Message != "" {
		facts = append(facts, flat("message", e.Message)...)
	}
	if e.Data != nil {
		facts = append(facts, flat("data", parsed(string(e.Data)))...)
	}
	switch {
	case e.Body == nil:
	case string(e.Body) == answer.Body:
		facts = append(facts, wholeAnswer)
	default:
		facts = append(facts, flat("body", parsed(string(e.Body)))...)
	}
	for _, name := range slices.Sorted(maps.Keys(sentinels)) {
		if errors.Is(err, sentinels[name]) {
			facts = append(facts, "matches "+name)
		}
	}
	return facts
}

// tokenFacts says which token the caller has after a step.
func tokenFacts(token any) []string {
	if token == nil || token == "" {
		return nil
	}
	return flat("leaves the token", token)
}

// valueFacts returns the facts of a result, field by field. Where a type keeps the answer as Raw, that is compared with
// the recording, and its fields with Raw.
func valueFacts(value any, answer serverAnswer) []string {
	if v := reflect.ValueOf(value); !v.IsValid() || v.IsNil() {
		return nil
	}
	fields := value
	switch v := value.(type) {
	case *authing.LoginStatus:
		fields = map[string]any{"status": v.SignedIn, "code": v.Code, "message": v.Message}
	case *authing.RevokedApp:
		fields = map[string]any{"_id": v.ID, "appId": v.AppID, "userId": v.UserID, "scope": v.Scope, "type": v.Type,
			"isRevoked": v.IsRevoked, "when": v.When}
	}
	data, err := json.Marshal(fields)
	if err != nil {
		return []string{"returns " + err.Error()}
	}
	answered, ok := value.(interface{ Raw() json.RawMessage })
	if !ok {
		return resultFacts(parsed(string(data)), answer)
	}
	raw := parsed(string(answered.Raw()))
	read, sent := flat("field", parsed(string(data))), flat("field", raw)
	facts := append(resultFacts(raw, answer), without(filled(read), sent)...)
	return append(facts, labeled("no", without(filled(sent), read))...)
}

// resultFacts returns one fact for a result that is the data of the answer, or one for each part of it.
func resultFacts(result any, answer serverAnswer) []string {
	envelope, _ := parsed(answer.Body).(map[string]any)
	data, _ := envelope["data"].(map[string]any)
	object, _ := result.(map[string]any)
	if len(object) == 0 {
		return flat("returns", result)
	}
	if assert.ObjectsAreEqual(data, object) {
		return []string{"returns the data of the answer"}
	}
	for _, name := range slices.Sorted(maps.Keys(data)) {
		if assert.ObjectsAreEqual(data[name], result) {
			return []string{"returns " + name + " of the answer's data"}
		}
	}
	return flat("returns", result)
}

// filled leaves out what a field that is not set would be.
func filled(facts []string) []string {
	return slices.DeleteFunc(slices.Clone(facts), func(fact string) bool {
		return slices.ContainsFunc([]string{" null", ` ""`, " 0", " false", " []", " {}"}, func(zero string) bool {
			return strings.HasSuffix(fact, zero)
		})
	})
}

// flat returns one fact for each part of a JSON value: `body detail.iv "…"`.
func flat(kind string, v any, path ...string) (facts []string) {
	text := ""
	switch v := v.(type) {
	case map[string]any:
		if plain, ok := v["rsaEncrypted"].(string); ok {
			text = "encrypted " + strconv.Quote(plain)
			break
		}
		if name, ok := v["$var"].(string); ok {
			text = "$" + name
			break
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			facts = append(facts, flat(kind, v[name], append(path, name)...)...)
		}
	case []any:
		for i, element := range v {
			facts = append(facts, flat(kind, element, append(path, strconv.Itoa(i))...)...)
		}
	case string:
		text = strconv.Quote(v)
	}
	if facts != nil {
		return facts
	}
	if text == "" {
		data, _ := json.Marshal(v)
		text = string(data)
	}
	if path != nil {
		kind += " " + strings.Join(path, ".")
	}
	return []string{kind + " " + text}
}

// members returns the facts of a map, which are none if it is empty.
func members[V any](kind string, m map[string]V) (facts []string) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		facts = append(facts, flat(kind, m[name], name)...)
	}
	return facts
}

func parsed(text string) (v any) {
	if json.Unmarshal([]byte(text), &v) != nil {
		return text
	}
	return v
}

// sentinels are the errors that a caller can ask for.
var sentinels = map[string]error{
	"ErrInvalidArgument": authing.ErrInvalidArgument,
	"ErrUserRefused":     authing.ErrUserRefused,
	"ErrNotPermitted":    authing.ErrNotPermitted,
	"ErrLoginRequired":   authing.ErrLoginRequired,
	"ErrCodeInvalid":     authing.ErrCodeInvalid,
	"ErrOutcomeUnknown":  authing.ErrOutcomeUnknown,
	"ErrBadResponse":     authing.ErrBadResponse,
	"ErrRateLimited":     authing.ErrRateLimited,
	"ErrCaptchaRequired": authing.ErrCaptchaRequired,
	"ErrMFARequired":     authing.ErrMFARequired,
	"ErrUserNotFound":    authing.ErrUserNotFound,
	"ErrUserLocked":      authing.ErrUserLocked,
	"ErrWrongPassword":   authing.ErrWrongPassword,
	"ErrUserExists":      authing.ErrUserExists,
	"ErrPhoneTaken":      authing.ErrPhoneTaken,
	"ErrEmailTaken":      authing.ErrEmailTaken,
	"ErrVerifyCode":      authing.ErrVerifyCode,
}
