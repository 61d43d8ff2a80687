// Command server is a backend of a WeChat mini program: it signs users in with Authing and binds their phone numbers.
// Take it as the start of your own.
//
//	go run ./examples/server
//
// Without an account it is a demo: it starts an Authing and a WeChat inside this process and serves a page that plays
// the phone, with a live view of what goes over the wire. With a user pool it serves a real mini program, see
// examples/miniprogram:
//
//	AUTHING_USERPOOL_ID=… go run ./examples/server -addr 127.0.0.1:8080
//
// AUTHING_USERS_HOST and AUTHING_OAUTH_HOST name other hosts of that pool, those of a private deployment or of
// examples/fakeserver. The demo signs in whoever asks, so it listens on this machine only.
//
// The backend is main.go, api.go, errors.go, json.go and log.go. It keeps nothing about users: the page holds the
// token, so any number of instances can serve any request. The demo is demo.go, trace.go, mask.go and the folder page;
// delete them together with the few lines of run that mention it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/authing-wxapp/authing"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, log); err != nil && !errors.Is(err, flag.ErrHelp) {
		log.Error("server stopped", "error", err)
		stop()
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, env func(string) string, out io.Writer, log *slog.Logger) error {
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	addr := flags.String("addr", "127.0.0.1:8080", "listen here; port 0 is a free one")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is not a flag: see -h", flags.Arg(0))
	}

	where, err := net.ResolveTCPAddr("tcp", *addr)
	if err != nil {
		return badAddress(err)
	}

	pool := env("AUTHING_USERPOOL_ID")
	hosts := authing.Hosts{Users: env("AUTHING_USERS_HOST"), OAuth: env("AUTHING_OAUTH_HOST")}
	opts := []authing.Option{authing.WithHosts(hosts)}
	var played *demo
	if pool == "" {
		if hosts != (authing.Hosts{}) {
			return errors.New("AUTHING_USERS_HOST or AUTHING_OAUTH_HOST is set, but AUTHING_USERPOOL_ID is missing: set it, too, or none of them for the demo")
		}
		if !where.IP.IsLoopback() {
			return fmt.Errorf("the demo signs in whoever asks, so it does not listen on %v, which other machines can reach: use -addr 127.0.0.1:8080, or set AUTHING_USERPOOL_ID", where)
		}
		if played, err = newDemo(ctx.Done()); err != nil {
			return err
		}
		defer played.close()
		pool, opts = played.fake.UserPoolID(), played.clientOptions()
	}
	client, err := authing.NewClient(pool, opts...)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	newAPI(client).register(mux)
	handler := logged(log, withJSONErrors(mux))
	if played != nil {
		played.register(mux)
		handler = played.traced(mux, handler)
	} else {
		mux.HandleFunc("GET /{$}", explain)
	}

	listener, err := net.ListenTCP("tcp", where)
	if err != nil {
		return badAddress(err)
	}
	log.Info("serving", "demo", played != nil, "pool", pool)
	fmt.Fprintf(out, "open http://%s\n", reachable(listener.Addr().(*net.TCPAddr)))
	return serve(ctx, listener, newServer(handler, log), patience)
}

func badAddress(err error) error { return fmt.Errorf("%w: choose another address with -addr", err) }

// reachable is an address to open in a browser, also of a server that listens on all interfaces.
func reachable(addr *net.TCPAddr) string {
	if addr.IP.IsUnspecified() {
		return fmt.Sprintf("127.0.0.1:%d", addr.Port)
	}
	return addr.String()
}

// patience is what requests in flight get to finish. Handlers ask Authing twice, for at most 10 seconds each: to cut one
// could lose a token, or a phone number that was paid for. Only a read that has to be repeated takes longer, and more
// than this is not to be had: Kubernetes kills after 30 seconds.
const patience = 25 * time.Second

// slowest is longer than any handler takes, which asks Authing twice, for at most 10 seconds each, and repeats a read
// that failed. An answer that comes later is lost, and with it perhaps a token.
const slowest = time.Minute

// newServer is a server with limits, so that slow or greedy clients do not use it up.
func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      slowest,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// serve answers until ctx ends, and then finishes what it has begun.
func serve(ctx context.Context, listener net.Listener, server *http.Server, patience time.Duration) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		server.Close()
		return fmt.Errorf("requests were cut: they took longer than %v to finish: %w", patience, err)
	}
	return nil
}

// explain is what a browser sees of a backend whose page is a mini program.
func explain(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	io.WriteString(w, `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Backend of a mini program</title>
<h1>This is the backend of a mini program</h1>
<p>It serves a real user pool, so only WeChat can show its page: open examples/miniprogram in WeChat DevTools.</p>
<p>Start it without AUTHING_USERPOOL_ID to see a demo here.</p>
<p lang="zh-CN">这是小程序的后端，连接的是真实的用户池。请用微信开发者工具打开 examples/miniprogram。</p>
</html>
`)
}
