package main

import (
	"errors"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/authing-wxapp/authing"
)

// What goes wrong before Authing is asked.
var (
	errBadBody     = errors.New("the body is not what this route takes")
	errTooLarge    = errors.New("the body is too large")
	errWrongType   = errors.New("the body is not application/json")
	errNotFound    = errors.New("no such route")
	errWrongMethod = errors.New("the route does not take this method")
	errOtherOrigin = errors.New("the request comes from a page of another origin")
	errNoPhoneLeft = errors.New("the demo has as many phones as it keeps")
)

// What the page does next.
const (
	nextLogin  = "login"  // the code is spent, or may be: call wx.login again, then let the user tap again
	nextSignIn = "signin" // the session is over: throw the token away and start at the beginning
	nextRetry  = "retry"  // later; nothing was spent
	nextNone   = "none"   // the same once more does not help; what Authing refused has spent its code, the rest has not
)

// failure is what a page is told about an error.
type failure struct {
	matches func(error) bool
	status  int
	reason  string // for the program of the page
	next    string
	zh, en  string // for its user
}

// failures is read from the top. An error can match several rows: what was refused is told before ErrOutcomeUnknown, and
// that before everything that promises that a code is still good.
var failures = []failure{
	{is(authing.ErrUserRefused), 403, "user_refused", nextNone, "你已拒绝授权，可随时再次点击。", "You refused. You can tap again at any time."},
	{is(authing.ErrNotPermitted), 403, "not_permitted", nextNone, "小程序暂无此接口的权限，请联系客服。", "The mini program may not use this WeChat API. Please contact support."},
	{is(authing.ErrLoginRequired), 401, "login_required", nextSignIn, "登录已失效，请重新登录。", "Your session is over. Please sign in again."},
	{is(authing.ErrCodeInvalid), 409, "code_spent", nextLogin, "登录凭证已使用或已过期，请再点一次。", "The login code was used or has expired. Please tap again."},
	{is(authing.ErrOutcomeUnknown), 502, "outcome_unknown", nextLogin, "没有收到确认，操作可能已经生效。请先查看账号，再重新操作。", "No confirmation came; it may have worked. Look at your account first, then start over."},
	{is(authing.ErrPhoneTaken), 409, "phone_taken", nextLogin, "该手机号已绑定其他账号。", "This phone number belongs to another account."},
	{is(authing.ErrCaptchaRequired), 403, "captcha_required", nextNone, "账号需要图形验证码，暂时无法在这里登录。", "This account needs a captcha, so it cannot sign in here for now."},
	{is(authing.ErrMFARequired), 403, "second_factor", nextNone, "账号开启了多因素认证，无法在这里登录。", "This account needs a second factor, so it cannot sign in here."},
	{is(authing.ErrUserLocked), 403, "user_locked", nextNone, "账号已被锁定，请联系客服。", "This account is locked. Please contact support."},
	{is(authing.ErrUserNotFound), 401, "login_required", nextSignIn, "账号不存在，请重新登录。", "This account no longer exists. Please sign in again."},
	{is(authing.ErrRateLimited), 429, "rate_limited", nextLogin, "操作过于频繁，请稍后再试。", "Too many attempts. Please try again later."},
	{is(authing.ErrInvalidArgument), 400, "bad_request", nextLogin, "微信没有返回有效数据，请再点一次。", "WeChat gave no usable data. Please tap again."},
	{is(errBadBody), 400, "bad_request", nextNone, "请求格式不正确。", "The request is malformed."},
	{is(errTooLarge), 413, "too_large", nextNone, "请求内容过大。", "The request is too large."},
	{is(errWrongType), 415, "wrong_type", nextNone, "请求必须是 JSON。", "The request must be JSON."},
	{is(errNotFound), 404, "not_found", nextNone, "没有这个地址。", "There is no such address."},
	{is(errWrongMethod), 405, "method_not_allowed", nextNone, "该地址不支持此方法。", "This address does not take this method."},
	{is(errOtherOrigin), 403, "other_origin", nextNone, "不接受其他网站的请求。", "Requests from other sites are refused."},
	{is(errNoPhoneLeft), 507, "no_phone_left", nextNone, "演示用的手机已用完，请重新启动服务。", "The demo has no phone left. Please restart the server."},
	{refusedByService, 502, "refused", nextLogin, "服务拒绝了这次操作，请重新操作。", "The service refused. Please start over."},
	{everythingElse, 503, "service_down", nextRetry, "服务暂时不可用，请稍后再试。", "The service is not available. Please try again later."},
}

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

// refusedByService also takes a refusal with code 0: it must not pass for a call that never reached Authing.
func refusedByService(err error) bool {
	var e *authing.Error
	if !errors.As(err, &e) {
		return false
	}
	understood := e.StatusCode != 0 && e.Unwrap() == nil && !errors.Is(e, authing.ErrBadResponse)
	return e.Code != 0 || understood
}

// everythingElse is what kept a call from reaching Authing, or a read from being answered: nothing was spent.
func everythingElse(error) bool { return true }

func failureOf(err error) failure {
	return failures[slices.IndexFunc(failures, func(f failure) bool { return f.matches(err) })]
}

// writeError tells the page what to do about err.
func writeError(w http.ResponseWriter, r *http.Request, err error) {
	note, f := noteOf(r), failureOf(err)
	switch {
	case r.Context().Err() != nil:
		// err is a consequence of that. The answer is for a client that closed only its own side of the connection: it
		// still reads, and would take silence for a success.
		note.reason = "client_gone"
	case f.status >= http.StatusInternalServerError:
		note.reason, note.err = f.reason, err // errors of the SDK hold no secret; those below this status may quote the page
	default:
		note.reason = f.reason
	}
	header := w.Header()
	switch f.status {
	case http.StatusUnauthorized:
		setDefault(header, "WWW-Authenticate", `Bearer realm="authing", error="invalid_token"`)
	case http.StatusTooManyRequests:
		setDefault(header, "Retry-After", seconds(err, time.Minute)) // WeChat counts by the minute
	case http.StatusServiceUnavailable:
		setDefault(header, "Retry-After", seconds(err, 5*time.Second))
	}
	message := f.en
	if strings.HasPrefix(strings.ToLower(r.Header.Get("Accept-Language")), "zh") {
		message = f.zh
	}
	var body struct {
		Error struct {
			Reason  string `json:"reason"`
			Message string `json:"message"`
			Next    string `json:"next"`
		} `json:"error"`
	}
	body.Error.Reason, body.Error.Message, body.Error.Next = f.reason, message, f.next
	writeJSON(w, f.status, body)
}

func setDefault(header http.Header, name, value string) {
	if header.Get(name) == "" {
		header.Set(name, value)
	}
}

// seconds is how long Authing asks to wait, or else usual.
func seconds(err error, usual time.Duration) string {
	var e *authing.Error
	if errors.As(err, &e) && e.RetryAfter > 0 {
		usual = e.RetryAfter
	}
	return strconv.Itoa(int(math.Ceil(usual.Seconds())))
}
