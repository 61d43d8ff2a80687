package promises_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// frame is an HTTP/2 frame (RFC 9113, section 4.1). The tests write frames themselves because net/http's server can neither
// refuse a stream nor go away during one.
type frame struct {
	kind, flags byte
	stream      uint32
	payload     []byte
}

const (
	dataFrame, headersFrame, resetFrame, settingsFrame, pingFrame, goAwayFrame = 0, 1, 3, 4, 6, 7

	endStream, endHeaders, ack = 1, 4, 1

	noError, protocolError, internalError, refusedStream, cancelStream, enhanceYourCalm, useHTTP11 = 0, 1, 2, 7, 8, 11, 13

	clientPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
)

func readFrame(r io.Reader) (frame, error) {
	var head [9]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return frame{}, err
	}
	f := frame{kind: head[3], flags: head[4], stream: binary.BigEndian.Uint32(head[5:])}
	f.payload = make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
	_, err := io.ReadFull(r, f.payload)
	return f, err
}

func (f frame) writeTo(w io.Writer) {
	size := len(f.payload)
	head := append([]byte{byte(size >> 16), byte(size >> 8), byte(size), f.kind, f.flags}, numbers(f.stream)...)
	w.Write(append(head, f.payload...))
}

func numbers(all ...uint32) (payload []byte) {
	for _, n := range all {
		payload = binary.BigEndian.AppendUint32(payload, n)
	}
	return payload
}

func respondOnStream(w io.Writer, stream uint32, body string) {
	const status200 = "\x88" // from HPACK's static table
	frame{headersFrame, endHeaders, stream, []byte(status200)}.writeTo(w)
	frame{dataFrame, endStream, stream, []byte(body)}.writeTo(w)
}

// streamTrouble is what a server does with a stream instead of responding.
type streamTrouble struct {
	name  string
	early bool // after the headers, before the body
	do    func(w io.Writer, stream uint32)
	ends  bool // the server then closes the connection

	unprocessed bool // the server declares that it did not act
}

func (s streamTrouble) String() string {
	if s.early {
		return s.name + ", before the body"
	}
	return s.name
}

// goAway names the last stream that the server processes.
func goAway(w io.Writer, last, code uint32) {
	frame{goAwayFrame, 0, 0, numbers(last, code)}.writeTo(w)
}

func streamTroubles() []streamTrouble {
	reset := func(code uint32) func(io.Writer, uint32) {
		return func(w io.Writer, stream uint32) { frame{resetFrame, 0, stream, numbers(code)}.writeTo(w) }
	}
	// net/http would send the first of these again if it could.
	all := []streamTrouble{
		{name: "protocol error", do: reset(protocolError)},
		{name: "internal error", do: reset(internalError)},
		{name: "canceled", do: reset(cancelStream)},
		{name: "HTTP/1.1 required", do: reset(useHTTP11)},
		{name: "gone away before it with an error", unprocessed: true,
			do: func(w io.Writer, stream uint32) { goAway(w, stream-1, enhanceYourCalm) }},
		{name: "connection closed", ends: true, do: func(io.Writer, uint32) {}},
	}
	for _, early := range []bool{false, true} {
		all = append(all,
			streamTrouble{name: "refused", early: early, do: reset(refusedStream), unprocessed: true},
			streamTrouble{name: "gone away before it", early: early, unprocessed: true,
				do: func(w io.Writer, stream uint32) { goAway(w, stream-1, noError) }},
			streamTrouble{name: "gone away with it", early: early, ends: true,
				do: func(w io.Writer, stream uint32) { goAway(w, stream, noError) }},
		)
	}
	return all
}

// streams is an HTTP/2 server that responds well to the first requests and causes trouble from then on.
type streams struct {
	url       string
	transport *http.Transport
	arrivals  atomic.Int32 // streams in trouble
	processed atomic.Int32 // those that the server did not declare unprocessed
	opened    atomic.Int32 // connections
}

// startStreams starts a server that responds well to that many requests.
func (m remoteMethod) startStreams(t *testing.T, good int32, trouble streamTrouble, certificate tls.Certificate, roots *x509.CertPool) *streams {
	t.Helper()
	s := &streams{transport: &http.Transport{
		ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots},
	}}
	t.Cleanup(s.transport.CloseIdleConnections)
	var requests atomic.Int32
	s.url = startTCP(t, func(raw net.Conn) {
		s.opened.Add(1)
		conn := tls.Server(raw, &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2"}})
		in := bufio.NewReader(conn)
		if _, err := io.ReadFull(in, make([]byte, len(clientPreface))); err != nil {
			return
		}
		frame{kind: settingsFrame}.writeTo(conn)
		var now uint32 // the stream whose body is expected; a test makes one call at a time
		for {
			f, err := readFrame(in)
			switch {
			case err != nil:
				return
			case (f.kind == settingsFrame || f.kind == pingFrame) && f.flags&ack == 0:
				f.flags |= ack
				if f.kind == settingsFrame {
					f.payload = nil
				}
				f.writeTo(conn)
				continue
			case f.kind == headersFrame:
				now = f.stream
				if requests.Add(1) > good {
					s.arrivals.Add(1)
					if !trouble.unprocessed {
						s.processed.Add(1)
					}
				}
			}
			n, whole := requests.Load()-1, f.flags&endStream != 0
			switch {
			case f.stream == 0 || f.stream != now || f.kind > headersFrame:
			case n < good && whole:
				respondOnStream(conn, now, m.responses[int(n)%len(m.responses)])
			case n >= good && (whole || trouble.early):
				trouble.do(conn, now)
				now = 0
				if trouble.ends {
					return
				}
			}
		}
	})
	s.url = strings.Replace(s.url, "http:", "https:", 1)
	return s
}

// A request is processed at most once, whatever happens to its stream. One that the server declares unprocessed is sent
// again; if that does not help, the error says that nothing was done. net/http also repeats a request without a body for
// other reasons, so this is prevented and the outcome stays unknown.
func TestHTTP2Troubles(t *testing.T) {
	t.Parallel()
	certificate, roots := selfSigned(t, nil)
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		var both sync.WaitGroup
		defer both.Wait()
		for _, reused := range []bool{false, true} {
			both.Go(func() {
				eachCell(t, streamTroubles(), func(t *testing.T, trouble streamTrouble) {
					good := m.step
					if reused {
						good += len(m.responses)
					}
					srv := m.startStreams(t, int32(good), trouble, certificate, roots)
					client := clientAt(t, srv.url, withHTTPClient(&http.Client{Transport: srv.transport}))
					if reused {
						_, err := m.call(context.Background(), client)
						require.NoError(t, err)
					}

					result, err := m.call(context.Background(), client)

					// net/http does not repeat that one on a new connection, which the second attempt at a read is on.
					inAnger := trouble.name == "gone away before it with an error" && (!reused || m.read)
					again := trouble.unprocessed && (!m.isGET() || inAnger)
					m.wantFailure(t, result, err, !again)
					if again {
						assert.EqualValues(t, 4, srv.arrivals.Load())
						assert.ErrorContains(t, err, "the server declared the request unprocessed: "+m.unchanged("nothing was done")+": try again")
					} else {
						assert.EqualValues(t, m.arrivals(), srv.arrivals.Load())
					}
					if !m.read {
						assert.LessOrEqual(t, srv.processed.Load(), int32(1))
					}
				})
			})
		}
	})
}

// A server that goes away gracefully finishes its streams, and the next request uses another connection.
func TestHTTP2GracefulShutdown(t *testing.T) {
	t.Parallel()
	certificate, roots := selfSigned(t, nil)
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		var responded atomic.Int32
		srv := m.startStreams(t, 0, streamTrouble{do: func(w io.Writer, stream uint32) {
			goAway(w, stream, noError)
			respondOnStream(w, stream, m.responses[int(responded.Add(1)-1)%len(m.responses)])
		}}, certificate, roots)
		client := clientAt(t, srv.url, withHTTPClient(&http.Client{Transport: srv.transport}))

		for range 3 {
			_, err := m.call(context.Background(), client)
			require.NoError(t, err)
		}

		assert.EqualValues(t, 3*len(m.responses), srv.arrivals.Load())
		assert.GreaterOrEqual(t, int(srv.opened.Load()), 3*len(m.responses), "a connection was used after its end")
	})
}

func TestHTTP2RequestIsSentAgain(t *testing.T) {
	t.Parallel()
	certificate, roots := selfSigned(t, nil)
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		if m.isGET() { // see TestHTTP2Troubles
			return
		}
		var seen atomic.Int32
		srv := m.startStreams(t, int32(m.step), streamTrouble{do: func(w io.Writer, stream uint32) {
			n := int(seen.Add(1)) - 1
			if n == 0 {
				frame{resetFrame, 0, stream, numbers(refusedStream)}.writeTo(w)
				return
			}
			respondOnStream(w, stream, m.responses[(m.step+n-1)%len(m.responses)])
		}}, certificate, roots)
		client := clientAt(t, srv.url, withHTTPClient(&http.Client{Transport: srv.transport}), withReadRetries(0))

		_, err := m.call(context.Background(), client)

		require.NoError(t, err)
	})
}
