package promises_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// avatarUsers is the users host during a call of ChangeAvatar.
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

// setupAvatar returns a client that uploads to store, and its users host.
func setupAvatar(t *testing.T, store http.HandlerFunc) (pair, *avatarUsers) {
	t.Helper()
	users := &avatarUsers{}
	usersHost, storage := httptest.NewServer(users), httptest.NewServer(store)
	client := newClient(t, "", option{legacy: authing.WithHosts(authing.Hosts{
		Users: usersHost.URL, Upload: storage.URL, CDN: "https://cdn.example",
	})})
	t.Cleanup(func() {
		client.CloseIdleConnections()
		storage.Close()
		usersHost.Close()
	})
	return client.As(canaryToken), users
}

func tryAvatar(client pair, image io.Reader) (*authing.User, error) {
	return client.ChangeAvatar(context.Background(), userID, image)
}

// pngOf is an image of that many bytes.
func pngOf(size int) string { return canaryImage + strings.Repeat("x", size-len(canaryImage)) }

// countingReader counts what is read from it.
type countingReader struct {
	io.Reader
	count int64
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.count += int64(n)
	return n, err
}

// Whatever the reader, the image arrives as it is, and the upload announces its length.
func TestAvatarArrivesUnchanged(t *testing.T) {
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
		"rest of a file":     opened,
		"unknown length":     io.MultiReader(strings.NewReader(image)),
		"limited":            http.MaxBytesReader(nil, io.NopCloser(strings.NewReader(image)), 1<<20),
		"byte by byte":       iotest.OneByteReader(strings.NewReader(image)),
		"EOF with last byte": iotest.DataErrReader(strings.NewReader(image)),
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
				counted = counter.count
				io.WriteString(w, `{"key":"stored.png"}`)
			})

			_, err := tryAvatar(client, reader)

			require.NoError(t, err)
			if image != stored { // too long to print
				t.Error("the image arrived changed")
			}
			assert.Equal(t, counted, announced)
			assert.Equal(t, "https://cdn.example/stored.png", users.photo.Load())
		})
	}
}

func TestAvatarLimit(t *testing.T) {
	t.Parallel()
	const limit = 5 << 20
	client, users := setupAvatar(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, `{"key":"stored.png"}`)
	})
	_, err := tryAvatar(client, strings.NewReader(pngOf(limit)))
	require.NoError(t, err)
	assert.EqualValues(t, 1, users.updates.Load())

	for name, reader := range map[string]io.Reader{
		"a byte too large": strings.NewReader(pngOf(limit + 1)),
		"endless":          readerFunc(func(p []byte) (int, error) { return copy(p, canaryImage), nil }),
	} {
		client, got := setup(t, http.StatusOK, canaryUser)
		image := &countingReader{Reader: reader}
		_, err := tryAvatar(client, image)
		wantRefused(t, err, got)
		assert.LessOrEqual(t, image.count, int64(limit+1), name)
	}
}

// The cause of a failed read is kept. It is not the end of the call's context, even if it looks like one.
func TestAvatarThatCannotBeRead(t *testing.T) {
	t.Parallel()
	errDisk := errors.New("the disk is gone")
	for name, tt := range map[string]struct {
		before int // bytes
		cause  error
	}{
		"at once":                {0, errDisk},
		"later":                  {100_000, errDisk},
		"canceled by its source": {100, context.Canceled},
	} {
		client, got := setup(t, http.StatusOK, canaryUser)
		start := pngOf(max(tt.before, len(canaryImage)))[:tt.before]
		_, err := tryAvatar(client, io.MultiReader(strings.NewReader(start), iotest.ErrReader(tt.cause)))
		wantRefused(t, err, got)
		assert.ErrorIs(t, err, tt.cause, name)
	}
}

func TestAvatarKeysCannotBeGuessed(t *testing.T) {
	t.Parallel()
	const calls = 100
	client, got := setupResponder(t, requestsOfChangeAvatar()[0].succeed())
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

func TestAvatarStorageFails(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status  int
		body    string
		message string // of a refusal
	}{
		"bad token":              {401, `{"error":"bad token"}`, "bad token"},
		"bad form":               {400, `{"error":"invalid multipart format"}`, "invalid multipart format"},
		"file exists":            {614, `{"error":"file exists"}`, "file exists"},
		"slow down":              {429, `{"error":"slow down"}`, "slow down"},
		"refused with 200":       {200, `{"error":"callback failed"}`, "callback failed"},
		"HTML":                   {200, "<html>", ""},
		"HTML with a 502":        {502, "<html>", ""},
		"HTML with a 403":        {403, "<html>", ""},
		"empty":                  {200, "", ""},
		"null":                   {200, "null", ""},
		"empty object":           {200, "{}", ""},
		"no key":                 {200, `{"hash":"FhSx"}`, ""},
		"empty key":              {200, `{"key":""}`, ""},
		"null key":               {200, `{"key":null}`, ""},
		"object as key":          {200, `{"key":{}}`, ""},
		"line break in key":      {200, `{"key":"stored\n.png"}`, ""},
		"list as key":            {200, `{"key":["stored.png"]}`, ""},
		"cut":                    {200, `{"key":"stored.png"`, ""},
		"trailing text":          {200, `{"key":"stored.png"}x`, ""},
		"invalid UTF-8":          {200, "{\"key\":\"\xff\"}", ""},
		"key with a 500":         {500, `{"key":"stored.png"}`, ""},
		"key with a 302":         {302, `{"key":"stored.png"}`, ""},
		"refusal with a 503":     {503, `{"error":"busy"}`, "busy"},
		"GraphQL":                {200, graphqlData("updateUser", canaryUserData), ""},
		"Authing's REST success": {200, canaryUser, ""},
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

// The storage is run by another company: it learns nothing about the user, and its key is used as it is.
func TestAvatarStorageLearnsNothing(t *testing.T) {
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
	assert.Equal(t, "https://cdn.example/../other?x#y/安.png", users.photo.Load())
}

func TestAvatarTimeouts(t *testing.T) {
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
			opts := []option{withHTTPClient(&http.Client{
				Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
					deadline, _ := r.Context().Deadline()
					left = append(left, time.Until(deadline))
					return succeed(r)
				}),
				Timeout: tt.client,
			})}
			if tt.option != none {
				opts = append(opts, withTimeout(tt.option))
			}

			_, err := tryAvatar(newClient(t, "", opts...), canaryImageReader())

			require.NoError(t, err)
			require.Len(t, left, 3)
			for i, want := range tt.want {
				assert.InDelta(t, want, left[i], float64(want/10))
				assert.LessOrEqual(t, left[i], want)
			}
		})
	}
}
