package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authinghttp"
)

// api is what the mini program talks to. It holds nothing about users, so that instances need not know each other.
type api struct {
	client       *authing.Client
	requireLogin func(http.Handler) http.Handler
}

func newAPI(client *authing.Client) *api {
	// A token cannot be verified without asking Authing, so the answer is kept for a moment. That is also how long a
	// token passes here after its user has signed out, perhaps through another instance. It does no harm: Authing itself
	// then refuses what the handlers below ask of it. Keep that in mind for handlers that do not ask Authing.
	const ttl = 30 * time.Second
	verifier := authinghttp.Cache(client, authinghttp.CacheOptions{TTL: ttl})
	return &api{client: client, requireLogin: authinghttp.RequireLogin(verifier, authinghttp.OnRefusal(notSignedIn))}
}

func (a *api) register(mux *http.ServeMux) {
	mux.Handle("POST /api/login", handler(a.login))
	mux.Handle("POST /api/phone", a.signedIn(a.bindPhone))
	mux.Handle("GET /api/me", a.signedIn(a.me))
	mux.Handle("POST /api/logout", a.signedIn(a.logout))
	mux.Handle("GET /healthz", handler(health))
}

// posted is what the page posts: a code of wx.login and the e.detail of a button, as it got them.
type posted struct {
	Code   string         `json:"code"`
	Detail authing.Detail `json:"detail"`
}

// profile is what the page gets to know about its user, and nothing else: an authing.User holds the token.
type profile struct {
	ID            string `json:"id"`
	Nickname      string `json:"nickname"`
	Photo         string `json:"photo"`
	Phone         string `json:"phone"`
	PhoneVerified bool   `json:"phoneVerified"`
}

func profileOf(u *authing.User) profile {
	return profile{u.ID, u.Nickname, u.Photo, u.Phone, u.PhoneVerified}
}

type profileAnswer struct {
	User profile `json:"user"`
}

func (a *api) login(w http.ResponseWriter, r *http.Request) error {
	var in posted
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	user, err := a.client.LoginWithWxapp(r.Context(), in.Code, in.Detail)
	if err != nil {
		return err
	}
	noteOf(r).user = user.ID
	writeJSON(w, http.StatusOK, struct {
		Token string  `json:"token"` // a Secret would do too, but this is the one place that hands it out
		User  profile `json:"user"`
	}{string(user.Token), profileOf(user)})
	return nil
}

func (a *api) bindPhone(w http.ResponseWriter, r *http.Request, client *authing.Client, _ string) error {
	var in posted
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	user, err := client.BindPhone(r.Context(), in.Code, in.Detail)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, profileAnswer{profileOf(user)})
	return nil
}

func (a *api) me(w http.ResponseWriter, r *http.Request, client *authing.Client, userID string) error {
	user, err := client.User(r.Context(), userID)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, profileAnswer{profileOf(user)})
	return nil
}

func (a *api) logout(w http.ResponseWriter, r *http.Request, client *authing.Client, userID string) error {
	if err := client.Logout(r.Context(), userID); err != nil {
		return err
	}
	writeJSON(w, http.StatusNoContent, nil)
	return nil
}

// health does not ask Authing: restarting this process would not mend an outage there.
func health(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	return nil
}

// signedIn lets only users pass, with a client that acts as the one who asks.
func (a *api) signedIn(next func(http.ResponseWriter, *http.Request, *authing.Client, string) error) http.Handler {
	return a.requireLogin(handler(func(w http.ResponseWriter, r *http.Request) error {
		info, _ := authinghttp.TokenInfoFromContext(r.Context())
		token, _ := authinghttp.TokenFromContext(r.Context())
		noteOf(r).user = info.UserID
		return next(w, r, a.client.As(token), info.UserID)
	}))
}

// notSignedIn says in JSON what RequireLogin would say in plain text.
func notSignedIn(w http.ResponseWriter, r *http.Request, status int, err error) {
	if status == http.StatusUnauthorized {
		writeError(w, r, authing.ErrLoginRequired)
		return
	}
	// Whatever kind of error it is, it is about the question whose token this is: no code was sent yet.
	writeError(w, r, fmt.Errorf("the login could not be checked: %v", err))
}
