package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// program is a fakeserver that runs, with what it printed.
type program struct {
	users, oauth, phone, pool, appID string

	stop    context.CancelFunc
	stopped chan error
}

func start(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	printed, out := io.Pipe()
	p := &program{stop: cancel, stopped: make(chan error, 1)}
	args = append([]string{"-users", "127.0.0.1:0", "-oauth", "127.0.0.1:0", "-phone", "127.0.0.1:0"}, args...)
	go func() {
		err := run(ctx, args, out)
		out.CloseWithError(err)
		p.stopped <- err
	}()
	_, err := fmt.Fscanf(printed, "users %s\noauth %s\nphone %s\npool %s\nappid %s\n",
		&p.users, &p.oauth, &p.phone, &p.pool, &p.appID)
	require.NoError(t, err)
	return p
}

// post returns the status of the answer and decodes its JSON into v.
func (p *program) post(t *testing.T, path, body string, v any) int {
	t.Helper()
	resp, err := http.Post(p.phone+path, "application/json", strings.NewReader(body))
	require.NoError(t, err)
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		require.NoError(t, json.NewDecoder(resp.Body).Decode(v))
	}
	return resp.StatusCode
}

func (p *program) login(t *testing.T, id string) string {
	t.Helper()
	var login struct{ ErrMsg, Code string }
	require.Equal(t, http.StatusOK, p.post(t, "/phones/"+id+"/login", "", &login))
	require.Equal(t, "login:ok", login.ErrMsg)
	return login.Code
}

func (p *program) detail(t *testing.T, path string) (d authing.Detail) {
	t.Helper()
	require.Equal(t, http.StatusOK, p.post(t, path, "", &d))
	return d
}

func TestSignInAndBind(t *testing.T) {
	t.Parallel()
	p := start(t, "-pool", "pool-1", "-appid", "wx0000000000000001")
	assert.Equal(t, "pool-1", p.pool)
	assert.Equal(t, "wx0000000000000001", p.appID)
	client, err := authing.NewClient(p.pool, authing.WithHosts(authing.Hosts{Users: p.users, OAuth: p.oauth}))
	require.NoError(t, err)
	var ann, other struct{ ID, OpenID, PhoneNumber string }
	require.Equal(t, http.StatusOK, p.post(t, "/phones", `{"nickName":"Ann <3","phoneNumber":"13900000001"}`, &ann))
	require.Equal(t, http.StatusOK, p.post(t, "/phones", "", &other))
	assert.Equal(t, "13900000001", ann.PhoneNumber)
	assert.NotEqual(t, ann.ID, other.ID)
	ctx, phone := context.Background(), "/phones/"+ann.ID

	user, err := client.LoginWithWxapp(ctx, p.login(t, ann.ID), p.detail(t, phone+"/getUserInfo"))
	require.NoError(t, err)
	assert.Equal(t, "Ann <3", user.Nickname)
	assert.Equal(t, ann.OpenID, user.OpenID)

	asAnn := client.As(user.Token)
	user, err = asAnn.BindPhone(ctx, p.login(t, ann.ID), p.detail(t, phone+"/getPhoneNumber"))
	require.NoError(t, err)
	assert.Equal(t, "13900000001", user.Phone)
	_, err = asAnn.BindPhone(ctx, p.login(t, ann.ID), p.detail(t, phone+"/getRealtimePhoneNumber"))
	assert.NoError(t, err)
	again, err := client.LoginWithWxapp(ctx, p.login(t, ann.ID), p.detail(t, phone+"/getUserProfile"))
	require.NoError(t, err)
	assert.Equal(t, user.ID, again.ID)

	_, err = asAnn.BindPhone(ctx, p.login(t, ann.ID), p.detail(t, phone+"/getPhoneNumber?deny"))
	assert.ErrorIs(t, err, authing.ErrUserRefused)
	failed := p.detail(t, phone+"/getPhoneNumber?fail=no+permission&errno=1400001")
	assert.Equal(t, authing.Detail{ErrMsg: "getPhoneNumber:fail no permission", Errno: 1400001}, failed)

	p.stop()
	assert.NoError(t, <-p.stopped)
}

func TestRefusedRequests(t *testing.T) {
	t.Parallel()
	p := start(t)
	var ignored any
	for path, want := range map[string]int{
		"/phones/1/login":       http.StatusNotFound,
		"/phones/0/login":       http.StatusNotFound,
		"/phones/x/getUserInfo": http.StatusNotFound,
		"/":                     http.StatusNotFound,
	} {
		assert.Equal(t, want, p.post(t, path, "", &ignored), path)
	}
	assert.Equal(t, http.StatusBadRequest, p.post(t, "/phones", "{", &ignored))
	assert.Equal(t, http.StatusBadRequest, p.post(t, "/phones", `{"nickname2":"Ann"}`, &ignored))
}

func TestHelpNamesAllEndpoints(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(context.Background(), []string{"-h"}, &out))
	for _, word := range []string{
		"/phones ", "/phones/{id}/login", "/getUserInfo", "getUserProfile", "/getPhoneNumber", "getRealtimePhoneNumber", "?deny", "?fail",
		"curl", "-users", "-oauth", "-phone", "-pool", "-appid",
	} {
		assert.Contains(t, out.String(), word)
	}
}

func TestBadArguments(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	free := "127.0.0.1:0"
	assert.Error(t, run(context.Background(), []string{"-nonsense"}, io.Discard))
	for _, name := range []string{"-users", "-oauth", "-phone"} {
		args := []string{"-users", free, "-oauth", free, "-phone", free, name, taken.Addr().String()}
		assert.ErrorContains(t, run(context.Background(), args, io.Discard), "address already in use", name)
	}
}
