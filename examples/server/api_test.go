package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

func TestSignInBindAndSignOut(t *testing.T) {
	t.Parallel()
	fake := newFake(t)
	p := startBackend(t, fake)
	ann := fake.NewPhone(authingtest.WxUser{NickName: "Ann", AvatarURL: "https://example.com/a.png", PhoneNumber: "13912345678"})

	code := ann.Login()
	login := request(t, "POST", p.url+"/api/login", "", loginBody(code, ann.GetUserInfo()))
	require.Equal(t, http.StatusOK, login.status, login.text)
	account := fake.Users()[0]
	assert.Equal(t, string(account.Token), login.Token)
	want := profile{ID: account.ID, Nickname: "Ann", Photo: "https://example.com/a.png"}
	assert.Equal(t, want, login.User)
	token := login.Token

	me := request(t, "GET", p.url+"/api/me", token, nil)
	require.Equal(t, http.StatusOK, me.status, me.text)
	assert.Equal(t, want, me.User)
	assert.NotContains(t, me.text, "oken")

	code2 := ann.Login()
	bound := request(t, "POST", p.url+"/api/phone", token, loginBody(code2, ann.GetPhoneNumber()))
	require.Equal(t, http.StatusOK, bound.status, bound.text)
	want.Phone = "13912345678"
	assert.Equal(t, want, bound.User)
	assert.Equal(t, "13912345678", fake.User(account.ID).Phone)
	assert.Equal(t, want, request(t, "GET", p.url+"/api/me", token, nil).User)
	assert.NotContains(t, bound.text, "oken")

	out := request(t, "POST", p.url+"/api/logout", token, nil)
	assert.Equal(t, http.StatusNoContent, out.status)
	assert.Empty(t, out.text)
	for _, again := range []response{
		request(t, "GET", p.url+"/api/me", token, nil),
		request(t, "POST", p.url+"/api/logout", token, nil),
		request(t, "POST", p.url+"/api/phone", token, loginBody(ann.Login(), ann.GetPhoneNumber())),
	} {
		assert.Equal(t, http.StatusUnauthorized, again.status)
		assert.Equal(t, "signin", again.Error.Next)
	}
	assert.Equal(t, map[string]int{code: 1, code2: 1}, codeCounts(fake, code, code2))
}

func codeCounts(fake *authingtest.Server, codes ...string) map[string]int {
	counts := map[string]int{}
	for _, code := range codes {
		counts[code] = fake.SpentCodes()[code]
	}
	return counts
}

// After a logout through one instance, the other one rejects the token immediately although it is cached there, because
// its handlers call Authing.
func TestTwoInstances(t *testing.T) {
	t.Parallel()
	fake := newFake(t)
	a, b := startBackend(t, fake), startBackend(t, fake)
	ann := fake.NewPhone(authingtest.WxUser{NickName: "Ann"})

	token := request(t, "POST", a.url+"/api/login", "", loginBody(ann.Login(), ann.GetUserInfo())).Token
	require.NotEmpty(t, token)
	bound := request(t, "POST", b.url+"/api/phone", token, loginBody(ann.Login(), ann.GetPhoneNumber()))
	require.Equal(t, http.StatusOK, bound.status, bound.text)
	me := request(t, "GET", a.url+"/api/me", token, nil)
	assert.Equal(t, bound.User, me.User)
	require.Equal(t, http.StatusNoContent, request(t, "POST", b.url+"/api/logout", token, nil).status)

	before := verifications(fake)
	rejected := request(t, "GET", a.url+"/api/me", token, nil)
	assert.Equal(t, http.StatusUnauthorized, rejected.status)
	assert.Equal(t, "signin", rejected.Error.Next)
	assert.Equal(t, before, verifications(fake), "the token was cached")
}

func TestLogoutWithoutResponse(t *testing.T) {
	t.Parallel()
	fake := newFake(t)
	p := startBackend(t, fake)
	ann := fake.NewPhone(authingtest.WxUser{NickName: "Ann"})
	token := request(t, "POST", p.url+"/api/login", "", loginBody(ann.Login(), ann.GetUserInfo())).Token
	fake.FailNext("Logout", authingtest.Fault{When: authingtest.After, Drop: true})
	out := request(t, "POST", p.url+"/api/logout", token, nil)
	assert.Equal(t, "outcome_unknown", out.Error.Reason, out.text)

	before := verifications(fake)
	assert.Equal(t, http.StatusUnauthorized, request(t, "GET", p.url+"/api/me", token, nil).status)
	assert.Equal(t, before+1, verifications(fake), "the token was not cached any more")
}

func verifications(fake *authingtest.Server) (n int) {
	for _, r := range fake.Requests() {
		if strings.Contains(string(r.Body), "checkLoginStatus") {
			n++
		}
	}
	return n
}

func TestUsersAreNotMixedUp(t *testing.T) {
	t.Parallel()
	fake := newFake(t)
	p := startBackend(t, fake)
	for _, name := range []string{"Ann", "Ben"} {
		phone := fake.NewPhone(authingtest.WxUser{NickName: name})
		token := request(t, "POST", p.url+"/api/login", "", loginBody(phone.Login(), phone.GetUserInfo())).Token
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 20 {
				assert.Equal(t, name, request(t, "GET", p.url+"/api/me", token, nil).User.Nickname)
			}
		})
	}
}

// transport replaces Authing.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func respondWith(status int, body string, headers ...string) transport {
	header := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		header.Set(headers[i], headers[i+1])
	}
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
}

// newStubBackend returns a backend that uses the given transport.
func newStubBackend(t *testing.T, rt transport) (http.Handler, *logBuffer) {
	t.Helper()
	client, err := authing.NewClient("pool", authing.WithReadRetries(0),
		authing.WithHTTPClient(&http.Client{Transport: rt}))
	require.NoError(t, err)
	mux, log := http.NewServeMux(), &logBuffer{}
	newAPI(userPool{client}).register(mux, "")
	return logRequests(log.logger(), withJSONErrors(mux)), log
}

// mustNotCall fails the test if Authing is called.
func mustNotCall(t *testing.T) transport {
	return func(*http.Request) (*http.Response, error) {
		t.Error("Authing was called")
		return nil, io.ErrUnexpectedEOF
	}
}

func record(t *testing.T, h http.Handler, r *http.Request) response {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return read(t, w.Code, w.Result().Header, w.Body.Bytes())
}

func TestHealth(t *testing.T) {
	t.Parallel()
	h, log := newStubBackend(t, mustNotCall(t))
	got := record(t, h, httptest.NewRequest("GET", "/healthz", nil))
	assert.Equal(t, http.StatusOK, got.status)
	assert.JSONEq(t, `{"status":"ok"}`, got.text)
	assert.Equal(t, http.StatusOK, record(t, h, httptest.NewRequest("HEAD", "/healthz", nil)).status)
	assert.Contains(t, log.String(), `method=HEAD route="GET /healthz" status=200`)
}

func TestBodyRules(t *testing.T) {
	t.Parallel()
	const jsonType = "application/json"
	for name, tt := range map[string]struct {
		contentType, body string
		status            int
		reason            string
	}{
		"unknown field":       {jsonType, `{"code":"c","details":{}}`, 400, "bad_request"},
		"trailing data":       {jsonType, `{"code":"c"} {}`, 400, "bad_request"},
		"trailing text":       {jsonType, `{"code":"c"}x`, 400, "bad_request"},
		"wrong type":          {jsonType, `{"code":1}`, 400, "bad_request"},
		"wrong detail":        {jsonType, `{"detail":"{}"}`, 400, "bad_request"},
		"array":               {jsonType, `[]`, 400, "bad_request"},
		"truncated":           {jsonType, `{"code":"c"`, 400, "bad_request"},
		"empty":               {jsonType, ``, 400, "bad_request"},
		"null":                {jsonType, `null`, 400, "bad_request"},
		"not UTF-8":           {jsonType, "{\"code\":\"\xff\"}", 400, "bad_request"},
		"no code":             {jsonType, `{"detail":{"errMsg":"getUserInfo:ok"}}`, 400, "bad_request"},
		"maximum size":        {jsonType, "{}" + strings.Repeat(" ", maxBody-2), 400, "bad_request"},
		"too large":           {jsonType, "{}" + strings.Repeat(" ", maxBody-1), 413, "too_large"},
		"form":                {"application/x-www-form-urlencoded", `code=c`, 415, "wrong_type"},
		"no content type":     {"", `{}`, 415, "wrong_type"},
		"plain text":          {"text/plain", `{}`, 415, "wrong_type"},
		"similar type":        {"application/json2", `{}`, 415, "wrong_type"},
		"with charset":        {"application/json; charset=utf-8", `{}`, 400, "bad_request"},
		"declined, new field": {jsonType, `{"code":"c","detail":{"errMsg":"getUserInfo:fail auth deny","new":{"x":1}}}`, 403, "user_refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _ := newStubBackend(t, mustNotCall(t))
			r := httptest.NewRequest("POST", "/api/login", strings.NewReader(tt.body))
			r.Header.Set("Content-Type", tt.contentType)
			got := record(t, h, r)
			assert.Equal(t, tt.status, got.status)
			assert.Equal(t, tt.reason, got.Error.Reason)
			wellFormed := name == "no code" || name == "null" || name == "maximum size" || name == "with charset"
			assert.Equal(t, wellFormed, got.Error.Next == "login", "only well-formed bodies reach the SDK: %s", got.text)
		})
	}
}

// The token is checked before the body.
func TestBodyRulesOfBindPhone(t *testing.T) {
	t.Parallel()
	h, _ := newStubBackend(t, respondWith(200, `{"data":{"checkLoginStatus":{"status":true,"code":200,"token":{"data":{"id":"u","clientId":"pool"}}}}}`))
	r := httptest.NewRequest("POST", "/api/phone", strings.NewReader(`{"token":"t"}`))
	r.Header.Set("Content-Type", "application/json")
	assert.Equal(t, "login_required", record(t, h, r).Error.Reason)
	r = httptest.NewRequest("POST", "/api/phone", strings.NewReader(`{"token":"t"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer t")
	assert.Equal(t, "bad_request", record(t, h, r).Error.Reason)
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	h, log := newStubBackend(t, mustNotCall(t))
	for _, tt := range []struct {
		method, path  string
		status        int
		reason, allow string
	}{
		{"GET", "/canary", 404, "not_found", ""},
		{"POST", "/api/canary", 404, "not_found", ""},
		{"POST", "/api/login/", 404, "not_found", ""},
		{"GET", "/api/login", 405, "method_not_allowed", "POST"},
		{"DELETE", "/api/phone", 405, "method_not_allowed", "POST"},
		{"POST", "/api/me", 405, "method_not_allowed", "GET, HEAD, PATCH, PUT"},
		{"GET", "/api/avatar", 405, "method_not_allowed", "POST"},
		{"GET", "/api/logout", 405, "method_not_allowed", "POST"},
		{"POST", "/healthz", 405, "method_not_allowed", "GET, HEAD"},
	} {
		got := record(t, h, httptest.NewRequest(tt.method, tt.path, nil))
		assert.Equal(t, tt.status, got.status, tt)
		assert.Equal(t, tt.reason, got.Error.Reason, tt)
		assert.Equal(t, "none", got.Error.Next)
		assert.Equal(t, tt.allow, got.header.Get("Allow"), tt)
	}
	assert.NotContains(t, log.String(), "canary", "a path may contain anything")
}

// Locking an account ends its sessions. The page learns the reason when it signs in again.
func TestLockedWhileSignedIn(t *testing.T) {
	t.Parallel()
	fake := newFake(t)
	p := startBackend(t, fake)
	fake.FailNext("VerifyToken", authingtest.Fault{Code: 2005})
	got := request(t, "GET", p.url+"/api/me", "a.b.c", nil)
	assert.Equal(t, http.StatusUnauthorized, got.status)
	assert.Equal(t, "login_required", got.Error.Reason)
}

func TestClientGone(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	h, log := newStubBackend(t, func(r *http.Request) (*http.Response, error) {
		cancel()
		return nil, r.Context().Err()
	})
	for _, tt := range []struct{ method, path, reason string }{
		{"GET", "/api/me", "service_down"}, // canceled while the token is verified
		{"POST", "/api/login", "wrong_type"},
	} {
		r := httptest.NewRequest(tt.method, tt.path, strings.NewReader("{}"))
		r.Header.Set("Authorization", "Bearer t")
		assert.Equal(t, tt.reason, record(t, h, r.WithContext(ctx)).Error.Reason)
	}
	assert.Equal(t, 2, strings.Count(log.String(), "reason=client_gone"))
	assert.NotContains(t, log.String(), "level=ERROR")
}

// A client may close its sending side and still read the response. net/http treats it as disconnected, but it would
// read an empty response as success.
func TestHalfClosedClientGetsResponse(t *testing.T) {
	t.Parallel()
	called := make(chan struct{})
	h, log := newStubBackend(t, func(r *http.Request) (*http.Response, error) {
		close(called)
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	const body = `{"code":"c","detail":{"errMsg":"getUserInfo:ok","encryptedData":"AAAAAAAAAAAAAAAAAAAAAA==","iv":"AAAAAAAAAAAAAAAAAAAAAA=="}}`
	_, err = fmt.Fprintf(conn, "POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	require.NoError(t, err)
	<-called
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())

	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	got := read(t, resp.StatusCode, resp.Header, text)
	assert.Equal(t, http.StatusBadGateway, got.status)
	assert.Equal(t, "outcome_unknown", got.Error.Reason, "the code may have been used")
	server.Close() // waits for the handler
	assert.Contains(t, log.String(), "status=502")
	assert.Contains(t, log.String(), "reason=client_gone")
}

func TestLogRecordPerRequest(t *testing.T) {
	t.Parallel()
	fake := newFake(t)
	p := startBackend(t, fake)
	ann := fake.NewPhone(authingtest.WxUser{NickName: "Ann"})
	login := request(t, "POST", p.url+"/api/login", "", loginBody(ann.Login(), ann.GetUserInfo()))
	request(t, "POST", p.url+"/api/phone", login.Token, loginBody(ann.Login(), ann.Deny("getPhoneNumber")))
	fake.FailNext("User", authingtest.Fault{Code: 1000})
	request(t, "GET", p.url+"/api/me", login.Token, nil)
	require.NoError(t, p.stop())

	lines := strings.Split(strings.TrimSpace(p.log.String()), "\n")
	require.Len(t, lines, 4)
	user := " user=" + login.User.ID
	assert.Regexp(t, `level=INFO msg=serving demo=false client=`, lines[0])
	assert.Regexp(t, `level=INFO msg=request method=POST route="POST /api/login" status=200 took=\S+`+user+`$`, lines[1])
	assert.Regexp(t, `level=INFO msg=request method=POST route="POST /api/phone" status=403 took=\S+ reason=user_refused`+user+` error="authing: BindPhone: [^"]*WeChat said .*user deny`, lines[2])
	assert.Regexp(t, `level=ERROR msg=request method=GET route="GET /api/me" status=502 took=\S+ reason=refused`+user+` error="authing: User: .*code 1000`, lines[3])
}

func TestPanicIsLogged(t *testing.T) {
	t.Parallel()
	mux, log := http.NewServeMux(), &logBuffer{}
	mux.HandleFunc("GET /broken", func(http.ResponseWriter, *http.Request) { panic("out of order") })
	h := logRequests(log.logger(), withJSONErrors(mux))
	assert.PanicsWithValue(t, "out of order", func() { h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/broken", nil)) },
		"the panic propagates to net/http")
	assert.Regexp(t, `level=ERROR msg=request method=GET route="GET /broken" status=500 took=\S+ reason=panic`, log.String())
	assert.NotContains(t, log.String(), "out of order", "the value may contain anything")
}
