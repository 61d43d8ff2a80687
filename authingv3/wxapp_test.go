package authingv3_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingv3"
)

func TestWxappRequests(t *testing.T) {
	t.Parallel()
	const info = `"wechatMiniProgramCodePayload":{"code":"` + code + `"}`
	const begin = `{"connection":"wechat_mini_program_code","extIdpConnidentifier":"` + miniProgram + `",`
	checkRequests(t, []request{
		{name: "LoginWithWxapp", do: login, path: "/api/v3/signin-by-mobile", responses: []string{enveloped(tokens)},
			body: begin + info + `,` + scope + `}`},
		{name: "with all options", do: func(ctx context.Context, c *authingv3.Client) (any, error) {
			return result(c.LoginWithWxapp(ctx, code, nil, authingv3.WithDetail(detail),
				authingv3.WithContext(map[string]any{"from": "shop"}), authingv3.WithCustomData(map[string]any{"tier": 1})))
		}, path: "/api/v3/signin-by-mobile", responses: []string{enveloped(tokens)},
			body: begin + `"wechatMiniProgramCodePayload":{"code":"` + code + `","encryptedData":"` + encrypted + `","iv":"` + iv +
				`"},"options":{"scope":"openid profile phone offline_access","context":{"from":"shop"},"customData":{"tier":1}}}`},
		{name: "with an empty detail", do: func(ctx context.Context, c *authingv3.Client) (any, error) {
			return result(c.LoginWithWxapp(ctx, code, authingv3.WithDetail(authing.Detail{})))
		}, path: "/api/v3/signin-by-mobile", responses: []string{enveloped(tokens)}, body: begin + info + `,` + scope + `}`},
		{name: "LoginWithWxappPhone", do: func(ctx context.Context, c *authingv3.Client) (any, error) {
			return result(c.LoginWithWxappPhone(ctx, code, phoneCode))
		}, path: "/api/v3/signin-by-mobile", responses: []string{enveloped(tokens)},
			body: `{"connection":"wechat_mini_program_code_and_phone","extIdpConnidentifier":"` + miniProgram +
				`","wechatMiniProgramCodeAndPhonePayload":{"wxLoginInfo":{"code":"` + code + `"},"wxPhoneInfo":{"code":"` + phoneCode +
				`"}},` + scope + `}`},
		{name: "GetPhone", do: func(ctx context.Context, c *authingv3.Client) (any, error) {
			return result(c.GetPhone(ctx, phoneCode))
		}, path: "/api/v3/get-wechat-miniprogram-phone", auth: string(token), responses: []string{enveloped(`{"phoneNumber":"+861"}`)},
			body: `{"extIdpConnidentifier":"` + miniProgram + `","code":"` + phoneCode + `"}`},
		{name: "Decrypt", do: func(ctx context.Context, c *authingv3.Client) (any, error) {
			return result(c.Decrypt(ctx, code, encrypted, iv))
		}, path: "/api/v3/decrypt-wechat-miniprogram-data", auth: string(token), responses: []string{enveloped(`{"openId":"o"}`)},
			body: `{"extIdpConnidentifier":"` + miniProgram + `","code":"` + code + `","encryptedData":"` + encrypted + `","iv":"` + iv + `"}`},
		{name: "BindWxapp", do: func(ctx context.Context, c *authingv3.Client) (any, error) {
			return nil, c.BindWxapp(ctx, code, authingv3.WithDetail(detail))
		}, path: "/connections/social/wechat-miniprogram/bind", auth: string(token), responses: []string{nothing},
			body: `{"extIdpConnidentifier":"` + miniProgram + `","code":"` + code + `","encryptedData":"` + encrypted + `","iv":"` + iv + `"}`},
	})
}

func TestWxappRefuses(t *testing.T) {
	t.Parallel()
	signIn := func(code string, opts ...authingv3.LoginOption) doing {
		return func(ctx context.Context, c *authingv3.Client) (any, error) {
			return result(c.LoginWithWxapp(ctx, code, opts...))
		}
	}
	phone := func(code, phoneCode string, opts ...authingv3.LoginOption) doing {
		return func(ctx context.Context, c *authingv3.Client) (any, error) {
			return result(c.LoginWithWxappPhone(ctx, code, phoneCode, opts...))
		}
	}
	getPhone := func(code string) doing {
		return func(ctx context.Context, c *authingv3.Client) (any, error) { return result(c.GetPhone(ctx, code)) }
	}
	decrypt := func(code, data, iv string) doing {
		return func(ctx context.Context, c *authingv3.Client) (any, error) {
			return result(c.Decrypt(ctx, code, data, iv))
		}
	}
	bind := func(code string, opts ...authingv3.LoginOption) doing {
		return func(ctx context.Context, c *authingv3.Client) (any, error) {
			return nil, c.BindWxapp(ctx, code, opts...)
		}
	}
	with := func(errMsg, phoneCode string) authingv3.LoginOption {
		return authingv3.WithDetail(authing.Detail{ErrMsg: errMsg, PhoneCode: phoneCode})
	}
	checkRefused(t, map[string]doing{
		"LoginWithWxapp: the code is empty":                            signIn(""),
		"LoginWithWxapp: the code contains white space":                signIn(code + "\n"),
		"LoginWithWxapp: iv is missing":                                signIn(code, authingv3.WithDetail(authing.Detail{EncryptedData: encrypted})),
		"LoginWithWxapp: encryptedData is missing":                     signIn(code, authingv3.WithDetail(authing.Detail{IV: iv})),
		"LoginWithWxapp: the API takes no client IP":                   signIn(code, authingv3.WithClientIP("192.0.2.1")),
		"LoginWithWxapp: the identity source decides":                  signIn(code, authingv3.WithAutoRegister(false)),
		"LoginWithWxapp: the values of WithContext":                    signIn(code, authingv3.WithContext(map[string]any{"f": func() {}})),
		"LoginWithWxapp: the values of WithContext or WithCustomData":  signIn(code, authingv3.WithCustomData(map[string]any{"a": []any{"\xff"}})),
		"LoginWithWxapp: the code is detail.code":                      signIn(phoneCode, with("", phoneCode)),
		"LoginWithWxapp: the detail is not from getUserInfo":           signIn(code, with("getPhoneNumber:ok", phoneCode)),
		"LoginWithWxapp: WeChat said \"getUserInfo:fail [redacted]\"":  signIn("abcdefgh", with("getUserInfo:fail abcdefgh", "")),
		"LoginWithWxappPhone: the detail is not from getUserInfo":      phone(code, phoneCode, with("getPhoneNumber:ok", phoneCode)),
		"BindWxapp: the code is detail.code, the phone code":           bind(phoneCode, with("", phoneCode)),
		"LoginWithWxappPhone: the code is empty":                       phone("", phoneCode),
		"LoginWithWxappPhone: the phone code is empty":                 phone(code, ""),
		"LoginWithWxappPhone: the phone code and the code from":        phone(code, code),
		"LoginWithWxappPhone: the phone code contains white space":     phone(code, "a b"),
		"LoginWithWxappPhone: the API takes no client IP":              phone(code, phoneCode, authingv3.WithClientIP("192.0.2.1")),
		"GetPhone: the phone code is empty":                            getPhone(""),
		"GetPhone: the phone code contains white space":                getPhone(" x"),
		"Decrypt: the code is empty":                                   decrypt("", encrypted, iv),
		"Decrypt: encryptedData is missing":                            decrypt(code, "", iv),
		"Decrypt: iv is 12 bytes long":                                 decrypt(code, encrypted, "EBESExQVFhcYGRob"),
		"BindWxapp: the code is empty":                                 bind(""),
		"BindWxapp: BindWxapp takes no option but WithDetail":          bind(code, authingv3.WithContext(map[string]any{})),
		"BindWxapp: the API takes no client IP when a mini program si": bind(code, authingv3.WithClientIP("192.0.2.1")),
	})
}

func TestGetPhoneResponses(t *testing.T) {
	t.Parallel()
	const number = `{"phoneNumber":"+8613800138000","purePhoneNumber":"13800138000","countryCode":86}`
	getPhone := func(ctx context.Context, c *authingv3.Client) (any, error) { return result(c.GetPhone(ctx, phoneCode)) }
	for _, data := range []string{number, `{"phone_info":` + number + `}`, `{"phone_info":{},` + number[1:], `{"phone_info":7,` + number[1:]} {
		client, _ := setup(t, http.StatusOK, enveloped(data))
		phone, err := client.GetPhone(context.Background(), phoneCode)
		require.NoError(t, err, data)
		assert.Equal(t, "13800138000", phone.PurePhoneNumber)
		assert.Equal(t, "86", phone.CountryCode)
	}
	for data, missing := range map[string]string{
		"null": "data", "{}": "phone number", "[]": "phone number", `{"phone_info":{}}`: "phone number", `{"phone_info":null}`: "phone number",
		`{"errcode":40013,"errmsg":"invalid appid"}`: "phone number",
	} {
		e := failure(t, http.StatusOK, enveloped(data), getPhone)
		require.ErrorIs(t, e, authing.ErrBadResponse, data)
		require.ErrorIs(t, e, authing.ErrOutcomeUnknown)
		require.ErrorContains(t, e, "the service reported success but sent no "+missing)
		assert.Equal(t, strings.Contains(data, "errcode"), strings.Contains(e.Hint, `WeChat said "invalid appid" (errcode 40013)`), data)
	}
}

func TestDecryptResponses(t *testing.T) {
	t.Parallel()
	client, _ := setup(t, http.StatusOK, enveloped(`{"openId":"o1","phoneNumber":"1","watermark":{"appid":"wx1"}}`))
	data, err := client.Decrypt(context.Background(), code, encrypted, iv)
	require.NoError(t, err)
	assert.Equal(t, "o1", data.OpenID)
	assert.JSONEq(t, `{"openId":"o1","phoneNumber":"1","watermark":{"appid":"wx1"}}`, string(data.Raw()))
	for _, empty := range []string{"null", "{}", "{ }", `{"errcode":-41003,"errmsg":"aes"}`} {
		e := failure(t, http.StatusOK, enveloped(empty), func(ctx context.Context, c *authingv3.Client) (any, error) {
			return result(c.Decrypt(ctx, code, encrypted, iv))
		})
		require.ErrorIs(t, e, authing.ErrBadResponse, empty)
	}
}

// WeChat's refusal of a code is a guess. It settles what would otherwise be unknown.
func TestCodeInvalid(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		`{"statusCode":602,"message":"errcode 40029, invalid code"}`:                                 true,
		`{"statusCode":602,"message":"code been used"}`:                                              true,
		`{"statusCode":602,"message":"{\"errcode\":40163,\"errmsg\":\"x\"}"}`:                        true,
		`{"statusCode":499,"message":"no","data":{"errcode":"40029"}}`:                               true,
		`{"statusCode":500,"message":"{\"errcode\":40029}"}`:                                         true,
		`{"statusCode":403,"message":"invalid code"}`:                                                false,
		`{"statusCode":602,"message":"invalid appid"}`:                                               false,
		`{"statusCode":499,"message":"no","data":{"errcode":40013}}`:                                 false,
		`{"statusCode":602,"message":"no","data":{"errcode":40013,"errmsg":"invalid code, not so"}}`: false,
	} {
		e := failure(t, http.StatusOK, body, login)
		assert.Equal(t, want, errors.Is(e, authing.ErrCodeInvalid), body)
		if want {
			assert.Equal(t, e.Code == 500, errors.Is(e, authing.ErrOutcomeUnknown), body)
			assert.Contains(t, e.Hint, "let the page get a new one", body)
		}
		assert.Equal(t, strings.Contains(body, "40013"), strings.Contains(e.Error(), "(errcode 40013)"), body)
	}
}
