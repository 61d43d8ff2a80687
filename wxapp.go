package authing

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/authing-wxapp/authing/internal/api"
	"github.com/authing-wxapp/authing/internal/redact"
	"github.com/authing-wxapp/authing/internal/wire"
)

// Detail is e.detail of an open-type button (or the result of wx.getUserProfile) exactly as the page got it.
// Let the page post it unchanged and decode it from its JSON; unknown fields are ignored.
//
// Only EncryptedData and IV are sent to Authing. RawData, Signature and UserInfo come from the page unverified:
// show them, but do not trust them.
type Detail struct {
	ErrMsg        string `json:"errMsg,omitempty"`        // "getUserInfo:ok", or why WeChat returned nothing
	EncryptedData string `json:"encryptedData,omitempty"` // base64
	IV            string `json:"iv,omitempty"`            // base64 of 16 bytes
	RawData       string `json:"rawData,omitempty"`
	Signature     string `json:"signature,omitempty"`
	CloudID       string `json:"cloudID,omitempty"`

	// PhoneCode comes with newer getPhoneNumber buttons. It is not the code of wx.login and is never sent as one.
	PhoneCode string `json:"code,omitempty"`

	Errno    int         `json:"errno,omitempty"` // WeChat's number for a failure
	UserInfo *WxUserInfo `json:"userInfo,omitempty"`
}

// UnmarshalJSON decodes what a page posts. Numbers may be text.
func (d *Detail) UnmarshalJSON(b []byte) error {
	if !isObject(b) && string(b) != "null" {
		return errors.New("authing: the detail is not an object: let the page post e.detail itself, not a text made of it")
	}
	type plain Detail
	type detail struct {
		*plain
		Errno wire.Int `json:"errno"`
	}
	decoded := detail{plain: (*plain)(d)}
	if err := wire.Decode(b, &decoded); err != nil {
		return err
	}
	d.Errno = int(decoded.Errno.Value)
	return nil
}

func isObject(b []byte) bool { return len(b) > 0 && b[0] == '{' }

// WxUserInfo is a WeChat profile. Since 2021 WeChat gives most mini programs anonymous values (nickName 微信用户, a grey
// avatar, gender 0, no places), so every field may be empty.
type WxUserInfo struct {
	OpenID    string `json:"openId,omitempty,case:ignore"`
	UnionID   string `json:"unionId,omitempty,case:ignore"`
	NickName  string `json:"nickName"`
	AvatarURL string `json:"avatarUrl"`
	Gender    int    `json:"gender"` // 0 unknown, 1 male, 2 female
	Language  string `json:"language"`
	City      string `json:"city"`
	Province  string `json:"province"`
	Country   string `json:"country"`
}

// UnmarshalJSON accepts openId and openid, unionId and unionid, and a gender given as text. What is not an object is left
// out: no call needs a profile.
func (w *WxUserInfo) UnmarshalJSON(b []byte) error {
	if !isObject(b) {
		return nil
	}
	type plain WxUserInfo
	type userInfo struct {
		*plain
		Gender wire.Int `json:"gender"`
	}
	decoded := userInfo{plain: (*plain)(w)}
	if err := wire.Decode(b, &decoded); err != nil {
		return err
	}
	w.Gender = int(decoded.Gender.Value)
	return nil
}

// Watermark names the mini program and the time for which WeChat encrypted something.
type Watermark struct {
	AppID     string `json:"appid"`
	Timestamp int64  `json:"timestamp"` // seconds since 1970
}

// UnmarshalJSON accepts a timestamp given as text. What is not an object is left out.
func (w *Watermark) UnmarshalJSON(b []byte) error {
	if !isObject(b) {
		return nil
	}
	type plain Watermark
	decoded := struct {
		*plain
		Timestamp wire.Int `json:"timestamp"`
	}{plain: (*plain)(w)}
	if err := wire.Decode(b, &decoded); err != nil {
		return err
	}
	w.Timestamp = decoded.Timestamp.Value
	return nil
}

// The JavaScript APIs whose results a call accepts. The original SDK knew only the first of each pair.
var (
	userInfoAPIs = []string{"getUserInfo", "getUserProfile"}
	phoneAPIs    = []string{"getPhoneNumber", "getRealtimePhoneNumber"}
)

// LoginOption adds an optional argument to [Client.LoginWithWxapp].
type LoginOption func(*wxappBody)

// WithPhone signs in to the account that has this phone number, and adds the number to a new account.
// Authing is not known to verify it: pass only a number that [Client.GetPhone] returned for the same user.
func WithPhone(phone string) LoginOption {
	return func(b *wxappBody) { b.Phone = &phone }
}

// WithOverrideProfile lets WeChat's avatar and nickname replace those of an account found by [WithPhone]. Most users now
// have anonymous ones (see [WxUserInfo]), so true replaces a real nickname by 微信用户.
// The wire name is overideProfile, spelled as Authing spells it.
func WithOverrideProfile(override bool) LoginOption {
	return func(b *wxappBody) { b.OverrideProfile = &override }
}

// wxappBody is the body of every call that uses up a WeChat code.
type wxappBody struct {
	IV              string  `json:"iv"`
	EncryptedData   string  `json:"encryptedData"`
	Code            string  `json:"code"`
	Phone           *string `json:"phone,omitempty"`
	OverrideProfile *bool   `json:"overideProfile,omitempty"`
}

// LoginWithWxapp signs a mini-program user in, creating the account on first sight.
// code comes from wx.login, detail from a getUserInfo button or wx.getUserProfile, both from the same page.
// The page must call wx.login before the tap, not in its callback, or WeChat replaces the key that detail is
// encrypted with.
//
// The returned user has a Token for [Client.As]; the client itself does not change. No token is sent.
//
// Expect [ErrUserRefused] for a detail in which the user declined, [ErrCodeInvalid] for a code that is expired or already
// used, and [ErrOutcomeUnknown] when no response came.
//
// Retry: never with the same code. Sending the request uses it up, even if the call fails.
//
// Original: loginWithWxapp, POST oauth /oauth/wechatapp/auth/{pool}, without a token.
func (c *Client) LoginWithWxapp(ctx context.Context, code string, detail Detail, opts ...LoginOption) (*User, error) {
	body := wxappBody{IV: detail.IV, EncryptedData: detail.EncryptedData, Code: code}
	for _, opt := range opts {
		if opt != nil {
			opt(&body)
		}
	}
	phone := ""
	if body.Phone != nil {
		phone = *body.Phone
	}
	return restUser(ctx, c, api.Request{
		Op:      "LoginWithWxapp",
		Invalid: cmp.Or(c.checkDetail(code, detail, userInfoAPIs, phone), api.CheckText("phone", phone)),
		Method:  http.MethodPost,
		URL:     c.loginURL,
		Body:    &body, // a pointer saves an allocation
		Spends:  "code",
	}, missingToken)
}

// DecryptedData is the result of [Client.Decrypt]: a profile, a phone number, or whatever else WeChat encrypted.
// Fields that were not in it are empty.
type DecryptedData struct {
	OpenID    string `json:"openId,omitempty,case:ignore"`
	UnionID   string `json:"unionId,omitempty,case:ignore"`
	NickName  string `json:"nickName,omitempty"`
	AvatarURL string `json:"avatarUrl,omitempty"`
	Gender    int    `json:"gender,omitempty"`
	Language  string `json:"language,omitempty"`
	City      string `json:"city,omitempty"`
	Province  string `json:"province,omitempty"`
	Country   string `json:"country,omitempty"`

	PhoneNumber     string `json:"phoneNumber,omitempty"`
	PurePhoneNumber string `json:"purePhoneNumber,omitempty"`
	CountryCode     string `json:"countryCode,omitempty"`

	Watermark *Watermark `json:"watermark,omitempty"`

	raw json.RawMessage
}

// Raw returns the decrypted JSON as the service sent it, including what has no field here.
func (d *DecryptedData) Raw() json.RawMessage { return bytes.Clone(d.raw) }

// UnmarshalJSON decodes every kind of payload. Gender and country code may be text or number.
func (d *DecryptedData) UnmarshalJSON(b []byte) error {
	type plain DecryptedData
	decoded := struct {
		*plain
		Gender      wire.Int  `json:"gender"`
		CountryCode wire.Text `json:"countryCode"`
	}{plain: (*plain)(d)}
	if err := wire.Decode(b, &decoded); err != nil {
		return err
	}
	d.Gender, d.CountryCode, d.raw = int(decoded.Gender.Value), string(decoded.CountryCode), bytes.Clone(b)
	return nil
}

// Decrypt lets Authing, which has the session key, decrypt what WeChat encrypted for the page.
// It takes a code from wx.login and the encryptedData and iv that belong to it. It needs no token; the client's is sent
// if it has one.
//
// Retry: never with the same code, as with [Client.LoginWithWxapp].
//
// Original: decrypt, POST oauth /oauth/wechatapp/decrypt/{pool}, bare token.
func (c *Client) Decrypt(ctx context.Context, code, encryptedData, iv string) (*DecryptedData, error) {
	return rest(ctx, c, api.Request{
		Op:      "Decrypt",
		Invalid: cmp.Or(api.CheckCode(code), api.CheckEncrypted(encryptedData, iv)),
		Method:  http.MethodPost,
		URL:     c.oauthURL("/oauth/wechatapp/decrypt/"),
		Auth:    api.Bare,
		Body:    wxappBody{IV: iv, EncryptedData: encryptedData, Code: code},
		Spends:  "code",
	}, func(d *DecryptedData) string {
		if errcode, _ := api.FindWeChat(d.raw); errcode != 0 || len(bytes.Trim(d.raw, "{} \t\r\n")) == 0 {
			return "decrypted data"
		}
		return ""
	})
}

// checkDetail returns why detail and code cannot be sent. phone is redacted from its text.
func (c *Client) checkDetail(code string, d Detail, apis []string, phone string) error {
	name, outcome, _ := strings.Cut(d.ErrMsg, ":")
	if outcome != "ok" || !slices.Contains(apis, name) {
		return d.notGranted(outcome, apis, []string{string(c.token), code, phone})
	}
	if code != "" && code == d.PhoneCode {
		return api.Invalid("the code is detail.code, the phone code of the button: send the code from wx.login")
	}
	if d.PhoneCode != "" && d.EncryptedData == "" && d.IV == "" {
		return d.onlyPhoneCode()
	}
	return cmp.Or(api.CheckCode(code), api.CheckEncrypted(d.EncryptedData, d.IV))
}

// onlyPhoneCode explains a detail that has nothing but the code of newer buttons.
func (d Detail) onlyPhoneCode() error {
	return api.Invalid("detail has only the phone code of newer buttons, which Authing exchanges in its V3 API alone: this " +
		"generation needs encryptedData and iv of the same tap. Let the page post the whole e.detail; if WeChat leaves them " +
		"out, use open-type=getPhoneNumber")
}

// notPermitted lists how WeChat says that a mini program may not call an API: by words in errMsg, or by an errno other than 0.
// -1 is its "system error".
var notPermitted = []struct {
	words []string
	errno int
	hint  string
}{
	{[]string{"no permission", "no_permission", "没有权限", "无权限", "access denied"}, 0, "WeChat allows this API only to some mini programs, " +
		"such as those of a verified organization: check its permissions in the WeChat console"},
	{[]string{"privacy agreement"}, 112, "declare the API in the mini program's privacy policy, in the WeChat console"},
	{[]string{"quota", "额度不足"}, 1400001, "the mini program has used up its quota: buy more in the WeChat console"},
}

// Err returns why WeChat gave the page nothing: [ErrUserRefused], [ErrNotPermitted], or [ErrInvalidArgument] for anything
// else, each as an [*Error]. It is nil for a success. Calls that take a Detail check it themselves.
func (d Detail) Err() error {
	if strings.HasSuffix(d.ErrMsg, ":ok") {
		return nil
	}
	return (*Error)(d.failure(nil))
}

// notGranted explains an errMsg that is not "ok" for one of apis.
func (d Detail) notGranted(outcome string, apis, secrets []string) error {
	switch {
	case d.ErrMsg == "" && d.PhoneCode != "":
		return d.onlyPhoneCode()
	case outcome == "ok":
		return &api.Error{Message: d.ErrMsg, Reason: d.wechatSaid(secrets), Err: ErrInvalidArgument,
			Hint: "this detail comes from another API: this call takes " + strings.Join(apis, " or ")}
	}
	return d.failure(secrets)
}

// failure explains an errMsg that is not "ok". WeChat publishes no list: a user's refusal alone is spelled four ways.
func (d Detail) failure(secrets []string) *api.Error {
	if d.ErrMsg == "" {
		return api.Invalid("detail has no errMsg: let the page post e.detail unchanged")
	}
	said := strings.ToLower(d.ErrMsg)
	contains := func(word string) bool { return strings.Contains(said, word) }
	e := &api.Error{Message: d.ErrMsg, Reason: d.wechatSaid(secrets), Err: ErrInvalidArgument}
	denied := slices.ContainsFunc([]string{"deny", "denied", "cancel", "拒绝", "取消"}, contains)
	for _, reason := range notPermitted {
		if slices.ContainsFunc(reason.words, contains) || d.Errno != 0 && d.Errno == reason.errno && !denied {
			e.Err, e.Hint = ErrNotPermitted, reason.hint+"; nothing was sent"
			return e
		}
	}
	e.Hint = "WeChat failed on the phone, so there is nothing to send: see its errMsg and errno"
	if denied {
		e.Err = ErrUserRefused
		e.Hint = "the user declined and nothing was sent: explain what it is for and let them tap again"
	}
	return e
}

func (d Detail) wechatSaid(secrets []string) string {
	said := fmt.Sprintf("WeChat said %.100q", d.redactedErrMsg(secrets...))
	if d.Errno != 0 {
		said += fmt.Sprintf(" (errno %d)", d.Errno)
	}
	return said
}

// redactedErrMsg returns WeChat's words. They come through the page, so they may contain anything.
func (d Detail) redactedErrMsg(secrets ...string) string {
	secrets = append(secrets, d.PhoneCode, d.EncryptedData, d.IV, d.RawData, d.Signature, d.CloudID)
	return redact.New(secrets).Line(d.ErrMsg)
}
