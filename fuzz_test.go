package authing_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/testkit"
)

// stub returns a client whose every request gets this answer, and where the last request goes. httpmock would cost a
// goroutine and a match for each of a fuzzer's many calls.
func stub(t testing.TB, status int, body string, opts ...authing.Option) (*authing.Client, **http.Request) {
	t.Helper()
	var last *http.Request
	client, err := authing.NewClient(pool, append(opts, withTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
		last = r
		return stringAnswer(status, body), nil
	})))...)
	require.NoError(t, err)
	return client, &last
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
			client, last := stub(t, 200, call.answer)
			_, err := call.do(context.Background(), client.As(token), code, detail)
			if *last == nil {
				assert.True(t, errors.Is(err, authing.ErrInvalidArgument) != errors.Is(err, authing.ErrUserRefused), "%v", err)
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
			client, last := stub(t, 200, call.answer)
			detail := call.detail
			detail.ErrMsg = errMsg
			_, err := call.do(context.Background(), client.As(token), code, detail)

			ok := slices.Contains(accepted, errMsg)
			assert.Equal(t, ok, err == nil)
			assert.Equal(t, ok, *last != nil)
			if ok {
				continue
			}
			refused := strings.Contains(errMsg, "deny") || strings.Contains(errMsg, "denied") || strings.Contains(errMsg, "cancel")
			assert.Equal(t, refused, errors.Is(err, authing.ErrUserRefused))
			assert.Equal(t, !refused, errors.Is(err, authing.ErrInvalidArgument))
			assert.False(t, strings.ContainsFunc(err.Error(), unicode.IsControl), "%q", err)
			assert.Equal(t, errMsg, requireFuzzError(t, err).Message)
		}
	})
}

func requireFuzzError(t *testing.T, err error) *authing.Error {
	t.Helper()
	var e *authing.Error
	require.ErrorAs(t, err, &e)
	return e
}

func FuzzEnvelope(f *testing.F) {
	const phone = "13800000000"
	for _, seed := range []string{
		annAnswer, phoneAnswer, "", "null", "<html>", "[]", `{"code":"200","data":{"id":"u1","token":"h.p.s"}}`,
		`{"code":200,"data":null}`, `{"code":200,"data":{}}`, `{"code":2206,"message":"登录信息已过期","data":null}`,
		`{"code":2000,"message":"...","data":{"url":"..."}}`, `{"code":500,"message":{"a":1},"data":{"errcode":40163}}`,
		`{"code":7,"message":"` + code + " " + iv + " " + phone + `"}`, `{"code":7,"message":"\u0000\n\u001b[31m"}`,
		"\xef\xbb\xbf" + annAnswer, annAnswer[:90], `{"code":1e99}`, `{"code":-1}`, "{\"code\":7,\"message\":\"\xff\"}",
	} {
		f.Add(200, []byte(seed))
		f.Add(502, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		client, last := stub(t, status, string(body))
		user, err := client.LoginWithWxapp(context.Background(), code, loginDetail, authing.WithPhone(phone))
		require.NotNil(t, *last)
		if err == nil {
			assert.Equal(t, 200, status)
			assert.NotEmpty(t, user.ID)
			assert.NotEmpty(t, user.Token)
			return
		}
		assert.Nil(t, user)
		e := requireFuzzError(t, err)
		assert.Equal(t, "LoginWithWxapp", e.Op)
		assert.Equal(t, status, e.StatusCode)
		if !errors.Is(err, authing.ErrOutcomeUnknown) {
			assert.Less(t, status, 500)
			assert.NotEqual(t, 200, e.Code)
			assert.NotErrorIs(t, err, authing.ErrBadResponse, "a call is only settled by an answer of Authing")
		}
		for _, secret := range []string{code, iv, encryptedData, phone} {
			assert.NotContains(t, err.Error(), secret)
		}
		assert.False(t, strings.ContainsFunc(err.Error(), unicode.IsControl), "%q", err)
		assert.Less(t, utf8.RuneCountInString(err.Error()), 1000)
	})
}

func FuzzGraphQLEnvelope(f *testing.F) {
	params := authing.LoginParams{Email: "ann.lee@example.com", Password: "correct horse", LastIP: "192.0.2.44", VerifyCode: "xk3f9qwe"}
	echo := params.Email + " " + params.LastIP + " " + params.VerifyCode + " " + string(token)
	for _, seed := range []string{
		`{"data":{"login":` + annOfGraphQL + `}}`, `{"data":{"login":` + annOfGraphQL + `},"errors":[]}`, "", "null", "<html>", "[]",
		`{"data":{"login":` + annOfGraphQL + `},"errors":[{"message":{"code":200}}]}`, `{"data":{"login":null}}`, `{"data":null}`,
		`{"errors":[{"message":{"code":2006,"message":"密码不正确","data":null}},{"message":"Syntax Error"}]}`,
		`{"errors":[{"message":{"code":"2000","message":"` + echo + `","data":{"url":"u"}}}]}`, `{"errors":[null,7,{}]}`,
		`{"errors":["` + echo + `"]}`, `{"errors":{"message":"x"}}`, `{"code":500,"message":"` + echo + `"}`,
		`{"data":{"login":{"_id":"u1","token":""}}}`, "\xef\xbb\xbf{}", `{"errors":[{"message":"\u0000\n\u001b[31m"}]}`,
	} {
		f.Add(200, []byte(seed))
		f.Add(400, []byte(seed))
		f.Add(502, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		client, last := stub(t, status, string(body))
		user, err := client.As(token).Login(context.Background(), params)
		require.NotNil(t, *last)
		if err == nil {
			assert.Equal(t, 200, status)
			assert.NotEmpty(t, user.ID)
			assert.NotEmpty(t, user.Token)
			var said struct{ Errors []json.RawMessage }
			assert.NoError(t, json.Unmarshal(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), &said))
			assert.Empty(t, said.Errors)
			return
		}
		assert.Nil(t, user)
		e := requireFuzzError(t, err)
		assert.Equal(t, "Login", e.Op)
		assert.Equal(t, status, e.StatusCode)
		if !errors.Is(err, authing.ErrOutcomeUnknown) {
			assert.Less(t, status, 500)
			assert.NotErrorIs(t, err, authing.ErrBadResponse, "a call is only settled by an answer of Authing")
		}
		for _, secret := range []string{params.Email, params.LastIP, params.VerifyCode, string(token)} {
			assert.NotContains(t, err.Error(), secret)
		}
		assert.False(t, strings.ContainsFunc(err.Error(), unicode.IsControl), "%q", err)
		assert.Less(t, utf8.RuneCountInString(err.Error()), 1000)
	})
}

// A phone number is the only text of a caller that becomes part of an address.
func FuzzSegment(f *testing.F) {
	for _, value := range testkit.HostileValues() {
		f.Add(value)
	}
	f.Add("+86 138")
	f.Fuzz(func(t *testing.T, phone string) {
		client, last := stub(t, 200, `{"code":200}`)
		err := client.GetVerificationCode(context.Background(), phone)
		if err != nil {
			assert.ErrorIs(t, err, authing.ErrInvalidArgument)
			assert.Nil(t, *last)
			return
		}
		sent := (*last).URL
		assert.Equal(t, "https", sent.Scheme)
		assert.Equal(t, "users.authing.cn", sent.Host)
		assert.Nil(t, sent.User)
		assert.Empty(t, sent.Fragment)
		segments := strings.Split(sent.RequestURI(), "/") // what stands in the first line of the request
		require.Len(t, segments, 4)
		got, err := url.PathUnescape(segments[2])
		assert.NoError(t, err)
		assert.Equal(t, []string{"", "send_smscode", phone, pool}, []string{segments[0], segments[1], got, segments[3]})
	})
}

func FuzzUser(f *testing.F) {
	for _, seed := range []string{
		annUser, `{}`, `null`, `{"id":"b","loginsCount":"2","lastLogin":"Tue Oct 17 2017 21:02:01 GMT+0800 (CST)"}`,
		`{"_id":"a","group":{"name":"g","createdAt":1586750416000},"tokenExpiredAt":"Invalid date","signedUp":null}`,
		`{"_id":"a","token":"\ud800","oauth":"{}","lastLogin":"0"}`, `{"ID":"c","_ID":"d","EMAIL":"e"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var user, again authing.User
		if json.Unmarshal(b, &user) != nil {
			return
		}
		user.WxProfile()
		written := asJSON(t, user)
		require.NoError(t, json.Unmarshal([]byte(written), &again))
		assertSameUser(t, user, again)
		assert.Equal(t, user.Token, again.Token)
		assert.Equal(t, written, string(again.Raw()))
	})
}

func FuzzTimestamp(f *testing.F) {
	for _, seed := range []string{
		"2020-02-27T05:33:20.796Z", "2017-06-07T14:34:08.700", "Tue Oct 17 2017 21:02:01 GMT+0800 (China Standard Time)",
		"Fri May 31 2019 08:48:07 GMT 0800 (CST)", "Invalid date", "", "0", "1586750416000", "-1", "1e15", "0x1p-2", "9999-12-31T23:59:59-23:59",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return // cannot stand in JSON
		}
		var read, again authing.Timestamp
		require.NoError(t, json.Unmarshal([]byte(asJSON(t, text)), &read))
		assert.Equal(t, text, read.Text)
		require.NoError(t, json.Unmarshal([]byte(asJSON(t, read)), &again))
		assert.Equal(t, text, again.Text)
		assert.True(t, read.Equal(again.Time))
	})
}

// Whatever passes for a host, the code goes there and nowhere else.
func FuzzHosts(f *testing.F) {
	for _, seed := range []string{
		"https://auth.example.com", "https://auth.example.com:8443/graphql", "https://u:p@auth.example.com", "http://127.0.0.1:1/x/",
		"http://[::1]:80/graphql/", "https://[fe80::1%25eth0]/", "https://[fe80::1%25et\x8a0]", "https://auth.example.com//evil.example", `https://auth.example.com\evil`,
		"https://auth.example.com/..;/x", "https://auth.example.com/%2e%2e", "https://auth.example.com?x", "https://auth.example.com:", "//h/p",
		"https://auth.example.com/a%2Fb c", "HTTPS://AUTH.example.com", "https://例え.jp/", "https://a@b@c", "https://h/{x}/:y",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		hosts := authing.WithHosts(authing.Hosts{OAuth: address})
		if _, err := authing.NewClient(pool, hosts); err != nil || address == "" {
			return
		}
		given, err := url.Parse(address)
		require.NoError(t, err)
		client, last := stub(t, 200, annAnswer, hosts)
		_, err = client.LoginWithWxapp(context.Background(), code, loginDetail)
		require.NoError(t, err, "an address that NewClient takes has to work")
		sent := (*last).URL
		assert.Equal(t, given.Scheme, sent.Scheme)
		assert.Equal(t, strings.TrimRight(given.Host, ":"), strings.TrimRight(sent.Host, ":"), "an empty port may go")
		assert.Nil(t, sent.User)
		assert.Empty(t, sent.RawQuery)
		assert.Empty(t, sent.Fragment)
		assert.True(t, strings.HasSuffix(sent.Path, "/oauth/wechatapp/auth/"+pool), sent.Path)
	})
}
