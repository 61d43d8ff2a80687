package authing

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/authing-wxapp/authing/internal/api"
	"github.com/authing-wxapp/authing/internal/passwd"
	"github.com/authing-wxapp/authing/internal/transport"
)

// Hosts are the servers of a private deployment. An empty field keeps the default. Each is a base URL
// ("https://users.example.com"; a path prefix is kept) or, as in the original SDK, the GraphQL URL
// ("https://users.example.com/graphql").
type Hosts struct {
	Users  string // accounts, profile, SMS; default https://users.authing.cn
	OAuth  string // mini-program login, phone, LDAP; default https://oauth.authing.cn
	Upload string // avatar upload; default https://up.qiniup.com
	Apps   string // the list of authorized apps; default the users host
	CDN    string // where uploaded avatars are served; default https://usercontents.authing.cn

	// AllowHTTP permits plain http to hosts that are not loopback. Codes and tokens are then sent unencrypted.
	AllowHTTP bool
}

// Option configures a [Client] in [NewClient]. The order of options does not matter.
type Option func(*config) error

// WithHosts points the client at a private deployment, or at a fake in tests.
// It rejects a URL with user info, query or fragment, a scheme other than https, and plain http to a host
// that is not loopback (see [Hosts.AllowHTTP]).
func WithHosts(hosts Hosts) Option {
	return func(c *config) error {
		for _, h := range []struct {
			name, address string
			base          *string
		}{
			{"Users", hosts.Users, &c.users},
			{"OAuth", hosts.OAuth, &c.oauth},
			{"Upload", hosts.Upload, &c.upload},
			{"Apps", hosts.Apps, &c.apps},
			{"CDN", hosts.CDN, &c.cdn},
		} {
			if h.address == "" {
				continue
			}
			base, problem := api.BaseURL(h.address, hosts.AllowHTTP)
			if problem != "" {
				return api.Invalid("Hosts.%s %s", h.name, problem)
			}
			base, _ = api.CutPath(base, "/graphql")
			shorter, _ := api.CutPath(base, "/wechatapp")
			if _, twice := api.CutPath(shorter, "/oauth"); twice && h.base == &c.oauth {
				return api.Invalid("Hosts.OAuth contains /oauth, which the package adds: leave it out")
			}
			*h.base = base
		}
		return nil
	}
}

// WithHTTPClient sends the calls through hc.Transport (nil: the SDK's own). The shorter of hc.Timeout and [WithTimeout]
// applies. hc is copied, never modified. A Jar or a CheckRedirect is an error: cookies would mix users up, and redirects
// are never followed.
//
// Use it for a proxy, custom root certificates, tracing (wrap [NewTransport]) or a mock (httpmock.NewMockTransport).
// A Transport that repeats requests on its own breaks the promise that a code is sent once.
func WithHTTPClient(hc *http.Client) Option {
	return func(c *config) error { return c.api.SetHTTPClient(hc) }
}

// NewTransport returns a new transport as the SDK uses it by default: with a connection pool for a busy backend, idle
// connections closed before servers close them, and response headers of at most 64 KiB. Adapt or wrap it and pass it to
// [WithHTTPClient].
func NewTransport() *http.Transport { return transport.NewHTTP() }

// WithTimeout limits each exchange with the service, from dialing to the last byte of the response.
// The default is 10 seconds, and 60 for an avatar upload. The context of a call may end it earlier.
func WithTimeout(d time.Duration) Option {
	return func(c *config) error { return c.api.SetTimeout(d) }
}

// WithReadRetries sets how often a read may be sent again after a connection failure or a 502, 503 or 504, each time
// after 50 to 150 ms, or as long as Retry-After asks for if that is at most 3 seconds. The default is 1; 0 disables it.
// Calls that change something, send a message or use up a code are never sent twice, whatever this says.
func WithReadRetries(n int) Option {
	return func(c *config) error { return c.api.SetReadRetries(n) }
}

// WithLogger writes one record per call: operation, duration, HTTP status, attempts and, for a failure, code and error.
// CheckLoginStatus without a token makes no request and logs nothing.
// No record contains a token, a code, a password, a phone number or an e-mail address. The default, and nil, is silent.
func WithLogger(logger *slog.Logger) Option {
	return func(c *config) error { return c.api.SetLogger(logger) }
}

// WithUserAgent appends the name of the application ("shop/1.4") to the SDK's own User-Agent.
func WithUserAgent(name string) Option {
	return func(c *config) error { return c.api.SetUserAgent(name) }
}

// WithPublicKey sets the key that passwords are encrypted with, for a private deployment that has its own:
// an RSA public key as PEM text ("BEGIN PUBLIC KEY").
func WithPublicKey(pem string) Option {
	return func(c *config) error {
		key, err := passwd.ParseKey(pem)
		if err != nil {
			return api.Invalid("WithPublicKey: %v", err)
		}
		c.publicKey = key
		return nil
	}
}
