package authing

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/authing-wxapp/authing/internal/api"
	"github.com/authing-wxapp/authing/internal/wire"
)

// BindPhone binds the phone number in detail to the user that the client acts as, and returns the updated user.
// It requires a token (see [Client.As]), a fresh wx.login code (not the one used to log in), and the detail from a
// getPhoneNumber or getRealtimePhoneNumber button. It neither signs in nor registers, and does not change the token.
//
// Expect [ErrLoginRequired] without a token and [ErrUserRefused] when the user declined, both before anything is sent, and
// [ErrPhoneTaken] for a number of another account.
//
// Retry: never with the same code. Sending the request uses it up, even if the call fails, and WeChat charges for the
// number. After [ErrOutcomeUnknown], look the user up before asking for another tap.
//
// Original: bindPhone, POST oauth /oauth/wechatapp/phone/{pool}, bare token.
func (c *Client) BindPhone(ctx context.Context, code string, detail Detail) (*User, error) {
	return restUser(ctx, c, api.Request{
		Op:      "BindPhone",
		Invalid: c.checkDetail(code, detail, phoneAPIs, ""),
		Method:  http.MethodPost,
		URL:     c.oauthURL("/oauth/wechatapp/phone/"),
		Auth:    api.BareRequired,
		Body:    wxappBody{IV: detail.IV, EncryptedData: detail.EncryptedData, Code: code},
		Spends:  "code",
	}, missingID)
}

// PhoneNumber is a phone number as WeChat returns it.
type PhoneNumber struct {
	PhoneNumber     string     `json:"phoneNumber,omitempty"`     // with the country code, if it is a foreign one
	PurePhoneNumber string     `json:"purePhoneNumber,omitempty"` // without
	CountryCode     string     `json:"countryCode,omitempty"`     // "86"
	Watermark       *Watermark `json:"watermark,omitempty"`

	raw json.RawMessage
}

// Raw returns the number as the service sent it, including what has no field here.
func (p *PhoneNumber) Raw() json.RawMessage { return bytes.Clone(p.raw) }

// UnmarshalJSON accepts a country code given as text or as a number: WeChat sends both.
func (p *PhoneNumber) UnmarshalJSON(b []byte) error {
	type plain PhoneNumber
	decoded := struct {
		*plain
		CountryCode wire.Text `json:"countryCode"`
	}{plain: (*plain)(p)}
	if err := wire.Decode(b, &decoded); err != nil {
		return err
	}
	p.CountryCode, p.raw = string(decoded.CountryCode), bytes.Clone(b)
	return nil
}

// GetPhone returns the phone number in detail without binding it to a user.
// It takes a code from wx.login and the detail from a getPhoneNumber or getRealtimePhoneNumber button. It needs no token;
// the client's is sent if it has one.
//
// Retry: never with the same code, as with [Client.BindPhone].
//
// Original: getPhone, POST oauth /oauth/wechatapp/getphone/{pool}, bare token.
func (c *Client) GetPhone(ctx context.Context, code string, detail Detail) (*PhoneNumber, error) {
	return rest(ctx, c, api.Request{
		Op:      "GetPhone",
		Invalid: c.checkDetail(code, detail, phoneAPIs, ""),
		Method:  http.MethodPost,
		URL:     c.oauthURL("/oauth/wechatapp/getphone/"),
		Auth:    api.Bare,
		Body:    wxappBody{IV: detail.IV, EncryptedData: detail.EncryptedData, Code: code},
		Spends:  "code",
	}, func(p *PhoneNumber) string {
		if p.PhoneNumber == "" {
			return "phone number"
		}
		return ""
	})
}

// GetVerificationCode texts a code to phone ("13800138000"), for [Client.LoginByPhoneCode]. It sends no token. If the
// message could not be sent, the error has code 500.
//
// Retry: at the user's request only. Each call sends a message and costs money.
//
// Original: getVerificationCode, GET users /send_smscode/{phone}/{pool}, without a token.
func (c *Client) GetVerificationCode(ctx context.Context, phone string) error {
	return restDone(ctx, c, api.Request{
		Op:      "GetVerificationCode",
		Invalid: cmp.Or(api.CheckRequired("phone number", phone), api.CheckSegment("phone number", phone)),
		Method:  http.MethodGet,
		URL:     c.users + "/send_smscode/" + url.PathEscape(phone) + "/" + c.pool,
		Secrets: []string{phone},
	})
}

var loginByPhoneCode = operation[wireUser]{"login", `mutation login($phone: String, $phoneCode: Int, $registerInClient: String!,
	$browser: String) {
	login(phone: $phone, phoneCode: $phoneCode, registerInClient: $registerInClient, browser: $browser) {` +
	accountFields + ` isDeleted unionid openid phone}
}`, missingToken}

// LoginByPhoneCode signs in with a code that [Client.GetVerificationCode] sent, creating the account on first sight,
// and returns the user with a Token. It needs no token; the client's is sent if it has one. A wrong or expired code is
// [ErrVerifyCode].
//
// The code travels as a number, so leading zeros are lost, as in the original.
//
// Retry: never with the same code. After [ErrOutcomeUnknown], ask for a new one.
//
// Original: loginByPhoneCode, mutation login on the users host.
func (c *Client) LoginByPhoneCode(ctx context.Context, phone, phoneCode string) (*User, error) {
	number, err := checkDigits(phoneCode)
	return graphqlUser(ctx, c, api.Request{
		Op:      "LoginByPhoneCode",
		Invalid: cmp.Or(api.CheckRequired("phone number", phone), err),
		Auth:    api.Bearer,
		Secrets: []string{phoneCode, strconv.Itoa(number)},
		Spends:  "code",
	}, loginByPhoneCode, struct {
		Phone            string `json:"phone"`
		PhoneCode        int    `json:"phoneCode"`
		RegisterInClient string `json:"registerInClient"`
	}{Phone: phone, PhoneCode: number, RegisterInClient: c.pool})
}
