package authingtest

import (
	"cmp"
	"time"
)

// user shows an account to its user only.
func (s *Server) user(call graphqlCall) (any, *envelope) {
	if refused := s.checkPool(text(call.arguments, "registerInClient")); refused != nil {
		return nil, refused
	}
	a, refused := s.acting(call, text(call.arguments, "id"), 1001)
	if refused != nil {
		return nil, refused
	}
	return s.graphqlUser(a), nil
}

// updateUser changes what is in the options, null included, and nothing if it refuses.
func (s *Server) updateUser(call graphqlCall) (any, *envelope) {
	options, _ := call.arguments["options"].(object)
	if refused := s.checkPool(text(options, "registerInClient")); refused != nil {
		return nil, refused
	}
	a, refused := s.acting(call, text(options, "_id"), 2202)
	if refused != nil {
		return nil, refused
	}
	password, refused := s.newPassword(a, options)
	refused = cmp.Or(refused, s.checkNewEmail(a, options), s.checkNewPhone(a, options), s.checkNewUsername(a, options))
	if refused != nil {
		return nil, refused
	}
	a.password = password
	s.applyUpdate(a, options)
	return s.graphqlUser(a), nil
}

// newPassword returns the password that a has after an update.
func (s *Server) newPassword(a *account, options object) (string, *envelope) {
	if text(options, "password") == "" {
		return a.password, nil
	}
	password, refused := s.decryptPassword(text(options, "password"))
	old, oldRefused := s.decryptPassword(text(options, "oldPassword"))
	switch {
	case refused != nil || oldRefused != nil:
		return "", refuse(2016)
	case text(options, "oldPassword") == "":
		return "", refuse(2201)
	case old != a.password:
		return "", refuse(2203)
	}
	return password, checkNewPassword(password, false)
}

func (s *Server) checkNewEmail(a *account, options object) *envelope {
	email, given := options["email"]
	switch {
	case !given || text(options, "email") == a.email:
		return nil
	case !s.opts.EarlyUpdates:
		return refuse(2225)
	case email != nil && s.ofEmail(text(options, "email")) != nil:
		return refuse(2200)
	}
	return checkEmail(text(options, "email"), 2204)
}

func (s *Server) checkNewPhone(a *account, options object) *envelope {
	_, given := options["phone"]
	switch {
	case !given || text(options, "phone") == a.phone:
		return nil
	case !s.opts.EarlyUpdates:
		return refuse(2226)
	case s.ofPhone(text(options, "phone")) != nil:
		return refuse(2035)
	}
	return nil
}

func (s *Server) checkNewUsername(a *account, options object) *envelope {
	if other := s.ofUsername(text(options, "username")); other != nil && other != a && a.password != "" {
		return refuse(2034)
	}
	return nil
}

// applyUpdate believes what the client says of logins and locks too, as the original lets it. What it says of the token
// is not known to have an effect.
func (s *Server) applyUpdate(a *account, options object) {
	for name, field := range map[string]*string{
		"email": &a.email, "username": &a.username, "nickname": &a.nickname, "company": &a.company, "photo": &a.photo,
		"phone": &a.phone, "browser": &a.browser, "lastIP": &a.lastIP, "oauth": &a.oauth,
	} {
		if _, given := options[name]; given {
			*field = text(options, name)
		}
	}
	for name, field := range map[string]*bool{
		"emailVerified": &a.emailVerified, "blocked": &a.blocked, "isDeleted": &a.deleted,
	} {
		if value, given := options[name]; given {
			*field = value == true
		}
	}
	for name, field := range map[string]*time.Time{"lastLogin": &a.lastLogin, "signedUp": &a.signedUp} {
		if t, err := time.Parse(time.RFC3339, text(options, name)); err == nil {
			*field = t
		}
	}
	if n, ok := integer(options, "loginsCount"); ok {
		a.loginsCount = n
	}
	if ends := text(options, "tokenExpiredAt"); ends != "" {
		a.tokenExpires = ends
		if t, err := time.Parse(time.RFC3339, ends); err != nil || !t.After(s.opts.Clock()) {
			a.tokens = nil // signed out everywhere
		}
	}
}

// unbindEmail acts on the caller, if no user is named: the original forgets to.
func (s *Server) unbindEmail(call graphqlCall) (any, *envelope) {
	if client := text(call.arguments, "client"); client != "" && client != s.opts.UserPoolID {
		return nil, refuse(2224)
	}
	a, refused := s.acting(call, text(call.arguments, "user"), 2202)
	switch {
	case refused != nil:
		return nil, refused
	case a.email == "":
		return nil, refuse(2219)
	case a.phone == "" && a.unionID == "" && a.openID == "" && (a.username == "" || a.password == ""):
		return nil, refuse(2217)
	}
	a.email, a.emailVerified = "", false
	return s.graphqlUser(a), nil
}
