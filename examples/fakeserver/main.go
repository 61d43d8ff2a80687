// Command fakeserver serves the fake Authing and WeChat of package authingtest on fixed addresses, for testing a
// backend in any language without an account, a phone or a network.
//
//	go run ./examples/fakeserver -users 127.0.0.1:8081 -oauth 127.0.0.1:8082 -upload 127.0.0.1:8084 -phone 127.0.0.1:8083
//
// It prints the base URLs of the Authing hosts and of uploaded avatars, and the ID and secret of the user pool.
// Configure the backend with them. POST requests to the phone address simulate the phones of WeChat users:
//
//	/phones                              create a phone; optional body: {"nickName":"Ann","phoneNumber":…}
//	/phones/{id}/login                   wx.login: {"errMsg":"login:ok","code":…}
//	/phones/{id}/getUserInfo             e.detail of the button, encrypted as by WeChat; also getUserProfile,
//	                                     getPhoneNumber and getRealtimePhoneNumber
//	/phones/{id}/getPhoneNumber?deny     e.detail after the user taps "refuse"
//	/phones/{id}/getPhoneNumber?fail=no+permission&errno=1400001    e.detail of another failure
//
// GET requests to it return what a user would receive or read:
//
//	/sms/{phone}         the last text message and the number of messages: {"code":…,"sent":…}
//	/mail/{address}      the last mail and the number of mails: {"code":…,"link":…,"sent":…}
//	/captcha?url=…       the text of a captcha: {"text":…}
//	/publickey           the public key for encrypting passwords, in PEM format
//
// A sign-in takes these requests, where … and POOL stand for values from the output so far:
//
//	curl -X POST -d '{"nickName":"Ann"}' 127.0.0.1:8083/phones
//	curl -X POST 127.0.0.1:8083/phones/1/login
//	curl -X POST 127.0.0.1:8083/phones/1/getUserInfo
//	curl -H 'Content-Type: application/json' -d '{"code":"…","iv":"…","encryptedData":"…"}' \
//	     127.0.0.1:8082/oauth/wechatapp/auth/POOL
//
// Call login before requesting a detail, as on a real phone: every login replaces the key that encrypts details. Ctrl-C
// stops the program. Accounts are kept in memory only.
package main

import (
	"context"
	"encoding/json"
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
	"sync"
	"time"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

const usage = `fakeserver is a fake Authing and WeChat for testing a backend in any language.

POST requests to the phone address simulate the phones of WeChat users:

  /phones                              create a phone; optional body: {"nickName":"Ann","phoneNumber":"13900000001"}
  /phones/{id}/login                   wx.login
  /phones/{id}/getUserInfo             e.detail of the button; also getUserProfile, getPhoneNumber and
                                       getRealtimePhoneNumber
  /phones/{id}/getPhoneNumber?deny     e.detail after the user taps "refuse"
  /phones/{id}/getPhoneNumber?fail=no+permission&errno=1400001    e.detail of another failure

GET requests to it return what a user would receive or read:

  /sms/{phone}         the code in the last text message, and the number of messages
  /mail/{address}      the code or link in the last mail, and the number of mails
  /captcha?url=...     the text of a captcha
  /publickey           the public key for encrypting passwords

A sign-in, where … and POOL stand for values from the output so far:

  curl -X POST -d '{"nickName":"Ann"}' 127.0.0.1:8083/phones
  curl -X POST 127.0.0.1:8083/phones/1/login
  curl -X POST 127.0.0.1:8083/phones/1/getUserInfo
  curl -H 'Content-Type: application/json' -d '{"code":"…","iv":"…","encryptedData":"…"}' \
       127.0.0.1:8082/oauth/wechatapp/auth/POOL

Flags:
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
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
		fmt.Fprint(out, usage)
		flags.PrintDefaults()
	}
	usersAddr := flags.String("users", "127.0.0.1:8081", "listen address of Authing's users host")
	oauthAddr := flags.String("oauth", "127.0.0.1:8082", "listen address of Authing's oauth host")
	uploadAddr := flags.String("upload", "127.0.0.1:8084", "listen address of the storage for avatars")
	phoneAddr := flags.String("phone", "127.0.0.1:8083", "listen address of the phones")
	pool := flags.String("pool", "", "ID of the user pool (default random)")
	secret := flags.String("secret", "", "secret of the user pool (default random)")
	appID := flags.String("appid", "", "AppID of the mini program (default random)")
	logins := flags.Int("logins", 0, "require a captcha after this many password logins from one address within 5 minutes (default no limit)")
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

	var listeners [4]net.Listener
	for i, addr := range []string{*usersAddr, *oauthAddr, *uploadAddr, *phoneAddr} {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		defer l.Close()
		listeners[i] = l
	}
	return serve(ctx, out, listeners, authingtest.Options{
		UserPoolID: *pool, Secret: *secret, AppID: *appID, LoginLimit: *logins,
	})
}

// serve serves until ctx ends. The listeners are those of the users, oauth and upload hosts and of the phones.
func serve(ctx context.Context, out io.Writer, listeners [4]net.Listener, opts authingtest.Options) error {
	for i, l := range listeners {
		listeners[i] = loopbackListener{l}
	}
	opts.UsersListener, opts.OAuthListener, opts.UploadListener = listeners[0], listeners[1], listeners[2]
	fake := authingtest.NewServer(opts)
	defer fake.Close()
	phones := &http.Server{Handler: newPhones(fake), ReadHeaderTimeout: 10 * time.Second}
	fmt.Fprintf(out, "users  %s\noauth  %s\nupload %s\ncdn    %s\nphone  http://%s\npool   %s\nsecret %s\nappid  %s\n",
		fake.UsersURL(), fake.OAuthURL(), fake.UploadURL(), fake.CDNURL(), listeners[3].Addr(),
		fake.UserPoolID(), fake.Secret(), fake.AppID())

	done := make(chan error, 1)
	go func() { done <- phones.Serve(listeners[3]) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	const gracePeriod = 5 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), gracePeriod)
	defer cancel()
	return phones.Shutdown(ctx)
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

// phones is the HTTP interface of the phones.
type phones struct {
	fake *authingtest.Server

	mu  sync.Mutex
	all []*authingtest.Phone // a phone's ID is its index plus 1
}

func newPhones(fake *authingtest.Server) http.Handler {
	p := &phones{fake: fake}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sms/{phone}", p.sms)
	mux.HandleFunc("GET /mail/{address}", p.mail)
	mux.HandleFunc("GET /captcha", p.captcha)
	mux.HandleFunc("GET /publickey", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, fake.PublicKey()) })
	mux.HandleFunc("POST /phones", p.create)
	mux.HandleFunc("POST /phones/{id}/login", p.withPhone(func(w http.ResponseWriter, _ *http.Request, phone *authingtest.Phone) {
		writeJSON(w, map[string]string{"errMsg": "login:ok", "code": phone.Login()})
	}))
	for api, get := range map[string]func(*authingtest.Phone) authing.Detail{
		"getUserInfo":            (*authingtest.Phone).GetUserInfo,
		"getUserProfile":         (*authingtest.Phone).GetUserProfile,
		"getPhoneNumber":         (*authingtest.Phone).GetPhoneNumber,
		"getRealtimePhoneNumber": (*authingtest.Phone).GetRealtimePhoneNumber,
	} {
		mux.HandleFunc("POST /phones/{id}/"+api, p.withPhone(func(w http.ResponseWriter, r *http.Request, phone *authingtest.Phone) {
			switch query := r.URL.Query(); {
			case query.Has("deny"):
				writeJSON(w, phone.Deny(api))
			case query.Has("fail"):
				errno, _ := strconv.Atoi(query.Get("errno"))
				writeJSON(w, phone.Fail(api, query.Get("fail"), errno))
			default:
				writeJSON(w, get(phone))
			}
		}))
	}
	return mux
}

func (p *phones) create(w http.ResponseWriter, r *http.Request) {
	var user authingtest.WxUser
	body := json.NewDecoder(r.Body)
	body.DisallowUnknownFields()
	if err := body.Decode(&user); err != nil && !errors.Is(err, io.EOF) {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	phone := p.fake.NewPhone(user)
	p.mu.Lock()
	p.all = append(p.all, phone)
	id := len(p.all)
	p.mu.Unlock()
	writeJSON(w, struct {
		ID string `json:"id"`
		authingtest.WxUser
	}{strconv.Itoa(id), phone.User()})
}

func (p *phones) sms(w http.ResponseWriter, r *http.Request) {
	number := r.PathValue("phone")
	code := p.fake.LastSMS(number)
	if code == "" {
		http.Error(w, "no text message was sent to this number", http.StatusNotFound)
		return
	}
	writeJSON(w, struct {
		Code string `json:"code"`
		Sent int    `json:"sent"`
	}{code, p.fake.SentSMS()[number]})
}

func (p *phones) mail(w http.ResponseWriter, r *http.Request) {
	address := r.PathValue("address")
	sent := p.fake.SentMails()[address]
	if sent == 0 {
		http.Error(w, "no mail was sent to this address", http.StatusNotFound)
		return
	}
	last := p.fake.LastMail(address)
	writeJSON(w, struct {
		Code string `json:"code,omitempty"`
		Link string `json:"link,omitempty"`
		Sent int    `json:"sent"`
	}{last.Code, last.Link, sent})
}

func (p *phones) captcha(w http.ResponseWriter, r *http.Request) {
	text := p.fake.Captcha(r.URL.Query().Get("url"))
	if text == "" {
		http.Error(w, "no such captcha: use the url in the data of the error", http.StatusNotFound)
		return
	}
	writeJSON(w, map[string]string{"text": text})
}

// withPhone looks up the phone in the path.
func (p *phones) withPhone(next func(http.ResponseWriter, *http.Request, *authingtest.Phone)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.Atoi(r.PathValue("id"))
		p.mu.Lock()
		known := err == nil && id >= 1 && id <= len(p.all)
		var phone *authingtest.Phone
		if known {
			phone = p.all[id-1]
		}
		p.mu.Unlock()
		if !known {
			http.Error(w, "no such phone: create one with POST /phones", http.StatusNotFound)
			return
		}
		next(w, r, phone)
	}
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	json.NewEncoder(w).Encode(v)
}
