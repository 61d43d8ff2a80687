package promises_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
	"github.com/authing-wxapp/authing/internal/testkit"
)

// sized is how often a test does something that it would do n times if there were time enough, as there is with
// AUTHING_TEST_SIZE=full.
func sized(n int) int {
	if os.Getenv("AUTHING_TEST_SIZE") == "full" {
		return n
	}
	return n / 10
}

// owners is a service that says in every answer whose token it got, or whose code: "ann/1" is of ann. It spoils one call
// in five. It stands below net/http, so that the calls are fast enough to meet.
type owners struct {
	calls, mixUps, repeats atomic.Int64
	spent                  sync.Map
}

func tokenOf(name string) string { return "token-of-" + name }

func idOf(name string) string {
	sum := sha256.Sum256([]byte(tokenOf(name)))
	return hex.EncodeToString(sum[:12])
}

func (o *owners) serve(conn net.Conn) {
	in := bufio.NewReader(conn)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		answer := rawAnswerOf(o.answer(r, body))
		switch rand.IntN(20) {
		case 0:
			conn.(*net.TCPConn).SetLinger(0)
			return
		case 1:
			io.WriteString(conn, answer[:rand.IntN(len(answer))])
			return
		case 2:
			answer = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
		case 3:
			<-time.After(50 * time.Millisecond)
		}
		io.WriteString(conn, answer)
	}
}

func (o *owners) answer(r *http.Request, body []byte) string {
	o.calls.Add(1)
	holder := strings.TrimPrefix(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), tokenOf(""))
	if strings.HasSuffix(r.URL.Path, "/graphql") {
		return fmt.Sprintf(`{"data":{"user":{"_id":%q}}}`, idOf(holder))
	}
	var sent struct{ Code string }
	json.Unmarshal(body, &sent)
	if _, again := o.spent.LoadOrStore(sent.Code, true); again {
		o.repeats.Add(1)
	}
	owner, _, _ := strings.Cut(sent.Code, "/")
	if strings.Contains(r.URL.Path, "/auth/") {
		holder = owner
	}
	if holder != owner {
		o.mixUps.Add(1)
	}
	return fmt.Sprintf(`{"code":200,"data":{"_id":%q,"token":%q}}`, idOf(holder), tokenOf(holder))
}

// checkOwner asserts that a call had the result of name, or failed and had none.
func checkOwner(t *testing.T, name string, user *authing.User, err error) (ok bool) {
	t.Helper()
	if err != nil {
		assert.Nil(t, user)
		return false
	}
	assert.Equal(t, idOf(name), user.ID)
	return true
}

// inParallel runs work in that many goroutines and waits for all.
func inParallel(goroutines int, work func(g int)) {
	var running sync.WaitGroup
	for g := range goroutines {
		running.Add(1)
		go func() {
			defer running.Done()
			work(g)
		}()
	}
	running.Wait()
}

func TestEveryCallHasItsOwnToken(t *testing.T) {
	t.Parallel()
	goroutines, calls := 200, sized(500)
	service := &owners{}
	client := clientAt(t, startTCP(t, service.serve))
	var succeeded atomic.Int64

	inParallel(goroutines, func(g int) {
		name := fmt.Sprint("user", g)
		for i := range calls {
			asUser := client.As(authing.Secret(tokenOf(name)))
			var (
				user *authing.User
				err  error
			)
			if i%10 == 0 {
				user, err = asUser.User(context.Background(), "me")
			} else {
				user, err = asUser.BindPhone(context.Background(), fmt.Sprint(name, "/", i), phoneDetail)
			}
			if checkOwner(t, name, user, err) {
				succeeded.Add(1)
			}
		}
	})

	assert.GreaterOrEqual(t, service.calls.Load(), int64(goroutines*calls))
	assert.Greater(t, succeeded.Load(), int64(goroutines*calls*4/5))
	assert.Zero(t, service.mixUps.Load())
	assert.Zero(t, service.repeats.Load())
	t.Logf("%d calls, %d succeeded", service.calls.Load(), succeeded.Load())
}

// Every login is of another user, who then binds a phone.
func TestEveryLoginIsOfItsCode(t *testing.T) {
	t.Parallel()
	goroutines, logins := 100, sized(1000)
	service := &owners{}
	client := clientAt(t, startTCP(t, service.serve))
	var signedIn, bound atomic.Int64

	inParallel(goroutines, func(g int) {
		for i := range logins {
			name := fmt.Sprint("user", g, "-", i)
			user, err := client.LoginWithWxapp(context.Background(), name+"/login", loginDetail)
			if !checkOwner(t, name, user, err) {
				continue
			}
			signedIn.Add(1)
			assert.Equal(t, tokenOf(name), string(user.Token))
			user, err = client.As(user.Token).BindPhone(context.Background(), name+"/bind", phoneDetail)
			if checkOwner(t, name, user, err) {
				bound.Add(1)
			}
		}
	})

	assert.Greater(t, signedIn.Load(), int64(goroutines*logins*4/5))
	assert.Greater(t, bound.Load(), signedIn.Load()*4/5)
	assert.Zero(t, service.mixUps.Load())
	assert.Zero(t, service.repeats.Load())
	t.Logf("%d logins, %d users signed in, %d bound", goroutines*logins, signedIn.Load(), bound.Load())
}

// setupAnnAndBob returns a fake with two users, the ways in which Ann signs in, and Bob, who is signed in.
func setupAnnAndBob(t *testing.T) (
	srv *authingtest.Server, client, asBob *authing.Client, bob *authing.User,
	logins map[string]func(context.Context, *authing.Client) (*authing.User, error),
) {
	t.Helper()
	srv = authingtest.NewServer(authingtest.Options{})
	t.Cleanup(srv.Close)
	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	require.NoError(t, err)
	ann := srv.AddUser(authing.User{Email: "ann@example.com"})
	bob = srv.AddUser(authing.User{Email: "bob@example.com"})
	srv.SetPassword(ann.ID, "ann's own")
	phone := srv.NewPhone(authingtest.WxUser{PhoneNumber: "13800000001"})
	logins = map[string]func(context.Context, *authing.Client) (*authing.User, error){
		"LoginWithWxapp": func(ctx context.Context, c *authing.Client) (*authing.User, error) {
			return c.LoginWithWxapp(ctx, phone.Login(), phone.GetUserInfo())
		},
		"LoginByPhoneCode": func(ctx context.Context, c *authing.Client) (*authing.User, error) {
			require.NoError(t, c.GetVerificationCode(context.Background(), "13800000001"))
			return c.LoginByPhoneCode(ctx, "13800000001", srv.LastSMS("13800000001"))
		},
		"Login": func(ctx context.Context, c *authing.Client) (*authing.User, error) {
			return c.Login(ctx, authing.LoginParams{Email: ann.Email, Password: "ann's own"})
		},
	}
	return srv, client, client.As(bob.Token), bob, logins
}

func TestFailedLoginLeavesNothing(t *testing.T) {
	t.Parallel()
	faults := map[string]authingtest.Fault{
		"refused":          {Code: 1000},
		"lost before":      {Drop: true},
		"lost after":       {When: authingtest.After, Drop: true},
		"cut":              {When: authingtest.MidReply},
		"502":              {When: authingtest.After, Status: http.StatusBadGateway},
		"without its user": {When: authingtest.After, Body: `{"code":200,"data":null}`},
		"canceled":         {When: authingtest.After, Delay: authingtest.UntilGone},
	}
	for _, op := range []string{"LoginWithWxapp", "LoginByPhoneCode", "Login"} {
		for name, fault := range faults {
			for _, hasToken := range []bool{false, true} { // it could lose it, or get another's
				srv, client, asBob, bob, logins := setupAnnAndBob(t)
				c, ctx := client, context.Background()
				if hasToken {
					c = asBob
				}
				if name == "canceled" {
					short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
					defer cancel()
					ctx = short
				}
				before := *c
				srv.FailNext(op, fault)

				user, err := logins[op](ctx, c)

				assert.Nil(t, user, "%s, %s", op, name)
				require.Error(t, err, "%s, %s", op, name)
				assert.Equal(t, before, *c)
				status, err := client.CheckLoginStatus(context.Background())
				require.NoError(t, err)
				assert.Equal(t, 2020, status.Code)
				found, err := asBob.User(context.Background(), bob.ID)
				require.NoError(t, err)
				assert.Equal(t, bob.Email, found.Email)
				srv.Close()
			}
		}
	}
}

func TestLogoutIsOfOneUser(t *testing.T) {
	t.Parallel()
	_, client, asBob, bob, logins := setupAnnAndBob(t)
	ctx := context.Background()
	for op, login := range logins {
		user, err := login(ctx, client)
		require.NoError(t, err, op)
		require.NoError(t, client.As(user.Token).Logout(ctx, user.ID))
		_, err = client.As(user.Token).User(ctx, user.ID)
		require.ErrorIs(t, err, authing.ErrLoginRequired)
		_, err = asBob.User(ctx, bob.ID)
		require.NoError(t, err, "one user signed out, and another with him")
	}
}

func TestCopiesLeaveTheOriginalAlone(t *testing.T) {
	t.Parallel()
	original, got := setup(t, http.StatusOK, `{"code":200,"data":{"_id":"1","token":"x.y.z","phoneNumber":"1"}}`)
	sent := func(c *authing.Client) (all []testkit.Exchange) {
		before := len(got.All())
		for _, call := range []func() error{
			func() error {
				_, err := c.GetPhone(context.Background(), code, phoneDetail)
				return err
			},
			func() error {
				_, err := c.LoginWithWxapp(context.Background(), code, loginDetail)
				return err
			},
			func() error {
				_, err := c.As("bob's").BindPhone(context.Background(), code, phoneDetail)
				return err
			},
		} {
			require.NoError(t, call())
		}
		return got.All()[before:]
	}
	for name, client := range map[string]*authing.Client{"of nobody": original, "of ann": original.As("ann's")} {
		t.Run(name, func(t *testing.T) {
			before, first := *client, sent(client)
			copied := *client

			asCarl := copied.As("carl's")
			byCarl := sent(asCarl)
			byCopy := sent(&copied)
			client.As("").CloseIdleConnections()

			assert.Equal(t, "carl's", byCarl[0].Header.Get("Authorization"))
			assert.Equal(t, "carl's", sent(asCarl)[0].Header.Get("Authorization"))
			assert.Equal(t, first, byCopy)
			assert.Equal(t, first, sent(client))
			assert.Equal(t, before, *client)
			assert.Equal(t, before, copied)
		})
	}
}

// cashDesk is a server that knows byte for byte what its requests must look like, and hangs up on some.
type cashDesk struct {
	name, other           string
	whole, cut, strangers atomic.Int64
}

func (s *cashDesk) serve(conn net.Conn) {
	const answerEarly, hangUp = 0, 1
	in := bufio.NewReader(conn)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		mood, rest := rand.IntN(6), io.Reader(r.Body)
		switch mood {
		case answerEarly:
			io.WriteString(conn, rawAnswerOf(`{"code":2004,"message":"no"}`))
		case hangUp:
			rest = io.LimitReader(rest, 30_000)
		}
		body, err := io.ReadAll(rest)
		call, known := s.check(body)
		if err != nil || mood == hangUp {
			s.cut.Add(1)
			return
		}
		s.whole.Add(1)
		if !known {
			s.strangers.Add(1)
		}
		if mood != answerEarly {
			io.WriteString(conn, rawAnswerOf(fmt.Sprintf(`{"code":200,"data":{"phoneNumber":"%d"}}`, call)))
		}
	}
}

// check compares a body, or the beginning of one, with what the client was given. The call is known only from a whole one.
func (s *cashDesk) check(body []byte) (call int, whole bool) {
	const head = `{"iv":"` + iv + `","encryptedData":"`
	if len(body) < len(head)+16 {
		return 0, false
	}
	fmt.Sscanf(string(body[len(head)+8:len(head)+16]), "%d", &call)
	want := head + marked(s.name, call) + fmt.Sprintf(`","code":"code-%d"}`, call)
	if !strings.HasPrefix(want, string(body)) || bytes.Contains(body, []byte(s.other)) {
		s.strangers.Add(1)
	}
	return call, len(body) == len(want)
}

func dialSlowly(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return slowConn{conn}, nil
}

// A buffer that is used again too early brings the data of one call to another, and to another server: that happened to
// others. Calls that end before all their data has left are what brings it about.
func TestPostsReachTheirServerUnchanged(t *testing.T) {
	t.Parallel()
	goroutines, calls := 64, sized(10_000)
	servers := []*cashDesk{{name: "SHOP/ONE", other: "SHOP/TWO"}, {name: "SHOP/TWO", other: "SHOP/ONE"}}
	var clients []*authing.Client
	for _, s := range servers {
		transport := &http.Transport{MaxIdleConnsPerHost: goroutines, DialContext: dialSlowly}
		clients = append(clients, clientAt(t, startTCP(t, s.serve), authing.WithHTTPClient(&http.Client{Transport: transport})))
	}
	var next, answers, aborted atomic.Int64

	inParallel(goroutines, func(int) {
		for call := int(next.Add(1)); call <= calls; call = int(next.Add(1)) {
			ctx, cancel := context.Background(), func() {}
			if call%4 == 0 {
				ctx, cancel = context.WithTimeout(ctx, rand.N(10*time.Millisecond))
			}
			at := call / 4 % 2
			phone, err := clients[at].GetPhone(ctx, fmt.Sprintf("code-%d", call), authing.Detail{
				ErrMsg: "getPhoneNumber:ok", IV: iv, EncryptedData: marked(servers[at].name, call),
			})
			if err == nil {
				answers.Add(1)
				assert.Equal(t, fmt.Sprint(call), phone.PhoneNumber)
			} else if ctx.Err() != nil {
				aborted.Add(1)
			}
			cancel()
		}
	})

	assert.Positive(t, answers.Load())
	assert.Positive(t, aborted.Load())
	for _, s := range servers {
		assert.Zero(t, s.strangers.Load())
		assert.Positive(t, s.whole.Load())
		assert.Positive(t, s.cut.Load())
	}
	t.Logf("%d posts, %d answered, %d aborted", calls, answers.Load(), aborted.Load())
}

// abandonedBody ends with its context and leaves somebody behind who writes into p later, as careless readers do.
type abandonedBody struct {
	ctx        context.Context
	reading    func()
	late, done chan struct{}
}

func (b *abandonedBody) Read(p []byte) (int, error) {
	go func() {
		defer close(b.done)
		<-b.late
		copy(p, `{"code":200,"data":{"_id":"eve","token":"e.v.e"}}`)
	}()
	b.reading()
	<-b.ctx.Done()
	return 0, b.ctx.Err()
}

func (b *abandonedBody) Close() error { return nil }

// gatedBody opens its gate when it is asked for more than its text.
type gatedBody struct {
	io.Reader
	gate func()
}

func (b *gatedBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if n == 0 {
		b.gate()
	}
	return n, err
}

func (b *gatedBody) Close() error { return nil }

// What is still written into the memory of a call that failed shows up in no other call.
func TestNoCallReadsWhatAnotherLeftBehind(t *testing.T) {
	t.Parallel()
	const ann = `{"code":200,"data":{"_id":"ann","token":"a.n.n"}}` // no longer than what is written late
	for range 20 {                                                  // a buffer is not always used again at once
		ctx, cancel := context.WithCancel(context.Background())
		late, done := make(chan struct{}), make(chan struct{})
		bodies := []func(r *http.Request) io.ReadCloser{
			func(*http.Request) io.ReadCloser { // so long that the memory for it is enough for what follows
				return io.NopCloser(strings.NewReader(strings.Repeat(" ", 4000) + ann))
			},
			func(r *http.Request) io.ReadCloser { return &abandonedBody{r.Context(), cancel, late, done} },
			func(*http.Request) io.ReadCloser {
				return &gatedBody{strings.NewReader(ann), sync.OnceFunc(func() { close(late); <-done })}
			},
		}
		var calls int
		client, err := authing.NewClient(pool, authing.WithHTTPClient(&http.Client{
			Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
				calls++
				return &http.Response{StatusCode: 200, Header: http.Header{}, Body: bodies[calls-1](r)}, nil
			}),
		}))
		require.NoError(t, err)

		_, err = client.LoginWithWxapp(ctx, code, loginDetail)
		require.NoError(t, err)
		_, err = client.LoginWithWxapp(ctx, code, loginDetail)
		require.ErrorIs(t, err, context.Canceled)
		user, err := client.LoginWithWxapp(context.Background(), code, loginDetail)

		require.NoError(t, err)
		assert.Equal(t, "ann", user.ID)
	}
}
