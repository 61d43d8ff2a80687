package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/authing-wxapp/authing"
)

// WeChat no longer returns real nicknames and avatars. The user chooses both on the page, which sends them here. They
// are not signed by WeChat: show them, but do not take them for an identity.

const (
	maxAvatar   = 5 << 20 // what Authing accepts
	maxUploads  = 32      // at once, because the SDK keeps each picture in memory until it is sent
	maxNickname = 32      // characters

	// avatarTime is how long an upload may take, from the phone to the storage. RequireLogin may have taken 20 seconds by
	// then, and the page has to get the result before wx.uploadFile gives up, which is after a minute.
	avatarTime = 35 * time.Second
)

const formType = "multipart/form-data"

// changeAvatar accepts what wx.uploadFile sends: a form with the picture in the field "file".
func (a *api) changeAvatar(w http.ResponseWriter, r *http.Request, s session) error {
	select {
	case a.uploads <- struct{}{}:
		defer func() { <-a.uploads }()
	default:
		return errors.New("too many uploads at once")
	}
	ctx, cancel := context.WithTimeout(r.Context(), avatarTime)
	defer cancel()
	// The limits of the server are too short for a picture from a phone with a bad connection.
	conn, deadline := http.NewResponseController(w), time.Now().Add(avatarTime)
	conn.SetReadDeadline(deadline)
	conn.SetWriteDeadline(deadline.Add(5 * time.Second))

	part, err := filePart(w, r)
	if err != nil {
		return err
	}
	file := &upload{Reader: http.MaxBytesReader(w, part, maxAvatar)}
	user, err := a.accounts.changeAvatar(ctx, s, file)
	switch {
	case file.err != nil:
		return formError(file.err)
	case errors.Is(err, authing.ErrInvalidArgument):
		return fmt.Errorf("%w: %w", errBadImage, err)
	case err != nil:
		return err
	}
	writeJSON(w, http.StatusOK, profileResponse{User: user})
	return nil
}

// filePart returns the part "file" of a form. The part is read from the connection, never stored here.
func filePart(w http.ResponseWriter, r *http.Request) (*multipart.Part, error) {
	if mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); mediaType != formType {
		return nil, errNotForm
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxAvatar+maxBody)
	form, err := r.MultipartReader()
	if err != nil {
		return nil, fmt.Errorf("%w: the form has no boundary", errBadBody)
	}
	for {
		part, err := form.NextPart()
		switch {
		case err == io.EOF:
			return nil, fmt.Errorf("%w: the form has no file", errBadBody)
		case err != nil:
			return nil, formError(err)
		case part.FormName() == "file" && part.FileName() != "":
			return part, nil
		}
	}
}

func formError(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return errTooLarge
	}
	return fmt.Errorf("%w: the form is malformed or ends early", errBadBody)
}

// upload keeps the error of reading a file, to tell it from an error of Authing.
type upload struct {
	io.Reader
	err error
}

func (u *upload) Read(p []byte) (int, error) {
	n, err := u.Reader.Read(p)
	if err != nil && err != io.EOF {
		u.err = err
	}
	return n, err
}

func (a *api) changeNickname(w http.ResponseWriter, r *http.Request, s session) error {
	var in struct {
		Nickname string `json:"nickname"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	nickname := strings.TrimSpace(in.Nickname)
	if n := utf8.RuneCountInString(nickname); n == 0 || n > maxNickname || strings.ContainsFunc(nickname, unicode.IsControl) {
		return errBadNickname
	}
	user, err := a.accounts.rename(r.Context(), s, nickname)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, profileResponse{User: user})
	return nil
}
