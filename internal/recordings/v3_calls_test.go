package recordings_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingv3"
)

// v3Calls are the calls of package authingv3 that have a counterpart in Authing's SDKs.
var v3Calls = map[string]func(context.Context, *authingv3.Client, v3Input) (any, error){
	"LoginWithWxapp": func(ctx context.Context, c *authingv3.Client, in v3Input) (any, error) {
		return c.LoginWithWxapp(ctx, in.Code, in.options()...)
	},
	"LoginWithWxappPhone": func(ctx context.Context, c *authingv3.Client, in v3Input) (any, error) {
		return c.LoginWithWxappPhone(ctx, in.Code, in.phoneCode, in.options()...)
	},
	"LoginByPhoneCode": func(ctx context.Context, c *authingv3.Client, in v3Input) (any, error) {
		return c.LoginByPhoneCode(ctx, in.phone(), in.PassCode, in.options()...)
	},
	"Login": func(ctx context.Context, c *authingv3.Client, in v3Input) (any, error) {
		return c.Login(ctx, in.account(), in.Password, in.options()...)
	},
	"Refresh": func(ctx context.Context, c *authingv3.Client, in v3Input) (any, error) {
		return c.Refresh(ctx, in.refreshToken)
	},
	"Logout": func(ctx context.Context, c *authingv3.Client, in v3Input) (any, error) {
		return nil, c.Logout(ctx, in.token)
	},
	"VerifyToken": func(ctx context.Context, c *authingv3.Client, in v3Input) (any, error) {
		return c.VerifyToken(ctx, in.token)
	},
	"GetPhone": func(ctx context.Context, c *authingv3.Client, in v3Input) (any, error) {
		return c.GetPhone(ctx, in.Code)
	},
	"Decrypt": func(ctx context.Context, c *authingv3.Client, in v3Input) (any, error) {
		return c.Decrypt(ctx, in.Code, in.EncryptedData, in.IV)
	},
	"GetVerificationCode": func(ctx context.Context, c *authingv3.Client, in v3Input) (any, error) {
		return nil, c.GetVerificationCode(ctx, in.phone(), in.Channel)
	},
	"User": func(ctx context.Context, c *authingv3.Client, in v3Input) (any, error) {
		return c.User(ctx, in.extras()...)
	},
	"Update": func(ctx context.Context, c *authingv3.Client, in v3Input) (any, error) {
		return c.Update(ctx, in.update)
	},
	"ChangeAvatar": func(ctx context.Context, c *authingv3.Client, _ v3Input) (any, error) {
		return c.ChangeAvatar(ctx, strings.NewReader(picture))
	},
	"BindPhone": func(ctx context.Context, c *authingv3.Client, in v3Input) (any, error) {
		return nil, c.BindPhone(ctx, in.phone(), in.PassCode)
	},
	"BindWxapp": func(ctx context.Context, c *authingv3.Client, in v3Input) (any, error) {
		return nil, c.BindWxapp(ctx, in.Code, in.options()...)
	},
}

// v3Methods are the Go counterparts of the SDKs' methods.
var v3Methods = map[string]string{
	"loginByCode": "LoginWithWxapp", "signInByMobile": "LoginWithWxapp", "loginByPhone": "LoginWithWxappPhone",
	"loginByPassCode": "LoginByPhoneCode", "signInByPhonePassCode": "LoginByPhoneCode",
	"loginByPassword": "Login", "signInByAccountPassword": "Login",
	"refreshToken": "Refresh", "getNewAccessTokenByRefreshToken": "Refresh",
	"logout": "Logout", "revokeToken": "Logout", "introspectToken": "VerifyToken",
	"getPhone": "GetPhone", "decryptData": "Decrypt", "decryptWechatMiniProgramData": "Decrypt", "sendSms": "GetVerificationCode",
	"getUserInfo": "User", "getProfile": "User", "updateUserInfo": "Update", "updateProfile": "Update",
	"updateAvatar": "ChangeAvatar", "bindPhone": "BindPhone", "bindWxByCode": "BindWxapp", "bindPlatformByCode": "BindWxapp",
}

// goCall returns the Go call that a step corresponds to, or "" if there is nothing to replay here.
func (s v3Step) goCall() string {
	var name string
	switch err := json.Unmarshal(s.Expect.GoCall, &name); {
	case err != nil:
		return v3Methods[s.Method]
	case name == "Verifier": // has a test of its own
		return ""
	}
	return name
}

// v3Options are the options of the SDKs' sign-in methods. Those that the client has in Go are in it.
type v3Options struct {
	Scope        string         `json:"scope"`
	TenantID     *string        `json:"tenantId"`
	ClientIP     string         `json:"clientIp"`
	AutoRegister *bool          `json:"autoRegister"`
	Context      v3Object       `json:"context"`
	CustomData   map[string]any `json:"customData"`

	miniProgram string
}

// v3Object is an object that one SDK takes as JSON text.
type v3Object map[string]any

func (o *v3Object) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil && text != "" {
		b = []byte(text)
	}
	return json.Unmarshal(b, (*map[string]any)(o))
}

// v3Input has the arguments of all calls.
type v3Input struct {
	v3Account
	Options       v3Options         `json:"options"`
	MiniProgram   string            `json:"extIdpConnidentifier"`
	Code          string            `json:"code"`
	EncryptedData string            `json:"encryptedData"`
	IV            string            `json:"iv"`
	Number        string            `json:"phoneNumber"`
	Channel       authingv3.Channel `json:"channel"`

	phoneCode           string
	token, refreshToken authing.Secret
	flags               map[authingv3.Extra]bool
	update              authingv3.UserUpdate
}

// v3Account is whom a user claims to be. One SDK has it in a payload.
type v3Account struct {
	Phone       string         `json:"phone"`
	CountryCode string         `json:"phoneCountryCode"`
	PassCode    string         `json:"passCode"`
	Account     string         `json:"account"`
	Email       string         `json:"email"`
	Username    string         `json:"username"`
	Password    authing.Secret `json:"password"`
}

// v3WeChat is what WeChat gave the page.
type v3WeChat struct {
	Code          *string `json:"code"`
	EncryptedData string  `json:"encryptedData"`
	IV            string  `json:"iv"`
}

// v3InputOf collects the arguments of a step, wherever the SDK takes them from.
func v3InputOf(t *testing.T, c v3Case, step v3Step, state v3State) v3Input {
	var in v3Input
	in.token, in.refreshToken = authing.Secret(state.access), authing.Secret(state.refresh)
	if len(step.Args) > 0 {
		if text, ok := step.Args[0].(string); ok { // a token, of either kind
			in.token, in.refreshToken = authing.Secret(text), authing.Secret(text)
		}
	}
	in.Options.miniProgram = "my-wxapp" // for calls that do not send it
	var args map[string]any
	if len(step.Args) > 0 {
		args, _ = step.Args[0].(map[string]any)
	}
	if args == nil {
		return in
	}

	v3Decode(t, args, &in)
	if call := step.goCall(); strings.HasPrefix(call, "LoginWith") || call == "GetPhone" || call == "Decrypt" || call == "BindWxapp" {
		in.Options.miniProgram = in.MiniProgram
	}
	switch step.goCall() {
	case "User":
		v3Decode(t, args, &in.flags)
	case "Update":
		v3Decode(t, args, &in.update)
	}
	for _, name := range []string{"passCodePayload", "passwordPayload"} {
		v3Decode(t, args[name], &in.v3Account)
	}
	var login v3WeChat
	v3Decode(t, args["wechatMiniProgramCodePayload"], &login)
	for _, name := range []string{"miniProgramCodeAndPhonePayload", "wechatMiniProgramCodeAndPhonePayload"} {
		payload, _ := args[name].(map[string]any)
		v3Decode(t, payload["wxLoginInfo"], &login)
		phone, _ := payload["wxPhoneInfo"].(map[string]any)
		in.phoneCode += v3Text(phone["code"])
	}
	in.EncryptedData += login.EncryptedData
	in.IV += login.IV
	switch _, given := args["code"]; {
	case given: // to bindWxByCode, which takes it instead of the one from wx.login
	case c.Variant == "miniapp":
		in.Code = step.Environment.Login.Code
	case login.Code != nil:
		in.Code = *login.Code
	}
	return in
}

// v3Decode converts a recorded value, without the members that were undefined.
func v3Decode(t *testing.T, from, to any) {
	data, err := json.Marshal(v3Defined(from))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, to))
}

func v3Defined(v any) any {
	object, ok := v.(map[string]any)
	if !ok {
		return v
	}
	defined := map[string]any{}
	for name, member := range object {
		if !isUndefined(member) {
			defined[name] = v3Defined(member)
		}
	}
	return defined
}

func v3Text(v any) string {
	text, _ := v.(string)
	return text
}

func (in v3Input) options() (opts []authingv3.LoginOption) {
	if in.EncryptedData != "" || in.IV != "" {
		opts = append(opts, authingv3.WithDetail(authing.Detail{EncryptedData: in.EncryptedData, IV: in.IV}))
	}
	if o := in.Options; o.ClientIP != "" {
		opts = append(opts, authingv3.WithClientIP(o.ClientIP))
	}
	if o := in.Options; o.AutoRegister != nil {
		opts = append(opts, authingv3.WithAutoRegister(*o.AutoRegister))
	}
	if o := in.Options; o.Context != nil {
		opts = append(opts, authingv3.WithContext(o.Context))
	}
	if o := in.Options; o.CustomData != nil {
		opts = append(opts, authingv3.WithCustomData(o.CustomData))
	}
	return opts
}

// phone returns the number in one text, as Go takes it.
func (in v3Input) phone() string {
	return strings.TrimSpace(in.CountryCode + " " + in.Phone + in.Number)
}

// account returns the one of the names that is given.
func (in v3Input) account() string { return in.Account + in.Email + in.Username + in.Phone }

func (in v3Input) extras() (extras []authingv3.Extra) {
	for extra, wanted := range in.flags {
		if wanted {
			extras = append(extras, extra)
		}
	}
	return extras
}

// readPicture returns the name of the one part of a form, which has to be the picture.
func readPicture(body, boundary string) (name string, err error) {
	reader := multipart.NewReader(strings.NewReader(body), boundary)
	part, err := reader.NextPart()
	if err != nil {
		return "", err
	}
	content, err := io.ReadAll(part)
	if err != nil || !bytes.Equal(content, []byte(picture)) {
		return "another content", err
	}
	if _, err := reader.NextPart(); err != io.EOF {
		return "another part", err
	}
	return part.FormName(), nil
}
