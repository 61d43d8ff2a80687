// Package redisstore keeps the token cache of authinghttp in Redis, so that the instances of a backend share it:
//
//	rdb := redis.NewClient(&redis.Options{Addr: "localhost:6379", ContextTimeoutEnabled: true})
//	store := redisstore.New(rdb)
//	verifier := authinghttp.Cache(client, authinghttp.CacheOptions{TTL: time.Minute, Store: store})
//
// Without ContextTimeoutEnabled, go-redis waits for a silent Redis longer than the second that authinghttp allows. It tries
// again for a while before it reports that Redis is down. Set MaxRetries to -1 and DialerRetries to 1 if requests should then
// ask Authing at once.
//
// A value holds personal data (user ID, e-mail address, phone number). Use TLS and a password outside a private network.
package redisstore

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// Store is an authinghttp.Store.
type Store struct {
	client redis.UniversalClient
	prefix string
}

// New returns a Store whose keys begin with "authing:token:".
func New(client redis.UniversalClient) *Store {
	return &Store{client: client, prefix: "authing:token:"}
}

// Get implements authinghttp.Store.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	value, err := s.client.Get(ctx, s.prefix+key).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	return value, err
}

// Set implements authinghttp.Store.
func (s *Store) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	// Redis counts in milliseconds, and go-redis rounds a shorter time up to one.
	return s.client.Set(ctx, s.prefix+key, value, max(ttl.Truncate(time.Millisecond), time.Millisecond)).Err()
}

// Delete implements authinghttp.Store.
func (s *Store) Delete(ctx context.Context, key string) error {
	return s.client.Del(ctx, s.prefix+key).Err()
}
