package authinghttp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/authing-wxapp/authing"
)

// Verifier checks a token and reports who it belongs to. For a token that is not valid it returns an error matching
// [authing.ErrLoginRequired]. *[authing.Client] is a Verifier, and so are the result of [Cache], and the Client and the
// Verifier of package authingv3.
type Verifier interface {
	VerifyToken(ctx context.Context, token authing.Secret) (*authing.TokenInfo, error)
}

type contextKey int

const (
	infoKey contextKey = iota
	tokenKey
)

// Option configures [RequireLogin].
type Option func(*guard)

// OnRefusal replaces the plain-text response to requests that [RequireLogin] rejects. status is 401, with
// WWW-Authenticate already set, or 503, with Retry-After already set. err is the reason: an error matching
// [authing.ErrLoginRequired] if there is no token, otherwise the error from the Verifier.
func OnRefusal(respond func(w http.ResponseWriter, r *http.Request, status int, err error)) Option {
	return func(g *guard) {
		if respond != nil {
			g.reject = respond
		}
	}
}

// RequireLogin passes on only requests with a valid token in the header "Authorization: Bearer <token>" (RFC 6750).
// Other requests get 401 with a WWW-Authenticate header. If Authing cannot be reached or gives no usable answer, the
// response is 503 with Retry-After, never 401, so that a page does not discard a good token.
//
// Apply it to the routes that need a login, but not to the login route itself. A browser's CORS preflight has no token
// and gets 401 as well, so put CORS middleware around this one: cors(RequireLogin(v)(next)).
func RequireLogin(v Verifier, opts ...Option) func(http.Handler) http.Handler {
	g := guard{verifier: v, reject: plainText}
	for _, opt := range opts {
		if opt != nil {
			opt(&g)
		}
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.serve(w, r, next) })
	}
}

type guard struct {
	verifier Verifier
	reject   func(w http.ResponseWriter, r *http.Request, status int, err error)
}

func (g *guard) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	token, ok := bearerToken(r.Header)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Bearer realm="authing"`)
		g.reject(w, r, http.StatusUnauthorized, errNoToken)
		return
	}
	info, err := verify(r.Context(), g.verifier, token, time.Now)
	switch {
	case err == nil:
		ctx := context.WithValue(r.Context(), infoKey, info)
		next.ServeHTTP(w, r.WithContext(context.WithValue(ctx, tokenKey, token)))
	case isRejection(err) && r.Context().Err() == nil: // else err may be why the context ended, which is no verdict
		w.Header().Set("WWW-Authenticate", `Bearer realm="authing", error="invalid_token", error_description="sign in again"`)
		g.reject(w, r, http.StatusUnauthorized, err)
	default:
		w.Header().Set("Retry-After", retryAfter(err))
		g.reject(w, r, http.StatusServiceUnavailable, err)
	}
}

var errNoToken = fmt.Errorf("authinghttp: no Bearer token in the Authorization header: %w", authing.ErrLoginRequired)

func plainText(w http.ResponseWriter, _ *http.Request, status int, _ error) {
	text := "sign in first"
	if status == http.StatusServiceUnavailable {
		text = "cannot verify the login right now, try again later"
	}
	http.Error(w, text, status)
}

// TokenInfoFromContext returns what Authing reported about the token of the current request. It reports false outside
// handlers wrapped by [RequireLogin].
func TokenInfoFromContext(ctx context.Context) (*authing.TokenInfo, bool) {
	info, ok := ctx.Value(infoKey).(*authing.TokenInfo)
	return info, ok
}

// TokenFromContext returns the token of the current request, for client.As. It reports false outside handlers wrapped
// by [RequireLogin].
func TokenFromContext(ctx context.Context) (authing.Secret, bool) {
	token, ok := ctx.Value(tokenKey).(authing.Secret)
	return token, ok
}

// bearerToken rejects requests with several Authorization headers: a proxy and the backend might each pick a different
// one.
func bearerToken(h http.Header) (authing.Secret, bool) {
	values := h.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.TrimLeft(token, " ")
	if !strings.EqualFold(scheme, "Bearer") || len(token) > maxTokenLength || !isToken68(token) {
		return "", false
	}
	return authing.Secret(token), true
}

// isToken68 reports whether s matches the token syntax of RFC 6750, section 2.1.
func isToken68(s string) bool {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/"
	body := strings.TrimRight(s, "=")
	return body != "" && strings.Trim(body, alphabet) == ""
}

// isRejection reports whether err is a verdict on the token or its user, as opposed to a failed verification: a code that
// came with a status of 500, under a rate limit or next to another error may be anyone's.
func isRejection(err error) bool {
	for _, failed := range []error{authing.ErrOutcomeUnknown, authing.ErrBadResponse, authing.ErrRateLimited} {
		if errors.Is(err, failed) {
			return false
		}
	}
	if e, ok := errors.AsType[*authing.Error](err); ok && (e.StatusCode >= http.StatusInternalServerError || bytes.Contains(e.Body, []byte(`"errors"`))) {
		return false
	}
	return errors.Is(err, authing.ErrLoginRequired) || errors.Is(err, authing.ErrUserNotFound) ||
		errors.Is(err, authing.ErrUserLocked)
}

// retryAfter returns the delay that Authing asked for, or a default, in whole seconds.
func retryAfter(err error) string {
	wait := 5 * time.Second
	var e *authing.Error
	if errors.As(err, &e) && e.RetryAfter > 0 {
		wait = e.RetryAfter
	}
	return strconv.Itoa(int(math.Ceil(wait.Seconds())))
}
