package authing_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/testkit"
)

const picture = "\x89PNG\r\n\x1a\nno reader looks further"

func TestChangeAvatar(t *testing.T) {
	t.Parallel()
	for extension, image := range map[string]string{
		"png": picture, "jpg": "\xff\xd8\xff\xe0" + strings.Repeat("j", 2000), "gif": "GIF89a;", "webp": "RIFF\x00\x00\x00\x00WEBPVP8 ",
		"bmp": "BM" + strings.Repeat("\x00", 600),
	} {
		t.Run(extension, func(t *testing.T) {
			t.Parallel()
			client, got := setupResponder(t, httpmock.ResponderFromMultipleResponses([]*http.Response{
				stringAnswer(200, `{"data":{"qiNiuUploadToken":"upload:token="}}`),
				stringAnswer(200, `{"hash":"Fh8x","key":"the/storage/decides.png"}`),
				stringAnswer(200, `{"data":{"updateUser":`+annOfGraphQL+`}}`),
			}))
			user, err := client.As(token).ChangeAvatar(context.Background(), "u1", strings.NewReader(image))
			require.NoError(t, err)
			wantAnnOfGraphQL(t, user)

			sent := got.All()
			require.Len(t, sent, 3)
			for _, i := range []int{0, 2} {
				assert.Equal(t, "POST https://users.authing.cn/graphql", sent[i].Line)
				assert.Equal(t, []string{"Bearer " + string(token)}, sent[i].Header["Authorization"])
			}
			ask, update := testkit.ParseGraphQL(t, sent[0].Body), testkit.ParseGraphQL(t, sent[2].Body)
			assert.Equal(t, "query qiNiuUploadToken", ask.Kind+" "+ask.Name)
			assert.Equal(t, []string{"query"}, ask.BodyKeys)
			wantUpload(t, sent[1], extension, image)
			assert.Equal(t, "mutation UpdateUser", update.Kind+" "+update.Name)
			assert.Equal(t, map[string]any{
				"_id": "u1", "registerInClient": pool, "photo": "https://usercontents.authing.cn/the/storage/decides.png",
			}, update.Variables)
		})
	}
}

// wantUpload checks the form with an image.
func wantUpload(t *testing.T, sent testkit.Exchange, extension, image string) {
	t.Helper()
	assert.Equal(t, "POST https://up.qiniup.com", sent.Line)
	assert.NotContains(t, sent.Header, "Authorization", "the user's token is none of the storage's business")
	mediaType, params, err := mime.ParseMediaType(sent.Header.Get("Content-Type"))
	require.NoError(t, err)
	assert.Equal(t, "multipart/form-data", mediaType)
	form, err := multipart.NewReader(strings.NewReader(sent.Body), params["boundary"]).ReadForm(1 << 20)
	require.NoError(t, err)

	require.Len(t, form.Value, 2)
	assert.Equal(t, []string{"upload:token="}, form.Value["token"])
	require.Len(t, form.Value["key"], 1)
	key := form.Value["key"][0]
	assert.Regexp(t, `^avatar/wechatapp/[0-9a-f]{32}\.`+extension+`$`, key)
	require.Len(t, form.File["file"], 1)
	part := form.File["file"][0]
	assert.Equal(t, key, "avatar/wechatapp/"+part.Filename)
	assert.Equal(t, http.DetectContentType([]byte(image)), part.Header.Get("Content-Type"))
	file, err := part.Open()
	require.NoError(t, err)
	content, err := io.ReadAll(file)
	require.NoError(t, err)
	assert.Equal(t, image, string(content))
}

func TestAvatarHosts(t *testing.T) {
	t.Parallel()
	client, got := setupResponder(t, httpmock.ResponderFromMultipleResponses([]*http.Response{
		stringAnswer(200, `{"data":{"qiNiuUploadToken":"t"}}`),
		stringAnswer(200, `{"key":"k.png"}`),
		stringAnswer(200, `{"data":{"updateUser":{"_id":"u1"}}}`),
	}), authing.WithHosts(authing.Hosts{Upload: "https://up-z1.qiniup.com/", CDN: "https://cdn.example.com/x/"}))
	_, err := client.As(token).ChangeAvatar(context.Background(), "u1", strings.NewReader(picture))
	require.NoError(t, err)
	assert.Equal(t, "POST https://up-z1.qiniup.com", got.All()[1].Line)
	assert.Equal(t, "https://cdn.example.com/x/k.png", testkit.ParseGraphQL(t, got.All()[2].Body).Variables["photo"])
}

func TestChangeAvatarBadInput(t *testing.T) {
	t.Parallel()
	change := func(text, id string, image io.Reader) unsentCall {
		return unsentCall{text, func(ctx context.Context, c *authing.Client) (any, error) {
			user, err := c.ChangeAvatar(ctx, id, image)
			return orNil(user), err
		}}
	}
	checkUnsent(t, []unsentCall{
		change("the user id is empty", "", strings.NewReader(picture)),
		change("the user id holds", "u\n", strings.NewReader(picture)),
		change("the image is nil", "u1", nil),
		change("the image is empty", "u1", strings.NewReader("")),
		change("its first bytes are of type text/plain", "u1", strings.NewReader("text")),
		change("its first bytes are of type text/html", "u1", strings.NewReader("<html><script>")),
		change("its first bytes are of type application/pdf", "u1", strings.NewReader("%PDF-1.4")),
		change("the image is larger than 5 MiB", "u1", strings.NewReader(picture+strings.Repeat("x", 5<<20))),
		change("the image could not be read", "u1", iotest.ErrReader(errors.New("the disk is gone"))),
	})

	client, _ := setup(t, 200, "")
	image := strings.NewReader(picture)
	_, err := client.As(token).ChangeAvatar(context.Background(), "", image)
	require.ErrorIs(t, err, authing.ErrInvalidArgument)
	assert.Len(t, picture, image.Len(), "not read for a call that cannot be made")
}

// brokenReaders are readers of a caller that must neither end the program nor keep it busy, nor pass for a whole image.
var brokenReaders = map[string]struct {
	read  readerFunc
	cause string
}{
	"panics":         {func([]byte) (int, error) { panic("boom") }, "its reader panicked: boom"},
	"is gone":        {func([]byte) (int, error) { runtime.Goexit(); return 0, nil }, "its reader ended the goroutine"},
	"has no bytes":   {func([]byte) (int, error) { return 0, nil }, io.ErrNoProgress.Error()},
	"is cut":         {func([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }, io.ErrUnexpectedEOF.Error()},
	"counts too far": {func(p []byte) (int, error) { return len(p) + 1, nil }, "its reader counts wrong"},
	"counts back":    {func([]byte) (int, error) { return -1, nil }, "its reader counts wrong"},
}

// readerFunc is an io.Reader.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestChangeAvatarOfABrokenReader(t *testing.T) {
	t.Parallel()
	for name, broken := range brokenReaders {
		for _, before := range []int{0, 20, 600} { // where it breaks: the first 512 bytes are read ahead
			t.Run(fmt.Sprintf("%s after %d", name, before), func(t *testing.T) {
				t.Parallel()
				var requests atomic.Int32
				client := serve(t, func(w http.ResponseWriter, r *http.Request) {
					requests.Add(1)
					io.Copy(io.Discard, r.Body)
					io.WriteString(w, `{"data":{"qiNiuUploadToken":"t"}}`)
				})
				image := io.MultiReader(strings.NewReader((picture + strings.Repeat("x", 600))[:before]), broken.read)

				_, err := client.As(token).ChangeAvatar(context.Background(), "u1", image)

				require.ErrorIs(t, err, authing.ErrInvalidArgument)
				require.NotErrorIs(t, err, authing.ErrOutcomeUnknown)
				require.ErrorContains(t, errors.Unwrap(err), broken.cause)
				assert.Equal(t, name == "panics", strings.Contains(err.Error(), "the image could not be read: its reader panicked"))
				if before < 512 {
					assert.Zero(t, requests.Load())
				}
			})
		}
	}
}

func TestChangeAvatarIsLoggedAsOneCall(t *testing.T) {
	t.Parallel()
	const pause = 10 * time.Millisecond
	var log bytes.Buffer
	answers := []string{`{"data":{"qiNiuUploadToken":"t"}}`, `{"key":"k.png"}`, `{"data":{"updateUser":{"_id":"u1"}}}`}
	client, _ := setupResponder(t, func(*http.Request) (*http.Response, error) {
		if len(answers) == 3 {
			<-time.After(pause) // only the first request takes its time
		}
		answer := answers[0]
		answers = answers[1:]
		return httpmock.NewStringResponse(200, answer), nil
	}, authing.WithLogger(slog.New(slog.NewJSONHandler(&log, nil))))

	_, err := client.As(token).ChangeAvatar(context.Background(), "u1", strings.NewReader(picture))

	require.NoError(t, err)
	var record struct{ Took time.Duration }
	require.NoError(t, json.Unmarshal(log.Bytes(), &record), "one record")
	assert.GreaterOrEqual(t, record.Took, pause)
}

// stalled is an image that begins and does not go on until it is released.
func stalled(t *testing.T) (image *os.File, release func()) {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	_, err = w.WriteString("\x89PNG\r\n\x1a\n" + strings.Repeat("x", 600))
	require.NoError(t, err)
	t.Cleanup(func() { w.Close(); r.Close() })
	return r, func() { w.Close() }
}

func TestChangeAvatarOfAStalledReader(t *testing.T) {
	t.Parallel()
	uploading := make(chan struct{}, 2)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/graphql") {
			io.WriteString(w, `{"data":{"qiNiuUploadToken":"t"}}`)
			return
		}
		uploading <- struct{}{}
		io.Copy(io.Discard, r.Body)
	}))
	t.Cleanup(srv.Close)
	hosts := authing.WithHosts(authing.Hosts{Users: srv.URL, Upload: srv.URL})

	t.Run("canceled", func(t *testing.T) {
		t.Parallel()
		client, err := authing.NewClient(pool, hosts)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			<-uploading
			cancel()
		}()
		image, _ := stalled(t)
		_, err = client.As(token).ChangeAvatar(ctx, "u1", image)
		require.ErrorIs(t, err, context.Canceled)
	})
	t.Run("timed out", func(t *testing.T) {
		t.Parallel()
		client, err := authing.NewClient(pool, hosts, authing.WithTimeout(200*time.Millisecond))
		require.NoError(t, err)
		image, _ := stalled(t)
		_, err = client.As(token).ChangeAvatar(context.Background(), "u1", image)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
	t.Run("timed out before its first byte", func(t *testing.T) {
		t.Parallel()
		client, err := authing.NewClient(pool, hosts, authing.WithTimeout(50*time.Millisecond))
		require.NoError(t, err)
		image, w, err := os.Pipe()
		require.NoError(t, err)
		t.Cleanup(func() { w.Close(); image.Close() })
		_, err = client.As(token).ChangeAvatar(context.Background(), "u1", image)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, authing.ErrOutcomeUnknown)
		assert.EqualError(t, err, "authing: ChangeAvatar: nothing was sent: the image did not begin in time")
	})
}

// A storage that refuses early must not leave a read behind: the caller may rewind the image and try again.
func TestChangeAvatarWaitsForTheReadUnderWay(t *testing.T) {
	t.Parallel()
	reading, refused := make(chan struct{}), make(chan struct{})
	var under atomic.Int32
	image := io.MultiReader(strings.NewReader("\x89PNG\r\n\x1a\n"+strings.Repeat("x", 600)), readerFunc(func(p []byte) (int, error) {
		under.Add(1)
		defer under.Add(-1)
		close(reading)
		<-refused // the storage has answered; the call must wait for us all the same
		return 0, io.EOF
	}))
	client, err := authing.NewClient(pool, withTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/graphql") {
			return httpmock.NewStringResponse(200, `{"data":{"qiNiuUploadToken":"t"}}`), nil
		}
		go io.Copy(io.Discard, r.Body) // as net/http does
		<-reading
		// Later than a call that does not wait would return; one that does wait needs no certain time.
		time.AfterFunc(20*time.Millisecond, func() { close(refused) })
		return httpmock.NewStringResponse(401, `{"error":"bad token"}`), nil
	})))
	require.NoError(t, err)

	_, err = client.As(token).ChangeAvatar(context.Background(), "u1", image)

	require.ErrorContains(t, err, "bad token")
	assert.Zero(t, under.Load(), "a read is under way after the call returned")
}

func TestChangeAvatarOfALyingReader(t *testing.T) {
	t.Parallel()
	for _, length := range []int{100, 5000} {
		client, got := setupResponder(t, func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/graphql") {
				return httpmock.NewStringResponse(200, `{"data":{"qiNiuUploadToken":"t"}}`), nil
			}
			return nil, errors.New("the body broke")
		})
		_, err := client.As(token).ChangeAvatar(context.Background(), "u1",
			lying{strings.NewReader("\x89PNG\r\n\x1a\n" + strings.Repeat("x", 600)), length})
		require.ErrorIs(t, err, authing.ErrInvalidArgument)
		require.NotErrorIs(t, err, authing.ErrOutcomeUnknown)
		assert.Len(t, got.All(), 2)
	}
}

type lying struct {
	io.Reader
	length int
}

func (l lying) Len() int { return l.length }
