package authingv3_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/authing-wxapp/authing/authinghttp"
	"github.com/authing-wxapp/authing/authingv3"
)

// A backend that lets only signed-in users in, without asking Authing about each token.
func ExampleVerifier() {
	authing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, jwks(jwkOf(0))) // https://my-shop.authing.cn/oidc/.well-known/jwks.json
	}))
	defer authing.Close()

	verifier, err := authingv3.NewVerifier(authingv3.VerifierOptions{
		Issuer:   "https://shop.example.test/oidc",
		Audience: "app000000000000000000001",
		JWKSURL:  authing.URL + "/oidc/.well-known/jwks.json",
	})
	if err != nil {
		log.Fatal(err)
	}
	me := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		info, _ := authinghttp.TokenInfoFromContext(r.Context())
		fmt.Fprintf(w, "hello, %s\n", info.UserID)
	})
	handler := authinghttp.RequireLogin(verifier)(me)

	for _, token := range []string{string(accessToken(0)), "made-up"} {
		request := httptest.NewRequest(http.MethodGet, "/api/me", nil)
		request.Header.Set("Authorization", "Bearer "+token)
		response := httptest.NewRecorder()
		handler.ServeHTTP(response, request)
		fmt.Print(response.Code, " ", response.Body)
	}
	// Output:
	// 200 hello, u1
	// 401 sign in first
}
