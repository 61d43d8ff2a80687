package browsertest

import (
	"fmt"
	"strings"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
)

// generation chooses the generation of Authing: "userPool" or "v3".
func (tab *tab) generation(name string) {
	tab.t.Helper()
	tab.do(chromedp.Click(chromedp.CSS(fmt.Sprintf(`[data-generation=%q]`, name))))
}

// openV3 chooses V3, which signs in.
func (tab *tab) openV3() {
	tab.t.Helper()
	tab.generation("v3")
	tab.shows("silent", "Signed in without a tap")
}

func signInSilently(tab *tab) {
	eval[chromedp.Void](tab, `const button = document.querySelector('[data-generation=v3]'); button.click(); button.click()`)
	tab.shows("silent", "Signed in without a tap")
	tab.shows("nickname", "No name yet")
	tab.shows("anonymous", "no real name and picture")
	tab.shows("generation-hint", "without a tap")
	tab.until(steps + `.length === 12`)
	assert.Equal(tab.t, []string{
		"Page → Backend POST /v3/api/login",
		"Backend → Authing LoginWithWxapp POST /api/v3/signin-by-mobile",
		"Authing → Backend 200",
		"Backend → Authing User GET /api/v3/get-profile",
		"Authing → Backend 200",
		"Backend → Page 200",
		"Page → WeChat wx.login", // for the next call
		"WeChat → Page login:ok",
	}, eval[[]string](tab, steps)[4:])

	id := tab.text("#user-id")
	tab.load()
	tab.shows("nickname", "No name yet")
	tab.hides("silent")
	assert.Equal(tab.t, id, tab.text("#user-id"))
	tab.traced("Page → Backend GET /v3/api/me")
	assert.Equal(tab.t, 1, strings.Count(tab.text("#trace"), "POST /v3/api/login"), "the page has a token")
	tab.errorResponses()
}

// bindPhoneV3 also checks that both generations show the same user.
func bindPhoneV3(tab *tab) {
	tab.openV3()
	id, token := tab.text("#user-id"), eval[string](tab, `sessionStorage.getItem('token')`)
	tab.click("bind")
	tab.shows("phone-number", "138••••0001")
	tab.hides("bind")
	tab.traced("Page → WeChat tap getPhoneNumber")
	tab.traced("Backend → Authing LoginWithWxappPhone POST /api/v3/signin-by-mobile")
	assert.NotEqual(tab.t, token, eval[string](tab, `sessionStorage.getItem('token')`))

	tab.generation("userPool")
	tab.shows("welcome", "No password needed")
	tab.traced("Backend → Authing Logout POST /oidc/token/revocation")
	tab.click("sign-in")
	tab.shows("phone-number", "138••••0001")
	assert.Equal(tab.t, id, tab.text("#user-id"))
	tab.openV3()
	tab.shows("phone-number", "138••••0001")
	tab.errorResponses()
}

func signOutV3(tab *tab) {
	tab.openV3()
	tab.click("sign-out")
	tab.shows("welcome-hint", "waits for your tap")
	tab.load()
	tab.shows("welcome-hint", "waits for your tap")
	assert.False(tab.t, eval[bool](tab, `'token' in sessionStorage`))
	tab.click("sign-in")
	tab.shows("nickname", "No name yet")
	tab.hides("silent")
	assert.NotContains(tab.t, tab.text("#trace"), "getUserInfo")
	tab.click("sign-out")
	tab.shows("welcome-hint", "waits for your tap")
	tab.generation("userPool")
	tab.shows("welcome-hint", "No password needed")
	tab.openV3() // another mini program: the user has not signed out of this one
	tab.errorResponses()
}

func expiredToken(tab *tab) {
	tab.openV3()
	eval[chromedp.Void](tab, `sessionStorage.setItem('token', 'expired')`)
	tab.load()
	tab.shows("silent", "Signed in without a tap")
	tab.hides("notice")
	tab.errorResponses("GET /v3/api/me 401")
}

func usedCodeV3(tab *tab) {
	tab.click("spent")
	tab.generation("v3")
	tab.shows("notice", "already fetched a new code")
	tab.traced("Authing → Backend 200, code 602")
	tab.shows("welcome-hint", "No password needed")
	tab.click("spent")
	tab.click("sign-in")
	tab.shows("nickname", "No name yet")
	tab.hides("silent")
	tab.click("spent")
	tab.click("bind")
	tab.shows("notice", "already fetched a new code")
	tab.shows("phone-number", "not bound")
	tab.click("spent")
	tab.click("bind")
	tab.shows("phone-number", "138••••0001")
	tab.errorResponses("POST /v3/api/login 409", "POST /v3/api/phone 409")
}

func outageV3(tab *tab) {
	tab.click("sign-in")
	tab.shows("nickname", "微信用户")
	tab.switchDown()
	tab.generation("v3") // signs out of the page, though not of Authing
	tab.shows("notice", "The code was not used")
	tab.shows("welcome", "Sign in with WeChat")
	tab.switchDown()
	tab.load()
	tab.shows("silent", "Signed in without a tap")

	tab.switchDown()
	tab.click("bind")
	tab.shows("notice", "The code was not used")
	tab.load()
	tab.shows("notice", "temporarily unavailable")
	assert.True(tab.t, eval[bool](tab, `'token' in sessionStorage`))
	tab.switchDown()
	tab.load()
	tab.shows("phone-number", "not bound")
	tab.errorResponses("POST /api/logout 503", "POST /v3/api/login 503", "POST /v3/api/phone 503", "GET /v3/api/me 503")
}

func declineV3(tab *tab) {
	tab.click("refuse")
	tab.openV3()
	tab.shows("old-hint", "nothing to decline")
	assert.True(tab.t, eval[bool](tab, `document.getElementById('old').disabled`))
	tab.click("bind")
	tab.shows("notice", "You declined")
	tab.traced("WeChat → Page getPhoneNumber:fail user deny")
	tab.click("refuse")
	tab.click("bind")
	tab.shows("phone-number", "138••••0001")
	tab.generation("userPool")
	tab.shows("old-hint", "pre-2021 profile")
	assert.False(tab.t, eval[bool](tab, `document.getElementById('old').disabled`))
	tab.errorResponses("POST /v3/api/phone 403")
}

func languagesV3(tab *tab) {
	tab.openV3()
	tab.do(chromedp.Click(chromedp.CSS(`[data-language="zh"]`)))
	tab.shows("silent", "已自动登录")
	tab.shows("nickname", "未填写昵称")
	tab.shows("generation-hint", "不用点击")
	tab.shows("old-hint", "没有可以拒绝的授权")
	tab.click("sign-out")
	tab.shows("welcome-hint", "再次登录需要点一下")
	tab.do(chromedp.Click(chromedp.CSS(`[data-language="en"]`)))
	tab.shows("welcome-hint", "waits for your tap")
	tab.errorResponses()
}

func noSecretsV3(tab *tab) {
	tab.openV3()
	bindWithoutSecrets(tab)
	tab.errorResponses("POST /v3/api/phone 409")
}
