package authing

import (
	"context"
	"crypto/rsa"

	"github.com/authing-wxapp/authing/internal/api"
	"github.com/authing-wxapp/authing/internal/passwd"
	"github.com/authing-wxapp/authing/internal/transport"
)

// Client calls Authing for one user pool. Build it once with [NewClient] and share it: it is immutable and safe for
// concurrent use. It does not remember logins: [Client.As] returns a copy that acts as one user. Every call on the zero
// Client fails with [ErrInvalidArgument].
type Client struct {
	config
	token Secret
}

// config is the same in a client and all its copies.
type config struct {
	api                             api.Client
	pool                            string
	users, oauth, apps, upload, cdn string // base URLs
	publicKey                       *rsa.PublicKey
	loginURL                        string // joined once: saves the most frequent call an allocation
}

// NewClient returns a client for a user pool, whose id the Authing console shows. It makes no request.
// A bad id or option is an error that matches [ErrInvalidArgument].
//
// Original: new Authing({userPoolId}).
func NewClient(userPoolID string, opts ...Option) (*Client, error) {
	c := &config{
		api:    api.New(),
		pool:   userPoolID,
		users:  "https://users.authing.cn",
		oauth:  "https://oauth.authing.cn",
		upload: "https://up.qiniup.com",
		cdn:    "https://usercontents.authing.cn",
	}
	err := api.CheckID("user pool id", userPoolID)
	for _, opt := range opts {
		if err == nil && opt != nil {
			err = opt(c)
		}
	}
	if err != nil {
		return nil, (*Error)(api.NotSent("NewClient", err))
	}
	if c.publicKey == nil {
		c.publicKey, _ = passwd.ParseKey(passwd.PublishedKey)
	}
	c.api.Open()
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
func (c *Client) CloseIdleConnections() { c.api.CloseIdleConnections() }

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

// call is the only way to the service. It makes one call and logs it.
func call[T any](ctx context.Context, c *Client, req api.Request, read func(transport.Response) (T, error)) (T, error) {
	req.Token = string(c.token)
	result, err := api.Call(ctx, &c.api, req, read)
	if err != nil {
		return result, (*Error)(err)
	}
	return result, nil
}
