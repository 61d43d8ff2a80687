package authingtest

import (
	"bytes"
	"cmp"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/authing-wxapp/authing"
)

// KeepKey as Options.MinKeyAge makes wx.login never replace the session key.
const KeepKey time.Duration = math.MaxInt64

// Options configures a [Server]. The zero value is as strict as the real service, but without limits per address.
type Options struct {
	// Clock returns the current time, which codes, tokens and limits depend on. It must be safe for concurrent use, and
	// must not call the server. The default is time.Now.
	Clock func() time.Time

	UserPoolID string // generated if empty
	Secret     string // of the user pool, for the token of its owner; generated if empty

	WeChatAppID string // of the mini program at WeChat; generated if empty

	App AppOptions // of today's API

	// Listeners of the four hosts. The default is a free port on loopback. Close closes them.
	UsersListener, OAuthListener, UploadListener, AppListener net.Listener

	// PrivateKey decrypts passwords. The default is a 1024-bit key, like Authing's, shared by all servers of the
	// process.
	PrivateKey *rsa.PrivateKey

	// MinKeyAge is the minimum age at which wx.login replaces the session key. WeChat's own value is unknown. With
	// zero, every wx.login replaces the key, so that mistakes which fail occasionally in production always fail. See
	// also [KeepKey].
	MinKeyAge time.Duration

	NewCodeKillsOld    bool // a new wx.login code invalidates unused codes of the same user
	NoUnionID          bool // users have no unionid, as for a mini program outside an Open Platform account
	NoPhoneCode        bool // details of getPhoneNumber have no code of their own, as before 2021-12
	RealtimeEncrypted  bool // details of getRealtimePhoneNumber also have encryptedData and iv; sources disagree about this
	NumericCountryCode bool // countryCode in encrypted phone numbers is a number
	EarlyUpdates       bool // updateUser can change e-mail addresses and phone numbers, as before 2020

	// Limits per address and five minutes. The address is the lastIP in the call, or else the peer's. Zero means no
	// limit.
	//
	// LoginLimit and FailureLimit make Login require a captcha (code 2000). LoginLimit counts calls of Login that
	// succeed, name an unknown user or have a wrong password. FailureLimit counts the latter two since the last
	// success. Other ways to sign in have no captcha parameter, so they neither count nor are limited; to test how a
	// program handles code 2000 there, use [Server.FailNext].
	//
	// RegistrationLimit limits how many accounts are created, including those created by the first LoginWithWxapp of a
	// user. Beyond it, calls fail with code 2100, and a wx.login code in them is used up.
	//
	// Authing documents a limit of 3 logins and 3 registrations, but not which calls count.
	LoginLimit, FailureLimit, RegistrationLimit int

	// KeepRequests is the number of requests that [Server.Requests] returns. The default is 10,000; a negative number
	// keeps none. [Server.RequestCount] counts without bound.
	KeepRequests int

	// AllowOrigin is the origin whose pages may call the server from a browser, or "*". The default is none. That
	// Authing's hosts allow a page's origin is inferred from its SDK for browsers.
	AllowOrigin string

	UploadLimit int64 // maximum size of an uploaded file in bytes; default 10 MiB

	// WeChatError returns Authing's response to a failure of WeChat, whose real form is not known. The default is HTTP
	// 200 with {"code":500,"message":…,"data":{"errcode":…,"errmsg":…}}. It may call the server, except for Close.
	WeChatError func(errcode int, errmsg string) (status int, body string)
}

// Server is an Authing server with one user pool, and the WeChat behind it. Its methods are safe for concurrent use.
type Server struct {
	opts                  Options
	tokenKey              string
	ownerID, groupID      string
	sourceID              string // of the identity source of today's API
	users, oauth, storage *httptest.Server
	app                   *httptest.Server
	closing               chan struct{}
	closeOnce             sync.Once

	mu           sync.Mutex // guards the fields below
	accounts     []*account
	sessions     map[sessionID]*session
	phoneNumbers map[string]bool // of all phones
	lastNumber   int             // of the generated phone numbers
	codes        recent[*loginCode]
	ldap         map[string]string // passwords by username
	callers      recent[*caller]
	captchas     recent[string]      // texts by URL
	smsCodes     recent[sentCode]    // by phone number
	mailCodes    map[string]sentCode // by address
	lastSMS      recent[string]
	lastMail     recent[Mail]
	sentSMS      recent[int]
	sentMails    recent[int]
	tickets      recent[emailTicket]
	uploadTokens recent[time.Time] // when they expire
	images       recent[[]byte]    // by key
	imageBytes   int               // of all images
	requests     requestLog
	arrivals     recent[int]
	modes        AppOptions // those that ChangeApp changes
	phoneCodes   recent[*phoneCode]
	v3Codes      recent[v3Code] // texted and mailed ones
	v3Tokens     recent[*v3Token]
	deletions    recent[deletion] // by the token that permits them
	keys         []signingKey     // the last one signs
	faults       map[string][]Fault
}

// NewServer starts a server. The caller must call Close when finished. Like httptest.NewServer, it panics if it cannot
// listen on a port.
func NewServer(opts Options) *Server {
	s := &Server{
		opts:         opts.withDefaults(),
		tokenKey:     randomString(alphanumerics, 32),
		ownerID:      randomString(hexDigits, 24),
		groupID:      randomString(hexDigits, 24),
		sourceID:     randomString(hexDigits, 24),
		closing:      make(chan struct{}),
		sessions:     map[sessionID]*session{},
		phoneNumbers: map[string]bool{},
		ldap:         map[string]string{},
		mailCodes:    map[string]sentCode{},
		faults:       map[string][]Fault{},
	}
	s.modes = s.opts.App
	users, oauth, storage := http.NewServeMux(), http.NewServeMux(), http.NewServeMux()
	s.routeGraphQL(users, "users")
	s.routeGraphQL(oauth, "oauth")
	s.routeWxapp(oauth)
	s.routeStorage(storage)
	users.HandleFunc("GET /send_smscode/{phone}/{pool}", s.endpoint("GetVerificationCode", s.sendSMSCode))
	users.HandleFunc("GET /verify_email/{ticket}", func(w http.ResponseWriter, r *http.Request) { s.verifyEmail(r).write(w) })
	users.HandleFunc("GET /captcha/{id}", s.serveCaptcha)
	s.users = unstartedServer(opts.UsersListener, s.recordRequests("users", users))
	s.oauth = unstartedServer(opts.OAuthListener, s.recordRequests("oauth", oauth))
	s.storage = unstartedServer(opts.UploadListener, s.recordRequests("upload", storage))
	s.app = unstartedServer(opts.AppListener, s.recordRequests("app", s.routeV3()))
	// Start only now: handlers read all four fields.
	for _, host := range s.hosts() {
		host.Start()
	}
	return s
}

func (s *Server) hosts() []*httptest.Server {
	return []*httptest.Server{s.users, s.oauth, s.storage, s.app}
}

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.UserPoolID == "" {
		o.UserPoolID = randomString(hexDigits, 24)
	}
	if o.WeChatAppID == "" {
		o.WeChatAppID = "wx" + randomString(hexDigits, 16)
	}
	o.App = o.App.withDefaults()
	if o.Secret == "" {
		o.Secret = randomString(hexDigits, 32)
	}
	if o.PrivateKey == nil {
		o.PrivateKey = defaultKey()
	}
	if o.UploadLimit == 0 {
		o.UploadLimit = 10 << 20
	}
	if o.KeepRequests == 0 {
		o.KeepRequests = 10_000
	}
	if o.WeChatError == nil {
		o.WeChatError = defaultWeChatError
	}
	return o
}

func unstartedServer(l net.Listener, h http.Handler) *httptest.Server {
	ts := httptest.NewUnstartedServer(h)
	if l != nil {
		ts.Listener.Close()
		ts.Listener = l
	}
	return ts
}

// Close shuts down the server within a second. It cuts off pending requests, including those delayed by a [Fault] and
// those that a client has not sent in full.
func (s *Server) Close() {
	s.closeOnce.Do(func() { close(s.closing) })
	var closed sync.WaitGroup
	for _, host := range s.hosts() {
		host.Config.Close() // stops accepting, too: a client that reconnects must not keep httptest from ending
		closed.Go(host.Close)
	}
	done := make(chan struct{})
	go func() {
		closed.Wait()
		close(done)
	}()
	const patience = 500 * time.Millisecond // for a WeChatError that does not return
	select {
	case <-done:
	case <-time.After(patience):
	}
}

// UserPoolID returns the ID of the user pool.
func (s *Server) UserPoolID() string { return s.opts.UserPoolID }

// WeChatAppID returns the AppID of the mini program at WeChat. It is not that of [Server.AppID].
func (s *Server) WeChatAppID() string { return s.opts.WeChatAppID }

// UsersURL returns the base URL of the users host, without a trailing slash.
func (s *Server) UsersURL() string { return s.users.URL }

// OAuthURL returns the base URL of the oauth host, without a trailing slash.
func (s *Server) OAuthURL() string { return s.oauth.URL }

// UploadURL returns the base URL of the storage for avatars, without a trailing slash.
func (s *Server) UploadURL() string { return s.storage.URL }

// CDNURL returns the base URL of uploaded avatars, without a trailing slash.
func (s *Server) CDNURL() string { return s.storage.URL + "/cdn" }

// Secret returns the secret of the user pool.
func (s *Server) Secret() string { return s.opts.Secret }

// ClientOptions returns the options for authing.NewClient that make a client use this server.
func (s *Server) ClientOptions() []authing.Option {
	return []authing.Option{
		authing.WithHosts(authing.Hosts{
			Users: s.UsersURL(), OAuth: s.OAuthURL(), Upload: s.UploadURL(), CDN: s.CDNURL(), AllowHTTP: true,
		}),
		authing.WithPublicKey(s.PublicKey()),
	}
}

// Request is a request received by the server.
type Request struct {
	Host   string // "users", "oauth", "upload" or "app"
	Method string
	Path   string // escaped, with the query
	Header http.Header
	Body   []byte
}

// Requests returns the latest requests in order of arrival, including those that failed or got no reply. It returns all
// of them until there are more than Options.KeepRequests, or until they exceed 64 MiB in total. The caller may
// modify the result.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := slices.Clone(s.requests.list)
	for i := range requests {
		requests[i].Header = requests[i].Header.Clone()
		requests[i].Body = slices.Clone(requests[i].Body)
	}
	return requests
}

// RequestCount returns the number of requests received, including those that [Server.Requests] no longer returns.
func (s *Server) RequestCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests.count
}

// SpentCodes returns how often each wx.login code, phone code and refresh token, and each texted code used for a login,
// was received. It knows the latest 100,000 of them that are not longer than 8 KiB. It counts every arrival, including
// unknown codes, wrong URLs and calls without a reply: a count of two means that a request was sent twice.
func (s *Server) SpentCodes() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.arrivals.all()
}

// recordRequests records every request before passing it to next.
func (s *Server) recordRequests(host string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.opts.AllowOrigin != "" {
			header := w.Header()
			header.Set("Access-Control-Allow-Origin", s.opts.AllowOrigin)
			header.Set("Access-Control-Allow-Methods", "GET, POST")
			header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, "+
				"X-Authing-App-Id, X-Authing-Userpool-Id, X-Authing-Request-From, X-Authing-Sdk-Version, X-Authing-Lang")
			if r.Method == http.MethodOptions {
				w.WriteHeader(http.StatusNoContent)
				return
			}
		}
		const form = 1 << 20 // of an upload, apart from the file
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, min(s.opts.UploadLimit, math.MaxInt64-form)+form))
		s.record(Request{Host: host, Method: r.Method, Path: r.RequestURI, Header: r.Header.Clone(), Body: body})
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			storageError(http.StatusRequestEntityTooLarge, "request entity too large").write(w)
			return
		}
		if err != nil {
			closeConnection(w)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

func (s *Server) record(req Request) {
	var (
		code      string
		variables json.RawMessage
		phoneCode json.Number
	)
	// Errors are ignored: many bodies are not JSON.
	readJSON(req.Body, map[string]any{"code": &code, "variables": &variables})
	readJSON(variables, map[string]any{"phoneCode": &phoneCode})
	codes := []string{cmp.Or(code, phoneCode.String())}
	if req.Host == "app" {
		codes = append(codes, v3CodesIn(req.Body)...)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests.add(req, s.opts.KeepRequests)
	for _, code := range codes {
		if code != "" && len(code) <= longestCode {
			code = strings.Clone(code) // it may be a part of the body
			s.arrivals.set(code, s.arrivals.get(code)+1, keepCodes)
		}
	}
}

// reply is a JSON response.
type reply struct {
	status int
	body   string

	errcode int // not 0: a failure of WeChat, still to be worded by Options.WeChatError
}

// jsonText encodes v without HTML escapes, like JavaScript and WeChat.
func jsonText(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.Encode(v) // cannot fail for the types used here
	return string(bytes.TrimSpace(b.Bytes()))
}

const (
	digits        = "0123456789"
	hexDigits     = digits + "abcdef"
	alphanumerics = hexDigits + "ghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// randomString returns n random characters. They are not cryptographically random: a fake has nothing to protect.
func randomString(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[rand.IntN(len(alphabet))]
	}
	return string(b)
}
