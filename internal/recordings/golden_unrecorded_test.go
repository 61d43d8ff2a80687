package recordings_test

import "github.com/authing-wxapp/authing/internal/testkit"

// unrecorded is what Go has to send where the original stops: by a mistake of its own, or because it did not know the
// newer WeChat APIs. Nothing is recorded then.
func (s situation) unrecorded() recordedRequest {
	switch s.step.Method {
	case "getAuthedAppList":
		return recordedRequest{Verb: "POST", HostRole: "users", BodyKind: "graphql", GraphQL: s.authedApps()}
	case "sendVerifyEmail", "changePassword", "unbindEmail":
		return recordedRequest{Verb: "POST", HostRole: "users", Operation: "mutation " + s.step.Method}
	case "checkLoginStatus":
		return recordedRequest{Verb: "POST", HostRole: "users", Operation: "query checkLoginStatus"}
	case "loginWithWxapp":
		return recordedRequest{Verb: "POST", HostRole: "oauth", Path: "/oauth/wechatapp/auth/" + s.poolID()}
	case "bindPhone":
		return recordedRequest{Verb: "POST", HostRole: "oauth", Path: "/oauth/wechatapp/phone/" + s.poolID()}
	case "getPhone":
		return recordedRequest{Verb: "POST", HostRole: "oauth", Path: "/oauth/wechatapp/getphone/" + s.poolID()}
	}
	return recordedRequest{}
}

// authedApps is the one request that no recording has, as the documentation of the service gives it.
func (s situation) authedApps() testkit.GraphQLRequest {
	variables := map[string]any{"clientId": s.poolID(), "userId": s.given["userId"]}
	for _, name := range []string{"page", "count"} {
		if n := s.number(name); n != 0 { // the service has defaults
			variables[name] = n
		}
	}
	return testkit.GraphQLRequest{
		Kind: "query", Name: "GetUserAuthorizedApps",
		Declared: map[string]string{"clientId": "String", "userId": "String", "page": "Int", "count": "Int"},
		RootFields: []testkit.RootField{{Field: "GetUserAuthorizedApps", Arguments: map[string]any{
			"clientId": map[string]any{"$var": "clientId"},
			"userId":   map[string]any{"$var": "userId"},
			"page":     map[string]any{"$var": "page"},
			"count":    map[string]any{"$var": "count"},
		}}},
		Selection: []string{
			"GetUserAuthorizedApps.OAuthApps._id",
			"GetUserAuthorizedApps.OAuthApps.name",
			"GetUserAuthorizedApps.OAuthApps.domain",
			"GetUserAuthorizedApps.OAuthApps.clientId",
			"GetUserAuthorizedApps.OAuthApps.description",
			"GetUserAuthorizedApps.OAuthApps.isDeleted",
			"GetUserAuthorizedApps.OAuthApps.grants",
			"GetUserAuthorizedApps.OAuthApps.redirectUris",
			"GetUserAuthorizedApps.OAuthApps.when",
			"GetUserAuthorizedApps.OIDCApps._id",
			"GetUserAuthorizedApps.OIDCApps.name",
			"GetUserAuthorizedApps.OIDCApps.client_id",
			"GetUserAuthorizedApps.OIDCApps.domain",
			"GetUserAuthorizedApps.OIDCApps.description",
			"GetUserAuthorizedApps.OIDCApps.authorization_code_expire",
			"GetUserAuthorizedApps.OIDCApps.access_token_expire",
			"GetUserAuthorizedApps.OIDCApps.id_token_expire",
			"GetUserAuthorizedApps.OIDCApps.cas_expire",
			"GetUserAuthorizedApps.OIDCApps.when",
			"GetUserAuthorizedApps.OIDCApps.isDeleted",
			"GetUserAuthorizedApps.OIDCApps.id_token_signed_response_alg",
			"GetUserAuthorizedApps.OIDCApps.response_types",
			"GetUserAuthorizedApps.OIDCApps.grant_types",
			"GetUserAuthorizedApps.OIDCApps.redirect_uris",
			"GetUserAuthorizedApps.OIDCApps.token_endpoint_auth_method",
			"GetUserAuthorizedApps.OIDCApps.image",
			"GetUserAuthorizedApps.totalCount",
		},
		BodyKeys:  []string{"query", "variables"},
		Variables: variables,
	}
}
