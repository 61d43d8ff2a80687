package recordings_test

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingv3"
	"github.com/authing-wxapp/authing/internal/testkit"
)

// TestV3Recordings makes the recorded calls of Authing's current SDKs through package authingv3. It sends what they sent, and
// makes of each answer what the recording expects of a Go call.
func TestV3Recordings(t *testing.T) {
	t.Parallel()
	cases := load[v3Case](t, "v3api-requests.json", 215)
	cases = append(cases, load[v3Case](t, "v3api-responses.json", 471)...)
	synctest.Test(t, func(t *testing.T) { // lifetimes become exact
		replayed := map[string]bool{}
		for _, c := range cases {
			for _, problem := range v3Problems(t, c) {
				t.Errorf("%s: %s", c.ID, problem)
			}
			for _, step := range c.Steps {
				replayed[step.goCall()] = true
			}
		}
		delete(replayed, "") // has no counterpart
		assert.ElementsMatch(t, slices.Collect(maps.Keys(v3Calls)), slices.Collect(maps.Keys(replayed)))
	})
}

type v3Case struct {
	ID        string `json:"id"`
	Variant   string `json:"variant"` // "miniapp" or "node"
	Construct struct {
		AppID      string `json:"appId"`
		AppSecret  string `json:"appSecret"`
		UserPoolID string `json:"userPoolId"`
		Host       string `json:"host"`    // of miniapp
		AppHost    string `json:"appHost"` // of node
		Scope      string `json:"scope"`
		Mode       string `json:"tokenEndPointAuthMethod"`
	} `json:"construct"`
	StateBefore struct {
		LoginState struct {
			AccessToken  any `json:"access_token"` // text, or undefined
			RefreshToken any `json:"refresh_token"`
		} `json:"loginState"`
		AccessToken string `json:"accessToken"`
	} `json:"stateBefore"`
	ConstructorThrows any      `json:"constructorThrows"`
	Steps             []v3Step `json:"steps"`
}

type v3Step struct {
	Method      string `json:"method"`
	Args        []any  `json:"args"`
	Environment struct {
		Login struct {
			Code string `json:"code"`
		} `json:"login"`
	} `json:"environment"`
	Requests []v3Request `json:"requests"`
	Answers  []v3Answer  `json:"serverAnswers"`
	Expect   v3Expected  `json:"expect"`
}

// v3Request is complete in the file of requests. The file of responses has only the verb and the path.
type v3Request struct {
	Verb        string            `json:"verb"`
	URL         string            `json:"url"`
	Path        string            `json:"path"`
	Query       map[string]string `json:"query"`
	Wire        string            `json:"wire"` // "connection refused", or ""
	ContentType string            `json:"wireContentType"`
	BodyKind    string            `json:"bodyKind"`
	Body        map[string]any    `json:"body"`
	Form        map[string]any    `json:"form"`
	Multipart   struct {
		FileField string `json:"fileField"`
	} `json:"multipart"`
}

type v3Answer struct {
	serverAnswer
	Headers        map[string]string `json:"headers"`
	DeclaredLength int               `json:"declaredLength"` // more than the body, after which the connection is closed
}

// v3Expected says what a Go call should do. Of the failure fields, a nil one is open.
type v3Expected struct {
	GoCall           json.RawMessage `json:"goCall"` // null for what has no counterpart; absent if obvious from the method
	Result           string          `json:"result"`
	Value            map[string]any  `json:"value"`
	StatusCode       json.RawMessage `json:"httpStatus"` // null without a response
	Code             int             `json:"code"`
	APICode          int             `json:"apiCode"`
	Message          *string         `json:"message"`
	RequestID        string          `json:"requestId"`
	OAuthError       string          `json:"oauthError"`
	OAuthDescription string          `json:"oauthErrorDescription"`
	RetryAfter       int             `json:"retryAfterSeconds"`
	Matches          []string        `json:"matches"`
	MayMatch         []string        `json:"mayMatch"`
	NotMatches       []string        `json:"notMatches"`
	OutcomeUnknown   *bool           `json:"outcomeUnknown"`
	Requests         *int            `json:"requests"` // where Go sends another number than was recorded
}

// v3Problems replays a case and returns what is not as expected.
func v3Problems(t *testing.T, c v3Case) (problems []string) {
	if c.ConstructorThrows != nil {
		if _, err := c.client(nil, v3Options{}); !errors.Is(err, authing.ErrInvalidArgument) {
			return []string{fmt.Sprintf("NewClient: %v", err)}
		}
		return nil
	}
	state := v3State{
		access:  cmp.Or(v3Text(c.StateBefore.LoginState.AccessToken), c.StateBefore.AccessToken),
		refresh: v3Text(c.StateBefore.LoginState.RefreshToken),
	}
	for i, step := range c.Steps {
		if step.Method == "setAccessToken" {
			state.access = v3Text(step.Args[0])
		}
		if step.goCall() == "" || step.Expect.Result == "not-applicable" {
			continue
		}
		played := v3Play(t, c, step, &state)
		for _, problem := range played.problems(c, step) {
			problems = append(problems, fmt.Sprintf("step %d %s: %s", i+1, step.Method, problem))
		}
	}
	return problems
}

// v3State is what a caller keeps between calls.
type v3State struct{ access, refresh string }

// v3Played is what became of a step.
type v3Played struct {
	call   string
	token  string // that the caller held
	sent   []testkit.Exchange
	result any // nil for a call without one
	err    error
	start  time.Time
}

// v3Play makes the call of a step.
func v3Play(t *testing.T, c v3Case, step v3Step, state *v3State) v3Played {
	answers := step.Answers
	server, got := testkit.Record(func(*http.Request) (*http.Response, error) {
		if len(answers) == 0 {
			return nil, io.EOF
		}
		answer := answers[0]
		answers = answers[1:]
		return answer.response()
	})
	in := v3InputOf(t, c, step, *state)
	played := v3Played{call: step.goCall(), token: state.access, start: time.Now()}
	client, err := c.client(server, in.Options)
	if err != nil {
		played.err = err
		return played
	}
	played.result, played.err = v3Calls[played.call](t.Context(), client.As(authing.Secret(state.access)), in)
	played.sent = got.All()
	switch login, signedIn := played.result.(*authingv3.Login); {
	case played.err != nil:
		played.result = nil
	case signedIn:
		*state = v3State{access: string(login.AccessToken), refresh: string(login.RefreshToken)}
	case played.call == "Logout":
		*state = v3State{}
	}
	return played
}

func (a v3Answer) response() (*http.Response, error) {
	resp, err := a.serverAnswer.response()
	if err != nil {
		return nil, err
	}
	for name, value := range a.Headers {
		resp.Header.Set(name, value)
	}
	if a.DeclaredLength > 0 {
		resp.Body = io.NopCloser(io.MultiReader(resp.Body, cutOff{}))
	}
	return resp, nil
}

// cutOff is the end of a connection that was closed too early.
type cutOff struct{}

func (cutOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// client returns the client that corresponds to the SDK's.
func (c v3Case) client(server http.RoundTripper, o v3Options) (*authingv3.Client, error) {
	opts := []authingv3.Option{
		authingv3.WithReadRetries(0), // the SDKs send nothing twice
		authingv3.WithHTTPClient(&http.Client{Transport: server}),
		authingv3.WithScope(cmp.Or(o.Scope, c.Construct.Scope)),
	}
	if o.TenantID != nil {
		opts = append(opts, authingv3.WithTenant(*o.TenantID))
	}
	if c.Construct.UserPoolID != "" {
		opts = append(opts, authingv3.WithUserPool(c.Construct.UserPoolID))
	}
	switch secret := authing.Secret(c.Construct.AppSecret); c.mode() {
	case "client_secret_post":
		opts = append(opts, authingv3.WithAppSecret(secret, authingv3.SecretInBody))
	case "client_secret_basic":
		opts = append(opts, authingv3.WithAppSecret(secret, authingv3.SecretInBasic))
	}
	return authingv3.NewClient(c.root(), c.Construct.AppID, o.miniProgram, opts...)
}

// mode returns how the client authenticates. It is one setting in Go.
func (c v3Case) mode() string {
	if c.Variant == "miniapp" {
		return "none"
	}
	return cmp.Or(c.Construct.Mode, "client_secret_post")
}

func (c v3Case) root() string {
	return cmp.Or(c.Construct.Host, c.Construct.AppHost, "https://core.authing.cn")
}

// problems compares what became of a step with what was recorded and expected.
func (p v3Played) problems(c v3Case, step v3Step) (problems []string) {
	expect := step.Expect
	report := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if p.err != nil {
		if _, ok := errors.AsType[*authing.Error](p.err); !ok {
			report("an error that is no *authing.Error: %v", p.err)
			return problems
		}
	}
	refused := len(p.sent) == 0 && errors.Is(p.err, authing.ErrInvalidArgument)
	switch expect.Result {
	case "refused":
		if len(p.sent) > 0 {
			report("sent %d requests instead of none", len(p.sent))
		}
		matched := slices.DeleteFunc(slices.Sorted(maps.Keys(sentinels)), func(name string) bool { return !errors.Is(p.err, sentinels[name]) })
		if len(without(matched, expect.Matches)) > 0 || len(matched) == 0 {
			report("matches %q instead of one of %q: %v", matched, expect.Matches, p.err)
		}
		return problems
	case "either":
		if refused && expect.Value == nil {
			return problems
		}
	case "sent", "success", "failure":
	default:
		report("the result %q is not known", expect.Result)
	}

	want := step.Requests
	if expect.Requests != nil {
		want = want[:*expect.Requests]
	}
	if len(p.sent) != len(want) {
		report("sent %d requests instead of %d: %v", len(p.sent), len(want), p.err)
		return problems
	}
	for i, request := range want {
		for _, problem := range p.requestProblems(c, request, i, expect.Result == "either") {
			report("request %d: %s", i+1, problem)
		}
	}
	switch {
	case expect.Result == "success" || expect.Result == "either" && p.err == nil:
		problems = append(problems, p.resultProblems(step)...)
	case expect.Result == "failure":
		problems = append(problems, p.failureProblems(expect)...)
	}
	return problems
}

// requestProblems compares the request number i with the recorded one. Where that is not the only way, options and the
// token of a user are free.
func (p v3Played) requestProblems(c v3Case, want v3Request, i int, open bool) (problems []string) {
	compare := func(what string, want, got any) {
		if !assert.ObjectsAreEqual(want, got) {
			problems = append(problems, fmt.Sprintf("%s is %#v instead of %#v", what, got, want))
		}
	}
	sent := p.sent[i]
	verb, text, _ := strings.Cut(sent.Line, " ")
	address, err := url.Parse(text)
	if err != nil {
		return []string{err.Error()}
	}
	if want.Wire == "" { // the verb of a request that did not arrive is a guess
		compare("the verb", want.Verb, verb)
	}
	compare("the path", strings.ReplaceAll(want.Path, "//", "/"), address.Path)
	root, _ := url.Parse(c.root())
	compare("the host", root.Scheme+"://"+root.Host, address.Scheme+"://"+address.Host)

	enveloped := !strings.Contains(want.Path, "/oidc/")
	headers := map[string][]string{"X-Authing-App-Id": {c.Construct.AppID}}
	if enveloped && c.Construct.UserPoolID != "" {
		headers["X-Authing-Userpool-Id"] = []string{c.Construct.UserPoolID}
	}
	got := maps.Clone(map[string][]string(sent.Header))
	maps.DeleteFunc(got, func(name string, _ []string) bool { return !strings.HasPrefix(name, "X-") })
	compare("the set of own headers", headers, got)
	if !open || strings.HasPrefix(p.call, "Login") {
		compare("the authorization", p.authorization(c, enveloped), sent.Header.Values("Authorization"))
	}
	if want.BodyKind == "" {
		return problems // the recording has no more
	}

	query := map[string]string{}
	for name, values := range address.Query() {
		query[name] = strings.Join(values, ", ")
	}
	flags := func(_, value string) bool { return value == "false" } // means the same as absent
	compare("the query", v3Less(want.Query, flags), v3Less(query, flags))
	contentType, params, _ := mime.ParseMediaType(sent.Header.Get("Content-Type"))
	if want.Verb != http.MethodGet {
		wanted, _, _ := mime.ParseMediaType(want.ContentType)
		compare("the content type", wanted, contentType)
	}
	switch want.BodyKind {
	case "none":
		compare("the body", "", sent.Body)
	case "multipart":
		name, err := readPicture(sent.Body, params["boundary"])
		compare("the upload", []any{want.Multipart.FileField, nil}, []any{name, err})
	case "form":
		values, err := url.ParseQuery(sent.Body)
		compare("the body", nil, err)
		form := map[string]any{}
		for name, values := range values {
			form[name] = strings.Join(values, ", ")
		}
		compare("the body", v3Canonical(p.call, c.authenticated(want.Form, false)), v3Canonical(p.call, form))
	case "json":
		body := want.Body
		if strings.Contains(want.Path, "/signin") {
			body = c.authenticated(body, true)
		}
		object, _ := parsed(sent.Body).(map[string]any)
		if open {
			body, object = v3WithoutOptions(v3OneAccount(body)), v3WithoutOptions(object)
		}
		compare("the body", v3Canonical(p.call, body), v3Canonical(p.call, object))
	default:
		problems = append(problems, "a body of kind "+want.BodyKind)
	}
	return problems
}

// authorization returns the header that a call carries: the credentials of the client or the bare token of the user, which
// some calls go without.
func (p v3Played) authorization(c v3Case, enveloped bool) []string {
	switch {
	case strings.HasPrefix(p.call, "Login") || !enveloped:
		if c.mode() != "client_secret_basic" {
			return nil
		}
		credentials := c.Construct.AppID + ":" + c.Construct.AppSecret
		return []string{"Basic " + base64.StdEncoding.EncodeToString([]byte(credentials))}
	case p.token != "":
		return []string{p.token}
	}
	return nil
}

// authenticated returns a body with the credentials that the client's mode wants there, in place of those recorded.
func (c v3Case) authenticated(body map[string]any, signIn bool) map[string]any {
	body = maps.Clone(body)
	delete(body, "client_id")
	delete(body, "client_secret")
	post := c.mode() == "client_secret_post"
	if post || c.mode() == "none" && !signIn {
		body["client_id"] = c.Construct.AppID
	}
	if post {
		body["client_secret"] = c.Construct.AppSecret
	}
	return body
}

// v3Canonical returns a body without what may be there or not, and without what Go never sends.
func v3Canonical(call string, body map[string]any) map[string]any {
	body = v3Less(body, func(name string, value any) bool {
		if call == "GetPhone" && name != "extIdpConnidentifier" && name != "code" {
			return true // the SDK sends the whole object that it is given
		}
		switch name {
		case "encryptedData", "iv", "redirect_uri":
			return value == ""
		case "phoneCountryCode":
			return value == "" || value == "+86"
		case "rawData": // unsigned
			return call == "BindWxapp"
		case "options":
			object, _ := value.(map[string]any)
			return len(object) == 0
		}
		return false
	})
	for name, value := range body {
		object, ok := value.(map[string]any)
		switch {
		case !ok || name == "options" || name == "customData":
		case name == "wxPhoneInfo":
			body[name] = v3Less(object, func(name string, _ any) bool { return name != "code" })
		default:
			body[name] = v3Canonical(call, object)
		}
	}
	return body
}

// v3OneAccount returns a body in which an e-mail address, user name or phone number is what it is in Go: the account.
func v3OneAccount(body map[string]any) map[string]any {
	body = maps.Clone(body)
	if payload, ok := body["passwordPayload"].(map[string]any); ok {
		renamed := map[string]any{}
		for name, value := range payload {
			if slices.Contains([]string{"email", "username", "phone"}, name) {
				name = "account"
			}
			renamed[name] = value
		}
		body["passwordPayload"] = renamed
	}
	return body
}

func v3WithoutOptions(body map[string]any) map[string]any {
	return v3Less(body, func(name string, _ any) bool { return name == "options" })
}

// v3Less returns a copy of m without the members that drop reports.
func v3Less[V any](m map[string]V, drop func(string, V) bool) map[string]V {
	left := map[string]V{}
	maps.Copy(left, m)
	maps.DeleteFunc(left, drop)
	return left
}

// resultProblems compares the result of a call that succeeded.
func (p v3Played) resultProblems(step v3Step) (problems []string) {
	if p.err != nil {
		return []string{fmt.Sprintf("fails: %v", p.err)}
	}
	value, raw := v3Value(p.result, p.start)
	for _, name := range slices.Sorted(maps.Keys(step.Expect.Value)) {
		if want := step.Expect.Value[name]; !assert.ObjectsAreEqual(want, value[name]) {
			problems = append(problems, fmt.Sprintf("%s is %#v instead of %#v", name, value[name], want))
		}
	}
	if p.result == nil {
		return problems
	}
	answer := parsed(strings.TrimPrefix(step.Answers[len(step.Answers)-1].Body, "\ufeff"))
	for _, name := range []string{"data", "phone_info"} {
		envelope, _ := answer.(map[string]any)
		if inner, ok := envelope[name].(map[string]any); ok {
			answer = inner
		}
	}
	if got := parsed(string(raw)); !assert.ObjectsAreEqual(answer, got) {
		problems = append(problems, fmt.Sprintf("Raw is %v instead of %v", got, answer))
	}
	return problems
}

// v3Value returns a result as recordings have it. Times are absolute, or count from start.
func v3Value(result any, start time.Time) (value map[string]any, raw json.RawMessage) {
	switch r := result.(type) {
	case *authingv3.Login:
		value = map[string]any{
			"userId": r.UserID, "accessToken": string(r.AccessToken), "idToken": string(r.IDToken),
			"refreshToken": string(r.RefreshToken), "scope": r.Scope, "expiresIn": nil,
		}
		if !r.ExpiresAt.IsZero() {
			value["expiresIn"] = r.ExpiresAt.Sub(start).Seconds()
		}
		return value, r.Raw()
	case *authingv3.User:
		return map[string]any{"userId": r.ID}, r.Raw()
	case *authing.PhoneNumber:
		value = map[string]any{"phoneNumber": r.PhoneNumber, "purePhoneNumber": r.PurePhoneNumber, "countryCode": r.CountryCode}
		return value, r.Raw()
	case *authing.DecryptedData:
		return map[string]any{"raw": parsed(string(r.Raw()))}, r.Raw()
	case *authing.TokenInfo:
		value = map[string]any{
			"userId": r.UserID, "issuedAt": float64(r.IssuedAt.Unix()), "expiresAt": float64(r.ExpiresAt.Unix()),
		}
		return value, r.Raw()
	}
	return nil, nil
}

// failureProblems compares the error of a call that failed.
func (p v3Played) failureProblems(want v3Expected) (problems []string) {
	if p.err == nil {
		return []string{"succeeds"}
	}
	compare := func(what string, want, got any) {
		if want != got {
			problems = append(problems, fmt.Sprintf("%s is %v instead of %v: %v", what, got, want, p.err))
		}
	}
	e, _ := errors.AsType[*authing.Error](p.err)
	if want.StatusCode != nil {
		compare("StatusCode", strings.Replace(string(want.StatusCode), "null", "0", 1), fmt.Sprint(e.StatusCode))
	}
	compare("Op", p.call, e.Op)
	compare("Code", want.Code, e.Code)
	compare("APICode", want.APICode, e.APICode)
	if want.Message != nil {
		compare("Message", *want.Message, e.Message)
	}
	for _, word := range []string{want.OAuthError, want.OAuthDescription} {
		compare("Message contains "+word, true, strings.Contains(e.Message, word))
	}
	compare("RequestID", want.RequestID, e.RequestID)
	compare("RetryAfter", time.Duration(want.RetryAfter)*time.Second, e.RetryAfter)
	if want.OutcomeUnknown != nil {
		compare("ErrOutcomeUnknown", *want.OutcomeUnknown, errors.Is(p.err, authing.ErrOutcomeUnknown))
	}
	for name, sentinel := range sentinels {
		has := errors.Is(p.err, sentinel)
		switch {
		case name == "ErrOutcomeUnknown" || slices.Contains(want.MayMatch, name):
		case slices.Contains(want.NotMatches, name):
			compare(name, false, has)
		default:
			compare(name, slices.Contains(want.Matches, name), has)
		}
	}
	return problems
}
