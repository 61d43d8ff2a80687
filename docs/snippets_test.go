package docs_test

//lint:file-ignore SA4006 some snippets leave out what to do with an error

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"expvar"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authinghttp"
	"github.com/authing-wxapp/authing/authingtest"
)

// The Go code of the READMEs, of the package comment and of docs/: see TestDocumentedGo. ExampleNewClient is in
// example_test.go.

var _ = func(ctx context.Context, poolID, code2 string, detail2 authing.Detail, body post) (*authing.User, error) {
	client, err := authing.NewClient(poolID)                         // once, at start-up
	user, err := client.LoginWithWxapp(ctx, body.Code, body.Detail)  // body: {code, detail} from the page
	user, err = client.As(user.Token).BindPhone(ctx, code2, detail2) // a second tap, a second code
	return user, err
}

var _ = func(ctx context.Context, client *authing.Client, token authing.Secret, user *authing.User) (err error) {
	user, err = client.As(token).Update(ctx, user.ID, authing.UserUpdate{Nickname: authing.Ptr("Ann")}) // nil fields stay as they are
	return err
}

var _ = func(client *authing.Client, mux *http.ServeMux) {
	verifier := authinghttp.Cache(client, authinghttp.CacheOptions{TTL: time.Minute}) // asks Authing once a minute per token
	mux.Handle("GET /api/me", authinghttp.RequireLogin(verifier)(http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			info, _ := authinghttp.TokenInfoFromContext(r.Context())
			fmt.Fprintln(w, "signed in as", info.UserID)
		})))
}

func TestSignIn(t *testing.T) {
	srv := authingtest.NewServer(authingtest.Options{})
	defer srv.Close()
	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	require.NoError(t, err)

	ann := srv.NewPhone(authingtest.WxUser{NickName: "Ann"}) // her phone, with the mini program open
	user, err := client.LoginWithWxapp(context.Background(), ann.Login(), ann.GetUserInfo())
	require.NoError(t, err)
	assert.Equal(t, "Ann", user.Nickname)
}

func routes(client *authing.Client) *http.ServeMux {
	verifier := authinghttp.Cache(client, authinghttp.CacheOptions{TTL: time.Minute}) // asks Authing once a minute per token
	requireLogin := authinghttp.RequireLogin(verifier)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if in, ok := readPost(w, r); ok {
			user, err := client.LoginWithWxapp(r.Context(), in.Code, in.Detail)
			answer(w, user, err)
		}
	})
	mux.Handle("POST /phone", requireLogin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := authinghttp.TokenFromContext(r.Context())
		if in, ok := readPost(w, r); ok {
			user, err := client.As(token).BindPhone(r.Context(), in.Code, in.Detail)
			answer(w, user, err)
		}
	})))
	mux.Handle("GET /me", requireLogin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		info, _ := authinghttp.TokenInfoFromContext(r.Context())
		token, _ := authinghttp.TokenFromContext(r.Context())
		user, err := client.As(token).User(r.Context(), info.UserID)
		answer(w, user, err)
	})))
	mux.Handle("POST /logout", requireLogin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		info, _ := authinghttp.TokenInfoFromContext(r.Context())
		token, _ := authinghttp.TokenFromContext(r.Context())
		err := errors.Join(
			client.As(token).Logout(r.Context(), info.UserID),
			verifier.Forget(r.Context(), token), // or the cache lets the token pass until its TTL ends
		)
		if err != nil {
			answer(w, nil, err)
			return
		}
		w.WriteHeader(http.StatusNoContent) // the page removes its token
	})))
	return mux
}

type post struct {
	Code   string
	Detail authing.Detail
}

func readPost(w http.ResponseWriter, r *http.Request) (in post, ok bool) {
	if json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&in) != nil {
		http.Error(w, "send {code, detail} as JSON", http.StatusBadRequest)
		return in, false
	}
	return in, true
}

func answer(w http.ResponseWriter, user *authing.User, err error) {
	switch {
	case errors.Is(err, authing.ErrUserRefused): // nothing was sent, the code is still good
		http.Error(w, "the user refused", http.StatusForbidden)
	case errors.Is(err, authing.ErrLoginRequired): // signed out meanwhile
		http.Error(w, "sign in again", http.StatusUnauthorized)
	case errors.Is(err, authing.ErrOutcomeUnknown): // the call may have taken effect
		log.Print(err)
		http.Error(w, "look whether it worked before you tap again", http.StatusBadGateway)
	case errors.Is(err, authing.ErrPhoneTaken): // another tap would cost money and change nothing
		http.Error(w, "the number belongs to another account", http.StatusConflict)
	case errors.Is(err, authing.ErrInvalidArgument):
		log.Print(err) // says what the page does wrong
		http.Error(w, "the page must send what WeChat gave it", http.StatusBadRequest)
	case err != nil:
		log.Print(err)
		http.Error(w, "tap again, with a fresh code", http.StatusBadGateway)
	default:
		json.NewEncoder(w).Encode(map[string]string{
			"token": string(user.Token), "nickname": user.Nickname, "phone": user.Phone, "photo": user.Photo,
		})
	}
}

func profileRoutes(mux *http.ServeMux, client *authing.Client, requireLogin func(http.Handler) http.Handler) {
	mux.Handle("POST /avatar", requireLogin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		info, _ := authinghttp.TokenInfoFromContext(r.Context())
		token, _ := authinghttp.TokenFromContext(r.Context())
		deadline := time.Now().Add(35 * time.Second) // requireLogin may use up 20 of the page's 60
		http.NewResponseController(w).SetReadDeadline(deadline)
		ctx, cancel := context.WithDeadline(r.Context(), deadline)
		defer cancel()
		r.Body = http.MaxBytesReader(w, r.Body, 6<<20) // ChangeAvatar takes 5 MiB
		file, _, err := r.FormFile("file")
		if err != nil {
			http.Error(w, "send a picture of at most 5 MiB with wx.uploadFile", http.StatusBadRequest)
			return
		}
		defer file.Close()
		user, err := client.As(token).ChangeAvatar(ctx, info.UserID, file)
		answer(w, user, err)
	})))
	mux.Handle("PUT /me", requireLogin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		info, _ := authinghttp.TokenInfoFromContext(r.Context())
		token, _ := authinghttp.TokenFromContext(r.Context())
		var in struct{ Nickname string }
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(&in)
		if n := utf8.RuneCountInString(in.Nickname); err != nil || n == 0 || n > 32 {
			http.Error(w, "send a nickname of 1 to 32 characters", http.StatusBadRequest)
			return
		}
		user, err := client.As(token).Update(r.Context(), info.UserID, authing.UserUpdate{Nickname: &in.Nickname})
		answer(w, user, err)
	})))
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	srv := authingtest.NewServer(authingtest.Options{})
	defer srv.Close()
	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	require.NoError(t, err)
	mux := routes(client)
	token := ""
	ask := func(method, path string, posted any) (int, string) {
		body, err := json.Marshal(posted)
		require.NoError(t, err)
		r := httptest.NewRequest(method, path, bytes.NewReader(body))
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}

	ann := srv.NewPhone(authingtest.WxUser{NickName: "Ann"})
	code := ann.Login()
	for _, tt := range []struct {
		posted any
		status int
		answer string
	}{
		{post{code, authing.Detail{ErrMsg: "getUserInfo:fail auth deny"}}, http.StatusForbidden, "refused"},
		{post{code, ann.GetPhoneNumber()}, http.StatusBadRequest, "what WeChat gave it"},
		{[]int{}, http.StatusBadRequest, "as JSON"},
		{post{code, ann.GetUserInfo()}, http.StatusOK, `"nickname":"Ann","phone":"","photo":"`},
		{post{code, ann.GetUserInfo()}, http.StatusBadGateway, "fresh code"},
	} {
		status, text := ask("POST", "/login", tt.posted)
		assert.Equal(t, tt.status, status)
		assert.Contains(t, text, tt.answer)
	}

	status, _ := ask("GET", "/me", nil)
	assert.Equal(t, http.StatusUnauthorized, status)
	token = string(srv.Users()[0].Token)
	status, text := ask("POST", "/phone", post{ann.Login(), ann.GetPhoneNumber()})
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, text, `"phone":"`+ann.User().PhoneNumber)
	status, text = ask("GET", "/me", nil)
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, text, `"phone":"`+ann.User().PhoneNumber)

	bob := srv.NewPhone(authingtest.WxUser{NickName: "Bob", PhoneNumber: ann.User().PhoneNumber})
	status, text = ask("POST", "/login", post{bob.Login(), bob.GetUserInfo()})
	require.Equal(t, http.StatusOK, status)
	var his struct{ Token string }
	require.NoError(t, json.Unmarshal([]byte(text), &his))
	hers := token
	token = his.Token
	status, _ = ask("POST", "/phone", post{bob.Login(), bob.GetPhoneNumber()})
	assert.Equal(t, http.StatusConflict, status)
	srv.FailNext("BindPhone", authingtest.Fault{When: authingtest.After, Drop: true})
	status, text = ask("POST", "/phone", post{bob.Login(), bob.GetPhoneNumber()})
	assert.Equal(t, http.StatusBadGateway, status)
	assert.Contains(t, text, "whether it worked")

	require.NoError(t, client.As(authing.Secret(token)).Logout(context.Background(), srv.Users()[1].ID))
	status, text = ask("GET", "/me", nil)
	assert.Equal(t, http.StatusUnauthorized, status, "the cache has not noticed, but Authing has")
	assert.Contains(t, text, "sign in again")

	token = hers
	status, _ = ask("POST", "/logout", nil)
	assert.Equal(t, http.StatusNoContent, status)
	status, text = ask("POST", "/logout", nil)
	assert.Equal(t, http.StatusUnauthorized, status)
	assert.Contains(t, text, "sign in first", "the cache has noticed")
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestProfileRoutes(t *testing.T) {
	t.Parallel()
	srv := authingtest.NewServer(authingtest.Options{})
	defer srv.Close()
	var deadline time.Time // of the upload
	transport := roundTripper(func(r *http.Request) (*http.Response, error) {
		if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
			deadline, _ = r.Context().Deadline()
		}
		return http.DefaultTransport.RoundTrip(r)
	})
	client, err := authing.NewClient(srv.UserPoolID(), append(srv.ClientOptions(), authing.WithHTTPClient(&http.Client{Transport: transport}))...)
	require.NoError(t, err)
	mux := http.NewServeMux()
	profileRoutes(mux, client, authinghttp.RequireLogin(client))
	ann := srv.NewPhone(authingtest.WxUser{AnonymousUserInfo: true})
	user, err := client.LoginWithWxapp(context.Background(), ann.Login(), ann.GetUserInfo())
	require.NoError(t, err)
	send := func(method, path, contentType, body string) int {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Authorization", "Bearer "+string(user.Token))
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		return w.Code
	}
	form := func(picture []byte) string {
		return "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n" + string(picture) + "\r\n--b--\r\n"
	}

	assert.Equal(t, 200, send("POST", "/avatar", "multipart/form-data; boundary=b", form(ann.ChooseAvatar().Content)))
	assert.NotEqual(t, user.Photo, srv.User(user.ID).Photo)
	assert.WithinRange(t, deadline, time.Now(), time.Now().Add(35*time.Second), "before the page gives up")
	assert.Equal(t, 400, send("POST", "/avatar", "multipart/form-data; boundary=b", form(make([]byte, 7<<20))))
	assert.Equal(t, 400, send("POST", "/avatar", "multipart/form-data; boundary=b", form([]byte("text"))))

	assert.Equal(t, 200, send("PUT", "/me", "application/json", `{"nickname":"Ann"}`))
	assert.Equal(t, "Ann", srv.User(user.ID).Nickname)
	for _, bad := range []string{`{}`, `{"nickname":"` + strings.Repeat("A", 33) + `"}`, `[]`} {
		assert.Equal(t, 400, send("PUT", "/me", "application/json", bad))
	}
}

func TestLostAnswer(t *testing.T) {
	srv := authingtest.NewServer(authingtest.Options{})
	defer srv.Close()
	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	require.NoError(t, err)
	ann := srv.NewPhone(authingtest.WxUser{NickName: "Ann"})

	srv.FailNext("LoginWithWxapp", authingtest.Fault{When: authingtest.After, Drop: true}) // the response gets lost
	_, err = client.LoginWithWxapp(context.Background(), ann.Login(), ann.GetUserInfo())
	assert.ErrorIs(t, err, authing.ErrOutcomeUnknown)

	_, err = client.LoginWithWxapp(context.Background(), ann.Login(), ann.Deny("getUserInfo"))
	assert.ErrorIs(t, err, authing.ErrUserRefused)
}

func TestSignInMocked(t *testing.T) {
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", `=~/oauth/wechatapp/auth/`,
		httpmock.NewStringResponder(200, `{"code": 200, "data": {"_id": "u1", "token": "t1"}}`))
	client, err := authing.NewClient("pool", authing.WithHTTPClient(&http.Client{Transport: mock}))
	require.NoError(t, err)

	user, err := client.LoginWithWxapp(context.Background(), "code", authing.Detail{
		ErrMsg: "getUserInfo:ok", IV: "AAAAAAAAAAAAAAAAAAAAAA==", EncryptedData: "AAAAAAAAAAAAAAAAAAAAAA==",
	})
	require.NoError(t, err)
	assert.Equal(t, "u1", user.ID)
}

var _ = func(err error) string {
	switch {
	case errors.Is(err, authing.ErrUserRefused):
		return "tell the user why you ask"
	case errors.Is(err, authing.ErrLoginRequired):
		return "sign in again"
	case errors.Is(err, authing.ErrCodeInvalid):
		return "call wx.login, let the user tap again"
	case errors.Is(err, authing.ErrOutcomeUnknown):
		return "look at the account first"
	case errors.Is(err, authing.ErrPhoneTaken):
		return "tell the user"
	case err != nil:
		log.Print(err)
		return "let the user tap again, with a fresh code"
	}
	return "done"
}

var _ http.RoundTripper = traced{}

type traced struct{ next http.RoundTripper }

func (t traced) RoundTrip(r *http.Request) (*http.Response, error) {
	start := time.Now()
	resp, err := t.next.RoundTrip(r)
	log.Printf("%s took %v", authing.OperationFromContext(r.Context()), time.Since(start))
	return resp, err
}

var _ = func(poolID, publicKey string) (*authing.Client, error) {
	client, err := authing.NewClient(poolID,
		authing.WithHosts(authing.Hosts{Users: "https://users.example.com", OAuth: "https://oauth.example.com"}),
		authing.WithPublicKey(publicKey), // if the deployment has its own password key
	)
	return client, err
}

var _ = func(poolID string) (*authing.Client, error) {
	client, err := authing.NewClient(poolID, authing.WithLogger(slog.Default()))
	return client, err
}

// metrics counts calls by operation and code: "LoginWithWxapp ok", "BindPhone 2035".
type metrics struct{ calls *expvar.Map }

func (m metrics) Handle(_ context.Context, r slog.Record) error {
	op, code := "", "ok"
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "op":
			op = a.Value.String()
		case "code":
			code = a.Value.String()
		}
		return true
	})
	m.calls.Add(op+" "+code, 1)
	return nil
}

func (metrics) Enabled(context.Context, slog.Level) bool { return true }
func (m metrics) WithAttrs([]slog.Attr) slog.Handler     { return m }
func (m metrics) WithGroup(string) slog.Handler          { return m }

var _ = func(poolID string) (*authing.Client, error) {
	counted := metrics{expvar.NewMap("authing")} // in /debug/vars
	logger := slog.New(slog.NewMultiHandler(slog.Default().Handler(), counted))
	client, err := authing.NewClient(poolID, authing.WithLogger(logger))
	return client, err
}

// countSentinels is for the place where your handlers turn errors into responses.
func countSentinels(failures *expvar.Map, err error) {
	for _, sentinel := range []error{
		authing.ErrOutcomeUnknown, authing.ErrBadResponse, authing.ErrRateLimited, authing.ErrCaptchaRequired,
		authing.ErrNotPermitted, authing.ErrInvalidArgument, authing.ErrCodeInvalid, authing.ErrLoginRequired,
	} {
		if errors.Is(err, sentinel) {
			failures.Add(sentinel.Error(), 1)
		}
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	srv := authingtest.NewServer(authingtest.Options{})
	defer srv.Close()
	calls, failures := new(expvar.Map), new(expvar.Map)
	client, err := authing.NewClient(srv.UserPoolID(), append(srv.ClientOptions(), authing.WithLogger(slog.New(metrics{calls})))...)
	require.NoError(t, err)
	ann := srv.NewPhone(authingtest.WxUser{NickName: "Ann"})
	code := ann.Login()
	for range 2 {
		_, err = client.LoginWithWxapp(t.Context(), code, ann.GetUserInfo())
		countSentinels(failures, err)
	}
	srv.FailNext("LoginWithWxapp", authingtest.Fault{Drop: true})
	_, err = client.LoginWithWxapp(t.Context(), ann.Login(), ann.GetUserInfo())
	countSentinels(failures, err)
	assert.JSONEq(t, `{"LoginWithWxapp ok": 1, "LoginWithWxapp 500": 1, "LoginWithWxapp 0": 1}`, calls.String())
	assert.JSONEq(t, fmt.Sprintf(`{%q: 1, %q: 1}`, authing.ErrCodeInvalid, authing.ErrOutcomeUnknown), failures.String())
}

var _ = func(poolID string, proxy *url.URL) (*authing.Client, error) {
	transport := authing.NewTransport()
	transport.Proxy = http.ProxyURL(proxy)
	client, err := authing.NewClient(poolID, authing.WithHTTPClient(&http.Client{Transport: traced{transport}}))
	return client, err
}

type form struct{ Email, Password, Captcha string }

var _ = func(ctx context.Context, client *authing.Client, form form, userIP string, showCaptcha func(string)) (*authing.User, error) {
	user, err := client.Login(ctx, authing.LoginParams{
		Email: form.Email, Password: authing.Secret(form.Password),
		LastIP:     userIP,       // otherwise every sign-in seems to come from your backend
		VerifyCode: form.Captcha, // empty the first time
	})
	if failed := (*authing.Error)(nil); errors.Is(err, authing.ErrCaptchaRequired) && errors.As(err, &failed) {
		showCaptcha(failed.CaptchaURL()) // the next form comes with the captcha
	}
	return user, err
}

var _ = func(ctx context.Context, client *authing.Client, token authing.Secret, id string) error {
	for app, err := range client.As(token).AllAuthedApps(ctx, id) {
		if err != nil {
			return err
		}
		fmt.Println(app)
	}
	return nil
}
