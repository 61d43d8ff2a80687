package authing

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
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
// updated user. The image is a PNG, JPEG, GIF, WebP or BMP, told by its first bytes, of at most 5 MiB. It is streamed, and
// no longer read once the call has returned; a Read that blocks past the end of the context or the time limit (60
// seconds, see [WithTimeout]) is abandoned. A reader with a known length (a file, a bytes.Reader) is best: the upload
// then says how long it is.
//
// It makes three requests, each sent once: for an upload token, to the storage, and to update the user. When one of
// them fails the photo stays as it was, unless the error matches [ErrOutcomeUnknown]. The caller may then repeat the
// call with the image read from its start. Expect [ErrInvalidArgument] for what is no image or cannot be read, and
// [ErrLoginRequired] for a token that is no longer accepted.
//
// Original: changeAvatar: query qiNiuUploadToken, a form upload, mutation updateUser on the users host.
func (c *Client) ChangeAvatar(ctx context.Context, userID string, image io.Reader) (*User, error) {
	rq := request{
		op:    "ChangeAvatar",
		check: cmp.Or(checkRequired("user id", userID), checkToken(c.token)),
		auth:  c.bearer(),
		part:  true,
		began: time.Now(),
	}
	var file *avatar
	if rq.check == nil && ctx != nil && c.http != nil {
		file, rq.check = c.openAvatar(ctx, image)
	}
	forUpload, _, err := graphql(ctx, c, rq, uploadToken, nil, func(token *Secret) string {
		if *token == "" {
			return "upload token"
		}
		return ""
	})
	if err != nil {
		return nil, err
	}
	key, err := c.uploadAvatar(ctx, *forUpload, file, rq.began)
	if err != nil {
		return nil, err
	}
	photo := c.cdn + "/" + key
	return c.update(ctx, request{op: "ChangeAvatar", began: rq.began}, userID, UserUpdate{Photo: &photo})
}

// uploadAvatar posts the form that the storage expects and returns the key under which it keeps the image.
func (c *Client) uploadAvatar(ctx context.Context, token Secret, file *avatar, began time.Time) (key string, err error) {
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

	rq := request{
		op:     "ChangeAvatar",
		method: http.MethodPost,
		url:    c.upload,
		upload: &upload{
			body:        io.MultiReader(strings.NewReader(head), file, strings.NewReader(tail)),
			length:      file.withAround(len(head) + len(tail)),
			fault:       file.fault,
			contentType: w.FormDataContentType(),
		},
		timeout: uploadTimeout,
		hide:    []string{string(token), file.start},
		part:    true,
		began:   began,
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeLimit(rq))
	defer cancel()
	file.ctx = ctx
	defer file.close()

	var stored struct {
		Key   string `json:"key"`
		Error text   `json:"error"`
	}
	_, err = c.do(ctx, rq, func(ans answer) error {
		err := decode(ans.body, &stored)
		switch {
		case err == nil && ans.status == http.StatusOK && checkRequired("key", stored.Key) == nil:
			return nil
		case err == nil && stored.Error != "":
			return &Error{Message: string(stored.Error), Data: ans.body, RetryAfter: retryAfter(ans.header),
				settled: ans.status < 500 || ans.status >= 600, hint: "the storage refused the image"}
		}
		return badResponse(ans, "no key for the uploaded image", err)
	})
	return stored.Key, err
}

// avatar is an image on its way. The transport reads it in a goroutine that can outlive the request, and a reader of the
// caller can stall, so each read of the image runs in a goroutine that Read and close wait for no longer than ctx lasts.
type avatar struct {
	name, mediaType string
	start           string // its first bytes
	length          int64  // -1 if unknown
	image           io.Reader
	chunk           []byte          // what is being read; not in use again before that read ended
	ctx             context.Context // of the upload, with its time limit

	mu     sync.Mutex
	read   int64
	err    error         // why it can no longer be read
	ending chan struct{} // closed when the read under way ends; nil before the first
}

var (
	errAvatarClosed   = errors.New("the upload is over")
	errReaderPanicked = errors.New("its reader panicked")
	errReaderGone     = errors.New("its reader ended the goroutine")
)

// openAvatar reads the first bytes to tell what the image is, within the time that an upload may take.
func (c *Client) openAvatar(ctx context.Context, image io.Reader) (*avatar, error) {
	if image == nil {
		return nil, invalid("the image is nil")
	}
	length := remaining(image)
	if length > avatarLimit {
		return nil, invalid("the image is larger than 5 MiB")
	}
	limited, cancel := context.WithTimeout(ctx, c.timeLimit(request{timeout: uploadTimeout}))
	defer cancel()
	start, err := readStart(limited, image)
	switch {
	case ctx.Err() != nil:
		return nil, notStarted(ctx.Err())
	case limited.Err() != nil:
		return nil, &Error{summary: "nothing was sent: the image did not begin in time", cause: limited.Err()}
	case err != nil:
		return nil, brokenImage(err)
	case len(start) == 0:
		return nil, invalid("the image is empty")
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
		r := result{err: errReaderGone}
		defer func() { done <- r }()
		start := make([]byte, 512)
		n, err := fill(start, image, func() bool { return ctx.Err() == nil })
		r = result{start[:n], err}
	}()
	select {
	case r := <-done:
		if r.err == io.EOF {
			r.err = nil
		}
		return r.start, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// fill reads until p is full or nobody wants more. It runs in a goroutine of ours, where a panic of the caller's reader
// would end the program.
func fill(p []byte, image io.Reader, wanted func() bool) (n int, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%w: %v", errReaderPanicked, cause)
		}
	}()
	for empty := 0; n < len(p) && err == nil && wanted(); empty++ {
		var more int
		more, err = image.Read(p[n:])
		switch {
		case more < 0 || more > len(p)-n:
			return n, errors.New("its reader counts wrong")
		case more > 0:
			empty = 0
		case empty > 100 && err == nil:
			err = io.ErrNoProgress
		}
		n += more
	}
	return n, err
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
	err := cmp.Or(a.err, a.ctx.Err())
	if err != nil {
		a.mu.Unlock()
		return 0, err
	}
	ending := make(chan struct{})
	a.ending = ending
	a.mu.Unlock()

	if len(a.chunk) < len(p) {
		a.chunk = make([]byte, len(p))
	}
	chunk, n := a.chunk[:len(p)], 0 // p is not ours any more once this returned
	err = errReaderGone
	go func() {
		defer close(ending)
		n, err = fill(chunk, a.image, a.wanted)
	}()
	select {
	case <-ending:
		return copy(p, chunk[:n]), a.account(n, err)
	case <-a.ctx.Done():
		return 0, a.ctx.Err()
	}
}

// wanted reports whether anybody waits for the image.
func (a *avatar) wanted() bool { return a.fault() == nil && a.ctx.Err() == nil }

// account adds up what was read and returns what is wrong with it.
func (a *avatar) account(n int, err error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.read += int64(n)
	switch {
	case a.read > avatarLimit:
		a.err = invalid("the image is larger than 5 MiB")
	case a.length >= 0 && (a.read > a.length || err == io.EOF && a.read < a.length):
		a.err = invalid("the image is not as long as its reader said: did somebody else write to it?")
	case err != nil && err != io.EOF:
		a.err = brokenImage(err)
	default:
		return err
	}
	return a.err
}

// fault returns what was wrong with the image itself.
func (a *avatar) fault() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}

// close ends reading. It waits for a read that is under way, as long as the time of the upload lasts.
func (a *avatar) close() {
	a.mu.Lock()
	a.err = cmp.Or(a.err, errAvatarClosed)
	ending := a.ending
	a.mu.Unlock()
	if ending == nil {
		return
	}
	select {
	case <-ending:
	case <-a.ctx.Done():
	}
}

func brokenImage(err error) error {
	e := &Error{summary: "the image could not be read", cause: err, kinds: []error{ErrInvalidArgument}}
	if errors.Is(err, errReaderPanicked) {
		e.summary += ": " + errReaderPanicked.Error()
	}
	return e
}
