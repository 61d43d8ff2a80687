package authingtest

import (
	"cmp"
	"strings"
)

const minPasswordLength = 6

// checkPool rejects an ID that is missing or belongs to another user pool.
func (s *Server) checkPool(id string) *envelope {
	switch id {
	case s.opts.UserPoolID:
		return nil
	case "":
		return newError(2205)
	}
	return newError(2224)
}

// checkEmail is lenient: which addresses the service rejects is not known.
func checkEmail(email string, code int) *envelope {
	local, domain, ok := strings.Cut(email, "@")
	if email != "" && (!ok || local == "" || domain == "" || strings.ContainsAny(email, " \t\r\n")) {
		return newError(code)
	}
	return nil
}

// registerUser signs the user in only if forceLogin is set.
func (s *Server) registerUser(call graphqlCall) (any, *envelope) {
	info, _ := call.arguments["userInfo"].(object)
	email, username := getString(info, "email"), getString(info, "username")
	unionID, phone := getString(info, "unionid"), getString(info, "phone")
	password, apiErr := s.decryptPassword(getString(info, "password"))
	ip := cmp.Or(getString(info, "lastIP"), call.ip)
	if email == "" && username == "" && unionID == "" && phone == "" {
		apiErr = cmp.Or(apiErr, newError(2028))
	}
	apiErr = cmp.Or(s.checkPool(getString(info, "registerInClient")), apiErr, checkEmail(email, 2003),
		checkNewPassword(password, unionID != "" || phone != ""), s.checkAvailable(email, username, unionID, phone),
		s.checkPhoneCode(phone, info))
	if apiErr != nil {
		return nil, apiErr
	}
	a := &account{
		email: email, username: username, unionID: unionID, phone: phone, password: password, lastIP: ip,
		nickname: getString(info, "nickname"), photo: getString(info, "photo"), oauth: getString(info, "oauth"),
		browser: getString(info, "browser"), device: getString(info, "device"),
		registerMethod: cmp.Or(getString(info, "registerMethod"), "default:username-password"),
	}
	if apiErr := s.create(a, ip); apiErr != nil {
		return nil, apiErr
	}
	s.smsCodes.delete(phone)
	if info["forceLogin"] == true {
		s.signIn(a, ip)
	}
	return s.graphqlUser(a), nil
}

// checkNewPassword accepts an empty password if it is optional, because the user has another way to sign in.
func checkNewPassword(password string, optional bool) *envelope {
	switch {
	case password == "" && !optional:
		return newError(2032)
	case password != "" && len([]rune(password)) < minPasswordLength:
		return newError(2029)
	}
	return nil
}

func (s *Server) checkAvailable(email, username, unionID, phone string) *envelope {
	switch {
	case s.accountByEmail(email) != nil || s.accountByUnionID(unionID) != nil || s.accountByPhone(phone) != nil:
		return newError(2026)
	case s.accountByUsername(username) != nil:
		return newError(2034)
	}
	return nil
}

func (s *Server) userExist(call graphqlCall) (any, *envelope) {
	if apiErr := s.checkPool(getString(call.arguments, "userPoolId")); apiErr != nil {
		return nil, apiErr
	}
	return s.checkAvailable(getString(call.arguments, "email"), getString(call.arguments, "username"), "",
		getString(call.arguments, "phone")) != nil, nil
}

// login accepts a password or a texted code, and ignores the token.
func (s *Server) login(call graphqlCall) (any, *envelope) {
	if apiErr := s.checkPool(getString(call.arguments, "registerInClient")); apiErr != nil {
		return nil, apiErr
	}
	ip := cmp.Or(getString(call.arguments, "lastIP"), call.ip)
	find := s.loginByPassword
	if getString(call.arguments, "phone") != "" {
		find = s.loginByPhoneCode
	}
	a, apiErr := find(call.arguments, ip)
	if apiErr != nil {
		return nil, apiErr
	}
	a.browser = cmp.Or(getString(call.arguments, "browser"), a.browser)
	a.device = cmp.Or(getString(call.arguments, "device"), a.device)
	s.signIn(a, ip)
	return s.graphqlUser(a), nil
}

// loginByPassword takes an e-mail address, a username or a unionid. As in the original, a unionid needs no password.
func (s *Server) loginByPassword(arguments object, ip string) (*account, *envelope) {
	email, username := getString(arguments, "email"), getString(arguments, "username")
	unionID := getString(arguments, "unionid")
	if email == "" && username == "" && unionID == "" {
		return nil, newError(2028)
	}
	password, apiErr := s.decryptPassword(getString(arguments, "password"))
	apiErr = cmp.Or(apiErr, checkEmail(email, 2003), s.checkCaptcha(ip, getString(arguments, "verifyCode")))
	if apiErr != nil {
		return nil, apiErr
	}
	a := cmp.Or(s.accountByEmail(email), s.accountByUsername(username), s.accountByUnionID(unionID))
	onlyUnionID := email == "" && username == "" && password == ""
	switch {
	case a == nil:
		apiErr = newError(2004)
	case a.blocked:
		return nil, newError(2005)
	case onlyUnionID:
	case a.password == "":
		return nil, newError(2027)
	case a.password != password:
		apiErr = newError(2006)
	case a.mfa:
		return nil, newError(1635)
	}
	s.countLogin(ip, apiErr == nil)
	return a, apiErr
}

// AddLDAPUser adds a user to the LDAP directory connected to the user pool. The first login creates the account.
func (s *Server) AddLDAPUser(username, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ldap[username] = password
}

// loginByLDAP takes the password in clear text and ignores the token.
func (s *Server) loginByLDAP(call graphqlCall) (any, *envelope) {
	username := getString(call.arguments, "username")
	if apiErr := s.checkPool(getString(call.arguments, "clientId")); apiErr != nil {
		return nil, apiErr
	}
	a, apiErr := s.accountOfLDAP(username, getString(call.arguments, "password"), call.ip)
	if apiErr != nil {
		return nil, apiErr
	}
	a.browser = cmp.Or(getString(call.arguments, "browser"), a.browser)
	s.signIn(a, call.ip)
	return s.graphqlUser(a), nil
}

// accountOfLDAP returns the account of a user of the directory, and creates it for the first login.
func (s *Server) accountOfLDAP(username, password, ip string) (*account, *envelope) {
	expected, ok := s.ldap[username]
	if !ok {
		return nil, newError(2004)
	}
	if password != expected {
		return nil, newError(2006)
	}
	dn := "uid=" + username + ",ou=people,dc=example,dc=com" // Authing stores the DN as the unionid
	a := s.accountByUnionID(dn)
	if a == nil {
		a = &account{username: username, unionID: dn, registerMethod: "ldap:default::from-undefined"}
		if apiErr := s.create(a, ip); apiErr != nil {
			return nil, apiErr
		}
	}
	if a.blocked {
		return nil, newError(2005)
	}
	return a, nil
}
