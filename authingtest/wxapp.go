package authingtest

import (
	"cmp"
	"encoding/json"
	"net/http"
)

// routeWxapp adds the endpoints that spend a code of wx.login.
func (s *Server) routeWxapp(oauth *http.ServeMux) {
	for path, op := range map[string]struct {
		name   string
		answer func(wxappCall) reply
	}{
		"auth":     {"LoginWithWxapp", s.loginWithWxapp},
		"phone":    {"BindPhone", s.bindPhone},
		"getphone": {"GetPhone", s.getPhone},
		"decrypt":  {"Decrypt", s.decryptForPage},
	} {
		oauth.HandleFunc("POST /oauth/wechatapp/"+path+"/{pool}", s.endpoint(op.name, s.wxapp(op.answer)))
	}
}

// wxappCall is what arrives at these endpoints.
type wxappCall struct {
	iv, encryptedData, code, phone string
	overrideProfile                bool

	token string
	ip    string
}

// wxapp reads a call and looks at what all endpoints demand. One call is answered at a time.
func (s *Server) wxapp(answer func(wxappCall) reply) func(*http.Request) reply {
	return func(r *http.Request) reply {
		if r.PathValue("pool") != s.opts.UserPoolID {
			return refuse(2224).reply()
		}
		c := wxappCall{token: r.Header.Get("Authorization"), ip: callerIP(r)}
		if !readBody(r, map[string]any{
			"iv": &c.iv, "encryptedData": &c.encryptedData, "code": &c.code,
			"phone": &c.phone, "overideProfile": &c.overrideProfile, // Authing's spelling
		}) {
			return reply{http.StatusBadRequest, jsonText(refuse(2231))}
		}
		if c.iv == "" || c.encryptedData == "" || c.code == "" {
			return refuse(2231).reply()
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		return answer(c)
	}
}

// loginWithWxapp looks at no token. A new user gets an account; one who is known by unionid or openid, or by the phone
// number in the call, gets that account.
func (s *Server) loginWithWxapp(c wxappCall) reply {
	code, plain, refused := s.open(c)
	if code == nil {
		return refused
	}
	var profile wxProfile
	json.Unmarshal(plain, &profile) // a phone number in its place leaves the profile empty
	a, known := s.ofPhone(c.phone), s.ofWeChat(code)
	if to := cmp.Or(a, known); to != nil && to.blocked {
		return refuse(2005).reply()
	}
	switch {
	case a != nil:
		if known == nil {
			a.connect(code, profile)
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
		a.connect(code, profile)
		if refused := s.create(a, c.ip); refused != nil {
			return refused.reply()
		}
	}
	s.signIn(a, c.ip)
	return success(a.rest())
}

// ofWeChat returns the account of a WeChat user: unionid knows the user across mini programs, openid in one only.
func (s *Server) ofWeChat(code *loginCode) *account {
	return s.find(func(a *account) bool {
		if code.unionID != "" && a.unionID != "" {
			return a.unionID == code.unionID
		}
		return a.openID == code.id.openID
	})
}

// connect makes a the account of a WeChat user, unless it is another's.
func (a *account) connect(code *loginCode, profile wxProfile) {
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

// bindPhone demands a token, and looks at it before the code is spent.
func (s *Server) bindPhone(c wxappCall) reply {
	a, denied := s.holder(c.token)
	if denied != nil {
		return denied.reply()
	}
	_, number, refused := s.openPhone(c)
	if number == "" {
		return refused
	}
	if other := s.ofPhone(number); other != nil && other != a {
		return refuse(2035).reply()
	}
	a.phone = number
	return success(a.rest())
}

func (s *Server) getPhone(c wxappCall) reply {
	if _, denied := s.holder(c.token); denied != nil && c.token != "" {
		return denied.reply()
	}
	plain, number, refused := s.openPhone(c)
	if number == "" {
		return refused
	}
	return success(plain)
}

func (s *Server) decryptForPage(c wxappCall) reply {
	if _, denied := s.holder(c.token); denied != nil && c.token != "" {
		return denied.reply()
	}
	code, plain, refused := s.open(c)
	if code == nil {
		return refused
	}
	return success(plain)
}

// open spends the code of c and decrypts with the session key that it brings. If that fails, code is nil and refused is
// what to reply.
func (s *Server) open(c wxappCall) (code *loginCode, plain json.RawMessage, refused reply) {
	code, errcode := s.code2Session(c.code)
	if errcode != 0 {
		return nil, nil, s.wechatFailure(errcode)
	}
	plain, err := decrypt(code.key, c.encryptedData, c.iv, s.opts.AppID)
	if err != nil {
		return nil, nil, s.wechatFailure(errcodeCipher)
	}
	return code, plain, reply{}
}

// openPhone is open for details of phone numbers. If it fails, number is empty.
func (s *Server) openPhone(c wxappCall) (plain json.RawMessage, number string, refused reply) {
	code, plain, refused := s.open(c)
	if code == nil {
		return nil, "", refused
	}
	var p wxPhoneNumber
	if json.Unmarshal(plain, &p) != nil || p.PhoneNumber == "" {
		return nil, "", s.wechatFailure(errcodeCipher)
	}
	return plain, p.PhoneNumber, reply{}
}
