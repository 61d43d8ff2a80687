package authing

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// The reasons a caller would branch on. Compare with errors.Is; errors.As with a *[Error] tells the rest.
var (
	// ErrInvalidArgument: the SDK refused an argument and sent nothing. The text says which and why.
	ErrInvalidArgument = errors.New("authing: invalid argument")

	// ErrUserRefused: the user tapped refuse on the phone. Nothing was sent.
	ErrUserRefused = errors.New("authing: the user refused")

	// ErrLoginRequired: no token was given (use [Client.As]), or the service no longer accepts it.
	// The user has to sign in again.
	ErrLoginRequired = errors.New("authing: login required")

	// ErrCodeInvalid: WeChat does not know the code, or it is older than five minutes, or it was used before.
	// The page has to call wx.login and tap again. A code that does not go with the encrypted data is not one of these.
	ErrCodeInvalid = errors.New("authing: WeChat code invalid")

	// ErrOutcomeUnknown: the call may or may not have taken effect, because no usable answer came. Never repeat it with
	// the same code; find out first, or start over with a fresh one.
	ErrOutcomeUnknown = errors.New("authing: outcome unknown")

	// ErrBadResponse: what arrived is not an answer of Authing: an HTML page, an empty body, half of JSON, a success without
	// what it promises, or an answer over the size limit.
	ErrBadResponse = errors.New("authing: bad response")

	// ErrRateLimited: too many calls from this address or for this user. See Error.RetryAfter.
	ErrRateLimited = errors.New("authing: rate limited")

	ErrCaptchaRequired = errors.New("authing: captcha required")           // send the captcha along as VerifyCode
	ErrMFARequired     = errors.New("authing: second factor required")     // this SDK cannot complete such a login
	ErrUserNotFound    = errors.New("authing: user not found")             // no such account
	ErrUserLocked      = errors.New("authing: user locked")                // an administrator has to unlock the account
	ErrWrongPassword   = errors.New("authing: wrong password")             // of the account, or the old one of a change
	ErrUserExists      = errors.New("authing: user exists")                // the account or user name is taken
	ErrPhoneTaken      = errors.New("authing: phone number taken")         // another account holds the number
	ErrEmailTaken      = errors.New("authing: e-mail address taken")       // another account holds the address
	ErrVerifyCode      = errors.New("authing: verification code rejected") // wrong or expired: ask for a new one
)

// Error is what every call of this package fails with, always as a pointer. It prints without tokens, codes, passwords,
// phone numbers and e-mail addresses under every verb; Message and Data are what the service said, unchanged, and may
// hold such things.
type Error struct {
	Op         string        // the method that failed: "BindPhone"
	StatusCode int           // HTTP status, 200 is possible; 0 when no answer arrived
	Code       int           // the service's code; 0 when it gave none
	Message    string        // the service's words, or WeChat's errMsg for a refusal on the phone
	Data       []byte        // the data the service sent along; the whole body if there is more in it, or if it is no answer of Authing
	RetryAfter time.Duration // how long the service asks to wait; 0 when it does not

	kinds      []error // the sentinels it matches
	summary    string  // what happened, free of secrets
	hint       string  // what to do next
	afterwards string  // what to do when the outcome is unknown
	settled    bool    // the call certainly had no effect, or the service said what it had
	cause      error
}

// Error says which call failed, what happened and what to do next.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("authing: ")
	if e.Op != "" {
		b.WriteString(e.Op + ": ")
	}
	b.WriteString(e.summary)
	switch {
	case e.Code != 0:
		fmt.Fprintf(&b, " (code %d, HTTP %d)", e.Code, e.StatusCode)
	case e.StatusCode != 0:
		fmt.Fprintf(&b, " (HTTP %d)", e.StatusCode)
	}
	if e.hint != "" {
		b.WriteString(": " + e.hint)
	}
	if e.afterwards != "" {
		b.WriteString("; the call may have taken effect: " + e.afterwards)
	}
	return b.String()
}

// Is reports whether target is one of the sentinels that e stands for.
func (e *Error) Is(target error) bool { return slices.Contains(e.kinds, target) }

// Unwrap returns the cause: a context's error, a network error, or nil.
func (e *Error) Unwrap() error { return e.cause }

// Format writes the text of [Error.Error] under every verb, so that %#v shows no secret either.
func (e *Error) Format(f fmt.State, verb rune) {
	if verb == 'q' {
		fmt.Fprintf(f, "%q", e.Error())
		return
	}
	io.WriteString(f, e.Error())
}

// MarshalText gives the text of [Error.Error], for JSON.
func (e *Error) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

func invalid(format string, args ...any) *Error {
	return &Error{kinds: []error{ErrInvalidArgument}, summary: fmt.Sprintf(format, args...)}
}
