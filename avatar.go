package authing

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"time"

	"github.com/authing-wxapp/authing/internal/api"
	"github.com/authing-wxapp/authing/internal/transport"
	"github.com/authing-wxapp/authing/internal/wire"
)

const (
	avatarLimit   = 5 << 20 // bytes
	sniffLength   = 512     // what http.DetectContentType looks at
	uploadTimeout = 60 * time.Second
)

// avatarTypes maps the image types that browsers show to file name extensions.
var avatarTypes = map[string]string{
	"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp", "image/bmp": "bmp",
}

var uploadToken = operation[Secret]{"qiNiuUploadToken", `query qiNiuUploadToken { qiNiuUploadToken }`, func(token *Secret) string {
	if *token == "" {
		return "upload token"
	}
	return ""
}}

// ChangeAvatar uploads an image and makes it the photo of the user, whose token it requires (see [Client.As]). It returns
// the updated user. The image is a PNG, JPEG, GIF, WebP or BMP (detected from its content) of at most 5 MiB. It is read
// into memory before anything is sent; ctx is checked between reads, but a reader that blocks, blocks the call, as with
// io.ReadAll.
//
// It makes three requests: for an upload token, to the storage, and to update the user. If one fails, the photo stays as
// it was, unless the error matches [ErrOutcomeUnknown]. Expect [ErrInvalidArgument] for an image that cannot be read or
// shown, and [ErrLoginRequired] for a token that is no longer accepted.
//
// Retry: safe, with the image read from its start again.
//
// Original: changeAvatar, query qiNiuUploadToken, a form upload and mutation updateUser on the users host.
func (c *Client) ChangeAvatar(ctx context.Context, userID string, image io.Reader) (*User, error) {
	log := api.Begin("ChangeAvatar")
	user, err := c.changeAvatar(ctx, userID, image, &log)
	c.api.Log(ctx, log, err)
	if err != nil {
		return nil, (*Error)(err)
	}
	return user, nil
}

func (c *Client) changeAvatar(ctx context.Context, userID string, image io.Reader, log *api.Record) (*User, *api.Error) {
	const op = "ChangeAvatar"
	req := api.Request{Op: op, Auth: api.OwnBearer, Token: string(c.token), Invalid: api.CheckRequired("user id", userID)}
	if err := c.api.Check(ctx, req); err != nil {
		return nil, api.NotSent(op, err)
	}
	content, mediaType, err := readImage(ctx, image)
	if err != nil {
		return nil, api.NotSent(op, err)
	}
	req, read := graphql(c, req, uploadToken, nil, func(token *Secret, _ wire.Raw) (Secret, error) { return *token, nil })
	token, failed := api.Exchange(ctx, &c.api, req, log, read)
	if failed != nil {
		return nil, failed
	}
	key, failed := api.Exchange(ctx, &c.api, api.Request{
		Op:      op,
		Method:  http.MethodPost,
		URL:     c.upload,
		Form:    uploadForm(token, content, mediaType),
		Timeout: uploadTimeout,
		Secrets: []string{string(token), string(content[:min(len(content), sniffLength)])},
	}, log, storedKey)
	if failed != nil {
		return nil, unchangedPhoto(failed)
	}
	photo := c.cdn + "/" + key
	req, update := c.updateRequest(op, userID, UserUpdate{Photo: &photo})
	req.Token = string(c.token)
	user, failed := api.Exchange(ctx, &c.api, req, log, update)
	if failed != nil {
		return nil, unchangedPhoto(failed)
	}
	return user, nil
}

// unchangedPhoto corrects the error of a later request: something was sent before, but the photo is still the old one.
func unchangedPhoto(e *api.Error) *api.Error {
	e.Hint = strings.Replace(e.Hint, "nothing was sent", "the photo is unchanged", 1)
	return e
}

// readImage returns an image and its media type, one of avatarTypes.
func readImage(ctx context.Context, image io.Reader) (content []byte, mediaType string, err error) {
	if image == nil {
		return nil, "", api.Invalid("the image is nil")
	}
	content, err = io.ReadAll(io.LimitReader(cancelable{ctx, image}, avatarLimit+1))
	switch {
	case ctx.Err() != nil:
		return nil, "", api.CanceledBefore(ctx)
	case err != nil:
		return nil, "", &api.Error{Reason: "the image could not be read", Err: errors.Join(ErrInvalidArgument, api.HideOurs(err))}
	case len(content) == 0:
		return nil, "", api.Invalid("the image is empty")
	case len(content) > avatarLimit:
		return nil, "", api.Invalid("the image is larger than 5 MiB")
	}
	mediaType = http.DetectContentType(content)
	if avatarTypes[mediaType] == "" {
		return nil, "", api.Invalid("unsupported image type %s: use PNG, JPEG, GIF, WebP or BMP", mediaType)
	}
	return content, mediaType, nil
}

// cancelable is a reader that stops when its context ends.
type cancelable struct {
	ctx context.Context
	io.Reader
}

func (r cancelable) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// uploadForm is the form that the storage expects.
func uploadForm(token Secret, image []byte, mediaType string) *api.Form {
	var random [16]byte
	rand.Read(random[:]) // never fails
	name := hex.EncodeToString(random[:]) + "." + avatarTypes[mediaType]
	var body bytes.Buffer
	body.Grow(len(image) + 2<<10)
	w := multipart.NewWriter(&body)
	w.WriteField("token", string(token))
	w.WriteField("key", "avatar/wechatapp/"+name)
	file, _ := w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="` + name + `"`},
		"Content-Type":        {mediaType},
	})
	file.Write(image)
	w.Close()
	return &api.Form{ContentType: w.FormDataContentType(), Body: body.Bytes()}
}

// storedKey reads the key under which the storage keeps the image.
func storedKey(resp transport.Response) (string, error) {
	var stored struct {
		Key   string    `json:"key"`
		Error wire.Text `json:"error"`
	}
	err := wire.Decode(resp.Body, &stored)
	switch {
	case err == nil && resp.Status == http.StatusOK && api.CheckRequired("key", stored.Key) == nil:
		return stored.Key, nil
	case err == nil && stored.Error != "":
		return "", &api.Error{Message: string(stored.Error), Body: resp.Body, RetryAfter: transport.RetryAfter(resp.Header), Hint: "the storage rejected the image"}
	}
	return "", api.BadResponse(resp, "no key for the uploaded image", err)
}
