package authinghttp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/transport"
)

// CacheOptions configures [Cache]. Zero fields use the defaults.
type CacheOptions struct {
	TTL   time.Duration // how long a token is accepted without asking Authing again; default 1 minute
	Size  int           // maximum number of valid tokens in memory, least recently used evicted first; default 10,000
	Store Store         // where valid tokens are remembered, for instances to share; default this process's memory
}

// Store remembers valid tokens outside this process, for example in Redis, so that the instances of a backend share one
// cache and a logout reaches all of them. Its methods run concurrently and must return when ctx ends.
//
// A key is the SHA-256 hash of a token and its user pool in hexadecimal, never the token. A value is the JSON of an
// [authing.TokenInfo], which holds personal data. Whoever can write to the store can sign in as anyone: guard it like a
// database of sessions.
type Store interface {
	// Get returns the value of key, or nil if there is none or its time to live is over.
	Get(ctx context.Context, key string) ([]byte, error)
	// Set stores value for ttl, which is positive.
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error
	// Delete removes key. A missing key is not an error.
	Delete(ctx context.Context, key string) error
}

// A rejection may be stale (the token may have been issued a moment ago elsewhere), so it is cached only briefly: long
// enough that a page retrying in a loop does not reach Authing every time.
const rejectionTTL = 5 * time.Second

// Rejections have a cache of their own, so that a flood of made-up tokens cannot evict valid ones.
const maxRejections = 1000

// A flood of made-up tokens must neither reach Authing at its own rate nor keep a goroutine for each.
const maxInFlight = 256

// A store that hangs must not hang every request: asking Authing takes about as long.
const storeTimeout = time.Second

// A real token is a tenth of that.
const maxTokenLength = 8 << 10

var (
	errBusy = errors.New("authinghttp: too many tokens are being verified at once")
	errLong = fmt.Errorf("authinghttp: no token is that long: %w", authing.ErrLoginRequired)
)

// Cache returns a Verifier that calls v at most once per token and TTL. Concurrent calls for the same token share one
// call to v, which is canceled when none of them waits for it any more. At most 256 calls to v run at once; beyond that,
// a token that is not cached is an error. A token of more than 8 KiB is rejected without a call.
//
// A token that expires before its TTL is dropped when it expires. A rejection is cached for at most 5 seconds. A failed
// call is not cached, so during an Authing outage known tokens stay valid until their TTL ends. Tokens are stored
// as SHA-256 hashes.
//
// With a [Store], valid tokens are looked up there and rejections in memory. If the store fails or takes longer than a
// second, Authing is asked instead. Instances that meet the same new token at the same moment each ask once. If v has a
// method UserPoolID, as a [authing.Client] does, pools can share a store; otherwise give each pool a store of its own.
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
	c := &CachedVerifier{
		verifier: v, ttl: o.TTL, store: o.Store, accepted: accepted, rejected: rejected, inFlight: map[key]*question{}, now: time.Now,
	}
	if client, ok := v.(interface{ UserPoolID() string }); ok {
		c.pool = client.UserPoolID()
	}
	return c
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
	pool               string // "" if unknown
	ttl                time.Duration
	store              Store // nil: accepted
	accepted, rejected *lru.Cache[key, entry]
	now                func() time.Time

	hits, misses, refusals, storeErrors atomic.Uint64

	mu       sync.Mutex
	inFlight map[key]*question
	running  int // goroutines; a canceled question leaves inFlight before its goroutine ends
}

// question is a call to the Verifier that is under way.
type question struct {
	done    chan struct{} // closed when answer is set
	answer  entry
	waiters int
	storing bool
	cancel  context.CancelFunc
}

// Stats are counts since the cache was made, but for InFlight.
type Stats struct {
	Hits        uint64 // tokens found in the cache, rejected ones included
	Misses      uint64 // calls to the Verifier
	Refusals    uint64 // results that rejected the token, from the cache or not
	StoreErrors uint64 // operations of the Store that failed or returned something else than was stored
	InFlight    int    // calls to the Verifier under way
}

// Stats returns the counts, for metrics.
func (c *CachedVerifier) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Stats{
		Hits: c.hits.Load(), Misses: c.misses.Load(), Refusals: c.refusals.Load(), StoreErrors: c.storeErrors.Load(), InFlight: c.running,
	}
}

// Forget drops what is cached about token, so that the next call asks again. Call it after Logout; without it, a token
// passes until its TTL ends. Without a [Store], call it in every instance of the backend. With one, another instance
// that was asking Authing during the logout may still store the token for one TTL. An error is the store's: the token
// may still pass.
func (c *CachedVerifier) Forget(ctx context.Context, token authing.Secret) error {
	if ctx == nil {
		return errors.New("authinghttp: nil context")
	}
	k := c.key(token)
	c.mu.Lock()
	c.accepted.Remove(k)
	c.rejected.Remove(k)
	q := c.inFlight[k]
	delete(c.inFlight, k) // its answer may be from before the logout: it is neither cached nor shared any more
	wait := q != nil && q.storing
	c.mu.Unlock()
	if c.store == nil {
		return nil
	}
	if wait {
		select {
		case <-q.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return c.useStore(ctx, func(ctx context.Context) error { return c.store.Delete(ctx, k.String()) })
}

// VerifyToken implements [Verifier].
func (c *CachedVerifier) VerifyToken(ctx context.Context, token authing.Secret) (*authing.TokenInfo, error) {
	if ctx == nil {
		return nil, errors.New("authinghttp: nil context")
	}
	if len(token) > maxTokenLength {
		c.refusals.Add(1)
		return nil, errLong
	}
	k := c.key(token)
	if e, ok := c.lookup(k); ok {
		c.hits.Add(1)
		return c.result(e)
	}
	return c.verifyUncached(ctx, k, token) // a method of its own, so that a hit allocates nothing for it
}

func (c *CachedVerifier) verifyUncached(ctx context.Context, k key, token authing.Secret) (*authing.TokenInfo, error) {
	for {
		// Looked up here and not in the shared call, so that a flood of made-up tokens leaves known ones alone.
		e, ok, failed := c.stored(ctx, k)
		if ok {
			c.hits.Add(1)
			return c.result(e)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		q, joined, err := c.ask(ctx, k, token, failed)
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

// key hashes the pool as well: a token of one pool must not pass in another that shares the store.
func (c *CachedVerifier) key(token authing.Secret) key {
	var buf [1024]byte // most tokens fit, and then nothing is allocated
	b := append(buf[:0], c.pool...)
	b = append(b, 0)
	return sha256.Sum256(append(b, token...))
}

func (k key) String() string { return hex.EncodeToString(k[:]) }

// ask joins the call under way for a token, or starts one. It does not read a store that has just failed once more:
// a request should wait for that only once.
func (c *CachedVerifier) ask(ctx context.Context, k key, token authing.Secret, storeFailed bool) (q *question, joined bool, err error) {
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
	if c.running >= maxInFlight {
		return nil, false, errBusy
	}
	shared, cancel := context.WithCancel(context.WithoutCancel(ctx))
	q = &question{done: make(chan struct{}), waiters: 1, cancel: cancel}
	c.inFlight[k] = q
	c.running++
	go c.run(shared, k, q, token, !storeFailed)
	return q, false, nil
}

func (c *CachedVerifier) run(ctx context.Context, k key, q *question, token authing.Secret, lookAgain bool) {
	q.answer.err = errors.New("authinghttp: the Verifier ended its goroutine")
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.inFlight[k] == q {
			delete(c.inFlight, k)
		}
		c.running--
		close(q.done)
		q.cancel()
	}()
	if lookAgain { // a call may have finished after the caller looked
		if e, ok, _ := c.stored(ctx, k); ok {
			q.answer = e
			return
		}
	}
	start := c.now() // the result may be as old as the request
	c.misses.Add(1)
	info, err := verify(ctx, c.verifier, token, c.now)
	q.answer = entry{info, err, start.Add(c.ttl)}
	c.remember(ctx, k, q, token)
}

// leave cancels the call once the last caller has stopped waiting for it.
func (c *CachedVerifier) leave(k key, q *question) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q.waiters--
	if q.waiters == 0 && q.cancel != nil {
		q.cancel()
		if c.inFlight[k] == q && !q.storing { // a Store may set a value late, and Forget has to wait for that
			delete(c.inFlight, k)
		}
	}
}

func (c *CachedVerifier) lookup(k key) (entry, bool) {
	for _, entries := range [...]*lru.Cache[key, entry]{c.accepted, c.rejected} {
		if e, ok := entries.Get(k); ok && c.now().Before(e.expires) {
			return e, true
		}
	}
	return entry{}, false
}

// remember caches an answer, unless it is a failure (the next call may succeed) or the token was forgotten meanwhile.
func (c *CachedVerifier) remember(ctx context.Context, k key, q *question, token authing.Secret) {
	e := &q.answer
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.inFlight[k] != q:
	case e.err != nil && isRejection(e.err):
		e.expires = e.expires.Add(min(c.ttl, rejectionTTL) - c.ttl)
		c.rejected.Add(k, *e)
	case e.err != nil:
	default:
		if exp := e.info.ExpiresAt; !exp.IsZero() && exp.Before(e.expires) {
			e.expires = exp
		}
		if c.store == nil {
			c.accepted.Add(k, *e)
			return
		}
		q.storing = true
		c.mu.Unlock()
		defer c.mu.Lock() // before the deferred Unlock
		c.putStored(ctx, k, *e, token)
	}
}

// stored looks a token up in the store. What it cannot read or may not use is as good as missing.
func (c *CachedVerifier) stored(ctx context.Context, k key) (e entry, ok, failed bool) {
	if c.store == nil {
		return entry{}, false, false
	}
	now := c.now() // the time to live may end right after Get
	var info *authing.TokenInfo
	err := c.useStore(ctx, func(ctx context.Context) error {
		value, err := c.store.Get(ctx, k.String())
		if err != nil || len(value) == 0 {
			return err
		}
		var read authing.TokenInfo
		if err := json.Unmarshal(value, &read); err != nil {
			return err
		}
		if read.UserID == "" || c.pool != "" && read.UserPoolID != c.pool {
			return errors.New("authinghttp: the store returned what was not stored")
		}
		info = &read
		return nil
	})
	if err != nil || info == nil || !info.ExpiresAt.IsZero() && !info.ExpiresAt.After(c.now()) {
		return entry{}, false, err != nil
	}
	return entry{info: info, expires: now.Add(c.ttl)}, true, false
}

func (c *CachedVerifier) putStored(ctx context.Context, k key, e entry, token authing.Secret) {
	ttl := e.expires.Sub(c.now())
	const long = 16 // a shorter token, as in a test, may occur in a response by chance
	if ttl <= 0 || len(token) >= long && bytes.Contains(e.info.Raw(), []byte(token)) {
		return
	}
	_ = c.useStore(ctx, func(ctx context.Context) error { // counted; the answer is good without
		value, err := json.Marshal(e.info)
		if err != nil {
			return err
		}
		return c.store.Set(ctx, k.String(), value, ttl)
	})
}

// useStore bounds and counts what the store does wrong. A panic may happen outside the goroutine of a handler, where it
// would crash the program.
func (c *CachedVerifier) useStore(ctx context.Context, use func(context.Context) error) (err error) {
	bounded, cancel := transport.WithTimeout(ctx, storeTimeout)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("authinghttp: Store panicked: %v", r)
		}
		if err != nil && ctx.Err() == nil {
			c.storeErrors.Add(1)
		}
	}()
	return use(bounded)
}

// verify calls the Verifier and checks what it returns. A panic becomes an error, since it may happen outside the
// goroutine of a handler, where it would crash the program.
func verify(ctx context.Context, v Verifier, token authing.Secret, now func() time.Time) (info *authing.TokenInfo, err error) {
	defer func() {
		if r := recover(); r != nil {
			info, err = nil, fmt.Errorf("authinghttp: Verifier panicked: %v", r)
		}
	}()
	info, err = v.VerifyToken(ctx, token)
	if e, ok := err.(*authing.Error); ok && e == nil { //nolint:errorlint // a nil pointer that wraps nothing
		return nil, errors.New("authinghttp: Verifier returned an error that is a nil pointer")
	}
	switch {
	case err != nil:
		return nil, err
	case info == nil:
		return nil, errors.New("authinghttp: Verifier returned neither a TokenInfo nor an error")
	case !info.ExpiresAt.IsZero() && !info.ExpiresAt.After(now()):
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
