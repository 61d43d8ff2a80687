package authingtest_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"runtime/pprof"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

// Requests that the real service would reject fail here, too.
func TestInvalidRequests(t *testing.T) {
	t.Parallel()
	authorization := func(value string) func(*rawRequest, *authingtest.Server) {
		return func(r *rawRequest, _ *authingtest.Server) { r.header.Set("Authorization", value) }
	}
	contentType := func(value string) func(*rawRequest, *authingtest.Server) {
		return func(r *rawRequest, _ *authingtest.Server) { r.header.Set("Content-Type", value) }
	}
	without := func(key string) func(*rawRequest, *authingtest.Server) {
		return func(r *rawRequest, _ *authingtest.Server) { r.body = strings.Replace(r.body, `"`+key+`"`, `"x"`, 1) }
	}
	bind := func(r *rawRequest) { r.path = strings.Replace(r.path, "getphone", "phone", 1) }
	for name, tt := range map[string]struct {
		edit     func(*rawRequest, *authingtest.Server)
		status   int
		response string
	}{
		"valid":               {func(*rawRequest, *authingtest.Server) {}, 200, `"errcode":40029`},
		"PUT":                 {func(r *rawRequest, _ *authingtest.Server) { r.method = "PUT" }, 405, ""},
		"GET":                 {func(r *rawRequest, _ *authingtest.Server) { r.method = "GET" }, 405, ""},
		"users host":          {func(r *rawRequest, srv *authingtest.Server) { r.base = srv.UsersURL() }, 404, ""},
		"unknown path":        {func(r *rawRequest, _ *authingtest.Server) { r.path = "/oauth/wechatapp/bind/pool" }, 404, ""},
		"no pool":             {func(r *rawRequest, _ *authingtest.Server) { r.path = "/oauth/wechatapp/getphone" }, 404, ""},
		"another pool":        {func(r *rawRequest, _ *authingtest.Server) { r.path += "0" }, 200, `{"code":2224,"message":"用户池不存在","data":null}`},
		"plain text":          {contentType("text/plain"), 400, `{"code":2231,`},
		"with a charset":      {contentType("application/json; charset=utf-8"), 200, `"errcode":40029`},
		"form":                {contentType("application/x-www-form-urlencoded"), 400, `{"code":2231,`},
		"not JSON":            {func(r *rawRequest, _ *authingtest.Server) { r.body = "{" }, 400, `{"code":2231,`},
		"no code":             {without("code"), 200, `{"code":2231,`},
		"no iv":               {without("iv"), 200, `{"code":2231,`},
		"no encryptedData":    {without("encryptedData"), 200, `{"code":2231,`},
		"empty Authorization": {authorization(""), 200, `"errcode":40029`},
		"Bearer":              {authorization("Bearer x"), 200, `{"code":2207,`},
		"Bearer and a valid token": {func(r *rawRequest, srv *authingtest.Server) {
			r.header.Set("Authorization", "Bearer "+string(srv.AddUser(authing.User{}).Token))
		}, 200, `{"code":2207,`},
		"bind without a token": {func(r *rawRequest, _ *authingtest.Server) { bind(r) }, 200, `{"code":2020,`},
		"bind with an empty Authorization": {func(r *rawRequest, srv *authingtest.Server) {
			bind(r)
			r.header.Set("Authorization", "")
		}, 200, `{"code":2020,`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, _ := setup(t, authingtest.Options{})
			r := rawRequest{
				method: "POST",
				base:   srv.OAuthURL(),
				path:   "/oauth/wechatapp/getphone/" + srv.UserPoolID(),
				body:   `{"iv":"EBESExQVFhcYGRobHB0eHw==","encryptedData":"EBESExQVFhcYGRobHB0eHw==","code":"c"}`,
				header: http.Header{"Content-Type": {"application/json"}},
			}
			tt.edit(&r, srv)

			status, response := send(t, r)

			assert.Equal(t, tt.status, status)
			assert.Contains(t, response, tt.response)
			require.Len(t, srv.Requests(), 1)
			got := srv.Requests()[0]
			assert.Equal(t, r.method, got.Method)
			assert.Equal(t, r.path, got.Path)
			assert.Equal(t, r.body, string(got.Body))
			assert.Equal(t, r.header["Content-Type"], got.Header["Content-Type"])
			assert.Equal(t, r.header["Authorization"], got.Header["Authorization"])
			assert.Equal(t, r.base == srv.UsersURL(), got.Host == "users")
		})
	}
}

// A member that the JavaScript service would not find, because of invalid JSON or a different spelling, has no effect.
func TestUnreadableBodies(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		edit    func(body string) string
		status  int
		arrived int
	}{
		"data after the object": {func(b string) string { return b + "garbage" }, 400, 0},
		"two objects":           {func(b string) string { return b + "{}" }, 400, 0},
		"truncated":             {func(b string) string { return b[:len(b)-1] }, 400, 0},
		"array":                 {func(b string) string { return "[" + b + "]" }, 400, 0},
		"Code":                  {func(b string) string { return strings.Replace(b, `"code"`, `"Code"`, 1) }, 200, 0},
		"CODE":                  {func(b string) string { return strings.Replace(b, `"code"`, `"CODE"`, 1) }, 200, 0},
		"IV":                    {func(b string) string { return strings.Replace(b, `"iv"`, `"IV"`, 1) }, 200, 1},
		"encrypteddata":         {func(b string) string { return strings.Replace(b, `"encryptedData"`, `"encrypteddata"`, 1) }, 200, 1},
		"iv is not a string":    {func(b string) string { return strings.Replace(b, `"iv"`, `"iv":1,"x"`, 1) }, 400, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, client := setup(t, authingtest.Options{})
			ann := srv.NewPhone(authingtest.WxUser{})
			code, detail := ann.Login(), ann.GetUserInfo()
			body := `{"iv":"` + detail.IV + `","encryptedData":"` + detail.EncryptedData + `","code":"` + code + `"}`

			status, response := send(t, rawRequest{
				"POST", srv.OAuthURL(), "/oauth/wechatapp/auth/" + srv.UserPoolID(), tt.edit(body),
				http.Header{"Content-Type": {"application/json"}},
			})

			assert.Equal(t, tt.status, status)
			assert.Contains(t, response, `"code":2231,`)
			assert.Empty(t, srv.Users())
			assert.Equal(t, tt.arrived, srv.SpentCodes()[code])
			_, err := client.LoginWithWxapp(ctx, code, detail)
			assert.NoError(t, err, "the code must still be valid")
		})
	}
}

func TestLoginOptionsAreCaseSensitive(t *testing.T) {
	t.Parallel()
	srv, _ := setup(t, authingtest.Options{})
	old := srv.AddUser(authing.User{Phone: "13900000000", Nickname: "Old"})
	ann := srv.NewPhone(authingtest.WxUser{NickName: "Ann"})
	signInWith := func(extra string) (response string) {
		code, detail := ann.Login(), ann.GetUserInfo()
		_, response = send(t, rawRequest{
			"POST", srv.OAuthURL(), "/oauth/wechatapp/auth/" + srv.UserPoolID(),
			`{"iv":"` + detail.IV + `","encryptedData":"` + detail.EncryptedData + `","code":"` + code + `",` + extra + `}`,
			http.Header{"Content-Type": {"application/json"}},
		})
		return response
	}
	assert.NotContains(t, signInWith(`"Phone":"13900000000"`), old.ID, "not the phone parameter")
	assert.Contains(t, signInWith(`"phone":"13900000000","overideprofile":true`), `"nickname":"Old"`)
	assert.Contains(t, signInWith(`"phone":"13900000000","overideProfile":true`), `"nickname":"Ann"`)
}

func TestSpentCodesCountsAllRequests(t *testing.T) {
	t.Parallel()
	srv, _ := setup(t, authingtest.Options{})
	for _, url := range []string{
		srv.UsersURL() + "/", srv.OAuthURL() + "/", srv.OAuthURL() + "/oauth/wechatapp/auth/nopool",
	} {
		send(t, rawRequest{method: "POST", base: url, body: `{"code":"c"}`, header: http.Header{}})
	}
	assert.Equal(t, map[string]int{"c": 3}, srv.SpentCodes())
}

func TestLookup(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{})
	assert.Empty(t, srv.Users())
	assert.Nil(t, srv.User("x"))
	assert.Nil(t, srv.UserByPhone("13900000000"))

	added := srv.AddUser(authing.User{Phone: "13900000000", Email: "ann@example.com", Nickname: "Ann", Company: "x"})
	assert.Equal(t, added, srv.User(added.ID))
	assert.Equal(t, added, srv.UserByPhone("13900000000"))
	assert.Equal(t, []*authing.User{added}, srv.Users())
	assert.Equal(t, "ann@example.com", added.Email)
	assert.Equal(t, "x", added.Company)

	phone := srv.NewPhone(authingtest.WxUser{})
	bound, err := client.As(added.Token).BindPhone(ctx, phone.Login(), phone.GetPhoneNumber())
	require.NoError(t, err, "the token of an added user is valid")
	assert.Equal(t, added.ID, bound.ID)
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return l
}

func TestListeners(t *testing.T) {
	t.Parallel()
	l := [3]net.Listener{listen(t), listen(t), listen(t)}
	srv, client := setup(t, authingtest.Options{
		UsersListener: l[0], OAuthListener: l[1], UploadListener: l[2],
		UserPoolID: "pool-1", WeChatAppID: "wx0000000000000001", Secret: "s3cret",
	})
	assert.Equal(t, "http://"+l[0].Addr().String(), srv.UsersURL())
	assert.Equal(t, "http://"+l[1].Addr().String(), srv.OAuthURL())
	assert.Equal(t, "http://"+l[2].Addr().String(), srv.UploadURL())
	assert.Equal(t, srv.UploadURL()+"/cdn", srv.CDNURL())
	assert.Equal(t, "pool-1", srv.UserPoolID())
	assert.Equal(t, "s3cret", srv.Secret())
	assert.Equal(t, "wx0000000000000001", srv.WeChatAppID())
	signIn(t, client, srv.NewPhone(authingtest.WxUser{}))
	assert.Equal(t, "/oauth/wechatapp/auth/pool-1", srv.Requests()[0].Path)
}

func TestClose(t *testing.T) {
	t.Parallel()
	// Goroutines inherit the label, which identifies those started by this test.
	const label = "test-close"
	pprof.Do(ctx, pprof.Labels("test", label), func(ctx context.Context) {
		l := [3]net.Listener{listen(t), listen(t), listen(t)}
		srv := authingtest.NewServer(authingtest.Options{UsersListener: l[0], OAuthListener: l[1], UploadListener: l[2]})
		client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
		require.NoError(t, err)
		phone := srv.NewPhone(authingtest.WxUser{})
		user, asUser := signIn(t, client, phone)
		_, err = asUser.ChangeAvatar(ctx, user.ID, bytes.NewReader(pngImage(t)))
		require.NoError(t, err)
		srv.FailNext("LoginWithWxapp", authingtest.Fault{Delay: authingtest.UntilGone})
		pending := make(chan error, 1)
		go func() {
			_, err := client.LoginWithWxapp(ctx, phone.Login(), phone.GetUserInfo())
			pending <- err
		}()
		require.Eventually(t, func() bool { return len(srv.Requests()) == 5 }, 5*time.Second, time.Millisecond)

		srv.Close()
		srv.Close()

		err = <-pending
		assert.ErrorIs(t, err, authing.ErrOutcomeUnknown, "Close cuts off the pending call")
		assert.NotErrorIs(t, err, context.DeadlineExceeded, "Close must not wait for the client's timeout")
		for i := range l {
			_, err := l[i].Accept()
			assert.ErrorIs(t, err, net.ErrClosed)
		}
		client.CloseIdleConnections()
	})
	assert.Eventually(t, func() bool {
		var running bytes.Buffer
		require.NoError(t, pprof.Lookup("goroutine").WriteTo(&running, 1))
		return !strings.Contains(running.String(), label)
	}, 5*time.Second, 5*time.Millisecond, "goroutines of the server are still running")
}

// Close must not wait for a client that never finishes its request.
func TestCloseWithPartialRequest(t *testing.T) {
	t.Parallel()
	srv := authingtest.NewServer(authingtest.Options{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(srv.OAuthURL(), "http://"))
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "POST /oauth/wechatapp/auth/"+srv.UserPoolID()+" HTTP/1.1\r\nHost: x\r\n"+
		"Content-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n{")
	require.NoError(t, err)
	_, err = io.ReadFull(conn, make([]byte, len("HTTP/1.1 100 Continue"))) // now the handler is reading the body
	require.NoError(t, err)

	srv.Close()

	_, err = io.Copy(io.Discard, conn)
	if err != nil {
		assert.ErrorIs(t, err, syscall.ECONNRESET)
	}
}
