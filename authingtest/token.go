package authingtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

const tokenLifetime = 15 * 24 * time.Hour

// claims is the payload of a user's token.
type claims struct {
	Data struct {
		Email    string `json:"email,omitempty"`
		ID       string `json:"id"`
		ClientID string `json:"clientId"`
		UnionID  string `json:"unionid,omitempty"`
		Phone    string `json:"phone,omitempty"`
	} `json:"data"`
	IssuedAt int64 `json:"iat"`
	Expires  int64 `json:"exp"`
}

// newToken issues a JWT for a, which from then on counts as its latest. Older ones stay good.
func (s *Server) newToken(a *account) {
	c := claims{IssuedAt: s.opts.Clock().Unix()}
	c.Data.ID, c.Data.ClientID, c.Data.UnionID, c.Data.Phone = a.id, s.opts.UserPoolID, a.unionID, a.phone
	c.Data.Email = a.email
	expires := time.Unix(c.IssuedAt, 0).Add(tokenLifetime)
	c.Expires = expires.Unix()
	a.token, a.tokenExpires = s.issue(c), isoDate(expires)
	if a.tokens == nil {
		a.tokens = map[string]bool{}
	}
	a.tokens[a.token] = true
}

func (s *Server) issue(c claims) (token string) {
	return s.signed(encodeSegment([]byte(`{"alg":"HS256","typ":"JWT"}`)), encodeSegment([]byte(jsonText(c))))
}

// read returns what a bare token says, if it can be believed.
func (s *Server) read(token string) (claims, *envelope) {
	var c claims
	if token == "" {
		return c, refuse(2020)
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 || token != s.signed(parts[0], parts[1]) {
		return c, refuse(2207)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &c) != nil {
		return c, refuse(2207)
	}
	if s.opts.Clock().Unix() >= c.Expires {
		return c, refuse(2206)
	}
	return c, nil
}

// holder returns the account that a bare token belongs to.
func (s *Server) holder(token string) (*account, *envelope) {
	c, refused := s.read(token)
	if refused != nil {
		return nil, refused
	}
	a := s.ofID(c.Data.ID)
	switch {
	case a == nil:
		return nil, refuse(2207)
	case a.blocked:
		return nil, refuse(2005)
	case !a.tokens[token]:
		return nil, refuse(2206)
	}
	return a, nil
}

// bearerToken takes the token out of the header of the GraphQL endpoints, which want the scheme.
func bearerToken(header string) (token string, refused *envelope) {
	if header == "" {
		return "", refuse(2020)
	}
	token, ok := strings.CutPrefix(header, "Bearer ")
	if !ok {
		return "", refuse(2207)
	}
	return token, nil
}

// acting returns the account with this id, if the caller is its user or the owner of the pool, and refuses others with
// the given code. Without an id it is the caller's own.
func (s *Server) acting(call graphqlCall, id string, others int) (*account, *envelope) {
	token, refused := bearerToken(call.bearer)
	if refused != nil {
		return nil, refused
	}
	if c, refused := s.read(token); refused == nil && c.Data.ID == s.ownerID {
		a := s.ofID(id)
		if a == nil {
			return nil, refuse(2004)
		}
		return a, nil
	}
	a, refused := s.holder(token)
	switch {
	case refused != nil:
		return nil, refused
	case id != "" && id != a.id:
		return nil, refuse(others)
	}
	return a, nil
}

// statusOf says whether a token is accepted, in the words that this answer has of its own.
func (s *Server) statusOf(token string, refused *envelope) (object, *claims) {
	if refused == nil {
		_, refused = s.holder(token)
	}
	if refused == nil {
		c, _ := s.read(token)
		return object{"status": true, "code": 200, "message": "已登录"}, &c
	}
	if short, ok := map[int]string{2020: "未登录", 2206: "登录信息已过期", 2207: "登录信息有误"}[refused.Code]; ok {
		refused.Message = short
	}
	return refused.notice(), nil
}

// checkLoginStatus looks at the token in its argument, or else at that of the caller.
func (s *Server) checkLoginStatus(call graphqlCall) (any, *envelope) {
	token, refused := text(call.arguments, "token"), (*envelope)(nil)
	if token == "" {
		token, refused = bearerToken(call.bearer)
	}
	status, c := s.statusOf(token, refused)
	if c != nil {
		status["token"] = object{"data": c.holder(), "iat": c.IssuedAt, "exp": c.Expires}
	}
	return status, nil
}

func (s *Server) decodeJwtToken(call graphqlCall) (any, *envelope) {
	status, c := s.statusOf(text(call.arguments, "token"), nil)
	if c == nil {
		return object{"status": status}, nil
	}
	return object{"status": status, "data": c.holder(), "iat": c.IssuedAt, "exp": c.Expires}, nil
}

func (c *claims) holder() object {
	return object{
		"email": orNull(c.Data.Email), "id": c.Data.ID, "clientId": c.Data.ClientID, "unionid": orNull(c.Data.UnionID),
	}
}

// getAccessTokenByAppSecret gives the owner of the pool a token, which acts for every user.
func (s *Server) getAccessTokenByAppSecret(call graphqlCall) (any, *envelope) {
	if text(call.arguments, "clientId") != s.opts.UserPoolID || text(call.arguments, "secret") != s.opts.Secret {
		return nil, refuse(2011)
	}
	c := claims{IssuedAt: s.opts.Clock().Unix()}
	c.Expires = c.IssuedAt + int64(tokenLifetime/time.Second)
	c.Data.ID, c.Data.ClientID = s.ownerID, s.opts.UserPoolID
	return s.issue(c), nil
}

// signed returns the token of a header and a payload. Only the server decides what those are, so that a token that
// carries the right signature can be believed.
func (s *Server) signed(header, payload string) string {
	unsigned := header + "." + payload
	return unsigned + "." + encodeSegment(hmacSHA256(s.tokenKey, unsigned))
}

func encodeSegment(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func hmacSHA256(key, message string) []byte {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(message))
	return mac.Sum(nil)
}
