package wire

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		`{"a":1}`:            true,
		"\xef\xbb\xbf{}":     true,
		" {} \n":             true,
		"":                   false,
		"{} {}":              false,
		`{"a":"` + "\xff\"}": false,
		"\xef\xbb\xbf\xef{}": false,
		`{"a":`:              false,
		"<html>":             false,
	} {
		var v any
		assert.Equal(t, want, Decode([]byte(body), &v) == nil, "%q", body)
	}
}

func TestInt(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]Int{
		`5`: {5, true}, `"5"`: {5, true}, `5.0`: {5, true}, `"-2e2"`: {-200, true}, `0`: {0, true}, `"00"`: {0, true},
		`null`: {}, `""`: {}, `9007199254740991`: {1<<53 - 1, true},
	} {
		var n Int
		require.NoError(t, json.Unmarshal([]byte(written), &n), written)
		assert.Equal(t, want, n, written)
	}
	for _, written := range []string{`5.5`, `"x"`, `"0x10"`, `"1_0"`, `"Inf"`, `9007199254740992`, `1e999`, `true`, `[]`, `{}`, `" 5"`} {
		var n Int
		assert.Error(t, json.Unmarshal([]byte(written), &n), written)
	}
}

func TestSeconds(t *testing.T) {
	t.Parallel()
	assert.True(t, Int{}.Seconds().IsZero())
	assert.Equal(t, time.Unix(5, 0), Int{5, true}.Seconds())
}

// A string that skips the decoder reads as encoding/json reads it.
func TestStringMatchesTheDecoder(t *testing.T) {
	t.Parallel()
	for _, written := range []string{
		`"`, `""`, `"a`, `a"`, `"a"`, `"a"b"`, `"a\"`, `"a\"b"`, `"\u00e9"`, `"é"`, "\"\xff\"", "\"\xff", "\"\x00\"", "\"\x7f\"",
		`"2020-02-27T05:33:20.796Z"`, `"Fri Jan 12 2018 13:55:25 GMT+0800 (CST)"`, `"中国标准时间"`, `" "`, `"""`,
	} {
		var want string
		wrong := json.Unmarshal([]byte(written), &want)
		got, err := String([]byte(written))
		assert.Equal(t, wrong == nil, err == nil, "%q: %v", written, err)
		if err == nil {
			assert.Equal(t, want, got, "%q", written)
		}
	}
	for written, want := range map[string]string{`5`: "5", `-1.50`: "-1.50", `null`: ""} {
		got, err := String([]byte(written))
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err := String(nil)
	assert.Error(t, err)
}

func TestText(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]Text{`"86"`: "86", `86`: "86", `null`: "", `""`: ""} {
		var text Text
		require.NoError(t, json.Unmarshal([]byte(written), &text), written)
		assert.Equal(t, want, text, written)
	}
}

func TestMistyped(t *testing.T) {
	t.Parallel()
	var v struct {
		Outer struct {
			Code Int  `json:"code"`
			Name Text `json:"name"`
		} `json:"outer"`
	}
	for body, want := range map[string][2]string{
		`{"outer":{"code":5.5}}`:  {"code", "number that is not whole"},
		`{"outer":{"code":"x"}}`:  {"code", "string that is not a whole number"},
		`{"outer":{"name":{}}}`:   {"name", "object"},
		`{"outer":{"name":[]}}`:   {"name", "array"},
		`{"outer":{"name":true}}`: {"name", "bool"},
		`{"outer":1}`:             {"outer", "number"},
		`{`:                       {},
		`[]`:                      {},
	} {
		field, value := Mistyped(Decode([]byte(body), &v))
		assert.Equal(t, want, [2]string{field, value}, body)
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"2020-02-27T05:33:20.796Z":                                  "2020-02-27T05:33:20.796Z",
		"2020-10-19T16:21:02+08:00":                                 "2020-10-19T08:21:02Z",
		"2017-06-07T14:34:08":                                       "2017-06-07T14:34:08Z",
		"2017-06-07T14:34:08.700":                                   "2017-06-07T14:34:08.7Z",
		"Tue Oct 17 2017 21:02:01 GMT+0800":                         "2017-10-17T13:02:01Z",
		"Tue Oct 17 2017 21:02:01 GMT+0800 (CST)":                   "2017-10-17T13:02:01Z",
		"Tue Oct 17 2017 21:02:01 GMT+0800 (China Standard Time)":   "2017-10-17T13:02:01Z",
		"Fri Jan 12 2018 13:55:25 GMT 0800 (中国标准时间)":                "2018-01-12T05:55:25Z",
		"Thu Feb 27 2020 00:33:20 GMT-0500 (Eastern Standard Time)": "2020-02-27T05:33:20Z",
		"1582781600796":                                             "2020-02-27T05:33:20.796Z",
		"1582781600796.0":                                           "2020-02-27T05:33:20.796Z",
		"2020":                                                      "1970-01-01T00:00:02.020Z", // milliseconds, not a year
	} {
		expected, err := time.Parse(time.RFC3339Nano, want)
		require.NoError(t, err)
		assert.True(t, expected.Equal(ParseTime(s)), s)
	}
	for _, s := range []string{
		"", "0", "0000", "true", "soon", "Invalid date", "2020-13-45T99:99:99Z", "1e400", "1.5", "NaN", "Infinity",
	} {
		assert.True(t, ParseTime(s).IsZero(), s)
	}
}

func TestRaw(t *testing.T) {
	t.Parallel()
	const body = "\xef\xbb\xbf" + `{"Data":{"user":{"_id":"u1"}},"code":200}`
	for want, path := range map[string][2]string{
		body[3:]:                {},
		`{"user":{"_id":"u1"}}`: {"data"},
		`{"_id":"u1"}`:          {"data", "user"},
		``:                      {"data", "other"},
	} {
		assert.Equal(t, want, string(At([]byte(body), path).JSON()))
	}
	assert.Nil(t, At(nil, [2]string{}).JSON())
	assert.Nil(t, At([]byte("[]"), [2]string{"data"}).JSON())
	raw := At([]byte(`{}`), [2]string{})
	raw.JSON()[0] = 'x'
	assert.Equal(t, `{}`, string(raw.JSON()), "a copy")
}

func FuzzParseTime(f *testing.F) {
	for _, seed := range []string{"2020-02-27T05:33:20.796Z", "Fri Jan 12 2018 13:55:25 GMT+0800 (CST)", "1582781600796", "0", "", "-1", "1e15", "0x1p-2", "9999-12-31T23:59:59-23:59"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if at := ParseTime(s); !at.IsZero() && at.Year() >= 0 && at.Year() <= 9999 {
			assert.True(t, ParseTime(at.Format(time.RFC3339Nano)).Equal(at), s)
		}
	})
}
