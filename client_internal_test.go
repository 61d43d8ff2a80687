package authing

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// script is a transport that answers the n-th request with its n-th step, and further ones with the last.
type script struct {
	steps []step
	seen  int
}

type step struct {
	status int
	err    error
	then   func() // after the request arrived
}

func (s *script) RoundTrip(*http.Request) (*http.Response, error) {
	now := s.steps[min(s.seen, len(s.steps)-1)]
	s.seen++
	if now.then != nil {
		now.then()
	}
	if now.err != nil {
		return nil, now.err
	}
	return &http.Response{StatusCode: now.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}"))}, nil
}

// readOnce makes a read, for which any 200 is a success, against steps.
func readOnce(t *testing.T, ctx context.Context, steps []step, opts ...Option) (sent int, err error) {
	t.Helper()
	transport := &script{steps: steps}
	c, err := NewClient("pool", append(opts, WithHTTPClient(&http.Client{Transport: transport}))...)
	require.NoError(t, err)
	_, err = c.do(ctx, request{op: "User", method: http.MethodGet, url: c.users + "/x", read: true}, func(ans answer) error {
		if ans.status == http.StatusOK {
			return nil
		}
		return refusal(ans, nil)
	})
	return transport.seen, err
}

func TestReadIsSentAgain(t *testing.T) {
	t.Parallel()
	reset := &net.OpError{Op: "read", Err: errors.New("connection reset")}
	dial := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	for name, passing := range map[string]step{
		"connection failure": {err: reset},
		"cut":                {err: io.ErrUnexpectedEOF},
		"nobody listens":     {err: dial},
		"502":                {status: 502},
		"503":                {status: 503},
		"504":                {status: 504},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			sent, err := readOnce(t, context.Background(), []step{passing, {status: 200}})
			require.NoError(t, err)
			assert.Equal(t, 2, sent)
			assert.GreaterOrEqual(t, time.Since(start), 50*time.Millisecond, "a moment later, not at once")

			sent, err = readOnce(t, context.Background(), []step{passing})
			require.Error(t, err)
			assert.Equal(t, 2, sent, "once more by default")
			assert.NotErrorIs(t, err, ErrOutcomeUnknown, "a read has no outcome")

			sent, err = readOnce(t, context.Background(), []step{passing, {status: 200}}, WithReadRetries(0))
			require.Error(t, err)
			assert.Equal(t, 1, sent)

			sent, err = readOnce(t, context.Background(), []step{passing, passing, {status: 200}}, WithReadRetries(2))
			require.NoError(t, err)
			assert.Equal(t, 3, sent)
		})
	}
}

func TestReadIsNotSentAgain(t *testing.T) {
	t.Parallel()
	for name, final := range map[string]step{
		"200":                {status: 200},
		"302":                {status: 302},
		"400":                {status: 400},
		"404":                {status: 404},
		"429":                {status: 429},
		"500":                {status: 500},
		"501":                {status: 501},
		"context cancelled":  {err: context.Canceled},
		"context too late":   {err: context.DeadlineExceeded},
		"bad certificate":    {err: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}},
		"not TLS":            {err: tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}},
		"handshake too slow": {err: errors.New("net/http: TLS handshake timeout")},
		"handshake refused":  {err: errors.New("remote error: tls: handshake failure")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent, err := readOnce(t, context.Background(), []step{final, {status: 200}}, WithReadRetries(3))
			assert.Equal(t, 1, sent)
			assert.Equal(t, final.status == 200, err == nil)
		})
	}
}

func TestReadAnswerTooLongIsNotSentAgain(t *testing.T) {
	t.Parallel()
	var sent int
	long := transportFunc(func(*http.Request) (*http.Response, error) {
		sent++
		body := io.NopCloser(strings.NewReader(strings.Repeat(" ", answerLimit+1)))
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: body}, nil
	})
	c, err := NewClient("pool", WithHTTPClient(&http.Client{Transport: long}))
	require.NoError(t, err)
	_, err = c.do(context.Background(), request{op: "User", method: http.MethodGet, url: c.users, read: true}, func(answer) error { return nil })
	require.ErrorIs(t, err, ErrBadResponse)
	assert.Equal(t, 1, sent)
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// soon is a context that is always about to end, however slow the machine.
type soon struct{ context.Context }

func (soon) Deadline() (time.Time, bool) { return time.Now().Add(40 * time.Millisecond), true }

// The wait before another try is at least 50 ms, so these contexts leave no room for one.
func TestReadPauseIsWithinTheContext(t *testing.T) {
	t.Parallel()
	sent, err := readOnce(t, soon{context.Background()}, []step{{status: 503}, {status: 200}})
	require.ErrorIs(t, err, ErrBadResponse, "the answer that did arrive is told")
	assert.Equal(t, 1, sent)

	ctx, cancel := context.WithCancel(context.Background())
	sent, err = readOnce(t, ctx, []step{{status: 503, then: cancel}, {status: 200}})
	require.Error(t, err)
	assert.Equal(t, 1, sent)
}

func TestWriteIsNeverSentAgain(t *testing.T) {
	t.Parallel()
	transport := &script{steps: []step{{status: 503}, {status: 200}}}
	c, err := NewClient("pool", WithReadRetries(5), WithHTTPClient(&http.Client{Transport: transport}))
	require.NoError(t, err)
	_, err = c.do(context.Background(), request{op: "Update", method: http.MethodPost, url: c.users}, func(ans answer) error { return refusal(ans, nil) })
	require.ErrorIs(t, err, ErrOutcomeUnknown)
	assert.Equal(t, 1, transport.seen)
}

// A GET with an effect would be sent again by net/http if its body were absent.
func TestBodylessRequestCannotBeReplayed(t *testing.T) {
	t.Parallel()
	var got *http.Request
	transport := transportFunc(func(r *http.Request) (*http.Response, error) {
		got = r
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody}, nil
	})
	c, err := NewClient("pool", WithHTTPClient(&http.Client{Transport: transport}))
	require.NoError(t, err)
	_, err = c.do(context.Background(), request{op: "GetVerificationCode", method: http.MethodGet, url: c.users}, func(answer) error { return nil })
	require.NoError(t, err)
	assert.Nil(t, got.GetBody)
	require.NotNil(t, got.Body)
	assert.NotEqual(t, http.NoBody, got.Body)
	sent, err := io.ReadAll(got.Body)
	require.NoError(t, err)
	assert.Empty(t, sent)
	assert.Zero(t, got.ContentLength)
}

func TestArgumentsThatAreNoJSON(t *testing.T) {
	t.Parallel()
	transport := &script{steps: []step{{status: 200}}}
	c, err := NewClient("pool", WithHTTPClient(&http.Client{Transport: transport}))
	require.NoError(t, err)
	_, err = c.do(context.Background(), request{op: "Update", method: http.MethodPost, url: c.users, body: make(chan int)}, nil)
	require.ErrorIs(t, err, ErrInvalidArgument)
	assert.Zero(t, transport.seen)
}

func TestHostsReachTheirPlaces(t *testing.T) {
	t.Parallel()
	c, err := NewClient("pool")
	require.NoError(t, err)
	assert.Equal(t, []string{
		"https://users.authing.cn", "https://oauth.authing.cn", "https://up.qiniup.com", "https://usercontents.authing.cn",
	}, []string{c.users, c.oauth, c.upload, c.cdn})

	c, err = NewClient("pool", WithHosts(Hosts{
		Users: "https://u.example.com/graphql", OAuth: "https://o.example.com", Upload: "https://p.example.com/", CDN: "https://c.example.com/img/",
	}))
	require.NoError(t, err)
	assert.Equal(t, []string{
		"https://u.example.com", "https://o.example.com", "https://p.example.com", "https://c.example.com/img",
	}, []string{c.users, c.oauth, c.upload, c.cdn})

	c, err = NewClient("pool", WithHosts(Hosts{CDN: "https://c.example.com"}))
	require.NoError(t, err)
	assert.Equal(t, "https://users.authing.cn", c.users, "an empty field keeps the default")
}

func TestTransportOfOurOwn(t *testing.T) {
	t.Parallel()
	own, ok := newTransport().(*http.Transport)
	require.True(t, ok)
	assert.NotSame(t, http.DefaultTransport, own)
	assert.Equal(t, 4*time.Second, own.IdleConnTimeout, "less than the 5 seconds after which node.js closes")
	assert.Equal(t, 512, own.MaxIdleConnsPerHost)
	assert.True(t, own.TLSClientConfig == nil || !own.TLSClientConfig.InsecureSkipVerify)
	assert.NotEqual(t, own.MaxIdleConnsPerHost, http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost, "the global one stays as it is")
}

// resty takes hold of stderr when a client is built, so the calls run in a process of their own.
func TestNothingOnStderr(t *testing.T) {
	t.Parallel()
	const asked = "AUTHING_TEST_FAILING_CALLS"
	if os.Getenv(asked) == "" {
		var stdout, stderr bytes.Buffer
		cmd := exec.Command(os.Args[0], "-test.run=^TestNothingOnStderr$", "-test.v")
		cmd.Env = append(os.Environ(), asked+"=1")
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		require.NoError(t, cmd.Run(), "%s", &stdout)
		require.Contains(t, stdout.String(), "--- PASS: TestNothingOnStderr")
		assert.Empty(t, stderr.String())
		return
	}
	detail := Detail{ErrMsg: "getPhoneNumber:ok", IV: "EBESExQVFhcYGRobHB0eHw==", EncryptedData: "EBESExQVFhcYGRobHB0eHw=="}
	for name, transport := range map[string]*script{
		"an answer that is none": {steps: []step{{status: 502}}},
		"no answer":              {steps: []step{{err: io.ErrUnexpectedEOF}}},
	} {
		c, err := NewClient("pool", WithHosts(Hosts{OAuth: "http://127.0.0.1"}), WithHTTPClient(&http.Client{Transport: transport}))
		require.NoError(t, err)
		_, err = c.As("h.p.s").BindPhone(context.Background(), "code", detail)
		require.ErrorIs(t, err, ErrOutcomeUnknown, name)
		c.http.R().SetBasicAuth("user", "password").Get("http://127.0.0.1") // over plain http: resty is sure to have an opinion
	}
}
