package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// The trace shows only the fields on these lists, so that unforeseen fields stay hidden.
var (
	visibleStrings = []string{
		"errMsg", "errmsg", "status", "reason", "next", "message", "nickname", "nickName", "button", "generation",
		"countryCode", "language", "connection", "token_type", "scope", "channel",
	}
	visibleNumbers = []string{"code", "errcode", "errno", "status", "gender", "statusCode", "apiCode", "expires_in"}
	phoneFields    = []string{"phone", "phoneNumber", "purePhoneNumber"}
)

var (
	word   = regexp.MustCompile(`^[A-Za-z_]{1,40}$`)
	folder = regexp.MustCompile(`^(?:v[0-9]|[a-z]{1,12}(?:-[a-z]{1,12}){0,4})$`)
	number = regexp.MustCompile(`^[0-9]{1,4}$`)

	// Sensitive parts of a visible string: phone numbers, e-mail addresses, and anything long enough to be a key.
	sensitive = regexp.MustCompile(`\+?[0-9][0-9 -]{5,}[0-9]|[\w.+-]+@[\w.-]+|[A-Za-z0-9+/=_.-]{16,}`)

	document = regexp.MustCompile(`^\s*((?:query|mutation)\s+\w+)`)
)

// maskBody returns a body for display, or nil if there is none.
func maskBody(contentType string, body []byte) any {
	if len(body) == 0 {
		return nil
	}
	switch mediaType, params, _ := mime.ParseMediaType(contentType); mediaType {
	case formType:
		return maskForm(params["boundary"], body)
	case "application/x-www-form-urlencoded":
		return maskValues(string(body))
	}
	v, ok := parse(body)
	if !ok {
		return redact(string(body))
	}
	return mask("", v)
}

// maskCall is maskBody for requests of the SDK. Of a GraphQL request it shows the names of the operation and variables.
func maskCall(contentType string, body []byte) any {
	v, _ := parse(body)
	call, _ := v.(map[string]any)
	query, ok := call["query"].(string)
	if !ok {
		return maskBody(contentType, body)
	}
	shown := map[string]any{"query": redact(query)}
	if m := document.FindStringSubmatch(query); m != nil {
		shown["query"] = m[1]
	}
	if variables, ok := call["variables"].(map[string]any); ok {
		hidden := map[string]any{}
		for name, value := range variables {
			hidden[maskWord(name)] = redact(fmt.Sprint(value))
		}
		shown["variables"] = hidden
	}
	return shown
}

// maskForm returns the fields of a multipart form, whose end may be missing.
func maskForm(boundary string, body []byte) any {
	shown := map[string]any{}
	form := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := form.NextPart()
		if err != nil {
			return shown
		}
		content, err := io.ReadAll(part)
		field := redact(string(content))
		if part.FileName() != "" {
			field = fmt.Sprintf("%s, %d bytes", http.DetectContentType(content), len(content))
			if err != nil {
				field += " or more"
			}
		}
		shown[maskWord(part.FormName())] = field
	}
}

func maskValues(body string) any {
	shown := map[string]any{}
	values, _ := url.ParseQuery(body)
	for name := range values {
		shown[maskWord(name)] = redact(values.Get(name))
	}
	return shown
}

func parse(body []byte) (v any, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	return v, dec.Decode(&v) == nil && !dec.More()
}

// mask returns the value of a key for display.
func mask(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		shown := make(map[string]any, len(v))
		for key, value := range v {
			shown[maskWord(key)] = mask(key, value)
		}
		return shown
	case []any:
		shown := make([]any, len(v))
		for i, value := range v {
			shown[i] = mask(key, value)
		}
		return shown
	case json.Number:
		if slices.Contains(visibleNumbers, key) && len(v) <= 7 {
			return v
		}
		return redact(v.String())
	case string:
		switch {
		case v == "":
			return v
		case slices.Contains(phoneFields, key):
			return maskPhone(v)
		case slices.Contains(visibleStrings, key):
			return sensitive.ReplaceAllStringFunc(v, maskWord)
		}
		return redact(v)
	}
	return v // true, false or null
}

func maskWord(key string) string {
	if word.MatchString(key) {
		return key
	}
	return redact(key)
}

func maskPhone(s string) string {
	if !phoneNumber.MatchString(s) {
		return redact(s)
	}
	return s[:3] + "••••" + s[len(s)-4:]
}

// maskPath shows the words of a path, short numbers and the user pool.
func maskPath(path, pool string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if s != "" && s != pool && !word.MatchString(s) && !folder.MatchString(s) && !number.MatchString(s) {
			segments[i] = redact(s)
		}
	}
	return strings.Join(segments, "/")
}

// redact replaces a string, but shows its length, which distinguishes codes from tokens.
func redact(s string) string { return fmt.Sprintf("•••• (%d)", utf8.RuneCountInString(s)) }
