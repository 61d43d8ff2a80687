package promises_test

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
	"net/http/httputil"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// manyUsers is a service whose codes and ids tell whose they are: "ann/1" is of ann.
// It counts what a client must never do: send one user's code with another's token, or a code twice.
type manyUsers struct {
	calls, mixUps, repeats atomic.Int32
	spent                  sync.Map
}

func (s *manyUsers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.calls.Add(1)
	var sent struct {
		Code      string            `json:"code"`
		Variables map[string]string `json:"variables"`
	}
	if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if id := sent.Variables["id"]; id != "" {
		if r.Header.Get("Authorization") != "Bearer token-of-"+id {
			s.mixUps.Add(1)
		}
		fmt.Fprintf(w, `{"data":{"user":{"_id":%q}}}`, id)
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
	client, err := authing.NewClient(pool, authing.WithHosts(authing.Hosts{OAuth: srv.URL, Users: srv.URL}))
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)

	// session signs a user in, looks the user up and binds a phone as that user, and as the user of the session before.
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
		found, err := asUser.User(ctx, name)
		if err != nil || found.ID != name {
			return nil, fmt.Errorf("%s found %v: %w", name, found, err)
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

	assert.EqualValues(t, goroutines*(5*rounds-1), service.calls.Load())
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

// avatarUsers is the users host of a call of ChangeAvatar.
type avatarUsers struct {
	updates atomic.Int32
	photo   atomic.Value
}

func (u *avatarUsers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var sent struct {
		Variables struct{ Photo string }
	}
	json.NewDecoder(r.Body).Decode(&sent)
	if sent.Variables.Photo == "" {
		io.WriteString(w, graphqlData("qiNiuUploadToken", `"`+canaryUploadToken+`"`))
		return
	}
	u.photo.Store(sent.Variables.Photo)
	u.updates.Add(1)
	io.WriteString(w, graphqlData("updateUser", canaryUserData))
}

// setupAvatar returns a client whose uploads go to store, and the users host behind it.
func setupAvatar(t *testing.T, store http.HandlerFunc, opts ...authing.Option) (*authing.Client, *avatarUsers) {
	t.Helper()
	users := &avatarUsers{}
	usersHost, storage := httptest.NewServer(users), httptest.NewServer(store)
	client, err := authing.NewClient(pool, append([]authing.Option{
		authing.WithHosts(authing.Hosts{Users: usersHost.URL, Upload: storage.URL, CDN: "https://cdn.example"}),
	}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() {
		client.CloseIdleConnections()
		storage.CloseClientConnections()
		storage.Close()
		usersHost.Close()
	})
	return client.As(canaryToken), users
}

func storeAll(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err == nil {
		io.WriteString(w, `{"key":"stored.png"}`)
	}
}

func tryAvatar(client *authing.Client, image io.Reader) (*authing.User, error) {
	return client.ChangeAvatar(context.Background(), userID, image)
}

// pngOf is an image of that many bytes.
func pngOf(size int) string { return canaryImage + strings.Repeat("x", size-len(canaryImage)) }

// plain hides from a reader everything but Read, so that nobody can tell how much it has.
type plain struct{ io.Reader }

// readerFunc is an io.Reader.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestUsersAvatarLength(t *testing.T) {
	t.Parallel()
	image := pngOf(100_000)
	file := filepath.Join(t.TempDir(), "ann.png")
	require.NoError(t, os.WriteFile(file, []byte("12345"+image), 0o600))
	opened, err := os.Open(file)
	require.NoError(t, err)
	t.Cleanup(func() { opened.Close() })
	_, err = opened.Seek(5, io.SeekStart)
	require.NoError(t, err)
	for name, reader := range map[string]io.Reader{
		"strings.Reader":     strings.NewReader(image),
		"rest of a file":     opened,
		"unknown length":     plain{strings.NewReader(image)},
		"http.MaxBytes":      http.MaxBytesReader(nil, io.NopCloser(strings.NewReader(image)), 1<<20),
		"byte by byte":       iotest.OneByteReader(strings.NewReader(image)),
		"with the end early": iotest.DataErrReader(strings.NewReader(image)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var announced, counted int64
			var stored string
			client, users := setupAvatar(t, func(w http.ResponseWriter, r *http.Request) {
				announced = r.ContentLength
				counter := &countingReader{Reader: r.Body}
				r.Body = io.NopCloser(counter)
				if file, _, err := r.FormFile("file"); err == nil {
					content, _ := io.ReadAll(file)
					stored = string(content)
				}
				io.Copy(io.Discard, r.Body)
				counted = counter.count.Load()
				io.WriteString(w, `{"key":"stored.png"}`)
			})

			_, err := tryAvatar(client, reader)

			require.NoError(t, err)
			assert.True(t, image == stored, "the image arrived changed")
			assert.Equal(t, counted, announced)
			assert.Equal(t, "https://cdn.example/stored.png", users.photo.Load())
		})
	}
}

// countingReader counts what is read and how often.
type countingReader struct {
	io.Reader
	count, reads atomic.Int64
}

func (r *countingReader) Read(p []byte) (int, error) {
	r.reads.Add(1)
	n, err := r.Reader.Read(p)
	r.count.Add(int64(n))
	return n, err
}

func TestUsersAvatarThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	const limit = 5 << 20
	errDisk := errors.New("the disk is gone")
	endless := readerFunc(func(p []byte) (int, error) { return copy(p, canaryImage), nil })
	for name, tt := range map[string]struct {
		image io.Reader
		most  int64 // that is read of it
		cause error
	}{
		"a byte too large": {image: strings.NewReader(pngOf(limit + 1)), most: limit + 1},
		"endless":          {image: endless, most: limit + 1},
		"not an image":     {image: strings.NewReader("<svg>" + strings.Repeat("x", 600)), most: 605},
		"unreadable":       {image: iotest.ErrReader(errDisk), cause: errDisk},
		"unreadable later": {image: io.MultiReader(strings.NewReader(pngOf(100_000)), iotest.ErrReader(errDisk)), most: 100_000, cause: errDisk},
		"canceled by its source": {image: io.MultiReader(strings.NewReader(pngOf(100)), iotest.ErrReader(context.Canceled)),
			most: 100, cause: context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, got := setup(t, http.StatusOK, canaryUser)
			image := &countingReader{Reader: tt.image}

			_, err := tryAvatar(client, image)

			wantRefused(t, err, got)
			assert.LessOrEqual(t, image.count.Load(), tt.most)
			if tt.cause != nil {
				require.ErrorIs(t, err, tt.cause)
			}
		})
	}
	client, users := setupAvatar(t, storeAll)
	_, err := tryAvatar(client, plain{strings.NewReader(pngOf(limit))})
	require.NoError(t, err)
	assert.EqualValues(t, 1, users.updates.Load(), "the largest image that fits")
}

func TestUsersAvatarKeysCannotBeGuessed(t *testing.T) {
	t.Parallel()
	const calls = 1000
	m := requestsOfChangeAvatar()[0]
	client, got := setupResponder(t, m.succeed())
	for range calls {
		_, err := tryAvatar(client, canaryImageReader())
		require.NoError(t, err)
	}
	keys := map[string]bool{}
	for _, e := range got.All() {
		for _, key := range avatarKey.FindAllString(e.Body, -1) {
			keys[key] = true
		}
	}
	assert.Len(t, keys, calls)
}

var avatarKey = regexp.MustCompile(`\r\navatar/wechatapp/[0-9a-f]{32}\.png\r\n`)

func TestUsersAvatarAnswers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status  int
		body    string
		message string // of a refusal
	}{
		"bad token":           {401, `{"error":"bad token"}`, "bad token"},
		"bad form":            {400, `{"error":"invalid multipart format"}`, "invalid multipart format"},
		"file exists":         {614, `{"error":"file exists"}`, "file exists"},
		"slow down":           {429, `{"error":"slow down"}`, "slow down"},
		"refused with 200":    {200, `{"error":"callback failed"}`, "callback failed"},
		"HTML":                {200, "<html>", ""},
		"HTML of a 502":       {502, "<html>", ""},
		"HTML of a 403":       {403, "<html>", ""},
		"nothing":             {200, "", ""},
		"null":                {200, "null", ""},
		"empty object":        {200, "{}", ""},
		"no key":              {200, `{"hash":"FhSx"}`, ""},
		"empty key":           {200, `{"key":""}`, ""},
		"null key":            {200, `{"key":null}`, ""},
		"number as key":       {200, `{"key":5}`, ""},
		"line break in key":   {200, `{"key":"stored\n.png"}`, ""},
		"list as key":         {200, `{"key":["stored.png"]}`, ""},
		"cut":                 {200, `{"key":"stored.png"`, ""},
		"rest":                {200, `{"key":"stored.png"}x`, ""},
		"invalid UTF-8":       {200, "{\"key\":\"\xff\"}", ""},
		"key, but 500":        {500, `{"key":"stored.png"}`, ""},
		"key, but 302":        {302, `{"key":"stored.png"}`, ""},
		"refusal, but 503":    {503, `{"error":"busy"}`, "busy"},
		"GraphQL":             {200, graphqlData("updateUser", canaryUserData), ""},
		"envelope of Authing": {200, canaryUser, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, users := setupAvatar(t, func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(tt.status)
				io.WriteString(w, tt.body)
			})

			user, err := tryAvatar(client, canaryImageReader())

			assert.Nil(t, user)
			var e *authing.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, tt.status, e.StatusCode)
			assert.Equal(t, tt.message, e.Message)
			assert.Equal(t, tt.body, string(e.Body))
			assert.Equal(t, 7*time.Second, e.RetryAfter)
			assert.Equal(t, tt.message == "", errors.Is(err, authing.ErrBadResponse))
			assert.Equal(t, tt.message == "" || tt.status/100 == 5, errors.Is(err, authing.ErrOutcomeUnknown))
			assert.Contains(t, err.Error(), tt.message)
			assert.Zero(t, users.updates.Load())
		})
	}
}

// The storage belongs to somebody else: it learns nothing about the user.
func TestUsersAvatarStorageLearnsNothing(t *testing.T) {
	t.Parallel()
	var seen atomic.Value
	client, users := setupAvatar(t, func(w http.ResponseWriter, r *http.Request) {
		dump, _ := httputil.DumpRequest(r, true)
		seen.Store(string(dump))
		io.WriteString(w, `{"key":"../other?x#y/安.png"}`)
	})

	_, err := tryAvatar(client, canaryImageReader())

	require.NoError(t, err)
	assert.Contains(t, seen.Load(), canaryUploadToken)
	assert.Contains(t, seen.Load(), canaryImage)
	for _, private := range []string{string(canaryToken), userID, pool, "Authorization", "Bearer", "Cookie"} {
		assert.NotContains(t, seen.Load(), private)
	}
	assert.Equal(t, "https://cdn.example/../other?x#y/安.png", users.photo.Load(), "the key is the storage's")
}

func TestUsersAvatarTimeouts(t *testing.T) {
	t.Parallel()
	const none = 0
	for name, tt := range map[string]struct {
		option, client time.Duration
		want           [3]time.Duration
	}{
		"default":         {none, none, [3]time.Duration{10 * time.Second, time.Minute, 10 * time.Second}},
		"option":          {time.Hour, none, [3]time.Duration{time.Hour, time.Hour, time.Hour}},
		"client, shorter": {none, 30 * time.Second, [3]time.Duration{10 * time.Second, 30 * time.Second, 10 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var left []time.Duration
			succeed := requestsOfChangeAvatar()[0].succeed()
			opts := []authing.Option{authing.WithHTTPClient(&http.Client{
				Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
					deadline, _ := r.Context().Deadline()
					left = append(left, time.Until(deadline))
					return succeed(r)
				}),
				Timeout: tt.client,
			})}
			if tt.option != none {
				opts = append(opts, authing.WithTimeout(tt.option))
			}
			client, err := authing.NewClient(pool, opts...)
			require.NoError(t, err)

			_, err = tryAvatar(client, canaryImageReader())

			require.NoError(t, err)
			require.Len(t, left, 3)
			for i, want := range tt.want {
				assert.InDelta(t, want, left[i], float64(want/10))
				assert.LessOrEqual(t, left[i], want)
			}
		})
	}
}
