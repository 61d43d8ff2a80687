package authingv3_test

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingv3"
)

const png = "\x89PNG\r\n\x1a\nrest"

func changeAvatar(image string) doing {
	return func(ctx context.Context, c *authingv3.Client) (any, error) {
		return result(c.ChangeAvatar(ctx, strings.NewReader(image)))
	}
}

func TestChangeAvatar(t *testing.T) {
	t.Parallel()
	for _, uploaded := range []string{
		`{"code":200,"message":"","data":{"key":"k","url":"https://f.test/a.png"}}`, enveloped(`{"url":"https://f.test/a.png"}`),
		`{"code":"200","data":{"url":"https://f.test/a.png"}}`,
	} {
		client, got := setupSequence(t, uploaded, enveloped(ann))
		u, err := client.As(token).ChangeAvatar(context.Background(), strings.NewReader(png))
		require.NoError(t, err, uploaded)
		assert.Equal(t, "ann", u.ID)
		require.Len(t, got.All(), 2)
		upload := got.All()[0]
		assert.Equal(t, "POST "+host+"/api/v2/upload?folder=avatar", upload.Line)
		mediaType, params, err := mime.ParseMediaType(upload.Header.Get("Content-Type"))
		require.NoError(t, err)
		assert.Equal(t, "multipart/form-data", mediaType)
		part, err := multipart.NewReader(strings.NewReader(upload.Body), params["boundary"]).NextPart()
		require.NoError(t, err)
		assert.Equal(t, "file", part.FormName())
		assert.Regexp(t, `^[0-9a-f]{32}\.png$`, part.FileName())
		assert.Equal(t, "image/png", part.Header.Get("Content-Type"))
		content, err := io.ReadAll(part)
		require.NoError(t, err)
		assert.Equal(t, png, string(content))
		upload.Header.Del("Content-Type")
		upload.Body = ""
		wantRequest(t, upload, request{line: upload.Line, auth: string(token)})
		wantRequest(t, got.All()[1], request{path: "/api/v3/update-profile", body: `{"photo":"https://f.test/a.png"}`, auth: string(token)})
	}
}

func TestChangeAvatarFailures(t *testing.T) {
	t.Parallel()
	const uploaded = `{"code":200,"data":{"url":"https://f.test/a.png"}}`
	for _, tt := range []struct {
		name, upload, update, text string
		requests                   int
		unknown                    bool
	}{
		{"refused", `{"code":403,"message":"no"}`, "", "no (code 403", 1, false},
		{"no address", `{"code":200,"data":{"key":"k"}}`, "", "a success that cannot be read", 1, true},
		{"HTML", "<html>", "", "not Authing's", 1, true},
		{"update refused", uploaded, `{"statusCode":403,"message":"no"}`, "no (code 403", 2, false},
		{"update without user", uploaded, nothing, "sent no data", 2, true},
	} {
		client, got := setupSequence(t, tt.upload, tt.update)
		_, err := client.As(token).ChangeAvatar(context.Background(), strings.NewReader(png))
		require.ErrorContains(t, err, tt.text, tt.name)
		assert.Equal(t, tt.unknown, isUnknown(err), tt.name)
		assert.Len(t, got.All(), tt.requests, tt.name)
	}
}

func TestChangeAvatarRefuses(t *testing.T) {
	t.Parallel()
	reading := func(r io.Reader) doing {
		return func(ctx context.Context, c *authingv3.Client) (any, error) { return result(c.ChangeAvatar(ctx, r)) }
	}
	checkRefused(t, map[string]doing{
		"ChangeAvatar: the image is nil":               reading(nil),
		"ChangeAvatar: the image is empty":             changeAvatar(""),
		"ChangeAvatar: the image is larger than 5 MiB": changeAvatar(png + strings.Repeat("x", 5<<20)),
		"ChangeAvatar: unsupported image type text/":   changeAvatar("hello"),
		"ChangeAvatar: the image could not be read":    reading(iotest.ErrReader(errors.New("disk"))),
	})
}

func isUnknown(err error) bool       { return errors.Is(err, authing.ErrOutcomeUnknown) }
func isLoginRequired(err error) bool { return errors.Is(err, authing.ErrLoginRequired) }
