package authingtest

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/authing-wxapp/authing"
)

// grant records that a user authorized an app.
type grant struct {
	id, appID, kind, when string
	app                   object
	revoked               bool
}

// AuthorizeApp records that the user with the given ID authorized an OAuth app, and returns the app's ID. An empty ID
// or ClientID is generated.
func (s *Server) AuthorizeApp(userID string, app authing.OAuthApp) (appID string) {
	app.ID = cmp.Or(app.ID, randomString(hexDigits, 24))
	app.ClientID = cmp.Or(app.ClientID, randomString(hexDigits, 20))
	app.Grants, app.RedirectURIs = nonNil(app.Grants), nonNil(app.RedirectURIs)
	s.authorize(userID, "oauth", app.ID, app)
	return app.ID
}

// AuthorizeOIDCApp is [Server.AuthorizeApp] for an OpenID Connect app. Empty lifetimes are those of Authing's samples.
func (s *Server) AuthorizeOIDCApp(userID string, app authing.OIDCApp) (appID string) {
	app.ID = cmp.Or(app.ID, randomString(hexDigits, 24))
	app.ClientID = cmp.Or(app.ClientID, randomString(hexDigits, 24))
	app.ResponseTypes, app.GrantTypes = nonNil(app.ResponseTypes), nonNil(app.GrantTypes)
	app.RedirectURIs = nonNil(app.RedirectURIs)
	app.AuthorizationCodeExpire = cmp.Or(app.AuthorizationCodeExpire, "600")
	for _, seconds := range []*string{&app.AccessTokenExpire, &app.IDTokenExpire, &app.CASExpire} {
		*seconds = cmp.Or(*seconds, "3600")
	}
	s.authorize(userID, "oidc", app.ID, app)
	return app.ID
}

func nonNil(list []string) []string { return append([]string{}, list...) }

func (s *Server) authorize(userID, kind, appID string, app any) {
	g := &grant{id: randomString(hexDigits, 24), appID: appID, kind: kind, when: jsDate(s.opts.Clock())}
	json.Unmarshal([]byte(jsonText(app)), &g.app) // the client's types use the field names of the service
	g.app["when"] = g.when
	s.change(userID, func(a *account) { a.grants = append(a.grants, g) })
}

// getUserAuthorizedApps pages through the apps of both kinds together, in the order they were authorized.
func (s *Server) getUserAuthorizedApps(call graphqlCall) (any, *envelope) {
	a, apiErr := s.appsAccount(call, "clientId")
	if apiErr != nil {
		return nil, apiErr
	}
	all := slices.DeleteFunc(slices.Clone(a.grants), func(g *grant) bool { return g.revoked })
	page, count := 1, 10
	if n, ok := getInt(call.arguments, "page"); ok {
		page = max(n, 1)
	}
	if n, ok := getInt(call.arguments, "count"); ok {
		count = max(n, 1)
	}
	first := min((page-1)*count, len(all))
	shown := map[string][]object{"oauth": {}, "oidc": {}}
	for _, g := range all[first:min(first+count, len(all))] {
		shown[g.kind] = append(shown[g.kind], g.app)
	}
	return object{"OAuthApps": shown["oauth"], "OIDCApps": shown["oidc"], "totalCount": len(all)}, nil
}

// revokeUserAuthorizedApp succeeds again for an app that is already revoked.
func (s *Server) revokeUserAuthorizedApp(call graphqlCall) (any, *envelope) {
	a, apiErr := s.appsAccount(call, "userPoolId")
	if apiErr != nil {
		return nil, apiErr
	}
	appID := getString(call.arguments, "appId")
	i := slices.IndexFunc(a.grants, func(g *grant) bool { return g.appID == appID })
	if i < 0 {
		return nil, newError(2221)
	}
	g := a.grants[i]
	g.revoked = true
	return object{
		"isRevoked": "true", "_id": g.id, "scope": "profile", "appId": g.appID, "userId": a.id, "type": g.kind, "when": g.when,
	}, nil
}

// appsAccount returns the account named in a call. The two calls name their user pool argument differently.
func (s *Server) appsAccount(call graphqlCall, poolArgument string) (*account, *envelope) {
	if id := getString(call.arguments, poolArgument); id != "" && id != s.opts.UserPoolID {
		return nil, newError(2224)
	}
	return s.authorizedAccount(call, getString(call.arguments, "userId"), 1001)
}
