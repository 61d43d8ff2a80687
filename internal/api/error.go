package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// The sentinels of package authing, which documents them.
var (
	ErrInvalidArgument = errors.New("authing: invalid argument")
	ErrUserRefused     = errors.New("authing: the user refused")
	ErrNotPermitted    = errors.New("authing: not permitted by WeChat")
	ErrLoginRequired   = errors.New("authing: login required")
	ErrCodeInvalid     = errors.New("authing: WeChat code invalid")
	ErrCaptchaRequired = errors.New("authing: captcha required")
	ErrMFARequired     = errors.New("authing: second factor required")
	ErrUserNotFound    = errors.New("authing: user not found")
	ErrUserLocked      = errors.New("authing: user locked")
	ErrWrongPassword   = errors.New("authing: wrong password")
	ErrUserExists      = errors.New("authing: user exists")
	ErrPhoneTaken      = errors.New("authing: phone number taken")
	ErrEmailTaken      = errors.New("authing: e-mail address taken")
	ErrVerifyCode      = errors.New("authing: verification code rejected")
	ErrRateLimited     = errors.New("authing: rate limited")
	ErrBadResponse     = errors.New("authing: bad response")
	ErrOutcomeUnknown  = errors.New("authing: outcome unknown")
)

// sentinels are the errors above, in the order in which a text would mention one.
func sentinels() []error {
	return []error{
		ErrInvalidArgument, ErrUserRefused, ErrNotPermitted, ErrLoginRequired, ErrCodeInvalid, ErrCaptchaRequired,
		ErrMFARequired, ErrUserNotFound, ErrUserLocked, ErrWrongPassword, ErrUserExists, ErrPhoneTaken, ErrEmailTaken,
		ErrVerifyCode, ErrRateLimited, ErrBadResponse, ErrOutcomeUnknown,
	}
}

// Error has the fields of authing.Error, so that one converts to the other. Package authing documents them, and has its
// own copy so that its documentation shows them.
type Error struct {
	Op         string
	StatusCode int
	Code       int
	APICode    int
	Message    string
	Data       json.RawMessage
	Body       []byte
	RequestID  string
	RetryAfter time.Duration
	Reason     string
	Hint       string
	Err        error
}

// Error says which call failed, what happened and what to do next.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("authing: ")
	if e.Op != "" {
		b.WriteString(e.Op + ": ")
	}
	b.WriteString(e.reason())
	switch {
	case e.APICode != 0:
		fmt.Fprintf(&b, " (code %d, API code %d, HTTP %d)", e.Code, e.APICode, e.StatusCode)
	case e.Code != 0:
		fmt.Fprintf(&b, " (code %d, HTTP %d)", e.Code, e.StatusCode)
	case e.StatusCode != 0:
		fmt.Fprintf(&b, " (HTTP %d)", e.StatusCode)
	}
	if e.Hint != "" {
		b.WriteString(": " + e.Hint)
	}
	return b.String()
}

// reason falls back to a sentinel. Err may also contain a caller's error, whose text could show anything.
func (e *Error) reason() string {
	if e.Reason != "" {
		return e.Reason
	}
	for _, sentinel := range sentinels() {
		if errors.Is(e.Err, sentinel) {
			return strings.TrimPrefix(sentinel.Error(), "authing: ")
		}
	}
	return "the call failed"
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Match makes e match err too.
func (e *Error) Match(err error) {
	if err != nil {
		e.Err = errors.Join(e.Err, err)
	}
}

// Invalid reports an argument that was not sent.
func Invalid(format string, args ...any) *Error {
	return &Error{Reason: fmt.Sprintf(format, args...), Err: ErrInvalidArgument}
}

// NotSent names the call that an error made by this module belongs to.
func NotSent(op string, err error) *Error {
	e, _ := errors.AsType[*Error](err)
	e.Op = op
	return e
}

// SentBefore corrects the error of a request after the first of a call. Something was sent then: state says what is still as
// it was.
func SentBefore(e *Error, state string) *Error {
	corrected := strings.NewReplacer("nothing was sent", state, "nothing was done", state)
	e.Reason, e.Hint = corrected.Replace(e.Reason), corrected.Replace(e.Hint)
	return e
}

// HideOurs returns err, or if it contains an error of this module, one with the same text: a caller's Transport, reader or
// context may fail with the error of another call, whose sentinels would be wrong here.
func HideOurs(err error) error {
	for _, sentinel := range sentinels() {
		if errors.Is(err, sentinel) {
			for _, ended := range []error{context.Canceled, context.DeadlineExceeded} {
				if errors.Is(err, ended) {
					return ended
				}
			}
			return errors.New(err.Error())
		}
	}
	return err
}
