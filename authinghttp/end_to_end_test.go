package authinghttp

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

// A token is accepted until its user signs out, or until the TTL after that ends.
func TestLoginToLogout(t *testing.T) {
	t.Parallel()
	const ttl = 30 * time.Second
	clk := &clock{now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	srv := authingtest.NewServer(authingtest.Options{Clock: clk.Now})
	t.Cleanup(srv.Close)
	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	require.NoError(t, err)
	verifier := Cache(client, CacheOptions{TTL: ttl})
	verifier.now = clk.Now
	h := RequireLogin(verifier)(whoAmI)
	requests := func() int { return len(srv.Requests()) }

	ctx, ann := context.Background(), srv.NewPhone(authingtest.WxUser{NickName: "Ann"})
	user, err := client.LoginWithWxapp(ctx, ann.Login(), ann.GetUserInfo())
	require.NoError(t, err)
	bearer := "Bearer " + string(user.Token)
	for range 2 {
		resp := get(h, bearer)
		require.Equal(t, http.StatusOK, resp.StatusCode)
		assert.Equal(t, "true true "+user.ID+" "+string(user.Token), text(t, resp))
	}
	require.Equal(t, 2, requests(), "the login and one verification")

	require.NoError(t, client.As(user.Token).Logout(ctx, user.ID))
	clk.advance(ttl - 1)
	assert.Equal(t, http.StatusOK, get(h, bearer).StatusCode, "still cached")
	assert.Equal(t, 3, requests(), "the logout, and no further verification")
	clk.advance(1)
	resp := get(h, bearer)
	assert.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	assert.Contains(t, resp.Header.Get("WWW-Authenticate"), `error="invalid_token"`)

	again, err := client.LoginWithWxapp(ctx, ann.Login(), ann.GetUserInfo())
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, get(h, "Bearer "+string(again.Token)).StatusCode, "the cached rejection does not affect a new login")
}

func TestOutageIsNotALogout(t *testing.T) {
	t.Parallel()
	srv := authingtest.NewServer(authingtest.Options{})
	t.Cleanup(srv.Close)
	client, err := authing.NewClient(srv.UserPoolID(), append(srv.ClientOptions(), authing.WithReadRetries(0))...)
	require.NoError(t, err)
	h := RequireLogin(Cache(client, CacheOptions{}))(whoAmI)
	bearer := "Bearer " + string(srv.AddUser(authing.User{Username: "ann"}).Token)

	srv.FailNext("VerifyToken", authingtest.Fault{Drop: true})
	resp := get(h, bearer)
	assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	assert.NotEmpty(t, resp.Header.Get("Retry-After"))
	assert.Equal(t, http.StatusOK, get(h, bearer).StatusCode)
}
