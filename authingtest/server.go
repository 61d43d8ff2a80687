package authingtest

import (
	"bytes"
	"cmp"
	"crypto/rsa"
	"encoding/json"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"

	"github.com/authing-wxapp/authing"
)

// KeepKey as Options.MinKeyAge lets no login replace a session key.
const KeepKey time.Duration = math.MaxInt64

// Options configures a [Server]. The zero value gives a server that is as strict as the real one, but without limits on
// how often an address may call.
type Options struct {
	// Clock tells the time, by which codes, tokens and throttles run out. It must be safe for concurrent use.
	// Nil is time.Now.
	Clock func() time.Time

	UserPoolID string // empty: minted
	AppID      string // of the mini program; empty: minted
	Secret     string // of the user pool, for the token of its owner; empty: minted

	// Where to listen; nil is a free port on loopback. The server closes the listeners.
	UsersListener, OAuthListener, UploadListener net.Listener

	// PrivateKey decrypts passwords. Nil is one with 1024 bits, as Authing's, that all servers of the process share.
	PrivateKey *rsa.PrivateKey

	// MinKeyAge is the age from which a login replaces the session key. With zero every login replaces it, which brings
	// to light what real WeChat, whose period is unknown, shows now and then. See [KeepKey].
	MinKeyAge time.Duration

	NewCodeKillsOld    bool // a new code makes older unused ones of the same user unknown
	NoUnionID          bool // the mini program belongs to no Open Platform account, so that nobody has a unionid
	NoPhoneCode        bool // details of phone numbers lack the code of their own, as before 2021-12
	NumericCountryCode bool // encrypted phone numbers hold 86, not "86"
	EarlyUpdates       bool // updateUser changes e-mail addresses and phone numbers, as before 2020

	// How often one address, that of the caller or a lastIP, may do something within five minutes. Zero is no limit.
	//
	// LoginLimit and FailureLimit make Login demand a captcha (code 2000). LoginLimit counts the calls of Login that
	// signed somebody in, named an unknown user or gave a wrong password; FailureLimit counts the latter two, since the
	// last that signed somebody in. No other way to sign in counts or meets these limits, as a captcha could not be
	// solved there: to rehearse that the service demands one all the same, use [Server.FailNext] with the code 2000.
	//
	// RegistrationLimit counts the accounts that any call creates, LoginWithWxapp at the first sight of a user included,
	// and refuses to create more (code 2100). The code of wx.login is spent then.
	//
	// The real service is documented to allow 3 logins and 3 registrations, but not which calls it counts as such.
	LoginLimit, FailureLimit, RegistrationLimit int

	UploadLimit int64 // bytes of a file that the storage accepts; 0: 10 MiB

	// WeChatError words a failure of WeChat the way Authing would: how the real one does is not known.
	// Nil answers HTTP 200 and {"code":500,"message":…,"data":{"errcode":…,"errmsg":…}}.
	WeChatError func(errcode int, errmsg string) (status int, body string)
}

// Server is an Authing with one user pool, and the WeChat behind it. All methods are safe for concurrent use.
type Server struct {
	opts                  Options
	tokenKey              string
	ownerID, groupID      string
	users, oauth, storage *httptest.Server
	closing               chan struct{}
	closeOnce             sync.Once

	mu           sync.Mutex // guards what follows
	accounts     []*account
	sessions     map[sessionID]*session
	phoneNumbers map[string]bool // of all phones
	minted       int             // phone numbers so far
	codes        map[string]*loginCode
	ldap         map[string]string // passwords by user name
	callers      map[string]*caller
	captchas     map[string]string   // texts by URL
	smsCodes     map[string]sentCode // by phone number
	mailCodes    map[string]sentCode // by address
	lastSMS      map[string]string
	lastMail     map[string]Mail
	sentSMS      map[string]int
	sentMails    map[string]int
	tickets      map[string]ticketOf
	uploadTokens map[string]time.Time // when they expire
	images       map[string][]byte    // by key
	requests     []Request
	arrivals     map[string]int
	faults       map[string][]Fault
}

// NewServer starts a server. The caller should call Close when finished. Like httptest.NewServer it panics if the
// machine has no loopback port left.
func NewServer(opts Options) *Server {
	s := &Server{
		opts:         opts.withDefaults(),
		tokenKey:     mint(alphanumerics, 32),
		ownerID:      mint(hexDigits, 24),
		groupID:      mint(hexDigits, 24),
		closing:      make(chan struct{}),
		sessions:     map[sessionID]*session{},
		phoneNumbers: map[string]bool{},
		codes:        map[string]*loginCode{},
		ldap:         map[string]string{},
		callers:      map[string]*caller{},
		captchas:     map[string]string{},
		smsCodes:     map[string]sentCode{},
		mailCodes:    map[string]sentCode{},
		lastSMS:      map[string]string{},
		lastMail:     map[string]Mail{},
		sentSMS:      map[string]int{},
		sentMails:    map[string]int{},
		tickets:      map[string]ticketOf{},
		uploadTokens: map[string]time.Time{},
		images:       map[string][]byte{},
		arrivals:     map[string]int{},
		faults:       map[string][]Fault{},
	}
	users, oauth, storage := http.NewServeMux(), http.NewServeMux(), http.NewServeMux()
	s.routeGraphQL(users, "users")
	s.routeGraphQL(oauth, "oauth")
	s.routeWxapp(oauth)
	s.routeStorage(storage)
	users.HandleFunc("GET /send_smscode/{phone}/{pool}", s.endpoint("GetVerificationCode", s.sendSMSCode))
	users.HandleFunc("GET /verify_email/{ticket}", func(w http.ResponseWriter, r *http.Request) { s.verifyEmail(r).write(w) })
	users.HandleFunc("GET /captcha/{id}", s.serveCaptcha)
	s.users = listening(opts.UsersListener, s.recorded("users", users))
	s.oauth = listening(opts.OAuthListener, s.recorded("oauth", oauth))
	s.storage = listening(opts.UploadListener, s.recorded("upload", storage))
	// The handlers look at these fields, so none may run before all are set.
	for _, host := range []*httptest.Server{s.users, s.oauth, s.storage} {
		host.Start()
	}
	return s
}

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.UserPoolID == "" {
		o.UserPoolID = mint(hexDigits, 24)
	}
	if o.AppID == "" {
		o.AppID = "wx" + mint(hexDigits, 16)
	}
	if o.Secret == "" {
		o.Secret = mint(hexDigits, 32)
	}
	if o.PrivateKey == nil {
		o.PrivateKey = madeKey()
	}
	if o.UploadLimit == 0 {
		o.UploadLimit = 10 << 20
	}
	if o.WeChatError == nil {
		o.WeChatError = wordWeChatError
	}
	return o
}

// listening returns a server that is still to be started.
func listening(l net.Listener, h http.Handler) *httptest.Server {
	ts := httptest.NewUnstartedServer(h)
	if l != nil {
		ts.Listener.Close()
		ts.Listener = l
	}
	return ts
}

// Close shuts the server down. It ends the calls that are still under way, those that a [Fault] keeps waiting and those
// of clients that never finish their request included.
func (s *Server) Close() {
	s.closeOnce.Do(func() { close(s.closing) })
	for _, host := range []*httptest.Server{s.users, s.oauth, s.storage} {
		host.CloseClientConnections()
		host.Close()
	}
}

// UserPoolID returns the id of the one user pool that the server knows.
func (s *Server) UserPoolID() string { return s.opts.UserPoolID }

// AppID returns the AppID of the mini program that the user pool belongs to.
func (s *Server) AppID() string { return s.opts.AppID }

// UsersURL returns the base URL of the users host, without a trailing slash.
func (s *Server) UsersURL() string { return s.users.URL }

// OAuthURL returns the base URL of the oauth host, without a trailing slash.
func (s *Server) OAuthURL() string { return s.oauth.URL }

// UploadURL returns the base URL of the storage of avatars, without a trailing slash.
func (s *Server) UploadURL() string { return s.storage.URL }

// CDNURL returns the base URL that uploaded avatars are served from, without a trailing slash.
func (s *Server) CDNURL() string { return s.storage.URL + "/cdn" }

// Secret returns the secret of the user pool.
func (s *Server) Secret() string { return s.opts.Secret }

// ClientOptions returns what authing.NewClient needs, beside the UserPoolID, to call this server.
func (s *Server) ClientOptions() []authing.Option {
	return []authing.Option{
		authing.WithHosts(authing.Hosts{
			Users: s.UsersURL(), OAuth: s.OAuthURL(), Upload: s.UploadURL(), CDN: s.CDNURL(), AllowHTTP: true,
		}),
		authing.WithPublicKey(s.PublicKey()),
	}
}

// Request is a request as it arrived.
type Request struct {
	Host   string // "users", "oauth" or "upload"
	Method string
	Path   string // with the query, still escaped
	Header http.Header
	Body   []byte
}

// Requests returns all requests in the order of their arrival, those included that failed or got no answer.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// SpentCodes returns how often each code of wx.login arrived, and each texted code in a login. Every arrival counts, also
// of a code that is unknown, at a wrong address, or in a call that got no answer: a count of two is a request that
// somebody sent twice.
func (s *Server) SpentCodes() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.arrivals)
}

// recorded takes down every request before next sees it.
func (s *Server) recorded(host string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		s.record(Request{Host: host, Method: r.Method, Path: r.RequestURI, Header: r.Header.Clone(), Body: body})
		if err != nil {
			drop(w)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

func (s *Server) record(rq Request) {
	var (
		code      string
		variables json.RawMessage
		phoneCode json.Number
	)
	// Most requests lack most of these, and many bodies are not JSON.
	readJSON(rq.Body, map[string]any{"code": &code, "variables": &variables})
	readJSON(variables, map[string]any{"phoneCode": &phoneCode})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, rq)
	if code := cmp.Or(code, phoneCode.String()); code != "" {
		s.arrivals[code]++
	}
}

// reply is an HTTP answer.
type reply struct {
	status int
	body   string
}

// jsonText writes v without the escapes for HTML, which neither JavaScript nor WeChat makes.
func jsonText(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.Encode(v) // writes to memory, and only types of this package
	return string(bytes.TrimSpace(b.Bytes()))
}

const (
	digits        = "0123456789"
	hexDigits     = digits + "abcdef"
	alphanumerics = hexDigits + "ghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// mint returns n random characters. The fake has nothing to protect, so they need not be unpredictable.
func mint(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[rand.IntN(len(alphabet))]
	}
	return string(b)
}
