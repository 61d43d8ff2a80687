package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

// program is a running fakeserver and the values it printed.
type program struct {
	users, oauth, upload, cdn, phone, pool, secret string
	weChatAppID, app, appID, appSecret, source     string

	stop    context.CancelFunc
	stopped chan error
}

func start(t *testing.T, args ...string) *program {
	t.Helper()
	for _, name := range []string{"-users", "-oauth", "-upload", "-app", "-phone"} {
		args = append([]string{name, "127.0.0.1:0"}, args...)
	}
	return startWith(t, func(ctx context.Context, out io.Writer) error { return run(ctx, args, out) })
}

func startWith(t *testing.T, serve func(context.Context, io.Writer) error) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	printed, out := io.Pipe()
	p := &program{stop: cancel, stopped: make(chan error, 1)}
	go func() {
		err := serve(ctx, out)
		out.CloseWithError(err)
		p.stopped <- err
	}()
	for _, line := range []struct {
		name  string
		value *string
	}{
		{"users", &p.users}, {"oauth", &p.oauth}, {"upload", &p.upload}, {"cdn", &p.cdn}, {"phone", &p.phone},
		{"pool", &p.pool}, {"secret", &p.secret}, {"wechat", &p.weChatAppID}, {"app", &p.app}, {"appid", &p.appID},
		{"appsecret", &p.appSecret}, {"source", &p.source},
	} {
		_, err := fmt.Fscanf(printed, line.name+" %s\n", line.value)
		require.NoError(t, err)
	}
	return p
}

// post decodes the JSON of a successful response into v, and returns the status.
func (p *program) post(t *testing.T, path, body string, v any) int {
	t.Helper()
	resp, err := http.Post(p.phone+path, "application/json", strings.NewReader(body))
	require.NoError(t, err)
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		require.NoError(t, json.NewDecoder(resp.Body).Decode(v))
	}
	return resp.StatusCode
}

// get returns the status and the body of the response.
func (p *program) get(t *testing.T, path string) (int, string) {
	t.Helper()
	resp, err := http.Get(p.phone + path)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

// client returns a client configured with the printed values.
func (p *program) client(t *testing.T) *authing.Client {
	t.Helper()
	_, key := p.get(t, "/publickey")
	client, err := authing.NewClient(p.pool, authing.WithPublicKey(key), authing.WithHosts(authing.Hosts{
		Users: p.users, OAuth: p.oauth, Upload: p.upload, CDN: p.cdn,
	}))
	require.NoError(t, err)
	return client
}

func (p *program) login(t *testing.T, id string) string {
	t.Helper()
	var login struct{ ErrMsg, Code string }
	require.Equal(t, http.StatusOK, p.post(t, "/phones/"+id+"/login", "", &login))
	require.Equal(t, "login:ok", login.ErrMsg)
	return login.Code
}

func (p *program) detail(t *testing.T, path string) (d authing.Detail) {
	t.Helper()
	require.Equal(t, http.StatusOK, p.post(t, path, "", &d))
	return d
}

func TestSignInAndBind(t *testing.T) {
	t.Parallel()
	p := start(t, "-pool", "pool-1", "-wechat-appid", "wx0000000000000001")
	assert.Equal(t, "pool-1", p.pool)
	assert.Equal(t, "wx0000000000000001", p.weChatAppID)
	client := p.client(t)
	var ann, other struct{ ID, OpenID, PhoneNumber string }
	require.Equal(t, http.StatusOK, p.post(t, "/phones", `{"nickName":"Ann <3","phoneNumber":"13900000001"}`, &ann))
	require.Equal(t, http.StatusOK, p.post(t, "/phones", "", &other))
	assert.Equal(t, "13900000001", ann.PhoneNumber)
	assert.NotEqual(t, ann.ID, other.ID)
	ctx, phone := context.Background(), "/phones/"+ann.ID

	user, err := client.LoginWithWxapp(ctx, p.login(t, ann.ID), p.detail(t, phone+"/getUserInfo"))
	require.NoError(t, err)
	assert.Equal(t, "Ann <3", user.Nickname)
	assert.Equal(t, ann.OpenID, user.OpenID)

	asAnn := client.As(user.Token)
	user, err = asAnn.BindPhone(ctx, p.login(t, ann.ID), p.detail(t, phone+"/getPhoneNumber"))
	require.NoError(t, err)
	assert.Equal(t, "13900000001", user.Phone)
	realtime := p.detail(t, phone+"/getRealtimePhoneNumber")
	assert.NotEmpty(t, realtime.PhoneCode)
	again, err := client.LoginWithWxapp(ctx, p.login(t, ann.ID), p.detail(t, phone+"/getUserProfile"))
	require.NoError(t, err)
	assert.Equal(t, user.ID, again.ID)

	_, err = asAnn.BindPhone(ctx, p.login(t, ann.ID), p.detail(t, phone+"/getPhoneNumber?deny"))
	assert.ErrorIs(t, err, authing.ErrUserRefused)
	failed := p.detail(t, phone+"/getPhoneNumber?fail=no+permission&errno=1400001")
	assert.Equal(t, authing.Detail{ErrMsg: "getPhoneNumber:fail no permission", Errno: 1400001}, failed)

	p.stop()
	assert.NoError(t, <-p.stopped)
}

func TestMessagesAndCaptcha(t *testing.T) {
	t.Parallel()
	p := start(t, "-logins", "1")
	client, ctx := p.client(t), context.Background()

	require.NoError(t, client.GetVerificationCode(ctx, "13900000001"))
	var sms struct {
		Code string
		Sent int
	}
	_, text := p.get(t, "/sms/13900000001")
	require.NoError(t, json.Unmarshal([]byte(text), &sms))
	assert.Equal(t, 1, sms.Sent)
	_, err := client.LoginByPhoneCode(ctx, "13900000001", sms.Code)
	assert.NoError(t, err)

	_, err = client.Register(ctx, authing.RegisterParams{Email: "ann@example.com", Password: "forgotten"})
	require.NoError(t, err)
	require.NoError(t, client.SendResetPasswordEmail(ctx, "ann@example.com"))
	var mail struct {
		Code, Link string
		Sent       int
	}
	_, text = p.get(t, "/mail/Ann@example.com")
	require.NoError(t, json.Unmarshal([]byte(text), &mail))
	assert.Equal(t, 1, mail.Sent)
	_, err = client.ChangePassword(ctx, authing.ChangePasswordParams{
		Email: "ann@example.com", Password: "remembered", VerifyCode: mail.Code,
	})
	require.NoError(t, err)
	require.NoError(t, client.SendVerifyEmail(ctx, "ann@example.com"))
	_, text = p.get(t, "/mail/ann@example.com")
	require.NoError(t, json.Unmarshal([]byte(text), &mail))
	assert.True(t, strings.HasPrefix(mail.Link, p.users), mail.Link)

	params := authing.LoginParams{Email: "ann@example.com", Password: "remembered"}
	user, err := client.Login(ctx, params)
	require.NoError(t, err)
	_, err = client.Login(ctx, params)
	var apiErr *authing.Error
	require.ErrorAs(t, err, &apiErr)
	var data struct{ URL string }
	require.NoError(t, json.Unmarshal(apiErr.Data, &data))
	var captcha struct{ Text string }
	_, text = p.get(t, "/captcha?url="+url.QueryEscape(data.URL))
	require.NoError(t, json.Unmarshal([]byte(text), &captcha))
	params.VerifyCode = captcha.Text
	_, err = client.Login(ctx, params)
	assert.NoError(t, err)

	user, err = client.As(user.Token).ChangeAvatar(ctx, user.ID, strings.NewReader("\x89PNG\x0D\x0A\x1A\x0A"))
	require.NoError(t, err)
	resp, err := http.Get(user.Photo)
	require.NoError(t, err)
	resp.Body.Close()
	assert.Equal(t, http.StatusOK, resp.StatusCode)

	for _, path := range []string{"/sms/13900000002", "/mail/bob@example.com", "/captcha?url=x", "/captcha"} {
		status, _ := p.get(t, path)
		assert.Equal(t, http.StatusNotFound, status, path)
	}
}

func TestInvalidRequests(t *testing.T) {
	t.Parallel()
	p := start(t)
	var ignored any
	for path, want := range map[string]int{
		"/phones/1/login":       http.StatusNotFound,
		"/phones/0/login":       http.StatusNotFound,
		"/phones/x/getUserInfo": http.StatusNotFound,
		"/":                     http.StatusNotFound,
	} {
		assert.Equal(t, want, p.post(t, path, "", &ignored), path)
	}
	assert.Equal(t, http.StatusBadRequest, p.post(t, "/phones", "{", &ignored))
	assert.Equal(t, http.StatusBadRequest, p.post(t, "/phones", `{"nickname2":"Ann"}`, &ignored))
}

func TestHelpListsEverything(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(context.Background(), []string{"-h"}, &out))
	for _, word := range []string{
		"/phones\n", "/phones/{id}/login", "/getUserInfo", "getUserProfile", "/getPhoneNumber", "getRealtimePhoneNumber", "?deny", "?fail",
		"curl", "-users", "-oauth", "-upload", "-phone", "-pool", "-secret", "-appid", "-logins", "-app ", "-client-auth", "PUT    /control/app",
		"/sms/{phone}", "/mail/{address}", "/captcha", "/publickey",
	} {
		assert.Contains(t, out.String(), word)
	}
}

// unspecifiedListener listens on loopback but reports an unspecified address.
type unspecifiedListener struct {
	net.Listener
	ip net.IP
}

func (l unspecifiedListener) Addr() net.Addr {
	return &net.TCPAddr{IP: l.ip, Port: l.Listener.Addr().(*net.TCPAddr).Port}
}

// When listening on all addresses, the printed base URLs and mailed links must be usable.
func TestUnspecifiedAddresses(t *testing.T) {
	t.Parallel()
	for _, ip := range []net.IP{net.IPv4zero, net.IPv6unspecified} {
		var listeners [5]net.Listener
		for i := range listeners {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			listeners[i] = unspecifiedListener{l, ip}
		}
		p := startWith(t, func(ctx context.Context, out io.Writer) error {
			return serve(ctx, out, listeners, authingtest.Options{}, &clock{}, "")
		})
		client, ctx := p.client(t), context.Background()
		var ann struct{ ID string }
		require.Equal(t, http.StatusOK, p.post(t, "/phones", "", &ann), ip)
		user, err := client.LoginWithWxapp(ctx, p.login(t, ann.ID), p.detail(t, "/phones/"+ann.ID+"/getUserInfo"))
		require.NoError(t, err, ip)
		_, err = client.As(user.Token).ChangeAvatar(ctx, user.ID, strings.NewReader("\x89PNG\x0D\x0A\x1A\x0A"))
		require.NoError(t, err, ip)
		_, err = client.Register(ctx, authing.RegisterParams{Email: "ann@example.com", Password: "password"})
		require.NoError(t, err, ip)
		require.NoError(t, client.SendVerifyEmail(ctx, "ann@example.com"), ip)
		_, mail := p.get(t, "/mail/ann@example.com")
		assert.Contains(t, mail, `"link":"http://127.0.0.1:`, ip)
	}
}

func TestUsageAvoidsGeneratedNumbers(t *testing.T) {
	t.Parallel()
	p := start(t)
	var ann struct{ PhoneNumber string }
	require.Equal(t, http.StatusOK, p.post(t, "/phones", "", &ann))
	examples := regexp.MustCompile(`"phoneNumber":"([0-9]+)"`).FindAllStringSubmatch(usage(), -1)
	require.NotEmpty(t, examples)
	for _, example := range examples {
		assert.NotEqual(t, ann.PhoneNumber[:3], example[1][:3])
	}
}

func TestBadArguments(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	free := "127.0.0.1:0"
	assert.Error(t, run(context.Background(), []string{"-nonsense"}, io.Discard))
	// The occupied address keeps the program from starting if the arguments are accepted.
	occupied := []string{"-users", taken.Addr().String()}
	for want, args := range map[string][]string{
		`unexpected argument "serve"`: append(occupied, "serve", "-pool", "pool-1"),
		"user pool id":                append(occupied, "-pool", "pool/1"),
		"application id":              append(occupied, "-appid", "my app"),
		"identity source":             append(occupied, "-source", "my source"),
		"292 years":                   append(occupied, "-now", "2500-01-01T00:00:00Z"),
		"clientAuth must be one of":   append(occupied, "-client-auth", "x"),
	} {
		assert.ErrorContains(t, run(context.Background(), args, io.Discard), want)
	}
	for _, name := range []string{"-users", "-oauth", "-upload", "-app", "-phone"} {
		args := []string{"-users", free, "-oauth", free, "-upload", free, "-app", free, "-phone", free, name, taken.Addr().String()}
		assert.ErrorContains(t, run(context.Background(), args, io.Discard), "address already in use", name)
	}
}
