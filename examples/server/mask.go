package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// The trace shows what is on these lists and hides the rest, so that a field which nobody thought of stays hidden.
var (
	harmless = []string{
		"errMsg", "errmsg", "status", "reason", "next", "message", "nickname", "nickName", "button", "generation",
		"countryCode", "language",
	}
	harmlessNumbers = []string{"code", "errcode", "errno", "status", "gender"}
	phoneNumbers    = []string{"phone", "phoneNumber", "purePhoneNumber"}
)

var (
	word   = regexp.MustCompile(`^[A-Za-z_]{1,24}$`)
	number = regexp.MustCompile(`^[0-9]{1,4}$`)

	// What a harmless text could still hold: a number to call, an address, a run of characters that is long enough for a key.
	personal = regexp.MustCompile(`\+?[0-9][0-9 -]{5,}[0-9]|[\w.+-]+@[\w.-]+|[A-Za-z0-9+/=_.-]{16,}`)

	document = regexp.MustCompile(`^\s*((?:query|mutation)\s+\w+)`)
)

// masked is a body as it may be shown; nil if there is none.
func masked(body []byte) any {
	if len(body) == 0 {
		return nil
	}
	v, ok := parse(body)
	if !ok {
		return dots(string(body))
	}
	return mask("", v)
}

// maskedCall is masked for what the SDK sends: of GraphQL it shows the name of the operation and those of the variables.
func maskedCall(body []byte) any {
	v, _ := parse(body)
	call, _ := v.(map[string]any)
	query, ok := call["query"].(string)
	if !ok {
		return masked(body)
	}
	shown := map[string]any{"query": dots(query)}
	if m := document.FindStringSubmatch(query); m != nil {
		shown["query"] = m[1]
	}
	if variables, ok := call["variables"].(map[string]any); ok {
		hidden := map[string]any{}
		for name, value := range variables {
			hidden[maskedWord(name)] = dots(fmt.Sprint(value))
		}
		shown["variables"] = hidden
	}
	return shown
}

func parse(body []byte) (v any, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	return v, dec.Decode(&v) == nil && !dec.More()
}

// mask returns v, which stands under key, as it may be shown.
func mask(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		shown := make(map[string]any, len(v))
		for key, value := range v {
			shown[maskedWord(key)] = mask(key, value)
		}
		return shown
	case []any:
		shown := make([]any, len(v))
		for i, value := range v {
			shown[i] = mask(key, value)
		}
		return shown
	case json.Number:
		if slices.Contains(harmlessNumbers, key) && len(v) <= 6 {
			return v
		}
		return dots(v.String())
	case string:
		switch {
		case v == "":
			return v
		case slices.Contains(phoneNumbers, key):
			return maskedPhone(v)
		case slices.Contains(harmless, key):
			return personal.ReplaceAllStringFunc(v, maskedWord)
		}
		return dots(v)
	}
	return v // true, false and null tell nothing about anybody
}

func maskedWord(key string) string {
	if word.MatchString(key) {
		return key
	}
	return dots(key)
}

func maskedPhone(s string) string {
	if !phoneNumber.MatchString(s) {
		return dots(s)
	}
	return s[:3] + "••••" + s[len(s)-4:]
}

// maskedPath shows the words of a path, short numbers and the pool.
func maskedPath(path, pool string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if s != "" && s != pool && !word.MatchString(s) && !number.MatchString(s) {
			segments[i] = dots(s)
		}
	}
	return strings.Join(segments, "/")
}

// dots stands for a text and tells its length, by which a code can be told from a token.
func dots(s string) string { return fmt.Sprintf("•••• (%d)", utf8.RuneCountInString(s)) }
