package authingv3_test

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authinghttp"
	"github.com/authing-wxapp/authing/authingv3"
	"github.com/authing-wxapp/authing/internal/testkit"
)

var _ authinghttp.Verifier = (*authingv3.Verifier)(nil)

const (
	tokenIssuer   = "https://shop.example.test/oidc"
	tokenAudience = "app000000000000000000001"
	tokenSecret   = authing.Secret("made-up-app-secret-1")
	keysURL       = tokenIssuer + "/.well-known/jwks.json"

	// The clock of testing/synctest starts in the year 2000.
	accessClaims = `{"jti":"j","sub":"u1","iat":900000000,"exp":4102444800,"scope":"openid","iss":"` + tokenIssuer + `","aud":"` + tokenAudience + `"}`
	idClaims     = `{"sub":"u1","aud":"` + tokenAudience + `","iat":900000000,"exp":4102444800,"iss":"` + tokenIssuer + `","nickname":null}`
)

// signingKey returns the n-th of a few keys: making one takes longer than most tests.
func signingKey(n int) *rsa.PrivateKey { return signingKeys[n]() }

var signingKeys = func() (keys [4]func() *rsa.PrivateKey) {
	for n := range keys {
		keys[n] = sync.OnceValue(func() *rsa.PrivateKey { return newSigningKey(2048) })
	}
	return keys
}()

func newSigningKey(bits int) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key
}

func segment(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// signedRS256 signs with the n-th key whatever the header says.
func signedRS256(n int, header, claims string) authing.Secret {
	return signedBy(signingKey(n), header, claims)
}

func signedBy(key *rsa.PrivateKey, header, claims string) authing.Secret {
	text := segment(header) + "." + segment(claims)
	hash := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, hash[:])
	if err != nil {
		panic(err)
	}
	return authing.Secret(text + "." + segment(string(signature)))
}

func signedHS256(secret, header, claims string) authing.Secret {
	text := segment(header) + "." + segment(claims)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return authing.Secret(text + "." + segment(string(mac.Sum(nil))))
}

// rs256Header is the header of a token that is signed with the n-th key.
func rs256Header(n int) string { return fmt.Sprintf(`{"alg":"RS256","typ":"JWT","kid":"key-%d"}`, n) }

const hs256Header = `{"alg":"HS256","typ":"JWT"}`

// accessToken returns a token signed with the n-th key.
func accessToken(n int) authing.Secret { return signedRS256(n, rs256Header(n), accessClaims) }

// changed returns claims or a header with some members added, replaced or, by null, removed.
func changed(t testing.TB, object, members string) string {
	t.Helper()
	var result map[string]any
	decoder := json.NewDecoder(strings.NewReader(object))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&result))
	require.NoError(t, json.Unmarshal([]byte(members), &result))
	for name, value := range result {
		if value == nil {
			delete(result, name)
		}
	}
	b, err := json.Marshal(result)
	require.NoError(t, err)
	return string(b)
}

// jwkOf returns the n-th key as it is published.
func jwkOf(n int) string { return jwkNamed(fmt.Sprintf("key-%d", n), &signingKey(n).PublicKey) }

func jwkNamed(id string, key *rsa.PublicKey) string {
	e := big.NewInt(int64(key.E)).Bytes()
	return fmt.Sprintf(`{"kty":"RSA","n":%q,"e":%q,"kid":%q,"use":"sig","alg":"RS256"}`,
		segment(string(key.N.Bytes())), segment(string(e)), id)
}

func jwks(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

// rs256Options are those of a Verifier whose keys come from responder.
func rs256Options(responder httpmock.Responder) (authingv3.VerifierOptions, *testkit.Recorder) {
	transport, got := testkit.Record(responder)
	return authingv3.VerifierOptions{
		Issuer: tokenIssuer, Audience: tokenAudience, JWKSURL: keysURL, HTTPClient: &http.Client{Transport: transport},
	}, got
}

func rs256Verifier(t testing.TB, responder httpmock.Responder) (*authingv3.Verifier, *testkit.Recorder) {
	t.Helper()
	o, got := rs256Options(responder)
	return newVerifier(t, o), got
}

func hs256Verifier(t testing.TB, idToken bool) *authingv3.Verifier {
	t.Helper()
	return newVerifier(t, authingv3.VerifierOptions{Issuer: tokenIssuer, Audience: tokenAudience, Secret: tokenSecret, IDToken: idToken})
}

func newVerifier(t testing.TB, o authingv3.VerifierOptions) *authingv3.Verifier {
	t.Helper()
	v, err := authingv3.NewVerifier(o)
	require.NoError(t, err)
	return v
}

func keysResponder(keys ...string) httpmock.Responder {
	return httpmock.NewStringResponder(200, jwks(keys...))
}

// wantRefused checks that the verdict is no, and that the error shows nothing of the token.
func wantRefused(t *testing.T, v *authingv3.Verifier, token authing.Secret, note string) {
	t.Helper()
	info, err := v.VerifyToken(t.Context(), token)
	assert.Nil(t, info, note)
	require.ErrorIs(t, err, authing.ErrLoginRequired, note)
	e, ok := errors.AsType[*authing.Error](err)
	require.True(t, ok, note)
	assert.Equal(t, "VerifyToken", e.Op)
	for _, part := range strings.Split(string(token), ".") {
		if len(part) > 3 {
			assert.NotContains(t, fmt.Sprintf("%+v", err), part, note)
		}
	}
}

// wantNoVerdict checks that the token is neither good nor bad.
func wantNoVerdict(t *testing.T, v *authingv3.Verifier, token authing.Secret, note string) *authing.Error {
	t.Helper()
	info, err := v.VerifyToken(t.Context(), token)
	assert.Nil(t, info, note)
	require.Error(t, err, note)
	assert.NotErrorIs(t, err, authing.ErrLoginRequired, note)
	e, ok := errors.AsType[*authing.Error](err)
	require.True(t, ok, note)
	assert.Equal(t, "VerifyToken", e.Op)
	return e
}

func wantAccepted(t *testing.T, v *authingv3.Verifier, token authing.Secret, note string) *authing.TokenInfo {
	t.Helper()
	info, err := v.VerifyToken(t.Context(), token)
	require.NoError(t, err, note)
	assert.Equal(t, "u1", info.UserID, note)
	return info
}

func TestVerifier(t *testing.T) {
	t.Parallel()
	v, got := rs256Verifier(t, keysResponder(jwkOf(0), jwkOf(1)))
	for n := range 2 {
		info := wantAccepted(t, v, accessToken(n), "")
		assert.EqualValues(t, 900000000, info.IssuedAt.Unix())
		assert.Equal(t, int64(4102444800), info.ExpiresAt.Unix())
		assert.Equal(t, accessClaims, string(info.Raw()))
	}
	sent := got.Only(t)
	assert.Equal(t, "GET "+keysURL, sent.Line)
	assert.Empty(t, sent.Header.Get("Authorization"))
	assert.NotContains(t, sent.Header, "Content-Type", "of no body")

	claims := changed(t, idClaims, `{"email":"ann@example.com","phone_number":"13800000000"}`)
	info := wantAccepted(t, hs256Verifier(t, true), signedHS256(string(tokenSecret), hs256Header, claims), "")
	assert.Equal(t, "ann@example.com", info.Email)
	assert.Equal(t, "13800000000", info.Phone)
	assert.Equal(t, claims, string(info.Raw()))
}

func TestVerifierAccepts(t *testing.T) {
	t.Parallel()
	v, _ := rs256Verifier(t, keysResponder(jwkOf(0)))
	for name, token := range map[string]authing.Secret{
		"no key id, one key":     signedRS256(0, `{"alg":"RS256"}`, accessClaims),
		"list of audiences":      signedRS256(0, rs256Header(0), changed(t, accessClaims, `{"aud":["https://api.example.test","`+tokenAudience+`"]}`)),
		"numbers as text":        signedRS256(0, rs256Header(0), changed(t, accessClaims, `{"exp":"4102444800"}`)),
		"times with a fraction":  signedRS256(0, rs256Header(0), changed(t, accessClaims, `{"exp":4102444800.5,"nbf":1.5,"iat":"9.5e8"}`)),
		"odd time of issue":      signedRS256(0, rs256Header(0), changed(t, accessClaims, `{"iat":{}}`)),
		"claims nobody knows":    signedRS256(0, rs256Header(0), changed(t, accessClaims, `{"email":{},"phone_number":1,"x":[{}]}`)),
		"other words in headers": signedRS256(0, `{"alg":"RS256","kid":"key-0","x5t":"a","cty":"b"}`, accessClaims),
		"half a surrogate":       signedRS256(0, rs256Header(0), strings.Replace(accessClaims, `{`, `{"nickname":"\ud83d",`, 1)),
	} {
		wantAccepted(t, v, token, name)
	}
}

func TestVerifierRefuses(t *testing.T) {
	t.Parallel()
	good, header := accessToken(0), rs256Header(0)
	parts := strings.Split(string(good), ".")
	der, err := x509.MarshalPKIXPublicKey(&signingKey(0).PublicKey)
	require.NoError(t, err)
	pkcs1 := x509.MarshalPKCS1PublicKey(&signingKey(0).PublicKey)
	claims := func(members string) authing.Secret {
		return signedRS256(0, header, changed(t, accessClaims, members))
	}
	library := func(method jwt.SigningMethod, key any) authing.Secret {
		var claims jwt.MapClaims
		require.NoError(t, json.Unmarshal([]byte(accessClaims), &claims))
		token := jwt.NewWithClaims(method, claims)
		token.Header["kid"] = "key-0"
		text, err := token.SignedString(key)
		require.NoError(t, err)
		return authing.Secret(text)
	}
	tokens := map[string]authing.Secret{
		"empty":              "",
		"opaque":             "made-up-access-token-1",
		"two parts":          authing.Secret(parts[0] + "." + parts[1]),
		"four parts":         good + ".x",
		"no signature":       authing.Secret(parts[0] + "." + parts[1] + "."),
		"truncated":          good[:len(good)-5],
		"padding":            good + "==",
		"standard base64":    authing.Secret(strings.NewReplacer("-", "+", "_", "/").Replace(string(good))) + "+",
		"line break":         good + "\n",
		"line break inside":  good[:len(good)-9] + "\n" + good[len(good)-9:],
		"Bearer":             "Bearer " + good,
		"too long":           signedRS256(0, header, changed(t, accessClaims, `{"x":"`+strings.Repeat("a", 6<<10)+`"}`)),
		"stray bits":         strayBits(good),
		"another's claims":   authing.Secret(parts[0] + "." + segment(changed(t, accessClaims, `{"sub":"u2"}`)) + "." + parts[2]),
		"another's key":      signedRS256(1, header, accessClaims),
		"null header":        signedRS256(0, `null`, accessClaims),
		"null claims":        signedRS256(0, header, `null`),
		"list of claims":     signedRS256(0, header, `[]`),
		"two claim objects":  signedRS256(0, header, accessClaims+accessClaims),
		"invalid UTF-8":      signedRS256(0, header, strings.Replace(accessClaims, `"j"`, "\"\xff\"", 1)),
		"RS512":              library(jwt.SigningMethodRS512, signingKey(0)),
		"PS256":              library(jwt.SigningMethodPS256, signingKey(0)),
		"said to be RS512":   signedRS256(0, `{"alg":"RS512","kid":"key-0"}`, accessClaims),
		"said to be HS256":   signedRS256(0, `{"alg":"HS256","kid":"key-0"}`, accessClaims),
		"no algorithm":       signedRS256(0, `{"kid":"key-0"}`, accessClaims),
		"two algorithms":     signedRS256(0, `{"alg":"none","alg":"RS256","kid":"key-0"}`, accessClaims),
		"two key ids":        signedRS256(0, `{"alg":"RS256","kid":"key-9","kid":"key-0"}`, accessClaims),
		"key id as a number": signedRS256(0, `{"alg":"RS256","kid":0}`, accessClaims),
		"empty key id":       signedRS256(0, `{"alg":"RS256","kid":""}`, accessClaims),
		"null as key id":     signedRS256(0, `{"alg":"RS256","kid":null}`, accessClaims),
		"path as key id":     signedHS256("", `{"alg":"RS256","kid":"../../../../dev/null"}`, accessClaims),
		"address as key id":  signedRS256(0, `{"alg":"RS256","kid":"https://evil.example.test/keys"}`, accessClaims),
		"key in the header":  signedRS256(1, `{"alg":"RS256","jwk":`+jwkOf(1)+`}`, accessClaims),
		"key's address":      signedRS256(0, `{"alg":"RS256","kid":"key-0","jku":"https://evil.example.test/keys"}`, accessClaims),
		"our key in header":  signedRS256(0, `{"alg":"RS256","kid":"key-0","jwk":`+jwkOf(0)+`}`, accessClaims),
		"certificate":        signedRS256(0, `{"alg":"RS256","kid":"key-0","x5c":["a"]}`, accessClaims),
		"its address":        signedRS256(0, `{"alg":"RS256","kid":"key-0","x5u":"https://evil.example.test"}`, accessClaims),
		"critical extension": signedRS256(0, `{"alg":"RS256","kid":"key-0","crit":["exp"],"exp":1}`, accessClaims),
		"unencoded payload":  signedRS256(0, `{"alg":"RS256","kid":"key-0","crit":["b64"],"b64":true}`, accessClaims),
		"two subjects":       signedRS256(0, header, strings.Replace(accessClaims, `{`, `{"sub":"u2",`, 1)),
		"two expiries":       signedRS256(0, header, strings.Replace(accessClaims, `{`, `{"exp":1,`, 1)),
		"two of any claim":   signedRS256(0, header, strings.Replace(accessClaims, `{`, `{"x":1,"x":1,`, 1)),
		"claims in capitals": signedRS256(0, header, strings.Replace(accessClaims, `"sub"`, `"SUB"`, 1)),
		"issuer":             claims(`{"iss":"https://evil.example.test/oidc"}`),
		"issuer with slash":  claims(`{"iss":"` + tokenIssuer + `/"}`),
		"issuer in capitals": claims(`{"iss":"` + strings.ToUpper(tokenIssuer) + `"}`),
		"no issuer":          claims(`{"iss":null}`),
		"list of issuers":    claims(`{"iss":["` + tokenIssuer + `"]}`),
		"audience":           claims(`{"aud":"another-app","azp":"` + tokenAudience + `"}`),
		"audiences":          claims(`{"aud":["another-app"]}`),
		"longer audience":    claims(`{"aud":"` + tokenAudience + `2"}`),
		"no audience":        claims(`{"aud":null}`),
		"no audiences":       claims(`{"aud":[]}`),
		"odd audience":       claims(`{"aud":["` + tokenAudience + `",1]}`),
		"expired":            claims(`{"exp":1700003600}`),
		"no expiry":          claims(`{"exp":null}`),
		"empty expiry":       claims(`{"exp":""}`),
		"odd expiry":         claims(`{"exp":"never"}`),
		"endless expiry":     claims(`{"exp":1e300}`),
		"negative expiry":    claims(`{"exp":-4102444800}`),
		"not yet valid":      claims(`{"nbf":4102440000}`),
		"odd nbf":            claims(`{"nbf":[]}`),
		"no subject":         claims(`{"sub":null}`),
		"empty subject":      claims(`{"sub":""}`),
		"number as subject":  claims(`{"sub":1}`),
		"id token":           signedRS256(0, header, idClaims),
		"list of scopes":     claims(`{"scope":["openid"]}`),
	}
	for _, none := range []string{"none", "None", "NONE", "nOnE", "none ", ""} {
		text := segment(`{"alg":"`+none+`","kid":"key-0"}`) + "." + parts[1] + "."
		tokens["alg "+none] = authing.Secret(text)
		tokens["alg "+none+" with a signature"] = authing.Secret(text + parts[2])
	}
	for name, secret := range map[string]string{
		"DER": string(der), "PKCS #1": string(pkcs1), "modulus": string(signingKey(0).N.Bytes()), "JWK": jwkOf(0), "empty": "",
		"PEM":         string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
		"PKCS #1 PEM": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: pkcs1})),
	} {
		tokens["public key as secret, "+name] = signedHS256(secret, `{"alg":"HS256","kid":"key-0"}`, accessClaims)
	}

	v, got := rs256Verifier(t, keysResponder(jwkOf(0)))
	wantAccepted(t, v, good, "")
	for name, token := range tokens {
		wantRefused(t, v, token, name)
	}
	got.Only(t) // no header made it ask for another key

	twoKeys, _ := rs256Verifier(t, keysResponder(jwkOf(0), jwkOf(1)))
	wantRefused(t, twoKeys, signedRS256(0, `{"alg":"RS256"}`, accessClaims), "no key id, two keys")
	oneNamed, _ := rs256Verifier(t, keysResponder(strings.Replace(jwkOf(0), `"kid":"key-0",`, ``, 1), jwkOf(1)))
	wantRefused(t, oneNamed, signedRS256(0, `{"alg":"RS256"}`, accessClaims), "no key id, two keys, one without an id")

	secret := string(tokenSecret)
	hs256 := hs256Verifier(t, false)
	wantAccepted(t, hs256, signedHS256(secret, hs256Header, accessClaims), "")
	for name, token := range map[string]authing.Secret{
		"RS256":          good,
		"wrong secret":   signedHS256("another", hs256Header, accessClaims),
		"no secret":      signedHS256("", hs256Header, accessClaims),
		"HS384":          library(jwt.SigningMethodHS384, []byte(secret)),
		"id token":       signedHS256(secret, hs256Header, idClaims),
		"key in header":  signedHS256(secret, `{"alg":"HS256","jwk":{}}`, accessClaims),
		"unknown header": signedHS256(secret, `{"alg":"HS256","crit":[]}`, accessClaims),
	} {
		wantRefused(t, hs256, token, name)
	}
	ids := hs256Verifier(t, true)
	wantAccepted(t, ids, signedHS256(secret, hs256Header, idClaims), "")
	wantRefused(t, ids, signedHS256(secret, hs256Header, accessClaims), "access token where an id token is wanted")
}

// strayBits sets bits of the last character that base64 does not use, so that the signature decodes to the same bytes.
func strayBits(token authing.Secret) authing.Secret {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, token[len(token)-1])
	return token[:len(token)-1] + authing.Secret(alphabet[last|1])
}

func TestVerifierClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().Unix()
		v := hs256Verifier(t, false)
		token := func(members string, at int64) authing.Secret {
			return signedHS256(string(tokenSecret), hs256Header, changed(t, accessClaims, fmt.Sprintf(`{"iat":0,`+members+`}`, at)))
		}
		wantAccepted(t, v, token(`"exp":%d`, now-29), "expired, but clocks may differ")
		wantRefused(t, v, token(`"exp":%d`, now-30), "expired")
		wantAccepted(t, v, token(`"nbf":%d`, now+30), "not valid yet, but clocks may differ")
		wantRefused(t, v, token(`"nbf":%d`, now+31), "not valid yet")
		wantAccepted(t, v, token(`"iat":%d`, now+3600), "issued in the future, which no rule forbids")
	})
}

func TestKeySets(t *testing.T) {
	t.Parallel()
	const other = `{"kty":"EC","crv":"P-256","x":"x","y":"bad","kid":"ec"}`
	short := newSigningKey(1024)
	edited := func(from, to string) string {
		require.Contains(t, jwkOf(0), from)
		return strings.Replace(jwkOf(0), from, to, 1)
	}
	many := strings.Repeat(edited(`"key-0"`, `"another"`)+",", 63)
	for name, body := range map[string]string{
		"many":               jwks(many + jwkOf(0)),
		"other kinds":        jwks(other, jwkOf(0)),
		"unreadable ones":    jwks(`1`, `"x"`, `null`, `{}`, `{"kty":"RSA"}`, `{"kty":"RSA","n":"!","e":"AQAB"}`, `{"kty":"RSA","n":["AQAB"]}`, jwkOf(0)),
		"without use":        jwks(edited(`"use":"sig",`, ``)),
		"without algorithm":  jwks(edited(`,"alg":"RS256"`, ``)),
		"more about the set": `{"issuer":"x","keys":[` + jwkOf(0) + `]}`,
	} {
		v, _ := rs256Verifier(t, httpmock.NewStringResponder(200, body))
		wantAccepted(t, v, accessToken(0), name)
	}
	for name, key := range map[string]string{
		"behind 64 others":       many + jwkOf(1) + "," + jwkOf(0),
		"encryption":             edited(`"use":"sig"`, `"use":"enc"`),
		"another algorithm":      edited(`"alg":"RS256"`, `"alg":"RS512"`),
		"another type":           edited(`"kty":"RSA"`, `"kty":"EC"`),
		"no exponent":            edited(`"AQAB"`, `""`),
		"huge exponent":          edited(`"AQAB"`, `"AQAAAAAAAAAB"`),
		"unreadable exponent":    edited(`"AQAB"`, `"!"`),
		"another id":             edited(`"key-0"`, `"key-1"`),
		"another case of the id": edited(`"key-0"`, `"KEY-0"`),
	} {
		v, _ := rs256Verifier(t, keysResponder(key))
		wantRefused(t, v, accessToken(0), name)
	}
	weak, _ := rs256Verifier(t, keysResponder(jwkNamed("short", &short.PublicKey)))
	wantRefused(t, weak, signedBy(short, `{"alg":"RS256","kid":"short"}`, accessClaims), "short key")
	anonymous, _ := rs256Verifier(t, keysResponder(edited(`"kid":"key-0",`, ``)))
	wantRefused(t, anonymous, signedRS256(0, `{"alg":"RS256","kid":""}`, accessClaims), "key without an id")
	wantAccepted(t, anonymous, signedRS256(0, `{"alg":"RS256"}`, accessClaims), "key without an id")

	for name, r := range map[string]struct {
		responder httpmock.Responder
		want      error
	}{
		"no keys":    {keysResponder(), authing.ErrBadResponse},
		"no list":    {httpmock.NewStringResponder(200, `{}`), authing.ErrBadResponse},
		"odd list":   {httpmock.NewStringResponder(200, `{"keys":{}}`), authing.ErrBadResponse},
		"two lists":  {httpmock.NewStringResponder(200, `{"keys":[],"keys":[`+jwkOf(0)+`]}`), authing.ErrBadResponse},
		"HTML":       {httpmock.NewStringResponder(200, "<html>"), authing.ErrBadResponse},
		"empty":      {httpmock.NewStringResponder(200, ""), authing.ErrBadResponse},
		"too large":  {httpmock.NewStringResponder(200, jwks(jwkOf(0))+strings.Repeat(" ", 1<<20)), authing.ErrBadResponse},
		"status 401": {httpmock.NewStringResponder(401, jwks(jwkOf(0))), authing.ErrBadResponse},
		"status 502": {httpmock.NewStringResponder(502, jwks(jwkOf(0))), authing.ErrBadResponse},
		"rate limit": {httpmock.NewStringResponder(429, ""), authing.ErrRateLimited},
		"redirect":   {httpmock.NewStringResponder(302, "").HeaderAdd(http.Header{"Location": {"https://evil.example.test"}}), authing.ErrBadResponse},
		"network":    {httpmock.NewErrorResponder(errors.New("connection refused")), nil},
		"somebody's": {httpmock.NewErrorResponder(authing.ErrLoginRequired), nil},
	} {
		v, got := rs256Verifier(t, r.responder)
		for range 2 { // the second time from memory
			e := wantNoVerdict(t, v, accessToken(0), name)
			if r.want != nil {
				require.ErrorIs(t, e, r.want, name)
			}
			assert.NotErrorIs(t, e, authing.ErrOutcomeUnknown, name)
			assert.NotContains(t, string(e.Body), "mine", name)
			e.Reason, e.RetryAfter = "", time.Hour // each caller has a copy
			copy(e.Body, "mine")
		}
		got.Only(t)
	}
}

type badTransport func()

func (t badTransport) RoundTrip(*http.Request) (*http.Response, error) {
	t()
	return nil, nil
}

// A Transport's panic costs a call, not the program.
func TestTransportThatDoesNotReturn(t *testing.T) {
	t.Parallel()
	for name, transport := range map[string]badTransport{"panic": func() { panic("a Transport's") }, "exit": runtime.Goexit} {
		o, _ := rs256Options(nil)
		o.HTTPClient = &http.Client{Transport: transport}
		e := wantNoVerdict(t, newVerifier(t, o), accessToken(0), name)
		assert.ErrorContains(t, e, "the Transport panicked or ended its goroutine")
	}
}

// countedKeys serves keys that change, and counts.
type countedKeys struct {
	set      atomic.Value // the keys' JSON, or "" for a failure
	requests atomic.Int64
	open     atomic.Int64 // of the requests
	delay    time.Duration
}

func (k *countedKeys) RoundTrip(r *http.Request) (*http.Response, error) {
	k.requests.Add(1)
	k.open.Add(1)
	defer k.open.Add(-1)
	select {
	case <-time.After(k.delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if set, _ := k.set.Load().(string); set != "" {
		return httpmock.NewStringResponse(200, set), nil
	}
	return nil, errors.New("connection refused")
}

func (k *countedKeys) verifier(t testing.TB) *authingv3.Verifier {
	o, _ := rs256Options(nil)
	o.HTTPClient = &http.Client{Transport: k}
	return newVerifier(t, o)
}

// Made-up key ids reach Authing once a minute, whether it answers or not.
func TestUnknownKeysAreFetchedOnceAMinute(t *testing.T) {
	t.Parallel()
	known, unknown := accessToken(0), make([]authing.Secret, 20)
	for i := range unknown {
		unknown[i] = signedRS256(1, fmt.Sprintf(`{"alg":"RS256","kid":"made-up-%d"}`, i), accessClaims)
	}
	synctest.Test(t, func(t *testing.T) {
		keys := &countedKeys{delay: 10 * time.Millisecond}
		keys.set.Store(jwks(jwkOf(0)))
		v := keys.verifier(t)
		flood := func(want string) {
			t.Helper()
			var wrong atomic.Int64
			var callers sync.WaitGroup
			for _, token := range unknown {
				callers.Go(func() {
					_, err := v.VerifyToken(t.Context(), token)
					if got := verdict(err); got != want {
						wrong.Add(1)
					}
				})
			}
			callers.Wait()
			assert.Zero(t, wrong.Load(), want)
			wantAccepted(t, v, known, "a known key needs no fetch")
		}
		start := time.Now()
		for time.Since(start) < 10*time.Minute-time.Second {
			flood("refused")
			time.Sleep(time.Second)
		}
		assert.LessOrEqual(t, keys.requests.Load(), int64(10))
		time.Sleep(time.Minute)

		keys.requests.Store(0)
		keys.set.Store("")
		start = time.Now()
		for time.Since(start) < 10*time.Minute-time.Second {
			flood("no verdict")
			time.Sleep(time.Second)
		}
		assert.LessOrEqual(t, keys.requests.Load(), int64(10))
		e := wantNoVerdict(t, v, unknown[0], "")
		assert.Positive(t, e.RetryAfter)
		assert.LessOrEqual(t, e.RetryAfter, time.Minute)

		time.Sleep(time.Minute)
		keys.set.Store(jwks(jwkOf(1)))
		wantAccepted(t, v, accessToken(1), "a new key")
		wantRefused(t, v, known, "a key taken back")
	})
}

// verdict names what VerifyToken found out.
func verdict(err error) string {
	switch {
	case err == nil:
		return "accepted"
	case errors.Is(err, authing.ErrLoginRequired):
		return "refused"
	}
	return "no verdict"
}

func TestWithoutKeysTheNextFetchIsSoon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := &countedKeys{}
		v, token := keys.verifier(t), accessToken(0)
		for range 1000 {
			wantNoVerdict(t, v, token, "")
			time.Sleep(10 * time.Millisecond)
		}
		assert.EqualValues(t, 10, keys.requests.Load())
		keys.set.Store(jwks(jwkOf(0)))
		time.Sleep(time.Second)
		wantAccepted(t, v, token, "")
	})
}

// A set in which no key is of use is not missing: asking for it again at once would not help.
func TestKeysOfOtherKindsAreKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := &countedKeys{}
		keys.set.Store(jwks(`{"kty":"EC"}`))
		v, token := keys.verifier(t), accessToken(0)
		for range 59 {
			wantRefused(t, v, token, "")
			time.Sleep(time.Second)
		}
		assert.EqualValues(t, 1, keys.requests.Load())
	})
}

func TestCallersShareAFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := &countedKeys{delay: 3 * time.Second}
		keys.set.Store(jwks(jwkOf(0)))
		v := keys.verifier(t)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var callers sync.WaitGroup
		callers.Go(func() { // the first one to come is the first one to go
			_, err := v.VerifyToken(ctx, accessToken(0))
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, "no verdict", verdict(err))
			assert.Equal(t, time.Second, time.Since(start))
		})
		synctest.Wait()
		for range 10 {
			callers.Go(func() {
				_, err := v.VerifyToken(t.Context(), accessToken(0))
				assert.NoError(t, err)
				assert.Equal(t, 3*time.Second, time.Since(start))
			})
		}
		callers.Wait()
		assert.EqualValues(t, 1, keys.requests.Load())

		fresh := keys.verifier(t)
		_, err := fresh.VerifyToken(ctx, accessToken(0))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.EqualValues(t, 1, keys.requests.Load(), "no request for a context that is already done")
		wantAccepted(t, fresh, accessToken(0), "it left nothing behind")
	})
}

// Clients that leave early must neither keep anything busy, nor new keys out, nor make many requests.
func TestFetchThatEverybodyLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := &countedKeys{delay: 3 * time.Second}
		keys.set.Store(jwks(jwkOf(0)))
		v := keys.verifier(t)
		wantAccepted(t, v, accessToken(0), "")
		time.Sleep(time.Minute)
		keys.set.Store(jwks(jwkOf(0), jwkOf(1)))
		for range 9 {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			_, err := v.VerifyToken(ctx, accessToken(1))
			assert.Equal(t, "no verdict", verdict(err))
			cancel()
			synctest.Wait()
			assert.Zero(t, keys.open.Load())
		}
		assert.EqualValues(t, 2, keys.requests.Load(), "one for the first keys, one within the second that has passed")
		wantAccepted(t, v, accessToken(1), "this caller waits for the next fetch")
	})
}

// A server that never answers costs a caller ten seconds, not forever.
// endedContext ended with the error of another call.
type endedContext struct{ context.Context }

func (endedContext) Err() error { return fmt.Errorf("another call: %w", authing.ErrLoginRequired) }

func TestErrorOfAContextIsNoVerdict(t *testing.T) {
	t.Parallel()
	v, _ := rs256Verifier(t, keysResponder(jwkOf(0)))
	_, err := v.VerifyToken(endedContext{t.Context()}, accessToken(0))
	require.ErrorContains(t, err, "another call")
	assert.NotErrorIs(t, err, authing.ErrLoginRequired)
}

func TestFetchHasATimeLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := &countedKeys{delay: time.Hour}
		start := time.Now()
		e := wantNoVerdict(t, keys.verifier(t), accessToken(0), "")
		require.ErrorIs(t, e, context.DeadlineExceeded)
		assert.Equal(t, 10*time.Second, time.Since(start))
	})
}

// Keys are published two minutes before they are used, and taken back two minutes after.
func TestKeyRotationUnderLoad(t *testing.T) {
	t.Parallel()
	const workers = 64
	rounds, perRound := len(signingKeys), 2_500
	if os.Getenv("AUTHING_TEST_SIZE") == "full" {
		perRound = 25_000
	}
	good, bad := make([]authing.Secret, rounds), make([]authing.Secret, rounds)
	for n := range rounds {
		good[n] = accessToken(n)
		bad[n] = signedRS256((n+1)%rounds, rs256Header(n), accessClaims)
	}
	synctest.Test(t, func(t *testing.T) {
		keys := &countedKeys{delay: 50 * time.Millisecond}
		v := keys.verifier(t)
		start := time.Now()
		var verified, wrong atomic.Int64
		for n := range rounds {
			published := []string{jwkOf(n)}
			if n > 0 {
				published = append(published, jwkOf(n-1))
			}
			keys.set.Store(jwks(published...))
			time.Sleep(2 * time.Minute)
			var load sync.WaitGroup
			for worker := range workers {
				load.Go(func() {
					for i := worker; i < perRound; i += workers {
						token, want := good[n], "accepted"
						switch {
						case i%10 == 0:
							token, want = bad[n], "refused"
						case i%10 == 1 && n > 0:
							token = good[n-1]
						case i%10 == 2:
							token, want = good[(n+1)%rounds], "refused" // not published yet, or taken back long ago
						}
						_, err := v.VerifyToken(t.Context(), token)
						if verdict(err) != want {
							wrong.Add(1)
						}
						verified.Add(1)
					}
				})
			}
			load.Wait()
		}
		assert.Zero(t, wrong.Load())
		assert.EqualValues(t, rounds*perRound, verified.Load())
		assert.LessOrEqual(t, keys.requests.Load(), int64(time.Since(start)/time.Minute)+1)
	})
}

func TestNewVerifierRejects(t *testing.T) {
	t.Parallel()
	for text, edit := range map[string]func(*authingv3.VerifierOptions){
		"the Issuer is empty":                func(o *authingv3.VerifierOptions) { o.Issuer = "" },
		"the Audience is empty":              func(o *authingv3.VerifierOptions) { o.Audience = "" },
		"exactly one of JWKSURL":             func(o *authingv3.VerifierOptions) { o.JWKSURL = "" },
		"exactly one of JWKSURL (for RS256)": func(o *authingv3.VerifierOptions) { o.Secret = tokenSecret },
		"JWKSURL is plain http":              func(o *authingv3.VerifierOptions) { o.JWKSURL = "http://shop.example.test/jwks.json" },
		"JWKSURL is not an absolute URL":     func(o *authingv3.VerifierOptions) { o.JWKSURL = "/jwks.json" },
		"JWKSURL contains a user name":       func(o *authingv3.VerifierOptions) { o.JWKSURL = "https://a:hunter2@shop.example.test/jwks.json" },
		"cookie Jar":                         func(o *authingv3.VerifierOptions) { o.HTTPClient.Jar = struct{ http.CookieJar }{} },
	} {
		o, got := rs256Options(keysResponder(jwkOf(0)))
		edit(&o)
		v, err := authingv3.NewVerifier(o)
		assert.Nil(t, v)
		require.ErrorIs(t, err, authing.ErrInvalidArgument)
		assert.ErrorContains(t, err, "authing: NewVerifier: ")
		assert.ErrorContains(t, err, text)
		assert.NotContains(t, err.Error(), "hunter2")
		assert.Empty(t, got.All())
	}
	o, _ := rs256Options(keysResponder(jwkOf(0)))
	o.JWKSURL, o.AllowHTTP = "http://shop.example.test/jwks.json", true
	wantAccepted(t, newVerifier(t, o), accessToken(0), "plain http, if it is allowed")

	_, err := newVerifier(t, o).VerifyToken(nil, accessToken(0))
	require.ErrorIs(t, err, authing.ErrInvalidArgument)
	_, err = new(authingv3.Verifier).VerifyToken(t.Context(), accessToken(0))
	require.ErrorIs(t, err, authing.ErrInvalidArgument)
}

func TestVerifierPrintsNoSecret(t *testing.T) {
	t.Parallel()
	o := authingv3.VerifierOptions{Issuer: tokenIssuer, Audience: tokenAudience, Secret: tokenSecret}
	v := newVerifier(t, o)
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		text := fmt.Sprintf(format+format+format, o, v, *v)
		assert.NotContains(t, text, string(tokenSecret), format)
		assert.NotContains(t, text, fmt.Sprintf("%x", string(tokenSecret)), format)
		assert.NotContains(t, text, strings.Trim(fmt.Sprintf("%d", []byte(tokenSecret)), "[]"), format)
	}
}

// A page keeps its token when the keys cannot be had, and signs in again when the token is no good.
func TestVerifierBehindMiddleware(t *testing.T) {
	t.Parallel()
	for body, statuses := range map[string][2]int{jwks(jwkOf(0)): {404, 401}, "": {503, 503}} {
		v, _ := rs256Verifier(t, httpmock.NewStringResponder(200, body))
		handler := authinghttp.RequireLogin(authinghttp.Cache(v, authinghttp.CacheOptions{}))(http.NotFoundHandler())
		for i, token := range []authing.Secret{accessToken(0), accessToken(1)} {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Authorization", "Bearer "+string(token))
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			assert.Equal(t, statuses[i], w.Code)
		}
	}
}

// Of all texts, only the tokens that were signed pass: no other text decodes to the same token.
func FuzzVerifier(f *testing.F) {
	rs256, _ := rs256Verifier(f, keysResponder(jwkOf(0)))
	hs256 := hs256Verifier(f, false)
	signed := map[authing.Secret]*authingv3.Verifier{
		accessToken(0): rs256,
		signedHS256(string(tokenSecret), hs256Header, accessClaims): hs256,
	}
	for token := range signed {
		f.Add(string(token))
		f.Add(string(strayBits(token)))
		f.Add(strings.Replace(string(token), ".", ".\n", 1))
	}
	f.Add(segment(`{"alg":"none"}`) + "." + segment(accessClaims) + ".")
	f.Add(string(signedRS256(0, `{"alg":"RS256","kid":"key-0","crit":[]}`, idClaims)))
	f.Fuzz(func(t *testing.T, token string) {
		for _, v := range []*authingv3.Verifier{rs256, hs256} {
			info, err := v.VerifyToken(t.Context(), authing.Secret(token))
			if (info == nil) != (err != nil) || (err == nil) != (signed[authing.Secret(token)] == v) {
				t.Fatalf("%q: %v, %v", token, info, err)
			}
			if err != nil && !errors.Is(err, authing.ErrLoginRequired) {
				t.Fatalf("%q: %v", token, err)
			}
		}
	})
}

func BenchmarkVerifier(b *testing.B) {
	rs256, _ := rs256Verifier(b, keysResponder(jwkOf(0)))
	token, public := accessToken(0), &signingKey(0).PublicKey
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(tokenIssuer), jwt.WithAudience(tokenAudience))
	b.Run("RS256, the library alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := parser.Parse(string(token), func(*jwt.Token) (any, error) { return public, nil }); err != nil {
				b.Fatal(err)
			}
		}
	})
	run := func(name string, v authinghttp.Verifier, token authing.Secret) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.VerifyToken(b.Context(), token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	run("RS256", rs256, token)
	run("RS256, cached", authinghttp.Cache(rs256, authinghttp.CacheOptions{TTL: time.Hour}), token)
	run("HS256", hs256Verifier(b, false), signedHS256(string(tokenSecret), hs256Header, accessClaims))
}
