package authing_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

func TestRESTEnvelopes(t *testing.T) {
	t.Parallel()
	const data = `{"_id":"u1","token":"h.p.s"}`
	for _, body := range []string{
		`{"code":200,"message":"ok","data":` + data + `}`,
		`{"code":"200","message":"ok","data":` + data + `}`,
		`{"code":200.0,"data":` + data + `}`,
		`{"code":2e2,"message":null,"data":` + data + `}`,
		`{"code":200,"message":{"x":1},"data":` + data + `}`,
		`{"data":` + data + `,"extra":[1],"code":200}`,
		" \r\n\t{\"code\":200,\"data\":" + data + "}\n",
		"\xef\xbb\xbf" + `{"code":200,"data":` + data + `}`,
	} {
		client, _ := setup(t, 200, body)
		user, err := client.LoginWithWxapp(context.Background(), code, loginDetail)
		if !assert.NoError(t, err, body) {
			continue
		}
		assert.Equal(t, "u1", user.ID, body)
		assert.Equal(t, data, string(user.Raw()), body)
	}
}

func FuzzEnvelope(f *testing.F) {
	const phone = "13800000000"
	for _, seed := range []string{
		annResponse, phoneResponse, "", "null", "<html>", "[]", `{"code":"200","data":{"id":"u1","token":"h.p.s"}}`,
		`{"code":200,"data":null}`, `{"code":200,"data":{}}`, `{"code":2206,"message":"登录信息已过期","data":null}`,
		`{"code":2000,"message":"...","data":{"url":"..."}}`, `{"code":500,"message":{"a":1},"data":{"errcode":40163}}`,
		`{"code":7,"message":"` + code + " " + iv + " " + phone + `"}`, `{"code":7,"message":"\u0000\n\u001b[31m"}`,
		`{"code":7,"message":"` + strings.Repeat("长", 5000) + `"}`,
		"\xef\xbb\xbf" + annResponse, annResponse[:90], `{"code":1e99}`, `{"code":-1}`, "{\"code\":7,\"message\":\"\xff\"}",
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
		e := requireError(t, err)
		assert.Equal(t, "LoginWithWxapp", e.Op)
		assert.Equal(t, status, e.StatusCode)
		if !errors.Is(err, authing.ErrOutcomeUnknown) {
			assert.Less(t, status, 500)
			assert.NotEqual(t, 200, e.Code)
			assert.NotErrorIs(t, err, authing.ErrBadResponse, "only Authing can say that a call had no effect")
		}
		wantFitForLogs(t, err, code, iv, encryptedData, phone)
	})
}

// wantFitForLogs checks that the text of err is one short line without secrets.
func wantFitForLogs(t *testing.T, err error, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		assert.NotContains(t, err.Error(), secret)
	}
	assert.False(t, strings.ContainsFunc(err.Error(), unicode.IsControl), "%q", err)
	assert.Less(t, utf8.RuneCountInString(err.Error()), 1000)
}
