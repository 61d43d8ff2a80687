package authingtest

import (
	"cmp"
	"strings"
	"time"
)

func (s *Server) user(call graphqlCall) (any, *envelope) {
	if apiErr := s.checkPool(getString(call.arguments, "registerInClient")); apiErr != nil {
		return nil, apiErr
	}
	id := getString(call.arguments, "id")
	a, apiErr := s.authorizedAccount(call, id, 1001)
	if apiErr == nil && id == "" {
		apiErr = checkID(id)
	}
	if apiErr != nil {
		return nil, apiErr
	}
	return s.graphqlUser(a), nil
}

// updateUser applies all options, where null clears a field, or none if one of them is rejected.
func (s *Server) updateUser(call graphqlCall) (any, *envelope) {
	options, _ := call.arguments["options"].(object)
	if apiErr := s.checkPool(getString(options, "registerInClient")); apiErr != nil {
		return nil, apiErr
	}
	a, apiErr := s.authorizedAccount(call, getString(options, "_id"), 2202)
	if apiErr != nil {
		return nil, apiErr
	}
	password, apiErr := s.newPassword(a, options)
	apiErr = cmp.Or(apiErr, s.checkNewEmail(a, options), s.checkNewPhone(a, options), s.checkNewUsername(a, options))
	if apiErr != nil {
		return nil, apiErr
	}
	a.password = password
	s.applyUpdate(a, options)
	return s.graphqlUser(a), nil
}

// newPassword returns the password of a after an update.
func (s *Server) newPassword(a *account, options object) (string, *envelope) {
	if getString(options, "password") == "" {
		return a.password, nil
	}
	password, apiErr := s.decryptPassword(getString(options, "password"))
	old, oldRefused := s.decryptPassword(getString(options, "oldPassword"))
	switch {
	case apiErr != nil || oldRefused != nil:
		return "", newError(2016)
	case getString(options, "oldPassword") == "":
		return "", newError(2201)
	case old != a.password:
		return "", newError(2203)
	}
	return password, checkNewPassword(password, false)
}

func (s *Server) checkNewEmail(a *account, options object) *envelope {
	email, given := options["email"]
	other := s.accountByEmail(getString(options, "email"))
	switch {
	case !given || getString(options, "email") == a.email:
		return nil
	case !s.opts.EarlyUpdates:
		return newError(2225)
	case email != nil && other != nil && other != a:
		return newError(2200)
	}
	return checkEmail(getString(options, "email"), 2204)
}

func (s *Server) checkNewPhone(a *account, options object) *envelope {
	_, given := options["phone"]
	switch {
	case !given || getString(options, "phone") == a.phone:
		return nil
	case !s.opts.EarlyUpdates:
		return newError(2226)
	case s.accountByPhone(getString(options, "phone")) != nil:
		return newError(2035)
	}
	return nil
}

func (s *Server) checkNewUsername(a *account, options object) *envelope {
	if other := s.accountByUsername(getString(options, "username")); other != nil && other != a && a.password != "" {
		return newError(2034)
	}
	return nil
}

// applyUpdate also accepts login data and locks, as in the original. It ignores token, whose effect is not known.
func (s *Server) applyUpdate(a *account, options object) {
	for name, field := range map[string]*string{
		"email": &a.email, "username": &a.username, "nickname": &a.nickname, "company": &a.company, "photo": &a.photo,
		"phone": &a.phone, "browser": &a.browser, "lastIP": &a.lastIP, "oauth": &a.oauth,
	} {
		if _, given := options[name]; given {
			*field = getString(options, name)
		}
	}
	if !strings.HasPrefix(a.phone, a.countryCode) {
		a.countryCode = "" // it was that of the old number
	}
	for name, field := range map[string]*bool{
		"emailVerified": &a.emailVerified, "blocked": &a.blocked, "isDeleted": &a.deleted,
	} {
		if value, given := options[name]; given {
			*field = value == true
		}
	}
	for name, field := range map[string]*time.Time{"lastLogin": &a.lastLogin, "signedUp": &a.signedUp} {
		if t, ok := parseDate(getString(options, name)); ok {
			*field = t
		}
	}
	if n, ok := getInt(options, "loginsCount"); ok {
		a.loginsCount = n
	}
	switch expires := getString(options, "tokenExpiredAt"); expires {
	case "":
	case "0":
		a.tokenExpires, a.tokens = expires, recent[bool]{} // a logout
	default:
		// Only the stored date changes: a program may send a user back as received. The expiry of a token is signed.
		a.tokenExpires = expires
		if t, ok := parseDate(expires); ok {
			a.tokenExpires = isoDate(t)
		}
	}
}

// unbindEmail defaults to the caller, because the original does not send the user's ID.
func (s *Server) unbindEmail(call graphqlCall) (any, *envelope) {
	if client := getString(call.arguments, "client"); client != "" && client != s.opts.UserPoolID {
		return nil, newError(2224)
	}
	a, apiErr := s.authorizedAccount(call, getString(call.arguments, "user"), 2202)
	switch {
	case apiErr != nil:
		return nil, apiErr
	case a.email == "":
		return nil, newError(2219)
	case a.phone == "" && a.unionID == "" && a.openID == "" && (a.username == "" || a.password == ""):
		return nil, newError(2217)
	}
	a.email, a.emailVerified = "", false
	return s.graphqlUser(a), nil
}
