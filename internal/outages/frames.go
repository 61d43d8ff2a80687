package main

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"sync/atomic"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frameServer is an HTTP/2 server that declares some of the requests that it reads unprocessed.
type frameServer struct {
	listener  net.Listener
	goAway    bool // it sends GOAWAY after 100 requests on a connection; otherwise it refuses every 50th stream
	processed atomic.Int64
}

func newFrameServer(certificates []tls.Certificate, goAway bool) *frameServer {
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: certificates, NextProtos: []string{"h2"}})
	check(err)
	s := &frameServer{listener: listener, goAway: goAway}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return s
}

func (s *frameServer) serve(conn net.Conn) {
	defer conn.Close()
	if _, err := io.ReadFull(conn, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	framer := http2.NewFramer(conn, conn)
	framer.WriteSettings()
	var (
		header   bytes.Buffer
		requests int
		last     uint32 // stream that is processed, after GOAWAY
	)
	hpack.NewEncoder(&header).WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				framer.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !frame.IsAck() {
				framer.WritePing(true, frame.Data)
			}
		case *http2.DataFrame:
			stream := frame.StreamID
			framer.WriteWindowUpdate(0, max(1, uint32(len(frame.Data()))))
			if !frame.StreamEnded() || last > 0 && stream > last {
				break
			}
			requests++
			switch {
			case s.goAway && requests == 100:
				last = stream
				framer.WriteGoAway(last, http2.ErrCodeNo, nil)
			case !s.goAway && requests%50 == 0:
				framer.WriteRSTStream(stream, http2.ErrCodeRefusedStream)
				continue
			}
			s.processed.Add(1)
			framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: header.Bytes(), EndHeaders: true})
			framer.WriteData(stream, true, []byte(answer))
		}
	}
}
