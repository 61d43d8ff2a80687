// Package api makes the calls of packages authing and authingv3. They describe a request and read its response; this
// package checks it, sends it at most once unless it is a read, redacts what an error would show, decides whether the
// outcome is known, and writes the log.
package api

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/authing-wxapp/authing/internal/transport"
)

const defaultTimeout = 10 * time.Second

// Client is what all calls of a client have in common. Set its options, then call Open; it must not change afterwards.
type Client struct {
	transport              http.RoundTripper
	timeout, clientTimeout time.Duration
	readRetries            int
	logger                 *slog.Logger
	userAgent              string
	http                   *transport.Client
}

// New returns a client with the default options.
func New() Client { return Client{readRetries: 1, userAgent: userAgent} }

// Open makes the client ready to send. Every call before it fails.
func (c *Client) Open() { c.http = transport.New(c.transport, c.userAgent) }

// IsOpen reports whether Open was called.
func (c *Client) IsOpen() bool { return c.http != nil }

// CloseIdleConnections closes the connections that no call is using.
func (c *Client) CloseIdleConnections() {
	if c.http != nil {
		c.http.CloseIdleConnections()
	}
}

// Request describes one call. Each method builds one, so an endpoint is defined in a single place.
type Request struct {
	Op            string // the method's name
	Invalid       error  // why the arguments cannot be sent
	Method        string
	URL           string
	Header        http.Header
	Auth          Auth
	Token         string        // the user's
	Authorization string        // for Anonymous calls that authenticate the client
	Body          any           // sent as JSON
	Form          *Form         // sent instead of Body
	Storage       bool          // goes to the storage of avatars, which numbers its own refusals from 600
	Reads         bool          // changes nothing, so it may be sent again
	Spends        string        // what it uses up even if it fails: "code"
	Secrets       []string      // extra values to redact from errors, beyond the token and the strings in Body
	Timeout       time.Duration // instead of the default
}

// Auth says how an endpoint takes the token.
type Auth int

// The ways to take a token.
const (
	Anonymous    Auth = iota
	Bare              // Authorization: <token>
	Bearer            // Authorization: Bearer <token>
	OwnBearer         // like Bearer, for a call about the owner of the token
	BareRequired      // like Bare, for a call that makes no sense without a token
)

// Form is a body that is not JSON.
type Form struct {
	ContentType string
	Body        []byte
}

// Call makes one call and logs it.
func Call[T any](ctx context.Context, c *Client, req Request, read func(transport.Response) (T, error)) (T, *Error) {
	log := Begin(req.Op)
	result, err := Exchange(ctx, c, req, &log, read)
	c.Log(ctx, log, err)
	return result, err
}

// Exchange is the only way to the service: it checks the request, sends it, reads the response and explains failures.
func Exchange[T any](ctx context.Context, c *Client, req Request, log *Record, read func(transport.Response) (T, error)) (T, *Error) {
	var none T
	if err := c.Check(ctx, req); err != nil {
		return none, NotSent(req.Op, err)
	}
	body, contentType, err := encode(req)
	if err != nil {
		return none, NotSent(req.Op, err)
	}
	retries := 0
	if req.Reads {
		retries = c.readRetries
	}
	resp, attempts, err := c.http.Send(ctx, transport.Request{
		Op:            req.Op,
		Method:        req.Method,
		URL:           req.URL,
		Authorization: req.authorization(),
		Header:        req.Header,
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
		return none, failure(req, body, resp, err)
	}
	return result, nil
}

// Check returns why req cannot be sent. It looks at the token first: without one, no argument helps.
func (c *Client) Check(ctx context.Context, req Request) error {
	switch {
	case c.http == nil:
		return Invalid("the Client was not made by NewClient")
	case ctx == nil:
		return Invalid("the context is nil: use context.Background() if there is none")
	}
	if req.Invalid != nil && req.Auth == OwnBearer && req.Token == "" {
		e := noToken()
		e.Match(req.Invalid)
		return e
	}
	return cmp.Or(req.checkToken(), req.Invalid, CanceledBefore(ctx))
}

// checkToken returns why a call that takes a token in this way cannot be made.
func (r Request) checkToken() error {
	switch {
	case r.Auth == BareRequired && r.Token == "":
		return noToken()
	case r.Auth == Anonymous || IsHeaderText(r.Token):
		return nil
	}
	return Invalid("the token given to As contains white space or control characters: " +
		`pass it unchanged, without "Bearer "`)
}

func noToken() *Error {
	return &Error{Reason: "no token", Hint: "use client.As with the token of a login; nothing was sent", Err: ErrLoginRequired}
}

// CanceledBefore reports that ctx was done before anything was sent.
func CanceledBefore(ctx context.Context) error {
	if err := HideOurs(ctx.Err()); err != nil {
		return &Error{Reason: "nothing was sent: " + err.Error(), Err: err}
	}
	return nil
}

func encode(req Request) (body []byte, contentType string, err error) {
	switch {
	case req.Form != nil:
		return req.Form.Body, req.Form.ContentType, nil
	case req.Body == nil:
		return nil, "", nil
	}
	if body, err = json.Marshal(req.Body); err != nil {
		return nil, "", Invalid("the arguments cannot be encoded as JSON")
	}
	return body, "", nil
}

// authorization formats the token the way the endpoint wants it.
func (r Request) authorization() string {
	switch {
	case r.Auth == Anonymous:
		return r.Authorization
	case r.Token == "":
		return ""
	case r.Auth == Bearer || r.Auth == OwnBearer:
		return "Bearer " + r.Token
	}
	return r.Token
}

// timeoutOf returns the shortest limit that applies to req.
func (c *Client) timeoutOf(req Request) time.Duration {
	limit := cmp.Or(c.timeout, req.Timeout, defaultTimeout)
	if c.clientTimeout > 0 {
		limit = min(limit, c.clientTimeout)
	}
	return limit
}

// Record is what the log says about a call.
type Record struct {
	op               string
	start            time.Time
	status, attempts int
}

// Begin starts the record of a call.
func Begin(op string) Record { return Record{op: op, start: time.Now()} }

// Log writes the record of a call that ended with err.
func (c *Client) Log(ctx context.Context, r Record, e *Error) {
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
	if e != nil {
		level = slog.LevelWarn
		attrs = append(attrs, slog.Int("code", e.Code), slog.String("error", e.Error()))
	}
	c.logger.LogAttrs(ctx, level, "authing call", attrs...)
}
