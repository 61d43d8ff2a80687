package authing

// meaning returns what the caller should do about a code of Authing or WeChat, and the sentinel that the error matches, if
// any. An unlisted code has neither.
func meaning(code int) (hint string, sentinel error) {
	switch code {
	// Any call
	case 500:
		return "the service failed without giving a reason", nil
	case 1000:
		return "the service is busy: try later", nil
	case 1001, 2018, 2202:
		return "the user is not allowed to do this: use the token of the user to change", nil
	case 2010, 2101, 2205, 2231:
		return "a required parameter is missing", nil
	case 2011, 2224:
		return "the user pool does not exist: check the id given to NewClient", nil
	case 2036:
		return "the user belongs to another pool", nil
	case 4021:
		return "the pool has a billing problem: see the Authing console", nil

	// The token
	case 2020:
		return "sign in, then use client.As(user.Token)", ErrLoginRequired
	case 2206, 1923:
		return "the token has expired or was ended: sign in again", ErrLoginRequired
	case 2207, 1921, 1922, 2401:
		return "the token is invalid: sign in again", ErrLoginRequired
	case 1920, 2214:
		return "the service could not look it up: try later", nil
	case 1924:
		return "the app does not exist", nil

	// The code of wx.login, in WeChat's own numbers
	case 40029:
		return "the code is unknown, older than five minutes or of another AppID: " +
			"call wx.login again, and check the AppID in the Authing console", ErrCodeInvalid
	case 40163:
		return "the code was already used and every call needs its own: call wx.login again", ErrCodeInvalid
	case -1:
		return "WeChat is busy and the code may be used up: try later with a fresh one", nil
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
		return "the user has a second factor, which this SDK does not support", ErrMFARequired
	case 1639, 2058:
		return "the user has to reset the password first", nil
	case 1640, 1641:
		return "the user has to bind an existing account first", nil
	case 1642:
		return "the user has to complete the profile first", nil
	case 1643:
		return "the user has to unlock the account first", nil
	case 1600:
		return "the login continues elsewhere", nil
	case 1700, 1701, 1702, 1703, 1704, 1705, 1706, 1707:
		return "face recognition is required, which this SDK does not support", nil
	case 6001, 6002, 6003, 6004:
		return "the one-time or recovery code of the second factor is missing or wrong", nil
	case 1699:
		return "the pool's own rules ended the login", nil
	case 2000:
		return "too many sign-ins from one address, and all users share your backend's: raise the limit in the Authing " +
			"console (Login: send the captcha as VerifyCode, and pass LastIP)", ErrCaptchaRequired
	case 2001:
		return "the code or captcha is wrong: ask the user to type it again", ErrVerifyCode
	case 2002, 2040:
		return "the pool has used up its quota: see the Authing console", nil
	case 2003, 2204:
		return "invalid e-mail address", nil
	case 2004:
		return "the user does not exist in this pool", ErrUserNotFound
	case 2005:
		return "the account is locked: an administrator has to unlock it", ErrUserLocked
	case 2006, 2333:
		return "the password is wrong", ErrWrongPassword
	case 2016:
		return "the service could not decrypt the password: a deployment with its own key needs WithPublicKey", nil
	case 2026:
		return "the account already exists: sign in instead", ErrUserExists
	case 2027:
		return "the account has no password: sign in the way it was created", nil
	case 2028:
		return "invalid phone number or e-mail address", nil
	case 2029:
		return "the password needs at least 6 characters", nil
	case 2012:
		return "the pool has no default group: see the Authing console", nil
	case 2031:
		return "the pool does not accept new users", nil
	case 2032:
		return "registration requires a password", nil
	case 2034:
		return "the user name is taken", ErrUserExists
	case 2100:
		return "too many registrations from one address: raise the limit in the Authing console (Register: also pass LastIP)", ErrRateLimited
	case 2211:
		return "the user name is missing", nil
	case 2820002:
		return "the LDAP connection of the pool is not set up", nil
	case 2921:
		return "several accounts match: the user has to choose one", nil

	// Phone, e-mail, password, profile
	case 2035:
		return "another account already has it", ErrPhoneTaken
	case 2200:
		return "another account already has it", ErrEmailTaken
	case 2300:
		return "the code has expired: ask for a new one", ErrVerifyCode
	case 2019:
		return "changing the password requires a verification first", nil
	case 2201:
		return "the old password is missing", nil
	case 2203:
		return "the old password is wrong", ErrWrongPassword
	case 2208, 2229, 2230:
		return "the new value equals the old one", nil
	case 2037, 2038:
		return "the old value does not match the account", nil
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
		return "this concerns the administration of the pool: see the Authing console", nil
	case 2213, 2215:
		return "the account is already bound", nil
	case 2216:
		return "no such account is bound", nil
	}
	return "", nil
}
