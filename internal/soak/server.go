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

// serverEnv makes the program the server. Its value is how many tickets there will be.
const serverEnv = "SOAK_SERVER_TICKETS"

// slowness is how long a slow answer takes.
const slowness = 50 * time.Millisecond

// server is a lean Authing: it knows its users by heart, answers by the ticket, and remembers a bit for each.
type server struct {
	arrived     []atomic.Uint32 // a bit for each ticket
	connections atomic.Int64

	requests, repeats, mixUps, strangers atomic.Int64
}

// serverReport is what the server saw.
type serverReport struct {
	Connections int64 // open now
	Requests    int64
	Repeats     int64 // calls that may be sent once and arrived again
	MixUps      int64 // calls with the token of another user than the one they are of
	Strangers   int64 // requests without a ticket that was given out
}

// runServer tells its address on standard output and serves until standard input ends, which it does with the client.
func runServer(tickets string) error {
	signal.Ignore(os.Interrupt) // the terminal sends it to both, and the client still needs its server
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
			io.WriteString(conn, answerOf(string(report)))
			continue
		}
		t, result := s.receive(r, body)
		answer := answerOf(result)
		switch t.fault {
		case reset:
			conn.(*net.TCPConn).SetLinger(0)
			return
		case replyCut:
			io.WriteString(conn, answer[:len(answer)/2])
			return
		case badGateway:
			answer = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
		case slow:
			<-time.After(slowness)
		}
		io.WriteString(conn, answer)
	}
}

func answerOf(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// receive notes that a request arrived, and returns its ticket and the answer.
func (s *server) receive(r *http.Request, body []byte) (t ticket, answer string) {
	s.requests.Add(1)
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	t, ok := findTicket(bytes.Join([][]byte{body, []byte(r.URL.Path), []byte(token)}, []byte(" ")))
	if !ok || t.number >= int64(len(s.arrived))*32 {
		s.strangers.Add(1)
		return ticket{}, "{}"
	}
	field := fieldOf(body)
	switch again := !s.note(t.number); {
	case again && reads[field]:
		t.fault = none // the second time goes well
	case again:
		s.repeats.Add(1)
	}
	if holder, found := strings.CutPrefix(token, tokenOf(0)[:len("token-of-")]); found && holder != idOf(t.user) {
		s.mixUps.Add(1)
	}
	return t, resultOf(field, t)
}

// note reports whether a ticket arrived for the first time.
func (s *server) note(number int64) (first bool) {
	bit := uint32(1) << (number % 32)
	return s.arrived[number/32].Or(bit)&bit == 0
}

// reads are the fields of GraphQL that may be asked for again.
var reads = map[string]bool{"user": true, "checkLoginStatus": true, "userMetadata": true}

var fieldName = regexp.MustCompile(`\w+`)

// fieldOf returns the field that a GraphQL document asks for, "" for other bodies.
func fieldOf(body []byte) string {
	var sent struct{ Query string }
	json.Unmarshal(body, &sent)
	_, selection, _ := strings.Cut(sent.Query, "{")
	return fieldName.FindString(selection)
}

func resultOf(field string, t ticket) string {
	result := fmt.Sprintf(`{"_id":%q,"token":%q,"phone":%q,"username":%[1]q,"loginsCount":3,"nickname":"安","blocked":false}`,
		idOf(t.user), tokenOf(t.user), t)
	switch field {
	case "":
		return fmt.Sprintf(`{"code":200,"message":"ok","data":{"_id":%q,"token":%q,"phoneNumber":%q,"openId":%[1]q}}`,
			idOf(t.user), tokenOf(t.user), t)
	case "checkLoginStatus":
		result = fmt.Sprintf(`{"status":true,"code":200,"message":"ok","token":{"data":{"id":%q,"clientId":%q},"iat":1,"exp":2}}`,
			idOf(t.user), pool)
	case "userMetadata", "setUserMetadata":
		result = fmt.Sprintf(`{"totalCount":1,"list":[{"key":"owner","value":%q}]}`, idOf(t.user))
	}
	return fmt.Sprintf(`{"data":{%q:%s}}`, field, result)
}

func (s *server) report() serverReport {
	return serverReport{s.connections.Load(), s.requests.Load(), s.repeats.Load(), s.mixUps.Load(), s.strangers.Load()}
}
