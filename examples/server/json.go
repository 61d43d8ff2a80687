package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"
)

// maxBody is far more than a page sends.
const maxBody = 64 << 10

// handler is an http.Handler whose errors are passed to writeError.
type handler func(http.ResponseWriter, *http.Request) error

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h(w, r); err != nil {
		writeError(w, r, err)
	}
}

// readJSON decodes a request body with the JSON content type.
func readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	if !hasJSONContentType(r) {
		return errWrongType
	}
	return decode(http.MaxBytesReader(w, r.Body, maxBody), into)
}

// hasJSONContentType also protects against pages of other origins: their forms cannot send this content type, and their
// scripts need a CORS preflight, which no route here answers.
func hasJSONContentType(r *http.Request) bool {
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return mediaType == "application/json"
}

// decode accepts one JSON value and rejects unknown fields, which are likely misspelled. authing.Detail ignores unknown
// fields, because WeChat adds new ones.
func decode(body io.Reader, into any) error {
	text, err := io.ReadAll(body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return errTooLarge
	case err != nil:
		return fmt.Errorf("%w: it ends early", errBadBody)
	case !utf8.Valid(text):
		return fmt.Errorf("%w: not UTF-8", errBadBody)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	switch err := dec.Decode(into); {
	case err == io.EOF:
		return errNoBody
	case err != nil:
		return fmt.Errorf("%w: %s", errBadBody, describe(err))
	}
	if _, err := dec.Token(); err != io.EOF {
		return fmt.Errorf("%w: more than one JSON value", errBadBody)
	}
	return nil
}

// describe returns the text of a decoding error for the log, without the names and values that encoding/json quotes.
func describe(err error) string {
	var syntax *json.SyntaxError
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrongType):
		kind, _, _ := strings.Cut(wrongType.Value, " ") // "number 13800000001" quotes the number
		return fmt.Sprintf("JSON %s instead of %v at offset %d", kind, wrongType.Type, wrongType.Offset)
	case errors.As(err, &syntax):
		return fmt.Sprintf("JSON syntax error at offset %d", syntax.Offset)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "JSON ends early"
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		return "unknown field"
	case strings.HasPrefix(err.Error(), "authing: "): // which says what the page has to change, and quotes nothing
		return err.Error()
	}
	return "cannot decode JSON"
}

// writeJSON responds with v, or without a body if v is nil.
func writeJSON(w http.ResponseWriter, status int, v any) {
	header := w.Header()
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if v != nil {
		json.NewEncoder(w).Encode(v) // an error means that the connection is lost
	}
}

// withJSONErrors replaces the plain-text responses of mux to requests without a route.
func withJSONErrors(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		errorHandler, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		response := headerWriter{header: http.Header{}}
		errorHandler.ServeHTTP(&response, r)
		if allow := response.header.Get("Allow"); allow != "" {
			w.Header().Set("Allow", allow)
			writeError(w, r, errWrongMethod)
			return
		}
		writeError(w, r, errNotFound)
	})
}

// headerWriter keeps the header of a response and discards the rest.
type headerWriter struct{ header http.Header }

func (w *headerWriter) Header() http.Header         { return w.header }
func (w *headerWriter) WriteHeader(int)             {}
func (w *headerWriter) Write(b []byte) (int, error) { return len(b), nil }
