package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
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
		`5`: whole(5), `"5"`: whole(5), `5.0`: whole(5), `"-2e2"`: whole(-200), `0`: whole(0), `"00"`: whole(0),
		`null`: {}, `""`: {}, `9007199254740991`: whole(1<<53 - 1), `-9007199254740991`: whole(1 - 1<<53),
	} {
		var n Int
		require.NoError(t, json.Unmarshal([]byte(written), &n), written)
		assert.Equal(t, want, n, written)
	}
	for _, written := range []string{`5.5`, `"x"`, `"0x10"`, `"1_0"`, `"Inf"`, `9007199254740992`, `1e999`, `true`, `[]`, `{}`, `" 5"`} {
		var n Int
		require.NoError(t, json.Unmarshal([]byte(written), &n), written)
		assert.Equal(t, Int{Odd: true}, n, written)
	}
}

func whole(n int64) Int { return Int{Value: n, Set: true} }

func TestSeconds(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]int64{`5`: 5, `"5"`: 5, `5.9`: 5, `"5.9"`: 5, `-0.5`: -1, `1.5742524255e9`: 1574252425} {
		var s Seconds
		require.NoError(t, Decode([]byte(written), &s), written)
		assert.Equal(t, time.Unix(want, 0), s.Time(), written)
	}
	for written, odd := range map[string]bool{`null`: false, `""`: false, `"x"`: true, `9007199254740992.5`: true, `{}`: true, `true`: true} {
		var s Seconds
		require.NoError(t, Decode([]byte(written), &s), written)
		assert.Equal(t, Seconds{Odd: odd}, s, written)
		assert.True(t, s.Time().IsZero())
	}
}

func TestString(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]string{
		`""`: "", `"a\"b"`: `a"b`, `"\u00e9"`: "é", `"中国"`: "中国", `5`: "5", `-1.50`: "-1.50", `true`: "true", `null`: "", `{}`: "", `[1]`: "",
	} {
		got, err := String([]byte(written))
		require.NoError(t, err, written)
		assert.Equal(t, want, got, written)
		var text Text
		require.NoError(t, Decode([]byte(written), &text), written)
		assert.Equal(t, want, string(text), written)
	}
	for _, written := range []string{``, `"`, `"a`, `a"`, "\"\xff\"", "\"\x00\""} {
		_, err := String([]byte(written))
		assert.Error(t, err, "%q", written)
	}
}

func TestDecodeIsStrictAboutJSON(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"a":"1","a":"2"}`, `{"b":{"c":1,"c":2}}`, `{"a":"1"}{}`, `{"a":"1",}`} {
		var v struct {
			A string `json:"a"`
		}
		assert.Error(t, Decode([]byte(body), &v), body)
	}
	var v struct {
		A string `json:"a"`
	}
	require.NoError(t, Decode([]byte(`{"A":"1"}`), &v))
	assert.Empty(t, v.A, "another name")
}

// An odd field or half a surrogate pair takes another attempt, which must not add to what the first one read.
func TestDecodeTriesAgainFromTheStart(t *testing.T) {
	t.Parallel()
	var env struct {
		Data   Field[struct{ Name, Nick string }] `json:"data"`
		Errors Entries                            `json:"errors"`
	}
	env.Data.Name = "user"
	require.NoError(t, Decode([]byte(`{"errors":[1,2,3,4,5],"data":{"user":{"Name":"Ann"}},"x":"\ud800"}`), &env))
	assert.Equal(t, 5, env.Errors.Count)
	assert.Len(t, env.Errors.First, 5)
	require.NotNil(t, env.Data.Value)
	assert.Equal(t, "Ann", env.Data.Value.Name)

	var odd Maybe[struct {
		Name  string
		Count []int
	}]
	require.NoError(t, Decode([]byte(`{"Name":"Ann","Count":"many"}`), &odd))
	assert.Zero(t, odd)
}

func TestHalfASurrogatePair(t *testing.T) {
	t.Parallel()
	var v struct {
		List Maybe[[]struct{ ID, Name string }]
	}
	require.NoError(t, Decode([]byte(`{"List":[{"ID":"1","Name":"\ud83d"}]}`), &v))
	require.Len(t, v.List.Value, 1)
	assert.Equal(t, "1", v.List.Value[0].ID)

	text, err := String([]byte(`"a\ud83d"`))
	require.NoError(t, err)
	assert.Equal(t, "a\ufffd", text)
}

// Whatever the size of a response, reading it costs a small multiple of that.
func TestDecodeCostsItsSize(t *testing.T) {
	const size = 1 << 20
	list := func(entry string) string { return "[" + strings.Repeat(entry+",", size/(len(entry)+1)) + entry + "]" }
	keys := new(strings.Builder)
	for i := 0; keys.Len() < size; i++ {
		fmt.Fprintf(keys, `"k%d":{"_id":"u"},`, i)
	}
	const tooMany = "too many entries"
	for name, body := range map[string]string{
		tooMany:          `{"entries":` + list("{}") + `}`,
		"other entries":  `{"entries":` + list("[]") + `}`,
		"many errors":    `{"errors":` + list("1") + `}`,
		"large errors":   `{"errors":` + list(`{"message":{"code":1}}`) + `}`,
		"many fields":    `{"data":{` + keys.String() + `"user":null}}`,
		"unknown list":   `{"unknown":` + list("1") + `}`,
		"list as a text": `{"data":{"user":{"name":` + list("1") + `}}}`,
		"deep":           `{"unknown":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`,
	} {
		var env struct {
			Data    Field[struct{ Name string }]     `json:"data"`
			Errors  Entries                          `json:"errors"`
			Entries List[struct{ Names [20]string }] `json:"entries"`
		}
		env.Data.Name = "user"
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := Decode([]byte(body), &env)
		runtime.ReadMemStats(&after)
		assert.Equal(t, name == tooMany, err != nil, name)
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16*size), name)
		assert.LessOrEqual(t, len(env.Errors.First), 8)
		if name == "many errors" {
			assert.Greater(t, env.Errors.Count, size/4)
		}
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"2020-02-27T05:33:20.796Z":                                  "2020-02-27T05:33:20.796Z",
		"2020-10-19T16:21:02+08:00":                                 "2020-10-19T08:21:02Z",
		"2017-06-07T14:34:08":                                       "2017-06-07T06:34:08Z", // China's time
		"2017-06-07T14:34:08.700":                                   "2017-06-07T06:34:08.7Z",
		"11/20/2019, 8:20:25 PM":                                    "2019-11-20T12:20:25Z",
		"2019-11-20 20:20:25":                                       "2019-11-20T12:20:25Z",
		"2019-11-20 20:20:25+0800":                                  "2019-11-20T12:20:25Z",
		"2019-11-20 20:20:25 +0800":                                 "2019-11-20T12:20:25Z",
		"2019-11-20T20:20:25+0800":                                  "2019-11-20T12:20:25Z",
		"Wed, 20 Nov 2019 12:20:25 GMT":                             "2019-11-20T12:20:25Z",
		"Wed Nov 20 2019 20:20:25":                                  "2019-11-20T12:20:25Z",
		"11/20/2019, 8:20:25\u202fPM":                               "2019-11-20T12:20:25Z", // of newer Node.js
		"2019/11/20 下午8:20:25":                                      "2019-11-20T12:20:25Z",
		"2019-11-20 20:20:25 +0800 CST":                             "2019-11-20T12:20:25Z",
		"Wed Nov 20 20:20:25 2019":                                  "2019-11-20T12:20:25Z",
		"2019-11-20 20:20":                                          "2019-11-20T12:20:00Z",
		"2019-11-20T20:20":                                          "2019-11-20T12:20:00Z",
		"Wed Nov 20 2019":                                           "2019-11-19T16:00:00Z",
		"11/20/2019":                                                "2019-11-19T16:00:00Z",
		"1574252425":                                                "2019-11-20T12:20:25Z",
		"1574252425.123":                                            "2019-11-20T12:20:25Z",
		"1.574252425e9":                                             "2019-11-20T12:20:25Z",
		"Wed, 11/20/2019, 8:20:25 PM":                               "2019-11-20T12:20:25Z",
		"2019-11-20 20:20:25+08":                                    "2019-11-20T12:20:25Z",
		"2019-11-20 20:20:25 +08":                                   "2019-11-20T12:20:25Z",
		"2019-11-20T20:20:25+08":                                    "2019-11-20T12:20:25Z",
		"2019-11-20T20:20:25 08:00":                                 "2019-11-20T12:20:25Z",
		"2019-11-20 12:20:25 UTC":                                   "2019-11-20T12:20:25Z",
		"2019-11-20 20:20:25 CST":                                   "2019-11-20T12:20:25Z",
		"2019年11月20日 20:20:25":                                      "2019-11-20T12:20:25Z",
		"Wed Nov 20 20:20:25 CST 2019":                              "2019-11-20T12:20:25Z", // China's
		"Wed Nov 20 2019 20:20:25 +0800":                            "2019-11-20T12:20:25Z",
		"Tue Oct 17 2017 21:02:01 GMT+0800":                         "2017-10-17T13:02:01Z",
		"Tue Oct 17 2017 21:02:01 GMT+0800 (CST)":                   "2017-10-17T13:02:01Z",
		"Tue Oct 17 2017 21:02:01 GMT+0800 (China Standard Time)":   "2017-10-17T13:02:01Z",
		"Fri Jan 12 2018 13:55:25 GMT 0800 (中国标准时间)":                "2018-01-12T05:55:25Z",
		"Thu Feb 27 2020 00:33:20 GMT-0500 (Eastern Standard Time)": "2020-02-27T05:33:20Z",
		"1582781600796":                                             "2020-02-27T05:33:20.796Z",
		"1582781600796.0":                                           "2020-02-27T05:33:20.796Z",
		"2020":                                                      "1970-01-01T00:33:40Z", // seconds, not a year
	} {
		expected, err := time.Parse(time.RFC3339Nano, want)
		require.NoError(t, err)
		assert.True(t, expected.Equal(ParseTime(s)), s)
	}
	for _, s := range []string{
		"", "0", "0000", "true", "soon", "Invalid date", "2020-13-45T99:99:99Z", "1e400", "1.5s", "0.5", "2019.11", "2019-11-20 20:20:25 EST", "NaN", "Infinity",
	} {
		assert.True(t, ParseTime(s).IsZero(), s)
	}
}

func TestRaw(t *testing.T) {
	t.Parallel()
	const body = "\xef\xbb\xbf" + `{"data":{"user":{"_id":"u1"}},"code":200}`
	for want, path := range map[string][2]string{
		body[3:]:                {},
		`{"user":{"_id":"u1"}}`: {"data"},
		`{"_id":"u1"}`:          {"data", "user"},
		``:                      {"data", "other"},
	} {
		assert.Equal(t, want, string(At([]byte(body), path).JSON()))
	}
	assert.Equal(t, `"\ud800"`, string(At([]byte(`{"data":"\ud800"}`), [2]string{"data"}).JSON()), "half a pair")
	assert.Nil(t, At(nil, [2]string{}).JSON())
	assert.Nil(t, At([]byte("[]"), [2]string{"data"}).JSON())
	raw := At([]byte(`{}`), [2]string{})
	raw.JSON()[0] = 'x'
	assert.Equal(t, `{}`, string(raw.JSON()), "a copy")
}

// Whatever Decode accepts, encoding/json reads to the same value, and no odd field fails it.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"text":"a\"\u00e9中","name":"\ud800","flag":true,"number":5}`, `{"text":5,"name":[1],"flag":"1","number":"5.0"}`,
		`{"text":null,"name":null,"flag":null,"number":null}`, `{"number":9007199254740992,"name":1e400,"flag":{}}`,
		"\xef\xbb\xbf[1.50,-0,\"\",{}]", `{"name":"x","NAME":"y"}`, `{"name":"x","name":"y"}`, "\"\xff\"",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var got, want any
		if Decode(body, &got) != nil {
			return
		}
		require.NoError(t, json.Unmarshal(bytes.TrimPrefix(body, byteOrderMark), &want))
		require.Equal(t, want, got)
		object, ok := want.(map[string]any)
		if !ok {
			return
		}
		var fields struct {
			Text   Text   `json:"text"`
			Name   string `json:"name"`
			Flag   bool   `json:"flag"`
			Number Int    `json:"number"`
		}
		require.NoError(t, Decode(body, &fields))
		if text, ok := object["text"].(string); ok {
			assert.Equal(t, text, string(fields.Text))
		}
		if name, ok := object["name"].(string); ok {
			assert.Equal(t, name, fields.Name)
		}
		if flag, ok := object["flag"].(bool); ok {
			assert.Equal(t, flag, fields.Flag)
		}
		if number, ok := object["number"].(float64); ok && fields.Number.Set {
			assert.InDelta(t, number, float64(fields.Number.Value), 0)
		}
	})
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
