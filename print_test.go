package authing_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

func TestErrorPrints(t *testing.T) {
	t.Parallel()
	e, err := bindError(t, 200, `{"code":2206,"message":"for s3cr3t","data":{"phone":"13900000000"}}`)
	e.Message = "13900000000" // the service's words may hold anything, so no verb shows the fields
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		assert.Equal(t, err.Error(), fmt.Sprintf(verb, err), verb)
	}
	assert.Equal(t, fmt.Sprintf("%q", err.Error()), fmt.Sprintf("%q", err))
	text, marshalErr := json.Marshal(map[string]any{"error": err})
	require.NoError(t, marshalErr)
	var read map[string]string
	require.NoError(t, json.Unmarshal(text, &read))
	assert.Equal(t, map[string]string{"error": err.Error()}, read)
}

// None of the types that hold something secret shows it, whichever way a careless line of a caller prints it.
func TestPrintingShowsNothingSecret(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t"
	client, _ := setup(t, 200, "")
	client = client.As(secret)
	profile := authing.WxUserInfo{OpenID: secret, UnionID: secret, NickName: secret, AvatarURL: secret, City: secret}
	user := readUser(t, `{"_id":"u1","email":"s3cr3t","phone":"s3cr3t","token":"s3cr3t","oauth":"s3cr3t","unionid":"s3cr3t","lastIP":"s3cr3t"}`)
	detail := authing.Detail{
		ErrMsg: "getPhoneNumber:ok", EncryptedData: secret, IV: secret, RawData: secret, Signature: secret, CloudID: secret,
		PhoneCode: secret, UserInfo: &profile,
	}
	phone := authing.PhoneNumber{PhoneNumber: secret, PurePhoneNumber: secret}
	var data authing.DecryptedData
	require.NoError(t, json.Unmarshal([]byte(`{"openId":"s3cr3t","phoneNumber":"s3cr3t","nickName":"s3cr3t"}`), &data))

	for _, tt := range []struct {
		shown  string // what may be seen
		values []any
	}{
		{"u1", []any{user, &user}},
		{"getPhoneNumber:ok", []any{detail, &detail}},
		{"authing.WxUserInfo{…}", []any{profile, &profile}},
		{"authing.PhoneNumber{…}", []any{phone, &phone}},
		{"authing.DecryptedData{…}", []any{data, &data}},
		{pool, []any{*client, client}},
		{"[redacted]", []any{authing.Secret(secret)}},
	} {
		for _, v := range tt.values {
			var printed []string
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%.3s", "%10v"} {
				printed = append(printed, fmt.Sprintf(verb, v))
			}
			printed = append(printed, fmt.Sprint(v), fmt.Sprintf("%v %+v", []any{v}, map[string]any{"k": v}))
			var log bytes.Buffer
			slog.New(slog.NewTextHandler(&log, nil)).Info("m", "k", v)
			slog.New(slog.NewJSONHandler(&log, nil)).Info("m", slog.Group("g", "k", v))
			for _, line := range append(printed, strings.Split(strings.TrimSpace(log.String()), "\n")...) {
				assertHides(t, line, secret)
			}
			assert.Contains(t, printed[0], tt.shown)
			if _, ok := v.(slog.LogValuer); ok {
				assert.Contains(t, log.String(), tt.shown)
			}
		}
	}
}

// assertHides also looks for the hexadecimal form, which %x would print.
func assertHides(t testing.TB, line, secret string) {
	t.Helper()
	for _, form := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), fmt.Sprintf("%q", secret[:3])} {
		assert.NotContains(t, line, form)
	}
}
