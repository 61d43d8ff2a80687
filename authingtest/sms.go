package authingtest

import (
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// sentCodeLifetime is a guess.
const sentCodeLifetime = 10 * time.Minute

// sentCode is a texted or mailed code. A newer one replaces it.
type sentCode struct {
	text    string
	expires time.Time
}

func (s *Server) newSentCode() sentCode {
	// A texted code is sent back as a number, so it must not start with a zero.
	return sentCode{randomString("123456789", 1) + randomString(digits, 3), s.opts.Clock().Add(sentCodeLifetime)}
}

// check rejects a wrong or expired code. The zero sentCode matches nothing.
func (c sentCode) check(typed string, now time.Time) *envelope {
	switch {
	case c.text == "" || typed != c.text:
		return newError(2001)
	case !now.Before(c.expires):
		return newError(2300)
	}
	return nil
}

// LastSMS returns the code in the last text message to phone, or "" if there was none.
func (s *Server) LastSMS(phone string) (code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lastSMS.get(phone)
}

// SentSMS returns the number of text messages sent to each phone number. A count of two for one tap means that the
// request was sent twice.
func (s *Server) SentSMS() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sentSMS.all()
}

var phonePattern = regexp.MustCompile(`^\+?[0-9]{5,15}$`)

func (s *Server) sendSMSCode(r *http.Request) reply {
	phone := r.PathValue("phone")
	switch {
	case r.PathValue("pool") != s.opts.UserPoolID:
		return newError(2224).reply()
	case !phonePattern.MatchString(phone):
		return newError(2028).reply()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	code := s.newSentCode()
	s.smsCodes.set(phone, code, keepCodes)
	s.lastSMS.set(phone, code.text, keepCodes)
	s.sentSMS.set(phone, s.sentSMS.get(phone)+1, keepCodes)
	return reply{status: http.StatusOK, body: `{"code":200,"message":"发送成功"}`}
}

// loginByPhoneCode creates the account of a phone number that has none.
func (s *Server) loginByPhoneCode(arguments object, ip string) (*account, *envelope) {
	phone := getString(arguments, "phone")
	if apiErr := s.checkPhoneCode(phone, arguments); apiErr != nil {
		return nil, apiErr
	}
	a := s.accountByPhone(phone)
	if a != nil && a.blocked {
		return nil, newError(2005)
	}
	if a == nil {
		a = &account{phone: phone, registerMethod: "default:phone"}
		if apiErr := s.create(a, ip); apiErr != nil {
			return nil, apiErr
		}
	}
	s.smsCodes.delete(phone)
	return a, nil
}

// checkPhoneCode checks the code that was texted to phone, if phone is not empty.
func (s *Server) checkPhoneCode(phone string, arguments object) *envelope {
	if phone == "" {
		return nil
	}
	number, ok := getInt(arguments, "phoneCode")
	if !ok {
		return newError(2001)
	}
	return s.smsCodes.get(phone).check(strconv.Itoa(number), s.opts.Clock())
}
