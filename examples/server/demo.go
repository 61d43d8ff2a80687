package main

import (
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
	"github.com/authing-wxapp/authing/authingv3"
)

//go:embed page
var pageFiles embed.FS

// demo simulates the surroundings of a real backend: Authing, WeChat and the phone.
type demo struct {
	fake      *authingtest.Server
	traces    *traces
	trace     *trace // of visitors without a cookie, such as curl
	transport *tracingTransport
	pool      userPool // the backend's clients, of both generations
	app       application
	spender   *authing.Client // uses up codes without the backend's knowledge

	mu     sync.Mutex
	phones []*phone // a phone's ID is its index plus 1
}

// phone is a user's phone. The old one returns the real nickname and avatar, like WeChat before 2021; the new one
// returns anonymous ones. Both belong to the same WeChat user, and therefore share a session key.
type phone struct {
	old, new   *authingtest.Phone
	generation string
}

// newDemo starts the fake services. Event streams end when done is closed.
func newDemo(done <-chan struct{}) (*demo, error) {
	fake := authingtest.NewServer(authingtest.Options{RealtimeEncrypted: true})
	spender, err := authing.NewClient(fake.UserPoolID(), fake.ClientOptions()...)
	if err != nil {
		fake.Close()
		return nil, err
	}
	t := newTrace(done)
	transport := &tracingTransport{trace: t, pool: fake.UserPoolID(), base: &http.Transport{}}
	traced := &http.Client{Transport: transport}
	pool, err := authing.NewClient(fake.UserPoolID(), append(fake.ClientOptions(), authing.WithHTTPClient(traced))...)
	if err != nil {
		fake.Close()
		return nil, err
	}
	app, err := authingv3.NewClient(fake.AppHost(), fake.AppID(), fake.MiniProgram(),
		authingv3.WithHTTPClient(traced), authingv3.WithScope("openid profile phone"))
	if err != nil {
		fake.Close()
		return nil, err
	}
	return &demo{
		fake: fake, traces: &traces{done: done}, trace: t, transport: transport, pool: userPool{pool}, app: application{app},
		spender: spender,
	}, nil
}

func (d *demo) close() {
	d.transport.base.CloseIdleConnections()
	d.spender.CloseIdleConnections()
	d.fake.Close()
}

func (d *demo) register(mux *http.ServeMux) {
	newAPI(d.pool).register(mux, "")
	newAPI(d.app).register(mux, "/v3")
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		setVisitor(w, r)
		servePage(w, r)
	})
	mux.HandleFunc("GET /page/", servePage)
	for pattern, h := range map[string]http.Handler{
		"POST /demo/phones":             handler(d.newPhone),
		"POST /demo/phones/{id}/login":  d.withPhone(d.login),
		"POST /demo/phones/{id}/tap":    d.withPhone(d.tap),
		"POST /demo/phones/{id}/spend":  d.withPhone(d.spend),
		"POST /demo/authing":            handler(d.setDown),
		"GET /demo/phones/{id}/picture": d.withPhone(servePicture),
		"GET /demo/cdn/{key...}":        d.pictures(),
		"GET /demo/state":               handler(d.state),
		"GET /demo/trace":               http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.traceOf(r).stream(w, r) }),
	} {
		mux.Handle(pattern, h)
	}
}

// fromOwnPage rejects requests that any website open in a browser on this machine could send. It comes before the
// trace, which such requests must not fill.
func fromOwnPage(log *slog.Logger, next http.Handler) http.Handler {
	reject := logRequests(log, handler(func(_ http.ResponseWriter, r *http.Request) error { return checkSender(r) }))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if checkSender(r) != nil {
			reject.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// checkSender returns why r may come from a page of another origin. curl sends neither Sec-Fetch-Site nor Origin, and
// is allowed. So are links to the page itself, which is static.
func checkSender(r *http.Request) error {
	if !loopbackHost(r.Host) {
		return fmt.Errorf("%w: the host is not loopback", errOtherOrigin) // DNS rebinding: to the browser, the same origin
	}
	demo := strings.HasPrefix(r.URL.Path, "/demo/")
	if !demo && !strings.HasPrefix(strings.TrimPrefix(r.URL.Path, "/v3"), "/api/") {
		return nil
	}
	site, origins := r.Header.Get("Sec-Fetch-Site"), r.Header.Values("Origin")
	foreign := func(origin string) bool {
		return !strings.EqualFold(origin, "http://"+r.Host) && !strings.EqualFold(origin, "https://"+r.Host)
	}
	switch {
	case site != "" && site != "same-origin" && site != "none", slices.ContainsFunc(origins, foreign):
		return errOtherOrigin
	case demo && !safeMethod(r.Method) && !hasJSONContentType(r) && (r.ContentLength != 0 || site == "" && len(origins) == 0):
		return errWrongType // a browser without these headers sends JSON to another origin only after a preflight
	}
	return nil
}

func safeMethod(method string) bool { return method == http.MethodGet || method == http.MethodHead }

func loopbackHost(hostport string) bool {
	host := (&url.URL{Host: hostport}).Hostname()
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback() || strings.EqualFold(host, "localhost")
}

func servePage(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-cache") // embedded files have no modification time
	if r.URL.Path == "/" {
		http.ServeFileFS(w, r, pageFiles, "page/index.html")
		return
	}
	http.FileServerFS(pageFiles).ServeHTTP(w, r)
}

// maxPhones bounds the demo's memory. Phones are never removed, because their page may still be open.
const maxPhones = 10_000

var phoneNumber = regexp.MustCompile(`^1[0-9]{10}$`)

func (d *demo) newPhone(w http.ResponseWriter, r *http.Request) error {
	var in struct{ NickName, PhoneNumber, Generation string }
	if err := readOptional(w, r, &in); err != nil {
		return err
	}
	if in.PhoneNumber != "" && !phoneNumber.MatchString(in.PhoneNumber) || !validGeneration(in.Generation) {
		return errBadBody
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.phones) >= maxPhones {
		return errNoPhoneLeft
	}
	if in.NickName == "" {
		defaults := []string{"林小雨", "Ann", "周明", "Ben"}
		in.NickName = defaults[len(d.phones)%len(defaults)]
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

// withPhone looks up the phone in the path.
func (d *demo) withPhone(next func(http.ResponseWriter, *http.Request, *phone) error) http.Handler {
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
		return next(w, r, p)
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
	if in.Button == "chooseAvatar" {
		return d.chooseAvatar(w, r, p, in.Refuse)
	}
	detail, ok := map[string]func(*authingtest.Phone) authing.Detail{
		"getUserInfo":            (*authingtest.Phone).GetUserInfo,
		"getUserProfile":         (*authingtest.Phone).GetUserProfile,
		"getPhoneNumber":         (*authingtest.Phone).GetPhoneNumber,
		"getRealtimePhoneNumber": (*authingtest.Phone).GetRealtimePhoneNumber,
	}[in.Button]
	if !ok || !validGeneration(in.Generation) {
		return errBadBody
	}
	if in.Refuse {
		writeJSON(w, http.StatusOK, p.new.Deny(in.Button))
		return nil
	}
	writeJSON(w, http.StatusOK, detail(p.forGeneration(in.Generation)))
	return nil
}

// chooseAvatar responds with an address instead of the path of a temporary file: the page can show and upload both.
func (d *demo) chooseAvatar(w http.ResponseWriter, r *http.Request, p *phone, cancel bool) error {
	if cancel {
		writeJSON(w, http.StatusOK, p.new.Fail("chooseAvatar", "cancel", 0))
		return nil
	}
	writeJSON(w, http.StatusOK, map[string]string{"avatarUrl": "/demo/phones/" + r.PathValue("id") + "/picture"})
	return nil
}

// servePicture serves the picture that the user chooses.
func servePicture(w http.ResponseWriter, _ *http.Request, p *phone) error {
	w.Header().Set("Content-Type", "image/png")
	w.Write(p.new.ChooseAvatar().Content)
	return nil
}

// pictures serves what the fake storage has. The page may only load images from its own origin.
func (d *demo) pictures() http.Handler {
	storage, _ := url.Parse(d.fake.CDNURL()) // a valid URL
	return http.StripPrefix("/demo/cdn", &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(storage) },
		Transport: d.transport.base,
	})
}

func (p *phone) forGeneration(generation string) *authingtest.Phone {
	if generation == "" {
		generation = p.generation
	}
	if generation == "old" {
		return p.old
	}
	return p.new
}

func validGeneration(name string) bool { return name == "" || name == "old" || name == "new" }

// spend uses up a code, as if the page had sent it before.
func (d *demo) spend(w http.ResponseWriter, r *http.Request, p *phone) error {
	var in struct{ Code string }
	if err := readOptional(w, r, &in); err != nil {
		return err
	}
	detail := p.old.GetUserInfo()
	// The call uses up the code even if it fails, for example because the code does not match the detail.
	_, err := d.spender.Decrypt(r.Context(), in.Code, detail.EncryptedData, detail.IV)
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
	d.traceOf(r).down.Store(in.Down)
	writeJSON(w, http.StatusNoContent, nil)
	return nil
}

func (d *demo) state(w http.ResponseWriter, r *http.Request) error {
	writeJSON(w, http.StatusOK, struct {
		Down bool   `json:"down"`
		Pool string `json:"pool"`
	}{d.traceOf(r).down.Load(), d.fake.UserPoolID()})
	return nil
}

// readOptional is readJSON without requiring a body or a content type, for manual use with curl.
func readOptional(w http.ResponseWriter, r *http.Request, into any) error {
	err := decode(http.MaxBytesReader(w, r.Body, maxBody), into)
	if errors.Is(err, errNoBody) {
		return nil
	}
	return err
}
