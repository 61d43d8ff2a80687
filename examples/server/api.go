package main

import (
	"errors"
	"net/http"
	"time"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authinghttp"
)

// api is the API of the mini program. It is stateless, so instances need no coordination.
type api struct {
	accounts     accounts
	verifier     *authinghttp.CachedVerifier
	requireLogin func(http.Handler) http.Handler
	uploads      chan struct{} // has one element for each upload in flight
}

func newAPI(accounts accounts) *api {
	// Verifying a token takes a call to Authing, so the result is cached briefly. For that long a token is also
	// accepted here after its user has signed out through another instance. That is harmless for the handlers below,
	// because Authing rejects the calls they make, but not for handlers that do not call Authing.
	const ttl = 30 * time.Second
	verifier := authinghttp.Cache(accounts, authinghttp.CacheOptions{TTL: ttl})
	return &api{
		accounts:     accounts,
		verifier:     verifier,
		requireLogin: authinghttp.RequireLogin(verifier, authinghttp.OnRefusal(rejectRequest)),
		uploads:      make(chan struct{}, maxUploads),
	}
}

// register adds the routes, below prefix.
func (a *api) register(mux *http.ServeMux, prefix string) {
	mux.Handle("POST "+prefix+"/api/login", handler(a.login))
	mux.Handle("POST "+prefix+"/api/phone", a.withUser(a.bindPhone))
	mux.Handle("GET "+prefix+"/api/me", a.withUser(a.me))
	mux.Handle("PATCH "+prefix+"/api/me", a.withUser(a.changeNickname))
	mux.Handle("PUT "+prefix+"/api/me", a.withUser(a.changeNickname)) // wx.request cannot send PATCH
	mux.Handle("POST "+prefix+"/api/avatar", a.withUser(a.changeAvatar))
	mux.Handle("POST "+prefix+"/api/logout", a.withUser(a.logout))
	mux.Handle("GET "+prefix+"/healthz", handler(health))
}

// wxData is sent by the page: a wx.login code and, after a tap, the e.detail of the button, unchanged.
type wxData struct {
	Code   string         `json:"code"`
	Detail authing.Detail `json:"detail"`
}

// profile is the part of an account that is sent to the page.
type profile struct {
	ID            string `json:"id"`
	Nickname      string `json:"nickname"`
	Photo         string `json:"photo"`
	Phone         string `json:"phone"`
	PhoneVerified bool   `json:"phoneVerified"`
}

type profileResponse struct {
	Token string  `json:"token,omitempty"` // a string, to make clear that the token leaves the backend here
	User  profile `json:"user"`
}

func (a *api) login(w http.ResponseWriter, r *http.Request) error {
	var in wxData
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	token, user, err := a.accounts.login(r.Context(), in)
	if err != nil {
		return err
	}
	// Within a second of signing out, Authing may issue the same token again, which is then known as refused.
	a.verifier.Forget(r.Context(), token)
	logEntryFrom(r).user = user.ID
	writeJSON(w, http.StatusOK, profileResponse{string(token), user})
	return nil
}

func (a *api) bindPhone(w http.ResponseWriter, r *http.Request, s session) error {
	var in wxData
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	token, user, err := a.accounts.bindPhone(r.Context(), s, in)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, profileResponse{string(token), user})
	return nil
}

func (a *api) me(w http.ResponseWriter, r *http.Request, s session) error {
	user, err := a.accounts.me(r.Context(), s)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, profileResponse{User: user})
	return nil
}

func (a *api) logout(w http.ResponseWriter, r *http.Request, s session) error {
	err := a.accounts.logout(r.Context(), s)
	a.verifier.Forget(r.Context(), s.token) // even if the response was lost; cannot fail without a Store
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusNoContent, nil)
	return nil
}

// health does not call Authing: restarting this process would not fix an outage there.
func health(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	return nil
}

// withUser requires a login, and calls next with it.
func (a *api) withUser(next func(http.ResponseWriter, *http.Request, session) error) http.Handler {
	return a.requireLogin(handler(func(w http.ResponseWriter, r *http.Request) error {
		info, _ := authinghttp.TokenInfoFromContext(r.Context())
		token, _ := authinghttp.TokenFromContext(r.Context())
		logEntryFrom(r).user = info.UserID
		return next(w, r, session{token, info.UserID})
	}))
}

// rejectRequest replaces the plain-text response of RequireLogin.
func rejectRequest(w http.ResponseWriter, r *http.Request, status int, err error) {
	if status == http.StatusUnauthorized {
		writeError(w, r, loginRejected{err.Error()})
		return
	}
	// err is not wrapped: it is about verifying the token, and must not match a row about the call itself.
	writeError(w, r, errors.New("cannot verify the login: "+err.Error()))
}

// loginRejected keeps the reason for the log, but sends every page without a valid token to the same row.
type loginRejected struct{ reason string }

func (e loginRejected) Error() string        { return e.reason }
func (e loginRejected) Is(target error) bool { return target == authing.ErrLoginRequired }
