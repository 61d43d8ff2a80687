package authingtest

import (
	"net/http"
	"strings"
	"time"
)

var (
	smsShape = shape{"phoneNumber*": nonEmpty, "phoneCountryCode": text, "channel*": channels(
		"LOGIN", "REGISTER", "RESET_PASSWORD", "BIND_PHONE", "UNBIND_PHONE", "BIND_MFA", "VERIFY_MFA", "UNBIND_MFA",
		"COMPLETE_PHONE", "IDENTITY_VERIFICATION", "DELETE_ACCOUNT",
	)}
	emailShape = shape{"email*": nonEmpty, "channel*": channels(
		"LOGIN", "REGISTER", "RESET_PASSWORD", "VERIFY_EMAIL_LINK", "UPDATE_EMAIL", "BIND_EMAIL", "UNBIND_EMAIL",
		"VERIFY_MFA", "UNLOCK_ACCOUNT", "COMPLETE_EMAIL", "DELETE_ACCOUNT",
	)}
)

func channels(names ...string) enum {
	for i := range names {
		names[i] = "CHANNEL_" + names[i]
	}
	return names
}

// Codes of today's API are valid for the documented times, and sent once a minute per channel and receiver.
const (
	textedLifetime = time.Minute
	mailedLifetime = 5 * time.Minute
	sendInterval   = time.Minute
)

// v3Code is a texted or mailed code, for one channel. It starts with a zero, so that a program that takes it for a number
// always fails.
type v3Code struct {
	sentCode
	sent time.Time
}

func v3CodeKey(channel, to string) string { return channel + " " + to }

// newV3Code returns the text of a new code, which replaces the previous one, or a failure if that is too recent.
func (s *Server) newV3Code(channel, to string, lifetime time.Duration) (string, *v3Error) {
	now := s.opts.Clock()
	last := s.v3Codes.get(v3CodeKey(channel, to)).sent
	age := now.Sub(last) // negative if the clock was set back
	if !last.IsZero() && age >= 0 && age < sendInterval {
		return "", &v3Error{statusCode: http.StatusTooManyRequests, message: "您的请求已超过最大数量限制，请稍后重试"}
	}
	code := v3Code{sentCode{"0" + randomString(digits, 5), now.Add(lifetime)}, now}
	s.v3Codes.set(v3CodeKey(channel, to), code, keepCodes)
	return code.text, nil
}

func (s *Server) checkV3Code(channel, to, typed string) *v3Error {
	if apiErr := s.v3Codes.get(v3CodeKey(channel, to)).check(typed, s.opts.Clock()); apiErr != nil {
		return newV3Error(apiErr.Code)
	}
	return nil
}

// spendV3Code keeps the time of sending.
func (s *Server) spendV3Code(channel, to string) {
	key := v3CodeKey(channel, to)
	if code := s.v3Codes.get(key); code.text != "" {
		code.text = ""
		s.v3Codes.set(key, code, keepCodes)
	}
}

func (s *Server) useV3Code(channel, to, typed string) *v3Error {
	e := s.checkV3Code(channel, to, typed)
	if e == nil {
		s.spendV3Code(channel, to)
	}
	return e
}

func (s *Server) sendSMS(c v3Call) reply {
	number := storedPhone(getString(c.body, "phoneCountryCode"), getString(c.body, "phoneNumber"))
	if !phonePattern.MatchString(number) {
		return newV3Error(2028).reply()
	}
	code, e := s.newV3Code(getString(c.body, "channel"), number, textedLifetime)
	if e != nil {
		return e.reply()
	}
	s.lastSMS.set(number, code, keepCodes)
	s.sentSMS.set(number, s.sentSMS.get(number)+1, keepCodes)
	return v3Success(nil)
}

func (s *Server) sendEmail(c v3Call) reply {
	email := strings.ToLower(getString(c.body, "email"))
	if apiErr := checkEmail(email, 2003); apiErr != nil {
		return newV3Error(apiErr.Code).reply()
	}
	code, e := s.newV3Code(getString(c.body, "channel"), email, mailedLifetime)
	if e != nil {
		return e.reply()
	}
	s.send(email, Mail{Code: code})
	return v3Success(nil)
}
