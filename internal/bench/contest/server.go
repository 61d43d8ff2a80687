package contest

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
)

// userJSON has all 25 fields of authing.User. Some are empty, as for a real mini-program user. The user's number stands for
// each #.
const userJSON = `{"_id":"5e0000000000000000##","email":"","emailVerified":false,"phone":"",` +
	`"phoneVerified":false,"username":"ann-5e0000000000000000##","nickname":"Ann #","company":"",` +
	`"photo":"https://usercontents.example.com/avatar/wechatapp/0f1e2d3c4b5a69788796a5b4##.png",` +
	`"browser":"","device":"",` +
	`"unionid":"o6_bmasdasdsad6_2sgVt7##","openid":"oGZUI0egBJY1zhBYw2Kh##",` +
	`"oauth":"{\"nickName\":\"Ann #\",\"gender\":1,\"language\":\"zh_CN\",\"city\":\"Beijing\",\"province\":\"Beijing\"}",` +
	`"registerInClient":"5e4cdd055df3df65dc58b97d","registerMethod":"oauth:wxapp","token":"%s",` +
	`"tokenExpiredAt":"2020-03-13T05:33:20.#Z","loginsCount":2,"lastLogin":"2020-02-27T05:33:20.#Z",` +
	`"lastIP":"192.0.2.6","signedUp":"2020-02-27T05:30:55.#Z","blocked":false,"isDeleted":false,` +
	`"group":{"_id":"5e00000000000000000000b2","name":"members"}}`

// The responses to the calls.
var (
	Logins   = responses(`{"code":200,"message":"ok","data":` + userJSON + `}`)
	V3Logins = responses(`{"statusCode":200,"message":"操作成功","data":{"scope":"openid profile phone offline_access",` +
		`"token_type":"Bearer","access_token":"%s","expires_in":1209600,"id_token":"` + idToken + `",` +
		`"refresh_token":"WPsGJbvpBjqXz6IJIr1UHKyrdVF####"}}`)
	Users  = responses(`{"data":{"user":` + userJSON + `}}`)
	Tokens = responses(`{"data":{"checkLoginStatus":{"status":true,"code":200,"message":"ok","token":{"data":{"email":"",` +
		`"id":"5e0000000000000000##","clientId":"` + Pool + `","unionid":"o6_bmasdasdsad6_2sgVt7##"},` +
		`"iat":1582781600,"exp":4102444800}}}}`)
)

// idToken names the user whose number stands for ####, which is no base64 until then.
var idToken = "eyJhbGciOiJIUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"5e00000000000000000000a1",`+
	`"aud":"`+Pool+`","iat":1582781600,"exp":4102444800,"iss":"https://my-shop.authing.cn/oidc","nonce":null}`)) + ".c2lnbmF0dXJl####"

// Responses are those of many users. Each call gets the next one, so that no cache of texts pays off.
type Responses struct {
	texts []string
	next  atomic.Uint64
}

func (r *Responses) text() string { return r.texts[r.next.Add(1)%uint64(len(r.texts))] }

// responses fills in the number and the token of each user. The responses with a user have the same size.
func responses(format string) *Responses {
	const users, size = 4096, 1262
	r := new(Responses)
	for i := range users {
		number := fmt.Sprintf("%04d", i)
		text := strings.ReplaceAll(format, "#", number)
		padding := max(0, size+len("%s")-len(text)-len(number))
		r.texts = append(r.texts, strings.Replace(text, "%s", number+strings.Repeat("t", padding), 1))
	}
	return r
}

// NoNetwork is a transport that responds immediately.
type NoNetwork struct{ *Responses }

var jsonHeader = http.Header{"Content-Type": {"application/json; charset=utf-8"}}

// RoundTrip consumes the request body, as a connection would.
func (n NoNetwork) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, err
	}
	r.Body.Close()
	body := n.text()
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
			if r.Method == http.MethodGet {
				fmt.Fprint(w, connections.Load())
				return
			}
			io.Copy(io.Discard, r.Body)
			body := Logins.text()
			if r.URL.Path == v3LoginPath {
				body = V3Logins.text()
			}
			w.Header().Set("Content-Type", jsonHeader.Get("Content-Type"))
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			io.WriteString(w, body)
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
