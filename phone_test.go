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
	client, got := setup(t, 200, annResponse)
	user, err := client.As(token).BindPhone(context.Background(), code, phoneDetail)
	require.NoError(t, err)

	sent := got.Only(t)
	assert.Equal(t, "POST https://oauth.authing.cn/oauth/wechatapp/phone/"+pool, sent.Line)
	assert.Equal(t, postedBody, sent.Body)
	assert.Equal(t, []string{string(token)}, sent.Header["Authorization"], "the bare token, without a scheme")
	assert.Equal(t, annID, user.ID)
	assert.Equal(t, annUser, string(user.Raw()))
}

// The service may or may not send a token along; none is needed.
func TestBindPhoneResults(t *testing.T) {
	t.Parallel()
	client, _ := setup(t, 200, `{"code":200,"message":"ok","data":{"id":"u1","phone":"13800000000"}}`)
	user, err := client.As(token).BindPhone(context.Background(), code, phoneDetail)
	require.NoError(t, err)
	assert.Equal(t, "u1", user.ID)
	assert.Equal(t, "13800000000", user.Phone)
	assert.Empty(t, user.Token)

	for _, data := range []string{`null`, `{}`, `{"phone":"13800000000"}`} {
		_, err := bindError(t, 200, `{"code":200,"message":"ok","data":`+data+`}`)
		wantIncomplete(t, err, data)
	}
}

func TestBindPhoneLooksAtTheTokenFirst(t *testing.T) {
	t.Parallel()
	declined := authing.Detail{ErrMsg: "getPhoneNumber:fail user deny"}
	client, got := setup(t, 200, annResponse)

	_, err := client.BindPhone(context.Background(), "", declined)
	require.ErrorIs(t, err, authing.ErrLoginRequired)
	assert.NotErrorIs(t, err, authing.ErrUserRefused)
	assert.NotErrorIs(t, err, authing.ErrInvalidArgument)
	assert.EqualError(t, err, "authing: BindPhone: no token: use client.As with the token of a login; nothing was sent")

	_, err = client.As("Bearer h.p.s").BindPhone(context.Background(), "", declined)
	require.ErrorIs(t, err, authing.ErrInvalidArgument)
	assert.NotErrorIs(t, err, authing.ErrUserRefused)

	_, err = client.As(token).BindPhone(context.Background(), "", declined)
	require.ErrorIs(t, err, authing.ErrUserRefused)
	assert.Empty(t, got.All())
}

func TestGetPhone(t *testing.T) {
	t.Parallel()
	for name, as := range map[string]authing.Secret{"without a token": "", "with a token": token} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, got := setup(t, 200, phoneResponse)
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

func TestGetPhoneResults(t *testing.T) {
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
		`{"phoneNumber":"1","countryCode":[]}`: {PhoneNumber: "1"},
		`{"phoneNumber":13,"watermark":{"timestamp":"soon"}}`: {PhoneNumber: "13", Watermark: &authing.Watermark{}},
		`[]`:   nil,
		`"13"`: nil,
	} {
		client, _ := setup(t, 200, `{"code":200,"message":"ok","data":`+data+`}`)
		phone, err := client.GetPhone(context.Background(), code, phoneDetail)
		assert.Equal(t, asJSON(t, want), asJSON(t, phone), data)
		if want == nil {
			wantIncomplete(t, err, data)
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
		require.NoError(t, client.As(token).GetVerificationCode(context.Background(), phone))
		sent := got.Only(t)
		assert.Equal(t, "GET https://users.authing.cn/send_smscode/"+segment+"/"+pool, sent.Line)
		assert.Empty(t, sent.Body)
		assert.NotContains(t, sent.Header, "Authorization")
	}
}

func TestGetVerificationCodeResults(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"code":"200"}`, `{"code":200,"message":"ok","data":null}`, `{"code":200,"data":{"id":1}}`} {
		client, _ := setup(t, 200, body)
		require.NoError(t, client.GetVerificationCode(context.Background(), "13800000000"), body)
	}
	client, _ := setup(t, 200, `{"code":500,"message":"13800000000: 发送失败"}`)
	err := client.GetVerificationCode(context.Background(), "13800000000")
	assertOnly(t, nil, err, "a refusal")
	assert.Equal(t, 500, requireError(t, err).Code)
	assert.NotContains(t, err.Error(), "13800000000")

	for _, body := range []string{``, `null`, `{}`, `<html>`, `{"message":"发送成功"}`} {
		client, _ := setup(t, 200, body)
		wantIncomplete(t, client.GetVerificationCode(context.Background(), "13800000000"), body)
	}
	client, _ = setup(t, 502, `{"code":200,"message":"发送成功"}`)
	require.ErrorIs(t, client.GetVerificationCode(context.Background(), "13800000000"), authing.ErrOutcomeUnknown)
}

func TestLoginByPhoneCode(t *testing.T) {
	t.Parallel()
	for phoneCode, number := range map[string]string{"123456": "123456", "012345": "12345", "0000": "0", "2147483647": "2147483647"} {
		wantAnn(t, operationCall[*authing.User]{
			do: func(ctx context.Context, c *authing.Client) (*authing.User, error) {
				return c.LoginByPhoneCode(ctx, "+86 138", phoneCode)
			},
			operation: "mutation login", field: "login", result: annGraphQL,
			variables: `{"phone":"+86 138","phoneCode":` + number + `,"registerInClient":"` + pool + `"}`,
		}.check(t))
	}
	for _, n := range []int{2001, 2300} {
		client, _ := setup(t, 200, fmt.Sprintf(`{"errors":[{"message":{"code":%d,"message":"said 123456","data":null}}]}`, n))
		_, err := client.LoginByPhoneCode(context.Background(), "138", "123456")
		assertOnly(t, authing.ErrVerifyCode, err, err.Error())
		assert.NotContains(t, err.Error(), "123456", "a secret, although it is sent as a number")
	}
	for _, result := range []string{`null`, `{}`, `{"_id":"u1","token":""}`, `{"token":"h.p.s"}`} {
		client, _ := setup(t, 200, graphqlData("login", result))
		user, err := client.LoginByPhoneCode(context.Background(), "138", "123456")
		assert.Nil(t, user)
		wantIncomplete(t, err, result)
	}
}

func TestPhoneBadInput(t *testing.T) {
	t.Parallel()
	c, got := setup(t, 200, `{}`)
	ctx := context.Background()
	rejections := []rejection{
		{errorOf(c.LoginByPhoneCode(ctx, "", "123456")), "the phone number is empty"},
		{errorOf(c.LoginByPhoneCode(ctx, "138\n", "123456")), "the phone number contains"},
		{errorOf(c.LoginByPhoneCode(ctx, "138", "")), "the user reads it from the text message"},
	}
	for text, phones := range map[string][]string{
		"the phone number is empty":         {""},
		"would change the URL":              {"138/x", "..", ".", `138\x`, "138?x", "138#", "%2e%2e", "138%"},
		"the phone number contains control": {"138\n", "138\r\nX: 1", "\x00", "138\x7f"},
		"characters or is not valid UTF-8":  {"138\xff"},
	} {
		for _, phone := range phones {
			rejections = append(rejections, rejection{c.GetVerificationCode(ctx, phone), text})
		}
	}
	for _, phoneCode := range []string{
		"12a456", "123456 ", " 123456", "+12", "-12", "1.5", "0x1f", "1_0", "1e3", "１２３", "2147483648", "99999999999999999999",
	} {
		rejections = append(rejections, rejection{
			errorOf(c.LoginByPhoneCode(ctx, "138", phoneCode)), "the code is not made of digits alone, or has too many",
		})
	}
	wantRejections(t, got, rejections)
}
