package authing_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

func TestBindPhone(t *testing.T) {
	t.Parallel()
	client, got := setup(t, 200, annAnswer)
	user, err := client.As(token).BindPhone(context.Background(), code, phoneDetail)
	require.NoError(t, err)

	sent := got.Only(t)
	assert.Equal(t, "POST https://oauth.authing.cn/oauth/wechatapp/phone/"+pool, sent.Line)
	assert.Equal(t, postedBody, sent.Body)
	assert.Equal(t, []string{string(token)}, sent.Header["Authorization"], "the bare token, without a scheme")
	assert.Equal(t, annID, user.ID)
	assert.Equal(t, annUser, string(user.Raw()))
}

// Whether the service sends a token along is not known, and none is needed.
func TestBindPhoneAnswer(t *testing.T) {
	t.Parallel()
	client, _ := setup(t, 200, `{"code":200,"message":"ok","data":{"id":"u1","phone":"13800000000"}}`)
	user, err := client.As(token).BindPhone(context.Background(), code, phoneDetail)
	require.NoError(t, err)
	assert.Equal(t, "u1", user.ID)
	assert.Equal(t, "13800000000", user.Phone)
	assert.Empty(t, user.Token)

	for _, data := range []string{`null`, `{}`, `{"phone":"13800000000"}`} {
		client, _ := setup(t, 200, `{"code":200,"message":"ok","data":`+data+`}`)
		user, err := client.As(token).BindPhone(context.Background(), code, phoneDetail)
		assert.Nil(t, user)
		require.ErrorIs(t, err, authing.ErrBadResponse, data)
		require.ErrorIs(t, err, authing.ErrOutcomeUnknown, data)
	}
}

func TestBindPhoneLooksAtTheTokenFirst(t *testing.T) {
	t.Parallel()
	refused := authing.Detail{ErrMsg: "getPhoneNumber:fail user deny"}
	client, got := setup(t, 200, annAnswer)

	_, err := client.BindPhone(context.Background(), "", refused)
	require.ErrorIs(t, err, authing.ErrLoginRequired)
	assert.NotErrorIs(t, err, authing.ErrUserRefused)
	assert.NotErrorIs(t, err, authing.ErrInvalidArgument)
	assert.EqualError(t, err, "authing: BindPhone: no token: call client.As(user.Token); nothing was sent")

	_, err = client.As("Bearer h.p.s").BindPhone(context.Background(), "", refused)
	require.ErrorIs(t, err, authing.ErrInvalidArgument)
	assert.NotErrorIs(t, err, authing.ErrUserRefused)

	_, err = client.As(token).BindPhone(context.Background(), "", refused)
	require.ErrorIs(t, err, authing.ErrUserRefused)
	assert.Empty(t, got.All())
}

func TestGetPhone(t *testing.T) {
	t.Parallel()
	for name, as := range map[string]authing.Secret{"as nobody": "", "as a user": token} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, got := setup(t, 200, phoneAnswer)
			phone, err := client.As(as).GetPhone(context.Background(), code, phoneDetail)
			require.NoError(t, err)

			sent := got.Only(t)
			assert.Equal(t, "POST https://oauth.authing.cn/oauth/wechatapp/getphone/"+pool, sent.Line)
			assert.Equal(t, postedBody, sent.Body)
			if as == "" {
				assert.NotContains(t, sent.Header, "Authorization")
			} else {
				assert.Equal(t, []string{string(as)}, sent.Header["Authorization"], "the bare token")
			}
			assert.Equal(t, asJSON(t, authing.PhoneNumber{
				PhoneNumber: "13800000000", PurePhoneNumber: "13800000000", CountryCode: "86",
				Watermark: &authing.Watermark{AppID: "wx1", Timestamp: 1586750416},
			}), asJSON(t, phone))
		})
	}
}

func TestGetPhoneAnswers(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]*authing.PhoneNumber{
		`{"phoneNumber":"13800000000","countryCode":"86"}`:                             {PhoneNumber: "13800000000", CountryCode: "86"},
		`{"phoneNumber":"13800000000","countryCode":86}`:                               {PhoneNumber: "13800000000", CountryCode: "86"},
		`{"phoneNumber":"1","countryCode":null,"watermark":null,"addedLater":{"x":1}}`: {PhoneNumber: "1"},
		`{"phoneNumber":"1","watermark":{"appid":"wx1","timestamp":"1586750416"}}`: {
			PhoneNumber: "1", Watermark: &authing.Watermark{AppID: "wx1", Timestamp: 1586750416},
		},
		`null`:                                 nil,
		`{}`:                                   nil,
		`{"phoneNumber":""}`:                   nil,
		`{"phoneNumber":null}`:                 nil,
		`{"phoneNumber":"1","countryCode":[]}`: nil,
		`{"phoneNumber":"1","watermark":{"timestamp":"soon"}}`: nil,
		`[]`:   nil,
		`"13"`: nil,
	} {
		client, _ := setup(t, 200, `{"code":200,"message":"ok","data":`+data+`}`)
		phone, err := client.GetPhone(context.Background(), code, phoneDetail)
		assert.Equal(t, asJSON(t, want), asJSON(t, phone), data)
		if want == nil {
			require.ErrorIs(t, err, authing.ErrBadResponse, data)
			require.ErrorIs(t, err, authing.ErrOutcomeUnknown, data)
			continue
		}
		require.NoError(t, err, data)
		assert.Equal(t, data, string(phone.Raw()))

		var read authing.PhoneNumber
		require.NoError(t, json.Unmarshal([]byte(asJSON(t, phone)), &read))
		assert.Equal(t, asJSON(t, want), asJSON(t, read))
	}
}

func TestGetVerificationCode(t *testing.T) {
	t.Parallel()
	for phone, segment := range map[string]string{
		"13800000000": "13800000000", "+86 138": "+86%20138", "138&a=b;c": "138&a=b%3Bc", "一": "%E4%B8%80", "...": "...",
	} {
		client, got := setup(t, 200, `{"code":200,"message":"发送成功"}`)
		require.NoError(t, client.As("Bearer stale").GetVerificationCode(context.Background(), phone), "the token is not sent")
		sent := got.Only(t)
		assert.Equal(t, "GET https://users.authing.cn/send_smscode/"+segment+"/"+pool, sent.Line)
		assert.Empty(t, sent.Body)
		assert.NotContains(t, sent.Header, "Authorization")
	}
}

func TestGetVerificationCodeAnswers(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"code":"200"}`, `{"code":200,"message":"ok","data":null}`, `{"code":200,"data":{"id":1}}`} {
		client, _ := setup(t, 200, body)
		require.NoError(t, client.GetVerificationCode(context.Background(), "13800000000"), body)
	}
	client, _ := setup(t, 200, `{"code":500,"message":"13800000000: 发送失败"}`)
	err := client.GetVerificationCode(context.Background(), "13800000000")
	assertOnly(t, nil, err, "a refusal, and known")
	assert.Equal(t, 500, requireError(t, err).Code)
	assert.NotContains(t, err.Error(), "13800000000")

	for _, body := range []string{``, `null`, `{}`, `<html>`, `{"message":"发送成功"}`} {
		client, _ := setup(t, 200, body)
		err := client.GetVerificationCode(context.Background(), "13800000000")
		require.ErrorIs(t, err, authing.ErrBadResponse, body)
		require.ErrorIs(t, err, authing.ErrOutcomeUnknown, "the message may be on its way")
	}
	client, _ = setup(t, 502, `{"code":200,"message":"发送成功"}`)
	require.ErrorIs(t, client.GetVerificationCode(context.Background(), "13800000000"), authing.ErrOutcomeUnknown)
}

func TestLoginByPhoneCode(t *testing.T) {
	t.Parallel()
	for phoneCode, number := range map[string]string{"123456": "123456", "012345": "12345", "0000": "0", "2147483647": "2147483647"} {
		wantAnnOfGraphQL(t, operationCall[*authing.User]{
			do: func(ctx context.Context, c *authing.Client) (*authing.User, error) {
				return c.LoginByPhoneCode(ctx, "+86 138", phoneCode)
			},
			operation: "mutation login", field: "login", answer: annOfGraphQL,
			variables: `{"phone":"+86 138","phoneCode":` + number + `,"registerInClient":"` + pool + `"}`,
		}.check(t))
	}
	for n, sentinel := range map[int]error{2001: authing.ErrVerifyCode, 2300: authing.ErrVerifyCode} {
		client, _ := setup(t, 200, fmt.Sprintf(`{"errors":[{"message":{"code":%d,"message":"said 123456","data":null}}]}`, n))
		_, err := client.LoginByPhoneCode(context.Background(), "138", "123456")
		assertOnly(t, sentinel, err, err.Error())
		assert.NotContains(t, err.Error(), "123456", "it is sent as a number, but stays a secret")
	}
	for _, answer := range []string{`null`, `{}`, `{"_id":"u1","token":""}`, `{"token":"h.p.s"}`} {
		client, _ := setup(t, 200, `{"data":{"login":`+answer+`}}`)
		user, err := client.LoginByPhoneCode(context.Background(), "138", "123456")
		assert.Nil(t, user)
		require.ErrorIs(t, err, authing.ErrBadResponse, answer)
		require.ErrorIs(t, err, authing.ErrOutcomeUnknown, answer)
	}
}

// A service that echoes the code does so in the form that it got: as a number, without leading zeros.
func TestPhoneCodeDoesNotShowAsNumber(t *testing.T) {
	t.Parallel()
	client, _ := setup(t, 200, `{"errors":[{"message":"no such code: 12345"}]}`)
	_, err := client.LoginByPhoneCode(context.Background(), "138", "012345")
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "12345")
}

func TestPhoneBadInput(t *testing.T) {
	t.Parallel()
	var calls []unsentCall
	for text, phones := range map[string][]string{
		"the phone number is empty":         {""},
		"would change the URL":              {"138/x", "..", ".", `138\x`, "138?x", "138#", "%2e%2e", "138%"},
		"the phone number contains control": {"138\n", "138\r\nX: 1", "\x00", "138\x7f"},
		"characters or is not valid UTF-8":  {"138\xff"},
	} {
		for _, phone := range phones {
			calls = append(calls, unsentCall{text, func(ctx context.Context, c *authing.Client) (any, error) {
				return nil, c.GetVerificationCode(ctx, phone)
			}})
		}
	}
	login := func(text, phone, phoneCode string) unsentCall {
		return unsentCall{text, func(ctx context.Context, c *authing.Client) (any, error) {
			user, err := c.LoginByPhoneCode(ctx, phone, phoneCode)
			return orNil(user), err
		}}
	}
	calls = append(calls,
		login("the phone number is empty", "", "123456"),
		login("the phone number contains", "138\n", "123456"),
		login("the user reads it from the text message", "138", ""),
	)
	for _, phoneCode := range []string{"12a456", "123456 ", " 123456", "+12", "-12", "1.5", "0x1f", "1_0", "1e3", "１２３", "2147483648", "99999999999999999999"} {
		calls = append(calls, login("the code is not made of digits alone, or has too many", "138", phoneCode))
	}
	checkUnsent(t, calls)
}
