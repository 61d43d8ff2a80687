package authing

import (
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/authing-wxapp/authing/internal/passwd"
)

// Hosts names the servers of a private deployment. An empty field keeps the default. Each is a base URL
// ("https://users.example.com", a path prefix is kept) or, as the original SDK wanted it, the GraphQL address
// ("https://users.example.com/graphql").
type Hosts struct {
	Users  string // accounts, profile, SMS; default https://users.authing.cn
	OAuth  string // mini-program login, phone, LDAP; default https://oauth.authing.cn
	Upload string // avatar upload; default https://up.qiniup.com
	Apps   string // the list of authorized apps; default the users host
	CDN    string // where uploaded avatars are served; default https://usercontents.authing.cn

	// AllowHTTP permits plain http to hosts that are not loopback. Codes and tokens then travel unencrypted.
	AllowHTTP bool
}

// Option configures a [Client] while [NewClient] builds it. The order of options does not matter.
type Option func(*config) error

// WithHosts points the client at a private deployment, or at a fake in tests.
// An address with user info, query or fragment, another scheme than https, or plain http to a host
// that is not loopback (see [Hosts.AllowHTTP]) is refused.
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
			*h.base = base
		}
		return nil
	}
}

// baseURL returns address without trailing slashes and without a final /graphql, or what is wrong with it.
// The address itself is not part of the problem text: it may hold a password.
func baseURL(address string, allowHTTP bool) (base, problem string) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "" || strings.Contains(u.Hostname(), ":") != strings.HasPrefix(u.Host, "["):
		return "", "is not an absolute URL: write it like https://users.example.com"
	case u.User != nil:
		return "", "holds a user name or password: remove it"
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(address, "#"):
		return "", "holds a query or a fragment: remove it"
	case u.Scheme != "https" && u.Scheme != "http":
		return "", "must begin with https://"
	case u.Scheme == "http" && !allowHTTP && !loopback(u.Hostname()):
		return "", "is plain http to another machine: use https, or set Hosts.AllowHTTP"
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	path = strings.TrimRight(strings.TrimSuffix(path, "/graphql"), "/")
	for _, segment := range strings.Split(u.Path, "/") {
		if segment == "." || segment == ".." {
			return "", "holds a dot segment: write the path in full"
		}
	}
	base = (&url.URL{Scheme: u.Scheme, Host: u.Host}).String() + path
	// An IPv6 zone may hold bytes that url.Parse reads but that nothing reads again once String has escaped them.
	if _, err := url.Parse(base); err != nil {
		return "", "has a host that cannot be written in a URL"
	}
	return base, ""
}

func loopback(host string) bool {
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()
}

// WithHTTPClient sends the calls through the Transport of hc (nil: the SDK's own) and lets the shorter of its
// Timeout and [WithTimeout] win. hc is copied, never modified. A Jar or a CheckRedirect is an error: cookies would
// mix users up, and redirects are never followed.
//
// This is the place for a proxy, custom roots, tracing, or a mock (httpmock.NewMockTransport).
// A Transport that repeats requests on its own breaks the promise that a code is sent once.
func WithHTTPClient(hc *http.Client) Option {
	return func(c *config) error {
		switch {
		case hc == nil:
			return invalid("WithHTTPClient needs a client: leave the option out for the default")
		case hc.Jar != nil:
			return invalid("the http.Client has a cookie Jar, which would mix users up: remove it")
		case hc.CheckRedirect != nil:
			return invalid("the http.Client has a CheckRedirect, but redirects are never followed: remove it")
		}
		c.transport, c.clientTimeout = hc.Transport, hc.Timeout
		return nil
	}
}

// WithTimeout bounds each exchange with the service, from dialing to the last byte of the answer.
// The default is 10 seconds, and 60 for an avatar upload. The context of a call may end it earlier.
func WithTimeout(d time.Duration) Option {
	return func(c *config) error {
		if d <= 0 {
			return invalid("the timeout must be positive: a call without a limit can hang for ever")
		}
		c.timeout = d
		return nil
	}
}

// WithReadRetries sets how often a read may be sent again after a connection failure or a 502, 503 or 504.
// The default is 1; 0 switches it off. Calls that change something, send a message or spend a code are
// never sent twice, whatever this says. Each waits 50 to 150 ms first; a Retry-After is left to the caller.
func WithReadRetries(n int) Option {
	return func(c *config) error {
		if n < 0 {
			return invalid("the number of read retries must not be negative: 0 switches them off")
		}
		c.readRetries = n
		return nil
	}
}

// WithLogger writes one record per call: operation, duration, HTTP status, attempts and, of a failure, code and error. A
// CheckLoginStatus without a token asks nobody and writes none.
// No record holds a token, a code, a password, a phone number or an e-mail address. The default, and nil, is silence.
func WithLogger(logger *slog.Logger) Option {
	return func(c *config) error {
		c.logger = logger
		return nil
	}
}

// userAgent is this SDK and its version, which is that of the changelog.
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

// WithPublicKey replaces the key that passwords are encrypted with, for a private deployment with a key of its own:
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

// printableASCII reports whether s may stand in an HTTP header.
func printableASCII(s string) bool {
	return !slices.ContainsFunc([]byte(s), func(b byte) bool { return b < ' ' || b > '~' })
}
