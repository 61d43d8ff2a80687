package authing_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// manyUsers is a service whose codes tell whose they are: "ann/1" is of ann.
// It counts what a client must never do: send one user's code with another's token, or a code twice.
type manyUsers struct {
	calls, mixUps, repeats atomic.Int32
	spent                  sync.Map
}

func (s *manyUsers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.calls.Add(1)
	var sent struct {
		Code string `json:"code"`
	}
	if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if _, again := s.spent.LoadOrStore(sent.Code, true); again {
		s.repeats.Add(1)
	}
	owner, _, _ := strings.Cut(sent.Code, "/")
	if !strings.Contains(r.URL.Path, "/auth/") && r.Header.Get("Authorization") != "token-of-"+owner {
		s.mixUps.Add(1)
	}
	if strings.HasSuffix(sent.Code, "/refused") {
		io.WriteString(w, `{"code":40029,"message":"invalid code"}`)
		return
	}
	fmt.Fprintf(w, `{"code":200,"data":{"_id":%q,"token":"token-of-%[1]s"}}`, owner)
}

// Many users at once on one client: nobody ever acts as somebody else.
func TestUsersAreNotMixedUp(t *testing.T) {
	t.Parallel()
	const goroutines, rounds = 64, 15
	service := &manyUsers{}
	srv := httptest.NewServer(service)
	t.Cleanup(srv.Close)
	client, err := authing.NewClient(pool, authing.WithHosts(authing.Hosts{OAuth: srv.URL}))
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)

	// session signs a user in and binds a phone as that user, and as the user of the session before.
	session := func(name, before string, asBefore *authing.Client) (*authing.Client, error) {
		ctx := context.Background()
		user, err := client.LoginWithWxapp(ctx, name+"/login", loginDetail)
		if err != nil || user.ID != name || string(user.Token) != "token-of-"+name {
			return nil, fmt.Errorf("%s signed in as %v: %w", name, user, err)
		}
		asUser := client.As(user.Token)
		if _, err := client.LoginWithWxapp(ctx, name+"/refused", loginDetail); !errors.Is(err, authing.ErrCodeInvalid) {
			return nil, fmt.Errorf("%s was not refused: %w", name, err)
		}
		bound, err := asUser.BindPhone(ctx, name+"/bind", phoneDetail)
		if err != nil || bound.ID != name {
			return nil, fmt.Errorf("%s bound the phone of %v: %w", name, bound, err)
		}
		if asBefore != nil {
			bound, err := asBefore.BindPhone(ctx, before+"/later", phoneDetail)
			if err != nil || bound.ID != before {
				return nil, fmt.Errorf("%s, earlier, bound the phone of %v: %w", before, bound, err)
			}
		}
		return asUser, nil
	}
	var running sync.WaitGroup
	for g := range goroutines {
		running.Add(1)
		go func() {
			defer running.Done()
			var (
				before   string
				asBefore *authing.Client
			)
			for round := range rounds {
				name := fmt.Sprintf("user-%d-%d", g, round)
				asUser, err := session(name, before, asBefore)
				if !assert.NoError(t, err) {
					return
				}
				before, asBefore = name, asUser
			}
		}()
	}
	running.Wait()

	assert.EqualValues(t, goroutines*(4*rounds-1), service.calls.Load())
	assert.Zero(t, service.mixUps.Load())
	assert.Zero(t, service.repeats.Load())
	_, err = client.BindPhone(context.Background(), "nobody/bind", phoneDetail)
	require.ErrorIs(t, err, authing.ErrLoginRequired, "a login has changed the client")
}

// shop is a service that knows what its requests must look like, and hangs up on some.
type shop struct {
	name          string
	whole, broken atomic.Int32
	strangers     atomic.Int32
}

// marked is data of 64 kB that tells whose it is, in every part of it.
func marked(shop string, call int) string {
	return strings.Repeat(fmt.Sprintf("%8s%08d", shop, call), 4096)
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const answerEarly, hangUp = 0, 1
	var (
		body []byte
		err  error
	)
	mood := rand.IntN(4)
	switch mood {
	case answerEarly:
		if http.NewResponseController(w).EnableFullDuplex() == nil {
			io.WriteString(w, `{"code":2004,"message":"no"}`)
			http.NewResponseController(w).Flush()
		}
		body, err = io.ReadAll(r.Body)
	case hangUp:
		body, err = io.ReadAll(io.LimitReader(r.Body, 30_000))
		err = cmp.Or(err, http.ErrAbortHandler)
	default:
		body, err = io.ReadAll(r.Body)
	}
	other := map[string]string{"SHOP/ONE": "SHOP/TWO", "SHOP/TWO": "SHOP/ONE"}[s.name]
	if strings.Contains(string(body), other) {
		s.strangers.Add(1)
	}
	if err != nil {
		s.broken.Add(1)
		panic(http.ErrAbortHandler)
	}
	s.whole.Add(1)
	var sent struct {
		Code          string `json:"code"`
		EncryptedData string `json:"encryptedData"`
	}
	var call int
	if json.Unmarshal(body, &sent) != nil {
		s.strangers.Add(1)
	} else if _, err := fmt.Sscanf(sent.Code, "code-%d", &call); err != nil || sent.EncryptedData != marked(s.name, call) {
		s.strangers.Add(1)
	}
	if mood != answerEarly {
		fmt.Fprintf(w, `{"code":200,"data":{"phoneNumber":"%d"}}`, call)
	}
}

// slowConn writes in small pieces, so that calls end while their data is still on its way.
type slowConn struct{ net.Conn }

func (c slowConn) Write(p []byte) (n int, err error) {
	for piece := range slices.Chunk(p, 2048) {
		written, err := c.Conn.Write(piece)
		n += written
		if err != nil {
			return n, err
		}
		runtime.Gosched()
	}
	return n, nil
}

// A buffer that is used again too early brings the data of one call to another, and to another server. Calls that end
// before all their data is sent are what brings that about.
func TestUsersDataStaysInItsCall(t *testing.T) {
	t.Parallel()
	const goroutines, calls = 16, 20
	shops := []*shop{{name: "SHOP/ONE"}, {name: "SHOP/TWO"}}
	var clients []*authing.Client
	for _, s := range shops {
		srv := httptest.NewServer(s)
		t.Cleanup(srv.Close)
		transport := &http.Transport{
			MaxIdleConnsPerHost: goroutines,
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
				if err != nil {
					return nil, err
				}
				return slowConn{conn}, nil
			},
		}
		clients = append(clients, clientAt(t, srv.URL, authing.WithHTTPClient(&http.Client{Transport: transport})))
	}
	var (
		running sync.WaitGroup
		answers atomic.Int32
	)
	for g := range goroutines {
		running.Add(1)
		go func() {
			defer running.Done()
			for i := range calls {
				at, call := (g+i)%2, g*calls+i
				ctx, cancel := context.Background(), func() {}
				if i%3 == 0 {
					ctx, cancel = context.WithTimeout(ctx, rand.N(3*time.Millisecond))
				}
				phone, err := clients[at].GetPhone(ctx, fmt.Sprintf("code-%d", call), authing.Detail{
					ErrMsg: "getPhoneNumber:ok", IV: iv, EncryptedData: marked(shops[at].name, call),
				})
				cancel()
				if err == nil {
					answers.Add(1)
					assert.Equal(t, fmt.Sprint(call), phone.PhoneNumber)
				}
			}
		}()
	}
	running.Wait()

	assert.Positive(t, answers.Load())
	for _, s := range shops {
		assert.Zero(t, s.strangers.Load())
		assert.Positive(t, s.whole.Load())
		assert.Positive(t, s.broken.Load())
	}
}
