package authingv3

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"net/http"
	"sync"
	"time"

	"github.com/authing-wxapp/authing/internal/api"
	"github.com/authing-wxapp/authing/internal/transport"
	"github.com/authing-wxapp/authing/internal/wire"
)

const (
	refetchAfter = time.Minute // with keys: made-up key ids must not reach Authing at their own rate
	retryAfter   = time.Second // without keys: nobody can be verified
)

// keySet holds the signing keys that an address publishes.
type keySet struct {
	client api.Client
	url    string

	mu      sync.Mutex
	keys    []publicKey // nil until there was a set; never modified
	err     *api.Error  // why the latest fetch failed, or has not succeeded yet
	next    time.Time   // when another one may begin
	running *fetch
	left    bool // by all who waited for the latest fetch
}

type publicKey struct {
	id  string
	key *rsa.PublicKey
}

// fetch is a request that callers share. It is canceled when none of them waits for it any more.
type fetch struct {
	done    chan struct{}
	err     *api.Error // set before done is closed
	waiters int
	cancel  context.CancelFunc
}

func newKeySet(o VerifierOptions) (*keySet, error) {
	address, problem := api.BaseURL(o.JWKSURL, o.AllowHTTP)
	if problem != "" {
		return nil, api.Invalid("the JWKSURL %s", problem)
	}
	s := &keySet{client: api.New(), url: address}
	if o.HTTPClient != nil {
		if err := s.client.SetHTTPClient(o.HTTPClient); err != nil {
			return nil, err
		}
	}
	if err := s.client.SetReadRetries(0); err != nil {
		return nil, err
	}
	s.client.Open()
	return s, nil
}

// find returns the key with this id, or the only one if id is "".
func (s *keySet) find(ctx context.Context, id string) (*rsa.PublicKey, *api.Error) {
	if key := s.known(id); key != nil {
		return key, nil
	}
	if err := s.refresh(ctx); err != nil {
		return nil, err
	}
	if key := s.known(id); key != nil {
		return key, nil
	}
	return nil, refused("the token is signed with an unknown key")
}

func (s *keySet) known(id string) *rsa.PublicKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id == "" && len(s.keys) == 1 {
		return s.keys[0].key
	}
	for _, k := range s.keys {
		if k.id == id && id != "" {
			return k.key
		}
	}
	return nil
}

// refresh fetches the keys, waits for a fetch under way, or returns the result of the latest if it is too early for another.
func (s *keySet) refresh(ctx context.Context) *api.Error {
	if err := ctx.Err(); err != nil {
		return ended(err)
	}
	s.mu.Lock()
	for s.left && s.running == nil && time.Until(s.next) > 0 {
		if err := s.sleep(ctx); err != nil {
			s.mu.Unlock()
			return err
		}
	}
	f := s.running
	if f == nil {
		if wait := time.Until(s.next); wait > 0 {
			defer s.mu.Unlock()
			return copyOf(s.err, wait)
		}
		f = s.begin(ctx)
	}
	f.waiters++
	s.mu.Unlock()

	select {
	case <-f.done:
		return copyOf(f.err, 0)
	case <-ctx.Done():
		s.leave(f)
		return ended(ctx.Err())
	}
}

// sleep waits, without the lock, until the next fetch may begin: those who stay must not pay for a client that left.
func (s *keySet) sleep(ctx context.Context) *api.Error {
	timer := time.NewTimer(time.Until(s.next))
	defer timer.Stop()
	s.mu.Unlock()
	defer s.mu.Lock()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ended(ctx.Err())
	}
}

// begin starts a fetch. One that everybody leaves stops the next one for a second, so that clients that leave early make no
// more requests than that.
func (s *keySet) begin(ctx context.Context) *fetch {
	shared, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &fetch{done: make(chan struct{}), cancel: cancel}
	s.running, s.left, s.next = f, false, time.Now().Add(retryAfter)
	go s.run(shared, f)
	return f
}

func (s *keySet) leave(f *fetch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.waiters--
	if f.waiters == 0 {
		f.cancel()
		if s.running == f {
			s.running, s.left = nil, true
		}
	}
}

func (s *keySet) run(ctx context.Context, f *fetch) {
	start := time.Now()
	keys, err := []publicKey(nil), &api.Error{Reason: "the keys could not be fetched: the Transport panicked or ended its goroutine"}
	defer func() {
		_ = recover() // outside the goroutine of a handler, a panic would crash the program
		f.cancel()
		s.mu.Lock()
		defer s.mu.Unlock()
		f.err = err
		close(f.done)
		if s.running != f {
			return
		}
		s.running, s.err = nil, err
		if err == nil {
			s.keys = keys
		}
		if s.keys != nil {
			s.next = start.Add(refetchAfter)
		}
	}()
	keys, err = api.Call(ctx, &s.client, api.Request{
		Op:     verifyOp,
		Method: http.MethodGet,
		URL:    s.url,
		Header: http.Header{"Content-Type": nil}, // there is no body
		Reads:  true,
	}, readKeys)
}

// copyOf returns a copy of a shared error, for its caller to modify, that asks to wait at least that long.
func copyOf(shared *api.Error, wait time.Duration) *api.Error {
	if shared == nil {
		return nil
	}
	own := *shared
	own.Data, own.Body = bytes.Clone(own.Data), bytes.Clone(own.Body)
	own.RetryAfter = max(own.RetryAfter, wait)
	return &own
}

func ended(err error) *api.Error {
	err = api.HideOurs(err)
	return &api.Error{Reason: "the keys were not there yet: " + err.Error(), Err: err}
}

// readKeys passes over keys of other kinds and those it cannot read: a set may contain keys for other purposes.
func readKeys(resp transport.Response) ([]publicKey, error) {
	const maxKeys = 64 // which are searched one by one
	var set struct {
		Keys wire.List[jwk] `json:"keys"`
	}
	if resp.Status != http.StatusOK || wire.Decode(resp.Body, &set) != nil {
		return nil, api.BadResponse(resp, "", nil)
	}
	if len(set.Keys) == 0 {
		return nil, api.BadResponse(resp, "a key set without keys", nil)
	}
	keys := []publicKey{}
	for _, k := range set.Keys {
		if key := k.publicKey(); key != nil && len(keys) < maxKeys {
			keys = append(keys, publicKey{k.ID, key})
		}
	}
	return keys, nil
}

type jwk struct {
	Type      string `json:"kty"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	ID        string `json:"kid"`
	N         string `json:"n"`
	E         string `json:"e"`
}

// publicKey returns nil for a key that cannot be used for RS256. Package rsa checks the rest of it.
func (k jwk) publicKey() *rsa.PublicKey {
	const minBits, maxExponentBits = 2048, 31
	if k.Type != "RSA" || k.Use != "" && k.Use != "sig" || k.Algorithm != "" && k.Algorithm != "RS256" {
		return nil
	}
	modulus, err := base64.RawURLEncoding.DecodeString(k.N)
	if err != nil {
		return nil
	}
	exponent, err := base64.RawURLEncoding.DecodeString(k.E)
	if err != nil {
		return nil
	}
	n, e := new(big.Int).SetBytes(modulus), new(big.Int).SetBytes(exponent)
	if n.BitLen() < minBits || e.BitLen() > maxExponentBits {
		return nil
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}
}
