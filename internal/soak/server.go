package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// serverEnv makes the program act as the server. Its value is the number of tickets.
const serverEnv = "SOAK_SERVER_TICKETS"

const slowDelay = 50 * time.Millisecond

// server is a minimal Authing. It derives every response from the ticket in the request, so that all it stores is one
// bit per ticket.
type server struct {
	arrived     []atomic.Uint32 // one bit per ticket
	connections atomic.Int64

	requests, repeats, wrongTokens, unmatched atomic.Int64
}

type serverReport struct {
	Connections int64 // currently open
	Requests    int64
	Repeats     int64 // calls that must be sent once but arrived again
	WrongTokens int64 // calls with the token of another user
	Unmatched   int64 // requests without a valid ticket
}

// runServer prints its URL and serves until its standard input is closed, which happens when the client exits.
func runServer(tickets string) error {
	signal.Ignore(os.Interrupt) // Ctrl-C reaches both processes, and the client still needs the server
	limit, err := strconv.ParseInt(tickets, 10, 64)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + listener.Addr().String())
	s := &server{arrived: make([]atomic.Uint32, limit/32+1)}
	go s.listen(listener)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func (s *server) listen(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		s.connections.Add(1)
		go func() {
			defer s.connections.Add(-1)
			defer conn.Close()
			s.serve(conn)
		}()
	}
}

func (s *server) serve(conn net.Conn) {
	in := bufio.NewReader(conn)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if r.URL.Path == "/report" {
			report, _ := json.Marshal(s.report())
			io.WriteString(conn, httpResponse(string(report)))
			continue
		}
		t, result := s.receive(r, body)
		response := httpResponse(result)
		switch t.fault {
		case reset:
			conn.(*net.TCPConn).SetLinger(0)
			return
		case replyCut:
			io.WriteString(conn, response[:len(response)/2])
			return
		case badGateway:
			response = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
		case slow:
			<-time.After(slowDelay)
		}
		io.WriteString(conn, response)
	}
}

func httpResponse(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// receive records a request and returns its ticket and the response body.
func (s *server) receive(r *http.Request, body []byte) (t ticket, response string) {
	s.requests.Add(1)
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	t, ok := findTicket(bytes.Join([][]byte{body, []byte(r.URL.Path), []byte(token)}, []byte(" ")))
	if !ok || t.number >= int64(len(s.arrived))*32 {
		s.unmatched.Add(1)
		return ticket{}, "{}"
	}
	field := rootField(body)
	switch repeated := !s.markArrived(t.number); {
	case repeated && repeatable[field]:
		t.fault = none // the retry succeeds
	case repeated:
		s.repeats.Add(1)
	}
	if holder, found := strings.CutPrefix(token, userToken(0)[:len("token-of-")]); found && holder != userID(t.user) {
		s.wrongTokens.Add(1)
	}
	return t, responseBody(field, t)
}

// markArrived reports whether a ticket arrived for the first time.
func (s *server) markArrived(number int64) (first bool) {
	bit := uint32(1) << (number % 32)
	return s.arrived[number/32].Or(bit)&bit == 0
}

// repeatable contains the GraphQL fields that the SDK may request twice.
var repeatable = map[string]bool{"user": true, "checkLoginStatus": true, "userMetadata": true}

var identifier = regexp.MustCompile(`\w+`)

// rootField returns the root field of a GraphQL document, or "" for other bodies.
func rootField(body []byte) string {
	var sent struct{ Query string }
	json.Unmarshal(body, &sent)
	_, selection, _ := strings.Cut(sent.Query, "{")
	return identifier.FindString(selection)
}

func responseBody(field string, t ticket) string {
	result := fmt.Sprintf(`{"_id":%q,"token":%q,"phone":%q,"username":%[1]q,"loginsCount":3,"nickname":"安","blocked":false}`,
		userID(t.user), userToken(t.user), t)
	switch field {
	case "":
		return fmt.Sprintf(`{"code":200,"message":"ok","data":{"_id":%q,"token":%q,"phoneNumber":%q,"openId":%[1]q}}`,
			userID(t.user), userToken(t.user), t)
	case "checkLoginStatus":
		result = fmt.Sprintf(`{"status":true,"code":200,"message":"ok","token":{"data":{"id":%q,"clientId":%q},"iat":1,"exp":2}}`,
			userID(t.user), pool)
	case "userMetadata", "setUserMetadata":
		result = fmt.Sprintf(`{"totalCount":1,"list":[{"key":"owner","value":%q}]}`, userID(t.user))
	}
	return fmt.Sprintf(`{"data":{%q:%s}}`, field, result)
}

func (s *server) report() serverReport {
	return serverReport{s.connections.Load(), s.requests.Load(), s.repeats.Load(), s.wrongTokens.Load(), s.unmatched.Load()}
}
