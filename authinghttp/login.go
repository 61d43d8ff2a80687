package authinghttp

import (
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

// Verifier tells whose token this is. *[authing.Client] is one, and [Cache] makes another of it.
// A token that is not accepted gives an error that matches [authing.ErrLoginRequired].
type Verifier interface {
	VerifyToken(ctx context.Context, token authing.Secret) (*authing.TokenInfo, error)
}

type contextKey int

const (
	infoKey contextKey = iota
	tokenKey
)

// Option changes what [RequireLogin] does.
type Option func(*guard)

// OnRefusal answers the requests that [RequireLogin] does not let pass, in place of its line of plain text. status
// is 401, and the header then holds WWW-Authenticate already, or 503 with Retry-After. err says why. Without a token it
// matches [authing.ErrLoginRequired]; else it is what the Verifier returned.
func OnRefusal(answer func(w http.ResponseWriter, r *http.Request, status int, err error)) Option {
	return func(g *guard) { g.refuse = answer }
}

// RequireLogin lets only requests pass that carry a valid token, as "Authorization: Bearer <token>" (RFC 6750).
// Others are answered with 401 and a WWW-Authenticate header. When Authing cannot be asked, or gives no usable answer,
// the answer is 503 with Retry-After and never 401: the page must not throw a good token away.
//
// Put it before the routes that need a login, not before the one that signs in.
func RequireLogin(v Verifier, opts ...Option) func(http.Handler) http.Handler {
	g := guard{verifier: v, refuse: plainText}
	for _, opt := range opts {
		if opt != nil {
			opt(&g)
		}
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.serve(w, r, next) })
	}
}

// guard is what RequireLogin was told.
type guard struct {
	verifier Verifier
	refuse   func(w http.ResponseWriter, r *http.Request, status int, err error)
}

func (g *guard) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	token, ok := bearer(r.Header)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Bearer realm="authing"`)
		g.refuse(w, r, http.StatusUnauthorized, errNoToken)
		return
	}
	info, err := g.verifier.VerifyToken(r.Context(), token)
	switch {
	case err == nil:
		ctx := context.WithValue(r.Context(), infoKey, info)
		next.ServeHTTP(w, r.WithContext(context.WithValue(ctx, tokenKey, token)))
	case refused(err):
		w.Header().Set("WWW-Authenticate", `Bearer realm="authing", error="invalid_token", error_description="sign in again"`)
		g.refuse(w, r, http.StatusUnauthorized, err)
	default:
		w.Header().Set("Retry-After", retryAfter(err))
		g.refuse(w, r, http.StatusServiceUnavailable, err)
	}
}

var errNoToken = fmt.Errorf("authinghttp: no Authorization header with a Bearer token: %w", authing.ErrLoginRequired)

func plainText(w http.ResponseWriter, _ *http.Request, status int, _ error) {
	text := "sign in first"
	if status == http.StatusServiceUnavailable {
		text = "the login cannot be checked at the moment, try again later"
	}
	http.Error(w, text, status)
}

// TokenInfoFromContext returns what the token of a request says, in a handler behind [RequireLogin]; else false.
func TokenInfoFromContext(ctx context.Context) (*authing.TokenInfo, bool) {
	info, ok := ctx.Value(infoKey).(*authing.TokenInfo)
	return info, ok
}

// TokenFromContext returns the token of a request, for client.As, in a handler behind [RequireLogin]; else false.
func TokenFromContext(ctx context.Context) (authing.Secret, bool) {
	token, ok := ctx.Value(tokenKey).(authing.Secret)
	return token, ok
}

// bearer reads the one Authorization header. Two of them are none: a proxy and the backend might read different ones.
func bearer(h http.Header) (authing.Secret, bool) {
	values := h.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.TrimLeft(token, " ")
	if !strings.EqualFold(scheme, "Bearer") || !isToken68(token) {
		return "", false
	}
	return authing.Secret(token), true
}

// isToken68 is the syntax of RFC 6750, section 2.1.
func isToken68(s string) bool {
	body := strings.TrimRight(s, "=")
	return body != "" && !strings.ContainsFunc(body, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._~+/", r))
	})
}

// refused reports whether err says something about the token or its holder, rather than about asking.
func refused(err error) bool {
	return errors.Is(err, authing.ErrLoginRequired) || errors.Is(err, authing.ErrUserNotFound) ||
		errors.Is(err, authing.ErrUserLocked)
}

// retryAfter is how many seconds to wait: what Authing says, or a few.
func retryAfter(err error) string {
	wait := 5 * time.Second
	var e *authing.Error
	if errors.As(err, &e) && e.RetryAfter > 0 {
		wait = e.RetryAfter
	}
	return strconv.Itoa(int(math.Ceil(wait.Seconds())))
}
