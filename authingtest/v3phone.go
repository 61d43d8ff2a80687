package authingtest

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

var (
	phoneShape   = shape{"extIdpConnidentifier*": nonEmpty, "code*": nonEmpty}
	decryptShape = shape{
		"extIdpConnidentifier*": nonEmpty, "code*": nonEmpty, "encryptedData*": nonEmpty, "iv*": nonEmpty,
	}
	bindShape      = shape{"phoneNumber*": nonEmpty, "passCode*": nonEmpty, "phoneCountryCode": text}
	bindWxappShape = shape{
		"code*": nonEmpty, "extIdpConnidentifier": text, "encryptedData": text, "iv": text, "rawData": text,
	}
)

// phoneCode is the code of a phone button, which buys the number. It is not a wx.login code.
type phoneCode struct {
	number  wxPhoneNumber
	expires time.Time
	used    bool
}

func (p *Phone) newPhoneCode() string {
	number := p.phoneNumber()
	p.server.mu.Lock()
	defer p.server.mu.Unlock()
	text := randomString(hexDigits, 64)
	p.server.phoneCodes.set(text, &phoneCode{number: number, expires: p.server.opts.Clock().Add(codeLifetime)}, keepCodes)
	return text
}

// spendPhoneCode uses up a code for the mini program of this server.
func (s *Server) spendPhoneCode(text string) (*phoneCode, *v3Error) {
	code := s.phoneCodes.get(text)
	switch {
	case code == nil || code.number.Watermark.AppID != s.opts.WeChatAppID || !s.opts.Clock().Before(code.expires):
		return nil, &v3Error{errcode: errcodeInvalid}
	case code.used:
		return nil, &v3Error{errcode: errcodeUsed}
	}
	code.used = true
	return code, nil
}

const china86 = "+86"

// phoneCountry returns a country code with its plus, which is China's if it is empty.
func phoneCountry(code string) string { return "+" + strings.TrimPrefix(cmp.Or(code, china86), "+") }

// storedPhone returns a number as accounts hold it, and as WeChat writes it: with the country code unless it is China's.
func storedPhone(country, number string) string {
	if country = phoneCountry(country); country == china86 {
		return number
	}
	return country + number
}

func (a *account) setPhone(country, number string) {
	a.phone, a.countryCode = storedPhone(country, number), ""
	if country = phoneCountry(country); country != china86 {
		a.countryCode = country
	}
}

func (n wxPhoneNumber) countryCode() string {
	if n.CountryCode == nil {
		return ""
	}
	return fmt.Sprint(n.CountryCode) // a text or a number
}

func (s *Server) wechatPhone(c v3Call) reply {
	if e := s.checkSource(getString(c.body, "extIdpConnidentifier")); e != nil {
		return e.reply()
	}
	code, e := s.spendPhoneCode(getString(c.body, "code"))
	if e != nil {
		return e.reply()
	}
	if !s.modes.FlatPhone {
		return v3Success(object{"phone_info": code.number})
	}
	return v3Success(object{
		"phoneNumber":     "+" + code.number.countryCode() + code.number.PurePhoneNumber,
		"purePhoneNumber": code.number.PurePhoneNumber,
		"countryCode":     code.number.countryCode(),
	})
}

func (s *Server) wechatDecrypt(c v3Call) reply {
	if e := s.checkSource(getString(c.body, "extIdpConnidentifier")); e != nil {
		return e.reply()
	}
	_, plain, failure := s.decryptDetail(wxappCall{
		code: getString(c.body, "code"), encryptedData: getString(c.body, "encryptedData"), iv: getString(c.body, "iv"),
	})
	if plain == nil {
		return failure
	}
	return v3Success(plain)
}

// bindPhoneByCode refuses an account that has a phone number: changing it is another call.
func (s *Server) bindPhoneByCode(c v3Call) reply {
	country, number := getString(c.body, "phoneCountryCode"), getString(c.body, "phoneNumber")
	to := storedPhone(country, number)
	if c.account.phone != "" || s.accountByPhone(to) != nil {
		return newV3Error(2035).reply()
	}
	if e := s.useV3Code("CHANNEL_BIND_PHONE", to, getString(c.body, "passCode")); e != nil {
		return e.reply()
	}
	c.account.setPhone(country, number)
	c.account.updated = s.opts.Clock()
	return v3Success(nil)
}

// bindWxapp links the WeChat user of a wx.login code to the account.
func (s *Server) bindWxapp(c v3Call) reply {
	if source := getString(c.body, "extIdpConnidentifier"); source != "" {
		if e := s.checkSource(source); e != nil {
			return e.reply()
		}
	}
	code, decrypted, e := s.exchange(c.body)
	if e != nil {
		return e.reply()
	}
	if s.accountByWeChat(code) != nil || c.account.openID != "" || c.account.unionID != "" {
		return newV3Error(2026).reply()
	}
	c.account.linkWeChat(code, decrypted.profile)
	return v3Success(true)
}
