package authing_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

func TestNewClientPoolID(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 64)
	for _, id := range []string{pool, "a", "A-z_09", long} {
		client, err := authing.NewClient(id)
		require.NoError(t, err, id)
		assert.Equal(t, id, client.UserPoolID())
	}
	for _, id := range []string{
		"", " ", pool + " ", "a b", "a\n", "a\r\nX-Evil: 1", "a\x00", "../other", "..", "a/b", `a\b`, "a?b=c", "a#b", "a%2fb",
		"a;b", "a:b", "a@b", "池", "a\xff", long + "a",
	} {
		client, err := authing.NewClient(id)
		require.ErrorIs(t, err, authing.ErrInvalidArgument, "%q", id)
		assert.Nil(t, client)
		e := requireError(t, err)
		assert.Equal(t, "NewClient", e.Op)
		assert.Contains(t, err.Error(), "the user pool id")
		assert.Contains(t, err.Error(), "copy it from the Authing console", "the next step")
	}
}

func TestNewClientIsOffline(t *testing.T) {
	t.Parallel()
	_, got := setup(t, 200, "")
	assert.Empty(t, got.All())
}

func TestRequestOfEveryCall(t *testing.T) {
	t.Parallel()
	eachCodeCall(t, func(t *testing.T, call codeCall) {
		var lengths []int64
		var replayable []bool
		client, got := setupResponder(t, func(r *http.Request) (*http.Response, error) {
			lengths = append(lengths, r.ContentLength)
			replayable = append(replayable, r.GetBody != nil)
			return httpmock.NewStringResponse(200, call.answer), nil
		})
		_, err := call.do(context.Background(), client.As(token), code, call.detail)
		require.NoError(t, err)
		sent := got.Only(t)
		sent.Header.Del("Authorization") // differs by endpoint: see the tests of the calls
		assert.Equal(t, http.Header{
			"Accept":       {"application/json"},
			"Content-Type": {"application/json"},
			"User-Agent":   {sdkUserAgent(t)},
		}, sent.Header)
		assert.Equal(t, []int64{int64(len(sent.Body))}, lengths, "a length, not chunks")
		assert.Equal(t, []bool{false}, replayable, "net/http must not be able to send a code again")
	})
}

func TestAs(t *testing.T) {
	t.Parallel()
	nobody, got := setup(t, 200, phoneAnswer)
	ann := nobody.As("ann.ann.ann")
	bob := ann.As("bob.bob.bob")
	for _, c := range []*authing.Client{bob, ann, nobody, ann.As(""), bob.As("").As("eve.eve.eve")} {
		assert.Equal(t, pool, c.UserPoolID())
		_, err := c.GetPhone(context.Background(), code, phoneDetail)
		require.NoError(t, err)
	}
	var tokens [][]string
	for _, e := range got.All() {
		tokens = append(tokens, e.Header.Values("Authorization"))
	}
	assert.Equal(t, [][]string{{"bob.bob.bob"}, {"ann.ann.ann"}, nil, nil, {"eve.eve.eve"}}, tokens)
}

func TestLoginLeavesTheClientSignedOut(t *testing.T) {
	t.Parallel()
	client, got := setup(t, 200, annAnswer)
	_, err := client.LoginWithWxapp(context.Background(), code, loginDetail)
	require.NoError(t, err)
	_, err = client.BindPhone(context.Background(), code, phoneDetail)
	require.ErrorIs(t, err, authing.ErrLoginRequired)
	got.Only(t)
}

func TestAsSharesConnections(t *testing.T) {
	t.Parallel()
	var opened atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, phoneAnswer)
	}))
	srv.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	client, err := authing.NewClient(pool, authing.WithHosts(authing.Hosts{OAuth: srv.URL}))
	require.NoError(t, err)
	defer client.CloseIdleConnections()
	for _, c := range []*authing.Client{client, client.As("a.a.a"), client.As("b.b.b")} {
		_, err := c.GetPhone(context.Background(), code, phoneDetail)
		require.NoError(t, err)
	}
	assert.EqualValues(t, 1, opened.Load())
}

type closingTransport struct {
	http.RoundTripper
	closed *int
}

func (c closingTransport) CloseIdleConnections() { *c.closed++ }

func TestCloseIdleConnections(t *testing.T) {
	t.Parallel()
	var closed int
	client, err := authing.NewClient(pool, withTransport(closingTransport{http.DefaultTransport, &closed}))
	require.NoError(t, err)
	client.CloseIdleConnections()
	client.As(token).CloseIdleConnections()
	assert.Equal(t, 2, closed)

	client, got := setup(t, 200, phoneAnswer)
	client.CloseIdleConnections() // of a transport that knows no such thing
	_, err = client.GetPhone(context.Background(), code, phoneDetail)
	require.NoError(t, err)
	got.Only(t)
}

func TestNilContext(t *testing.T) {
	t.Parallel()
	eachCodeCall(t, func(t *testing.T, call codeCall) {
		client, got := setup(t, 200, call.answer)
		var none context.Context
		_, err := call.do(none, client.As(token), code, call.detail)
		require.ErrorIs(t, err, authing.ErrInvalidArgument)
		assert.EqualError(t, err, "authing: "+call.op+": the context is nil: use context.Background() if there is none")
		assert.Empty(t, got.All())
	})
}

func TestEndedContext(t *testing.T) {
	t.Parallel()
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	late, cancel := context.WithDeadline(context.Background(), time.Unix(1, 0))
	defer cancel()
	for _, tt := range []struct {
		name string
		ctx  context.Context
		want error
	}{
		{"cancelled", cancelled, context.Canceled},
		{"too late", late, context.DeadlineExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			eachCodeCall(t, func(t *testing.T, call codeCall) {
				client, got := setup(t, 200, call.answer)
				_, err := call.do(tt.ctx, client.As(token), code, call.detail)
				require.ErrorIs(t, err, tt.want)
				assert.NotErrorIs(t, err, authing.ErrOutcomeUnknown, "nothing was sent")
				assert.Contains(t, err.Error(), "nothing was sent")
				assert.Equal(t, call.op, requireError(t, err).Op)
				assert.Empty(t, got.All())
			})
		})
	}
}

func TestContextEndsDuringTheCall(t *testing.T) {
	t.Parallel()
	eachCodeCall(t, func(t *testing.T, call codeCall) {
		ctx, cancel := context.WithCancel(context.Background())
		client, got := setupResponder(t, func(r *http.Request) (*http.Response, error) {
			cancel()
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		_, err := call.do(ctx, client.As(token), code, call.detail)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, authing.ErrOutcomeUnknown)
		assert.Contains(t, err.Error(), "canceled before a response came")
		got.Only(t)
	})
}

// A context may end for a reason of its own, which net/http returns. errgroup's is the error of another call.
func TestContextEndsWithTheErrorOfAnotherCall(t *testing.T) {
	t.Parallel()
	client, _ := setup(t, 200, `{"code":2035,"message":"taken","data":null}`)
	_, other := client.As(token).BindPhone(context.Background(), code, phoneDetail)
	require.ErrorIs(t, other, authing.ErrPhoneTaken)
	otherText := other.Error()

	ctx, cancel := context.WithCancelCause(context.Background())
	client, err := authing.NewClient(pool, withTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
		cancel(other)
		return nil, context.Cause(r.Context())
	})))
	require.NoError(t, err)
	_, err = client.LoginWithWxapp(ctx, code, loginDetail)

	assert.Equal(t, otherText, other.Error(), "the error of the other call stays as it is")
	assert.NotSame(t, other, err)
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, err, authing.ErrOutcomeUnknown)
	assert.Equal(t, "LoginWithWxapp", requireError(t, err).Op)
	assert.Contains(t, err.Error(), "canceled before a response came")
}

func TestOperationFromContext(t *testing.T) {
	t.Parallel()
	assert.Empty(t, authing.OperationFromContext(context.Background()))
	assert.Empty(t, authing.OperationFromContext(nil)) //lint:ignore SA1012 nobody is to panic
	eachCodeCall(t, func(t *testing.T, call codeCall) {
		type key struct{}
		var seen []string
		client, _ := setupResponder(t, func(r *http.Request) (*http.Response, error) {
			value, _ := r.Context().Value(key{}).(string)
			seen = append(seen, authing.OperationFromContext(r.Context()), value)
			return httpmock.NewStringResponse(200, call.answer), nil
		})
		_, err := call.do(context.WithValue(context.Background(), key{}, "trace"), client.As(token), code, call.detail)
		require.NoError(t, err)
		assert.Equal(t, []string{call.op, "trace"}, seen)
	})
}

func TestNoCookies(t *testing.T) {
	t.Parallel()
	client, got := setupResponder(t, func(*http.Request) (*http.Response, error) {
		resp := httpmock.NewStringResponse(200, phoneAnswer)
		resp.Header.Set("Set-Cookie", "sid=user-A; Path=/")
		return resp, nil
	})
	for range 2 {
		_, err := client.GetPhone(context.Background(), code, phoneDetail)
		require.NoError(t, err)
	}
	all := got.All()
	require.Len(t, all, 2)
	assert.Empty(t, all[1].Header.Values("Cookie"))
}

func TestContentTypeDoesNotMatter(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{"application/json; charset=utf-8", "text/plain", "text/html", "application/xml", ""} {
		client, _ := setupResponder(t, func(*http.Request) (*http.Response, error) {
			resp := httpmock.NewStringResponse(200, annAnswer)
			resp.Header.Set("Content-Type", contentType)
			return resp, nil
		})
		user, err := client.LoginWithWxapp(context.Background(), code, loginDetail)
		require.NoError(t, err, contentType)
		assert.Equal(t, annID, user.ID)
	}
}

func TestCodesAreSentOnce(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		responder httpmock.Responder
	}{
		{"500", httpmock.NewStringResponder(500, "")},
		{"502", httpmock.NewStringResponder(502, "<html>")},
		{"503", httpmock.NewStringResponder(503, `{"code":1000,"message":"busy"}`)},
		{"504", httpmock.NewStringResponder(504, "")},
		{"429", httpmock.NewStringResponder(429, "")},
		{"transport error", httpmock.NewErrorResponder(io.ErrUnexpectedEOF)},
		{"dial error", httpmock.NewErrorResponder(&net.OpError{Op: "dial", Err: errors.New("refused")})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			eachCodeCall(t, func(t *testing.T, call codeCall) {
				client, got := setupResponder(t, tt.responder, authing.WithReadRetries(3))
				_, err := call.do(context.Background(), client.As(token), code, call.detail)
				requireError(t, err)
				got.Only(t)
			})
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		var arrived, elsewhere atomic.Int32
		other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
		defer other.Close()
		client := serve(t, func(w http.ResponseWriter, r *http.Request) {
			arrived.Add(1)
			http.Redirect(w, r, other.URL+r.URL.Path, status)
		})
		_, err := client.As(token).BindPhone(context.Background(), code, phoneDetail)
		require.ErrorIs(t, err, authing.ErrBadResponse)
		require.ErrorIs(t, err, authing.ErrOutcomeUnknown)
		assert.Contains(t, err.Error(), "redirects are not followed: check the Hosts")
		assert.NotContains(t, err.Error(), other.URL)
		assert.Equal(t, status, requireError(t, err).StatusCode)
		assert.EqualValues(t, 1, arrived.Load())
		assert.Zero(t, elsewhere.Load())
	}
}

// A transport, httpmock's for one, may give the same header to several calls at a time.
func TestTheTransportsAnswerIsNotModified(t *testing.T) {
	t.Parallel()
	header := http.Header{"Location": {"https://elsewhere.example"}, "Set-Cookie": {"sid=1"}}
	before := header.Clone()
	client, err := authing.NewClient(pool, withTransport(roundTrip(func(*http.Request) (*http.Response, error) {
		resp := stringAnswer(302, "")
		resp.Header = header
		return resp, nil
	})))
	require.NoError(t, err)
	_, err = client.LoginWithWxapp(context.Background(), code, loginDetail)
	require.ErrorIs(t, err, authing.ErrBadResponse)
	assert.Equal(t, before, header)
}

// This one replaces a global, so it must not run beside others.
func TestReplacedDefaultTransport(t *testing.T) {
	mock := httpmock.NewMockTransport()
	mock.RegisterNoResponder(httpmock.NewStringResponder(200, phoneAnswer))
	original := http.DefaultTransport
	http.DefaultTransport = mock
	t.Cleanup(func() { http.DefaultTransport = original })

	client, err := authing.NewClient(pool)
	require.NoError(t, err)
	phone, err := client.GetPhone(context.Background(), code, phoneDetail)
	require.NoError(t, err)
	assert.Equal(t, "13800000000", phone.PhoneNumber)
	assert.Equal(t, 1, mock.GetTotalCallCount())
}

// A forgotten NewClient is told, not a panic.
func TestZeroClient(t *testing.T) {
	t.Parallel()
	var c authing.Client
	ctx := context.Background()
	for name, call := range map[string]func() error{
		"LoginWithWxapp": func() error { _, err := c.LoginWithWxapp(ctx, code, loginDetail); return err },
		"BindPhone":      func() error { _, err := c.As(token).BindPhone(ctx, code, phoneDetail); return err },
		"Login": func() error {
			_, err := c.Login(ctx, authing.LoginParams{Username: "lin", Password: "p"})
			return err
		},
		"GetVerificationCode": func() error { return c.GetVerificationCode(ctx, "13800000000") },
		"VerifyToken":         func() error { _, err := c.VerifyToken(ctx, token); return err },
	} {
		err := call()
		require.ErrorIs(t, err, authing.ErrInvalidArgument, name)
		assert.ErrorContains(t, err, "NewClient")
		assert.NotErrorIs(t, err, authing.ErrOutcomeUnknown)
	}
	c.CloseIdleConnections()
	assert.Empty(t, c.UserPoolID())
}
