package promises_test

import (
	"context"
	"encoding/base64"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingv3"
)

const (
	canaryAppSecret     = authing.Secret("aPpSeCrEt0oKm9IjN8uHb7YgV")
	canaryRefreshToken  = authing.Secret("rEfReSh5TgB.nHy6-ujM7_kI8oL")
	canaryAccess        = "eyJaccess4.pLmOkNiJbUh.V6yG5tC4rD3eS2wA"
	canaryIDToken       = "eyJid5.eyJzdWIiOiJ1MSIsIm5hbWUiOiJxV2VSdFl1SSJ9.zX9cV8bN7mA6sD5f"
	canaryRotated       = "rOtAtEd1QaZ.wSx2EdC3-rFv4_TgB5"
	canaryPhoto         = "https://files.authing.test/pHoToUrL6yGv5TfC.png"
	canaryDeletionToken = "dElEtIoN8iJn.uHb7YgV6tFc"

	canaryV3User = `{"userId":"` + userID + `","phone":"` + canaryUserPhone + `","loginsCount":3,"identities":[{"identityId":"i1",` +
		`"type":"openid","provider":"wechat","userIdInIdp":"` + canaryUserOpenID + `"}]}`
	canaryTokens = `{"access_token":"` + canaryAccess + `","id_token":"` + canaryIDToken + `","refresh_token":"` + canaryRotated +
		`","token_type":"Bearer","expires_in":7200,"scope":"openid"}`
)

// canaryBasic is what follows "Basic " in the header.
var canaryBasic = base64.StdEncoding.EncodeToString([]byte(appID + ":" + string(canaryAppSecret)))

// enveloped is a success of the V3 API.
func enveloped(data string) string { return `{"statusCode":200,"message":"","data":` + data + `}` }

// v3Methods are the rows of package authingv3.
var v3Methods = ofV3(append([]remoteMethod{
	{
		name: "LoginWithWxapp",
		call: func(ctx context.Context, c pair) (any, error) {
			return c.v3.LoginWithWxapp(ctx, canaryCode, authingv3.WithDetail(canaryDetail("getUserInfo:ok")),
				authingv3.WithContext(map[string]any{"from": canaryNickName}),
				authingv3.WithCustomData(map[string]any{"motto": canaryMetaValue}))
		},
		responses: []string{enveloped(canaryTokens)},
		sends:     []string{string(canaryAppSecret), canaryCode, canaryIV, canaryEncryptedData, canaryNickName, canaryMetaValue},
		spends:    "code",
	},
	{
		name: "LoginWithWxappPhone",
		call: func(ctx context.Context, c pair) (any, error) {
			return c.v3Basic.LoginWithWxappPhone(ctx, canaryCode, canaryPhoneCode)
		},
		responses: []string{enveloped(canaryTokens)},
		sends:     []string{canaryBasic, canaryCode, canaryPhoneCode},
		spends:    "codes",
	},
	{
		name: "LoginByPhoneCode",
		call: func(ctx context.Context, c pair) (any, error) {
			return c.v3Basic.LoginByPhoneCode(ctx, "+86 "+canaryPhone[3:], canarySMSCode, authingv3.WithClientIP(canaryLastIP))
		},
		responses: []string{enveloped(canaryTokens)},
		sends:     []string{canaryBasic, canaryPhone[3:], canarySMSCode, canaryLastIP},
		spends:    "code",
	},
	{
		name: "Login",
		call: func(ctx context.Context, c pair) (any, error) {
			return c.v3.Login(ctx, canaryUsername, canaryPassword)
		},
		responses: []string{enveloped(canaryTokens)},
		sends:     []string{string(canaryAppSecret), canaryUsername, string(canaryPassword)},
	},
	{
		name: "Register",
		call: func(ctx context.Context, c pair) (any, error) {
			return c.v3.Register(ctx, authingv3.RegisterParams{
				Email: canaryEmail, Username: canaryUsername, Password: canaryPassword, ClientIP: canaryLastIP,
				Profile: authingv3.UserUpdate{Nickname: authing.Ptr(canaryNickName), Photo: authing.Ptr(canaryAvatar)},
			})
		},
		responses: []string{enveloped(canaryV3User)},
		sends:     []string{canaryEmail, canaryUsername, string(canaryPassword), canaryLastIP, canaryNickName, canaryAvatar},
	},
	{
		name:      "Refresh",
		call:      func(ctx context.Context, c pair) (any, error) { return c.v3.Refresh(ctx, canaryRefreshToken) },
		responses: []string{canaryTokens},
		sends:     []string{string(canaryAppSecret), string(canaryRefreshToken)},
		spends:    "refresh token",
	},
	{
		name:      "Logout",
		call:      func(ctx context.Context, c pair) (any, error) { return nil, c.v3Basic.Logout(ctx, canaryGivenToken) },
		responses: []string{enveloped(`{"success":true}`)},
		sends:     []string{canaryBasic, string(canaryGivenToken)},
	},
	{
		name:      "VerifyToken",
		call:      func(ctx context.Context, c pair) (any, error) { return c.v3Basic.VerifyToken(ctx, canaryGivenToken) },
		responses: []string{`{"active":true,"sub":"` + userID + `","client_id":"` + appID + `","iat":1583400000,"exp":1584696000}`},
		sends:     []string{canaryBasic, string(canaryGivenToken)},
		read:      true,
	},
	{
		name: "GetPhone",
		call: func(ctx context.Context, c pair) (any, error) { return c.v3.GetPhone(ctx, canaryPhoneCode) },
		responses: []string{enveloped(`{"phone_info":{"phoneNumber":"` + canaryUserPhone + `","purePhoneNumber":"` + canaryUserPhone +
			`","countryCode":"86"}}`)},
		sends:  []string{string(canaryToken), canaryPhoneCode},
		spends: "code",
	},
	{
		name: "Decrypt",
		call: func(ctx context.Context, c pair) (any, error) {
			return c.v3.Decrypt(ctx, canaryCode, canaryEncryptedData, canaryIV)
		},
		responses: []string{enveloped(`{"openId":"` + canaryUserOpenID + `","gender":1}`)},
		sends:     []string{string(canaryToken), canaryCode, canaryIV, canaryEncryptedData},
		spends:    "code",
	},
	{
		name: "GetVerificationCode",
		call: func(ctx context.Context, c pair) (any, error) {
			return nil, c.v3.GetVerificationCode(ctx, "+86 "+canaryPhone[3:], authingv3.ChannelLogin)
		},
		responses: []string{`{"statusCode":200,"message":"发送成功"}`},
		sends:     []string{string(canaryToken), canaryPhone[3:]},
	},
	{
		name: "SendEmailCode",
		call: func(ctx context.Context, c pair) (any, error) {
			return nil, c.v3.SendEmailCode(ctx, canaryEmail, authingv3.ChannelLogin)
		},
		responses: []string{`{"statusCode":200,"message":"发送成功"}`},
		sends:     []string{string(canaryToken), canaryEmail},
	},
	{
		name: "BindPhone",
		call: func(ctx context.Context, c pair) (any, error) {
			return nil, c.v3.BindPhone(ctx, "+86 "+canaryPhone[3:], canarySMSCode)
		},
		responses: []string{`{"statusCode":200,"message":"绑定成功"}`},
		sends:     []string{string(canaryToken), canaryPhone[3:], canarySMSCode},
		spends:    "code",
	},
	{
		name: "BindWxapp",
		call: func(ctx context.Context, c pair) (any, error) {
			return nil, c.v3.BindWxapp(ctx, canaryCode, authingv3.WithDetail(canaryDetail("getUserInfo:ok")))
		},
		responses: []string{`{"statusCode":200,"message":"绑定成功","data":true}`},
		sends:     []string{string(canaryToken), canaryCode, canaryIV, canaryEncryptedData},
		spends:    "code",
	},
	{
		name:      "User",
		call:      func(ctx context.Context, c pair) (any, error) { return c.v3.User(ctx, authingv3.ExtraIdentities) },
		responses: []string{enveloped(canaryV3User)},
		sends:     []string{string(canaryToken)},
		read:      true,
	},
	{
		name: "Update",
		call: func(ctx context.Context, c pair) (any, error) {
			return c.v3.Update(ctx, authingv3.UserUpdate{
				Username: authing.Ptr(canaryUsername), CustomData: map[string]any{"motto": canaryMetaValue},
			})
		},
		responses: []string{enveloped(canaryV3User)},
		sends:     []string{string(canaryToken), canaryUsername, canaryMetaValue},
	},
}, stepsOfV3Methods()...))

func ofV3(rows []remoteMethod) []remoteMethod {
	for i := range rows {
		rows[i].v3 = true
	}
	return rows
}

// stepsOfV3Methods are the rows of the methods that make several requests.
func stepsOfV3Methods() (rows []remoteMethod) {
	for step, sends := range [][]string{{string(canaryToken), canaryImage[8:]}, {string(canaryToken), canaryPhoto}} {
		rows = append(rows, remoteMethod{
			name:      "ChangeAvatar",
			call:      func(ctx context.Context, c pair) (any, error) { return c.v3.ChangeAvatar(ctx, canaryImageReader()) },
			responses: []string{`{"code":200,"message":"","data":{"key":"k","url":"` + canaryPhoto + `"}}`, enveloped(canaryV3User)},
			step:      step,
			sends:     sends,
		})
	}
	for step, sends := range [][]string{{string(canaryToken), canaryPhone[3:], canarySMSCode}, {string(canaryToken), canaryDeletionToken}} {
		rows = append(rows, remoteMethod{
			name: "DeleteAccount",
			call: func(ctx context.Context, c pair) (any, error) {
				return nil, c.v3.DeleteAccount(ctx, authingv3.ProofByPhoneCode("+86 "+canaryPhone[3:], canarySMSCode))
			},
			responses: []string{
				enveloped(`{"deleteAccountToken":"` + canaryDeletionToken + `","tokenExpiresIn":60}`), enveloped(`{"success":true}`),
			},
			step:   step,
			sends:  sends,
			spends: "code",
		})
	}
	return rows
}
