package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

// page is a mini program: it keeps the cookie itself, since wx.request does not.
type page struct {
	t      *testing.T
	app    *gin.Engine
	logs   *bytes.Buffer
	cookie string
}

func (p *page) request(method, path string, body any) (int, map[string]any) {
	p.t.Helper()
	posted, err := json.Marshal(body)
	require.NoError(p.t, err)
	r := httptest.NewRequest(method, path, strings.NewReader(string(posted)))
	r.Header.Set("Content-Type", "application/json")
	if p.cookie != "" {
		r.Header.Set("Cookie", p.cookie)
	}
	w := httptest.NewRecorder()
	p.app.ServeHTTP(w, r)
	if set := w.Header().Get("Set-Cookie"); set != "" {
		p.cookie, _, _ = strings.Cut(set, ";")
	}
	var answer map[string]any
	if w.Body.Len() > 0 {
		require.NoError(p.t, json.Unmarshal(w.Body.Bytes(), &answer), w.Body.String())
	}
	return w.Code, answer
}

func newPage(t *testing.T) (*page, *authingtest.Server, *miniredis.Miniredis) {
	t.Helper()
	srv := authingtest.NewServer(authingtest.Options{})
	t.Cleanup(srv.Close)
	client, err := authing.NewClient(srv.UserPoolID(), append(srv.ClientOptions(), authing.WithReadRetries(0))...)
	require.NoError(t, err)
	m := miniredis.RunT(t)
	store, err := newStore(m.Addr(), "", 10*time.Second, []byte(strings.Repeat("k", 32)))
	require.NoError(t, err)
	logs := &bytes.Buffer{}
	return &page{t: t, app: routes(client, store, logs), logs: logs}, srv, m
}

func TestFromLoginToLogout(t *testing.T) {
	t.Parallel()
	p, srv, m := newPage(t)
	status, answer := p.request("GET", "/api/me", nil)
	assert.Equal(t, http.StatusUnauthorized, status)
	assert.Equal(t, map[string]any{"error": "sign_in"}, answer)

	ann := srv.NewPhone(authingtest.WxUser{NickName: "Ann"})
	login := posted{ann.Login(), ann.GetUserInfo()}
	status, answer = p.request("POST", "/api/login", login)
	require.Equal(t, http.StatusOK, status, answer)
	user := srv.Users()[0]
	assert.Equal(t, map[string]any{"id": user.ID, "nickname": "Ann", "phone": ""}, answer)
	assert.NotContains(t, p.cookie, string(user.Token))
	require.Len(t, m.Keys(), 1, "the session")

	status, answer = p.request("POST", "/api/phone", posted{ann.Login(), ann.GetPhoneNumber()})
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, ann.User().PhoneNumber, answer["phone"])

	status, answer = p.request("GET", "/api/me", nil)
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, ann.User().PhoneNumber, answer["phone"])

	before := p.cookie
	status, _ = p.request("POST", "/api/logout", nil)
	assert.Equal(t, http.StatusNoContent, status)
	assert.Empty(t, m.Keys(), "Redis forgets the token")
	p.cookie = before
	status, _ = p.request("GET", "/api/me", nil)
	assert.Equal(t, http.StatusUnauthorized, status, "the cookie is worth nothing any more")
}

func TestLogoutDuringAnOutage(t *testing.T) {
	t.Parallel()
	p, srv, m := newPage(t)
	ann := srv.NewPhone(authingtest.WxUser{NickName: "Ann"})
	status, _ := p.request("POST", "/api/login", posted{ann.Login(), ann.GetUserInfo()})
	require.Equal(t, http.StatusOK, status)
	before := p.cookie
	srv.Close()
	status, _ = p.request("POST", "/api/logout", nil)
	assert.Equal(t, http.StatusBadGateway, status)
	assert.Empty(t, m.Keys(), "signed out here all the same")
	p.cookie = before
	status, _ = p.request("GET", "/api/me", nil)
	assert.Equal(t, http.StatusUnauthorized, status)
}

func TestOnlyASessionCounts(t *testing.T) {
	t.Parallel()
	p, srv, _ := newPage(t)
	ann := srv.AddUser(authing.User{Username: "ann"})
	r := httptest.NewRequest("GET", "/api/me", nil)
	r.Header.Set("Authorization", "Bearer "+string(ann.Token))
	w := httptest.NewRecorder()
	p.app.ServeHTTP(w, r)
	assert.Equal(t, http.StatusUnauthorized, w.Code, "a valid token, but no session")
}

func TestLoginChangesTheSession(t *testing.T) {
	t.Parallel()
	p, srv, _ := newPage(t)
	mallory, ann := srv.NewPhone(authingtest.WxUser{NickName: "Mallory"}), srv.NewPhone(authingtest.WxUser{NickName: "Ann"})
	status, _ := p.request("POST", "/api/login", posted{mallory.Login(), mallory.GetUserInfo()})
	require.Equal(t, http.StatusOK, status)
	planted := p.cookie
	status, _ = p.request("POST", "/api/login", posted{ann.Login(), ann.GetUserInfo()})
	require.Equal(t, http.StatusOK, status)
	p.cookie = planted
	_, answer := p.request("GET", "/api/me", nil)
	assert.Equal(t, "Mallory", answer["nickname"], "whoever knows the old cookie is not Ann")
}

func TestFailures(t *testing.T) {
	t.Parallel()
	p, srv, m := newPage(t)
	ann := srv.NewPhone(authingtest.WxUser{NickName: "Ann"})
	code := ann.Login()
	for _, tt := range []struct {
		body   any
		fault  *authingtest.Fault
		status int
		reason string
	}{
		{[]int{}, nil, http.StatusBadRequest, "bad_request"},
		{posted{code, ann.Deny("getUserInfo")}, nil, http.StatusForbidden, "user_refused"},
		{posted{ann.Login(), ann.GetUserInfo()}, &authingtest.Fault{Drop: true}, http.StatusBadGateway, "look_first"},
		{posted{ann.Login(), ann.GetUserInfo()}, &authingtest.Fault{Code: 1000}, http.StatusBadGateway, "tap_again"},
		{posted{"used", ann.GetUserInfo()}, nil, http.StatusConflict, "tap_again"},
	} {
		if tt.fault != nil {
			srv.FailNext("LoginWithWxapp", *tt.fault)
		}
		status, answer := p.request("POST", "/api/login", tt.body)
		assert.Equal(t, tt.status, status, tt.reason)
		assert.Equal(t, map[string]any{"error": tt.reason}, answer)
	}
	assert.Empty(t, m.Keys(), "no login, no session")

	p.cookie = cookie + "=forged"
	status, _ := p.request("GET", "/api/me", nil)
	assert.Equal(t, http.StatusUnauthorized, status)

	status, _ = p.request("POST", "/api/login", posted{ann.Login(), ann.GetUserInfo()})
	require.Equal(t, http.StatusOK, status)
	srv.FailNext("VerifyToken", authingtest.Fault{Drop: true})
	status, answer := p.request("GET", "/api/me", nil)
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.Equal(t, "try_later", answer["error"])

	m.Close()
	status, answer = p.request("GET", "/api/me", nil)
	assert.Equal(t, http.StatusServiceUnavailable, status, "the page keeps its cookie while Redis is down")
	assert.Equal(t, "try_later", answer["error"])
}

// Without the reason, a developer whose page posts the wrong data would see only bad_request.
func TestBadPostsAreLogged(t *testing.T) {
	t.Parallel()
	const number, isJSON = "13912345678", gin.MIMEJSON
	for _, tt := range []struct{ contentType, body, want string }{
		{"text/plain", "{}", "its Content-Type is not application/json"},
		{isJSON, `{"code":"c","detail":"{\"code\":\"` + number + `\"}"}`, "let the page post e.detail itself"},
		{isJSON, `{"code":` + number + `}`, "something else than a string at offset "},
		{isJSON, "code=" + number, "syntax error at offset 1"},
		{isJSON, `{"detail":{"` + number + `":1,"` + number + `":2}}`, "bad post: it "}, // in other words on each Go version
		{isJSON, `{"code":"` + strings.Repeat(number, 6000) + `"}`, "it has more than 65536 bytes"},
	} {
		p, _, _ := newPage(t)
		r := httptest.NewRequest("POST", "/api/login", strings.NewReader(tt.body))
		r.Header.Set("Content-Type", tt.contentType)
		w := httptest.NewRecorder()
		p.app.ServeHTTP(w, r)
		assert.Equal(t, http.StatusBadRequest, w.Code)
		assert.Contains(t, p.logs.String(), "bad post: ")
		assert.Contains(t, p.logs.String(), tt.want)
		assert.NotContains(t, p.logs.String(), number)
	}
}

func TestFormOfAnotherOrigin(t *testing.T) {
	t.Parallel()
	p, srv, m := newPage(t)
	mallory := srv.NewPhone(authingtest.WxUser{NickName: "Mallory"})
	body, err := json.Marshal(posted{mallory.Login(), mallory.GetUserInfo()})
	require.NoError(t, err)
	r := httptest.NewRequest("POST", "/api/login", bytes.NewReader(body))
	r.Header.Set("Content-Type", "text/plain")
	w := httptest.NewRecorder()
	p.app.ServeHTTP(w, r)
	assert.Equal(t, http.StatusBadRequest, w.Code)
	assert.Empty(t, m.Keys(), "a browser must not be signed in as Mallory")

	w = httptest.NewRecorder()
	p.app.ServeHTTP(w, httptest.NewRequest("POST", "/api/logout", nil)) // without the cookie, which is SameSite
	assert.Equal(t, http.StatusUnauthorized, w.Code)
	assert.Empty(t, w.Header().Get("Set-Cookie"), "a browser must not be signed out")
}

func TestLog(t *testing.T) {
	t.Parallel()
	p, _, _ := newPage(t)
	p.app.GET("/panic", func(*gin.Context) { panic("boom") })
	r := httptest.NewRequest("GET", "/panic?q=query", nil)
	r.Header.Set("Cookie", cookie+"=secret")
	r.Header.Set("X-Forwarded-For", "203.0.113.7")
	w := httptest.NewRecorder()
	p.app.ServeHTTP(w, r)
	assert.Equal(t, http.StatusInternalServerError, w.Code)
	assert.JSONEq(t, `{"error":"look_first"}`, w.Body.String())
	assert.Contains(t, p.logs.String(), "panic: boom")
	assert.Contains(t, p.logs.String(), "api_test.go", "the stack")
	for _, hidden := range []string{"query", "secret", "203.0.113.7"} {
		assert.NotContains(t, p.logs.String(), hidden)
	}
}

func TestSilentRedis(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { silent.Close() })
	_, err = newStore(silent.Addr().String(), "", 10*time.Millisecond, []byte("key"))
	var timeout net.Error
	require.ErrorAs(t, err, &timeout)
	assert.True(t, timeout.Timeout())
}

func TestShutdownWaits(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- serve(ctx, listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			stop()
			for err := error(nil); err == nil; { // until the server accepts no more
				var conn net.Conn
				if conn, err = net.Dial("tcp", listener.Addr().String()); err == nil {
					conn.Close()
				}
			}
			w.WriteHeader(http.StatusTeapot)
		}))
	}()
	resp, err := http.Get("http://" + listener.Addr().String())
	require.NoError(t, err)
	resp.Body.Close()
	assert.Equal(t, http.StatusTeapot, resp.StatusCode)
	assert.NoError(t, <-served)
}
