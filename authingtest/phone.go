package authingtest

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/authing-wxapp/authing"
)

// WxUser describes a WeChat user and their phone. [Server.NewPhone] generates OpenID, UnionID and PhoneNumber if they
// are empty. Generated phone numbers start with 138 and are unused; numbers you choose should start with other digits
// to avoid a collision.
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
	CountryCode string `json:"countryCode"` // default 86

	// Whether WeChat withholds the profile (微信用户 and a gray avatar instead): GetUserInfo has done so since 2021-04,
	// GetUserProfile since 2022-11. A backend may still see both behaviors, depending on the client's version.
	AnonymousUserInfo bool `json:"anonymousUserInfo"`
	AnonymousProfile  bool `json:"anonymousProfile"`

	Blocked bool   `json:"blocked"` // flagged as high risk by WeChat, which then rejects the user's codes
	AppID   string `json:"appId"`   // of the mini program; default is the server's
}

// Phone is a phone with the mini program open. Phones with the same OpenID belong to the same user and share a session
// key, as in WeChat.
type Phone struct {
	server  *Server
	user    WxUser
	session *session
}

// NewPhone returns a phone for u. If another phone has the same OpenID, an empty UnionID or PhoneNumber is copied from
// the user's first phone.
func (s *Server) NewPhone(u WxUser) *Phone {
	s.mu.Lock()
	defer s.mu.Unlock()
	u.AppID = cmp.Or(u.AppID, s.opts.WeChatAppID)
	u.OpenID = cmp.Or(u.OpenID, newWeChatID())
	id := sessionID{u.AppID, u.OpenID}
	var first WxUser
	if known := s.sessions[id]; known != nil {
		first = known.user
	}
	if u.PhoneNumber == "" {
		u.PhoneNumber, u.CountryCode = first.PhoneNumber, cmp.Or(u.CountryCode, first.CountryCode)
	}
	if u.PhoneNumber == "" {
		u.PhoneNumber = s.newPhoneNumber()
	}
	s.phoneNumbers[u.PhoneNumber] = true
	u.CountryCode = cmp.Or(u.CountryCode, "86")
	u.UnionID = cmp.Or(u.UnionID, first.UnionID, newWeChatID())
	if s.opts.NoUnionID {
		u.UnionID = ""
	}
	if s.sessions[id] == nil {
		s.sessions[id] = &session{user: u, key: random16(), keySince: s.opts.Clock()}
	}
	return &Phone{server: s, user: u, session: s.sessions[id]}
}

// newWeChatID returns a random openid or unionid.
func newWeChatID() string { return "o" + randomString(alphanumerics, 27) }

// newPhoneNumber returns a number that no phone and no account uses.
func (s *Server) newPhoneNumber() string {
	for {
		s.lastNumber++
		number := fmt.Sprintf("138%08d", s.lastNumber)
		if !s.phoneNumbers[number] && s.accountByPhone(number) == nil {
			return number
		}
	}
}

// User returns the user of the phone, including the values that NewPhone generated.
func (p *Phone) User() WxUser { return p.user }

// Login simulates wx.login. The code works once, within five minutes, and is tied to the current session key: it only
// decrypts details created with that key, which the next Login replaces (see Options.MinKeyAge).
func (p *Phone) Login() (code string) {
	p.server.mu.Lock()
	defer p.server.mu.Unlock()
	return p.server.newCode(p)
}

// CheckSession simulates wx.checkSession: it returns errMsg. The session key is valid from the first Login of the user
// on, because how long WeChat keeps one is not known. The text of the failure is not known either.
func (p *Phone) CheckSession() (errMsg string) {
	p.server.mu.Lock()
	defer p.server.mu.Unlock()
	if !p.session.signedIn {
		return "checkSession:fail session_key is invalid"
	}
	return "checkSession:ok"
}

// GetUserInfo returns e.detail of a getUserInfo button, or the result of wx.getUserInfo.
func (p *Phone) GetUserInfo() authing.Detail {
	profile := p.profile(p.user.AnonymousUserInfo)
	secret := profile
	secret.OpenID, secret.UnionID = p.user.OpenID, p.user.UnionID
	return p.profileDetail("getUserInfo:ok", profile, secret)
}

// GetUserProfile returns the result of wx.getUserProfile. Unlike GetUserInfo, its encrypted data does not contain the
// openId and unionId.
func (p *Phone) GetUserProfile() authing.Detail {
	profile := p.profile(p.user.AnonymousProfile)
	return p.profileDetail("getUserProfile:ok", profile, profile)
}

// GetPhoneNumber returns e.detail of a getPhoneNumber button.
func (p *Phone) GetPhoneNumber() authing.Detail { return p.phoneDetail("getPhoneNumber:ok") }

// GetRealtimePhoneNumber returns e.detail of a getRealtimePhoneNumber button. It has only the phone code, as documented:
// see Options.RealtimeEncrypted.
func (p *Phone) GetRealtimePhoneNumber() authing.Detail {
	const errMsg = "getRealtimePhoneNumber:ok"
	if p.server.opts.RealtimeEncrypted {
		return p.phoneDetail(errMsg)
	}
	return authing.Detail{ErrMsg: errMsg, PhoneCode: p.newPhoneCode()}
}

// Deny returns what the page gets when the user taps "refuse". api is the name used by WeChat, such as
// "getPhoneNumber".
func (p *Phone) Deny(api string) authing.Detail {
	switch api {
	case "getUserInfo", "getUserProfile":
		return p.Fail(api, "auth deny", 0)
	default:
		return p.Fail(api, "user deny", 0)
	}
}

// Fail returns what the page gets when api fails for another reason, such as "no permission", or "quota" with errno
// 1400001. A zero errno is omitted.
func (p *Phone) Fail(api, reason string, errno int) authing.Detail {
	return authing.Detail{ErrMsg: api + ":fail " + reason, Errno: errno}
}

// wxProfile is a profile in WeChat's JSON format, including the order of its fields.
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

// profileDetail contains one profile in clear text, signed, and another one encrypted.
func (p *Phone) profileDetail(errMsg string, profile, secret wxProfile) authing.Detail {
	secret.Watermark = p.watermark()
	d, key := p.encryptedDetail(errMsg, secret)
	d.RawData = jsonText(profile)
	d.Signature = sign(d.RawData, key)
	d.UserInfo = &authing.WxUserInfo{
		NickName: profile.NickName, AvatarURL: profile.AvatarURL, Gender: profile.Gender, Language: profile.Language,
		City: profile.City, Province: profile.Province, Country: profile.Country,
	}
	return d
}

// wxPhoneNumber is a phone number in WeChat's JSON format.
type wxPhoneNumber struct {
	PhoneNumber     string     `json:"phoneNumber"`
	PurePhoneNumber string     `json:"purePhoneNumber"`
	CountryCode     any        `json:"countryCode"`
	Watermark       *watermark `json:"watermark"`
}

func (p *Phone) phoneNumber() wxPhoneNumber {
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
	return number
}

func (p *Phone) phoneDetail(errMsg string) authing.Detail {
	d, _ := p.encryptedDetail(errMsg, p.phoneNumber())
	if !p.server.opts.NoPhoneCode {
		d.PhoneCode = p.newPhoneCode()
	}
	return d
}

func (p *Phone) watermark() *watermark {
	return &watermark{Timestamp: p.server.opts.Clock().Unix(), AppID: p.user.AppID}
}

// encryptedDetail encrypts payload with the current session key, and returns that key.
func (p *Phone) encryptedDetail(errMsg string, payload any) (d authing.Detail, key string) {
	p.server.mu.Lock()
	key = p.session.key
	p.server.mu.Unlock()
	iv := random16()
	data, _ := encrypt(key, iv, []byte(jsonText(payload))) // only fails for a malformed key
	return authing.Detail{ErrMsg: errMsg, EncryptedData: data, IV: iv}, key
}
