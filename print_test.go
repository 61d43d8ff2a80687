package authing_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// secret is in every field of the values that TestPrintingHidesSecrets prints.
const secret = "s3cr3t"

// filled returns a T with secret in every text, however deep, but those under the names in shown.
func filled[T any](t *testing.T, shown map[string]any) T {
	t.Helper()
	var v T
	fill(reflect.ValueOf(&v).Elem(), shown)
	return v
}

func fill(v reflect.Value, shown map[string]any) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(secret)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), nil)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(secret))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), nil)
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if value, ok := shown[field.Name]; ok {
				v.Field(i).Set(reflect.ValueOf(value))
			} else if field.IsExported() {
				fill(v.Field(i), nil)
			}
		}
	}
}

func TestPrintingHidesSecrets(t *testing.T) {
	t.Parallel()
	client, _ := setup(t, 200, "")
	client = client.As(secret)
	user := filled[authing.User](t, map[string]any{"ID": "u1"})
	require.NoError(t, json.Unmarshal([]byte(asJSON(t, user)), &user)) // so that it has a Raw
	var data authing.DecryptedData
	require.NoError(t, json.Unmarshal([]byte(`{"openId":"s3cr3t","phoneNumber":"s3cr3t","nickName":"s3cr3t"}`), &data))
	detail := filled[authing.Detail](t, map[string]any{"ErrMsg": "getPhoneNumber:ok", "Errno": 7})
	profile, phone := filled[authing.WxUserInfo](t, nil), filled[authing.PhoneNumber](t, nil)
	update := filled[authing.UserUpdate](t, nil)
	register, login := filled[authing.RegisterParams](t, nil), filled[authing.LoginParams](t, nil)
	change := filled[authing.ChangePasswordParams](t, nil)
	info := filled[authing.TokenInfo](t, map[string]any{"UserID": "u1"})
	apps := filled[authing.AuthedApps](t, map[string]any{"TotalCount": 3})
	revoked := filled[authing.RevokedApp](t, map[string]any{"AppID": "a1"})
	failed := filled[authing.Error](t, map[string]any{"Op": "X", "Reason": "no", "Hint": "wait", "Err": errors.New(secret)})

	for want, values := range map[string][]any{
		`authing.User{ID:"u1", …}`:                               {user, &user},
		`authing.Detail{ErrMsg:"getPhoneNumber:ok", Errno:7, …}`: {detail, &detail},
		`authing.WxUserInfo{…}`:                                  {profile, &profile},
		`authing.PhoneNumber{…}`:                                 {phone, &phone},
		`authing.DecryptedData{…}`:                               {data, &data},
		`authing.UserUpdate{…}`:                                  {update, &update},
		`authing.RegisterParams{…}`:                              {register, &register},
		`authing.LoginParams{…}`:                                 {login, &login},
		`authing.ChangePasswordParams{…}`:                        {change, &change},
		`authing.TokenInfo{UserID:"u1", …}`:                      {info, &info},
		`authing.AuthedApps{TotalCount:3, …}`:                    {apps, &apps},
		`authing.RevokedApp{AppID:"a1", …}`:                      {revoked, &revoked},
		`authing.Client{UserPoolID:"` + pool + `"}`:              {*client, client},
		`authing: X: no: wait`:                                   {failed, &failed},
		`[redacted]`:                                             {authing.Secret(secret)},
	} {
		for _, v := range values {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%.3s", "%10v"} {
				assert.Equal(t, want, fmt.Sprintf(verb, v), verb)
			}
			var lines bytes.Buffer
			for _, verb := range []string{"%q", "%x", "%X"} {
				fmt.Fprintf(&lines, verb+"\n", v)
			}
			fmt.Fprintf(&lines, "%v %+v\n", []any{v}, map[string]any{"k": v})
			slog.New(slog.NewTextHandler(&lines, nil)).Info("m", "k", v)
			slog.New(slog.NewJSONHandler(&lines, nil)).Info("m", slog.Group("g", "k", v))
			for _, form := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), secret[:3]} {
				assert.NotContains(t, lines.String(), form, want)
			}
			if logs, ok := v.(slog.LogValuer); ok {
				assert.Equal(t, want, logs.LogValue().String())
			}
		}
	}
}

// JSON contains everything else, but an Error ends up in it by accident.
func TestErrorMarshalsAsItsText(t *testing.T) {
	t.Parallel()
	e, err := bindError(t, 200, `{"code":2206,"message":"for 13900000000","data":{"phone":"13900000000"}}`)
	for _, v := range []any{err, *e} {
		assert.Equal(t, `{"error":`+asJSON(t, err.Error())+`}`, asJSON(t, map[string]any{"error": v}))
		assert.Equal(t, fmt.Sprintf("%q", err.Error()), fmt.Sprintf("%q", v))
	}
	assert.NotContains(t, err.Error(), "139")
	assert.False(t, strings.Contains(asJSON(t, []error{err}), "139"))
}

func TestStatusAndMetadataPrintNothingPersonal(t *testing.T) {
	t.Parallel()
	const personal = "13812345678"
	for _, v := range []any{
		authing.LoginStatus{Code: 2206, Message: personal},
		authing.MetadataItem{Key: personal, Value: personal},
		&authing.Metadata{TotalCount: 1, List: []authing.MetadataItem{{Key: personal, Value: personal}}},
		[]authing.MetadataItem{{Key: personal, Value: personal}},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			assert.NotContains(t, fmt.Sprintf(verb, v), personal)
		}
	}
}
