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
	log := record{op: "ChangeAvatar", start: time.Now()}
	user, err := c.changeAvatar(ctx, userID, image, &log)
	c.log(ctx, log, err)
	return user, err
}

func (c *Client) changeAvatar(ctx context.Context, userID string, image io.Reader, log *record) (*User, error) {
	req := request{op: log.op, auth: ownBearer, invalid: checkRequired("user id", userID)}
	if err := c.check(ctx, req); err != nil {
		return nil, notSent(log.op, err)
	}
	content, mediaType, err := readImage(ctx, image)
	if err != nil {
		return nil, notSent(log.op, err)
	}
	req, read := graphql(c, req, uploadToken, nil, func(token *Secret, _ wire.Raw) (Secret, error) { return *token, nil })
	token, err := exchange(ctx, c, req, log, read)
	if err != nil {
		return nil, err
	}
	key, err := exchange(ctx, c, request{
		op:      log.op,
		method:  http.MethodPost,
		url:     c.upload,
		form:    uploadForm(token, content, mediaType),
		timeout: uploadTimeout,
		secrets: []string{string(token), string(content[:min(len(content), sniffLength)])},
	}, log, storedKey)
	if err != nil {
		return nil, unchangedPhoto(err)
	}
	photo := c.cdn + "/" + key
	req, update := c.updateRequest(log.op, userID, UserUpdate{Photo: &photo})
	user, err := exchange(ctx, c, req, log, update)
	if err != nil {
		return nil, unchangedPhoto(err)
	}
	return user, nil
}

// unchangedPhoto corrects the error of a later request: something was sent before, but the photo is still the old one.
func unchangedPhoto(err error) error {
	var e *Error
	if errors.As(err, &e) {
		e.Hint = strings.Replace(e.Hint, "nothing was sent", "the photo is unchanged", 1)
	}
	return err
}

// readImage returns an image and its media type, one of avatarTypes.
func readImage(ctx context.Context, image io.Reader) (content []byte, mediaType string, err error) {
	if image == nil {
		return nil, "", invalid("the image is nil")
	}
	content, err = io.ReadAll(io.LimitReader(cancelable{ctx, image}, avatarLimit+1))
	switch {
	case ctx.Err() != nil:
		return nil, "", canceledBefore(ctx)
	case err != nil:
		return nil, "", &Error{Reason: "the image could not be read", Err: errors.Join(ErrInvalidArgument, hideOurs(err))}
	case len(content) == 0:
		return nil, "", invalid("the image is empty")
	case len(content) > avatarLimit:
		return nil, "", invalid("the image is larger than 5 MiB")
	}
	mediaType = http.DetectContentType(content)
	if avatarTypes[mediaType] == "" {
		return nil, "", invalid("unsupported image type %s: use PNG, JPEG, GIF, WebP or BMP", mediaType)
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
func uploadForm(token Secret, image []byte, mediaType string) *form {
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
	return &form{contentType: w.FormDataContentType(), body: body.Bytes()}
}

// storedKey reads the key under which the storage keeps the image.
func storedKey(resp transport.Response) (string, error) {
	var stored struct {
		Key   string    `json:"key"`
		Error wire.Text `json:"error"`
	}
	err := wire.Decode(resp.Body, &stored)
	switch {
	case err == nil && resp.Status == http.StatusOK && checkRequired("key", stored.Key) == nil:
		return stored.Key, nil
	case err == nil && stored.Error != "":
		return "", &Error{Message: string(stored.Error), Body: resp.Body, RetryAfter: transport.RetryAfter(resp.Header), Hint: "the storage rejected the image"}
	}
	return "", badResponse(resp, "no key for the uploaded image", err)
}
