package authing

import (
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

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
			base, problem := baseURL(h.address, hosts.AllowHTTP)
			if problem != "" {
				return invalid("Hosts.%s %s", h.name, problem)
			}
			if h.base == &c.oauth && strings.HasSuffix(base, "/oauth") {
				return invalid("Hosts.OAuth ends in /oauth, which the package adds: leave it out")
			}
			*h.base = base
		}
		return nil
	}
}

// baseURL returns address without trailing slashes and without a final /graphql, or what is wrong with it.
// The problem does not quote the address, which may contain a password.
func baseURL(address string, allowHTTP bool) (base, problem string) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "" || strings.HasSuffix(u.Host, ":") ||
		strings.Contains(u.Hostname(), ":") != strings.HasPrefix(u.Host, "["):
		return "", "is not an absolute URL: write it like https://users.example.com"
	case u.User != nil:
		return "", "contains a user name or password: remove it"
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(address, "#"):
		return "", "contains a query or a fragment: remove it"
	case u.Scheme != "https" && u.Scheme != "http":
		return "", "must begin with https://"
	case u.Scheme == "http" && !allowHTTP && !loopback(u.Hostname()):
		return "", "is plain http to another machine: use https, or set Hosts.AllowHTTP"
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	path = strings.TrimRight(strings.TrimSuffix(path, "/graphql"), "/")
	for _, segment := range strings.Split(u.Path, "/") {
		if segment == "." || segment == ".." {
			return "", "contains a dot segment: write the path in full"
		}
	}
	base = (&url.URL{Scheme: u.Scheme, Host: u.Host}).String() + path
	// An IPv6 zone may contain bytes that url.Parse accepts once, but not after String has escaped them.
	if _, err := url.Parse(base); err != nil {
		return "", "has a host that cannot be written in a URL"
	}
	return base, ""
}

func loopback(host string) bool {
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()
}

// WithHTTPClient sends the calls through hc.Transport (nil: the SDK's own). The shorter of hc.Timeout and [WithTimeout]
// applies. hc is copied, never modified. A Jar or a CheckRedirect is an error: cookies would mix users up, and redirects
// are never followed.
//
// Use it for a proxy, custom root certificates, tracing (wrap [NewTransport]) or a mock (httpmock.NewMockTransport).
// A Transport that repeats requests on its own breaks the promise that a code is sent once.
func WithHTTPClient(hc *http.Client) Option {
	return func(c *config) error {
		switch {
		case hc == nil:
			return invalid("WithHTTPClient requires a client: omit the option for the default")
		case hc.Jar != nil:
			return invalid("the http.Client has a cookie Jar, which would mix users up: remove it")
		case hc.CheckRedirect != nil:
			return invalid("the http.Client has a CheckRedirect, but redirects are never followed: remove it")
		}
		if rt := reflect.ValueOf(hc.Transport); rt.Kind() == reflect.Pointer && rt.IsNil() {
			return invalid("the http.Client has a Transport that is a nil pointer: set one, or none")
		}
		c.transport, c.clientTimeout = hc.Transport, hc.Timeout
		return nil
	}
}

// NewTransport returns a new transport as the SDK uses it by default: with a connection pool for a busy backend, idle
// connections closed before servers close them, and response headers of at most 64 KiB. Adapt or wrap it and pass it to
// [WithHTTPClient].
func NewTransport() *http.Transport { return transport.NewHTTP() }

// WithTimeout limits each exchange with the service, from dialing to the last byte of the response.
// The default is 10 seconds, and 60 for an avatar upload. The context of a call may end it earlier.
func WithTimeout(d time.Duration) Option {
	return func(c *config) error {
		if d <= 0 {
			return invalid("the timeout must be positive: a call without a limit can hang forever")
		}
		c.timeout = d
		return nil
	}
}

// WithReadRetries sets how often a read may be sent again after a connection failure or a 502, 503 or 504, each time
// after 50 to 150 ms, or as long as Retry-After asks for if that is at most 3 seconds. The default is 1; 0 disables it.
// Calls that change something, send a message or use up a code are never sent twice, whatever this says.
func WithReadRetries(n int) Option {
	return func(c *config) error {
		if n < 0 {
			return invalid("the number of read retries must not be negative: 0 switches them off")
		}
		c.readRetries = n
		return nil
	}
}

// WithLogger writes one record per call: operation, duration, HTTP status, attempts and, for a failure, code and error.
// CheckLoginStatus without a token makes no request and logs nothing.
// No record contains a token, a code, a password, a phone number or an e-mail address. The default, and nil, is silent.
func WithLogger(logger *slog.Logger) Option {
	return func(c *config) error {
		c.logger = logger
		return nil
	}
}

// userAgent names this SDK and its version, the one at the top of CHANGELOG.md.
const userAgent = "authing-go/0.1.0"

// WithUserAgent appends the name of the application ("shop/1.4") to the SDK's own User-Agent.
func WithUserAgent(name string) Option {
	return func(c *config) error {
		if name == "" || !printableASCII(name) {
			return invalid("the user agent must be printable ASCII text")
		}
		c.userAgent = userAgent + " " + name
		return nil
	}
}

// WithPublicKey sets the key that passwords are encrypted with, for a private deployment that has its own:
// an RSA public key as PEM text ("BEGIN PUBLIC KEY").
func WithPublicKey(pem string) Option {
	return func(c *config) error {
		key, err := passwd.ParseKey(pem)
		if err != nil {
			return invalid("WithPublicKey: %v", err)
		}
		c.publicKey = key
		return nil
	}
}

// printableASCII reports whether s can be sent in an HTTP header.
func printableASCII(s string) bool {
	return !slices.ContainsFunc([]byte(s), func(b byte) bool { return b < ' ' || b > '~' })
}
