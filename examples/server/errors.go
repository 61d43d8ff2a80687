package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/authing-wxapp/authing"
)

// Errors that occur before Authing is called.
var (
	errBadBody     = errors.New("invalid request body")
	errNoBody      = fmt.Errorf("%w: empty", errBadBody)
	errTooLarge    = errors.New("request body too large")
	errWrongType   = errors.New("content type is not application/json")
	errNotForm     = errors.New("content type is not multipart/form-data")
	errBadImage    = errors.New("no usable image")
	errBadNickname = errors.New("nickname not accepted")
	errNotFound    = errors.New("no such route")
	errWrongMethod = errors.New("method not allowed")
	errOtherOrigin = errors.New("request from another origin")
	errNoPhoneLeft = errors.New("too many demo phones")
	errOtherUser   = errors.New("the code belongs to another WeChat user than the session")
)

// What the page should do next.
const (
	nextLogin  = "login"  // the code is used up, or may be: call wx.login, then let the user tap again
	nextSignIn = "signin" // the session has ended: discard the token and start over
	nextRetry  = "retry"  // try again later; the code was not used
	nextNone   = "none"   // retrying does not help; the code is used up only if Authing rejected the call
)

// failure maps an error to a response.
type failure struct {
	matches func(error) bool
	status  int
	reason  string // for the page's code
	next    string
	zh, en  string // for the user
}

// failures is searched from the top, because an error can match several rows. Rejections come before ErrOutcomeUnknown,
// and ErrOutcomeUnknown comes before rows that promise that the code was not used.
var failures = []failure{
	{is(authing.ErrUserRefused), 403, "user_refused", nextNone, "你拒绝了授权，可以再次点击。", "You declined. You can tap again at any time."},
	{is(authing.ErrNotPermitted), 403, "not_permitted", nextNone, "小程序暂无此接口的权限，请联系客服。", "The mini program may not use this WeChat API. Please contact support."},
	{is(authing.ErrLoginRequired), 401, "login_required", nextSignIn, "登录已失效，请重新登录。", "Your session has expired. Please sign in again."},
	{is(authing.ErrCodeInvalid), 409, "code_spent", nextLogin, "登录凭证已使用或已过期，请再点一次。", "The login code was already used or has expired. Please tap again."},
	{is(authing.ErrOutcomeUnknown), 502, "outcome_unknown", nextLogin, "未收到确认，操作可能已生效。请先查看账号，再决定是否重试。", "No confirmation was received, so this may have taken effect. Check your account before you try again."},
	{is(authing.ErrPhoneTaken), 409, "phone_taken", nextLogin, "该手机号已绑定其他账号。", "This phone number is already linked to another account."},
	{is(authing.ErrCaptchaRequired), 403, "captcha_required", nextNone, "该账号需要输入图形验证码，暂时无法在此登录。", "This account requires a captcha and cannot sign in here for now."},
	{is(authing.ErrMFARequired), 403, "second_factor", nextNone, "该账号开启了多因素认证，无法在此登录。", "This account requires a second factor and cannot sign in here."},
	{is(authing.ErrUserLocked), 403, "user_locked", nextNone, "该账号已被锁定，请联系客服。", "This account is locked. Please contact support."},
	{is(authing.ErrUserNotFound), 401, "login_required", nextSignIn, "账号不存在，请重新登录。", "This account no longer exists. Please sign in again."},
	{is(authing.ErrRateLimited), 429, "rate_limited", nextLogin, "操作过于频繁，请稍后再试。", "Too many attempts. Please try again later."},
	{is(errBadImage), 400, "bad_image", nextNone, "请选择 PNG、JPEG、GIF、WebP 或 BMP 图片。", "Please choose a PNG, JPEG, GIF, WebP or BMP picture."},
	{is(authing.ErrInvalidArgument), 400, "bad_request", nextLogin, "微信没有返回有效数据，请再点一次。", "WeChat returned no valid data. Please tap again."},
	{is(errBadBody), 400, "bad_request", nextNone, "请求格式不正确。", "The request is malformed."},
	{is(errTooLarge), 413, "too_large", nextNone, "内容过大，图片不能超过 5 MB。", "This is too large. A picture may have up to 5 MB."},
	{is(errBadNickname), 400, "bad_nickname", nextNone, "昵称须为 1 到 32 个字，不能包含换行。", "A nickname has 1 to 32 characters, in one line."},
	{is(errWrongType), 415, "wrong_type", nextNone, "请求必须是 JSON。", "The request must be JSON."},
	{is(errNotForm), 415, "wrong_type", nextNone, "文件必须以表单（multipart/form-data）上传。", "The file must be in a multipart form."},
	{is(errNotFound), 404, "not_found", nextNone, "地址不存在。", "This address does not exist."},
	{is(errWrongMethod), 405, "method_not_allowed", nextNone, "该地址不支持此请求方法。", "This address does not support this method."},
	{is(errOtherUser), 409, "other_user", nextSignIn, "微信账号已切换，请重新登录。", "This is another WeChat account. Please sign in again."},
	{is(errOtherOrigin), 403, "other_origin", nextNone, "不接受来自其他网站的请求。", "Requests from other sites are not allowed."},
	{is(errNoPhoneLeft), 507, "no_phone_left", nextNone, "演示手机数量已达上限，请重启服务。", "The demo has reached its limit of phones. Please restart the server."},
	{rejectedByService, 502, "refused", nextLogin, "服务拒绝了本次操作，请重试。", "The service rejected the request. Please try again."},
	{anyError, 503, "service_down", nextRetry, "服务暂时不可用，请稍后再试。", "The service is temporarily unavailable. Please try again later."},
}

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

// rejectedByService also matches an error with code 0, which must not be mistaken for a call that never reached
// Authing.
func rejectedByService(err error) bool {
	var e *authing.Error
	if !errors.As(err, &e) {
		return false
	}
	validResponse := e.StatusCode != 0 && !brokeOff(e) && !errors.Is(e, authing.ErrBadResponse)
	return e.Code != 0 || validResponse
}

// brokeOff reports whether a response broke off after its status.
func brokeOff(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// anyError matches the rest: calls that did not reach Authing and failed reads. Neither used up a code.
func anyError(error) bool { return true }

func findFailure(err error) failure {
	return failures[slices.IndexFunc(failures, func(f failure) bool { return f.matches(err) })]
}

// writeError responds with the failure that matches err.
func writeError(w http.ResponseWriter, r *http.Request, err error) {
	entry, f := logEntryFrom(r), findFailure(err)
	switch {
	case r.Context().Err() != nil:
		// The client disconnected, which caused err. Respond anyway: it may have closed only its sending side, and
		// would read an empty response as success.
		entry.reason = "client_gone"
	default:
		entry.reason, entry.err = f.reason, err // neither the SDK's errors nor those of this package quote the page
	}
	header := w.Header()
	switch f.status {
	case http.StatusUnauthorized:
		setDefault(header, "WWW-Authenticate", `Bearer realm="authing", error="invalid_token"`)
	case http.StatusTooManyRequests:
		setDefault(header, "Retry-After", retryAfter(err, time.Minute)) // WeChat's limits are per minute
	case http.StatusServiceUnavailable:
		setDefault(header, "Retry-After", retryAfter(err, 5*time.Second))
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

// retryAfter returns the delay requested by Authing, or else fallback, in seconds.
func retryAfter(err error, fallback time.Duration) string {
	var e *authing.Error
	if errors.As(err, &e) && e.RetryAfter > 0 {
		fallback = e.RetryAfter
	}
	return strconv.Itoa(int(math.Ceil(fallback.Seconds())))
}
