package authingv3

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/api"
	"github.com/authing-wxapp/authing/internal/transport"
	"github.com/authing-wxapp/authing/internal/wire"
)

const signInByMobile = "/api/v3/signin-by-mobile"

type loginInfo struct {
	Code          string `json:"code"`
	EncryptedData string `json:"encryptedData,omitempty"`
	IV            string `json:"iv,omitempty"`
}

type codeAndPhone struct {
	Login loginInfo `json:"wxLoginInfo"`
	Phone struct {
		Code string `json:"code"`
	} `json:"wxPhoneInfo"`
}

func (o loginOptions) loginInfo(code string) loginInfo {
	data, iv := o.encrypted()
	return loginInfo{Code: code, EncryptedData: data, IV: iv}
}

// LoginWithWxapp signs a mini-program user in, with nothing but the code from wx.login: the user need not tap anything. It
// creates the account on first sight, unless the identity source is set to 仅登录模式. No token is sent.
//
// Expect [authing.ErrCodeInvalid] for a code that WeChat does not accept, as far as that can be told, and
// [authing.ErrOutcomeUnknown] when no response came.
//
// Retry: never with the same code. Sending the request uses it up, even if the call fails.
//
// Source: POST /api/v3/signin-by-mobile with wechat_mini_program_code; loginByCode of the mini-program SDK.
func (c *Client) LoginWithWxapp(ctx context.Context, code string, opts ...LoginOption) (*Login, error) {
	o := collect(opts)
	return c.signIn(ctx, api.Request{
		Op:      "LoginWithWxapp",
		Invalid: o.checkWxapp(code),
		URL:     signInByMobile,
		Spends:  "code",
	}, &signIn{Connection: "wechat_mini_program_code", MiniProgram: c.miniProgram, Code: o.loginInfo(code)}, o)
}

// LoginWithWxappPhone signs a mini-program user in with two codes of two kinds: code comes from wx.login, phoneCode is
// e.detail.code of a getPhoneNumber or getRealtimePhoneNumber button.
//
// The service stores the number only for a new account, or for one that has none while nobody else has the number. The
// login succeeds in any case: [Client.User] shows the result.
//
// Expect what [Client.LoginWithWxapp] returns. If the user declined, the page has no phone code: look at
// [authing.Detail.Err] first.
//
// Retry: never with the same codes. Sending the request uses both up, even if the call fails, and WeChat charges for the
// number.
//
// Source: POST /api/v3/signin-by-mobile with wechat_mini_program_code_and_phone; loginByPhone of the mini-program SDK.
func (c *Client) LoginWithWxappPhone(ctx context.Context, code, phoneCode string, opts ...LoginOption) (*Login, error) {
	o := collect(opts)
	payload := codeAndPhone{Login: o.loginInfo(code)}
	payload.Phone.Code = phoneCode
	return c.signIn(ctx, api.Request{
		Op:      "LoginWithWxappPhone",
		Invalid: cmp.Or(o.checkWxapp(code), checkPhoneCode(phoneCode, code)),
		URL:     signInByMobile,
		Spends:  "codes",
	}, &signIn{Connection: "wechat_mini_program_code_and_phone", MiniProgram: c.miniProgram, CodeAndPhone: &payload}, o)
}

// checkPhoneCode rejects what cannot be the code of a phone button. loginCode is that of wx.login, if there is one.
func checkPhoneCode(phoneCode, loginCode string) error {
	switch phoneCode {
	case "":
		return api.Invalid("the phone code is empty: post e.detail.code of the getPhoneNumber button")
	case loginCode:
		return api.Invalid("the phone code and the code from wx.login are the same: post e.detail.code of the button beside " +
			"the code from wx.login")
	}
	if api.CheckCode(phoneCode) != nil {
		return api.Invalid("the phone code contains white space or control characters: post e.detail.code of the button unchanged")
	}
	return nil
}

// GetPhone returns the phone number behind the code of a phone button, without storing it. phoneCode is e.detail.code of a
// getPhoneNumber or getRealtimePhoneNumber button, not a code from wx.login. It needs no token as far as is known; the
// client's is sent if it has one. Expect the errors of [Client.LoginWithWxapp].
//
// Retry: never with the same code, and WeChat charges for the number.
//
// Source: POST /api/v3/get-wechat-miniprogram-phone; getPhone of the mini-program SDK.
func (c *Client) GetPhone(ctx context.Context, phoneCode string) (*authing.PhoneNumber, error) {
	return call(ctx, c, api.Request{
		Op:      "GetPhone",
		Invalid: checkPhoneCode(phoneCode, ""),
		URL:     "/api/v3/get-wechat-miniprogram-phone",
		Auth:    api.Bare,
		Body: struct {
			MiniProgram string `json:"extIdpConnidentifier"`
			Code        string `json:"code"`
		}{c.miniProgram, phoneCode},
		Spends: "code",
	}, decodePhone)
}

// decodePhone reads a phone number, which is the data or its phone_info.
func decodePhone(resp transport.Response) (*authing.PhoneNumber, error) {
	data, err := decode[json.RawMessage](resp)
	if err != nil {
		return nil, err
	}
	if data == nil {
		return nil, incomplete(resp, "data")
	}
	var nested struct {
		PhoneInfo wire.Maybe[authing.PhoneNumber] `json:"phone_info"`
	}
	var flat authing.PhoneNumber
	if wire.Decode(*data, &nested) == nil && hasNumber(nested.PhoneInfo.Value) {
		return &nested.PhoneInfo.Value, nil
	}
	if wire.Decode(*data, &flat) == nil && hasNumber(flat) {
		return &flat, nil
	}
	return nil, incomplete(resp, "phone number")
}

func hasNumber(p authing.PhoneNumber) bool { return p.PhoneNumber != "" || p.PurePhoneNumber != "" }

// Decrypt lets Authing, which has the session key, decrypt what WeChat encrypted for the page. It takes a code from
// wx.login and the encryptedData and iv that belong to it. It needs no token as far as is known; the client's is sent if it
// has one. Expect the errors of [Client.LoginWithWxapp].
//
// Retry: never with the same code.
//
// Source: POST /api/v3/decrypt-wechat-miniprogram-data; decryptData of the mini-program SDK.
func (c *Client) Decrypt(ctx context.Context, code, encryptedData, iv string) (*authing.DecryptedData, error) {
	return call(ctx, c, api.Request{
		Op:      "Decrypt",
		Invalid: cmp.Or(api.CheckCode(code), api.CheckEncrypted(encryptedData, iv)),
		URL:     "/api/v3/decrypt-wechat-miniprogram-data",
		Auth:    api.Bare,
		Body: struct {
			MiniProgram string `json:"extIdpConnidentifier"`
			loginInfo
		}{c.miniProgram, loginInfo{Code: code, EncryptedData: encryptedData, IV: iv}},
		Spends: "code",
	}, func(resp transport.Response) (*authing.DecryptedData, error) {
		return decodeComplete(resp, func(d *authing.DecryptedData) string {
			if errcode, _ := api.FindWeChat(d.Raw()); errcode != 0 || len(bytes.Trim(d.Raw(), "{} \t\r\n")) == 0 {
				return "decrypted data"
			}
			return ""
		})
	})
}

// BindWxapp binds the WeChat account behind a code from wx.login to the user that the client acts as. It requires a token
// (see [Client.As]). [WithDetail] is the only option it takes. Expect the errors of [Client.LoginWithWxapp], and
// [authing.ErrLoginRequired] for a token that is missing or not accepted.
//
// Retry: never with the same code. After [authing.ErrOutcomeUnknown], look at [Client.User] with [ExtraIdentities].
//
// Source: POST /connections/social/wechat-miniprogram/bind; bindWxByCode of the mini-program SDK. Authing's API documentation
// does not have it.
func (c *Client) BindWxapp(ctx context.Context, code string, opts ...LoginOption) error {
	o := collect(opts)
	invalid := o.checkWxapp(code)
	if o.context != nil || o.customData != nil {
		invalid = api.Invalid("BindWxapp takes no option but WithDetail")
	}
	_, err := call(ctx, c, api.Request{
		Op:      "BindWxapp",
		Invalid: invalid,
		URL:     "/connections/social/wechat-miniprogram/bind",
		Auth:    api.BareRequired,
		Body: struct {
			MiniProgram string `json:"extIdpConnidentifier"`
			loginInfo
		}{c.miniProgram, o.loginInfo(code)},
		Spends: "code",
	}, done)
	return err
}
