// Package authinghttp checks the token that a page sends along with each request to a net/http backend.
//
//	verifier := authinghttp.Cache(client, authinghttp.CacheOptions{})   // client is an *authing.Client
//	mux.Handle("GET /api/me", authinghttp.RequireLogin(verifier)(me))
//
// A handler behind [RequireLogin] finds who is asking with [TokenInfoFromContext], and acts as that user with
// [TokenFromContext]:
//
//	info, _ := authinghttp.TokenInfoFromContext(r.Context())
//	token, _ := authinghttp.TokenFromContext(r.Context())
//	user, err := client.As(token).User(r.Context(), info.UserID)
//
// # Why a cache
//
// Authing has not published the key of the tokens of this generation, so a token cannot be verified without asking.
// [Cache] asks once per token and TTL. The price is that a token which its user ended by signing out is accepted for
// up to that long.
//
// # Other routers
//
// The middleware is a func(http.Handler) http.Handler, which chi takes as it is, and echo with echo.WrapMiddleware. In gin
// wrap the handler: gin.WrapH(authinghttp.RequireLogin(verifier)(me)).
package authinghttp
