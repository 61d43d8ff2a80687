package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"unicode/utf8"
)

// maxBody is many times what a page posts.
const maxBody = 64 << 10

// handler is an http.Handler that leaves its errors to writeError.
type handler func(http.ResponseWriter, *http.Request) error

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h(w, r); err != nil {
		writeError(w, r, err)
	}
}

// readJSON reads a body that must be JSON.
func readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	if !saysJSON(r) {
		return errWrongType
	}
	return decode(http.MaxBytesReader(w, r.Body, maxBody), into)
}

// saysJSON also keeps pages of other origins out: their forms cannot send this Content-Type, and for their scripts the
// browser asks the server first, with a request of the method OPTIONS, which no route here takes.
func saysJSON(r *http.Request) bool {
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return mediaType == "application/json"
}

// decode takes one JSON value with known fields, so that a misspelt one does not go unnoticed. An authing.Detail in it
// is more patient: WeChat adds fields.
func decode(body io.Reader, into any) error {
	text, err := io.ReadAll(body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return errTooLarge
	case err != nil || !utf8.Valid(text):
		return errBadBody
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("%w: %w", errBadBody, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return errBadBody
	}
	return nil
}

// writeJSON answers with v, or with the status alone if v is nil.
func writeJSON(w http.ResponseWriter, status int, v any) {
	header := w.Header()
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if v != nil {
		json.NewEncoder(w).Encode(v) // what fails here is the connection, and with it the way to tell
	}
}

// withJSONErrors says in JSON what mux would say in plain text to requests that it has no route for.
func withJSONErrors(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		said := refusal{header: http.Header{}}
		refuse.ServeHTTP(&said, r)
		if allow := said.header.Get("Allow"); allow != "" {
			w.Header().Set("Allow", allow)
			writeError(w, r, errWrongMethod)
			return
		}
		writeError(w, r, errNotFound)
	})
}

// refusal is an answer that is not sent.
type refusal struct{ header http.Header }

func (f *refusal) Header() http.Header         { return f.header }
func (f *refusal) WriteHeader(int)             {}
func (f *refusal) Write(b []byte) (int, error) { return len(b), nil }
