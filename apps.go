package authing

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
)

// ListOptions picks a part of a list. A zero field is not sent and leaves it to the service: page 1, 10 items.
type ListOptions struct {
	Page  int `json:"page,omitempty"`
	Count int `json:"count,omitempty"`
}

// AuthedApps lists the apps that a user authorized.
type AuthedApps struct {
	OAuthApps  []OAuthApp
	OIDCApps   []OIDCApp
	TotalCount int

	raw rawAnswer
}

// Format prints how many there are.
func (a AuthedApps) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "authing.AuthedApps{TotalCount:%d, …}", a.TotalCount)
}

// LogValue logs what [AuthedApps.Format] prints.
func (a AuthedApps) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(a)) }

// Raw returns the list as the service sent it.
func (a *AuthedApps) Raw() json.RawMessage { return a.raw.value() }

// OAuthApp is an app that uses OAuth 2.0.
type OAuthApp struct {
	ID           string    `json:"_id"`
	Name         string    `json:"name"`
	Domain       string    `json:"domain"`
	ClientID     string    `json:"clientId"`
	Description  string    `json:"description"`
	IsDeleted    bool      `json:"isDeleted"`
	Grants       []string  `json:"grants"`
	RedirectURIs []string  `json:"redirectUris"`
	When         Timestamp `json:"when"`
}

// OIDCApp is an app that uses OpenID Connect. The lifetimes are in seconds, as the text that the service sends.
type OIDCApp struct {
	ID                       string    `json:"_id"`
	Name                     string    `json:"name"`
	ClientID                 string    `json:"client_id"`
	Domain                   string    `json:"domain"`
	Description              string    `json:"description"`
	AuthorizationCodeExpire  string    `json:"authorization_code_expire"`
	AccessTokenExpire        string    `json:"access_token_expire"`
	IDTokenExpire            string    `json:"id_token_expire"`
	CASExpire                string    `json:"cas_expire"`
	IDTokenSignedResponseAlg string    `json:"id_token_signed_response_alg"`
	ResponseTypes            []string  `json:"response_types"`
	GrantTypes               []string  `json:"grant_types"`
	RedirectURIs             []string  `json:"redirect_uris"`
	TokenEndpointAuthMethod  string    `json:"token_endpoint_auth_method"`
	Image                    string    `json:"image"`
	IsDeleted                bool      `json:"isDeleted"`
	When                     Timestamp `json:"when"`
}

// UnmarshalJSON accepts lifetimes given as numbers.
func (a *OIDCApp) UnmarshalJSON(b []byte) error {
	type plain OIDCApp
	wire := struct {
		*plain
		AuthorizationCodeExpire text `json:"authorization_code_expire"`
		AccessTokenExpire       text `json:"access_token_expire"`
		IDTokenExpire           text `json:"id_token_expire"`
		CASExpire               text `json:"cas_expire"`
	}{plain: (*plain)(a)}
	if err := json.Unmarshal(b, &wire); err != nil {
		return err
	}
	a.AuthorizationCodeExpire, a.AccessTokenExpire = string(wire.AuthorizationCodeExpire), string(wire.AccessTokenExpire)
	a.IDTokenExpire, a.CASExpire = string(wire.IDTokenExpire), string(wire.CASExpire)
	return nil
}

type wireApps struct {
	OAuthApps  []OAuthApp `json:"OAuthApps"`
	OIDCApps   []OIDCApp  `json:"OIDCApps"`
	TotalCount number     `json:"totalCount"`
}

var getUserAuthorizedApps = operation{`query GetUserAuthorizedApps($clientId: String, $userId: String, $page: Int,
	$count: Int) {
	GetUserAuthorizedApps(clientId: $clientId, userId: $userId, page: $page, count: $count) {
		OAuthApps { _id name domain clientId description isDeleted grants redirectUris when }
		OIDCApps { _id name client_id domain description authorization_code_expire when isDeleted
			id_token_signed_response_alg response_types grant_types token_endpoint_auth_method redirect_uris image
			access_token_expire id_token_expire cas_expire }
		totalCount
	}
}`, "GetUserAuthorizedApps"}

// GetAuthedAppList returns a page of the apps that the user authorized. It needs the token of that user ([Client.As]);
// one that is no longer accepted gives [ErrLoginRequired].
//
// Authing's own SDKs disagree on the host of this call and of [Client.RevokeAuthedApp]; here both go to the users host,
// or to [Hosts].Apps if that is set.
//
// It is a read: after a connection failure or a 502, 503 or 504 it is sent again, see [WithReadRetries].
//
// Original: getAuthedAppList, query GetUserAuthorizedApps on the users host.
func (c *Client) GetAuthedAppList(ctx context.Context, userID string, page ListOptions) (*AuthedApps, error) {
	wire, raw, err := graphql(ctx, c, request{
		op:    "GetAuthedAppList",
		check: cmp.Or(checkRequired("user id", userID), page.check(), checkToken(c.token)),
		url:   c.apps,
		auth:  c.bearer(),
		read:  true,
	}, getUserAuthorizedApps, struct {
		ClientID string `json:"clientId"`
		UserID   string `json:"userId"`
		ListOptions
	}{c.pool, userID, page}, func(w *wireApps) string {
		if w.OAuthApps == nil && w.OIDCApps == nil && !w.TotalCount.set {
			return "list of apps"
		}
		return ""
	})
	if err != nil {
		return nil, err
	}
	return &AuthedApps{wire.OAuthApps, wire.OIDCApps, int(wire.TotalCount.value), raw}, nil
}

func (p ListOptions) check() error {
	if p.Page < 0 || p.Count < 0 {
		return invalid("page and count must not be negative: 0 leaves them to the service")
	}
	if p.Page > math.MaxInt32 || p.Count > math.MaxInt32 {
		return invalid("page or count is larger than the service can read")
	}
	return nil
}

// RevokedApp is the revocation of an app's access to an account.
type RevokedApp struct {
	ID        string
	AppID     string
	UserID    string
	Scope     string
	Type      string // "oauth"
	IsRevoked bool
	When      Timestamp

	raw rawAnswer
}

// Format prints which app it is.
func (a RevokedApp) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "authing.RevokedApp{AppID:%q, …}", a.AppID)
}

// LogValue logs what [RevokedApp.Format] prints.
func (a RevokedApp) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(a)) }

// Raw returns the answer as the service sent it.
func (a *RevokedApp) Raw() json.RawMessage { return a.raw.value() }

type wireRevokedApp struct {
	ID        string    `json:"_id"`
	AppID     string    `json:"appId"`
	UserID    string    `json:"userId"`
	Scope     string    `json:"scope"`
	Type      string    `json:"type"`
	IsRevoked any       `json:"isRevoked"` // true, or the text "true"
	When      Timestamp `json:"when"`
}

var revokeUserAuthorizedApp = operation{`mutation RevokeUserAuthorizedApp($userPoolId: String, $userId: String,
	$appId: String) {
	RevokeUserAuthorizedApp(userPoolId: $userPoolId, userId: $userId, appId: $appId) {
		isRevoked _id scope appId userId type when
	}
}`, "RevokeUserAuthorizedApp"}

// RevokeAuthedApp revokes an app's access to the user's account. It needs the token of that user ([Client.As]); one that
// is no longer accepted gives [ErrLoginRequired]. IsRevoked of the result is what the service says of it. Its host is that
// of [Client.GetAuthedAppList]. Revoking twice does no harm, so the caller may repeat it after [ErrOutcomeUnknown].
//
// Original: revokeAuthedApp, mutation RevokeUserAuthorizedApp on the users host.
func (c *Client) RevokeAuthedApp(ctx context.Context, userID, appID string) (*RevokedApp, error) {
	wire, raw, err := graphql(ctx, c, request{
		op:    "RevokeAuthedApp",
		check: cmp.Or(checkRequired("user id", userID), checkRequired("app id", appID), checkToken(c.token)),
		url:   c.apps,
		auth:  c.bearer(),
	}, revokeUserAuthorizedApp, struct {
		UserPoolID string `json:"userPoolId"`
		UserID     string `json:"userId"`
		AppID      string `json:"appId"`
	}{c.pool, userID, appID}, func(w *wireRevokedApp) string {
		if w.ID == "" && w.AppID == "" && w.IsRevoked == nil {
			return "revoked app"
		}
		return ""
	})
	if err != nil {
		return nil, err
	}
	return &RevokedApp{
		ID: wire.ID, AppID: wire.AppID, UserID: wire.UserID, Scope: wire.Scope, Type: wire.Type,
		IsRevoked: wire.IsRevoked == true || wire.IsRevoked == "true", When: wire.When, raw: raw,
	}, nil
}
