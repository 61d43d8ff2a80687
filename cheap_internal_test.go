package authing

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is checked without decoding it is what encoding/base64 takes, of that length.
func TestBase64IsJudgedLikeTheDecoder(t *testing.T) {
	t.Parallel()
	const alphabet = "AZaz09+/=-_.\x00é"
	random := rand.New(rand.NewPCG(1, 2))
	cases := []string{"=", "==", "===", "====", "A===", "AA==", "AAA=", "AAAA", "AAAA=", "AA=A", "=AAA", "AB==", "AAAA====", "AAAAAA=="}
	for range 20_000 {
		digits := make([]byte, 1+random.IntN(12))
		for i := range digits {
			digits[i] = alphabet[random.IntN(len(alphabet))]
			if random.IntN(3) > 0 {
				digits[i] = 'A'
			}
		}
		cases = append(cases, string(digits))
	}
	for _, text := range cases {
		decoded, wrong := base64.StdEncoding.DecodeString(text)
		length, err := decodedLen("iv", text)
		require.Equal(t, wrong == nil, err == nil, "%q: %v", text, err)
		if err == nil {
			require.Equal(t, len(decoded), length, "%q", text)
		}
	}
}

// A text that is read without a decoder is what encoding/json reads.
func TestTextIsReadLikeTheDecoder(t *testing.T) {
	t.Parallel()
	for _, written := range []string{
		`"`, `""`, `"a`, `a"`, `"a"`, `"a"b"`, `"a\"`, `"a\"b"`, `"\u00e9"`, `"é"`, "\"\xff\"", "\"\xff", "\"\x00\"", "\"\x7f\"",
		`"2020-02-27T05:33:20.796Z"`, `"Fri Jan 12 2018 13:55:25 GMT+0800 (CST)"`, `"中国标准时间"`, `" "`, `"""`,
	} {
		var want string
		wrong := json.Unmarshal([]byte(written), &want)
		got, err := readText([]byte(written))
		assert.Equal(t, wrong == nil, err == nil, "%q: %v", written, err)
		if err == nil {
			assert.Equal(t, want, got, "%q", written)
		}
	}
	assert.Error(t, new(Timestamp).UnmarshalJSON([]byte(`"`)))
}

// All requests are copies of one draft: nothing of a call may stay in it.
func TestDraftIsNeverWrittenTo(t *testing.T) {
	t.Parallel()
	transport := transportFunc(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}"))}, nil
	})
	c, err := NewClient("pool", WithUserAgent("shop/1"), WithHTTPClient(&http.Client{Transport: transport}))
	require.NoError(t, err)
	draft, header := *c.draft, c.draft.Header.Clone()
	for _, rq := range []request{
		{method: http.MethodPost, url: c.users, auth: "h.p.s", body: map[string]string{"code": "c"}},
		{method: http.MethodGet, url: c.users, auth: "h.p.s"},
		{method: http.MethodPost, url: c.users, upload: &upload{body: strings.NewReader("x"), length: 1, contentType: "text/plain"}},
	} {
		_, err := c.do(context.Background(), rq, func(answer) error { return nil })
		require.NoError(t, err)
	}
	assert.Equal(t, header, c.draft.Header)
	assert.Equal(t, draft, *c.draft)
	assert.Empty(t, c.draft.QueryParam)
	assert.Empty(t, c.draft.FormData)
}

// The draft's headers stay out of a request also when resty hands them on as they are.
func TestDraftHeadersAreNotShared(t *testing.T) {
	t.Parallel()
	c, err := NewClient("pool")
	require.NoError(t, err)
	header := c.draft.Header.Clone()
	way := &trip{Context: context.Background(), request: *c.draft, auth: "h.p.s"}
	r, err := http.NewRequestWithContext(way, http.MethodGet, c.users, nil)
	require.NoError(t, err)
	r.Header = c.draft.Header

	require.NoError(t, prepare(nil, r))

	assert.Equal(t, "h.p.s", r.Header.Get("Authorization"))
	assert.Equal(t, header, c.draft.Header)
}

// An answer is not changed by those that are read after it, nor at the same time.
func TestAnswersOutliveTheBuffer(t *testing.T) {
	t.Parallel()
	c, err := NewClient("pool")
	require.NoError(t, err)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			var answers [][]byte
			text := func(n int) string { return strings.Repeat(fmt.Sprintf("%d.%d;", i, n), 100*(n%7)) }
			for n := range 200 {
				answer, err := c.read(strings.NewReader(text(n)))
				assert.NoError(t, err)
				answers = append(answers, answer)
			}
			for n, answer := range answers {
				assert.Equal(t, text(n), string(answer))
			}
		}()
	}
	wg.Wait()
}

// One large answer must not make every later one cost its memory.
func TestLargeBuffersAreNotKept(t *testing.T) {
	t.Parallel()
	c, err := NewClient("pool")
	require.NoError(t, err)
	_, err = c.read(strings.NewReader(strings.Repeat(" ", 200<<10)))
	require.NoError(t, err)
	kept := c.buffers.Get().(*bytes.Buffer)
	assert.LessOrEqual(t, kept.Cap(), 64<<10)
}
