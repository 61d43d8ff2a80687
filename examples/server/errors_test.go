package main

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

func TestErrorTable(t *testing.T) {
	t.Parallel()
	fake := newFake(t)
	p := startBackend(t, fake)
	const closed = "127.0.0.1:1" // a port that no other test can be given
	down := start(t, map[string]string{
		"AUTHING_USERPOOL_ID": "p", "AUTHING_USERS_HOST": "http://" + closed, "AUTHING_OAUTH_HOST": "http://" + closed,
	})
	full := fullDemo(t)
	ann := fake.NewPhone(authingtest.WxUser{NickName: "Ann"})
	ben := fake.NewPhone(authingtest.WxUser{NickName: "Ben", PhoneNumber: ann.User().PhoneNumber})
	var tokens []string
	for _, phone := range []*authingtest.Phone{ann, ben} {
		login := request(t, "POST", p.url+"/api/login", "", loginBody(phone.Login(), phone.GetUserInfo()))
		require.NotEmpty(t, login.Token)
		tokens = append(tokens, login.Token)
	}
	require.Equal(t, 200, request(t, "POST", p.url+"/api/phone", tokens[0], loginBody(ann.Login(), ann.GetPhoneNumber())).status)

	app := startApplication(t, fake)
	carl := fake.NewPhone(authingtest.WxUser{NickName: "Carl"})
	asCarl := request(t, "POST", app.url+"/api/login", "", map[string]string{"code": carl.Login()}).Token

	// The calls of the table depend on their order.
	type call func(language string) response
	login := func(detail func() authing.Detail) call {
		return func(language string) response {
			return request(t, "POST", p.url+"/api/login", "", loginBody(ann.Login(), detail()), "Accept-Language", language)
		}
	}
	withFault := func(fault authingtest.Fault) call {
		return func(language string) response {
			fake.FailNext("LoginWithWxapp", fault)
			return login(ann.GetUserInfo)(language)
		}
	}
	simple := func(method, url, token string, body any, headers ...string) call {
		return func(language string) response {
			return request(t, method, url, token, body, append(headers, "Accept-Language", language)...)
		}
	}
	var seen []string
	for _, tt := range []struct {
		name         string
		call         call
		status       int
		reason, next string
		zh, en       string
		header       [2]string
	}{
		{"declined by the user", login(func() authing.Detail { return ann.Deny("getUserInfo") }), 403, "user_refused", "none", "拒绝", "declined", [2]string{}},
		{"no token", simple("GET", p.url+"/api/me", "", nil), 401, "login_required", "signin", "重新登录", "sign in again",
			[2]string{"WWW-Authenticate", `Bearer realm="authing"`}},
		{"bad token", simple("GET", p.url+"/api/me", "a.b.c", nil), 401, "login_required", "signin", "重新登录", "sign in again",
			[2]string{"WWW-Authenticate", `Bearer realm="authing", error="invalid_token", error_description="sign in again"`}},
		{"token rejected by the call", func(language string) response {
			fake.FailNext("User", authingtest.Fault{Code: 2206})
			return simple("GET", p.url+"/api/me", tokens[0], nil)(language)
		}, 401, "login_required", "signin", "重新登录", "sign in again", [2]string{"WWW-Authenticate", `Bearer realm="authing", error="invalid_token"`}},
		{"code used before", func(language string) response {
			body := loginBody(ann.Login(), ann.GetUserInfo())
			require.Equal(t, 200, simple("POST", p.url+"/api/login", "", body)(language).status)
			return simple("POST", p.url+"/api/login", "", body)(language)
		}, 409, "code_spent", "login", "再点一次", "tap again", [2]string{}},
		{"no response", withFault(authingtest.Fault{When: authingtest.After, Drop: true}), 502, "outcome_unknown", "login", "可能已生效", "may have taken effect", [2]string{}},
		{"phone taken", func(language string) response {
			return simple("POST", p.url+"/api/phone", tokens[1], loginBody(ben.Login(), ben.GetPhoneNumber()))(language)
		}, 409, "phone_taken", "login", "其他账号", "another account", [2]string{}},
		{"other WeChat user", func(language string) response {
			return simple("POST", app.url+"/api/phone", asCarl, loginBody(ann.Login(), ann.GetPhoneNumber()))(language)
		}, 409, "other_user", "signin", "微信账号已切换", "another WeChat account", [2]string{}},
		{"captcha", withFault(authingtest.Fault{Code: 2000}), 403, "captcha_required", "none", "图形验证码", "captcha", [2]string{}},
		{"second factor", withFault(authingtest.Fault{Code: 1635}), 403, "second_factor", "none", "多因素", "second factor", [2]string{}},
		{"locked", withFault(authingtest.Fault{Code: 2005}), 403, "user_locked", "none", "锁定", "locked", [2]string{}},
		{"deleted", withFault(authingtest.Fault{Code: 2004}), 401, "login_required", "signin", "不存在", "no longer exists", [2]string{}},
		{"rate limit", withFault(authingtest.Fault{ErrCode: 45011}), 429, "rate_limited", "login", "频繁", "Too many", [2]string{"Retry-After", "60"}},
		{"WeChat failed", login(func() authing.Detail { return ann.Fail("getUserInfo", "network", 0) }), 400, "bad_request", "login", "微信", "WeChat", [2]string{}},
		{"not permitted", login(func() authing.Detail { return ann.Fail("getUserInfo", "no permission", 0) }), 403, "not_permitted", "none", "权限", "may not use", [2]string{}},
		{"malformed", simple("POST", p.url+"/api/login", "", []string{}), 400, "bad_request", "none", "格式", "malformed", [2]string{}},
		{"too large", simple("POST", p.url+"/api/login", "", strings.Repeat("x", maxBody)), 413, "too_large", "none", "过大", "too large", [2]string{}},
		{"form", simple("POST", p.url+"/api/login", "", 1, "Content-Type", "text/plain"), 415, "wrong_type", "none", "JSON", "JSON", [2]string{}},
		{"no form", simple("POST", p.url+"/api/avatar", tokens[0], nil), 415, "wrong_type", "none", "表单", "form", [2]string{}},
		{"no picture", func(language string) response {
			return uploadAvatar(t, p.url, tokens[0], formFile("file", "a.png", []byte("text")), "Accept-Language", language)
		}, 400, "bad_image", "none", "PNG", "PNG", [2]string{}},
		{"no nickname", simple("PATCH", p.url+"/api/me", tokens[0], map[string]string{"nickname": " "}), 400, "bad_nickname", "none", "昵称", "nickname", [2]string{}},
		{"no route", simple("GET", p.url+"/nowhere", "", nil), 404, "not_found", "none", "地址不存在", "does not exist", [2]string{}},
		{"other origin", simple("GET", full.URL+"/demo/state", "", nil, "Sec-Fetch-Site", "cross-site"), 403, "other_origin", "none", "其他网站", "other sites", [2]string{}},
		{"no phone left", simple("POST", full.URL+"/demo/phones", "", nil), 507, "no_phone_left", "none", "重启", "restart", [2]string{"Retry-After", ""}},
		{"no such method", simple("GET", p.url+"/api/login", "", nil), 405, "method_not_allowed", "none", "方法", "method", [2]string{"Allow", "POST"}},
		{"busy", withFault(authingtest.Fault{Code: 1000}), 502, "refused", "login", "拒绝", "rejected", [2]string{}},
		{"unreachable", simple("POST", down.url+"/api/login", "", loginBody("code", ann.GetUserInfo())), 503, "service_down", "retry", "稍后", "later", [2]string{"Retry-After", "5"}},
		{"token not verified", simple("GET", down.url+"/api/me", tokens[0], nil), 503, "service_down", "retry", "稍后", "later", [2]string{"Retry-After", "5"}},
	} {
		for language, text := range map[string]string{
			"zh-CN,zh;q=0.9": tt.zh, "ZH": tt.zh, "en": tt.en, "": tt.en, "fr, zh": tt.en,
		} {
			got := tt.call(language)
			assert.Equal(t, tt.status, got.status, tt.name)
			assert.Equal(t, tt.reason, got.Error.Reason, tt.name)
			assert.Equal(t, tt.next, got.Error.Next, tt.name)
			assert.Contains(t, got.Error.Message, text, tt.name)
			if tt.header[0] != "" {
				assert.Equal(t, tt.header[1], got.header.Get(tt.header[0]), tt.name)
			}
		}
		seen = append(seen, tt.reason+" "+tt.next)
	}
	for _, f := range failures {
		assert.True(t, slices.Contains(seen, f.reason+" "+f.next), "no case for %s, next %s", f.reason, f.next)
	}
}

// For errors that match several rows, the most cautious row must win.
func TestErrorOrder(t *testing.T) {
	t.Parallel()
	const login, detail = "/api/login", `{"code":"c","detail":{"errMsg":"getUserInfo:ok","encryptedData":"AAAAAAAAAAAAAAAAAAAAAA==","iv":"AAAAAAAAAAAAAAAAAAAAAA=="}}`
	for name, tt := range map[string]struct {
		authing                  transport
		reason, next, retryAfter string
	}{
		"429 from a proxy":     {respondWith(429, "<html>"), "outcome_unknown", "login", ""},
		"429 from Authing":     {respondWith(429, `{"code":1000,"message":"m"}`, "Retry-After", "17"), "rate_limited", "login", "17"},
		"503 with a code":      {respondWith(503, `{"code":2035,"message":"m"}`), "outcome_unknown", "login", ""},
		"unknown code":         {respondWith(200, `{"code":987654,"message":"m"}`), "refused", "login", ""},
		"code 0":               {respondWith(200, `{"code":0,"message":"m"}`), "refused", "login", ""},
		"success without user": {respondWith(200, `{"code":200,"data":{}}`), "outcome_unknown", "login", ""},
		"HTML":                 {respondWith(200, "<html>"), "outcome_unknown", "login", ""},
		"host not found": {func(*http.Request) (*http.Response, error) {
			return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
		},
			"service_down", "retry", "5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, log := newStubBackend(t, tt.authing)
			r := httptest.NewRequest("POST", login, strings.NewReader(detail))
			r.Header.Set("Content-Type", "application/json")
			got := record(t, h, r)
			assert.Equal(t, tt.reason, got.Error.Reason)
			assert.Equal(t, tt.next, got.Error.Next)
			assert.Equal(t, tt.retryAfter, got.header.Get("Retry-After"))
			assert.Contains(t, log.String(), `error="authing: LoginWithWxapp: `)
			assert.Equal(t, got.status >= 500, strings.Contains(log.String(), "level=ERROR"))
		})
	}
}

// If the token cannot be verified, the page must keep it, and the reason is logged.
func TestTokenNotVerified(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		authing            transport
		retryAfter, logged string
	}{
		"down":        {respondWith(502, "<html>"), "5", "HTTP 502"},
		"Retry-After": {respondWith(503, "", "Retry-After", "17"), "17", "HTTP 503"},
		"rate limit":  {respondWith(429, ""), "5", "HTTP 429"},
		"broken":      {func(*http.Request) (*http.Response, error) { return nil, errors.New("cable cut") }, "5", "cable cut"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, log := newStubBackend(t, tt.authing)
			r := httptest.NewRequest("GET", "/api/me", nil)
			r.Header.Set("Authorization", "Bearer canary.token.x")
			got := record(t, h, r)
			assert.Equal(t, http.StatusServiceUnavailable, got.status)
			assert.Equal(t, "service_down", got.Error.Reason)
			assert.Equal(t, "retry", got.Error.Next)
			assert.Equal(t, tt.retryAfter, got.header.Get("Retry-After"))
			assert.Contains(t, log.String(), "cannot verify the login: authing: VerifyToken: ")
			assert.Contains(t, log.String(), tt.logged)
			assert.NotContains(t, log.String()+got.text, "canary")
		})
	}
}

// Without the reason, a developer whose page posts the wrong data would see only bad_request.
func TestBadPostsAreLogged(t *testing.T) {
	t.Parallel()
	const number = "13912345678"
	for name, tt := range map[string]struct{ body, want string }{
		"no errMsg":         {`{"code":"c","detail":{}}`, "authing: LoginWithWxapp: detail has no errMsg"},
		"no encrypted data": {`{"code":"c","detail":{"errMsg":"getUserInfo:ok"}}`, "authing: LoginWithWxapp: "},
		"no code":           {`{"detail":{"errMsg":"getUserInfo:ok","encryptedData":"AAAAAAAAAAAAAAAAAAAAAA==","iv":"AAAAAAAAAAAAAAAAAAAAAA=="}}`, "authing: LoginWithWxapp: "},
		"another API":       {`{"code":"c","detail":{"errMsg":"getPhoneNumber:ok"}}`, "this detail comes from another API"},
		"WeChat failed":     {`{"code":"c","detail":{"errMsg":"getUserInfo:fail network"}}`, "getUserInfo:fail network"},
		"not permitted":     {`{"code":"c","detail":{"errMsg":"getUserInfo:fail no permission"}}`, "check its permissions"},
		"declined":          {`{"code":"c","detail":{"errMsg":"getUserInfo:fail auth deny"}}`, "the user declined"},
		"text as detail":    {`{"code":"c","detail":"{\"code\":\"` + number + `\"}"}`, "let the page post e.detail itself"},
		"two codes":         {`{"code":"c","detail":{"code":"` + number + `","code":"2"}}`, "invalid request body: "}, // in other words on each Go version
		"empty":             {``, "invalid request body: empty"},
		"truncated":         {`{"code":"` + number + `"`, "invalid request body: JSON ends early"},
		"not JSON":          {`code=` + number, "invalid request body: JSON syntax error at offset 1"},
		"two values":        {`{} "` + number + `"`, "invalid request body: more than one JSON value"},
		"not UTF-8":         {"\xff" + number, "invalid request body: not UTF-8"},
		"unknown field":     {`{"` + number + `":1}`, "invalid request body: unknown field"},
		"wrong type":        {`{"code":` + number + `}`, "invalid request body: JSON number instead of string at offset "},
		"too large":         {`"` + strings.Repeat(number, maxBody) + `"`, "request body too large"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, log := newStubBackend(t, mustNotCall(t))
			r := httptest.NewRequest("POST", "/api/login", strings.NewReader(tt.body))
			r.Header.Set("Content-Type", "application/json")
			record(t, h, r)
			assert.Contains(t, log.String(), tt.want)
			assert.Contains(t, log.String(), "level=INFO")
			assert.NotContains(t, log.String(), number)
		})
	}
	h, log := newStubBackend(t, respondWith(200, `{"data":{"checkLoginStatus":{"status":false,"code":2020,"message":"m"}}}`))
	r := httptest.NewRequest("GET", "/api/me", nil)
	r.Header.Set("Authorization", "Bearer canary.token.x")
	assert.Equal(t, "login_required", record(t, h, r).Error.Reason)
	assert.Contains(t, log.String(), `error="authing: VerifyToken: `)
	assert.NotContains(t, log.String(), "canary")
}
