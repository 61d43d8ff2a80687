package authingtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
)

// readBody decodes the body of r into fields, and reports whether r has the JSON content type and a valid JSON object.
func readBody(r *http.Request, fields map[string]any) bool {
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	body, err := io.ReadAll(r.Body)
	return mediaType == "application/json" && err == nil && readJSON(body, fields) == nil
}

// readJSON decodes members of a JSON object into the pointers in fields. Unlike encoding/json it matches keys exactly,
// as the JavaScript service does: "Code" is not "code".
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
