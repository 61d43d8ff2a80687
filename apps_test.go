package authing_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/testkit"
)

const appsResult = `{"OAuthApps":[{"_id":"a1","name":"Shop","domain":"shop","clientId":"c1","description":"d","isDeleted":false,` +
	`"grants":["authorization_code"],"redirectUris":["https://shop.example.com"],"when":"Fri Jan 12 2018 13:55:25 GMT+0800 (CST)"}],` +
	`"OIDCApps":[{"_id":"a2","name":"Blog","client_id":"c2","domain":"blog","description":null,"authorization_code_expire":"600",` +
	`"access_token_expire":3600,"id_token_expire":"3600","cas_expire":null,"id_token_signed_response_alg":"HS256",` +
	`"response_types":["code"],"grant_types":["authorization_code"],"redirect_uris":[],"token_endpoint_auth_method":"none",` +
	`"image":"i","isDeleted":true,"when":"2018-01-12T05:55:25Z"}],"totalCount":2}`

func TestGetAuthedAppList(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		page      authing.ListOptions
		variables string
	}{
		"default page": {authing.ListOptions{}, `{"clientId":"` + pool + `","userId":"u1"}`},
		"page":         {authing.ListOptions{Page: 2}, `{"clientId":"` + pool + `","userId":"u1","page":2}`},
		"both":         {authing.ListOptions{Page: 2, Count: 20}, `{"clientId":"` + pool + `","userId":"u1","page":2,"count":20}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apps := operationCall[*authing.AuthedApps]{
				do: func(ctx context.Context, c *authing.Client) (*authing.AuthedApps, error) {
					return c.GetAuthedAppList(ctx, "u1", tt.page)
				},
				operation: "query GetUserAuthorizedApps", variables: tt.variables,
				field: "GetUserAuthorizedApps", result: appsResult,
			}.check(t)

			require.Len(t, apps.OAuthApps, 1)
			oauth := apps.OAuthApps[0]
			assert.True(t, oauth.When.Equal(moment(t, "2018-01-12T05:55:25Z")))
			assert.Equal(t, authing.OAuthApp{
				ID: "a1", Name: "Shop", Domain: "shop", ClientID: "c1", Description: "d", Grants: []string{"authorization_code"},
				RedirectURIs: []string{"https://shop.example.com"}, When: oauth.When,
			}, oauth)
			require.Len(t, apps.OIDCApps, 1)
			oidc := apps.OIDCApps[0]
			assert.True(t, oidc.When.Equal(moment(t, "2018-01-12T05:55:25Z")))
			assert.Equal(t, authing.OIDCApp{
				ID: "a2", Name: "Blog", ClientID: "c2", Domain: "blog", AuthorizationCodeExpire: "600", AccessTokenExpire: "3600",
				IDTokenExpire: "3600", IDTokenSignedResponseAlg: "HS256", ResponseTypes: []string{"code"},
				GrantTypes: []string{"authorization_code"}, RedirectURIs: []string{}, TokenEndpointAuthMethod: "none", Image: "i",
				IsDeleted: true, When: oidc.When,
			}, oidc)
			assert.Equal(t, 2, apps.TotalCount)
			assert.Equal(t, appsResult, string(apps.Raw()))
		})
	}
}

func TestGetAuthedAppListResults(t *testing.T) {
	t.Parallel()
	for result, total := range map[string]int{
		`{"OAuthApps":[],"OIDCApps":[],"totalCount":0}`: 0, `{"OAuthApps":null,"OIDCApps":null,"totalCount":"3"}`: 3, `{"OIDCApps":[]}`: 0,
		`{"OAuthApps":"none","OIDCApps":{},"totalCount":2}`: 2, `{"OAuthApps":[],"OIDCApps":0}`: 0,
	} {
		client, _ := setup(t, 200, graphqlData("GetUserAuthorizedApps", result))
		apps, err := client.As(token).GetAuthedAppList(context.Background(), "u1", authing.ListOptions{})
		require.NoError(t, err, result)
		assert.Equal(t, total, apps.TotalCount)
		assert.Empty(t, apps.OAuthApps)
		assert.Empty(t, apps.OIDCApps)
	}
	for _, result := range []string{
		`null`, `{}`, `{"OAuthApps":null,"OIDCApps":null,"totalCount":null}`, `{"OIDCApps":["a2"]}`,
		`{"OAuthApps":{}}`, `{"OAuthApps":[` + strings.Repeat("{},", 10_000) + `{}],"totalCount":1}`,
	} {
		client, _ := setup(t, 200, graphqlData("GetUserAuthorizedApps", result))
		apps, err := client.As(token).GetAuthedAppList(context.Background(), "u1", authing.ListOptions{})
		assert.Nil(t, apps)
		assertOnly(t, authing.ErrBadResponse, err, result)
	}
	const odd = `{"OAuthApps":[1,{"_id":"a1","name":5},null],"OIDCApps":[[],{"_id":"a2"}],"totalCount":2}`
	client, _ := setup(t, 200, graphqlData("GetUserAuthorizedApps", odd))
	apps, err := client.As(token).GetAuthedAppList(context.Background(), "u1", authing.ListOptions{})
	require.NoError(t, err)
	assert.Equal(t, []authing.OAuthApp{{ID: "a1", Name: "5"}}, apps.OAuthApps)
	assert.Equal(t, []authing.OIDCApp{{ID: "a2"}}, apps.OIDCApps)
	assert.Equal(t, odd, string(apps.Raw()))
}

// appPages returns a client of a service with these pages of apps. The request for any other page fails.
func appPages(t *testing.T, pages ...string) (*authing.Client, *testkit.Recorder) {
	t.Helper()
	client, got := setupResponder(t, func(r *http.Request) (*http.Response, error) {
		var sent struct{ Variables struct{ Page int } }
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
			return nil, err
		}
		if page := sent.Variables.Page; page <= len(pages) {
			return response(200, graphqlData("GetUserAuthorizedApps", pages[page-1])), nil
		}
		return response(200, `{"errors":[{"message":{"code":2206,"message":"expired"}}]}`), nil
	})
	return client.As(token), got
}

// iterate returns the names of the apps, and the errors, in order. It stops after limit steps.
func iterate(client *authing.Client, limit int) (names []string, errs []error) {
	for app, err := range client.AllAuthedApps(context.Background(), "u1") {
		if err != nil {
			errs = append(errs, err)
		} else {
			names = append(names, app.Name)
		}
		if len(names)+len(errs) == limit {
			break
		}
	}
	return names, errs
}

func TestAllAuthedApps(t *testing.T) {
	t.Parallel()
	const (
		first  = `{"OAuthApps":[{"_id":"1","name":"a"}],"OIDCApps":[{"_id":"2","name":"b"}],"totalCount":4}`
		second = `{"OAuthApps":[{"_id":"3","name":"c"},{"_id":"4","name":"d"}],"OIDCApps":[],"totalCount":4}`
		uneven = `{"OAuthApps":[{"_id":"2","name":"b"},{"_id":"3","name":"c"}],"OIDCApps":[],"totalCount":4}`
		empty  = `{"OAuthApps":[],"OIDCApps":[],"totalCount":0}`
		gone   = `{"OAuthApps":[],"OIDCApps":[],"totalCount":4}`
	)
	const noLimit = -1
	for name, tt := range map[string]struct {
		pages    []string
		limit    int
		want     string
		fails    bool
		requests int
	}{
		"two pages": {[]string{first, second}, noLimit, "abcd", false, 2},
		"no total": {
			[]string{`{"OAuthApps":[{"_id":"1","name":"a"}]}`, `{"OIDCApps":[{"_id":"2","name":"b"}]}`, `{"OAuthApps":[]}`},
			noLimit, "ab", false, 3,
		},
		"no apps":                      {[]string{empty}, noLimit, "", false, 1},
		"page number ignored":          {[]string{first, first, first}, noLimit, "ab", false, 2},
		"apps move between pages":      {[]string{first, uneven, gone}, noLimit, "abc", false, 3},
		"fewer apps than announced":    {[]string{first, gone}, noLimit, "ab", false, 2},
		"error on the first page":      {nil, noLimit, "", true, 1},
		"error on the second page":     {[]string{first}, noLimit, "ab", true, 2},
		"break on the first page":      {[]string{first, second}, 1, "a", false, 1},
		"break at the end of the page": {[]string{first, second}, 2, "ab", false, 1},
		"break on the second page":     {[]string{first, second}, 3, "abc", false, 2},
		"break at the error":           {[]string{first}, 3, "ab", true, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, got := appPages(t, tt.pages...)
			names, errs := iterate(client, tt.limit)
			assert.Equal(t, tt.want, strings.Join(names, ""))
			if tt.fails {
				require.Len(t, errs, 1, "it ends after the first error")
				assertOnly(t, authing.ErrLoginRequired, errs[0], name)
				assert.Equal(t, "GetAuthedAppList", requireError(t, errs[0]).Op)
			} else {
				assert.Empty(t, errs)
			}
			require.Len(t, got.All(), tt.requests)
			for i, sent := range got.All() {
				variables := testkit.ParseGraphQL(t, sent.Body).Variables
				assert.Equal(t, map[string]any{"clientId": pool, "userId": "u1", "page": float64(i + 1)}, variables)
			}
		})
	}
}

func TestAllAuthedAppsTwice(t *testing.T) {
	t.Parallel()
	client, _ := setup(t, 200, graphqlData("GetUserAuthorizedApps", appsResult))
	sequence := client.As(token).AllAuthedApps(context.Background(), "u1")
	for range 2 {
		var apps []authing.AuthedApp
		for app, err := range sequence {
			require.NoError(t, err)
			apps = append(apps, app)
		}
		require.Len(t, apps, 2)
		require.NotNil(t, apps[0].OAuth)
		require.NotNil(t, apps[1].OIDC)
		assert.Equal(t, authing.AuthedApp{ID: "a1", Name: "Shop", OAuth: apps[0].OAuth}, apps[0])
		assert.Equal(t, authing.AuthedApp{ID: "a2", Name: "Blog", OIDC: apps[1].OIDC}, apps[1])
		assert.Equal(t, "c1", apps[0].OAuth.ClientID)
		assert.Equal(t, "c2", apps[1].OIDC.ClientID)
	}
}

func TestRevokeAuthedApp(t *testing.T) {
	t.Parallel()
	for isRevoked, want := range map[string]bool{`"true"`: true, `true`: true, `"false"`: false, `1`: true, `"0"`: false, `false`: false, `null`: false} {
		result := `{"isRevoked":` + isRevoked + `,"_id":"r1","scope":"user","appId":"a1","userId":"u1","type":"oauth",` +
			`"when":"Fri Jan 12 2018 13:55:25 GMT+0800 (CST)"}`
		app := operationCall[*authing.RevokedApp]{
			do: func(ctx context.Context, c *authing.Client) (*authing.RevokedApp, error) {
				return c.RevokeAuthedApp(ctx, "u1", "a1")
			},
			operation: "mutation RevokeUserAuthorizedApp", variables: `{"userPoolId":"` + pool + `","userId":"u1","appId":"a1"}`,
			field: "RevokeUserAuthorizedApp", result: result,
		}.check(t)
		assert.Equal(t, want, app.IsRevoked, isRevoked)
		assert.Equal(t, "r1 a1 u1 user oauth", app.ID+" "+app.AppID+" "+app.UserID+" "+app.Scope+" "+app.Type)
		assert.True(t, app.When.Equal(moment(t, "2018-01-12T05:55:25Z")))
		assert.Equal(t, result, string(app.Raw()))
	}
}

func TestRevokeAuthedAppIncomplete(t *testing.T) {
	t.Parallel()
	for _, result := range []string{`null`, `{}`, `{"scope":"user"}`, `{"isRevoked":null,"_id":null,"appId":null}`} {
		client, _ := setup(t, 200, graphqlData("RevokeUserAuthorizedApp", result))
		app, err := client.As(token).RevokeAuthedApp(context.Background(), "u1", "a1")
		assert.Nil(t, app, result)
		wantIncomplete(t, err, result)
	}
}

func TestAppsBadInput(t *testing.T) {
	t.Parallel()
	c, got := setup(t, 200, `{}`)
	c = c.As(token)
	ctx := context.Background()
	list := func(id string, page authing.ListOptions) error { return errorOf(c.GetAuthedAppList(ctx, id, page)) }
	rejections := []rejection{
		{list("", authing.ListOptions{}), "the user id is empty"},
		{list("u\n", authing.ListOptions{}), "the user id contains"},
		{list("u1", authing.ListOptions{Page: -1}), "must not be negative: 0 leaves them to the service"},
		{list("u1", authing.ListOptions{Count: -1}), "must not be negative: 0 leaves them to the service"},
		{errorOf(c.RevokeAuthedApp(ctx, "", "a1")), "the user id is empty"},
		{errorOf(c.RevokeAuthedApp(ctx, "u1", "")), "the app id is empty"},
		{errorOf(c.RevokeAuthedApp(ctx, "u1", "a\n")), "the app id contains"},
	}
	if beyond, ok := beyondInt32(); ok {
		rejections = append(rejections,
			rejection{list("u1", authing.ListOptions{Page: beyond}), "larger than the service can read"},
			rejection{list("u1", authing.ListOptions{Count: beyond}), "larger than the service can read"})
	}
	wantRejections(t, got, rejections)

	var errs []error
	for _, err := range c.AllAuthedApps(ctx, "") {
		errs = append(errs, err)
	}
	require.Len(t, errs, 1)
	wantRejected(t, errs[0], got)
}
