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

// CacheOptions configures [Cache]. A zero field stands for its default.
type CacheOptions struct {
	TTL  time.Duration // how long a token is accepted without asking; default 1 minute
	Size int           // how many valid tokens are remembered, the least recently used go first; default 10,000
}

// A refusal can turn out to be wrong (the token was signed a moment ago, elsewhere), so it is believed briefly only;
// long enough that a page which repeats itself does not reach Authing each time.
const refusalTTL = 5 * time.Second

// Refusals are remembered apart from the logins: whoever sends made-up tokens must not push real ones out.
const refusals = 1000

// Cache returns a Verifier that asks v at most once per token and TTL. Calls at the same time for one token share one
// question; each still ends with its own context, while the question goes on, for as long as v lets it (an
// *authing.Client: 10 seconds for each of two tries, see authing.WithTimeout).
//
// A token is forgotten when it expires, if that is sooner than TTL. Refusals are remembered for 5 seconds at most, and
// failures to ask not at all: while Authing is down, known tokens are accepted until their TTL ends. Tokens are kept
// as hashes. The cache is safe for concurrent use and starts no goroutine but those that ask.
func Cache(v Verifier, o CacheOptions) Verifier {
	if o.TTL <= 0 {
		o.TTL = time.Minute
	}
	if o.Size <= 0 {
		o.Size = 10_000
	}
	accepted, _ := lru.New[key, entry](o.Size) // fails for a size below 1 only
	refused, _ := lru.New[key, entry](refusals)
	return &cache{verifier: v, ttl: o.TTL, accepted: accepted, refused: refused, now: time.Now}
}

type key [sha256.Size]byte

type entry struct {
	info  *authing.TokenInfo
	err   error
	until time.Time
}

type cache struct {
	verifier          Verifier
	ttl               time.Duration
	accepted, refused *lru.Cache[key, entry]
	asking            singleflight.Group
	now               func() time.Time
}

func (c *cache) VerifyToken(ctx context.Context, token authing.Secret) (*authing.TokenInfo, error) {
	if ctx == nil {
		return nil, errors.New("authinghttp: the context is nil")
	}
	k := key(sha256.Sum256([]byte(token)))
	if e, ok := c.lookup(k); ok {
		return e.answer()
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	asked := c.asking.DoChan(string(k[:]), func() (any, error) {
		if e, ok := c.lookup(k); ok {
			return e, nil // answered between our look and our turn
		}
		return c.ask(context.WithoutCancel(ctx), k, token), nil
	})
	select {
	case result := <-asked:
		return result.Val.(entry).answer()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *cache) lookup(k key) (entry, bool) {
	for _, known := range []*lru.Cache[key, entry]{c.accepted, c.refused} {
		if e, ok := known.Get(k); ok && c.now().Before(e.until) {
			return e, true
		}
	}
	return entry{}, false
}

func (c *cache) ask(ctx context.Context, k key, token authing.Secret) entry {
	asked := c.now() // the answer may be as old as that
	info, err := verify(ctx, c.verifier, token)
	e := entry{info: info, err: err, until: asked.Add(c.ttl)}
	switch {
	case err != nil && refused(err):
		e.until = asked.Add(min(c.ttl, refusalTTL))
		c.refused.Add(k, e)
		return e
	case err != nil:
		return e // asking failed: the next one may have better luck
	case !info.ExpiresAt.IsZero() && info.ExpiresAt.Before(e.until):
		e.until = info.ExpiresAt
	}
	c.accepted.Add(k, e)
	return e
}

// verify asks v. The question has a goroutine of its own, in which a panic of v would end the program, while net/http
// recovers one in a handler.
func verify(ctx context.Context, v Verifier, token authing.Secret) (info *authing.TokenInfo, err error) {
	defer func() {
		if r := recover(); r != nil {
			info, err = nil, fmt.Errorf("authinghttp: the Verifier panicked: %v", r)
		}
	}()
	info, err = v.VerifyToken(ctx, token)
	if info == nil && err == nil {
		err = errors.New("authinghttp: the Verifier returned neither a TokenInfo nor an error")
	}
	return info, err
}

// answer gives every caller a TokenInfo of its own, to change as it likes.
func (e entry) answer() (*authing.TokenInfo, error) {
	if e.err != nil {
		return nil, e.err
	}
	info := *e.info
	return &info, nil
}
