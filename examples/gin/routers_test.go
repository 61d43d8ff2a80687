package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/labstack/echo/v4"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authinghttp"
	"github.com/authing-wxapp/authing/authingtest"
)

// With chi, the middleware is used as it is.
func ExampleRequireLogin_chi() {
	srv := authingtest.NewServer(authingtest.Options{})
	defer srv.Close()
	client, _ := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	verifier := authinghttp.Cache(client, authinghttp.CacheOptions{TTL: 30 * time.Second})

	r := chi.NewRouter()
	r.With(authinghttp.RequireLogin(verifier)).Get("/notes/{id}", func(w http.ResponseWriter, r *http.Request) {
		info, _ := authinghttp.TokenInfoFromContext(r.Context())
		fmt.Fprintln(w, "note", chi.URLParam(r, "id"), "of", info.Email)
	})

	ann := srv.AddUser(authing.User{Email: "ann@example.com"})
	ask(r, "made.up.token")
	ask(r, ann.Token)
	// Output:
	// 401 sign in first
	// 200 note 7 of ann@example.com
}

// With echo, wrap it.
func ExampleRequireLogin_echo() {
	srv := authingtest.NewServer(authingtest.Options{})
	defer srv.Close()
	client, _ := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	verifier := authinghttp.Cache(client, authinghttp.CacheOptions{TTL: 30 * time.Second})

	e := echo.New()
	e.GET("/notes/:id", func(c echo.Context) error {
		info, _ := authinghttp.TokenInfoFromContext(c.Request().Context())
		return c.String(http.StatusOK, fmt.Sprintln("note", c.Param("id"), "of", info.Email))
	}, echo.WrapMiddleware(authinghttp.RequireLogin(verifier)))

	ann := srv.AddUser(authing.User{Email: "ann@example.com"})
	ask(e, "made.up.token")
	ask(e, ann.Token)
	// Output:
	// 401 sign in first
	// 200 note 7 of ann@example.com
}

func ask(h http.Handler, token authing.Secret) {
	r := httptest.NewRequest("GET", "/notes/7", nil)
	r.Header.Set("Authorization", "Bearer "+string(token))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Print(w.Code, " ", w.Body)
}
