package authing

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"math"

	"github.com/authing-wxapp/authing/internal/api"
	"github.com/authing-wxapp/authing/internal/wire"
)

// ListOptions selects a part of a list. A zero field is not sent; the service then uses page 1 and 10 items.
type ListOptions struct {
	Page  int `json:"page,omitempty"`
	Count int `json:"count,omitempty"`
}

// AuthedApps is a page of the apps that a user authorized.
type AuthedApps struct {
	OAuthApps  []OAuthApp
	OIDCApps   []OIDCApp
	TotalCount int

	raw wire.Raw
}

// Raw returns the list as the service sent it.
func (a *AuthedApps) Raw() json.RawMessage { return a.raw.JSON() }

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

// OIDCApp is an app that uses OpenID Connect. The lifetimes are in seconds, as text, which is how the service sends them.
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
	decoded := struct {
		*plain
		AuthorizationCodeExpire wire.Text `json:"authorization_code_expire"`
		AccessTokenExpire       wire.Text `json:"access_token_expire"`
		IDTokenExpire           wire.Text `json:"id_token_expire"`
		CASExpire               wire.Text `json:"cas_expire"`
	}{plain: (*plain)(a)}
	if err := wire.Decode(b, &decoded); err != nil {
		return err
	}
	a.AuthorizationCodeExpire, a.AccessTokenExpire = string(decoded.AuthorizationCodeExpire), string(decoded.AccessTokenExpire)
	a.IDTokenExpire, a.CASExpire = string(decoded.IDTokenExpire), string(decoded.CASExpire)
	return nil
}

type wireApps struct {
	OAuthApps  wire.List[OAuthApp] `json:"OAuthApps"`
	OIDCApps   wire.List[OIDCApp]  `json:"OIDCApps"`
	TotalCount wire.Int            `json:"totalCount"`
}

var getUserAuthorizedApps = operation[wireApps]{"GetUserAuthorizedApps", `query GetUserAuthorizedApps($clientId: String, $userId: String, $page: Int,
	$count: Int) {
	GetUserAuthorizedApps(clientId: $clientId, userId: $userId, page: $page, count: $count) {
		OAuthApps { _id name domain clientId description isDeleted grants redirectUris when }
		OIDCApps { _id name client_id domain description authorization_code_expire when isDeleted
			id_token_signed_response_alg response_types grant_types token_endpoint_auth_method redirect_uris image
			access_token_expire id_token_expire cas_expire }
		totalCount
	}
}`, func(w *wireApps) string {
	if w.OAuthApps == nil && w.OIDCApps == nil && !w.TotalCount.Set {
		return "list of apps"
	}
	return ""
}}

// GetAuthedAppList returns a page of the apps that the user authorized. It requires that user's token (see [Client.As]).
// A token that is no longer accepted is [ErrLoginRequired].
//
// Authing's own SDKs disagree on the host of this call and of [Client.RevokeAuthedApp]. Here both use the users host, or
// [Hosts].Apps if that is set.
//
// Retry: automatic, see [WithReadRetries].
//
// Original: getAuthedAppList, query GetUserAuthorizedApps on the users host.
func (c *Client) GetAuthedAppList(ctx context.Context, userID string, page ListOptions) (*AuthedApps, error) {
	return callGraphQL(ctx, c, api.Request{
		Op:      "GetAuthedAppList",
		Invalid: cmp.Or(api.CheckRequired("user id", userID), page.check()),
		URL:     c.apps,
		Auth:    api.OwnBearer,
		Reads:   true,
	}, getUserAuthorizedApps, struct {
		ClientID string `json:"clientId"`
		UserID   string `json:"userId"`
		ListOptions
	}{ClientID: c.pool, UserID: userID, ListOptions: page}, func(w *wireApps, raw wire.Raw) (*AuthedApps, error) {
		return &AuthedApps{OAuthApps: w.OAuthApps, OIDCApps: w.OIDCApps, TotalCount: int(w.TotalCount.Value), raw: raw}, nil
	})
}

// AuthedApp is an app of [Client.AllAuthedApps]. Either OAuth or OIDC is set.
type AuthedApp struct {
	ID    string
	Name  string
	OAuth *OAuthApp
	OIDC  *OIDCApp
}

func (a *AuthedApps) all() []AuthedApp {
	apps := make([]AuthedApp, 0, len(a.OAuthApps)+len(a.OIDCApps))
	for i := range a.OAuthApps {
		apps = append(apps, AuthedApp{ID: a.OAuthApps[i].ID, Name: a.OAuthApps[i].Name, OAuth: &a.OAuthApps[i]})
	}
	for i := range a.OIDCApps {
		apps = append(apps, AuthedApp{ID: a.OIDCApps[i].ID, Name: a.OIDCApps[i].Name, OIDC: &a.OIDCApps[i]})
	}
	return apps
}

// AllAuthedApps iterates over all apps that the user authorized, one [Client.GetAuthedAppList] call per page. It ends
// after the first error.
//
//	for app, err := range client.AllAuthedApps(ctx, userID) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(app.Name)
//	}
//
// Retry: automatic, see [WithReadRetries].
//
// Original: none.
func (c *Client) AllAuthedApps(ctx context.Context, userID string) iter.Seq2[AuthedApp, error] {
	return func(yield func(AuthedApp, error) bool) {
		seen := map[string]bool{}
		for page := 1; ; page++ {
			list, err := c.GetAuthedAppList(ctx, userID, ListOptions{Page: page})
			if err != nil {
				yield(AuthedApp{}, err)
				return
			}
			before := len(seen)
			for _, app := range list.all() {
				if seen[app.ID] {
					continue
				}
				seen[app.ID] = true
				if !yield(app, nil) {
					return
				}
			}
			// A service that ignores the page number must not keep the loop going.
			if len(seen) == before || list.TotalCount > 0 && len(seen) >= list.TotalCount {
				return
			}
		}
	}
}

func (p ListOptions) check() error {
	if p.Page < 0 || p.Count < 0 {
		return api.Invalid("page and count must not be negative: 0 leaves them to the service")
	}
	if p.Page > math.MaxInt32 || p.Count > math.MaxInt32 {
		return api.Invalid("page or count is larger than the service can read")
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

	raw wire.Raw
}

// Raw returns the response as the service sent it.
func (a *RevokedApp) Raw() json.RawMessage { return a.raw.JSON() }

type wireRevokedApp struct {
	ID        string    `json:"_id"`
	AppID     string    `json:"appId"`
	UserID    string    `json:"userId"`
	Scope     string    `json:"scope"`
	Type      string    `json:"type"`
	IsRevoked wire.Bool `json:"isRevoked"`
	When      Timestamp `json:"when"`
}

var revokeUserAuthorizedApp = operation[wireRevokedApp]{"RevokeUserAuthorizedApp", `mutation RevokeUserAuthorizedApp($userPoolId: String, $userId: String,
	$appId: String) {
	RevokeUserAuthorizedApp(userPoolId: $userPoolId, userId: $userId, appId: $appId) {
		isRevoked _id scope appId userId type when
	}
}`, func(w *wireRevokedApp) string {
	if w.ID == "" && w.AppID == "" && !w.IsRevoked.Set {
		return "revoked app"
	}
	return ""
}}

// RevokeAuthedApp revokes an app's access to the user's account. It requires that user's token (see [Client.As]).
// A token that is no longer accepted is [ErrLoginRequired]. RevokedApp.IsRevoked is what the service reports. For the host,
// see [Client.GetAuthedAppList].
//
// Retry: safe. Revoking twice does no harm.
//
// Original: revokeAuthedApp, mutation RevokeUserAuthorizedApp on the users host.
func (c *Client) RevokeAuthedApp(ctx context.Context, userID, appID string) (*RevokedApp, error) {
	return callGraphQL(ctx, c, api.Request{
		Op:      "RevokeAuthedApp",
		Invalid: cmp.Or(api.CheckRequired("user id", userID), api.CheckRequired("app id", appID)),
		URL:     c.apps,
		Auth:    api.OwnBearer,
	}, revokeUserAuthorizedApp, struct {
		UserPoolID string `json:"userPoolId"`
		UserID     string `json:"userId"`
		AppID      string `json:"appId"`
	}{UserPoolID: c.pool, UserID: userID, AppID: appID}, func(w *wireRevokedApp, raw wire.Raw) (*RevokedApp, error) {
		return &RevokedApp{
			ID: w.ID, AppID: w.AppID, UserID: w.UserID, Scope: w.Scope, Type: w.Type,
			IsRevoked: w.IsRevoked.Value, When: w.When, raw: raw,
		}, nil
	})
}
