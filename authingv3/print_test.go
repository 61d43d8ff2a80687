package authingv3_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingv3"
)

const hidden = "h1dd3n"

// fill puts hidden into every text of v, however deep.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(hidden)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(`"` + hidden + `"`))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]any{hidden: hidden}))
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	}
}

func filled[T any]() (v T) {
	fill(reflect.ValueOf(&v).Elem())
	return v
}

func TestPrintingHidesSecrets(t *testing.T) {
	t.Parallel()
	client, _ := setup(t, http.StatusOK, "", authingv3.WithAppSecret(hidden, authingv3.SecretInBasic), authingv3.WithTenant(hidden))
	client = client.As(hidden)
	login, user, identity := filled[authingv3.Login](), filled[authingv3.User](), filled[authingv3.Identity]()
	update, params := filled[authingv3.UserUpdate](), filled[authingv3.RegisterParams]()
	login.UserID, user.ID, identity.Provider, identity.Type = "u1", "u1", "wechat", "openid"
	raw, err := json.Marshal(user)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &user)) // so that it has a Raw
	proof := authingv3.ProofByPassword(hidden)
	options := authingv3.VerifierOptions{Issuer: "i", Audience: "a", Secret: hidden}
	for want, values := range map[string][2]any{
		`authingv3.Client{AppID:"` + appID + `"}`:                 {*client, client},
		`authingv3.Login{UserID:"u1", …}`:                         {login, &login},
		`authingv3.User{ID:"u1", …}`:                              {user, &user},
		`authingv3.Identity{Provider:"wechat", Type:"openid", …}`: {identity, &identity},
		`authingv3.UserUpdate{…}`:                                 {update, &update},
		`authingv3.RegisterParams{…}`:                             {params, &params},
		`authingv3.Proof{…}`:                                      {proof, &proof},
		`authingv3.VerifierOptions{Issuer:"i", Audience:"a", …}`:  {options, &options},
	} {
		for _, v := range values {
			for _, verb := range "vsqdxXeot" {
				for _, flag := range []string{"", "+", "#"} {
					assert.Equal(t, want, fmt.Sprintf("%"+flag+string(verb), v))
				}
			}
			var log bytes.Buffer
			for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
				slog.New(handler).Info("x", "v", v, slog.Group("g", "v", v))
			}
			assert.NotContains(t, log.String(), hidden)
			for _, inside := range []any{[]any{v}, map[string]any{"k": v}, struct{ V any }{v}} {
				assert.NotContains(t, fmt.Sprintf("%v %+v %#v", inside, inside, inside), hidden)
			}
		}
	}
	shown := fmt.Sprintf("%v %+v", []authingv3.LoginOption{authingv3.WithClientIP(hidden), authingv3.WithDetail(authing.Detail{IV: hidden})},
		[]authingv3.Option{authingv3.WithAppSecret(hidden, authingv3.SecretInBody)})
	assert.NotContains(t, shown, hidden)
}
