package authingtest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

func TestUpdateAllFields(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{EarlyUpdates: true})
	ann := addAnn(srv)

	user, err := client.As(ann.Token).Update(ctx, ann.ID, authing.UserUpdate{
		Email: authing.Ptr("new@example.com"), EmailVerified: authing.Ptr(true), Username: authing.Ptr("anna"), Nickname: authing.Ptr("Anna"),
		Company: authing.Ptr("Example"), Photo: authing.Ptr("https://x.test/a.png"), Phone: authing.Ptr("13900000001"), Browser: authing.Ptr("ua"),
		Token: authing.Ptr(authing.Secret("ignored")), LoginsCount: authing.Ptr(7), LastLogin: authing.Ptr("2020-01-02T03:04:05Z"),
		LastIP: authing.Ptr("192.0.2.1"), SignedUp: authing.Ptr("2019-01-02T03:04:05Z"),
	})

	require.NoError(t, err)
	stored := srv.User(ann.ID)
	for _, u := range []*authing.User{user, stored} {
		assert.Equal(t, "new@example.com", u.Email)
		assert.True(t, u.EmailVerified)
		assert.Equal(t, "anna", u.Username)
		assert.Equal(t, "Anna", u.Nickname)
		assert.Equal(t, "Example", u.Company)
		assert.Equal(t, "https://x.test/a.png", u.Photo)
		assert.Equal(t, "13900000001", u.Phone)
		assert.Equal(t, "ua", u.Browser)
		assert.Equal(t, 7, u.LoginsCount)
		assert.Equal(t, "192.0.2.1", u.LastIP)
		assert.Equal(t, time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC), u.LastLogin.UTC())
		assert.Equal(t, time.Date(2019, 1, 2, 3, 4, 5, 0, time.UTC), u.SignedUp.UTC())
		assert.Equal(t, ann.Token, u.Token)
	}

	_, err = client.As(ann.Token).Update(ctx, ann.ID, authing.UserUpdate{Blocked: authing.Ptr(true)})
	require.NoError(t, err)
	_, err = client.As(ann.Token).User(ctx, ann.ID)
	assert.ErrorIs(t, err, authing.ErrUserLocked)
}

// WeChat allows control characters in nicknames, so a program that writes back what it read has to succeed.
func TestControlCharactersInFreeText(t *testing.T) {
	t.Parallel()
	const nickname = "A\ann\x00\t\u0085"
	srv, client := setup(t, authingtest.Options{})
	ann, client := signIn(t, client, srv.NewPhone(authingtest.WxUser{NickName: nickname}))
	assert.Equal(t, nickname, ann.Nickname)

	updated, err := client.Update(ctx, ann.ID, authing.UserUpdate{Nickname: &ann.Nickname, Company: &ann.Nickname})
	require.NoError(t, err)
	assert.Equal(t, nickname, updated.Nickname)
	assert.Equal(t, nickname, updated.Company)
	_, err = client.SetMetadata(ctx, ann.ID, "k", nickname)
	require.NoError(t, err)
	stored, err := client.Metadata(ctx, ann.ID)
	require.NoError(t, err)
	assert.Equal(t, []authing.MetadataItem{{Key: "k", Value: nickname}}, stored.List)
}

func TestUpdateRejected(t *testing.T) {
	t.Parallel()
	type update = authing.UserUpdate
	for name, tt := range map[string]struct {
		update update
		early  int // code with EarlyUpdates, 0: accepted
		later  int
	}{
		"own email":          {update{Email: authing.Ptr("ann@example.com")}, 0, 0},
		"own email, case":    {update{Email: authing.Ptr("Ann@example.com")}, 0, 2225},
		"own phone":          {update{Phone: authing.Ptr("13900000000")}, 0, 0},
		"own username":       {update{Username: authing.Ptr("ann")}, 0, 0},
		"email":              {update{Email: authing.Ptr("new@example.com")}, 0, 2225},
		"email removed":      {update{Email: authing.Ptr("")}, 0, 2225},
		"phone":              {update{Phone: authing.Ptr("13900000009")}, 0, 2226},
		"email taken":        {update{Email: authing.Ptr("bob@example.com")}, 2200, 2225},
		"invalid email":      {update{Email: authing.Ptr("bob")}, 2204, 2225},
		"phone taken":        {update{Phone: authing.Ptr("13900000001")}, 2035, 2226},
		"username taken":     {update{Username: authing.Ptr("bob")}, 2034, 2034},
		"password":           {update{Password: authing.Ptr(authing.Secret("another")), OldPassword: authing.Ptr(authing.Secret("password"))}, 0, 0},
		"wrong old password": {update{Password: authing.Ptr(authing.Secret("another")), OldPassword: authing.Ptr(authing.Secret("Password"))}, 2203, 2203},
		"short password":     {update{Password: authing.Ptr(authing.Secret("short")), OldPassword: authing.Ptr(authing.Secret("password"))}, 2029, 2029},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, early := range []bool{true, false} {
				srv, client := setup(t, authingtest.Options{EarlyUpdates: early})
				ann := addAnn(srv)
				bob := srv.AddUser(authing.User{Email: "bob@example.com", Username: "bob", Phone: "13900000001"})
				srv.SetPassword(bob.ID, "password")
				want := tt.later
				if early {
					want = tt.early
				}
				tt.update.Company = authing.Ptr("Example")

				_, err := client.As(ann.Token).Update(ctx, ann.ID, tt.update)

				if want == 0 {
					require.NoError(t, err)
					assert.Equal(t, "Example", srv.User(ann.ID).Company)
					continue
				}
				assert.Equal(t, want, codeOf(t, err))
				assert.Equal(t, ann, srv.User(ann.ID), "a rejected update changes nothing")
				_, err = client.Login(ctx, authing.LoginParams{Username: "ann", Password: "password"})
				assert.NoError(t, err)
			}
		})
	}
}

// A username need not be unique on an account without a password.
func TestUpdateUsernameWithoutPassword(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{})
	addAnn(srv)
	user, asUser := signIn(t, client, srv.NewPhone(authingtest.WxUser{}))
	_, err := asUser.Update(ctx, user.ID, authing.UserUpdate{Username: authing.Ptr("ann")})
	require.NoError(t, err)
	assert.Equal(t, "ann", srv.User(user.ID).Username)
}

func TestUpdatePassword(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{})
	ann := addAnn(srv)
	_, err := client.As(ann.Token).Update(ctx, ann.ID, authing.UserUpdate{
		Password: authing.Ptr(authing.Secret("another")), OldPassword: authing.Ptr(authing.Secret("password")),
	})
	require.NoError(t, err)
	_, err = client.Login(ctx, authing.LoginParams{Username: "ann", Password: "password"})
	assert.ErrorIs(t, err, authing.ErrWrongPassword)
	_, err = client.Login(ctx, authing.LoginParams{Username: "ann", Password: "another"})
	assert.NoError(t, err)

	update := func(options string) string {
		_, response := send(t, graphqlRequest(srv, query(`mutation { updateUser(options: {_id: "`+ann.ID+`", registerInClient: "`+
			srv.UserPoolID()+`", `+options+`}) { _id } }`, ""), "Bearer "+string(ann.Token)))
		return response
	}
	ciphertext := func() string {
		_, err := client.Login(ctx, authing.LoginParams{Username: "ann", Password: "another"})
		require.NoError(t, err)
		var body struct{ Variables struct{ Password string } }
		requests := srv.Requests()
		decodeJSON(t, requests[len(requests)-1].Body, &body)
		return body.Variables.Password
	}
	assert.Contains(t, update(`password: "`+ciphertext()+`"`), `"code":2201`)
	assert.Contains(t, update(`password: "x", oldPassword: "`+ciphertext()+`"`), `"code":2016`)
	assert.NotContains(t, update(`oldPassword: "x"`), `"errors"`, "ignored without password, as in the original")
}

// Calls without a token or with another user's token are rejected.
func TestAuthorization(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{})
	ann := addAnn(srv)
	app := srv.AuthorizeApp(ann.ID, authing.OAuthApp{Name: "app"})
	bob := srv.AddUser(authing.User{Nickname: "Bob"})
	before := srv.User(ann.ID)
	for name, tt := range map[string]struct {
		call      func(*authing.Client) error
		forbidden int
	}{
		"User": {func(c *authing.Client) error { _, err := c.User(ctx, ann.ID); return err }, 1001},
		"Update": {func(c *authing.Client) error {
			_, err := c.Update(ctx, ann.ID, authing.UserUpdate{Company: authing.Ptr("x")})
			return err
		}, 2202},
		"Logout": {func(c *authing.Client) error { return c.Logout(ctx, ann.ID) }, 2202},
		"unbind": {func(c *authing.Client) error { _, err := c.UnbindEmail(ctx, ann.ID); return err }, 2202},
		"read":   {func(c *authing.Client) error { _, err := c.Metadata(ctx, ann.ID); return err }, 1001},
		"set":    {func(c *authing.Client) error { _, err := c.SetMetadata(ctx, ann.ID, "k", "v"); return err }, 1001},
		"remove": {func(c *authing.Client) error { _, err := c.RemoveMetadata(ctx, ann.ID, "k"); return err }, 1001},
		"apps": {func(c *authing.Client) error {
			_, err := c.GetAuthedAppList(ctx, ann.ID, authing.ListOptions{})
			return err
		}, 1001},
		"revoke": {func(c *authing.Client) error { _, err := c.RevokeAuthedApp(ctx, ann.ID, app); return err }, 1001},
	} {
		assert.Equal(t, 2020, codeOf(t, tt.call(client)), name)
		assert.Equal(t, 2207, codeOf(t, tt.call(client.As("x"))), name)
		assert.Equal(t, tt.forbidden, codeOf(t, tt.call(client.As(bob.Token))), name)
	}
	assert.Equal(t, before, srv.User(ann.ID))
	apps, err := client.As(ann.Token).GetAuthedAppList(ctx, ann.ID, authing.ListOptions{})
	require.NoError(t, err)
	assert.Equal(t, 1, apps.TotalCount)
	metadata, err := client.As(ann.Token).Metadata(ctx, ann.ID)
	require.NoError(t, err)
	assert.Zero(t, metadata.TotalCount)
}

func TestUnbindEmail(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		user     authing.User
		password string
		code     int
	}{
		"phone left":                  {authing.User{Phone: "13900000000"}, "", 0},
		"WeChat left":                 {authing.User{OpenID: "o-1"}, "", 0},
		"union id left":               {authing.User{UnionID: "u-1"}, "", 0},
		"username left":               {authing.User{Username: "ann"}, "password", 0},
		"username without a password": {authing.User{Username: "ann"}, "", 2217},
		"the only way to sign in":     {authing.User{}, "password", 2217},
	} {
		srv, client := setup(t, authingtest.Options{})
		tt.user.Email, tt.user.EmailVerified = "ann@example.com", true
		ann := srv.AddUser(tt.user)
		srv.SetPassword(ann.ID, tt.password)
		asAnn := client.As(ann.Token)

		user, err := asAnn.UnbindEmail(ctx, ann.ID)

		if tt.code != 0 {
			assert.Equal(t, tt.code, codeOf(t, err), name)
			assert.Equal(t, "ann@example.com", srv.User(ann.ID).Email, name)
			continue
		}
		require.NoError(t, err, name)
		assert.Empty(t, user.Email, name)
		assert.False(t, srv.User(ann.ID).EmailVerified, name)
		_, err = asAnn.UnbindEmail(ctx, ann.ID)
		assert.Equal(t, 2219, codeOf(t, err), name)
	}
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{})
	ann := addAnn(srv)
	asAnn := client.As(ann.Token)
	set := func(key, value string) *authing.Metadata {
		m, err := asAnn.SetMetadata(ctx, ann.ID, key, value)
		require.NoError(t, err)
		return m
	}
	item := func(key, value string) authing.MetadataItem { return authing.MetadataItem{Key: key, Value: value} }

	m, err := asAnn.Metadata(ctx, ann.ID)
	require.NoError(t, err)
	assert.Equal(t, authing.Metadata{List: []authing.MetadataItem{}}, *m)
	set("a", "1")
	set("b", "")
	assert.Equal(t, authing.Metadata{TotalCount: 2, List: []authing.MetadataItem{item("a", "2"), item("b", "")}}, *set("a", "2"))
	for range 2 {
		m, err = asAnn.RemoveMetadata(ctx, ann.ID, "a")
		require.NoError(t, err)
		assert.Equal(t, authing.Metadata{TotalCount: 1, List: []authing.MetadataItem{item("b", "")}}, *m)
	}
	again, err := asAnn.Metadata(ctx, ann.ID)
	require.NoError(t, err)
	assert.Equal(t, m, again)
}
