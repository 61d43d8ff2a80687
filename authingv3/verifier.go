package authingv3

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/api"
	"github.com/authing-wxapp/authing/internal/wire"
)

const (
	leeway         = 30 * time.Second // by which clocks may differ
	maxTokenLength = 8 << 10          // in bytes; a real token has a tenth of that
)

// VerifierOptions says which tokens a [Verifier] accepts. Authing names the issuer and the address of the keys at
// "https://my-shop.authing.cn/oidc/.well-known/openid-configuration". An application may sign its access tokens with RS256
// and its id tokens with HS256: the algorithm is a setting for each.
type VerifierOptions struct {
	Issuer   string // who issues the tokens, as in their iss claim: "https://my-shop.authing.cn/oidc"
	Audience string // the application's id

	// Exactly one of these. It fixes the algorithm, whatever a token says.
	JWKSURL string         // RS256, with the keys at this address: "https://my-shop.authing.cn/oidc/.well-known/jwks.json"
	Secret  authing.Secret // HS256, with the application's secret

	IDToken    bool         // accept id tokens and no access tokens; by default it is the other way round
	HTTPClient *http.Client // gets the keys; its Transport and Timeout are used as [authing.WithHTTPClient] does. Default: one of its own
	AllowHTTP  bool         // permits plain http to a JWKSURL that is not loopback: whoever is in between can then sign in as anyone
}

// Verifier checks tokens without a call for each: signature, issuer, audience, kind and lifetime. It is an
// authinghttp.Verifier. Build it once with [NewVerifier] and share it: it is safe for concurrent use.
//
// It does not notice that a token was revoked: the token passes until it expires. Where that matters, use
// [Client.VerifyToken].
//
// It fetches the keys with the first token and keeps them in memory. A token signed with a key that it does not know makes it
// fetch them again, but at most once a minute, or once a second if all callers leave before the keys arrive; concurrent calls
// share that. A set that it fetched replaces the one before. If a fetch fails, it keeps what it has, and while it has none,
// tries again after a second.
type Verifier struct {
	parser  *jwt.Parser
	idToken bool

	// Not a key or a secret, which printing a Verifier would show.
	key func(ctx context.Context, id string) (any, *api.Error)
}

// NewVerifier returns a Verifier. It makes no request. A bad option is an error that matches [authing.ErrInvalidArgument].
func NewVerifier(o VerifierOptions) (*Verifier, error) {
	v, err := newVerifier(o)
	if err != nil {
		return nil, (*authing.Error)(api.NotSent("NewVerifier", err))
	}
	return v, nil
}

func newVerifier(o VerifierOptions) (*Verifier, error) {
	v := &Verifier{idToken: o.IDToken}
	algorithm := jwt.SigningMethodHS256.Name
	switch {
	case o.Issuer == "":
		return nil, api.Invalid("the Issuer is empty: tokens of any issuer would pass")
	case o.Audience == "":
		return nil, api.Invalid("the Audience is empty: pass the application's id")
	case (o.JWKSURL == "") == (o.Secret == ""):
		return nil, api.Invalid("exactly one of JWKSURL (for RS256) and Secret (for HS256) has to be set")
	case o.Secret != "":
		secret := []byte(o.Secret)
		v.key = func(context.Context, string) (any, *api.Error) { return secret, nil }
	default:
		keys, err := newKeySet(o)
		if err != nil {
			return nil, err
		}
		algorithm = jwt.SigningMethodRS256.Name
		v.key = func(ctx context.Context, id string) (any, *api.Error) { return keys.find(ctx, id) }
	}
	v.parser = jwt.NewParser(
		jwt.WithValidMethods([]string{algorithm}),
		jwt.WithStrictDecoding(),
		jwt.WithIssuer(o.Issuer),
		jwt.WithAudience(o.Audience),
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(leeway),
	)
	return v, nil
}

// VerifyToken returns what the token says about its owner: the user id, the lifetime, the e-mail address and the phone
// number if they are in it, and all claims as TokenInfo.Raw. Clocks may differ by 30 seconds.
//
// A token that is not valid here is [authing.ErrLoginRequired]; so is a machine's, which has no user. If the keys cannot be
// fetched, there is no verdict: the error does not match that one. A token is refused as well if its key was published in
// the last minute and the keys were fetched just before.
//
// Retry: any time. It changes nothing.
//
// Source: GET /oidc/.well-known/jwks.json.
func (v *Verifier) VerifyToken(ctx context.Context, token authing.Secret) (*authing.TokenInfo, error) {
	info, err := v.verify(ctx, string(token))
	if err != nil {
		err.Op = verifyOp
		return nil, (*authing.Error)(err)
	}
	return info, nil
}

const verifyOp = "VerifyToken"

func (v *Verifier) verify(ctx context.Context, token string) (*authing.TokenInfo, *api.Error) {
	switch {
	case v.key == nil:
		return nil, api.Invalid("the Verifier was not made by NewVerifier")
	case ctx == nil:
		return nil, api.Invalid("the context is nil: use context.Background() if there is none")
	case len(token) > maxTokenLength:
		return nil, refused("the token is longer than any real one")
	case strings.Contains(token, "\n") || strings.Contains(token, "\r"): // which package base64 ignores
		return nil, refused("the token contains a line break")
	}
	c := claims{idToken: v.idToken}
	_, err := v.parser.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		id, ok := v.keyID(t)
		if !ok {
			return nil, jwt.ErrTokenUnverifiable
		}
		key, err := v.key(ctx, id)
		if err != nil {
			return nil, err
		}
		return key, nil
	})
	if err == nil {
		return c.info(), nil
	}
	if e, ok := errors.AsType[*api.Error](err); ok {
		return nil, e
	}
	return nil, refused(reason(err))
}

// keyID returns which key the token is signed with, or "" if it does not say, unless its header is not acceptable: if it
// brings its own key, has an extension that must be understood, or is ambiguous.
func (v *Verifier) keyID(t *jwt.Token) (id string, ok bool) {
	segment, _, _ := strings.Cut(t.Raw, ".")
	header, err := v.parser.DecodeSegment(segment)
	if err != nil || wire.Decode(header, &struct{}{}) != nil {
		return "", false
	}
	for _, name := range []string{"crit", "jwk", "jku", "x5u", "x5c"} {
		if _, ok := t.Header[name]; ok {
			return "", false
		}
	}
	kid, ok := t.Header["kid"]
	if !ok {
		return "", true
	}
	id, _ = kid.(string)
	return id, id != ""
}

// claims are those that a verdict needs. text is strict about its type: another one makes the token invalid.
type claims struct {
	payload
	raw     []byte
	idToken bool // is wanted
}

type payload struct {
	Issuer    text             `json:"iss"`
	Subject   text             `json:"sub"`
	Audience  jwt.ClaimStrings `json:"aud"` // a text or a list
	ExpiresAt wire.Seconds     `json:"exp"`
	NotBefore wire.Seconds     `json:"nbf"`
	IssuedAt  wire.Seconds     `json:"iat"`
	Scope     *text            `json:"scope"`
	Email     string           `json:"email"`
	Phone     string           `json:"phone_number"`
}

type text string

// UnmarshalJSON rejects duplicate claims, which encoding/json accepts: another reader of the token might take the other one.
func (c *claims) UnmarshalJSON(b []byte) error {
	c.raw = bytes.Clone(b)
	return wire.Decode(b, &c.payload)
}

// The parser compares what these return.

func (c *claims) GetIssuer() (string, error)                       { return string(c.Issuer), nil }
func (c *claims) GetSubject() (string, error)                      { return string(c.Subject), nil }
func (c *claims) GetAudience() (jwt.ClaimStrings, error)           { return c.Audience, nil }
func (c *claims) GetExpirationTime() (*jwt.NumericDate, error)     { return numericDate(c.ExpiresAt) }
func (c *claims) GetNotBefore() (date *jwt.NumericDate, err error) { return numericDate(c.NotBefore) }
func (c *claims) GetIssuedAt() (date *jwt.NumericDate, err error)  { return nil, nil } // decides nothing

func numericDate(s wire.Seconds) (*jwt.NumericDate, error) {
	switch {
	case s.Odd:
		return nil, jwt.ErrInvalidType
	case !s.Set:
		return nil, nil
	}
	return &jwt.NumericDate{Time: s.Time()}, nil
}

var (
	errNoUser    = errors.New("the token has no user")
	errWrongKind = errors.New("the token is of the other kind")
)

// Validate is called by the parser as well. Only access tokens have a scope; id tokens have nothing that those never have.
func (c *claims) Validate() error {
	switch {
	case c.Subject == "":
		return errNoUser
	case c.idToken != (c.Scope == nil):
		return errWrongKind
	}
	return nil
}

func (c *claims) info() *authing.TokenInfo {
	info := &authing.TokenInfo{
		UserID: string(c.Subject), Email: c.Email, Phone: c.Phone,
		IssuedAt: c.IssuedAt.Time(), ExpiresAt: c.ExpiresAt.Time(),
	}
	info.SetRaw(c.raw)
	return info
}

// reason says why the parser rejected a token, without quoting it.
func reason(err error) string {
	for _, r := range []struct {
		err  error
		text string
	}{
		{jwt.ErrTokenMalformed, "the token is not a JWT, or one that can be read in two ways"},
		{jwt.ErrTokenSignatureInvalid, "the token is not signed with the expected algorithm and key"},
		{jwt.ErrTokenUnverifiable, "the token's header is not acceptable"},
		{jwt.ErrTokenInvalidIssuer, "the token is from another issuer (if every one is: than VerifierOptions.Issuer says)"},
		{jwt.ErrTokenInvalidAudience, "the token is for another application (if every one is: than VerifierOptions.Audience says)"},
		{jwt.ErrTokenExpired, "the token has expired"},
		{jwt.ErrTokenNotValidYet, "the token is not valid yet"},
		{errNoUser, "the token has no user: it is a machine's"},
		{errWrongKind, "the token is an id token instead of an access token, or the reverse"},
	} {
		if errors.Is(err, r.err) {
			return r.text
		}
	}
	return "the token lacks a claim, or one has an odd type"
}

func refused(reason string) *api.Error {
	return &api.Error{Reason: reason, Hint: "sign in again", Err: api.ErrLoginRequired}
}
