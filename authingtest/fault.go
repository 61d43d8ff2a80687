package authingtest

import (
	"cmp"
	"io"
	"math"
	"net/http"
	"strconv"
	"time"
)

// When is the moment of a call at which a [Fault] strikes.
type When int

// The moments of a call.
const (
	Before   When = iota // nothing has happened yet: the code is unspent
	After                // the code is spent and the call has taken effect, the reply is still to come
	MidReply             // as After, and half of the reply's body has left; then the connection is cut
)

// UntilGone as Fault.Delay waits until the client gives up or the server is closed.
const UntilGone time.Duration = math.MaxInt64

// Fault is what goes wrong with one call. Without Drop, Code, ErrCode, Status and Body the call only waits for Delay.
type Fault struct {
	When  When
	Delay time.Duration // real time, not the Clock's; if the client goes away meanwhile, nothing further happens
	Drop  bool          // close the connection without a reply

	// What to reply instead: a refusal of Authing with this code (1000 is "busy"), in the shape that the endpoint gives
	// it; a failure of WeChat with this errcode (-1 is "busy"), for calls that spend a code of wx.login; or this HTTP
	// answer, where a zero Status is 200. A fault Before the call that has a reply keeps the call from happening.
	Code    int
	ErrCode int
	Status  int
	Body    string
}

// FailNext lets the next call of op fail, where op is the name of the client's method: "LoginWithWxapp", "Login",
// "GetVerificationCode" and so on; another name strikes nothing. Of the three requests of ChangeAvatar, the one for the
// upload token is "ChangeAvatar", the one to the storage is "Upload", and the last is an "Update" like any other.
// Several faults of one op strike one call each, in the order given.
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

// exchange is one operation that arrived.
type exchange struct {
	op     string
	answer func() reply
	refuse func(*envelope) reply // the shape of a refusal
}

// endpoint serves one operation of the REST endpoints.
func (s *Server) endpoint(op string, answer func(*http.Request) reply) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.serve(w, r, exchange{op, func() reply { return answer(r) }, (*envelope).reply})
	}
}

// serve answers and lets faults strike. x.answer knows nothing of them.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, x exchange) {
	fault, ok := s.nextFault(x.op)
	if !ok {
		x.answer().write(w)
		return
	}
	instead, replaced := s.replacement(fault, x)
	if fault.When != Before {
		answered := x.answer()
		if !replaced {
			instead, replaced = answered, true
		}
	}
	if fault.When == MidReply {
		instead.writeHalf(w)
	}
	if gone := !s.wait(r, fault.Delay); gone || fault.Drop || fault.When == MidReply {
		drop(w)
		return
	}
	if !replaced {
		instead = x.answer()
	}
	instead.write(w)
}

// replacement returns the reply that fault asks for, if it does.
func (s *Server) replacement(fault Fault, x exchange) (instead reply, ok bool) {
	switch {
	case fault.Code != 0:
		return x.refuse(refuse(fault.Code)), true
	case fault.ErrCode != 0:
		return s.wechatFailure(fault.ErrCode), true
	case fault.Status != 0 || fault.Body != "":
		return reply{cmp.Or(fault.Status, http.StatusOK), fault.Body}, true
	}
	return reply{}, false
}

// wait reports whether the client is still there after d.
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

// drop closes the connection with whatever has been written so far.
func drop(w http.ResponseWriter) {
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

// writeHeader announces the whole length, by which a client notices that a body was cut.
func (rp reply) writeHeader(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(rp.body)))
	w.WriteHeader(rp.status)
}
