package authingtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
)

// readBody reads the JSON object in the body of r, and reports whether there is one that r announces as JSON.
func readBody(r *http.Request, fields map[string]any) bool {
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	body, err := io.ReadAll(r.Body)
	return mediaType == "application/json" && err == nil && readJSON(body, fields) == nil
}

// readJSON reads a JSON object into fields, which has a pointer for every key that matters. The service is written in
// JavaScript, where "Code" is not "code": encoding/json by itself takes one for the other.
func readJSON(text []byte, fields map[string]any) error {
	var members map[string]json.RawMessage
	err := json.Unmarshal(text, &members)
	for key, field := range fields {
		if member, ok := members[key]; ok {
			decoder := json.NewDecoder(bytes.NewReader(member))
			decoder.UseNumber()
			err = errors.Join(err, decoder.Decode(field))
		}
	}
	return err
}
