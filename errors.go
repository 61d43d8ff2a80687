package authing

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/authing-wxapp/authing/internal/api"
)

// The reasons a caller would branch on, for errors.Is.
var (
	// ErrInvalidArgument means that the SDK rejected an argument and sent nothing. The text says which and why.
	ErrInvalidArgument = api.ErrInvalidArgument

	// ErrUserRefused means that the user declined on the phone. Nothing was sent.
	ErrUserRefused = api.ErrUserRefused

	// ErrNotPermitted means that the mini program may not use the WeChat API it called: it lacks a permission, has used up
	// a quota, or does not declare the API in its privacy policy. Nothing was sent.
	ErrNotPermitted = api.ErrNotPermitted

	// ErrLoginRequired means that no token was given (use [Client.As]) or that the service no longer accepts it.
	// The user has to sign in again.
	ErrLoginRequired = api.ErrLoginRequired

	// ErrCodeInvalid means that WeChat does not know the code, or that it is older than five minutes or already used.
	// The page has to call wx.login and let the user tap again. A code that does not match the encrypted data is another
	// error, with code -41003.
	ErrCodeInvalid = api.ErrCodeInvalid

	// ErrOutcomeUnknown means that the call may or may not have taken effect, because no usable response came. Never
	// repeat it with the same code: look first, or start over with a fresh code.
	ErrOutcomeUnknown = api.ErrOutcomeUnknown

	// ErrBadResponse means that the response is not Authing's (an HTML page, an empty body, truncated JSON), lacks what a
	// success has to contain, or is too large.
	ErrBadResponse = api.ErrBadResponse

	// ErrRateLimited means too many calls from this address or for this user. See Error.RetryAfter.
	ErrRateLimited = api.ErrRateLimited

	ErrCaptchaRequired = api.ErrCaptchaRequired // see Error.CaptchaURL
	ErrMFARequired     = api.ErrMFARequired     // this SDK cannot complete such a login
	ErrUserNotFound    = api.ErrUserNotFound    // no such account
	ErrUserLocked      = api.ErrUserLocked      // an administrator has to unlock the account
	ErrWrongPassword   = api.ErrWrongPassword   // of the account, or the old one of a change
	ErrUserExists      = api.ErrUserExists      // the account or user name is taken
	ErrPhoneTaken      = api.ErrPhoneTaken      // another account has the number
	ErrEmailTaken      = api.ErrEmailTaken      // another account has the address
	ErrVerifyCode      = api.ErrVerifyCode      // wrong or expired: ask for a new one
)

// Error is the error returned by every call, always as *Error. Its text contains no token, code, password, phone number
// or e-mail address and is fit for a log, also under %+v and %#v. Message, Data and Body are the service's own words and
// may contain them.
//
// Callers may build one, for example in an authinghttp.Verifier of their own: set Op, Reason and Err.
type Error struct {
	Op         string          // the method that failed: "BindPhone"
	StatusCode int             // HTTP status; 0 when no response arrived
	Code       int             // the service's code; 0 when it gave none
	APICode    int             // the reason behind Code in the V3 API (package authingv3); else 0
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
func (e *Error) Error() string { return (*api.Error)(e).Error() }

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
