package authingv3_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

func TestLoginResult(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, _ := setup(t, http.StatusOK, enveloped(tokens))
		login, err := client.LoginWithWxapp(context.Background(), code)
		require.NoError(t, err)
		assert.Equal(t, tokens, string(login.Raw()))
		assert.Equal(t, "ann", login.UserID)
		assert.Equal(t, authing.Secret("a.b.c"), login.AccessToken)
		assert.Equal(t, authing.Secret("h.eyJzdWIiOiJhbm4ifQ.s"), login.IDToken)
		assert.Equal(t, authing.Secret("r1"), login.RefreshToken)
		assert.Equal(t, "Bearer", login.TokenType)
		assert.Equal(t, "openid", login.Scope)
		assert.Equal(t, time.Now().Add(2*time.Hour), login.ExpiresAt)
		stored, err := json.Marshal(login)
		require.NoError(t, err)
		assert.JSONEq(t, `{"userId":"ann","accessToken":"a.b.c","idToken":"h.eyJzdWIiOiJhbm4ifQ.s","refreshToken":"r1",`+
			`"tokenType":"Bearer","scope":"openid","expiresAt":"`+login.ExpiresAt.Format(time.RFC3339Nano)+`"}`, string(stored))
	})
}

func TestLoginLifetimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for lifetime, seconds := range map[string]float64{
			`"expires_in":7200`: 7200, `"expires_in":"7200"`: 7200, `"expire_in":60`: 60,
			`"expires_in":10,"expire_in":20`: 10, `"expires_in":null,"expire_in":20`: 20, `"expires_in":1e3`: 1000,
			`"x":1`: 0, `"expires_in":0`: 0, `"expires_in":-1`: 0, `"expires_in":"soon"`: 0, `"expires_in":1e300`: 0, `"expires_in":"NaN"`: 0,
			`"expires_in":""`: 0, `"expires_in":true`: 0, `"expires_in":"Inf"`: 0,
		} {
			client, _ := setup(t, http.StatusOK, enveloped(`{"access_token":"a","refresh_token":null,"scope":null,`+lifetime+`}`))
			login, err := client.LoginWithWxapp(context.Background(), code)
			require.NoError(t, err, lifetime)
			var want time.Time
			if seconds > 0 {
				want = time.Now().Add(time.Duration(seconds * float64(time.Second)))
			}
			assert.True(t, want.Equal(login.ExpiresAt), "%s: %v", lifetime, login.ExpiresAt)
		}
	})
}

// An id token that cannot be read does not keep a user from signing in.
func TestLoginUserID(t *testing.T) {
	t.Parallel()
	claims := func(text string) string { return "h." + base64.RawURLEncoding.EncodeToString([]byte(text)) + ".s" }
	for idToken, want := range map[string]string{
		claims(`{"sub":"ann","aud":"` + appID + `"}`): "ann", claims(`{"sub":"ann","aud":["x","` + appID + `"]}`): "ann",
		claims(`{"sub":"ann","aud":null}`): "ann", claims(`{"sub":"ann","aud":"other"}`): "", claims(`{"sub":"ann","aud":[]}`): "",
		"h.eyJzdWIiOiJhbm4ifQ.s": "ann", "": "", "h.eyJzdWIiOiJhbm4ifQ": "", "h.!!!.s": "",
		"h.bnVsbA.s": "", "h.W10.s": "", "h.e30.s": "", "h.eyJzdWIiOnt9fQ.s": "", // null, [], {}, {"sub":{}}
	} {
		client, _ := setup(t, http.StatusOK, enveloped(`{"access_token":"a","id_token":"`+idToken+`"}`))
		login, err := client.LoginWithWxapp(context.Background(), code)
		require.NoError(t, err, idToken)
		assert.Equal(t, want, login.UserID, idToken)
	}
}

func TestLoginWithoutToken(t *testing.T) {
	t.Parallel()
	for data, text := range map[string]string{
		"null": "the service reported success but sent no data", "{}": "sent no access token", `{"id_token":"h.e30.s"}`: "sent no access token",
		`{"access_token":""}`: "sent no access token", `{"access_token":"a b"}`: "sent no access token that could be sent back",
		`{"access_token":{}}`: "sent no access token", `[]`: "a success that cannot be read",
	} {
		e := failure(t, http.StatusOK, enveloped(data), login)
		require.ErrorContains(t, e, text, data)
		require.ErrorIs(t, e, authing.ErrBadResponse, data)
		require.ErrorIs(t, e, authing.ErrOutcomeUnknown, data)
	}
}

// No login changes the client.
func TestLoginLeavesTheClientSignedOut(t *testing.T) {
	t.Parallel()
	client, got := setup(t, http.StatusOK, enveloped(tokens))
	_, err := client.LoginWithWxapp(context.Background(), code)
	require.NoError(t, err)
	_, err = client.User(context.Background())
	require.ErrorIs(t, err, authing.ErrLoginRequired)
	require.ErrorContains(t, err, "use client.As with the token of a login; nothing was sent")
	assert.True(t, strings.HasSuffix(got.Only(t).Line, "/signin-by-mobile"))
}
