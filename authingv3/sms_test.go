package authingv3_test

import (
	"context"
	"testing"

	"github.com/authing-wxapp/authing/authingv3"
)

func text(phone string, channel authingv3.Channel) doing {
	return func(ctx context.Context, c *authingv3.Client) (any, error) {
		return nil, c.GetVerificationCode(ctx, phone, channel)
	}
}

func mail(email string, channel authingv3.Channel) doing {
	return func(ctx context.Context, c *authingv3.Client) (any, error) {
		return nil, c.SendEmailCode(ctx, email, channel)
	}
}

func bindPhone(phone, smsCode string) doing {
	return func(ctx context.Context, c *authingv3.Client) (any, error) {
		return nil, c.BindPhone(ctx, phone, smsCode)
	}
}

func TestSMSRequests(t *testing.T) {
	t.Parallel()
	done := []string{nothing}
	checkRequests(t, []request{
		{name: "GetVerificationCode", do: text("13800138000", authingv3.ChannelLogin), path: "/api/v3/send-sms", auth: string(token), responses: done,
			body: `{"phoneNumber":"13800138000","channel":"CHANNEL_LOGIN","phoneCountryCode":"+86"}`},
		{name: "GetVerificationCode abroad", do: text("+852 55501234", "CHANNEL_OTHER"), path: "/api/v3/send-sms", auth: string(token), responses: done,
			body: `{"phoneNumber":"55501234","channel":"CHANNEL_OTHER","phoneCountryCode":"+852"}`},
		{name: "SendEmailCode", do: mail("a@b.test", authingv3.ChannelBindEmail), path: "/api/v3/send-email", auth: string(token), responses: done,
			body: `{"email":"a@b.test","channel":"CHANNEL_BIND_EMAIL"}`},
		{name: "BindPhone", do: bindPhone("+1 5550100", "007"), path: "/api/v3/bind-phone", auth: string(token), responses: done,
			body: `{"phoneNumber":"5550100","passCode":"007","phoneCountryCode":"+1"}`},
	})
}

func TestSMSRefuses(t *testing.T) {
	t.Parallel()
	checkRefused(t, map[string]doing{
		"GetVerificationCode: the phone number is empty":              text("", authingv3.ChannelLogin),
		"GetVerificationCode: separate the country code":              text("+8613800138000", authingv3.ChannelLogin),
		"GetVerificationCode: the channel is none":                    text("13800138000", ""),
		"GetVerificationCode: the channel is none: use one":           text("13800138000", "CHANNEL_LOGIN "),
		"GetVerificationCode: the channel is none: use":               text("13800138000", "CHANNEL_"),
		"SendEmailCode: the e-mail address is empty":                  mail("", authingv3.ChannelLogin),
		"SendEmailCode: the channel is none: use one of the constant": mail("a@b.test", "LOGIN"),
		"BindPhone: the phone number is empty":                        bindPhone("", "1"),
		"BindPhone: the code is empty":                                bindPhone("138", ""),
		"BindPhone: separate the country code":                        bindPhone("+86138", "1"),
	})
}
