package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

// startApplication runs the server with the application of fake.
func startApplication(t *testing.T, fake *authingtest.Server) *program {
	t.Helper()
	return start(t, map[string]string{
		"AUTHING_APP_HOST": fake.AppHost(), "AUTHING_APP_ID": fake.AppID(), "AUTHING_MINI_PROGRAM": fake.MiniProgram(),
	})
}

func TestApplication(t *testing.T) {
	t.Parallel()
	fake := newFake(t)
	p := startApplication(t, fake)
	ann := fake.NewPhone(authingtest.WxUser{})
	number := ann.User().PhoneNumber

	login := request(t, "POST", p.url+"/api/login", "", map[string]string{"code": ann.Login()})
	require.Equal(t, 200, login.status, login.text)
	require.NotEmpty(t, login.Token)
	assert.Empty(t, login.User.Phone)

	named := request(t, "PATCH", p.url+"/api/me", login.Token, map[string]string{"nickname": "Ann"})
	assert.Equal(t, "Ann", named.User.Nickname, named.text)
	pictured := uploadAvatar(t, p.url, login.Token, formFile("file", "a.png", ann.ChooseAvatar().Content))
	assert.NotEmpty(t, pictured.User.Photo, pictured.text)

	bound := request(t, "POST", p.url+"/api/phone", login.Token, loginBody(ann.Login(), ann.GetPhoneNumber()))
	require.Equal(t, 200, bound.status, bound.text)
	assert.Equal(t, number, bound.User.Phone)
	require.NotEqual(t, login.Token, bound.Token)
	require.NotEmpty(t, bound.Token)

	me := request(t, "GET", p.url+"/api/me", bound.Token, nil)
	assert.Equal(t, profile{login.User.ID, "Ann", pictured.User.Photo, number, me.User.PhoneVerified}, me.User)
	assert.Equal(t, 204, request(t, "POST", p.url+"/api/logout", bound.Token, nil).status)
	assert.Equal(t, "login_required", request(t, "GET", p.url+"/api/me", bound.Token, nil).Error.Reason)
}

func TestApplicationPhone(t *testing.T) {
	t.Parallel()
	fake := newFake(t)
	p := startApplication(t, fake)
	ann := fake.NewPhone(authingtest.WxUser{})
	ben := fake.NewPhone(authingtest.WxUser{PhoneNumber: ann.User().PhoneNumber})
	var tokens []string
	for _, phone := range []*authingtest.Phone{ann, ben} {
		login := request(t, "POST", p.url+"/api/login", "", map[string]string{"code": phone.Login()})
		tokens = append(tokens, login.Token)
	}
	require.Equal(t, 200, request(t, "POST", p.url+"/api/phone", tokens[0], loginBody(ann.Login(), ann.GetPhoneNumber())).status)
	for name, tt := range map[string]struct {
		token  string
		code   string
		detail authing.Detail
		status int
		reason string
	}{
		"declined":      {tokens[1], ben.Login(), ben.Deny("getPhoneNumber"), 403, "user_refused"},
		"without codes": {tokens[1], ben.Login(), authing.Detail{ErrMsg: "getPhoneNumber:ok"}, 400, "bad_request"},
		"number taken":  {tokens[1], ben.Login(), ben.GetPhoneNumber(), 409, "phone_taken"},
	} {
		got := request(t, "POST", p.url+"/api/phone", tt.token, loginBody(tt.code, tt.detail))
		assert.Equal(t, tt.status, got.status, name)
		assert.Equal(t, tt.reason, got.Error.Reason, "%s: %s", name, got.text)
	}

	// A code is used up: what cannot be looked up afterwards is not said to have failed.
	fake.FailNext("User", authingtest.Fault{Status: 403, Body: "{}"})
	login := request(t, "POST", p.url+"/api/login", "", map[string]string{"code": ann.Login()})
	assert.Equal(t, 200, login.status, login.text)
	assert.NotEmpty(t, login.Token)
	assert.NotEmpty(t, login.User.ID)
	fake.FailNext("User", authingtest.Fault{Status: 403, Body: "{}"})
	bound := request(t, "POST", p.url+"/api/phone", tokens[0], loginBody(ann.Login(), ann.GetPhoneNumber()))
	assert.Equal(t, "outcome_unknown", bound.Error.Reason, bound.text)
}

func TestConfigured(t *testing.T) {
	t.Parallel()
	app := func(more ...string) map[string]string {
		env := map[string]string{"AUTHING_APP_HOST": "https://my-shop.authing.cn", "AUTHING_APP_ID": "app", "AUTHING_MINI_PROGRAM": "wx"}
		for i := 0; i < len(more); i += 2 {
			env[more[i]] = more[i+1]
		}
		return env
	}
	for name, tt := range map[string]struct {
		env  map[string]string
		want string // the type, or the error
	}{
		"nothing":        {nil, ""},
		"pool":           {map[string]string{"AUTHING_USERPOOL_ID": "pool"}, "authing.Client"},
		"application":    {app(), "authingv3.Client"},
		"secret":         {app("AUTHING_APP_SECRET", "s"), "authingv3.Client"},
		"secret, basic":  {app("AUTHING_APP_SECRET", "s", "AUTHING_APP_SECRET_IN", "basic"), "authingv3.Client"},
		"secret, typo":   {app("AUTHING_APP_SECRET", "s", "AUTHING_APP_SECRET_IN", "header"), `set it to "body" or "basic"`},
		"no app id":      {app("AUTHING_APP_ID", ""), "AUTHING_APP_ID is missing"},
		"no host":        {app("AUTHING_APP_HOST", ""), "AUTHING_APP_ID needs AUTHING_APP_HOST and"},
		"no source":      {app("AUTHING_MINI_PROGRAM", ""), "and AUTHING_MINI_PROGRAM"},
		"both":           {app("AUTHING_USERPOOL_ID", "pool"), "keep the one"},
		"host, no pool":  {map[string]string{"AUTHING_USERS_HOST": "https://users.example.com"}, "AUTHING_USERPOOL_ID is missing"},
		"malformed pool": {map[string]string{"AUTHING_USERPOOL_ID": "a/b"}, "user pool id"},
	} {
		got, err := configured(func(name string) string { return tt.env[name] })
		switch {
		case tt.want == "":
			assert.NoError(t, err, name)
			assert.Nil(t, got, name)
		case err != nil:
			assert.ErrorContains(t, err, tt.want, name)
		default:
			assert.Contains(t, fmt.Sprint(got), tt.want, name)
		}
	}
}
