package authinghttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

type countingVerifier struct {
	calls  atomic.Int64
	verify func(ctx context.Context, token authing.Secret) (*authing.TokenInfo, error)
}

func (c *countingVerifier) VerifyToken(ctx context.Context, token authing.Secret) (*authing.TokenInfo, error) {
	c.calls.Add(1)
	return c.verify(ctx, token)
}

// acceptAny maps each token to its own user ID.
func acceptAny(_ context.Context, token authing.Secret) (*authing.TokenInfo, error) {
	return &authing.TokenInfo{UserID: "user of " + string(token)}, nil
}

// clientVerifier returns the VerifyToken of a client whose server always sends this response; status 0 is a network
// error.
func clientVerifier(t *testing.T, status int, header http.Header, body string) *countingVerifier {
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
	return &countingVerifier{verify: client.VerifyToken}
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// whoAmI responds with what RequireLogin put into the context.
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
	h := RequireLogin(&countingVerifier{verify: acceptAny}, nil)(whoAmI)
	for _, scheme := range []string{"Bearer ", "bearer ", "BEARER ", "Bearer   "} {
		resp := get(h, scheme+"a.b-c_d~e+f/g==")
		assert.Equal(t, http.StatusOK, resp.StatusCode)
		assert.Equal(t, "true true user of a.b-c_d~e+f/g== a.b-c_d~e+f/g==", text(t, resp))
	}
}

func TestRequireLoginWithoutToken(t *testing.T) {
	t.Parallel()
	v := &countingVerifier{verify: acceptAny}
	h := RequireLogin(v)(whoAmI)
	for name, headers := range map[string][]string{
		"no header": nil, "empty": {""}, "no scheme": {"a.b.c"}, "another scheme": {"Basic a.b.c"}, "no token": {"Bearer"},
		"only a space": {"Bearer "}, "two words": {"Bearer a b"}, "only padding": {"Bearer =="}, "padding inside": {"Bearer a=b"},
		"quoted": {`Bearer "a"`}, "comma": {"Bearer a,b"}, "not ASCII": {"Bearer é"}, "two headers": {"Bearer a", "Bearer b"},
		"tab": {"Bearer\ta"},
	} {
		resp := get(h, headers...)
		assert.Equal(t, http.StatusUnauthorized, resp.StatusCode, name)
		assert.Equal(t, `Bearer realm="authing"`, resp.Header.Get("WWW-Authenticate"), name)
	}
	assert.Zero(t, v.calls.Load())
}

func TestRequireLoginResponses(t *testing.T) {
	t.Parallel()
	status := func(code int) string {
		return fmt.Sprintf(`{"data":{"checkLoginStatus":{"status":false,"code":%d,"message":"m"}}}`, code)
	}
	for name, tt := range map[string]struct {
		status     int
		header     http.Header
		body       string
		want       int
		retryAfter string
	}{
		"not signed in":      {200, nil, status(2020), 401, ""},
		"expired":            {200, nil, status(2206), 401, ""},
		"invalid":            {200, nil, status(2207), 401, ""},
		"GraphQL error":      {200, nil, `{"errors":[{"message":{"code":2206,"message":"m"}}]}`, 401, ""},
		"another pool":       {200, nil, `{"data":{"checkLoginStatus":{"status":true,"code":200,"token":{"data":{"id":"u","clientId":"other"}}}}}`, 401, ""},
		"user deleted":       {200, nil, status(2004), 401, ""},
		"user locked":        {200, nil, status(2005), 401, ""},
		"no network":         {0, nil, "", 503, "5"},
		"busy":               {200, nil, status(1000), 503, "5"},
		"HTML":               {502, nil, "<html>", 503, "5"},
		"HTML with HTTP 401": {401, nil, "<html>", 503, "5"},
		"Retry-After":        {503, http.Header{"Retry-After": {"17"}}, "", 503, "17"},
		"empty body":         {200, nil, "", 503, "5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := clientVerifier(t, tt.status, tt.header, tt.body)
			resp := get(RequireLogin(Cache(v, CacheOptions{}))(whoAmI), "Bearer canary.token.x")
			assert.Equal(t, tt.want, resp.StatusCode)
			assert.Equal(t, tt.retryAfter, resp.Header.Get("Retry-After"))
			assert.Equal(t, tt.want == 401, strings.Contains(resp.Header.Get("WWW-Authenticate"), `error="invalid_token"`))
			assert.NotContains(t, text(t, resp)+fmt.Sprint(resp.Header), "canary")
			assert.EqualValues(t, 1, v.calls.Load())
		})
	}
}

func TestContextWithoutRequireLogin(t *testing.T) {
	t.Parallel()
	_, ok := TokenInfoFromContext(context.Background())
	assert.False(t, ok)
	_, ok = TokenFromContext(context.Background())
	assert.False(t, ok)
}

// clock only moves when told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newCache(v Verifier, o CacheOptions) (*CachedVerifier, *clock) {
	c := Cache(v, o)
	clk := &clock{now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	c.now = clk.Now
	return c, clk
}

func TestCacheTTL(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		options CacheOptions
		ttl     time.Duration
	}{
		"default": {CacheOptions{}, time.Minute},
		"given":   {CacheOptions{TTL: time.Hour}, time.Hour},
	} {
		v := &countingVerifier{verify: acceptAny}
		c, clk := newCache(v, tt.options)
		verify := func() {
			info, err := c.VerifyToken(context.Background(), "t")
			require.NoError(t, err)
			assert.Equal(t, "user of t", info.UserID)
		}
		verify()
		clk.advance(tt.ttl - 1)
		verify()
		assert.EqualValues(t, 1, v.calls.Load(), name)
		clk.advance(1)
		verify()
		assert.EqualValues(t, 2, v.calls.Load(), name)
	}
}

func TestCacheNilContext(t *testing.T) {
	t.Parallel()
	v := &countingVerifier{verify: acceptAny}
	c, _ := newCache(v, CacheOptions{})
	_, err := c.VerifyToken(nil, "t") // must not panic
	require.ErrorContains(t, err, "nil context")
	assert.Zero(t, v.calls.Load())
}

func TestCacheDropsExpiredTokens(t *testing.T) {
	t.Parallel()
	var expires time.Time
	v := &countingVerifier{verify: func(context.Context, authing.Secret) (*authing.TokenInfo, error) {
		return &authing.TokenInfo{UserID: "u", ExpiresAt: expires}, nil
	}}
	c, clk := newCache(v, CacheOptions{})
	expires = clk.Now().Add(10 * time.Second)
	for range 2 {
		_, err := c.VerifyToken(context.Background(), "t")
		require.NoError(t, err)
	}
	assert.EqualValues(t, 1, v.calls.Load())
	clk.advance(10 * time.Second)
	_, err := c.VerifyToken(context.Background(), "t")
	require.ErrorIs(t, err, authing.ErrLoginRequired, "whatever the Verifier says")
	assert.EqualValues(t, 2, v.calls.Load(), "an expired token is verified again")
}

func TestCacheKeepsRejectionsBriefly(t *testing.T) {
	t.Parallel()
	v := clientVerifier(t, 200, nil, `{"data":{"checkLoginStatus":{"status":false,"code":2207,"message":"m"}}}`)
	c, clk := newCache(v, CacheOptions{})
	for range 3 {
		_, err := c.VerifyToken(context.Background(), "t")
		require.ErrorIs(t, err, authing.ErrLoginRequired)
	}
	assert.EqualValues(t, 1, v.calls.Load())
	clk.advance(rejectionTTL)
	_, err := c.VerifyToken(context.Background(), "t")
	require.ErrorIs(t, err, authing.ErrLoginRequired)
	assert.EqualValues(t, 2, v.calls.Load())
}

func TestCacheDoesNotKeepFailures(t *testing.T) {
	t.Parallel()
	down := false
	v := &countingVerifier{}
	v.verify = func(ctx context.Context, token authing.Secret) (*authing.TokenInfo, error) {
		if down {
			return nil, errors.New("down")
		}
		return acceptAny(ctx, token)
	}
	c, clk := newCache(v, CacheOptions{})
	_, err := c.VerifyToken(context.Background(), "known")
	require.NoError(t, err)

	down = true
	_, err = c.VerifyToken(context.Background(), "known")
	require.NoError(t, err, "a cached token stays valid during an outage")
	for range 2 {
		_, err = c.VerifyToken(context.Background(), "new")
		require.ErrorContains(t, err, "down")
	}
	assert.EqualValues(t, 3, v.calls.Load())
	clk.advance(time.Minute)
	_, err = c.VerifyToken(context.Background(), "known")
	require.ErrorContains(t, err, "down")

	down = false
	_, err = c.VerifyToken(context.Background(), "new")
	require.NoError(t, err)
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	v := &countingVerifier{verify: acceptAny}
	c, _ := newCache(v, CacheOptions{Size: 2})
	for _, token := range []authing.Secret{"a", "b", "a", "c", "a", "b"} {
		_, err := c.VerifyToken(context.Background(), token)
		require.NoError(t, err)
	}
	assert.EqualValues(t, 4, v.calls.Load(), "a, b, c, and b again after c evicted it")
	assert.Equal(t, 2, c.accepted.Len())
}

// A flood of made-up tokens must not evict valid ones.
func TestCacheKeepsRejectionsApart(t *testing.T) {
	t.Parallel()
	v := &countingVerifier{verify: func(ctx context.Context, token authing.Secret) (*authing.TokenInfo, error) {
		if token != "good" {
			return nil, authing.ErrLoginRequired
		}
		return acceptAny(ctx, token)
	}}
	c, _ := newCache(v, CacheOptions{Size: 2})
	_, err := c.VerifyToken(context.Background(), "good")
	require.NoError(t, err)
	const fakes = 2 * maxRejections
	for i := range fakes {
		_, err := c.VerifyToken(context.Background(), authing.Secret(strconv.Itoa(i)))
		require.ErrorIs(t, err, authing.ErrLoginRequired)
	}
	_, err = c.VerifyToken(context.Background(), "good")
	require.NoError(t, err)
	assert.EqualValues(t, 1+fakes, v.calls.Load(), "the good token is verified once")
	assert.Equal(t, maxRejections, c.rejected.Len())
}

// The Verifier runs in a goroutine of its own, where only the cache can recover a panic.
func TestCacheRecoversPanics(t *testing.T) {
	t.Parallel()
	c, _ := newCache(&countingVerifier{verify: func(context.Context, authing.Secret) (*authing.TokenInfo, error) {
		panic("out of order")
	}}, CacheOptions{})
	info, err := c.VerifyToken(context.Background(), "t")
	assert.Nil(t, info)
	assert.EqualError(t, err, "authinghttp: Verifier panicked: out of order")
	assert.NotErrorIs(t, err, authing.ErrLoginRequired)
}

func TestOnRefusal(t *testing.T) {
	t.Parallel()
	outage := errors.New("no route")
	v := &countingVerifier{verify: func(_ context.Context, token authing.Secret) (*authing.TokenInfo, error) {
		switch token {
		case "good":
			return &authing.TokenInfo{UserID: "u"}, nil
		case "bad":
			return nil, authing.ErrLoginRequired
		}
		return nil, outage
	}}
	var got error
	h := RequireLogin(v, OnRefusal(func(w http.ResponseWriter, r *http.Request, status int, err error) {
		got = err
		w.WriteHeader(status)
		io.WriteString(w, r.URL.Path)
	}))(whoAmI)
	for _, tt := range []struct {
		authorization string
		status        int
		header        string
		err           error
	}{
		{"", 401, "Www-Authenticate", authing.ErrLoginRequired},
		{"Bearer bad", 401, "Www-Authenticate", authing.ErrLoginRequired},
		{"Bearer other", 503, "Retry-After", outage},
		{"Bearer good", 200, "", nil},
	} {
		got = nil
		resp := get(h, tt.authorization)
		assert.Equal(t, tt.status, resp.StatusCode, tt.authorization)
		assert.ErrorIs(t, got, tt.err, tt.authorization)
		if tt.header != "" {
			assert.NotEmpty(t, resp.Header.Get(tt.header), tt.authorization)
			assert.Equal(t, "/", text(t, resp))
		}
	}
}

func TestCacheStoresNoToken(t *testing.T) {
	t.Parallel()
	c, _ := newCache(&countingVerifier{verify: func(context.Context, authing.Secret) (*authing.TokenInfo, error) {
		return &authing.TokenInfo{UserID: "u"}, nil
	}}, CacheOptions{})
	_, err := c.VerifyToken(context.Background(), "canary.token.x")
	require.NoError(t, err)
	require.Equal(t, 1, c.accepted.Len())
	for _, k := range c.accepted.Keys() {
		assert.NotContains(t, string(k[:]), "canary")
	}
}

func TestCacheReturnsCopies(t *testing.T) {
	t.Parallel()
	c, _ := newCache(&countingVerifier{verify: acceptAny}, CacheOptions{})
	first, err := c.VerifyToken(context.Background(), "t")
	require.NoError(t, err)
	first.UserID = "changed"
	second, err := c.VerifyToken(context.Background(), "t")
	require.NoError(t, err)
	assert.Equal(t, "user of t", second.UserID)
}

func TestCacheNilResult(t *testing.T) {
	t.Parallel()
	c, _ := newCache(&countingVerifier{verify: func(context.Context, authing.Secret) (*authing.TokenInfo, error) {
		return nil, nil
	}}, CacheOptions{})
	_, err := c.VerifyToken(context.Background(), "t")
	require.ErrorContains(t, err, "neither")
}

// Such an error is not nil and panics when it is looked at, outside the goroutine of a handler.
func TestNilPointerAsError(t *testing.T) {
	t.Parallel()
	v := &countingVerifier{verify: func(context.Context, authing.Secret) (*authing.TokenInfo, error) {
		var err *authing.Error
		return &authing.TokenInfo{UserID: "u"}, err
	}}
	for _, v := range []Verifier{v, Cache(v, CacheOptions{})} {
		resp := get(RequireLogin(v)(whoAmI), "Bearer t")
		assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	}
}

func TestColdCacheCallsOnce(t *testing.T) {
	t.Parallel()
	const callers = 1000
	release := make(chan struct{})
	v := &countingVerifier{verify: func(ctx context.Context, token authing.Secret) (*authing.TokenInfo, error) {
		<-release
		return acceptAny(ctx, token)
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

func TestCallersReturnOnTheirOwnContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		v := &countingVerifier{verify: func(ctx context.Context, token authing.Secret) (*authing.TokenInfo, error) {
			select {
			case <-release:
				return acceptAny(ctx, token)
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}}
		c, _ := newCache(v, CacheOptions{})
		first, second := make(chan error, 1), make(chan error, 1)
		canceled, cancel := context.WithCancel(t.Context())
		for ctx, done := range map[context.Context]chan error{canceled: first, t.Context(): second} {
			go func() {
				_, err := c.VerifyToken(ctx, "t")
				done <- err
			}()
		}
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-first, context.Canceled)
		close(release)
		require.NoError(t, <-second, "the shared call goes on after one of its callers is canceled")
		assert.EqualValues(t, 1, v.calls.Load())

		_, err := c.VerifyToken(canceled, "another")
		require.ErrorIs(t, err, context.Canceled)
		assert.EqualValues(t, 1, v.calls.Load(), "no call for a context that is already done")
	})
}

// Clients that post made-up tokens and leave must not keep anything busy.
func TestCallsThatNobodyWaitsForAreCanceled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _ := newCache(&countingVerifier{verify: func(ctx context.Context, _ authing.Secret) (*authing.TokenInfo, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}, CacheOptions{})
		ctx, cancel := context.WithCancel(t.Context())
		var busy atomic.Int32
		var callers sync.WaitGroup
		for i := range maxInFlight + 10 {
			callers.Go(func() {
				_, err := c.VerifyToken(ctx, authing.Secret(fmt.Sprint(i)))
				if errors.Is(err, errBusy) {
					busy.Add(1)
				}
			})
		}
		synctest.Wait()
		assert.EqualValues(t, 10, busy.Load())
		assert.Equal(t, maxInFlight, c.Stats().InFlight)
		cancel()
		callers.Wait()
		synctest.Wait() // a goroutine that goes on would fail the bubble
		assert.Zero(t, c.Stats().InFlight)
	})
}

func TestForget(t *testing.T) {
	t.Parallel()
	v := &countingVerifier{verify: acceptAny}
	c, _ := newCache(v, CacheOptions{})
	ctx := context.Background()
	for range 2 {
		_, err := c.VerifyToken(ctx, "t")
		require.NoError(t, err)
	}
	assert.Equal(t, Stats{Hits: 1, Misses: 1}, c.Stats())
	require.NoError(t, c.Forget(ctx, "t"))
	v.verify = func(context.Context, authing.Secret) (*authing.TokenInfo, error) {
		return nil, &authing.Error{Op: "VerifyToken", Code: 2207, Data: []byte("1"), Body: []byte("1"), Err: authing.ErrLoginRequired}
	}
	for range 2 {
		_, err := c.VerifyToken(ctx, "t")
		require.ErrorIs(t, err, authing.ErrLoginRequired)
		e, ok := errors.AsType[*authing.Error](err)
		require.True(t, ok)
		assert.Equal(t, 2207, e.Code)
		assert.Equal(t, "1", string(e.Data))
		assert.Equal(t, "1", string(e.Body))
		e.Code, e.Data[0], e.Body[0] = 0, '2', '2' // each caller has a copy
	}
	assert.Equal(t, Stats{Hits: 2, Misses: 2, Refusals: 2}, c.Stats())
}

// An answer that began before a logout must not outlive it.
func TestForgetDropsTheCallUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		v := &countingVerifier{verify: func(ctx context.Context, token authing.Secret) (*authing.TokenInfo, error) {
			<-release
			return acceptAny(ctx, token)
		}}
		c, _ := newCache(v, CacheOptions{})
		go c.VerifyToken(t.Context(), "t")
		synctest.Wait()
		require.NoError(t, c.Forget(t.Context(), "t"))
		close(release)
		synctest.Wait()
		_, err := c.VerifyToken(t.Context(), "t")
		require.NoError(t, err)
		assert.EqualValues(t, 2, v.calls.Load())
	})
}

func TestOnlySettledRefusalsReject(t *testing.T) {
	t.Parallel()
	refusal := func(e authing.Error) error { return &e }
	for name, tt := range map[string]struct {
		err    error
		status int
	}{
		"settled":           {refusal(authing.Error{StatusCode: 200, Code: 2206, Err: authing.ErrLoginRequired}), 401},
		"sentinel":          {authing.ErrLoginRequired, 401},
		"503":               {refusal(authing.Error{StatusCode: 503, Code: 2206, Err: authing.ErrLoginRequired}), 503},
		"500":               {refusal(authing.Error{StatusCode: 500, Code: 2020, Err: authing.ErrLoginRequired}), 503},
		"429":               {refusal(authing.Error{StatusCode: 429, Code: 2020, Err: errors.Join(authing.ErrLoginRequired, authing.ErrRateLimited)}), 503},
		"beside others":     {refusal(authing.Error{StatusCode: 200, Code: 1000, Body: []byte(`{"errors":[1,2]}`), Err: authing.ErrLoginRequired}), 503},
		"canceled":          {context.Canceled, 503},
		"neither":           {nil, 503},
		"unknown":           {errors.Join(authing.ErrLoginRequired, authing.ErrOutcomeUnknown), 503},
		"not Authing's own": {errors.Join(authing.ErrLoginRequired, authing.ErrBadResponse), 503},
	} {
		v := &countingVerifier{verify: func(context.Context, authing.Secret) (*authing.TokenInfo, error) { return nil, tt.err }}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer h.p.s")
		w := httptest.NewRecorder()
		RequireLogin(Cache(v, CacheOptions{}), OnRefusal(nil))(http.NotFoundHandler()).ServeHTTP(w, r)
		assert.Equal(t, tt.status, w.Code, name)

		ended, cancel := context.WithCancelCause(t.Context())
		cancel(tt.err)
		v.verify = func(ctx context.Context, _ authing.Secret) (*authing.TokenInfo, error) {
			return nil, context.Cause(ctx)
		}
		w = httptest.NewRecorder()
		RequireLogin(v)(http.NotFoundHandler()).ServeHTTP(w, r.WithContext(ended))
		assert.Equal(t, 503, w.Code, name)
	}
}

func TestEndlessTokensAreNotVerified(t *testing.T) {
	t.Parallel()
	v := &countingVerifier{verify: acceptAny}
	for length, status := range map[int]int{8 << 10: 404, 8<<10 + 1: 401, 1 << 20: 401} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+strings.Repeat("x", length))
		w := httptest.NewRecorder()
		RequireLogin(v)(http.NotFoundHandler()).ServeHTTP(w, r)
		assert.Equal(t, status, w.Code, length)
	}
	assert.EqualValues(t, 1, v.calls.Load())
}

// A Verifier that ends its goroutine must not leave its callers waiting.
func TestVerifierThatExits(t *testing.T) {
	t.Parallel()
	c, _ := newCache(&countingVerifier{verify: func(context.Context, authing.Secret) (*authing.TokenInfo, error) {
		runtime.Goexit()
		return nil, nil
	}}, CacheOptions{})
	_, err := c.VerifyToken(context.Background(), "t")
	require.ErrorContains(t, err, "ended its goroutine")
}

func TestCacheDoesNotMixUsers(t *testing.T) {
	t.Parallel()
	const goroutines, users, requests = 200, 1000, 100_000
	v := &countingVerifier{verify: acceptAny}
	ttl := 50 * time.Millisecond
	h := RequireLogin(Cache(v, CacheOptions{TTL: ttl}))(whoAmI)
	start := time.Now()
	var wrong atomic.Int64
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Add(1)
		go func() {
			defer wg.Done()
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
	wg.Wait()
	assert.Zero(t, wrong.Load())
	periods := int64(time.Since(start)/ttl) + 1
	assert.LessOrEqual(t, v.calls.Load(), users*periods)
	t.Logf("%d requests, %d calls in %v", requests, v.calls.Load(), time.Since(start))
}
