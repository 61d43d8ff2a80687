package authing_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// errMsgVector is an errMsg seen in the field and its meaning.
type errMsgVector struct{ ErrMsg, Outcome, API string }

type wechatVectors struct {
	Decrypt []struct{ Name, Kind, Plaintext, IV, EncryptedData string }
	ErrMsg  []errMsgVector
}

func readWechatVectors(t testing.TB) (v wechatVectors) {
	t.Helper()
	b, err := os.ReadFile("testdata/wechat-vectors.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &v))
	require.NotEmpty(t, v.ErrMsg)
	require.NotEmpty(t, v.Decrypt)
	return v
}

func TestLoginWithWxapp(t *testing.T) {
	t.Parallel()
	client, got := setup(t, 200, annResponse)
	user, err := client.As(token).LoginWithWxapp(context.Background(), code, loginDetail)
	require.NoError(t, err)

	sent := got.Only(t)
	assert.Equal(t, "POST https://oauth.authing.cn/oauth/wechatapp/auth/"+pool, sent.Line)
	assert.Equal(t, postedBody, sent.Body)
	assert.NotContains(t, sent.Header, "Authorization", "a login never carries a token")

	assert.Equal(t, annID, user.ID)
	assert.Equal(t, authing.Secret("h.p.s"), user.Token)
	assert.Equal(t, annUser, string(user.Raw()))
}

func TestLoginWithLoginOptions(t *testing.T) {
	t.Parallel()
	head := strings.TrimSuffix(postedBody, "}")
	for _, tt := range []struct {
		name string
		opts []authing.LoginOption
		body string
	}{
		{"none", nil, head + `}`},
		{"nil", []authing.LoginOption{nil}, head + `}`},
		{"phone", []authing.LoginOption{authing.WithPhone("13800000000")}, head + `,"phone":"13800000000"}`},
		{"empty phone is sent", []authing.LoginOption{authing.WithPhone("")}, head + `,"phone":""}`},
		{"override", []authing.LoginOption{authing.WithOverrideProfile(true)}, head + `,"overideProfile":true}`},
		{"false is sent", []authing.LoginOption{authing.WithOverrideProfile(false)}, head + `,"overideProfile":false}`},
		{
			"both, in any order", []authing.LoginOption{authing.WithOverrideProfile(true), authing.WithPhone("1")},
			head + `,"phone":"1","overideProfile":true}`,
		},
		{"the last wins", []authing.LoginOption{authing.WithPhone("1"), authing.WithPhone("2")}, head + `,"phone":"2"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client, got := setup(t, 200, annResponse)
			_, err := client.LoginWithWxapp(context.Background(), code, loginDetail, tt.opts...)
			require.NoError(t, err)
			assert.Equal(t, tt.body, got.Only(t).Body)
		})
	}
	for _, phone := range []string{"138\n00", "138\x00", "\xff138"} {
		client, got := setup(t, 200, annResponse)
		_, err := client.LoginWithWxapp(context.Background(), code, loginDetail, authing.WithPhone(phone))
		require.ErrorIs(t, err, authing.ErrInvalidArgument)
		assert.Contains(t, err.Error(), "the phone contains control characters")
		assert.NotContains(t, err.Error(), "138")
		assert.Empty(t, got.All())
	}
}

// The original SDK sends no more.
func TestDetailIsSentInPart(t *testing.T) {
	t.Parallel()
	detail := authing.Detail{
		ErrMsg: "getUserInfo:ok", EncryptedData: encryptedData, IV: iv, RawData: "raw", Signature: "sig", CloudID: "cloud",
		PhoneCode: "phone-code", Errno: 7, UserInfo: &authing.WxUserInfo{NickName: "Ann"},
	}
	client, got := setup(t, 200, annResponse)
	_, err := client.LoginWithWxapp(context.Background(), code, detail)
	require.NoError(t, err)
	assert.Equal(t, postedBody, got.Only(t).Body)
}

func TestLoginWithWxappIncomplete(t *testing.T) {
	t.Parallel()
	for data, missing := range map[string]string{
		`null`:                         "data",
		`{}`:                           "token",
		`{"_id":"u1"}`:                 "token",
		`{"_id":"u1","token":null}`:    "token",
		`{"_id":"u1","token":""}`:      "token",
		`{"_id":"u1","token":"a b"}`:   "token that could be sent back",
		`{"token":"h.p.s"}`:            "user id",
		`{"_id":"","token":"h.p.s"}`:   "user id",
		`{"_id":null,"token":"h.p.s"}`: "user id",
	} {
		client, _ := setup(t, 200, `{"code":200,"message":"ok","data":`+data+`}`)
		user, err := client.LoginWithWxapp(context.Background(), code, loginDetail)
		assert.Nil(t, user)
		wantIncomplete(t, err, data)
		assert.ErrorContains(t, err, "the service reported success but sent no "+missing+" (code 200, HTTP 200)", data)
		assert.Equal(t, "ok", requireError(t, err).Message)
	}
}

func TestPhoneCodeIsNotALoginCode(t *testing.T) {
	t.Parallel()
	eachCodeCall(t, func(t *testing.T, call codeCall) {
		client, got := setup(t, 200, call.response)
		detail := call.detail
		detail.PhoneCode = code
		_, err := call.do(context.Background(), client.As(token), code, detail)
		wantRejected(t, err, got)
		assert.ErrorContains(t, err, "the code is detail.code, the phone code of the button: send the code from wx.login")

		detail.PhoneCode = "another"
		_, err = call.do(context.Background(), client.As(token), code, detail)
		require.NoError(t, err)
		assert.NotContains(t, got.Only(t).Body, "another")
	}, "Decrypt")
}

func TestErrMsgOutcomes(t *testing.T) {
	t.Parallel()
	accepted := map[string][]string{
		"LoginWithWxapp": {"getUserInfo:ok", "getUserProfile:ok"},
		"BindPhone":      {"getPhoneNumber:ok", "getRealtimePhoneNumber:ok"},
		"GetPhone":       {"getPhoneNumber:ok", "getRealtimePhoneNumber:ok"},
	}
	vectors := append(readWechatVectors(t).ErrMsg, []errMsgVector{
		{ErrMsg: "getUserInfo", Outcome: "malformed"},
		{ErrMsg: ":ok", Outcome: "wrong-api"},
		{ErrMsg: "getUserInfo:ok ", Outcome: "malformed"},
		{ErrMsg: " getUserInfo:ok", Outcome: "wrong-api"},
		{ErrMsg: "getuserinfo:ok", Outcome: "wrong-api"},
		{ErrMsg: "getPhoneNumber:OK", Outcome: "malformed"},
		{ErrMsg: "getPhoneNumber:ok:ok", Outcome: "malformed"},
		{ErrMsg: "getPhoneNumber:ok\x00", Outcome: "malformed"},
	}...)
	eachCodeCall(t, func(t *testing.T, call codeCall) {
		for _, v := range vectors {
			client, got := setup(t, 200, call.response)
			detail := call.detail
			detail.ErrMsg, detail.Errno = v.ErrMsg, 103
			_, err := call.do(context.Background(), client.As(token), code, detail)
			if slices.Contains(accepted[call.op], v.ErrMsg) {
				require.NoError(t, err, v.ErrMsg)
				got.Only(t)
				continue
			}
			require.Error(t, err, v.ErrMsg)
			assert.Empty(t, got.All(), v.ErrMsg)
			assert.NotErrorIs(t, err, authing.ErrOutcomeUnknown)
			declined := v.Outcome == "denied"
			assert.Equal(t, declined, errors.Is(err, authing.ErrUserRefused), v.ErrMsg)
			notPermitted := strings.Contains(v.ErrMsg, "permission") || strings.Contains(v.ErrMsg, "没有权限")
			assert.Equal(t, notPermitted, errors.Is(err, authing.ErrNotPermitted), v.ErrMsg)
			assert.Equal(t, !declined && !notPermitted, errors.Is(err, authing.ErrInvalidArgument), v.ErrMsg)
			assert.Equal(t, v.ErrMsg, requireError(t, err).Message, "unchanged")

			switch v.Outcome {
			case "missing":
				assert.Contains(t, err.Error(), "detail has no errMsg: let the page post e.detail unchanged")
			case "denied":
				assert.Contains(t, err.Error(), "(errno 103): the user declined and nothing was sent: "+
					"explain what it is for and let them tap again")
			case "ok", "wrong-api":
				assert.Contains(t, err.Error(), "this detail comes from another API: this call takes "+
					strings.ReplaceAll(strings.Join(accepted[call.op], " or "), ":ok", ""))
			default:
				assert.Contains(t, err.Error(), "(errno 103)", v.ErrMsg)
				assert.Contains(t, err.Error(), "nothing", v.ErrMsg)
			}
		}
	}, "Decrypt")
}

func TestNotPermitted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		errMsg string
		errno  int
		is     error
		hint   string
	}{
		{"getPhoneNumber:fail no permission", 0, authing.ErrNotPermitted, "verified organization"},
		{"getPhoneNumber:fail:access denied", 0, authing.ErrNotPermitted, "verified organization"},
		{"getPhoneNumber:fail No Permission", 0, authing.ErrNotPermitted, "verified organization"},
		{"getPhoneNumber:fail no_permission", 0, authing.ErrNotPermitted, "verified organization"},
		{"getPhoneNumber:fail 无权限", 0, authing.ErrNotPermitted, "verified organization"},
		{"getPhoneNumber:fail 额度不足", 0, authing.ErrNotPermitted, "used up its quota"},
		{"getPhoneNumber:fail system error", -1, authing.ErrInvalidArgument, "see its errMsg and errno"},
		{"getPhoneNumber:fail system error", 0, authing.ErrInvalidArgument, "see its errMsg and errno"},
		{"getPhoneNumber:fail User Deny", 0, authing.ErrUserRefused, "tap again"},
		{"getPhoneNumber:fail 用户拒绝授权", 0, authing.ErrUserRefused, "tap again"},
		{"getPhoneNumber:fail 用户取消", 0, authing.ErrUserRefused, "tap again"},
		{"getPhoneNumber:fail", 1400001, authing.ErrNotPermitted, "used up its quota"},
		{"getPhoneNumber:fail", 112, authing.ErrNotPermitted, "privacy policy"},
		{"getPhoneNumber:fail api scope is not declared in the privacy agreement", 0, authing.ErrNotPermitted, "privacy policy"},
		{"getPhoneNumber:fail user deny", 112, authing.ErrUserRefused, "tap again"},
		{"getPhoneNumber:fail", 103, authing.ErrInvalidArgument, "see its errMsg and errno"},
	} {
		client, got := setup(t, 200, annResponse)
		_, err := client.As(token).BindPhone(context.Background(), code, authing.Detail{ErrMsg: tt.errMsg, Errno: tt.errno})
		require.ErrorIs(t, err, tt.is, tt.errMsg)
		assert.ErrorContains(t, err, tt.hint)
		assert.Equal(t, errors.Is(tt.is, authing.ErrInvalidArgument), errors.Is(err, authing.ErrInvalidArgument))
		assert.Empty(t, got.All())
	}
}

func TestErrMsgIsQuoted(t *testing.T) {
	t.Parallel()
	client, _ := setup(t, 200, annResponse)
	detail := loginDetail
	detail.ErrMsg = "getUserInfo:fail\r\nlevel=ERROR " + strings.Repeat("x", 5000)
	_, err := client.LoginWithWxapp(context.Background(), code, detail)
	require.ErrorIs(t, err, authing.ErrInvalidArgument)
	assert.NotContains(t, err.Error(), "\n")
	assert.Less(t, len(err.Error()), 400)
	assert.Equal(t, detail.ErrMsg, requireError(t, err).Message)
}

func TestDetailFromJSON(t *testing.T) {
	t.Parallel()
	ann := &authing.WxUserInfo{
		NickName: "Band", AvatarURL: "http://wx.qlogo.cn/0", Gender: 1, Language: "zh_CN", City: "Guangzhou", Province: "Guangdong",
		Country: "CN",
	}
	for _, tt := range []struct {
		name, in string
		want     authing.Detail
	}{
		{
			"getUserInfo", `{"errMsg":"getUserInfo:ok","rawData":"{\"nickName\":\"Band\"}","signature":"75e81ceda165f4ff",
			"encryptedData":"AAAA","iv":"BBBB","cloudID":"c-1","userInfo":{"nickName":"Band","gender":1,"language":"zh_CN",
			"city":"Guangzhou","province":"Guangdong","country":"CN","avatarUrl":"http://wx.qlogo.cn/0"}}`,
			authing.Detail{
				ErrMsg: "getUserInfo:ok", RawData: `{"nickName":"Band"}`, Signature: "75e81ceda165f4ff", EncryptedData: "AAAA", IV: "BBBB",
				CloudID: "c-1", UserInfo: ann,
			},
		},
		{
			"getUserProfile, anonymous, without ciphertext",
			`{"errMsg":"getUserProfile:ok","userInfo":{"nickName":"微信用户","gender":0,"language":"","city":"","province":"","country":"","avatarUrl":""}}`,
			authing.Detail{ErrMsg: "getUserProfile:ok", UserInfo: &authing.WxUserInfo{NickName: "微信用户"}},
		},
		{
			"gender as text and as null", `{"userInfo":{"gender":"2","nickName":null}}`,
			authing.Detail{UserInfo: &authing.WxUserInfo{Gender: 2}},
		},
		{
			"getPhoneNumber, old", `{"errMsg":"getPhoneNumber:ok","encryptedData":"AAAA","iv":"BBBB"}`,
			authing.Detail{ErrMsg: "getPhoneNumber:ok", EncryptedData: "AAAA", IV: "BBBB"},
		},
		{
			"getPhoneNumber, with code", `{"errMsg":"getPhoneNumber:ok","code":"e31968a7","encryptedData":"AAAA","iv":"BBBB","cloudID":"c"}`,
			authing.Detail{ErrMsg: "getPhoneNumber:ok", PhoneCode: "e31968a7", EncryptedData: "AAAA", IV: "BBBB", CloudID: "c"},
		},
		{
			"getRealtimePhoneNumber, without ciphertext", `{"errMsg":"getRealtimePhoneNumber:ok","code":"e31968a7"}`,
			authing.Detail{ErrMsg: "getRealtimePhoneNumber:ok", PhoneCode: "e31968a7"},
		},
		{
			"quota used up", `{"errMsg":"getPhoneNumber:fail","errno":1400001}`,
			authing.Detail{ErrMsg: "getPhoneNumber:fail", Errno: 1400001},
		},
		{"errno as text", `{"errno":"1400001"}`, authing.Detail{Errno: 1400001}},
		{"nulls", `{"errMsg":null,"errno":null,"userInfo":null,"code":null,"iv":null,"encryptedData":null}`, authing.Detail{}},
		{
			"unknown fields", `{"errMsg":"getUserInfo:ok","dataset":{"x":1},"id":"btn","addedLater":[1,2]}`,
			authing.Detail{ErrMsg: "getUserInfo:ok"},
		},
		{"empty", `{}`, authing.Detail{}},
		{"null", `null`, authing.Detail{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got authing.Detail
			require.NoError(t, json.Unmarshal([]byte(tt.in), &got))
			assert.Equal(t, tt.want, got)

			again, err := json.Marshal(got)
			require.NoError(t, err)
			var read authing.Detail
			require.NoError(t, json.Unmarshal(again, &read))
			assert.Equal(t, got, read, "such as by a queue between page and login")
		})
	}
	for in, want := range map[string]authing.Detail{
		`{"errMsg":1}`: {ErrMsg: "1"}, `{"errno":"x"}`: {}, `{"errno":1.5}`: {}, `{"errno":true}`: {},
		`{"userInfo":"Ann"}`: {UserInfo: &authing.WxUserInfo{}}, `{"userInfo":[]}`: {UserInfo: &authing.WxUserInfo{}},
		`{"userInfo":{"gender":"男","nickName":"Ann"}}`: {UserInfo: &authing.WxUserInfo{NickName: "Ann"}},
	} {
		var got authing.Detail
		require.NoError(t, json.Unmarshal([]byte(in), &got), in)
		assert.Equal(t, want, got, "what no call needs fails no post: "+in)
	}
	assert.Error(t, json.Unmarshal([]byte(`{`), new(authing.Detail)))
	for _, in := range []string{`[]`, `"getUserInfo:ok"`, `"{\"errMsg\":\"getUserInfo:ok\"}"`, `7`} {
		err := json.Unmarshal([]byte(`{"detail":`+in+`}`), &struct{ Detail authing.Detail }{})
		assert.ErrorContains(t, err, "the detail is not an object: let the page post e.detail itself", in)
		assert.NotContains(t, err.Error(), "Go ", in)
	}
}

// A handler decodes {code, detail} in one go.
func TestDetailInsideABody(t *testing.T) {
	t.Parallel()
	var body struct {
		Code   string
		Detail authing.Detail
	}
	require.NoError(t, json.Unmarshal([]byte(`{"code":"wx","detail":{"errMsg":"getPhoneNumber:ok","code":"phone"}}`), &body))
	assert.Equal(t, "wx", body.Code)
	assert.Equal(t, authing.Detail{ErrMsg: "getPhoneNumber:ok", PhoneCode: "phone"}, body.Detail)
}

func TestDecrypt(t *testing.T) {
	t.Parallel()
	for name, as := range map[string]authing.Secret{"without a token": "", "with a token": token} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, got := setup(t, 200, phoneResponse)
			_, err := client.As(as).Decrypt(context.Background(), code, encryptedData, iv)
			require.NoError(t, err)
			sent := got.Only(t)
			assert.Equal(t, "POST https://oauth.authing.cn/oauth/wechatapp/decrypt/"+pool, sent.Line)
			assert.Equal(t, postedBody, sent.Body)
			if as == "" {
				assert.NotContains(t, sent.Header, "Authorization")
			} else {
				assert.Equal(t, []string{string(as)}, sent.Header["Authorization"], "the bare token")
			}
		})
	}
}

func TestDecryptedPayloads(t *testing.T) {
	t.Parallel()
	want := map[string]authing.DecryptedData{
		"official-userinfo-demo": {
			OpenID: "oGZUI0egBJY1zhBYw2KhdUfwVJJE", UnionID: "ocMvos6NjeKLIBqg5Mr9QjxrP1FA", NickName: "Band", Gender: 1, Language: "zh_CN",
			City: "Guangzhou", Province: "Guangdong", Country: "CN",
			AvatarURL: "http://wx.qlogo.cn/mmopen/vi_32/aSKcBBPpibyKNicHNTMM0qJVh8Kjgiak2AHWr8MHM4WgMEm7GFhsf8OYrySdbvAMvTsw3mo8ibKicsnfN5pRjl1p8HQ/0",
			Watermark: &authing.Watermark{AppID: "wx4f4bc4dec97d474b", Timestamp: 1477314187},
		},
		"synthetic-phone-foreign": {
			PhoneNumber: "+85251234567", PurePhoneNumber: "51234567", CountryCode: "852",
			Watermark: &authing.Watermark{AppID: "wx0000000000000001", Timestamp: 1700000000},
		},
		"synthetic-phone-countrycode-number-and-unknown-field": {
			PhoneNumber: "13580006666", PurePhoneNumber: "13580006666", CountryCode: "86",
			Watermark: &authing.Watermark{AppID: "wx0000000000000001", Timestamp: 1700000000},
		},
	}
	for _, v := range readWechatVectors(t).Decrypt {
		client, got := setup(t, 200, `{"code":200,"message":"ok","data":`+v.Plaintext+`}`)
		data, err := client.Decrypt(context.Background(), code, v.EncryptedData, v.IV)
		require.NoError(t, err, v.Name)
		assert.Contains(t, got.Only(t).Body, v.EncryptedData)
		assert.Equal(t, v.Plaintext, string(data.Raw()), v.Name)
		if expected, ok := want[v.Name]; ok {
			assert.Equal(t, asJSON(t, expected), asJSON(t, data), v.Name)
			delete(want, v.Name)
		}
	}
	assert.Empty(t, want, "not among the vectors")
}

func TestWeChatFailureInASuccess(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		`{"errcode":40029,"errmsg":"invalid code"}`: "call wx.login again",
		`{"errcode":41008,"errmsg":"missing code"}`: `WeChat said "missing code" (errcode 41008)`,
	} {
		client, _ := setup(t, 200, `{"code":200,"message":"ok","data":`+data+`}`)
		_, err := client.Decrypt(context.Background(), code, encryptedData, iv)
		require.ErrorIs(t, err, authing.ErrBadResponse)
		require.ErrorContains(t, err, "sent no decrypted data")
		require.ErrorContains(t, err, want)
	}
}

func TestWeChatRefusalInAnyPlace(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"errcode":40029,"errmsg":"invalid code"}`, `{"code":200,"errcode":40163}`, `{"code":200,"data":"{\"errcode\":40163}"}`,
		`{"code":200,"message":"{\"errcode\":40163}","data":null}`,
	} {
		client, _ := setup(t, 200, body)
		_, err := client.LoginWithWxapp(context.Background(), code, loginDetail)
		require.ErrorIs(t, err, authing.ErrCodeInvalid, body)
		require.ErrorContains(t, err, "call wx.login again", body)
	}
}

func TestDecryptUnknownPayload(t *testing.T) {
	t.Parallel()
	const steps = `{"stepInfoList":[{"timestamp":1445866601,"step":100}],"gender":null,"watermark":{"appid":"wx1","timestamp":"5"}}`
	client, _ := setup(t, 200, `{"code":"200","message":"ok","data":`+steps+`}`)
	data, err := client.Decrypt(context.Background(), code, encryptedData, iv)
	require.NoError(t, err)
	assert.Equal(t, &authing.Watermark{AppID: "wx1", Timestamp: 5}, data.Watermark)
	assert.Equal(t, steps, string(data.Raw()))

	data.Raw()[0] = 'X'
	assert.Equal(t, steps, string(data.Raw()), "Raw returns a copy")
}

func TestDecryptEmpty(t *testing.T) {
	t.Parallel()
	for _, data := range []string{`{}`, `{ }`, "{\n\t}", `null`, `[]`, `""`, `"text"`, `true`, `7`} {
		client, _ := setup(t, 200, `{"code":200,"message":"ok","data":`+data+`}`)
		got, err := client.Decrypt(context.Background(), code, encryptedData, iv)
		assert.Nil(t, got)
		wantIncomplete(t, err, data)
	}
}

var (
	acceptedByLogin = []string{"getUserInfo:ok", "getUserProfile:ok"}
	acceptedByPhone = []string{"getPhoneNumber:ok", "getRealtimePhoneNumber:ok"}
)

func FuzzDetail(f *testing.F) {
	for _, v := range readWechatVectors(f).ErrMsg {
		f.Add([]byte(`{"errMsg":` + asJSON(f, v.ErrMsg) + `,"encryptedData":"` + encryptedData + `","iv":"` + iv + `"}`))
	}
	for _, seed := range []string{
		asJSON(f, loginDetail), asJSON(f, phoneDetail), `{}`, `null`, `[]`, `{"errno":"1400001"}`, `{"errMsg":"getPhoneNumber:ok","code":"` + code + `"}`,
		`{"errMsg":"getUserInfo:ok","iv":"` + iv + `","encryptedData":"AAAA AAAA"}`, `{"userInfo":{"gender":"1"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var detail authing.Detail
		if json.Unmarshal(b, &detail) != nil {
			return
		}
		for _, call := range codeCalls {
			accepted := acceptedByPhone
			switch call.op {
			case "Decrypt": // takes no detail
				continue
			case "LoginWithWxapp":
				accepted = acceptedByLogin
			}
			client, last := stub(t, 200, call.response)
			_, err := call.do(context.Background(), client.As(token), code, detail)
			if *last == nil {
				wantOneReason(t, err)
				continue
			}
			assert.NoError(t, err)
			assert.Contains(t, accepted, detail.ErrMsg)
			assert.NotEqual(t, code, detail.PhoneCode)
			decodedIV, err := base64.StdEncoding.DecodeString(detail.IV)
			assert.NoError(t, err)
			assert.Len(t, decodedIV, 16)
			data, err := base64.StdEncoding.DecodeString(detail.EncryptedData)
			assert.NoError(t, err)
			assert.NotEmpty(t, data)
			assert.Zero(t, len(data)%16)
		}
	})
}

// wantOneReason checks that err says either that the user declined, or that WeChat does not permit it, or that the argument
// is invalid.
func wantOneReason(t *testing.T, err error) {
	t.Helper()
	reasons := 0
	for _, reason := range []error{authing.ErrUserRefused, authing.ErrNotPermitted, authing.ErrInvalidArgument} {
		if errors.Is(err, reason) {
			reasons++
		}
	}
	assert.Equal(t, 1, reasons, "%v", err)
}

func FuzzErrMsg(f *testing.F) {
	for _, v := range readWechatVectors(f).ErrMsg {
		f.Add(v.ErrMsg)
	}
	f.Fuzz(func(t *testing.T, errMsg string) {
		for _, call := range codeCalls[:2] {
			accepted := acceptedByLogin
			if call.op == "BindPhone" {
				accepted = acceptedByPhone
			}
			client, last := stub(t, 200, call.response)
			detail := call.detail
			detail.ErrMsg = errMsg
			_, err := call.do(context.Background(), client.As(token), code, detail)

			ok := slices.Contains(accepted, errMsg)
			assert.Equal(t, ok, err == nil)
			assert.Equal(t, ok, *last != nil)
			if ok {
				continue
			}
			wantOneReason(t, err)
			if errors.Is(err, authing.ErrUserRefused) {
				assert.Regexp(t, "(?i)deny|denied|cancel|拒绝|取消", errMsg)
			}
			assert.False(t, strings.ContainsFunc(err.Error(), unicode.IsControl), "%q", err)
			assert.Equal(t, errMsg, requireError(t, err).Message)
		}
	})
}

// Newer buttons return a code instead of the number. This generation of Authing cannot use it.
func TestDetailWithOnlyAPhoneCode(t *testing.T) {
	t.Parallel()
	for _, posted := range []string{
		`{"code":"d3adb33f"}`, `{"errMsg":"getPhoneNumber:ok","code":"d3adb33f"}`,
		`{"errMsg":"getPhoneNumber:ok","code":"d3adb33f","cloudID":"1_x"}`,
	} {
		var detail authing.Detail
		require.NoError(t, json.Unmarshal([]byte(posted), &detail))
		client, got := setup(t, 200, annResponse)
		_, err := client.As(token).BindPhone(context.Background(), code, detail)
		wantRejected(t, err, got)
		assert.ErrorContains(t, err, "only the phone code of newer buttons")
		assert.NotContains(t, err.Error(), "d3adb33f")
	}
}

func TestDetailErr(t *testing.T) {
	t.Parallel()
	assert.NoError(t, authing.Detail{ErrMsg: "getPhoneNumber:ok", PhoneCode: "p"}.Err())
	for said, reason := range map[string]error{
		"getPhoneNumber:fail user deny":     authing.ErrUserRefused,
		"getPhoneNumber:fail no permission": authing.ErrNotPermitted,
		"getPhoneNumber:fail":               authing.ErrInvalidArgument,
		"":                                  authing.ErrInvalidArgument,
	} {
		err := authing.Detail{ErrMsg: said}.Err()
		require.ErrorIs(t, err, reason, said)
		require.ErrorAs(t, err, new(*authing.Error), said)
	}
}
