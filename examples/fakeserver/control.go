package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
	"github.com/authing-wxapp/authing/authingv3"
)

// prefix of every path of the control API.
const prefix = "/control"

// route is one request of the control API. The help and docs/fakeserver.md are made from the table of routes.
type route struct {
	method, path string // without the prefix
	body         string // an example; "" if the request needs none
	help         string
	handle       func(*control, *http.Request) (any, error)
}

func (r route) String() string { return r.method + " " + prefix + r.path }

// routes returns the table of routes.
func routes() []route {
	return []route{
		{"GET", "/config", "", "what a client needs: URLs, user pool, application, secrets, public key", (*control).getConfig},
		{"GET", "/publickey", "", "the public key for encrypting passwords, as PEM text", (*control).getPublicKey},

		{"POST", "/phones", `{"nickName":"Ann","phoneNumber":"13900000001"}`, "create the phone of a WeChat user; every field is optional", (*control).createPhone},
		{"GET", "/phones", "", "all phones", (*control).listPhones},
		{"GET", "/phones/{id}", "", "a phone", onPhone(func(p phone, _ *http.Request) (any, error) { return p.json(), nil })},
		{"POST", "/phones/{id}/login", "", "wx.login: a code", onPhone(func(p phone, _ *http.Request) (any, error) {
			return map[string]string{"errMsg": "login:ok", "code": p.Login()}, nil
		})},
		{"POST", "/phones/{id}/checkSession", "", "wx.checkSession", onPhone(func(p phone, _ *http.Request) (any, error) {
			return map[string]string{"errMsg": p.CheckSession()}, nil
		})},
		{"POST", "/phones/{id}/getUserInfo", "", "e.detail of the button; ?deny or ?fail=no+permission&errno=1400001: of a refusal or failure", detail("getUserInfo", (*authingtest.Phone).GetUserInfo)},
		{"POST", "/phones/{id}/getUserProfile", "", "the same for wx.getUserProfile", detail("getUserProfile", (*authingtest.Phone).GetUserProfile)},
		{"POST", "/phones/{id}/getPhoneNumber", "", "the same for the phone button", detail("getPhoneNumber", (*authingtest.Phone).GetPhoneNumber)},
		{"POST", "/phones/{id}/getRealtimePhoneNumber", "", "the same for the real-time phone button", detail("getRealtimePhoneNumber", (*authingtest.Phone).GetRealtimePhoneNumber)},
		{"POST", "/phones/{id}/chooseAvatar", "", "the picture that the user chooses; image is the file at avatarUrl, in base64", onPhone(func(p phone, _ *http.Request) (any, error) {
			file := p.ChooseAvatar()
			return map[string]any{"avatarUrl": file.Path, "image": file.Content}, nil
		})},

		{"GET", "/app", "", "the settings of the application of today's API", (*control).getApp},
		{"PUT", "/app", `{"clientAuth":"client_secret_post"}`, "change some of them", (*control).changeApp},
		{"POST", "/keys", "", "let a new key sign the tokens of today's API; the old public keys stay", func(c *control, _ *http.Request) (any, error) {
			c.fake.RotateKeys()
			return c.jwks(), nil
		}},
		{"DELETE", "/keys", "", "remove the old public keys", func(c *control, _ *http.Request) (any, error) {
			c.fake.DropOldKeys()
			return c.jwks(), nil
		}},

		{"POST", "/users", `{"email":"ann@example.com","nickname":"Ann"}`, "add an account that has signed in once", (*control).addUser},
		{"GET", "/users", "", "all accounts; ?phone=… selects one", (*control).listUsers},
		{"GET", "/users/{id}", "", "an account with its latest token", onUser(func(c *control, id string, _ *http.Request) error { return nil })},
		{"DELETE", "/users/{id}", "", "mark an account as deleted", onUser(func(c *control, id string, _ *http.Request) error {
			c.fake.DeleteUser(id)
			return nil
		})},
		{"DELETE", "/users/{id}/tokens", "", "revoke all tokens of an account", onUser(func(c *control, id string, _ *http.Request) error {
			c.fake.RevokeTokens(id)
			return nil
		})},
		{"PUT", "/users/{id}/password", `{"password":"secret"}`, "set the password; empty removes it", onUser(func(c *control, id string, r *http.Request) error {
			var in struct {
				Password *string `json:"password"`
			}
			if err := readBody(r, &in); err != nil {
				return err
			}
			if in.Password == nil {
				return badRequest(errors.New(`the body must be {"password":"…"}`))
			}
			c.fake.SetPassword(id, *in.Password)
			return nil
		})},
		{"PUT", "/users/{id}/blocked", `{"on":true}`, "lock or unlock an account", onUser(toggle((*authingtest.Server).SetBlocked))},
		{"PUT", "/users/{id}/mfa", `{"on":true}`, "require a second factor for the password, or not", onUser(toggle((*authingtest.Server).SetMFA))},
		{"POST", "/users/{id}/apps", `{"name":"Shop"}`, "let the user authorize an OAuth app", (*control).authorizeApp},
		{"POST", "/users/{id}/oidcapps", `{"name":"Shop"}`, "let the user authorize an OpenID Connect app", (*control).authorizeOIDCApp},
		{"PUT", "/ldap/{username}", `{"password":"secret"}`, "add a user to the LDAP directory", (*control).addLDAPUser},

		{"GET", "/sms", "", "the number of text messages by phone number", func(c *control, _ *http.Request) (any, error) { return c.fake.SentSMS(), nil }},
		{"GET", "/sms/{phone}", "", "the last text message and the number of messages", (*control).sms},
		{"GET", "/mail", "", "the number of mails by address", func(c *control, _ *http.Request) (any, error) { return c.fake.SentMails(), nil }},
		{"GET", "/mail/{address}", "", "the last mail and the number of mails", (*control).mail},
		{"GET", "/captcha", "", "the text of the captcha ?url=…", (*control).captcha},

		{"POST", "/faults", `{"op":"LoginWithWxapp","when":"after","drop":true}`, "make the next call of op fail; see below", (*control).addFault},
		{"GET", "/requests", "", "the latest requests and the number of all; ?last=10 limits them", (*control).requests},
		{"GET", "/codes", "", "how often each wx.login code, phone code, texted code and refresh token was received", func(c *control, _ *http.Request) (any, error) { return c.fake.SpentCodes(), nil }},
		{"GET", "/clock", "", "the server's time", (*control).getClock},
		{"POST", "/clock", `{"advance":"6m"}`, `advance the clock, or set it: {"now":"2030-01-02T03:04:05Z"}`, (*control).setClock},
	}
}

// control is the control API of one fake.
type control struct {
	fake  *authingtest.Server
	clock *clock

	mu     sync.Mutex
	phones []*authingtest.Phone // a phone's ID is its index plus 1
}

// httpError is an error with an HTTP status.
type httpError struct {
	status  int
	message string
}

func (e *httpError) Error() string { return e.message }

func notFound(message string) error { return &httpError{http.StatusNotFound, message} }

func badRequest(err error) error {
	if err == nil {
		return nil
	}
	return &httpError{http.StatusBadRequest, err.Error()}
}

// text is a result that is not JSON.
type text string

// newControl returns the handler of the control API. Paths without the prefix work, too. A page of origin may call it.
func newControl(fake *authingtest.Server, clock *clock, origin string) http.Handler {
	c := &control{fake: fake, clock: clock}
	mux := http.NewServeMux()
	for _, r := range routes() {
		mux.HandleFunc(r.String(), func(w http.ResponseWriter, req *http.Request) {
			req.Body = http.MaxBytesReader(w, req.Body, 1<<20)
			v, err := r.handle(c, req)
			if err != nil {
				writeError(w, err)
				return
			}
			if t, ok := v.(text); ok {
				io.WriteString(w, string(t))
				return
			}
			writeJSON(w, http.StatusOK, v)
		})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if origin != "" {
			w.Header().Set("Access-Control-Allow-Origin", origin)
			w.Header().Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE")
			w.Header().Set("Access-Control-Allow-Headers", "Content-Type")
			if r.Method == http.MethodOptions {
				w.WriteHeader(http.StatusNoContent)
				return
			}
		}
		if !strings.HasPrefix(r.URL.Path, prefix+"/") {
			r = r.Clone(r.Context())
			r.URL.Path, r.URL.RawPath = prefix+r.URL.Path, ""
		}
		if _, pattern := mux.Handler(r); pattern == "" {
			writeError(w, notFound("no such request: "+r.Method+" "+r.URL.Path+"; see fakeserver -h"))
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func writeError(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	if e, ok := errors.AsType[*httpError](err); ok {
		status = e.status
	}
	type body struct {
		Status  int    `json:"status"`
		Message string `json:"message"`
	}
	writeJSON(w, status, map[string]body{"error": {status, err.Error()}})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.Encode(v)
}

// readBody decodes a JSON body, which may be absent.
func readBody(r *http.Request, v any) error {
	body, err := io.ReadAll(r.Body)
	if err != nil || len(bytes.TrimSpace(body)) == 0 {
		return badRequest(err)
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return badRequest(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return badRequest(errors.New("the body must be one JSON value"))
	}
	return nil
}

func (c *control) getConfig(*http.Request) (any, error) {
	return map[string]string{
		"users": c.fake.UsersURL(), "oauth": c.fake.OAuthURL(), "upload": c.fake.UploadURL(), "cdn": c.fake.CDNURL(),
		"userPoolId": c.fake.UserPoolID(), "secret": c.fake.Secret(), "publicKey": c.fake.PublicKey(),
		"weChatAppId": c.fake.WeChatAppID(), "app": c.fake.AppHost(), "appId": c.fake.AppID(),
		"appSecret": string(c.fake.AppSecret()), "miniProgram": c.fake.MiniProgram(), "issuer": c.fake.Issuer(),
		"jwks": c.fake.JWKSURL(),
	}, nil
}

func (c *control) getPublicKey(*http.Request) (any, error) { return text(c.fake.PublicKey()), nil }

// phone is a phone and its ID.
type phone struct {
	id string
	*authingtest.Phone
}

func (p phone) json() any {
	return struct {
		ID string `json:"id"`
		authingtest.WxUser
	}{p.id, p.User()}
}

func (c *control) createPhone(r *http.Request) (any, error) {
	var user authingtest.WxUser
	if err := readBody(r, &user); err != nil {
		return nil, err
	}
	p := c.fake.NewPhone(user)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.phones = append(c.phones, p)
	return phone{strconv.Itoa(len(c.phones)), p}.json(), nil
}

func (c *control) listPhones(*http.Request) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := []any{}
	for i, p := range c.phones {
		all = append(all, phone{strconv.Itoa(i + 1), p}.json())
	}
	return all, nil
}

// onPhone looks up the phone in the path.
func onPhone(do func(phone, *http.Request) (any, error)) func(*control, *http.Request) (any, error) {
	return func(c *control, r *http.Request) (any, error) {
		id := r.PathValue("id")
		i, err := strconv.Atoi(id)
		c.mu.Lock()
		known := err == nil && i >= 1 && i <= len(c.phones)
		var p phone
		if known {
			p = phone{id, c.phones[i-1]}
		}
		c.mu.Unlock()
		if !known {
			return nil, notFound("no such phone: create one with POST " + prefix + "/phones")
		}
		return do(p, r)
	}
}

func detail(api string, get func(*authingtest.Phone) authing.Detail) func(*control, *http.Request) (any, error) {
	return onPhone(func(p phone, r *http.Request) (any, error) {
		switch query := r.URL.Query(); {
		case query.Has("deny"):
			return p.Deny(api), nil
		case query.Has("fail"):
			errno := 0
			if query.Has("errno") {
				n, err := strconv.Atoi(query.Get("errno"))
				if err != nil {
					return nil, badRequest(errors.New("errno must be a number"))
				}
				errno = n
			}
			return p.Fail(api, query.Get("fail"), errno), nil
		}
		return get(p.Phone), nil
	})
}

func (c *control) addUser(r *http.Request) (any, error) {
	type plain authing.User // without its UnmarshalJSON, which ignores unknown fields
	var user plain
	if err := readBody(r, &user); err != nil {
		return nil, err
	}
	return c.fake.AddUser(authing.User(user)), nil
}

func (c *control) listUsers(r *http.Request) (any, error) {
	if !r.URL.Query().Has("phone") {
		return c.fake.Users(), nil
	}
	user := c.fake.UserByPhone(r.URL.Query().Get("phone"))
	if user == nil {
		return []any{}, nil
	}
	return []*authing.User{user}, nil
}

func (c *control) checkUser(id string) error {
	if c.fake.User(id) == nil {
		return notFound("no such user: " + id)
	}
	return nil
}

// onUser looks up the account in the path, and returns it as it is after do.
func onUser(do func(c *control, id string, r *http.Request) error) func(*control, *http.Request) (any, error) {
	return func(c *control, r *http.Request) (any, error) {
		id := r.PathValue("id")
		if err := c.checkUser(id); err != nil {
			return nil, err
		}
		if err := do(c, id, r); err != nil {
			return nil, err
		}
		return c.fake.User(id), nil
	}
}

func toggle(set func(*authingtest.Server, string, bool)) func(*control, string, *http.Request) error {
	return func(c *control, id string, r *http.Request) error {
		var in struct {
			On *bool `json:"on"`
		}
		if err := readBody(r, &in); err != nil {
			return err
		}
		if in.On == nil {
			return badRequest(errors.New(`the body must be {"on":true} or {"on":false}`))
		}
		set(c.fake, id, *in.On)
		return nil
	}
}

func (c *control) authorizeApp(r *http.Request) (any, error) {
	var app authing.OAuthApp
	if err := errors.Join(c.checkUser(r.PathValue("id")), readBody(r, &app)); err != nil {
		return nil, err
	}
	return map[string]string{"id": c.fake.AuthorizeApp(r.PathValue("id"), app)}, nil
}

func (c *control) authorizeOIDCApp(r *http.Request) (any, error) {
	type plain authing.OIDCApp // without its UnmarshalJSON, which ignores unknown fields
	var app plain
	if err := errors.Join(c.checkUser(r.PathValue("id")), readBody(r, &app)); err != nil {
		return nil, err
	}
	return map[string]string{"id": c.fake.AuthorizeOIDCApp(r.PathValue("id"), authing.OIDCApp(app))}, nil
}

func (c *control) addLDAPUser(r *http.Request) (any, error) {
	var in struct {
		Password string `json:"password"`
	}
	if err := readBody(r, &in); err != nil {
		return nil, err
	}
	if in.Password == "" {
		return nil, badRequest(errors.New("the password must not be empty"))
	}
	c.fake.AddLDAPUser(r.PathValue("username"), in.Password)
	return map[string]string{"username": r.PathValue("username")}, nil
}

func (c *control) sms(r *http.Request) (any, error) {
	number := r.PathValue("phone")
	code := c.fake.LastSMS(number)
	if code == "" {
		return nil, notFound("no text message was sent to this number")
	}
	return map[string]any{"code": code, "sent": c.fake.SentSMS()[number]}, nil
}

func (c *control) mail(r *http.Request) (any, error) {
	address := strings.ToLower(r.PathValue("address")) // as the keys of SentMails are
	sent := c.fake.SentMails()[address]
	if sent == 0 {
		return nil, notFound("no mail was sent to this address")
	}
	last := c.fake.LastMail(address)
	return struct {
		Code string `json:"code,omitempty"`
		Link string `json:"link,omitempty"`
		Sent int    `json:"sent"`
	}{last.Code, last.Link, sent}, nil
}

func (c *control) captcha(r *http.Request) (any, error) {
	text := c.fake.Captcha(r.URL.Query().Get("url"))
	if text == "" {
		return nil, notFound("no such captcha: use the url in the data of the error")
	}
	return map[string]string{"text": text}, nil
}

const faultHelp = `A fault is one JSON object. op is the name of the Go client's method, such as LoginWithWxapp, BindPhone, Login,
GetVerificationCode, Refresh, or Upload for the storage and JWKS for the keys. when is "before" (the default: the call does not take effect), "after" or
"midReply" (half of the reply is sent). delay is a duration such as "1.5s", or "untilGone". drop closes the connection.
code is an Authing code (for today's API, a statusCode below 1000 or an apiCode), errCode one of WeChat, status and body are
an HTTP reply. Faults of one op queue up.`

// ops are the names that authingtest.Server.FailNext knows: those of the methods that make calls, and of other requests.
var ops = sync.OnceValue(func() []string {
	names := []string{"Upload", "VerifyDeleteAccount", "JWKS", "Discovery", "UserInfo", "Identities", "System"}
	for _, client := range []reflect.Type{reflect.TypeFor[*authing.Client](), reflect.TypeFor[*authingv3.Client]()} {
		for method := range client.Methods() {
			makesCalls := method.Type.NumIn() > 1 && method.Type.In(1) == reflect.TypeFor[context.Context]()
			if makesCalls && method.Name != "AllAuthedApps" { // which calls GetAuthedAppList
				names = append(names, method.Name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
})

func (c *control) addFault(r *http.Request) (any, error) {
	var in struct {
		Op      string `json:"op"`
		When    string `json:"when"`
		Delay   string `json:"delay"`
		Drop    bool   `json:"drop"`
		Code    int    `json:"code"`
		ErrCode int    `json:"errCode"`
		Status  int    `json:"status"`
		Body    string `json:"body"`
	}
	if err := readBody(r, &in); err != nil {
		return nil, err
	}
	fault := authingtest.Fault{Drop: in.Drop, Code: in.Code, ErrCode: in.ErrCode, Status: in.Status, Body: in.Body}
	when, ok := map[string]authingtest.When{
		"": authingtest.Before, "before": authingtest.Before, "after": authingtest.After, "midReply": authingtest.MidReply,
	}[in.When]
	fault.When = when
	var err error
	switch in.Delay {
	case "":
	case "untilGone":
		fault.Delay = authingtest.UntilGone
	default:
		fault.Delay, err = time.ParseDuration(in.Delay)
	}
	switch {
	case !slices.Contains(ops(), in.Op):
		err = fmt.Errorf("op must be one of %s, not %q", strings.Join(ops(), ", "), in.Op)
	case !ok:
		err = fmt.Errorf("when must be before, after or midReply, not %q", in.When)
	case fault.Delay < 0:
		err = fmt.Errorf("delay %s is negative", in.Delay)
	case in.Status != 0 && (in.Status < 200 || in.Status > 599):
		err = fmt.Errorf("status %d is not a final HTTP status", in.Status)
	}
	if err != nil {
		return nil, badRequest(err)
	}
	c.fake.FailNext(in.Op, fault)
	return map[string]string{"op": in.Op}, nil
}

func (c *control) requests(r *http.Request) (any, error) {
	type request struct {
		Host   string      `json:"host"`
		Method string      `json:"method"`
		Path   string      `json:"path"`
		Header http.Header `json:"header"`
		Body   string      `json:"body"`
	}
	kept := c.fake.Requests()
	if last := r.URL.Query().Get("last"); last != "" {
		n, err := strconv.Atoi(last)
		if err != nil || n < 0 {
			return nil, badRequest(errors.New("last must be a number"))
		}
		kept = kept[max(len(kept)-n, 0):]
	}
	list := make([]request, 0, len(kept))
	for _, req := range kept {
		list = append(list, request{req.Host, req.Method, req.Path, req.Header, string(req.Body)})
	}
	return map[string]any{"count": c.fake.RequestCount(), "requests": list}, nil
}

// clock is the time plus an offset.
type clock struct {
	mu     sync.Mutex
	offset time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

// errTooFar is about what a time.Duration holds.
var errTooFar = errors.New("the clock cannot be 292 years or more away from the real time")

func (c *clock) set(now time.Time) error {
	offset := time.Until(now)
	if offset == math.MaxInt64 || offset == math.MinInt64 { // also for every time further away
		return errTooFar
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset = offset
	return nil
}

func (c *clock) advance(d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := c.offset + d
	if (sum < c.offset) != (d < 0) { // an overflow
		return errTooFar
	}
	c.offset = sum
	return nil
}

func (c *control) getClock(*http.Request) (any, error) {
	return map[string]time.Time{"now": c.clock.Now().UTC()}, nil
}

func (c *control) setClock(r *http.Request) (any, error) {
	var in struct {
		Advance string    `json:"advance"`
		Now     time.Time `json:"now"`
	}
	if err := readBody(r, &in); err != nil {
		return nil, err
	}
	if (in.Advance == "") == in.Now.IsZero() {
		return nil, badRequest(errors.New(`the body must be {"advance":"6m"} or {"now":"2030-01-02T03:04:05Z"}`))
	}
	var err error
	if in.Advance != "" {
		var d time.Duration
		if d, err = time.ParseDuration(in.Advance); err == nil {
			err = c.clock.advance(d)
		}
	} else {
		err = c.clock.set(in.Now)
	}
	if err != nil {
		return nil, badRequest(err)
	}
	return c.getClock(r)
}

// routeTable formats the routes for the help.
func routeTable() string {
	var b strings.Builder
	for _, r := range routes() {
		fmt.Fprintf(&b, "  %-6s %s\n           %s\n", r.method, prefix+r.path, r.help)
		if r.body != "" {
			fmt.Fprintf(&b, "           %s\n", r.body)
		}
	}
	return b.String()
}

// markdownTable formats the routes for docs/fakeserver.md.
func markdownTable() string {
	lines := []string{"| Request | Body | What it does |", "|---|---|---|"}
	for _, r := range routes() {
		body := ""
		if r.body != "" {
			body = "`" + r.body + "`"
		}
		lines = append(lines, fmt.Sprintf("| `%s` | %s | %s |", r, body, r.help))
	}
	return strings.Join(slices.Concat(lines, []string{""}), "\n")
}
