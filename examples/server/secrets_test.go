package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// The test collects all secrets while going through the demo, and then looks for them in the log, the trace and the
// error responses.
func TestNoSecretsShown(t *testing.T) {
	t.Parallel()
	const number, mail = "13912345678", "canary@example.com"
	p := start(t, nil)
	zoe := newDemoPhone(t, p, map[string]string{"nickName": "Zoe " + number + " " + mail, "phoneNumber": number})
	secrets := map[string]bool{number: true, mail: true}
	var errorBodies strings.Builder

	api := func(method, path, token string, body any, status int) response {
		t.Helper()
		got := request(t, method, p.url+path, token, body)
		require.Equal(t, status, got.status, got.text)
		if status >= 400 {
			errorBodies.WriteString(got.text)
			errorBodies.WriteString(strings.Join(slices.Concat(slices.Collect(maps.Values(got.header))...), " "))
		}
		if got.Token != "" {
			secrets[got.Token] = true
		}
		return got
	}
	tapped := func(button string, refuse bool) map[string]any {
		code := zoe.login(t)
		detail := zoe.tap(t, map[string]any{"button": button, "refuse": refuse, "generation": "old"})
		for _, s := range []string{code, detail.IV, detail.EncryptedData, detail.Signature, detail.PhoneCode} {
			secrets[s] = true
		}
		return loginBody(code, detail)
	}
	down := func(down bool) {
		request(t, "POST", p.url+"/demo/authing", "", map[string]bool{"down": down})
	}

	login := tapped("getUserInfo", false)
	down(true)
	api("POST", "/api/login", "", login, 503)
	down(false)
	token := api("POST", "/api/login", "", login, 200).Token
	api("POST", "/api/login", "", login, 409)
	api("POST", "/api/login", "", tapped("getUserInfo", true), 403)
	api("POST", "/api/login", "", tapped("getPhoneNumber", false), 400)
	api("POST", "/api/login", "", loginBody(tapped("getUserInfo", false)["code"].(string), authing.Detail{ErrMsg: number + ":fail " + mail}), 400)
	api("POST", "/api/login", "", map[string]any{number: mail, "query": "query " + number, token: int64(13912345678), "message": mail + token}, 400)
	api("POST", "/api/login/"+token, "", nil, 404)
	api("GET", "/api/me", token, nil, 200)
	api("GET", "/api/me?token="+token, "", nil, 401)
	api("GET", "/api/me", token+"x", nil, 401)
	api("PATCH", "/api/me", token, map[string]string{"nickname": "\n" + number + mail + token}, 400)
	for _, status := range []int{200, 401} {
		got := uploadAvatar(t, p.url, map[int]string{200: token, 401: token + "x"}[status], formFile("file", number+".png", zoe.picture(t)))
		require.Equal(t, status, got.status, got.text)
	}
	api("POST", "/api/phone", token, tapped("getUserInfo", false), 400)
	bind := tapped("getPhoneNumber", false)
	api("POST", "/api/phone", token, bind, 200)
	api("POST", "/api/phone", token, bind, 409)
	request(t, "POST", p.url+"/demo/phones/"+zoe.id+"/spend", "", map[string]any{"code": bind["code"]})
	down(true)
	api("GET", "/api/me", token, nil, 503)
	api("GET", "/api/me", strings.ReplaceAll(token, ".", ".A"), nil, 503)
	api("POST", "/api/logout", token, nil, 503)
	down(false)
	api("POST", "/api/logout", token, nil, 204)
	api("GET", "/api/me", token, nil, 401)
	api("POST", "/api/phone", token, tapped("getPhoneNumber", false), 401)

	request(t, "POST", p.url+"/api/login", "", map[string]int{"last": 1})
	next := follow(t, p, "")
	var trace strings.Builder
	for !strings.Contains(trace.String(), `{"last":`) {
		s, ok := next()
		require.True(t, ok)
		trace.WriteString(s.raw + "\n")
	}
	require.NoError(t, p.stop())

	delete(secrets, "")
	require.Greater(t, len(secrets), 20)
	for where, text := range map[string]string{"log": p.log.String(), "trace": trace.String(), "errors": errorBodies.String()} {
		require.NotEmpty(t, text)
		for secret := range secrets {
			assert.False(t, strings.Contains(text, secret), "the %s contains %s", where, secret)
			if len(secret) > 20 {
				assert.False(t, strings.Contains(text, secret[:12]), "the %s contains the beginning of %s", where, secret)
			}
		}
		assert.NotRegexp(t, `[0-9a-zA-Z+=_-]{32}`, text, where)
	}
	assert.Contains(t, trace.String(), "139••••5678")
}
