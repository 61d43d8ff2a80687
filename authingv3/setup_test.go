package authingv3_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingv3"
	"github.com/authing-wxapp/authing/internal/testkit"
)

const (
	host        = "https://shop.authing.cn"
	appID       = "65f0c1d2e3b4a59687766554"
	miniProgram = "shop-mini-program"
	token       = authing.Secret("ann.access.token")
	appSecret   = authing.Secret("s3cr3t/+安:&")
	basic       = "Basic NjVmMGMxZDJlM2I0YTU5Njg3NzY2NTU0OnMzY3IzdC8r5a6JOiY="

	code      = "061AbcDefGhiJklMnoPqrStu0VwXyZ01"
	phoneCode = "e2f1a0b9c8d7"
	iv        = "EBESExQVFhcYGRobHB0eHw=="
	encrypted = "aLhedzo+Z6es5zW+YHo9sgkoobhypSEeViQBPmmCx3fmcZGKbataj/52/+U/sVY3"

	scope   = `"options":{"scope":"openid profile phone offline_access"}`
	nothing = `{"statusCode":200,"message":"ok"}`
	ann     = `{"userId":"ann","phone":"13800138000","phoneCountryCode":"+86"}`
)

// The id token has the subject "ann".
const tokens = `{"access_token":"a.b.c","id_token":"h.eyJzdWIiOiJhbm4ifQ.s","refresh_token":"r1","token_type":"Bearer",` +
	`"expires_in":7200,"scope":"openid"}`

var detail = authing.Detail{ErrMsg: "getUserInfo:ok", EncryptedData: encrypted, IV: iv}

func enveloped(data string) string { return `{"statusCode":200,"message":"ok","data":` + data + `}` }

// setup returns a client that gets the same response to every request, and the recorder of its requests.
func setup(t testing.TB, status int, body string, opts ...authingv3.Option) (*authingv3.Client, *testkit.Recorder) {
	t.Helper()
	return setupResponder(t, httpmock.NewStringResponder(status, body), opts...)
}

func setupResponder(t testing.TB, responder httpmock.Responder, opts ...authingv3.Option) (*authingv3.Client, *testkit.Recorder) {
	t.Helper()
	mock, got := testkit.Record(responder)
	client, err := authingv3.NewClient(host, appID, miniProgram, append([]authingv3.Option{withTransport(mock)}, opts...)...)
	require.NoError(t, err)
	return client, got
}

// setupSequence is setup for a call of several requests.
func setupSequence(t *testing.T, bodies ...string) (*authingv3.Client, *testkit.Recorder) {
	t.Helper()
	var responses []*http.Response
	for _, body := range bodies {
		responses = append(responses, httpmock.NewStringResponse(http.StatusOK, body))
	}
	return setupResponder(t, httpmock.ResponderFromMultipleResponses(responses))
}

func withTransport(rt http.RoundTripper) authingv3.Option {
	return authingv3.WithHTTPClient(&http.Client{Transport: rt})
}

// roundTrip is an http.RoundTripper.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// response is cheaper than one of httpmock.
func response(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// doing is a call by a client that acts as a user.
type doing func(ctx context.Context, c *authingv3.Client) (any, error)

// request is what a call sends.
type request struct {
	name      string
	do        doing
	line      string // defaults to a POST of path
	path      string
	body      string // JSON or a form
	auth      string // the Authorization header
	responses []string
}

// check makes the call of r and compares the whole request.
func (r request) check(t *testing.T, opts ...authingv3.Option) {
	t.Helper()
	client, got := setup(t, http.StatusOK, r.responses[0], opts...)
	_, err := r.do(context.Background(), client.As(token))
	require.NoError(t, err)
	wantRequest(t, got.Only(t), r)
}

func wantRequest(t *testing.T, e testkit.Exchange, r request) {
	t.Helper()
	if r.line == "" {
		r.line = "POST " + host + r.path
	}
	assert.Equal(t, r.line, e.Line)
	want := http.Header{
		"Accept": {"application/json"}, "User-Agent": e.Header["User-Agent"], "X-Authing-App-Id": {appID},
	}
	switch {
	case strings.HasPrefix(r.body, "{"):
		want.Set("Content-Type", "application/json")
		assert.JSONEq(t, r.body, e.Body)
	case strings.HasPrefix(r.line, "GET "):
		assert.Empty(t, e.Body)
	case r.body != "":
		want.Set("Content-Type", "application/x-www-form-urlencoded")
		assert.Equal(t, r.body, e.Body)
	}
	if r.auth != "" {
		want.Set("Authorization", r.auth)
	}
	assert.Equal(t, want, e.Header)
}

// checkRequests checks requests by name.
func checkRequests(t *testing.T, requests []request) {
	t.Helper()
	for _, r := range requests {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			r.check(t)
		})
	}
}

// checkRefused checks that each call is rejected with its text and sends nothing.
func checkRefused(t *testing.T, calls map[string]doing) {
	t.Helper()
	for text, do := range calls {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			client, got := setup(t, http.StatusOK, nothing)
			result, err := do(context.Background(), client.As(token))
			require.ErrorIs(t, err, authing.ErrInvalidArgument)
			assert.NotErrorIs(t, err, authing.ErrOutcomeUnknown)
			require.ErrorContains(t, err, text)
			assert.Nil(t, result)
			assert.Empty(t, got.All())
		})
	}
}

// failure makes a call that gets a response, and returns its error.
func failure(t *testing.T, status int, body string, do doing, opts ...authingv3.Option) *authing.Error {
	t.Helper()
	client, _ := setup(t, status, body, append(opts, authingv3.WithReadRetries(0))...)
	result, err := do(context.Background(), client.As(token))
	assert.Nil(t, result)
	var e *authing.Error
	require.ErrorAs(t, err, &e, body)
	return e
}

// result hides a typed nil.
func result[T any](value *T, err error) (any, error) {
	if value == nil {
		return nil, err
	}
	return value, err
}

func login(ctx context.Context, c *authingv3.Client) (any, error) {
	return result(c.LoginWithWxapp(ctx, code))
}

func user(ctx context.Context, c *authingv3.Client) (any, error) { return result(c.User(ctx)) }
