package authingtest

import (
	"bytes"
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

// Options configures a [Server]. The zero value gives a server that is as strict as the real one.
type Options struct {
	// Clock tells the time, by which codes, tokens and throttles run out. It must be safe for concurrent use.
	// Nil is time.Now.
	Clock func() time.Time

	UserPoolID string // empty: minted
	AppID      string // of the mini program; empty: minted

	// Where to listen; nil is a free port on loopback. The server closes the listeners.
	UsersListener, OAuthListener net.Listener

	// MinKeyAge is the age from which a login replaces the session key. With zero every login replaces it, which brings
	// to light what real WeChat, whose period is unknown, shows now and then. See [KeepKey].
	MinKeyAge time.Duration

	NewCodeKillsOld    bool // a new code makes older unused ones of the same user unknown
	NoUnionID          bool // the mini program belongs to no Open Platform account, so that nobody has a unionid
	NoPhoneCode        bool // details of phone numbers lack the code of their own, as before 2021-12
	NumericCountryCode bool // encrypted phone numbers hold 86, not "86"

	// WeChatError words a failure of WeChat the way Authing would: how the real one does is not known.
	// Nil answers HTTP 200 and {"code":500,"message":…,"data":{"errcode":…,"errmsg":…}}.
	WeChatError func(errcode int, errmsg string) (status int, body string)
}

// Server is an Authing with one user pool, and the WeChat behind it. All methods are safe for concurrent use.
type Server struct {
	opts         Options
	tokenKey     string
	users, oauth *httptest.Server
	closing      chan struct{}
	closeOnce    sync.Once

	mu       sync.Mutex // guards what follows
	accounts []*account
	sessions map[sessionID]*session
	codes    map[string]*loginCode
	requests []Request
	arrivals map[string]int
	faults   map[string][]Fault
}

// NewServer starts a server. The caller should call Close when finished. Like httptest.NewServer it panics if the
// machine has no loopback port left.
func NewServer(opts Options) *Server {
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	if opts.UserPoolID == "" {
		opts.UserPoolID = mint(hexDigits, 24)
	}
	if opts.AppID == "" {
		opts.AppID = "wx" + mint(hexDigits, 16)
	}
	if opts.WeChatError == nil {
		opts.WeChatError = wordWeChatError
	}
	s := &Server{
		opts:     opts,
		tokenKey: mint(alphanumerics, 32),
		closing:  make(chan struct{}),
		sessions: map[sessionID]*session{},
		codes:    map[string]*loginCode{},
		arrivals: map[string]int{},
		faults:   map[string][]Fault{},
	}
	users, oauth := http.NewServeMux(), http.NewServeMux()
	s.routeWxapp(oauth)
	s.users = start(opts.UsersListener, s.recorded("users", users))
	s.oauth = start(opts.OAuthListener, s.recorded("oauth", oauth))
	return s
}

func start(l net.Listener, h http.Handler) *httptest.Server {
	ts := httptest.NewUnstartedServer(h)
	if l != nil {
		ts.Listener.Close()
		ts.Listener = l
	}
	ts.Start()
	return ts
}

// Close shuts the server down. It ends the calls that a [Fault] keeps waiting, and blocks until all calls have ended.
func (s *Server) Close() {
	s.closeOnce.Do(func() { close(s.closing) })
	s.users.Close()
	s.oauth.Close()
}

// UserPoolID returns the id of the one user pool that the server knows.
func (s *Server) UserPoolID() string { return s.opts.UserPoolID }

// AppID returns the AppID of the mini program that the user pool belongs to.
func (s *Server) AppID() string { return s.opts.AppID }

// UsersURL returns the base URL of the users host, without a trailing slash.
func (s *Server) UsersURL() string { return s.users.URL }

// OAuthURL returns the base URL of the oauth host, without a trailing slash.
func (s *Server) OAuthURL() string { return s.oauth.URL }

// ClientOptions returns what authing.NewClient needs, beside the UserPoolID, to call this server.
func (s *Server) ClientOptions() []authing.Option {
	return []authing.Option{authing.WithHosts(authing.Hosts{
		Users: s.UsersURL(), OAuth: s.OAuthURL(), AllowHTTP: true,
	})}
}

// Request is a request as it arrived.
type Request struct {
	Host   string // "users" or "oauth"
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

// SpentCodes returns how often each code of wx.login arrived. Every arrival counts, also of a code that is unknown, at a
// wrong address, or in a call that got no answer: a count of two is a request that somebody sent twice.
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
	var spends struct{ Code string }
	json.Unmarshal(rq.Body, &spends)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, rq)
	if spends.Code != "" {
		s.arrivals[spends.Code]++
	}
}

// reply is an HTTP answer.
type reply struct {
	status int
	body   string
}

// envelope is how Authing wraps what its REST endpoints return.
type envelope struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data"`
}

func success(data any) reply { return reply{http.StatusOK, jsonText(envelope{200, "ok", data})} }

// refusal has HTTP status 200, as far as is known.
func refusal(code int, message string) reply {
	return reply{http.StatusOK, jsonText(envelope{Code: code, Message: message})}
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
