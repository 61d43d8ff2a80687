package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authinghttp"
	"github.com/authing-wxapp/authing/authingtest"
)

func TestRequireLogin(t *testing.T) {
	gin.SetMode(gin.TestMode)
	srv := authingtest.NewServer(authingtest.Options{})
	t.Cleanup(srv.Close)
	client, err := authing.NewClient(srv.UserPoolID(), append(srv.ClientOptions(), authing.WithReadRetries(0))...)
	require.NoError(t, err)
	ann := srv.AddUser(authing.User{Username: "ann"})

	handled, after := 0, 0
	onRefusal := authinghttp.OnRefusal(func(w http.ResponseWriter, _ *http.Request, status int, _ error) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		w.Write([]byte(`{"error":"login"}`))
	})
	r := gin.New()
	r.Use(func(c *gin.Context) {
		c.Set("from", "middleware")
		c.Next()
		after = c.Writer.Status()
	})
	r.GET("/notes/:id", RequireLogin(client, onRefusal), func(c *gin.Context) { c.Next() }, func(c *gin.Context) {
		handled++
		info, ok := authinghttp.TokenInfoFromContext(c.Request.Context())
		assert.True(t, ok)
		token, _ := authinghttp.TokenFromContext(c.Request.Context())
		assert.Equal(t, ann.Token, token)
		c.JSON(http.StatusCreated, []string{c.Param("id"), c.GetString("from"), info.UserID})
	})
	request := func(token authing.Secret) *httptest.ResponseRecorder {
		req := httptest.NewRequest(http.MethodGet, "/notes/7", nil)
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+string(token))
		}
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		assert.Equal(t, w.Code, after, "gin's own middleware sees the status")
		return w
	}

	w := request(ann.Token)
	assert.Equal(t, http.StatusCreated, w.Code)
	assert.JSONEq(t, `["7","middleware","`+ann.ID+`"]`, w.Body.String())
	assert.Equal(t, 1, handled, "once, although the adapter calls Next")

	for _, token := range []authing.Secret{"", "made.up.token"} {
		w = request(token)
		assert.Equal(t, http.StatusUnauthorized, w.Code)
		assert.JSONEq(t, `{"error":"login"}`, w.Body.String())
		assert.NotEmpty(t, w.Header().Get("WWW-Authenticate"))
	}
	srv.FailNext("VerifyToken", authingtest.Fault{Drop: true})
	w = request(ann.Token)
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.NotEmpty(t, w.Header().Get("Retry-After"))
	assert.Equal(t, 1, handled, "the handler never runs for a rejected request")
}
