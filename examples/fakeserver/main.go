// Command fakeserver serves the Authing and the WeChat of package authingtest on addresses of your choice, so that a
// backend in any language can be tried without an account, a phone or a network.
//
//	go run ./examples/fakeserver -users 127.0.0.1:8081 -oauth 127.0.0.1:8082 -upload 127.0.0.1:8084 -phone 127.0.0.1:8083
//
// It prints the base URLs of the Authing hosts, the address that uploaded avatars are served from, and the id and the
// secret of the user pool: give them to the backend in place of the real ones. The phone address plays the phones of
// WeChat users, with POST requests:
//
//	/phones                              a new phone; the optional body {"nickName":"Ann","phoneNumber":…} says whose
//	/phones/{id}/login                   wx.login: {"errMsg":"login:ok","code":…}
//	/phones/{id}/getUserInfo             e.detail of the button, really encrypted; in the same way getUserProfile,
//	                                     getPhoneNumber and getRealtimePhoneNumber
//	/phones/{id}/getPhoneNumber?deny     e.detail when the user refuses
//	/phones/{id}/getPhoneNumber?fail=no+permission&errno=1400001    e.detail when WeChat fails
//
// and shows what else reaches a user, with GET requests:
//
//	/sms/{phone}         the code in the last text message: {"code":…,"sent":…}, with the number of messages so far
//	/mail/{address}      the last mail: {"code":…,"link":…,"sent":…}
//	/captcha?url=…       the text on a captcha: {"text":…}
//	/publickey           the key that passwords are encrypted with, as PEM text
//
// So a sign-in is, with what the calls return put in:
//
//	curl -X POST -d '{"nickName":"Ann"}' 127.0.0.1:8083/phones
//	curl -X POST 127.0.0.1:8083/phones/1/login
//	curl -X POST 127.0.0.1:8083/phones/1/getUserInfo
//	curl -H 'Content-Type: application/json' -d '{"code":"…","iv":"…","encryptedData":"…"}' \
//	     127.0.0.1:8082/oauth/wechatapp/auth/POOL
//
// Call login before the detail, as on a phone: every login replaces the key that details are encrypted with.
// Ctrl-C stops the program. All accounts are in memory and go with it.
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

const usage = `fakeserver plays Authing and WeChat for a backend in any language.

POST requests to the phone address play the phones of WeChat users:

  /phones                              a new phone; the body may be {"nickName":"Ann","phoneNumber":"13900000001"}
  /phones/{id}/login                   wx.login
  /phones/{id}/getUserInfo             e.detail of the button; also getUserProfile, getPhoneNumber and
                                       getRealtimePhoneNumber
  /phones/{id}/getPhoneNumber?deny     e.detail when the user refuses
  /phones/{id}/getPhoneNumber?fail=no+permission&errno=1400001    e.detail when WeChat fails

GET requests to it show what else reaches a user:

  /sms/{phone}         the code in the last text message, and how many there were
  /mail/{address}      the code or the link in the last mail, and how many there were
  /captcha?url=...     the text on a captcha
  /publickey           the key that passwords are encrypted with

A sign-in, with what the calls return put in:

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
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		log.Fatal("fakeserver: ", err)
	}
}

// run reads the flags and serves until ctx ends.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("fakeserver", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Usage = func() {
		fmt.Fprint(out, usage)
		flags.PrintDefaults()
	}
	usersAddr := flags.String("users", "127.0.0.1:8081", "listen here as Authing's users host")
	oauthAddr := flags.String("oauth", "127.0.0.1:8082", "listen here as Authing's oauth host")
	uploadAddr := flags.String("upload", "127.0.0.1:8084", "listen here as the storage of avatars")
	phoneAddr := flags.String("phone", "127.0.0.1:8083", "listen here to play the phones")
	pool := flags.String("pool", "", "id of the user pool (default a random one)")
	secret := flags.String("secret", "", "secret of the user pool (default a random one)")
	appID := flags.String("appid", "", "AppID of the mini program (default a random one)")
	logins := flags.Int("logins", 0, "demand a captcha after so many logins with a password from one address in 5 minutes (default no limit)")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is not a flag: see -h", flags.Arg(0))
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

// serve serves on listeners for the users, oauth and upload hosts and for the phones until ctx ends.
func serve(ctx context.Context, out io.Writer, listeners [4]net.Listener, opts authingtest.Options) error {
	for i, l := range listeners {
		listeners[i] = reachable{l}
	}
	opts.UsersListener, opts.OAuthListener, opts.UploadListener = listeners[0], listeners[1], listeners[2]
	fake := authingtest.NewServer(opts)
	defer fake.Close()
	phones := &http.Server{Handler: newPhones(fake), ReadHeaderTimeout: 10 * time.Second}
	fmt.Fprintf(out, "users  %s\noauth  %s\nupload %s\ncdn    %s\nphone  http://%s\npool   %s\nsecret %s\nappid  %s\n",
		fake.UsersURL(), fake.OAuthURL(), fake.UploadURL(), fake.CDNURL(), listeners[3].Addr(),
		fake.UserPoolID(), fake.Secret(), fake.AppID())

	failed := make(chan error, 1)
	go func() { failed <- phones.Serve(listeners[3]) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	const patience = 5 * time.Second
	last, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return phones.Shutdown(last)
}

// reachable is a listener that names loopback as its address where it listens on all of them. Nobody should call the
// unspecified address: the SDK takes it for another machine and refuses plain http to that.
type reachable struct{ net.Listener }

func (l reachable) Addr() net.Addr {
	addr, ok := l.Listener.Addr().(*net.TCPAddr)
	if !ok || !addr.IP.IsUnspecified() {
		return l.Listener.Addr()
	}
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: addr.Port}
}

// phones plays the phones over HTTP.
type phones struct {
	fake *authingtest.Server

	mu  sync.Mutex
	all []*authingtest.Phone // the id of a phone is its place here, from 1
}

func newPhones(fake *authingtest.Server) http.Handler {
	p := &phones{fake: fake}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sms/{phone}", p.sms)
	mux.HandleFunc("GET /mail/{address}", p.mail)
	mux.HandleFunc("GET /captcha", p.captcha)
	mux.HandleFunc("GET /publickey", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, fake.PublicKey()) })
	mux.HandleFunc("POST /phones", p.create)
	mux.HandleFunc("POST /phones/{id}/login", p.with(func(w http.ResponseWriter, _ *http.Request, phone *authingtest.Phone) {
		writeJSON(w, map[string]string{"errMsg": "login:ok", "code": phone.Login()})
	}))
	for api, get := range map[string]func(*authingtest.Phone) authing.Detail{
		"getUserInfo":            (*authingtest.Phone).GetUserInfo,
		"getUserProfile":         (*authingtest.Phone).GetUserProfile,
		"getPhoneNumber":         (*authingtest.Phone).GetPhoneNumber,
		"getRealtimePhoneNumber": (*authingtest.Phone).GetRealtimePhoneNumber,
	} {
		mux.HandleFunc("POST /phones/{id}/"+api, p.with(func(w http.ResponseWriter, r *http.Request, phone *authingtest.Phone) {
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
		http.Error(w, "no text message went to that number", http.StatusNotFound)
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
		http.Error(w, "no mail went to that address", http.StatusNotFound)
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
		http.Error(w, "no such captcha: the url is the one in the data of the refusal", http.StatusNotFound)
		return
	}
	writeJSON(w, map[string]string{"text": text})
}

// with looks the phone up that a request is for.
func (p *phones) with(play func(http.ResponseWriter, *http.Request, *authingtest.Phone)) http.HandlerFunc {
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
			http.Error(w, "no such phone: POST /phones makes one", http.StatusNotFound)
			return
		}
		play(w, r, phone)
	}
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	json.NewEncoder(w).Encode(v)
}
