package authingv3_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingv3"
)

func byPhoneCode(phone, smsCode string, opts ...authingv3.LoginOption) doing {
	return func(ctx context.Context, c *authingv3.Client) (any, error) {
		return result(c.LoginByPhoneCode(ctx, phone, smsCode, opts...))
	}
}

func byPassword(account string, password authing.Secret, opts ...authingv3.LoginOption) doing {
	return func(ctx context.Context, c *authingv3.Client) (any, error) {
		return result(c.Login(ctx, account, password, opts...))
	}
}

func register(p authingv3.RegisterParams) doing {
	return func(ctx context.Context, c *authingv3.Client) (any, error) { return result(c.Register(ctx, p)) }
}

func deletion(proof authingv3.Proof) doing {
	return func(ctx context.Context, c *authingv3.Client) (any, error) { return nil, c.DeleteAccount(ctx, proof) }
}

func TestAccountRequests(t *testing.T) {
	t.Parallel()
	signIn, signUp := []string{enveloped(tokens)}, []string{enveloped(ann)}
	checkRequests(t, []request{
		{name: "LoginByPhoneCode", do: byPhoneCode("13800138000", "001234"), path: "/api/v3/signin", responses: signIn,
			body: `{"connection":"PASSCODE","passCodePayload":{"passCode":"001234","phone":"13800138000","phoneCountryCode":"+86"},` + scope + `}`},
		{name: "LoginByPhoneCode abroad, with options", do: byPhoneCode("+1 5550100", "1", authingv3.WithClientIP("192.0.2.1"),
			authingv3.WithAutoRegister(true)), path: "/api/v3/signin", responses: signIn,
			body: `{"connection":"PASSCODE","passCodePayload":{"passCode":"1","phone":"5550100","phoneCountryCode":"+1"},"options":{` +
				`"scope":"openid profile phone offline_access","clientIp":"192.0.2.1","autoRegister":true}}`},
		{name: "Login", do: byPassword("ann", "pa\nss"), path: "/api/v3/signin", responses: signIn,
			body: `{"connection":"PASSWORD","passwordPayload":{"password":"pa\nss","account":"ann"},` + scope + `}`},
		{name: "Login with options", do: byPassword("ann", "x", authingv3.WithAutoRegister(false),
			authingv3.WithContext(map[string]any{"a": 1}), authingv3.WithCustomData(map[string]any{"b": "2"})), path: "/api/v3/signin", responses: signIn,
			body: `{"connection":"PASSWORD","passwordPayload":{"password":"x","account":"ann"},"options":{` +
				`"scope":"openid profile phone offline_access","autoRegister":false,"context":{"a":1},"customData":{"b":"2"}}}`},
		{name: "Register by password", do: register(authingv3.RegisterParams{
			Email: "a@b.test", Username: "ann", Password: "pw", ClientIP: "192.0.2.1", Profile: authingv3.UserUpdate{Nickname: authing.Ptr("Ann")},
		}), path: "/api/v3/signup", responses: signUp,
			body: `{"connection":"PASSWORD","passwordPayload":{"password":"pw","email":"a@b.test","username":"ann"},` +
				`"profile":{"nickname":"Ann"},"options":{"clientIp":"192.0.2.1","context":{}}}`},
		{name: "Register by a texted code", do: register(authingv3.RegisterParams{Phone: "13800138000", Code: "0123"}), path: "/api/v3/signup",
			responses: signUp,
			body: `{"connection":"PASSCODE","passCodePayload":{"passCode":"0123","phone":"13800138000","phoneCountryCode":"+86"},` +
				`"options":{"context":{}}}`},
		{name: "Register by a mailed code", do: register(authingv3.RegisterParams{Email: "a@b.test", Code: "0123"}), path: "/api/v3/signup",
			responses: signUp,
			body:      `{"connection":"PASSCODE","passCodePayload":{"passCode":"0123","email":"a@b.test"},"options":{"context":{}}}`},
	})
}

func TestAccountRefuses(t *testing.T) {
	t.Parallel()
	const separate = `separate the country code from the phone number by a space: "+1 5550100"`
	checkRefused(t, map[string]doing{
		"LoginByPhoneCode: the phone number is empty":                byPhoneCode("", "1234"),
		"LoginByPhoneCode: the phone number has other characters":    byPhoneCode("138\n", "1234"),
		"LoginByPhoneCode: " + separate:                              byPhoneCode("+8613800138000", "1234"),
		"LoginByPhoneCode: separate the country code":                byPhoneCode("+8x 13800138000", "1234"),
		"LoginByPhoneCode: separate the country":                     byPhoneCode("+ 13800138000", "1234"),
		"LoginByPhoneCode: the code is empty":                        byPhoneCode("13800138000", " "),
		"LoginByPhoneCode: a detail of WeChat is for the calls":      byPhoneCode("13800138000", "1", authingv3.WithDetail(detail)),
		"LoginByPhoneCode: the client IP is not valid UTF-8":         byPhoneCode("13800138000", "1", authingv3.WithClientIP("\xff")),
		"Login: the account is empty":                                byPassword("", "x"),
		"Login: the account contains control characters":             byPassword("a\x00", "x"),
		"Login: the password is empty":                               byPassword("ann", ""),
		"Login: the password is not valid UTF-8":                     byPassword("ann", "\xff"),
		"Login: a detail of WeChat is for the calls":                 byPassword("ann", "x", authingv3.WithDetail(detail)),
		"Register: an account needs either Password or Code":         register(authingv3.RegisterParams{Email: "a@b.test", Password: "x", Code: "1"}),
		"Register: an account with a phone number is registered by":  register(authingv3.RegisterParams{Phone: "1", Username: "a", Password: "x"}),
		"Register: no account given: set Email or Username":          register(authingv3.RegisterParams{Password: "x"}),
		"Register: the password is not valid UTF-8":                  register(authingv3.RegisterParams{Username: "a", Password: "\xff"}),
		"Register: an account with a user name is registered by":     register(authingv3.RegisterParams{Phone: "1", Username: "a", Code: "1"}),
		"Register: a code belongs to either Email or Phone":          register(authingv3.RegisterParams{Phone: "1", Email: "a@b.test", Code: "1"}),
		"Register: " + separate:                                      register(authingv3.RegisterParams{Phone: "+861", Code: "1"}),
		"Register: the code contains control":                        register(authingv3.RegisterParams{Phone: "1", Code: "1\n"}),
		"Register: the e-mail address contains control":              register(authingv3.RegisterParams{Email: "a\n", Password: "x"}),
		"Register: the user name contains control":                   register(authingv3.RegisterParams{Username: "a\n", Password: "x"}),
		"Register: the client IP is not valid UTF-8":                 register(authingv3.RegisterParams{Username: "a", ClientIP: "\xff", Password: "x"}),
		"Register: a new account takes no Username":                  register(authingv3.RegisterParams{Username: "a", Password: "x", Profile: authingv3.UserUpdate{City: authing.Ptr("Beijing")}}),
		"Register: the nickname is not valid UTF-8":                  register(authingv3.RegisterParams{Username: "a", Password: "x", Profile: authingv3.UserUpdate{Nickname: authing.Ptr("\xff")}}),
		"DeleteAccount: the proof is empty":                          deletion(authingv3.Proof{}),
		"DeleteAccount: the password is empty":                       deletion(authingv3.ProofByPassword("")),
		"DeleteAccount: the phone number is empty":                   deletion(authingv3.ProofByPhoneCode("", "1")),
		"DeleteAccount: the code is empty":                           deletion(authingv3.ProofByPhoneCode("138", "")),
		"DeleteAccount: the e-mail address is empty":                 deletion(authingv3.ProofByEmailCode("", "1")),
		"DeleteAccount: the code contains control characters or is ": deletion(authingv3.ProofByEmailCode("a@b.test", "1\n")),
	})
}

func TestRegister(t *testing.T) {
	t.Parallel()
	client, _ := setup(t, http.StatusOK, enveloped(ann))
	user, err := client.Register(context.Background(), authingv3.RegisterParams{Username: "ann", Password: "x"})
	require.NoError(t, err)
	assert.Equal(t, "ann", user.ID)
}

func TestDeleteAccount(t *testing.T) {
	t.Parallel()
	proved := enveloped(`{"deleteAccountToken":"d1","tokenExpiresIn":60}`)
	for body, proof := range map[string]authingv3.Proof{
		`{"verifyMethod":"PASSWORD","passwordPayload":{"password":"pw"}}`: authingv3.ProofByPassword("pw"),
		`{"verifyMethod":"PHONE_PASSCODE","phonePassCodePayload":{"phoneNumber":"138","passCode":"01","phoneCountryCode":"+86"}}`: authingv3.
			ProofByPhoneCode("138", "01"),
		`{"verifyMethod":"EMAIL_PASSCODE","emailPassCodePayload":{"email":"a@b.test","passCode":"01"}}`: authingv3.
			ProofByEmailCode("a@b.test", "01"),
	} {
		client, got := setupSequence(t, proved, enveloped(`{"success":true}`))
		require.NoError(t, client.As(token).DeleteAccount(context.Background(), proof))
		require.Len(t, got.All(), 2)
		wantRequest(t, got.All()[0], request{path: "/api/v3/verify-delete-account-request", body: body, auth: string(token)})
		wantRequest(t, got.All()[1], request{path: "/api/v3/delete-account", body: `{"deleteAccountToken":"d1"}`, auth: string(token)})
	}
	for _, tt := range []struct {
		name, first, second, text string
		requests                  int
		unknown                   bool
	}{
		{"the proof is rejected", `{"statusCode":403,"apiCode":2006,"message":"no"}`, "", "the account or the password is wrong", 1, false},
		{"no token", enveloped(`{"deleteAccountToken":""}`), "", "sent no token for the deletion", 1, true},
		{"refused", proved, `{"statusCode":403,"message":"no"}`, "no (code 403", 2, false},
		{"not done", proved, enveloped(`{"success":false}`), "the service did not do it and does not say why", 2, false},
		{"HTML", proved, "<html>", "a response that is not Authing's", 2, true},
	} {
		client, got := setupSequence(t, tt.first, tt.second)
		err := client.As(token).DeleteAccount(context.Background(), authingv3.ProofByPassword("pw"))
		require.ErrorContains(t, err, tt.text, tt.name)
		require.ErrorContains(t, err, "authing: DeleteAccount: ")
		assert.Len(t, got.All(), tt.requests, tt.name)
		if tt.unknown {
			require.ErrorIs(t, err, authing.ErrOutcomeUnknown, tt.name)
		} else {
			require.NotErrorIs(t, err, authing.ErrOutcomeUnknown, tt.name)
		}
	}
	dial := &net.OpError{Op: "dial", Err: errors.New("refused")}
	client, _ := setupResponder(t, httpmock.NewStringResponder(http.StatusOK, proved).Then(httpmock.NewErrorResponder(dial)))
	err := client.As(token).DeleteAccount(context.Background(), authingv3.ProofByPassword("pw"))
	require.ErrorContains(t, err, "refused: the account is still there: check the network", "a password may be used again")

	client, _ = setupSequence(t, proved, nothing)
	require.NoError(t, client.As(token).DeleteAccount(context.Background(), authingv3.ProofByPassword("pw")))
}
