package promises_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// impatient is a transport like the SDK's own that keeps idle connections for idle instead of 4 seconds.
func impatient(idle time.Duration) authing.Option {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.IdleConnTimeout = idle
	return authing.WithHTTPClient(&http.Client{Transport: transport})
}

// The client hangs up before a server that waits a little longer does, so that no request meets one that is just hanging
// up. How long "a little" has to be is measured by internal/idle.
func TestIdleClientHangsUpFirst(t *testing.T) {
	t.Parallel()
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		var requests atomic.Int32
		hungUp := make(chan struct{}, 100)
		url := startTCP(t, func(conn net.Conn) {
			defer func() { hungUp <- struct{}{} }()
			in := bufio.NewReader(conn)
			for {
				if _, err := in.Peek(1); err != nil {
					return
				}
				readRequest(in)
				io.WriteString(conn, rawResponse(m.responses[int(requests.Add(1)-1)%len(m.responses)]))
			}
		})
		client := clientAt(t, url, impatient(time.Millisecond))
		for range 3 {
			_, err := m.call(context.Background(), client)
			require.NoError(t, err)
			<-hungUp // a connection that is kept would hang the test here
		}
	})
}
