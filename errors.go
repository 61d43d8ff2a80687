package authing

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// The reasons a caller would branch on, for errors.Is.
var (
	// ErrInvalidArgument means that the SDK rejected an argument and sent nothing. The text says which and why.
	ErrInvalidArgument = errors.New("authing: invalid argument")

	// ErrUserRefused means that the user declined on the phone. Nothing was sent.
	ErrUserRefused = errors.New("authing: the user refused")

	// ErrNotPermitted means that the mini program may not use the WeChat API it called: it lacks a permission, has used up
	// a quota, or does not declare the API in its privacy policy. Nothing was sent.
	ErrNotPermitted = errors.New("authing: not permitted by WeChat")

	// ErrLoginRequired means that no token was given (use [Client.As]) or that the service no longer accepts it.
	// The user has to sign in again.
	ErrLoginRequired = errors.New("authing: login required")

	// ErrCodeInvalid means that WeChat does not know the code, or that it is older than five minutes or already used.
	// The page has to call wx.login and let the user tap again. A code that does not match the encrypted data is another
	// error, with code -41003.
	ErrCodeInvalid = errors.New("authing: WeChat code invalid")

	// ErrOutcomeUnknown means that the call may or may not have taken effect, because no usable response came. Never
	// repeat it with the same code: look first, or start over with a fresh code.
	ErrOutcomeUnknown = errors.New("authing: outcome unknown")

	// ErrBadResponse means that the response is not Authing's (an HTML page, an empty body, truncated JSON), lacks what a
	// success has to contain, or is too large.
	ErrBadResponse = errors.New("authing: bad response")

	// ErrRateLimited means too many calls from this address or for this user. See Error.RetryAfter.
	ErrRateLimited = errors.New("authing: rate limited")

	ErrCaptchaRequired = errors.New("authing: captcha required")           // see Error.CaptchaURL
	ErrMFARequired     = errors.New("authing: second factor required")     // this SDK cannot complete such a login
	ErrUserNotFound    = errors.New("authing: user not found")             // no such account
	ErrUserLocked      = errors.New("authing: user locked")                // an administrator has to unlock the account
	ErrWrongPassword   = errors.New("authing: wrong password")             // of the account, or the old one of a change
	ErrUserExists      = errors.New("authing: user exists")                // the account or user name is taken
	ErrPhoneTaken      = errors.New("authing: phone number taken")         // another account has the number
	ErrEmailTaken      = errors.New("authing: e-mail address taken")       // another account has the address
	ErrVerifyCode      = errors.New("authing: verification code rejected") // wrong or expired: ask for a new one
)

// sentinels are the errors above, in the order in which a text would mention one.
func sentinels() []error {
	return []error{
		ErrInvalidArgument, ErrUserRefused, ErrNotPermitted, ErrLoginRequired, ErrCodeInvalid, ErrCaptchaRequired,
		ErrMFARequired, ErrUserNotFound, ErrUserLocked, ErrWrongPassword, ErrUserExists, ErrPhoneTaken, ErrEmailTaken,
		ErrVerifyCode, ErrRateLimited, ErrBadResponse, ErrOutcomeUnknown,
	}
}

// Error is the error returned by every call, always as *Error. Its text contains no token, code, password, phone number
// or e-mail address and is fit for a log, also under %+v and %#v. Message, Data and Body are the service's own words and
// may contain them.
//
// Callers may build one, for example in an authinghttp.Verifier of their own: set Op, Reason and Err.
type Error struct {
	Op         string          // the method that failed: "BindPhone"
	StatusCode int             // HTTP status; 0 when no response arrived
	Code       int             // the service's code; 0 when it gave none
	Message    string          // the service's words, or WeChat's errMsg when the button failed
	Data       json.RawMessage // the data that came with a refusal
	Body       []byte          // the whole response when it is not a complete success or refusal of Authing, or says more than fits here
	RequestID  string          // names the request in the service's own logs; "" when it gave none
	RetryAfter time.Duration   // how long the service asks to wait; 0 when it does not
	Reason     string          // what happened, without secrets
	Hint       string          // what to do next, without secrets
	Err        error           // the sentinels it matches, joined with the cause: the end of a context or a network error
}

// Error says which call failed, what happened and what to do next.
func (e *Error) Error() string { return e.text() }

func (e Error) text() string {
	var b strings.Builder
	b.WriteString("authing: ")
	if e.Op != "" {
		b.WriteString(e.Op + ": ")
	}
	b.WriteString(e.reason())
	switch {
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
func (e Error) reason() string {
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

// CaptchaURL returns the address of the picture to show after [ErrCaptchaRequired], or "". Send what the user types as
// LoginParams.VerifyCode.
func (e *Error) CaptchaURL() string {
	var data struct {
		URL string `json:"url"`
	}
	if !errors.Is(e, ErrCaptchaRequired) || json.Unmarshal(e.Data, &data) != nil {
		return ""
	}
	return data.URL
}

// match makes e match err too.
func (e *Error) match(err error) {
	if err != nil {
		e.Err = errors.Join(e.Err, err)
	}
}

// invalid reports an argument that was not sent.
func invalid(format string, args ...any) *Error {
	return &Error{Reason: fmt.Sprintf(format, args...), Err: ErrInvalidArgument}
}

// notSent names the call that an error belongs to.
func notSent(op string, err error) *Error {
	e, _ := errors.AsType[*Error](err)
	e.Op = op
	return e
}
