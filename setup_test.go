package authing_test

import (
	"net/http"
	"testing"

	"github.com/jarcoal/httpmock"
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
