package docs_test

//lint:file-ignore SA4006 some snippets leave out what to do with an error

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authinghttp"
	"github.com/authing-wxapp/authing/authingtest"
	"github.com/authing-wxapp/authing/authingv3"
)

// The Go code of v3.md, and what miniprogram.md says about V3: see TestDocumentedGo.

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

func routesV3(client *authingv3.Client) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if in, ok := readPost(w, r); ok {
			login, err := client.LoginWithWxapp(r.Context(), in.Code)
			answerV3(w, r, client, login, err)
		}
	})
	mux.HandleFunc("POST /phone", func(w http.ResponseWriter, r *http.Request) {
		in, ok := readPost(w, r)
		if !ok {
			return
		}
		if err := in.Detail.Err(); err != nil { // the user refused, for example
			answer(w, nil, err)
			return
		}
		login, err := client.LoginWithWxappPhone(r.Context(), in.Code, in.Detail.PhoneCode)
		answerV3(w, r, client, login, err)
	})
	return mux
}

func answerV3(w http.ResponseWriter, r *http.Request, client *authingv3.Client, login *authingv3.Login, err error) {
	if err != nil {
		answer(w, nil, err)
		return
	}
	user, err := client.As(login.AccessToken).User(r.Context())
	if err != nil {
		log.Print(err)
		user = &authingv3.User{} // signed in all the same
	}
	json.NewEncoder(w).Encode(map[string]string{
		"token": string(login.AccessToken), "nickname": user.Nickname, "phone": user.Phone, "photo": user.Photo,
	})
}

func TestRoutesV3(t *testing.T) {
	t.Parallel()
	srv := authingtest.NewServer(authingtest.Options{})
	defer srv.Close()
	client, err := authingv3.NewClient(srv.AppHost(), srv.AppID(), srv.MiniProgram())
	require.NoError(t, err)
	mux := routesV3(client)
	ask := func(path string, posted any) (int, string) {
		body, err := json.Marshal(posted)
		require.NoError(t, err)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest("POST", path, bytes.NewReader(body)))
		return w.Code, w.Body.String()
	}
	ann := srv.NewPhone(authingtest.WxUser{})
	code := ann.Login()
	for _, tt := range []struct {
		path   string
		posted any
		status int
		answer string
	}{
		{"/login", map[string]string{"code": code}, http.StatusOK, `"phone":"","photo":"","token":"`},
		{"/login", map[string]string{"code": code}, http.StatusBadGateway, "fresh code"},
		{"/phone", []int{}, http.StatusBadRequest, "as JSON"},
		{"/phone", post{ann.Login(), ann.Deny("getPhoneNumber")}, http.StatusForbidden, "refused"},
		{"/phone", post{ann.Login(), authing.Detail{ErrMsg: "getPhoneNumber:ok"}}, http.StatusBadRequest, "what WeChat gave it"},
		{"/phone", post{ann.Login(), ann.GetPhoneNumber()}, http.StatusOK, `"phone":"` + ann.User().PhoneNumber},
	} {
		status, text := ask(tt.path, tt.posted)
		assert.Equal(t, tt.status, status, text)
		assert.Contains(t, text, tt.answer)
	}
	srv.FailNext("User", authingtest.Fault{Status: http.StatusForbidden, Body: "{}"})
	status, text := ask("/login", map[string]string{"code": ann.Login()})
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, text, `"token":"ey`)
}
