package authingv3

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/api"
	"github.com/authing-wxapp/authing/internal/transport"
)

// headerPrefix begins the names of Authing's own headers.
const headerPrefix = "X-Authing-"

const defaultScope = "openid profile phone offline_access"

// Client calls Authing for one application and one mini program. Build it once with [NewClient] and share it: it is
// immutable and safe for concurrent use. It does not remember logins: [Client.As] returns a copy that acts as one user.
// Every call on the zero Client fails with [authing.ErrInvalidArgument].
type Client struct {
	config
	token authing.Secret
}

// config is the same in a client and all its copies.
type config struct {
	api                        api.Client
	root                       string // URL without a slash at the end
	signInByMobile             string // root and the path of that name
	appID, miniProgram, pool   string
	scope, tenant              string
	secret                     authing.Secret
	secretIn                   SecretIn
	basic                      string // the header of SecretInBasic
	allowHTTP                  bool
	appHeader, envelopedHeader http.Header
	getHeader                  http.Header // without the type of a body
}

// NewClient returns a client for an application. It makes no request.
//
// host is the application's address in the Authing console (认证地址, "https://my-shop.authing.cn"), with or without a path.
// appID is the application's id. miniProgram is the identifier (唯一标识) of the identity source 微信小程序 that holds the
// AppID and AppSecret of the mini program. A bad argument or option is an error that matches [authing.ErrInvalidArgument].
func NewClient(host, appID, miniProgram string, opts ...Option) (*Client, error) {
	c := &config{api: api.New(), appID: appID, miniProgram: miniProgram, scope: defaultScope}
	err := api.CheckID("application id", appID)
	if err == nil {
		err = api.CheckID("identifier of the mini program's identity source", miniProgram)
	}
	for _, opt := range opts {
		if err == nil && opt != nil {
			err = opt(c)
		}
	}
	if err == nil {
		var problem string
		c.root, problem = api.BaseURL(host, c.allowHTTP)
		for _, added := range []string{"/oidc", "/api/v3"} {
			if _, twice := api.CutPath(c.root, added); twice {
				problem = "ends in " + added + ", which the package adds: leave it out"
			}
		}
		if problem != "" {
			err = api.Invalid("the host %s", problem)
		}
	}
	if err != nil {
		return nil, (*authing.Error)(api.NotSent("NewClient", err))
	}
	if c.secretIn == SecretInBasic {
		c.basic = "Basic " + base64.StdEncoding.EncodeToString([]byte(appID+":"+string(c.secret)))
	}
	c.appHeader = http.Header{headerPrefix + "App-Id": {appID}}
	c.envelopedHeader = c.appHeader.Clone()
	if c.pool != "" {
		c.envelopedHeader.Set(headerPrefix+"Userpool-Id", c.pool)
	}
	c.getHeader = c.envelopedHeader.Clone()
	c.getHeader["Content-Type"] = nil
	c.signInByMobile = c.root + signInByMobile
	c.api.Open()
	return &Client{config: *c}, nil
}

// AppID returns the id of the application.
func (c *Client) AppID() string { return c.appID }

// As returns a copy of the client that acts as the user whose Login.AccessToken is token. The copy shares connections with
// c and is cheap, so make one per request. c does not change, the last As wins, and "" removes the token.
func (c *Client) As(token authing.Secret) *Client {
	return &Client{config: c.config, token: token}
}

// CloseIdleConnections closes the connections that no call is using, including those of a Transport given by
// [WithHTTPClient]. The client stays usable.
func (c *Client) CloseIdleConnections() { c.api.CloseIdleConnections() }

// call makes a call of one request and logs it.
func call[T any](ctx context.Context, c *Client, req api.Request, read func(transport.Response) (T, error)) (T, error) {
	log := api.Begin(req.Op)
	result, err := exchange(ctx, c, req, &log, read)
	return result, c.finish(ctx, log, err)
}

// exchange is the only way to the service. It makes one request.
func exchange[T any](ctx context.Context, c *Client, req api.Request, log *api.Record, read func(transport.Response) (T, error)) (T, *api.Error) {
	result, err := api.Exchange(ctx, &c.api, c.complete(req), log, read)
	if err != nil && req.Auth == api.BareRequired && (err.Code == http.StatusUnauthorized || err.StatusCode == http.StatusUnauthorized) {
		err.Match(api.ErrLoginRequired) // elsewhere, 401 may be about the application
	}
	return result, err
}

// finish logs a call and returns its error.
func (c *Client) finish(ctx context.Context, log api.Record, err *api.Error) error {
	c.api.Log(ctx, log, err)
	if err != nil {
		return (*authing.Error)(err)
	}
	return nil
}

// complete adds to a request what does not depend on the call.
func (c *Client) complete(req api.Request) api.Request {
	if req.Header == nil {
		req.Header = c.envelopedHeader
	}
	if req.Method == "" {
		req.Method = http.MethodPost
	} else {
		req.Header = c.getHeader
	}
	if req.URL == signInByMobile {
		req.URL = c.signInByMobile // joined once: saves the most frequent call an allocation
	} else {
		req.URL = c.root + req.URL
	}
	req.Token = string(c.token)
	if c.secret != "" {
		req.Secrets = append(req.Secrets, string(c.secret), strings.TrimPrefix(c.basic, "Basic "))
	}
	return req
}

// clientID and clientSecret are what the client authenticates with inside of a body. A secret that is configured for the
// header, or not at all, never gets into a body.
func (c *config) clientID() string {
	if c.secretIn == SecretInBody {
		return c.appID
	}
	return ""
}

func (c *config) clientSecret() string {
	if c.secretIn == SecretInBody {
		return string(c.secret)
	}
	return ""
}

// tokenForm completes a request to an /oidc endpoint, which takes a form and is not enveloped.
func (c *Client) tokenForm(req api.Request, values url.Values) api.Request {
	if c.secretIn != SecretInBasic {
		values.Set("client_id", c.appID)
	}
	if secret := c.clientSecret(); secret != "" {
		values.Set("client_secret", secret)
	}
	req.Authorization = c.basic
	req.Header = c.appHeader
	req.Form = &api.Form{ContentType: "application/x-www-form-urlencoded", Body: []byte(values.Encode())}
	return req
}
