package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// v3 sends a request to today's API with the printed values.
func (p *program) v3(t *testing.T, method, path, token, body string) (v map[string]any) {
	t.Helper()
	req, err := http.NewRequest(method, p.app+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header = http.Header{"Content-Type": {"application/json"}, "X-Authing-App-Id": {p.appID}, "Authorization": {token}}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&v))
	return v
}

func (p *program) v3Login(t *testing.T) map[string]any {
	t.Helper()
	return p.v3(t, "POST", "/api/v3/signin-by-mobile", "", `{"connection":"wechat_mini_program_code_and_phone",`+
		`"extIdpConnidentifier":"`+p.source+`","wechatMiniProgramCodeAndPhonePayload":{`+
		`"wxLoginInfo":{"code":"`+p.login(t, "1")+`"},`+
		`"wxPhoneInfo":{"code":"`+p.detail(t, "/phones/1/getPhoneNumber").PhoneCode+`"}}}`)
}

func TestTodaysAPI(t *testing.T) {
	t.Parallel()
	p := start(t, "-appid", "app-1", "-appsecret", "s3cret", "-source", "shop", "-access-token-alg", "HS256", "-tenant", "t-1")
	assert.Equal(t, []string{"app-1", "s3cret", "shop"}, []string{p.appID, p.appSecret, p.source})
	config := p.must(t, "GET", "/config", "")
	assert.Equal(t, []any{p.app, p.app + "/oidc", "app-1"}, []any{config["app"], config["issuer"], config["appId"]})
	p.must(t, "POST", "/phones", "")

	token := p.v3Login(t)["data"].(map[string]any)["access_token"].(string)
	assert.True(t, strings.HasPrefix(token, "eyJhbGciOiJIUzI1NiI"), "HS256")
	id := p.v3(t, "GET", "/api/v3/get-profile", token, "")["data"].(map[string]any)["userId"].(string)
	p.must(t, "DELETE", "/users/"+id+"/tokens", "")
	assert.EqualValues(t, 2020, p.v3(t, "GET", "/api/v3/get-profile", token, "")["apiCode"])

	keys := func() any { return p.v3(t, "GET", "/oidc/.well-known/jwks.json", "", "")["keys"] }
	before := keys()
	p.must(t, "POST", "/keys", "")
	assert.Len(t, keys(), 2)
	p.must(t, "DELETE", "/keys", "")
	assert.Len(t, keys(), 1)
	assert.NotEqual(t, before, keys())

	modes := p.must(t, "PUT", "/app", `{"clientAuth":"client_secret_post","tokenLifetime":"1h"}`)
	assert.Equal(t, map[string]any{
		"clientAuth": "client_secret_post", "accessTokenAlg": "HS256", "idTokenAlg": "RS256", "lifetimeField": "expires_in",
		"tokenLifetime": "1h0m0s", "noRefreshTokens": false, "loginOnly": false, "flatPhone": false, "tenants": []any{"t-1"},
	}, modes)
	assert.Equal(t, modes, p.must(t, "GET", "/app", ""))
	assert.Equal(t, "client authentication failed", p.v3Login(t)["message"])

	for _, body := range []string{`{"clientAuth":"x"}`, `{"idTokenAlg":"none"}`, `{"lifetimeField":"x"}`, `{"tokenLifetime":"x"}`} {
		status, _ := p.do(t, "PUT", "/app", body)
		assert.Equal(t, 400, status, body)
	}
}
