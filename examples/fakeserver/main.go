// Command fakeserver serves the fake Authing and WeChat of package authingtest on fixed addresses, for testing a
// backend in any language without an account, a phone or a network.
//
//	go run ./examples/fakeserver -users 127.0.0.1:8081 -oauth 127.0.0.1:8082 -upload 127.0.0.1:8084 -app 127.0.0.1:8085 \
//		-phone 127.0.0.1:8083
//
// It prints the base URLs of the Authing hosts and of uploaded avatars, the ID and secret of the user pool, and those of the
// application of today's API (V3). Configure the backend with them. The phone address serves the control API, which plays
// the phones of WeChat users, adds accounts, makes calls fail and shows what was sent: see -h and docs/fakeserver.md. Ctrl-C
// or SIGTERM stops the program. Accounts are kept in memory only.
package main

import (
	"cmp"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
	"github.com/authing-wxapp/authing/authingv3"
)

// usage returns the help without the flags.
func usage() string {
	return `fakeserver is a fake Authing and WeChat for testing a backend in any language.

The phone address serves the control API. Bodies and replies are JSON; an error is {"error":{"status":404,"message":"…"}}.

` + routeTable() + "\n" + faultHelp + `

A sign-in, where … and POOL are placeholders for values in the output so far:

  curl -X POST -d '{"nickName":"Ann"}' 127.0.0.1:8083/control/phones
  curl -X POST 127.0.0.1:8083/control/phones/1/login
  curl -X POST 127.0.0.1:8083/control/phones/1/getUserInfo
  curl -H 'Content-Type: application/json' -d '{"code":"…","iv":"…","encryptedData":"…"}' \
       127.0.0.1:8082/oauth/wechatapp/auth/POOL

Call login before requesting a detail, as on a real phone: every login replaces the key that encrypts details.

The same with today's API (V3), where APPID and SOURCE are the printed appid and source. The code of the phone button is that
in the reply of getPhoneNumber:

  curl -H 'Content-Type: application/json' -H 'x-authing-app-id: APPID' -d '{"connection":"wechat_mini_program_code",
       "extIdpConnidentifier":"SOURCE","wechatMiniProgramCodePayload":{"code":"…"}}' \
       127.0.0.1:8085/api/v3/signin-by-mobile

For users of the JavaScript SDK:

  new Authing({
    userPoolId: 'POOL',
    host: {user: 'http://127.0.0.1:8081/graphql', oauth: 'http://127.0.0.1:8082/graphql'}, // both need /graphql
  })

  The SDK has Authing's public key built in. Replace it by that of GET /control/publickey, or start fakeserver with a
  -private-key of your own and build in its public half: otherwise every password fails with code 2016.
  The SDK has the upload host (https://up.qiniup.com) and the host of images (https://usercontents.authing.cn/) built in as
  well. Replace them by the printed upload and cdn URLs before you change an avatar.
  In DevTools of WeChat turn off the check of domains. In a browser the pages of every origin may call: see -origin.

Flags:
`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C terminates the program immediately
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		log.Fatal("fakeserver: ", err)
	}
}

// run parses the flags and serves until ctx ends.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("fakeserver", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Usage = func() {
		fmt.Fprint(out, usage())
		flags.PrintDefaults()
	}
	usersAddr := flags.String("users", "127.0.0.1:8081", "listen address of Authing's users host")
	oauthAddr := flags.String("oauth", "127.0.0.1:8082", "listen address of Authing's oauth host")
	uploadAddr := flags.String("upload", "127.0.0.1:8084", "listen address of the storage for avatars")
	appAddr := flags.String("app", "127.0.0.1:8085", "listen address of today's API (V3)")
	phoneAddr := flags.String("phone", "127.0.0.1:8083", "listen address of the phones")
	pool := flags.String("pool", "", "ID of the user pool (default random)")
	secret := flags.String("secret", "", "secret of the user pool (default random)")
	wechatAppID := flags.String("wechat-appid", "", "AppID of the mini program at WeChat (default random)")
	appID := flags.String("appid", "", "ID of the application of today's API (default random)")
	appSecret := flags.String("appsecret", "", "secret of that application (default random)")
	source := flags.String("source", "", `identifier of its identity source for the mini program (default "my-mini-program")`)
	host := flags.String("host", "", "host name in printed URLs, links and captchas, such as that of a container (default the address)")
	origin := flags.String("origin", "*", "origin whose pages may call from a browser; empty for none")
	now := flags.String("now", "", "time at the start, such as 2030-01-02T03:04:05Z (default the real time)")
	privateKey := flags.String("private-key", "", "PEM file with the RSA key for passwords (default random)")
	wechatStatus := flags.Int("wechat-status", http.StatusOK, "HTTP status of Authing's reply to a failure of WeChat, with -wechat-body")
	wechatBody := flags.String("wechat-body", "", "body of that reply; {errcode} and {errmsg} are replaced, the latter with a JSON string")
	var modes appModes
	modes.define(flags)
	var opts authingtest.Options
	flags.IntVar(&opts.LoginLimit, "logins", 0, "require a captcha after this many password logins from one address within 5 minutes (default no limit)")
	flags.IntVar(&opts.FailureLimit, "failures", 0, "require a captcha after this many failed logins in a row (default no limit)")
	flags.IntVar(&opts.RegistrationLimit, "registrations", 0, "maximum of new accounts from one address within 5 minutes (default no limit)")
	flags.DurationVar(&opts.MinKeyAge, "key-age", 0, "age of the session key before wx.login replaces it (default at once)")
	flags.BoolVar(&opts.NewCodeKillsOld, "new-code-kills-old", false, "a new wx.login code invalidates unused ones of the same user")
	flags.BoolVar(&opts.NoUnionID, "no-unionid", false, "users have no unionid")
	flags.BoolVar(&opts.NoPhoneCode, "no-phone-code", false, "details of getPhoneNumber have no code")
	flags.BoolVar(&opts.RealtimeEncrypted, "realtime-encrypted", false, "details of getRealtimePhoneNumber have encryptedData and iv")
	flags.BoolVar(&opts.NumericCountryCode, "numeric-country-code", false, "countryCode in encrypted phone numbers is a number")
	flags.BoolVar(&opts.EarlyUpdates, "early-updates", false, "updateUser can change e-mail addresses and phone numbers")
	flags.Int64Var(&opts.UploadLimit, "upload-limit", 10<<20, "maximum size of an avatar in bytes")
	flags.IntVar(&opts.KeepRequests, "keep-requests", 1000, "number of requests to keep; -1 for none")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q: see -h", flags.Arg(0))
	}
	if *pool != "" {
		if _, err := authing.NewClient(*pool); err != nil {
			return err
		}
	}
	if _, err := authingv3.NewClient("https://authing.test", cmp.Or(*appID, "app"), cmp.Or(*source, "source")); err != nil {
		return err
	}

	clock := &clock{}
	if *now != "" {
		t, err := time.Parse(time.RFC3339, *now)
		if err == nil {
			err = clock.set(t)
		}
		if err != nil {
			return fmt.Errorf("-now: %w", err)
		}
	}
	if *privateKey != "" {
		key, err := readKey(*privateKey)
		if err != nil {
			return fmt.Errorf("-private-key: %w", err)
		}
		opts.PrivateKey = key
	}
	if err := modes.check(); err != nil {
		return err
	}
	if *wechatStatus < 200 || *wechatStatus > 599 {
		return fmt.Errorf("-wechat-status: %d is not a final HTTP status", *wechatStatus)
	}
	if *wechatBody != "" {
		opts.WeChatError = func(errcode int, errmsg string) (int, string) {
			quoted, _ := json.Marshal(errmsg) // cannot fail for a string
			return *wechatStatus, strings.NewReplacer("{errcode}", strconv.Itoa(errcode), "{errmsg}", string(quoted)).Replace(*wechatBody)
		}
	}

	var listeners [5]net.Listener
	for i, addr := range []string{*usersAddr, *oauthAddr, *uploadAddr, *appAddr, *phoneAddr} {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		defer l.Close()
		listeners[i] = l
	}
	for i, l := range listeners {
		if *host != "" {
			listeners[i] = namedListener{l, *host}
		}
	}
	opts.UserPoolID, opts.Secret, opts.WeChatAppID = *pool, *secret, *wechatAppID
	opts.App = authingtest.AppOptions{ID: *appID, Secret: authing.Secret(*appSecret), MiniProgram: *source}
	modes.apply(&opts.App)
	return serve(ctx, out, listeners, opts, clock, *origin)
}

func readKey(file string) (*rsa.PrivateKey, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the file is not PEM")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("the key is not an RSA key")
	}
	return key, nil
}

// serve serves until ctx ends. The listeners are those of the users, oauth and upload hosts, of today's API and of the
// phones.
func serve(ctx context.Context, out io.Writer, listeners [5]net.Listener, opts authingtest.Options, clock *clock, origin string) error {
	for i, l := range listeners {
		listeners[i] = loopbackListener{l}
	}
	opts.UsersListener, opts.OAuthListener, opts.UploadListener = listeners[0], listeners[1], listeners[2]
	opts.AppListener = listeners[3]
	opts.Clock, opts.AllowOrigin = clock.Now, origin
	fake := authingtest.NewServer(opts)
	defer fake.Close()
	phones := &http.Server{Handler: newControl(fake, clock, origin), ReadHeaderTimeout: 10 * time.Second}
	for _, line := range [][2]string{
		{"users", fake.UsersURL()}, {"oauth", fake.OAuthURL()}, {"upload", fake.UploadURL()}, {"cdn", fake.CDNURL()},
		{"phone", "http://" + listeners[4].Addr().String()}, {"pool", fake.UserPoolID()}, {"secret", fake.Secret()},
		{"wechat", fake.WeChatAppID()}, {"app", fake.AppHost()}, {"appid", fake.AppID()},
		{"appsecret", string(fake.AppSecret())}, {"source", fake.MiniProgram()},
	} {
		fmt.Fprintf(out, "%-9s %s\n", line[0], line[1])
	}

	done := make(chan error, 1)
	go func() { done <- phones.Serve(listeners[4]) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	const gracePeriod = time.Second
	ctx, cancel := context.WithTimeout(context.Background(), gracePeriod)
	defer cancel()
	if phones.Shutdown(ctx) != nil {
		phones.Close()
	}
	return nil
}

// namedListener reports an address with another host.
type namedListener struct {
	net.Listener
	host string
}

func (l namedListener) Addr() net.Addr { return namedAddr{l.Listener.Addr(), l.host} }

type namedAddr struct {
	net.Addr
	host string
}

func (a namedAddr) String() string {
	_, port, _ := net.SplitHostPort(a.Addr.String()) // of a TCP listener
	return net.JoinHostPort(a.host, port)
}

// loopbackListener reports a loopback address if it listens on all addresses. The unspecified address is not usable in
// a URL: the SDK treats it as a remote host, to which it does not allow plain HTTP.
type loopbackListener struct{ net.Listener }

func (l loopbackListener) Addr() net.Addr {
	addr, ok := l.Listener.Addr().(*net.TCPAddr)
	if !ok || !addr.IP.IsUnspecified() {
		return l.Listener.Addr()
	}
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: addr.Port}
}
