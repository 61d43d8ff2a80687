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

	// A code has no documented form; 16 and 48 zero-ish bytes are a well-formed iv and ciphertext.
	code          = "061AbcDefGhiJklMnoPqrStu0VwXyZ01"
	iv            = "EBESExQVFhcYGRobHB0eHw=="
	encryptedData = "aLhedzo+Z6es5zW+YHo9sgkoobhypSEeViQBPmmCx3fmcZGKbataj/52/+U/sVY3"
	token         = authing.Secret("header.payload.signature")
)

var (
	loginDetail = authing.Detail{ErrMsg: "getUserInfo:ok", EncryptedData: encryptedData, IV: iv}
	phoneDetail = authing.Detail{ErrMsg: "getPhoneNumber:ok", EncryptedData: encryptedData, IV: iv}
)

// setup returns a client whose every request is recorded and answered with status and body.
func setup(t *testing.T, status int, body string, opts ...authing.Option) (*authing.Client, *testkit.Recorder) {
	t.Helper()
	return setupResponder(t, httpmock.NewStringResponder(status, body), opts...)
}

// setupResponder is setup for answers that a status and a body cannot express.
func setupResponder(t *testing.T, responder httpmock.Responder, opts ...authing.Option) (*authing.Client, *testkit.Recorder) {
	t.Helper()
	transport, got := testkit.Record(responder)
	client, err := authing.NewClient(pool, append([]authing.Option{
		authing.WithHTTPClient(&http.Client{Transport: transport}),
	}, opts...)...)
	require.NoError(t, err)
	return client, got
}

// roundTrip is a transport made of a function, for what httpmock cannot show.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func withTransport(t http.RoundTripper) authing.Option {
	return authing.WithHTTPClient(&http.Client{Transport: t})
}

// stringAnswer is what a transport returns for an answer with this status and body.
func stringAnswer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
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

// stub returns a client whose every request gets this answer, and where the last request goes. httpmock would cost a
// goroutine and a match for each of a fuzzer's many calls.
func stub(t testing.TB, status int, body string, opts ...authing.Option) (*authing.Client, **http.Request) {
	t.Helper()
	var last *http.Request
	client, err := authing.NewClient(pool, append(opts, withTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
		last = r
		return stringAnswer(status, body), nil
	})))...)
	require.NoError(t, err)
	return client, &last
}

const (
	annID   = "5e00000000000000000000a1"
	annUser = `{"_id":"5e00000000000000000000a1","emailVerified":false,"username":"Ann","nickname":"Ann","company":"",` +
		`"photo":"https://usercontents.authing.cn/a.png","loginsCount":2,"registerMethod":"oauth:wxapp","blocked":false,` +
		`"isDeleted":false,"oauth":"{\"nickName\":\"Ann\",\"gender\":1,\"openid\":\"o-1\",\"unionid\":\"u-1\"}",` +
		`"metadata":"\"\"","unionid":"u-1","openid":"o-1","lastIP":"::ffff:192.0.2.6",` +
		`"lastLogin":"2020-02-27T05:33:20.796Z","signedUp":"2020-02-27T05:30:55.875Z","token":"h.p.s",` +
		`"tokenExpiredAt":"2020-03-13T05:33:20.000Z","phone":""}`
	annAnswer = `{"code":200,"message":"ok","data":` + annUser + `}`

	phoneAnswer = `{"code":200,"message":"ok","data":{"phoneNumber":"13800000000","purePhoneNumber":"13800000000",` +
		`"countryCode":"86","watermark":{"appid":"wx1","timestamp":1586750416}}}`

	postedBody = `{"iv":"` + iv + `","encryptedData":"` + encryptedData + `","code":"` + code + `"}`
)

// annOfGraphQL is a user as the GraphQL host sends it: with nulls, and with dates as JavaScript prints them.
const annOfGraphQL = `{"_id":"` + annID + `","email":"ann@example.com","emailVerified":false,"username":"ann","nickname":"",` +
	`"company":"","photo":"p","browser":null,"token":"h.p.s","tokenExpiredAt":"Sat Jan 27 2018 13:55:25 GMT+0800 (CST)",` +
	`"loginsCount":7,"lastLogin":"Fri Jan 12 2018 13:55:25 GMT+0800 (CST)","lastIP":null,` +
	`"signedUp":"Fri Jan 12 2018 13:55:25 GMT+0800 (CST)","blocked":false,"isDeleted":false}`

// wantAnnOfGraphQL checks that all of annOfGraphQL was read.
func wantAnnOfGraphQL(t *testing.T, u *authing.User) {
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
	assert.Equal(t, annOfGraphQL, string(u.Raw()))
}

// codeCall is a call that spends a WeChat code. What holds for all of them is tested over codeCalls.
type codeCall struct {
	op     string
	detail authing.Detail // that the call accepts
	answer string         // that the call succeeds with
	do     func(ctx context.Context, c *authing.Client, code string, d authing.Detail) (any, error)
}

var codeCalls = []codeCall{
	{
		op: "LoginWithWxapp", detail: loginDetail, answer: annAnswer,
		do: func(ctx context.Context, c *authing.Client, code string, d authing.Detail) (any, error) {
			return c.LoginWithWxapp(ctx, code, d)
		},
	},
	{
		op: "BindPhone", detail: phoneDetail, answer: annAnswer,
		do: func(ctx context.Context, c *authing.Client, code string, d authing.Detail) (any, error) {
			return c.BindPhone(ctx, code, d)
		},
	},
	{
		op: "GetPhone", detail: phoneDetail, answer: phoneAnswer,
		do: func(ctx context.Context, c *authing.Client, code string, d authing.Detail) (any, error) {
			return c.GetPhone(ctx, code, d)
		},
	},
	{
		op: "Decrypt", detail: phoneDetail, answer: phoneAnswer,
		do: func(ctx context.Context, c *authing.Client, code string, d authing.Detail) (any, error) {
			return c.Decrypt(ctx, code, d.EncryptedData, d.IV)
		},
	},
}

// eachCodeCall runs test once per call of codeCalls.
func eachCodeCall(t *testing.T, test func(*testing.T, codeCall)) {
	t.Helper()
	eachOf(t, codeCalls, test)
}

// eachDetailCall leaves out Decrypt, which takes no Detail.
func eachDetailCall(t *testing.T, test func(*testing.T, codeCall)) {
	t.Helper()
	eachOf(t, slices.DeleteFunc(slices.Clone(codeCalls), func(call codeCall) bool { return call.op == "Decrypt" }), test)
}

func eachOf(t *testing.T, calls []codeCall, test func(*testing.T, codeCall)) {
	t.Helper()
	for _, call := range calls {
		t.Run(call.op, func(t *testing.T) {
			t.Parallel()
			test(t, call)
		})
	}
}

// operationCall is a call that runs a GraphQL operation: the request it has to make, and an answer to it. TestGolden
// compares the documents; here it is what varies with the arguments.
type operationCall[T any] struct {
	do        func(ctx context.Context, c *authing.Client) (T, error)
	host      string // empty: the users host
	operation string // "mutation register"
	variables string // as JSON, with passwords in clear; empty: the request has none
	encrypted []string
	field     string // of the answer's data
	answer    string // what is there
	anonymous bool   // sends no token, also when there is one
}

// check makes the call as nobody and as a user, compares the requests, and returns the result.
func (o operationCall[T]) check(t *testing.T) (result T) {
	t.Helper()
	for _, as := range []authing.Secret{"", token} {
		client, got := setup(t, 200, `{"data":{"`+o.field+`":`+o.answer+`}}`, authing.WithPublicKey(testkit.PublicKeyPEM(t)))
		var err error
		result, err = o.do(context.Background(), client.As(as))
		require.NoError(t, err)

		sent := got.Only(t)
		assert.Equal(t, "POST "+cmp.Or(o.host, "https://users.authing.cn")+"/graphql", sent.Line)
		if as == "" || o.anonymous {
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

// unsentCall is a call with an argument that is refused.
type unsentCall struct {
	text string // part of the error
	do   func(ctx context.Context, c *authing.Client) (any, error)
}

// checkUnsent makes the calls and checks that nothing was sent and that each error says what is wrong.
func checkUnsent(t *testing.T, calls []unsentCall) {
	t.Helper()
	for _, call := range calls {
		client, got := setup(t, 200, `{}`)
		result, err := call.do(context.Background(), client.As(token))
		wantRefused(t, err, got)
		assert.Nil(t, result)
		assert.Contains(t, err.Error(), call.text)
	}
}

// beyondInt32 is more than GraphQL's Int.
const beyondInt32 = math.MaxInt32 + 1

// orNil makes a nil pointer a nil interface.
func orNil[T any](p *T) any {
	if p == nil {
		return nil
	}
	return p
}

// requireError returns err as what every failure of this package is.
func requireError(t *testing.T, err error) *authing.Error {
	t.Helper()
	var e *authing.Error
	require.ErrorAs(t, err, &e)
	return e
}

// wantRefused asserts that an argument was refused without being sent.
func wantRefused(t *testing.T, err error, got *testkit.Recorder) {
	t.Helper()
	require.ErrorIs(t, err, authing.ErrInvalidArgument)
	require.NotErrorIs(t, err, authing.ErrOutcomeUnknown)
	assert.Empty(t, got.All())
}

// bindError returns what BindPhone fails with when the service answers so.
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

// assertOnly checks that err matches want, if there is one, and no other sentinel.
func assertOnly(t *testing.T, want, err error, note string) {
	t.Helper()
	for _, s := range sentinels {
		assert.Equal(t, s == want, errors.Is(err, s), "%s: %v", note, s)
	}
}
