// Package contest makes the hot calls of a mini program in several ways, to compare this SDK with the others. All of them
// decode every field of the response.
package contest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
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
	"github.com/authing-wxapp/authing/authinghttp"
	"github.com/authing-wxapp/authing/authingv3"
	"github.com/authing-wxapp/authing/internal/transport"
)

// The parameters of the calls.
const (
	Pool  = "5e4cdd055df3df65dc58b97d"
	Token = "header.payload.signature"

	loginPath   = "/oauth/wechatapp/auth/" + Pool
	v3LoginPath = "/api/v3/signin-by-mobile"
	code        = "061AbcDefGhiJklMnoPqrStu0VwXyZ01"
	iv          = "EBESExQVFhcYGRobHB0eHw=="
	userID      = "5e00000000000000000000a1"
	timeout     = 10 * time.Second

	userQuery = `query user($id: String!, $registerInClient: String!) {
	user(id: $id, registerInClient: $registerInClient) {_id email emailVerified username nickname company photo browser token
		tokenExpiredAt loginsCount lastLogin lastIP signedUp blocked isDeleted registerInClient registerMethod oauth phone}
}`
	tokenQuery = `query checkLoginStatus($token: String) {
	checkLoginStatus(token: $token) { status code message token { data { email id clientId unionid } iat exp } }
}`
)

var encryptedData = strings.Repeat("aLhedzo+Z6es5zW+YHo9sgkoobhypSEe", 12)

// Call makes one call. It fails if the response is incomplete.
type Call func(context.Context) error

// Calls are the same calls, made one way. A nil one is not compared.
type Calls struct{ Login, User, VerifyToken, V3Login Call }

var errIncomplete = errors.New("incomplete response")

// ByHand is the reference: net/http and encoding/json, with the transport and the time limit of this SDK.
func ByHand(base string, rt http.RoundTripper) Calls {
	if rt == nil {
		rt = transport.NewHTTP()
	}
	client := &http.Client{Transport: rt}
	return Calls{
		Login: func(ctx context.Context) error {
			var reply loginReply
			if err := post(ctx, client, base+loginPath, "", loginBody{iv, encryptedData, code}, &reply); err != nil {
				return err
			}
			return reply.check()
		},
		User: func(ctx context.Context) error {
			var reply userReply
			variables := userVariables{userID, Pool}
			if err := post(ctx, client, base+"/graphql", "Bearer "+Token, graphqlBody{userQuery, variables}, &reply); err != nil {
				return err
			}
			if len(reply.Errors) > 0 || reply.Data.User == nil || reply.Data.User.ID == "" {
				return errIncomplete
			}
			return nil
		},
		V3Login: func(ctx context.Context) error {
			var reply v3LoginReply
			body := v3LoginBody{"wechat_mini_program_code", "my-mini-program", v3Code{code}, v3Options{"openid profile phone offline_access"}}
			if err := post(ctx, client, base+v3LoginPath, "", body, &reply, "X-Authing-App-Id", Pool); err != nil {
				return err
			}
			if reply.StatusCode != http.StatusOK || reply.Data == nil || reply.Data.AccessToken == "" {
				return errIncomplete
			}
			return reply.Data.checkSubject()
		},
		VerifyToken: func(ctx context.Context) error {
			var reply tokenReply
			if err := post(ctx, client, base+"/graphql", "", graphqlBody{tokenQuery, tokenVariables{Token}}, &reply); err != nil {
				return err
			}
			status := reply.Data.CheckLoginStatus
			if len(reply.Errors) > 0 || status == nil || !status.Status || status.Token.Data.ClientID != Pool {
				return errIncomplete
			}
			return nil
		},
	}
}

func post(ctx context.Context, client *http.Client, address, authorization string, body, reply any, headers ...string) error {
	const limit = 1 << 20
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(encoded))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
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
	return json.Unmarshal(response, reply)
}

type loginBody struct {
	IV            string `json:"iv"`
	EncryptedData string `json:"encryptedData"`
	Code          string `json:"code"`
}

type graphqlBody struct {
	Query     string `json:"query"`
	Variables any    `json:"variables"`
}

type userVariables struct {
	ID               string `json:"id"`
	RegisterInClient string `json:"registerInClient"`
}

type tokenVariables struct {
	Token string `json:"token"`
}

type v3LoginBody struct {
	Connection  string    `json:"connection"`
	MiniProgram string    `json:"extIdpConnidentifier"`
	Payload     v3Code    `json:"wechatMiniProgramCodePayload"`
	Options     v3Options `json:"options"`
}

type v3Code struct {
	Code string `json:"code"`
}

type v3Options struct {
	Scope string `json:"scope"`
}

type v3LoginReply struct {
	StatusCode int       `json:"statusCode"`
	Message    string    `json:"message"`
	Data       *v3Tokens `json:"data"`
}

type v3Tokens struct {
	AccessToken  string `json:"access_token"`
	IDToken      string `json:"id_token"`
	RefreshToken string `json:"refresh_token"`
	TokenType    string `json:"token_type"`
	Scope        string `json:"scope"`
	ExpiresIn    int    `json:"expires_in"`
}

// checkSubject reads the user id, which is in the id token alone.
func (t *v3Tokens) checkSubject() error {
	parts := strings.Split(t.IDToken, ".")
	if len(parts) != 3 {
		return errIncomplete
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return err
	}
	var claims struct {
		Subject string `json:"sub"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil || claims.Subject == "" {
		return errIncomplete
	}
	return nil
}

type loginReply struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    *user  `json:"data"`
}

func (r *loginReply) check() error {
	if r.Code != http.StatusOK || r.Data == nil || r.Data.Token == "" || r.Data.ID == "" || r.Data.Group.Name == "" {
		return errIncomplete
	}
	return nil
}

type userReply struct {
	Data struct {
		User *user `json:"user"`
	} `json:"data"`
	Errors []json.RawMessage `json:"errors"`
}

type tokenReply struct {
	Data struct {
		CheckLoginStatus *struct {
			Status  bool   `json:"status"`
			Code    int    `json:"code"`
			Message string `json:"message"`
			Token   struct {
				Data struct {
					ID       string `json:"id"`
					ClientID string `json:"clientId"`
					Email    string `json:"email"`
					UnionID  string `json:"unionid"`
				} `json:"data"`
				IssuedAt  int64 `json:"iat"`
				ExpiresAt int64 `json:"exp"`
			} `json:"token"`
		} `json:"checkLoginStatus"`
	} `json:"data"`
	Errors []json.RawMessage `json:"errors"`
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

// Resty is SetBody and SetResult on resty's own transport, without a time limit.
func Resty(base string, rt http.RoundTripper) Calls {
	client := resty.New()
	if rt != nil {
		client.SetTransport(rt)
	}
	return Calls{Login: func(ctx context.Context) error {
		var reply loginReply
		body := loginBody{iv, encryptedData, code}
		if _, err := client.R().SetContext(ctx).SetBody(body).SetResult(&reply).Post(base + loginPath); err != nil {
			return err
		}
		return reply.check()
	}}
}

// SDK is this package, with its own transport if rt is nil.
func SDK(base string, rt http.RoundTripper) Calls {
	hc := &http.Client{Transport: rt}
	client, err := authing.NewClient(Pool, authing.WithHosts(authing.Hosts{Users: base, OAuth: base}), authing.WithHTTPClient(hc))
	v3, errV3 := authingv3.NewClient(base, Pool, "my-mini-program", authingv3.WithHTTPClient(hc))
	if err := cmp.Or(err, errV3); err != nil {
		failed := func(context.Context) error { return err }
		return Calls{failed, failed, failed, failed}
	}
	detail := authing.Detail{ErrMsg: "getUserInfo:ok", EncryptedData: encryptedData, IV: iv}
	signedIn := client.As(Token)
	return Calls{
		Login: func(ctx context.Context) error {
			user, err := client.LoginWithWxapp(ctx, code, detail)
			if err == nil && user.Group.Name == "" {
				err = errIncomplete
			}
			return err
		},
		User: func(ctx context.Context) error {
			_, err := signedIn.User(ctx, userID)
			return err
		},
		V3Login: func(ctx context.Context) error {
			login, err := v3.LoginWithWxapp(ctx, code)
			if err == nil && login.UserID == "" {
				err = errIncomplete
			}
			return err
		},
		VerifyToken: func(ctx context.Context) error {
			_, err := client.VerifyToken(ctx, Token)
			return err
		},
	}
}

// Cached is a check of a token that is in the cache of authinghttp.
func Cached() Call {
	known := authinghttp.Cache(knowing{}, authinghttp.CacheOptions{})
	token := authing.Secret(strings.Repeat("h.p.s", 49)) // 245 bytes
	return func(ctx context.Context) error {
		_, err := known.VerifyToken(ctx, token)
		return err
	}
}

type knowing struct{}

func (knowing) VerifyToken(context.Context, authing.Secret) (*authing.TokenInfo, error) {
	return &authing.TokenInfo{UserID: userID, UserPoolID: Pool}, nil
}

// Run makes n calls from the given number of goroutines.
func Run(ctx context.Context, call Call, goroutines, n int) error {
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
				if err := call(ctx); err != nil {
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
