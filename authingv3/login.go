package authingv3

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/api"
	"github.com/authing-wxapp/authing/internal/redact"
	"github.com/authing-wxapp/authing/internal/transport"
	"github.com/authing-wxapp/authing/internal/wire"
)

// Login is what a sign-in returns: tokens, and no user. Keep it in your session store; its JSON has every field, tokens
// included and in clear.
type Login struct {
	UserID       string         `json:"userId,omitempty"` // from the id token; empty without a readable one: ask User
	AccessToken  authing.Secret `json:"accessToken"`      // for Client.As
	IDToken      authing.Secret `json:"idToken,omitempty"`
	RefreshToken authing.Secret `json:"refreshToken,omitempty"` // for Refresh; needs the scope offline_access
	TokenType    string         `json:"tokenType,omitempty"`
	Scope        string         `json:"scope,omitempty"`    // what the service granted, separated by spaces
	ExpiresAt    time.Time      `json:"expiresAt,omitzero"` // of the access token; zero if the service does not say

	raw wire.Raw
}

// Raw returns the tokens as the service sent them, including what has no field here.
func (l *Login) Raw() json.RawMessage { return l.raw.JSON() }

// wireLogin is a token set as the service sends it.
type wireLogin struct {
	AccessToken  string       `json:"access_token"`
	IDToken      string       `json:"id_token"`
	RefreshToken string       `json:"refresh_token"`
	TokenType    string       `json:"token_type"`
	Scope        string       `json:"scope"`
	ExpiresIn    wire.Seconds `json:"expires_in"`
	ExpireIn     wire.Seconds `json:"expire_in"` // another spelling

	result Login // inside of w, which saves an allocation
}

func (w *wireLogin) missing() string {
	switch {
	case w.AccessToken == "":
		return "access token"
	case !api.IsHeaderText(w.AccessToken):
		return "access token that could be sent back"
	}
	return ""
}

func (c *config) login(w *wireLogin, raw wire.Raw) *Login {
	w.result = Login{
		UserID: c.subject(w.IDToken), AccessToken: authing.Secret(w.AccessToken), IDToken: authing.Secret(w.IDToken),
		RefreshToken: authing.Secret(w.RefreshToken), TokenType: w.TokenType, Scope: w.Scope,
		ExpiresAt: expiry(cmp.Or(w.ExpiresIn.Value, w.ExpireIn.Value)), raw: raw,
	}
	return &w.result
}

// expiry returns the time that many seconds from now, or the zero time for what is not a lifetime.
func expiry(seconds int64) time.Time {
	if seconds <= 0 || seconds > math.MaxInt64/int64(time.Second) {
		return time.Time{}
	}
	return time.Now().Add(time.Duration(seconds) * time.Second)
}

// subject returns the user id in an id token, unless that is for another application. The token came over TLS from the
// service itself, so that its signature need not be checked (OpenID Connect Core, 3.1.3.7).
func (c *config) subject(idToken string) string {
	_, rest, _ := strings.Cut(idToken, ".")
	payload, signature, signed := strings.Cut(rest, ".")
	decoded, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil || !signed || strings.Contains(signature, ".") {
		return ""
	}
	var claims struct {
		Subject  string          `json:"sub"`
		Audience json.RawMessage `json:"aud"`
	}
	if wire.Decode(decoded, &claims) != nil || !isFor(claims.Audience, c.appID) {
		return ""
	}
	return claims.Subject
}

// isFor reports whether audience, a text or a list, contains id, or is not given.
func isFor(audience json.RawMessage, id string) bool {
	if string(bytes.Trim(audience, `"`)) == id { // an id has nothing to escape
		return true
	}
	var list []string
	return len(audience) == 0 || string(audience) == "null" || wire.Decode(audience, &list) == nil && slices.Contains(list, id)
}

func (c *config) decodeLogin(resp transport.Response) (*Login, error) {
	w, err := decodeComplete(resp, (*wireLogin).missing)
	if err != nil {
		return nil, err
	}
	return c.login(w, wire.At(resp.Body, [2]string{"data"})), nil
}

// LoginOption adds an optional argument to a call that signs in. A call rejects an option that the API does not have there.
type LoginOption func(*loginOptions)

type loginOptions struct {
	detail       *authing.Detail
	clientIP     string
	autoRegister *bool
	context      map[string]any
	customData   map[string]any
}

// WithDetail adds the detail of a getUserInfo button, not of a phone button, to [Client.LoginWithWxapp],
// [Client.LoginWithWxappPhone] and [Client.BindWxapp]. Whether the service does anything with it is not documented.
func WithDetail(detail authing.Detail) LoginOption {
	return func(o *loginOptions) { o.detail = &detail }
}

// WithClientIP passes the user's address, so that limits do not count the backend's. [Client.Login] and
// [Client.LoginByPhoneCode] take it; the API has no place for it when a mini program signs in.
func WithClientIP(ip string) LoginOption {
	return func(o *loginOptions) { o.clientIP = ip }
}

// WithAutoRegister lets [Client.LoginByPhoneCode] and [Client.Login] create an account that does not exist.
func WithAutoRegister(register bool) LoginOption {
	return func(o *loginOptions) { o.autoRegister = &register }
}

// WithContext passes values to the pool's pipelines.
func WithContext(values map[string]any) LoginOption {
	return func(o *loginOptions) { o.context = values }
}

// WithCustomData sets custom fields of the user, which have to be defined in the Authing console first.
func WithCustomData(values map[string]any) LoginOption {
	return func(o *loginOptions) { o.customData = values }
}

func collect(opts []LoginOption) loginOptions {
	if len(opts) == 0 {
		return loginOptions{} // saves an allocation
	}
	o := new(loginOptions)
	for _, opt := range opts {
		if opt != nil {
			opt(o)
		}
	}
	return *o
}

// checkWxapp returns why a call that takes a WeChat code cannot take o.
func (o loginOptions) checkWxapp(code string) error {
	if err := o.checkValues(); err != nil {
		return err
	}
	switch {
	case o.clientIP != "":
		return api.Invalid("the API takes no client IP when a mini program signs in: remove WithClientIP")
	case o.autoRegister != nil:
		return api.Invalid("the identity source decides whether a mini program registers users: remove WithAutoRegister")
	}
	return cmp.Or(api.CheckCode(code), o.checkDetail(code))
}

// checkDetail returns why the detail cannot be sent with code.
func (o loginOptions) checkDetail(code string) error {
	d := o.detail
	if d == nil {
		return nil
	}
	if code == d.PhoneCode {
		return api.Invalid("the code is detail.code, the phone code of the button: send the code from wx.login")
	}
	if d.ErrMsg != "" {
		if failed, ok := errors.AsType[*authing.Error](d.Err()); ok {
			e := (*api.Error)(failed)
			e.Reason = redact.New([]string{code}).Line(e.Reason) // WeChat's words may quote it
			return e
		}
		if name, _, _ := strings.Cut(d.ErrMsg, ":"); name != "getUserInfo" && name != "getUserProfile" {
			return api.Invalid("the detail is not from getUserInfo or getUserProfile: remove WithDetail")
		}
	}
	if d.EncryptedData == "" && d.IV == "" {
		return nil
	}
	return api.CheckEncrypted(d.EncryptedData, d.IV)
}

// encrypted returns the encrypted profile, if there is one.
func (o loginOptions) encrypted() (data, iv string) {
	if o.detail == nil {
		return "", ""
	}
	return o.detail.EncryptedData, o.detail.IV
}

// checkAccount returns why a call that takes an account cannot take o.
func (o loginOptions) checkAccount() error {
	if o.detail != nil {
		return api.Invalid("a detail of WeChat is for the calls that take a WeChat code: remove WithDetail")
	}
	return cmp.Or(api.CheckUTF8("client IP", o.clientIP), o.checkValues())
}

// checkValues rejects what encoding/json would change silently or not encode.
func (o loginOptions) checkValues() error {
	if o.context == nil && o.customData == nil || wire.Encodable(o.context) && wire.Encodable(o.customData) {
		return nil
	}
	return api.Invalid("the values of WithContext or WithCustomData cannot be written as JSON, or contain invalid UTF-8")
}

// signIn is the body of every sign-in. Exactly one payload is set.
type signIn struct {
	Connection   string           `json:"connection"`
	MiniProgram  string           `json:"extIdpConnidentifier,omitempty"`
	Code         loginInfo        `json:"wechatMiniProgramCodePayload,omitzero"`
	CodeAndPhone *codeAndPhone    `json:"wechatMiniProgramCodeAndPhonePayload,omitempty"`
	PassCode     *passCode        `json:"passCodePayload,omitempty"`
	Password     *passwordPayload `json:"passwordPayload,omitempty"`
	Options      signInOptions    `json:"options,omitzero"`
	ClientID     string           `json:"client_id,omitempty"`
	ClientSecret string           `json:"client_secret,omitempty"`
}

type signInOptions struct {
	Scope        string         `json:"scope,omitempty"`
	ClientIP     string         `json:"clientIp,omitempty"`
	AutoRegister *bool          `json:"autoRegister,omitempty"`
	Context      map[string]any `json:"context,omitempty"`
	TenantID     string         `json:"tenantId,omitempty"`
	CustomData   map[string]any `json:"customData,omitempty"`
}

// IsZero reports whether there is nothing to send.
func (o signInOptions) IsZero() bool {
	return o.Scope == "" && o.ClientIP == "" && o.AutoRegister == nil && len(o.Context) == 0 && o.TenantID == "" && len(o.CustomData) == 0
}

// signIn completes a request that signs in. A pointer to its body saves an allocation.
func (c *Client) signIn(ctx context.Context, req api.Request, body *signIn, o loginOptions) (*Login, error) {
	body.Options = signInOptions{
		Scope: c.scope, ClientIP: o.clientIP, AutoRegister: o.autoRegister, Context: o.context, TenantID: c.tenant,
		CustomData: o.customData,
	}
	body.ClientID, body.ClientSecret = c.clientID(), c.clientSecret()
	req.Authorization = c.basic
	req.Body = body
	return call(ctx, c, req, c.decodeLogin)
}
