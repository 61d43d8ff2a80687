package authing_test

import (
	"context"
	"encoding/json"
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

	sent := got.only(t)
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
	assert.EqualError(t, err, "authing: BindPhone: the client acts as nobody: use client.As(user.Token); nothing was sent")

	_, err = client.As("Bearer h.p.s").BindPhone(context.Background(), "", refused)
	require.ErrorIs(t, err, authing.ErrInvalidArgument)
	assert.NotErrorIs(t, err, authing.ErrUserRefused)

	_, err = client.As(token).BindPhone(context.Background(), "", refused)
	require.ErrorIs(t, err, authing.ErrUserRefused)
	assert.Empty(t, got.all())
}

func TestGetPhone(t *testing.T) {
	t.Parallel()
	for name, as := range map[string]authing.Secret{"as nobody": "", "as a user": token} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, got := setup(t, 200, phoneAnswer)
			phone, err := client.As(as).GetPhone(context.Background(), code, phoneDetail)
			require.NoError(t, err)

			sent := got.only(t)
			assert.Equal(t, "POST https://oauth.authing.cn/oauth/wechatapp/getphone/"+pool, sent.Line)
			assert.Equal(t, postedBody, sent.Body)
			if as == "" {
				assert.NotContains(t, sent.Header, "Authorization")
			} else {
				assert.Equal(t, []string{string(as)}, sent.Header["Authorization"], "the bare token")
			}
			assert.Equal(t, &authing.PhoneNumber{
				PhoneNumber: "13800000000", PurePhoneNumber: "13800000000", CountryCode: "86",
				Watermark: &authing.Watermark{AppID: "wx1", Timestamp: 1586750416},
			}, phone)
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
		assert.Equal(t, want, phone, data)
		if want == nil {
			require.ErrorIs(t, err, authing.ErrBadResponse, data)
			require.ErrorIs(t, err, authing.ErrOutcomeUnknown, data)
			continue
		}
		require.NoError(t, err, data)

		var read authing.PhoneNumber
		require.NoError(t, json.Unmarshal([]byte(asJSON(t, phone)), &read))
		assert.Equal(t, *want, read)
	}
}
