package authing_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/testkit"
)

const (
	pool = "5e4cdd055df3df65dc58b97d"

	// WeChat does not document the form of a code. The iv has 16 bytes and the ciphertext three blocks.
	code          = "061AbcDefGhiJklMnoPqrStu0VwXyZ01"
	iv            = "EBESExQVFhcYGRobHB0eHw=="
	encryptedData = "aLhedzo+Z6es5zW+YHo9sgkoobhypSEeViQBPmmCx3fmcZGKbataj/52/+U/sVY3"
	token         = authing.Secret("header.payload.signature")

	// What every call that uses up a code posts.
	postedBody = `{"iv":"` + iv + `","encryptedData":"` + encryptedData + `","code":"` + code + `"}`
)

var (
	loginDetail = authing.Detail{ErrMsg: "getUserInfo:ok", EncryptedData: encryptedData, IV: iv}
	phoneDetail = authing.Detail{ErrMsg: "getPhoneNumber:ok", EncryptedData: encryptedData, IV: iv}
)

const (
	annID   = "5e00000000000000000000a1"
	annUser = `{"_id":"5e00000000000000000000a1","emailVerified":false,"username":"Ann","nickname":"Ann","company":"",` +
		`"photo":"https://usercontents.authing.cn/a.png","loginsCount":2,"registerMethod":"oauth:wxapp","blocked":false,` +
		`"isDeleted":false,"oauth":"{\"nickName\":\"Ann\",\"gender\":1,\"openid\":\"o-1\",\"unionid\":\"u-1\"}",` +
		`"metadata":"\"\"","unionid":"u-1","openid":"o-1","lastIP":"::ffff:192.0.2.6",` +
		`"lastLogin":"2020-02-27T05:33:20.796Z","signedUp":"2020-02-27T05:30:55.875Z","token":"h.p.s",` +
		`"tokenExpiredAt":"2020-03-13T05:33:20.000Z","phone":""}`
	annResponse = `{"code":200,"message":"ok","data":` + annUser + `}`

	phoneResponse = `{"code":200,"message":"ok","data":{"phoneNumber":"13800000000","purePhoneNumber":"13800000000",` +
		`"countryCode":"86","watermark":{"appid":"wx1","timestamp":1586750416}}}`

	// A user as the GraphQL host sends it: with nulls, and with dates as JavaScript prints them.
	annGraphQL = `{"_id":"` + annID + `","email":"ann@example.com","emailVerified":false,"username":"ann","nickname":"",` +
		`"company":"","photo":"p","browser":null,"token":"h.p.s","tokenExpiredAt":"Sat Jan 27 2018 13:55:25 GMT+0800 (CST)",` +
		`"loginsCount":7,"lastLogin":"Fri Jan 12 2018 13:55:25 GMT+0800 (CST)","lastIP":null,` +
		`"signedUp":"Fri Jan 12 2018 13:55:25 GMT+0800 (CST)","blocked":false,"isDeleted":false}`
)

// wantAnn checks that u has everything in annGraphQL.
func wantAnn(t *testing.T, u *authing.User) {
	t.Helper()
	require.NotNil(t, u)
	assert.Equal(t, annID, u.ID)
	assert.Equal(t, "ann@example.com", u.Email)
	assert.Equal(t, "ann", u.Username)
	assert.Empty(t, u.LastIP)
	assert.Equal(t, authing.Secret("h.p.s"), u.Token)
	assert.Equal(t, 7, u.LoginsCount)
	assert.True(t, u.TokenExpiredAt.Equal(moment(t, "2018-01-27T05:55:25Z")))
	assert.True(t, u.LastLogin.Equal(moment(t, "2018-01-12T05:55:25Z")))
	assert.Equal(t, "Fri Jan 12 2018 13:55:25 GMT+0800 (CST)", u.SignedUp.Text)
	assert.Equal(t, annGraphQL, string(u.Raw()))
}

// graphqlData is the response of a GraphQL operation.
func graphqlData(field, result string) string { return `{"data":{"` + field + `":` + result + `}}` }

// setup returns a client whose every request is recorded and gets a response with this status and body.
func setup(t *testing.T, status int, body string, opts ...authing.Option) (*authing.Client, *testkit.Recorder) {
	t.Helper()
	return setupResponder(t, httpmock.NewStringResponder(status, body), opts...)
}

// setupResponder is setup for responses that vary or have headers, and for errors.
func setupResponder(t *testing.T, responder httpmock.Responder, opts ...authing.Option) (*authing.Client, *testkit.Recorder) {
	t.Helper()
	transport, got := testkit.Record(responder)
	client, err := authing.NewClient(pool, append([]authing.Option{withTransport(transport)}, opts...)...)
	require.NoError(t, err)
	return client, got
}

// setupHeader is setup for a response with one header.
func setupHeader(t *testing.T, status int, body, name, value string) *authing.Client {
	t.Helper()
	client, _ := setupResponder(t, httpmock.NewStringResponder(status, body).HeaderSet(http.Header{name: {value}}))
	return client
}

// setupSequence is setup for a call that makes several requests.
func setupSequence(t *testing.T, bodies []string, opts ...authing.Option) (*authing.Client, *testkit.Recorder) {
	t.Helper()
	var responses []*http.Response
	for _, body := range bodies {
		responses = append(responses, response(200, body))
	}
	return setupResponder(t, httpmock.ResponderFromMultipleResponses(responses), opts...)
}

// stub returns a client whose every request gets this response, and a pointer to the last request. It is cheaper than
// setup, for the many calls of a fuzz test.
func stub(t testing.TB, status int, body string, opts ...authing.Option) (*authing.Client, **http.Request) {
	t.Helper()
	var last *http.Request
	client, err := authing.NewClient(pool, append(opts, withTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
		last = r
		return response(status, body), nil
	})))...)
	require.NoError(t, err)
	return client, &last
}

// serve returns a client of a loopback server.
func serve(t *testing.T, handler http.HandlerFunc, opts ...authing.Option) *authing.Client {
	t.Helper()
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	client, err := authing.NewClient(pool, append([]authing.Option{
		authing.WithHosts(authing.Hosts{Users: srv.URL, OAuth: srv.URL, Upload: srv.URL, CDN: srv.URL}),
	}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// roundTrip is an http.RoundTripper.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func withTransport(t http.RoundTripper) authing.Option {
	return authing.WithHTTPClient(&http.Client{Transport: t})
}

func response(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// codeCall is a call that uses up a WeChat code.
type codeCall struct {
	op       string
	detail   authing.Detail // accepted by the call
	response string         // of a success
	do       func(ctx context.Context, c *authing.Client, code string, d authing.Detail) (any, error)
}

var codeCalls = []codeCall{
	{
		op: "LoginWithWxapp", detail: loginDetail, response: annResponse,
		do: func(ctx context.Context, c *authing.Client, code string, d authing.Detail) (any, error) {
			return c.LoginWithWxapp(ctx, code, d)
		},
	},
	{
		op: "BindPhone", detail: phoneDetail, response: annResponse,
		do: func(ctx context.Context, c *authing.Client, code string, d authing.Detail) (any, error) {
			return c.BindPhone(ctx, code, d)
		},
	},
	{
		op: "GetPhone", detail: phoneDetail, response: phoneResponse,
		do: func(ctx context.Context, c *authing.Client, code string, d authing.Detail) (any, error) {
			return c.GetPhone(ctx, code, d)
		},
	},
	{
		op: "Decrypt", detail: phoneDetail, response: phoneResponse,
		do: func(ctx context.Context, c *authing.Client, code string, d authing.Detail) (any, error) {
			return c.Decrypt(ctx, code, d.EncryptedData, d.IV)
		},
	},
}

// eachCodeCall runs test for every code call but those in except.
func eachCodeCall(t *testing.T, test func(*testing.T, codeCall), except ...string) {
	t.Helper()
	for _, call := range codeCalls {
		if slices.Contains(except, call.op) {
			continue
		}
		t.Run(call.op, func(t *testing.T) {
			t.Parallel()
			test(t, call)
		})
	}
}

// operationCall is a call that runs a GraphQL operation. The documents themselves are compared with recordings of the
// original elsewhere; here it is the part that depends on the arguments.
type operationCall[T any] struct {
	do        func(ctx context.Context, c *authing.Client) (T, error)
	host      string // defaults to the users host
	operation string // "mutation register"
	variables string // as JSON, with passwords in clear; empty if the request has none
	encrypted []string
	field     string // of the response's data
	result    string // the value of field
	tokenless bool   // sends no token even if there is one
}

// check makes the call with and without a token, compares the requests, and returns the result.
func (o operationCall[T]) check(t *testing.T) (result T) {
	t.Helper()
	for _, as := range []authing.Secret{"", token} {
		client, got := setup(t, 200, graphqlData(o.field, o.result), authing.WithPublicKey(testkit.PublicKeyPEM(t)))
		var err error
		result, err = o.do(context.Background(), client.As(as))
		require.NoError(t, err)

		sent := got.Only(t)
		assert.Equal(t, "POST "+cmp.Or(o.host, "https://users.authing.cn")+"/graphql", sent.Line)
		if as == "" || o.tokenless {
			assert.NotContains(t, sent.Header, "Authorization")
		} else {
			assert.Equal(t, []string{"Bearer " + string(as)}, sent.Header["Authorization"])
		}
		q := testkit.ParseGraphQL(t, sent.Body)
		assert.Equal(t, o.operation, q.Kind+" "+q.Name)
		require.Len(t, q.RootFields, 1)
		assert.Equal(t, o.field, q.RootFields[0].Field)
		if o.variables == "" {
			assert.Equal(t, []string{"query"}, q.BodyKeys)
			continue
		}
		assert.Equal(t, []string{"query", "variables"}, q.BodyKeys)
		for _, name := range o.encrypted {
			onWire, _ := q.Variables[name].(string)
			q.Variables[name] = testkit.DecryptPassword(t, onWire)
		}
		assert.JSONEq(t, o.variables, asJSON(t, q.Variables))
	}
	return result
}

// rejection is the error of a call with a bad argument, and a part of its text.
type rejection struct {
	err  error
	text string
}

// errorOf returns err, or nil if there is a result beside it.
func errorOf[T any](result *T, err error) error {
	if result != nil {
		return nil
	}
	return err
}

// wantRejections checks that nothing was sent and that each error says what is wrong.
func wantRejections(t *testing.T, got *testkit.Recorder, rejections []rejection) {
	t.Helper()
	for _, r := range rejections {
		wantRejected(t, r.err, got)
		assert.ErrorContains(t, r.err, r.text)
	}
}

// beyondInt32 returns a number larger than GraphQL's Int, or false if int has only 32 bits.
func beyondInt32() (int, bool) {
	n := int64(math.MaxInt32) + 1
	return int(n), strconv.IntSize > 32
}

// wantRejected checks that an argument was rejected and nothing was sent.
func wantRejected(t *testing.T, err error, got *testkit.Recorder) {
	t.Helper()
	require.ErrorIs(t, err, authing.ErrInvalidArgument)
	require.NotErrorIs(t, err, authing.ErrOutcomeUnknown)
	assert.Empty(t, got.All())
}

// wantIncomplete checks that err reports a success without the promised data.
func wantIncomplete(t *testing.T, err error, note string) {
	t.Helper()
	require.ErrorIs(t, err, authing.ErrBadResponse, note)
	require.ErrorIs(t, err, authing.ErrOutcomeUnknown, note)
}

// assertOnly checks that err matches want, or nothing if want is nil, and no other sentinel.
func assertOnly(t *testing.T, want, err error, note string) {
	t.Helper()
	require.Error(t, err, note)
	for _, s := range sentinels {
		assert.Equal(t, errors.Is(want, s), errors.Is(err, s), "%s: %v", note, s)
	}
}

func requireError(t *testing.T, err error) *authing.Error {
	t.Helper()
	var e *authing.Error
	require.ErrorAs(t, err, &e)
	return e
}

// bindError returns the error of BindPhone for a response with this status and body.
func bindError(t *testing.T, status int, body string) (*authing.Error, error) {
	t.Helper()
	client, got := setup(t, status, body)
	_, err := client.As(token).BindPhone(context.Background(), code, phoneDetail)
	require.Error(t, err)
	got.Only(t)
	return requireError(t, err), err
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

func moment(t testing.TB, s string) time.Time {
	t.Helper()
	m, err := time.Parse(time.RFC3339Nano, s)
	require.NoError(t, err)
	return m
}
