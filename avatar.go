package authing

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"sync"
	"time"
)

const (
	avatarLimit   = 5 << 20 // bytes
	uploadTimeout = 60 * time.Second
)

// avatarTypes are the images that browsers show, with their file name extensions.
var avatarTypes = map[string]string{
	"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp", "image/bmp": "bmp",
}

var uploadToken = operation{`query qiNiuUploadToken { qiNiuUploadToken }`, "qiNiuUploadToken"}

// ChangeAvatar uploads an image and makes it the photo of the user, whose token it needs ([Client.As]). It returns the
// updated user. The image is a PNG, JPEG, GIF, WebP or BMP, told by its first bytes, of at most 5 MiB; it is streamed,
// not held in memory, and not read after the call returned. A reader with a known length (a file, a bytes.Reader) is
// best: the upload then says how long it is.
//
// It makes three requests, each sent once: for an upload token, to the storage, and to update the user. When one of
// them fails the photo stays as it was, unless the error matches [ErrOutcomeUnknown]. The caller may then repeat the
// call with the image read from its start.
//
// Original: changeAvatar: query qiNiuUploadToken, a form upload, mutation updateUser on the users host.
func (c *Client) ChangeAvatar(ctx context.Context, userID string, image io.Reader) (*User, error) {
	file, err := openAvatar(ctx, image)
	forUpload, _, err := graphql(ctx, c, request{
		op:    "ChangeAvatar",
		check: cmp.Or(checkRequired("user id", userID), checkToken(c.token), err),
		auth:  c.bearer(),
		part:  true,
	}, uploadToken, nil, func(token *Secret) string {
		if *token == "" {
			return "upload token"
		}
		return ""
	})
	if err != nil {
		return nil, err
	}
	key, err := c.uploadAvatar(ctx, *forUpload, file)
	if err != nil {
		return nil, err
	}
	photo := c.cdn + "/" + key
	return c.update(ctx, request{op: "ChangeAvatar"}, userID, UserUpdate{Photo: &photo})
}

// uploadAvatar posts the form that the storage expects and returns the key under which it keeps the image.
func (c *Client) uploadAvatar(ctx context.Context, token Secret, file *avatar) (key string, err error) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	w.WriteField("token", string(token))
	w.WriteField("key", "avatar/wechatapp/"+file.name)
	w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="` + file.name + `"`},
		"Content-Type":        {file.mediaType},
	})
	head := form.String()
	w.Close()
	tail := form.String()[len(head):]

	var stored struct {
		Key   string `json:"key"`
		Error text   `json:"error"`
	}
	_, err = c.do(ctx, request{
		op:     "ChangeAvatar",
		method: http.MethodPost,
		url:    c.upload,
		upload: &upload{
			body:        io.MultiReader(strings.NewReader(head), file, strings.NewReader(tail)),
			length:      file.withAround(len(head) + len(tail)),
			contentType: w.FormDataContentType(),
		},
		timeout: uploadTimeout,
		hide:    []string{string(token), file.start},
		part:    true,
	}, func(ans answer) error {
		err := decode(ans.body, &stored)
		switch {
		case err == nil && ans.status == http.StatusOK && checkRequired("key", stored.Key) == nil:
			return nil
		case err == nil && stored.Error != "":
			return &Error{Message: string(stored.Error), Data: ans.body, RetryAfter: retryAfter(ans.header),
				settled: ans.status < 500, hint: "the storage refused the image"}
		}
		return badResponse(ans, "no key for the uploaded image", err)
	})
	if broken := file.close(); broken != nil && err != nil {
		return "", settled("ChangeAvatar", broken)
	}
	return stored.Key, err
}

// avatar is an image on its way. The transport may read it in a goroutine that outlives the request, hence the lock.
type avatar struct {
	name, mediaType string
	start           string // its first bytes
	length          int64  // -1 if unknown

	mu    sync.Mutex
	image io.Reader
	left  int64
	err   error // why it can no longer be read
}

var errAvatarClosed = errors.New("the upload is over")

// openAvatar reads the first bytes to tell what the image is. It does not wait for them longer than ctx lets it.
func openAvatar(ctx context.Context, image io.Reader) (*avatar, error) {
	switch {
	case image == nil:
		return nil, invalid("the image is nil")
	case ctx == nil:
		return nil, nil // the request is refused for that
	}
	length := remaining(image)
	if length > avatarLimit {
		return nil, invalid("the image is larger than 5 MiB")
	}
	start, err := readStart(ctx, image)
	switch {
	case ctx.Err() != nil:
		return nil, notStarted(ctx.Err())
	case err != nil:
		return nil, brokenImage(err)
	}
	mediaType := http.DetectContentType(start)
	extension, ok := avatarTypes[mediaType]
	if !ok {
		return nil, invalid("the image is none that can be shown (PNG, JPEG, GIF, WebP, BMP): its first bytes are of type %s", mediaType)
	}
	var random [16]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, &Error{summary: "the system has no random numbers", cause: err}
	}
	return &avatar{
		name:      hex.EncodeToString(random[:]) + "." + extension,
		mediaType: mediaType,
		start:     string(start),
		length:    length,
		image:     io.MultiReader(bytes.NewReader(start), image),
		left:      avatarLimit,
	}, nil
}

// readStart reads as much as http.DetectContentType looks at. A reader cannot be interrupted, so when the context ends
// first the goroutine stays until its one read returns.
func readStart(ctx context.Context, image io.Reader) ([]byte, error) {
	type result struct {
		start []byte
		err   error
	}
	done := make(chan result, 1)
	go func() {
		start := make([]byte, 512)
		n, err := io.ReadFull(image, start)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			err = nil
		}
		done <- result{start[:n], err}
	}()
	select {
	case r := <-done:
		return r.start, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// remaining returns how many bytes r has left, -1 if that cannot be told.
func remaining(r io.Reader) int64 {
	switch r := r.(type) {
	case interface{ Len() int }:
		return int64(r.Len())
	case io.Seeker:
		here, err := r.Seek(0, io.SeekCurrent)
		if err != nil {
			return -1
		}
		end, err := r.Seek(0, io.SeekEnd)
		if _, back := r.Seek(here, io.SeekStart); err != nil || back != nil {
			return -1
		}
		return end - here
	}
	return -1
}

// withAround is the length of a form with the image and that many bytes around it, -1 if unknown.
func (a *avatar) withAround(n int) int64 {
	if a.length < 0 {
		return -1
	}
	return a.length + int64(n)
}

func (a *avatar) Read(p []byte) (int, error) {
	a.mu.Lock()
	err := a.err
	a.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n, err := a.image.Read(p)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.left -= int64(n); a.left < 0 {
		a.err = invalid("the image is larger than 5 MiB")
		return 0, a.err
	}
	if err != nil && err != io.EOF {
		a.err = brokenImage(err)
		return n, a.err
	}
	return n, err
}

// close ends reading and returns what was wrong with the image itself.
func (a *avatar) close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err == nil {
		a.err = errAvatarClosed
		return nil
	}
	return a.err
}

func brokenImage(err error) error {
	return &Error{summary: "the image could not be read", cause: err, kinds: []error{ErrInvalidArgument}}
}
