package promises_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// A server that closes its connections after each response repeatedly leaves the outcome uncertain. The call may fail, but
// nothing may be sent again.
func TestStaleConnections(t *testing.T) {
	t.Parallel()
	const calls = 30
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		var arrivals, sent atomic.Int32
		url := startTCP(t, func(conn net.Conn) {
			in := bufio.NewReader(conn)
			if _, err := http.ReadRequest(in); err == nil {
				n := arrivals.Add(1) - 1
				io.WriteString(conn, rawResponse(m.responses[int(n)%len(m.responses)]))
			}
		})
		transport := &http.Transport{}
		t.Cleanup(transport.CloseIdleConnections)
		client := clientAt(t, url, withReadRetries(0), withHTTPClient(&http.Client{
			Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
				sent.Add(1)
				return transport.RoundTrip(r)
			}),
		}))

		for range calls {
			if _, err := m.call(context.Background(), client); err != nil {
				var e *authing.Error
				require.ErrorAs(t, err, &e)
			}
		}

		assert.LessOrEqual(t, arrivals.Load(), sent.Load(), "net/http sent something again")
		assert.LessOrEqual(t, int(sent.Load()), calls*len(m.responses))
	})
}

// retryCell is a service that fails a number of times, and the client's limit.
type retryCell struct {
	remoteMethod
	failures, retries int
}

func (c retryCell) String() string {
	return fmt.Sprintf("%v, %d failures, %d retries", c.remoteMethod, c.failures, c.retries)
}

// WithReadRetries applies to reads and to nothing else. Which failures are worth a retry is tested in package transport.
func TestOnlyReadsAreRetried(t *testing.T) {
	t.Parallel()
	var cells []retryCell
	for _, m := range remoteMethods {
		cells = append(cells, retryCell{m, 1, 0}, retryCell{m, 1, 1}, retryCell{m, 2, 1}, retryCell{m, 3, 3}, retryCell{m, 4, 3})
	}
	for name, failure := range map[string]httpmock.Responder{
		"503":               httpmock.NewStringResponder(http.StatusServiceUnavailable, `{"code":1000,"message":"busy"}`),
		"broken connection": httpmock.NewErrorResponder(io.ErrUnexpectedEOF),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachCell(t, cells, func(t *testing.T, c retryCell) {
				var requests atomic.Int32
				client, got := c.setupFailing(t, func(r *http.Request) (*http.Response, error) {
					if int(requests.Add(1)) <= c.failures {
						return failure(r)
					}
					return newResponse(http.StatusOK, c.responses[c.step]), nil
				}, withReadRetries(c.retries))

				result, err := c.call(context.Background(), client)

				want := 1
				if c.read {
					want = 1 + min(c.failures, c.retries)
				}
				assert.Len(t, got(), want)
				if c.read && c.failures <= c.retries {
					require.NoError(t, err)
				} else {
					c.wantFailure(t, result, err, true)
				}
			})
		})
	}
}

// net/http sends a request again if it has a body that can be read again, or an idempotency key: see TestHeaders. It also
// replays a GET without a body unless internal/transport stops it: see TestGETIsNotReplayed there.
func TestRequestsCannotBeReplayed(t *testing.T) {
	t.Parallel()
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		var sent *http.Request
		client := clientOver(t, m.prepared(func(r *http.Request) (*http.Response, error) {
			sent = r
			return nil, errors.New("seen enough")
		}), withReadRetries(0))

		_, err := m.call(context.Background(), client)

		require.Error(t, err)
		require.NotNil(t, sent)
		assert.Nil(t, sent.GetBody)
		assert.Equal(t, sent.Method == http.MethodGet, sent.Body == nil)
	})
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	legacy := []string{"Accept", "Content-Type", "User-Agent", "Authorization", "Content-Length", "Accept-Encoding"}
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		var (
			header   http.Header
			requests int
		)
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if requests == m.step {
				header = r.Header.Clone()
			}
			io.WriteString(w, m.responses[requests])
			requests++
		}))
		t.Cleanup(srv.Close)

		_, err := m.call(context.Background(), clientAt(t, srv.URL))

		require.NoError(t, err)
		allowed := legacy
		if m.v3 {
			allowed = append(slices.Clone(legacy), "X-Authing-App-Id")
		}
		for name, values := range header {
			assert.Contains(t, allowed, name)
			assert.Len(t, values, 1, name)
		}
		assert.Contains(t, header.Get("User-Agent"), "authing-go/")
		authorized := slices.Contains(m.sends, string(canaryToken)) || slices.Contains(m.sends, canaryBasic)
		assert.Equal(t, authorized, header.Get("Authorization") != "")
	})
}

// A network error is the cause of the call's error, and its text is shown.
func TestNetworkErrors(t *testing.T) {
	t.Parallel()
	for name, cause := range map[string]error{
		"reset":          &net.OpError{Op: "read", Err: errors.New("connection reset by peer")},
		"end of file":    io.ErrUnexpectedEOF,
		"late TLS alert": &net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")},
		"header timeout": errors.New("net/http: timeout awaiting response headers"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachMethod(t, func(t *testing.T, m remoteMethod) {
				client, got := m.setupFailing(t, httpmock.NewErrorResponder(cause), withReadRetries(0))

				result, err := m.call(context.Background(), client)

				m.wantFailure(t, result, err, true)
				require.ErrorIs(t, err, cause)
				assert.ErrorContains(t, err, "no complete response came: "+cause.Error())
				assert.Len(t, got(), 1)
			})
		})
	}
}

// A transport, a response body or an image may come from another call of this package, whose failure says nothing about
// this one. The cause of a context may as well: see endings.
func TestErrorOfAnotherCall(t *testing.T) {
	t.Parallel()
	wrapped := fmt.Errorf("cannot send: %w", errAnotherCall)
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		for name, respond := range map[string]transportFunc{
			"transport":          func(*http.Request) (*http.Response, error) { return nil, errAnotherCall },
			"transport, wrapped": func(*http.Request) (*http.Response, error) { return nil, wrapped },
			"transport, joined":  func(*http.Request) (*http.Response, error) { return nil, errors.Join(io.EOF, wrapped) },
			"response body": func(*http.Request) (*http.Response, error) {
				resp := newResponse(http.StatusOK, "")
				resp.Body = io.NopCloser(iotest.ErrReader(wrapped))
				return resp, nil
			},
		} {
			client := clientOver(t, m.prepared(respond), withReadRetries(0))

			result, err := m.call(context.Background(), client)

			m.wantFailure(t, result, err, true)
			wantOwnError(t, err, name)
		}
	})
	for _, cause := range []error{errAnotherCall, wrapped} {
		client, got := setup(t, http.StatusOK, canaryUser)
		image := io.MultiReader(canaryImageReader(), iotest.ErrReader(cause))

		_, err := client.As(canaryToken).ChangeAvatar(context.Background(), userID, image)

		wantRefused(t, err, got)
		wantOwnError(t, err, "image")
	}
}

// wantOwnError checks that err has nothing of errAnotherCall but perhaps its text, and left it as it was.
func wantOwnError(t *testing.T, err error, from string) {
	t.Helper()
	assert.NotErrorIs(t, err, authing.ErrPhoneTaken, from)
	assert.NotErrorIs(t, err, errAnotherCall, from)
	var e *authing.Error
	require.ErrorAs(t, err, &e)
	assert.Zero(t, e.Code, from)
	assert.EqualError(t, errAnotherCall, "authing: AnotherCall: another call failed (code 2035, HTTP 0)", from)
}

// A transport that sends a request again and cannot connect then has sent it all the same.
func TestFailedDialAfterSending(t *testing.T) {
	t.Parallel()
	var dials atomic.Int32
	inner := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if dials.Add(1) > 1 {
			return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	url := startTCP(t, func(conn net.Conn) { readRequest(bufio.NewReader(conn)) })
	client := clientAt(t, url, withHTTPClient(&http.Client{
		Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			var resp *http.Response
			for range 2 {
				r.Body = io.NopCloser(bytes.NewReader(body))
				if resp, err = inner.RoundTrip(r); err == nil {
					return resp, nil
				}
			}
			return nil, err
		}),
	}))

	_, err := client.LoginWithWxapp(context.Background(), code, loginDetail)

	assert.EqualValues(t, 2, dials.Load())
	assert.ErrorIs(t, err, authing.ErrOutcomeUnknown)
}

// Only a call that uses up a code must not be repeated with it.
func TestAdviceForUnknownOutcomes(t *testing.T) {
	t.Parallel()
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		client, _ := m.setupFailing(t, httpmock.NewStringResponder(502, "<html>"), withReadRetries(0))

		_, err := m.call(context.Background(), client.As(canaryToken))

		require.Error(t, err)
		switch {
		case m.read:
			assert.NotContains(t, err.Error(), "may have taken effect")
		case m.spends != "":
			assert.Contains(t, err.Error(),
				"; the call may have taken effect: do not repeat it with the same "+m.spends+", look first or start over")
		default:
			assert.Contains(t, err.Error(), "; the call may have taken effect: repeating it may do it twice")
		}
	})
}
