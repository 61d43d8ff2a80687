package api

import (
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"
)

// userAgent names this SDK and its version, the one at the top of CHANGELOG.md.
const userAgent = "authing-go/0.1.0"

// The options that all clients have. The packages above document them.

// SetHTTPClient takes the transport and the time limit of hc.
func (c *Client) SetHTTPClient(hc *http.Client) error {
	switch {
	case hc == nil:
		return Invalid("WithHTTPClient requires a client: omit the option for the default")
	case hc.Jar != nil:
		return Invalid("the http.Client has a cookie Jar, which would mix users up: remove it")
	case hc.CheckRedirect != nil:
		return Invalid("the http.Client has a CheckRedirect, but redirects are never followed: remove it")
	}
	if hc.Transport != nil && isNil(hc.Transport) {
		return Invalid("the http.Client has a Transport whose value is nil: set one, or none")
	}
	c.transport, c.clientTimeout = hc.Transport, hc.Timeout
	return nil
}

// isNil reports whether v is nil, or of a type that can be nil and is, which is a mistake even where it would not panic.
func isNil(v any) bool {
	switch of := reflect.ValueOf(v); of.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Chan, reflect.Func, reflect.Map, reflect.Pointer, reflect.Slice:
		return of.IsNil()
	}
	return false
}

// SetTimeout limits each exchange.
func (c *Client) SetTimeout(d time.Duration) error {
	if d <= 0 {
		return Invalid("the timeout must be positive: a call without a limit can hang forever")
	}
	c.timeout = d
	return nil
}

// SetReadRetries sets how often a read may be sent again.
func (c *Client) SetReadRetries(n int) error {
	if n < 0 {
		return Invalid("the number of read retries must not be negative: 0 switches them off")
	}
	c.readRetries = n
	return nil
}

// SetLogger sets where calls are logged; nil is nowhere.
func (c *Client) SetLogger(logger *slog.Logger) error {
	c.logger = logger
	return nil
}

// SetUserAgent appends name to the SDK's own.
func (c *Client) SetUserAgent(name string) error {
	if name == "" || !PrintableASCII(name) {
		return Invalid("the user agent must be printable ASCII text")
	}
	c.userAgent = userAgent + " " + name
	return nil
}

// BaseURL returns address without trailing slashes, or what is wrong with it.
// The problem does not quote the address, which may contain a password.
func BaseURL(address string, allowHTTP bool) (base, problem string) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "" || strings.HasSuffix(u.Host, ":") ||
		strings.Contains(u.Hostname(), ":") != strings.HasPrefix(u.Host, "["):
		return "", "is not an absolute URL: write it like https://auth.example.com"
	case u.User != nil:
		return "", "contains a user name or password: remove it"
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(address, "#"):
		return "", "contains a query or a fragment: remove it"
	case u.Scheme != "https" && u.Scheme != "http":
		return "", "must begin with https://"
	case u.Host == "https" || u.Host == "http":
		return "", "begins with https:// twice: write it once"
	case u.Scheme == "http" && !allowHTTP && !loopback(u.Hostname()):
		return "", "is plain http to another machine: use https, or allow it with AllowHTTP"
	}
	for _, segment := range strings.Split(u.Path, "/") {
		if segment == "." || segment == ".." {
			return "", "contains a dot segment: write the path in full"
		}
	}
	base = (&url.URL{Scheme: u.Scheme, Host: u.Host}).String() + strings.TrimRight(u.EscapedPath(), "/")
	// An IPv6 zone may contain bytes that url.Parse accepts once, but not after String has escaped them.
	if _, err := url.Parse(base); err != nil {
		return "", "has a host that cannot be written in a URL"
	}
	return base, ""
}

// CutPath removes end from the path of base, but not from a host of that name.
func CutPath(base, end string) (string, bool) {
	if u, err := url.Parse(base); err != nil || !strings.HasSuffix(u.EscapedPath(), end) {
		return base, false
	}
	return strings.TrimRight(strings.TrimSuffix(base, end), "/"), true
}

func loopback(host string) bool {
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()
}
