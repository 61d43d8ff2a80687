package authing

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-resty/resty/v2"

	"github.com/authing-wxapp/authing/internal/passwd"
)

const (
	defaultTimeout = 10 * time.Second
	answerLimit    = 1 << 20 // bytes, after decompression
)

// Client calls Authing for one user pool. Build it once with [NewClient] and share it: it is safe for concurrent use
// and never changes. It remembers no login: [Client.As] gives a copy that acts as one user. The zero Client fails every
// call with [ErrInvalidArgument].
type Client struct {
	config
	token Secret
}

// config is what a client and all its copies have in common.
type config struct {
	pool                            string
	users, oauth, apps, upload, cdn string // base URLs
	transport                       http.RoundTripper
	timeout, clientTimeout          time.Duration
	readRetries                     int
	logger                          *slog.Logger
	userAgent                       string
	publicKey                       *rsa.PublicKey
	http                            *resty.Client
	loginURL                        string         // joined once, which saves the most frequent call an allocation
	draft                           *resty.Request // of every request
	buffers                         *sync.Pool     // of *bytes.Buffer, to read answers into
}

// NewClient returns a client for the user pool with this id, which the Authing console shows.
// It does not touch the network. A bad id or option gives an error that matches [ErrInvalidArgument].
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
		return nil, unsent("NewClient", err)
	}
	if c.transport == nil {
		c.transport = newTransport()
	}
	if c.publicKey == nil {
		c.publicKey, _ = passwd.ParseKey(passwd.PublishedKey)
	}
	c.http, c.draft = newResty(c.transport, c.userAgent)
	c.loginURL = c.oauthURL("/oauth/wechatapp/auth/")
	c.buffers = &sync.Pool{New: func() any { return new(bytes.Buffer) }}
	return &Client{config: *c}, nil
}

// UserPoolID returns the id given to [NewClient].
func (c *Client) UserPoolID() string { return c.pool }

// As returns a copy of the client that acts as the holder of token, a User.Token. It shares connections with c and
// costs next to nothing, so make one per request. c is unchanged; As of a copy replaces its token; "" is nobody.
func (c *Client) As(token Secret) *Client {
	return &Client{config: c.config, token: token}
}

// CloseIdleConnections closes connections that no call is using, also those of a Transport given by [WithHTTPClient].
// The client stays usable.
func (c *Client) CloseIdleConnections() {
	if c.http != nil {
		c.http.GetClient().CloseIdleConnections()
	}
}

// Format prints the pool, not the token.
func (c Client) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "authing.Client{UserPoolID:%q}", c.pool) }

// oauthURL returns the address of a mini-program call, all of which end in the pool id.
func (c *config) oauthURL(path string) string { return c.oauth + path + c.pool }

func (c *Client) checkSignedIn() error {
	if c.token == "" {
		return &Error{kinds: []error{ErrLoginRequired}, summary: "the client acts as nobody",
			hint: "use client.As(user.Token); nothing was sent"}
	}
	return checkToken(c.token)
}

// OperationFromContext returns the name of the method ("BindPhone") that a request belongs to, from the request's
// context. It lets the Transport of a caller name its spans and metrics without reading URLs. It is empty elsewhere.
func OperationFromContext(ctx context.Context) string {
	if ctx == nil {
		return ""
	}
	if t, ok := ctx.Value(tripKey{}).(*trip); ok {
		return t.op
	}
	return ""
}

// request describes one call. The methods fill it in; everything about an endpoint stands there.
type request struct {
	op     string // the method's name
	check  error  // why the call cannot be made, nil if it can
	method string
	url    string   // of a GraphQL call the base URL, the users host if empty
	auth   string   // the Authorization header as this endpoint wants it; empty sends none
	body   any      // sent as JSON; nil sends nothing
	read   bool     // changes nothing, so that it may be sent again
	hide   []string // what must not show in an error and stands neither in body nor in auth

	spendsCode bool // also when it fails

	upload  *upload       // instead of body
	timeout time.Duration // instead of the default

	// Of a call that makes several requests.
	part  bool      // more follow: a success is not the end of the call
	began time.Time // when the first one began
}

// answer is what the service sent.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// envelope is how the REST endpoints wrap what they return.
type envelope[T any] struct {
	Code number `json:"code"`
	Data *T     `json:"data"`
}

// read decodes an answer and says why it is not a success.
func (e *envelope[T]) read(ans answer) error {
	err := decode(ans.body, e)
	if err != nil || ans.status != http.StatusOK || e.Code.value != http.StatusOK {
		return refusal(ans, err)
	}
	return nil
}

// rest makes a REST call and decodes data of its answer. lacks names what a T that the call promises does not have.
func rest[T any](ctx context.Context, c *Client, rq request, lacks func(*T) string) (*T, rawAnswer, error) {
	var env envelope[T]
	ans, err := c.do(ctx, rq, func(ans answer) error {
		if err := env.read(ans); err != nil {
			return err
		}
		if env.Data == nil {
			return incomplete(ans, "data")
		}
		if what := lacks(env.Data); what != "" {
			return incomplete(ans, what)
		}
		return nil
	})
	if err != nil {
		return nil, rawAnswer{}, err
	}
	return env.Data, rawAnswer{ans.body, [2]string{"data"}}, nil
}

func restUser(ctx context.Context, c *Client, rq request, lacks func(*wireUser) string) (*User, error) {
	return userOf(rest(ctx, c, rq, lacks))
}

// do makes a call: it is the only way to the service. judge decides whether an answer is a success.
func (c *config) do(ctx context.Context, rq request, judge func(answer) error) (answer, error) {
	if rq.began.IsZero() {
		rq.began = time.Now()
	}
	ans, attempts, err := c.send(ctx, rq, judge)
	if !rq.part || err != nil {
		c.log(ctx, rq.op, ans.status, attempts, time.Since(rq.began), err)
	}
	return ans, err
}

// send refuses what cannot be sent and sends the rest: once, or a read that met a passing trouble a few times.
func (c *config) send(ctx context.Context, rq request, judge func(answer) error) (ans answer, attempts int, err error) {
	switch {
	case c.http == nil:
		return ans, 0, unsent(rq.op, invalid("the Client was not made by NewClient"))
	case ctx == nil:
		return ans, 0, unsent(rq.op, invalid("the context is nil: use context.Background() if there is none"))
	case rq.check != nil:
		return ans, 0, unsent(rq.op, rq.check)
	case ctx.Err() != nil:
		return ans, 0, unsent(rq.op, notStarted(ctx.Err()))
	}
	var body []byte
	if rq.body != nil {
		if body, err = json.Marshal(rq.body); err != nil {
			return ans, 0, unsent(rq.op, invalid("the arguments cannot be written as JSON"))
		}
	}
	for attempts = 1; ; attempts++ {
		ans, err = c.exchange(ctx, rq, body)
		if err != nil && rq.upload != nil {
			if fault := rq.upload.fault(); fault != nil {
				return ans, attempts, unsent(rq.op, fault)
			}
		}
		if rq.read && attempts <= c.readRetries && passing(ans, err) && pause(ctx) {
			continue
		}
		if err == nil {
			err = judge(ans)
		}
		if err != nil {
			err = failure(rq, body, ans, err)
		}
		return ans, attempts, err
	}
}

// exchange sends one request and reads the answer to its end, so that the connection can be used again.
func (c *config) exchange(ctx context.Context, rq request, body []byte) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeLimit(rq))
	defer cancel()

	t := &trip{Context: ctx, request: *c.draft, op: rq.op, auth: rq.auth, upload: rq.upload}
	if body != nil {
		t.body.Reset(body)
		t.request.Body = &t.body // resty hands a reader through without copying it
	}
	resp, err := t.request.SetContext(t.traced()).Execute(rq.method, rq.url)
	if err != nil {
		return answer{}, networkError(ctx, err, &t.seen)
	}
	raw := resp.RawResponse
	defer raw.Body.Close()
	ans := answer{status: raw.StatusCode, header: raw.Header}
	if encoding := raw.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return ans, badResponse(ans, "an answer in an encoding that nobody asked for", nil)
	}
	t.answer = io.LimitedReader{R: raw.Body, N: answerLimit + 1}
	ans.body, err = c.read(&t.answer)
	switch {
	case err != nil:
		return ans, networkError(ctx, err, &t.seen)
	case len(ans.body) > answerLimit:
		ans.body = nil
		return ans, badResponse(ans, "an answer of more than 1 MiB", nil)
	}
	return ans, nil
}

// read returns all of body. It reads into a buffer that other calls use again, which saves four allocations of growing
// one, and returns a copy, so that nothing of the buffer outlives the call. After a failure no other call gets the buffer:
// a body that gives up when its context ends may leave somebody behind who still writes into it.
func (c *config) read(body io.Reader) ([]byte, error) {
	const tooLarge = 64 << 10 // to keep between calls
	buffer := c.buffers.Get().(*bytes.Buffer)
	buffer.Reset()
	_, err := buffer.ReadFrom(body)
	answer := bytes.Clone(buffer.Bytes())
	if err == nil && buffer.Cap() <= tooLarge {
		c.buffers.Put(buffer)
	}
	return answer, err
}

// timeLimit is the shortest of what the options say.
func (c *config) timeLimit(rq request) time.Duration {
	limit := cmp.Or(c.timeout, rq.timeout, defaultTimeout)
	if c.clientTimeout > 0 {
		limit = min(limit, c.clientTimeout)
	}
	return limit
}

// passing reports whether a read that went wrong is worth another try.
func passing(ans answer, err error) bool {
	if err == nil {
		return ans.status == 502 || ans.status == 503 || ans.status == 504
	}
	broken, ok := err.(lost)
	return ok && !errors.Is(broken.error, context.Canceled) && !errors.Is(broken.error, context.DeadlineExceeded) &&
		!tlsFailure(broken.error)
}

// pause waits a moment before another try. It is false if the context ends first.
func pause(ctx context.Context) bool {
	wait := 50*time.Millisecond + rand.N(100*time.Millisecond)
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *config) log(ctx context.Context, op string, status, attempts int, took time.Duration, err error) {
	if c.logger == nil {
		return
	}
	if ctx == nil {
		ctx = context.Background()
	}
	attrs := []slog.Attr{
		slog.String("op", op), slog.Duration("took", took), slog.Int("status", status), slog.Int("attempts", attempts),
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
