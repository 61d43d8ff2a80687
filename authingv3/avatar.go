package authingv3

import (
	"context"
	"io"

	"github.com/authing-wxapp/authing/internal/api"
	"github.com/authing-wxapp/authing/internal/transport"
	"github.com/authing-wxapp/authing/internal/wire"
)

// ChangeAvatar uploads an image and makes it the photo of the user that the client acts as. It requires a token (see
// [Client.As]) and returns the updated user. The image is a PNG, JPEG, GIF, WebP or BMP (detected from its content) of at
// most 5 MiB, which is read into memory before anything is sent.
//
// It makes two requests: the upload, and the update of the user. If one fails, the photo stays as it was, unless the error
// matches [authing.ErrOutcomeUnknown]. Expect [authing.ErrInvalidArgument] for an image that cannot be read or shown.
//
// Retry: safe, with the image read from its start again.
//
// Source: POST /api/v2/upload, then POST /api/v3/update-profile; updateAvatar of the mini-program SDK.
func (c *Client) ChangeAvatar(ctx context.Context, image io.Reader) (*User, error) {
	log := api.Begin("ChangeAvatar")
	user, err := c.changeAvatar(ctx, image, &log)
	return user, c.finish(ctx, log, err)
}

func (c *Client) changeAvatar(ctx context.Context, image io.Reader, log *api.Record) (*User, *api.Error) {
	const op = "ChangeAvatar"
	upload := api.Request{Op: op, URL: "/api/v2/upload?folder=avatar", Auth: api.BareRequired, Timeout: api.UploadTimeout}
	if err := c.api.Check(ctx, c.complete(upload)); err != nil {
		return nil, api.NotSent(op, err)
	}
	photo, err := api.ReadImage(ctx, image)
	if err != nil {
		return nil, api.NotSent(op, err)
	}
	upload.Form = photo.Form()
	upload.Secrets = append(upload.Secrets, photo.Beginning())
	address, failed := exchange(ctx, c, upload, log, decodeUpload)
	if failed != nil {
		return nil, failed
	}
	user, failed := exchange(ctx, c, updateRequest(op, UserUpdate{Photo: &address}), log, decodeUser)
	if failed != nil {
		return nil, api.SentBefore(failed, "the photo is unchanged")
	}
	return user, nil
}

// decodeUpload reads the address of an uploaded file. The sources disagree whether the envelope has code or statusCode.
func decodeUpload(resp transport.Response) (string, error) {
	var older struct {
		Code wire.Int `json:"code"`
		reply
	}
	if err := wire.Decode(resp.Body, &older); err != nil {
		return "", refusal(resp, err)
	}
	if !older.StatusCode.Set {
		older.StatusCode = older.Code
	}
	var uploaded struct {
		URL string `json:"url"`
	}
	if older.StatusCode.Value != 200 || !succeeded(resp) || wire.Decode(older.Data, &uploaded) != nil || uploaded.URL == "" {
		return "", older.refusal(resp, nil)
	}
	return uploaded.URL, nil
}
