// Command server is the backend of a WeChat mini program: it signs users in with Authing and binds their phone numbers.
// Use it as a starting point for your own.
//
//	go run ./examples/server
//
// Without configuration it runs as a demo: it starts a fake Authing and WeChat in the same process, and serves a page
// that simulates the phone and shows all requests live. With a user pool it serves a real mini program, such as
// examples/miniprogram:
//
//	AUTHING_USERPOOL_ID=… go run ./examples/server -addr 127.0.0.1:8080
//
// Set AUTHING_USERS_HOST and AUTHING_OAUTH_HOST to use a private deployment or examples/fakeserver, and for pictures
// AUTHING_UPLOAD_HOST and AUTHING_CDN_HOST. With an application of today's Authing instead of a user pool, set
// AUTHING_APP_ID, AUTHING_APP_HOST (its address) and AUTHING_MINI_PROGRAM (the identifier of the identity source); if it has
// a secret, also AUTHING_APP_SECRET, and AUTHING_APP_SECRET_IN=basic unless it goes into the body. The demo signs in anyone,
// so it only listens on loopback.
//
// The backend consists of main.go, config.go, api.go, accounts.go, application.go, profile.go, errors.go, json.go and
// log.go. It is stateless: the page stores the token, so any instance can serve any request. The demo consists of demo.go,
// visitor.go, trace.go, mask.go and the folder page; to remove it, delete these and the few lines in run that refer to it.
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
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C terminates the program immediately
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
	addr := flags.String("addr", "127.0.0.1:8080", "listen address; port 0 picks a free port")
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "The backend of a mini program: a demo, or with one of these variables, for a real one:\n"+
			"  AUTHING_USERPOOL_ID  and for a private deployment AUTHING_{USERS,OAUTH,UPLOAD,CDN}_HOST\n"+
			"  AUTHING_APP_ID       with AUTHING_APP_HOST and AUTHING_MINI_PROGRAM; AUTHING_APP_SECRET, AUTHING_APP_SECRET_IN=basic")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q: see -h", flags.Arg(0))
	}

	listenAddr, err := net.ResolveTCPAddr("tcp", *addr)
	if err != nil {
		return badAddress(err)
	}

	accounts, err := configured(env)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	handler := withJSONErrors(mux)
	if demo := accounts == nil; demo {
		if !listenAddr.IP.IsLoopback() {
			return fmt.Errorf("the demo signs in anyone, so it only listens on loopback, not on %v: use -addr 127.0.0.1:8080, or set AUTHING_USERPOOL_ID or AUTHING_APP_ID", listenAddr)
		}
		d, err := newDemo(ctx.Done())
		if err != nil {
			return err
		}
		defer d.close()
		d.register(mux)
		handler = fromOwnPage(log, d.traceRequests(mux, logRequests(log, handler)))
	} else {
		newAPI(accounts).register(mux, "")
		mux.HandleFunc("GET /{$}", serveNotice)
		handler = logRequests(log, handler)
	}

	listener, err := net.ListenTCP("tcp", listenAddr)
	if err != nil {
		return badAddress(err)
	}
	log.Info("serving", "demo", accounts == nil, "client", fmt.Sprint(accounts))
	fmt.Fprintf(out, "open http://%s\n", browserAddress(listener.Addr().(*net.TCPAddr)))
	return serve(ctx, listener, newServer(handler, log), gracePeriod)
}

func badAddress(err error) error { return fmt.Errorf("%w: choose another address with -addr", err) }

// browserAddress returns the address to open in a browser. An unspecified address is replaced by loopback.
func browserAddress(addr *net.TCPAddr) string {
	if addr.IP.IsUnspecified() {
		return fmt.Sprintf("127.0.0.1:%d", addr.Port)
	}
	return addr.String()
}

// gracePeriod is how long a shutdown waits for requests in flight. A handler calls Authing two or three times, for at most
// 10 seconds each; cutting it off could lose a token, or a phone number that has been charged. A slow Authing can take
// longer, but Kubernetes kills the process after 30 seconds by default.
const gracePeriod = 25 * time.Second

// writeTimeout is longer than any handler takes. Binding a phone number with authingv3 takes the longest: a login of at most
// 10 seconds between two reads, which are sent twice at worst. A response that misses it is lost, possibly with a token.
const writeTimeout = time.Minute

// newServer returns a server with limits that keep slow or greedy clients from exhausting it.
func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// serve serves until ctx ends and then shuts down gracefully.
func serve(ctx context.Context, listener net.Listener, server *http.Server, gracePeriod time.Duration) error {
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	shutdownCtx, cancel := context.WithTimeout(context.Background(), gracePeriod)
	defer cancel()
	if err := server.Shutdown(shutdownCtx); err != nil {
		server.Close()
		return fmt.Errorf("requests still running after %v were cut off: %w", gracePeriod, err)
	}
	return nil
}

// serveNotice tells a browser that the page of this backend is a mini program.
func serveNotice(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	io.WriteString(w, `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Mini program backend</title>
<h1>This is the backend of a mini program</h1>
<p>It is connected to the real Authing. Its page runs only in WeChat: open examples/miniprogram in WeChat DevTools.</p>
<p>To see the demo here, start it without AUTHING_USERPOOL_ID and AUTHING_APP_ID.</p>
<p lang="zh-CN">这是小程序的后端，已连接真实的 Authing。页面只能在微信中打开：请用微信开发者工具导入 examples/miniprogram。</p>
</html>
`)
}
