package authing

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// number reads an integer that the service writes as 5, 5.0 or "5". Null and "" leave it unset.
type number struct {
	value int64
	set   bool
}

func (n *number) UnmarshalJSON(b []byte) error {
	s, err := readText(b)
	if err != nil {
		return err
	}
	if s == "" {
		*n = number{}
		return nil
	}
	value, ok := wholeNumber(s)
	if !ok {
		return unreadableNumber(b)
	}
	*n = number{value: value, set: true}
	return nil
}

func unreadableNumber(b []byte) error {
	err := &json.UnmarshalTypeError{Value: "number that is not whole", Type: reflect.TypeFor[int64]()}
	if b[0] == '"' {
		err.Value = "string that is no whole number"
	}
	return err
}

// mistyped is an error to which encoding/json adds the field's name.
func mistyped(b []byte, want any) error {
	kind := "number"
	switch b[0] {
	case '"':
		kind = "string"
	case '{':
		kind = "object"
	case '[':
		kind = "array"
	case 't', 'f':
		kind = "bool"
	}
	return &json.UnmarshalTypeError{Value: kind, Type: reflect.TypeOf(want)}
}

// seconds returns the moment that many seconds after 1970, zero if n is not set.
func (n number) seconds() time.Time {
	if !n.set {
		return time.Time{}
	}
	return time.Unix(n.value, 0)
}

// wholeNumber reads an integer, also one written with a fraction of zeros, as far as a float64 holds it exactly.
func wholeNumber(s string) (int64, bool) {
	const exact = 1 << 53
	if strings.Trim(s, "0123456789+-.eE") != "" {
		return 0, false // ParseFloat also reads hexadecimal, underscores and infinities
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= exact {
		return 0, false
	}
	return int64(f), true
}

// text reads a string that the service sometimes writes as a number. Null leaves it empty.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	s, err := readText(b)
	if err == nil {
		*t = text(s)
	}
	return err
}

// readText reads what a text may be written as.
func readText(b []byte) (string, error) {
	switch {
	case len(b) == 0:
		return "", errors.New("no value")
	case string(b) == "null":
		return "", nil
	case b[0] == '-' || b[0] >= '0' && b[0] <= '9':
		return string(b), nil
	case b[0] != '"':
		return "", mistyped(b, "")
	}
	// Dates and codes stand for themselves between their quotes. That saves eight allocations of a login.
	inner := b[1:]
	if end := bytes.IndexFunc(inner, notPlain); end >= 0 && end == len(inner)-1 && inner[end] == '"' {
		return string(inner[:end]), nil
	}
	var s string
	err := json.Unmarshal(b, &s)
	return s, err
}

// notPlain reports whether a character of a JSON text is an escape, the end, or beyond ASCII.
func notPlain(r rune) bool { return r < ' ' || r > '~' || r == '\\' || r == '"' }

// decode reads one JSON value and nothing after it into v. A byte order mark is tolerated, invalid UTF-8 is not:
// encoding/json would replace it silently.
func decode(body []byte, v any) error {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(body) {
		return errors.New("not valid UTF-8")
	}
	return json.Unmarshal(body, v)
}

// rawAnswer is the part of an answer that a result was read from. The answer is kept whole and taken apart when asked
// for: decoding into a json.RawMessage first would make every call half as expensive again.
type rawAnswer struct {
	body []byte
	path [2]string // keys from the top of the answer to the value; an empty one is none
}

func (r rawAnswer) value() json.RawMessage {
	value := json.RawMessage(bytes.TrimPrefix(r.body, []byte("\xef\xbb\xbf")))
	for _, key := range r.path {
		if key == "" {
			break
		}
		var object map[string]json.RawMessage
		if json.Unmarshal(value, &object) != nil {
			return nil
		}
		for name := range object {
			if strings.EqualFold(name, key) && object[key] == nil {
				key = name // encoding/json takes any case where there is no exact match
			}
		}
		value = object[key]
	}
	return bytes.Clone(value)
}
