// Command gin is the backend of a mini program, with gin and its sessions in Redis: login, phone number, profile, logout.
//
//	AUTHING_USERPOOL_ID=… SESSION_KEY=$(openssl rand -hex 32) REDIS_ADDR=127.0.0.1:6379 go run .
//
// The page gets a session cookie instead of the Authing token. wx.request does not keep cookies: the page stores the first
// part of res.cookies[0] after the login and sends it as header.cookie.
//
// The token is in Redis, in clear: guard that like any store of sessions. The cookie store of gin-contrib/sessions would
// send the token to the page, signed but readable, unless its keys contain an encryption key.
package main

import (
	"log"
	"net/http"
	"os"
	"time"

	"github.com/gin-contrib/sessions/redis"

	"github.com/authing-wxapp/authing"
)

func main() {
	client, err := authing.NewClient(os.Getenv("AUTHING_USERPOOL_ID"))
	if err != nil {
		log.Fatal(err)
	}
	key := os.Getenv("SESSION_KEY")
	if len(key) < 32 {
		log.Fatal("SESSION_KEY must have at least 32 characters, the same in every instance: openssl rand -hex 32")
	}
	store, err := redis.NewStore(64, "tcp", os.Getenv("REDIS_ADDR"), "", os.Getenv("REDIS_PASSWORD"), []byte(key))
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{
		Addr: "127.0.0.1:8080", Handler: routes(client, store),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 50 * time.Second,
	}
	log.Fatal(server.ListenAndServe())
}
