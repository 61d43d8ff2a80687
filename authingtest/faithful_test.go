package authingtest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

// ownerToken returns a token of the owner of the user pool.
func ownerToken(t *testing.T, srv *authingtest.Server) string {
	t.Helper()
	_, response := send(t, graphqlRequest(srv, query(
		`{ token: getAccessTokenByAppSecret(secret: "`+srv.Secret()+`", clientId: "`+srv.UserPoolID()+`") }`, "")))
	var body struct{ Data struct{ Token string } }
	decodeJSON(t, []byte(response), &body)
	return body.Data.Token
}

func TestUsernameAndLastLoginAreText(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, client := setup(t, authingtest.Options{Clock: clock.Now, UserPoolID: "pool-1"})
	for username, params := range map[string]authing.RegisterParams{
		"":    {Email: "ann@example.com", Nickname: "Ann", Password: "password"},
		"Bob": {UnionID: "u-1", Nickname: "Bob"},
	} {
		user, err := client.Register(ctx, params)
		require.NoError(t, err)
		_, response := send(t, graphqlRequest(srv, query(`{
			user(id: "`+user.ID+`", registerInClient: "pool-1") { username lastLogin signedUp loginsCount }
		}`, ""), "Bearer "+ownerToken(t, srv)))
		const date = `"Thu Feb 27 2020 13:33:20 GMT+0800 (CST)"`
		assert.JSONEq(t, `{"data":{"user":{"username":"`+username+`","lastLogin":`+date+`,"signedUp":`+date+
			`,"loginsCount":0}}}`, response)
	}
	require.NoError(t, client.GetVerificationCode(ctx, "13900000001"))
	_, response := send(t, graphqlRequest(srv, query(`mutation { login(phone: "13900000001", phoneCode: `+
		srv.LastSMS("13900000001")+`, registerInClient: "pool-1") { username } }`, "")))
	assert.JSONEq(t, `{"data":{"login":{"username":""}}}`, response)
}

// The documents give three codes for a token that is not accepted; that of a locked user is one of them.
func TestStatusOfLockedUser(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{})
	ann := srv.AddUser(authing.User{})
	srv.SetBlocked(ann.ID, true)
	const want = `{"status":false,"code":2207,"message":"登录信息有误"}`
	_, response := send(t, graphqlRequest(srv, query(`{ checkLoginStatus(token: "`+string(ann.Token)+`") { status code message } }`, "")))
	assert.JSONEq(t, `{"data":{"checkLoginStatus":`+want+`}}`, response)
	_, response = send(t, graphqlRequest(srv, query(`{ decodeJwtToken(token: "`+string(ann.Token)+`") { status { status code message } } }`, "")))
	assert.JSONEq(t, `{"data":{"decodeJwtToken":{"status":`+want+`}}}`, response)
	_, err := client.As(ann.Token).User(ctx, ann.ID)
	assert.Equal(t, 2005, codeOf(t, err), "other calls name the reason")
}

func TestMalformedID(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{})
	ann := srv.AddUser(authing.User{Email: "ann@example.com", Phone: "13900000001"})
	asAnn := client.As(ann.Token)
	for name, call := range map[string]func(id string) error{
		"User": func(id string) error { _, err := asAnn.User(ctx, id); return err },
		"Update": func(id string) error {
			_, err := asAnn.Update(ctx, id, authing.UserUpdate{Company: authing.Ptr("x")})
			return err
		},
		"Unbind": func(id string) error { _, err := asAnn.UnbindEmail(ctx, id); return err },
		"Read":   func(id string) error { _, err := asAnn.Metadata(ctx, id); return err },
		"Apps":   func(id string) error { _, err := asAnn.GetAuthedAppList(ctx, id, authing.ListOptions{}); return err },
	} {
		for _, id := range []string{"x", "5e57540f84622ae263294a4", "5e57540f84622ae263294a4g"} {
			err := call(id)
			assert.Equal(t, 500, codeOf(t, err), "%s %s", name, id)
			assert.ErrorContains(t, err, "Cast to ObjectId failed", "%s %s", name, id)
		}
		assert.NotEqual(t, 500, codeOf(t, call("5e57540f84622ae263294a42")), name)
	}
	for _, token := range []string{string(ann.Token), ownerToken(t, srv)} {
		for _, id := range []string{"", "x"} {
			_, response := send(t, graphqlRequest(srv,
				query(`{ user(id: "`+id+`", registerInClient: "`+srv.UserPoolID()+`") { _id } }`, ""), "Bearer "+token))
			assert.JSONEq(t, `{"data":{"user":null},"errors":[{"message":{"code":500,"data":null,"message":"Cast to ObjectId failed for value \"`+
				id+`\" at path \"_id\" for model \"User\""}}]}`, response)
		}
	}
}

func TestLifetimesOfNamedApp(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{})
	ann := srv.AddUser(authing.User{})
	srv.AuthorizeOIDCApp(ann.ID, authing.OIDCApp{Name: "app"})
	srv.AuthorizeOIDCApp(ann.ID, authing.OIDCApp{Name: "own", AccessTokenExpire: "60"})
	apps, err := client.As(ann.Token).GetAuthedAppList(ctx, ann.ID, authing.ListOptions{})
	require.NoError(t, err)
	named, own := apps.OIDCApps[0], apps.OIDCApps[1]
	assert.Equal(t, []string{"600", "3600", "3600", "3600"},
		[]string{named.AuthorizationCodeExpire, named.AccessTokenExpire, named.IDTokenExpire, named.CASExpire})
	assert.Equal(t, "60", own.AccessTokenExpire)
}

func TestCheckSession(t *testing.T) {
	t.Parallel()
	srv, _ := setup(t, authingtest.Options{})
	ann := srv.NewPhone(authingtest.WxUser{})
	assert.Equal(t, "checkSession:fail session_key is invalid", ann.CheckSession())
	ann.Login()
	assert.Equal(t, "checkSession:ok", ann.CheckSession())
	assert.Equal(t, "checkSession:ok", srv.NewPhone(ann.User()).CheckSession(), "the user's other phone")
}

func TestAllowOrigin(t *testing.T) {
	t.Parallel()
	for _, origin := range []string{"", "*"} {
		srv, _ := setup(t, authingtest.Options{AllowOrigin: origin})
		for _, url := range []string{srv.UsersURL(), srv.OAuthURL(), srv.UploadURL()} {
			req, err := http.NewRequest("OPTIONS", url+"/graphql", nil)
			require.NoError(t, err)
			resp, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			resp.Body.Close()
			assert.Equal(t, origin, resp.Header.Get("Access-Control-Allow-Origin"))
			assert.Equal(t, origin != "", resp.StatusCode == http.StatusNoContent)
		}
	}
}
