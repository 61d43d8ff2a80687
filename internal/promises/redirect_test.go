package promises_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// redirection is a response that asks the client to take its code, its token or its image elsewhere.
type redirection struct {
	status   int
	name, to string
}

func (r redirection) String() string { return fmt.Sprint(r.status, " to ", r.name) }

// Every host but the service's own leads to a second server, which must not be visited.
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
			redirection{status, "the same host", "/KEY/elsewhere"},
		)
	}
	for _, status := range []int{201, 300, 304, 305} {
		cells = append(cells, redirection{status, "another host", "https://evil.test/"})
	}
	cells = append(cells, redirection{307, "nowhere", ""}, redirection{307, "nonsense", "://%zz"})

	// All cells share a server and its connections. The first part of the path tells them apart.
	var handlers sync.Map
	certificate, roots := selfSigned(t, nil)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		key, _, _ := strings.Cut(r.URL.Path[1:], "/")
		handler, _ := handlers.Load(key)
		handler.(http.HandlerFunc)(w, r)
	}))
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	transport := &http.Transport{
		MaxIdleConnsPerHost: 100,
		// The certificate fits every name, so it is not what keeps the client away.
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "example.com"},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address == first+":443" {
				address = srv.Listener.Addr().String()
			} else {
				address = second[len("http://"):]
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	var keys atomic.Int32
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		eachCell(t, cells, func(t *testing.T, r redirection) {
			var requests, followed atomic.Int32
			key := fmt.Sprint(keys.Add(1))
			handlers.Store(key, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				n := int(requests.Add(1)) - 1
				if n < m.step {
					io.WriteString(w, m.responses[n])
					return
				}
				if strings.Contains(q.URL.Path, "elsewhere") {
					followed.Add(1)
				}
				if r.to != "" {
					w.Header().Set("Location", strings.Replace(r.to, "KEY", key, 1))
				}
				w.WriteHeader(r.status)
				if r.status != http.StatusNotModified {
					io.WriteString(w, m.responses[min(n, len(m.responses)-1)])
				}
			}))
			client := newClient(t, "https://"+first+"/"+key, withTransport(transport)).As(canaryToken)

			result, err := m.call(context.Background(), client)

			if r.status == http.StatusCreated && m.v3 { // a success, there
				require.NoError(t, err)
				return
			}
			e := m.wantFailure(t, result, err, true)
			require.ErrorIs(t, err, authing.ErrBadResponse)
			assert.Equal(t, r.status, e.StatusCode)
			assert.EqualValues(t, m.step+1, requests.Load())
			assert.Zero(t, followed.Load())
			if r.status >= 300 && r.status != http.StatusNotModified {
				assert.ErrorContains(t, err, "redirects are not followed: check the configured hosts")
			}
			assert.NotContains(t, err.Error(), ".test")
			assert.NotContains(t, err.Error(), "://")
		})
	})
}
