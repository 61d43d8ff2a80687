package main

import (
	"errors"
	"fmt"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingv3"
)

// configured returns what the environment selects: a user pool, an application, or nil for the demo.
func configured(env func(string) string) (accounts, error) {
	pool, app := env("AUTHING_USERPOOL_ID"), env("AUTHING_APP_ID")
	hosts := authing.Hosts{
		Users: env("AUTHING_USERS_HOST"), OAuth: env("AUTHING_OAUTH_HOST"),
		Upload: env("AUTHING_UPLOAD_HOST"), CDN: env("AUTHING_CDN_HOST"),
	}
	appHost, miniProgram, secret := env("AUTHING_APP_HOST"), env("AUTHING_MINI_PROGRAM"), env("AUTHING_APP_SECRET")
	switch {
	case pool != "" && app != "":
		return nil, errors.New("both AUTHING_USERPOOL_ID and AUTHING_APP_ID are set: keep the one that Authing gave you")
	case pool == "" && hosts != (authing.Hosts{}):
		return nil, errors.New("AUTHING_USERPOOL_ID is missing: set it together with the AUTHING_…_HOST variables, or unset all of them to run the demo")
	case app == "" && appHost+miniProgram+secret != "":
		return nil, errors.New("AUTHING_APP_ID is missing: set it together with AUTHING_APP_HOST and AUTHING_MINI_PROGRAM, or unset all of them to run the demo")
	case app != "" && (appHost == "" || miniProgram == ""):
		return nil, errors.New("AUTHING_APP_ID needs AUTHING_APP_HOST and AUTHING_MINI_PROGRAM")
	case app != "":
		// The page signs in again without a tap, so this backend needs no refresh tokens.
		opts, err := secretOptions(authing.Secret(secret), env("AUTHING_APP_SECRET_IN"))
		if err != nil {
			return nil, err
		}
		client, err := authingv3.NewClient(appHost, app, miniProgram, append(opts, authingv3.WithScope("openid profile phone"))...)
		if err != nil {
			return nil, err
		}
		return application{client}, nil
	case pool != "":
		client, err := authing.NewClient(pool, authing.WithHosts(hosts))
		if err != nil {
			return nil, err
		}
		return userPool{client}, nil
	}
	return nil, nil
}

// secretOptions says how the application authenticates: by default without a secret.
func secretOptions(secret authing.Secret, in string) ([]authingv3.Option, error) {
	switch {
	case secret == "":
		return nil, nil
	case in == "" || in == "body":
		return []authingv3.Option{authingv3.WithAppSecret(secret, authingv3.SecretInBody)}, nil
	case in == "basic":
		return []authingv3.Option{authingv3.WithAppSecret(secret, authingv3.SecretInBasic)}, nil
	}
	return nil, fmt.Errorf(`AUTHING_APP_SECRET_IN is %q: set it to "body" or "basic", as the application's token authentication method is`, in)
}
