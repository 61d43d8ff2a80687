package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func openPage(t *testing.T, p *program, cookie string) *http.Cookie {
	t.Helper()
	r, err := http.NewRequest("GET", p.url+"/", nil)
	require.NoError(t, err)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	resp.Body.Close()
	if len(resp.Cookies()) == 0 {
		return nil
	}
	return resp.Cookies()[0]
}

func TestVisitorCookie(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	first, second := openPage(t, p, ""), openPage(t, p, "")
	require.NotNil(t, first)
	assert.NotEqual(t, first.Value, second.Value)
	assert.True(t, first.HttpOnly)
	assert.Equal(t, http.SameSiteLaxMode, first.SameSite)
	assert.Equal(t, "/", first.Path)
	assert.Nil(t, openPage(t, p, first.Name+"="+first.Value), "a browser keeps its ID")
	assert.NotNil(t, openPage(t, p, first.Name+"=guess"))
}

// Each visitor sees only their own requests, the calls of Authing included.
func TestTraceOfVisitor(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	zoe := newDemoPhone(t, p, nil)
	ann, ben := openPage(t, p, ""), openPage(t, p, "")
	require.NotNil(t, ann)
	signIn := func(cookie *http.Cookie) {
		code := zoe.login(t) // without a cookie
		detail := zoe.tap(t, map[string]any{"button": "getUserInfo"})
		body := loginBody(code, detail)
		got := request(t, "POST", p.url+"/api/login", "", body, "Cookie", cookie.Name+"="+cookie.Value)
		require.Equal(t, http.StatusOK, got.status, got.text)
	}
	signIn(ann)
	signIn(ben)
	for _, cookie := range []string{ann.Name + "=" + ann.Value, ben.Name + "=" + ben.Value} {
		var got []string
		for s := range traced(t, p, cookie) {
			got = append(got, fmt.Sprint(s.N, " ", s.Exchange, " ", s.From, ">", s.To, " ", s.Op))
		}
		assert.Equal(t, []string{
			"1 1 page>backend ", "2 1 backend>authing LoginWithWxapp", "3 1 authing>backend LoginWithWxapp", "4 1 backend>page ",
		}, got)
	}
	for s := range traced(t, p, "") {
		assert.Contains(t, []string{s.From, s.To}, "wechat")
	}
}

func TestOutageOfVisitor(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	zoe := newDemoPhone(t, p, nil)
	for _, tt := range []struct {
		cookie *http.Cookie
		down   bool
	}{{openPage(t, p, ""), true}, {openPage(t, p, ""), false}} {
		cookie := tt.cookie.Name + "=" + tt.cookie.Value
		if tt.down {
			request(t, "POST", p.url+"/demo/authing", "", map[string]bool{"down": true}, "Cookie", cookie)
		}
		state := request(t, "GET", p.url+"/demo/state", "", nil, "Cookie", cookie)
		assert.Contains(t, state.text, fmt.Sprintf(`"down":%v`, tt.down))
		body := loginBody(zoe.login(t), zoe.tap(t, map[string]any{"button": "getUserInfo"}))
		got := request(t, "POST", p.url+"/api/login", "", body, "Cookie", cookie)
		assert.Equal(t, tt.down, got.status == http.StatusServiceUnavailable, got.text)
	}
}

// traced yields what the trace of a visitor contains now.
func traced(t *testing.T, p *program, cookie string) func(func(step) bool) {
	return func(yield func(step) bool) {
		last := request(t, "POST", p.url+"/api/login", "", map[string]int{"last": 1}, "Cookie", cookie)
		require.Equal(t, http.StatusBadRequest, last.status)
		next := followVisitor(t, p, "", cookie)
		for {
			s, ok := next()
			require.True(t, ok)
			if strings.Contains(s.raw, `{"last":`) || !yield(s) {
				return
			}
		}
	}
}

func TestVisitorsAreBounded(t *testing.T) {
	t.Parallel()
	all := &traces{}
	first := all.of("first")
	second := all.of("second")
	for i := range 3 * maxVisitors {
		all.of(fmt.Sprint(i))
		assert.Same(t, first, all.of("first"), "in use")
	}
	assert.Len(t, all.latest, maxVisitors)
	assert.NotSame(t, second, all.of("second"), "forgotten")
}

// A real page posts nothing to WeChat, so the trace must not show a body there.
func TestTraceHasNoInventedPayload(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	zoe := newDemoPhone(t, p, nil)
	zoe.login(t)
	zoe.tap(t, map[string]any{"button": "getUserInfo", "refuse": false, "generation": "new"})
	zoe.tap(t, map[string]any{"button": "getPhoneNumber", "refuse": true})
	request(t, "POST", p.url+"/demo/phones/"+zoe.id+"/tap", "", map[string]any{"button": "13912345678"})
	var got []string
	for s := range traced(t, p, "") {
		if s.To == "wechat" {
			assert.Nil(t, s.Body, s.raw)
			assert.NotContains(t, s.raw, "generation")
			got = append(got, s.Op+" "+s.Button)
		}
	}
	assert.Equal(t, []string{"wx.login ", "tap getUserInfo", "tap getPhoneNumber", "tap •••• (11)"}, got)
}
