package authinghttp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

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

// A flood of made-up tokens must neither reach Authing at its own rate nor keep a goroutine for each.
const maxInFlight = 256

var errBusy = errors.New("authinghttp: too many tokens are being verified at once")

// Cache returns a Verifier that calls v at most once per token and TTL. Concurrent calls for the same token share one
// call to v, which is canceled when none of them waits for it any more. At most 256 calls to v run at once; beyond that,
// a token that is not cached is an error.
//
// A token that expires before its TTL is dropped when it expires. A rejection is cached for at most 5 seconds. A failed
// call is not cached, so during an Authing outage known tokens stay valid until their TTL ends. Tokens are stored
// as SHA-256 hashes.
//
// The cache is safe for concurrent use. Its only goroutines are those calling v.
func Cache(v Verifier, o CacheOptions) *CachedVerifier {
	if o.TTL <= 0 {
		o.TTL = time.Minute
	}
	if o.Size <= 0 {
		o.Size = 10_000
	}
	accepted, _ := lru.New[key, entry](o.Size) // only fails for a size below 1
	rejected, _ := lru.New[key, entry](maxRejections)
	return &CachedVerifier{verifier: v, ttl: o.TTL, accepted: accepted, rejected: rejected, inFlight: map[key]*question{}, now: time.Now}
}

type key [sha256.Size]byte

type entry struct {
	info    *authing.TokenInfo
	err     error
	expires time.Time
}

// CachedVerifier is the Verifier that [Cache] returns.
type CachedVerifier struct {
	verifier           Verifier
	ttl                time.Duration
	accepted, rejected *lru.Cache[key, entry]
	now                func() time.Time

	hits, misses, refusals atomic.Uint64

	mu       sync.Mutex
	inFlight map[key]*question
}

// question is a call to the Verifier that is under way.
type question struct {
	done    chan struct{} // closed when answer is set
	answer  entry
	waiters int
	cancel  context.CancelFunc
}

// Stats are counts since the cache was made, but for InFlight.
type Stats struct {
	Hits     uint64 // tokens found in the cache, rejected ones included
	Misses   uint64 // calls to the Verifier
	Refusals uint64 // results that rejected the token, from the cache or not
	InFlight int    // calls to the Verifier under way
}

// Stats returns the counts, for metrics.
func (c *CachedVerifier) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Stats{Hits: c.hits.Load(), Misses: c.misses.Load(), Refusals: c.refusals.Load(), InFlight: len(c.inFlight)}
}

// Forget drops what is cached about token, so that the next call asks again. Call it after Logout, in every instance of
// the backend; without it, a token passes until its TTL ends.
func (c *CachedVerifier) Forget(_ context.Context, token authing.Secret) error {
	k := key(sha256.Sum256([]byte(token)))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.accepted.Remove(k)
	c.rejected.Remove(k)
	delete(c.inFlight, k) // its answer may be from before the logout: it is neither cached nor shared any more
	return nil
}

// VerifyToken implements [Verifier].
func (c *CachedVerifier) VerifyToken(ctx context.Context, token authing.Secret) (*authing.TokenInfo, error) {
	if ctx == nil {
		return nil, errors.New("authinghttp: nil context")
	}
	k := key(sha256.Sum256([]byte(token)))
	e, ok := c.lookup(k)
	if ok {
		c.hits.Add(1)
		return c.result(e)
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		q, joined, err := c.ask(ctx, k, token)
		if err != nil {
			return nil, err
		}
		select {
		case <-q.done:
			if joined && q.answer.err == nil && !c.now().Before(q.answer.expires) {
				continue // it took longer than the TTL
			}
			return c.result(q.answer)
		case <-ctx.Done():
			c.leave(k, q)
			return nil, ctx.Err()
		}
	}
}

// ask joins the call under way for a token, or starts one.
func (c *CachedVerifier) ask(ctx context.Context, k key, token authing.Secret) (q *question, joined bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if q := c.inFlight[k]; q != nil {
		q.waiters++
		return q, true, nil
	}
	if e, ok := c.lookup(k); ok { // stored by a call that finished after the caller looked
		done := make(chan struct{})
		close(done)
		return &question{done: done, answer: e}, false, nil
	}
	if len(c.inFlight) >= maxInFlight {
		return nil, false, errBusy
	}
	shared, cancel := context.WithCancel(context.WithoutCancel(ctx))
	q = &question{done: make(chan struct{}), waiters: 1, cancel: cancel}
	c.inFlight[k] = q
	c.misses.Add(1)
	go c.run(shared, k, q, token)
	return q, false, nil
}

func (c *CachedVerifier) run(ctx context.Context, k key, q *question, token authing.Secret) {
	start := c.now() // the result may be as old as the request
	q.answer.err = errors.New("authinghttp: the Verifier ended its goroutine")
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.inFlight[k] == q {
			delete(c.inFlight, k)
			c.store(k, &q.answer, start)
		}
		close(q.done)
		q.cancel()
	}()
	q.answer.info, q.answer.err = c.verify(ctx, token)
}

// leave cancels the call if nobody else waits for it.
func (c *CachedVerifier) leave(k key, q *question) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q.waiters--
	if q.waiters == 0 && q.cancel != nil {
		q.cancel()
		if c.inFlight[k] == q {
			delete(c.inFlight, k)
		}
	}
}

func (c *CachedVerifier) lookup(k key) (entry, bool) {
	for _, entries := range []*lru.Cache[key, entry]{c.accepted, c.rejected} {
		if e, ok := entries.Get(k); ok && c.now().Before(e.expires) {
			return e, true
		}
	}
	return entry{}, false
}

// store caches an answer, unless it is a failure: the next call may succeed.
func (c *CachedVerifier) store(k key, e *entry, start time.Time) {
	e.expires = start.Add(c.ttl)
	switch {
	case e.err != nil && isRejection(e.err):
		e.expires = start.Add(min(c.ttl, rejectionTTL))
		c.rejected.Add(k, *e)
		return
	case e.err != nil:
		return
	case !e.info.ExpiresAt.IsZero() && e.info.ExpiresAt.Before(e.expires):
		e.expires = e.info.ExpiresAt
	}
	c.accepted.Add(k, *e)
}

// verify turns a panic of the Verifier into an error. net/http would recover a panic in a handler, but this call runs in
// a goroutine of its own, where a panic would crash the program.
func (c *CachedVerifier) verify(ctx context.Context, token authing.Secret) (info *authing.TokenInfo, err error) {
	defer func() {
		if r := recover(); r != nil {
			info, err = nil, fmt.Errorf("authinghttp: Verifier panicked: %v", r)
		}
	}()
	return verify(ctx, c.verifier, token, c.now())
}

// verify checks what a Verifier returns.
func verify(ctx context.Context, v Verifier, token authing.Secret, now time.Time) (*authing.TokenInfo, error) {
	info, err := v.VerifyToken(ctx, token)
	switch {
	case err != nil:
		return nil, err
	case info == nil:
		return nil, errors.New("authinghttp: Verifier returned neither a TokenInfo nor an error")
	case !info.ExpiresAt.IsZero() && !info.ExpiresAt.After(now):
		return nil, &authing.Error{Op: "VerifyToken", Reason: "the token has expired", Hint: "sign in again", Err: authing.ErrLoginRequired}
	}
	return info, nil
}

// result returns copies, so that callers may modify theirs.
func (c *CachedVerifier) result(e entry) (*authing.TokenInfo, error) {
	if e.err == nil {
		info := *e.info
		return &info, nil
	}
	if isRejection(e.err) {
		c.refusals.Add(1)
	}
	if original, ok := e.err.(*authing.Error); ok { //nolint:errorlint // a wrapped one is not the caller's to modify
		own := *original
		own.Data, own.Body = bytes.Clone(own.Data), bytes.Clone(own.Body)
		return nil, &own
	}
	return nil, e.err
}
