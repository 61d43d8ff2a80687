package recordings_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/authing-wxapp/authing"
)

// method is the Go counterpart of a method of the original.
type method struct {
	call    caller
	signsIn bool // the caller acts with the returned token from then on
}

// caller makes a call with the options that the original was given.
type caller func(ctx context.Context, c *authing.Client, options any) (any, error)

var methods = map[string]method{
	"loginWithWxapp": {signsIn: true, call: calling(loginWithWxapp)},
	"bindPhone": {call: calling(func(ctx context.Context, c *authing.Client, in wxappInput) (any, error) {
		return c.BindPhone(ctx, in.Code, in.Detail)
	})},
	"getPhone": {call: calling(func(ctx context.Context, c *authing.Client, in wxappInput) (any, error) {
		return c.GetPhone(ctx, in.Code, in.Detail)
	})},
	"decrypt": {call: calling(func(ctx context.Context, c *authing.Client, in wxappInput) (any, error) {
		return c.Decrypt(ctx, in.Code, in.EncryptedData, in.IV)
	})},
	"getVerificationCode": {call: calling(func(ctx context.Context, c *authing.Client, in phoneInput) (any, error) {
		return nil, c.GetVerificationCode(ctx, in.Phone)
	})},
	"loginByPhoneCode": {signsIn: true, call: calling(func(ctx context.Context, c *authing.Client, in phoneInput) (any, error) {
		return c.LoginByPhoneCode(ctx, in.Phone, string(in.PhoneCode))
	})},
	"login": {signsIn: true, call: calling(func(ctx context.Context, c *authing.Client, in authing.LoginParams) (any, error) {
		return c.Login(ctx, in)
	})},
	"register": {call: calling(func(ctx context.Context, c *authing.Client, in authing.RegisterParams) (any, error) {
		return c.Register(ctx, in)
	})},
	"loginByLDAP": {signsIn: true, call: calling(func(ctx context.Context, c *authing.Client, in authing.LoginParams) (any, error) {
		return c.LoginByLDAP(ctx, in.Username, in.Password)
	})},
	"checkLoginStatus": {call: calling(func(ctx context.Context, c *authing.Client, _ any) (any, error) {
		return c.CheckLoginStatus(ctx)
	})},
	"logout": {call: calling(func(ctx context.Context, c *authing.Client, in userInput) (any, error) {
		return nil, c.Logout(ctx, in.ID)
	})},
	// Private, but recorded: the original's sendVerifyEmail does not work without it.
	"_auth": {call: func(context.Context, *authing.Client, any) (any, error) { return nil, errInexpressible }},

	"user": {call: calling(func(ctx context.Context, c *authing.Client, in struct{ ID string }) (any, error) {
		return c.User(ctx, in.ID)
	})},
	"update": {call: calling(func(ctx context.Context, c *authing.Client, in updateInput) (any, error) {
		return c.Update(ctx, in.ID, in.UserUpdate)
	})},
	"unbindEmail": {call: calling(func(ctx context.Context, c *authing.Client, in struct{ User string }) (any, error) {
		return c.UnbindEmail(ctx, in.User)
	})},
	"changeAvatar": {call: calling(changeAvatar)},

	"sendResetPasswordEmail": {call: calling(func(ctx context.Context, c *authing.Client, in mailInput) (any, error) {
		return nil, c.SendResetPasswordEmail(ctx, in.Email)
	})},
	"verifyResetPasswordVerifyCode": {call: calling(func(ctx context.Context, c *authing.Client, in mailInput) (any, error) {
		return nil, c.VerifyResetPasswordVerifyCode(ctx, in.Email, in.VerifyCode)
	})},
	"changePassword": {call: calling(func(ctx context.Context, c *authing.Client, in mailInput) (any, error) {
		return c.ChangePassword(ctx, in)
	})},
	"sendVerifyEmail": {call: calling(func(ctx context.Context, c *authing.Client, in mailInput) (any, error) {
		return nil, c.SendVerifyEmail(ctx, in.Email)
	})},

	"metadata": {call: calling(func(ctx context.Context, c *authing.Client, in metadataInput) (any, error) {
		return c.Metadata(ctx, in.ID)
	})},
	"setMetadata": {call: calling(func(ctx context.Context, c *authing.Client, in metadataInput) (any, error) {
		return c.SetMetadata(ctx, in.ID, in.Key, in.Value)
	})},
	"removeMetadata": {call: calling(func(ctx context.Context, c *authing.Client, in metadataInput) (any, error) {
		return c.RemoveMetadata(ctx, in.ID, in.Key)
	})},

	"getAuthedAppList": {call: calling(func(ctx context.Context, c *authing.Client, in appsInput) (any, error) {
		return c.GetAuthedAppList(ctx, in.UserID, in.ListOptions)
	})},
	"revokeAuthedApp": {call: calling(func(ctx context.Context, c *authing.Client, in appsInput) (any, error) {
		return c.RevokeAuthedApp(ctx, in.UserID, in.AppID)
	})},
}

// errInexpressible means that the Go API does not have the call, or that its types rule it out.
var errInexpressible = errors.New("the Go API has no such call")

// calling adapts a call that takes the options as an In. JavaScript's null becomes the zero value.
func calling[In any](call func(context.Context, *authing.Client, In) (any, error)) caller {
	return func(ctx context.Context, c *authing.Client, options any) (any, error) {
		var in In
		data, err := json.Marshal(options)
		if err == nil {
			err = json.Unmarshal(data, &in)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errInexpressible, err)
		}
		return call(ctx, c, in)
	}
}

// wxappInput has the options of the methods that take a wx.login code.
type wxappInput struct {
	Code           string
	Detail         authing.Detail
	EncryptedData  string // decrypt has no detail
	IV             string
	Phone          *string
	OverideProfile *bool
}

func loginWithWxapp(ctx context.Context, c *authing.Client, in wxappInput) (any, error) {
	var opts []authing.LoginOption
	if in.Phone != nil {
		opts = append(opts, authing.WithPhone(*in.Phone))
	}
	if in.OverideProfile != nil {
		opts = append(opts, authing.WithOverrideProfile(*in.OverideProfile))
	}
	return c.LoginWithWxapp(ctx, in.Code, in.Detail, opts...)
}

type phoneInput struct {
	Phone     string
	PhoneCode textOrNumber
}

// textOrNumber is text that the original also takes as a number.
type textOrNumber string

func (v *textOrNumber) UnmarshalJSON(b []byte) error {
	if string(b) == "null" || json.Unmarshal(b, (*string)(v)) == nil {
		return nil
	}
	*v = textOrNumber(b)
	return nil
}

type userInput struct {
	ID string `json:"_id"`
}

type updateInput struct {
	userInput
	authing.UserUpdate
}

type mailInput = authing.ChangePasswordParams

type avatarInput struct {
	userInput
	Picked bool
}

const picture = "\x89PNG\r\n\x1a\nthe rest is not examined"

func changeAvatar(ctx context.Context, c *authing.Client, in avatarInput) (any, error) {
	var image io.Reader
	if in.Picked {
		image = strings.NewReader(picture)
	}
	return c.ChangeAvatar(ctx, in.ID, image)
}

type metadataInput struct {
	userInput
	Key, Value string
}

type appsInput struct {
	UserID, AppID string
	authing.ListOptions
}

// positional names the arguments of methods that take no options object, positionalIn2019 those of methods that have
// taken one since.
var (
	positional = map[string][]string{
		"getVerificationCode": {"phone"},
		"logout":              {"_id"},
		"metadata":            {"_id"},
		"changeAvatar":        {"_id"},
	}
	positionalIn2019 = map[string][]string{
		"loginWithWxapp": {"code", "detail"},
		"bindPhone":      {"code", "detail"},
	}
)

// optionsOf returns the arguments of a step as one options object that can be sent. It includes the picture that the user
// picked on the phone, which is an argument in Go.
func optionsOf(variant string, step recordedStep) any {
	names := positional[step.Method]
	if names == nil && variant == "e5ddaf4" {
		names = positionalIn2019[step.Method]
	}
	if names == nil {
		if len(step.Args) == 0 || isUndefined(step.Args[0]) {
			return nil
		}
		return sendable(step.Args[0])
	}
	options := map[string]any{}
	for i, arg := range step.Args[:min(len(step.Args), len(names))] {
		options[names[i]] = arg
	}
	if step.Method == "changeAvatar" {
		picked := step.Environment.ChooseImage
		options["picked"] = picked.ErrMsg == "chooseImage:ok" && len(picked.Files) > 0
	}
	return sendable(options)
}

// sendable returns a recorded value without what was undefined, and with a real iv and ciphertext in place of invented
// ones, which Go rejects. Equal texts stay equal, so arguments and bodies still match.
func sendable(v any) any {
	switch v := v.(type) {
	case []any:
		list := []any{}
		for _, element := range v {
			list = append(list, sendable(element))
		}
		return list
	case map[string]any:
		object := map[string]any{}
		for key, member := range v {
			if text, ok := member.(string); ok {
				object[key] = wellFormed(key, text)
			} else if !isUndefined(member) {
				object[key] = sendable(member)
			}
		}
		return object
	}
	return v
}

func isUndefined(v any) bool {
	special, _ := v.(map[string]any)
	return special["$js"] == "undefined"
}

// wellFormed replaces the text under key if that is an iv or a ciphertext only by name. Empty texts stay.
func wellFormed(key, text string) string {
	digest := sha256.Sum256([]byte(text))
	decoded, err := base64.StdEncoding.DecodeString(text)
	switch {
	case text == "":
	case key == "iv" && (err != nil || len(decoded) != 16):
		return base64.StdEncoding.EncodeToString(digest[:16])
	case key == "encryptedData" && (err != nil || len(decoded)%16 != 0):
		return base64.StdEncoding.EncodeToString(digest[:])
	}
	return text
}
