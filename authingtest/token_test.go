package authingtest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, client := setup(t, authingtest.Options{Clock: clock.Now})
	elsewhere, _ := setup(t, authingtest.Options{Clock: clock.Now, UserPoolID: srv.UserPoolID()})
	ann := srv.NewPhone(authingtest.WxUser{})
	user, _ := signIn(t, client, ann)
	token := string(user.Token)
	part := strings.Split(token, ".")
	require.Len(t, part, 3)

	for name, tt := range map[string]struct {
		token string
		after time.Duration
		code  int
	}{
		"valid":               {token, 0, 0},
		"just before its end": {token, 15*24*time.Hour - time.Second, 0},
		"expired":             {token, 15 * 24 * time.Hour, 2206},
		"not a token":         {"x", 0, 2207},
		"of another server":   {string(elsewhere.AddUser(authing.User{}).Token), 0, 2207},
		"signature cut":       {part[0] + "." + part[1] + ".", 0, 2207},
		"payload of another":  {part[0] + "." + strings.Split(string(srv.AddUser(authing.User{}).Token), ".")[1] + "." + part[2], 0, 2207},
		"alg none":            {"eyJhbGciOiJub25lIn0." + part[1] + ".", 0, 2207},
	} {
		clock.pass(tt.after)
		got := map[string]error{}
		as := client.As(authing.Secret(tt.token))
		_, got["BindPhone"] = as.BindPhone(ctx, ann.Login(), ann.GetPhoneNumber())
		_, got["GetPhone"] = as.GetPhone(ctx, ann.Login(), ann.GetPhoneNumber())
		code, detail := ann.Login(), ann.GetUserInfo()
		_, got["Decrypt"] = as.Decrypt(ctx, code, detail.EncryptedData, detail.IV)
		clock.pass(-tt.after)

		for op, err := range got {
			if tt.code == 0 {
				assert.NoError(t, err, "%s: %s", name, op)
				continue
			}
			assert.ErrorIs(t, err, authing.ErrLoginRequired, "%s: %s", name, op)
			var e *authing.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, tt.code, e.Code, "%s: %s", name, op)
		}
	}
}

// The shape is that of tokens seen in the wild.
func TestTokenClaims(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, client := setup(t, authingtest.Options{Clock: clock.Now})
	user, _ := signIn(t, client, srv.NewPhone(authingtest.WxUser{UnionID: "u-1"}))

	header, payload := decodeToken(t, string(user.Token))

	assert.JSONEq(t, `{"alg":"HS256","typ":"JWT"}`, header)
	assert.JSONEq(t, `{"data":{"id":"`+user.ID+`","clientId":"`+srv.UserPoolID()+`","unionid":"u-1"},`+
		`"iat":1582781600,"exp":1584077600}`, payload)
	assert.Equal(t, int64(1584077600), user.TokenExpiredAt.Unix())
}

func TestARefusedTokenSpendsNoCode(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{})
	ann := srv.NewPhone(authingtest.WxUser{})
	code, detail := ann.Login(), ann.GetPhoneNumber()
	_, err := client.As("x").BindPhone(ctx, code, detail)
	require.ErrorIs(t, err, authing.ErrLoginRequired)
	_, err = client.GetPhone(ctx, code, detail)
	assert.NoError(t, err)
	assert.Equal(t, map[string]int{code: 2}, srv.SpentCodes())
}
