package main

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"sync"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

//go:embed page
var pageFiles embed.FS

// demo plays everything that a real backend finds outside: Authing, WeChat, and the page on the phone.
type demo struct {
	fake  *authingtest.Server
	trace *trace
	wire  *wire
	thief *authing.Client // spends codes behind the backend's back

	mu     sync.Mutex
	phones []*phone // the id of a phone is its place here, from 1
}

// phone is one user's phone as the mini program sees it: published before 2021, WeChat hands it the real nickname and
// avatar; since then, anonymous ones. Both have one WeChat user, and so one session key.
type phone struct {
	old, new   *authingtest.Phone
	generation string
}

// newDemo starts the fakes. Streams end when ending is closed.
func newDemo(ending <-chan struct{}) (*demo, error) {
	fake := authingtest.NewServer(authingtest.Options{})
	thief, err := authing.NewClient(fake.UserPoolID(), fake.ClientOptions()...)
	if err != nil {
		fake.Close()
		return nil, err
	}
	t := &trace{ending: ending, changed: make(chan struct{})}
	w := &wire{trace: t, pool: fake.UserPoolID(), base: &http.Transport{}}
	return &demo{fake: fake, trace: t, wire: w, thief: thief}, nil
}

func (d *demo) close() {
	d.wire.base.CloseIdleConnections()
	d.thief.CloseIdleConnections()
	d.fake.Close()
}

// clientOptions lets the backend's calls go through the wire that the page shows.
func (d *demo) clientOptions() []authing.Option {
	return append(d.fake.ClientOptions(), authing.WithHTTPClient(&http.Client{Transport: d.wire}))
}

func (d *demo) register(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", servePage)
	mux.HandleFunc("GET /page/", servePage)
	for pattern, h := range map[string]http.Handler{
		"POST /demo/phones":            handler(d.newPhone),
		"POST /demo/phones/{id}/login": d.onPhone(d.login),
		"POST /demo/phones/{id}/tap":   d.onPhone(d.tap),
		"POST /demo/phones/{id}/spend": d.onPhone(d.spend),
		"POST /demo/authing":           handler(d.setDown),
		"GET /demo/state":              handler(d.state),
		"GET /demo/trace":              http.HandlerFunc(d.trace.stream),
	} {
		mux.Handle(pattern, fromOwnPage(h))
	}
}

// fromOwnPage keeps pages of other origins from driving the demo: any page in a browser on this machine can send
// requests here. Their browser says where a request comes from; curl says nothing, and may.
func fromOwnPage(next http.Handler) http.Handler {
	return handler(func(w http.ResponseWriter, r *http.Request) error {
		switch site := r.Header.Get("Sec-Fetch-Site"); {
		case site == "cross-site", site == "same-site":
			return errOtherOrigin
		case r.ContentLength != 0 && !saysJSON(r): // an older browser does not say where, but sends no foreign JSON
			return errWrongType
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

func servePage(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-cache") // embedded files have no date to compare
	if r.URL.Path == "/" {
		http.ServeFileFS(w, r, pageFiles, "page/index.html")
		return
	}
	http.FileServerFS(pageFiles).ServeHTTP(w, r)
}

// maxPhones bounds what the demo keeps in memory. No phone is ever taken away: its page may still be open.
const maxPhones = 10_000

var phoneNumber = regexp.MustCompile(`^1[0-9]{10}$`)

func (d *demo) newPhone(w http.ResponseWriter, r *http.Request) error {
	var in struct{ NickName, PhoneNumber, Generation string }
	if err := readOptional(w, r, &in); err != nil {
		return err
	}
	if in.PhoneNumber != "" && !phoneNumber.MatchString(in.PhoneNumber) || !knownGeneration(in.Generation) {
		return errBadBody
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.phones) >= maxPhones {
		return errNoPhoneLeft
	}
	if in.NickName == "" {
		invented := []string{"林小雨", "Ann", "周明", "Ben"}
		in.NickName = invented[len(d.phones)%len(invented)]
	}
	p := &phone{generation: in.Generation}
	p.old = d.fake.NewPhone(authingtest.WxUser{NickName: in.NickName, PhoneNumber: in.PhoneNumber})
	user := p.old.User()
	user.AnonymousUserInfo, user.AnonymousProfile = true, true
	p.new = d.fake.NewPhone(user)
	d.phones = append(d.phones, p)
	writeJSON(w, http.StatusOK, struct {
		ID          string `json:"id"`
		NickName    string `json:"nickName"`
		PhoneNumber string `json:"phoneNumber"`
	}{strconv.Itoa(len(d.phones)), user.NickName, user.PhoneNumber})
	return nil
}

// onPhone looks up the phone that a request is for.
func (d *demo) onPhone(play func(http.ResponseWriter, *http.Request, *phone) error) http.Handler {
	return handler(func(w http.ResponseWriter, r *http.Request) error {
		id, err := strconv.Atoi(r.PathValue("id"))
		d.mu.Lock()
		known := err == nil && id >= 1 && id <= len(d.phones)
		var p *phone
		if known {
			p = d.phones[id-1]
		}
		d.mu.Unlock()
		if !known {
			return errNotFound
		}
		return play(w, r, p)
	})
}

func (d *demo) login(w http.ResponseWriter, _ *http.Request, p *phone) error {
	writeJSON(w, http.StatusOK, map[string]string{"errMsg": "login:ok", "code": p.new.Login()})
	return nil
}

func (d *demo) tap(w http.ResponseWriter, r *http.Request, p *phone) error {
	var in struct {
		Button     string
		Refuse     bool
		Generation string
	}
	if err := readOptional(w, r, &in); err != nil {
		return err
	}
	give, ok := map[string]func(*authingtest.Phone) authing.Detail{
		"getUserInfo":            (*authingtest.Phone).GetUserInfo,
		"getUserProfile":         (*authingtest.Phone).GetUserProfile,
		"getPhoneNumber":         (*authingtest.Phone).GetPhoneNumber,
		"getRealtimePhoneNumber": (*authingtest.Phone).GetRealtimePhoneNumber,
	}[in.Button]
	if !ok || !knownGeneration(in.Generation) {
		return errBadBody
	}
	if in.Refuse {
		writeJSON(w, http.StatusOK, p.new.Deny(in.Button))
		return nil
	}
	writeJSON(w, http.StatusOK, give(p.of(in.Generation)))
	return nil
}

func (p *phone) of(generation string) *authingtest.Phone {
	if generation == "" {
		generation = p.generation
	}
	if generation == "old" {
		return p.old
	}
	return p.new
}

func knownGeneration(name string) bool { return name == "" || name == "old" || name == "new" }

// spend uses a code up, as a page does that posts one twice.
func (d *demo) spend(w http.ResponseWriter, r *http.Request, p *phone) error {
	var in struct{ Code string }
	if err := readOptional(w, r, &in); err != nil {
		return err
	}
	detail := p.old.GetUserInfo()
	// A code that cannot decrypt this detail, or was spent before, is spent all the same.
	_, err := d.thief.Decrypt(r.Context(), in.Code, detail.EncryptedData, detail.IV)
	if errors.Is(err, authing.ErrInvalidArgument) {
		return fmt.Errorf("%w: %w", errBadBody, err)
	}
	writeJSON(w, http.StatusNoContent, nil)
	return nil
}

func (d *demo) setDown(w http.ResponseWriter, r *http.Request) error {
	var in struct{ Down bool }
	if err := readOptional(w, r, &in); err != nil {
		return err
	}
	d.wire.down.Store(in.Down)
	writeJSON(w, http.StatusNoContent, nil)
	return nil
}

func (d *demo) state(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, struct {
		Down bool   `json:"down"`
		Pool string `json:"pool"`
	}{d.wire.down.Load(), d.fake.UserPoolID()})
	return nil
}

// readOptional is more patient than readJSON: a phone is driven by hand, too, and then without a body where that will do.
func readOptional(w http.ResponseWriter, r *http.Request, into any) error {
	err := decode(http.MaxBytesReader(w, r.Body, maxBody), into)
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
