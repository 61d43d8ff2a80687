package contest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// userJSON has all 25 fields of authing.User. Some are empty, as for a real mini-program user.
const userJSON = `{"_id":"5e00000000000000000000a1","email":"","emailVerified":false,"phone":"",` +
	`"phoneVerified":false,"username":"ann-5e00000000000000000000a1","nickname":"Ann","company":"",` +
	`"photo":"https://usercontents.example.com/avatar/wechatapp/0f1e2d3c4b5a69788796a5b4c3d2e1f0.png",` +
	`"browser":"","device":"",` +
	`"unionid":"o6_bmasdasdsad6_2sgVt7hMZOPf","openid":"oGZUI0egBJY1zhBYw2KhdUfwVJJE",` +
	`"oauth":"{\"nickName\":\"Ann\",\"gender\":1,\"language\":\"zh_CN\",\"city\":\"Beijing\",\"province\":\"Beijing\"}",` +
	`"registerInClient":"5e4cdd055df3df65dc58b97d","registerMethod":"oauth:wxapp","token":"%s",` +
	`"tokenExpiredAt":"2020-03-13T05:33:20.000Z","loginsCount":2,"lastLogin":"2020-02-27T05:33:20.796Z",` +
	`"lastIP":"192.0.2.6","signedUp":"2020-02-27T05:30:55.875Z","blocked":false,"isDeleted":false,` +
	`"group":{"_id":"5e00000000000000000000b2","name":"members"}}`

var (
	loginResponse = padded(`{"code":200,"message":"ok","data":` + userJSON + `}`)
	userResponse  = padded(`{"data":{"user":` + userJSON + `}}`)
)

// padded fills in a token that gives the response a fixed size.
func padded(format string) string {
	const size = 1262
	return fmt.Sprintf(format, strings.Repeat("t", max(1, size+len("%s")-len(format))))
}

// NoNetwork is a transport that responds immediately.
type NoNetwork struct{}

var jsonHeader = http.Header{"Content-Type": {"application/json; charset=utf-8"}}

// RoundTrip consumes the request body, as a connection would.
func (NoNetwork) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, err
	}
	r.Body.Close()
	body := loginResponse
	if strings.HasSuffix(r.URL.Path, "/graphql") {
		body = userResponse
	}
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: jsonHeader, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)),
	}, nil
}

const childVariable = "AUTHING_BENCH_SERVER"

// ServeIfChild runs the server, and does not return, if this process was started by [StartServer]. Call it first in
// main.
func ServeIfChild() {
	if os.Getenv(childVariable) == "" {
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var connections atomic.Int64
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodGet:
				fmt.Fprint(w, connections.Load())
				return
			case strings.HasSuffix(r.URL.Path, "/"+Slow):
				io.Copy(io.Discard, r.Body) // net/http detects a disconnect only after the body is read
				select {
				case <-r.Context().Done():
				case <-time.After(2 * time.Second):
				}
				return
			}
			io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", jsonHeader.Get("Content-Type"))
			w.Header().Set("Content-Length", strconv.Itoa(len(loginResponse)))
			io.WriteString(w, loginResponse)
		}),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				connections.Add(1)
			}
		},
	}
	go func() {
		io.Copy(io.Discard, os.Stdin) // returns when the parent exits for any reason
		os.Exit(0)
	}()
	fmt.Println(listener.Addr())
	server.Serve(listener)
	os.Exit(1)
}

// Server is a server in a child process, so that its work is not measured with the client's.
type Server struct {
	URL string

	cmd   *exec.Cmd
	stdin io.Closer
}

// StartServer runs the current executable as a server. Its main must call [ServeIfChild].
func StartServer() (*Server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childVariable+"=1")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &Server{cmd: cmd, stdin: stdin}
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		s.Close()
		return nil, err
	}
	s.URL = "http://" + strings.TrimSpace(address)
	return s, nil
}

// Close stops the server.
func (s *Server) Close() {
	s.stdin.Close()
	s.cmd.Wait()
}

// Connections returns the number of connections accepted so far, including the one for this request.
func (s *Server) Connections() (int, error) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(s.URL)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	count, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(bytes.TrimSpace(count)))
}
