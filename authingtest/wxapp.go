package authingtest

import (
	"cmp"
	"encoding/json"
	"net/http"
)

// routeWxapp registers the endpoints that take a wx.login code.
func (s *Server) routeWxapp(oauth *http.ServeMux) {
	for path, op := range map[string]struct {
		name   string
		handle func(wxappCall) reply
	}{
		"auth":     {"LoginWithWxapp", s.loginWithWxapp},
		"phone":    {"BindPhone", s.bindPhone},
		"getphone": {"GetPhone", s.getPhone},
		"decrypt":  {"Decrypt", s.decryptData},
	} {
		oauth.HandleFunc("POST /oauth/wechatapp/"+path+"/{pool}", s.endpoint(op.name, s.wxapp(op.handle)))
	}
}

// wxappCall is a call of one of these endpoints.
type wxappCall struct {
	iv, encryptedData, code, phone string
	overrideProfile                bool

	token string // the Authorization header
	ip    string
}

// wxapp decodes a call and makes the checks that all endpoints share. It handles one call at a time.
func (s *Server) wxapp(handle func(wxappCall) reply) func(*http.Request) reply {
	return func(r *http.Request) reply {
		if r.PathValue("pool") != s.opts.UserPoolID {
			return newError(2224).reply()
		}
		c := wxappCall{token: r.Header.Get("Authorization"), ip: callerIP(r)}
		if !readBody(r, map[string]any{
			"iv": &c.iv, "encryptedData": &c.encryptedData, "code": &c.code,
			"phone": &c.phone, "overideProfile": &c.overrideProfile, // Authing's spelling
		}) {
			return reply{status: http.StatusBadRequest, body: jsonText(newError(2231))}
		}
		if c.iv == "" || c.encryptedData == "" || c.code == "" {
			return newError(2231).reply()
		}
		s.mu.Lock()
		rp := handle(c)
		s.mu.Unlock()
		return worded(rp, s.opts.WeChatError)
	}
}

// loginWithWxapp ignores the token. It finds the account by the phone number in the call or by the WeChat user, or
// creates one.
func (s *Server) loginWithWxapp(c wxappCall) reply {
	code, plain, failure := s.decryptDetail(c)
	if code == nil {
		return failure
	}
	var profile wxProfile
	json.Unmarshal(plain, &profile) // stays empty for the detail of a phone number
	a, known := s.accountByPhone(c.phone), s.accountByWeChat(code)
	if found := cmp.Or(a, known); found != nil && found.blocked {
		return newError(2005).reply()
	}
	switch {
	case a != nil:
		if known == nil {
			a.linkWeChat(code, profile)
		}
		if c.overrideProfile {
			a.nickname, a.photo = profile.NickName, profile.AvatarURL
		}
	case known != nil:
		a = known
	default:
		a = &account{
			phone: c.phone, username: profile.NickName, nickname: profile.NickName, photo: profile.AvatarURL,
			registerMethod: "oauth:wxapp",
		}
		a.linkWeChat(code, profile)
		if apiErr := s.create(a, c.ip); apiErr != nil {
			return apiErr.reply()
		}
	}
	s.signIn(a, c.ip)
	return success(a.rest())
}

// accountByWeChat prefers the unionid, which is the same across mini programs, to the openid, which is not.
func (s *Server) accountByWeChat(code *loginCode) *account {
	return s.find(func(a *account) bool {
		if code.unionID != "" && a.unionID != "" {
			return a.unionID == code.unionID
		}
		return a.openID == code.id.openID
	})
}

// linkWeChat makes a the account of a WeChat user, unless it already belongs to one.
func (a *account) linkWeChat(code *loginCode, profile wxProfile) {
	if a.openID != "" || a.unionID != "" {
		return
	}
	a.openID, a.unionID = code.id.openID, code.unionID
	a.oauth = jsonText(struct {
		NickName  string `json:"nickName"`
		Gender    int    `json:"gender"`
		Language  string `json:"language"`
		City      string `json:"city"`
		Province  string `json:"province"`
		Country   string `json:"country"`
		AvatarURL string `json:"avatarUrl"`
		OpenID    string `json:"openid"`
		UnionID   string `json:"unionid,omitempty"`
	}{
		profile.NickName, profile.Gender, profile.Language, profile.City, profile.Province, profile.Country,
		profile.AvatarURL, a.openID, a.unionID,
	})
}

// bindPhone checks the token before it uses up the code.
func (s *Server) bindPhone(c wxappCall) reply {
	a, apiErr := s.accountByToken(c.token)
	if apiErr != nil {
		return apiErr.reply()
	}
	_, phone, failure := s.decryptPhoneNumber(c)
	if phone == nil {
		return failure
	}
	country, number := phone.countryCode(), phone.PurePhoneNumber
	if other := s.accountByPhone(storedPhone(country, number)); other != nil && other != a {
		return newError(2035).reply()
	}
	a.setPhone(country, number)
	return success(a.rest())
}

func (s *Server) getPhone(c wxappCall) reply {
	if _, apiErr := s.accountByToken(c.token); apiErr != nil && c.token != "" {
		return apiErr.reply()
	}
	plain, phone, failure := s.decryptPhoneNumber(c)
	if phone == nil {
		return failure
	}
	return success(plain)
}

func (s *Server) decryptData(c wxappCall) reply {
	if _, apiErr := s.accountByToken(c.token); apiErr != nil && c.token != "" {
		return apiErr.reply()
	}
	code, plain, failure := s.decryptDetail(c)
	if code == nil {
		return failure
	}
	return success(plain)
}

// decryptDetail uses up the code of c and decrypts its detail with the session key of the code. If it fails, code is
// nil and failure is the reply.
func (s *Server) decryptDetail(c wxappCall) (code *loginCode, plain json.RawMessage, failure reply) {
	code, errcode := s.code2Session(c.code)
	if errcode != 0 {
		return nil, nil, wechatError(errcode)
	}
	plain, err := decrypt(code.key, c.encryptedData, c.iv, s.opts.WeChatAppID)
	if err != nil {
		return nil, nil, wechatError(errcodeCipher)
	}
	return code, plain, reply{}
}

// decryptPhoneNumber is decryptDetail for the detail of a phone number. If it fails, phone is nil.
func (s *Server) decryptPhoneNumber(c wxappCall) (plain json.RawMessage, phone *wxPhoneNumber, failure reply) {
	code, plain, failure := s.decryptDetail(c)
	if code == nil {
		return nil, nil, failure
	}
	phone = &wxPhoneNumber{}
	if json.Unmarshal(plain, phone) != nil || phone.PhoneNumber == "" {
		return nil, nil, wechatError(errcodeCipher)
	}
	return plain, phone, reply{}
}
