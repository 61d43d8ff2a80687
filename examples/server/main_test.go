package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

// program is a running server.
type program struct {
	url  string
	log  *logBuffer
	stop func() error // stops the server and returns the error of run
}

// start runs the server with the given environment variables; without any, it is the demo.
func start(t *testing.T, env map[string]string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	printed, out := io.Pipe()
	p := &program{log: &logBuffer{}}
	stopped := make(chan error, 1)
	go func() {
		err := run(ctx, []string{"-addr", "127.0.0.1:0"}, func(name string) string { return env[name] }, out, p.log.logger())
		out.CloseWithError(err)
		stopped <- err
	}()
	p.stop = sync.OnceValue(func() error {
		cancel()
		return <-stopped
	})
	t.Cleanup(func() { assert.NoError(t, p.stop()) })
	line, err := bufio.NewReader(printed).ReadString('\n')
	require.NoError(t, err)
	require.Regexp(t, `^open http://127\.0\.0\.1:[1-9][0-9]*\n$`, line)
	p.url = strings.TrimSpace(strings.TrimPrefix(line, "open "))
	return p
}

// startBackend runs the server with the user pool of fake.
func startBackend(t *testing.T, fake *authingtest.Server) *program {
	t.Helper()
	return start(t, map[string]string{
		"AUTHING_USERPOOL_ID": fake.UserPoolID(), "AUTHING_USERS_HOST": fake.UsersURL(), "AUTHING_OAUTH_HOST": fake.OAuthURL(),
		"AUTHING_UPLOAD_HOST": fake.UploadURL(), "AUTHING_CDN_HOST": fake.CDNURL(),
	})
}

func newFake(t *testing.T) *authingtest.Server {
	t.Helper()
	fake := authingtest.NewServer(authingtest.Options{})
	t.Cleanup(fake.Close)
	return fake
}

// logBuffer collects log output.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *logBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

// response is a response of the API.
type response struct {
	status int
	header http.Header
	text   string

	Token string
	User  profile
	Error struct{ Reason, Message, Next string }
}

// request sends a request like the page. headers contains names and values in turn.
func request(t *testing.T, method, url, token string, body any, headers ...string) response {
	t.Helper()
	var text io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		require.NoError(t, err)
		text = bytes.NewReader(b)
	}
	r, err := http.NewRequest(method, url, text)
	require.NoError(t, err)
	if body != nil || method == "POST" {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return send(t, r)
}

func send(t *testing.T, r *http.Request) response {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return read(t, resp.StatusCode, resp.Header, b)
}

// read decodes a response and checks the headers that all responses share.
func read(t *testing.T, status int, header http.Header, text []byte) response {
	t.Helper()
	assert.Equal(t, "application/json; charset=utf-8", header.Get("Content-Type"))
	assert.Equal(t, "no-store", header.Get("Cache-Control"))
	assert.Equal(t, "nosniff", header.Get("X-Content-Type-Options"))
	a := response{status: status, header: header, text: string(text)}
	if len(text) > 0 {
		require.NoError(t, json.Unmarshal(text, &a), a.text)
	}
	return a
}

// loginBody returns the body of a login or bind request.
func loginBody(code string, detail authing.Detail) map[string]any {
	return map[string]any{"code": code, "detail": detail}
}

func TestStartFailures(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { taken.Close() }) // runs after the parallel subtests
	for name, tt := range map[string]struct {
		args []string
		env  map[string]string
		want string
	}{
		"address in use": {args: []string{"-addr", taken.Addr().String()}, want: "address already in use: choose another address with -addr"},
		"unknown flag":   {args: []string{"-nonsense"}, want: "not defined"},
		"argument":       {args: []string{"demo"}, want: "unexpected argument"},
		"bad pool":       {env: map[string]string{"AUTHING_USERPOOL_ID": "a/b"}, want: "user pool id"},
		"plain http": {env: map[string]string{"AUTHING_USERPOOL_ID": "p", "AUTHING_USERS_HOST": "http://users.example.com"},
			want: "plain http"},
		"upload host, no pool":    {env: map[string]string{"AUTHING_UPLOAD_HOST": "https://upload.example.com"}, want: "AUTHING_USERPOOL_ID is missing"},
		"users host, no pool":     {env: map[string]string{"AUTHING_USERS_HOST": "https://users.example.com"}, want: "AUTHING_USERPOOL_ID is missing"},
		"OAuth host, no pool":     {env: map[string]string{"AUTHING_OAUTH_HOST": "https://oauth.example.com"}, want: "AUTHING_USERPOOL_ID is missing"},
		"demo on all interfaces":  {args: []string{"-addr", ":0"}, want: "the demo signs in anyone"},
		"demo on all of IPv4":     {args: []string{"-addr", "0.0.0.0:0"}, want: "the demo signs in anyone"},
		"demo on all of IPv6":     {args: []string{"-addr", "[::]:0"}, want: "the demo signs in anyone"},
		"demo on another address": {args: []string{"-addr", "192.0.2.1:0"}, want: "the demo signs in anyone"},
		"no port":                 {args: []string{"-addr", "127.0.0.1"}, want: "missing port in address: choose another address with -addr"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := func(name string) string { return tt.env[name] }
			ended, cancel := context.WithCancel(context.Background())
			cancel() // stops a server that starts in spite of the error
			err := run(ended, tt.args, env, io.Discard, (&logBuffer{}).logger())
			assert.ErrorContains(t, err, tt.want)
		})
	}
	err = run(context.Background(), []string{"-h"}, func(string) string { return "" }, io.Discard, nil)
	assert.ErrorIs(t, err, flag.ErrHelp)
}

func TestBrowserAddress(t *testing.T) {
	t.Parallel()
	for input, want := range map[string]string{
		"127.0.0.1:80": "127.0.0.1:80", "0.0.0.0:80": "127.0.0.1:80", "[::]:80": "127.0.0.1:80", "[::1]:80": "[::1]:80",
		"192.0.2.1:80": "192.0.2.1:80",
	} {
		addr, err := net.ResolveTCPAddr("tcp", input)
		require.NoError(t, err)
		assert.Equal(t, want, browserAddress(addr))
	}
}

func TestRealModeHasNoDemo(t *testing.T) {
	t.Parallel()
	p := startBackend(t, newFake(t))
	resp, err := http.Get(p.url)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Equal(t, "text/html; charset=utf-8", resp.Header.Get("Content-Type"))
	assert.Contains(t, string(text), "real Authing")
	for _, path := range []string{"/demo/state", "/demo/trace", "/page/", "/page/index.html"} {
		assert.Equal(t, "not_found", request(t, "GET", p.url+path, "", nil).Error.Reason, path)
	}
	assert.Equal(t, "not_found", request(t, "POST", p.url+"/demo/phones", "", nil).Error.Reason)
}

// startServing runs serve with a handler that closes entered and then blocks until release is closed.
func startServing(t *testing.T, gracePeriod time.Duration) (url string, entered, release chan struct{}, cancel func(), served chan error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	entered, release, served = make(chan struct{}), make(chan struct{}), make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go func() {
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(entered)
			select {
			case <-release:
				io.WriteString(w, "finished")
			case <-r.Context().Done():
			}
		})
		served <- serve(ctx, listener, newServer(handler, (&logBuffer{}).logger()), gracePeriod)
	}()
	return "http://" + listener.Addr().String(), entered, release, cancel, served
}

func TestShutdownFinishesRequests(t *testing.T) {
	t.Parallel()
	url, entered, release, cancel, served := startServing(t, time.Minute)
	got := make(chan string, 1)
	go func() {
		resp, err := http.Get(url)
		if err != nil {
			got <- err.Error()
			return
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		got <- string(text)
	}()
	<-entered
	cancel()
	for { // wait until the listener is closed, which means that the shutdown has begun
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			break
		}
		conn.Close()
	}
	close(release)
	assert.Equal(t, "finished", <-got)
	assert.NoError(t, <-served)
}

func TestShutdownTimeout(t *testing.T) {
	t.Parallel()
	url, entered, _, cancel, served := startServing(t, time.Millisecond)
	failed := make(chan error, 1)
	go func() {
		resp, err := http.Get(url)
		if err == nil {
			resp.Body.Close()
		}
		failed <- err
	}()
	<-entered
	cancel()
	assert.ErrorContains(t, <-served, "were cut off")
	assert.Error(t, <-failed)
}

func TestServeFails(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed.Close()
	server := newServer(http.NotFoundHandler(), (&logBuffer{}).logger())
	assert.ErrorIs(t, serve(context.Background(), closed, server, time.Second), net.ErrClosed)
}

func TestServerLimits(t *testing.T) {
	t.Parallel()
	s := newServer(http.NotFoundHandler(), (&logBuffer{}).logger())
	assert.Equal(t, 5*time.Second, s.ReadHeaderTimeout)
	assert.Equal(t, 10*time.Second, s.ReadTimeout)
	assert.Equal(t, time.Minute, s.WriteTimeout)
	assert.Equal(t, 2*time.Minute, s.IdleTimeout)
	// Longer than two calls of Authing, shorter than the grace period of Kubernetes.
	assert.Greater(t, gracePeriod, 20*time.Second)
	assert.Less(t, gracePeriod, 30*time.Second)
	assert.Less(t, 20*time.Second+avatarTime, time.Minute, "RequireLogin and an upload, while the page waits")
}

func TestHeaderLimit(t *testing.T) {
	t.Parallel()
	p := startBackend(t, newFake(t))
	for length, status := range map[int]int{12 << 10: http.StatusOK, 24 << 10: http.StatusRequestHeaderFieldsTooLarge} {
		r, err := http.NewRequest("GET", p.url+"/healthz", nil)
		require.NoError(t, err)
		r.Header.Set("X-Long", strings.Repeat("x", length))
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		resp.Body.Close()
		assert.Equal(t, status, resp.StatusCode)
	}
}

func TestServerLogsHTTPErrors(t *testing.T) {
	t.Parallel()
	log := &logBuffer{}
	server := httptest.NewUnstartedServer(nil)
	server.Config = newServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("out of order") }), log.logger())
	server.Start()
	t.Cleanup(server.Close)
	_, err := http.Get(server.URL)
	assert.Error(t, err, "the connection is closed")
	server.Close()
	assert.Regexp(t, `level=WARN msg="http: panic serving 127\.0\.0\.1:\d+: out of order`, log.String())
}
