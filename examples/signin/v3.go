package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingv3"
)

// newV3 returns a client for an application of today's Authing. Without a secret, none is sent.
func newV3(host, app, miniProgram string, secret authing.Secret, in string) (*authingv3.Client, error) {
	places := map[string]authingv3.SecretIn{"": authingv3.SecretInBody, "body": authingv3.SecretInBody, "basic": authingv3.SecretInBasic}
	var opts []authingv3.Option
	switch place, ok := places[in]; {
	case !ok:
		return nil, errors.New(`AUTHING_APP_SECRET_IN is neither "body" nor "basic"`)
	case secret != "":
		opts = append(opts, authingv3.WithAppSecret(secret, place))
	}
	return authingv3.NewClient(host, app, miniProgram, opts...)
}

// signInV3 tells what the service does with a code from wx.login, and with that of a phone button if there is one.
func signInV3(ctx context.Context, out io.Writer, client *authingv3.Client, code, phoneCode string) error {
	signIn := func() (*authingv3.Login, error) { return client.LoginWithWxapp(ctx, code) }
	if phoneCode != "" {
		signIn = func() (*authingv3.Login, error) { return client.LoginWithWxappPhone(ctx, code, phoneCode) }
	}
	login, err := signIn()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%-12s user %s, scope %s, refresh token %t, access token %s, until %s\n", "signed in", or(login.UserID, "unknown"),
		or(login.Scope, "unknown"), login.RefreshToken != "", header(login.AccessToken), until(login.ExpiresAt))

	user, err := client.As(login.AccessToken).User(ctx, authingv3.ExtraIdentities)
	if err != nil {
		return fmt.Errorf("signed in, but the profile cannot be read: %w", err)
	}
	fmt.Fprintf(out, "%-12s user %s, nickname %s, phone %s, openid %t, unionid %t\n", "profile", user.ID,
		or(user.Nickname, "none"), or(masked(user.Phone), "none"), user.OpenID() != "", user.UnionID() != "")

	if _, err := client.VerifyToken(ctx, login.AccessToken); err != nil {
		return fmt.Errorf("signed in, but the token cannot be verified: %w", err)
	}
	fmt.Fprintf(out, "%-12s Authing accepts the token\n", "verified")
	return nil
}

// header returns the first part of a token, which says what a Verifier needs: the algorithm and the key.
func header(token authing.Secret) string {
	first, _, _ := strings.Cut(string(token), ".")
	text, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil || !json.Valid(text) { // an opaque token may decode as well, and must not show
		return "not a JWT"
	}
	return string(text)
}

func until(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.Format(time.RFC3339)
}
