// Package authinghttp provides net/http middleware that authenticates requests by their Authing token.
//
// A page sends the token from its login with every request, as "Authorization: Bearer <token>". Wrap the routes that
// need a login in [RequireLogin]:
//
//	verifier := authinghttp.Cache(client, authinghttp.CacheOptions{})   // client is an *authing.Client
//	mux.Handle("GET /api/me", authinghttp.RequireLogin(verifier)(me))
//
// In the handler, [TokenInfoFromContext] identifies the user, and [TokenFromContext] returns the token to call Authing
// as that user:
//
//	info, _ := authinghttp.TokenInfoFromContext(r.Context())
//	token, _ := authinghttp.TokenFromContext(r.Context())
//	user, err := client.As(token).User(r.Context(), info.UserID)
//
// # Responses
//
// A request without a valid token gets 401. If Authing cannot be reached, the request gets 503 with Retry-After
// instead, so that the page keeps its token and tries again. [OnRefusal] replaces the plain-text body of both, for
// example with JSON.
//
// # Why a cache
//
// Authing has not published the key that signs the tokens of package authing, so verifying one takes a call to Authing.
// [Cache] makes that call once per token and TTL. In return, a token is still accepted for up to one TTL after its user has signed
// out, unless the backend calls [CachedVerifier.Forget]. With a [Store], the instances of a backend share one cache, and
// Forget reaches all of them: examples/redis is a module that does it.
//
// Today's Authing publishes its keys: a Verifier of package authingv3 needs no call and no cache.
//
// # CORS
//
// Browsers send a preflight request (OPTIONS) without a token, which [RequireLogin] answers with 401. Mini programs send
// none. Put your CORS middleware around it, so that it answers preflights first:
//
//	handler := cors(authinghttp.RequireLogin(verifier)(mux))
//
// # Other routers
//
// The middleware is a func(http.Handler) http.Handler. It works in chi as it is and in echo through
// echo.WrapMiddleware. For gin, copy the adapter of a few lines in examples/gin, which keeps gin's context; gin.WrapH
// does not.
package authinghttp
