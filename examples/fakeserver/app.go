package main

import (
	"flag"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/authing-wxapp/authing/authingtest"
)

// appModes are the settings of the application of today's API, as the flags and the control API write them.
type appModes struct {
	ClientAuth      string   `json:"clientAuth"`
	AccessTokenAlg  string   `json:"accessTokenAlg"`
	IDTokenAlg      string   `json:"idTokenAlg"`
	LifetimeField   string   `json:"lifetimeField"`
	TokenLifetime   string   `json:"tokenLifetime"`
	NoRefreshTokens bool     `json:"noRefreshTokens"`
	LoginOnly       bool     `json:"loginOnly"`
	FlatPhone       bool     `json:"flatPhone"`
	Tenants         []string `json:"tenants"`
}

// define defines a flag for each setting.
func (m *appModes) define(flags *flag.FlagSet) {
	flags.StringVar(&m.ClientAuth, "client-auth", "none", "how the application proves its identity: none, client_secret_post or client_secret_basic")
	flags.StringVar(&m.AccessTokenAlg, "access-token-alg", "RS256", "algorithm that signs access tokens: RS256 or HS256")
	flags.StringVar(&m.IDTokenAlg, "id-token-alg", "RS256", "algorithm that signs ID tokens: RS256 or HS256")
	flags.StringVar(&m.LifetimeField, "lifetime-field", "expires_in", "name of the lifetime in a token response: expires_in, expire_in or both")
	flags.StringVar(&m.TokenLifetime, "token-lifetime", "336h", "lifetime of access and ID tokens")
	flags.BoolVar(&m.NoRefreshTokens, "no-refresh-tokens", false, "the application has no refresh tokens")
	flags.BoolVar(&m.LoginOnly, "login-only", false, "WeChat users without an account are refused")
	flags.BoolVar(&m.FlatPhone, "flat-phone", false, "the response with a phone number has no phone_info")
	flags.Func("tenant", "ID of a tenant that a login may name; may be repeated", func(id string) error {
		m.Tenants = append(m.Tenants, id)
		return nil
	})
}

func (m *appModes) check() error {
	algorithms := []string{string(authingtest.RS256), string(authingtest.HS256)}
	for _, mode := range []struct {
		name, value string
		allowed     []string
	}{
		{"clientAuth", m.ClientAuth, []string{
			string(authingtest.AuthNone), string(authingtest.AuthPost), string(authingtest.AuthBasic),
		}},
		{"accessTokenAlg", m.AccessTokenAlg, algorithms},
		{"idTokenAlg", m.IDTokenAlg, algorithms},
		{"lifetimeField", m.LifetimeField, []string{
			authingtest.ExpiresIn, authingtest.ExpireIn, authingtest.BothLifetimes,
		}},
	} {
		if !slices.Contains(mode.allowed, mode.value) {
			return fmt.Errorf("%s must be one of %s, not %q", mode.name, strings.Join(mode.allowed, ", "), mode.value)
		}
	}
	if d, err := time.ParseDuration(m.TokenLifetime); err != nil || d < time.Second {
		return fmt.Errorf("tokenLifetime must be a duration of at least a second, not %q", m.TokenLifetime)
	}
	return nil
}

// apply needs settings that pass check.
func (m *appModes) apply(o *authingtest.AppOptions) {
	o.ClientAuth = authingtest.ClientAuth(m.ClientAuth)
	o.AccessTokenAlg, o.IDTokenAlg = authingtest.SigningAlg(m.AccessTokenAlg), authingtest.SigningAlg(m.IDTokenAlg)
	o.LifetimeField = m.LifetimeField
	o.TokenLifetime, _ = time.ParseDuration(m.TokenLifetime)
	o.NoRefreshTokens, o.LoginOnly, o.FlatPhone = m.NoRefreshTokens, m.LoginOnly, m.FlatPhone
	o.Tenants = m.Tenants
}

func (c *control) modes() (m appModes) {
	c.fake.ChangeApp(func(o *authingtest.AppOptions) {
		m = appModes{
			string(o.ClientAuth), string(o.AccessTokenAlg), string(o.IDTokenAlg), o.LifetimeField, o.TokenLifetime.String(),
			o.NoRefreshTokens, o.LoginOnly, o.FlatPhone, append([]string{}, o.Tenants...),
		}
	})
	return m
}

func (c *control) getApp(*http.Request) (any, error) { return c.modes(), nil }

func (c *control) changeApp(r *http.Request) (any, error) {
	m := c.modes() // keys that are absent keep their values
	if err := readBody(r, &m); err != nil {
		return nil, err
	}
	if err := m.check(); err != nil {
		return nil, badRequest(err)
	}
	c.fake.ChangeApp(m.apply)
	return c.modes(), nil
}

func (c *control) jwks() any { return map[string]string{"jwks": c.fake.JWKSURL()} }
