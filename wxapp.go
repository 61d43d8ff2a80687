package authing

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
)

// Detail is e.detail of an open-type button (or the result of wx.getUserProfile) exactly as the page got it.
// Let the page post it unchanged and decode it from its JSON; unknown fields are ignored.
//
// Only EncryptedData and IV travel to Authing. RawData, Signature and UserInfo come from the page unverified:
// show them, but do not trust them.
type Detail struct {
	ErrMsg        string `json:"errMsg,omitempty"`        // "getUserInfo:ok", or why WeChat gave nothing
	EncryptedData string `json:"encryptedData,omitempty"` // base64
	IV            string `json:"iv,omitempty"`            // base64 of 16 bytes
	RawData       string `json:"rawData,omitempty"`
	Signature     string `json:"signature,omitempty"`
	CloudID       string `json:"cloudID,omitempty"`

	// PhoneCode comes with newer getPhoneNumber buttons. It is not the code of wx.login and is never sent as one.
	PhoneCode string `json:"code,omitempty"`

	Errno    int         `json:"errno,omitempty"` // WeChat's error number, of a failure
	UserInfo *WxUserInfo `json:"userInfo,omitempty"`
}

// UnmarshalJSON reads what a page posts. Numbers may come as strings.
func (d *Detail) UnmarshalJSON(b []byte) error {
	type plain Detail
	type detail struct { // its name shows in the errors of encoding/json
		*plain
		Errno number `json:"errno"`
	}
	wire := detail{plain: (*plain)(d)}
	if err := json.Unmarshal(b, &wire); err != nil {
		return err
	}
	d.Errno = int(wire.Errno.value)
	return nil
}

// Format prints the outcome that WeChat reported and nothing personal.
func (d Detail) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "authing.Detail{ErrMsg:%q, Errno:%d, …}", d.quotableErrMsg(), d.Errno)
}

// LogValue logs what [Detail.Format] prints.
func (d Detail) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(d)) }

// WxUserInfo is a WeChat profile. Since 2021 WeChat hands out anonymous values (nickName 微信用户, a grey avatar,
// gender 0, empty places) to most mini programs, so every field may be empty.
type WxUserInfo struct {
	OpenID    string `json:"openId,omitempty"`
	UnionID   string `json:"unionId,omitempty"`
	NickName  string `json:"nickName"`
	AvatarURL string `json:"avatarUrl"`
	Gender    int    `json:"gender"` // 0 unknown, 1 male, 2 female
	Language  string `json:"language"`
	City      string `json:"city"`
	Province  string `json:"province"`
	Country   string `json:"country"`
}

// UnmarshalJSON accepts openId and openid, unionId and unionid, and a gender given as text.
func (w *WxUserInfo) UnmarshalJSON(b []byte) error {
	type plain WxUserInfo
	type userInfo struct {
		*plain
		Gender number `json:"gender"`
	}
	wire := userInfo{plain: (*plain)(w)}
	if err := json.Unmarshal(b, &wire); err != nil {
		return err
	}
	w.Gender = int(wire.Gender.value)
	return nil
}

// Format prints that there is a profile, not whose.
func (w WxUserInfo) Format(f fmt.State, _ rune) { io.WriteString(f, "authing.WxUserInfo{…}") }

// LogValue logs what [WxUserInfo.Format] prints.
func (w WxUserInfo) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(w)) }

// Watermark says for which mini program and when WeChat encrypted something.
type Watermark struct {
	AppID     string `json:"appid"`
	Timestamp int64  `json:"timestamp"` // seconds since 1970
}

// UnmarshalJSON accepts a timestamp given as text.
func (w *Watermark) UnmarshalJSON(b []byte) error {
	type plain Watermark
	wire := struct {
		*plain
		Timestamp number `json:"timestamp"`
	}{plain: (*plain)(w)}
	if err := json.Unmarshal(b, &wire); err != nil {
		return err
	}
	w.Timestamp = wire.Timestamp.value
	return nil
}

// The JavaScript APIs whose results a call accepts. The original SDK knew the first of each pair only.
var (
	userInfoAPIs = []string{"getUserInfo", "getUserProfile"}
	phoneAPIs    = []string{"getPhoneNumber", "getRealtimePhoneNumber"}
)

// LoginOption adds an optional argument to [Client.LoginWithWxapp].
type LoginOption func(*wxappBody)

// WithPhone signs in to the account that holds this phone number, and adds the number to a new one.
// Authing is not known to verify it: pass only a number that [Client.GetPhone] gave for the same user.
func WithPhone(phone string) LoginOption {
	return func(b *wxappBody) { b.Phone = &phone }
}

// WithOverrideProfile lets WeChat's avatar and nickname replace those of an account found by [WithPhone]. Most users now
// have anonymous ones there (see [WxUserInfo]), so true replaces a real nickname by 微信用户.
// On the wire the name is overideProfile, spelled as Authing spells it.
func WithOverrideProfile(override bool) LoginOption {
	return func(b *wxappBody) { b.OverrideProfile = &override }
}

// wxappBody is what every call that spends a WeChat code posts.
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
// The returned user carries a Token for [Client.As]; the client itself stays signed out, whatever token it held.
// A detail in which the user refused gives [ErrUserRefused] and sends nothing.
//
// The code is spent once the call was sent, also when it then fails: never repeat it, get a fresh code from wx.login. Expect
// [ErrCodeInvalid] for a code that is expired or was used before, and [ErrOutcomeUnknown] when no answer came.
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
	return restUser(ctx, c, request{
		op:         "LoginWithWxapp",
		check:      cmp.Or(c.checkDetail(code, detail, userInfoAPIs, phone), checkText("phone", phone)),
		method:     http.MethodPost,
		url:        c.loginURL,
		body:       &body, // a pointer saves an allocation
		spendsCode: true,
	}, signedIn)
}

// DecryptedData is what [Client.Decrypt] found: a profile, a phone number, or whatever else WeChat encrypted.
// Fields that were not in it are empty.
type DecryptedData struct {
	OpenID    string `json:"openId,omitempty"`
	UnionID   string `json:"unionId,omitempty"`
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

// Raw returns the decrypted JSON as the service sent it, with what has no field here.
func (d *DecryptedData) Raw() json.RawMessage { return bytes.Clone(d.raw) }

// UnmarshalJSON reads every kind of payload. Gender and country code may be text or number.
func (d *DecryptedData) UnmarshalJSON(b []byte) error {
	type plain DecryptedData
	wire := struct {
		*plain
		Gender      number `json:"gender"`
		CountryCode text   `json:"countryCode"`
	}{plain: (*plain)(d)}
	if err := json.Unmarshal(b, &wire); err != nil {
		return err
	}
	d.Gender, d.CountryCode, d.raw = int(wire.Gender.value), string(wire.CountryCode), bytes.Clone(b)
	return nil
}

// Format prints that there is data, not what.
func (d DecryptedData) Format(f fmt.State, _ rune) { io.WriteString(f, "authing.DecryptedData{…}") }

// LogValue logs what [DecryptedData.Format] prints.
func (d DecryptedData) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(d)) }

// Decrypt lets Authing, which alone holds the session key, decrypt what WeChat encrypted for the page.
// It needs a code of wx.login and the encryptedData and iv that go with it, and no token; one that the client
// holds is sent along.
//
// The code is spent, as with [Client.LoginWithWxapp].
//
// Original: decrypt, POST oauth /oauth/wechatapp/decrypt/{pool}, bare token.
func (c *Client) Decrypt(ctx context.Context, code, encryptedData, iv string) (*DecryptedData, error) {
	data, _, err := rest(ctx, c, request{
		op:         "Decrypt",
		check:      cmp.Or(checkCode(code), checkEncrypted(encryptedData, iv), checkToken(c.token)),
		method:     http.MethodPost,
		url:        c.oauthURL("/oauth/wechatapp/decrypt/"),
		auth:       string(c.token),
		body:       wxappBody{IV: iv, EncryptedData: encryptedData, Code: code},
		spendsCode: true,
	}, func(d *DecryptedData) string {
		if len(bytes.Trim(d.raw, "{} \t\r\n")) == 0 {
			return "decrypted data"
		}
		return ""
	})
	return data, err
}

// checkDetail returns why a detail cannot be sent together with code, nil when it can. phone is another argument that must
// not show in the text.
func (c *Client) checkDetail(code string, d Detail, apis []string, phone string) error {
	api, outcome, _ := strings.Cut(d.ErrMsg, ":")
	if outcome != "ok" || !slices.Contains(apis, api) {
		return d.notGranted(outcome, apis, []string{string(c.token), code, phone})
	}
	return cmp.Or(d.checkCode(code), checkEncrypted(d.EncryptedData, d.IV))
}

// notGranted reads errMsg, of which WeChat publishes no list: refusals alone are spelled four ways.
func (d Detail) notGranted(outcome string, apis, secrets []string) error {
	refusal := func(word string) bool { return strings.Contains(d.ErrMsg, word) }
	e := &Error{Message: d.ErrMsg, kinds: []error{ErrInvalidArgument}, summary: d.wechatSaid(secrets)}
	switch {
	case slices.ContainsFunc([]string{"deny", "denied", "cancel"}, refusal):
		e.kinds = []error{ErrUserRefused}
		e.hint = "the user tapped refuse and nothing was sent: explain what it is for and let them tap again"
	case d.ErrMsg == "":
		return invalid("detail has no errMsg: let the page post e.detail unchanged")
	case outcome == "ok":
		e.hint = "that is the detail of another API: this call takes " + strings.Join(apis, " or ")
	default:
		e.hint = "WeChat failed on the phone, so there is nothing to send: see its errMsg and errno"
	}
	return e
}

func (d Detail) wechatSaid(secrets []string) string {
	said := fmt.Sprintf("WeChat said %.100q", d.quotableErrMsg(secrets...))
	if d.Errno != 0 {
		said += fmt.Sprintf(" (errno %d)", d.Errno)
	}
	return said
}

// quotableErrMsg returns WeChat's own words. They come through the page, so they may hold anything.
func (d Detail) quotableErrMsg(secrets ...string) string {
	return quotable(d.ErrMsg,
		withParts(append(secrets, d.PhoneCode, d.EncryptedData, d.IV, d.RawData, d.Signature, d.CloudID)))
}

func (d Detail) checkCode(code string) error {
	if code != "" && code == d.PhoneCode {
		return invalid("the code is detail.code, the phone code of the button: send the code of wx.login")
	}
	return checkCode(code)
}
