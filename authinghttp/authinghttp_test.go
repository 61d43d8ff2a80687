package authinghttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// counted is a Verifier that counts how often it is asked.
type counted struct {
	calls  atomic.Int64
	verify func(ctx context.Context, token authing.Secret) (*authing.TokenInfo, error)
}

func (c *counted) VerifyToken(ctx context.Context, token authing.Secret) (*authing.TokenInfo, error) {
	c.calls.Add(1)
	return c.verify(ctx, token)
}

// holder says that a token belongs to the user of the same name.
func holder(_ context.Context, token authing.Secret) (*authing.TokenInfo, error) {
	return &authing.TokenInfo{UserID: "user of " + string(token)}, nil
}

// failing answers every token with what a service that says this makes of it.
func failing(t *testing.T, status int, header http.Header, body string) *counted {
	t.Helper()
	client, err := authing.NewClient("pool", authing.WithReadRetries(0), authing.WithHTTPClient(&http.Client{
		Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
			if status == 0 {
				return nil, errors.New("no route")
			}
			return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
		}),
	}))
	require.NoError(t, err)
	return &counted{verify: client.VerifyToken}
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// whoAmI answers with what a handler behind RequireLogin sees.
var whoAmI = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	info, ok := TokenInfoFromContext(r.Context())
	token, ok2 := TokenFromContext(r.Context())
	fmt.Fprintf(w, "%v %v %s %s", ok, ok2, info.UserID, string(token))
})

func get(h http.Handler, authorization ...string) *http.Response {
	r := httptest.NewRequest("GET", "/", nil)
	for _, a := range authorization {
		r.Header.Add("Authorization", a)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	return string(body)
}

func TestRequireLogin(t *testing.T) {
	t.Parallel()
	h := RequireLogin(&counted{verify: holder}, nil)(whoAmI)
	for _, scheme := range []string{"Bearer ", "bearer ", "BEARER ", "Bearer   "} {
		resp := get(h, scheme+"a.b-c_d~e+f/g==")
		assert.Equal(t, http.StatusOK, resp.StatusCode)
		assert.Equal(t, "true true user of a.b-c_d~e+f/g== a.b-c_d~e+f/g==", text(t, resp))
	}
}

func TestRequireLoginWithoutToken(t *testing.T) {
	t.Parallel()
	v := &counted{verify: holder}
	h := RequireLogin(v)(whoAmI)
	for name, headers := range map[string][]string{
		"none": nil, "empty": {""}, "no scheme": {"a.b.c"}, "another scheme": {"Basic a.b.c"}, "no token": {"Bearer"},
		"only a space": {"Bearer "}, "two words": {"Bearer a b"}, "only padding": {"Bearer =="}, "padding inside": {"Bearer a=b"},
		"quoted": {`Bearer "a"`}, "a comma": {"Bearer a,b"}, "not ASCII": {"Bearer é"}, "two headers": {"Bearer a", "Bearer b"},
		"a tab": {"Bearer\ta"},
	} {
		resp := get(h, headers...)
		assert.Equal(t, http.StatusUnauthorized, resp.StatusCode, name)
		assert.Equal(t, `Bearer realm="authing"`, resp.Header.Get("WWW-Authenticate"), name)
	}
	assert.Zero(t, v.calls.Load(), "nothing to ask about")
}

func TestRequireLoginAnswers(t *testing.T) {
	t.Parallel()
	soft := func(code int) string {
		return fmt.Sprintf(`{"data":{"checkLoginStatus":{"status":false,"code":%d,"message":"m"}}}`, code)
	}
	for name, tt := range map[string]struct {
		status     int
		header     http.Header
		body       string
		want       int
		retryAfter string
	}{
		"not signed in":   {200, nil, soft(2020), 401, ""},
		"expired":         {200, nil, soft(2206), 401, ""},
		"invalid":         {200, nil, soft(2207), 401, ""},
		"as an error":     {200, nil, `{"errors":[{"message":{"code":2206,"message":"m"}}]}`, 401, ""},
		"of another pool": {200, nil, `{"data":{"checkLoginStatus":{"status":true,"code":200,"token":{"data":{"id":"u","clientId":"other"}}}}}`, 401, ""},
		"user gone":       {200, nil, soft(2004), 401, ""},
		"user locked":     {200, nil, soft(2005), 401, ""},
		"no network":      {0, nil, "", 503, "5"},
		"busy":            {200, nil, soft(1000), 503, "5"},
		"HTML":            {502, nil, "<html>", 503, "5"},
		"HTTP 401 page":   {401, nil, "<html>", 503, "5"},
		"asked to wait":   {503, http.Header{"Retry-After": {"17"}}, "", 503, "17"},
		"empty":           {200, nil, "", 503, "5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := failing(t, tt.status, tt.header, tt.body)
			resp := get(RequireLogin(Cache(v, CacheOptions{}))(whoAmI), "Bearer canary.token.x")
			assert.Equal(t, tt.want, resp.StatusCode)
			assert.Equal(t, tt.retryAfter, resp.Header.Get("Retry-After"))
			assert.Equal(t, tt.want == 401, strings.Contains(resp.Header.Get("WWW-Authenticate"), `error="invalid_token"`))
			assert.NotContains(t, text(t, resp)+fmt.Sprint(resp.Header), "canary")
			assert.EqualValues(t, 1, v.calls.Load())
		})
	}
}

func TestContextElsewhere(t *testing.T) {
	t.Parallel()
	_, ok := TokenInfoFromContext(context.Background())
	assert.False(t, ok)
	_, ok = TokenFromContext(context.Background())
	assert.False(t, ok)
}

// clock is a time that stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newCache(v Verifier, o CacheOptions) (*cache, *clock) {
	c := Cache(v, o).(*cache)
	clk := &clock{now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	c.now = clk.Now
	return c, clk
}

func TestCacheTTL(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		options CacheOptions
		lives   time.Duration
	}{
		"default": {CacheOptions{}, time.Minute},
		"given":   {CacheOptions{TTL: time.Hour}, time.Hour},
	} {
		v := &counted{verify: holder}
		c, clk := newCache(v, tt.options)
		ask := func() {
			info, err := c.VerifyToken(context.Background(), "t")
			require.NoError(t, err)
			assert.Equal(t, "user of t", info.UserID)
		}
		ask()
		clk.move(tt.lives - 1)
		ask()
		assert.EqualValues(t, 1, v.calls.Load(), name)
		clk.move(1)
		ask()
		assert.EqualValues(t, 2, v.calls.Load(), name)
	}
}

func TestCacheWithoutAContext(t *testing.T) {
	t.Parallel()
	v := &counted{verify: holder}
	c, _ := newCache(v, CacheOptions{})
	_, err := c.VerifyToken(nil, "t") //lint:ignore SA1012 nobody is to panic
	require.ErrorContains(t, err, "the context is nil")
	assert.Zero(t, v.calls.Load())
}

func TestCacheEndsWithTheToken(t *testing.T) {
	t.Parallel()
	var expires time.Time
	v := &counted{verify: func(context.Context, authing.Secret) (*authing.TokenInfo, error) {
		return &authing.TokenInfo{UserID: "u", ExpiresAt: expires}, nil
	}}
	c, clk := newCache(v, CacheOptions{})
	expires = clk.Now().Add(10 * time.Second)
	for range 2 {
		_, err := c.VerifyToken(context.Background(), "t")
		require.NoError(t, err)
	}
	assert.EqualValues(t, 1, v.calls.Load())
	clk.move(10 * time.Second)
	_, err := c.VerifyToken(context.Background(), "t")
	require.NoError(t, err)
	assert.EqualValues(t, 2, v.calls.Load(), "the service decides about an expired token")
}

func TestCacheRemembersRefusalsBriefly(t *testing.T) {
	t.Parallel()
	v := failing(t, 200, nil, `{"data":{"checkLoginStatus":{"status":false,"code":2207,"message":"m"}}}`)
	c, clk := newCache(v, CacheOptions{})
	for range 3 {
		_, err := c.VerifyToken(context.Background(), "t")
		require.ErrorIs(t, err, authing.ErrLoginRequired)
	}
	assert.EqualValues(t, 1, v.calls.Load())
	clk.move(refusalTTL)
	_, err := c.VerifyToken(context.Background(), "t")
	require.ErrorIs(t, err, authing.ErrLoginRequired)
	assert.EqualValues(t, 2, v.calls.Load())
}

func TestCacheForgetsFailuresToAsk(t *testing.T) {
	t.Parallel()
	down := false
	v := &counted{}
	v.verify = func(ctx context.Context, token authing.Secret) (*authing.TokenInfo, error) {
		if down {
			return nil, errors.New("down")
		}
		return holder(ctx, token)
	}
	c, clk := newCache(v, CacheOptions{})
	_, err := c.VerifyToken(context.Background(), "known")
	require.NoError(t, err)

	down = true
	_, err = c.VerifyToken(context.Background(), "known")
	require.NoError(t, err, "Authing is down, but this token is known")
	for range 2 {
		_, err = c.VerifyToken(context.Background(), "new")
		require.ErrorContains(t, err, "down")
	}
	assert.EqualValues(t, 3, v.calls.Load())
	clk.move(time.Minute)
	_, err = c.VerifyToken(context.Background(), "known")
	require.ErrorContains(t, err, "down")

	down = false
	_, err = c.VerifyToken(context.Background(), "new")
	require.NoError(t, err)
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	v := &counted{verify: holder}
	c, _ := newCache(v, CacheOptions{Size: 2})
	for _, token := range []authing.Secret{"a", "b", "a", "c", "a", "b"} {
		_, err := c.VerifyToken(context.Background(), token)
		require.NoError(t, err)
	}
	assert.EqualValues(t, 4, v.calls.Load(), "a, b, c, and b again, which c pushed out")
	assert.Equal(t, 2, c.accepted.Len())
}

// Whoever sends made-up tokens pushes none out that a user holds.
func TestCacheKeepsRefusalsApart(t *testing.T) {
	t.Parallel()
	v := &counted{verify: func(ctx context.Context, token authing.Secret) (*authing.TokenInfo, error) {
		if token != "good" {
			return nil, authing.ErrLoginRequired
		}
		return holder(ctx, token)
	}}
	c, _ := newCache(v, CacheOptions{Size: 2})
	_, err := c.VerifyToken(context.Background(), "good")
	require.NoError(t, err)
	const made = 2 * refusals
	for i := range made {
		_, err := c.VerifyToken(context.Background(), authing.Secret(strconv.Itoa(i)))
		require.ErrorIs(t, err, authing.ErrLoginRequired)
	}
	_, err = c.VerifyToken(context.Background(), "good")
	require.NoError(t, err)
	assert.EqualValues(t, 1+made, v.calls.Load(), "the good one was asked for once")
	assert.Equal(t, refusals, c.refused.Len())
}

// A question has a goroutine of its own, where nobody but the cache can recover.
func TestCacheOutlivesAPanic(t *testing.T) {
	t.Parallel()
	c, _ := newCache(&counted{verify: func(context.Context, authing.Secret) (*authing.TokenInfo, error) {
		panic("out of order")
	}}, CacheOptions{})
	info, err := c.VerifyToken(context.Background(), "t")
	assert.Nil(t, info)
	assert.EqualError(t, err, "authinghttp: the Verifier panicked: out of order")
	assert.NotErrorIs(t, err, authing.ErrLoginRequired)
}

func TestOnRefusal(t *testing.T) {
	t.Parallel()
	broken := errors.New("no line")
	v := &counted{verify: func(_ context.Context, token authing.Secret) (*authing.TokenInfo, error) {
		switch token {
		case "good":
			return &authing.TokenInfo{UserID: "u"}, nil
		case "bad":
			return nil, authing.ErrLoginRequired
		}
		return nil, broken
	}}
	var why error
	h := RequireLogin(v, OnRefusal(func(w http.ResponseWriter, r *http.Request, status int, err error) {
		why = err
		w.WriteHeader(status)
		io.WriteString(w, r.URL.Path)
	}))(whoAmI)
	for _, tt := range []struct {
		authorization string
		status        int
		header        string
		why           error
	}{
		{"", 401, "Www-Authenticate", authing.ErrLoginRequired},
		{"Bearer bad", 401, "Www-Authenticate", authing.ErrLoginRequired},
		{"Bearer other", 503, "Retry-After", broken},
		{"Bearer good", 200, "", nil},
	} {
		why = nil
		resp := get(h, tt.authorization)
		assert.Equal(t, tt.status, resp.StatusCode, tt.authorization)
		assert.ErrorIs(t, why, tt.why, tt.authorization)
		if tt.header != "" {
			assert.NotEmpty(t, resp.Header.Get(tt.header), tt.authorization)
			assert.Equal(t, "/", text(t, resp))
		}
	}
}

func TestCacheKeepsNoToken(t *testing.T) {
	t.Parallel()
	c, _ := newCache(&counted{verify: func(context.Context, authing.Secret) (*authing.TokenInfo, error) {
		return &authing.TokenInfo{UserID: "u"}, nil
	}}, CacheOptions{})
	_, err := c.VerifyToken(context.Background(), "canary.token.x")
	require.NoError(t, err)
	require.Equal(t, 1, c.accepted.Len())
	for _, k := range c.accepted.Keys() {
		assert.NotContains(t, string(k[:]), "canary")
	}
}

func TestCacheGivesEveryCallerAnInfoOfItsOwn(t *testing.T) {
	t.Parallel()
	c, _ := newCache(&counted{verify: holder}, CacheOptions{})
	first, err := c.VerifyToken(context.Background(), "t")
	require.NoError(t, err)
	first.UserID = "changed"
	second, err := c.VerifyToken(context.Background(), "t")
	require.NoError(t, err)
	assert.Equal(t, "user of t", second.UserID)
}

func TestCacheOfAVerifierThatSaysNothing(t *testing.T) {
	t.Parallel()
	c, _ := newCache(&counted{verify: func(context.Context, authing.Secret) (*authing.TokenInfo, error) {
		return nil, nil
	}}, CacheOptions{})
	_, err := c.VerifyToken(context.Background(), "t")
	require.ErrorContains(t, err, "neither")
}

func TestColdCacheAsksOnce(t *testing.T) {
	t.Parallel()
	const callers = 1000
	release := make(chan struct{})
	v := &counted{verify: func(ctx context.Context, token authing.Secret) (*authing.TokenInfo, error) {
		<-release
		return holder(ctx, token)
	}}
	c, _ := newCache(v, CacheOptions{})
	var ready, done sync.WaitGroup
	var wrong atomic.Int64
	for range callers {
		ready.Add(1)
		done.Add(1)
		go func() {
			defer done.Done()
			ready.Done()
			info, err := c.VerifyToken(context.Background(), "t")
			if err != nil || info.UserID != "user of t" {
				wrong.Add(1)
			}
		}()
	}
	ready.Wait()
	close(release)
	done.Wait()
	assert.Zero(t, wrong.Load())
	assert.EqualValues(t, 1, v.calls.Load())
}

func TestWaiterLeavesOnItsOwnContext(t *testing.T) {
	t.Parallel()
	asked, release := make(chan struct{}), make(chan struct{})
	v := &counted{verify: func(ctx context.Context, token authing.Secret) (*authing.TokenInfo, error) {
		close(asked)
		<-release
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return holder(ctx, token)
	}}
	c, _ := newCache(v, CacheOptions{})

	leaving, leave := context.WithCancel(context.Background())
	left := make(chan error)
	go func() {
		_, err := c.VerifyToken(leaving, "t")
		left <- err
	}()
	<-asked
	stays := make(chan error)
	go func() {
		_, err := c.VerifyToken(context.Background(), "t")
		stays <- err
	}()
	leave()
	require.ErrorIs(t, <-left, context.Canceled, "whoever asked first may leave")
	close(release)
	require.NoError(t, <-stays, "and takes nobody's answer along")

	_, err := c.VerifyToken(leaving, "another")
	require.ErrorIs(t, err, context.Canceled)
	assert.EqualValues(t, 1, v.calls.Load(), "nothing is asked for somebody who is gone")
}

func TestNoUserIsTakenForAnother(t *testing.T) {
	t.Parallel()
	const goroutines, users, requests = 200, 1000, 100_000
	v := &counted{verify: holder}
	ttl := 50 * time.Millisecond
	h := RequireLogin(Cache(v, CacheOptions{TTL: ttl}))(whoAmI)
	start := time.Now()
	var wrong atomic.Int64
	var all sync.WaitGroup
	for g := range goroutines {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := range requests / goroutines {
				token := fmt.Sprintf("token-%d", (g*31+i*17)%users)
				r := httptest.NewRequest("GET", "/", nil)
				r.Header.Set("Authorization", "Bearer "+token)
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if w.Body.String() != "true true user of "+token+" "+token {
					wrong.Add(1)
				}
			}
		}()
	}
	all.Wait()
	assert.Zero(t, wrong.Load())
	periods := int64(time.Since(start)/ttl) + 1
	assert.LessOrEqual(t, v.calls.Load(), users*periods)
	t.Logf("%d requests, %d questions in %v", requests, v.calls.Load(), time.Since(start))
}
