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
	"slices"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/testkit"
)

// expectRequests compares what was sent. Recordings of kind "responses" hold verb, host, path and operation only.
func expectRequests(t *differences, s situation, sent []sentRequest) {
	_, requests := s.reply()
	if d := s.deviation; d != nil && d.unsent {
		assert.Empty(t, sent, d.reason)
		return
	}
	require.Len(t, sent, requests)
	recorded := s.step.Sent
	if d := s.deviation; d != nil && d.unrecorded {
		recorded = []recordedRequest{s.unrecorded()}
	}
	for i, got := range sent[:min(len(sent), len(recorded))] {
		want := recorded[i]
		assert.Equal(t, want.Verb, got.Method)
		assert.Equal(t, s.address(t, want), unescaped(t, got.URL.String()))
		expectAuthorization(t, s, want, got)
		if want.Operation != "" {
			parsed := testkit.ParseGraphQL(t, got.body)
			assert.Equal(t, want.Operation, parsed.Kind+" "+parsed.Name)
		}
		if want.BodyKind != "" {
			expectHeaders(t, want, got)
			expectBody(t, s, want, got)
		}
	}
}

// address is where Go sends what the original sent to the path of a recording. The original takes a host for a complete
// GraphQL address and makes that of the REST calls by cutting "/graphql" out wherever it stands, and a slash at the end
// stays; Go takes an address with or without the suffix.
func (s situation) address(t *differences, want recordedRequest) string {
	var host string
	switch want.HostRole {
	case "users":
		host = cmp.Or(s.Construct.Host.User, "https://users.authing.cn/graphql")
	case "oauth":
		host = cmp.Or(s.Construct.Host.OAuth, "https://oauth.authing.cn/graphql")
	case "qiniu":
		const storage = "https://up.qiniup.com"
		assert.Equal(t, "/", want.Path)
		assert.Contains(t, []string{storage, ""}, want.URL)
		return storage
	}
	require.NotEmpty(t, host, "no host has the role %q", want.HostRole)
	base := strings.TrimRight(strings.TrimSuffix(strings.TrimRight(host, "/"), "/graphql"), "/")
	original := host
	if !want.isGraphQL() {
		original = strings.Replace(host, "/graphql", "", 1)
	}
	parsed, err := url.Parse(original)
	require.NoError(t, err)
	if want.isGraphQL() {
		assert.Contains(t, []string{cmp.Or(parsed.EscapedPath(), "/"), ""}, want.Path)
		assert.Contains(t, []string{original, ""}, want.URL)
		return base + "/graphql"
	}
	path := unescaped(t, strings.TrimPrefix(want.Path, parsed.EscapedPath()))
	assert.Contains(t, []string{original + path, ""}, unescaped(t, want.URL))
	return base + path
}

// unescaped makes addresses comparable in which different characters are escaped: the platform and Go do not agree on
// those that may stay.
func unescaped(t *differences, address string) string {
	plain, err := url.PathUnescape(address)
	require.NoError(t, err)
	return plain
}

// expectAuthorization compares the token and the form in which the endpoint gets it. Without a token Go leaves out the
// header, which the original sends empty on REST calls.
func expectAuthorization(t *differences, s situation, want recordedRequest, got sentRequest) {
	expected := ""
	switch {
	case s.token == "" || s.method.anonymous || want.HostRole == "qiniu":
	case want.isGraphQL():
		expected = "Bearer " + s.token
	default:
		expected = s.token
	}
	if expected == "" {
		assert.Empty(t, got.Header.Values("Authorization"))
	} else {
		assert.Equal(t, []string{expected}, got.Header.Values("Authorization"))
	}
	recorded := want.Headers["authorization"]
	switch {
	case want.Headers == nil || s.tagged("word-undefined-on-the-wire") && recorded == "Bearer undefined":
	case s.adrift:
		nobody := []string{"", "null", "undefined"}
		assert.Contains(t, append(nobody, s.held...), strings.TrimPrefix(recorded, "Bearer "))
	default:
		assert.Equal(t, recorded, expected, "this test expects another token than the original sent")
	}
}

func expectHeaders(t *differences, want recordedRequest, got sentRequest) {
	for name, value := range want.Headers {
		if name != "authorization" {
			assert.Equal(t, []string{value}, got.Header.Values(name), name)
		}
	}
	if want.WireContentType != "" && want.BodyKind != "none" { // else it is the recorder's default
		mediaType, _, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
		require.NoError(t, err)
		assert.Equal(t, want.WireContentType, mediaType)
	}
}

func expectBody(t *differences, s situation, want recordedRequest, got sentRequest) {
	switch want.BodyKind {
	case "none":
		assert.Empty(t, got.body)
	case "json":
		body := fit(want.Body)
		if object, ok := body.(map[string]any); ok && s.spendsCode() {
			for _, optional := range []string{"phone", "overideProfile"} {
				if object[optional] == nil {
					delete(object, optional) // Go cannot pass null for an option
				}
			}
		}
		expected, err := json.Marshal(body)
		require.NoError(t, err)
		assert.JSONEq(t, string(expected), got.body)
	case "graphql":
		expectGraphQL(t, amended(want.GraphQL, s), testkit.ParseGraphQL(t, got.body))
	case "multipart":
		expectForm(t, want, got)
	default:
		t.Errorf("no comparison for a body of kind %q", want.BodyKind)
	}
}

// expectForm compares an upload. The key is random, where the original takes the name of a temporary file.
func expectForm(t *differences, want recordedRequest, got sentRequest) {
	_, params, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
	require.NoError(t, err)
	form, err := multipart.NewReader(strings.NewReader(got.body), params["boundary"]).ReadForm(1 << 20)
	require.NoError(t, err)

	require.ElementsMatch(t, slices.Collect(maps.Keys(want.Multipart.Fields)), slices.Collect(maps.Keys(form.Value)))
	for name, value := range want.Multipart.Fields {
		require.Len(t, form.Value[name], 1, name)
		if name == "key" {
			assert.Regexp(t, `^avatar/wechatapp/[0-9a-f]{32}\.png$`, form.Value[name][0])
		} else {
			assert.Equal(t, value, form.Value[name][0], name)
		}
	}
	require.Len(t, form.File, 1)
	require.Len(t, form.File[want.Multipart.FileField], 1)
	file := form.File[want.Multipart.FileField][0]
	assert.Equal(t, "image/png", file.Header.Get("Content-Type"))
	f, err := file.Open()
	require.NoError(t, err)
	defer f.Close()
	content, err := io.ReadAll(f)
	require.NoError(t, err)
	assert.Equal(t, picture, string(content))
}

// expectOutcome compares how the call ended: a success with the recorded value, or an error that keeps what came.
func expectOutcome(t *differences, s situation, value any, err error) {
	d := s.deviation
	if d == nil && s.succeeded() || d != nil && d.succeeds {
		require.NoError(t, err)
		expectValue(t, s.result(), value)
		return
	}
	var e *authing.Error
	require.ErrorAs(t, err, &e)
	assert.Nil(t, value)
	assert.True(t, strings.EqualFold(s.step.Method, e.Op), "Op is %q", e.Op)
	if d != nil && d.kind != nil {
		assert.ErrorIs(t, err, d.kind, d.reason)
	}
	if d == nil || d.quotes {
		expectRejection(t, s, e)
	}
	if d == nil || !d.unsent {
		expectKept(t, s, e)
		return
	}
	assert.NotErrorIs(t, err, authing.ErrOutcomeUnknown)
	assert.Zero(t, e.StatusCode)
	message := ""
	if d.quotes {
		message = s.in.Detail.ErrMsg
	}
	assert.Equal(t, message, e.Message)
}

func expectValue(t *differences, want json.RawMessage, value any) {
	if answered, ok := value.(interface{ Raw() json.RawMessage }); ok {
		assert.JSONEq(t, string(want), string(answered.Raw()))
	}
	var fields map[string]any
	json.Unmarshal(want, &fields)
	if value != nil {
		assert.NotNil(t, fields, "not an object")
	}
	switch value := value.(type) {
	case nil: // the call returns an error only
	case *authing.DecryptedData:
	case *authing.User:
		assert.Contains(t, []any{fields["_id"], fields["id"]}, value.ID)
		assert.Equal(t, written(fields["token"]), string(value.Token))
		assert.Equal(t, written(fields["phone"]), value.Phone)
		assert.Equal(t, written(fields["email"]), value.Email)
	case *authing.PhoneNumber:
		assert.Equal(t, written(fields["phoneNumber"]), value.PhoneNumber)
		assert.Equal(t, written(fields["purePhoneNumber"]), value.PurePhoneNumber)
		assert.Equal(t, written(fields["countryCode"]), value.CountryCode) // may be a number
		if fields["watermark"] == nil {
			assert.Nil(t, value.Watermark)
		} else {
			expected, _ := json.Marshal(fields["watermark"])
			got, _ := json.Marshal(value.Watermark)
			assert.JSONEq(t, string(expected), string(got))
		}
	case *authing.LoginStatus:
		assert.Equal(t, fields["status"] == true, value.SignedIn)
		assert.Equal(t, cmp.Or(written(fields["code"]), "0"), fmt.Sprint(value.Code))
		assert.Equal(t, written(fields["message"]), value.Message)
	case *authing.Metadata:
		expected := []authing.MetadataItem{}
		list, _ := fields["list"].([]any)
		for _, item := range list {
			texts, _ := item.(map[string]any)
			expected = append(expected, authing.MetadataItem{Key: written(texts["key"]), Value: written(texts["value"])})
		}
		assert.Equal(t, expected, append([]authing.MetadataItem{}, value.List...))
		assert.Equal(t, cmp.Or(written(fields["totalCount"]), "0"), fmt.Sprint(value.TotalCount)) // may be a text
	case *authing.RevokedApp:
		assert.Equal(t, written(fields["_id"]), value.ID)
		assert.Equal(t, written(fields["appId"]), value.AppID)
		assert.Equal(t, written(fields["isRevoked"]) == "true", value.IsRevoked)
	default:
		t.Errorf("no comparison for a %T", value)
	}
}

// written returns a JSON value as text, "" for null.
func written(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// expectRejection compares what the original rejected with: a text, an object with code and message, or only the data.
func expectRejection(t *differences, s situation, e *authing.Error) {
	recorded := s.step.Outcome.Value
	value := decodedJSON(recorded)
	object, _ := value.(map[string]any)
	said, isText := value.(string)
	switch {
	case value == nil || undefined(value) || isCrash(value):
	case s.tagged("code-and-message-lost"):
		kept := decodedJSON(keptBy(e))
		if envelope, _ := kept.(map[string]any); s.verdict() == foreign {
			kept = envelope["data"]
		}
		assert.Equal(t, value, kept)
	case isText:
		assert.Contains(t, []string{e.Message, string(keptBy(e))}, said)
	case object["errMsg"] != nil: // of the platform, when a connection fails
		assert.Zero(t, e.StatusCode)
	case object["code"] != nil || object["message"] != nil:
		code, _ := integer(marshaled(object["code"]))
		assert.Equal(t, e.Code, code)
		assert.Equal(t, e.Message, text(marshaled(object["message"])))
		if (serverAnswer{Body: string(recorded)}).saysMore() {
			assert.JSONEq(t, string(recorded), string(keptBy(e)))
		} else if data := object["data"]; isTrue(data) {
			assert.JSONEq(t, string(marshaled(data)), string(keptBy(e)))
		}
	default:
		assert.JSONEq(t, string(recorded), string(keptBy(e)))
	}
}

func marshaled(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	raw, _ := json.Marshal(v)
	return raw
}

// expectKept checks that an error holds all that the service said, and whether the caller can know the outcome.
func expectKept(t *differences, s situation, e *authing.Error) {
	last, requests := s.reply()
	unknown := !last.settled && !s.method.read
	assert.Equal(t, unknown, errors.Is(e, authing.ErrOutcomeUnknown), "is the outcome unknown after %s?", last.verdict)
	assert.Equal(t, last.verdict == foreign || last.verdict == hollow, errors.Is(e, authing.ErrBadResponse), last.verdict)
	assert.Equal(t, s.answer(requests-1).Status, e.StatusCode)
	assert.Equal(t, last.code, e.Code)
	assert.Equal(t, last.message, e.Message)
	switch {
	case last.verdict == foreign:
		assert.Equal(t, string(last.data), string(keptBy(e)))
	case isNull(last.data):
		assert.Empty(t, e.Data)
	default:
		assert.JSONEq(t, string(last.data), string(keptBy(e)))
	}
	if len(last.others) > 0 {
		assert.NotEmpty(t, e.Body, "the other errors")
	}
}

// keptBy returns what an error keeps of a response beyond code and message.
func keptBy(e *authing.Error) []byte {
	if e.Data == nil {
		return e.Body
	}
	return e.Data
}
