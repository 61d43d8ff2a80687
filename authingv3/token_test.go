package authingv3_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingv3"
)

func refresh(ctx context.Context, c *authingv3.Client) (any, error) {
	return result(c.Refresh(ctx, "r0+/="))
}

func logout(ctx context.Context, c *authingv3.Client) (any, error) {
	return nil, c.Logout(ctx, "a.b.c")
}

func verify(ctx context.Context, c *authingv3.Client) (any, error) {
	return result(c.VerifyToken(ctx, "a.b.c"))
}

const active = `{"active":true,"sub":"ann","client_id":"` + appID + `","iat":"1583400000","exp":1584696000,"scope":"openid"}`

func TestTokenRequests(t *testing.T) {
	t.Parallel()
	checkRequests(t, []request{
		{name: "Refresh", do: refresh, path: "/oidc/token", responses: []string{tokens},
			body: "client_id=" + appID + "&grant_type=refresh_token&refresh_token=r0%2B%2F%3D"},
		{name: "Logout", do: logout, path: "/oidc/token/revocation", responses: []string{""}, body: "client_id=" + appID + "&token=a.b.c"},
		{name: "VerifyToken", do: verify, path: "/oidc/token/introspection", responses: []string{active},
			body: "client_id=" + appID + "&token=a.b.c"},
	})
}

func TestTokenMissing(t *testing.T) {
	t.Parallel()
	client, got := setup(t, http.StatusOK, nothing)
	ctx := context.Background()
	_, refreshed := client.Refresh(ctx, "")
	_, verified := client.VerifyToken(ctx, "")
	for text, err := range map[string]error{
		"authing: Refresh: no refresh token: nothing was sent": refreshed,
		"authing: Logout: no token: nothing was sent":          client.Logout(ctx, ""),
		"authing: VerifyToken: no token: nothing was sent":     verified,
	} {
		require.ErrorIs(t, err, authing.ErrLoginRequired)
		require.EqualError(t, err, text)
	}
	_, err := client.Refresh(ctx, "\xff")
	require.ErrorIs(t, err, authing.ErrInvalidArgument)
	assert.Empty(t, got.All())
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	client, _ := setup(t, http.StatusOK, tokens)
	login, err := client.Refresh(context.Background(), "r0")
	require.NoError(t, err)
	assert.Equal(t, authing.Secret("r1"), login.RefreshToken)
	assert.Equal(t, "ann", login.UserID)
	assert.Equal(t, tokens, string(login.Raw()))

	client, _ = setup(t, http.StatusOK, `{"access_token":"a"}`)
	login, err = client.Refresh(context.Background(), "r0")
	require.NoError(t, err)
	assert.Equal(t, authing.Secret("r0"), login.RefreshToken, "RFC 6749, section 6")
}

func TestRefreshFailures(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status         int
		body, text     string
		unknown, login bool
	}{
		{400, `{"error":"invalid_grant","error_description":"grant request is invalid"}`, "invalid_grant: grant request is invalid (HTTP 400): " +
			"the token has expired or was used", false, true},
		{200, `{"error":"invalid_grant"}`, "invalid_grant (HTTP 200)", false, true},
		{401, `{"error":"invalid_client"}`, "compare WithAppSecret with", false, false},
		{400, `{"error":"unsupported_grant_type"}`, "lacks the grant type", false, false},
		{500, `{"error":"invalid_grant"}`, "the call may have taken effect: do not repeat it with the same refresh token", true, true},
		{600, `{"error":"invalid_grant"}`, "the call may have taken effect", true, true},
		{429, `{"statusCode":429,"message":"slow"}`, "slow (code 429, HTTP 429): wait before you call again", false, false},
		{200, `{"statusCode":403,"message":"no"}`, "no (code 403", false, false},
		{200, `{"error":"invalid_grant","access_token":"a"}`, "invalid_grant (HTTP 200)", false, true},
		{200, `{"statusCode":403,"message":"no","access_token":"a"}`, "no (code 403", false, false},
		{200, `{"id_token":"x"}`, "the service reported success but sent no access token", true, false},
		{200, `client authentication failed`, "a response that is not Authing's", true, false},
		{200, ``, "an empty response", true, false},
		{302, tokens, "redirects are not followed", true, false},
	} {
		e := failure(t, tt.status, tt.body, refresh)
		require.ErrorContains(t, e, tt.text, tt.body)
		assert.Equal(t, tt.unknown, isUnknown(e), tt.body)
		assert.Equal(t, tt.login, isLoginRequired(e), tt.body)
	}
}

func TestLogout(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", " ", "{}", nothing, enveloped(`{"success":true}`), enveloped("null"), `{"statusCode":"200"}`, enveloped(`{"success":"ok"}`)} {
		client, _ := setup(t, http.StatusOK, body)
		require.NoError(t, client.Logout(context.Background(), "a"), body)
	}
	for body, text := range map[string]string{
		enveloped(`{"success":0}`): "the service did not do it and does not say why", `{"error":"invalid_client"}`: "invalid_client",
		`{"statusCode":403,"message":"no"}`: "no (code 403", "<html>": "not Authing's", `"ok"`: "not Authing's",
	} {
		e := failure(t, http.StatusOK, body, logout)
		require.ErrorContains(t, e, text)
	}
	for _, status := range []int{204, 400, 500} {
		client, _ := setup(t, status, "")
		err := client.Logout(context.Background(), "a")
		assert.Equal(t, status == 204, err == nil, status)
	}
}

func TestVerifyToken(t *testing.T) {
	t.Parallel()
	client, _ := setup(t, http.StatusOK, active)
	info, err := client.VerifyToken(context.Background(), "a")
	require.NoError(t, err)
	assert.Equal(t, "ann", info.UserID)
	assert.Equal(t, time.Unix(1583400000, 0).UTC(), info.IssuedAt.UTC())
	assert.Equal(t, time.Unix(1584696000, 0).UTC(), info.ExpiresAt.UTC())
	assert.JSONEq(t, active, string(info.Raw()))

	for body, text := range map[string]string{
		`{"active":false}`: "authing: VerifyToken: the token is not active (HTTP 200): sign in again",
		`{"active":true,"sub":"ann","client_id":"other"}`: "the token belongs to another application",
		`{"active":true,"client_id":"` + appID + `"}`:     "the token belongs to no user",
	} {
		e := failure(t, http.StatusOK, body, verify)
		require.ErrorIs(t, e, authing.ErrLoginRequired, body)
		require.ErrorContains(t, e, text)
	}
	// These say nothing about the token.
	for body, status := range map[string]int{
		`{"error":"invalid_client"}`: 401, `{"error":"invalid_grant"}`: 400, `{"statusCode":401,"apiCode":2020,"message":"no"}`: 200,
		`{"active":true,"sub":"ann","client_id":["other"]}`: 200, `{"active":true,"sub":"ann","error":{}}`: 200,
		`{"statusCode":429,"apiCode":2020,"message":"slow"}`: 200, `{"active":"false"}`: 200, `{"active":0}`: 200, `{}`: 200, "<html>": 200, active: 500, `{"active":false}`: 403, "": 200, "null": 200,
	} {
		e := failure(t, status, body, verify)
		require.NotErrorIs(t, e, authing.ErrLoginRequired, body)
		require.NotErrorIs(t, e, authing.ErrOutcomeUnknown, body)
		assert.Equal(t, strings.Contains(body, "429"), errors.Is(e, authing.ErrRateLimited), body)
	}
}
