package authing

// meaning returns what a code of the service, or of WeChat behind it, means for the caller: what to do, and the sentinel to
// match if there is one. A code that is not listed gives neither and reaches the caller unchanged.
func meaning(code int) (hint string, sentinel error) {
	switch code {
	// Any call
	case 500:
		return "the service failed and does not say why", nil
	case 1000:
		return "the service is busy: try later", nil
	case 1001, 2018, 2202:
		return "this user may not do that: is the token that of the user to change?", nil
	case 2010, 2101, 2205, 2231:
		return "the service misses a parameter", nil
	case 2011, 2224:
		return "there is no such user pool: check the id given to NewClient", nil
	case 2036:
		return "the user belongs to another pool", nil
	case 4021:
		return "the pool has a billing problem: see the Authing console", nil

	// The token
	case 2020:
		return "sign in, then use client.As(user.Token)", ErrLoginRequired
	case 2206, 1923:
		return "the token has expired: sign in again", ErrLoginRequired
	case 2207, 1921, 1922, 2401:
		return "the token is not valid: sign in again", ErrLoginRequired
	case 1920, 2214:
		return "the service could not look it up: try later", nil
	case 1924:
		return "there is no such app", nil

	// The code of wx.login, in WeChat's own numbers
	case 40029:
		return "the code is unknown, older than five minutes or of another AppID: " +
			"call wx.login again, and check the AppID in the Authing console", ErrCodeInvalid
	case 40163:
		return "the code was used before, every call needs its own: call wx.login again", ErrCodeInvalid
	case -1:
		return "WeChat is busy, and the code may be spent: try later with a fresh one", nil
	case -41003:
		return "the data does not belong to the code: call wx.login before the tap, not in its callback, and tap again", nil
	case 40226:
		return "WeChat blocked this user as high-risk", nil
	case 45011:
		return "WeChat allows about 100 calls a minute for one user: wait, then use a fresh code", ErrRateLimited
	case 40013, 40125:
		return "the AppID or AppSecret stored in the Authing console is wrong", nil

	// Signing in and registering
	case 1576, 2130010, 2120008:
		return "the user may not sign in here", nil
	case 1635, 1636:
		return "the user has a second factor, which this SDK cannot ask for", ErrMFARequired
	case 1639, 2058:
		return "the user has to reset the password first", nil
	case 1640, 1641:
		return "the service asks to bind an existing account first", nil
	case 1642:
		return "the user has to complete the profile first", nil
	case 1643:
		return "the user has to unlock the account first", nil
	case 1600:
		return "the login flow goes on elsewhere", nil
	case 1700, 1701, 1702, 1703, 1704, 1705, 1706, 1707:
		return "the user's face has to be checked, which this SDK cannot do", nil
	case 6001, 6002, 6003, 6004:
		return "the one-time or recovery code of the second factor is missing or wrong", nil
	case 1699:
		return "the login flow was ended by the pool's own rules", nil
	case 2000:
		return "too many sign-ins from one address, and all users share that of your backend: raise the limit in the Authing " +
			"console (Login: send the captcha as VerifyCode, and pass LastIP)", ErrCaptchaRequired
	case 2001:
		return "the code or captcha is wrong: ask the user to type it again", ErrVerifyCode
	case 2002, 2040:
		return "the quota of the pool is used up: see the Authing console", nil
	case 2003, 2204:
		return "that is no e-mail address", nil
	case 2004:
		return "there is no such user in this pool", ErrUserNotFound
	case 2005:
		return "the account is locked: an administrator has to unlock it", ErrUserLocked
	case 2006, 2333:
		return "the password is wrong", ErrWrongPassword
	case 2016:
		return "the service could not decrypt the password: does the deployment have its own key (WithPublicKey)?", nil
	case 2026:
		return "the account exists: sign in instead", ErrUserExists
	case 2027:
		return "the account has no password: sign in the way it was created", nil
	case 2028:
		return "give a correct phone number or e-mail address", nil
	case 2029:
		return "a password needs at least 6 characters", nil
	case 2012:
		return "the pool has no default group: see the Authing console", nil
	case 2031:
		return "the pool does not accept new users", nil
	case 2032:
		return "registering needs a password", nil
	case 2034:
		return "the user name is taken", ErrUserExists
	case 2100:
		return "too many registrations from one address: raise the limit in the Authing console (Register: pass LastIP, too)", ErrRateLimited
	case 2211:
		return "the user name is missing", nil
	case 2820002:
		return "the LDAP connection of the pool is not set up", nil
	case 2921:
		return "several accounts match: the user has to choose one", nil

	// Phone, e-mail, password, profile
	case 2035:
		return "another account holds it already", ErrPhoneTaken
	case 2200:
		return "another account holds it already", ErrEmailTaken
	case 2300:
		return "the code has expired: ask for a new one", ErrVerifyCode
	case 2019:
		return "changing the password needs a verification first", nil
	case 2201:
		return "the old password is missing", nil
	case 2203:
		return "the old password is wrong", ErrWrongPassword
	case 2208, 2229, 2230:
		return "the new value equals the old one", nil
	case 2037, 2038:
		return "the old value is not the one of the account", nil
	case 2217:
		return "it is the only way left to sign in", nil
	case 2218, 2219:
		return "the user has no e-mail address", nil
	case 2225, 2226, 2227, 2228:
		return "the service does not change e-mail addresses and phone numbers this way", nil
	case 2023:
		return "the link has expired: send a new one", nil
	case 2017, 2021, 2022, 2025, 3012, 3013, 3014:
		return "the mail could not be sent: see the mail settings in the Authing console", nil
	case 2030:
		return "at most 80 users in one call", nil
	case 2007, 2008, 2009, 2013, 2014, 2015, 2024, 2039, 2209, 2210, 2212, 2220, 2221, 2222, 2223, 3617, 3618, 3619, 3620,
		3621, 3622, 3623, 3624, 3829, 4032, 4033, 4212, 5000, 5001, 5022, 5023, 5024, 5025, 7348, 8128:
		return "that concerns the administration of the pool: see the Authing console", nil
	case 2213, 2215:
		return "that account is bound already", nil
	case 2216:
		return "no such account is bound", nil
	}
	return "", nil
}
