// Package wire reads JSON the way Authing writes it: numbers as numbers or text, dates in many forms, fields of odd types.
// It is strict about JSON itself: it rejects duplicate keys and invalid UTF-8, and a name in another case is another name.
package wire

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

var byteOrderMark = []byte("\xef\xbb\xbf")

// Decode reads exactly one JSON value into v. A text, number or truth value of another type than its field is read as that
// type where this is unambiguous, and left out otherwise, so that an odd field does not cost the others: check afterwards
// what is needed.
func Decode(body []byte, v any) error {
	body = bytes.TrimPrefix(body, byteOrderMark)
	err := json.Unmarshal(body, v)
	if err == nil || errors.Is(err, errTooLong) {
		return err // most responses have no odd field, and not looking for one saves 30% of the decoding
	}
	err = json.Unmarshal(body, v, tolerant)
	if err != nil && bytes.Contains(body, []byte(`\u`)) && utf8.Valid(body) {
		// A nickname may contain half a surrogate pair, since JavaScript cuts texts where it likes.
		err = json.Unmarshal(body, v, tolerant, jsontext.AllowInvalidUTF8(true))
	}
	return err
}

// Encodable reports whether v can be written as JSON without changing a text: encoding/json replaces invalid UTF-8.
func Encodable(v any) bool {
	_, err := json.Marshal(v)
	return err == nil
}

var tolerant = json.WithUnmarshalers(json.JoinUnmarshalers(
	json.UnmarshalFromFunc(func(dec *jsontext.Decoder, v *string) error {
		kind := dec.PeekKind()
		if kind == '"' || kind == 'n' {
			return errors.ErrUnsupported // the decoder itself is faster
		}
		if kind != '0' {
			return dec.SkipValue()
		}
		text, err := scalar(dec, kind)
		*v = text
		return err
	}),
	json.UnmarshalFromFunc(func(dec *jsontext.Decoder, v *Text) error {
		text, err := scalar(dec, dec.PeekKind())
		*v = Text(text)
		return err
	}),
	json.UnmarshalFromFunc(func(dec *jsontext.Decoder, v *bool) error {
		kind := dec.PeekKind()
		if kind == 't' || kind == 'f' || kind == 'n' {
			return errors.ErrUnsupported
		}
		text, err := scalar(dec, kind)
		*v = text == "1" || strings.EqualFold(text, "true")
		return err
	}),
	json.UnmarshalFromFunc(func(dec *jsontext.Decoder, v *[]string) error {
		if kind := dec.PeekKind(); kind == '[' || kind == 'n' {
			return errors.ErrUnsupported
		}
		return dec.SkipValue()
	}),
))

// Maybe is a T, or zero if the value cannot be read as one.
type Maybe[T any] struct{ Value T }

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (m *Maybe[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*m = Maybe[T]{} // Decode may have tried once before
	if _, isTolerant := json.GetOption(dec.Options(), json.WithUnmarshalers); !isTolerant {
		return json.UnmarshalDecode(dec, &m.Value)
	}
	raw, err := dec.ReadValue()
	if err != nil {
		return err
	}
	var value T
	invalid, _ := json.GetOption(dec.Options(), jsontext.AllowInvalidUTF8)
	if json.Unmarshal(raw, &value, tolerant, jsontext.AllowInvalidUTF8(invalid)) == nil {
		m.Value = value
	}
	return nil
}

// scalar reads a text, number or truth value as text. Anything else is skipped and "".
func scalar(dec *jsontext.Decoder, kind jsontext.Kind) (string, error) {
	switch kind {
	case '"', '0', 't', 'f':
		token, err := dec.ReadToken()
		return token.String(), err
	}
	return "", dec.SkipValue()
}

func integer(dec *jsontext.Decoder, fraction bool) (Int, error) {
	kind := dec.PeekKind()
	if kind == '0' {
		number, err := dec.ReadValue() // unlike a text, it is parsed without an allocation
		value, ok := wholeNumber(string(number), fraction)
		return Int{Value: value, Set: ok, Odd: !ok}, err
	}
	text, err := scalar(dec, kind)
	value, ok := wholeNumber(text, fraction)
	return Int{Value: value, Set: ok, Odd: !ok && kind != 'n' && (text != "" || kind != '"')}, err
}

// Int is an integer that the service writes as 5, 5.0 or "5". Null, "" and an absent one leave it unset.
type Int struct {
	Value int64
	Set   bool
	Odd   bool // there was something else
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (n *Int) UnmarshalJSONFrom(dec *jsontext.Decoder) (err error) {
	*n, err = integer(dec, false)
	return err
}

// UnmarshalJSON serves encoding/json.
func (n *Int) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, n) }

// Bool is a truth value that the service writes as true, 1, "true" or "1". Null, "" and an absent one leave it unset.
type Bool struct {
	Value bool
	Set   bool
	Odd   bool // there was something else
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (b *Bool) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	kind := dec.PeekKind()
	text, err := scalar(dec, kind)
	isTrue, isFalse := text == "1" || strings.EqualFold(text, "true"), text == "0" || strings.EqualFold(text, "false")
	*b = Bool{Value: isTrue, Set: isTrue || isFalse}
	b.Odd = !b.Set && kind != 'n' && (text != "" || kind != '"')
	return err
}

// Seconds is a time as the number of seconds since 1970, or a number of seconds. Unlike [Int] it may have a fraction (RFC 7519,
// section 2), which is dropped.
type Seconds Int

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (s *Seconds) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	n, err := integer(dec, true)
	*s = Seconds(n)
	return err
}

// Time returns the zero time if s is not set.
func (s Seconds) Time() time.Time {
	if !s.Set {
		return time.Time{}
	}
	return time.Unix(s.Value, 0)
}

// wholeNumber parses an integer, or one written with a fraction of zeros, as long as a float64 represents it exactly. With
// fraction, it drops any other fraction.
func wholeNumber(s string, fraction bool) (int64, bool) {
	const exact = 1 << 53
	if s == "" || strings.Trim(s, "0123456789+-.eE") != "" {
		return 0, false // ParseFloat accepts hexadecimal, underscores and infinities
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n < exact && n > -exact {
		return n, true
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != math.Trunc(f) && !fraction || math.Abs(f) >= exact {
		return 0, false
	}
	return int64(math.Floor(f)), true
}

// Text is a string that the service sometimes writes as a number or a truth value. Null leaves it empty. It has no methods:
// to the decoder it is then as cheap as a string.
type Text string

// String decodes a JSON text, number or truth value as a string. Null, objects and lists are "".
func String(b []byte) (string, error) {
	if len(b) > 1 && b[0] == '"' { // most texts need no decoder, which saves an allocation for each date
		if inner := b[1:]; bytes.IndexFunc(inner, needsDecoder) == len(inner)-1 && inner[len(inner)-1] == '"' {
			return string(inner[:len(inner)-1]), nil
		}
	}
	var t Text
	err := Decode(b, &t)
	return string(t), err
}

// needsDecoder reports whether r ends a JSON text, begins an escape, or is not ASCII.
func needsDecoder(r rune) bool { return r < ' ' || r > '~' || r == '\\' || r == '"' }

// Field reads one member of an object and skips the others, so that a response costs no more than what it is read for.
type Field[T any] struct {
	Name    string // set before decoding
	Value   *T     // nil if the member is absent or null
	Present bool
	Others  bool // there is a member that is not null, or the value is no object
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (f *Field[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*f = Field[T]{Name: f.Name} // Decode may have tried once before
	if kind := dec.PeekKind(); kind != '{' {
		f.Others = kind != 'n'
		return dec.SkipValue()
	}
	return members(dec, func(name []byte) error {
		wanted := string(name) == f.Name
		f.Others = f.Others || dec.PeekKind() != 'n'
		if !wanted {
			return dec.SkipValue()
		}
		f.Present = true
		return json.UnmarshalDecode(dec, &f.Value)
	})
}

// members calls read for each member of the object that dec is at. read has to consume the value. name is
// valid until it looks at that.
func members(dec *jsontext.Decoder, read func(name []byte) error) error {
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != '}' {
		quoted, err := dec.ReadValue()
		if err != nil {
			return err
		}
		name := quoted[1 : len(quoted)-1]
		if bytes.IndexByte(name, '\\') >= 0 {
			name, _ = jsontext.AppendUnquote(nil, quoted) // half a surrogate pair is an error and replaced
		}
		if err := read(name); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

// Entries are the first entries of a list. The others are counted, not read.
type Entries struct {
	First []jsontext.Value
	Count int
	Odd   bool // there is no list but something else
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (e *Entries) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	const limit = 8
	*e = Entries{} // Decode may have tried once before
	if kind := dec.PeekKind(); kind != '[' {
		e.Odd = kind != 'n'
		return dec.SkipValue()
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != ']' {
		e.Count++
		if e.Count > limit {
			if err := dec.SkipValue(); err != nil {
				return err
			}
			continue
		}
		entry, err := dec.ReadValue()
		if err != nil {
			return err
		}
		e.First = append(e.First, entry.Clone())
	}
	_, err := dec.ReadToken()
	return err
}

// List is a list of objects. It passes over entries of other types. It is nil if there is something else than a list, or
// nothing but entries of other types.
type List[T any] []T

// No real list comes near to this. An empty entry has 3 bytes, but room for a large struct has to be made several times while
// the list grows: without a limit, 1 MiB of them cost half a gigabyte.
const maxEntries = 5_000

var errTooLong = fmt.Errorf("a list of more than %d entries", maxEntries)

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (l *List[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*l = nil // Decode may have tried once before
	if dec.PeekKind() != '[' {
		return dec.SkipValue()
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	entries, passed := List[T]{}, 0
	for kind := dec.PeekKind(); kind != ']'; kind = dec.PeekKind() {
		if kind != '{' {
			if err := dec.SkipValue(); err != nil {
				return err
			}
			passed++
			continue
		}
		if len(entries) == maxEntries {
			return errTooLong
		}
		var entry T
		if err := json.UnmarshalDecode(dec, &entry); err != nil {
			return err
		}
		entries = append(entries, entry)
	}
	if len(entries) > 0 || passed == 0 {
		*l = entries
	}
	_, err := dec.ReadToken()
	return err
}

// HasOtherKeys reports whether an object has other members than those known.
func HasOtherKeys(body []byte, known ...string) bool {
	dec := jsontext.NewDecoder(bytes.NewReader(bytes.TrimPrefix(body, byteOrderMark)))
	if dec.PeekKind() != '{' {
		return false
	}
	var found bool
	err := members(dec, func(name []byte) error {
		for _, k := range known {
			if string(name) == k {
				return dec.SkipValue()
			}
		}
		found = true
		return dec.SkipValue()
	})
	return err == nil && found
}

// china is the zone of Authing's servers, and of the dates that it writes without one.
var china = time.FixedZone("CST", 8*60*60)

// dateLayouts are the forms seen so far: JavaScript's, in several locales, and SQL's.
var dateLayouts = []string{
	time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05", "2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05Z0700", "2006-01-02 15:04:05 Z0700", "2006-01-02 15:04:05 Z07:00", "2006-01-02",
	"Mon Jan 2 2006 15:04:05 GMT-0700", "Mon Jan 2 2006 15:04:05", time.RFC1123, time.RFC1123Z,
	"1/2/2006, 3:04:05 PM", "1/2/2006 3:04:05 PM", "1/2/2006, 15:04:05", "2006/1/2 15:04:05", "2006/1/2",
	"Mon 2006-01-02 15:04:05", "Mon, 2006-01-02 15:04:05", "Mon 1/2/2006, 3:04:05 PM",
	"2006-01-02T15:04", "2006-01-02 15:04", "Mon Jan 2 2006", "1/2/2006", "2006/1/2 PM3:04:05", time.ANSIC,
	"2006-01-02 15:04:05 Z0700 MST", "Mon, 1/2/2006, 3:04:05 PM", "Mon Jan 2 2006 15:04:05 -0700", time.UnixDate,
	"2006-01-02 15:04:05Z07", "2006-01-02 15:04:05 Z07", "2006-01-02T15:04:05Z07", "2006-01-02 15:04:05 MST",
}

// inDates replaces what Go's layouts cannot name: newer JavaScript's narrow space before AM and PM, Chinese names, and the space
// that URL decoding makes of a plus.
var inDates = strings.NewReplacer("\u202f", " ", "上午", "AM", "下午", "PM", "年", "/", "月", "/", "日", "", "GMT ", "GMT+")

// ParseTime reads a date in any form that the service uses, or seconds or milliseconds since 1970. A form without a zone is
// China's time. It returns the zero time for anything else.
func ParseTime(s string) time.Time {
	if s == "" {
		return time.Time{}
	}
	if len(s) > len("2006-01-02") && s[len("2006-01-02")] == 'T' { // most dates, and no error to allocate for the others
		if t, err := time.ParseInLocation(time.RFC3339, s, china); err == nil {
			return t
		}
	}
	if n, ok := wholeNumber(s, strings.Index(s, ".") > len("12345678")); ok { // 2019.11 is no time
		const firstMilliseconds = 1e11 // the year 5138 in seconds, March 1973 in milliseconds
		switch {
		case n == 0:
			return time.Time{}
		case n < firstMilliseconds && n > -firstMilliseconds:
			return time.Unix(n, 0)
		}
		return time.UnixMilli(n)
	}
	date, _, _ := strings.Cut(strings.TrimSpace(s), " (") // the zone's name may contain spaces
	date = inDates.Replace(date)
	if len(date) > len("2006-01-02") && date[len("2006-01-02")] == 'T' {
		date = strings.Replace(date, " ", "+", 1) // like the space after GMT
	}
	for _, layout := range dateLayouts {
		if t, err := time.ParseInLocation(layout, date, china); err == nil && !unknownZone(layout, t) {
			return t
		}
	}
	return time.Time{}
}

// unknownZone reports whether t has a zone that only its name tells, and that package time does not know: it takes it for UTC.
func unknownZone(layout string, t time.Time) bool {
	name, offset := t.Zone()
	return offset == 0 && name != "UTC" && name != "GMT" && strings.Contains(layout, "MST") && !strings.Contains(layout, "0700")
}

// Raw is the part of a response body that a result was decoded from. It keeps the body and extracts the part on demand:
// decoding it first would make every call more expensive.
type Raw struct {
	body []byte
	path [2]string // keys from the top of the body to the value; "" ends it
}

// At returns the value that the keys in path lead to. Unused keys are "".
func At(body []byte, path [2]string) Raw { return Raw{body, path} }

// JSON returns a copy of the value, or nil if there is none.
func (r Raw) JSON() []byte {
	value := bytes.TrimPrefix(r.body, byteOrderMark)
	for _, key := range r.path {
		if key == "" {
			break
		}
		found := Field[jsontext.Value]{Name: key}
		if Decode(value, &found) != nil || found.Value == nil {
			return nil
		}
		value = *found.Value
	}
	return bytes.Clone(value)
}
