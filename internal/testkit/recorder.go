package testkit

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/require"
)

// Exchange is one request that arrived at a mock.
type Exchange struct {
	Line   string // "POST https://oauth.authing.cn/…"
	Header http.Header
	Body   string
}

// Recorder keeps requests for assertions after the call: httpmock runs responders in goroutines of its own, where a
// failing assertion would hang the test.
type Recorder struct {
	mu        sync.Mutex
	exchanges []Exchange
}

// Record returns a transport that answers every request with responder, and the recorder of those requests.
func Record(responder httpmock.Responder) (http.RoundTripper, *Recorder) {
	got := &Recorder{}
	mock := httpmock.NewMockTransport()
	mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
		var body []byte
		if r.Body != nil {
			body, _ = io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body)) // for the responder
		}
		got.mu.Lock()
		got.exchanges = append(got.exchanges, Exchange{r.Method + " " + r.URL.String(), r.Header.Clone(), string(body)})
		got.mu.Unlock()
		return responder(r)
	})
	return mock, got
}

// All returns the requests so far.
func (r *Recorder) All() []Exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Exchange(nil), r.exchanges...)
}

// Only returns the one request that arrived. It fails the test if there is none or more than one.
func (r *Recorder) Only(t *testing.T) Exchange {
	t.Helper()
	all := r.All()
	require.Len(t, all, 1)
	return all[0]
}
