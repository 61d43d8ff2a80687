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

// The errcodes of WeChat that the server gives.
const (
	errcodeBusy      = -1
	errcodeCipher    = -41003
	errcodeInvalid   = 40029
	errcodeUsed      = 40163
	errcodeBlocked   = 40226
	errcodeThrottled = 45011
)

// sessionID is what WeChat has one login state for.
type sessionID struct{ appID, openID string }

// session is the login state of a user in a mini program, shared by all the user's phones.
type session struct {
	user      WxUser // of the first phone
	key       string
	keySince  time.Time
	exchanges []time.Time // of the last minute
}

// loginCode is a code of wx.login.
type loginCode struct {
	id      sessionID
	unionID string
	key     string // the session key that was current when the code was minted
	expires time.Time
	blocked bool
	used    bool
}

// newCode is WeChat's side of wx.login.
func (s *Server) newCode(p *Phone) string {
	now := s.opts.Clock()
	if now.Sub(p.session.keySince) >= s.opts.MinKeyAge {
		p.session.key, p.session.keySince = mint16(), now
	}
	id := sessionID{p.user.AppID, p.user.OpenID}
	if s.opts.NewCodeKillsOld {
		for text, c := range s.codes {
			if c.id == id && !c.used {
				delete(s.codes, text)
			}
		}
	}
	text := "0" + mint(alphanumerics, 31)
	s.codes[text] = &loginCode{
		id:      id,
		unionID: p.user.UnionID,
		key:     p.session.key,
		expires: now.Add(codeLifetime),
		blocked: p.user.Blocked,
	}
	return text
}

// code2Session spends a code, or returns the errcode that tells why it cannot be spent.
func (s *Server) code2Session(text string) (code *loginCode, errcode int) {
	now := s.opts.Clock()
	code, ok := s.codes[text]
	if !ok || code.id.appID != s.opts.AppID || !now.Before(code.expires) {
		return nil, errcodeInvalid
	}
	state := s.sessions[code.id]
	state.exchanges = slices.DeleteFunc(state.exchanges, func(t time.Time) bool { return now.Sub(t) >= time.Minute })
	switch {
	case len(state.exchanges) == exchangesPerMinute:
		return nil, errcodeThrottled
	case code.used:
		return nil, errcodeUsed
	}
	state.exchanges = append(state.exchanges, now)
	code.used = true
	if code.blocked {
		return nil, errcodeBlocked
	}
	return code, 0
}

// wechatFailure is Authing's reply when WeChat refuses.
func (s *Server) wechatFailure(errcode int) reply {
	text := map[int]string{
		errcodeBusy:      "system error",
		errcodeCipher:    "decrypt failed",
		errcodeInvalid:   "invalid code",
		errcodeUsed:      "code been used",
		errcodeBlocked:   "code blocked",
		errcodeThrottled: "api minute-quota reach limit  mustslower  retry next minute",
	}[errcode]
	rid := mint(hexDigits, 8) + "-" + mint(hexDigits, 8) + "-" + mint(hexDigits, 8)
	status, body := s.opts.WeChatError(errcode, cmp.Or(text, "refused")+", rid: "+rid)
	return reply{status, body}
}

func wordWeChatError(errcode int, errmsg string) (status int, body string) {
	return http.StatusOK, jsonText(envelope{
		Code:    500,
		Message: "微信接口返回错误",
		Data: struct {
			ErrCode int    `json:"errcode"`
			ErrMsg  string `json:"errmsg"`
		}{errcode, errmsg},
	})
}
