package authingtest

import (
	"io"
	"net"
	"net/http"
	"slices"
	"time"
)

// throttlePeriod is how long the service remembers what an address did.
const throttlePeriod = 5 * time.Minute

// caller is an IP address: that of the connection or, if a backend tells, that of the user.
type caller struct {
	logins, failures, registrations []time.Time
	captcha                         string // the text to type, "" if none was demanded
}

func (s *Server) caller(ip string) *caller {
	if s.callers[ip] == nil {
		s.callers[ip] = &caller{}
	}
	return s.callers[ip]
}

// exceeded reports whether as many events as limit are recent. Zero is no limit.
func (s *Server) exceeded(events *[]time.Time, limit int) bool {
	now := s.opts.Clock()
	*events = slices.DeleteFunc(*events, func(t time.Time) bool { return now.Sub(t) >= throttlePeriod })
	return limit > 0 && len(*events) >= limit
}

// checkCaptcha demands a captcha of addresses that exceeded a limit of logins.
func (s *Server) checkCaptcha(ip, answer string) *envelope {
	c := s.caller(ip)
	tooMany, tooWrong := s.exceeded(&c.logins, s.opts.LoginLimit), s.exceeded(&c.failures, s.opts.FailureLimit)
	switch {
	case !tooMany && !tooWrong:
		return nil
	case answer == "" || c.captcha == "":
		c.captcha = mint(digits, 4)
		address := s.UsersURL() + "/captcha/" + mint(hexDigits, 16)
		s.captchas[address] = c.captcha
		refused := refuse(2000)
		refused.Data = object{"url": address}
		return refused
	case answer != c.captcha:
		return refuse(2001)
	}
	c.captcha = ""
	return nil
}

// countLogin remembers a login. One that succeeds makes up for the wrong passwords before it.
func (s *Server) countLogin(ip string, ok bool) {
	c := s.caller(ip)
	c.logins = append(c.logins, s.opts.Clock())
	c.failures = append(c.failures, s.opts.Clock())
	if ok {
		c.failures = nil
	}
}

// create registers the account that a call makes, unless calls from that address made too many.
func (s *Server) create(a *account, ip string) *envelope {
	c := s.caller(ip)
	if s.exceeded(&c.registrations, s.opts.RegistrationLimit) {
		return refuse(2100)
	}
	c.registrations = append(c.registrations, s.opts.Clock())
	s.register(a)
	return nil
}

// Captcha returns the text on the picture at url, the address in the data of a demand for a captcha; "" if there is none.
func (s *Server) Captcha(url string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.captchas[url]
}

// serveCaptcha shows the picture, in clear.
func (s *Server) serveCaptcha(w http.ResponseWriter, r *http.Request) {
	answer := s.Captcha(s.UsersURL() + r.URL.Path)
	if answer == "" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	io.WriteString(w, `<svg xmlns="http://www.w3.org/2000/svg" width="90" height="30"><text x="10" y="22" font-size="20">`+answer+
		`</text></svg>`)
}

// callerIP is the address of the connection, written as node.js does.
func callerIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return "::ffff:" + host
}
