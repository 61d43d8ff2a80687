package authing_test

import (
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
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

// exchange is one request that arrived at the mock.
type exchange struct {
	Line   string // "POST https://oauth.authing.cn/…"
	Header http.Header
	Body   string
}

// recorder keeps what arrived, for the test to assert on afterwards: httpmock calls responders in goroutines of its
// own, where a failing assertion would hang the test.
type recorder struct {
	mu        sync.Mutex
	exchanges []exchange
}

func (r *recorder) all() []exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]exchange(nil), r.exchanges...)
}

// only returns the single request that arrived.
func (r *recorder) only(t *testing.T) exchange {
	t.Helper()
	all := r.all()
	require.Len(t, all, 1)
	return all[0]
}

// setup returns a client whose every request is recorded and answered with status and body.
func setup(t *testing.T, status int, body string, opts ...authing.Option) (*authing.Client, *recorder) {
	t.Helper()
	return setupResponder(t, httpmock.NewStringResponder(status, body), opts...)
}

// setupResponder is setup for answers that a status and a body cannot express.
func setupResponder(t *testing.T, responder httpmock.Responder, opts ...authing.Option) (*authing.Client, *recorder) {
	t.Helper()
	got := &recorder{}
	mock := httpmock.NewMockTransport()
	mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
		var body []byte
		if r.Body != nil {
			body, _ = io.ReadAll(r.Body)
		}
		got.mu.Lock()
		got.exchanges = append(got.exchanges, exchange{r.Method + " " + r.URL.String(), r.Header.Clone(), string(body)})
		got.mu.Unlock()
		return responder(r)
	})
	client, err := authing.NewClient(pool, append([]authing.Option{
		authing.WithHTTPClient(&http.Client{Transport: mock}),
	}, opts...)...)
	require.NoError(t, err)
	return client, got
}
