package authinghttp_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authinghttp"
	"github.com/authing-wxapp/authing/authingtest"
)

func ExampleRequireLogin() {
	srv := authingtest.NewServer(authingtest.Options{}) // a fake Authing
	defer srv.Close()
	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	if err != nil {
		log.Fatal(err)
	}

	verifier := authinghttp.Cache(client, authinghttp.CacheOptions{TTL: 30 * time.Second})
	mux := http.NewServeMux()
	mux.Handle("GET /api/me", authinghttp.RequireLogin(verifier)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		info, _ := authinghttp.TokenInfoFromContext(r.Context())
		token, _ := authinghttp.TokenFromContext(r.Context())
		user, err := client.As(token).User(r.Context(), info.UserID)
		switch {
		case errors.Is(err, authing.ErrLoginRequired): // signed out since the token was cached
			http.Error(w, "sign in first", http.StatusUnauthorized)
		case err != nil:
			http.Error(w, "try again later", http.StatusServiceUnavailable)
		default:
			fmt.Fprintf(w, "Hello, %s!", user.Nickname)
		}
	})))
	backend := httptest.NewServer(mux)
	defer backend.Close()

	ann := srv.AddUser(authing.User{Nickname: "Ann"})
	for _, token := range []authing.Secret{ann.Token, "made.up.token"} {
		r, err := http.NewRequest("GET", backend.URL+"/api/me", nil)
		if err != nil {
			log.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+string(token))
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			log.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d %s\n", resp.StatusCode, text)
	}
	// Output:
	// 200 Hello, Ann!
	// 401 sign in first
}
