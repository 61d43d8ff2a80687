package authingv3

import (
	"strings"

	"github.com/authing-wxapp/authing/internal/api"
)

// meaning returns what the caller should do about a failure, and the sentinel that the error matches, if any. The reason
// decides, where there is one: the class is coarse.
func meaning(code, apiCode int) (hint string, sentinel error) {
	switch apiCode {
	case 1635, 1636:
		return "the user has a second factor, which this API does not support", api.ErrMFARequired
	case 1639, 2058:
		return "the user has to reset the password first", nil
	case 1640, 1641:
		return "the user has to bind an existing account first", nil
	case 1642:
		return "the user has to complete the profile first", nil
	case 1643:
		return "the user has to unlock the account first", nil
	case 1699:
		return "the application's own flow ended the login", nil
	case 2004:
		return "the user does not exist", api.ErrUserNotFound
	case 2005:
		return "the account is locked: an administrator has to unlock it", api.ErrUserLocked
	case 2006, 2333:
		return "the account or the password is wrong", api.ErrWrongPassword
	case 2011:
		return "the application does not exist: check the id given to NewClient", nil
	case 2020:
		return "sign in, then use client.As(login.AccessToken)", api.ErrLoginRequired
	case 2031:
		return "the pool does not accept new users", nil
	case 2224:
		return "the user pool does not exist: check WithUserPool", nil
	case 2120008, 2130010:
		return "the user may not sign in to this tenant", nil
	case 2820002:
		return "the LDAP connection is not set up", nil
	case 4021:
		return "the pool has a billing problem: see the Authing console", nil
	}
	switch code {
	case 400:
		return "a parameter is malformed", nil
	case 401:
		return "the service wants a token, or does not accept this one", nil
	case 402:
		return "the plan of the pool does not include this", nil
	case 429:
		return "wait before you call again", nil
	case 500, 501, 502, 503:
		return "the service is in trouble: try later", nil
	case 601, 602:
		return "the service asked somebody else, WeChat for example, and failed", nil
	case 603:
		return "the pool's own pipeline or database failed: see the Authing console", nil
	}
	return "", nil
}

// clientRefused are the service's words where the application authenticates in another way than it is set to. In which form
// they come is not documented.
const clientRefused = "client authentication failed"

// oidcMeaning returns what to do about an error of OpenID Connect.
func oidcMeaning(name string) string {
	switch name {
	case "invalid_grant":
		return "the token has expired or was used: sign in again (or the application's id or secret is wrong)"
	case "invalid_client":
		return "compare WithAppSecret with the application's token authentication method in the Authing console"
	case "unauthorized_client", "unsupported_grant_type":
		return "the application lacks the grant type of this call, refresh_token for Refresh: tick it in the Authing console"
	}
	return ""
}

// codeThirdParty means that a third party, such as WeChat, answered the service with an error.
const codeThirdParty = 602

// wechatRefusal returns what to do if e reports that WeChat refused the code, else "". No source says how that looks; so
// WeChat's number is searched for, and in answers of a third party also its words.
func wechatRefusal(e *api.Error) string {
	number, _ := api.FindWeChat(e.Data, []byte(e.Message))
	said := func(words ...string) bool {
		for _, w := range words {
			if e.Code == codeThirdParty && strings.Contains(e.Message, w) {
				return true
			}
		}
		return false
	}
	switch {
	case number == 40163 || said("40163", "code been used"):
		return "the code was already used and every call needs its own: let the page get a new one"
	case number == 40029 || said("40029", "invalid code"):
		return "the code is unknown, older than five minutes, of another mini program or of the other kind (wx.login, phone " +
			"button): let the page get a new one, and check the identity source in the Authing console"
	}
	return ""
}
