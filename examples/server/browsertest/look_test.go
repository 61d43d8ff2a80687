package browsertest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// noSecrets checks that the page shows none of the secrets that it sent or received.
func noSecrets(tab *tab) {
	tab.click("sign-in")
	tab.shows("nickname", "微信用户")
	bindWithoutSecrets(tab)
	tab.errorResponses("POST /api/phone 409")
}

// bindWithoutSecrets binds a phone, after a failure, and checks everything that the page shows.
func bindWithoutSecrets(tab *tab) {
	tab.t.Helper()
	tab.click("spent")
	tab.click("bind")
	tab.shows("notice", "tap again")
	tab.traced("Backend → Page 409")
	tab.click("spent")
	tab.click("bind")
	tab.shows("phone-number", "138••••0001")
	tab.traceShows(`"phone": "138••••0001"`)

	secrets := tab.secrets()
	assert.Contains(tab.t, secrets, "13800000001")
	assert.Contains(tab.t, secrets, eval[string](tab, `sessionStorage.getItem('token')`))
	assert.Greater(tab.t, len(secrets), 12, "codes, ivs, encrypted data")
	html := run(tab, chromedp.OuterHTML(chromedp.CSS("html")))
	for _, secret := range secrets {
		assert.NotContains(tab.t, html, secret)
	}
	longNames := strings.NewReplacer("wechatMiniProgramCodeAndPhonePayload", "", "wechat_mini_program_code_and_phone", "")
	assert.NotRegexp(tab.t, `[0-9A-Za-z+=_-]{32,}`, longNames.Replace(tab.text("#trace")))
}

// secrets returns all long strings that the page sent or received, except those that may be shown.
func (tab *tab) secrets() (found []string) {
	tab.mu.Lock()
	requests := maps.Clone(tab.requests)
	tab.mu.Unlock()
	for id, request := range requests {
		if !strings.Contains(request.URL, "/api/") && !strings.Contains(request.URL, "/demo/phones") {
			continue
		}
		for _, entry := range request.PostDataEntries {
			found = append(found, longStrings(entry.Bytes)...)
		}
		// The error for a response without a body is ignored.
		response, _ := chromedp.Call(tab.ctx, network.GetResponseBody, network.GetResponseBodyParams{RequestID: id})
		found = append(found, longStrings(response.Body)...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func longStrings(body []byte) (found []string) {
	var walk func(key string, v any)
	walk = func(key string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, value := range v {
				walk(key, value)
			}
		case string:
			if len(v) > 10 && !slices.Contains([]string{"errMsg", "message", "button", "nickname", "nickName"}, key) {
				found = append(found, v)
			}
		}
	}
	var v any
	if json.Unmarshal(body, &v) == nil {
		walk("", v)
	}
	return found
}

// state is what the page can show, and how it gets there from the state before.
type state struct {
	name  string
	enter func()
}

func userPoolStates(tab *tab) []state {
	return []state{
		{"welcome", func() {}},
		{"notice", func() { tab.switchDown(); tab.click("sign-in"); tab.shows("notice", "") }},
		{"profile", func() { tab.switchDown(); tab.click("sign-in"); tab.shows("nickname", "微信用户") }},
		{"picture", func() { tab.click("choose"); tab.shows("avatar-image", "") }},
		{"bound", func() { tab.click("bind"); tab.shows("phone-number", "138••••0001") }},
		{"details open", tab.openDetails},
	}
}

func v3States(tab *tab) []state {
	return []state{
		{"profile", func() { tab.generation("v3"); tab.shows("silent", "") }},
		{"bound", func() { tab.click("bind"); tab.shows("phone-number", "138••••0001") }},
		{"signed out", func() { tab.click("sign-out"); tab.shows("welcome", "") }},
		{"details open", tab.openDetails},
	}
}

func (tab *tab) openDetails() {
	eval[chromedp.Void](tab, `for (const d of document.querySelectorAll('details')) d.open = true`)
}

// fits checks that nothing is wider than the screen.
func fits(tab *tab, states []state) {
	for _, state := range states {
		tab.do(chromedp.EmulateViewport(1280, 800))
		state.enter()
		for _, width := range []int64{1280, 390} {
			tab.do(chromedp.EmulateViewport(width, 844))
			for _, language := range []string{"zh", "en"} {
				eval[chromedp.Void](tab, fmt.Sprintf(`document.querySelector('[data-language=%s]').click()`, language))
				tooWide := eval[string](tab, `['html', '#screen', '#trace']
					.filter(s => { const e = document.querySelector(s); return e.scrollWidth > e.clientWidth }).join(' ')`)
				assert.Empty(tab.t, tooWide, "%s, %d px, %s", state.name, width, language)
			}
		}
	}
}

// labels checks the accessible names that the browser reports to a screen reader.
func labels(tab *tab) {
	tab.accessibleNames()
	tab.declineOnce()
	tab.accessibleNames()
	tab.click("sign-in")
	tab.shows("nickname", "微信用户")
	names := tab.accessibleNames()
	for _, want := range []string{
		"checkbox: user declines", "checkbox: code already used", "checkbox: pre-2021 profile", "checkbox: Authing is down",
		"button: 中文", "button: English", "button: User pool", "button: V3",
		"button: Clear", "button: Bind phone", "button: Sign out", "log: Live trace",
		"button: Choose a picture", "textbox: Nickname", "button: Save",
	} {
		assert.Contains(tab.t, names, want)
	}
	tab.errorResponses("POST /api/login 403")
}

// accessibleNames returns the roles and names of all controls, and checks that none lacks a name.
func (tab *tab) accessibleNames() (names []string) {
	tab.t.Helper()
	controls := []string{"button", "checkbox", "textbox", "link", "DisclosureTriangle", "log", "region", "alert"}
	for _, node := range call(tab, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes {
		var role, name string
		if node.Ignored || node.Role == nil || node.Name == nil {
			continue
		}
		require.NoError(tab.t, json.Unmarshal(node.Role.Value, &role))
		require.NoError(tab.t, json.Unmarshal(node.Name.Value, &name))
		if slices.Contains(controls, role) {
			names = append(names, role+": "+name)
			assert.True(tab.t, name != "" || role == "alert", "a %s without a name", role)
		}
	}
	return names
}

// scrolls checks that the trace scrolls inside its frame, however many requests it shows: the page itself must not grow.
func scrolls(tab *tab) {
	tab.click("sign-in")
	tab.shows("nickname", "微信用户")
	tab.until(steps + `.length === 10`)
	for _, size := range [][2]int64{{1280, 800}, {1000, 640}, {999, 800}, {390, 844}} {
		tab.do(chromedp.EmulateViewport(size[0], size[1]))
		// At these widths the frame has reached its full height. From here on, only its content may grow.
		tab.fillTrace(1)
		height, content := tab.heights()
		for range 3 {
			tab.fillTrace(1)
			newHeight, newContent := tab.heights()
			assert.Equal(tab.t, height, newHeight, "%d px", size[0])
			assert.Greater(tab.t, newContent, content, "%d px", size[0])
			content = newContent
		}
		if size[0] >= 1000 {
			assert.Equal(tab.t, int(size[1]), height, "the page fits the screen")
		}
		tab.openDetails()
		opened, _ := tab.heights()
		assert.Equal(tab.t, height, opened, "%d px, details open", size[0])
		eval[chromedp.Void](tab, `for (const d of document.querySelectorAll('details')) d.open = false`)
	}
	tab.errorResponses()
}

// fillTrace signs out and in again n times.
func (tab *tab) fillTrace(n int) {
	tab.t.Helper()
	for range n {
		tab.click("sign-out")
		tab.shows("welcome", "Sign in with WeChat")
		before := eval[int](tab, steps+`.length`)
		tab.click("sign-in")
		tab.shows("nickname", "微信用户")
		tab.until(fmt.Sprintf(steps+`.length >= %d`, before+8))
	}
}

func (tab *tab) heights() (page, trace int) {
	tab.t.Helper()
	heights := eval[[]int](tab, `[document.documentElement.scrollHeight, document.getElementById('trace').scrollHeight]`)
	return heights[0], heights[1]
}

// explains checks that the page says what can be opened and what the switches do, before and after the first tap.
func explains(tab *tab) {
	tab.until(steps + `.length === 2`) // wx.login, whose lines must leave the hint in sight
	for _, language := range []struct{ name, hint, old string }{{"zh", "点击绿色按钮", "真实的昵称和头像"}, {"en", "Tap the green button", "real nickname and avatar"}} {
		eval[chromedp.Void](tab, fmt.Sprintf(`document.querySelector('[data-language=%s]').click()`, language.name))
		for _, width := range []int64{1280, 390} {
			tab.do(chromedp.EmulateViewport(width, 844))
			for selector, want := range map[string]string{".empty": language.hint, "#old-hint": language.old} {
				assert.Contains(tab.t, eval[string](tab, fmt.Sprintf(`document.querySelector(%q).innerText`, selector)), want)
				assert.True(tab.t, tab.visible(selector), "%s, %d px", selector, width)
			}
			assert.Contains(tab.t, eval[string](tab, `document.getElementById('old').closest('[title]').title`), language.old)
		}
	}
	tab.do(chromedp.EmulateViewport(1280, 800))
	tab.click("sign-in")
	tab.shows("nickname", "微信用户")
	tab.until(steps + `.length === 10`)
	assert.False(tab.t, tab.visible(".empty"), "every request is shown by now")
	assert.Equal(tab.t, []int{0, 0}, eval[[]int](tab, `['getUserInfo", generation', 'button: "'].map(s => document.getElementById('trace').textContent.split(s).length - 1)`))

	// A caret marks exactly the lines that open, and turns when they do.
	assert.True(tab.t, eval[bool](tab, `[...document.querySelectorAll('.card')].every(c => (c.tagName === 'DETAILS') === !!c.querySelector('.caret'))`))
	assert.Greater(tab.t, eval[int](tab, `document.querySelectorAll('summary .caret').length`), 4)
	caret := `getComputedStyle(document.querySelector('summary .caret')).transform`
	closed := eval[string](tab, caret)
	tab.do(chromedp.Click(chromedp.CSS("summary")))
	tab.until(`document.querySelector('details').open`)
	tab.until(caret + ` !== '` + closed + `'`)
	tab.do(chromedp.Click(chromedp.CSS("summary")))

	// Previews show more than one short line. Those that are cut off show at least 60 characters.
	shown := eval[[]int](tab, `[...document.querySelectorAll('.preview')].filter(p => p.scrollHeight > p.clientHeight).map(p => {
		const probe = document.createElement('span')
		probe.textContent = 'x'
		p.append(probe)
		const perLine = Math.floor(p.clientWidth / probe.getBoundingClientRect().width)
		probe.remove()
		return perLine * Math.round(p.clientHeight / parseFloat(getComputedStyle(p).lineHeight))
	})`)
	assert.NotEmpty(tab.t, shown)
	for _, characters := range shown {
		assert.GreaterOrEqual(tab.t, characters, 60)
	}
	tab.errorResponses()
}

// visible reports whether all of an element is on the page and, inside the trace, in its frame.
func (tab *tab) visible(selector string) bool {
	tab.t.Helper()
	return eval[bool](tab, fmt.Sprintf(`(() => {
		const element = document.querySelector(%q)
		const box = element.getBoundingClientRect()
		const frame = element.closest('#trace')?.getBoundingClientRect()
		return element.checkVisibility() && box.width > 100 && (!frame || box.top >= frame.top && box.bottom <= frame.bottom)
	})()`, selector))
}
