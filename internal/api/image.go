package api

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
	"time"
)

// UploadTimeout limits an upload instead of the default.
const UploadTimeout = 60 * time.Second

const imageLimit = 5 << 20 // bytes

// imageTypes maps the image types that browsers show to file name extensions.
var imageTypes = map[string]string{
	"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp", "image/bmp": "bmp",
}

// Image is a photo of a user, read into memory so that its upload has a length.
type Image struct {
	Name string // of the file: random, because the storage keeps one file per name

	content   []byte
	mediaType string
}

// ReadImage reads an image of one of imageTypes.
func ReadImage(ctx context.Context, r io.Reader) (*Image, error) {
	if isNil(r) {
		return nil, Invalid("the image is nil")
	}
	content, err := io.ReadAll(io.LimitReader(cancelable{ctx, r}, imageLimit+1))
	switch {
	case ctx.Err() != nil:
		return nil, CanceledBefore(ctx)
	case err != nil:
		return nil, &Error{Reason: "the image could not be read", Err: errors.Join(ErrInvalidArgument, HideOurs(err))}
	case len(content) == 0:
		return nil, Invalid("the image is empty")
	case len(content) > imageLimit:
		return nil, Invalid("the image is larger than 5 MiB")
	}
	mediaType := http.DetectContentType(content)
	extension := imageTypes[mediaType]
	if extension == "" {
		return nil, Invalid("unsupported image type %s: use PNG, JPEG, GIF, WebP or BMP", mediaType)
	}
	var random [16]byte
	rand.Read(random[:]) // never fails
	return &Image{Name: hex.EncodeToString(random[:]) + "." + extension, content: content, mediaType: mediaType}, nil
}

// Form returns a form with the fields, each a name and a value, and the image as its file.
func (i *Image) Form(fields ...[2]string) *Form {
	var body bytes.Buffer
	body.Grow(len(i.content) + 2<<10)
	w := multipart.NewWriter(&body)
	for _, field := range fields {
		w.WriteField(field[0], field[1])
	}
	file, _ := w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="` + i.Name + `"`},
		"Content-Type":        {i.mediaType},
	})
	file.Write(i.content)
	w.Close()
	return &Form{ContentType: w.FormDataContentType(), Body: body.Bytes()}
}

// Beginning returns what a service would quote of the image, for redaction.
func (i *Image) Beginning() string {
	const quoted = 512
	return string(i.content[:min(len(i.content), quoted)])
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
