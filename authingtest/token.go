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

// newToken issues a JWT for a, which from then on counts as its latest.
func (s *Server) newToken(a *account) {
	now := s.opts.Clock().Truncate(time.Second)
	a.tokenExpires = now.Add(tokenLifetime)
	c := claims{IssuedAt: now.Unix(), Expires: a.tokenExpires.Unix()}
	c.Data.ID, c.Data.ClientID, c.Data.UnionID, c.Data.Phone = a.id, s.opts.UserPoolID, a.unionID, a.phone
	c.Data.Email = a.email
	a.token = s.signed(encodeSegment([]byte(`{"alg":"HS256","typ":"JWT"}`)), encodeSegment([]byte(jsonText(c))))
}

// What Authing says about a token.
var (
	notSignedIn  = refusal(2020, "尚未登录，无权限访问此请求")
	tokenExpired = refusal(2206, "登录信息已过期, 需重新登录")
	tokenInvalid = refusal(2207, "登录信息有误, 需重新登录")
)

// holder returns the account that a bare token belongs to. If there is none, it returns what to reply.
func (s *Server) holder(token string) (*account, reply) {
	if token == "" {
		return nil, notSignedIn
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 || token != s.signed(parts[0], parts[1]) {
		return nil, tokenInvalid
	}
	var c claims
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &c) != nil {
		return nil, tokenInvalid
	}
	if s.opts.Clock().Unix() >= c.Expires {
		return nil, tokenExpired
	}
	a := s.find(func(a *account) bool { return a.id == c.Data.ID })
	if a == nil {
		return nil, tokenInvalid
	}
	return a, reply{}
}

// signed returns the token of a header and a payload. Only newToken decides what those are, so that a token that
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
