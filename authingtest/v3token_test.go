package authingtest_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

// verified reports whether a token has a signature of one of the keys at JWKSURL.
func (c v3) verified(token string) bool {
	c.t.Helper()
	header, _ := decodeToken(c.t, token)
	var h struct{ Alg, Kid string }
	decodeJSON(c.t, []byte(header), &h)
	assert.Equal(c.t, "RS256", h.Alg)
	signed, signature := cutSignature(token)
	sum := sha256.Sum256([]byte(signed))
	for _, entry := range c.get("/oidc/.well-known/jwks.json")["keys"].([]any) {
		key := entry.(object)
		if key["kid"] != h.Kid {
			continue
		}
		assert.Equal(c.t, "RSA", key["kty"])
		assert.Equal(c.t, "RS256", key["alg"])
		assert.Equal(c.t, "sig", key["use"])
		public := &rsa.PublicKey{
			N: new(big.Int).SetBytes(decode64(c.t, key["n"].(string))),
			E: int(new(big.Int).SetBytes(decode64(c.t, key["e"].(string))).Int64()),
		}
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], decode64(c.t, signature)) == nil
	}
	return false
}

func cutSignature(token string) (signed, signature string) {
	i := strings.LastIndex(token, ".")
	return token[:i], token[i+1:]
}

func decode64(t *testing.T, text string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(text)
	require.NoError(t, err)
	return b
}

func TestV3TokenSet(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, c := setupV3(t, authingtest.Options{Clock: clock.Now})
	ann := srv.NewPhone(authingtest.WxUser{})

	tokens := c.signIn(ann)

	assert.Equal(t, "Bearer", tokens["token_type"])
	assert.Equal(t, fullScope, tokens["scope"])
	assert.EqualValues(t, 1209600, tokens["expires_in"])
	assert.NotContains(t, tokens, "expire_in")
	access, id := tokens["access_token"].(string), tokens["id_token"].(string)
	userID := srv.Users()[0].ID

	_, payload := decodeToken(t, access)
	var claims object
	decodeJSON(t, []byte(payload), &claims)
	assert.NotEmpty(t, claims["jti"])
	delete(claims, "jti")
	assert.Equal(t, object{
		"sub": userID, "iat": 1582781600.0, "exp": 1583991200.0, "scope": fullScope, "iss": srv.Issuer(), "aud": srv.AppID(),
	}, claims)
	assert.True(t, c.verified(access))

	_, payload = decodeToken(t, id)
	var idClaims object
	decodeJSON(t, []byte(payload), &idClaims)
	assert.Equal(t, userID, idClaims["sub"])
	assert.Equal(t, srv.AppID(), idClaims["aud"])
	assert.NotContains(t, idClaims, "scope")
	assert.NotContains(t, idClaims, "jti")
	sum := sha256.Sum256([]byte(access))
	assert.Equal(t, base64.RawURLEncoding.EncodeToString(sum[:16]), idClaims["at_hash"])
	assert.True(t, c.verified(id))
}

func TestV3TokenOptions(t *testing.T) {
	t.Parallel()
	srv, c := setupV3(t, authingtest.Options{App: authingtest.AppOptions{
		AccessTokenAlg: authingtest.HS256, IDTokenAlg: authingtest.HS256, TokenLifetime: time.Hour,
		LifetimeField: authingtest.BothLifetimes, NoRefreshTokens: true,
	}})
	tokens := c.signIn(srv.NewPhone(authingtest.WxUser{}))
	assert.EqualValues(t, 3600, tokens["expires_in"])
	assert.EqualValues(t, 3600, tokens["expire_in"])
	assert.NotContains(t, tokens, "refresh_token")
	for _, name := range []string{"access_token", "id_token"} {
		token := tokens[name].(string)
		header, _ := decodeToken(t, token)
		assert.JSONEq(t, `{"alg":"HS256","typ":"JWT"}`, header)
		signed, signature := cutSignature(token)
		mac := hmac.New(sha256.New, []byte(srv.AppSecret()))
		mac.Write([]byte(signed))
		assert.Equal(t, mac.Sum(nil), decode64(t, signature), name)
	}
	status, reply := c.form("/oidc/token", "grant_type", "refresh_token", "refresh_token", "x")
	assert.Equal(t, 400, status)
	assert.Equal(t, "unsupported_grant_type", reply["error"])

	srv, c = setupV3(t, authingtest.Options{App: authingtest.AppOptions{LifetimeField: authingtest.ExpireIn}})
	login := wxLogin(srv, srv.NewPhone(authingtest.WxUser{}).Login())
	delete(login, "options")
	tokens = c.data(c.post("/api/v3/signin-by-mobile", login))
	assert.NotContains(t, tokens, "expires_in")
	assert.EqualValues(t, 1209600, tokens["expire_in"])
	assert.Equal(t, "openid profile", tokens["scope"])
	assert.NotContains(t, tokens, "refresh_token", "offline_access was not asked for")
}

func TestV3Refresh(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, c := setupV3(t, authingtest.Options{Clock: clock.Now})
	first := c.signIn(srv.NewPhone(authingtest.WxUser{}))
	refresh := func(token string) (int, object) {
		return c.form("/oidc/token", "grant_type", "refresh_token", "redirect_uri", "", "refresh_token", token)
	}

	status, second := refresh(first["refresh_token"].(string))
	require.Equal(t, 200, status)
	assert.Equal(t, "Bearer", second["token_type"])
	assert.Equal(t, fullScope, second["scope"])
	assert.NotEmpty(t, second["id_token"])
	for _, login := range []object{first, second} {
		c.data(c.as(login["access_token"].(string)).get("/api/v3/get-profile"))
	}

	c.fails(c.as(second["refresh_token"].(string)).get("/api/v3/get-profile"), 401, 2020)

	invalid := object{"error": "invalid_grant", "error_description": "grant request is invalid"}
	for name, token := range map[string]string{
		"spent": first["refresh_token"].(string), "unknown": "x", "access token": first["access_token"].(string),
	} {
		status, reply := refresh(token)
		assert.Equal(t, 400, status, name)
		assert.Equal(t, invalid, reply, name)
	}
	clock.advance(30 * 24 * time.Hour)
	_, reply := refresh(second["refresh_token"].(string))
	assert.Equal(t, invalid, reply, "expired")
	_, reply = c.form("/oidc/token", "grant_type", "refresh_token", "refresh_token", "x", "scope", "openid")
	assert.Equal(t, "invalid_request", reply["error"], "an unknown field")
	_, other := send(t, rawRequest{"POST", srv.AppHost(), "/oidc/token", "grant_type=refresh_token&refresh_token=x", http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"}, "X-Authing-App-Id": {"other"},
	}})
	assert.Contains(t, other, "invalid_client")
	c.noHeaders = true
	_, reply = refresh("x")
	assert.Equal(t, "invalid_client", reply["error"], "neither header nor client_id")
}

func TestV3IntrospectionAndRevocation(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, c := setupV3(t, authingtest.Options{Clock: clock.Now, App: authingtest.AppOptions{TokenLifetime: time.Hour}})
	ann := srv.NewPhone(authingtest.WxUser{})
	tokens, others := c.signIn(ann), c.signIn(ann)
	introspect := func(token string) object {
		status, reply := c.form("/oidc/token/introspection", "token", token)
		assert.Equal(t, 200, status)
		return reply
	}
	access, refresh := tokens["access_token"].(string), tokens["refresh_token"].(string)
	inactive := object{"active": false}

	active := introspect(access)
	assert.NotEmpty(t, active["jti"])
	delete(active, "jti")
	assert.Equal(t, object{
		"active": true, "sub": srv.Users()[0].ID, "client_id": srv.AppID(), "exp": 1582785200.0, "iat": 1582781600.0,
		"iss": srv.Issuer(), "scope": fullScope, "token_type": "Bearer",
	}, active)
	assert.Equal(t, true, introspect(refresh)["active"])
	assert.Equal(t, inactive, introspect(tokens["id_token"].(string)))
	assert.Equal(t, inactive, introspect("x"))

	for _, token := range []string{access, refresh, "x"} {
		_, reply := c.form("/oidc/token/revocation", "client_id", srv.AppID(), "token", token)
		assert.Equal(t, object{"success": true}, c.data(reply))
		assert.Equal(t, inactive, introspect(token))
	}
	c.fails(c.as(access).get("/api/v3/get-profile"), 401, 2020)
	_, reply := c.form("/oidc/token", "grant_type", "refresh_token", "refresh_token", refresh)
	assert.Equal(t, "invalid_grant", reply["error"])
	other := others["access_token"].(string)
	c.data(c.as(other).get("/api/v3/get-profile"))

	clock.advance(time.Hour)
	assert.Equal(t, inactive, introspect(other), "expired")
	c.fails(c.as(other).get("/api/v3/get-profile"), 401, 2020)
}

func TestRevokeTokens(t *testing.T) {
	t.Parallel()
	srv, c := setupV3(t, authingtest.Options{})
	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	require.NoError(t, err)
	ann, bob := srv.NewPhone(authingtest.WxUser{}), srv.NewPhone(authingtest.WxUser{})
	access, bobs := c.accessToken(ann), c.accessToken(bob)
	user, asAnn := signIn(t, client, ann)

	srv.RevokeTokens(user.ID)

	c.fails(c.as(access).get("/api/v3/get-profile"), 401, 2020)
	_, err = asAnn.User(ctx, user.ID)
	assert.Equal(t, 2206, codeOf(t, err))
	c.data(c.as(bobs).get("/api/v3/get-profile"))
}

func TestRotateKeys(t *testing.T) {
	t.Parallel()
	srv, c := setupV3(t, authingtest.Options{})
	ann := srv.NewPhone(authingtest.WxUser{})
	before := c.accessToken(ann)

	srv.RotateKeys()
	after := c.accessToken(ann)
	assert.True(t, c.verified(before))
	assert.True(t, c.verified(after))

	srv.DropOldKeys()
	assert.False(t, c.verified(before))
	assert.True(t, c.verified(after))
	c.data(c.as(before).get("/api/v3/get-profile"))
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	srv, c := setupV3(t, authingtest.Options{})
	c.noHeaders = true
	config := c.get("/oidc/.well-known/openid-configuration")
	assert.Equal(t, srv.Issuer(), config["issuer"])
	assert.Equal(t, srv.JWKSURL(), config["jwks_uri"])
	assert.Equal(t, srv.AppHost()+"/oidc/token/introspection", config["introspection_endpoint"])
}

func TestUserInfo(t *testing.T) {
	t.Parallel()
	srv, c := setupV3(t, authingtest.Options{})
	token := c.accessToken(srv.NewPhone(authingtest.WxUser{}))
	for _, method := range []string{"GET", "POST"} {
		status, claims := c.as("Bearer "+token).do(method, "/oidc/me", "", "")
		assert.Equal(t, 200, status)
		assert.Equal(t, srv.Users()[0].ID, claims["sub"])
		assert.Equal(t, false, claims["phone_number_verified"])
		assert.Contains(t, claims, "nickname")
	}
	assert.Equal(t, srv.Users()[0].ID, c.get("/oidc/me?access_token=" + token)["sub"])
	status, reply := c.as(token).do("GET", "/oidc/me", "", "")
	assert.Equal(t, 401, status, "without the scheme")
	assert.Equal(t, "invalid_token", reply["error"])
}
