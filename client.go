package authing

import (
	"cmp"
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/authing-wxapp/authing/internal/passwd"
	"github.com/authing-wxapp/authing/internal/transport"
)

const defaultTimeout = 10 * time.Second

// Client calls Authing for one user pool. Build it once with [NewClient] and share it: it is immutable and safe for
// concurrent use. It does not remember logins: [Client.As] returns a copy that acts as one user. Every call on the zero
// Client fails with [ErrInvalidArgument].
type Client struct {
	config
	token Secret
}

// config is the same in a client and all its copies.
type config struct {
	pool                            string
	users, oauth, apps, upload, cdn string // base URLs
	transport                       http.RoundTripper
	timeout, clientTimeout          time.Duration
	readRetries                     int
	logger                          *slog.Logger
	userAgent                       string
	publicKey                       *rsa.PublicKey
	http                            *transport.Client
	loginURL                        string // joined once: saves the most frequent call an allocation
}

// NewClient returns a client for a user pool, whose id the Authing console shows. It makes no request.
// A bad id or option is an error that matches [ErrInvalidArgument].
//
// Original: new Authing({userPoolId}).
func NewClient(userPoolID string, opts ...Option) (*Client, error) {
	c := &config{
		pool:        userPoolID,
		users:       "https://users.authing.cn",
		oauth:       "https://oauth.authing.cn",
		upload:      "https://up.qiniup.com",
		cdn:         "https://usercontents.authing.cn",
		readRetries: 1,
		userAgent:   userAgent,
	}
	err := checkPoolID(userPoolID)
	for _, opt := range opts {
		if err == nil && opt != nil {
			err = opt(c)
		}
	}
	if err != nil {
		return nil, notSent("NewClient", err)
	}
	if c.publicKey == nil {
		c.publicKey, _ = passwd.ParseKey(passwd.PublishedKey)
	}
	c.http = transport.New(c.transport, c.userAgent)
	c.loginURL = c.oauthURL("/oauth/wechatapp/auth/")
	return &Client{config: *c}, nil
}

// UserPoolID returns the id of the user pool.
func (c *Client) UserPoolID() string { return c.pool }

// As returns a copy of the client that acts as the user whose User.Token is token. The copy shares connections with c and
// is cheap, so make one per request. c does not change, the last As wins, and "" removes the token.
func (c *Client) As(token Secret) *Client {
	return &Client{config: c.config, token: token}
}

// CloseIdleConnections closes the connections that no call is using, including those of a Transport given by
// [WithHTTPClient]. The client stays usable.
func (c *Client) CloseIdleConnections() {
	if c.http != nil {
		c.http.CloseIdleConnections()
	}
}

// oauthURL returns the URL of a mini-program call, all of which end in the pool id.
func (c *config) oauthURL(path string) string { return c.oauth + path + c.pool }

// OperationFromContext returns the name of the method ("BindPhone") whose request carries ctx, or "". It lets a caller's
// Transport name its spans and metrics without parsing URLs.
func OperationFromContext(ctx context.Context) string {
	if ctx == nil {
		return ""
	}
	return transport.Operation(ctx)
}

// request describes one API call. Each method builds one, so an endpoint is defined in a single place.
type request struct {
	op       string // the method's name
	invalid  error  // why the arguments cannot be sent
	method   string
	url      string // for GraphQL, the base URL; defaults to the users host
	auth     auth
	body     any           // sent as JSON
	form     *form         // sent instead of body
	reads    bool          // changes nothing, so it may be sent again
	usesCode bool          // even if it fails
	secrets  []string      // extra values to redact from errors, beyond the token and the strings in body
	timeout  time.Duration // instead of the default
}

// auth says how an endpoint takes the token.
type auth int

const (
	anonymous    auth = iota
	bare              // Authorization: <token>
	bearer            // Authorization: Bearer <token>
	ownBearer         // like bearer, for a call about the owner of the token
	bareRequired      // like bare, for a call that makes no sense without a token
)

// form is a body that is not JSON.
type form struct {
	contentType string
	body        []byte
}

// call makes one API call and logs it.
func call[T any](ctx context.Context, c *Client, req request, read func(transport.Response) (T, error)) (T, error) {
	log := record{op: req.op, start: time.Now()}
	result, err := exchange(ctx, c, req, &log, read)
	c.log(ctx, log, err)
	return result, err
}

// exchange is the only way to the service: it checks the request, sends it, reads the response and explains failures.
func exchange[T any](ctx context.Context, c *Client, req request, log *record, read func(transport.Response) (T, error)) (T, error) {
	var none T
	if err := c.check(ctx, req); err != nil {
		return none, notSent(req.op, err)
	}
	body, contentType, err := encode(req)
	if err != nil {
		return none, notSent(req.op, err)
	}
	retries := 0
	if req.reads {
		retries = c.readRetries
	}
	resp, attempts, err := c.http.Send(ctx, transport.Request{
		Op:            req.op,
		Method:        req.method,
		URL:           req.url,
		Authorization: c.authorization(req.auth),
		ContentType:   contentType,
		Body:          body,
		Timeout:       c.timeoutOf(req),
		Retries:       retries,
	})
	log.status, log.attempts = resp.Status, attempts
	var result T
	if err == nil {
		result, err = read(resp)
	}
	if err != nil {
		return none, failure(c, req, body, resp, err)
	}
	return result, nil
}

// check returns why req cannot be sent. It looks at the token first: without one, no argument helps.
func (c *Client) check(ctx context.Context, req request) error {
	switch {
	case c.http == nil:
		return invalid("the Client was not made by NewClient")
	case ctx == nil:
		return invalid("the context is nil: use context.Background() if there is none")
	}
	if req.invalid != nil && req.auth == ownBearer && c.token == "" {
		e := noToken()
		e.match(req.invalid)
		return e
	}
	return cmp.Or(c.checkAuth(req.auth), req.invalid, canceledBefore(ctx))
}

// canceledBefore reports that ctx was done before anything was sent.
func canceledBefore(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return &Error{Reason: "nothing was sent: " + err.Error(), Err: err}
	}
	return nil
}

func encode(req request) (body []byte, contentType string, err error) {
	switch {
	case req.form != nil:
		return req.form.body, req.form.contentType, nil
	case req.body == nil:
		return nil, "", nil
	}
	if body, err = json.Marshal(req.body); err != nil {
		return nil, "", invalid("the arguments cannot be encoded as JSON")
	}
	return body, "", nil
}

// authorization formats the token the way the endpoint wants it.
func (c *Client) authorization(a auth) string {
	switch {
	case a == anonymous || c.token == "":
		return ""
	case a == bearer || a == ownBearer:
		return "Bearer " + string(c.token)
	}
	return string(c.token)
}

// timeoutOf returns the shortest limit that applies to req.
func (c *config) timeoutOf(req request) time.Duration {
	limit := cmp.Or(c.timeout, req.timeout, defaultTimeout)
	if c.clientTimeout > 0 {
		limit = min(limit, c.clientTimeout)
	}
	return limit
}

// record is what the log says about a call.
type record struct {
	op               string
	start            time.Time
	status, attempts int
}

func (c *config) log(ctx context.Context, r record, err error) {
	if c.logger == nil {
		return
	}
	if ctx == nil {
		ctx = context.Background()
	}
	attrs := []slog.Attr{
		slog.String("op", r.op), slog.Duration("took", time.Since(r.start)), slog.Int("status", r.status), slog.Int("attempts", r.attempts),
	}
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelWarn
		var e *Error
		if errors.As(err, &e) {
			attrs = append(attrs, slog.Int("code", e.Code))
		}
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	c.logger.LogAttrs(ctx, level, "authing call", attrs...)
}
