package main

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/authing-wxapp/authing/authinghttp"
)

// RequireLogin is authinghttp.RequireLogin for gin. Unlike gin.WrapH it keeps gin's context: parameters, keys, and the
// handlers that follow, which it stops when the request is rejected.
//
//	r.GET("/api/me", RequireLogin(verifier), me)
//
// In me, authinghttp.TokenInfoFromContext(c.Request.Context()) identifies the user.
func RequireLogin(v authinghttp.Verifier, opts ...authinghttp.Option) gin.HandlerFunc {
	guard := authinghttp.RequireLogin(v, opts...)
	return func(c *gin.Context) {
		passed := false
		next := func(_ http.ResponseWriter, r *http.Request) {
			passed = true
			c.Request = r
			c.Next()
		}
		guard(http.HandlerFunc(next)).ServeHTTP(c.Writer, c.Request)
		if !passed {
			c.Abort()
		}
	}
}
