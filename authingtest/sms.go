package authingtest

import (
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// How long a code that was texted or mailed is good: a guess.
const sentCodeLifetime = 10 * time.Minute

// sentCode is a code that was texted or mailed. A newer one replaces it.
type sentCode struct {
	text    string
	expires time.Time
}

func (s *Server) newSentCode() sentCode {
	// A texted code travels as a number, so it must not begin with a zero.
	return sentCode{mint("123456789", 1) + mint(digits, 3), s.opts.Clock().Add(sentCodeLifetime)}
}

// check refuses what is not the code, or one that came too late. The zero sentCode is nobody's.
func (c sentCode) check(typed string, now time.Time) *envelope {
	switch {
	case c.text == "" || typed != c.text:
		return refuse(2001)
	case !now.Before(c.expires):
		return refuse(2300)
	}
	return nil
}

// LastSMS returns the code in the last text message to phone, "" if there was none.
func (s *Server) LastSMS(phone string) (code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lastSMS[phone]
}

// SentSMS returns how many text messages each phone number got: a count of two for one tap is a request that was sent
// twice.
func (s *Server) SentSMS() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.sentSMS)
}

var phonePattern = regexp.MustCompile(`^\+?[0-9]{5,15}$`)

func (s *Server) sendSMSCode(r *http.Request) reply {
	phone := r.PathValue("phone")
	switch {
	case r.PathValue("pool") != s.opts.UserPoolID:
		return refuse(2224).reply()
	case !phonePattern.MatchString(phone):
		return refuse(2028).reply()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	code := s.newSentCode()
	s.smsCodes[phone] = code
	s.lastSMS[phone] = code.text
	s.sentSMS[phone]++
	return reply{http.StatusOK, `{"code":200,"message":"发送成功"}`}
}

// byPhoneCode returns the account of the phone that a code was texted to, and creates it at first sight.
func (s *Server) byPhoneCode(arguments object, ip string) (*account, *envelope) {
	phone := text(arguments, "phone")
	if refused := s.checkPhoneCode(phone, arguments); refused != nil {
		return nil, refused
	}
	a := s.ofPhone(phone)
	if a != nil && a.blocked {
		return nil, refuse(2005)
	}
	if a == nil {
		a = &account{phone: phone, registerMethod: "default:phone"}
		if refused := s.create(a, ip); refused != nil {
			return nil, refused
		}
	}
	delete(s.smsCodes, phone)
	return a, nil
}

// checkPhoneCode demands the code that was texted to phone, unless that is empty.
func (s *Server) checkPhoneCode(phone string, arguments object) *envelope {
	if phone == "" {
		return nil
	}
	number, ok := integer(arguments, "phoneCode")
	if !ok {
		return refuse(2001)
	}
	return s.smsCodes[phone].check(strconv.Itoa(number), s.opts.Clock())
}
