package authing

// meaning returns what a code of the service, or of WeChat behind it, means for the caller: the sentinel to match, if
// there is one, and what to do. A code that is not listed gives neither and reaches the caller unchanged.
func meaning(code int) (sentinel error, hint string) {
	switch code {
	// Any call
	case 500, 1000:
		return nil, "the service is busy: try later"
	case 1001, 2018, 2202:
		return nil, "this user may not do that: is the token that of the user to change?"
	case 2010, 2101, 2205, 2231:
		return nil, "the service misses a parameter"
	case 2011, 2224:
		return nil, "there is no such user pool: check the id given to NewClient"
	case 2036:
		return nil, "the user belongs to another pool"
	case 4021:
		return nil, "the pool has a billing problem: see the Authing console"

	// The token
	case 2020:
		return ErrLoginRequired, "sign in, then use client.As(user.Token)"
	case 2206, 1923:
		return ErrLoginRequired, "the token has expired: sign in again"
	case 2207, 1921, 1922, 2401:
		return ErrLoginRequired, "the token is not valid: sign in again"
	case 1920, 2214:
		return nil, "the service could not look it up: try later"
	case 1924:
		return nil, "there is no such app"

	// The code of wx.login, in WeChat's own numbers
	case 40029:
		return ErrCodeInvalid, "the code is unknown, older than five minutes or of another AppID: " +
			"call wx.login again, and check the AppID in the Authing console"
	case 40163:
		return ErrCodeInvalid, "the code was used before, every call needs its own: call wx.login again"
	case 40226:
		return nil, "WeChat blocked this user as high-risk"
	case 45011:
		return ErrRateLimited, "WeChat allows about 100 calls a minute for one user: wait, then use a fresh code"
	case 40013, 40125:
		return nil, "the AppID or AppSecret stored in the Authing console is wrong"

	// Signing in and registering
	case 1576, 2130010, 2120008:
		return nil, "the user may not sign in here"
	case 1635, 1636:
		return ErrMFARequired, "the user has a second factor, which this SDK cannot ask for"
	case 1639, 2058:
		return nil, "the user has to reset the password first"
	case 1640, 1641:
		return nil, "the service asks to bind an existing account first"
	case 1642:
		return nil, "the user has to complete the profile first"
	case 1643:
		return nil, "the user has to unlock the account first"
	case 1699:
		return nil, "the login flow was ended by the pool's own rules"
	case 2000:
		return ErrCaptchaRequired, "show the captcha and send its text as VerifyCode; pass LastIP, since all users share the address of your backend"
	case 2001:
		return ErrVerifyCode, "the code or captcha is wrong: ask the user to type it again"
	case 2002, 2040:
		return nil, "the quota of the pool is used up: see the Authing console"
	case 2003, 2204:
		return nil, "that is no e-mail address"
	case 2004:
		return ErrUserNotFound, "there is no such user in this pool"
	case 2005:
		return ErrUserLocked, "the account is locked: an administrator has to unlock it"
	case 2006, 2333:
		return ErrWrongPassword, "the password is wrong"
	case 2016:
		return nil, "the service could not decrypt the password: does the deployment have its own key (WithPublicKey)?"
	case 2026:
		return ErrUserExists, "the account exists: sign in instead"
	case 2027:
		return nil, "the account has no password: sign in the way it was created"
	case 2028:
		return nil, "give a correct phone number or e-mail address"
	case 2029:
		return nil, "a password needs at least 6 characters"
	case 2012:
		return nil, "the pool has no default group: see the Authing console"
	case 2031:
		return nil, "the pool does not accept new users"
	case 2032:
		return nil, "registering needs a password"
	case 2034:
		return ErrUserExists, "the user name is taken"
	case 2100:
		return ErrRateLimited, "too many registrations from one address: raise the limit in the Authing console and pass LastIP"
	case 2211:
		return nil, "the user name is missing"
	case 2820002:
		return nil, "the LDAP connection of the pool is not set up"
	case 2921:
		return nil, "several accounts match: the user has to choose one"

	// Phone, e-mail, password, profile
	case 2035:
		return ErrPhoneTaken, "another account holds it already"
	case 2200:
		return ErrEmailTaken, "another account holds it already"
	case 2300:
		return ErrVerifyCode, "the code has expired: ask for a new one"
	case 2019:
		return nil, "changing the password needs a verification first"
	case 2201:
		return nil, "the old password is missing"
	case 2203:
		return ErrWrongPassword, "the old password is wrong"
	case 2208, 2229, 2230:
		return nil, "the new value equals the old one"
	case 2037, 2038:
		return nil, "the old value is not the one of the account"
	case 2217:
		return nil, "it is the only way left to sign in"
	case 2218, 2219:
		return nil, "the user has no e-mail address"
	case 2225, 2226, 2227, 2228:
		return nil, "the service does not change e-mail addresses and phone numbers this way"
	case 2023:
		return nil, "the link has expired: send a new one"
	case 2017, 2021, 2022, 2025, 3012, 3013, 3014:
		return nil, "the mail could not be sent: see the mail settings in the Authing console"
	case 2030:
		return nil, "at most 80 users in one call"
	case 2213, 2215:
		return nil, "that account is bound already"
	case 2216:
		return nil, "no such account is bound"
	}
	return nil, ""
}
