// Package contest implements the login call of a mini program in several ways, to compare this SDK with the others. All
// of them decode every field of the response.
package contest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-resty/resty/v2"

	"github.com/authing-wxapp/authing"
)

// The parameters of the call. [Server] delays responses for the pool Slow.
const (
	Pool = "5e4cdd055df3df65dc58b97d"
	Slow = "slow"

	path = "/oauth/wechatapp/auth/"
	code = "061AbcDefGhiJklMnoPqrStu0VwXyZ01"
	iv   = "EBESExQVFhcYGRobHB0eHw=="
)

var encryptedData = strings.Repeat("aLhedzo+Z6es5zW+YHo9sgkoobhypSEe", 12)

// Login makes one login call. It fails if the user in the response is incomplete.
type Login func(context.Context) error

// Contender is one way to make the call. New returns the call for a base URL and a user pool. With a nil transport, the
// contender uses a transport of its own.
type Contender struct {
	Name string
	New  func(base, pool string, transport http.RoundTripper) (Login, error)
}

// The contenders. NetHTTP is the reference: it uses net/http's default transport and has no timeout.
var (
	NetHTTP = Contender{"nethttp", func(base, pool string, transport http.RoundTripper) (Login, error) {
		return netHTTP(base, pool, transportOr(transport, 0)), nil
	}}
	NetHTTPTuned = Contender{"nethttp tuned transport", func(base, pool string, transport http.RoundTripper) (Login, error) {
		return netHTTP(base, pool, transportOr(transport, 512)), nil
	}}
	// NetHTTPLimited has a timeout, like this SDK.
	NetHTTPLimited = Contender{"nethttp tuned, with timeout", func(base, pool string, transport http.RoundTripper) (Login, error) {
		login := netHTTP(base, pool, transportOr(transport, 512))
		return func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
			defer cancel()
			return login(ctx)
		}, nil
	}}
	Resty   = Contender{"resty", plainResty}
	Authing = Contender{"authing", sdk}

	All = []Contender{NetHTTP, NetHTTPTuned, NetHTTPLimited, Resty, Authing}
)

// transportOr returns transport or, if it is nil, a new one that keeps idlePerHost idle connections (0: net/http's
// default).
func transportOr(transport http.RoundTripper, idlePerHost int) http.RoundTripper {
	if transport != nil {
		return transport
	}
	own := http.DefaultTransport.(*http.Transport).Clone()
	if idlePerHost > 0 {
		own.MaxIdleConns, own.MaxIdleConnsPerHost = 2*idlePerHost, idlePerHost
	}
	return own
}

type loginBody struct {
	IV            string `json:"iv"`
	EncryptedData string `json:"encryptedData"`
	Code          string `json:"code"`
}

type envelope struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    *user  `json:"data"`
}

// user has the fields of authing.User, with dates as strings.
type user struct {
	ID               string `json:"_id"`
	Email            string `json:"email"`
	EmailVerified    bool   `json:"emailVerified"`
	Phone            string `json:"phone"`
	PhoneVerified    bool   `json:"phoneVerified"`
	Username         string `json:"username"`
	Nickname         string `json:"nickname"`
	Company          string `json:"company"`
	Photo            string `json:"photo"`
	Browser          string `json:"browser"`
	Device           string `json:"device"`
	UnionID          string `json:"unionid"`
	OpenID           string `json:"openid"`
	OAuth            string `json:"oauth"`
	RegisterInClient string `json:"registerInClient"`
	RegisterMethod   string `json:"registerMethod"`
	Token            string `json:"token"`
	TokenExpiredAt   string `json:"tokenExpiredAt"`
	LoginsCount      int    `json:"loginsCount"`
	LastLogin        string `json:"lastLogin"`
	LastIP           string `json:"lastIP"`
	SignedUp         string `json:"signedUp"`
	Blocked          bool   `json:"blocked"`
	IsDeleted        bool   `json:"isDeleted"`
	Group            struct {
		ID   string `json:"_id"`
		Name string `json:"name"`
	} `json:"group"`
}

var errIncomplete = errors.New("incomplete user")

func (e *envelope) check() error {
	if e.Code != http.StatusOK || e.Data == nil || e.Data.Token == "" || e.Data.ID == "" || e.Data.Group.Name == "" {
		return errIncomplete
	}
	return nil
}

// netHTTP is a typical hand-written implementation.
func netHTTP(base, pool string, transport http.RoundTripper) Login {
	const limit = 1 << 20
	client, address := &http.Client{Transport: transport}, base+path+pool
	return func(ctx context.Context) error {
		body, err := json.Marshal(loginBody{iv, encryptedData, code})
		if err != nil {
			return err
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		response, err := io.ReadAll(io.LimitReader(resp.Body, limit))
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return errors.New(resp.Status)
		}
		var env envelope
		if err := json.Unmarshal(response, &env); err != nil {
			return err
		}
		return env.check()
	}
}

func plainResty(base, pool string, transport http.RoundTripper) (Login, error) {
	client := resty.New()
	if transport != nil {
		client.SetTransport(transport)
	}
	address := base + path + pool
	return func(ctx context.Context) error {
		var env envelope
		_, err := client.R().SetContext(ctx).SetBody(loginBody{iv, encryptedData, code}).SetResult(&env).Post(address)
		if err != nil {
			return err
		}
		return env.check()
	}, nil
}

func sdk(base, pool string, transport http.RoundTripper) (Login, error) {
	client, err := Client(base, pool, transport)
	if err != nil {
		return nil, err
	}
	detail := authing.Detail{ErrMsg: "getUserInfo:ok", EncryptedData: encryptedData, IV: iv}
	return func(ctx context.Context) error {
		user, err := client.LoginWithWxapp(ctx, code, detail)
		if err != nil {
			return err
		}
		if user.Group.Name == "" {
			return errIncomplete
		}
		return nil
	}, nil
}

// Client returns an SDK client for base. With a nil transport, it uses the SDK's own.
func Client(base, pool string, transport http.RoundTripper) (*authing.Client, error) {
	return authing.NewClient(pool,
		authing.WithHosts(authing.Hosts{Users: base, OAuth: base}),
		authing.WithHTTPClient(&http.Client{Transport: transport}))
}

// Run makes n calls from the given number of goroutines.
func Run(ctx context.Context, login Login, goroutines, n int) error {
	var (
		wg       sync.WaitGroup
		left     atomic.Int64
		failures atomic.Int64
		failure  atomic.Value
	)
	left.Store(int64(n))
	for range min(goroutines, n) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for left.Add(-1) >= 0 {
				if err := login(ctx); err != nil {
					failures.Add(1)
					failure.Store(err.Error())
				}
			}
		}()
	}
	wg.Wait()
	if failed := failures.Load(); failed > 0 {
		return fmt.Errorf("%d of %d calls failed, the last with: %v", failed, n, failure.Load())
	}
	return nil
}
