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

// The client closes idle connections before a server that keeps them longer does, so that no request meets a connection that
// is just being closed. internal/idle measures how much longer the server has to keep them.
func TestClientClosesIdleConnectionsFirst(t *testing.T) {
	t.Parallel()
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		var requests atomic.Int32
		closed := make(chan struct{}, 100)
		url := startTCP(t, func(conn net.Conn) {
			defer func() { closed <- struct{}{} }()
			in := bufio.NewReader(conn)
			for {
				if _, err := in.Peek(1); err != nil {
					return
				}
				readRequest(in)
				io.WriteString(conn, rawResponse(m.responses[int(requests.Add(1)-1)%len(m.responses)]))
			}
		})
		transport := authing.NewTransport()
		transport.IdleConnTimeout = time.Millisecond
		client := clientAt(t, url, withHTTPClient(&http.Client{Transport: transport}))
		for range 3 {
			_, err := m.call(context.Background(), client)
			require.NoError(t, err)
			<-closed // blocks if the connection is kept
		}
	})
}
