package authing

import (
	"context"
	"io"
	"net/http"

	"github.com/authing-wxapp/authing/internal/api"
	"github.com/authing-wxapp/authing/internal/transport"
	"github.com/authing-wxapp/authing/internal/wire"
)

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
	photo, err := api.ReadImage(ctx, image)
	if err != nil {
		req.Invalid = err
		return nil, api.NotSent(op, c.api.Check(ctx, req)) // again, because a missing token comes first
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
		Form:    photo.Form([2]string{"token", string(token)}, [2]string{"key", "avatar/wechatapp/" + photo.Name}),
		Storage: true,
		Timeout: api.UploadTimeout,
		Secrets: []string{string(token), photo.Beginning()},
	}, log, storedKey)
	if failed != nil {
		return nil, api.SentBefore(failed, "the photo is unchanged")
	}
	address := c.cdn + "/" + key
	req, update := c.updateRequest(op, userID, UserUpdate{Photo: &address})
	req.Token = string(c.token)
	user, failed := api.Exchange(ctx, &c.api, req, log, update)
	if failed != nil {
		return nil, api.SentBefore(failed, "the photo is unchanged")
	}
	return user, nil
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
