package authingtest

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

var (
	wxLoginShape = shape{"code*": nonEmpty, "encryptedData": text, "iv": text}
	mobileShape  = shape{
		"connection*": enum{
			"wechat_mini_program_code", "wechat_mini_program_code_and_phone", "wechat_mini_program_phone",
		},
		"extIdpConnidentifier*":        nonEmpty,
		"wechatMiniProgramCodePayload": wxLoginShape,
		"wechatMiniProgramCodeAndPhonePayload": shape{
			"wxLoginInfo*": wxLoginShape, "wxPhoneInfo*": shape{"code*": nonEmpty},
		},
		"wechatMiniProgramPhonePayload": shape{"code*": nonEmpty, "encryptedData*": nonEmpty, "iv*": nonEmpty},
		"options":                       shape{"scope": text, "context": anything, "tenantId": text, "customData": anything},
		"client_id":                     text, "client_secret": text,
	}

	passwordEncryption = enum{"none", "rsa", "sm2"}
	passCodeShape      = shape{"passCode*": text, "email": text, "phone": text, "phoneCountryCode": text}
	signInShape        = shape{
		"connection*": enum{"PASSWORD", "PASSCODE", "LDAP"},
		"passwordPayload": shape{
			"password*": text, "account": text, "email": text, "username": text, "phone": text,
		},
		"passCodePayload": passCodeShape,
		"ldapPayload":     shape{"sAMAccountName*": text, "password*": text},
		"options": shape{
			"scope": text, "clientIp": text, "context": anything, "tenantId": text, "customData": anything,
			"autoRegister": boolean, "captchaCode": text, "passwordEncryptType": passwordEncryption,
		},
		"client_id": text, "client_secret": text,
	}

	signUpShape = shape{
		"connection*":     enum{"PASSWORD", "PASSCODE"},
		"passwordPayload": shape{"password*": text, "username": text, "email": text},
		"passCodePayload": passCodeShape,
		"profile": shape{
			"nickname": text, "company": text, "photo": text, "device": text, "browser": text, "name": text,
			"givenName": text, "familyName": text, "middleName": text, "profile": text, "preferredUsername": text,
			"website": text, "gender": gender, "birthdate": text, "zoneinfo": text, "locale": text, "address": text,
			"formatted": text, "streetAddress": text, "locality": text, "region": text, "postalCode": text, "country": text,
			"email": text, "phone": text, "customData": anything,
		},
		"options": shape{
			"clientIp": text, "phonePassCodeForInformationCompletion": text, "emailPassCodeForInformationCompletion": text,
			"context*": anything, "passwordEncryptType": passwordEncryption,
		},
	}
)

// mobileOp returns the client method that sends a body.
func mobileOp(body object) string {
	if body["connection"] == "wechat_mini_program_code_and_phone" {
		return "LoginWithWxappPhone"
	}
	return "LoginWithWxapp"
}

func signInOp(body object) string {
	switch body["connection"] {
	case "PASSCODE":
		return "LoginByPhoneCode"
	case "LDAP":
		return "LoginByLDAP"
	}
	return "Login"
}

// signInByMobile uses up the wx.login code and then the phone code. It checks everything that needs no code before.
func (s *Server) signInByMobile(c v3Call) reply {
	payload := map[any]string{
		"wechat_mini_program_code":           "wechatMiniProgramCodePayload",
		"wechat_mini_program_code_and_phone": "wechatMiniProgramCodeAndPhonePayload",
		"wechat_mini_program_phone":          "wechatMiniProgramPhonePayload",
	}[c.body["connection"]]
	if c.body[payload] == nil {
		return badRequest(payload + " is required").reply()
	}
	login := getObject(c.body, payload)
	if inner := getObject(login, "wxLoginInfo"); inner != nil {
		login = inner
	}
	options := getObject(c.body, "options")
	scope, e := s.checkLogin(options)
	if e = cmp.Or(e, s.checkSource(getString(c.body, "extIdpConnidentifier"))); e != nil {
		return e.reply()
	}
	code, decrypted, e := s.exchange(login)
	if e != nil {
		return e.reply()
	}
	profile, phone := decrypted.profile, decrypted.number
	if info := getObject(getObject(c.body, payload), "wxPhoneInfo"); info != nil {
		spent, e := s.spendPhoneCode(getString(info, "code"))
		if e != nil {
			return e.reply()
		}
		phone = spent.number
	}
	a := s.accountByWeChat(code)
	if a == nil {
		if s.modes.LoginOnly {
			return newV3Error(2004).reply()
		}
		a = &account{nickname: profile.NickName, photo: profile.AvatarURL, registerMethod: "oauth:wxapp"}
		a.linkWeChat(code, profile)
		if apiErr := s.create(a, c.ip); apiErr != nil {
			return newV3Error(apiErr.Code).reply()
		}
	}
	country, number := phone.countryCode(), phone.PurePhoneNumber
	if a.phone == "" && number != "" && s.accountByPhone(storedPhone(country, number)) == nil {
		a.setPhone(country, number)
	}
	return s.admit(a, c.ip, scope, options)
}

// wxPayload is what WeChat encrypts: one of both.
type wxPayload struct {
	profile wxProfile
	number  wxPhoneNumber
}

// exchange uses up a wx.login code and decrypts the data that came with it, if any did.
func (s *Server) exchange(login object) (*loginCode, wxPayload, *v3Error) {
	var payload wxPayload
	code, errcode := s.code2Session(getString(login, "code"))
	if errcode != 0 {
		return nil, payload, &v3Error{errcode: errcode}
	}
	data, iv := getString(login, "encryptedData"), getString(login, "iv")
	if data == "" && iv == "" {
		return code, payload, nil
	}
	plain, err := decrypt(code.key, data, iv, s.opts.WeChatAppID)
	if err != nil {
		return nil, payload, &v3Error{errcode: errcodeCipher}
	}
	json.Unmarshal(plain, &payload.profile) // what plain does not have stays empty
	json.Unmarshal(plain, &payload.number)
	return code, payload, nil
}

// signInByCredentials takes a password, or a code that was texted or mailed.
func (s *Server) signInByCredentials(c v3Call) reply {
	options := getObject(c.body, "options")
	ip := cmp.Or(getString(options, "clientIp"), c.ip)
	scope, e := s.checkLogin(options)
	if e != nil {
		return e.reply()
	}
	find := map[any]func(object, object, string) (*account, *v3Error){
		"PASSWORD": s.findByPassword, "PASSCODE": s.findByPassCode, "LDAP": s.findByLDAP,
	}[c.body["connection"]]
	payload := map[any]string{
		"PASSWORD": "passwordPayload", "PASSCODE": "passCodePayload", "LDAP": "ldapPayload",
	}[c.body["connection"]]
	if c.body[payload] == nil {
		return badRequest(payload + " is required").reply()
	}
	a, e := find(getObject(c.body, payload), options, ip)
	if e != nil {
		return e.reply()
	}
	return s.admit(a, ip, scope, options)
}

// findByPassword does not tell an unknown account from a wrong password.
func (s *Server) findByPassword(payload, options object, _ string) (*account, *v3Error) {
	password, e := s.plainPassword(getString(payload, "password"), options)
	if e != nil {
		return nil, e
	}
	var a *account
	for name, find := range map[string]func(string) *account{
		"account":  s.accountByAnything,
		"email":    s.accountByEmail,
		"username": s.accountByUsername,
		"phone":    s.accountByPhone,
	} {
		a = cmp.Or(a, find(getString(payload, name)))
	}
	switch {
	case a == nil || a.password == "" || a.password != password:
		return nil, newV3Error(2333)
	case a.mfa:
		return nil, newV3Error(1635)
	}
	return a, nil
}

func (s *Server) accountByAnything(name string) *account {
	return cmp.Or(s.accountByUsername(name), s.accountByPhone(name), s.accountByEmail(name))
}

// plainPassword decrypts a password with the key of /api/v3/system, if it is encrypted.
func (s *Server) plainPassword(password string, options object) (string, *v3Error) {
	switch options["passwordEncryptType"] {
	case "rsa":
		plain, apiErr := s.decryptPassword(password)
		if apiErr != nil {
			return "", newV3Error(apiErr.Code)
		}
		return plain, nil
	case "sm2":
		const unsupported = 501
		return "", &v3Error{statusCode: unsupported, message: "sm2 is not supported by this server"}
	}
	return password, nil
}

// findByPassCode creates the account of an unknown phone number or address only if autoRegister is set.
func (s *Server) findByPassCode(payload, options object, ip string) (*account, *v3Error) {
	to, a, e := s.receiver(payload)
	if e = cmp.Or(e, s.checkV3Code("CHANNEL_LOGIN", to, getString(payload, "passCode"))); e != nil {
		return nil, e
	}
	if a == nil && options["autoRegister"] != true {
		return nil, newV3Error(2004)
	}
	if a == nil {
		a = newAccountFor(payload)
		if apiErr := s.create(a, ip); apiErr != nil {
			return nil, newV3Error(apiErr.Code)
		}
	}
	if !a.blocked { // who is, is rejected, and may use the code once unlocked
		s.spendV3Code("CHANNEL_LOGIN", to)
	}
	return a, nil
}

// receiver returns the phone number or address of a payload, and its account if there is one.
func (s *Server) receiver(payload object) (to string, a *account, e *v3Error) {
	phone, email := getString(payload, "phone"), strings.ToLower(getString(payload, "email"))
	switch {
	case (phone == "") == (email == ""):
		return "", nil, badRequest("either phone or email is required")
	case phone != "":
		to = storedPhone(getString(payload, "phoneCountryCode"), phone)
		return to, s.accountByPhone(to), nil
	}
	return email, s.accountByEmail(email), nil
}

func newAccountFor(payload object) *account {
	a := &account{registerMethod: "default:phone"}
	if phone := getString(payload, "phone"); phone != "" {
		a.setPhone(getString(payload, "phoneCountryCode"), phone)
		return a
	}
	a.email, a.emailVerified, a.registerMethod = strings.ToLower(getString(payload, "email")), true, "default:email"
	return a
}

func (s *Server) findByLDAP(payload, _ object, ip string) (*account, *v3Error) {
	a, apiErr := s.accountOfLDAP(getString(payload, "sAMAccountName"), getString(payload, "password"), ip)
	if apiErr != nil {
		return nil, newV3Error(apiErr.Code)
	}
	return a, nil
}

// scopes are those that the service knows.
var scopes = []string{
	"openid", "offline_access", "username", "phone", "email", "address", "profile", "role", "roles", "unionid",
	"external_id", "extended_fields", "tenant_id", "userpool_id",
}

const defaultScope = "openid profile"

// checkLogin checks the options of a login and returns its scope.
func (s *Server) checkLogin(options object) (scope []string, e *v3Error) {
	scope = strings.Fields(cmp.Or(getString(options, "scope"), defaultScope))
	if !slices.Contains(scope, "openid") {
		return nil, badRequest("scope must contain openid")
	}
	for _, word := range scope {
		if !slices.Contains(scopes, word) {
			return nil, badRequest("unknown scope " + word)
		}
	}
	if tenant := getString(options, "tenantId"); tenant != "" && !slices.Contains(s.modes.Tenants, tenant) {
		return nil, newV3Error(2130010)
	}
	return scope, nil
}

func (s *Server) checkSource(identifier string) *v3Error {
	if identifier == s.opts.App.MiniProgram {
		return nil
	}
	return &v3Error{statusCode: 404, message: "identity source " + identifier + " does not exist"}
}

// admit signs a in and returns its tokens.
func (s *Server) admit(a *account, ip string, scope []string, options object) reply {
	if a.blocked {
		return newV3Error(2005).reply()
	}
	s.countSignIn(a, ip)
	a.addCustomData(getObject(options, "customData"))
	return v3Success(s.newTokenSet(a, scope))
}

func (a *account) addCustomData(data object) {
	if a.customData == nil {
		a.customData = object{}
	}
	maps.Copy(a.customData, data)
}

// signUp creates an account without signing it in.
func (s *Server) signUp(c v3Call) reply {
	a, e := s.newSignUp(c)
	if e != nil {
		return e.reply()
	}
	profile := maps.Clone(getObject(c.body, "profile"))
	for name, field := range map[string]*string{"browser": &a.browser, "device": &a.device} {
		*field = getString(profile, name)
		delete(profile, name)
	}
	if e := s.completeContact(a, profile, getObject(c.body, "options")); e != nil {
		return e.reply()
	}
	ip := cmp.Or(getString(getObject(c.body, "options"), "clientIp"), c.ip)
	if apiErr := s.create(a, ip); apiErr != nil {
		return newV3Error(apiErr.Code).reply()
	}
	if c.body["connection"] == "PASSCODE" {
		to, _, _ := s.receiver(getObject(c.body, "passCodePayload"))
		s.spendV3Code("CHANNEL_REGISTER", to)
	}
	contact := getObject(c.body, "profile")
	s.spendV3Code("CHANNEL_COMPLETE_PHONE", getString(contact, "phone"))
	s.spendV3Code("CHANNEL_COMPLETE_EMAIL", strings.ToLower(getString(contact, "email")))
	a.update(profile)
	return v3Success(s.v3User(a, scopes, nil))
}

// newSignUp returns the account of a registration, which is not yet part of the pool.
func (s *Server) newSignUp(c v3Call) (*account, *v3Error) {
	if c.body["connection"] == "PASSCODE" {
		payload := getObject(c.body, "passCodePayload")
		to, known, e := s.receiver(payload)
		if e = cmp.Or(e, s.checkV3Code("CHANNEL_REGISTER", to, getString(payload, "passCode"))); e != nil {
			return nil, e
		}
		if known != nil {
			return nil, newV3Error(2026)
		}
		return newAccountFor(payload), nil
	}
	payload := getObject(c.body, "passwordPayload")
	email, username := strings.ToLower(getString(payload, "email")), getString(payload, "username")
	if email == "" && username == "" {
		return nil, badRequest("either username or email is required")
	}
	password, e := s.plainPassword(getString(payload, "password"), getObject(c.body, "options"))
	if e != nil {
		return nil, e
	}
	apiErr := cmp.Or(checkEmail(email, 2003), checkNewPassword(password, false), s.checkAvailable(email, username, "", ""))
	if apiErr != nil {
		return nil, newV3Error(apiErr.Code)
	}
	return &account{
		email: email, username: username, password: password, registerMethod: "default:username-password",
	}, nil
}

// completeContact adds the phone number and the address of a profile, each of which needs its code. It does not use the
// codes up: the registration may still fail.
func (s *Server) completeContact(a *account, profile, options object) *v3Error {
	phone, email := getString(profile, "phone"), strings.ToLower(getString(profile, "email"))
	delete(profile, "phone")
	delete(profile, "email")
	if phone != "" {
		if e := s.checkV3Code("CHANNEL_COMPLETE_PHONE", phone, getString(options, "phonePassCodeForInformationCompletion")); e != nil {
			return e
		}
		a.setPhone("", phone)
	}
	if email != "" {
		if e := s.checkV3Code("CHANNEL_COMPLETE_EMAIL", email, getString(options, "emailPassCodeForInformationCompletion")); e != nil {
			return e
		}
		a.email, a.emailVerified = email, true
	}
	if apiErr := s.checkAvailable(email, "", "", phone); apiErr != nil {
		return newV3Error(apiErr.Code)
	}
	return nil
}
