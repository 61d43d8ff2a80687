package authingtest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

func TestApps(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, onUsers := setup(t, authingtest.Options{Clock: clock.Now})
	onOAuth, err := authing.NewClient(srv.UserPoolID(), authing.WithHosts(authing.Hosts{
		Users: srv.UsersURL(), OAuth: srv.OAuthURL(), Apps: srv.OAuthURL(),
	}))
	require.NoError(t, err)
	ann := addAnn(srv)
	var ids []string
	for i := range 11 {
		ids = append(ids, srv.AuthorizeApp(ann.ID, authing.OAuthApp{Name: fmt.Sprint(i), Grants: []string{"authorization_code"}}))
	}
	oidc := srv.AuthorizeOIDCApp(ann.ID, authing.OIDCApp{
		ID: "5e0000000000000000000001", Name: "oidc", AccessTokenExpire: "3600", IDTokenSignedResponseAlg: "HS256",
	})
	srv.AuthorizeApp("nobody", authing.OAuthApp{})

	for host, client := range map[string]*authing.Client{"users": onUsers, "oauth": onOAuth} {
		asAnn := client.As(ann.Token)
		list := func(page authing.ListOptions) *authing.AuthedApps {
			apps, err := asAnn.GetAuthedAppList(ctx, ann.ID, page)
			require.NoError(t, err)
			requests := srv.Requests()
			require.Equal(t, host, requests[len(requests)-1].Host)
			assert.Equal(t, 12, apps.TotalCount)
			return apps
		}
		first := list(authing.ListOptions{})
		assert.Len(t, first.OAuthApps, 10, "default page size")
		assert.Empty(t, first.OIDCApps)
		assert.Equal(t, ids[0], first.OAuthApps[0].ID)
		assert.Equal(t, []string{"authorization_code"}, first.OAuthApps[0].Grants)
		assert.NotEmpty(t, first.OAuthApps[0].ClientID)
		assert.Equal(t, "Thu Feb 27 2020 13:33:20 GMT+0800 (CST)", first.OAuthApps[0].When.Text)
		last := list(authing.ListOptions{Page: 2})
		require.Len(t, last.OAuthApps, 1)
		assert.Equal(t, ids[10], last.OAuthApps[0].ID)
		require.Len(t, last.OIDCApps, 1)
		assert.Equal(t, oidc, last.OIDCApps[0].ID)
		assert.Equal(t, "3600", last.OIDCApps[0].AccessTokenExpire)
		assert.Equal(t, "HS256", last.OIDCApps[0].IDTokenSignedResponseAlg)
		middle := list(authing.ListOptions{Page: 2, Count: 3})
		require.Len(t, middle.OAuthApps, 3)
		assert.Equal(t, ids[3], middle.OAuthApps[0].ID)
		beyond := list(authing.ListOptions{Page: 9})
		assert.Empty(t, beyond.OAuthApps)
		assert.Empty(t, beyond.OIDCApps)
	}

	asAnn := onOAuth.As(ann.Token)
	for range 2 {
		revoked, err := asAnn.RevokeAuthedApp(ctx, ann.ID, oidc)
		require.NoError(t, err)
		assert.True(t, revoked.IsRevoked)
		assert.Equal(t, oidc, revoked.AppID)
		assert.Equal(t, ann.ID, revoked.UserID)
		assert.Equal(t, "oidc", revoked.Type)
		assert.Contains(t, string(revoked.Raw()), `"isRevoked":"true"`, "a string, as documented")
	}
	apps, err := asAnn.GetAuthedAppList(ctx, ann.ID, authing.ListOptions{Count: 20})
	require.NoError(t, err)
	assert.Equal(t, 11, apps.TotalCount)
	assert.Empty(t, apps.OIDCApps)
	_, err = asAnn.RevokeAuthedApp(ctx, ann.ID, "5e0000000000000000000002")
	assert.Equal(t, 2221, codeOf(t, err))
}
