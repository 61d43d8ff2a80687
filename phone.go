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
	"net/url"
	"strconv"
)

// BindPhone binds the phone number in detail to the user that the client acts as.
// It needs a token ([Client.As]), a code of wx.login, a fresh one, not that of the login, and the detail of a
// getPhoneNumber or getRealtimePhoneNumber button; it returns the updated user.
// It neither signs in nor registers, and leaves the token as it is.
//
// Without a token it gives [ErrLoginRequired], for a refusal of the user [ErrUserRefused]; then nothing is sent.
// A number that another account holds gives [ErrPhoneTaken].
//
// The code is spent once the call was sent, also when it then fails, and WeChat charges for the number: never repeat it on your own.
// After [ErrOutcomeUnknown] look the user up before you ask for another tap.
//
// Original: bindPhone, POST oauth /oauth/wechatapp/phone/{pool}, bare token.
func (c *Client) BindPhone(ctx context.Context, code string, detail Detail) (*User, error) {
	return restUser(ctx, c, request{
		op:         "BindPhone",
		check:      cmp.Or(c.checkSignedIn(), c.checkDetail(code, detail, phoneAPIs, "")),
		method:     http.MethodPost,
		url:        c.oauthURL("/oauth/wechatapp/phone/"),
		auth:       string(c.token),
		body:       wxappBody{IV: detail.IV, EncryptedData: detail.EncryptedData, Code: code},
		spendsCode: true,
	}, identified)
}

// PhoneNumber is a phone number as WeChat gives it.
type PhoneNumber struct {
	PhoneNumber     string     `json:"phoneNumber,omitempty"`     // with the country code, if it is a foreign one
	PurePhoneNumber string     `json:"purePhoneNumber,omitempty"` // without
	CountryCode     string     `json:"countryCode,omitempty"`     // "86"
	Watermark       *Watermark `json:"watermark,omitempty"`

	raw json.RawMessage
}

// Raw returns the number as the service sent it, with what has no field here.
func (p *PhoneNumber) Raw() json.RawMessage { return bytes.Clone(p.raw) }

// UnmarshalJSON accepts a country code given as text or as a number: WeChat does both.
func (p *PhoneNumber) UnmarshalJSON(b []byte) error {
	type plain PhoneNumber
	wire := struct {
		*plain
		CountryCode text `json:"countryCode"`
	}{plain: (*plain)(p)}
	if err := json.Unmarshal(b, &wire); err != nil {
		return err
	}
	p.CountryCode, p.raw = string(wire.CountryCode), bytes.Clone(b)
	return nil
}

// Format prints that there is a number, not which.
func (p PhoneNumber) Format(f fmt.State, _ rune) { io.WriteString(f, "authing.PhoneNumber{…}") }

// LogValue logs what [PhoneNumber.Format] prints.
func (p PhoneNumber) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(p)) }

// GetPhone returns the phone number in detail without binding it to anybody.
// It needs a code of wx.login and the detail of a getPhoneNumber or getRealtimePhoneNumber button, and no token;
// one that the client holds is sent along.
//
// The code is spent, as with [Client.BindPhone].
//
// Original: getPhone, POST oauth /oauth/wechatapp/getphone/{pool}, bare token.
func (c *Client) GetPhone(ctx context.Context, code string, detail Detail) (*PhoneNumber, error) {
	phone, _, err := rest(ctx, c, request{
		op:         "GetPhone",
		check:      cmp.Or(c.checkDetail(code, detail, phoneAPIs, ""), checkToken(c.token)),
		method:     http.MethodPost,
		url:        c.oauthURL("/oauth/wechatapp/getphone/"),
		auth:       string(c.token),
		body:       wxappBody{IV: detail.IV, EncryptedData: detail.EncryptedData, Code: code},
		spendsCode: true,
	}, func(p *PhoneNumber) string {
		if p.PhoneNumber == "" {
			return "phone number"
		}
		return ""
	})
	return phone, err
}

// GetVerificationCode lets the service text a code to phone ("13800138000"), for [Client.LoginByPhoneCode]. It needs no
// token and sends none. Each call sends a message and costs money; it is sent once, although it is a GET on the wire. A
// message that could not be sent is an error with code 500.
//
// Original: getVerificationCode, GET users /send_smscode/{phone}/{pool}.
func (c *Client) GetVerificationCode(ctx context.Context, phone string) error {
	_, err := c.do(ctx, request{
		op:     "GetVerificationCode",
		check:  cmp.Or(checkRequired("phone number", phone), checkSegment("phone number", phone)),
		method: http.MethodGet,
		url:    c.users + "/send_smscode/" + url.PathEscape(phone) + "/" + c.pool,
		hide:   []string{phone},
	}, new(envelope[json.RawMessage]).read)
	return err
}

var loginByPhoneCode = operation{`mutation login($phone: String, $phoneCode: Int, $registerInClient: String!,
	$browser: String) {
	login(phone: $phone, phoneCode: $phoneCode, registerInClient: $registerInClient, browser: $browser) {` +
	accountFields + ` isDeleted unionid openid phone}
}`, "login"}

// LoginByPhoneCode signs in with a code that [Client.GetVerificationCode] sent, creating the account on first sight,
// and returns the user with a Token. It needs none; one that the client holds is sent along. A wrong or expired code gives
// [ErrVerifyCode]. The code is spent: after [ErrOutcomeUnknown] ask for a new one.
//
// On the wire the code is a number, so leading zeros are lost, as in the original.
//
// Original: loginByPhoneCode, mutation login on the users host.
func (c *Client) LoginByPhoneCode(ctx context.Context, phone, phoneCode string) (*User, error) {
	number, err := checkDigits(phoneCode)
	return graphqlUser(ctx, c, request{
		op:         "LoginByPhoneCode",
		check:      cmp.Or(checkRequired("phone number", phone), err, checkToken(c.token)),
		auth:       c.bearer(),
		hide:       []string{phoneCode, strconv.Itoa(number)},
		spendsCode: true,
	}, loginByPhoneCode, struct {
		Phone            string `json:"phone"`
		PhoneCode        int    `json:"phoneCode"`
		RegisterInClient string `json:"registerInClient"`
	}{phone, number, c.pool}, signedIn)
}
