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
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/redis"
	redigo "github.com/gomodule/redigo/redis"

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
	// To replace the key, pass []byte(newKey), nil, []byte(oldKey) for as long as a session lasts: the second of a pair encrypts.
	store, err := newStore(os.Getenv("REDIS_ADDR"), os.Getenv("REDIS_PASSWORD"), time.Second, []byte(key))
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:8080")
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, listener, routes(client, store, os.Stderr)); err != nil {
		log.Fatal(err)
	}
}

// serve serves until ctx ends, and then lets requests finish: one that is cut off may lose a token or a paid phone number.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 50 * time.Second,
	}
	finished := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.Background(), 25*time.Second)
		defer cancel()
		finished <- server.Shutdown(grace)
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-finished
}

// newStore is redis.NewStore with a limit for each command. Without one, a Redis that hangs would hold every request forever.
func newStore(address, password string, limit time.Duration, keyPairs ...[]byte) (sessions.Store, error) {
	return redis.NewStoreWithPool(&redigo.Pool{
		MaxIdle:     16,
		IdleTimeout: 4 * time.Minute,
		Dial: func() (redigo.Conn, error) {
			return redigo.Dial("tcp", address, redigo.DialPassword(password),
				redigo.DialConnectTimeout(limit), redigo.DialReadTimeout(limit), redigo.DialWriteTimeout(limit))
		},
		TestOnBorrow: func(c redigo.Conn, _ time.Time) error {
			_, err := c.Do("PING")
			return err
		},
	}, keyPairs...)
}
