// Command outages measures how many calls are lost when a connection goes silent, and when an HTTP/2 server ends connections
// or refuses streams without processing the requests on them.
//
//	go run ./internal/outages
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/authing-wxapp/authing"
)

const answer = `{"code":200,"data":{"_id":"u1","token":"h.p.s"}}`

func main() {
	calls := flag.Int("calls", 12_800, "calls against a server that ends connections or refuses streams")
	silence := flag.Duration("silence", 30*time.Second, "how long to call after the connections went silent")
	flag.Parse()
	fmt.Println("| event | protocol | calls | lost | processed twice | last loss |")
	fmt.Println("| --- | --- | --- | --- | --- | --- |")
	for _, version := range []string{"HTTP/1.1", "HTTP/2 without pings", "HTTP/2"} {
		goSilent(version, *silence)
	}
	for _, event := range []string{"GOAWAY after 100 requests", "REFUSED_STREAM every 50"} {
		unprocessed(event, *calls)
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// newClient returns a client whose connections to server go through address.
func newClient(server *httptest.Server, address, version string) *authing.Client {
	transport := authing.NewTransport()
	transport.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	switch version {
	case "HTTP/1.1":
		transport.ForceAttemptHTTP2 = false
		transport.TLSClientConfig.NextProtos = []string{"http/1.1"}
	case "HTTP/2 without pings":
		transport.HTTP2 = nil
	}
	client, err := authing.NewClient("pool", authing.WithHTTPClient(&http.Client{Transport: transport}),
		authing.WithHosts(authing.Hosts{OAuth: "https://" + address}))
	check(err)
	return client
}

func login(client *authing.Client) error {
	_, err := client.LoginWithWxapp(context.Background(), "code", authing.Detail{
		ErrMsg: "getUserInfo:ok", IV: "EBESExQVFhcYGRobHB0eHw==", EncryptedData: "EBESExQVFhcYGRobHB0eHw==",
	})
	return err
}

// goSilent cuts all connections off, as a NAT that forgets them does, while new ones work, and calls twice a second.
func goSilent(version string, duration time.Duration) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, answer) }))
	server.EnableHTTP2 = version != "HTTP/1.1"
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	nat := newNAT(server.Listener.Addr().String())
	defer nat.close()
	client := newClient(server, nat.address(), version)
	check(login(client))
	nat.forget()

	var (
		wg       sync.WaitGroup
		lost     atomic.Int64
		lastLoss atomic.Int64
		start    = time.Now()
		calls    int
	)
	for time.Since(start) < duration {
		calls++
		began := time.Since(start)
		wg.Go(func() {
			if err := login(client); err != nil {
				lost.Add(1)
				lastLoss.Store(max(lastLoss.Load(), int64(began)))
			}
		})
		time.Sleep(500 * time.Millisecond)
	}
	wg.Wait()
	fmt.Printf("| a connection goes silent | %s | %d | %d | 0 | %.1f s |\n", version, calls, lost.Load(), time.Duration(lastLoss.Load()).Seconds())
}

// nat forwards connections, and forgets them when asked to.
type nat struct {
	listener net.Listener
	target   string

	mu    sync.Mutex
	conns []*forwarded
}

type forwarded struct {
	net.Conn
	silent atomic.Bool
}

func newNAT(target string) *nat {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	n := &nat{listener: listener, target: target}
	go n.serve()
	return n
}

func (n *nat) address() string { return n.listener.Addr().String() }

func (n *nat) close() {
	n.listener.Close()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		c.Close()
	}
}

func (n *nat) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		c.silent.Store(true)
	}
}

func (n *nat) serve() {
	for {
		in, err := n.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", n.target)
		check(err)
		c := &forwarded{Conn: in}
		n.mu.Lock()
		n.conns = append(n.conns, c)
		n.mu.Unlock()
		go c.copy(out, in)
		go c.copy(in, out)
	}
}

// copy forwards until the connection is forgotten, and then drops what it reads.
func (c *forwarded) copy(to, from net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			to.Close()
			return
		}
		if !c.silent.Load() {
			to.Write(buffer[:n])
		}
	}
}

// unprocessed calls a server, 64 at once, that declares some requests unprocessed.
func unprocessed(event string, calls int) {
	certified := httptest.NewTLSServer(nil)
	defer certified.Close()
	server := newFrameServer(certified.TLS.Certificates, event == "GOAWAY after 100 requests")
	defer server.listener.Close()
	client := newClient(certified, server.listener.Addr().String(), "HTTP/2")
	var (
		wg   sync.WaitGroup
		next atomic.Int64
		lost atomic.Int64
	)
	for range 64 {
		wg.Go(func() {
			for next.Add(1) <= int64(calls) {
				if login(client) != nil {
					lost.Add(1)
				}
			}
		})
	}
	wg.Wait()
	twice := max(0, server.processed.Load()-int64(calls))
	fmt.Printf("| %s | HTTP/2 | %d | %d | %d | - |\n", event, calls, lost.Load(), twice)
}
