package redisstore_test

import (
	"context"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authinghttp"
	"github.com/authing-wxapp/authing/authingtest"
	redisstore "github.com/authing-wxapp/authing/examples/redis"
)

const ttl = 30 * time.Second

// backend is ten instances of a program, each with its own client of Authing and of Redis.
type backend struct {
	srv       *authingtest.Server
	client    *authing.Client
	user      *authing.User
	instances []*authinghttp.CachedVerifier
}

func newBackend(t *testing.T, addr string) *backend {
	t.Helper()
	b := &backend{srv: authingtest.NewServer(authingtest.Options{})}
	t.Cleanup(b.srv.Close)
	b.user = b.srv.AddUser(authing.User{Username: "ann", Email: "ann@example.com"})
	for range 10 {
		var err error
		b.client, err = authing.NewClient(b.srv.UserPoolID(), b.srv.ClientOptions()...)
		require.NoError(t, err)
		rdb := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true})
		t.Cleanup(func() { rdb.Close() })
		b.instances = append(b.instances, authinghttp.Cache(b.client, authinghttp.CacheOptions{TTL: ttl, Store: redisstore.New(rdb)}))
	}
	return b
}

// verify checks the user's token in every instance and returns how often Authing was asked.
func (b *backend) verify(t *testing.T) int {
	t.Helper()
	before := len(b.srv.Requests())
	for _, c := range b.instances {
		info, err := c.VerifyToken(t.Context(), b.user.Token)
		require.NoError(t, err)
		assert.Equal(t, b.user.ID, info.UserID)
		assert.NotEmpty(t, info.Raw())
	}
	return len(b.srv.Requests()) - before
}

// share is what holds with any Redis; wait lets time pass in it.
func share(t *testing.T, addr string, wait func(time.Duration)) {
	b := newBackend(t, addr)
	assert.Equal(t, 1, b.verify(t), "ten instances, one question")
	assert.Equal(t, 0, b.verify(t))

	rdb := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { rdb.Close() })
	keys, err := rdb.Keys(t.Context(), "*").Result()
	require.NoError(t, err)
	require.Len(t, keys, 1)
	value, err := rdb.Get(t.Context(), keys[0]).Result()
	require.NoError(t, err)
	assert.NotContains(t, keys[0]+value, string(b.user.Token))
	left, err := rdb.PTTL(t.Context(), keys[0]).Result()
	require.NoError(t, err)
	assert.LessOrEqual(t, left, ttl)
	assert.Greater(t, left, ttl-10*time.Second)

	wait(ttl)
	assert.Equal(t, 1, b.verify(t), "the TTL is over")

	require.NoError(t, b.client.As(b.user.Token).Logout(t.Context(), b.user.ID))
	require.NoError(t, b.instances[0].Forget(t.Context(), b.user.Token))
	for _, c := range b.instances {
		_, err := c.VerifyToken(t.Context(), b.user.Token)
		require.ErrorIs(t, err, authing.ErrLoginRequired, "the logout reaches every instance")
	}
}

func TestInstancesShareMiniredis(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	share(t, m.Addr(), m.FastForward)
}

func TestInstancesShareRedis(t *testing.T) {
	t.Parallel()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed (apt-get install redis-server)")
	}
	addr := startRedis(t, path)
	share(t, addr, func(time.Duration) {
		// Time cannot be moved in a real Redis: end the TTL of the only key at once.
		rdb := redis.NewClient(&redis.Options{Addr: addr})
		defer rdb.Close()
		keys, err := rdb.Keys(t.Context(), "*").Result()
		require.NoError(t, err)
		for _, key := range keys {
			require.NoError(t, rdb.PExpire(t.Context(), key, time.Millisecond).Err())
		}
		require.Eventually(t, func() bool { return rdb.DBSize(t.Context()).Val() == 0 || rdb.Exists(t.Context(), keys...).Val() == 0 },
			5*time.Second, 5*time.Millisecond)
	})
}

func TestRealTTLEnds(t *testing.T) {
	t.Parallel()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed (apt-get install redis-server)")
	}
	rdb := redis.NewClient(&redis.Options{Addr: startRedis(t, path)})
	t.Cleanup(func() { rdb.Close() })
	s := redisstore.New(rdb)
	for _, short := range []time.Duration{1, 50 * time.Millisecond} {
		require.NoError(t, s.Set(t.Context(), "k", []byte("v"), short))
		require.Eventually(t, func() bool {
			value, err := s.Get(t.Context(), "k")
			return err == nil && value == nil
		}, 5*time.Second, 5*time.Millisecond, short)
	}
	require.NoError(t, s.Delete(t.Context(), "missing"))
}

// While Redis is down, the backend works as if it had no cache, and a logout reports that it could not be spread.
func TestRedisDown(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	b := newBackend(t, m.Addr())
	assert.Equal(t, 1, b.verify(t))
	m.Close()
	assert.Equal(t, 10, b.verify(t), "each instance asks, and no user is signed out")
	for _, c := range b.instances {
		_, err := c.VerifyToken(t.Context(), "made.up.token")
		require.ErrorIs(t, err, authing.ErrLoginRequired)
		assert.NotZero(t, c.Stats().StoreErrors)
		require.Error(t, c.Forget(t.Context(), b.user.Token))
	}
}

// A Redis that accepts connections and stays silent must not hold a request longer than its context does.
func TestSilentRedis(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	rdb := redis.NewClient(&redis.Options{Addr: l.Addr().String(), ContextTimeoutEnabled: true, ReadTimeout: time.Hour})
	defer rdb.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = redisstore.New(rdb).Get(ctx, "key") // hangs if it does not look at ctx
	require.Error(t, err)
	require.Error(t, ctx.Err())
}

// startRedis runs a Redis of the test's own, without persistence.
func startRedis(t *testing.T, path string) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr = l.Addr().String()
	require.NoError(t, l.Close())
	_, port, _ := strings.Cut(addr, ":")
	server := exec.Command(path, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir())
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		server.Process.Kill()
		server.Wait()
	})
	rdb := redis.NewClient(&redis.Options{Addr: addr})
	defer rdb.Close()
	require.Eventually(t, func() bool { return rdb.Ping(t.Context()).Err() == nil }, 10*time.Second, 10*time.Millisecond)
	return addr
}
