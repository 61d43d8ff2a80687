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
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/testkit"
)

const picture = "\x89PNG\r\n\x1a\nno reader looks further"

// avatarResponses are those to the three requests of ChangeAvatar.
func avatarResponses(uploadToken, key, user string) []string {
	return []string{graphqlData("qiNiuUploadToken", `"`+uploadToken+`"`), `{"hash":"Fh8x","key":"` + key + `"}`, graphqlData("updateUser", user)}
}

func TestChangeAvatar(t *testing.T) {
	t.Parallel()
	for extension, image := range map[string]string{
		"png": picture, "jpg": "\xff\xd8\xff\xe0" + strings.Repeat("j", 2000), "gif": "GIF89a;", "webp": "RIFF\x00\x00\x00\x00WEBPVP8 ",
		"bmp": "BM" + strings.Repeat("\x00", 600),
	} {
		t.Run(extension, func(t *testing.T) {
			t.Parallel()
			client, got := setupSequence(t, avatarResponses("upload:token=", "the/storage/decides.png", annGraphQL))
			user, err := client.As(token).ChangeAvatar(context.Background(), "u1", strings.NewReader(image))
			require.NoError(t, err)
			wantAnn(t, user)

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

// wantUpload checks the form that carries an image.
func wantUpload(t *testing.T, sent testkit.Exchange, extension, image string) {
	t.Helper()
	assert.Equal(t, "POST https://up.qiniup.com", sent.Line)
	assert.NotContains(t, sent.Header, "Authorization", "the storage must not get the user's token")
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

func TestChangeAvatarBadInput(t *testing.T) {
	t.Parallel()
	c, got := setup(t, 200, `{}`)
	c = c.As(token)
	change := func(id string, image io.Reader) error {
		return errorOf(c.ChangeAvatar(context.Background(), id, image))
	}
	of := func(content string) io.Reader { return strings.NewReader(content) }
	wantRejections(t, got, []rejection{
		{change("", of(picture)), "the user id is empty"},
		{change("u\n", of(picture)), "the user id contains"},
		{change("u1", nil), "the image is nil"},
		{change("u1", (*bytes.Reader)(nil)), "the image is nil"},
		{change("u1", of("")), "the image is empty"},
		{change("u1", of("text")), "unsupported image type text/plain"},
		{change("u1", of("<html><script>")), "unsupported image type text/html"},
		{change("u1", of("%PDF-1.4")), "unsupported image type application/pdf"},
		{change("u1", of(picture+strings.Repeat("x", 5<<20))), "the image is larger than 5 MiB"},
		{change("u1", iotest.ErrReader(errors.New("the disk is gone"))), "the image could not be read"},
	})

	image := strings.NewReader(picture)
	wantRejected(t, change("", image), got)
	assert.Len(t, picture, image.Len(), "not read for a call that cannot be made")
}

func TestChangeAvatarWithBrokenReader(t *testing.T) {
	t.Parallel()
	tooLarge := &http.MaxBytesError{Limit: 20}
	for name, tt := range map[string]struct {
		cause   error
		visible bool
	}{
		"cut":                  {io.ErrUnexpectedEOF, true},
		"limited":              {tooLarge, true},
		"another call's error": {&authing.Error{Reason: "another call", Err: authing.ErrUserRefused}, false},
	} {
		client, got := setup(t, 200, "")
		image := io.MultiReader(strings.NewReader(picture), iotest.ErrReader(tt.cause))
		_, err := client.As(token).ChangeAvatar(context.Background(), "u1", image)
		wantRejected(t, err, got)
		assert.Equal(t, tt.visible, errors.Is(err, tt.cause), name)
		assert.NotErrorIs(t, err, authing.ErrUserRefused, name)
	}
}

func TestChangeAvatarChecksTheContextBetweenReads(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	reads := 0
	slow := readerFunc(func([]byte) (int, error) {
		cancel()
		if reads++; reads < 10 {
			return 0, nil
		}
		return 0, io.EOF
	})
	client, got := setup(t, 200, "")
	_, err := client.As(token).ChangeAvatar(ctx, "u1", io.MultiReader(strings.NewReader(picture), slow))
	require.EqualError(t, err, "authing: ChangeAvatar: nothing was sent: context canceled")
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 1, reads)
	assert.Empty(t, got.All())
}

// readerFunc is an io.Reader.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestChangeAvatarIsLoggedAsOneCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		responses := avatarResponses("t", "k.png", annGraphQL)
		client, err := authing.NewClient(pool, withTransport(roundTrip(func(*http.Request) (*http.Response, error) {
			if len(responses) == 3 {
				time.Sleep(time.Second)
			}
			body := responses[0]
			responses = responses[1:]
			return response(200, body), nil
		})), authing.WithLogger(slog.New(slog.NewJSONHandler(&log, nil))))
		require.NoError(t, err)

		_, err = client.As(token).ChangeAvatar(context.Background(), "u1", strings.NewReader(picture))

		require.NoError(t, err)
		var record struct {
			Op               string
			Took             time.Duration
			Status, Attempts int
		}
		require.NoError(t, json.Unmarshal(log.Bytes(), &record), "one record")
		assert.Equal(t, "ChangeAvatar", record.Op)
		assert.Equal(t, time.Second, record.Took, "of all three requests")
		assert.Equal(t, 200, record.Status)
	})
}
