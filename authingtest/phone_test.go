package authingtest_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

func TestNewPhoneDefaults(t *testing.T) {
	t.Parallel()
	srv, _ := setup(t, authingtest.Options{})
	ann, bob := srv.NewPhone(authingtest.WxUser{}).User(), srv.NewPhone(authingtest.WxUser{}).User()
	assert.Regexp(t, "^o.{27}$", ann.OpenID)
	assert.Regexp(t, "^o.{27}$", ann.UnionID)
	assert.Regexp(t, "^138[0-9]{8}$", ann.PhoneNumber)
	assert.Equal(t, "86", ann.CountryCode)
	assert.Equal(t, srv.WeChatAppID(), ann.AppID)
	assert.NotEqual(t, ann.OpenID, bob.OpenID)
	assert.NotEqual(t, ann.UnionID, bob.UnionID)
	assert.NotEqual(t, ann.PhoneNumber, bob.PhoneNumber)

	given := authingtest.WxUser{
		OpenID: "o-1", UnionID: "u-1", NickName: "Ann", PhoneNumber: "51234567", CountryCode: "852", AppID: "wx1",
	}
	assert.Equal(t, given, srv.NewPhone(given).User())

	srv, _ = setup(t, authingtest.Options{NoUnionID: true})
	assert.Empty(t, srv.NewPhone(given).User().UnionID)
}

func TestPhonesOfOneUser(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{})
	first := srv.NewPhone(authingtest.WxUser{OpenID: "o-1"})
	second := srv.NewPhone(authingtest.WxUser{OpenID: "o-1"})
	assert.Equal(t, first.User(), second.User())
	ann, asAnn := signIn(t, client, first)
	again, _ := signIn(t, client, second)
	assert.Equal(t, ann.ID, again.ID)

	newcomer := srv.NewPhone(authingtest.WxUser{})
	assert.NotEqual(t, first.User().UnionID, newcomer.User().UnionID)
	_, err := asAnn.BindPhone(ctx, second.Login(), second.GetPhoneNumber())
	require.NoError(t, err)
	_, asNewcomer := signIn(t, client, newcomer)
	_, err = asNewcomer.BindPhone(ctx, newcomer.Login(), newcomer.GetPhoneNumber())
	assert.NoError(t, err, "a new user gets an unused number")

	foreign := authingtest.WxUser{OpenID: "o-2", UnionID: "u-2", PhoneNumber: "51234567", CountryCode: "852"}
	srv.NewPhone(foreign)
	third := srv.NewPhone(authingtest.WxUser{OpenID: "o-2", NickName: "Bob"}).User()
	assert.Equal(t, "u-2", third.UnionID)
	assert.Equal(t, "51234567", third.PhoneNumber)
	assert.Equal(t, "852", third.CountryCode)
	fourth := srv.NewPhone(authingtest.WxUser{OpenID: "o-2", UnionID: "u-3", PhoneNumber: "13900000000"}).User()
	assert.Equal(t, "u-3", fourth.UnionID, "explicit values take precedence")
	assert.Equal(t, "13900000000", fourth.PhoneNumber)
	assert.Equal(t, "86", fourth.CountryCode)
}

func TestGeneratedNumbersAreUnused(t *testing.T) {
	t.Parallel()
	srv, _ := setup(t, authingtest.Options{})
	next := srv.NewPhone(authingtest.WxUser{}).User().PhoneNumber
	taken := map[string]bool{next: true}
	after := func(number string) string {
		n, err := strconv.Atoi(number)
		require.NoError(t, err)
		return strconv.Itoa(n + 1)
	}
	given := srv.NewPhone(authingtest.WxUser{PhoneNumber: after(next)}).User().PhoneNumber
	added := srv.AddUser(authing.User{Phone: after(given)}).Phone
	taken[given], taken[added] = true, true
	for range 10 {
		number := srv.NewPhone(authingtest.WxUser{}).User().PhoneNumber
		assert.False(t, taken[number], "%s is already in use", number)
		taken[number] = true
		number = srv.NewPhone(authingtest.WxUser{PhoneNumber: after(number)}).User().PhoneNumber
		taken[number] = true
	}
}

func TestProfiles(t *testing.T) {
	t.Parallel()
	known := authing.WxUserInfo{
		NickName: "Ann", AvatarURL: "https://x.test/a/132", Gender: 1, Language: "zh_CN",
		City: "Guangzhou", Province: "Guangdong", Country: "CN",
	}
	anonymous := authing.WxUserInfo{
		NickName: "微信用户",
		AvatarURL: "https://thirdwx.qlogo.cn/mmopen/vi_32/" +
			"POgEwh4mIHO4nibH0KlMECNjjGxQUq24ZEaGT4poC6icRiccVGKSyXwibcPq4BWmiaIGuG1icwxaQX6grC9VemZoJ8rg/132",
	}
	type phone = authingtest.Phone
	for name, tt := range map[string]struct {
		get                       func(*phone) authing.Detail
		errMsg                    string
		anonUserInfo, anonProfile bool
		want                      authing.WxUserInfo
		ids                       bool
	}{
		"getUserInfo":                         {(*phone).GetUserInfo, "getUserInfo:ok", false, false, known, true},
		"getUserInfo, anonymous":              {(*phone).GetUserInfo, "getUserInfo:ok", true, false, anonymous, true},
		"getUserProfile":                      {(*phone).GetUserProfile, "getUserProfile:ok", true, false, known, false},
		"getUserProfile, anonymous":           {(*phone).GetUserProfile, "getUserProfile:ok", true, true, anonymous, false},
		"getUserInfo, only profile anonymous": {(*phone).GetUserInfo, "getUserInfo:ok", false, true, known, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := newClock()
			srv, client := setup(t, authingtest.Options{Clock: clock.Now})
			ann := srv.NewPhone(authingtest.WxUser{
				NickName: known.NickName, AvatarURL: known.AvatarURL, Gender: known.Gender, Language: known.Language,
				City: known.City, Province: known.Province, Country: known.Country,
				AnonymousUserInfo: tt.anonUserInfo, AnonymousProfile: tt.anonProfile,
			})
			code, d := ann.Login(), tt.get(ann)

			assert.Equal(t, tt.errMsg, d.ErrMsg)
			assert.Equal(t, tt.want, *d.UserInfo, "openid and unionid are only in the encrypted data")
			assert.Regexp(t, `^\{"nickName":.*,"gender":.*,"language":.*"avatarUrl":".*/132"\}$`, d.RawData)
			var raw authing.WxUserInfo
			decodeJSON(t, []byte(d.RawData), &raw)
			assert.Equal(t, tt.want, raw)
			assert.Regexp(t, "^[0-9a-f]{40}$", d.Signature)
			assert.Empty(t, d.PhoneCode)

			data, err := client.Decrypt(ctx, code, d.EncryptedData, d.IV)
			require.NoError(t, err)
			assert.Equal(t, tt.want.NickName, data.NickName)
			assert.Equal(t, tt.want.AvatarURL, data.AvatarURL)
			assert.Equal(t, tt.want.Gender, data.Gender)
			assert.Equal(t, authing.Watermark{AppID: srv.WeChatAppID(), Timestamp: clock.Now().Unix()}, *data.Watermark)
			if tt.ids {
				assert.Equal(t, ann.User().OpenID, data.OpenID)
				assert.Equal(t, ann.User().UnionID, data.UnionID)
			} else {
				assert.NotContains(t, string(data.Raw()), "openId")
				assert.NotContains(t, string(data.Raw()), "unionId")
			}

			user, err := client.LoginWithWxapp(ctx, ann.Login(), tt.get(ann))
			require.NoError(t, err)
			assert.Equal(t, tt.want.NickName, user.Nickname)
			assert.Equal(t, ann.User().OpenID, user.OpenID, "the code identifies the user")
		})
	}
}

func TestPhoneCodes(t *testing.T) {
	t.Parallel()
	for _, noPhoneCode := range []bool{false, true} {
		srv, _ := setup(t, authingtest.Options{NoPhoneCode: noPhoneCode, RealtimeEncrypted: true})
		ann := srv.NewPhone(authingtest.WxUser{})
		for errMsg, d := range map[string]authing.Detail{
			"getPhoneNumber:ok":         ann.GetPhoneNumber(),
			"getRealtimePhoneNumber:ok": ann.GetRealtimePhoneNumber(),
		} {
			assert.Equal(t, errMsg, d.ErrMsg)
			assert.NotEmpty(t, d.EncryptedData)
			assert.Nil(t, d.UserInfo)
			assert.Empty(t, d.RawData)
			if noPhoneCode {
				assert.Empty(t, d.PhoneCode)
			} else {
				assert.Regexp(t, "^[0-9a-f]{64}$", d.PhoneCode)
			}
		}
	}
}

func TestRealtimeNumberHasOnlyCode(t *testing.T) {
	t.Parallel()
	srv, _ := setup(t, authingtest.Options{NoPhoneCode: true})
	d := srv.NewPhone(authingtest.WxUser{}).GetRealtimePhoneNumber()
	assert.Regexp(t, "^[0-9a-f]{64}$", d.PhoneCode, "that button came later than the code")
	assert.Equal(t, authing.Detail{ErrMsg: "getRealtimePhoneNumber:ok", PhoneCode: d.PhoneCode}, d)
}

// Like WeChat, every detail uses a new IV.
func TestDetailsHaveUniqueIVs(t *testing.T) {
	t.Parallel()
	srv, _ := setup(t, authingtest.Options{})
	ann := srv.NewPhone(authingtest.WxUser{})
	a, b := ann.GetUserInfo(), ann.GetUserInfo()
	assert.NotEqual(t, a.IV, b.IV)
	assert.NotEqual(t, a.EncryptedData, b.EncryptedData)
	assert.Equal(t, a.Signature, b.Signature, "the signature depends only on the key and the profile")
	ann.Login()
	assert.NotEqual(t, a.Signature, ann.GetUserInfo().Signature)
}
