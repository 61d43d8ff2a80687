package authingtest_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing/authingtest"
)

type object = map[string]any

// v3 sends requests to the V3 face of a server. They are written out, because tests of a fake through a client would
// hide what both misunderstand.
type v3 struct {
	t   *testing.T
	srv *authingtest.Server

	token     string // of a user; sent bare
	basic     string // credentials; sent with Basic
	noHeaders bool
}

func setupV3(t *testing.T, opts authingtest.Options) (*authingtest.Server, v3) {
	t.Helper()
	srv := authingtest.NewServer(opts)
	t.Cleanup(srv.Close)
	return srv, v3{t: t, srv: srv}
}

// The console does not give such ids, but a test may.
func TestV3AppIDs(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"api", "my app", "{x"} {
		_, c := setupV3(t, authingtest.Options{App: authingtest.AppOptions{ID: id}})
		const discovery = "/oidc/.well-known/openid-configuration"
		for _, path := range []string{discovery, "/" + url.PathEscape(id) + discovery} {
			status, _ := c.do("GET", path, "", "")
			assert.Equal(t, http.StatusOK, status, path)
		}
		c.fails(c.post("/api/v3/send-sms", object{}), 400, 0)
	}
}

func (c v3) as(token string) v3 {
	c.token = token
	return c
}

func (c v3) header(contentType string) http.Header {
	header := http.Header{}
	if contentType != "" {
		header.Set("Content-Type", contentType)
	}
	if !c.noHeaders {
		header.Set("X-Authing-App-Id", c.srv.AppID())
	}
	if c.token != "" {
		header.Set("Authorization", c.token)
	}
	if c.basic != "" {
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(c.basic)))
	}
	return header
}

func (c v3) do(method, path, contentType, body string) (status int, reply object) {
	c.t.Helper()
	status, text := send(c.t, rawRequest{
		method: method, base: c.srv.AppHost(), path: path, body: body, header: c.header(contentType),
	})
	decodeJSON(c.t, []byte(text), &reply)
	return status, reply
}

// post sends JSON and returns the response, with the HTTP status that the documents promise.
func (c v3) post(path string, body any) object {
	c.t.Helper()
	status, reply := c.do("POST", path, "application/json", toJSON(c.t, body))
	want := http.StatusOK
	if reply["statusCode"] == float64(http.StatusTooManyRequests) {
		want = http.StatusTooManyRequests
	}
	assert.Equal(c.t, want, status)
	return reply
}

func (c v3) get(path string) object {
	c.t.Helper()
	status, reply := c.do("GET", path, "", "")
	assert.Equal(c.t, 200, status)
	return reply
}

func (c v3) form(path string, fields ...string) (status int, reply object) {
	c.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return c.do("POST", path, "application/x-www-form-urlencoded", form.Encode())
}

// data returns the data of a success.
func (c v3) data(reply object) object {
	c.t.Helper()
	require.EqualValues(c.t, 200, reply["statusCode"], "%v", reply)
	data, _ := reply["data"].(object)
	return data
}

// fails checks the codes of a failure; apiCode 0 means that there is none.
func (c v3) fails(reply object, statusCode, apiCode int) {
	c.t.Helper()
	assert.EqualValues(c.t, statusCode, reply["statusCode"], "%v", reply)
	got, _ := reply["apiCode"].(float64)
	assert.Equal(c.t, apiCode, int(got), "%v", reply)
	assert.NotEmpty(c.t, reply["requestId"])
}

const fullScope = "openid profile username email phone address external_id offline_access"

func wxLogin(srv *authingtest.Server, code string) object {
	return object{
		"connection": "wechat_mini_program_code", "extIdpConnidentifier": srv.MiniProgram(),
		"wechatMiniProgramCodePayload": object{"code": code},
		"options":                      object{"scope": fullScope},
	}
}

func wxPhoneLogin(srv *authingtest.Server, code, phoneCode string) object {
	return object{
		"connection": "wechat_mini_program_code_and_phone", "extIdpConnidentifier": srv.MiniProgram(),
		"wechatMiniProgramCodeAndPhonePayload": object{
			"wxLoginInfo": object{"code": code}, "wxPhoneInfo": object{"code": phoneCode},
		},
		"options": object{"scope": fullScope},
	}
}

// signIn signs in the user of p and returns the tokens.
func (c v3) signIn(p *authingtest.Phone) object {
	c.t.Helper()
	return c.data(c.post("/api/v3/signin-by-mobile", wxLogin(c.srv, p.Login())))
}

func (c v3) accessToken(p *authingtest.Phone) string { return c.signIn(p)["access_token"].(string) }

func TestV3ApplicationHeader(t *testing.T) {
	t.Parallel()
	srv, _ := setupV3(t, authingtest.Options{UserPoolID: "pool-1", App: authingtest.AppOptions{ID: "app-1"}})
	ann := srv.NewPhone(authingtest.WxUser{})
	for name, tt := range map[string]struct {
		header http.Header
		code   string
	}{
		"application": {http.Header{"X-Authing-App-Id": {"app-1"}}, `"statusCode":200`},
		"pool":        {http.Header{"X-Authing-Userpool-Id": {"pool-1"}}, `"statusCode":200`},
		"both":        {http.Header{"X-Authing-App-Id": {"app-1"}, "X-Authing-Userpool-Id": {"pool-1"}}, `"statusCode":200`},
		"none":        {http.Header{}, `"statusCode":400`},
		"other app":   {http.Header{"X-Authing-App-Id": {"app-2"}}, `"apiCode":2011`},
		"other pool":  {http.Header{"X-Authing-Userpool-Id": {"pool-2"}}, `"apiCode":2224`},
	} {
		tt.header.Set("Content-Type", "application/json")
		for _, prefix := range []string{"", "/app-1"} {
			_, body := send(t, rawRequest{
				"POST", srv.AppHost() + prefix, "/api/v3/signin-by-mobile", toJSON(t, wxLogin(srv, ann.Login())), tt.header,
			})
			assert.Contains(t, body, tt.code, name)
		}
	}
}

// What the OpenAPI document does not list is refused, before a code is used up.
func TestV3StrictBodies(t *testing.T) {
	t.Parallel()
	srv, c := setupV3(t, authingtest.Options{})
	code := srv.NewPhone(authingtest.WxUser{}).Login()
	for name, tt := range map[string]struct {
		change  func(login, payload, options object)
		message string
	}{
		"unknown key":      {func(login, _, _ object) { login["autoRegister"] = true }, "property autoRegister should not exist"},
		"in the payload":   {func(_, p, _ object) { p["rawData"] = "" }, "property wechatMiniProgramCodePayload.rawData should not exist"},
		"in the options":   {func(_, _, o object) { o["clientIp"] = "" }, "property options.clientIp should not exist"},
		"missing":          {func(login, _, _ object) { delete(login, "extIdpConnidentifier") }, "extIdpConnidentifier is required"},
		"missing payload":  {func(login, _, _ object) { delete(login, "wechatMiniProgramCodePayload") }, "wechatMiniProgramCodePayload is required"},
		"empty code":       {func(_, p, _ object) { p["code"] = "" }, "wechatMiniProgramCodePayload.code must be a non-empty string"},
		"number":           {func(_, p, _ object) { p["code"] = 1 }, "wechatMiniProgramCodePayload.code must be a non-empty string"},
		"null":             {func(_, p, _ object) { p["iv"] = nil }, "wechatMiniProgramCodePayload.iv must be a string"},
		"text for options": {func(login, _, _ object) { login["options"] = "" }, "options must be an object"},
		"connection":       {func(login, _, _ object) { login["connection"] = "x" }, "connection must be one of: wechat_mini"},
		"scope":            {func(_, _, o object) { o["scope"] = "profile" }, "scope must contain openid"},
		"unknown scope":    {func(_, _, o object) { o["scope"] = "openid x" }, "unknown scope x"},
	} {
		login := wxLogin(srv, code)
		tt.change(login, login["wechatMiniProgramCodePayload"].(object), login["options"].(object))
		reply := c.post("/api/v3/signin-by-mobile", login)
		c.fails(reply, 400, 0)
		assert.Contains(t, reply["message"], tt.message, name)
	}
	_, form := c.form("/api/v3/signin-by-mobile", "code", code)
	c.fails(form, 400, 0)

	login := wxLogin(srv, code)
	login["wechatMiniProgramCodePayload"] = object{"code": code, "encryptedData": "", "iv": ""}
	c.data(c.post("/api/v3/signin-by-mobile", login))
}

func TestV3ClientAuthentication(t *testing.T) {
	t.Parallel()
	send := map[string]func(c v3, body object, form *[]string) v3{
		"none": func(c v3, _ object, form *[]string) v3 {
			*form = append(*form, "client_id", c.srv.AppID())
			return c
		},
		"client_secret_post": func(c v3, body object, form *[]string) v3 {
			body["client_id"], body["client_secret"] = c.srv.AppID(), string(c.srv.AppSecret())
			*form = append(*form, "client_id", c.srv.AppID(), "client_secret", string(c.srv.AppSecret()))
			return c
		},
		"client_secret_basic": func(c v3, _ object, _ *[]string) v3 {
			c.basic = c.srv.AppID() + ":" + string(c.srv.AppSecret())
			return c
		},
		"both": func(c v3, body object, form *[]string) v3 {
			body["client_id"], body["client_secret"] = c.srv.AppID(), string(c.srv.AppSecret())
			*form = append(*form, "client_id", c.srv.AppID(), "client_secret", string(c.srv.AppSecret()))
			c.basic = c.srv.AppID() + ":" + string(c.srv.AppSecret())
			return c
		},
		"wrong secret in the body": func(c v3, body object, form *[]string) v3 {
			body["client_id"], body["client_secret"] = c.srv.AppID(), "x"
			*form = append(*form, "client_id", c.srv.AppID(), "client_secret", "x")
			return c
		},
		"wrong secret in the header": func(c v3, _ object, _ *[]string) v3 {
			c.basic = c.srv.AppID() + ":x"
			return c
		},
	}
	for _, mode := range []authingtest.ClientAuth{authingtest.AuthNone, authingtest.AuthPost, authingtest.AuthBasic} {
		srv, c := setupV3(t, authingtest.Options{App: authingtest.AppOptions{
			ClientAuth: mode, Secret: "密钥+/=:&%", AccessTokenAlg: authingtest.HS256, IDTokenAlg: authingtest.HS256,
		}})
		ann := srv.NewPhone(authingtest.WxUser{})
		for sent, add := range send {
			body, form := wxLogin(srv, ann.Login()), []string{"token", "x"}
			c := add(c, body, &form)
			login := c.post("/api/v3/signin-by-mobile", body)
			status, introspected := c.form("/oidc/token/introspection", form...)
			if sent == string(mode) {
				c.data(login)
				assert.Equal(t, object{"active": false}, introspected, "%s, sent %s", mode, sent)
				continue
			}
			c.fails(login, 401, 0)
			assert.Equal(t, "client authentication failed", login["message"], "%s, sent %s", mode, sent)
			assert.Equal(t, 401, status, "%s, sent %s", mode, sent)
			assert.Equal(t, object{
				"error": "invalid_client", "error_description": "client authentication failed",
			}, introspected, "%s, sent %s", mode, sent)
		}
	}
}

// A fault has the form of the face that is called.
func TestV3Faults(t *testing.T) {
	t.Parallel()
	srv, c := setupV3(t, authingtest.Options{})
	ann := srv.NewPhone(authingtest.WxUser{})
	for name, tt := range map[string]struct {
		fault               authingtest.Fault
		statusCode, apiCode int
	}{
		"statusCode": {authingtest.Fault{Code: 503}, 503, 0},
		"apiCode":    {authingtest.Fault{Code: 2005}, 403, 2005},
		"busy":       {authingtest.Fault{Code: 1000}, 500, 0},
		"WeChat":     {authingtest.Fault{ErrCode: -1}, 602, 0},
	} {
		srv.FailNext("LoginWithWxapp", tt.fault)
		code := ann.Login()
		reply := c.post("/api/v3/signin-by-mobile", wxLogin(srv, code))
		assert.NotEmpty(t, reply["message"], name)
		c.fails(reply, tt.statusCode, tt.apiCode)
		c.data(c.post("/api/v3/signin-by-mobile", wxLogin(srv, code)))
	}
	srv.FailNext("LoginWithWxappPhone", authingtest.Fault{Code: 503})
	c.signIn(ann)
}

func TestV3RequestLog(t *testing.T) {
	t.Parallel()
	srv, c := setupV3(t, authingtest.Options{})
	ann := srv.NewPhone(authingtest.WxUser{})
	code, phoneCode := ann.Login(), ann.GetPhoneNumber().PhoneCode
	tokens := c.data(c.post("/api/v3/signin-by-mobile", wxPhoneLogin(srv, code, phoneCode)))
	refresh := tokens["refresh_token"].(string)
	c.form("/oidc/token", "client_id", srv.AppID(), "grant_type", "refresh_token", "refresh_token", refresh)

	assert.Equal(t, map[string]int{code: 1, phoneCode: 1, refresh: 1}, srv.SpentCodes())
	requests := srv.Requests()
	require.Len(t, requests, 2)
	assert.Equal(t, "app", requests[0].Host)
	assert.True(t, strings.HasPrefix(srv.AppHost(), "http://127.0.0.1:"))
}
