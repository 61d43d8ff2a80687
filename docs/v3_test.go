package docs_test

//lint:file-ignore SA4006 some snippets leave out what to do with an error

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing/authinghttp"
	"github.com/authing-wxapp/authing/authingtest"
	"github.com/authing-wxapp/authing/authingv3"
)

// The Go code of v3.md: see TestDocumentedGo.

var _ = func(ctx context.Context, appID string, body struct{ Code string }) error {
	client, err := authingv3.NewClient("https://my-shop.authing.cn", appID, "my-mini-program") // once, at start-up
	if err != nil {
		return err
	}
	login, err := client.LoginWithWxapp(ctx, body.Code) // silent: the page called wx.login, nobody tapped
	if err != nil {
		return err
	}
	user, err := client.As(login.AccessToken).User(ctx)
	if err != nil {
		return err
	}
	_ = user
	return nil
}

var _ = func(ctx context.Context, client *authingv3.Client, posted post, picture io.Reader) error {
	if err := posted.Detail.Err(); err != nil { // posted: {code, detail} from the page
		return err // authing.ErrUserRefused if the user tapped refuse
	}
	login, err := client.LoginWithWxappPhone(ctx, posted.Code, posted.Detail.PhoneCode)

	user, err := client.As(login.AccessToken).ChangeAvatar(ctx, picture) // an io.Reader: the uploaded file

	login, err = client.Refresh(ctx, login.RefreshToken) // store both new tokens

	err = client.Logout(ctx, login.RefreshToken) // first: with it the page could get new tokens
	err = client.Logout(ctx, login.AccessToken)
	_ = user
	return err
}

var _ = func(appID string, mux *http.ServeMux, me http.Handler) error {
	verifier, err := authingv3.NewVerifier(authingv3.VerifierOptions{
		Issuer:   "https://my-shop.authing.cn/oidc",
		Audience: appID,
		JWKSURL:  "https://my-shop.authing.cn/oidc/.well-known/jwks.json",
	})
	if err != nil {
		return err
	}
	mux.Handle("GET /api/me", authinghttp.RequireLogin(verifier)(me))
	return nil
}

func TestV3(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	srv := authingtest.NewServer(authingtest.Options{}) // Options.App: secret, algorithms, lifetimes
	defer srv.Close()
	client, err := authingv3.NewClient(srv.AppHost(), srv.AppID(), srv.MiniProgram())
	require.NoError(t, err)

	ann := srv.NewPhone(authingtest.WxUser{NickName: "Ann"})
	login, err := client.LoginWithWxappPhone(ctx, ann.Login(), ann.GetPhoneNumber().PhoneCode)
	require.NoError(t, err)

	verifier, err := authingv3.NewVerifier(authingv3.VerifierOptions{
		Issuer: srv.Issuer(), Audience: srv.AppID(), JWKSURL: srv.JWKSURL(),
	})
	require.NoError(t, err)
	info, err := verifier.VerifyToken(ctx, login.AccessToken)
	require.NoError(t, err)
	assert.Equal(t, login.UserID, info.UserID)
	assert.NotEmpty(t, login.RefreshToken)
}
