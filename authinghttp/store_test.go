package authinghttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

// memoryStore is a Store in which a test can break every operation.
type memoryStore struct {
	mu      sync.Mutex
	values  map[string][]byte
	expires map[string]time.Time
	ttls    []time.Duration

	get    func(ctx context.Context, key string) ([]byte, error) // nil: works
	set    func(ctx context.Context) error
	delete func(ctx context.Context) error
}

func newStore() *memoryStore {
	return &memoryStore{values: map[string][]byte{}, expires: map[string]time.Time{}}
}

func (s *memoryStore) Get(ctx context.Context, key string) ([]byte, error) {
	if s.get != nil {
		return s.get(ctx, key)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !time.Now().Before(s.expires[key]) {
		return nil, nil
	}
	return s.values[key], nil
}

func (s *memoryStore) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if s.set != nil {
		if err := s.set(ctx); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values[key], s.expires[key] = value, time.Now().Add(ttl)
	s.ttls = append(s.ttls, ttl)
	return nil
}

func (s *memoryStore) Delete(ctx context.Context, key string) error {
	if s.delete != nil {
		return s.delete(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.values, key)
	return nil
}

// bubble runs test with fake time.
func bubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, test)
}

func TestStoreIsShared(t *testing.T) {
	bubble(t, func(t *testing.T) {
		v, s := &countingVerifier{verify: acceptAny}, newStore()
		var instances []*CachedVerifier
		for range 10 {
			instances = append(instances, Cache(v, CacheOptions{TTL: 30 * time.Second, Store: s}))
		}
		verify := func() {
			t.Helper()
			for _, c := range instances {
				info, err := c.VerifyToken(t.Context(), "canary.token.x")
				require.NoError(t, err)
				assert.Equal(t, "user of canary.token.x", info.UserID)
			}
		}
		verify()
		time.Sleep(30*time.Second - 1)
		verify()
		assert.EqualValues(t, 1, v.calls.Load(), "for ten instances in one TTL")
		assert.Equal(t, Stats{Hits: 1, Misses: 1}, instances[0].Stats())
		time.Sleep(time.Nanosecond)
		verify()
		assert.EqualValues(t, 2, v.calls.Load(), "a hit must not extend the TTL")

		require.NoError(t, instances[3].Forget(t.Context(), "canary.token.x"))
		verify()
		assert.EqualValues(t, 3, v.calls.Load(), "forgotten by all")
		for key := range s.values {
			assert.Len(t, key, 64)
		}
	})
}

func TestStoreTTLCountsFromTheQuestion(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStore()
		var expires time.Time
		c := Cache(&countingVerifier{verify: func(context.Context, authing.Secret) (*authing.TokenInfo, error) {
			time.Sleep(4 * time.Second)
			return &authing.TokenInfo{UserID: "u", ExpiresAt: expires}, nil
		}}, CacheOptions{TTL: 10 * time.Second, Store: s})
		verify := func(token authing.Secret) {
			_, err := c.VerifyToken(t.Context(), token)
			require.NoError(t, err)
		}
		verify("a")
		expires = time.Now().Add(7 * time.Second)
		verify("b")
		assert.Equal(t, []time.Duration{6 * time.Second, 3 * time.Second}, s.ttls, "the rest of the TTL, or of the token's life")

		expires = time.Time{}
		c.ttl = 3 * time.Second
		verify("c")
		assert.Len(t, s.ttls, 2, "older than the TTL when it came")
	})
}

// A store that fails in any way is neither a login nor a rejection.
func TestStoreFailures(t *testing.T) {
	valid, err := json.Marshal(authing.TokenInfo{UserID: "stored", UserPoolID: "pool"})
	require.NoError(t, err)
	expired, err := json.Marshal(authing.TokenInfo{UserID: "stored", ExpiresAt: time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)})
	require.NoError(t, err)
	value := func(b []byte, err error) func(context.Context, string) ([]byte, error) {
		return func(context.Context, string) ([]byte, error) { return b, err }
	}
	down := errors.New("down")
	for name, tt := range map[string]struct {
		get    func(context.Context, string) ([]byte, error)
		set    func(context.Context) error
		errors uint64
	}{
		"get":             {get: value(nil, down), errors: 1},
		"get and a value": {get: value(valid, down), errors: 1},
		"not JSON":        {get: value([]byte("{"), nil), errors: 1},
		"null":            {get: value([]byte("null"), nil), errors: 1},
		"nobody":          {get: value([]byte("{}"), nil), errors: 1},
		"empty":           {get: value([]byte{}, nil)},
		"expired":         {get: value(expired, nil)},
		"login required":  {get: value(nil, authing.ErrLoginRequired), errors: 1},
		"get panics":      {get: func(context.Context, string) ([]byte, error) { panic("out of order") }, errors: 1},
		"get hangs":       {get: func(ctx context.Context, _ string) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() }, errors: 1},
		"set":             {set: func(context.Context) error { return down }, errors: 1},
		"set panics":      {set: func(context.Context) error { panic("out of order") }, errors: 1},
		"set hangs":       {set: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, errors: 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := newStore()
				s.get, s.set = tt.get, tt.set
				c := Cache(&countingVerifier{verify: func(ctx context.Context, token authing.Secret) (*authing.TokenInfo, error) {
					switch token {
					case "bad":
						return nil, authing.ErrLoginRequired
					case "outage":
						return nil, errors.New("no route")
					}
					return acceptAny(ctx, token)
				}}, CacheOptions{Store: s})
				short, cancel := context.WithTimeout(t.Context(), storeTimeout/2)
				defer cancel()
				info, err := c.VerifyToken(detached{short}, "t")
				require.NoError(t, err)
				assert.Equal(t, "user of t", info.UserID)
				assert.Equal(t, tt.errors, c.Stats().StoreErrors)
				_, err = c.VerifyToken(t.Context(), "bad")
				require.ErrorIs(t, err, authing.ErrLoginRequired)
				_, err = c.VerifyToken(t.Context(), "outage")
				require.ErrorContains(t, err, "no route")
				require.NotErrorIs(t, err, authing.ErrLoginRequired)
			})
		})
	}
}

// detached reports a deadline and never ends.
type detached struct{ context.Context }

func (detached) Done() <-chan struct{} { return nil }
func (detached) Err() error            { return nil }

func TestStoreThatExits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStore()
		s.set = func(context.Context) error { runtime.Goexit(); return nil }
		c := Cache(&countingVerifier{verify: acceptAny}, CacheOptions{Store: s})
		info, err := c.VerifyToken(t.Context(), "t")
		require.NoError(t, err)
		assert.Equal(t, "user of t", info.UserID)
		assert.Zero(t, c.Stats().InFlight)
	})
}

func TestForgetReportsTheStoresError(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStore()
		down := errors.New("down")
		s.delete = func(context.Context) error { return down }
		c := Cache(&countingVerifier{verify: acceptAny}, CacheOptions{Store: s})
		require.ErrorIs(t, c.Forget(t.Context(), "t"), down)
		require.ErrorContains(t, c.Forget(nil, "t"), "nil context") // must not panic
	})
}

// A value that is on its way to the store when the user signs out must not arrive after the deletion.
func TestForgetWaitsForTheStore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStore()
		release := make(chan struct{})
		s.set = func(context.Context) error { <-release; return nil }
		c := Cache(&countingVerifier{verify: acceptAny}, CacheOptions{Store: s})
		caller, leave := context.WithCancel(t.Context())
		go c.VerifyToken(caller, "t")
		synctest.Wait()
		leave()
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		forgotten := make(chan error, 1)
		go func() { forgotten <- c.Forget(t.Context(), "t") }()
		synctest.Wait()
		assert.Empty(t, forgotten)
		close(release)
		require.NoError(t, <-forgotten)
		assert.Empty(t, s.values)

		release = make(chan struct{})
		go c.VerifyToken(t.Context(), "t")
		synctest.Wait()
		require.ErrorIs(t, c.Forget(short, "t"), context.DeadlineExceeded)
		close(release)
	})
}

// An answer from before a logout is not stored.
func TestForgetDropsTheCallUnderWayWithAStore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStore()
		release := make(chan struct{})
		c := Cache(&countingVerifier{verify: func(ctx context.Context, token authing.Secret) (*authing.TokenInfo, error) {
			<-release
			return acceptAny(ctx, token)
		}}, CacheOptions{Store: s})
		go c.VerifyToken(t.Context(), "t")
		synctest.Wait()
		require.NoError(t, c.Forget(t.Context(), "t"))
		close(release)
		synctest.Wait()
		assert.Empty(t, s.values)
	})
}

// A call that ends between a caller's look-up and its own call answers that caller as well.
func TestSecondLookUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		v, s := &countingVerifier{verify: acceptAny}, newStore()
		c := Cache(v, CacheOptions{Store: s})
		gets := 0
		s.get = func(context.Context, string) ([]byte, error) {
			gets++
			if gets == 1 {
				return nil, nil
			}
			return json.Marshal(authing.TokenInfo{UserID: "stored meanwhile"})
		}
		info, err := c.VerifyToken(t.Context(), "t")
		require.NoError(t, err)
		assert.Equal(t, "stored meanwhile", info.UserID)
		assert.Zero(t, v.calls.Load())

		c = Cache(v, CacheOptions{})
		k := c.key("t")
		_, ok := c.lookup(k)
		require.False(t, ok)
		_, err = c.VerifyToken(t.Context(), "t")
		require.NoError(t, err)
		q, joined, err := c.ask(t.Context(), k, "t", false)
		require.NoError(t, err)
		assert.False(t, joined)
		<-q.done
		assert.Equal(t, "user of t", q.answer.info.UserID)
		assert.EqualValues(t, 1, v.calls.Load())
	})
}

type poolVerifier struct {
	countingVerifier
	pool string
}

func (p *poolVerifier) UserPoolID() string { return p.pool }

// A token is valid in one pool only, whoever shares the store.
func TestPoolsShareAStore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStore()
		own := &poolVerifier{pool: "own"}
		own.verify = func(context.Context, authing.Secret) (*authing.TokenInfo, error) {
			return &authing.TokenInfo{UserID: "u", UserPoolID: "own"}, nil
		}
		other := &poolVerifier{pool: "other"}
		other.verify = func(context.Context, authing.Secret) (*authing.TokenInfo, error) {
			return nil, authing.ErrLoginRequired
		}
		_, err := Cache(own, CacheOptions{Store: s}).VerifyToken(t.Context(), "t")
		require.NoError(t, err)
		_, err = Cache(other, CacheOptions{Store: s}).VerifyToken(t.Context(), "t")
		require.ErrorIs(t, err, authing.ErrLoginRequired)

		other.verify = func(context.Context, authing.Secret) (*authing.TokenInfo, error) {
			return &authing.TokenInfo{UserID: "v", UserPoolID: "other"}, nil
		}
		_, err = Cache(other, CacheOptions{Store: s}).VerifyToken(t.Context(), "t")
		require.NoError(t, err)
		assert.Len(t, s.values, 2, "neither overwrites the other's")

		other.verify = func(context.Context, authing.Secret) (*authing.TokenInfo, error) {
			return nil, authing.ErrLoginRequired
		}
		s.get = func(context.Context, string) ([]byte, error) {
			return json.Marshal(authing.TokenInfo{UserID: "u", UserPoolID: "own"})
		}
		_, err = Cache(other, CacheOptions{Store: s}).VerifyToken(t.Context(), "another")
		require.ErrorIs(t, err, authing.ErrLoginRequired)
	})
}

func TestStoreHoldsNoToken(t *testing.T) {
	t.Parallel()
	srv := authingtest.NewServer(authingtest.Options{})
	t.Cleanup(srv.Close)
	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	require.NoError(t, err)
	token, s := srv.AddUser(authing.User{Username: "ann"}).Token, newStore()
	var raw []string
	for range 2 {
		info, err := Cache(client, CacheOptions{Store: s}).VerifyToken(t.Context(), token)
		require.NoError(t, err)
		raw = append(raw, string(info.Raw()))
	}
	assert.NotEmpty(t, raw[0])
	assert.Equal(t, raw[0], raw[1], "the response, through the store")
	require.Len(t, s.values, 1)
	for key, value := range s.values {
		assert.NotContains(t, key+string(value), string(token))
	}

	const echoed = authing.Secret("header.canary.signature")
	v := clientVerifier(t, 200, nil, `{"data":{"checkLoginStatus":{"status":true,"code":200,"message":"`+string(echoed)+`","token":{"data":{"id":"u","clientId":"pool"}}}}}`)
	s = newStore()
	_, err = Cache(v, CacheOptions{Store: s}).VerifyToken(t.Context(), echoed)
	require.NoError(t, err)
	assert.Empty(t, s.values, "a response that repeats the token")
}

// With a memory store or without, a flood of made-up tokens leaves known ones alone.
func TestKnownTokensPassWhenBusy(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, store := range []Store{nil, newStore()} {
			ctx, cancel := context.WithCancel(t.Context())
			release := make(chan struct{})
			c := Cache(&countingVerifier{verify: func(ctx context.Context, token authing.Secret) (*authing.TokenInfo, error) {
				if token != "good" {
					<-release // deaf to its context
				}
				return acceptAny(ctx, token)
			}}, CacheOptions{Store: store})
			_, err := c.VerifyToken(t.Context(), "good")
			require.NoError(t, err)
			var callers sync.WaitGroup
			for i := range maxInFlight {
				callers.Go(func() { c.VerifyToken(ctx, authing.Secret(rune('一'+i))) })
			}
			synctest.Wait()
			_, err = c.VerifyToken(t.Context(), "good")
			require.NoError(t, err)
			cancel()
			callers.Wait()
			assert.Equal(t, maxInFlight, c.Stats().InFlight, "until the Verifier returns")
			_, err = c.VerifyToken(t.Context(), "new")
			require.ErrorIs(t, err, errBusy)
			require.False(t, isRejection(err))
			close(release)
			synctest.Wait()
			assert.Zero(t, c.Stats().InFlight)
		}
	})
}

func TestMemoryTTLCountsFromTheQuestion(t *testing.T) {
	bubble(t, func(t *testing.T) {
		v := &countingVerifier{verify: func(ctx context.Context, token authing.Secret) (*authing.TokenInfo, error) {
			time.Sleep(4 * time.Second)
			if token == "bad" {
				return nil, authing.ErrLoginRequired
			}
			return acceptAny(ctx, token)
		}}
		c := Cache(v, CacheOptions{TTL: 10 * time.Second})
		for token, rest := range map[authing.Secret]time.Duration{"t": 6 * time.Second, "bad": time.Second} {
			v.calls.Store(0)
			c.VerifyToken(t.Context(), token)
			time.Sleep(rest - 1)
			c.VerifyToken(t.Context(), token)
			assert.EqualValues(t, 1, v.calls.Load(), token)
			time.Sleep(time.Nanosecond)
			c.VerifyToken(t.Context(), token)
			assert.EqualValues(t, 2, v.calls.Load(), token)
		}

		c = Cache(v, CacheOptions{TTL: 5 * time.Second})
		c.VerifyToken(t.Context(), "bad")
		v.calls.Store(0)
		time.Sleep(time.Second)
		c.VerifyToken(t.Context(), "bad")
		assert.EqualValues(t, 1, v.calls.Load())

		c = Cache(v, CacheOptions{TTL: time.Second})
		c.VerifyToken(t.Context(), "bad")
		v.calls.Store(0)
		c.VerifyToken(t.Context(), "bad")
		assert.EqualValues(t, 1, v.calls.Load(), "a TTL below that of rejections")
	})
}

func TestJoinersGetNoAnswerOlderThanTheTTL(t *testing.T) {
	bubble(t, func(t *testing.T) {
		v := &countingVerifier{}
		v.verify = func(ctx context.Context, token authing.Secret) (*authing.TokenInfo, error) {
			if v.calls.Load() == 1 {
				time.Sleep(2 * time.Second)
			}
			return acceptAny(ctx, token)
		}
		c := Cache(v, CacheOptions{TTL: time.Second})
		var callers sync.WaitGroup
		for range 2 {
			callers.Go(func() {
				_, err := c.VerifyToken(t.Context(), "t")
				assert.NoError(t, err)
			})
		}
		callers.Wait()
		assert.EqualValues(t, 2, v.calls.Load(), "the one that joined asks anew")
	})
}

func TestTokenThatExpiresDuringTheCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := Cache(&countingVerifier{verify: func(context.Context, authing.Secret) (*authing.TokenInfo, error) {
			exp := time.Now().Add(time.Second)
			time.Sleep(time.Second)
			return &authing.TokenInfo{UserID: "u", ExpiresAt: exp}, nil
		}}, CacheOptions{})
		_, err := c.VerifyToken(t.Context(), "t")
		require.ErrorIs(t, err, authing.ErrLoginRequired)
	})
}

func TestCacheRejectsEndlessTokens(t *testing.T) {
	t.Parallel()
	v := &countingVerifier{verify: acceptAny}
	c := Cache(v, CacheOptions{})
	_, err := c.VerifyToken(t.Context(), authing.Secret(strings.Repeat("x", maxTokenLength+1)))
	require.ErrorIs(t, err, authing.ErrLoginRequired)
	assert.Zero(t, v.calls.Load())
	assert.Equal(t, Stats{Refusals: 1}, c.Stats())
	_, err = c.VerifyToken(t.Context(), authing.Secret(strings.Repeat("x", maxTokenLength)))
	require.NoError(t, err)
}

// Without a cache, a Verifier that panics is an outage and not the end of the connection.
func TestRequireLoginRecoversPanics(t *testing.T) {
	t.Parallel()
	h := RequireLogin(&countingVerifier{verify: func(context.Context, authing.Secret) (*authing.TokenInfo, error) {
		panic("out of order")
	}})(whoAmI)
	assert.Equal(t, 503, get(h, "Bearer t").StatusCode)
}

func TestCacheHitAllocations(t *testing.T) {
	c := Cache(&countingVerifier{verify: acceptAny}, CacheOptions{})
	token := authing.Secret(strings.Repeat("x", 244))
	allocs := testing.AllocsPerRun(100, func() { c.VerifyToken(context.Background(), token) })
	assert.LessOrEqual(t, allocs, 1.0, "the copy of the TokenInfo")
}

func BenchmarkCacheHit(b *testing.B) {
	c := Cache(&countingVerifier{verify: acceptAny}, CacheOptions{})
	token := authing.Secret(strings.Repeat("x", 244))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.VerifyToken(context.Background(), token); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// The line of the package's documentation that lets preflights through.
func TestPreflight(t *testing.T) {
	t.Parallel()
	cors := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodOptions {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	guarded := RequireLogin(&countingVerifier{verify: acceptAny})(whoAmI)
	for h, status := range map[*http.Handler]int{&guarded: 401, new(cors(guarded)): 204} {
		w := httptest.NewRecorder()
		(*h).ServeHTTP(w, httptest.NewRequest(http.MethodOptions, "/", nil))
		assert.Equal(t, status, w.Code)
	}
	assert.Equal(t, 401, get(cors(guarded)).StatusCode)
	assert.Equal(t, 200, get(cors(guarded), "Bearer t").StatusCode)
}

func TestJoinersTakeAnAnswerFromTheStore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		v, s := &countingVerifier{verify: acceptAny}, newStore()
		var gets atomic.Int64
		s.get = func(context.Context, string) ([]byte, error) {
			time.Sleep(storeTimeout / 2)
			if gets.Add(1) <= 2 {
				return nil, nil
			}
			return json.Marshal(authing.TokenInfo{UserID: "stored meanwhile"})
		}
		c := Cache(v, CacheOptions{Store: s})
		var callers sync.WaitGroup
		for range 2 {
			callers.Go(func() {
				info, err := c.VerifyToken(t.Context(), "t")
				if assert.NoError(t, err) {
					assert.Equal(t, "stored meanwhile", info.UserID)
				}
			})
		}
		callers.Wait()
		assert.EqualValues(t, 3, gets.Load(), "one for each caller and one for their shared call")
		assert.Zero(t, v.calls.Load())
	})
}

// Clients that leave are not the store's fault.
func TestCanceledCallersAreNoStoreErrors(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStore()
		s.get = func(ctx context.Context, _ string) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() }
		v := &countingVerifier{verify: acceptAny}
		c := Cache(v, CacheOptions{Store: s})
		ctx, cancel := context.WithTimeout(t.Context(), storeTimeout/2)
		defer cancel()
		_, err := c.VerifyToken(ctx, "t")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, Stats{}, c.Stats())
		synctest.Wait()
		assert.Zero(t, v.calls.Load(), "no caller waits")
	})
}

func TestRetryAfterIsRoundedUp(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]string{0: "5", 1: "1", time.Second: "1", 1100 * time.Millisecond: "2", time.Minute: "60"} {
		h := RequireLogin(&countingVerifier{verify: func(context.Context, authing.Secret) (*authing.TokenInfo, error) {
			return nil, fmt.Errorf("wrapped: %w", &authing.Error{StatusCode: 429, RetryAfter: wait, Err: authing.ErrRateLimited})
		}})(whoAmI)
		assert.Equal(t, want, get(h, "Bearer t").Header.Get("Retry-After"), wait)
	}
}
