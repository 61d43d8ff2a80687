package authingtest

import (
	"cmp"
	"io"
	"math"
	"net/http"
	"strconv"
	"time"
)

// When is the point of a call at which a [Fault] occurs.
type When int

const (
	// Before is before the call: the code is not used up.
	Before When = iota
	// After is after the call has taken effect and used up its code, before the reply is sent.
	After
	// MidReply is like After, but half of the reply body is sent before the connection is closed.
	MidReply
)

// UntilGone as Fault.Delay waits until the client gives up or the server is closed.
const UntilGone time.Duration = math.MaxInt64

// Fault makes one call fail. If Drop, Code, ErrCode, Status and Body are all zero, the call is only delayed.
type Fault struct {
	When  When
	Delay time.Duration // in real time, independent of Options.Clock; if the client disconnects meanwhile, the call ends
	Drop  bool          // close the connection without a reply

	// The reply to send instead: an Authing error with this Code (1000 means "busy"), in the format of the endpoint, where
	// today's API takes a Code below 1000 as the statusCode and others as the apiCode; a WeChat failure with this ErrCode (-1 means "busy"), for calls that take a wx.login code; or an HTTP response
	// with this Status (zero means 200) and Body. With Before, such a reply also prevents the call from taking effect.
	Code    int
	ErrCode int
	Status  int
	Body    string
}

// FailNext makes the next call of op fail. op is the name of the client method, such as "LoginWithWxapp", "Login" or
// "GetVerificationCode"; a fault for any other name stays queued and has no effect. ChangeAvatar sends three requests: the one
// for the upload token is "ChangeAvatar", the one to the storage is "Upload", and the last is an ordinary "Update". Of today's
// API, which has no request for a token, only the latter two. There, DeleteAccount sends "VerifyDeleteAccount" first, and the
// other requests are "JWKS", "Discovery", "UserInfo", "Identities" and "System". A name of both APIs applies to both.
// Repeated calls of FailNext queue up: each fault applies to one call, in order.
func (s *Server) FailNext(op string, fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[op] = append(s.faults[op], fault)
}

func (s *Server) nextFault(op string) (fault Fault, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	queue := s.faults[op]
	if len(queue) == 0 {
		return Fault{}, false
	}
	s.faults[op] = queue[1:]
	return queue[0], true
}

// operation is one request to an endpoint.
type operation struct {
	name       string // as in [Server.FailNext]
	handle     func() reply
	errorReply func(*envelope) reply // formats an Authing error for the endpoint

	weChatError func(errcode int, errmsg string) (status int, body string) // words a failure of WeChat
}

// endpoint returns the handler of a REST endpoint.
func (s *Server) endpoint(name string, handle func(*http.Request) reply) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.serve(w, r, operation{name, func() reply { return handle(r) }, (*envelope).reply, s.opts.WeChatError})
	}
}

// serve handles op, applying the next fault queued for it.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, op operation) {
	fault, ok := s.nextFault(op.name)
	if !ok {
		op.handle().write(w)
		return
	}
	rp, decided := faultReply(fault, op)
	if fault.When != Before {
		regular := op.handle()
		if !decided {
			rp, decided = regular, true
		}
	}
	if fault.When == MidReply {
		rp.writeHalf(w)
	}
	if gone := !s.wait(r, fault.Delay); gone || fault.Drop || fault.When == MidReply {
		closeConnection(w)
		return
	}
	if !decided {
		rp = op.handle()
	}
	rp.write(w)
}

// faultReply returns the reply that fault specifies, if any.
func faultReply(fault Fault, op operation) (rp reply, ok bool) {
	switch {
	case fault.Code != 0:
		return op.errorReply(newError(fault.Code)), true
	case fault.ErrCode != 0:
		return worded(wechatError(fault.ErrCode), op.weChatError), true
	case fault.Status != 0 || fault.Body != "":
		return reply{status: cmp.Or(fault.Status, http.StatusOK), body: fault.Body}, true
	}
	return reply{}, false
}

// wait waits for d and reports whether the client is still connected.
func (s *Server) wait(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
	case <-s.closing:
	}
	return false
}

// closeConnection cuts the connection off after whatever has been written.
func closeConnection(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		conn.Close()
	}
}

func (rp reply) write(w http.ResponseWriter) {
	rp.writeHeader(w)
	io.WriteString(w, rp.body)
}

func (rp reply) writeHalf(w http.ResponseWriter) {
	rp.writeHeader(w)
	io.WriteString(w, rp.body[:len(rp.body)/2])
	http.NewResponseController(w).Flush()
}

// writeHeader sets Content-Length to the full length, so that a client notices a truncated body.
func (rp reply) writeHeader(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(rp.body)))
	w.WriteHeader(rp.status)
}
