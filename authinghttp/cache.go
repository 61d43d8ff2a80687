package authinghttp

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/authing-wxapp/authing"
)

// CacheOptions configures [Cache]. Zero fields use the defaults.
type CacheOptions struct {
	TTL  time.Duration // how long a token is accepted without asking Authing again; default 1 minute
	Size int           // maximum number of valid tokens to remember, least recently used evicted first; default 10,000
}

// A rejection may be stale (the token may have been issued a moment ago elsewhere), so it is cached only briefly: long
// enough that a page retrying in a loop does not reach Authing every time.
const rejectionTTL = 5 * time.Second

// Rejections have a cache of their own, so that a flood of made-up tokens cannot evict valid ones.
const maxRejections = 1000

// Cache returns a Verifier that calls v at most once per token and TTL. Concurrent calls for the same token share one
// call to v. Each caller returns when its own context ends; the shared call is not canceled and takes as long as v
// allows (for an *authing.Client, two attempts of 10 seconds each: see authing.WithTimeout).
//
// A token that expires before its TTL is dropped when it expires. A rejection is cached for at most 5 seconds. A failed
// call is not cached, so during an Authing outage known tokens stay valid until their TTL ends. Tokens are stored
// as SHA-256 hashes.
//
// The cache is safe for concurrent use. Its only goroutines are those calling v.
func Cache(v Verifier, o CacheOptions) Verifier {
	if o.TTL <= 0 {
		o.TTL = time.Minute
	}
	if o.Size <= 0 {
		o.Size = 10_000
	}
	accepted, _ := lru.New[key, entry](o.Size) // only fails for a size below 1
	rejected, _ := lru.New[key, entry](maxRejections)
	return &cache{verifier: v, ttl: o.TTL, accepted: accepted, rejected: rejected, now: time.Now}
}

type key [sha256.Size]byte

type entry struct {
	info    *authing.TokenInfo
	err     error
	expires time.Time
}

type cache struct {
	verifier           Verifier
	ttl                time.Duration
	accepted, rejected *lru.Cache[key, entry]
	inFlight           singleflight.Group
	now                func() time.Time
}

func (c *cache) VerifyToken(ctx context.Context, token authing.Secret) (*authing.TokenInfo, error) {
	if ctx == nil {
		return nil, errors.New("authinghttp: nil context")
	}
	k := key(sha256.Sum256([]byte(token)))
	if e, ok := c.lookup(k); ok {
		return e.result()
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	done := c.inFlight.DoChan(string(k[:]), func() (any, error) {
		if e, ok := c.lookup(k); ok {
			return e, nil // stored by a call that finished after the lookup above
		}
		return c.fetch(context.WithoutCancel(ctx), k, token), nil
	})
	select {
	case result := <-done:
		return result.Val.(entry).result()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *cache) lookup(k key) (entry, bool) {
	for _, entries := range []*lru.Cache[key, entry]{c.accepted, c.rejected} {
		if e, ok := entries.Get(k); ok && c.now().Before(e.expires) {
			return e, true
		}
	}
	return entry{}, false
}

// fetch verifies the token and caches the result.
func (c *cache) fetch(ctx context.Context, k key, token authing.Secret) entry {
	start := c.now() // the result may be as old as the request
	info, err := verify(ctx, c.verifier, token)
	e := entry{info: info, err: err, expires: start.Add(c.ttl)}
	switch {
	case err != nil && isRejection(err):
		e.expires = start.Add(min(c.ttl, rejectionTTL))
		c.rejected.Add(k, e)
		return e
	case err != nil:
		return e // not cached: the next call may succeed
	case !info.ExpiresAt.IsZero() && info.ExpiresAt.Before(e.expires):
		e.expires = info.ExpiresAt
	}
	c.accepted.Add(k, e)
	return e
}

// verify turns a panic of v into an error. net/http would recover a panic in a handler, but this call runs in a
// goroutine of its own, where a panic would crash the program.
func verify(ctx context.Context, v Verifier, token authing.Secret) (info *authing.TokenInfo, err error) {
	defer func() {
		if r := recover(); r != nil {
			info, err = nil, fmt.Errorf("authinghttp: Verifier panicked: %v", r)
		}
	}()
	info, err = v.VerifyToken(ctx, token)
	if info == nil && err == nil {
		err = errors.New("authinghttp: Verifier returned neither a TokenInfo nor an error")
	}
	return info, err
}

// result returns a copy, so that callers may modify theirs.
func (e entry) result() (*authing.TokenInfo, error) {
	if e.err != nil {
		return nil, e.err
	}
	info := *e.info
	return &info, nil
}
