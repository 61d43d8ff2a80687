package browsertest

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
)

// TestPage runs the scenarios in parallel tabs of one browser.
func TestPage(t *testing.T) {
	t.Parallel()
	browser, program := open(t), build(t)
	t.Run("scenarios", func(t *testing.T) { // waits for all of them before the browser is closed
		for name, scenario := range map[string]func(*tab){
			"sign in":      signIn,
			"bind a phone": bindPhone,
			"profile":      chooseProfile,
			"decline":      decline,
			"used code":    usedCode,
			"generations":  generations,
			"outage":       outage,
			"languages":    languages,
			"sign out":     signOut,
			"reload":       reload,
			"double tap":   doubleTap,
			"clear":        clearTrace,
			"backend gone": backendGone,
			"rate limit":   rateLimit,
			"late state":   lateState,
			"switch fails": switchFails,
			"code order":   codeOrder,
			"keyboard":     keyboard,
			"no secrets":   noSecrets,
			"fits":         func(tab *tab) { fits(tab, userPoolStates(tab)) },
			"scrolls":      scrolls,
			"explains":     explains,
			"labels":       labels,
			"axe":          func(tab *tab) { accessible(tab, userPoolStates(tab)) },

			"V3: sign in":    signInSilently,
			"V3: phone":      bindPhoneV3,
			"V3: sign out":   signOutV3,
			"V3: expired":    expiredToken,
			"V3: used code":  usedCodeV3,
			"V3: outage":     outageV3,
			"V3: decline":    declineV3,
			"V3: languages":  languagesV3,
			"V3: no secrets": noSecretsV3,
			"V3: fits":       func(tab *tab) { fits(tab, v3States(tab)) },
			"V3: axe":        func(tab *tab) { accessible(tab, v3States(tab)) },
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				scenario(visit(t, browser, program, "en-US"))
			})
		}
		t.Run("Chinese", func(t *testing.T) {
			t.Parallel()
			chinese(visit(t, browser, program, "zh-CN,en"))
		})
	})
}

func signIn(tab *tab) {
	assert.Contains(tab.t, tab.text(".tagline"), "Everything runs on this machine")
	tab.click("sign-in")
	tab.shows("nickname", "微信用户")
	tab.shows("anonymous", "no real name and picture")
	tab.shows("phone-number", "not bound")
	assert.False(tab.t, eval[bool](tab, `document.getElementById('welcome').checkVisibility()`))
	tab.until(steps + `.length === 10`)
	assert.Equal(tab.t, []string{
		"Page → WeChat wx.login",
		"WeChat → Page login:ok",
		"Page → WeChat tap getUserInfo",
		"WeChat → Page getUserInfo:ok",
		"Page → Backend POST /api/login",
		"Backend → Authing LoginWithWxapp POST /oauth/wechatapp/auth/POOL",
		"Authing → Backend 200",
		"Backend → Page 200",
		"Page → WeChat wx.login", // for the next call
		"WeChat → Page login:ok",
	}, eval[[]string](tab, steps))
	tab.errorResponses()
}

func bindPhone(tab *tab) {
	tab.click("sign-in")
	tab.shows("nickname", "微信用户")
	tab.click("bind")
	tab.shows("phone-number", "138••••0001")
	tab.traced("Page → WeChat tap getPhoneNumber")
	tab.traced("Backend → Authing BindPhone POST /oauth/wechatapp/phone/POOL")
	tab.hides("bind")
	tab.load()
	tab.shows("phone-number", "138••••0001")
	tab.hides("bind")

	tab.click("old") // a new user's phone after the next sign-out
	tab.click("sign-out")
	tab.click("sign-in")
	tab.shows("phone-number", "not bound")
	tab.shows("bind", "Bind phone")
	tab.errorResponses()
}

func chooseProfile(tab *tab) {
	const ownPicture = `document.getElementById('avatar-image').checkVisibility() && document.getElementById('avatar-image').naturalWidth > 0`
	tab.click("sign-in")
	tab.shows("nickname", "微信用户")
	tab.click("refuse")
	tab.click("choose")
	tab.traced("WeChat → Page chooseAvatar:fail cancel")
	tab.hides("avatar-image")
	tab.click("refuse")
	tab.click("save") // nothing to save
	tab.click("choose")
	tab.traced("Page → WeChat tap chooseAvatar")
	tab.until(ownPicture)
	assert.NotContains(tab.t, tab.text("#trace"), "ChangeAvatar", "not sent before it is saved")
	tab.do(chromedp.SendKeys(chromedp.ID("name"), " 林小雨\r"))
	tab.shows("nickname", "林小雨")
	tab.hides("anonymous")
	tab.traced("Page → Backend POST /api/avatar")
	tab.traced("Backend → Authing ChangeAvatar POST /")
	tab.traced("Page → Backend PUT /api/me")
	tab.traced("Backend → Authing Update POST /graphql")
	tab.traceShows(`"file": "image/png, `)
	assert.Empty(tab.t, eval[string](tab, `document.getElementById('name').value`))

	tab.load()
	tab.shows("nickname", "林小雨")
	tab.until(ownPicture)
	assert.Contains(tab.t, eval[string](tab, `document.getElementById('avatar-image').src`), "/demo/cdn/avatar/")
	tab.do(chromedp.SendKeys(chromedp.ID("name"), "\u00a0\r"))
	tab.click("sign-out")
	tab.shows("welcome", "Sign in with WeChat")
	tab.errorResponses()
}

func decline(tab *tab) {
	tab.click("refuse")
	tab.click("sign-in")
	tab.shows("notice", "You declined")
	tab.traced("WeChat → Page getUserInfo:fail auth deny")
	tab.traced("Backend → Page 403")
	assert.NotContains(tab.t, tab.text("#trace"), "LoginWithWxapp")
	assert.Equal(tab.t, "alert", run(tab, chromedp.AttributeValue(chromedp.ID("notice"), "role")).Value)

	tab.click("refuse")
	tab.click("sign-in")
	tab.shows("nickname", "微信用户")
	tab.hides("notice")
	tab.click("refuse")
	tab.click("bind")
	tab.shows("notice", "You declined")
	tab.shows("phone-number", "not bound")
	assert.NotContains(tab.t, tab.text("#trace"), "BindPhone")
	tab.click("dismiss")
	tab.hides("notice")
	tab.errorResponses("POST /api/login 403", "POST /api/phone 403")
}

func usedCode(tab *tab) {
	tab.click("spent")
	tab.click("sign-in")
	tab.shows("notice", "already fetched a new code")
	assert.True(tab.t, eval[bool](tab, `document.getElementById('welcome').checkVisibility()`))
	tab.click("spent")
	tab.click("sign-in")
	tab.shows("nickname", "微信用户")
	tab.click("spent")
	tab.click("bind")
	tab.shows("notice", "already fetched a new code")
	tab.shows("phone-number", "not bound")
	tab.click("spent")
	tab.click("bind")
	tab.shows("phone-number", "138••••0001")
	tab.errorResponses("POST /api/login 409", "POST /api/phone 409")
}

func generations(tab *tab) {
	tab.click("sign-in")
	tab.shows("nickname", "微信用户")
	tab.click("old")
	tab.click("sign-out")
	tab.shows("welcome", "Sign in with WeChat")
	tab.click("sign-in")
	tab.shows("nickname", "")
	assert.NotContains(tab.t, tab.text("#nickname"), "微信用户")
	tab.hides("anonymous")
	assert.False(tab.t, eval[bool](tab, `document.getElementById('avatar-image').checkVisibility()`), "the avatar is on another host")

	tab.click("sign-out")
	tab.shows("welcome", "Sign in with WeChat")
	tab.click("old")
	tab.click("sign-in")
	tab.shows("nickname", "微信用户")
	tab.errorResponses()
}

func outage(tab *tab) {
	tab.switchDown()
	tab.click("sign-in")
	tab.shows("notice", "The code was not used")
	tab.traced("Authing → Backend connection refused")
	tab.switchDown()
	tab.click("sign-in")
	tab.shows("nickname", "微信用户")

	tab.switchDown()
	tab.click("bind")
	tab.shows("notice", "The code was not used")
	tab.shows("phone-number", "not bound")
	tab.load()
	tab.until(`document.getElementById('down').checked`)
	tab.shows("notice", "temporarily unavailable") // the token cannot be verified
	assert.NotContains(tab.t, tab.text("#notice"), "code", "the call had none")
	tab.switchDown()
	tab.load()
	tab.shows("nickname", "微信用户")
	tab.click("bind")
	tab.shows("phone-number", "138••••0001")

	tab.switchDown()
	tab.click("sign-out")
	tab.shows("notice", "temporarily unavailable")
	tab.shows("welcome", "Sign in with WeChat")
	assert.False(tab.t, eval[bool](tab, `'token' in sessionStorage`))
	assert.True(tab.t, eval[bool](tab, `'signedOut' in sessionStorage`))
	tab.errorResponses("POST /api/login 503", "POST /api/phone 503", "GET /api/me 503", "POST /api/logout 503")
}

func signOut(tab *tab) {
	tab.click("sign-in")
	tab.shows("nickname", "微信用户")
	token := eval[string](tab, `sessionStorage.getItem('token')`)
	tab.click("sign-out")
	tab.shows("welcome", "Sign in with WeChat")
	assert.False(tab.t, eval[bool](tab, `'token' in sessionStorage`))
	tab.traced("Backend → Authing Logout POST /graphql")

	// Reuse the old token.
	eval[chromedp.Void](tab, `sessionStorage.setItem('token', '`+token+`')`)
	tab.load()
	tab.shows("notice", "sign in again")
	tab.shows("welcome", "Sign in with WeChat")
	assert.False(tab.t, eval[bool](tab, `'token' in sessionStorage`))
	tab.errorResponses("GET /api/me 401")
}

func reload(tab *tab) {
	tab.click("sign-in")
	tab.shows("nickname", "微信用户")
	id := tab.text("#user-id")
	tab.load()
	tab.shows("nickname", "微信用户")
	assert.Equal(tab.t, id, tab.text("#user-id"))
	tab.click("bind")
	tab.shows("phone-number", "138••••0001") // still the same phone
	tab.errorResponses()
}

func doubleTap(tab *tab) {
	eval[chromedp.Void](tab, `const button = document.getElementById('sign-in'); button.click(); button.click()`)
	tab.shows("nickname", "微信用户")
	tab.until(steps + `.length === 10`)
	assert.Equal(tab.t, 1, strings.Count(tab.text("#trace"), "POST /api/login"))
	tab.errorResponses()
}

func clearTrace(tab *tab) {
	tab.click("sign-in")
	tab.until(steps + `.length === 10`)
	tab.click("clear")
	assert.Empty(tab.t, eval[[]string](tab, steps))
	tab.click("bind")
	tab.traced("Backend → Page 200")
	assert.NotContains(tab.t, tab.text("#trace"), "LoginWithWxapp")
	tab.errorResponses()
}

// codeOrder checks the main rule of the page: it has a code before the tap, and requests the next one after the call,
// whether or not the call used the code.
func codeOrder(tab *tab) {
	tab.click("sign-in")
	tab.shows("nickname", "微信用户")
	tab.click("refuse")
	tab.click("bind")
	tab.shows("notice", "You declined")
	want := []string{
		"POST /demo/phones", "POST /demo/phones 200",
		"POST /demo/phones/1/login", "POST /demo/phones/1/login 200",
		"POST /demo/phones/1/tap", "POST /demo/phones/1/tap 200",
		"POST /api/login", "POST /api/login 200",
		"POST /demo/phones/1/login", "POST /demo/phones/1/login 200",
		"POST /demo/phones/1/tap", "POST /demo/phones/1/tap 200",
		"POST /api/phone", "POST /api/phone 403",
		"POST /demo/phones/1/login", "POST /demo/phones/1/login 200",
	}
	assert.Equal(tab.t, want, tab.waitForTraffic(func(traffic []string) bool { return len(traffic) >= len(want) }))
}

func keyboard(tab *tab) {
	tab.press("sign-in", "\r")
	tab.shows("nickname", "微信用户")
	assert.Equal(tab.t, "profile-title", eval[string](tab, `document.activeElement.id`))
	tab.press("refuse", " ")
	tab.press("bind", " ")
	tab.shows("notice", "You declined")
	assert.NotEqual(tab.t, "none", eval[string](tab, `getComputedStyle(document.activeElement).outlineStyle`))
	tab.press("refuse", " ")
	tab.press("bind", "\r")
	tab.hides("bind")
	assert.Equal(tab.t, "profile-title", eval[string](tab, `document.activeElement.id`))
	tab.press("sign-out", "\r")
	tab.shows("welcome", "Sign in with WeChat")
	assert.Equal(tab.t, "welcome-title", eval[string](tab, `document.activeElement.id`))
	tab.do(chromedp.Focus(chromedp.CSS(`[data-generation="v3"]`)), chromedp.KeyEvent("\r"))
	tab.shows("silent", "")
	assert.Equal(tab.t, "v3", eval[string](tab, `document.activeElement.dataset.generation`), "the focus stays")
	tab.errorResponses("POST /api/phone 403")
}

// declineOnce makes the page show a notice.
func (tab *tab) declineOnce() {
	tab.t.Helper()
	tab.click("refuse")
	tab.click("sign-in")
	tab.until(`document.getElementById('notice').checkVisibility()`)
	tab.click("refuse")
}

func languages(tab *tab) {
	tab.declineOnce()
	tab.shows("notice", "You declined")
	english := tab.text("#notice-message")
	assert.Regexp(tab.t, `^[\x20-\x7e’]+$`, english)
	assert.Equal(tab.t, "en", eval[string](tab, `document.documentElement.lang`))
	tab.traceShows("Page → Backend")

	tab.do(chromedp.Click(chromedp.CSS(`[data-language="zh"]`)))
	chinese(tab)
	tab.load()
	chinese(tab) // the choice is kept

	tab.do(chromedp.Click(chromedp.CSS(`[data-language="en"]`)))
	tab.shows("welcome", "Sign in with WeChat")
	tab.traceShows("Page → Backend")
	tab.errorResponses("POST /api/login 403", "POST /api/login 403", "POST /api/login 403")
}

func chinese(tab *tab) {
	tab.shows("welcome", "微信登录")
	assert.Equal(tab.t, "zh-CN", eval[string](tab, `document.documentElement.lang`))
	assert.Equal(tab.t, "true", run(tab, chromedp.AttributeValue(chromedp.CSS(`[data-language="zh"]`), "aria-pressed")).Value)
	assert.Equal(tab.t, "使用 Authing 实现微信登录", run(tab, chromedp.Title()))
	tab.declineOnce()
	tab.shows("notice", "微信没有返回数据")
	assert.Regexp(tab.t, `\p{Han}`, tab.text("#notice-message"), "the backend's message")
	tab.traceShows("页面 → 后端")
	assert.NotContains(tab.t, tab.text("#trace"), "Page → Backend")
}

func backendGone(tab *tab) {
	tab.mu.Lock()
	tab.stopped = true
	tab.mu.Unlock()
	tab.stop()
	tab.click("sign-in")
	tab.shows("notice", "The backend is not responding")
}

// rateLimit checks a message that says nothing about the code.
func rateLimit(tab *tab) {
	eval[chromedp.Void](tab, `{
		const originalFetch = fetch
		const error = { reason: 'rate_limited', message: 'Too many attempts.', next: 'retry' }
		fetch = (path, ...more) => path === '/api/login' ? Promise.resolve(Response.json({ error }, { status: 429 })) : originalFetch(path, ...more)
	}`)
	tab.click("sign-in")
	tab.shows("notice", "Too many attempts.")
	assert.NotContains(tab.t, tab.text("#notice"), "code")
	tab.errorResponses()
}

func lateState(tab *tab) {
	call(tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `
		const originalFetch = fetch
		const released = new Promise(resolve => { window.release = resolve })
		fetch = async (path, ...more) => {
			const response = await originalFetch(path, ...more)
			if (path !== '/demo/state') return response
			const state = await response.json()
			await released
			setTimeout(() => { window.handled = true }) // after the handlers of the state have run
			return { json: async () => state }
		}
	`})
	tab.load()
	tab.switchDown()
	tab.until(`document.getElementById('down').checked`)
	eval[chromedp.Void](tab, `release()`)
	tab.until(`window.handled`)
	assert.True(tab.t, eval[bool](tab, `document.getElementById('down').checked`))
	tab.click("sign-in")
	tab.shows("notice", "temporarily unavailable")
	tab.errorResponses("POST /api/login 503")
}

func switchFails(tab *tab) {
	tab.switchDown()
	tab.click("sign-in")
	tab.shows("notice", "temporarily unavailable")
	tab.mu.Lock()
	tab.stopped = true
	tab.mu.Unlock()
	tab.stop()
	tab.click("down")
	tab.shows("notice", "The backend is not responding")
	assert.True(tab.t, eval[bool](tab, `document.getElementById('down').checked`), "the last state of the server")
	tab.errorResponses("POST /api/login 503")
}
