package authingtest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"net/http"
	"sync"
)

// signingKey signs RS256 tokens.
type signingKey struct {
	id  string
	key *rsa.PrivateKey
}

// firstKey is shared by all servers, because generating a key dominates the cost of a test.
var firstKey = sync.OnceValue(newSigningKey)

// signingKey gets the first key when it is needed, because most tests need none.
func (s *Server) signingKey() signingKey {
	if len(s.keys) == 0 {
		s.keys = []signingKey{firstKey()}
	}
	return s.keys[len(s.keys)-1]
}

func newSigningKey() signingKey {
	const bits = 2048
	key, _ := rsa.GenerateKey(rand.Reader, bits) // only fails for a key that is too short
	return signingKey{randomString(alphanumerics, 43), key}
}

// RotateKeys makes a new key sign all further RS256 tokens. The old public keys stay at [Server.JWKSURL] until
// [Server.DropOldKeys].
func (s *Server) RotateKeys() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signingKey()
	s.keys = append(s.keys, newSigningKey())
}

// DropOldKeys removes all public keys but the latest, so that tokens signed before [Server.RotateKeys] can no longer be
// verified locally.
func (s *Server) DropOldKeys() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = []signingKey{s.signingKey()}
}

// signJWT returns a JWT with the given claims.
func (s *Server) signJWT(alg SigningAlg, claims object) string {
	if alg == HS256 {
		unsigned := encodeSegment([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encodeSegment([]byte(jsonText(claims)))
		return unsigned + "." + encodeSegment(hmacSHA256(string(s.opts.App.Secret), unsigned))
	}
	signer := s.signingKey()
	header := object{"alg": alg, "typ": "JWT", "kid": signer.id}
	unsigned := encodeSegment([]byte(jsonText(header))) + "." + encodeSegment([]byte(jsonText(claims)))
	sum := sha256.Sum256([]byte(unsigned))
	signature, _ := rsa.SignPKCS1v15(nil, signer.key, crypto.SHA256, sum[:]) // cannot fail for a key of this size
	return unsigned + "." + encodeSegment(signature)
}

// halfHash is the at_hash of an access token.
func halfHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return encodeSegment(sum[:len(sum)/2])
}

// jwks returns the public keys, the latest first.
func (s *Server) jwks() reply {
	s.signingKey()
	set := make([]object, 0, len(s.keys))
	for i := len(s.keys) - 1; i >= 0; i-- {
		public := s.keys[i].key.PublicKey
		set = append(set, object{
			"kty": "RSA", "use": "sig", "alg": RS256, "kid": s.keys[i].id,
			"n": base64.RawURLEncoding.EncodeToString(public.N.Bytes()),
			"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()),
		})
	}
	return flat(object{"keys": set})
}

// discovery returns the configuration of the OpenID provider. Endpoints that this server does not have are among it, as
// the specification demands.
func (s *Server) discovery() reply {
	issuer := s.Issuer()
	methods := []ClientAuth{AuthPost, AuthBasic, AuthNone}
	keyWrap := []string{"A128KW", "A256KW", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW", "RSA-OAEP"}
	encryption := []string{"A128CBC-HS256", "A128GCM", "A256CBC-HS512", "A256GCM"}
	return flat(object{
		"issuer":                                        issuer,
		"authorization_endpoint":                        issuer + "/auth",
		"token_endpoint":                                issuer + "/token",
		"userinfo_endpoint":                             issuer + "/me",
		"jwks_uri":                                      s.JWKSURL(),
		"introspection_endpoint":                        issuer + "/token/introspection",
		"revocation_endpoint":                           issuer + "/token/revocation",
		"end_session_endpoint":                          issuer + "/session/end",
		"scopes_supported":                              scopes,
		"response_types_supported":                      []string{"none"},
		"response_modes_supported":                      []string{"query", "fragment", "form_post", "web_message"},
		"grant_types_supported":                         []string{"refresh_token"},
		"id_token_signing_alg_values_supported":         []SigningAlg{HS256, RS256},
		"id_token_encryption_alg_values_supported":      keyWrap,
		"id_token_encryption_enc_values_supported":      encryption,
		"userinfo_signing_alg_values_supported":         []SigningAlg{HS256, RS256},
		"userinfo_encryption_alg_values_supported":      keyWrap,
		"userinfo_encryption_enc_values_supported":      encryption,
		"token_endpoint_auth_methods_supported":         methods,
		"introspection_endpoint_auth_methods_supported": methods,
		"revocation_endpoint_auth_methods_supported":    methods,
		"claim_types_supported":                         []string{"normal"},
		"claims_supported": []string{
			"sub", "username", "phone_number", "phone_number_verified", "email", "email_verified", "address", "birthdate",
			"family_name", "gender", "given_name", "locale", "middle_name", "name", "nickname", "picture",
			"preferred_username", "profile", "updated_at", "website", "zoneinfo", "role", "roles", "unionid", "external_id",
			"extended_fields", "tenant_id", "userpool_id", "iss",
		},
		"code_challenge_methods_supported": []string{"plain", "S256"},
	})
}

func (s *Server) routeOIDC(mux *http.ServeMux) {
	get := func(path, op string, handle func() reply) {
		mux.HandleFunc("GET /oidc/"+path, func(w http.ResponseWriter, r *http.Request) {
			s.serve(w, r, s.v3Operation(op, handle))
		})
	}
	get(".well-known/jwks.json", "JWKS", s.jwks)
	get(".well-known/openid-configuration", "Discovery", s.discovery)
	mux.HandleFunc("/oidc/me", func(w http.ResponseWriter, r *http.Request) {
		s.serve(w, r, s.v3Operation("UserInfo", func() reply { return s.userInfo(r) }))
	})
	post := func(path, op string, fields []string, handle func(object) reply) {
		mux.HandleFunc("POST /oidc/"+path, func(w http.ResponseWriter, r *http.Request) {
			s.serve(w, r, s.v3Operation(op, func() reply { return s.oidcForm(r, fields, handle) }))
		})
	}
	post("token", "Refresh", []string{"grant_type", "refresh_token", "redirect_uri"}, s.refresh)
	post("token/introspection", "VerifyToken", []string{"token", "token_type_hint"}, s.introspect)
	post("token/revocation", "Logout", []string{"token", "token_type_hint"}, s.revoke)
}
