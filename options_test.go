package authing_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/testkit"
)

// requireRejected checks that NewClient rejects opt, and returns the text of the error.
func requireRejected(t *testing.T, opt authing.Option) string {
	t.Helper()
	client, err := authing.NewClient(pool, authing.WithTimeout(time.Second), opt)
	assert.Nil(t, client)
	require.ErrorIs(t, err, authing.ErrInvalidArgument)
	assert.NotErrorIs(t, err, authing.ErrOutcomeUnknown)
	assert.Equal(t, "NewClient", requireError(t, err).Op)
	return err.Error()
}

// sdkUserAgent is the User-Agent of the version in the changelog.
func sdkUserAgent(t *testing.T) string {
	t.Helper()
	changelog, err := os.ReadFile("CHANGELOG.md")
	require.NoError(t, err)
	version := regexp.MustCompile(`(?m)^## (\d+\.\d+\.\d+)`).FindSubmatch(changelog)
	require.NotNil(t, version)
	return "authing-go/" + string(version[1])
}

func TestNilOption(t *testing.T) {
	t.Parallel()
	client, got := setup(t, 200, annResponse, nil, authing.WithUserAgent("shop/1.4"), nil)
	_, err := client.LoginWithWxapp(context.Background(), code, loginDetail)
	require.NoError(t, err)
	assert.Contains(t, got.Only(t).Header.Get("User-Agent"), "shop/1.4")
}

func TestHosts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		address, base string
		allowHTTP     bool
	}{
		{address: "", base: "https://oauth.authing.cn"},
		{address: "https://auth.example.com", base: "https://auth.example.com"},
		{address: "https://auth.example.com/", base: "https://auth.example.com"},
		{address: "https://auth.example.com///", base: "https://auth.example.com"},
		{address: "HTTPS://auth.example.com", base: "https://auth.example.com"},
		{address: "https://auth.example.com:8443", base: "https://auth.example.com:8443"},
		{address: "https://auth.example.com/graphql", base: "https://auth.example.com"},
		{address: "https://graphql", base: "https://graphql"},
		{address: "https://oauth/", base: "https://oauth"},
		{address: "https://auth.example.com/graphql/", base: "https://auth.example.com"},
		{address: "https://auth.example.com//graphql//", base: "https://auth.example.com"},
		{address: "https://graphql.example.com/graphql", base: "https://graphql.example.com"},
		{address: "https://auth.example.com/graphql/v2", base: "https://auth.example.com/graphql/v2"},
		{address: "https://auth.example.com/mygraphql", base: "https://auth.example.com/mygraphql"},
		{address: "https://auth.example.com/idp/v1/", base: "https://auth.example.com/idp/v1"},
		{address: "https://auth.example.com/idp/graphql", base: "https://auth.example.com/idp"},
		{address: "https://auth.example.com/a%2Fb", base: "https://auth.example.com/a%2Fb"},
		{address: "https://auth.example.com/a..b/.c", base: "https://auth.example.com/a..b/.c"},
		{address: "https://192.0.2.1", base: "https://192.0.2.1"},
		{address: "https://[2001:db8::1]:443/x", base: "https://[2001:db8::1]:443/x"},
		{address: "http://localhost:8080", base: "http://localhost:8080"},
		{address: "http://LOCALHOST", base: "http://LOCALHOST"},
		{address: "http://127.0.0.1:1", base: "http://127.0.0.1:1"},
		{address: "http://127.8.9.10", base: "http://127.8.9.10"},
		{address: "http://[::1]:8080/graphql", base: "http://[::1]:8080"},
		{address: "http://auth.example.com", base: "http://auth.example.com", allowHTTP: true},
		{address: "http://[2001:db8::1]", base: "http://[2001:db8::1]", allowHTTP: true},
	} {
		client, got := setup(t, 200, annResponse, authing.WithHosts(authing.Hosts{OAuth: tt.address, AllowHTTP: tt.allowHTTP}))
		_, err := client.LoginWithWxapp(context.Background(), code, loginDetail)
		require.NoError(t, err, tt.address)
		assert.Equal(t, "POST "+tt.base+"/oauth/wechatapp/auth/"+pool, got.Only(t).Line, tt.address)
	}
}

func TestBadHosts(t *testing.T) {
	t.Parallel()
	const (
		absolute = "is not an absolute URL: write it like https://auth.example.com"
		userinfo = "contains a user name or password: remove it"
		query    = "contains a query or a fragment: remove it"
		scheme   = "must begin with https://"
		plain    = "is plain http to another machine: use https, or allow it with AllowHTTP"
		dots     = "contains a dot segment: write the path in full"
		zone     = "has a host that cannot be written in a URL"
	)
	for address, text := range map[string]string{
		"auth.example.com":                   absolute,
		"auth.example.com:443":               absolute,
		"/graphql":                           absolute,
		" https://auth.example.com":          absolute,
		"https://auth.example.com ":          absolute,
		"https://":                           absolute,
		"https:///graphql":                   absolute,
		"https://:443":                       absolute,
		"https:auth.example.com":             absolute,
		"https://exa mple.com":               absolute,
		"https://auth.example.com\n":         absolute,
		"https://auth.example.com:x":         absolute,
		"https://[::1":                       absolute,
		"https://auth.example.com/%zz":       absolute,
		"https://u@auth.example.com":         userinfo,
		"https://:@auth.example.com":         userinfo,
		"https://u:hunter2@auth.example.com": userinfo,
		"https://auth.example.com?a=b":       query,
		"https://auth.example.com/?":         query,
		"https://auth.example.com#x":         query,
		"https://auth.example.com/#":         query,
		"//auth.example.com":                 scheme,
		"ftp://auth.example.com":             scheme,
		"javascript://auth.example.com":      scheme,
		"http://auth.example.com":            plain,
		"http://192.0.2.1":                   plain,
		"http://localhost.example.com":       plain,
		"http://127.0.0.1.example.com":       plain,
		"http://[2001:db8::1]":               plain,
		"https://auth.example.com/../x":      dots,
		"https://auth.example.com/x/..":      dots,
		"https://auth.example.com/./x":       dots,
		"https://auth.example.com/%2e%2e/":   dots,
		"https://auth.example.com/x/%2E":     dots,
		"https://[fe80::1%25et\x8a0]":        zone,
	} {
		for field, hosts := range map[string]authing.Hosts{
			"Users":  {Users: address},
			"OAuth":  {OAuth: address},
			"Upload": {Upload: address},
			"Apps":   {Apps: address},
			"CDN":    {CDN: address},
		} {
			got := requireRejected(t, authing.WithHosts(hosts))
			assert.Equal(t, "authing: NewClient: Hosts."+field+" "+text, got, "%q", address)
		}
	}
}

// AllowHTTP permits nothing but plain http.
func TestAllowHTTP(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"ftp://auth.example.com", "http://u@auth.example.com", "http://auth.example.com/..", "http://"} {
		requireRejected(t, authing.WithHosts(authing.Hosts{OAuth: address, AllowHTTP: true}))
	}
}

// A zone has to stay escaped in the URL.
func TestHostWithZone(t *testing.T) {
	t.Parallel()
	client, got := setup(t, 200, annResponse, authing.WithHosts(authing.Hosts{OAuth: "https://[fe80::1%25eth0]:8443"}))
	_, err := client.LoginWithWxapp(context.Background(), code, loginDetail)
	require.NoError(t, err)
	assert.Equal(t, "POST https://[fe80::1%25eth0]:8443/oauth/wechatapp/auth/"+pool, got.Only(t).Line)
}

func TestHostsReachTheirPlaces(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	own := authing.Hosts{
		Users: "https://u.example.com/graphql", OAuth: "https://o.example.com", Upload: "https://p.example.com/",
		Apps: "https://a.example.com", CDN: "https://c.example.com/img/",
	}
	for name, tt := range map[string]struct {
		hosts                                   authing.Hosts
		users, oauth, upload, apps, photoPrefix string
	}{
		"defaults": {
			authing.Hosts{},
			"https://users.authing.cn", "https://oauth.authing.cn", "https://up.qiniup.com", "https://users.authing.cn",
			"https://usercontents.authing.cn",
		},
		"all": {
			own,
			"https://u.example.com", "https://o.example.com", "https://p.example.com", "https://a.example.com",
			"https://c.example.com/img",
		},
		"one": {
			authing.Hosts{Users: "https://u.example.com"},
			"https://u.example.com", "https://oauth.authing.cn", "https://up.qiniup.com", "https://u.example.com",
			"https://usercontents.authing.cn",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bodies := append(avatarResponses("t", "k.png", annGraphQL), annResponse, graphqlData("LoginByLDAP", annGraphQL), `{"code":200}`,
				graphqlData("GetUserAuthorizedApps", appsResult), graphqlData("RevokeUserAuthorizedApp", `{"_id":"r1"}`))
			client, got := setupSequence(t, bodies, authing.WithHosts(tt.hosts))
			client = client.As(token)
			for _, err := range []error{
				errorOf(client.ChangeAvatar(ctx, "u1", strings.NewReader(picture))),
				errorOf(client.LoginWithWxapp(ctx, code, loginDetail)),
				errorOf(client.LoginByLDAP(ctx, "ann", "secret")),
				client.GetVerificationCode(ctx, "138"),
				errorOf(client.GetAuthedAppList(ctx, "u1", authing.ListOptions{})),
				errorOf(client.RevokeAuthedApp(ctx, "u1", "a1")),
			} {
				require.NoError(t, err)
			}
			sent := got.All()
			var lines []string
			for _, e := range sent {
				lines = append(lines, e.Line)
			}
			assert.Equal(t, []string{
				"POST " + tt.users + "/graphql", "POST " + tt.upload, "POST " + tt.users + "/graphql",
				"POST " + tt.oauth + "/oauth/wechatapp/auth/" + pool, "POST " + tt.oauth + "/graphql",
				"GET " + tt.users + "/send_smscode/138/" + pool,
				"POST " + tt.apps + "/graphql", "POST " + tt.apps + "/graphql",
			}, lines)
			assert.Equal(t, tt.photoPrefix+"/k.png", testkit.ParseGraphQL(t, sent[2].Body).Variables["photo"])
			for _, e := range sent[6:] {
				assert.Equal(t, []string{"Bearer " + string(token)}, e.Header["Authorization"])
			}
		})
	}
}

func TestWithHTTPClientCopies(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	mock.RegisterNoResponder(httpmock.NewStringResponder(200, annResponse))
	mine := &http.Client{Transport: mock, Timeout: time.Hour}
	before := *mine
	client, err := authing.NewClient(pool, authing.WithHTTPClient(mine), authing.WithTimeout(time.Minute))
	require.NoError(t, err)
	_, err = client.LoginWithWxapp(context.Background(), code, loginDetail)
	require.NoError(t, err)
	assert.Equal(t, before, *mine)

	mine.Transport, mine.Timeout = nil, time.Nanosecond // a later change does not reach the client
	_, err = client.LoginWithWxapp(context.Background(), code, loginDetail)
	require.NoError(t, err)
	assert.Equal(t, 2, mock.GetTotalCallCount())
}

func TestWithHTTPClientRejects(t *testing.T) {
	t.Parallel()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	assert.Contains(t, requireRejected(t, authing.WithHTTPClient(nil)), "omit the option for the default")
	assert.Contains(t, requireRejected(t, authing.WithHTTPClient(&http.Client{Jar: jar})), "cookie Jar, which would mix users up: remove it")
	assert.Contains(t, requireRejected(t, authing.WithHTTPClient(&http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return nil },
	})), "CheckRedirect, but redirects are never followed: remove it")
}

func TestWithHTTPClientWithoutTransport(t *testing.T) {
	t.Parallel()
	client := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, annResponse) }, authing.WithHTTPClient(&http.Client{}))
	user, err := client.LoginWithWxapp(context.Background(), code, loginDetail)
	require.NoError(t, err)
	assert.Equal(t, annID, user.ID)
}

func TestNewTransport(t *testing.T) {
	t.Parallel()
	wrapped, other := authing.NewTransport(), authing.NewTransport()
	assert.NotSame(t, wrapped, other)
	assert.Less(t, wrapped.IdleConnTimeout, 5*time.Second, "the idle timeout of Node.js")
	assert.Greater(t, wrapped.MaxIdleConnsPerHost, 100)
	assert.EqualValues(t, 64<<10, wrapped.MaxResponseHeaderBytes)
	var dialed int
	wrapped.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		dialed++
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	var seen []string
	tracing := roundTrip(func(r *http.Request) (*http.Response, error) {
		seen = append(seen, authing.OperationFromContext(r.Context()))
		return wrapped.RoundTrip(r)
	})
	for _, transport := range []http.RoundTripper{tracing, other} {
		client := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, annResponse) }, withTransport(transport))
		user, err := client.LoginWithWxapp(context.Background(), code, loginDetail)
		require.NoError(t, err)
		assert.Equal(t, annID, user.ID)
	}
	wrapped.CloseIdleConnections()
	assert.Equal(t, []string{"LoginWithWxapp"}, seen)
	assert.Equal(t, 1, dialed, "a change of one transport does not reach another")
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	for _, d := range []time.Duration{0, -1, -time.Hour} {
		assert.Contains(t, requireRejected(t, authing.WithTimeout(d)), "the timeout must be positive")
	}
	for _, tt := range []struct {
		name                 string
		option, client, want time.Duration // 0 leaves it out
	}{
		{"default", 0, 0, 10 * time.Second},
		{"option", time.Minute, 0, time.Minute},
		{"client", 0, time.Second, time.Second},
		{"client's longer than the default", 0, time.Minute, 10 * time.Second},
		{"option shorter", time.Second, time.Minute, time.Second},
		{"client shorter", time.Minute, time.Second, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				hanging := roundTrip(func(r *http.Request) (*http.Response, error) {
					<-r.Context().Done()
					return nil, r.Context().Err()
				})
				opts := []authing.Option{authing.WithHTTPClient(&http.Client{Transport: hanging, Timeout: tt.client})}
				if tt.option != 0 {
					opts = append([]authing.Option{authing.WithTimeout(tt.option)}, opts...)
				}
				client, err := authing.NewClient(pool, opts...)
				require.NoError(t, err)
				ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
				defer cancel()
				start := time.Now()

				_, err = client.LoginWithWxapp(ctx, code, loginDetail)

				assert.Equal(t, tt.want, time.Since(start))
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.ErrorIs(t, err, authing.ErrOutcomeUnknown)
			})
		})
	}
}

func TestWithReadRetries(t *testing.T) {
	t.Parallel()
	for _, n := range []int{-1, -100} {
		assert.Contains(t, requireRejected(t, authing.WithReadRetries(n)), "must not be negative: 0 switches them off")
	}
	for _, tt := range []struct {
		opts     []authing.Option
		requests int
	}{
		{nil, 2},
		{[]authing.Option{authing.WithReadRetries(0)}, 1},
		{[]authing.Option{authing.WithReadRetries(7)}, 8},
	} {
		synctest.Test(t, func(t *testing.T) {
			requests := 0
			var log bytes.Buffer
			logger := slog.New(slog.NewJSONHandler(&log, nil))
			client, err := authing.NewClient(pool, append(tt.opts, authing.WithLogger(logger), withTransport(roundTrip(func(*http.Request) (*http.Response, error) {
				requests++
				return response(503, ""), nil
			})))...)
			require.NoError(t, err)
			_, err = client.User(context.Background(), "u1")
			assertOnly(t, authing.ErrBadResponse, err, "a read")
			assert.Equal(t, tt.requests, requests)
			assert.Contains(t, log.String(), fmt.Sprintf(`"attempts":%d,`, tt.requests))

			requests = 0
			_, err = client.Update(context.Background(), "u1", authing.UserUpdate{})
			require.ErrorIs(t, err, authing.ErrOutcomeUnknown)
			assert.Equal(t, 1, requests)
		})
	}
}

func TestWithUserAgent(t *testing.T) {
	t.Parallel()
	client, got := setup(t, 200, annResponse, authing.WithUserAgent("first/1"), authing.WithUserAgent("shop/1.4 (beta)"))
	_, err := client.LoginWithWxapp(context.Background(), code, loginDetail)
	require.NoError(t, err)
	assert.Equal(t, []string{sdkUserAgent(t) + " shop/1.4 (beta)"}, got.Only(t).Header["User-Agent"])

	for _, name := range []string{"", "a\r\nX-Evil: 1", "a\tb", "a\x00", "a\x7f", "商店"} {
		assert.Contains(t, requireRejected(t, authing.WithUserAgent(name)), "the user agent must be printable ASCII text")
	}
}

func TestWithPublicKey(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	require.NoError(t, err)
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	_, err = authing.NewClient(pool, authing.WithPublicKey(string(text)))
	require.NoError(t, err)
	for _, bad := range []string{"", "MIGfMA0G", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"} {
		assert.Contains(t, requireRejected(t, authing.WithPublicKey(bad)), "WithPublicKey: the key ")
	}
}

func TestOptionOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	var lines, agents []string
	mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
		lines = append(lines, r.URL.String())
		agents = append(agents, r.UserAgent())
		return httpmock.NewStringResponse(200, annResponse), nil
	})
	opts := []authing.Option{
		authing.WithHosts(authing.Hosts{OAuth: "https://auth.example.com"}), withTransport(mock),
		authing.WithUserAgent("shop/1"), authing.WithTimeout(time.Second), authing.WithReadRetries(0), authing.WithLogger(nil),
	}
	for shift := range opts {
		client, err := authing.NewClient(pool, append(append([]authing.Option(nil), opts[shift:]...), opts[:shift]...)...)
		require.NoError(t, err)
		_, err = client.LoginWithWxapp(context.Background(), code, loginDetail)
		require.NoError(t, err)
	}
	require.Len(t, lines, len(opts))
	for i := range lines {
		assert.Equal(t, "https://auth.example.com/oauth/wechatapp/auth/"+pool, lines[i])
		assert.Equal(t, sdkUserAgent(t)+" shop/1", agents[i])
	}
}

func TestLoggerIsSilentByDefault(t *testing.T) {
	t.Parallel()
	client, _ := setup(t, 502, "<html>", authing.WithLogger(nil))
	_, err := client.LoginWithWxapp(context.Background(), code, loginDetail)
	require.ErrorIs(t, err, authing.ErrBadResponse)
}

func TestWithLogger(t *testing.T) {
	t.Parallel()
	const ok, fails = "INFO", "WARN"
	for _, tt := range []struct {
		name          string
		status        int
		body          string
		code          string
		level         string
		wantStatus    int
		attempts      int
		errorContains string
	}{
		{"success", 200, annResponse, code, ok, 200, 1, ""},
		{"rejected by the SDK", 200, annResponse, "", fails, 0, 0, "the code is empty"},
		{"rejected by the service", 200, `{"code":40163,"message":"code been used","data":null}`, code, fails, 200, 1, "40163"},
		{"not from Authing", 502, "<html>", code, fails, 502, 1, "HTTP 502"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			client, _ := setup(t, tt.status, tt.body, authing.WithLogger(slog.New(slog.NewJSONHandler(&out, nil))))
			_, err := client.As(token).LoginWithWxapp(context.Background(), tt.code, loginDetail, authing.WithPhone("13800000000"))

			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			require.Len(t, lines, 1, "one record per call")
			var record map[string]any
			require.NoError(t, json.Unmarshal([]byte(lines[0]), &record))
			assert.Equal(t, tt.level, record["level"])
			assert.Equal(t, "authing call", record["msg"])
			assert.Equal(t, "LoginWithWxapp", record["op"])
			assert.EqualValues(t, tt.wantStatus, record["status"])
			assert.EqualValues(t, tt.attempts, record["attempts"])
			assert.GreaterOrEqual(t, record["took"], 0.0)
			assert.Less(t, record["took"], float64(time.Minute))
			if tt.errorContains == "" {
				require.NoError(t, err)
				assert.NotContains(t, record, "error")
			} else {
				assert.Equal(t, err.Error(), record["error"])
				assert.Contains(t, record["error"], tt.errorContains)
			}
			for _, secret := range []string{code, iv, encryptedData, string(token), "h.p.s", "13800000000", "Ann", "authing.cn", pool} {
				assert.NotContains(t, out.String(), secret)
			}
		})
	}
}

func TestLoggerWithNilContext(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	client, _ := setup(t, 200, annResponse, authing.WithLogger(slog.New(slog.NewTextHandler(&out, nil))))
	var none context.Context
	_, err := client.LoginWithWxapp(none, code, loginDetail)
	require.ErrorIs(t, err, authing.ErrInvalidArgument)
	assert.Contains(t, out.String(), "the context is nil")
}

// handlerContext records the contexts that it gets. Tracing handlers take their ids from them.
type handlerContext struct {
	slog.Handler
	seen *[]context.Context
}

func (h handlerContext) Handle(ctx context.Context, r slog.Record) error {
	*h.seen = append(*h.seen, ctx)
	return h.Handler.Handle(ctx, r)
}

func TestLoggerGetsTheContext(t *testing.T) {
	t.Parallel()
	type key struct{}
	var seen []context.Context
	logger := slog.New(handlerContext{slog.NewTextHandler(io.Discard, nil), &seen})
	client, _ := setup(t, 200, annResponse, authing.WithLogger(logger))
	_, err := client.LoginWithWxapp(context.WithValue(context.Background(), key{}, "trace"), code, loginDetail)
	require.NoError(t, err)
	require.Len(t, seen, 1)
	assert.Equal(t, "trace", seen[0].Value(key{}))
}

// The code goes to the host that was given and nowhere else.
func FuzzHosts(f *testing.F) {
	for _, seed := range []string{
		"https://auth.example.com", "https://auth.example.com:8443/graphql", "https://u:p@auth.example.com", "http://127.0.0.1:1/x/",
		"http://[::1]:80/graphql/", "https://[fe80::1%25eth0]/", "https://[fe80::1%25et\x8a0]", "https://auth.example.com//evil.example", `https://auth.example.com\evil`,
		"https://auth.example.com/..;/x", "https://auth.example.com/%2e%2e", "https://auth.example.com?x", "https://auth.example.com:", "//h/p",
		"https://auth.example.com/a%2Fb c", "HTTPS://AUTH.example.com", "https://例え.jp/", "https://a@b@c", "https://h/{x}/:y",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		hosts := authing.WithHosts(authing.Hosts{OAuth: address})
		if _, err := authing.NewClient(pool, hosts); err != nil || address == "" {
			return
		}
		given, err := url.Parse(address)
		require.NoError(t, err)
		client, last := stub(t, 200, annResponse, hosts)
		_, err = client.LoginWithWxapp(context.Background(), code, loginDetail)
		require.NoError(t, err, "an accepted address has to work")
		sent := (*last).URL
		assert.Equal(t, given.Scheme, sent.Scheme)
		assert.Equal(t, strings.TrimRight(given.Host, ":"), strings.TrimRight(sent.Host, ":"), "an empty port may be dropped")
		assert.Nil(t, sent.User)
		assert.Empty(t, sent.RawQuery)
		assert.Empty(t, sent.Fragment)
		assert.True(t, strings.HasSuffix(sent.Path, "/oauth/wechatapp/auth/"+pool), sent.Path)
	})
}

func TestUnusableTransports(t *testing.T) {
	t.Parallel()
	for _, none := range []http.RoundTripper{(*http.Transport)(nil), roundTrip(nil), nilMap(nil), nilSlice(nil), nilChan(nil)} {
		_, err := authing.NewClient(pool, authing.WithHTTPClient(&http.Client{Transport: none}))
		require.ErrorIs(t, err, authing.ErrInvalidArgument, "%T", none)
		assert.ErrorContains(t, err, "a Transport whose value is nil: set one, or none")
	}
}

type (
	nilMap   map[string]string
	nilSlice []string
	nilChan  chan string
)

func (nilMap) RoundTrip(*http.Request) (*http.Response, error)   { panic("a nil map") }
func (nilSlice) RoundTrip(*http.Request) (*http.Response, error) { panic("a nil slice") }
func (nilChan) RoundTrip(*http.Request) (*http.Response, error)  { panic("a nil channel") }

func TestMistakenHosts(t *testing.T) {
	t.Parallel()
	for text, hosts := range map[string]authing.Hosts{
		"Hosts.Users is not an absolute URL": {Users: "https://https://users.example.com"},
		"Hosts.Upload begins with https://":  {Upload: "https://https//users.example.com"},
		"Hosts.OAuth contains /oauth":        {OAuth: "https://oauth.example.com/oauth/"},
		"Hosts.OAuth contains /oauth,":       {OAuth: "https://oauth.example.com/oauth/wechatapp"},
	} {
		_, err := authing.NewClient(pool, authing.WithHosts(hosts))
		require.ErrorIs(t, err, authing.ErrInvalidArgument)
		assert.ErrorContains(t, err, text)
	}
}
