package recordings_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/authing-wxapp/authing"
)

// method is the Go counterpart of a method of the original.
type method struct {
	call  caller
	parts []part   // its exchanges
	needs []string // the options without which Go sends nothing

	signsIn   bool // the original holds the returned token from then on
	anonymous bool // sends no token, also when there is one
	read      bool // changes nothing
}

type caller func(ctx context.Context, c *authing.Client, options any) (any, error)

// methods has all that the original has.
var methods = map[string]method{
	"loginWithWxapp": {call: calling(loginWithWxapp), parts: rest(signedIn), signsIn: true, anonymous: true},
	"bindPhone": {parts: rest(hasID), call: calling(
		func(ctx context.Context, c *authing.Client, in wxappInput) (*authing.User, error) {
			return c.BindPhone(ctx, in.Code, in.Detail)
		})},
	"getPhone": {parts: rest(isPhone), call: calling(
		func(ctx context.Context, c *authing.Client, in wxappInput) (*authing.PhoneNumber, error) {
			return c.GetPhone(ctx, in.Code, in.Detail)
		})},
	"decrypt": {parts: rest(isFilled), call: calling(
		func(ctx context.Context, c *authing.Client, in wxappInput) (*authing.DecryptedData, error) {
			return c.Decrypt(ctx, in.Code, in.EncryptedData, in.IV)
		})},
	"getVerificationCode": {parts: rest(nothing), needs: []string{"phone"}, anonymous: true, call: calling(
		func(ctx context.Context, c *authing.Client, in phoneInput) (any, error) {
			return nil, c.GetVerificationCode(ctx, in.Phone)
		})},

	"loginByPhoneCode": {parts: graphql("login", signedIn), needs: []string{"phone"}, signsIn: true, call: calling(
		func(ctx context.Context, c *authing.Client, in phoneInput) (*authing.User, error) {
			return c.LoginByPhoneCode(ctx, in.Phone, string(in.PhoneCode))
		})},
	"login": {parts: graphql("login", signedIn), signsIn: true, call: calling(
		func(ctx context.Context, c *authing.Client, in authing.LoginParams) (*authing.User, error) {
			return c.Login(ctx, in)
		})},
	"register": {parts: graphql("register", hasID), call: calling(
		func(ctx context.Context, c *authing.Client, in authing.RegisterParams) (*authing.User, error) {
			return c.Register(ctx, in)
		})},
	"loginByLDAP": {
		parts: graphql("LoginByLDAP", signedIn), needs: []string{"username", "password"}, signsIn: true, anonymous: true,
		call: calling(func(ctx context.Context, c *authing.Client, in authing.LoginParams) (*authing.User, error) {
			return c.LoginByLDAP(ctx, in.Username, in.Password)
		})},
	"checkLoginStatus": {parts: graphql("checkLoginStatus", isStatus), read: true, call: calling(
		func(ctx context.Context, c *authing.Client, _ any) (*authing.LoginStatus, error) {
			return c.CheckLoginStatus(ctx)
		})},
	"logout": {parts: graphql("updateUser", hasID), needs: []string{"_id"}, call: calling(
		func(ctx context.Context, c *authing.Client, in userInput) (any, error) {
			return nil, c.Logout(ctx, in.ID)
		})},
	// The recordings have the original's private method, because its sendVerifyEmail does not work without.
	"_auth": {parts: graphql("getAccessTokenByAppSecret", isText), call: func(context.Context, *authing.Client, any) (any, error) {
		return nil, fmt.Errorf("%w: it needs no token of the pool's owner, nor the secret to get one", errInexpressible)
	}},

	"user": {parts: graphql("user", hasID), needs: []string{"id"}, read: true, call: calling(
		func(ctx context.Context, c *authing.Client, in struct{ ID string }) (*authing.User, error) {
			return c.User(ctx, in.ID)
		})},
	"update": {parts: graphql("updateUser", hasID), needs: []string{"_id"}, call: calling(
		func(ctx context.Context, c *authing.Client, in updateInput) (*authing.User, error) {
			return c.Update(ctx, in.ID, in.UserUpdate)
		})},
	"unbindEmail": {parts: graphql("unbindEmail", hasID), needs: []string{"user"}, call: calling(
		func(ctx context.Context, c *authing.Client, in struct{ User string }) (*authing.User, error) {
			return c.UnbindEmail(ctx, in.User)
		})},
	"changeAvatar": {
		parts: []part{graphql("qiNiuUploadToken", isText)[0], upload, graphql("updateUser", hasID)[0]},
		needs: []string{"_id"}, call: calling(changeAvatar),
	},

	"sendResetPasswordEmail": {parts: notice("sendResetPasswordEmail"), needs: []string{"email"}, call: calling(
		func(ctx context.Context, c *authing.Client, in authing.ChangePasswordParams) (any, error) {
			return nil, c.SendResetPasswordEmail(ctx, in.Email)
		})},
	"verifyResetPasswordVerifyCode": {
		parts: notice("verifyResetPasswordVerifyCode"), needs: []string{"email", "verifyCode"},
		call: calling(func(ctx context.Context, c *authing.Client, in authing.ChangePasswordParams) (any, error) {
			return nil, c.VerifyResetPasswordVerifyCode(ctx, in.Email, in.VerifyCode)
		})},
	"changePassword": {
		parts: graphql("changePassword", hasID), needs: []string{"email", "password", "verifyCode"},
		call: calling(func(ctx context.Context, c *authing.Client, in authing.ChangePasswordParams) (*authing.User, error) {
			return c.ChangePassword(ctx, in)
		})},
	"sendVerifyEmail": {parts: notice("sendVerifyEmail"), needs: []string{"email"}, call: calling(
		func(ctx context.Context, c *authing.Client, in authing.ChangePasswordParams) (any, error) {
			return nil, c.SendVerifyEmail(ctx, in.Email)
		})},

	"metadata": {
		parts: graphql("userMetadata", isMetadata), needs: []string{"_id"}, read: true,
		call: calling(func(ctx context.Context, c *authing.Client, in metadataInput) (*authing.Metadata, error) {
			return c.Metadata(ctx, in.ID)
		})},
	"setMetadata": {
		parts: graphql("setUserMetadata", isMetadata), needs: []string{"_id", "key"},
		call: calling(setMetadata),
	},
	"removeMetadata": {
		parts: graphql("removeUserMetadata", isMetadata), needs: []string{"_id", "key"},
		call: calling(func(ctx context.Context, c *authing.Client, in metadataInput) (*authing.Metadata, error) {
			return c.RemoveMetadata(ctx, in.ID, in.Key)
		})},

	"getAuthedAppList": {
		parts: graphql("GetUserAuthorizedApps", has("OAuthApps", "OIDCApps", "totalCount")),
		needs: []string{"userId"}, read: true,
		call: calling(func(ctx context.Context, c *authing.Client, in appsInput) (*authing.AuthedApps, error) {
			return c.GetAuthedAppList(ctx, in.UserID, in.ListOptions)
		})},
	"revokeAuthedApp": {
		parts: graphql("RevokeUserAuthorizedApp", has("_id", "appId", "isRevoked")), needs: []string{"userId", "appId"},
		call: calling(func(ctx context.Context, c *authing.Client, in appsInput) (*authing.RevokedApp, error) {
			return c.RevokeAuthedApp(ctx, in.UserID, in.AppID)
		})},
}

// errInexpressible is a call that the Go API does not have or its types rule out, such as one with a number for an id.
var errInexpressible = errors.New("the Go API has no such call")

// calling makes a caller of a call that takes the options of the original as an In. JavaScript's null becomes the zero
// value.
func calling[In, Out any](call func(context.Context, *authing.Client, In) (Out, error)) caller {
	return func(ctx context.Context, c *authing.Client, options any) (any, error) {
		in, err := decoded[In](options)
		if err != nil {
			return nil, err
		}
		return call(ctx, c, in)
	}
}

func decoded[In any](options any) (in In, err error) {
	data, err := json.Marshal(options)
	if err == nil {
		err = json.Unmarshal(data, &in)
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", errInexpressible, err)
	}
	return in, err
}

// wxappInput is the options object of the methods that spend a code of wx.login.
type wxappInput struct {
	Code           string
	Detail         authing.Detail
	EncryptedData  string // decrypt has no detail
	IV             string
	Phone          *string
	OverideProfile *bool
}

func loginWithWxapp(ctx context.Context, c *authing.Client, in wxappInput) (*authing.User, error) {
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

// textOrNumber is a text that the original also takes as a number.
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

type avatarInput struct {
	userInput
	Picked bool
}

const picture = "\x89PNG\r\n\x1a\nno reader looks further"

func changeAvatar(ctx context.Context, c *authing.Client, in avatarInput) (*authing.User, error) {
	var image io.Reader
	if in.Picked {
		image = bytes.NewReader([]byte(picture))
	}
	return c.ChangeAvatar(ctx, in.ID, image)
}

type metadataInput struct {
	userInput
	Key   string
	Value *string
}

func setMetadata(ctx context.Context, c *authing.Client, in metadataInput) (*authing.Metadata, error) {
	if in.ID != "" && in.Key != "" && in.Value == nil {
		return nil, fmt.Errorf("%w: SetMetadata always has a value", errInexpressible)
	}
	value := ""
	if in.Value != nil {
		value = *in.Value
	}
	return c.SetMetadata(ctx, in.ID, in.Key, value)
}

type appsInput struct {
	UserID, AppID string
	authing.ListOptions
}
