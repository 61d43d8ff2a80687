package promises_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// redirection is an answer that asks the client to go elsewhere, with its code, its token or its image.
type redirection struct {
	status   int
	name, to string
}

func (r redirection) String() string { return fmt.Sprint(r.status, " to ", r.name) }

// Every host but the service's own leads to a second server, which nobody may come to.
func TestRedirects(t *testing.T) {
	t.Parallel()
	const first = "authing.test"
	var visits atomic.Int32
	t.Cleanup(func() { assert.Zero(t, visits.Load()) })
	second := startTCP(t, func(conn net.Conn) {
		visits.Add(1)
		io.WriteString(conn, rawResponse(canaryUser))
	})
	var cells []redirection
	for _, status := range []int{301, 302, 303, 307, 308} {
		cells = append(cells,
			redirection{status, "another host", "https://evil.test/"},
			redirection{status, "another port", "https://" + first + ":8443/"},
			redirection{status, "plain HTTP", "http://" + first + "/"},
			redirection{status, "a subdomain", "https://sub." + first + "/"},
			redirection{status, "a way there", "https://" + first + "/way"},
		)
	}
	certificate, roots := selfSigned(t, nil)
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		eachCell(t, cells, func(t *testing.T, r redirection) {
			var requests, ways atomic.Int32
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				io.Copy(io.Discard, q.Body)
				switch n := int(requests.Add(1)) - 1; {
				case q.URL.Path == "/way":
					ways.Add(1)
					w.Header().Set("Location", "https://evil.test/")
					w.WriteHeader(r.status)
				case n < m.step:
					io.WriteString(w, m.responses[n])
				default:
					w.Header().Set("Location", r.to)
					w.WriteHeader(r.status)
					io.WriteString(w, m.responses[m.step])
				}
			}))
			srv.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
			srv.StartTLS()
			t.Cleanup(srv.Close)
			client := clientAt(t, "https://"+first, authing.WithHTTPClient(&http.Client{Transport: &http.Transport{
				// Whatever its name, the certificate is good: it must not be what keeps the client away.
				TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "example.com"},
				DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
					if address == first+":443" {
						address = srv.Listener.Addr().String()
					} else {
						address = second[len("http://"):]
					}
					return (&net.Dialer{}).DialContext(ctx, network, address)
				},
			}}))

			result, err := m.call(context.Background(), client)

			m.wantFailure(t, result, err, true)
			require.ErrorIs(t, err, authing.ErrBadResponse)
			var e *authing.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, r.status, e.StatusCode)
			assert.EqualValues(t, m.step+1, requests.Load())
			assert.Zero(t, ways.Load())
			assert.ErrorContains(t, err, "redirects are not followed: check the Hosts")
			assert.NotContains(t, err.Error(), ".test")
		})
	})
}
