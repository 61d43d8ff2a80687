package authingv3

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/api"
)

// Option configures a [Client] in [NewClient]. The order of options does not matter.
type Option func(*config) error

// SecretIn says where the application expects its secret, as the console's 换取 token 身份验证方式 does.
type SecretIn int

// The ways to send the secret.
const (
	SecretInBody  SecretIn = iota + 1 // client_secret_post
	SecretInBasic                     // client_secret_basic
)

// WithAppSecret authenticates the application where it is set to client_secret_post ([SecretInBody]) or client_secret_basic
// ([SecretInBasic]). Without this option no secret is sent, which is the setting none; the service rejects a secret there
// as it rejects a missing one elsewhere. The settings for introspection and revocation have to be the same.
func WithAppSecret(secret authing.Secret, in SecretIn) Option {
	return func(c *config) error {
		if in != SecretInBody && in != SecretInBasic {
			return api.Invalid("WithAppSecret requires SecretInBody or SecretInBasic")
		}
		if secret == "" {
			return api.Invalid("the application's secret is empty: omit WithAppSecret if there is none")
		}
		c.secret, c.secretIn = secret, in
		return api.CheckText("application's secret", string(secret))
	}
}

// WithUserPool sends the id of the user pool beside that of the application. The sources do not say that it is needed.
func WithUserPool(id string) Option {
	return func(c *config) error {
		c.pool = id
		return api.CheckID("user pool id", id)
	}
}

// WithScope sets what tokens permit, as words separated by spaces. The default is "openid profile phone offline_access":
// without offline_access there is no refresh token, without phone [Client.User] returns no number. Empty leaves the scope to
// the service.
func WithScope(scope string) Option {
	return func(c *config) error {
		if words := strings.Fields(scope); scope != "" && !slices.Contains(words, "openid") {
			return api.Invalid("the scope has to contain openid")
		}
		c.scope = scope
		return api.CheckText("scope", scope)
	}
}

// WithTenant signs users in to a tenant of the application.
func WithTenant(id string) Option {
	return func(c *config) error {
		c.tenant = id
		return api.CheckID("tenant id", id)
	}
}

// WithAllowHTTP permits plain http to a host that is not loopback. Codes, tokens and secrets are then sent unencrypted.
func WithAllowHTTP() Option {
	return func(c *config) error {
		c.allowHTTP = true
		return nil
	}
}

// WithHTTPClient sends the calls through hc.Transport, as [authing.WithHTTPClient] does.
func WithHTTPClient(hc *http.Client) Option {
	return func(c *config) error { return c.api.SetHTTPClient(hc) }
}

// WithTimeout limits each exchange with the service, from dialing to the last byte of the response.
// The default is 10 seconds, and 60 for an avatar upload. The context of a call may end it earlier.
func WithTimeout(d time.Duration) Option {
	return func(c *config) error { return c.api.SetTimeout(d) }
}

// WithReadRetries sets how often a read may be sent again, as [authing.WithReadRetries] does. The reads are [Client.User]
// and [Client.VerifyToken].
func WithReadRetries(n int) Option {
	return func(c *config) error { return c.api.SetReadRetries(n) }
}

// WithLogger writes one record per call, as [authing.WithLogger] does.
func WithLogger(logger *slog.Logger) Option {
	return func(c *config) error { return c.api.SetLogger(logger) }
}

// WithUserAgent appends the name of the application ("shop/1.4") to the SDK's own User-Agent.
func WithUserAgent(name string) Option {
	return func(c *config) error { return c.api.SetUserAgent(name) }
}
