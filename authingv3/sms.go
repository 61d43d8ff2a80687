package authingv3

import (
	"cmp"
	"context"
	"strings"

	"github.com/authing-wxapp/authing/internal/api"
)

const china = "+86"

// Channel says what a code is for. A code is good for its channel only.
type Channel string

// Channels of text messages and mails. The service knows others. What follows a code of ChannelResetPassword or
// ChannelBindEmail is not covered by this package.
const (
	ChannelLogin         Channel = "CHANNEL_LOGIN"
	ChannelRegister      Channel = "CHANNEL_REGISTER"
	ChannelResetPassword Channel = "CHANNEL_RESET_PASSWORD"
	ChannelBindPhone     Channel = "CHANNEL_BIND_PHONE" // text messages only
	ChannelBindEmail     Channel = "CHANNEL_BIND_EMAIL" // mails only
	ChannelDeleteAccount Channel = "CHANNEL_DELETE_ACCOUNT"
)

// GetVerificationCode texts a code to phone, which is written as in [Client.LoginByPhoneCode]. It needs no token as far as is
// known; the client's is sent if it has one. The code is good once, for about a minute, and a number gets one a minute: expect
// [authing.ErrRateLimited].
//
// Retry: at the user's request only. Each call sends a message and costs money.
//
// Source: POST /api/v3/send-sms; sendSms of the mini-program SDK.
func (c *Client) GetVerificationCode(ctx context.Context, phone string, channel Channel) error {
	country, number := splitPhone(phone)
	_, err := call(ctx, c, api.Request{
		Op:      "GetVerificationCode",
		Invalid: cmp.Or(checkPhone(country, number), channel.check()),
		URL:     "/api/v3/send-sms",
		Auth:    api.Bare,
		Body: struct {
			Number      string  `json:"phoneNumber"`
			Channel     Channel `json:"channel"`
			CountryCode string  `json:"phoneCountryCode"`
		}{number, channel, country},
	}, done)
	return err
}

// SendEmailCode mails a code to email. It needs no token as far as is known; the client's is sent if it has one. Expect
// [authing.ErrRateLimited].
//
// Retry: at the user's request only. Each call sends a mail.
//
// Source: POST /api/v3/send-email.
func (c *Client) SendEmailCode(ctx context.Context, email string, channel Channel) error {
	_, err := call(ctx, c, api.Request{
		Op:      "SendEmailCode",
		Invalid: cmp.Or(api.CheckRequired("e-mail address", email), channel.check()),
		URL:     "/api/v3/send-email",
		Auth:    api.Bare,
		Body: struct {
			Email   string  `json:"email"`
			Channel Channel `json:"channel"`
		}{email, channel},
	}, done)
	return err
}

// BindPhone binds a phone number to the user that the client acts as, who must not have one yet. It requires a token (see
// [Client.As]) and a code that [Client.GetVerificationCode] sent over [ChannelBindPhone]. phone is written as in
// [Client.LoginByPhoneCode]. To bind the number of a phone button, use [Client.LoginWithWxappPhone]. Expect
// [authing.ErrLoginRequired] for a token that is missing or not accepted; a wrong code or a taken number has no
// sentinel, as how the service reports them is not documented.
//
// Retry: never with the same code. After [authing.ErrOutcomeUnknown], look at [Client.User].
//
// Source: POST /api/v3/bind-phone; bindPhone of the mini-program SDK.
func (c *Client) BindPhone(ctx context.Context, phone, smsCode string) error {
	country, number := splitPhone(phone)
	_, err := call(ctx, c, api.Request{
		Op:      "BindPhone",
		Invalid: cmp.Or(checkPhone(country, number), checkSMSCode(smsCode)),
		URL:     "/api/v3/bind-phone",
		Auth:    api.BareRequired,
		Body:    phoneCode{Number: number, PassCode: smsCode, CountryCode: country},
		Spends:  "code",
	}, done)
	return err
}

// splitPhone splits a number into its country code and the rest.
func splitPhone(phone string) (country, number string) {
	if country, number, ok := strings.Cut(phone, " "); ok && strings.HasPrefix(country, "+") {
		return country, number
	}
	return china, phone
}

func checkPhone(country, number string) error {
	if strings.HasPrefix(number, "+") || country == "+" || strings.Trim(country[1:], "0123456789") != "" {
		return api.Invalid(`separate the country code from the phone number by a space: "+1 5550100"`)
	}
	if strings.Trim(number, "0123456789") != "" {
		return api.Invalid("the phone number has other characters than digits")
	}
	return api.CheckRequired("phone number", number)
}

func checkSMSCode(code string) error {
	if strings.TrimSpace(code) == "" {
		return api.Invalid("the code is empty")
	}
	return api.CheckText("code", code)
}

func (c Channel) check() error {
	name, ok := strings.CutPrefix(string(c), "CHANNEL_")
	if !ok || name == "" || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") != "" {
		return api.Invalid("the channel is none: use one of the constants, such as ChannelLogin")
	}
	return nil
}
