package promises_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// Everything here is told of one call of a kind at most, loginWithWxapp and login: all calls share the path that an answer
// takes. What is different about GraphQL stands in graphql_test.go.

// serviceUser is a user with every field that the SDK reads, as the service writes it.
func serviceUser() map[string]any {
	return map[string]any{
		"_id": "5e05bbf2d51b3761d5c71070", "id": "5e05bbf2d51b3761d5c71070",
		"email": "ann@example.com", "emailVerified": true, "phone": "13800138000", "phoneVerified": true,
		"username": "ann", "nickname": "安 😀", "company": "Example", "photo": "https://example.com/ann.png",
		"browser": strings.Repeat("Mozilla/5.0 (iPhone; CPU iPhone OS 13_3 like Mac OS X) ", 10), "device": "iPhone",
		"unionid": "oUnion", "openid": "oOpen", "oauth": `{"nickName":"安","gender":1,"city":"深圳"}`,
		"registerInClient": "5e4cdd055df3df65dc58b97d", "registerMethod": "oauth:wxapp",
		"token":          "header.payload.signature" + strings.Repeat("0123456789abcdef", 40),
		"tokenExpiredAt": "2020-03-20T08:41:05.000Z", "loginsCount": 3, "lastLogin": "2020-03-05T08:41:05.000Z",
		"lastIP": "127.0.0.1", "signedUp": "2019-12-27T08:00:02.000Z", "blocked": false, "isDeleted": false,
		"group": map[string]any{
			"_id": "5d0c8d1a", "name": "default", "descriptions": "everybody", "createdAt": "2019-12-27T08:00:02.000Z",
		},
	}
}

func serviceAnswer(user map[string]any) string {
	answer, _ := json.Marshal(map[string]any{"code": 200, "message": "ok", "data": user})
	return string(answer)
}

// answerForm is one of the two forms in which a service wraps a user.
type answerForm struct {
	name string
	try  func(*authing.Client) (*authing.User, error)
	of   func(user map[string]any) string
}

// eachForm runs a test for either form of an answer.
func eachForm(t *testing.T, test func(t *testing.T, f answerForm)) {
	t.Helper()
	for _, f := range []answerForm{
		{"REST", tryLogin, serviceAnswer},
		{"GraphQL", tryPassword, func(user map[string]any) string {
			result, _ := json.Marshal(user)
			return graphqlData("login", string(result))
		}},
	} {
		t.Run(f.name, func(t *testing.T) { test(t, f) })
	}
}

// withField returns the service's user with one field ("group.name" is a field of the group) written as value.
func withField(field, value string) map[string]any {
	user := serviceUser()
	object := user
	if outer, inner, nested := strings.Cut(field, "."); nested {
		object, field = user[outer].(map[string]any), inner
	}
	object[field] = json.RawMessage(value)
	return user
}

func tryLogin(client *authing.Client) (*authing.User, error) {
	return client.LoginWithWxapp(context.Background(), code, loginDetail)
}

// wantBroken asserts that a login failed without anybody knowing whether it took effect.
func wantBroken(t *testing.T, user *authing.User, err error) *authing.Error {
	t.Helper()
	var e *authing.Error
	require.ErrorAs(t, err, &e)
	require.ErrorIs(t, err, authing.ErrOutcomeUnknown)
	assert.Nil(t, user)
	return e
}

// wantBad is wantBroken for a response that is not Authing's.
func wantBad(t *testing.T, user *authing.User, err error) *authing.Error {
	t.Helper()
	require.ErrorIs(t, err, authing.ErrBadResponse)
	return wantBroken(t, user, err)
}

func TestHostileContentType(t *testing.T) {
	t.Parallel()
	eachForm(t, func(t *testing.T, f answerForm) {
		answer := f.of(serviceUser())
		client, _ := setup(t, http.StatusOK, answer)
		want, err := f.try(client)
		require.NoError(t, err)
		require.NotEmpty(t, want.Token)
		for _, contentType := range []string{
			"application/json", "application/json; charset=utf-8", "text/plain", "text/html; charset=gbk",
			"application/octet-stream", "application/xml", "no type at all", "",
		} {
			t.Run(contentType, func(t *testing.T) {
				t.Parallel()
				header := http.Header{}
				if contentType != "" {
					header.Set("Content-Type", contentType)
				}
				client, _ := setupResponder(t, httpmock.NewStringResponder(200, answer).HeaderSet(header))

				user, err := f.try(client)

				require.NoError(t, err)
				assert.Equal(t, want, user)
			})
		}
	})
}

func TestHostileAnswer(t *testing.T) {
	t.Parallel()
	const page = `<html><body>canary: the session of ann@example.com has ended</body></html>`
	success := serviceAnswer(serviceUser())
	for name, tt := range map[string]struct {
		status int
		body   string
		code   int // that the service gave
	}{
		"HTML":                      {200, page, 0},
		"HTML of a bad gateway":     {502, page, 0},
		"HTML of a login wall":      {403, page, 0},
		"nothing":                   {200, "", 0},
		"no content":                {204, "", 0},
		"white space":               {200, " \r\n", 0},
		"null":                      {200, "null", 0},
		"array":                     {200, "[]", 0},
		"text":                      {200, `"x"`, 0},
		"number":                    {200, "200", 0},
		"empty object":              {200, "{}", 0},
		"array around a success":    {200, "[" + success + "]", 0},
		"text around a success":     {200, strconv.Quote(success), 0},
		"no data":                   {200, `{"code":200,"message":"ok"}`, 200},
		"null data":                 {200, `{"code":200,"message":"ok","data":null}`, 200},
		"empty data":                {200, `{"code":200,"message":"ok","data":{}}`, 200},
		"list as data":              {200, `{"code":200,"message":"ok","data":[]}`, 200},
		"text as data":              {200, `{"code":200,"message":"ok","data":"ok"}`, 200},
		"no token":                  {200, `{"code":200,"message":"ok","data":{"_id":"5e05"}}`, 200},
		"no id":                     {200, `{"code":200,"message":"ok","data":{"token":"a.b.c"}}`, 200},
		"rest after it":             {200, success + "x", 0},
		"brace after it":            {200, success + "}", 0},
		"NUL after it":              {200, success + "\x00", 0},
		"another answer after it":   {200, success + success, 0},
		"something before it":       {200, ")]}'\n" + success, 0},
		"two byte order marks":      {200, "\ufeff\ufeff" + success, 0},
		"UTF-16":                    {200, "\xff\xfe{\x00}\x00", 0},
		"invalid UTF-8":             {200, strings.Replace(success, "安", "\xb0\xb2", 1), 0},
		"overlong UTF-8":            {200, strings.Replace(success, "安", "\xc0\xaf", 1), 0},
		"surrogate as UTF-8":        {200, strings.Replace(success, "安", "\xed\xa0\x80", 1), 0},
		"control character in text": {200, strings.Replace(success, "安", "\x00", 1), 0},
		"single quotes":             {200, strings.ReplaceAll(success, `"`, `'`), 0},
		"comment":                   {200, "/**/" + success, 0},
		"depth 10,001":              {200, `{"code":200,"x":` + strings.Repeat("[", 10001) + strings.Repeat("]", 10001) + "," + success[1:], 0},
		"success, but 201":          {201, success, 200},
		"success, but 202":          {202, success, 200},
		"success, but 206":          {206, success, 200},
		"success, but 300":          {300, success, 200},
		"success, but 302":          {302, success, 200},
		"success, but 304":          {304, success, 200},
		"success, but 400":          {400, success, 200},
		"success, but 500":          {500, success, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, got := setup(t, tt.status, tt.body)

			user, err := tryLogin(client)

			e := wantBad(t, user, err)
			assert.Equal(t, "LoginWithWxapp", e.Op)
			assert.Equal(t, tt.status, e.StatusCode)
			assert.Equal(t, tt.code, e.Code)
			got.Only(t)
			assert.NotContains(t, err.Error(), "canary")
			assert.NotContains(t, err.Error(), "header.payload.signature")
		})
	}
}

func TestHostileTruncation(t *testing.T) {
	t.Parallel()
	answer := serviceAnswer(serviceUser())
	require.Greater(t, len(answer), 2000)
	var length int
	client, _ := setupResponder(t, func(*http.Request) (*http.Response, error) {
		return httpmock.NewStringResponse(200, answer[:length]), nil
	})
	for length = range len(answer) {
		user, err := tryLogin(client)
		if !assert.Nil(t, user) || !assert.ErrorIs(t, err, authing.ErrBadResponse) || !assert.ErrorIs(t, err, authing.ErrOutcomeUnknown) {
			require.Fail(t, "a cut answer was taken for a whole one", "%d of %d bytes", length, len(answer))
		}
	}
	length = len(answer)
	_, err := tryLogin(client)
	require.NoError(t, err)
}

func TestHostileTransfer(t *testing.T) {
	t.Parallel()
	eachForm(t, func(t *testing.T, f answerForm) {
		success := f.of(serviceUser())
		status := "HTTP/1.1 200 OK\r\nConnection: close\r\n"
		sized := func(n int) string { return fmt.Sprintf("Content-Length: %d\r\n", n) }
		chunk := func(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }
		chunked := status + "Transfer-Encoding: chunked\r\n\r\n"
		const end = "0\r\n\r\n"

		for name, answer := range map[string]string{
			"whole, by length":           status + sized(len(success)) + "\r\n" + success,
			"whole, in chunks":           chunked + chunk(success[:9]) + chunk(success[9:]) + end,
			"whole, by closing":          status + "\r\n" + success,
			"whole, after early hints":   "HTTP/1.1 103 Early Hints\r\n\r\n" + status + "\r\n" + success,
			"longer than it is":          status + sized(len(success)+1) + "\r\n" + success,
			"shorter than it is":         status + sized(len(success)-1) + "\r\n" + success,
			"of no length":               status + sized(0) + "\r\n" + success,
			"of a negative length":       status + "Content-Length: -1\r\n\r\n" + success,
			"of two lengths":             status + sized(len(success)) + sized(len(success)-1) + "\r\n" + success,
			"without the last chunk":     chunked + chunk(success),
			"without the chunk's end":    chunked + strings.TrimSuffix(chunk(success), "\r\n") + end,
			"with a bad chunk size":      chunked + "zz\r\n" + success + "\r\n" + end,
			"with a huge chunk size":     chunked + "ffffffffffffffff\r\n" + success + "\r\n" + end,
			"with an overlong chunk":     chunked + fmt.Sprintf("%x\r\n%s\r\n", len(success)-1, success) + end,
			"of an unknown encoding":     status + "Transfer-Encoding: rot13\r\n\r\n" + success,
			"with a header without name": status + ": x\r\n\r\n" + success,
			"with a header of no form":   status + "no colon\r\n\r\n" + success,
			"with half a status line":    "HTTP/1.1\r\n\r\n" + success,
			"with a status in words":     "HTTP/1.1 OK\r\n\r\n" + success,
			"of no HTTP":                 success,
			"of another protocol":        "SSH-2.0-OpenSSH_9.6\r\n",
			"with another protocol":      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n" + success,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				client := clientAt(t, startAnswering(t, answer))

				user, err := f.try(client)

				if strings.HasPrefix(name, "whole") {
					require.NoError(t, err)
					assert.Equal(t, "5e05bbf2d51b3761d5c71070", user.ID)
					return
				}
				wantBroken(t, user, err)
			})
		}
	})
}

// startAnswering starts a server that reads a request, writes answer as it is and closes the connection.
func startAnswering(t *testing.T, answer string) (url string) {
	t.Helper()
	return startTCP(t, func(conn net.Conn) {
		readRequest(bufio.NewReader(conn))
		io.WriteString(conn, answer)
	})
}

// eachFieldType runs a test for every field of a user written as a value of every type. tolerated says whether the field
// can be read from that.
func eachFieldType(t *testing.T, test func(t *testing.T, user map[string]any, tolerated bool)) {
	t.Helper()
	samples := map[string]string{
		"text": `"x"`, "digits": `"7"`, "number": `7`, "fraction": `1.5`, "huge": `1e400`,
		"bool": `true`, "array": `[]`, "object": `{}`, "null": `null`,
	}
	// What each kind of field is read from. Null is nothing, everywhere; numbers may come as text.
	tolerated := map[string][]string{
		"text":     {"text", "digits", "null"},
		"promised": {"text", "digits"}, // a login without it is none
		"flag":     {"bool", "null"},
		"count":    {"digits", "number", "null"},
		"date":     {"text", "digits", "number", "fraction", "huge", "null"}, // unreadable ones are kept as text
		"object":   {"object", "null"},
	}
	kinds := map[string][]string{
		"text": {
			"id", "email", "phone", "username", "nickname", "company", "photo", "browser", "device", "unionid", "openid",
			"oauth", "registerInClient", "registerMethod", "lastIP", "group._id", "group.name", "group.descriptions",
		},
		"promised": {"token"},
		"flag":     {"emailVerified", "phoneVerified", "blocked", "isDeleted"},
		"count":    {"loginsCount"},
		"date":     {"tokenExpiredAt", "lastLogin", "signedUp", "group.createdAt"},
		"object":   {"group"},
	}
	for kind, fields := range kinds {
		for _, field := range fields {
			for sample, value := range samples {
				t.Run(field+" as "+sample, func(t *testing.T) {
					t.Parallel()
					test(t, withField(field, value), slices.Contains(tolerated[kind], sample))
				})
			}
		}
	}
	t.Run("every field is covered", func(t *testing.T) {
		t.Parallel()
		covered := slices.Concat(slices.Collect(maps.Values(kinds))...)
		for field := range serviceUser() {
			if field != "_id" {
				assert.Contains(t, covered, field)
			}
		}
	})
}

func TestHostileJSONTypes(t *testing.T) {
	t.Parallel()
	eachFieldType(t, func(t *testing.T, sent map[string]any, tolerated bool) {
		client, _ := setup(t, http.StatusOK, serviceAnswer(sent))

		user, err := tryLogin(client)

		if !tolerated {
			wantBad(t, user, err)
			return
		}
		require.NoError(t, err)
		assert.Equal(t, "5e05bbf2d51b3761d5c71070", user.ID)
	})
}

func TestHostileID(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`"5e05"`: "5e05", `null`: "5e05bbf2d51b3761d5c71070", `""`: "5e05bbf2d51b3761d5c71070", // then id stands in
		`7`: "", `true`: "", `[]`: "", `{}`: "",
	} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			client, _ := setup(t, http.StatusOK, serviceAnswer(withField("_id", value)))

			user, err := tryLogin(client)

			if want == "" {
				wantBad(t, user, err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, want, user.ID)
		})
	}
}

func TestHostileNumbers(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]int{
		`0`: 0, `3`: 3, `3.0`: 3, `3e2`: 300, `"3"`: 3, `"3.0"`: 3, `""`: 0, `null`: 0, `-1`: -1, `1e9`: 1e9,
	} {
		client, _ := setup(t, http.StatusOK, serviceAnswer(withField("loginsCount", value)))
		user, err := tryLogin(client)
		require.NoError(t, err, value)
		assert.Equal(t, want, user.LoginsCount, value)
	}
	for _, value := range []string{`3.5`, `"three"`, `99999999999999999999`, `"0x3"`, `" 3"`, `"NaN"`, `"Inf"`} {
		client, _ := setup(t, http.StatusOK, serviceAnswer(withField("loginsCount", value)))
		user, err := tryLogin(client)
		wantBad(t, user, err)
	}
}

func TestHostileCode(t *testing.T) {
	t.Parallel()
	user, err := json.Marshal(serviceUser())
	require.NoError(t, err)
	setup := func(t *testing.T, code string) *authing.Client {
		client, _ := setup(t, http.StatusOK, fmt.Sprintf(`{%s"message":"as you wish","data":%s}`, code, user))
		return client
	}
	for _, member := range []string{`"code":200,`, `"code":"200",`, `"code":200.0,`, `"code":2e2,`} {
		t.Run(member, func(t *testing.T) {
			t.Parallel()
			_, err := tryLogin(setup(t, member))
			require.NoError(t, err)
		})
	}
	for member, code := range map[string]int{`"code":2000,`: 2000, `"code":"2000",`: 2000, `"code":-1,`: -1} {
		t.Run(member, func(t *testing.T) {
			t.Parallel()
			user, err := tryLogin(setup(t, member))

			var e *authing.Error
			require.ErrorAs(t, err, &e)
			assert.Nil(t, user)
			assert.Equal(t, code, e.Code)
			assert.Equal(t, "as you wish", e.Message)
			require.NotErrorIs(t, err, authing.ErrOutcomeUnknown)
			require.NotErrorIs(t, err, authing.ErrBadResponse)
		})
	}
	for _, member := range []string{
		``, `"code":null,`, `"code":"",`, `"code":"abc",`, `"code":"2oo",`, `"code":1e400,`, `"code":200.5,`, `"code":true,`,
		`"code":[200],`, `"code":{},`, `"code":99999999999999999999,`,
	} {
		t.Run("not "+member, func(t *testing.T) {
			t.Parallel()
			user, err := tryLogin(setup(t, member))
			wantBad(t, user, err)
		})
	}
}

// The last value of a key wins, as with every JSON parser that is not strict about it.
func TestHostileDuplicateKeys(t *testing.T) {
	t.Parallel()
	client, _ := setup(t, http.StatusOK, `{"code":2004,"code":200,"data":{"_id":"first","token":"first","_id":"last","token":"last"}}`)
	user, err := tryLogin(client)
	require.NoError(t, err)
	assert.Equal(t, "last", user.ID)
	assert.Equal(t, "last", string(user.Token))

	client, _ = setup(t, http.StatusOK, `{"code":200,"code":2004,"data":{"_id":"5e05","token":"a.b.c"}}`)
	user, err = tryLogin(client)
	require.ErrorIs(t, err, authing.ErrUserNotFound)
	assert.Nil(t, user)
}

func TestHostileText(t *testing.T) {
	t.Parallel()
	eachForm(t, func(t *testing.T, f answerForm) {
		for written, want := range map[string]string{
			"安😀é":                               "安😀é",
			`\ud83d\ude00`:                      "😀",
			`\ud800`:                            "\ufffd", // half a character: Go has no way to keep it
			`a\u0000b`:                          "a\x00b",
			`\u202e\ufeff`:                      "\u202e\ufeff",
			"\u2028":                            "\u2028",
			`<script>&amp;`:                     "<script>&amp;",
			strings.Repeat("安", 100_000):        strings.Repeat("安", 100_000),
			`\\\"\/\b\f\n\r\t` + "\u007f\ue000": "\\\"/\b\f\n\r\t\u007f\ue000",
		} {
			t.Run(strconv.QuoteToASCII(want)[:min(len(want), 9)], func(t *testing.T) {
				t.Parallel()
				client, _ := setup(t, http.StatusOK, f.of(withField("nickname", `"`+written+`"`)))
				user, err := f.try(client)
				require.NoError(t, err)
				assert.Equal(t, want, user.Nickname)
			})
		}
		t.Run("byte order mark", func(t *testing.T) {
			t.Parallel()
			client, _ := setup(t, http.StatusOK, "\ufeff"+f.of(serviceUser()))
			user, err := f.try(client)
			require.NoError(t, err)
			assert.True(t, json.Valid(user.Raw()))
		})
	})
}

func TestHostileRedirect(t *testing.T) {
	t.Parallel()
	var followed atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		followed.Add(1)
		io.WriteString(w, serviceAnswer(serviceUser()))
	}))
	t.Cleanup(other.Close)
	t.Cleanup(func() { assert.Zero(t, followed.Load()) })
	for _, status := range []int{300, 301, 302, 303, 304, 305, 307, 308, 201} {
		for name, location := range map[string]string{
			"another host": other.URL, "itself": "/oauth/wechatapp/auth/other", "nowhere": "", "nonsense": "://%zz",
		} {
			t.Run(fmt.Sprint(status, " to ", name), func(t *testing.T) {
				t.Parallel()
				var arrivals atomic.Int32
				srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					arrivals.Add(1)
					if location != "" {
						w.Header().Set("Location", location)
					}
					w.WriteHeader(status)
				}))
				t.Cleanup(srv.Close)

				user, err := tryLogin(clientAt(t, srv.URL))

				e := wantBad(t, user, err)
				assert.Equal(t, status, e.StatusCode)
				assert.EqualValues(t, 1, arrivals.Load())
				assert.NotContains(t, err.Error(), "://")
			})
		}
	}
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := io.WriteString(z, text)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

func TestHostileCompression(t *testing.T) {
	t.Parallel()
	eachForm(t, func(t *testing.T, f answerForm) {
		success := f.of(serviceUser())
		once := zipped(t, success)
		wrongSum := bytes.Clone(once)
		wrongSum[len(wrongSum)-8] ^= 1
		for name, tt := range map[string]struct {
			encoding string
			body     []byte
		}{
			"whole":              {"gzip", once},
			"whole, of no name":  {"identity", []byte(success)},
			"whole, in capitals": {"Identity", []byte(success)},
			"nested":             {"gzip", zipped(t, string(once))},
			"nested and told":    {"gzip, gzip", zipped(t, string(once))},
			"cut":                {"gzip", once[:len(once)/2]},
			"cut by a byte":      {"gzip", once[:len(once)-1]},
			"cut in the header":  {"gzip", once[:5]},
			"empty":              {"gzip", nil},
			"of a wrong sum":     {"gzip", wrongSum},
			"with a rest":        {"gzip", append(bytes.Clone(once), "rest"...)},
			"not at all":         {"gzip", []byte(success)},
			"untold":             {"", once},
			"not asked for":      {"br", []byte(success)},
			"not asked for, too": {"deflate", []byte(success)},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					if tt.encoding != "" {
						w.Header().Set("Content-Encoding", tt.encoding)
					}
					w.Write(tt.body)
				}))
				t.Cleanup(srv.Close)

				user, err := f.try(clientAt(t, srv.URL))

				if strings.HasPrefix(name, "whole") {
					require.NoError(t, err)
					assert.Equal(t, "5e05bbf2d51b3761d5c71070", user.ID)
					return
				}
				e := wantBroken(t, user, err)
				if strings.HasPrefix(name, "not asked for") {
					require.ErrorIs(t, err, authing.ErrBadResponse)
					assert.ErrorContains(t, err, "Content-Encoding")
					assert.Equal(t, http.StatusOK, e.StatusCode)
				}
			})
		}
		t.Run("not undone by the transport", func(t *testing.T) {
			t.Parallel()
			client, _ := setupResponder(t, httpmock.NewStringResponder(200, success).
				HeaderSet(http.Header{"Content-Encoding": {"gzip"}}))

			user, err := f.try(client)

			wantBad(t, user, err)
			assert.ErrorContains(t, err, "Content-Encoding")
		})
	})
}

// allocated returns how many bytes the process allocates while f runs. Tests that use it cannot run in parallel.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestHostileSize(t *testing.T) {
	eachForm(t, func(t *testing.T, f answerForm) {
		const limit = 1 << 20
		success := f.of(serviceUser())
		answer := func(text string) func(http.ResponseWriter) {
			return func(w http.ResponseWriter) { io.WriteString(w, text) }
		}
		exactly := func(size int) func(http.ResponseWriter) {
			return answer(success + strings.Repeat(" ", size-len(success)))
		}
		unknown := func(value string) func(http.ResponseWriter) { return answer(f.of(withField("unknown", value))) }
		padding := bytes.Repeat([]byte(" "), 64<<10)
		bomb := zipped(t, success+strings.Repeat(" ", 32<<20))
		for name, tt := range map[string]struct {
			write func(w http.ResponseWriter)
			whole bool
		}{
			"1 MiB - 1": {exactly(limit - 1), true},
			"1 MiB":     {exactly(limit), true},
			"1 MiB + 1": {exactly(limit + 1), false},
			"endless": {func(w http.ResponseWriter) {
				io.WriteString(w, success)
				for {
					if _, err := w.Write(padding); err != nil {
						return
					}
				}
			}, false},
			"a compressed bomb": {func(w http.ResponseWriter) {
				w.Header().Set("Content-Encoding", "gzip")
				w.Write(bomb)
			}, false},
			"depth 9,000":       {unknown(strings.Repeat("[", 9000) + strings.Repeat("]", 9000)), true},
			"depth 10,001":      {unknown(strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001)), false},
			"depth without end": {unknown(strings.Repeat("[", 1_000_000)), false},
			"100,000 keys":      {unknown(`{"":0` + strings.Repeat(`,"abcde":0`, 100_000) + `}`), true},
			"1,000,000 keys":    {unknown(`{"":0` + strings.Repeat(`,"abcde":0`, 1_000_000) + `}`), false},
			"a long text":       {unknown(`"` + strings.Repeat("x", limit-10_000) + `"`), true},
			"a text too long":   {unknown(`"` + strings.Repeat("x", limit) + `"`), false},
			"many digits":       {answer(f.of(withField("loginsCount", strings.Repeat("9", 1_000_000)))), false},
		} {
			t.Run(name, func(t *testing.T) {
				srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { tt.write(w) }))
				t.Cleanup(srv.Close)
				client := clientAt(t, srv.URL)
				var (
					user *authing.User
					err  error
				)

				bytes := allocated(func() { user, err = f.try(client) })

				assert.Less(t, bytes, uint64(memoryLimit))
				if tt.whole {
					require.NoError(t, err)
					assert.Equal(t, "5e05bbf2d51b3761d5c71070", user.ID)
					return
				}
				wantBad(t, user, err)
				assert.Less(t, len(err.Error()), 1000)
			})
		}
	})
}

func TestHostileHeaders(t *testing.T) {
	t.Parallel()
	eachForm(t, func(t *testing.T, f answerForm) {
		line := strings.Repeat("x", 8<<10)
		for name, tt := range map[string]struct{ start, flood string }{
			"headers":       {"HTTP/1.1 200 OK\r\n", "X-Flood: " + line + "\r\n"},
			"one header":    {"HTTP/1.1 200 OK\r\nX-Flood: ", line},
			"a status line": {"HTTP/1.1 200 ", line},
			"early hints":   {"", "HTTP/1.1 103 Early Hints\r\nLink: " + line + "\r\n\r\n"},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				url := startTCP(t, func(conn net.Conn) {
					readRequest(bufio.NewReader(conn))
					_, err := io.WriteString(conn, tt.start)
					for err == nil {
						_, err = io.WriteString(conn, tt.flood)
					}
				})

				user, err := f.try(clientAt(t, url))

				wantBroken(t, user, err)
				require.NotErrorIs(t, err, context.DeadlineExceeded)
			})
		}
	})
}

func TestHostileHeaderSize(t *testing.T) {
	t.Parallel()
	for size, whole := range map[int]bool{32 << 10: true, 128 << 10: false} {
		for name, header := range map[string]func(http.Header){
			"one":  func(h http.Header) { h.Set("X-Flood", strings.Repeat("x", size)) },
			"many": func(h http.Header) { h["X-Flood"] = slices.Repeat([]string{"x"}, size/len("X-Flood: x\r\n")) },
		} {
			t.Run(fmt.Sprintf("%d KiB in %s", size>>10, name), func(t *testing.T) {
				t.Parallel()
				srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					header(w.Header())
					io.WriteString(w, serviceAnswer(serviceUser()))
				}))
				t.Cleanup(srv.Close)

				user, err := tryLogin(clientAt(t, srv.URL))

				if !whole {
					wantBroken(t, user, err)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, "5e05bbf2d51b3761d5c71070", user.ID)
			})
		}
	}
}
