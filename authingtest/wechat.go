package authingtest

import (
	"cmp"
	"net/http"
	"slices"
	"time"
)

const (
	codeLifetime = 5 * time.Minute

	exchangesPerMinute = 100
)

// The errcodes of WeChat that the server returns.
const (
	errcodeBusy      = -1
	errcodeCipher    = -41003
	errcodeInvalid   = 40029
	errcodeUsed      = 40163
	errcodeBlocked   = 40226
	errcodeThrottled = 45011
)

// sessionID identifies a login state: WeChat keeps one per user and mini program.
type sessionID struct{ appID, openID string }

// session is the login state of a user in a mini program, shared by the user's phones.
type session struct {
	user      WxUser // of the first phone
	key       string
	keySince  time.Time
	signedIn  bool        // with wx.login
	exchanges []time.Time // of codes, in the last minute
}

// loginCode is a wx.login code.
type loginCode struct {
	id      sessionID
	unionID string
	key     string // the session key when the code was issued
	expires time.Time
	blocked bool
	used    bool
}

// newCode implements wx.login.
func (s *Server) newCode(p *Phone) string {
	now := s.opts.Clock()
	age := now.Sub(p.session.keySince) // negative if the clock was set back: the key would then live on for as long
	if s.opts.MinKeyAge != KeepKey && (age < 0 || age >= s.opts.MinKeyAge) {
		p.session.key, p.session.keySince = random16(), now
	}
	id := sessionID{p.user.AppID, p.user.OpenID}
	if s.opts.NewCodeKillsOld {
		s.codes.deleteFunc(func(c *loginCode) bool { return c.id == id && !c.used })
	}
	p.session.signedIn = true
	text := "0" + randomString(alphanumerics, 31)
	s.codes.set(text, &loginCode{
		id:      id,
		unionID: p.user.UnionID,
		key:     p.session.key,
		expires: now.Add(codeLifetime),
		blocked: p.user.Blocked,
	}, keepCodes)
	return text
}

// code2Session uses up a code, or returns the errcode if WeChat rejects it.
func (s *Server) code2Session(text string) (code *loginCode, errcode int) {
	now := s.opts.Clock()
	code = s.codes.get(text)
	if code == nil || code.id.appID != s.opts.WeChatAppID || !now.Before(code.expires) {
		return nil, errcodeInvalid
	}
	session := s.sessions[code.id]
	session.exchanges = slices.DeleteFunc(session.exchanges, func(t time.Time) bool { return now.Sub(t) >= time.Minute })
	switch {
	case len(session.exchanges) == exchangesPerMinute:
		return nil, errcodeThrottled
	case code.used:
		return nil, errcodeUsed
	}
	session.exchanges = append(session.exchanges, now)
	code.used = true
	if code.blocked {
		return nil, errcodeBlocked
	}
	return code, 0
}

// wechatError returns Authing's reply to an error of WeChat. It leaves the wording to worded.
func wechatError(errcode int) reply { return reply{errcode: errcode} }

// worded completes a reply of wechatError with word, which is the option of the face that was called. The caller must not
// hold s.mu: word may call the server.
func worded(rp reply, word func(errcode int, errmsg string) (status int, body string)) reply {
	errcode := rp.errcode
	if errcode == 0 {
		return rp
	}
	message := map[int]string{
		errcodeBusy:      "system error",
		errcodeCipher:    "decrypt failed",
		errcodeInvalid:   "invalid code",
		errcodeUsed:      "code been used",
		errcodeBlocked:   "code blocked",
		errcodeThrottled: "api minute-quota reach limit  mustslower  retry next minute",
	}[errcode]
	rid := randomString(hexDigits, 8) + "-" + randomString(hexDigits, 8) + "-" + randomString(hexDigits, 8)
	status, body := word(errcode, cmp.Or(message, "error")+", rid: "+rid)
	return reply{status: status, body: body}
}

func defaultWeChatError(errcode int, errmsg string) (status int, body string) {
	return http.StatusOK, jsonText(envelope{
		Code:    500,
		Message: "微信接口返回错误",
		Data: struct {
			ErrCode int    `json:"errcode"`
			ErrMsg  string `json:"errmsg"`
		}{errcode, errmsg},
	})
}
