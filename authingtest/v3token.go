package authingtest

import (
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const refreshLifetime = 30 * 24 * time.Hour

// v3Token is an access token or a refresh token.
type v3Token struct {
	account         *account
	id              string // the jti of an access token
	refresh         bool
	scope           []string
	issued, expires time.Time
	revoked         bool
}

// newTokenSet issues tokens with the given scope.
func (s *Server) newTokenSet(a *account, scope []string) object {
	now := s.opts.Clock()
	lifetime := s.modes.TokenLifetime
	access := &v3Token{
		account: a, id: randomString(alphanumerics, 21), scope: scope, issued: now,
		expires: time.Unix(now.Add(lifetime).Unix(), 0), // as in its claims
	}
	accessToken := s.signJWT(s.modes.AccessTokenAlg, object{
		"jti": access.id, "sub": a.id, "iat": now.Unix(), "exp": access.expires.Unix(),
		"scope": strings.Join(scope, " "), "iss": s.Issuer(), "aud": s.opts.App.ID,
	})
	s.v3Tokens.set(accessToken, access, keepCodes)

	claims := s.claims(a, scope)
	claims["iat"], claims["exp"] = now.Unix(), access.expires.Unix()
	claims["iss"], claims["aud"] = s.Issuer(), s.opts.App.ID
	claims["at_hash"] = halfHash(accessToken)
	set := object{
		"access_token": accessToken,
		"id_token":     s.signJWT(s.modes.IDTokenAlg, claims),
		"token_type":   "Bearer",
		"scope":        strings.Join(scope, " "),
	}
	if s.modes.LifetimeField != ExpireIn {
		set["expires_in"] = int64(lifetime / time.Second)
	}
	if s.modes.LifetimeField != ExpiresIn {
		set["expire_in"] = int64(lifetime / time.Second)
	}
	if slices.Contains(scope, "offline_access") && !s.modes.NoRefreshTokens {
		refresh := randomString(alphanumerics, 43)
		s.v3Tokens.set(refresh, &v3Token{
			account: a, id: refresh, refresh: true, scope: scope, issued: now, expires: now.Add(refreshLifetime),
		}, keepCodes)
		set["refresh_token"] = refresh
	}
	return set
}

// claims returns what the scope of a token says about its user. Unknown values are null, as in the samples.
func (s *Server) claims(a *account, scope []string) object {
	claims := object{"sub": a.id}
	user := a.fields()
	for _, word := range scope {
		switch word {
		case "profile":
			for claim, field := range map[string]string{
				"birthdate": "birthdate", "family_name": "familyName", "gender": "gender", "given_name": "givenName",
				"locale": "locale", "middle_name": "middleName", "name": "name", "nickname": "nickname", "picture": "photo",
				"preferred_username": "preferredUsername", "profile": "profile", "website": "website", "zoneinfo": "zoneinfo",
			} {
				claims[claim] = user[field]
			}
			claims["updated_at"] = isoDate(a.shownUpdate())
		case "username":
			claims["username"] = user["username"]
		case "email":
			claims["email"], claims["email_verified"] = user["email"], a.emailVerified
		case "phone":
			claims["phone_number"], claims["phone_number_verified"] = user["phone"], a.phone != ""
		case "unionid":
			claims["unionid"] = orNull(a.unionID)
		case "external_id":
			claims["external_id"] = user["externalId"]
		case "extended_fields":
			claims["extended_fields"] = a.customData
		case "userpool_id":
			claims["userpool_id"] = s.opts.UserPoolID
		}
	}
	return claims
}

// liveToken returns the token if it is neither revoked nor expired, and its account can sign in.
func (s *Server) liveToken(text string) *v3Token {
	token := s.v3Tokens.get(text)
	if token == nil || token.revoked || !s.opts.Clock().Before(token.expires) || token.account.deleted || token.account.blocked {
		return nil
	}
	return token
}

// v3Account returns the account of an access token.
func (s *Server) v3Account(text string) (*account, *v3Token, *v3Error) {
	token := s.liveToken(text)
	switch {
	case token != nil && !token.refresh:
		return token.account, token, nil
	case s.v3Tokens.get(text) != nil && s.v3Tokens.get(text).account.blocked:
		return nil, nil, newV3Error(2005)
	}
	return nil, nil, newV3Error(2020)
}

// RevokeTokens revokes all tokens of an account, of both APIs.
func (s *Server) RevokeTokens(userID string) {
	s.change(userID, func(a *account) {
		a.tokens = recent[bool]{}
		for _, token := range s.v3Tokens.entries {
			if token != nil && token.account == a {
				token.revoked = true
			}
		}
	})
}

// oidcFailure is a failure of the token endpoints.
func oidcFailure(status int, code, description string) reply {
	return reply{status: status, body: jsonText(struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{code, description})}
}

// oidcForm decodes a form with the given fields and those of the client, and authenticates the client. The mini-program
// SDK names the application in a header where others send client_id.
func (s *Server) oidcForm(r *http.Request, fields []string, handle func(object) reply) reply {
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	raw, err := io.ReadAll(r.Body)
	values, parseErr := url.ParseQuery(string(raw))
	if mediaType != "application/x-www-form-urlencoded" || err != nil || parseErr != nil {
		return oidcFailure(http.StatusBadRequest, "invalid_request", "the body must be a form")
	}
	form := object{}
	for name, list := range values {
		switch {
		case name != "client_id" && name != "client_secret" && !slices.Contains(fields, name):
			return oidcFailure(http.StatusBadRequest, "invalid_request", "unknown parameter "+name)
		case len(list) > 1:
			return oidcFailure(http.StatusBadRequest, "invalid_request", name+" must not be given twice")
		}
		form[name] = list[0]
	}
	app := r.Header.Get("X-Authing-App-Id")
	named := getString(form, "client_id") != "" || app != "" || s.modes.ClientAuth == AuthBasic
	if !named || app != "" && app != s.opts.App.ID || !s.clientAuthenticated(r.Header, form) {
		return oidcFailure(http.StatusUnauthorized, "invalid_client", clientAuthFailed)
	}
	return handle(form)
}

// refresh replaces a refresh token: the old one is used up.
func (s *Server) refresh(form object) reply {
	text := getString(form, "refresh_token")
	switch {
	case getString(form, "grant_type") != "refresh_token" || s.modes.NoRefreshTokens:
		return oidcFailure(http.StatusBadRequest, "unsupported_grant_type", "unsupported grant_type requested")
	case text == "":
		return oidcFailure(http.StatusBadRequest, "invalid_request", "refresh_token is required")
	}
	token := s.liveToken(text)
	if token == nil || !token.refresh {
		return oidcFailure(http.StatusBadRequest, "invalid_grant", "grant request is invalid")
	}
	token.revoked = true
	return flat(s.newTokenSet(token.account, token.scope))
}

func (s *Server) introspect(form object) reply {
	text := getString(form, "token")
	if text == "" {
		return oidcFailure(http.StatusBadRequest, "invalid_request", "token is required")
	}
	token := s.liveToken(text)
	if token == nil {
		return flat(object{"active": false})
	}
	return flat(object{
		"active": true, "sub": token.account.id, "client_id": s.opts.App.ID, "exp": token.expires.Unix(),
		"iat": token.issued.Unix(), "iss": s.Issuer(), "jti": token.id, "scope": strings.Join(token.scope, " "),
		"token_type": "Bearer",
	})
}

// revoke succeeds for unknown tokens, too, as RFC 7009 demands.
func (s *Server) revoke(form object) reply {
	text := getString(form, "token")
	if text == "" {
		return oidcFailure(http.StatusBadRequest, "invalid_request", "token is required")
	}
	if token := s.v3Tokens.get(text); token != nil {
		token.revoked = true
	}
	return v3Success(object{"success": true})
}

// userInfo takes the access token with the Bearer scheme, or in the query as the SDK for Node.js sends it.
func (s *Server) userInfo(r *http.Request) reply {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		text = r.URL.Query().Get("access_token")
	}
	a, token, e := s.v3Account(text)
	if e != nil {
		return oidcFailure(http.StatusUnauthorized, "invalid_token", "invalid token provided")
	}
	return flat(s.claims(a, token.scope))
}
