package authingtest

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/authing-wxapp/authing"
)

// grant is an app that a user let into the account.
type grant struct {
	id, appID, kind, when string
	app                   object
	revoked               bool
}

// AuthorizeApp lets an app into the account with the given id. The app's ID and ClientID are minted if they are empty;
// AuthorizeApp returns the ID.
func (s *Server) AuthorizeApp(userID string, app authing.OAuthApp) (appID string) {
	app.ID = cmp.Or(app.ID, mint(hexDigits, 24))
	app.ClientID = cmp.Or(app.ClientID, mint(hexDigits, 20))
	app.Grants, app.RedirectURIs = notNull(app.Grants), notNull(app.RedirectURIs)
	s.authorize(userID, "oauth", app.ID, app)
	return app.ID
}

// AuthorizeOIDCApp is AuthorizeApp for apps that use OpenID Connect.
func (s *Server) AuthorizeOIDCApp(userID string, app authing.OIDCApp) (appID string) {
	app.ID = cmp.Or(app.ID, mint(hexDigits, 24))
	app.ClientID = cmp.Or(app.ClientID, mint(hexDigits, 24))
	app.ResponseTypes, app.GrantTypes = notNull(app.ResponseTypes), notNull(app.GrantTypes)
	app.RedirectURIs = notNull(app.RedirectURIs)
	s.authorize(userID, "oidc", app.ID, app)
	return app.ID
}

func notNull(list []string) []string { return append([]string{}, list...) }

func (s *Server) authorize(userID, kind, appID string, app any) {
	g := &grant{id: mint(hexDigits, 24), appID: appID, kind: kind, when: jsDate(s.opts.Clock())}
	json.Unmarshal([]byte(jsonText(app)), &g.app) // the client's types have the names of the service
	g.app["when"] = g.when
	s.change(userID, func(a *account) { a.grants = append(a.grants, g) })
}

// getUserAuthorizedApps returns a page of the apps of both kinds, in the order in which they were let in.
func (s *Server) getUserAuthorizedApps(call graphqlCall) (any, *envelope) {
	a, refused := s.appsOf(call, "clientId")
	if refused != nil {
		return nil, refused
	}
	all := slices.DeleteFunc(slices.Clone(a.grants), func(g *grant) bool { return g.revoked })
	page, count := 1, 10
	if n, ok := integer(call.arguments, "page"); ok {
		page = max(n, 1)
	}
	if n, ok := integer(call.arguments, "count"); ok {
		count = max(n, 1)
	}
	first := min((page-1)*count, len(all))
	shown := map[string][]object{"oauth": {}, "oidc": {}}
	for _, g := range all[first:min(first+count, len(all))] {
		shown[g.kind] = append(shown[g.kind], g.app)
	}
	return object{"OAuthApps": shown["oauth"], "OIDCApps": shown["oidc"], "totalCount": len(all)}, nil
}

// revokeUserAuthorizedApp may be repeated.
func (s *Server) revokeUserAuthorizedApp(call graphqlCall) (any, *envelope) {
	a, refused := s.appsOf(call, "userPoolId")
	if refused != nil {
		return nil, refused
	}
	appID := text(call.arguments, "appId")
	i := slices.IndexFunc(a.grants, func(g *grant) bool { return g.appID == appID })
	if i < 0 {
		return nil, refuse(2221)
	}
	g := a.grants[i]
	g.revoked = true
	return object{
		"isRevoked": "true", "_id": g.id, "scope": "profile", "appId": g.appID, "userId": a.id, "type": g.kind, "when": g.when,
	}, nil
}

// appsOf returns the account whose apps a call is about.
func (s *Server) appsOf(call graphqlCall, pool string) (*account, *envelope) {
	if id := text(call.arguments, pool); id != "" && id != s.opts.UserPoolID {
		return nil, refuse(2224)
	}
	return s.acting(call, text(call.arguments, "userId"), 1001)
}
