package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// do sends a request to the control API and returns the status and the decoded reply.
func (p *program) do(t *testing.T, method, path, body string) (int, any) {
	t.Helper()
	req, err := http.NewRequest(method, p.phone+"/control"+path, strings.NewReader(body))
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	var v any
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&v))
	return resp.StatusCode, v
}

// must returns the reply of a request that succeeds.
func (p *program) must(t *testing.T, method, path, body string) map[string]any {
	t.Helper()
	status, v := p.do(t, method, path, body)
	require.Equal(t, http.StatusOK, status, v)
	object, _ := v.(map[string]any)
	return object
}

func TestControlAccounts(t *testing.T) {
	t.Parallel()
	p := start(t)
	client, ctx := p.client(t), context.Background()
	user := p.must(t, "POST", "/users", `{"email":"ann@example.com","phone":"13900000001","nickname":"Ann"}`)
	id := user["_id"].(string)
	asAnn := client.As(authing.Secret(user["token"].(string)))
	login := func() error {
		_, err := client.Login(ctx, authing.LoginParams{Email: "ann@example.com", Password: "password"})
		return err
	}
	code := func(err error) int {
		var e *authing.Error
		require.ErrorAs(t, err, &e)
		return e.Code
	}

	p.must(t, "PUT", "/users/"+id+"/password", `{"password":"password"}`)
	assert.NoError(t, login())
	p.must(t, "PUT", "/users/"+id+"/mfa", `{"on":true}`)
	assert.Equal(t, 1635, code(login()))
	assert.Equal(t, true, p.must(t, "PUT", "/users/"+id+"/blocked", `{"on":true}`)["blocked"])
	assert.Equal(t, 2005, code(login()))
	p.must(t, "PUT", "/users/"+id+"/blocked", `{"on":false}`)

	app := p.must(t, "POST", "/users/"+id+"/apps", `{"name":"Shop"}`)
	p.must(t, "POST", "/users/"+id+"/oidcapps", `{"name":"Shop 2"}`)
	apps, err := asAnn.GetAuthedAppList(ctx, id, authing.ListOptions{})
	require.NoError(t, err)
	assert.Equal(t, app["id"], apps.OAuthApps[0].ID)
	assert.Equal(t, "Shop 2", apps.OIDCApps[0].Name)

	p.must(t, "PUT", "/ldap/bob", `{"password":"secret"}`)
	_, err = client.LoginByLDAP(ctx, "bob", "secret")
	assert.NoError(t, err)

	_, list := p.do(t, "GET", "/users?phone=13900000001", "")
	assert.Len(t, list, 1)
	_, list = p.do(t, "GET", "/users?phone=13900000002", "")
	assert.Empty(t, list)
	_, list = p.do(t, "GET", "/users", "")
	assert.Len(t, list, 2)
	assert.Equal(t, true, p.must(t, "DELETE", "/users/"+id, "")["isDeleted"])
	assert.Equal(t, "Ann", p.must(t, "GET", "/users/"+id, "")["nickname"])
}

func TestControlFaultsRequestsAndClock(t *testing.T) {
	t.Parallel()
	p := start(t, "-now", "2030-01-02T03:04:05Z", "-keep-requests", "2")
	client, ctx := p.client(t), context.Background()
	assert.Contains(t, p.must(t, "GET", "/clock", "")["now"], "2030-01-02T03:04:")
	p.must(t, "POST", "/phones", "")
	assert.Equal(t, "checkSession:fail session_key is invalid", p.must(t, "POST", "/phones/1/checkSession", "")["errMsg"])
	code := p.login(t, "1")
	assert.Equal(t, "checkSession:ok", p.must(t, "POST", "/phones/1/checkSession", "")["errMsg"])
	picture := p.must(t, "POST", "/phones/1/chooseAvatar", "")
	assert.Regexp(t, `^http://tmp/\w+\.png$`, picture["avatarUrl"])
	assert.Regexp(t, "^iVBORw0KGgo", picture["image"], "a PNG")

	p.must(t, "POST", "/faults", `{"op":"LoginWithWxapp","when":"after","delay":"1ms","drop":true}`)
	_, err := client.LoginWithWxapp(ctx, code, p.detail(t, "/phones/1/getUserInfo"))
	assert.ErrorIs(t, err, authing.ErrOutcomeUnknown)
	assert.EqualValues(t, 1, p.must(t, "GET", "/codes", "")[code])

	p.must(t, "POST", "/faults", `{"op":"JWKS"}`)
	p.must(t, "POST", "/faults", `{"op":"BindWxapp"}`)

	code = p.login(t, "1")
	p.must(t, "POST", "/clock", `{"advance":"6m"}`)
	_, err = client.LoginWithWxapp(ctx, code, p.detail(t, "/phones/1/getUserInfo"))
	assert.ErrorContains(t, err, "older than five minutes", "the code has expired")
	p.must(t, "POST", "/clock", `{"now":"2040-01-01T00:00:00Z"}`)
	assert.Contains(t, p.must(t, "GET", "/clock", "")["now"], "2040-01-01T00:00:")

	_, err = client.LoginWithWxapp(ctx, p.login(t, "1"), p.detail(t, "/phones/1/getUserInfo"))
	require.NoError(t, err)
	sent := p.must(t, "GET", "/requests", "")
	assert.EqualValues(t, 3, sent["count"])
	assert.Len(t, sent["requests"], 2)
	last := p.must(t, "GET", "/requests?last=1", "")["requests"].([]any)[0].(map[string]any)
	assert.Equal(t, "/oauth/wechatapp/auth/"+p.pool, last["path"])
	assert.Contains(t, last["body"], "encryptedData")

	config := p.must(t, "GET", "/config", "")
	assert.Equal(t, p.pool, config["userPoolId"])
	assert.Contains(t, config["publicKey"], "PUBLIC KEY")
}

// Every error has one shape, whatever causes it.
func TestControlErrors(t *testing.T) {
	t.Parallel()
	p := start(t)
	p.must(t, "POST", "/phones", "")
	id := p.must(t, "POST", "/users", "")["_id"].(string)
	for request, want := range map[string]int{
		"GET /nothing": 404, "DELETE /phones": 404, "GET /users/x": 404, "POST /phones/9/login": 404, "GET /sms/1": 404,
		"PUT /users/x/blocked {\"on\":true}": 404, "POST /users/x/apps {}": 404,
		"PUT /users/" + id + "/blocked {}":             400,
		"PUT /users/" + id + "/blocked [":              400,
		"PUT /users/" + id + "/mfa {\"no\":1}":         400,
		"PUT /ldap/bob {}":                             400,
		"POST /faults {}":                              400,
		`POST /faults {"op":"Logn"}`:                   400,
		`POST /faults {"op":"As"}`:                     400,
		`POST /faults {"op":"Login","when":"x"}`:       400,
		`POST /faults {"op":"Login","delay":"x"}`:      400,
		`POST /faults {"op":"Login","delay":"-5s"}`:    400,
		`POST /faults {"op":"Login","status":42}`:      400,
		`POST /users {"emial":"ann@example.com"}`:      400,
		"POST /users/" + id + `/oidcapps {"foo":1}`:    400,
		"PUT /users/" + id + "/password":               400,
		`POST /clock {"now":"2500-01-01T00:00:00Z"}`:   400,
		`POST /clock {"now":"1500-01-01T00:00:00Z"}`:   400,
		`POST /clock {}`:                               400,
		`POST /clock {"advance":"x"}`:                  400,
		`POST /phones {} {}`:                           400,
		"GET /requests?last=x":                         400,
		"POST /phones/1/getPhoneNumber?fail=x&errno=y": 400,
	} {
		parts := strings.SplitN(request+"  ", " ", 3)
		status, v := p.do(t, parts[0], parts[1], parts[2])
		assert.Equal(t, want, status, request)
		shape, ok := v.(map[string]any)["error"].(map[string]any)
		require.True(t, ok, request)
		assert.EqualValues(t, want, shape["status"], request)
		assert.NotEmpty(t, shape["message"], request)
	}
}

func TestBrowsersMayCall(t *testing.T) {
	t.Parallel()
	for origin, want := range map[string]string{"*": "*", "http://app.test": "http://app.test", "": ""} {
		p := start(t, "-origin", origin)
		for _, url := range []string{p.phone + "/control/phones", p.users + "/graphql", p.oauth + "/graphql", p.upload + "/", p.app + "/"} {
			req, err := http.NewRequest("OPTIONS", url, nil)
			require.NoError(t, err)
			resp, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			resp.Body.Close()
			assert.Equal(t, want, resp.Header.Get("Access-Control-Allow-Origin"), url)
		}
	}
}

func TestFlagsReachTheServer(t *testing.T) {
	t.Parallel()
	p := start(t, "-host", "authing.test", "-no-unionid", "-realtime-encrypted", "-wechat-status", "502",
		"-wechat-body", `{"code":{errcode},"message":{errmsg}}`)
	assert.True(t, strings.HasPrefix(p.users, "http://authing.test:"), p.users)
	port := func(url string) string { return "http://127.0.0.1" + url[strings.LastIndex(url, ":"):] }
	p.phone = port(p.phone)
	assert.Empty(t, p.must(t, "POST", "/phones", "")["unionId"])
	assert.NotEmpty(t, p.must(t, "POST", "/phones/1/getRealtimePhoneNumber", "")["encryptedData"])
	resp, err := http.Post(port(p.oauth)+"/oauth/wechatapp/auth/"+p.pool, "application/json",
		strings.NewReader(`{"code":"x","iv":"x","encryptedData":"x"}`))
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, 502, resp.StatusCode)
	assert.Regexp(t, `^\{"code":40029,"message":"invalid code, rid: [0-9a-f-]+"\}$`, string(text))
}

// The help and the document list every route, and the document shows the table as the program makes it.
func TestRoutesAreDocumented(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile(filepath.Join("..", "..", "docs", "fakeserver.md"))
	require.NoError(t, err)
	assert.Contains(t, string(document), markdownTable())
	var help bytes.Buffer
	require.NoError(t, run(context.Background(), []string{"-h"}, &help))
	for _, r := range routes() {
		assert.Contains(t, help.String(), prefix+r.path)
		assert.Contains(t, help.String(), r.help)
	}
	for _, word := range []string{"JavaScript SDK", "/graphql", "public key", "up.qiniup.com"} {
		assert.Contains(t, help.String(), word)
		assert.Contains(t, string(document), word)
	}
	for _, name := range regexp.MustCompile("`(-[a-z-]+)`").FindAllStringSubmatch(string(document), -1) {
		if name[1] != "-h" {
			assert.Contains(t, help.String(), "\n  "+name[1], "the flag exists")
		}
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	var c clock
	c.set(time.Unix(1e9, 0))
	c.advance(time.Hour)
	assert.WithinDuration(t, time.Unix(1e9+3600, 0), c.Now(), 5*time.Second)

	for _, far := range []time.Duration{math.MinInt64, math.MaxInt64} {
		c := clock{offset: far / 2}
		assert.Error(t, c.advance(far/2+far/4), "a time.Duration cannot hold the sum")
		assert.Equal(t, far/2, c.offset)
	}
}
