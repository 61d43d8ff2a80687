package recordings_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/testkit"
)

var update = flag.Bool("update", false, "rewrite testdata/differences.txt")

const differencesFile = "testdata/differences.txt"

const differencesHeader = `# How this package differs from recordings of the original JavaScript SDK: "-" is only in the recording, "+" only in the
# replay. "1" is the first call of a case, "1.2" its second request. docs/deviations.md gives the reasons.
# "go test ./internal/recordings -update" rewrites this file: review every line that changes.
`

// incomplete lists the cases that cannot be replayed in full, and why.
var incomplete = map[string]string{
	"e5ddaf4/constructor/pureUsing":       "NewClient requires a pool id, so there is no client to make the call with",
	"v3/constructor/pureUsing":            "NewClient requires a pool id, so there is no client to make the call with",
	"e5ddaf4/sendVerifyEmail/after-_auth": "its first call, the private _auth, has no counterpart",
	"v3/sendVerifyEmail/after-_auth":      "its first call, the private _auth, has no counterpart",
}

// TestRecordings makes the recorded calls through the Go API and writes down both sides as facts, one a line. What they
// do not share must be what the reviewed file of differences lists.
func TestRecordings(t *testing.T) {
	t.Parallel()
	cases := load[recordedCase](t, "golden/legacy-requests.json", 168)
	cases = append(cases, load[recordedCase](t, "golden/legacy-responses.json", 447)...)
	cases = append(cases, invented(t, cases)...)

	got := map[string][]string{}
	called := map[string]bool{}
	var unmade []string
	for _, c := range cases {
		lines, complete := differences(t, c)
		if !complete {
			unmade = append(unmade, c.ID)
		}
		require.NotContains(t, got, c.ID)
		if lines != nil {
			got[c.ID] = lines
		}
		for _, step := range c.Steps {
			called[step.Method] = true
		}
	}

	assert.ElementsMatch(t, slices.Collect(maps.Keys(incomplete)), unmade, "the cases that cannot be replayed in full")
	documented, err := os.ReadFile("../../docs/deviations.md")
	require.NoError(t, err)
	for id := range incomplete {
		assert.Contains(t, string(documented), "`"+id+"`")
	}
	assert.ElementsMatch(t, slices.Collect(maps.Keys(methods)), slices.Collect(maps.Keys(called)), "the methods of the original")
	if *update {
		write(t, got)
		return
	}
	want := reviewed(t)
	for _, c := range cases {
		for _, line := range without(want[c.ID], got[c.ID]) {
			t.Errorf("%s: no longer %q", c.ID, line)
		}
		for _, line := range without(got[c.ID], want[c.ID]) {
			t.Errorf("%s: now %q", c.ID, line)
		}
		delete(want, c.ID)
	}
	assert.Empty(t, want, "cases that do not exist")
}

// write replaces the file of differences.
func write(t *testing.T, differences map[string][]string) {
	text := differencesHeader
	for _, id := range slices.Sorted(maps.Keys(differences)) {
		text += id + "\n\t" + strings.Join(differences[id], "\n\t") + "\n"
	}
	require.NoError(t, os.WriteFile(differencesFile, []byte(text), 0o666))
}

// reviewed reads the file of differences: the lines of each case by its id.
func reviewed(t *testing.T) map[string][]string {
	text, err := os.ReadFile(differencesFile)
	require.NoError(t, err)
	lines := map[string][]string{}
	id := ""
	for line := range strings.Lines(strings.TrimPrefix(string(text), differencesHeader)) {
		line = strings.TrimSuffix(line, "\n")
		if fact, ok := strings.CutPrefix(line, "\t"); ok {
			lines[id] = append(lines[id], fact)
		} else {
			id = line
		}
	}
	return lines
}

type recordedCase struct {
	ID        string `json:"id"`
	Variant   string `json:"variant"` // "e5ddaf4" takes positional arguments, "v3" an object
	Construct struct {
		UserPoolID string `json:"userPoolId"`
		ClientID   string `json:"clientId"` // the older name of the pool id
		Host       struct {
			User  string `json:"user"`
			OAuth string `json:"oauth"`
		} `json:"host"`
	} `json:"construct"`
	StateBefore struct {
		Token string `json:"token"`
	} `json:"stateBefore"`
	ConstructorThrows any            `json:"constructorThrows"`
	Steps             []recordedStep `json:"steps"`
}

type recordedStep struct {
	Method      string `json:"method"`
	Args        []any  `json:"args"`
	Environment struct {
		ChooseImage struct {
			ErrMsg string `json:"errMsg"`
			Files  []any  `json:"tempFilePaths"`
		} `json:"chooseImage"`
	} `json:"environment"`
	Requests []recordedRequest `json:"requests"`
	Answers  []serverAnswer    `json:"serverAnswers"` // one for each request
	Outcome  struct {
		Kind  string `json:"kind"` // "resolved", "rejected", "threw" or "pending"
		Value any    `json:"value"`
	} `json:"outcome"`
	Token any `json:"storedTokenAfter"`
}

// recordedRequest is complete in the file of requests. The file of responses has only the first four fields.
type recordedRequest struct {
	Verb        string                 `json:"verb"`
	HostRole    string                 `json:"hostRole"` // "users", "oauth" or, for uploads, "qiniu"
	Path        string                 `json:"path"`
	Operation   string                 `json:"operation"` // "query user"
	URL         string                 `json:"url"`
	Headers     map[string]string      `json:"headers"`
	ContentType string                 `json:"wireContentType"`
	BodyKind    string                 `json:"bodyKind"`
	Body        any                    `json:"body"`
	GraphQL     testkit.GraphQLRequest `json:"graphql"`
	Multipart   struct {
		Fields    map[string]string `json:"formData"`
		FileField string            `json:"fileField"`
	} `json:"multipart"`
}

type serverAnswer struct {
	Status      int    `json:"status"`
	ContentType string `json:"contentType"`
	Body        string `json:"body"`
	Refuse      bool   `json:"refuse"` // the connection is refused
	Drop        bool   `json:"drop"`   // the connection is closed without an answer
}

// load reads the cases of a file.
func load[T any](t *testing.T, name string, count int) []T {
	data, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	var file struct {
		Cases []T `json:"cases"`
	}
	require.NoError(t, json.Unmarshal(data, &file))
	require.Len(t, file.Cases, count, name)
	return file.Cases
}

// invented returns cases without a recording. Each is a recorded case in which some values are set to others.
func invented(t *testing.T, recorded []recordedCase) []recordedCase {
	bases := map[string]recordedCase{}
	for _, c := range recorded {
		bases[c.ID] = c
	}
	var cases []recordedCase
	for _, invention := range load[struct {
		ID, Base string
		Set      map[string]any // path to value: "steps/0/method"
	}](t, "invented.json", 45) {
		require.Contains(t, bases, invention.Base)
		var changed any
		convert(t, bases[invention.Base], &changed)
		for path, value := range invention.Set {
			changed = set(t, changed, strings.Split(path, "/"), value)
		}
		var c recordedCase
		convert(t, changed, &c)
		c.ID = invention.ID
		cases = append(cases, c)
	}
	return cases
}

// set returns in with the value at path replaced.
func set(t *testing.T, in any, path []string, value any) any {
	if len(path) == 0 {
		return value
	}
	switch in := in.(type) {
	case map[string]any:
		in[path[0]] = set(t, in[path[0]], path[1:], value)
	case []any:
		i, err := strconv.Atoi(path[0])
		require.NoError(t, err)
		in[i] = set(t, in[i], path[1:], value)
	default:
		require.Fail(t, "no such path", path)
	}
	return in
}

// convert passes a value through JSON. It fails on members that to has no place for.
func convert(t *testing.T, from, to any) {
	data, err := json.Marshal(from)
	require.NoError(t, err)
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(to))
}

// differences returns what is different between a recording and its replay, and whether Go has all these calls.
func differences(t *testing.T, c recordedCase) (lines []string, complete bool) {
	played, complete := replay(t, c)
	for i, recorded := range recordedFacts(c) {
		lines = append(lines, labeled("-", without(recorded, played[i]))...)
		lines = append(lines, labeled("+", without(played[i], recorded))...)
	}
	return lines, complete
}

// without returns the facts that others lack.
func without(facts, others []string) (left []string) {
	count := map[string]int{}
	for _, fact := range others {
		count[fact]++
	}
	for _, fact := range facts {
		if count[fact]--; count[fact] < 0 {
			left = append(left, fact)
		}
	}
	return left
}

// recordedFacts returns the facts of a recording: those of the constructor, then those of each step.
func recordedFacts(c recordedCase) [][]string {
	facts := make([][]string, 1, 1+len(c.Steps))
	if c.ConstructorThrows != nil {
		facts[0] = stepFacts(0, "constructor", nil, append([]string{"fails"}, flat("message", c.ConstructorThrows)...))
	}
	for i, step := range c.Steps {
		outcome := append(recordedOutcome(step), tokenFacts(step.Token)...)
		facts = append(facts, stepFacts(i+1, step.Method, step.Requests, outcome))
	}
	return facts
}

// replay makes the calls of a case. It returns the same list of facts as recordedFacts, and whether Go has all these calls.
func replay(t *testing.T, c recordedCase) (facts [][]string, complete bool) {
	var answers []serverAnswer
	var last serverAnswer
	server, got := testkit.Record(func(*http.Request) (*http.Response, error) {
		last = serverAnswer{Drop: true} // for a request that was not recorded
		if len(answers) > 0 {
			last, answers = answers[0], answers[1:]
		}
		return last.response()
	})
	facts = make([][]string, 1+len(c.Steps))
	client, err := authing.NewClient(c.pool(),
		authing.WithHosts(authing.Hosts{Users: c.Construct.Host.User, OAuth: c.Construct.Host.OAuth, AllowHTTP: true}),
		authing.WithPublicKey(testkit.PublicKeyPEM(t)),
		authing.WithReadRetries(0), // the original sends nothing twice
		authing.WithHTTPClient(&http.Client{Transport: server}))
	if err != nil {
		facts[0] = stepFacts(0, "constructor", nil, observedOutcome("NewClient", nil, err, last))
		return facts, len(c.Steps) == 0
	}

	complete = true
	token := c.StateBefore.Token // the original stores it, a caller of the Go API keeps it
	for i, step := range c.Steps {
		require.Contains(t, methods, step.Method)
		method := methods[step.Method]
		before := len(got.All())
		answers, last = step.Answers, serverAnswer{}
		value, err := method.call(context.Background(), client.As(authing.Secret(token)), optionsOf(c.Variant, step))
		if errors.Is(err, errInexpressible) {
			complete = false
			continue
		}

		var requests []recordedRequest
		for j, sent := range got.All()[before:] {
			request := observed(t, c, sent)
			if j < len(step.Requests) && step.Requests[j].BodyKind == "" {
				request.BodyKind = "" // the recording has no more
			}
			requests = append(requests, request)
		}
		switch {
		case method.signsIn && err == nil:
			token = string(value.(*authing.User).Token)
		case step.Method == "logout" && len(requests) > 0:
			token = ""
		}
		outcome := append(observedOutcome(step.Method, value, err, last), tokenFacts(token)...)
		facts[i+1] = stepFacts(i+1, step.Method, requests, outcome)
	}
	return facts, complete
}

func (c recordedCase) pool() string { return cmp.Or(c.Construct.UserPoolID, c.Construct.ClientID) }

func (a serverAnswer) response() (*http.Response, error) {
	switch {
	case a.Refuse:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case a.Drop:
		return nil, io.EOF
	}
	header := http.Header{}
	if a.ContentType != "" {
		header.Set("Content-Type", a.ContentType)
	}
	return &http.Response{StatusCode: a.Status, Header: header, Body: io.NopCloser(strings.NewReader(a.Body))}, nil
}
