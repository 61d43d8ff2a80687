package recordings_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/testkit"
)

// The recordings in testdata/golden were made by running the original JavaScript SDK: what each call sent, what the
// server answered, and how the call settled. This test makes the same calls through the Go API. Where Go does something
// else on purpose, a rule in deviations or amendments says so; nothing is decided by the name of a case.

type recording struct {
	Format int            `json:"format"`
	Kind   string         `json:"kind"` // "requests" or "responses"
	Cases  []recordedCase `json:"cases"`
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
	Method      string            `json:"method"`
	Args        []any             `json:"args"`
	Environment environment       `json:"environment"`
	Sent        []recordedRequest `json:"requests"`
	Answers     []serverAnswer    `json:"serverAnswers"` // one for each request
	Outcome     struct {
		Kind  string          `json:"kind"`
		Value json.RawMessage `json:"value"`
	} `json:"outcome"`
	StoredTokenAfter any      `json:"storedTokenAfter"`
	JSDefects        []string `json:"jsDefects"`
}

// environment is what the user does on the phone: changeAvatar opens the image picker.
type environment struct {
	ChooseImage struct {
		ErrMsg string `json:"errMsg"`
		Files  []any  `json:"tempFilePaths"`
	} `json:"chooseImage"`
	ViaSuccess bool `json:"chooseImageViaSuccess"` // also of a failure
}

func (e environment) picked() bool {
	return e.ChooseImage.ErrMsg == "chooseImage:ok" && len(e.ChooseImage.Files) > 0
}

// recordedRequest has all its fields but Operation in files of kind "requests", and only the first four in the others.
type recordedRequest struct {
	Verb            string                 `json:"verb"`
	HostRole        string                 `json:"hostRole"` // "users", "oauth" or, for uploads, "qiniu"
	Path            string                 `json:"path"`
	Operation       string                 `json:"operation"` // "query user", of GraphQL
	URL             string                 `json:"url"`
	Headers         map[string]string      `json:"headers"`
	WireContentType string                 `json:"wireContentType"`
	BodyKind        string                 `json:"bodyKind"`
	Body            any                    `json:"body"`
	GraphQL         testkit.GraphQLRequest `json:"graphql"`
	Multipart       struct {
		Fields    map[string]string `json:"formData"`
		FileField string            `json:"fileField"`
	} `json:"multipart"`
}

func (r recordedRequest) isGraphQL() bool { return r.Operation != "" || r.BodyKind == "graphql" }

type serverAnswer struct {
	Status      int    `json:"status"`
	ContentType string `json:"contentType"`
	Body        string `json:"body"`
	Refuse      bool   `json:"refuse"` // nobody listens there
	Drop        bool   `json:"drop"`   // the connection is closed without an answer
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for _, file := range recordings(t) {
		for _, c := range load(t, file).Cases {
			t.Run(c.ID, func(t *testing.T) {
				t.Parallel()
				found, _ := differencesIn(c)
				for _, difference := range found {
					t.Error(difference)
				}
			})
		}
	}
}

// inexpressible are the cases that cannot be replayed in full, and why.
var inexpressible = map[string]string{
	"e5ddaf4/constructor/pureUsing":       "NewClient wants a pool id, so there is no client to make the call with",
	"v3/constructor/pureUsing":            "NewClient wants a pool id, so there is no client to make the call with",
	"e5ddaf4/sendVerifyEmail/after-_auth": "its first call, the private _auth, has no counterpart; its second is replayed",
	"v3/sendVerifyEmail/after-_auth":      "its first call, the private _auth, has no counterpart; its second is replayed",
}

// No case is skipped silently: those that Go cannot express are listed here and in the documentation.
func TestGoldenInexpressible(t *testing.T) {
	t.Parallel()
	var left, listed []string
	for _, file := range recordings(t) {
		for _, c := range load(t, file).Cases {
			if _, unmade := differencesIn(c); unmade > 0 {
				left = append(left, c.ID)
			}
		}
	}
	documented, err := os.ReadFile(filepath.Join("..", "..", "docs", "deviations.md"))
	require.NoError(t, err)
	for id := range inexpressible {
		listed = append(listed, id)
		assert.True(t, strings.Contains(string(documented), "`"+id+"`"), "%s is not documented", id)
	}
	assert.ElementsMatch(t, listed, left)
}

// Every method of the original is recorded and has its Go counterpart in the table.
func TestGoldenMethods(t *testing.T) {
	t.Parallel()
	recorded := map[string]bool{}
	for _, file := range recordings(t) {
		for _, c := range load(t, file).Cases {
			for _, step := range c.Steps {
				recorded[step.Method] = true
			}
		}
	}
	assert.ElementsMatch(t, slices.Collect(maps.Keys(recorded)), slices.Collect(maps.Keys(methods)))
}

func recordings(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "golden", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

func load(t *testing.T, file string) recording {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var rec recording
	require.NoError(t, json.Unmarshal(data, &rec))
	require.Equal(t, 1, rec.Format)
	require.Contains(t, []string{"requests", "responses"}, rec.Kind)
	require.NotEmpty(t, rec.Cases)
	return rec
}

func (c recordedCase) poolID() string { return cmp.Or(c.Construct.UserPoolID, c.Construct.ClientID) }

// clientRefused reports whether NewClient has to fail. The original can be told to do without a pool id; it then sends
// the word "undefined" in its place.
func (c recordedCase) clientRefused() bool {
	return c.ConstructorThrows != nil || c.poolID() == "" || strings.ContainsAny(c.poolID(), "/?#% ")
}

// differences collects how a replay differs from its recording. Assertions take it in place of a testing.T, so that a
// test can also demand that there are some.
type differences struct {
	step  string
	found []string
	once  bool // the first is enough

	goOnly bool // do not hold the recording to what the original does
}

// Errorf is what assertions report to.
func (d *differences) Errorf(format string, args ...any) {
	d.found = append(d.found, d.step+fmt.Sprintf(format, args...))
	if d.once {
		d.FailNow()
	}
}

// FailNow ends the replay, as that of a testing.T ends the test.
func (d *differences) FailNow() { runtime.Goexit() }

// differencesIn replays a case. It returns how that differs from the recording, and how many steps Go cannot make.
func differencesIn(c recordedCase) (found []string, unmade int) {
	d := &differences{}
	unmade = d.collect(c)
	return d.found, unmade
}

// differs reports whether a replay differs from the recording.
func differs(c recordedCase) bool { return (&differences{once: true}).any(c) }

// differsInGo is differs without a look at whether the original could have ended as recorded.
func differsInGo(c recordedCase) bool { return (&differences{once: true, goOnly: true}).any(c) }

func (d *differences) any(c recordedCase) bool {
	d.collect(c)
	return len(d.found) > 0
}

func (d *differences) collect(c recordedCase) (unmade int) {
	var wg sync.WaitGroup
	wg.Add(1)
	go func() { // of its own, which FailNow can end
		defer wg.Done()
		unmade = replay(d, c)
	}()
	wg.Wait()
	return unmade
}

// replay makes the calls of one case and compares each with the recording. It returns how many it could not make.
func replay(t *differences, c recordedCase) (unmade int) {
	server := &stage{}
	host := c.Construct.Host
	client, err := authing.NewClient(c.poolID(),
		authing.WithHosts(authing.Hosts{Users: host.User, OAuth: host.OAuth, AllowHTTP: true}),
		authing.WithPublicKey(testkit.PublicKeyPEM(t)),
		authing.WithReadRetries(0), // the original sends nothing twice
		authing.WithHTTPClient(&http.Client{Transport: server}))
	if c.clientRefused() {
		require.ErrorIs(t, err, authing.ErrInvalidArgument)
		for _, step := range c.Steps {
			expectRecorded(t, newSituation(c, step, optionsOf(c.Variant, step), c.StateBefore.Token))
		}
		return len(c.Steps)
	}
	require.NoError(t, err)

	// The original keeps a token in storage, a caller of the Go API keeps it. They can drift apart: the original keeps
	// a token of a login that failed and loses one of a login that succeeded, and after a sign-out it goes on sending
	// the old one. Only the next login brings them together.
	token, adrift := c.StateBefore.Token, false
	held := []string{token}
	for i, step := range c.Steps {
		t.step = fmt.Sprintf("step %d, %s: ", i+1, step.Method)
		method, known := methods[step.Method]
		require.True(t, known, "no counterpart to %s", step.Method)
		options := optionsOf(c.Variant, step)
		s := newSituation(c, step, options, token)
		s.adrift, s.held = adrift, held
		s.deviation = s.deviates()
		if !t.goOnly {
			expectRecorded(t, s)
		}

		server.play(step.Answers)
		value, err := method.call(context.Background(), client.As(authing.Secret(token)), options)
		if errors.Is(err, errInexpressible) {
			unmade++
		} else {
			expectRequests(t, s, server.sent())
			expectOutcome(t, s, value, err)
		}

		after := written(step.StoredTokenAfter)
		switch {
		case method.signsIn && err == nil:
			token, adrift = string(value.(*authing.User).Token), false
		case method.signsIn:
			adrift = adrift || s.succeeded()
		case step.Method == "logout" && len(server.sent()) > 0:
			token, adrift = "", true
		}
		adrift = adrift || after != token
		held = append(held, token, after)
	}
	return unmade
}

// stage is the transport of a client: it plays recorded answers and keeps what was sent.
type stage struct {
	mu       sync.Mutex
	answers  []serverAnswer
	requests []sentRequest
}

type sentRequest struct {
	*http.Request
	body string
}

// play begins a step.
func (s *stage) play(answers []serverAnswer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers, s.requests = answers, nil
}

func (s *stage) sent() []sentRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// RoundTrip gives the next answer. A request too many finds the connection closed.
func (s *stage) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, sentRequest{r, string(body)})
	answer := serverAnswer{Drop: true}
	if n := len(s.requests); n <= len(s.answers) {
		answer = s.answers[n-1]
	}
	switch {
	case answer.Refuse:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case answer.Drop:
		return nil, io.EOF
	}
	header := http.Header{}
	if answer.ContentType != "" {
		header.Set("Content-Type", answer.ContentType)
	}
	return &http.Response{
		StatusCode: answer.Status,
		Header:     header,
		Body:       io.NopCloser(strings.NewReader(answer.Body)),
		Request:    r,
	}, nil
}
