package authingv3_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingv3"
)

func TestNewClient(t *testing.T) {
	t.Parallel()
	for address, base := range map[string]string{
		host: host, host + "/": host, host + "///": host, host + "/" + appID: host + "/" + appID, "https://a.test:8443/x/": "https://a.test:8443/x",
		"http://127.0.0.1:1": "http://127.0.0.1:1",
	} {
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("GET", base+"/api/v3/get-profile", httpmock.NewStringResponder(200, enveloped(ann)))
		client, err := authingv3.NewClient(address, appID, miniProgram, withTransport(mock))
		require.NoError(t, err, address)
		assert.Equal(t, appID, client.AppID())
		_, err = client.As(token).User(context.Background())
		require.NoError(t, err, address)
	}
	for _, tt := range []struct{ host, appID, miniProgram, text string }{
		{host, "", miniProgram, "the application id is empty: copy it from the Authing console"},
		{host, "a/b", miniProgram, "the application id contains characters other than"},
		{host, appID, "", "the identifier of the mini program's identity source is empty: copy it"},
		{host, appID, "a b", "the identifier of the mini program's identity source contains characters"},
		{"", appID, miniProgram, "the host is not an absolute URL: write it like https://"},
		{"shop.authing.cn", appID, miniProgram, "the host is not an absolute URL"},
		{"http://shop.authing.cn", appID, miniProgram, "the host is plain http to another machine: use https, or allow it with"},
		{"https://ann:s3cr3t@shop.authing.cn", appID, miniProgram, "the host contains a user name or password: remove it"},
		{host + "?a=s3cr3t", appID, miniProgram, "the host contains a query or a fragment: remove it"},
		{host + "/oidc/", appID, miniProgram, "the host ends in /oidc, which the package adds: leave it out"},
		{host + "/api/v3", appID, miniProgram, "the host ends in /api/v3, which the package adds: leave it out"},
		{host + "/a/../b", appID, miniProgram, "the host contains a dot segment: write the path in full"},
	} {
		client, err := authingv3.NewClient(tt.host, tt.appID, tt.miniProgram)
		assert.Nil(t, client)
		require.ErrorIs(t, err, authing.ErrInvalidArgument)
		require.ErrorContains(t, err, "authing: NewClient: "+tt.text)
		assert.NotContains(t, err.Error(), "s3cr3t")
	}
}

func TestHostNamedLikeAPath(t *testing.T) {
	t.Parallel()
	_, err := authingv3.NewClient("https://oidc", appID, miniProgram)
	require.NoError(t, err)
}

func TestAs(t *testing.T) {
	t.Parallel()
	anonymous, got := setup(t, http.StatusOK, nothing)
	bob := anonymous.As("ann").As("bob")
	for _, c := range []*authingv3.Client{bob, anonymous, bob.As("")} {
		assert.Equal(t, appID, c.AppID())
		require.NoError(t, c.SendEmailCode(context.Background(), "a@b.test", authingv3.ChannelLogin))
	}
	var sent [][]string
	for _, e := range got.All() {
		sent = append(sent, e.Header.Values("Authorization"))
	}
	assert.Equal(t, [][]string{{"bob"}, nil, nil}, sent)
}

// A client that NewClient did not make sends nothing and does not panic. A nil context is no reason to panic either.
func TestUnusableClients(t *testing.T) {
	t.Parallel()
	built, got := setup(t, http.StatusOK, nothing)
	var none context.Context
	for name, do := range map[string]doing{
		"LoginWithWxapp": login, "LoginByPhoneCode": byPhoneCode("138", "1"), "Login": byPassword("ann", "x"), "User": user,
		"Register": register(authingv3.RegisterParams{Username: "a", Password: "x"}), "Refresh": refresh, "Logout": logout,
		"VerifyToken": verify, "GetVerificationCode": text("138", authingv3.ChannelLogin), "ChangeAvatar": changeAvatar(png),
		"DeleteAccount": deletion(authingv3.ProofByPassword("x")), "Update": update(authingv3.UserUpdate{Name: authing.Ptr("x")}),
	} {
		for text, err := range map[string]error{
			"the Client was not made by NewClient": second(do(context.Background(), &authingv3.Client{})),
			"the context is nil":                   second(do(none, built.As(token))),
		} {
			require.ErrorIs(t, err, authing.ErrInvalidArgument, name)
			require.ErrorContains(t, err, "authing: "+name+": "+text)
		}
	}
	assert.Empty(t, got.All())
	(&authingv3.Client{}).CloseIdleConnections()
}

func second(_ any, err error) error { return err }

type closing struct {
	http.RoundTripper
	closed atomic.Int32
}

func (c *closing) CloseIdleConnections() { c.closed.Add(1) }

func TestCloseIdleConnections(t *testing.T) {
	t.Parallel()
	transport := &closing{}
	client, _ := setup(t, http.StatusOK, "", withTransport(transport))
	client.As(token).CloseIdleConnections()
	assert.EqualValues(t, 1, transport.closed.Load())
}

// The secret goes where the application expects it, with the calls that authenticate the application, and nowhere else.
func TestClientAuthentication(t *testing.T) {
	t.Parallel()
	const form, inForm = "client_id=" + appID, "client_id=" + appID + "&client_secret=s3cr3t%2F%2B%E5%AE%89%3A%26"
	const inBody = `,"client_id":"` + appID + `","client_secret":"s3cr3t/+安:\u0026"}`
	signIn, forms := []doing{login, byPhoneCode("138", "1"), byPassword("ann", "x"), func(ctx context.Context, c *authingv3.Client) (any, error) {
		return result(c.LoginWithWxappPhone(ctx, code, phoneCode))
	}}, []doing{refresh, logout, verify}
	others := []doing{
		user, update(authingv3.UserUpdate{Name: authing.Ptr("x")}), text("138", authingv3.ChannelLogin), mail("a@b.test", authingv3.ChannelLogin),
		bindPhone("138", "1"), deletion(authingv3.ProofByPassword("x")), changeAvatar(png),
		register(authingv3.RegisterParams{Username: "a", Password: "x"}), func(ctx context.Context, c *authingv3.Client) (any, error) {
			return result(c.GetPhone(ctx, phoneCode))
		},
	}
	for _, tt := range []struct {
		name               string
		opts               []authingv3.Option
		header, json, form string
	}{
		{"none", nil, "", "", form},
		{"body", []authingv3.Option{authingv3.WithAppSecret(appSecret, authingv3.SecretInBody)}, "", inBody, inForm},
		{"basic", []authingv3.Option{authingv3.WithAppSecret(appSecret, authingv3.SecretInBasic)}, basic, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client, got := setup(t, http.StatusBadRequest, `{"statusCode":400,"message":"no"}`, append(tt.opts, authingv3.WithReadRetries(0))...)
			sent := func(do doing) (header, body string) {
				_, err := do(context.Background(), client.As(token))
				require.Error(t, err)
				all := got.All()
				return all[len(all)-1].Header.Get("Authorization"), all[len(all)-1].Body
			}
			for _, do := range signIn {
				header, body := sent(do)
				assert.Equal(t, tt.header, header)
				assert.True(t, strings.HasSuffix(body, tt.json), body)
				assert.Equal(t, tt.json != "", strings.Contains(body, "client_"))
			}
			for _, do := range forms {
				header, body := sent(do)
				assert.Equal(t, tt.header, header)
				assert.True(t, strings.HasPrefix(body, tt.form), body)
				assert.Equal(t, tt.name == "body", strings.Contains(body, "client_secret"))
				assert.Equal(t, tt.name != "basic", strings.Contains(body, "client_id"))
			}
			for _, do := range others {
				header, body := sent(do)
				assert.NotContains(t, header, "Basic")
				assert.NotContains(t, body, "client_")
				assert.NotContains(t, body, "s3cr3t")
			}
		})
	}
}

// A service may quote the credentials with their scheme, without it, or decoded.
func TestCredentialsAreRedacted(t *testing.T) {
	t.Parallel()
	for _, in := range []authingv3.SecretIn{authingv3.SecretInBody, authingv3.SecretInBasic} {
		for _, do := range []doing{login, refresh, user} {
			e := failure(t, http.StatusOK, `{"statusCode":400,"message":"bad `+basic+` `+basic[6:]+` `+string(appSecret)+` end"}`, do,
				authingv3.WithAppSecret(appSecret, in))
			require.ErrorContains(t, e, "end")
			for _, part := range []string{"s3cr3t", "NjVm", basic[6:20]} {
				assert.NotContains(t, e.Error(), part)
			}
		}
	}
}

func TestUserPoolHeader(t *testing.T) {
	t.Parallel()
	client, got := setup(t, http.StatusOK, nothing, authingv3.WithUserPool("pool-1"))
	client = client.As(token)
	for _, do := range []doing{login, user, refresh, verify, logout} {
		do(context.Background(), client)
	}
	var pools []string
	for _, e := range got.All() {
		assert.Equal(t, appID, e.Header.Get("X-Authing-App-Id"))
		pools = append(pools, e.Header.Get("X-Authing-Userpool-Id"))
	}
	assert.Equal(t, []string{"pool-1", "pool-1", "", "", ""}, pools, "the /oidc endpoints have no envelope")
}

func TestLoginRequiredByUserCalls(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"statusCode":401,"message":"no"}`, `{"statusCode":403,"apiCode":2020,"message":"no"}`} {
		require.ErrorIs(t, failure(t, http.StatusOK, body, user), authing.ErrLoginRequired)
	}
	require.ErrorIs(t, failure(t, http.StatusUnauthorized, `{"statusCode":403,"message":"no"}`, user), authing.ErrLoginRequired)
	e := failure(t, http.StatusOK, `{"statusCode":401,"message":"no"}`, login)
	assert.NotErrorIs(t, e, authing.ErrLoginRequired, "a sign-in says this of the application")
}
