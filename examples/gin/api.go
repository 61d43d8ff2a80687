package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	"github.com/gorilla/securecookie"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authinghttp"
)

const (
	cookie   = "session"
	tokenKey = "token"
	userKey  = "user"
)

type backend struct {
	client *authing.Client
	store  sessions.Store
}

func routes(client *authing.Client, store sessions.Store, logs io.Writer) *gin.Engine {
	const days = 24 * 60 * 60
	store.Options(sessions.Options{ // as long as a token
		Path: "/", MaxAge: 15 * days, HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode,
	})
	b := &backend{client, store}
	verifier := authinghttp.Cache(client, authinghttp.CacheOptions{TTL: 30 * time.Second})
	r := gin.New()
	r.SetTrustedProxies(nil) // or anyone could choose the address in the log; behind a proxy, pass the proxy's
	// gin.Default would log queries and, after a panic, cookies.
	r.Use(gin.LoggerWithConfig(gin.LoggerConfig{Output: logs, SkipQueryString: true}), gin.CustomRecoveryWithWriter(nil, panicked))
	r.Use(sessions.Sessions(cookie, store))
	r.POST("/api/login", b.login)
	r.POST("/api/logout", b.fromSession, b.logout) // without RequireLogin: it must work while Authing is down
	user := r.Group("/api", b.fromSession, RequireLogin(verifier, authinghttp.OnRefusal(refuse)))
	user.POST("/phone", b.bindPhone)
	user.GET("/me", b.me)
	return r
}

// fromSession puts the token of the session where RequireLogin reads it. Nothing else may: a token that the client sends
// itself would outlive its session.
func (b *backend) fromSession(c *gin.Context) {
	c.Request.Header.Del("Authorization")
	session, err := b.store.Get(c.Request, cookie)
	if forged := (securecookie.Error)(nil); err != nil && !errors.As(err, &forged) {
		c.Error(err) // Redis is down, and the session may be good: no 401
		c.Header("Retry-After", "5")
		c.AbortWithStatusJSON(http.StatusServiceUnavailable, gin.H{"error": "try_later"})
		return
	}
	if token, ok := session.Values[tokenKey].(string); ok {
		c.Request.Header.Set("Authorization", "Bearer "+token)
	}
}

func refuse(w http.ResponseWriter, _ *http.Request, status int, _ error) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	if status == http.StatusUnauthorized {
		w.Write([]byte(`{"error":"sign_in"}`))
		return
	}
	w.Write([]byte(`{"error":"try_later"}`))
}

// posted is what the page sends: a wx.login code and the e.detail of a button, unchanged.
type posted struct {
	Code   string         `json:"code"`
	Detail authing.Detail `json:"detail"`
}

func (b *backend) login(c *gin.Context) {
	var in posted
	if !read(c, &in) {
		return
	}
	user, err := b.client.LoginWithWxapp(c.Request.Context(), in.Code, in.Detail)
	if err != nil {
		fail(c, err)
		return
	}
	c.Request.Header.Del("Cookie") // start a session of a new ID: somebody else may know the old one
	session := sessions.Default(c)
	session.Set(tokenKey, string(user.Token))
	session.Set(userKey, user.ID)
	if err := session.Save(); err != nil {
		fail(c, err)
		return
	}
	c.JSON(http.StatusOK, profileOf(user))
}

func (b *backend) bindPhone(c *gin.Context) {
	var in posted
	if !read(c, &in) {
		return
	}
	client, _ := b.asUser(c)
	user, err := client.BindPhone(c.Request.Context(), in.Code, in.Detail)
	if err != nil {
		fail(c, err)
		return
	}
	c.JSON(http.StatusOK, profileOf(user))
}

func (b *backend) me(c *gin.Context) {
	client, id := b.asUser(c)
	user, err := client.User(c.Request.Context(), id)
	if err != nil {
		fail(c, err)
		return
	}
	c.JSON(http.StatusOK, profileOf(user))
}

func (b *backend) logout(c *gin.Context) {
	session := sessions.Default(c)
	token, _ := session.Get(tokenKey).(string)
	id, _ := session.Get(userKey).(string)
	if token == "" { // perhaps a form on another site, which must not delete the cookie that the browser held back
		refuse(c.Writer, c.Request, http.StatusUnauthorized, nil)
		return
	}
	// The session ends even if Authing is down. The token may then stay valid, but nobody else has it.
	session.Options(sessions.Options{Path: "/", MaxAge: -1})
	if err := session.Save(); err != nil {
		fail(c, err)
		return
	}
	err := b.client.As(authing.Secret(token)).Logout(c.Request.Context(), id)
	if err != nil && !errors.Is(err, authing.ErrLoginRequired) {
		fail(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}

// asUser returns a client that acts as the user of the request, and the user's ID.
func (b *backend) asUser(c *gin.Context) (*authing.Client, string) {
	info, _ := authinghttp.TokenInfoFromContext(c.Request.Context())
	token, _ := authinghttp.TokenFromContext(c.Request.Context())
	return b.client.As(token), info.UserID
}

// profileOf is what the page may see. The user itself contains the token.
func profileOf(u *authing.User) gin.H {
	return gin.H{"id": u.ID, "nickname": u.Nickname, "phone": u.Phone}
}

// read accepts JSON only, because a form on a page of another origin can post any text, but not as application/json.
func read(c *gin.Context, in *posted) bool {
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, 64<<10)
	reason := "its Content-Type is not " + gin.MIMEJSON
	if c.ContentType() == gin.MIMEJSON {
		err := c.ShouldBindJSON(in)
		if err == nil {
			return true
		}
		reason = describe(err)
	}
	c.Error(errors.New("bad post: " + reason))
	c.AbortWithStatusJSON(http.StatusBadRequest, gin.H{"error": "bad_request"})
	return false
}

// describe leaves out what encoding/json quotes of the body, such as a phone number.
func describe(err error) string {
	var syntax *json.SyntaxError
	var wrongType *json.UnmarshalTypeError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &wrongType):
		return fmt.Sprintf("there is something else than a %v at offset %d", wrongType.Type, wrongType.Offset)
	case errors.As(err, &syntax):
		return fmt.Sprintf("it has a JSON syntax error at offset %d", syntax.Offset)
	case errors.As(err, &tooLarge):
		return fmt.Sprintf("it has more than %d bytes", tooLarge.Limit)
	case strings.HasPrefix(err.Error(), "authing: "): // which says what the page has to change
		return err.Error()
	}
	return "it cannot be decoded: is it empty, or cut off?"
}

// failures is searched from the top, because an error can match several rows: docs/errors.md explains the order.
var failures = []struct {
	err    error
	status int
	reason string
}{
	{authing.ErrUserRefused, http.StatusForbidden, "user_refused"},
	{authing.ErrNotPermitted, http.StatusForbidden, "not_permitted"},
	{authing.ErrLoginRequired, http.StatusUnauthorized, "sign_in"},
	{authing.ErrCodeInvalid, http.StatusConflict, "tap_again"},
	{authing.ErrOutcomeUnknown, http.StatusBadGateway, "look_first"},
	{authing.ErrPhoneTaken, http.StatusConflict, "phone_taken"},
	{authing.ErrCaptchaRequired, http.StatusForbidden, "captcha_required"},
	{authing.ErrUserLocked, http.StatusForbidden, "user_locked"},
	{authing.ErrRateLimited, http.StatusTooManyRequests, "wait"},
	{authing.ErrInvalidArgument, http.StatusBadRequest, "bad_request"},
}

// fail tells the page what to do next. gin logs the error, which contains no secret.
func fail(c *gin.Context, err error) {
	c.Error(err)
	status, reason := http.StatusBadGateway, "tap_again"
	for _, f := range failures {
		if errors.Is(err, f.err) {
			status, reason = f.status, f.reason
			break
		}
	}
	c.AbortWithStatusJSON(status, gin.H{"error": reason})
}

func panicked(c *gin.Context, value any) {
	c.Error(fmt.Errorf("panic: %v\n%s", value, debug.Stack()))
	c.AbortWithStatusJSON(http.StatusInternalServerError, gin.H{"error": "look_first"})
}
