package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// demoPhone uses the demo like its page does.
type demoPhone struct {
	*program
	id, nickName, phoneNumber string
}

func newDemoPhone(t *testing.T, p *program, settings map[string]string) demoPhone {
	t.Helper()
	var made struct{ ID, NickName, PhoneNumber string }
	decodeInto(t, request(t, "POST", p.url+"/demo/phones", "", settings), &made)
	return demoPhone{p, made.ID, made.NickName, made.PhoneNumber}
}

func decodeInto(t *testing.T, a response, v any) {
	t.Helper()
	require.Equal(t, http.StatusOK, a.status, a.text)
	require.NoError(t, decode(strings.NewReader(a.text), v))
}

func (p demoPhone) login(t *testing.T) string {
	t.Helper()
	var got struct{ ErrMsg, Code string }
	decodeInto(t, request(t, "POST", p.url+"/demo/phones/"+p.id+"/login", "", nil), &got)
	assert.Equal(t, "login:ok", got.ErrMsg)
	return got.Code
}

func (p demoPhone) tap(t *testing.T, in map[string]any) (detail authing.Detail) {
	t.Helper()
	decodeInto(t, request(t, "POST", p.url+"/demo/phones/"+p.id+"/tap", "", in), &detail)
	return detail
}

func (p demoPhone) signIn(t *testing.T, generation string) response {
	t.Helper()
	code := p.login(t)
	detail := p.tap(t, map[string]any{"button": "getUserInfo", "generation": generation})
	return request(t, "POST", p.url+"/api/login", "", loginBody(code, detail))
}

func TestDemoPhones(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	first, second := newDemoPhone(t, p, nil), newDemoPhone(t, p, map[string]string{"nickName": "Zoe", "phoneNumber": "13912345678"})
	assert.Equal(t, "1", first.id)
	assert.NotEmpty(t, first.nickName)
	assert.Regexp(t, `^138[0-9]{8}$`, first.phoneNumber)
	assert.Equal(t, demoPhone{p, "2", "Zoe", "13912345678"}, second)
	assert.NotEqual(t, first.signIn(t, "").User.ID, second.signIn(t, "").User.ID)

	login := second.signIn(t, "")
	for _, button := range []string{"getPhoneNumber", "getRealtimePhoneNumber"} {
		code := second.login(t)
		detail := second.tap(t, map[string]any{"button": button})
		bound := request(t, "POST", p.url+"/api/phone", login.Token, loginBody(code, detail))
		assert.Equal(t, "13912345678", bound.User.Phone, bound.text)
	}
}

func TestDemoGenerations(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	const anonymous = "微信用户"
	for _, tt := range []struct{ phone, tap, want string }{
		{"", "", anonymous}, {"new", "", anonymous}, {"old", "", "Zoe"}, {"old", "new", anonymous}, {"new", "old", "Zoe"},
	} {
		zoe := newDemoPhone(t, p, map[string]string{"nickName": "Zoe", "generation": tt.phone})
		for _, button := range []string{"getUserInfo", "getUserProfile"} {
			detail := zoe.tap(t, map[string]any{"button": button, "generation": tt.tap})
			assert.Equal(t, tt.want, detail.UserInfo.NickName, tt)
		}
		login := zoe.signIn(t, tt.tap)
		assert.Equal(t, tt.want, login.User.Nickname, tt)
		for _, other := range []string{"old", "new"} {
			assert.Equal(t, login.User.ID, zoe.signIn(t, other).User.ID, "both generations belong to the same user")
		}
	}
}

// The routes of the other generation make requests without a body.
func TestDemoServesBothGenerations(t *testing.T) {
	t.Parallel()
	zoe := newDemoPhone(t, start(t, nil), map[string]string{"phoneNumber": "13912345678"})
	login := request(t, "POST", zoe.url+"/v3/api/login", "", loginBody(zoe.login(t), authing.Detail{}))
	require.Equal(t, http.StatusOK, login.status, login.text)
	assert.Equal(t, login.User.ID, request(t, "GET", zoe.url+"/v3/api/me", login.Token, nil).User.ID)
	bound := request(t, "POST", zoe.url+"/v3/api/phone", login.Token,
		loginBody(zoe.login(t), zoe.tap(t, map[string]any{"button": "getPhoneNumber"})))
	assert.Equal(t, "13912345678", bound.User.Phone, bound.text)

	request(t, "POST", zoe.url+"/demo/authing", "", map[string]bool{"down": true})
	down := request(t, "GET", zoe.url+"/v3/api/me", bound.Token, nil)
	assert.Equal(t, "service_down", down.Error.Reason)
}

func TestDemoDeny(t *testing.T) {
	t.Parallel()
	zoe := newDemoPhone(t, start(t, nil), nil)
	for _, button := range []string{"getUserInfo", "getUserProfile"} {
		detail := zoe.tap(t, map[string]any{"button": button, "refuse": true})
		assert.Equal(t, button+":fail auth deny", detail.ErrMsg)
		got := request(t, "POST", zoe.url+"/api/login", "", loginBody(zoe.login(t), detail))
		assert.Equal(t, "user_refused", got.Error.Reason)
	}
}

func TestDemoPicture(t *testing.T) {
	t.Parallel()
	zoe := newDemoPhone(t, start(t, nil), nil)
	token := zoe.signIn(t, "").Token
	picture := zoe.picture(t)
	got := uploadAvatar(t, zoe.url, token, formFile("file", "picture.png", picture))
	require.Equal(t, http.StatusOK, got.status, got.text)

	_, key, ok := strings.Cut(got.User.Photo, "/cdn/")
	require.True(t, ok, got.User.Photo)
	assert.Equal(t, picture, get(t, zoe.url+"/demo/cdn/"+key), "the page shows it")

	canceled := zoe.tap(t, map[string]any{"button": "chooseAvatar", "refuse": true})
	assert.Equal(t, "chooseAvatar:fail cancel", canceled.ErrMsg)
}

// picture chooses a picture and returns its content.
func (p demoPhone) picture(t *testing.T) []byte {
	t.Helper()
	var detail struct{ AvatarURL string }
	decodeInto(t, request(t, "POST", p.url+"/demo/phones/"+p.id+"/tap", "", map[string]string{"button": "chooseAvatar"}), &detail)
	return get(t, p.url+detail.AvatarURL)
}

func get(t *testing.T, url string) []byte {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	assert.Equal(t, "image/png", resp.Header.Get("Content-Type"))
	content, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return content
}

func TestDemoUsedCode(t *testing.T) {
	t.Parallel()
	zoe := newDemoPhone(t, start(t, nil), nil)
	code := zoe.login(t)
	detail := zoe.tap(t, map[string]any{"button": "getUserInfo"})
	spend := zoe.url + "/demo/phones/" + zoe.id + "/spend"
	for range 2 {
		assert.Equal(t, http.StatusNoContent, request(t, "POST", spend, "", map[string]string{"code": code}).status)
	}
	assert.Equal(t, "code_spent", request(t, "POST", zoe.url+"/api/login", "", loginBody(code, detail)).Error.Reason)
	assert.Equal(t, http.StatusOK, zoe.signIn(t, "").status)
	assert.Equal(t, "bad_request", request(t, "POST", spend, "", map[string]string{"code": ""}).Error.Reason)
}

func TestDemoAuthingIsDown(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	zoe := newDemoPhone(t, p, nil)
	down := func(down bool) {
		assert.Equal(t, http.StatusNoContent, request(t, "POST", p.url+"/demo/authing", "", map[string]bool{"down": down}).status)
		var state struct {
			Down bool
			Pool string
		}
		decodeInto(t, request(t, "GET", p.url+"/demo/state", "", nil), &state)
		assert.Equal(t, down, state.Down)
		assert.Regexp(t, `^[0-9a-f]{24}$`, state.Pool)
	}
	down(true)
	body := loginBody(zoe.login(t), zoe.tap(t, map[string]any{"button": "getUserInfo"}))
	got := request(t, "POST", p.url+"/api/login", "", body)
	assert.Equal(t, "service_down", got.Error.Reason, got.text)
	assert.Equal(t, "retry", got.Error.Next)
	assert.Equal(t, "5", got.header.Get("Retry-After"))
	down(false)
	assert.Equal(t, http.StatusOK, request(t, "POST", p.url+"/api/login", "", body).status, "the code was not used")
}

func TestDemoInvalidRequests(t *testing.T) {
	t.Parallel()
	zoe := newDemoPhone(t, start(t, nil), nil)
	phone := "/demo/phones/" + zoe.id
	for _, tt := range []struct {
		path   string
		body   any
		reason string
	}{
		{"/demo/phones/0/login", nil, "not_found"},
		{"/demo/phones/2/login", nil, "not_found"},
		{"/demo/phones/x/tap", nil, "not_found"},
		{"/demo/phones", map[string]string{"phoneNumber": "110"}, "bad_request"},
		{"/demo/phones", map[string]string{"generation": "x"}, "bad_request"},
		{"/demo/phones", map[string]string{"nickname2": "x"}, "bad_request"},
		{"/demo/phones", strings.Repeat("x", maxBody), "too_large"},
		{phone + "/tap", nil, "bad_request"},
		{phone + "/tap", map[string]string{"button": "x"}, "bad_request"},
		{phone + "/tap", map[string]string{"button": "getUserInfo", "generation": "x"}, "bad_request"},
		{phone + "/tap", []int{}, "bad_request"},
		{phone + "/spend", []int{}, "bad_request"},
		{"/demo/authing", map[string]int{"down": 1}, "bad_request"},
	} {
		assert.Equal(t, tt.reason, request(t, "POST", zoe.url+tt.path, "", tt.body).Error.Reason, tt)
	}
}

// fullDemo returns a demo that has reached its limit of phones.
func fullDemo(t *testing.T) *httptest.Server {
	t.Helper()
	d, err := newDemo(nil)
	require.NoError(t, err)
	d.phones = make([]*phone, maxPhones)
	mux := http.NewServeMux()
	d.register(mux)
	server := httptest.NewServer(fromOwnPage((&logBuffer{}).logger(), mux))
	t.Cleanup(func() {
		server.Close()
		d.close()
	})
	return server
}

// Pages of other origins can send forms and plain text without a CORS preflight.
func TestDemoRejectsOtherOrigins(t *testing.T) {
	t.Parallel()
	zoe := newDemoPhone(t, start(t, nil), nil)
	phone := "/demo/phones/" + zoe.id
	for _, tt := range []struct {
		method, path string
		body         any
	}{
		{"POST", "/demo/phones", nil},
		{"POST", "/demo/phones", map[string]string{"nickName": "Zoe"}},
		{"POST", phone + "/login", nil},
		{"POST", phone + "/tap", map[string]string{"button": "getUserInfo"}},
		{"POST", phone + "/spend", map[string]string{"code": "x"}},
		{"POST", "/demo/authing", map[string]bool{"down": false}},
		{"POST", "/demo/authing", nil},
		{"GET", "/demo/state", nil},
	} {
		for site, foreign := range map[string]bool{"cross-site": true, "same-site": true, "same-origin": false, "none": false} {
			got := request(t, tt.method, zoe.url+tt.path, "", tt.body, "Sec-Fetch-Site", site)
			assert.Equal(t, foreign, got.status == http.StatusForbidden, "%v %s", tt, site)
			assert.Equal(t, foreign, got.Error.Reason == "other_origin", "%v %s", tt, site)
		}
		if tt.body == nil {
			continue
		}
		for _, contentType := range []string{"text/plain", "application/x-www-form-urlencoded", ""} {
			got := request(t, tt.method, zoe.url+tt.path, "", tt.body, "Content-Type", contentType)
			assert.Equal(t, "wrong_type", got.Error.Reason, "%v %s", tt, contentType)
		}
	}
	r, err := http.NewRequest("GET", zoe.url+"/demo/trace", nil)
	require.NoError(t, err)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	resp.Body.Close() // not read: a stream would not end
	assert.Equal(t, http.StatusForbidden, resp.StatusCode)
}

// A page can also reach the demo under a name of its own (DNS rebinding), or with a browser that sends no Sec-Fetch-Site.
func TestDemoChecksSender(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	zoe := newDemoPhone(t, p, nil)
	address := strings.TrimPrefix(p.url, "http://")
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	phone := "/demo/phones/" + zoe.id
	const json = "application/json"
	send := func(method, path, host string, headers ...string) int {
		t.Helper()
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel() // ends the stream
		r, err := http.NewRequestWithContext(ctx, method, p.url+path, nil)
		require.NoError(t, err)
		r.Host = host
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		resp.Body.Close()
		return resp.StatusCode
	}
	routes := []struct{ method, path string }{
		{"POST", "/demo/phones"}, {"POST", phone + "/login"}, {"POST", phone + "/tap"}, {"POST", phone + "/spend"},
		{"POST", "/demo/authing"}, {"GET", "/demo/state"}, {"GET", "/demo/trace"}, {"HEAD", "/demo/state"},
		{"POST", "/api/login"}, {"POST", "/api/phone"}, {"POST", "/api/logout"}, {"GET", "/api/me"},
		{"POST", "/api/avatar"}, {"PATCH", "/api/me"}, {"PUT", "/api/me"}, {"GET", phone + "/picture"}, {"GET", "/demo/cdn/x"},
	}
	pages := []struct{ method, path string }{{"GET", "/"}, {"GET", "/page/app.js"}, {"GET", "/page/"}, {"GET", "/healthz"}}
	hosts := []string{"127.0.0.1", "localhost", "LOCALHOST", "127.0.0.2", "[::1]"}
	foreign := []string{
		"evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "evil.localhost.example", "192.0.2.1", "0.0.0.0",
		"evil.example@127.0.0.1", "127.1", "[::2]",
	}
	for _, route := range slices.Concat(routes, pages) {
		for _, host := range foreign {
			for _, host := range []string{host, host + ":" + port} {
				got := send(route.method, route.path, host, "Content-Type", json, "Sec-Fetch-Site", "same-origin", "Origin", "http://"+host)
				assert.Contains(t, []int{http.StatusForbidden, http.StatusBadRequest}, got, "%v %s", route, host) // 400: net/http rejects the host
			}
		}
		for _, host := range hosts {
			for _, host := range []string{host, host + ":" + port} {
				got := send(route.method, route.path, host, "Content-Type", json, "Sec-Fetch-Site", "same-origin", "Origin", "http://"+host)
				assert.NotContains(t, []int{http.StatusForbidden, http.StatusUnsupportedMediaType}, got, "%v %s", route, host)
			}
		}
	}
	for _, route := range routes {
		for _, origin := range []string{"http://evil.example", "null", "http://localhost:" + port, "http://127.0.0.1:1", "http://" + address + ".evil.example", "file://"} {
			for _, site := range []string{"", "same-origin", "none", "cross-site"} {
				headers := []string{"Content-Type", json, "Origin", origin}
				if site != "" {
					headers = append(headers, "Sec-Fetch-Site", site)
				}
				assert.Equal(t, http.StatusForbidden, send(route.method, route.path, address, headers...), "%v %s %s", route, origin, site)
			}
		}
		assert.Equal(t, http.StatusForbidden, send(route.method, route.path, address, "Content-Type", json, "Sec-Fetch-Site", "unknown"))
		if route.method == "POST" && strings.HasPrefix(route.path, "/demo/") {
			assert.Equal(t, http.StatusUnsupportedMediaType, send("POST", route.path, address), "%v without a body or Sec-Fetch-Site", route)
			assert.Equal(t, http.StatusUnsupportedMediaType, send("POST", route.path, address, "Content-Type", "text/plain"), route)
			for _, headers := range [][]string{{"Content-Type", json}, {"Origin", p.url}, {"Sec-Fetch-Site", "same-origin"}} {
				assert.NotContains(t, []int{http.StatusForbidden, http.StatusUnsupportedMediaType}, send("POST", route.path, address, headers...), route)
			}
		}
	}
	for _, page := range pages { // links from other sites
		assert.Equal(t, http.StatusOK, send("GET", page.path, address, "Sec-Fetch-Site", "cross-site"))
	}
	assert.Contains(t, p.log.String(), `reason=other_origin error="request from another origin: the host is not loopback"`)
}

// Requests that are rejected must not push the visitor's own out of the trace.
func TestRejectedRequestsAreNotTraced(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	zoe := newDemoPhone(t, p, nil)
	request(t, "POST", p.url+"/api/login", "", 1, "Origin", "http://evil.example")
	request(t, "POST", p.url+"/demo/phones/"+zoe.id+"/login", "", nil, "Sec-Fetch-Site", "cross-site")
	zoe.login(t)
	s, ok := follow(t, p, "")()
	require.True(t, ok)
	assert.Equal(t, "wx.login", s.Op)
	assert.Equal(t, 1, s.N)
	assert.NotContains(t, s.raw, "evil")
}

func TestDemoPage(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	for path, contentType := range map[string]string{"/": "text/html; charset=utf-8", "/page/": "text/html; charset=utf-8"} {
		resp, err := http.Get(p.url + path)
		require.NoError(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, resp.StatusCode)
		assert.Equal(t, contentType, resp.Header.Get("Content-Type"))
		assert.Contains(t, resp.Header.Get("Content-Security-Policy"), "default-src 'self'")
		index, err := pageFiles.ReadFile("page/index.html")
		require.NoError(t, err)
		assert.Equal(t, string(index), string(text))
	}
	resp, err := http.Get(p.url + "/page/none.js")
	require.NoError(t, err)
	resp.Body.Close()
	assert.Equal(t, http.StatusNotFound, resp.StatusCode)
}
