package authingtest_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

func TestLoginWithWxapp(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, client := setup(t, authingtest.Options{Clock: clock.Now})
	ann := srv.NewPhone(authingtest.WxUser{NickName: "Ann", AvatarURL: "https://x.test/a?b&c", Gender: 1})

	user, err := client.LoginWithWxapp(ctx, ann.Login(), ann.GetUserInfo())

	require.NoError(t, err)
	assert.Len(t, user.ID, 24)
	assert.Equal(t, "Ann", user.Username)
	assert.Equal(t, "Ann", user.Nickname)
	assert.Equal(t, "https://x.test/a?b&c", user.Photo)
	assert.Equal(t, ann.User().OpenID, user.OpenID)
	assert.Equal(t, ann.User().UnionID, user.UnionID)
	assert.Equal(t, 1, user.LoginsCount)
	assert.Equal(t, "::ffff:127.0.0.1", user.LastIP)
	assert.Equal(t, "2020-02-27T05:33:20.796Z", user.LastLogin.Text)
	assert.Equal(t, "2020-02-27T05:33:20.796Z", user.SignedUp.Text)
	assert.Equal(t, "2020-03-13T05:33:20.000Z", user.TokenExpiredAt.Text)
	profile, ok := user.WxProfile()
	require.True(t, ok)
	assert.Equal(t, "Ann", profile.NickName)
	assert.Equal(t, user.OpenID, profile.OpenID)

	clock.advance(time.Hour)
	again, _ := signIn(t, client, ann)
	assert.Equal(t, user.ID, again.ID, "a known user gets the same account")
	assert.Equal(t, 2, again.LoginsCount)
	assert.Equal(t, user.SignedUp, again.SignedUp)
	assert.NotEqual(t, user.LastLogin, again.LastLogin)
	assert.Len(t, srv.Users(), 1)
}

// The keys match what is known of the real service.
func TestUserOnTheWire(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{NoUnionID: true})
	user, _ := signIn(t, client, srv.NewPhone(authingtest.WxUser{NickName: "Ann", UnionID: "u-1"}))

	var wire map[string]any
	require.NoError(t, json.Unmarshal(user.Raw(), &wire))
	assert.NotContains(t, wire, "email")
	assert.Contains(t, wire, "unionid")
	assert.Nil(t, wire["unionid"])
	assert.Subset(t, wire, map[string]any{"metadata": `""`, "phone": ""})
	assert.IsType(t, "", wire["oauth"])
	for _, key := range []string{
		"_id", "emailVerified", "username", "nickname", "company", "photo", "loginsCount", "registerMethod", "blocked",
		"isDeleted", "openid", "lastIP", "lastLogin", "signedUp", "token", "tokenExpiredAt",
	} {
		assert.Contains(t, wire, key)
	}
}

func TestWeChatUserFindsAccount(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{})
	ann, _ := signIn(t, client, srv.NewPhone(authingtest.WxUser{OpenID: "o-1", UnionID: "u-1"}))

	sibling, _ := signIn(t, client, srv.NewPhone(authingtest.WxUser{OpenID: "o-2", UnionID: "u-1"}))
	assert.Equal(t, ann.ID, sibling.ID, "the unionid decides")
	other, _ := signIn(t, client, srv.NewPhone(authingtest.WxUser{OpenID: "o-1", UnionID: "u-2"}))
	assert.NotEqual(t, ann.ID, other.ID, "the unionid decides")

	srv, client = setup(t, authingtest.Options{NoUnionID: true})
	ann, _ = signIn(t, client, srv.NewPhone(authingtest.WxUser{OpenID: "o-1"}))
	second, _ := signIn(t, client, srv.NewPhone(authingtest.WxUser{OpenID: "o-1"}))
	assert.Equal(t, ann.ID, second.ID, "without unionids the openid decides")
	other, _ = signIn(t, client, srv.NewPhone(authingtest.WxUser{OpenID: "o-2"}))
	assert.NotEqual(t, ann.ID, other.ID)
}

func TestLoginMergesByPhone(t *testing.T) {
	t.Parallel()
	const phone = "13900000000"
	for name, tt := range map[string]struct {
		opts            []authing.LoginOption
		merged          bool
		nickname, photo string
	}{
		"no phone":       {nil, false, "Ann", "wx.png"},
		"another phone":  {[]authing.LoginOption{authing.WithPhone("13911111111")}, false, "Ann", "wx.png"},
		"empty phone":    {[]authing.LoginOption{authing.WithPhone("")}, false, "Ann", "wx.png"},
		"phone":          {[]authing.LoginOption{authing.WithPhone(phone)}, true, "Old", "old.png"},
		"not overridden": {[]authing.LoginOption{authing.WithPhone(phone), authing.WithOverrideProfile(false)}, true, "Old", "old.png"},
		"overridden":     {[]authing.LoginOption{authing.WithPhone(phone), authing.WithOverrideProfile(true)}, true, "Ann", "wx.png"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, client := setup(t, authingtest.Options{})
			srv.AddUser(authing.User{Email: "someone@example.com"})
			old := srv.AddUser(authing.User{Phone: phone, Username: "old", Nickname: "Old", Photo: "old.png"})
			ann := srv.NewPhone(authingtest.WxUser{NickName: "Ann", AvatarURL: "wx.png"})

			user, err := client.LoginWithWxapp(ctx, ann.Login(), ann.GetUserInfo(), tt.opts...)

			require.NoError(t, err)
			assert.Equal(t, tt.merged, user.ID == old.ID)
			assert.Equal(t, tt.nickname, user.Nickname)
			assert.Equal(t, tt.photo, user.Photo)
			later, _ := signIn(t, client, ann)
			assert.Equal(t, user.ID, later.ID, "the WeChat user now belongs to that account")
			assert.Equal(t, phone, srv.User(old.ID).Phone)
		})
	}
}

// A login with a phone number moves neither a WeChat user to another account nor an account to another WeChat user.
func TestLoginByPhoneKeepsLinks(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ known, taken bool }{
		"known user, unlinked account":     {true, false},
		"known user, account of another":   {true, true},
		"unknown user, account of another": {false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, client := setup(t, authingtest.Options{})
			holder := authing.User{Phone: "13900000000"}
			if tt.taken {
				holder.OpenID, holder.UnionID = "o-ann", "u-ann"
			}
			holder = *srv.AddUser(holder)
			bob := srv.NewPhone(authingtest.WxUser{OpenID: "o-bob", UnionID: "u-bob"})
			bobID := ""
			if tt.known {
				account, _ := signIn(t, client, bob)
				bobID = account.ID
			}

			user, err := client.LoginWithWxapp(ctx, bob.Login(), bob.GetUserInfo(), authing.WithPhone("13900000000"))

			require.NoError(t, err)
			assert.Equal(t, holder.ID, user.ID)
			assert.Equal(t, holder.OpenID, user.OpenID)
			assert.Equal(t, holder.UnionID, user.UnionID)
			later, _ := signIn(t, client, bob)
			assert.NotEqual(t, holder.ID, later.ID)
			if tt.known {
				assert.Equal(t, bobID, later.ID)
			}
		})
	}
}

func TestNewAccountGetsPhone(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{})
	ann := srv.NewPhone(authingtest.WxUser{})
	user, err := client.LoginWithWxapp(ctx, ann.Login(), ann.GetUserInfo(), authing.WithPhone("13900000000"))
	require.NoError(t, err)
	assert.Equal(t, "13900000000", user.Phone)
	assert.Equal(t, user.ID, srv.UserByPhone("13900000000").ID)
}

func TestBindPhone(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{RealtimeEncrypted: true})
	ann := srv.NewPhone(authingtest.WxUser{})
	before, asAnn := signIn(t, client, ann)

	user, err := asAnn.BindPhone(ctx, ann.Login(), ann.GetPhoneNumber())

	require.NoError(t, err)
	assert.Equal(t, before.ID, user.ID)
	assert.Equal(t, ann.User().PhoneNumber, user.Phone)
	assert.Equal(t, before.Token, user.Token)
	assert.Equal(t, before.ID, srv.UserByPhone(user.Phone).ID)

	_, err = asAnn.BindPhone(ctx, ann.Login(), ann.GetRealtimePhoneNumber())
	assert.NoError(t, err, "the user's own number is not taken")

	other := srv.NewPhone(authingtest.WxUser{PhoneNumber: ann.User().PhoneNumber})
	_, asOther := signIn(t, client, other)
	_, err = asOther.BindPhone(ctx, other.Login(), other.GetPhoneNumber())
	assert.ErrorIs(t, err, authing.ErrPhoneTaken)
	assert.NotErrorIs(t, err, authing.ErrOutcomeUnknown)
	assert.Equal(t, before.ID, srv.UserByPhone(user.Phone).ID)
}

func TestBindPhoneRejectsProfile(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{})
	ann := srv.NewPhone(authingtest.WxUser{})
	user, asAnn := signIn(t, client, ann)
	code, detail := ann.Login(), ann.GetUserInfo()
	detail.ErrMsg = "getPhoneNumber:ok"

	_, err := asAnn.BindPhone(ctx, code, detail)

	assert.Equal(t, -41003, errcode(t, err))
	assert.Empty(t, srv.User(user.ID).Phone)
}

func TestGetPhone(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		opts authingtest.Options
		user authingtest.WxUser
		want authing.PhoneNumber
		wire string
	}{
		"Chinese": {
			user: authingtest.WxUser{PhoneNumber: "13580006666"},
			want: authing.PhoneNumber{PhoneNumber: "13580006666", PurePhoneNumber: "13580006666", CountryCode: "86"},
			wire: `"countryCode":"86"`,
		},
		"foreign": {
			user: authingtest.WxUser{PhoneNumber: "51234567", CountryCode: "852"},
			want: authing.PhoneNumber{PhoneNumber: "+85251234567", PurePhoneNumber: "51234567", CountryCode: "852"},
			wire: `"countryCode":"852"`,
		},
		"country code as a number": {
			opts: authingtest.Options{NumericCountryCode: true},
			user: authingtest.WxUser{PhoneNumber: "13580006666"},
			want: authing.PhoneNumber{PhoneNumber: "13580006666", PurePhoneNumber: "13580006666", CountryCode: "86"},
			wire: `"countryCode":86,`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := newClock()
			tt.opts.Clock = clock.Now
			srv, client := setup(t, tt.opts)
			phone := srv.NewPhone(tt.user)
			tt.want.Watermark = &authing.Watermark{AppID: srv.WeChatAppID(), Timestamp: clock.Now().Unix()}

			got, err := client.GetPhone(ctx, phone.Login(), phone.GetPhoneNumber())
			require.NoError(t, err)
			assert.Equal(t, tt.want, withoutRaw(got))

			_, asUser := signIn(t, client, phone)
			got, err = asUser.GetPhone(ctx, phone.Login(), phone.GetPhoneNumber())
			require.NoError(t, err, "a token is optional")
			assert.Equal(t, tt.want, withoutRaw(got))
			assert.Nil(t, srv.UserByPhone(tt.want.PhoneNumber), "the number is not bound")

			code, detail := phone.Login(), phone.GetPhoneNumber()
			data, err := client.Decrypt(ctx, code, detail.EncryptedData, detail.IV)
			require.NoError(t, err)
			assert.Contains(t, string(data.Raw()), tt.wire)
		})
	}
}

// withoutRaw returns the exported fields of p.
func withoutRaw(p *authing.PhoneNumber) authing.PhoneNumber {
	return authing.PhoneNumber{
		PhoneNumber: p.PhoneNumber, PurePhoneNumber: p.PurePhoneNumber, CountryCode: p.CountryCode, Watermark: p.Watermark,
	}
}

func TestDecrypt(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{})
	ann := srv.NewPhone(authingtest.WxUser{NickName: "Ann <&> 😀", Gender: 2, City: "Guangzhou"})
	detail := ann.GetUserInfo()
	code := ann.Login()
	_, err := client.Decrypt(ctx, code, detail.EncryptedData, detail.IV)
	assert.Error(t, err, "wx.login after the tap replaced the key")

	code, detail = ann.Login(), ann.GetUserInfo()
	data, err := client.Decrypt(ctx, code, detail.EncryptedData, detail.IV)
	require.NoError(t, err)
	assert.Equal(t, "Ann <&> 😀", data.NickName)
	assert.Contains(t, string(data.Raw()), `"nickName":"Ann <&> 😀","gender":2`, "passed through unchanged")
	assert.Equal(t, ann.User().OpenID, data.OpenID)
	assert.Equal(t, ann.User().UnionID, data.UnionID)
	assert.Empty(t, srv.Users())
}

func TestDeny(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{})
	ann := srv.NewPhone(authingtest.WxUser{})
	_, asAnn := signIn(t, client, ann)
	before := len(srv.Requests())

	for _, api := range []string{"getUserInfo", "getUserProfile"} {
		_, err := client.LoginWithWxapp(ctx, ann.Login(), ann.Deny(api))
		assert.ErrorIs(t, err, authing.ErrUserRefused)
		assert.ErrorContains(t, err, api+":fail auth deny")
	}
	for _, api := range []string{"getPhoneNumber", "getRealtimePhoneNumber"} {
		_, err := asAnn.BindPhone(ctx, ann.Login(), ann.Deny(api))
		assert.ErrorIs(t, err, authing.ErrUserRefused)
		assert.ErrorContains(t, err, api+":fail user deny")
	}
	_, err := asAnn.BindPhone(ctx, ann.Login(), ann.Fail("getPhoneNumber", "quota", 1400001))
	assert.ErrorIs(t, err, authing.ErrNotPermitted)
	assert.ErrorContains(t, err, "1400001")
	assert.Len(t, srv.Requests(), before)
}
