package authingtest

import (
	"cmp"
	"strings"
)

const shortestPassword = 6

// checkPool refuses calls for another user pool, and those that name none.
func (s *Server) checkPool(id string) *envelope {
	switch id {
	case s.opts.UserPoolID:
		return nil
	case "":
		return refuse(2205)
	}
	return refuse(2224)
}

// checkEmail looks no closer than that: which addresses the service takes is not known.
func checkEmail(email string, code int) *envelope {
	local, domain, ok := strings.Cut(email, "@")
	if email != "" && (!ok || local == "" || domain == "" || strings.ContainsAny(email, " \t\r\n")) {
		return refuse(code)
	}
	return nil
}

// registerUser signs nobody in, unless the caller asks for that too.
func (s *Server) registerUser(call graphqlCall) (any, *envelope) {
	info, _ := call.arguments["userInfo"].(object)
	email, username, unionID, phone := text(info, "email"), text(info, "username"), text(info, "unionid"), text(info, "phone")
	password, refused := s.decryptPassword(text(info, "password"))
	ip := cmp.Or(text(info, "lastIP"), call.ip)
	if email == "" && username == "" && unionID == "" && phone == "" {
		refused = cmp.Or(refused, refuse(2028))
	}
	refused = cmp.Or(s.checkPool(text(info, "registerInClient")), refused, checkEmail(email, 2003),
		checkNewPassword(password, unionID != "" || phone != ""), s.checkFree(email, username, unionID, phone),
		s.checkPhoneCode(phone, info))
	if refused != nil {
		return nil, refused
	}
	a := &account{
		email: email, username: username, unionID: unionID, phone: phone, password: password, lastIP: ip,
		nickname: text(info, "nickname"), photo: text(info, "photo"), oauth: text(info, "oauth"),
		browser: text(info, "browser"), device: text(info, "device"),
		registerMethod: cmp.Or(text(info, "registerMethod"), "default:username-password"),
	}
	if refused := s.create(a, ip); refused != nil {
		return nil, refused
	}
	delete(s.smsCodes, phone)
	if info["forceLogin"] == true {
		s.signIn(a, ip)
	}
	return s.graphqlUser(a), nil
}

// checkNewPassword lets those go without a password who can sign in otherwise.
func checkNewPassword(password string, optional bool) *envelope {
	switch {
	case password == "" && !optional:
		return refuse(2032)
	case password != "" && len([]rune(password)) < shortestPassword:
		return refuse(2029)
	}
	return nil
}

func (s *Server) checkFree(email, username, unionID, phone string) *envelope {
	switch {
	case s.ofEmail(email) != nil || s.ofUnionID(unionID) != nil || s.ofPhone(phone) != nil:
		return refuse(2026)
	case s.ofUsername(username) != nil:
		return refuse(2034)
	}
	return nil
}

// userExist finds the accounts that checkFree does.
func (s *Server) userExist(call graphqlCall) (any, *envelope) {
	if refused := s.checkPool(text(call.arguments, "userPoolId")); refused != nil {
		return nil, refused
	}
	return s.checkFree(text(call.arguments, "email"), text(call.arguments, "username"), "",
		text(call.arguments, "phone")) != nil, nil
}

// login takes a password, or a code that was texted to a phone. It looks at no token.
func (s *Server) login(call graphqlCall) (any, *envelope) {
	if refused := s.checkPool(text(call.arguments, "registerInClient")); refused != nil {
		return nil, refused
	}
	ip := cmp.Or(text(call.arguments, "lastIP"), call.ip)
	find := s.byPassword
	if text(call.arguments, "phone") != "" {
		find = s.byPhoneCode
	}
	a, refused := find(call.arguments, ip)
	if refused != nil {
		return nil, refused
	}
	a.browser = cmp.Or(text(call.arguments, "browser"), a.browser)
	a.device = cmp.Or(text(call.arguments, "device"), a.device)
	s.signIn(a, ip)
	return s.graphqlUser(a), nil
}

// byPassword returns the account that signs in with an address, a user name or a union id. A union id alone will do, as
// in the original.
func (s *Server) byPassword(arguments object, ip string) (*account, *envelope) {
	email, username, unionID := text(arguments, "email"), text(arguments, "username"), text(arguments, "unionid")
	if email == "" && username == "" && unionID == "" {
		return nil, refuse(2028)
	}
	password, refused := s.decryptPassword(text(arguments, "password"))
	refused = cmp.Or(refused, checkEmail(email, 2003), s.checkCaptcha(ip, text(arguments, "verifyCode")))
	if refused != nil {
		return nil, refused
	}
	a := cmp.Or(s.ofEmail(email), s.ofUsername(username), s.ofUnionID(unionID))
	onlyUnionID := email == "" && username == "" && password == ""
	switch {
	case a == nil:
		refused = refuse(2004)
	case a.blocked:
		return nil, refuse(2005)
	case onlyUnionID:
	case a.password == "":
		return nil, refuse(2027)
	case a.password != password:
		refused = refuse(2006)
	case a.mfa:
		return nil, refuse(1635)
	}
	s.countLogin(ip, refused == nil)
	return a, refused
}

// AddLDAPUser adds somebody to the directory that the user pool is connected to. The first login creates the account.
func (s *Server) AddLDAPUser(username, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ldap[username] = password
}

// loginByLDAP gets the password in clear and looks at no token.
func (s *Server) loginByLDAP(call graphqlCall) (any, *envelope) {
	username := text(call.arguments, "username")
	if refused := s.checkPool(text(call.arguments, "clientId")); refused != nil {
		return nil, refused
	}
	password, ok := s.ldap[username]
	if !ok {
		return nil, refuse(2004)
	}
	if password != text(call.arguments, "password") {
		return nil, refuse(2006)
	}
	name := "uid=" + username + ",ou=people,dc=example,dc=com" // directories put it into the unionid
	a := s.ofUnionID(name)
	if a == nil {
		a = &account{username: username, unionID: name, registerMethod: "ldap:default::from-undefined"}
		if refused := s.create(a, call.ip); refused != nil {
			return nil, refused
		}
	}
	if a.blocked {
		return nil, refuse(2005)
	}
	a.browser = cmp.Or(text(call.arguments, "browser"), a.browser)
	s.signIn(a, call.ip)
	return s.graphqlUser(a), nil
}
