package promises_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
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
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// All methods read responses in the same way, so one method of each form represents them: LoginWithWxapp and Login.

// serviceUser is a user with every field that the SDK reads.
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

// withField returns serviceUser with one field ("group.name" is inside the group) written as value.
func withField(field, value string) map[string]any {
	user := serviceUser()
	object := user
	if outer, inner, nested := strings.Cut(field, "."); nested {
		object, field = user[outer].(map[string]any), inner
	}
	object[field] = json.RawMessage(value)
	return user
}

// form is one of the two forms of a response that contains a user.
type form struct {
	name, op string
	code     int // of a success
	try      func(pair) (*authing.User, error)
	wrap     func(result string) string
}

var (
	restForm    = form{"REST", "LoginWithWxapp", 200, tryLogin, restData}
	graphqlForm = form{"GraphQL", "Login", 0, tryPassword, func(result string) string { return graphqlData("login", result) }}
)

// eachForm runs test for both forms.
func eachForm(t *testing.T, test func(t *testing.T, f form)) {
	t.Helper()
	for _, f := range []form{restForm, graphqlForm} {
		t.Run(f.name, func(t *testing.T) { test(t, f) })
	}
}

// of is a success with this user.
func (f form) of(user map[string]any) string {
	result, _ := json.Marshal(user)
	return f.wrap(string(result))
}

func restData(data string) string { return `{"code":200,"message":"ok","data":` + data + `}` }

func serviceResponse(user map[string]any) string { return restForm.of(user) }

func tryPassword(client pair) (*authing.User, error) {
	return client.Login(context.Background(), authing.LoginParams{Email: "ann@example.com", Password: "long enough"})
}

func tryLogin(client pair) (*authing.User, error) {
	return client.LoginWithWxapp(context.Background(), code, loginDetail)
}

// wantBroken checks that a login failed with an unknown outcome.
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
	eachForm(t, func(t *testing.T, f form) {
		response := f.of(serviceUser())
		client, _ := setup(t, http.StatusOK, response)
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
				client, _ := setupResponder(t, httpmock.NewStringResponder(200, response).HeaderSet(header))

				user, err := f.try(client)

				require.NoError(t, err)
				assert.Equal(t, want, user)
			})
		}
	})
}

func TestHostileResponse(t *testing.T) {
	t.Parallel()
	const page = `<html><body>canary: the session of ann@example.com has ended</body></html>`
	type response struct {
		status int
		body   string
		code   int // of the error
	}
	eachForm(t, func(t *testing.T, f form) {
		user := asJSON(t, serviceUser())
		success := f.wrap(user)
		responses := map[string]response{
			"HTML":                      {200, page, 0},
			"HTML with a 502":           {502, page, 0},
			"HTML with a 403":           {403, page, 0},
			"empty":                     {200, "", 0},
			"no content":                {204, "", 0},
			"white space":               {200, " \r\n", 0},
			"null":                      {200, "null", 0},
			"array":                     {200, "[]", 0},
			"string":                    {200, `"x"`, 0},
			"number":                    {200, "200", 0},
			"true":                      {200, "true", 0},
			"empty object":              {200, "{}", 0},
			"success in an array":       {200, "[" + success + "]", 0},
			"success in a string":       {200, strconv.Quote(success), 0},
			"null user":                 {200, f.wrap("null"), f.code},
			"empty user":                {200, f.wrap("{}"), f.code},
			"array as user":             {200, f.wrap("[]"), f.code},
			"user in an array":          {200, f.wrap("[" + user + "]"), f.code},
			"string as user":            {200, f.wrap(`"ok"`), f.code},
			"true as user":              {200, f.wrap("true"), f.code},
			"no token":                  {200, f.wrap(`{"_id":"5e05"}`), f.code},
			"null token":                {200, f.wrap(`{"_id":"5e05","token":null}`), f.code},
			"no id":                     {200, f.wrap(`{"token":"a.b.c"}`), f.code},
			"array as id":               {200, f.wrap(`{"_id":["5e05"],"token":"a.b.c"}`), f.code},
			"trailing text":             {200, success + "x", 0},
			"trailing brace":            {200, success + "}", 0},
			"trailing NUL":              {200, success + "\x00", 0},
			"two responses":             {200, success + success, 0},
			"leading text":              {200, ")]}'\n" + success, 0},
			"two byte order marks":      {200, "\ufeff\ufeff" + success, 0},
			"UTF-16":                    {200, "\xff\xfe{\x00}\x00", 0},
			"invalid UTF-8":             {200, strings.Replace(success, "安", "\xb0\xb2", 1), 0},
			"overlong UTF-8":            {200, strings.Replace(success, "安", "\xc0\xaf", 1), 0},
			"surrogate as UTF-8":        {200, strings.Replace(success, "安", "\xed\xa0\x80", 1), 0},
			"control character in text": {200, strings.Replace(success, "安", "\x00", 1), 0},
			"single quotes":             {200, strings.ReplaceAll(success, `"`, `'`), 0},
			"comment":                   {200, "/**/" + success, 0},
			"depth 10,001":              {200, `{"x":` + strings.Repeat("[", 10001) + strings.Repeat("]", 10001) + "," + success[1:], 0},
			"over 1 MiB":                {200, success + strings.Repeat(" ", 1<<20), 0},
		}
		for _, status := range []int{201, 202, 206, 300, 302, 304, 400, 500} {
			responses[fmt.Sprint("success with a ", status)] = response{status, success, f.code}
		}
		special := map[string]response{
			"no data": {200, `{"code":200,"message":"ok"}`, 200},
		}
		if f.name == graphqlForm.name {
			special = map[string]response{
				"null data":                 {200, `{"data":null}`, 0},
				"empty data":                {200, `{"data":{}}`, 0},
				"array as data":             {200, `{"data":[]}`, 0},
				"string as data":            {200, `{"data":"ok"}`, 0},
				"user of another operation": {200, graphqlData("register", user), 0},
				"field in another case":     {200, graphqlData("Login", user), 0},
				"user without its field":    {200, `{"data":` + user + `}`, 0},
				"user without data":         {200, `{"login":` + user + `}`, 0},
				"REST success":              {200, restData(user), 200},
				"REST success without data": {200, `{"code":200,"message":"ok"}`, 200},
				"no data and no errors":     {200, `{"data":null,"errors":[]}`, 0},
				"string as errors":          {200, `{"errors":"no",` + success[1:], 0},
				"object as errors":          {200, `{"errors":{},` + success[1:], 0},
				"number as errors":          {200, `{"errors":0,` + success[1:], 0},
				"false as errors":           {200, `{"errors":false,` + success[1:], 0},
			}
		}
		maps.Copy(responses, special)
		for name, tt := range responses {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				client, got := setup(t, tt.status, tt.body)

				user, err := f.try(client)

				e := wantBad(t, user, err)
				assert.Equal(t, f.op, e.Op)
				assert.Equal(t, tt.status, e.StatusCode)
				assert.Equal(t, tt.code, e.Code)
				assert.NotContains(t, err.Error(), "canary")
				assert.NotContains(t, err.Error(), "header.payload.signature")
				got.Only(t)
			})
		}
	})
}

func TestHostileTruncation(t *testing.T) {
	t.Parallel()
	eachForm(t, func(t *testing.T, f form) {
		response := f.of(serviceUser())
		require.Greater(t, len(response), 2000)
		var length int
		client := clientOver(t, transportFunc(func(*http.Request) (*http.Response, error) {
			return newResponse(http.StatusOK, response[:length]), nil
		}))
		for length = range len(response) {
			user, err := f.try(client)
			if user != nil || !errors.Is(err, authing.ErrBadResponse) || !errors.Is(err, authing.ErrOutcomeUnknown) {
				require.Fail(t, "a truncated response passed", "%d of %d bytes: %v", length, len(response), err)
			}
		}
		length = len(response)
		_, err := f.try(client)
		require.NoError(t, err)
	})
}

func TestHostileTransfer(t *testing.T) {
	t.Parallel()
	eachForm(t, func(t *testing.T, f form) {
		success := f.of(serviceUser())
		status := "HTTP/1.1 200 OK\r\nConnection: close\r\n"
		length := func(n int) string { return fmt.Sprintf("Content-Length: %d\r\n", n) }
		chunk := func(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }
		chunked := status + "Transfer-Encoding: chunked\r\n\r\n"
		const end = "0\r\n\r\n"

		for name, response := range map[string]string{
			"whole, with its length":     status + length(len(success)) + "\r\n" + success,
			"whole, in chunks":           chunked + chunk(success[:9]) + chunk(success[9:]) + end,
			"whole, until closed":        status + "\r\n" + success,
			"whole, after early hints":   "HTTP/1.1 103 Early Hints\r\n\r\n" + status + "\r\n" + success,
			"length too large":           status + length(len(success)+1) + "\r\n" + success,
			"length too small":           status + length(len(success)-1) + "\r\n" + success,
			"length zero":                status + length(0) + "\r\n" + success,
			"negative length":            status + "Content-Length: -1\r\n\r\n" + success,
			"two lengths":                status + length(len(success)) + length(len(success)-1) + "\r\n" + success,
			"no last chunk":              chunked + chunk(success),
			"no line end after a chunk":  chunked + strings.TrimSuffix(chunk(success), "\r\n") + end,
			"bad chunk size":             chunked + "zz\r\n" + success + "\r\n" + end,
			"huge chunk size":            chunked + "ffffffffffffffff\r\n" + success + "\r\n" + end,
			"chunk longer than its size": chunked + fmt.Sprintf("%x\r\n%s\r\n", len(success)-1, success) + end,
			"unknown transfer encoding":  status + "Transfer-Encoding: rot13\r\n\r\n" + success,
			"header without a name":      status + ": x\r\n\r\n" + success,
			"header without a colon":     status + "no colon\r\n\r\n" + success,
			"half a status line":         "HTTP/1.1\r\n\r\n" + success,
			"status in words":            "HTTP/1.1 OK\r\n\r\n" + success,
			"no HTTP":                    success,
			"another protocol":           "SSH-2.0-OpenSSH_9.6\r\n",
			"switch of protocols":        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n" + success,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				client := clientAt(t, startTCP(t, func(conn net.Conn) {
					readRequest(bufio.NewReader(conn))
					io.WriteString(conn, response)
				}))

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

// eachFieldType runs test for every field of a user with a value of every JSON type. tolerated says whether the SDK accepts
// that type for the field.
func eachFieldType(t *testing.T, test func(t *testing.T, user map[string]any, tolerated bool)) {
	t.Helper()
	samples := map[string]string{
		"text": `"x"`, "digits": `"7"`, "number": `7`, "fraction": `1.5`, "huge": `1e400`,
		"bool": `true`, "array": `[]`, "object": `{}`, "null": `null`,
	}
	// A login needs its token. Any other field is left out if it cannot be read.
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
					test(t, withField(field, value), kind != "promised" || sample == "text" || sample == "digits")
				})
			}
		}
	}
	t.Run("all fields are listed", func(t *testing.T) {
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
	eachForm(t, func(t *testing.T, f form) {
		eachFieldType(t, func(t *testing.T, sent map[string]any, tolerated bool) {
			client, _ := setup(t, http.StatusOK, f.of(sent))

			user, err := f.try(client)

			if !tolerated {
				wantBad(t, user, err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, "5e05bbf2d51b3761d5c71070", user.ID)
		})
	})
}

func TestHostileID(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`"5e05"`: "5e05", `null`: "5e05bbf2d51b3761d5c71070", `""`: "5e05bbf2d51b3761d5c71070", // then id counts
		`7`: "7", `true`: "5e05bbf2d51b3761d5c71070", `[]`: "5e05bbf2d51b3761d5c71070", `{}`: "5e05bbf2d51b3761d5c71070",
	} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			client, _ := setup(t, http.StatusOK, serviceResponse(withField("_id", value)))

			user, err := tryLogin(client)

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
		client, _ := setup(t, http.StatusOK, serviceResponse(withField("loginsCount", value)))
		user, err := tryLogin(client)
		require.NoError(t, err, value)
		assert.Equal(t, want, user.LoginsCount, value)
	}
	for _, value := range []string{`3.5`, `"three"`, `99999999999999999999`, `"0x3"`, `" 3"`, `"NaN"`, `"Inf"`} {
		client, _ := setup(t, http.StatusOK, serviceResponse(withField("loginsCount", value)))
		user, err := tryLogin(client)
		require.NoError(t, err, "nothing depends on it")
		assert.Zero(t, user.LoginsCount, value)
	}
}

func TestHostileCode(t *testing.T) {
	t.Parallel()
	user, err := json.Marshal(serviceUser())
	require.NoError(t, err)
	setup := func(t *testing.T, code string) pair {
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

// Two values under one key could be two users': which of them counts is not for the client to guess.
func TestHostileDuplicateKeys(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"code":2004,"code":200,"data":{"_id":"5e05","token":"a.b.c"}}`,
		`{"code":200,"code":2004,"data":{"_id":"5e05","token":"a.b.c"}}`,
		`{"code":200,"data":{"_id":"first","token":"first","_id":"last"}}`,
		`{"code":200,"data":{"_id":"first","token":"first"},"data":{"_id":"last"}}`,
	} {
		client, _ := setup(t, http.StatusOK, body)
		user, err := tryLogin(client)
		wantBad(t, user, err)
	}
}

// distinctKeys is an object with n members.
func distinctKeys(n int) string {
	var b strings.Builder
	b.WriteString(`{"":0`)
	for i := range n {
		fmt.Fprintf(&b, `,"%x":0`, i)
	}
	return b.String() + "}"
}

func TestHostileText(t *testing.T) {
	t.Parallel()
	eachForm(t, func(t *testing.T, f form) {
		for written, want := range map[string]string{
			"安😀é":                               "安😀é",
			`\ud83d\ude00`:                      "😀",
			`\ud800`:                            "\ufffd", // half a surrogate pair, which a Go string cannot contain
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
	eachForm(t, func(t *testing.T, f form) {
		success := f.of(serviceUser())
		once := zipped(t, success)
		wrongSum := bytes.Clone(once)
		wrongSum[len(wrongSum)-8] ^= 1
		for name, tt := range map[string]struct {
			encoding string
			body     []byte
		}{
			"whole":                   {"gzip", once},
			"whole, identity":         {"identity", []byte(success)},
			"whole, in capitals":      {"Identity", []byte(success)},
			"nested":                  {"gzip", zipped(t, string(once))},
			"nested and declared":     {"gzip, gzip", zipped(t, string(once))},
			"cut":                     {"gzip", once[:len(once)/2]},
			"cut by a byte":           {"gzip", once[:len(once)-1]},
			"cut in the header":       {"gzip", once[:5]},
			"empty":                   {"gzip", nil},
			"wrong checksum":          {"gzip", wrongSum},
			"trailing text":           {"gzip", append(bytes.Clone(once), "rest"...)},
			"not compressed":          {"gzip", []byte(success)},
			"not declared":            {"", once},
			"whole, whatever it says": {"br", []byte(success)},
			"unexpected br":           {"br", []byte("\x0b\x02\x80")},
			"unexpected deflate":      {"deflate", once},
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
				if strings.HasPrefix(name, "unexpected") {
					require.ErrorIs(t, err, authing.ErrBadResponse)
					assert.ErrorContains(t, err, "Content-Encoding")
					assert.Equal(t, http.StatusOK, e.StatusCode)
				}
			})
		}
		t.Run("left to the caller by the transport", func(t *testing.T) {
			t.Parallel()
			client, _ := setupResponder(t, httpmock.NewBytesResponder(200, once).
				HeaderSet(http.Header{"Content-Encoding": {"gzip"}}))

			user, err := f.try(client)

			wantBad(t, user, err)
			assert.ErrorContains(t, err, "Content-Encoding")
		})
	})
}

// allocated returns how many bytes the process allocates during f, so its callers cannot run in parallel.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestHostileSize(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		const limit = 1 << 20
		success := f.of(serviceUser())
		respond := func(text string) func(http.ResponseWriter) {
			return func(w http.ResponseWriter) { io.WriteString(w, text) }
		}
		exactly := func(size int) func(http.ResponseWriter) {
			return respond(success + strings.Repeat(" ", size-len(success)))
		}
		unknown := func(value string) func(http.ResponseWriter) { return respond(f.of(withField("unknown", value))) }
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
			"decompression bomb": {func(w http.ResponseWriter) {
				w.Header().Set("Content-Encoding", "gzip")
				w.Write(bomb)
			}, false},
			"depth 9,000":    {unknown(strings.Repeat("[", 9000) + strings.Repeat("]", 9000)), true},
			"depth 10,001":   {unknown(strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001)), false},
			"endless depth":  {unknown(strings.Repeat("[", 1_000_000)), false},
			"80,000 keys":    {unknown(distinctKeys(80_000)), true},
			"1,000,000 keys": {unknown(distinctKeys(1_000_000)), false},
			"long text":      {unknown(`"` + strings.Repeat("x", limit-10_000) + `"`), true},
			"text too long":  {unknown(`"` + strings.Repeat("x", limit) + `"`), false},
			"many digits":    {respond(f.of(withField("loginsCount", strings.Repeat("9", 1_000_000)))), true},
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

				most := uint64(memoryLimit)
				if strings.HasSuffix(name, " keys") {
					most *= 2 // finding duplicates takes remembering the keys
				}
				assert.Less(t, bytes, most)
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
	eachForm(t, func(t *testing.T, f form) {
		line := strings.Repeat("x", 8<<10)
		for name, tt := range map[string]struct{ start, flood string }{
			"headers":     {"HTTP/1.1 200 OK\r\n", "X-Flood: " + line + "\r\n"},
			"one header":  {"HTTP/1.1 200 OK\r\nX-Flood: ", line},
			"status line": {"HTTP/1.1 200 ", line},
			"early hints": {"", "HTTP/1.1 103 Early Hints\r\nLink: " + line + "\r\n\r\n"},
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
					io.WriteString(w, serviceResponse(serviceUser()))
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
