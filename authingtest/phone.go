package authingtest

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/authing-wxapp/authing"
)

// WxUser is a WeChat user, and the phone that the user holds. NewPhone mints OpenID, UnionID and PhoneNumber where they
// are empty. Minted numbers begin with 138 and are nobody's yet; a number of your own should begin otherwise, or it may
// have been minted before.
type WxUser struct {
	OpenID      string `json:"openId"`
	UnionID     string `json:"unionId"`
	NickName    string `json:"nickName"`
	AvatarURL   string `json:"avatarUrl"`
	Gender      int    `json:"gender"` // 0 unknown, 1 male, 2 female
	Language    string `json:"language"`
	City        string `json:"city"`
	Province    string `json:"province"`
	Country     string `json:"country"`
	PhoneNumber string `json:"phoneNumber"` // without the country code
	CountryCode string `json:"countryCode"` // empty: 86

	// How much of the profile WeChat hands out: since 2021-04 GetUserInfo is anonymous (微信用户, a grey avatar), since
	// 2022-11 GetUserProfile is so too. Phones of all generations meet at one backend.
	AnonymousUserInfo bool `json:"anonymousUserInfo"`
	AnonymousProfile  bool `json:"anonymousProfile"`

	Blocked bool   `json:"blocked"` // WeChat takes the user for a high risk: no code is accepted
	AppID   string `json:"appId"`   // the mini program that is open; empty: the server's
}

// Phone is a phone with the mini program open. Phones with one OpenID belong to one user and share the session key, as
// in WeChat.
type Phone struct {
	server  *Server
	user    WxUser
	session *session
}

// NewPhone returns a phone of u, who may have others: with an OpenID that is known already, an empty UnionID or
// PhoneNumber is that of the user's first phone.
func (s *Server) NewPhone(u WxUser) *Phone {
	s.mu.Lock()
	defer s.mu.Unlock()
	u.AppID = cmp.Or(u.AppID, s.opts.AppID)
	u.OpenID = cmp.Or(u.OpenID, mintID())
	id := sessionID{u.AppID, u.OpenID}
	var first WxUser
	if known := s.sessions[id]; known != nil {
		first = known.user
	}
	if u.PhoneNumber == "" {
		u.PhoneNumber, u.CountryCode = first.PhoneNumber, cmp.Or(u.CountryCode, first.CountryCode)
	}
	if u.PhoneNumber == "" {
		u.PhoneNumber = s.mintPhoneNumber()
	}
	s.phoneNumbers[u.PhoneNumber] = true
	u.CountryCode = cmp.Or(u.CountryCode, "86")
	u.UnionID = cmp.Or(u.UnionID, first.UnionID, mintID())
	if s.opts.NoUnionID {
		u.UnionID = ""
	}
	if s.sessions[id] == nil {
		s.sessions[id] = &session{user: u, key: mint16(), keySince: s.opts.Clock()}
	}
	return &Phone{server: s, user: u, session: s.sessions[id]}
}

// mintID returns an openid or a unionid.
func mintID() string { return "o" + mint(alphanumerics, 27) }

// mintPhoneNumber returns a number that no phone and no account has.
func (s *Server) mintPhoneNumber() string {
	for {
		s.minted++
		number := fmt.Sprintf("138%08d", s.minted)
		if !s.phoneNumbers[number] && s.ofPhone(number) == nil {
			return number
		}
	}
}

// User returns the user with everything that NewPhone minted.
func (p *Phone) User() WxUser { return p.user }

// Login is wx.login. Its code can be spent once, within five minutes. It brings along the session key of this moment
// (see Options.MinKeyAge), so that only details made until the next Login can be decrypted with it.
func (p *Phone) Login() (code string) {
	p.server.mu.Lock()
	defer p.server.mu.Unlock()
	return p.server.newCode(p)
}

// GetUserInfo is e.detail of a getUserInfo button, or the result of wx.getUserInfo.
func (p *Phone) GetUserInfo() authing.Detail {
	shown := p.profile(p.user.AnonymousUserInfo)
	sealed := shown
	sealed.OpenID, sealed.UnionID = p.user.OpenID, p.user.UnionID
	return p.profileDetail("getUserInfo:ok", shown, sealed)
}

// GetUserProfile is the result of wx.getUserProfile, which unlike GetUserInfo encrypts neither openId nor unionId.
func (p *Phone) GetUserProfile() authing.Detail {
	shown := p.profile(p.user.AnonymousProfile)
	return p.profileDetail("getUserProfile:ok", shown, shown)
}

// GetPhoneNumber is e.detail of a getPhoneNumber button.
func (p *Phone) GetPhoneNumber() authing.Detail { return p.phoneDetail("getPhoneNumber:ok") }

// GetRealtimePhoneNumber is e.detail of a getRealtimePhoneNumber button.
func (p *Phone) GetRealtimePhoneNumber() authing.Detail {
	return p.phoneDetail("getRealtimePhoneNumber:ok")
}

// Deny is what the page gets when the user taps refuse. api is a name in WeChat's spelling, such as "getPhoneNumber".
func (p *Phone) Deny(api string) authing.Detail {
	switch api {
	case "getUserInfo", "getUserProfile":
		return p.Fail(api, "auth deny", 0)
	default:
		return p.Fail(api, "user deny", 0)
	}
}

// Fail is what the page gets when api fails for another reason, such as "no permission", or "quota" with the errno
// 1400001. A zero errno is absent.
func (p *Phone) Fail(api, reason string, errno int) authing.Detail {
	return authing.Detail{ErrMsg: api + ":fail " + reason, Errno: errno}
}

// wxProfile is a profile as WeChat writes it, in this order.
type wxProfile struct {
	OpenID    string     `json:"openId,omitempty"`
	NickName  string     `json:"nickName"`
	Gender    int        `json:"gender"`
	Language  string     `json:"language"`
	City      string     `json:"city"`
	Province  string     `json:"province"`
	Country   string     `json:"country"`
	AvatarURL string     `json:"avatarUrl"`
	UnionID   string     `json:"unionId,omitempty"`
	Watermark *watermark `json:"watermark,omitempty"`
}

func (p *Phone) profile(anonymous bool) wxProfile {
	if anonymous {
		return wxProfile{
			NickName: "微信用户",
			AvatarURL: "https://thirdwx.qlogo.cn/mmopen/vi_32/" +
				"POgEwh4mIHO4nibH0KlMECNjjGxQUq24ZEaGT4poC6icRiccVGKSyXwibcPq4BWmiaIGuG1icwxaQX6grC9VemZoJ8rg/132",
		}
	}
	return wxProfile{
		NickName: p.user.NickName, Gender: p.user.Gender, Language: p.user.Language, City: p.user.City,
		Province: p.user.Province, Country: p.user.Country, AvatarURL: p.user.AvatarURL,
	}
}

// profileDetail shows one profile in clear and signed, and another encrypted.
func (p *Phone) profileDetail(errMsg string, shown, sealed wxProfile) authing.Detail {
	sealed.Watermark = p.watermark()
	d, key := p.seal(errMsg, sealed)
	d.RawData = jsonText(shown)
	d.Signature = sign(d.RawData, key)
	d.UserInfo = &authing.WxUserInfo{
		NickName: shown.NickName, AvatarURL: shown.AvatarURL, Gender: shown.Gender, Language: shown.Language,
		City: shown.City, Province: shown.Province, Country: shown.Country,
	}
	return d
}

// wxPhoneNumber is a phone number as WeChat writes it.
type wxPhoneNumber struct {
	PhoneNumber     string     `json:"phoneNumber"`
	PurePhoneNumber string     `json:"purePhoneNumber"`
	CountryCode     any        `json:"countryCode"`
	Watermark       *watermark `json:"watermark"`
}

func (p *Phone) phoneDetail(errMsg string) authing.Detail {
	number := wxPhoneNumber{
		PhoneNumber:     p.user.PhoneNumber,
		PurePhoneNumber: p.user.PhoneNumber,
		CountryCode:     p.user.CountryCode,
		Watermark:       p.watermark(),
	}
	if p.user.CountryCode != "86" {
		number.PhoneNumber = "+" + p.user.CountryCode + p.user.PhoneNumber
	}
	if p.server.opts.NumericCountryCode {
		number.CountryCode = json.Number(p.user.CountryCode)
	}
	d, _ := p.seal(errMsg, number)
	if !p.server.opts.NoPhoneCode {
		d.PhoneCode = mint(hexDigits, 64)
	}
	return d
}

func (p *Phone) watermark() *watermark {
	return &watermark{Timestamp: p.server.opts.Clock().Unix(), AppID: p.user.AppID}
}

// seal encrypts payload with the session key of this moment and returns that key.
func (p *Phone) seal(errMsg string, payload any) (d authing.Detail, key string) {
	p.server.mu.Lock()
	key = p.session.key
	p.server.mu.Unlock()
	iv := mint16()
	data, _ := encrypt(key, iv, []byte(jsonText(payload))) // fails only with a malformed key
	return authing.Detail{ErrMsg: errMsg, EncryptedData: data, IV: iv}, key
}
