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
	fake := newFake(t, authingtest.Options{})
	p := against(t, fake)
	ann := fake.NewPhone(authingtest.WxUser{NickName: "Ann", AvatarURL: "https://example.com/a.png", PhoneNumber: "13912345678"})

	code := ann.Login()
	login := ask(t, "POST", p.url+"/api/login", "", page(code, ann.GetUserInfo()))
	require.Equal(t, http.StatusOK, login.status, login.text)
	account := fake.Users()[0]
	assert.Equal(t, string(account.Token), login.Token)
	want := profile{ID: account.ID, Nickname: "Ann", Photo: "https://example.com/a.png"}
	assert.Equal(t, want, login.User)
	token := login.Token

	me := ask(t, "GET", p.url+"/api/me", token, nil)
	require.Equal(t, http.StatusOK, me.status, me.text)
	assert.Equal(t, want, me.User)
	assert.NotContains(t, me.text, "oken")

	code2 := ann.Login()
	bound := ask(t, "POST", p.url+"/api/phone", token, page(code2, ann.GetPhoneNumber()))
	require.Equal(t, http.StatusOK, bound.status, bound.text)
	want.Phone = "13912345678"
	assert.Equal(t, want, bound.User)
	assert.Equal(t, "13912345678", fake.User(account.ID).Phone)
	assert.Equal(t, want, ask(t, "GET", p.url+"/api/me", token, nil).User)
	assert.NotContains(t, bound.text, "oken")

	out := ask(t, "POST", p.url+"/api/logout", token, nil)
	assert.Equal(t, http.StatusNoContent, out.status)
	assert.Empty(t, out.text)
	for _, again := range []answer{
		ask(t, "GET", p.url+"/api/me", token, nil),
		ask(t, "POST", p.url+"/api/logout", token, nil),
		ask(t, "POST", p.url+"/api/phone", token, page(ann.Login(), ann.GetPhoneNumber())),
	} {
		assert.Equal(t, http.StatusUnauthorized, again.status)
		assert.Equal(t, "signin", again.Error.Next)
	}
	assert.Equal(t, map[string]int{code: 1, code2: 1}, spentOnce(fake, code, code2))
}

func spentOnce(fake *authingtest.Server, codes ...string) map[string]int {
	counts := map[string]int{}
	for _, code := range codes {
		counts[code] = fake.SpentCodes()[code]
	}
	return counts
}

// Instances share nothing but Authing. One of them has the token in its cache when the other signs the user out, and
// refuses it at once all the same, not after the cache's TTL: its handlers ask Authing, which refuses.
func TestTwoInstances(t *testing.T) {
	t.Parallel()
	fake := newFake(t, authingtest.Options{})
	a, b := against(t, fake), against(t, fake)
	ann := fake.NewPhone(authingtest.WxUser{NickName: "Ann"})

	token := ask(t, "POST", a.url+"/api/login", "", page(ann.Login(), ann.GetUserInfo())).Token
	require.NotEmpty(t, token)
	bound := ask(t, "POST", b.url+"/api/phone", token, page(ann.Login(), ann.GetPhoneNumber()))
	require.Equal(t, http.StatusOK, bound.status, bound.text)
	me := ask(t, "GET", a.url+"/api/me", token, nil)
	assert.Equal(t, bound.User, me.User)
	require.Equal(t, http.StatusNoContent, ask(t, "POST", b.url+"/api/logout", token, nil).status)

	asked := verifications(fake)
	refused := ask(t, "GET", a.url+"/api/me", token, nil)
	assert.Equal(t, http.StatusUnauthorized, refused.status)
	assert.Equal(t, "signin", refused.Error.Next)
	assert.Equal(t, asked, verifications(fake), "the token was in the cache of a")
}

func verifications(fake *authingtest.Server) (n int) {
	for _, r := range fake.Requests() {
		if strings.Contains(string(r.Body), "checkLoginStatus") {
			n++
		}
	}
	return n
}

func TestUsersAreKeptApart(t *testing.T) {
	t.Parallel()
	fake := newFake(t, authingtest.Options{})
	p := against(t, fake)
	for _, name := range []string{"Ann", "Ben"} {
		phone := fake.NewPhone(authingtest.WxUser{NickName: name})
		token := ask(t, "POST", p.url+"/api/login", "", page(phone.Login(), phone.GetUserInfo())).Token
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 20 {
				assert.Equal(t, name, ask(t, "GET", p.url+"/api/me", token, nil).User.Nickname)
			}
		})
	}
}

// transport plays an Authing with one answer.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func says(status int, body string, headers ...string) transport {
	header := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		header.Set(headers[i], headers[i+1])
	}
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
}

// stub is the backend of such an Authing.
func stub(t *testing.T, authingSays transport) (http.Handler, *logBook) {
	t.Helper()
	client, err := authing.NewClient("pool", authing.WithReadRetries(0),
		authing.WithHTTPClient(&http.Client{Transport: authingSays}))
	require.NoError(t, err)
	mux, log := http.NewServeMux(), &logBook{}
	newAPI(client).register(mux)
	return logged(log.logger(), withJSONErrors(mux)), log
}

// silent is an Authing that must not be asked.
func silent(t *testing.T) transport {
	return func(*http.Request) (*http.Response, error) {
		t.Error("Authing was asked")
		return nil, io.ErrUnexpectedEOF
	}
}

func record(t *testing.T, h http.Handler, r *http.Request) answer {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return read(t, w.Code, w.Result().Header, w.Body.Bytes())
}

func TestHealth(t *testing.T) {
	t.Parallel()
	h, log := stub(t, silent(t))
	got := record(t, h, httptest.NewRequest("GET", "/healthz", nil))
	assert.Equal(t, http.StatusOK, got.status)
	assert.JSONEq(t, `{"status":"ok"}`, got.text)
	assert.Equal(t, http.StatusOK, record(t, h, httptest.NewRequest("HEAD", "/healthz", nil)).status)
	assert.Contains(t, log.String(), `method=HEAD route="GET /healthz" status=200`)
}

func TestBodyRules(t *testing.T) {
	t.Parallel()
	const usual = "application/json"
	for name, tt := range map[string]struct {
		contentType, body string
		status            int
		reason            string
	}{
		"unknown field":      {usual, `{"code":"c","details":{}}`, 400, "bad_request"},
		"trailing data":      {usual, `{"code":"c"} {}`, 400, "bad_request"},
		"trailing text":      {usual, `{"code":"c"}x`, 400, "bad_request"},
		"wrong type":         {usual, `{"code":1}`, 400, "bad_request"},
		"wrong detail":       {usual, `{"detail":{"iv":1}}`, 400, "bad_request"},
		"array":              {usual, `[]`, 400, "bad_request"},
		"half":               {usual, `{"code":"c"`, 400, "bad_request"},
		"empty":              {usual, ``, 400, "bad_request"},
		"null":               {usual, `null`, 400, "bad_request"},
		"not UTF-8":          {usual, "{\"code\":\"\xff\"}", 400, "bad_request"},
		"no code":            {usual, `{"detail":{"errMsg":"getUserInfo:ok"}}`, 400, "bad_request"},
		"as large as can be": {usual, "{}" + strings.Repeat(" ", maxBody-2), 400, "bad_request"},
		"too large":          {usual, "{}" + strings.Repeat(" ", maxBody-1), 413, "too_large"},
		"a form":             {"application/x-www-form-urlencoded", `code=c`, 415, "wrong_type"},
		"no type":            {"", `{}`, 415, "wrong_type"},
		"text":               {"text/plain", `{}`, 415, "wrong_type"},
		"almost":             {"application/json2", `{}`, 415, "wrong_type"},
		"with charset":       {"application/json; charset=utf-8", `{}`, 400, "bad_request"},
		"refused, new field": {usual, `{"code":"c","detail":{"errMsg":"getUserInfo:fail auth deny","new":{"x":1}}}`, 403, "user_refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _ := stub(t, silent(t))
			r := httptest.NewRequest("POST", "/api/login", strings.NewReader(tt.body))
			r.Header.Set("Content-Type", tt.contentType)
			got := record(t, h, r)
			assert.Equal(t, tt.status, got.status)
			assert.Equal(t, tt.reason, got.Error.Reason)
			wellFormed := name == "no code" || name == "null" || name == "as large as can be" || name == "with charset"
			assert.Equal(t, wellFormed, got.Error.Next == "login", "the SDK refused it, not the body rules: %s", got.text)
		})
	}
}

// A bind reads its body by the same rules, and looks at the token first.
func TestBodyRulesOfBind(t *testing.T) {
	t.Parallel()
	h, _ := stub(t, says(200, `{"data":{"checkLoginStatus":{"status":true,"code":200,"token":{"data":{"id":"u","clientId":"pool"}}}}}`))
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
	h, log := stub(t, silent(t))
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
		{"POST", "/api/me", 405, "method_not_allowed", "GET, HEAD"},
		{"GET", "/api/logout", 405, "method_not_allowed", "POST"},
		{"POST", "/healthz", 405, "method_not_allowed", "GET, HEAD"},
	} {
		got := record(t, h, httptest.NewRequest(tt.method, tt.path, nil))
		assert.Equal(t, tt.status, got.status, tt)
		assert.Equal(t, tt.reason, got.Error.Reason, tt)
		assert.Equal(t, "none", got.Error.Next)
		assert.Equal(t, tt.allow, got.header.Get("Allow"), tt)
	}
	assert.NotContains(t, log.String(), "canary", "a path may hold anything")
}

// An account that an administrator locks ends its sessions: the page has to start over, and then learns why it cannot.
func TestLockedWhileSignedIn(t *testing.T) {
	t.Parallel()
	fake := newFake(t, authingtest.Options{})
	p := against(t, fake)
	fake.FailNext("VerifyToken", authingtest.Fault{Code: 2005})
	got := ask(t, "GET", p.url+"/api/me", "a.b.c", nil)
	assert.Equal(t, http.StatusUnauthorized, got.status)
	assert.Equal(t, "login_required", got.Error.Reason)
}

func TestClientGone(t *testing.T) {
	t.Parallel()
	ctx, leave := context.WithCancel(context.Background())
	h, log := stub(t, func(r *http.Request) (*http.Response, error) {
		leave()
		return nil, r.Context().Err()
	})
	for _, tt := range []struct{ method, path, reason string }{
		{"GET", "/api/me", "service_down"}, // ended while the token is checked
		{"POST", "/api/login", "wrong_type"},
	} {
		r := httptest.NewRequest(tt.method, tt.path, strings.NewReader("{}"))
		r.Header.Set("Authorization", "Bearer t")
		assert.Equal(t, tt.reason, record(t, h, r.WithContext(ctx)).Error.Reason)
	}
	assert.Equal(t, 2, strings.Count(log.String(), "reason=client_gone"))
	assert.NotContains(t, log.String(), "level=ERROR")
}

// A client that has said everything may close its own side of the connection and still read. To net/http it looks like
// one that is gone, but silence would be a success to it.
func TestHalfClosedClientIsAnswered(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	h, log := stub(t, func(r *http.Request) (*http.Response, error) {
		close(asked)
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
	<-asked
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())

	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	got := read(t, resp.StatusCode, resp.Header, text)
	assert.Equal(t, http.StatusBadGateway, got.status)
	assert.Equal(t, "outcome_unknown", got.Error.Reason, "the code may have been sent")
	server.Close() // waits for the handler
	assert.Contains(t, log.String(), "status=502")
	assert.Contains(t, log.String(), "reason=client_gone")
}

func TestLogHasALinePerRequest(t *testing.T) {
	t.Parallel()
	fake := newFake(t, authingtest.Options{})
	p := against(t, fake)
	ann := fake.NewPhone(authingtest.WxUser{NickName: "Ann"})
	login := ask(t, "POST", p.url+"/api/login", "", page(ann.Login(), ann.GetUserInfo()))
	ask(t, "POST", p.url+"/api/phone", login.Token, page(ann.Login(), ann.Deny("getPhoneNumber")))
	fake.FailNext("User", authingtest.Fault{Code: 1000})
	ask(t, "GET", p.url+"/api/me", login.Token, nil)
	require.NoError(t, p.stop())

	lines := strings.Split(strings.TrimSpace(p.log.String()), "\n")
	require.Len(t, lines, 4)
	user := " user=" + login.User.ID
	assert.Regexp(t, `level=INFO msg=serving demo=false pool=`, lines[0])
	assert.Regexp(t, `level=INFO msg=request method=POST route="POST /api/login" status=200 took=\S+`+user+`$`, lines[1])
	assert.Regexp(t, `level=INFO msg=request method=POST route="POST /api/phone" status=403 took=\S+ reason=user_refused`+user+`$`, lines[2])
	assert.Regexp(t, `level=ERROR msg=request method=GET route="GET /api/me" status=502 took=\S+ reason=refused`+user+` error="authing: User: .*code 1000`, lines[3])
}

func TestPanicIsLogged(t *testing.T) {
	t.Parallel()
	mux, log := http.NewServeMux(), &logBook{}
	mux.HandleFunc("GET /broken", func(http.ResponseWriter, *http.Request) { panic("out of order") })
	h := logged(log.logger(), withJSONErrors(mux))
	assert.PanicsWithValue(t, "out of order", func() { h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/broken", nil)) },
		"net/http has to know, too")
	assert.Regexp(t, `level=ERROR msg=request method=GET route="GET /broken" status=500 took=\S+ reason=panic`, log.String())
	assert.NotContains(t, log.String(), "out of order", "it may hold anything")
}
