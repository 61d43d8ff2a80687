package authing_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

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
		assert.ErrorContains(t, err, "authing: NewClient: the user pool id ")
		assert.ErrorContains(t, err, "copy it from the Authing console")
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
		var length int64
		var replayable bool
		client, got := setupResponder(t, func(r *http.Request) (*http.Response, error) {
			length, replayable = r.ContentLength, r.GetBody != nil
			return httpmock.NewStringResponse(200, call.response), nil
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
		assert.EqualValues(t, len(sent.Body), length, "not chunked")
		assert.False(t, replayable, "net/http must not be able to send a code again")
	})
}

func TestAs(t *testing.T) {
	t.Parallel()
	anonymous, got := setup(t, 200, phoneResponse)
	ann := anonymous.As("ann.ann.ann")
	bob := ann.As("bob.bob.bob")
	for _, c := range []*authing.Client{bob, ann, anonymous, ann.As(""), bob.As("").As("eve.eve.eve")} {
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
	client, got := setup(t, 200, annResponse)
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
		io.WriteString(w, phoneResponse)
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

	client, got := setup(t, 200, phoneResponse)
	client.CloseIdleConnections() // its transport has no such method
	_, err = client.GetPhone(context.Background(), code, phoneDetail)
	require.NoError(t, err)
	got.Only(t)
}

// Without a usable token no argument helps, and with a bad argument no context does.
func TestOrderOfChecks(t *testing.T) {
	t.Parallel()
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	client, got := setup(t, 200, annResponse)
	bad := client.As("Bearer h.p.s")
	for _, call := range []func(*authing.Client) error{
		func(c *authing.Client) error { return errorOf(c.BindPhone(canceled, "", authing.Detail{})) }, // bare
		func(c *authing.Client) error { return errorOf(c.Decrypt(canceled, "", "", "")) },             // bare
		func(c *authing.Client) error { return errorOf(c.User(canceled, "")) },                        // bearer
		func(c *authing.Client) error { return errorOf(c.VerifyToken(canceled, "Bearer x")) },
		func(c *authing.Client) error { return errorOf(c.ChangeAvatar(canceled, "", nil)) },
		func(c *authing.Client) error { return c.Logout(canceled, "") },
		func(c *authing.Client) error { return c.SendVerifyEmail(canceled, "") },
	} {
		err := call(bad)
		wantRejected(t, err, got)
		assert.ErrorContains(t, err, "the token given to As contains white space")

		err = call(client.As(token))
		wantRejected(t, err, got)
		assert.NotErrorIs(t, err, context.Canceled)
		assert.NotContains(t, err.Error(), "given to As")
	}
}

func TestOperationFromContext(t *testing.T) {
	t.Parallel()
	assert.Empty(t, authing.OperationFromContext(context.Background()))
	assert.Empty(t, authing.OperationFromContext(nil)) //lint:ignore SA1012 it must not panic
	eachCodeCall(t, func(t *testing.T, call codeCall) {
		type key struct{}
		var seen []string
		client, _ := setupResponder(t, func(r *http.Request) (*http.Response, error) {
			value, _ := r.Context().Value(key{}).(string)
			seen = append(seen, authing.OperationFromContext(r.Context()), value)
			return httpmock.NewStringResponse(200, call.response), nil
		})
		_, err := call.do(context.WithValue(context.Background(), key{}, "trace"), client.As(token), code, call.detail)
		require.NoError(t, err)
		assert.Equal(t, []string{call.op, "trace"}, seen)
	})
}

// Not parallel: it replaces a global.
func TestReplacedDefaultTransport(t *testing.T) {
	mock := httpmock.NewMockTransport()
	mock.RegisterNoResponder(httpmock.NewStringResponder(200, phoneResponse))
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

func TestZeroClient(t *testing.T) {
	t.Parallel()
	var c authing.Client
	ctx := context.Background()
	for _, err := range []error{
		errorOf(c.LoginWithWxapp(ctx, code, loginDetail)),
		errorOf(c.As(token).BindPhone(ctx, code, phoneDetail)),
		errorOf(c.Login(ctx, authing.LoginParams{Username: "lin", Password: "p"})),
		errorOf(c.CheckLoginStatus(ctx)),
		errorOf(c.VerifyToken(ctx, token)),
		errorOf(c.ChangeAvatar(ctx, "u1", strings.NewReader(picture))),
		c.GetVerificationCode(ctx, "13800000000"),
	} {
		require.ErrorIs(t, err, authing.ErrInvalidArgument)
		assert.ErrorContains(t, err, "the Client was not made by NewClient")
		assert.NotErrorIs(t, err, authing.ErrOutcomeUnknown)
	}
	c.CloseIdleConnections()
	assert.Empty(t, c.UserPoolID())
}

// Servers set odd encodings, and net/http undoes the one that it asked for. What can be read is read.
func TestContentEncoding(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		encoding, body, text string
	}{
		{"identity", annResponse, ""},
		{"utf-8", annResponse, ""},
		{"none", annResponse, ""},
		{"br", "\x0b\x02\x80", `a response that is not Authing's (its Content-Encoding is "br")`},
		{"identity", "\x0b\x02\x80", "a response that is not Authing's (HTTP 200)"},
		{code, "\x0b\x02\x80", "a response that is not Authing's (its Content-Encoding is unknown)"},
	} {
		client, _ := setupResponder(t, func(*http.Request) (*http.Response, error) {
			resp := httpmock.NewStringResponse(200, tt.body)
			resp.Header.Set("Content-Encoding", tt.encoding)
			return resp, nil
		})
		_, err := client.LoginWithWxapp(context.Background(), code, loginDetail)
		if tt.text == "" {
			require.NoError(t, err, tt.encoding)
			continue
		}
		require.ErrorIs(t, err, authing.ErrBadResponse)
		require.ErrorIs(t, err, authing.ErrOutcomeUnknown)
		assert.ErrorContains(t, err, tt.text)
	}
}
