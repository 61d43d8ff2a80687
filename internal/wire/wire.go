// Package wire reads JSON the way Authing writes it: numbers as numbers or text, dates in many forms, ids under two names.
package wire

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

var byteOrderMark = []byte("\xef\xbb\xbf")

// Decode reads exactly one JSON value into v. It tolerates a byte order mark and rejects invalid UTF-8, which
// encoding/json would replace silently.
func Decode(body []byte, v any) error {
	body = bytes.TrimPrefix(body, byteOrderMark)
	if !utf8.Valid(body) {
		return errors.New("not valid UTF-8")
	}
	return json.Unmarshal(body, v)
}

// Int is an integer that the service writes as 5, 5.0 or "5". Null and "" leave it unset.
type Int struct {
	Value int64
	Set   bool
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *Int) UnmarshalJSON(b []byte) error {
	s, err := String(b)
	if err != nil {
		return err
	}
	if s == "" {
		*n = Int{}
		return nil
	}
	value, ok := wholeNumber(s)
	if !ok {
		return notWhole(b)
	}
	*n = Int{Value: value, Set: true}
	return nil
}

// Seconds returns the time that many seconds after 1970, or the zero time if n is not set.
func (n Int) Seconds() time.Time {
	if !n.Set {
		return time.Time{}
	}
	return time.Unix(n.Value, 0)
}

// wholeNumber parses an integer, or one written with a fraction of zeros, as long as a float64 represents it exactly.
func wholeNumber(s string) (int64, bool) {
	const exact = 1 << 53
	if strings.Trim(s, "0123456789+-.eE") != "" {
		return 0, false // ParseFloat accepts hexadecimal, underscores and infinities
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= exact {
		return 0, false
	}
	return int64(f), true
}

// Text is a string that the service sometimes writes as a number. Null leaves it empty.
type Text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *Text) UnmarshalJSON(b []byte) error {
	s, err := String(b)
	if err == nil {
		*t = Text(s)
	}
	return err
}

// String decodes a JSON string or number as a string. Null is "".
func String(b []byte) (string, error) {
	switch {
	case len(b) == 0:
		return "", errors.New("no value")
	case string(b) == "null":
		return "", nil
	case b[0] == '-' || b[0] >= '0' && b[0] <= '9':
		return string(b), nil
	case b[0] != '"':
		return "", mistyped(b)
	}
	// Most strings need no decoder. Skipping it saves eight allocations per login.
	inner := b[1:]
	if end := bytes.IndexFunc(inner, needsDecoder); end >= 0 && end == len(inner)-1 && inner[end] == '"' {
		return string(inner[:end]), nil
	}
	var s string
	err := json.Unmarshal(b, &s)
	return s, err
}

// needsDecoder reports whether r ends a JSON string, begins an escape, or is not ASCII.
func needsDecoder(r rune) bool { return r < ' ' || r > '~' || r == '\\' || r == '"' }

// mistyped is an error to which encoding/json adds the field's name.
func mistyped(b []byte) error {
	kind := "number"
	switch b[0] {
	case '{':
		kind = "object"
	case '[':
		kind = "array"
	case 't', 'f':
		kind = "bool"
	}
	return &json.UnmarshalTypeError{Value: kind, Type: reflect.TypeFor[string]()}
}

func notWhole(b []byte) error {
	err := &json.UnmarshalTypeError{Value: "number that is not whole", Type: reflect.TypeFor[int64]()}
	if b[0] == '"' {
		err.Value = "string that is not a whole number"
	}
	return err
}

// Mistyped returns the name of the field that made Decode fail and what it came as, or "" for other failures.
func Mistyped(err error) (field, value string) {
	var mistyped *json.UnmarshalTypeError
	if !errors.As(err, &mistyped) || mistyped.Field == "" {
		return "", ""
	}
	return mistyped.Field[strings.LastIndexByte(mistyped.Field, '.')+1:], mistyped.Value
}

// dateLayouts are the forms seen so far. The last is JavaScript's Date text without the zone's name in parentheses.
var dateLayouts = []string{time.RFC3339, "2006-01-02T15:04:05", "Mon Jan 02 2006 15:04:05 GMT-0700"}

// ParseTime reads a date in any form that the service uses, or milliseconds since 1970. It returns the zero time for
// anything else.
func ParseTime(s string) time.Time {
	date, _, _ := strings.Cut(s, " (")              // the zone's name may contain spaces
	date = strings.Replace(date, "GMT ", "GMT+", 1) // URL decoding turned the plus into a space
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, date); err == nil {
			return t
		}
	}
	if ms, ok := wholeNumber(s); ok && ms != 0 {
		return time.UnixMilli(ms)
	}
	return time.Time{}
}

// Raw is the part of a response body that a result was decoded from. It keeps the body and extracts the part on
// demand: decoding into a json.RawMessage first would make every call half as expensive again.
type Raw struct {
	body []byte
	path [2]string // keys from the top of the body to the value; "" ends it
}

// At returns the value that the keys in path lead to. Unused keys are "".
func At(body []byte, path [2]string) Raw { return Raw{body, path} }

// JSON returns a copy of the value, or nil if there is none.
func (r Raw) JSON() json.RawMessage {
	value := json.RawMessage(bytes.TrimPrefix(r.body, byteOrderMark))
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
				key = name // encoding/json accepts any case when there is no exact match
			}
		}
		value = object[key]
	}
	return bytes.Clone(value)
}
