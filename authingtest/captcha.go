package authingtest

import (
	"io"
	"net"
	"net/http"
	"slices"
	"time"
)

// throttlePeriod is the window of the limits per address.
const throttlePeriod = 5 * time.Minute

// caller is the state of one IP address: that of the connection, or the lastIP in the call.
type caller struct {
	logins, failures, registrations []time.Time
	captcha                         string // the expected text; "" if no captcha is pending
}

func (s *Server) caller(ip string) *caller {
	c := s.callers.get(ip)
	if c == nil {
		c = &caller{}
		s.callers.set(ip, c, keepOthers)
	}
	return c
}

// exceeded drops old events and reports whether the rest have reached limit. Zero means no limit.
func (s *Server) exceeded(events *[]time.Time, limit int) bool {
	now := s.opts.Clock()
	*events = slices.DeleteFunc(*events, func(t time.Time) bool { return now.Sub(t) >= throttlePeriod })
	return limit > 0 && len(*events) >= limit
}

// checkCaptcha requires a captcha from an address that has reached a login limit.
func (s *Server) checkCaptcha(ip, typed string) *envelope {
	c := s.caller(ip)
	tooManyLogins := s.exceeded(&c.logins, s.opts.LoginLimit)
	tooManyFailures := s.exceeded(&c.failures, s.opts.FailureLimit)
	switch {
	case !tooManyLogins && !tooManyFailures:
		return nil
	case typed == "" || c.captcha == "":
		c.captcha = randomString(digits, 4)
		url := s.UsersURL() + "/captcha/" + randomString(hexDigits, 16)
		s.captchas.set(url, c.captcha, keepOthers)
		apiErr := newError(2000)
		apiErr.Data = object{"url": url}
		return apiErr
	case typed != c.captcha:
		return newError(2001)
	}
	c.captcha = ""
	return nil
}

// countLogin counts a login attempt. A successful one resets the failures.
func (s *Server) countLogin(ip string, ok bool) {
	c := s.caller(ip)
	c.logins = append(c.logins, s.opts.Clock())
	c.failures = append(c.failures, s.opts.Clock())
	if ok {
		c.failures = nil
	}
}

// create registers a new account, unless its address has reached the registration limit.
func (s *Server) create(a *account, ip string) *envelope {
	c := s.caller(ip)
	if s.exceeded(&c.registrations, s.opts.RegistrationLimit) {
		return newError(2100)
	}
	c.registrations = append(c.registrations, s.opts.Clock())
	s.register(a)
	return nil
}

// Captcha returns the text shown in the captcha image at url, or "" if there is no such captcha. The URL is in the data
// of the error that requires the captcha.
func (s *Server) Captcha(url string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.captchas.get(url)
}

// serveCaptcha serves an image that shows the text undistorted.
func (s *Server) serveCaptcha(w http.ResponseWriter, r *http.Request) {
	text := s.Captcha(s.UsersURL() + r.URL.Path)
	if text == "" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	io.WriteString(w, `<svg xmlns="http://www.w3.org/2000/svg" width="90" height="30"><text x="10" y="22" font-size="20">`+text+
		`</text></svg>`)
}

// callerIP returns the peer's address in the IPv4-mapped form that Node.js reports.
func callerIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return "::ffff:" + host
}
