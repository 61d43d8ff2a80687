package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

// visitor is a user of a fake service, with the flags that lead there.
type visitor struct {
	*authingtest.Phone
	srv   *authingtest.Server
	flags []string
}

func visit(t *testing.T) visitor {
	srv := authingtest.NewServer(authingtest.Options{})
	t.Cleanup(srv.Close)
	return visitor{srv.NewPhone(authingtest.WxUser{NickName: "Ann"}), srv,
		[]string{"-users", srv.UsersURL(), "-oauth", srv.OAuthURL(), "-pool", srv.UserPoolID()}}
}

func (v visitor) args(more ...string) []string {
	return append(append([]string(nil), v.flags...), more...)
}

func file(t *testing.T, detail authing.Detail) string {
	text, err := json.Marshal(detail)
	require.NoError(t, err)
	name := filepath.Join(t.TempDir(), "detail.json")
	require.NoError(t, os.WriteFile(name, text, 0o600))
	return name
}

func TestWithFlags(t *testing.T) {
	t.Parallel()
	ann := visit(t)
	code := ann.Login()
	text, err := json.Marshal(ann.GetUserInfo())
	require.NoError(t, err)

	var out strings.Builder
	require.NoError(t, run(context.Background(), ann.args("-code", code, "-detail", "-"),
		strings.NewReader(string(text)), &out))
	assert.Contains(t, out.String(), "nickname Ann")
	assert.NotContains(t, out.String(), "phone bound")
	assert.NotContains(t, out.String(), code)
}

func TestApplication(t *testing.T) {
	t.Parallel()
	ann := visit(t)
	app := []string{"-app", ann.srv.AppID(), "-host", ann.srv.AppHost(), "-mini-program", ann.srv.MiniProgram()}
	code := ann.Login()
	var out strings.Builder
	require.NoError(t, run(context.Background(), append(app, "-code", code), nil, &out))
	assert.Regexp(t, `signed in +user [0-9a-f]{24}, scope openid .*, refresh token true, access token {"alg":"RS256".*}, until `, out.String())
	assert.Contains(t, out.String(), "phone none, openid true, unionid true")
	assert.Contains(t, out.String(), "Authing accepts the token")
	require.NoError(t, run(context.Background(), append(app, "-code", ann.Login(), "-phone-code", ann.GetPhoneNumber().PhoneCode), nil, &out))
	assert.Contains(t, out.String(), "phone 138…")
	assert.NotContains(t, out.String(), code)

	require.ErrorIs(t, run(context.Background(), append(app, "-code", code), nil, &out), authing.ErrCodeInvalid)
	require.ErrorContains(t, run(context.Background(), append(app, "-code", code, "-detail", "-"), nil, &out), "neither -detail")
	require.ErrorContains(t, run(context.Background(), append(app, "-mini-program", "", "-code", code), nil, &out), "identity source is empty")
}

func TestHeader(t *testing.T) {
	t.Parallel()
	assert.JSONEq(t, `{"alg":"RS256"}`, header("eyJhbGciOiJSUzI1NiJ9.e30.x"))
	assert.Equal(t, "not a JWT", header("b3BhcXVl"), "which is base64 by chance")
}

func TestFailures(t *testing.T) {
	t.Parallel()
	ann := visit(t)
	code := ann.Login()
	detail := file(t, ann.GetUserInfo())
	require.NoError(t, run(context.Background(), ann.args("-code", code, "-detail", detail), nil, &strings.Builder{}))

	fresh, phone := ann.Login(), ann.GetPhoneNumber()
	phoneDetail := file(t, phone)
	t.Cleanup(func() { assert.Zero(t, ann.srv.SpentCodes()[fresh], "a code was spent before the flags were checked") })
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	const closed = "127.0.0.1:1" // a port that no other test can be given

	for name, tt := range map[string]struct {
		ctx  context.Context
		args []string
		want string
	}{
		"refused":      {args: ann.args("-code", code, "-detail", file(t, ann.Deny("getUserInfo"))), want: "the user declined"},
		"used code":    {args: ann.args("-code", code, "-detail", detail), want: "call wx.login again"},
		"wrong pool":   {args: ann.args("-pool", "nobody", "-code", code, "-detail", detail), want: "the user pool does not exist"},
		"no network":   {args: ann.args("-oauth", "http://"+closed, "-code", code, "-detail", detail), want: "could not be reached"},
		"interrupted":  {ctx: ended, args: ann.args("-code", code, "-detail", detail), want: "context canceled"},
		"no pool":      {args: []string{"-pool", "", "-code", code, "-detail", detail}, want: "user pool id is empty"},
		"no flags":     {args: nil, want: "give both -code and -detail"},
		"no detail":    {args: ann.args("-code", code), want: "give both -code and -detail"},
		"no such file": {args: ann.args("-code", code, "-detail", detail+"x"), want: "no such file"},
		"not JSON":     {args: ann.args("-code", code, "-detail", "main.go"), want: "does not contain e.detail as JSON"},
		"unknown flag": {args: []string{"-nonsense"}, want: "not defined"},
		"no flag":      {args: []string{"offline"}, want: "not a flag"},
		"half a bind":  {args: ann.args("-code", fresh, "-detail", detail, "-bind-code", "x"), want: "both -bind-code and -bind-detail"},
		"stdin twice":  {args: ann.args("-code", fresh, "-detail", "-", "-bind-code", "x", "-bind-detail", "-"), want: "standard input"},
		"one code":     {args: ann.args("-code", fresh, "-detail", detail, "-bind-code", fresh, "-bind-detail", phoneDetail), want: "two calls need two codes"},
		"empty bind":   {args: ann.args("-code", fresh, "-detail", detail, "-bind-code", "x", "-bind-detail", file(t, authing.Detail{})), want: "detail has no errMsg"},
		"denied bind":  {args: ann.args("-code", fresh, "-detail", detail, "-bind-code", "x", "-bind-detail", file(t, ann.Deny("getPhoneNumber"))), want: "the user declined"},
		"wrong bind":   {args: ann.args("-code", fresh, "-detail", detail, "-bind-code", "x", "-bind-detail", detail), want: "this detail comes from another API"},
		"phone code":   {args: ann.args("-code", fresh, "-detail", detail, "-bind-code", phone.PhoneCode, "-bind-detail", phoneDetail), want: "the phone code of the button"},
		"bad bind":     {args: ann.args("-code", fresh, "-detail", detail, "-bind-code", "x", "-bind-detail", "main.go"), want: "e.detail as JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := tt.ctx
			if ctx == nil {
				ctx = context.Background()
			}
			err := run(ctx, tt.args, strings.NewReader(""), &strings.Builder{})
			require.ErrorContains(t, err, tt.want)
			assert.NotContains(t, err.Error(), "\n", "one sentence, not a report")
		})
	}
}

// Ctrl-C has to end the program while it waits for input.
func TestInterruptedWhileReading(t *testing.T) {
	t.Parallel()
	ann := visit(t)
	silent, _ := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := run(ctx, ann.args("-code", "c", "-detail", "-"), silent, &strings.Builder{})
	require.ErrorIs(t, err, context.Canceled)
}

func TestBindFlags(t *testing.T) {
	t.Parallel()
	srv := authingtest.NewServer(authingtest.Options{MinKeyAge: authingtest.KeepKey})
	t.Cleanup(srv.Close)
	ann := srv.NewPhone(authingtest.WxUser{NickName: "Ann", PhoneNumber: "13912345678"})
	var out strings.Builder
	require.NoError(t, run(context.Background(), []string{
		"-users", srv.UsersURL(), "-oauth", srv.OAuthURL(), "-pool", srv.UserPoolID(),
		"-code", ann.Login(), "-detail", file(t, ann.GetUserInfo()),
		"-bind-code", ann.Login(), "-bind-detail", file(t, ann.GetPhoneNumber()),
	}, nil, &out))
	assert.Contains(t, out.String(), "nickname Ann, phone 139…78, token [redacted], until ")
	assert.NotContains(t, out.String(), "13912345678")
	require.NotNil(t, srv.UserByPhone("13912345678"))
}
