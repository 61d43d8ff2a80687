package promises_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

// trouble is what happens to a request in transit.
type trouble int

const (
	none trouble = iota
	reset
	replyCut   // after the service has acted
	badGateway // after the service has acted
	slow
	silence // after the service has acted, until the client gives up
)

// breaks reports whether the client cannot know what the service did.
func (t trouble) breaks() bool { return t == reset || t == replyCut || t == badGateway }

const (
	slowness = 50 * time.Millisecond
	patience = 150 * time.Millisecond // of callers who meet silence
)

// fate is what happens to the requests of one call. It is decided beforehand, so that the test knows what the call has to
// return. Faults of the fake would not do, because they strike whichever call comes next.
type fate struct {
	id       int
	troubles [3]trouble // one for each request; no call makes more
	sent     atomic.Int32
	arrived  [3]atomic.Int32
}

type fateKey struct{}

// fateHeader names the fate and the number of a request.
const fateHeader = "Fate"

// marking is the client's transport. It numbers the requests of a call.
type marking struct{ *http.Transport }

func (m marking) RoundTrip(r *http.Request) (*http.Response, error) {
	if f, ok := r.Context().Value(fateKey{}).(*fate); ok {
		r = r.Clone(r.Context())
		r.Header.Set(fateHeader, fmt.Sprintf("%d/%d", f.id, f.sent.Add(1)-1))
	}
	return m.Transport.RoundTrip(r)
}

// road is a proxy in front of one host of the fake. It causes the troubles.
type road struct {
	host  string
	fates *sync.Map
	*http.Transport
}

func (rd road) serve(conn net.Conn) {
	in := bufio.NewReader(conn)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		met := rd.arrival(r.Header.Get(fateHeader))
		switch met {
		case reset:
			conn.(*net.TCPConn).SetLinger(0)
			return
		case slow:
			<-time.After(slowness)
		}
		reply, err := rd.forward(r)
		if err != nil {
			return
		}
		switch met {
		case replyCut:
			conn.Write(reply[:len(reply)/2])
			return
		case badGateway:
			reply = []byte("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
		case silence:
			io.Copy(io.Discard, in)
			return
		}
		conn.Write(reply)
	}
}

func (rd road) arrival(header string) trouble {
	id, number, ok := strings.Cut(header, "/")
	if !ok {
		return none
	}
	key, _ := strconv.Atoi(id)
	n, _ := strconv.Atoi(number)
	known, _ := rd.fates.Load(key)
	f := known.(*fate)
	f.arrived[n].Add(1)
	return f.troubles[n]
}

func (rd road) forward(r *http.Request) ([]byte, error) {
	r.URL.Scheme, r.URL.Host, r.RequestURI = "http", rd.host, ""
	resp, err := rd.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var reply bytes.Buffer
	err = resp.Write(&reply)
	return reply.Bytes(), err
}

// workload is a run of mixed calls.
type workload struct {
	calls   int
	faults  float64 // share of the requests; each trouble but silence is equally likely
	silence float64 // share of the calls that get no response before their deadline
}

// newFate decides what happens to a call.
func (l workload) newFate(id int, r *rand.Rand) *fate {
	f := &fate{id: id}
	if r.Float64() < l.silence {
		f.troubles[0] = silence
	}
	for i := range f.troubles {
		if dice := r.Float64(); f.troubles[i] == none && dice < l.faults {
			f.troubles[i] = reset + trouble(dice/l.faults*4)
		}
	}
	return f
}

// judge checks that a call ended as its fate demands.
func (f *fate) judge(t *testing.T, k callKind, err error) (succeeded bool) {
	t.Helper()
	assert.NotErrorIs(t, err, errWrongUser, k.name)
	sent := int(f.sent.Load())
	if sent == 0 { // the deadline passed during the preparations
		assert.Equal(t, silence, f.troubles[0], k.name)
		assert.ErrorIs(t, err, context.DeadlineExceeded, k.name)
		assert.NotErrorIs(t, err, authing.ErrOutcomeUnknown, k.name)
		return false
	}
	for i := range f.arrived {
		assert.LessOrEqual(t, f.arrived[i].Load(), int32(1), "net/http sent a request of %s again", k.name)
	}
	last, typed := f.troubles[sent-1], (*authing.Error)(nil)
	unknown := !k.read && (last.breaks() || last == silence && f.arrived[sent-1].Load() > 0)
	switch {
	case last == silence:
		assert.ErrorIs(t, err, context.DeadlineExceeded, k.name)
	case last.breaks():
		assert.Error(t, err, k.name)
	case k.refused != nil:
		assert.ErrorIs(t, err, k.refused, k.name)
	default:
		assert.NoError(t, err, k.name)
	}
	if err != nil {
		assert.ErrorAs(t, err, &typed, k.name)
	}
	// A request that meets silence may have left without arriving.
	if unknown || last != silence {
		assert.Equal(t, unknown, errors.Is(err, authing.ErrOutcomeUnknown), "%s: %v", k.name, err)
	}
	switch again := f.troubles[0].breaks(); {
	case k.read && again:
		assert.Equal(t, 2, sent, "%s was not sent again", k.name)
	case k.name != "ChangeAvatar":
		assert.Equal(t, 1, sent, "%s was sent again", k.name)
	}
	return err == nil || k.refused != nil && !unknown
}

// tally counts calls and successes.
type tally struct{ calls, succeeded atomic.Int64 }

func (c *tally) count(succeeded bool) {
	c.calls.Add(1)
	if succeeded {
		c.succeeded.Add(1)
	}
}

func (c *tally) String() string {
	return fmt.Sprintf("%d of %d (%.2f%%)", c.succeeded.Load(), c.calls.Load(),
		100*float64(c.succeeded.Load())/float64(c.calls.Load()))
}

// wantShare checks the share of successes. It allows for chance: five standard deviations, and three calls where the numbers
// are too small for those.
func (c *tally) wantShare(t *testing.T, share float64) {
	t.Helper()
	n := float64(c.calls.Load())
	assert.InDelta(t, share, float64(c.succeeded.Load())/n, 5*math.Sqrt(share*(1-share)/n)+3/n)
}

// loadSeed returns the seed of a run. LOAD_SEED repeats the fates of an earlier one.
func loadSeed(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("LOAD_SEED")
	if text == "" {
		return rand.Uint64()
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err)
	return seed
}

func TestLoad(t *testing.T) {
	t.Parallel()
	if !inOwnProcess(t) {
		return
	}
	for name, l := range map[string]workload{
		"20% in trouble":       {calls: sized(10_000), faults: 0.2},
		"5% past the deadline": {calls: sized(10_000), faults: 0.15, silence: 0.05},
		"none in trouble":      {calls: sized(1000)},
		"5% in trouble":        {calls: sized(1000), faults: 0.05},
		"50% in trouble":       {calls: sized(1000), faults: 0.5},
		"all in trouble":       {calls: sized(1000), faults: 1},
	} {
		t.Run(name, l.run)
	}
}

func (l workload) run(t *testing.T) {
	const goroutines = 64
	before := countResources()
	t.Cleanup(func() { wantReleased(t, before) })
	seed := loadSeed(t)
	defer func() { t.Logf("LOAD_SEED=%d", seed) }()
	srv := authingtest.NewServer(authingtest.Options{})
	t.Cleanup(srv.Close)
	var fates sync.Map
	client := setupRoads(t, srv, &fates)
	var uniques atomic.Int64
	unique := func() int { return int(uniques.Add(1)) }
	var people []*person
	for range goroutines {
		people = append(people, newPerson(t, srv, client, seed, unique))
	}

	var (
		next        atomic.Int64
		reads, once tally
		late        [goroutines][]time.Duration
		start       = time.Now()
	)
	inParallel(goroutines, func(g int) {
		p := people[g]
		for id := int(next.Add(1)); id <= l.calls && !t.Failed(); id = int(next.Add(1)) {
			k, f := callKinds[p.rand.IntN(len(callKinds))], l.newFate(id, p.rand)
			fates.Store(id, f)
			overdue, err := p.meet(k, f)
			if f.troubles[0] == silence {
				late[g] = append(late[g], overdue)
			}
			succeeded := f.judge(t, k, err)
			switch {
			case k.read:
				reads.count(succeeded)
			case k.name != "ChangeAvatar": // makes three requests
				once.count(succeeded)
			}
		}
	})
	took := time.Since(start).Round(time.Millisecond)

	// One trouble in four is mere slowness. A read that breaks is retried, so it fails if it breaks twice. One that meets
	// silence is not, because its deadline has passed.
	broken := l.faults * 3 / 4
	wantReads, wantOnce := (1-l.silence)*(1-broken*broken), (1-l.silence)*(1-broken)
	reads.wantShare(t, wantReads)
	once.wantShare(t, wantOnce)
	wantSeenOnce(t, srv)
	t.Logf("%d calls in %v: reads %v, expected %.2f%%; the others %v, expected %.2f%%; %s",
		l.calls, took, &reads, 100*wantReads, &once, 100*wantOnce, wantInTime(t, slices.Concat(late[:]...)))
}

// setupRoads returns a client that reaches srv through roads.
func setupRoads(t *testing.T, srv *authingtest.Server, fates *sync.Map) *authing.Client {
	t.Helper()
	newTransport := func() *http.Transport {
		transport := &http.Transport{MaxIdleConnsPerHost: 64}
		t.Cleanup(transport.CloseIdleConnections)
		return transport
	}
	between := newTransport()
	to := func(url string) string {
		return startTCP(t, road{strings.TrimPrefix(url, "http://"), fates, between}.serve)
	}
	client, err := authing.NewClient(srv.UserPoolID(),
		authing.WithHosts(authing.Hosts{
			Users: to(srv.UsersURL()), OAuth: to(srv.OAuthURL()), Upload: to(srv.UploadURL()), CDN: srv.CDNURL(),
		}),
		authing.WithPublicKey(srv.PublicKey()),
		authing.WithHTTPClient(&http.Client{Transport: marking{newTransport()}}))
	require.NoError(t, err)
	return client
}

// meet makes a call, and returns how long after its deadline it ended.
func (p *person) meet(k callKind, f *fate) (overdue time.Duration, err error) {
	ctx := context.WithValue(context.Background(), fateKey{}, f)
	if f.troubles[0] != silence {
		return 0, k.do(ctx, p)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = k.do(ctx, p)
	deadline, _ := ctx.Deadline()
	return time.Since(deadline), err
}

// wantSeenOnce checks that no code arrived twice and no message was sent twice.
func wantSeenOnce(t *testing.T, srv *authingtest.Server) {
	t.Helper()
	for code, times := range srv.SpentCodes() {
		if len(code) > len("1234") { // two codes of text messages may be the same by chance
			assert.Equal(t, 1, times, "a code arrived more than once")
		}
	}
	for _, sent := range []map[string]int{srv.SentSMS(), srv.SentMails()} {
		for _, times := range sent {
			assert.Equal(t, 1, times, "a message was sent more than once")
		}
	}
}

// wantInTime checks that calls ended at their deadlines, as far as a busy machine allows.
func wantInTime(t *testing.T, late []time.Duration) string {
	t.Helper()
	if len(late) == 0 {
		return "no deadlines"
	}
	slices.Sort(late)
	middle, most := late[len(late)/2], late[len(late)-1]
	assert.Less(t, middle, time.Second)
	assert.Less(t, most, 5*time.Second)
	return fmt.Sprintf("%d deadlines, missed by %v at the median and %v at most", len(late),
		middle.Round(time.Microsecond), most.Round(time.Microsecond))
}

// A response may arrive in small pieces, as long as it ends in time: see TestSlowResponseEndsInTime.
func TestResponseInPieces(t *testing.T) {
	t.Parallel()
	eachCell(t, remoteMethods, func(t *testing.T, m remoteMethod) {
		var requests atomic.Int32
		url := startTCP(t, func(conn net.Conn) {
			in := bufio.NewReader(conn)
			for {
				if _, err := in.Peek(1); err != nil {
					return
				}
				readRequest(in)
				n := int(requests.Add(1)-1) % len(m.responses)
				for piece := range slices.Chunk([]byte(rawResponse(m.responses[n])), 1) {
					conn.Write(piece)
				}
			}
		})

		_, err := m.call(context.Background(), clientAt(t, url))

		require.NoError(t, err)
	})
}
