package promises_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
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
	"github.com/authing-wxapp/authing/authingtest"
	"github.com/authing-wxapp/authing/authingv3"
	"github.com/authing-wxapp/authing/internal/testkit"
)

// fullSize reports whether the tests run at full size, to find rare races.
func fullSize() bool { return os.Getenv("AUTHING_TEST_SIZE") == "full" }

// sized returns n in full size and a twentieth of it otherwise.
func sized(n int) int {
	if fullSize() {
		return n
	}
	return n / 20
}

// owners is a service whose responses name the holder of the token, or the owner of the code: "ann/1" belongs to ann. One
// call in five fails. It works below net/http, which makes the calls fast enough to get into each other's way.
type owners struct {
	calls, mixUps, repeats atomic.Int64
	used                   sync.Map // codes
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
		response := rawResponse(o.respond(r, body))
		switch rand.IntN(20) {
		case 0:
			conn.(*net.TCPConn).SetLinger(0)
			return
		case 1:
			io.WriteString(conn, response[:rand.IntN(len(response))])
			return
		case 2:
			response = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
		case 3:
			<-time.After(50 * time.Millisecond)
		}
		io.WriteString(conn, response)
	}
}

func (o *owners) respond(r *http.Request, body []byte) string {
	o.calls.Add(1)
	holder := strings.TrimPrefix(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), tokenOf(""))
	switch {
	case strings.HasSuffix(r.URL.Path, "/graphql"):
		return fmt.Sprintf(`{"data":{"user":{"_id":%q}}}`, idOf(holder))
	case strings.HasSuffix(r.URL.Path, "/get-profile"):
		return enveloped(fmt.Sprintf(`{"userId":%q}`, idOf(holder)))
	}
	var sent struct {
		Code  string
		Login struct{ Code string } `json:"wechatMiniProgramCodePayload"`
	}
	json.Unmarshal(body, &sent)
	sent.Code += sent.Login.Code
	if _, again := o.used.LoadOrStore(sent.Code, true); again {
		o.repeats.Add(1)
	}
	owner, use, _ := strings.Cut(sent.Code, "/")
	if strings.Contains(r.URL.Path, "/auth/") || sent.Login.Code != "" {
		holder = owner
	}
	if holder != owner {
		o.mixUps.Add(1)
	}
	if use == "refused" {
		return `{"code":40029,"statusCode":602,"message":"invalid code"}`
	}
	return fmt.Sprintf(`{"code":200,"statusCode":200,"data":{"_id":%q,"token":%[2]q,"access_token":%[2]q}}`,
		idOf(holder), tokenOf(holder))
}

// checkOwner checks that a call returned the user called name, or failed and returned none.
func checkOwner(t *testing.T, name string, user *authing.User, err error) (ok bool) {
	t.Helper()
	if err != nil {
		assert.Nil(t, user)
		return false
	}
	assert.Equal(t, idOf(name), user.ID)
	return true
}

// checkToken is checkOwner for a login of package authingv3.
func checkToken(t *testing.T, name string, login *authingv3.Login, err error) (ok bool) {
	t.Helper()
	if err != nil {
		assert.Nil(t, login)
		return false
	}
	assert.Equal(t, tokenOf(name), string(login.AccessToken))
	return true
}

// inParallel runs work in that many goroutines and waits for them.
func inParallel(goroutines int, work func(g int)) {
	var running sync.WaitGroup
	for g := range goroutines {
		running.Go(func() { work(g) })
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

// Each login is that of a new user, who then fails to sign in with a bad code, looks up the account and binds a phone. The
// user before binds another one, with the copy of the client from the login before.
func TestEveryLoginIsOfItsCode(t *testing.T) {
	t.Parallel()
	goroutines, logins := 100, sized(1000)
	service := &owners{}
	client := clientAt(t, startTCP(t, service.serve)).As("")
	var signedIn, refused, found, bound, boundLater atomic.Int64
	count := func(ok bool, n *atomic.Int64) {
		if ok {
			n.Add(1)
		}
	}

	inParallel(goroutines, func(g int) {
		ctx := context.Background()
		var (
			before   string
			asBefore *authing.Client
		)
		for i := range logins {
			name := fmt.Sprint("user", g, "-", i)
			user, err := client.LoginWithWxapp(ctx, name+"/login", loginDetail)
			if !checkOwner(t, name, user, err) {
				continue
			}
			signedIn.Add(1)
			assert.Equal(t, tokenOf(name), string(user.Token))
			asUser := client.As(user.Token)

			_, err = client.LoginWithWxapp(ctx, name+"/refused", loginDetail)
			assert.Error(t, err)
			count(errors.Is(err, authing.ErrCodeInvalid), &refused)
			user, err = asUser.User(ctx, "me")
			count(checkOwner(t, name, user, err), &found)
			user, err = asUser.BindPhone(ctx, name+"/bind", phoneDetail)
			count(checkOwner(t, name, user, err), &bound)
			if asBefore != nil {
				user, err = asBefore.BindPhone(ctx, before+"/later", phoneDetail)
				count(checkOwner(t, before, user, err), &boundLater)
			}
			before, asBefore = name, asUser.Client
		}
	})

	assert.Greater(t, signedIn.Load(), int64(goroutines*logins*4/5))
	for _, n := range []*atomic.Int64{&refused, &found, &bound} {
		assert.Greater(t, n.Load(), signedIn.Load()*4/5)
	}
	assert.Greater(t, boundLater.Load(), (signedIn.Load()-int64(goroutines))*4/5)
	assert.Zero(t, service.mixUps.Load())
	assert.Zero(t, service.repeats.Load())
	_, err := client.BindPhone(context.Background(), "nobody/bind", phoneDetail)
	require.ErrorIs(t, err, authing.ErrLoginRequired, "a login changed the client")
	t.Logf("%d logins, %d users signed in, %d of them bound a phone", goroutines*logins, signedIn.Load(), bound.Load())
}

// The same for package authingv3: a user signs in, fails to with a bad code, looks up the account, and binds WeChat.
func TestEveryLoginOfV3IsOfItsCode(t *testing.T) {
	t.Parallel()
	goroutines, logins := 100, sized(1000)
	service := &owners{}
	client := clientAt(t, startTCP(t, service.serve)).As("").v3
	var signedIn, refused, found, bound atomic.Int64
	count := func(ok bool, n *atomic.Int64) {
		if ok {
			n.Add(1)
		}
	}

	inParallel(goroutines, func(g int) {
		ctx := context.Background()
		for i := range logins {
			name := fmt.Sprint("user", g, "-", i)
			login, err := client.LoginWithWxapp(ctx, name+"/login")
			if !checkToken(t, name, login, err) {
				continue
			}
			signedIn.Add(1)
			asUser := client.As(login.AccessToken)

			_, err = client.LoginWithWxapp(ctx, name+"/refused")
			assert.Error(t, err)
			count(errors.Is(err, authing.ErrCodeInvalid), &refused)
			user, err := asUser.User(ctx)
			count(err == nil && assert.Equal(t, idOf(name), user.ID), &found)
			count(asUser.BindWxapp(ctx, name+"/bind") == nil, &bound)
		}
	})

	assert.Greater(t, signedIn.Load(), int64(goroutines*logins*4/5))
	for _, n := range []*atomic.Int64{&refused, &found, &bound} {
		assert.Greater(t, n.Load(), signedIn.Load()*4/5)
	}
	assert.Zero(t, service.mixUps.Load())
	assert.Zero(t, service.repeats.Load())
	require.ErrorIs(t, client.BindWxapp(context.Background(), "nobody/bind"), authing.ErrLoginRequired, "a login changed the client")
}

// setupAnnAndBob returns a fake with two users, the ways in which Ann signs in, and Bob, who has signed in.
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

func TestFailedLoginLeavesNoTrace(t *testing.T) {
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
			for _, hasToken := range []bool{false, true} { // which a failed login could remove or replace
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

func TestLogoutAffectsOneUser(t *testing.T) {
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
		require.NoError(t, err, "another user is signed out as well")
	}
}

func TestCopiesDoNotAffectTheOriginal(t *testing.T) {
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
	for name, client := range map[string]*authing.Client{
		"without a token": original.Client, "with a token": original.As("ann's").Client,
	} {
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

// payload is 64 KiB of data, each part of which names the server and the call that it belongs to.
func payload(server string, call int) string {
	return strings.Repeat(fmt.Sprintf("%8s%08d", server, call), 4096)
}

// strictServer knows byte for byte what its requests have to look like, and hangs up on some.
type strictServer struct {
	name, other         string
	whole, cut, foreign atomic.Int64
}

func (s *strictServer) serve(conn net.Conn) {
	const respondEarly, hangUp = 0, 1
	in := bufio.NewReader(conn)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		mood, rest := rand.IntN(6), io.Reader(r.Body)
		switch mood {
		case respondEarly:
			io.WriteString(conn, rawResponse(`{"code":2004,"message":"no"}`))
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
			s.foreign.Add(1)
		}
		if mood != respondEarly {
			io.WriteString(conn, rawResponse(fmt.Sprintf(`{"code":200,"data":{"phoneNumber":"%d"}}`, call)))
		}
	}
}

// check compares a body, or its beginning, with what the client was given.
func (s *strictServer) check(body []byte) (call int, whole bool) {
	const head = `{"iv":"` + iv + `","encryptedData":"`
	if len(body) < len(head)+16 {
		return 0, false
	}
	fmt.Sscanf(string(body[len(head)+8:len(head)+16]), "%d", &call)
	want := head + payload(s.name, call) + fmt.Sprintf(`","code":"code-%d"}`, call)
	if !strings.HasPrefix(want, string(body)) || bytes.Contains(body, []byte(s.other)) {
		s.foreign.Add(1)
	}
	return call, len(body) == len(want)
}

// slowConn writes in small pieces, so that some calls end before all their data has left.
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

func dialSlowly(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return slowConn{conn}, nil
}

// A buffer that is reused too early sends the data of one call with another one, even to another server. That takes calls
// that end before all their data has left.
func TestPostsReachTheirServerUnchanged(t *testing.T) {
	t.Parallel()
	goroutines, calls := 64, sized(10_000)
	servers := []*strictServer{{name: "SHOP/ONE", other: "SHOP/TWO"}, {name: "SHOP/TWO", other: "SHOP/ONE"}}
	var clients []pair
	for _, s := range servers {
		transport := &http.Transport{MaxIdleConnsPerHost: goroutines, DialContext: dialSlowly}
		clients = append(clients, clientAt(t, startTCP(t, s.serve), withHTTPClient(&http.Client{Transport: transport})))
	}
	var next, succeeded, aborted atomic.Int64

	inParallel(goroutines, func(int) {
		for call := int(next.Add(1)); call <= calls; call = int(next.Add(1)) {
			ctx, cancel := context.Background(), func() {}
			if call%4 == 0 {
				ctx, cancel = context.WithTimeout(ctx, rand.N(10*time.Millisecond))
			}
			at := call / 4 % 2
			phone, err := clients[at].GetPhone(ctx, fmt.Sprintf("code-%d", call), authing.Detail{
				ErrMsg: "getPhoneNumber:ok", IV: iv, EncryptedData: payload(servers[at].name, call),
			})
			if err == nil {
				succeeded.Add(1)
				assert.Equal(t, fmt.Sprint(call), phone.PhoneNumber)
			} else if ctx.Err() != nil {
				aborted.Add(1)
			}
			cancel()
		}
	})

	assert.Positive(t, succeeded.Load())
	assert.Positive(t, aborted.Load())
	for _, s := range servers {
		assert.Zero(t, s.foreign.Load())
		assert.Positive(t, s.whole.Load())
		assert.Positive(t, s.cut.Load())
	}
	t.Logf("%d posts, %d succeeded, %d aborted", calls, succeeded.Load(), aborted.Load())
}

// abandonedBody ends with its context and leaves a goroutine behind that writes into p later, as careless readers do.
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

// gatedBody calls gate at the end of its text.
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

// Late writes into the memory of a failed call do not reach another call.
func TestNoCallReadsTheMemoryOfAnother(t *testing.T) {
	t.Parallel()
	const ann = `{"code":200,"data":{"_id":"ann","token":"a.n.n"}}` // no longer than the late write

	for range 20 { // a pool does not always return the same buffer
		ctx, cancel := context.WithCancel(context.Background())
		late, done := make(chan struct{}), make(chan struct{})
		bodies := []func(r *http.Request) io.ReadCloser{
			func(*http.Request) io.ReadCloser { // long enough for its buffer to hold the next ones
				return io.NopCloser(strings.NewReader(strings.Repeat(" ", 4000) + ann))
			},
			func(r *http.Request) io.ReadCloser { return &abandonedBody{r.Context(), cancel, late, done} },
			func(*http.Request) io.ReadCloser {
				return &gatedBody{strings.NewReader(ann), sync.OnceFunc(func() { close(late); <-done })}
			},
		}
		var calls int
		client := clientOver(t, transportFunc(func(r *http.Request) (*http.Response, error) {
			calls++
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: bodies[calls-1](r)}, nil
		}))

		_, err := client.LoginWithWxapp(ctx, code, loginDetail)
		require.NoError(t, err)
		_, err = client.LoginWithWxapp(ctx, code, loginDetail)
		require.ErrorIs(t, err, context.Canceled)
		user, err := client.LoginWithWxapp(context.Background(), code, loginDetail)

		require.NoError(t, err)
		assert.Equal(t, "ann", user.ID)
	}
}
