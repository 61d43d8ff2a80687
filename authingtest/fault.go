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

// Fault is what goes wrong with one call. Without Drop, ErrCode, Status and Body the call only waits for Delay.
type Fault struct {
	When  When
	Delay time.Duration // real time, not the Clock's; if the client goes away meanwhile, nothing further happens
	Drop  bool          // close the connection without a reply

	// What to reply instead: a failure of WeChat with this errcode (-1 is "busy"), or this HTTP answer, where a zero
	// Status is 200. A fault Before the call that has a reply keeps the call from happening.
	ErrCode int
	Status  int
	Body    string
}

// FailNext lets the next call of op fail, where op is the name of the client's method: "LoginWithWxapp", "BindPhone",
// "GetPhone" or "Decrypt"; another name strikes nothing. Several faults of one op strike one call each, in the order
// given.
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

// endpoint serves one operation and lets its faults strike. answer knows nothing of them.
func (s *Server) endpoint(op string, answer func(*http.Request) reply) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		fault, ok := s.nextFault(op)
		if !ok {
			answer(r).write(w)
			return
		}
		instead, replaced := s.replacement(fault)
		if fault.When != Before {
			answered := answer(r)
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
			instead = answer(r)
		}
		instead.write(w)
	}
}

// replacement returns the reply that fault asks for, if it does.
func (s *Server) replacement(fault Fault) (instead reply, ok bool) {
	switch {
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
