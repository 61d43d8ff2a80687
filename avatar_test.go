package authing_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
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
		change("the user id contains", "u\n", strings.NewReader(picture)),
		change("the image is nil", "u1", nil),
		change("the image is empty", "u1", strings.NewReader("")),
		change("unsupported image type text/plain", "u1", strings.NewReader("text")),
		change("unsupported image type text/html", "u1", strings.NewReader("<html><script>")),
		change("unsupported image type application/pdf", "u1", strings.NewReader("%PDF-1.4")),
		change("the image is larger than 5 MiB", "u1", strings.NewReader(picture+strings.Repeat("x", 5<<20))),
		change("the image could not be read", "u1", iotest.ErrReader(errors.New("the disk is gone"))),
	})

	client, _ := setup(t, 200, "")
	image := strings.NewReader(picture)
	_, err := client.As(token).ChangeAvatar(context.Background(), "", image)
	require.ErrorIs(t, err, authing.ErrInvalidArgument)
	assert.Len(t, picture, image.Len(), "not read for a call that cannot be made")
}

func TestChangeAvatarOfABrokenReader(t *testing.T) {
	t.Parallel()
	tooLarge := &http.MaxBytesError{Limit: 20}
	for name, tt := range map[string]struct {
		cause   error
		visible bool
	}{
		"cut":                   {io.ErrUnexpectedEOF, true},
		"limited":               {tooLarge, true},
		"error of another call": {&authing.Error{Reason: "another call", Err: authing.ErrUserRefused}, false},
	} {
		client, got := setup(t, 200, "")
		image := io.MultiReader(strings.NewReader(picture), iotest.ErrReader(tt.cause))
		_, err := client.As(token).ChangeAvatar(context.Background(), "u1", image)
		wantRefused(t, err, got)
		assert.Equal(t, tt.visible, errors.Is(err, tt.cause), name)
		assert.NotErrorIs(t, err, authing.ErrUserRefused, name)
	}
}

// The storage rejects an upload without a Content-Length, so the SDK needs one whatever the reader.
func TestChangeAvatarSendsItsLength(t *testing.T) {
	t.Parallel()
	var uploaded int64
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !strings.HasSuffix(r.URL.Path, "/graphql"):
			uploaded = r.ContentLength
			io.WriteString(w, `{"key":"k.png"}`)
		case uploaded == 0:
			io.WriteString(w, `{"data":{"qiNiuUploadToken":"t"}}`)
		default:
			io.WriteString(w, `{"data":{"updateUser":{"_id":"u1"}}}`)
		}
	})
	_, err := client.As(token).ChangeAvatar(context.Background(), "u1", iotest.OneByteReader(strings.NewReader(picture)))
	require.NoError(t, err)
	assert.Greater(t, uploaded, int64(len(picture)))
}

func TestChangeAvatarChecksTheContextBetweenReads(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	endless := readerFunc(func(p []byte) (int, error) {
		cancel()
		return 0, nil
	})
	client, got := setup(t, 200, "")
	_, err := client.As(token).ChangeAvatar(ctx, "u1", io.MultiReader(strings.NewReader(picture), endless))
	require.EqualError(t, err, "authing: ChangeAvatar: nothing was sent: context canceled")
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, got.All())
}

// readerFunc is an io.Reader.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

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
