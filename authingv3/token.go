package authingv3

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/api"
	"github.com/authing-wxapp/authing/internal/transport"
	"github.com/authing-wxapp/authing/internal/wire"
)

// Refresh exchanges a refresh token for new tokens. The service issues one only for the scope offline_access, to an
// application whose grant types include refresh_token. Store the returned refresh token in place of the old one. The client's
// own token is not sent.
//
// A refresh token that has expired or was used is [authing.ErrLoginRequired]: the user has to sign in again.
//
// Retry: never with the same token. After [authing.ErrOutcomeUnknown] the old one may be used up.
//
// Source: POST /oidc/token; refreshToken of the mini-program SDK.
func (c *Client) Refresh(ctx context.Context, refreshToken authing.Secret) (*Login, error) {
	login, err := call(ctx, c, c.tokenForm(api.Request{
		Op:      "Refresh",
		Invalid: checkToken("refresh token", refreshToken),
		URL:     "/oidc/token",
		Spends:  "refresh token",
		Secrets: []string{string(refreshToken)},
	}, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {string(refreshToken)}}), c.decodeRefresh)
	if err == nil {
		login.RefreshToken = cmp.Or(login.RefreshToken, refreshToken) // RFC 6749, section 6
	}
	return login, err
}

func (c *config) decodeRefresh(resp transport.Response) (*Login, error) {
	var w struct {
		wireLogin
		Error      *json.RawMessage `json:"error"` // a pointer, for which null is the same as nothing
		StatusCode wire.Int         `json:"statusCode"`
	}
	err := wire.Decode(resp.Body, &w)
	refused := w.Error != nil || w.StatusCode.Set && w.StatusCode.Value != http.StatusOK
	if err != nil || !succeeded(resp) || refused || w.missing() != "" {
		return nil, refreshFailure(resp, err, w.missing())
	}
	return c.login(&w.wireLogin, wire.At(resp.Body, [2]string{})), nil
}

func refreshFailure(resp transport.Response, cause error, missing string) error {
	err := oidcFailure(resp, cause)
	e, _ := errors.AsType[*api.Error](err)
	switch {
	case oidcError(err) == "invalid_grant":
		e.Match(api.ErrLoginRequired)
	case e.Code == 0 && e.Data == nil && cause == nil && missing != "" && succeeded(resp) && isObject(resp.Body):
		e.Reason = "the service reported success but sent no " + missing
	}
	return err
}

func isObject(body []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) }

// Logout revokes an access token or a refresh token. Other tokens of the user are meant to stay valid, and a [Verifier]
// accepts this one until it expires. The client's own token is not sent.
//
// Retry: safe, as revoking a token twice changes nothing more.
//
// Source: POST /oidc/token/revocation; logout of the mini-program SDK.
func (c *Client) Logout(ctx context.Context, token authing.Secret) error {
	_, err := call(ctx, c, c.tokenForm(api.Request{
		Op:      "Logout",
		Invalid: checkToken("token", token),
		URL:     "/oidc/token/revocation",
		Secrets: []string{string(token)},
	}, url.Values{"token": {string(token)}}), decodeRevoked)
	return err
}

// decodeRevoked takes what an OAuth server may send: nothing, an object without an error, or an envelope.
func decodeRevoked(resp transport.Response) (none struct{}, err error) {
	var reply struct { // pointers, for which null is the same as nothing
		StatusCode *json.RawMessage `json:"statusCode"`
		Error      *json.RawMessage `json:"error"`
	}
	if succeeded(resp) && len(bytes.TrimSpace(resp.Body)) == 0 {
		return none, nil
	}
	err = wire.Decode(resp.Body, &reply)
	switch {
	case err != nil || !succeeded(resp) || reply.Error != nil:
		return none, oidcFailure(resp, err)
	case reply.StatusCode != nil:
		return decodeDeleted(resp)
	}
	return none, nil
}

// VerifyToken asks Authing whose token this is, for a request that a page sends with its token. A token that has expired,
// was revoked, belongs to another application or to no user is [authing.ErrLoginRequired]. A [Verifier] does the same without
// asking, but accepts a revoked token until it expires. It needs no [Client.As].
//
// Authing takes refresh tokens here, too, so one that a page sends as its token passes. A [Verifier] rejects it.
//
// Retry: automatic, see [WithReadRetries].
//
// Source: POST /oidc/token/introspection.
func (c *Client) VerifyToken(ctx context.Context, token authing.Secret) (*authing.TokenInfo, error) {
	return call(ctx, c, c.tokenForm(api.Request{
		Op:      "VerifyToken",
		Invalid: checkToken("token", token),
		URL:     "/oidc/token/introspection",
		Reads:   true,
		Secrets: []string{string(token)},
	}, url.Values{"token": {string(token)}}), c.decodeIntrospection)
}

type introspection struct {
	Active    json.RawMessage  `json:"active"`
	Error     *json.RawMessage `json:"error"` // a pointer, for which null is the same as nothing
	Subject   string           `json:"sub"`
	ClientID  text             `json:"client_id"` // an odd one must not pass for none
	IssuedAt  wire.Seconds     `json:"iat"`
	ExpiresAt wire.Seconds     `json:"exp"`
}

func (c *config) decodeIntrospection(resp transport.Response) (*authing.TokenInfo, error) {
	var w introspection
	err := wire.Decode(resp.Body, &w)
	active := string(w.Active) == "true"
	switch {
	case err != nil || !succeeded(resp) || w.Error != nil || !active && string(w.Active) != "false":
		return nil, noVerdict(oidcFailure(resp, err))
	case !active:
		return nil, &api.Error{Reason: "the token is not active", Hint: "sign in again", Err: api.ErrLoginRequired}
	case w.ClientID != "" && string(w.ClientID) != c.appID:
		return nil, &api.Error{Reason: "the token belongs to another application", Hint: "sign in to this one", Err: api.ErrLoginRequired}
	case w.Subject == "":
		return nil, &api.Error{Reason: "the token belongs to no user", Hint: "sign in", Err: api.ErrLoginRequired}
	}
	info := &authing.TokenInfo{UserID: w.Subject, IssuedAt: w.IssuedAt.Time(), ExpiresAt: w.ExpiresAt.Time()}
	info.SetRaw(resp.Body)
	return info, nil
}

// noVerdict makes sure that a failed call does not pass for a token that was rejected.
func noVerdict(err error) error {
	if e, ok := errors.AsType[*api.Error](err); ok && errors.Is(e.Err, api.ErrLoginRequired) {
		e.Err, e.Hint = nil, ""
		if e.Code == http.StatusTooManyRequests {
			e.Match(api.ErrRateLimited)
		}
	}
	return err
}

// checkToken rejects a missing token. It comes from a client, so the caller sees ErrLoginRequired.
func checkToken(name string, token authing.Secret) error {
	if token == "" {
		return &api.Error{Reason: "no " + name, Hint: "nothing was sent", Err: api.ErrLoginRequired}
	}
	return api.CheckUTF8(name, string(token))
}
