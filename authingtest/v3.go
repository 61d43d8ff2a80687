package authingtest

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/authing-wxapp/authing"
)

// ClientAuth is how an application proves its identity when it signs users in or asks about tokens: 换取 token
// 身份验证方式 in the console.
type ClientAuth string

// Ways to prove it.
const (
	AuthNone  ClientAuth = "none"                // without the secret
	AuthPost  ClientAuth = "client_secret_post"  // with the secret in the body
	AuthBasic ClientAuth = "client_secret_basic" // with the secret in a Basic Authorization header
)

// SigningAlg is an algorithm that signs tokens.
type SigningAlg string

// The algorithms that the service has.
const (
	RS256 SigningAlg = "RS256" // with a key whose public half is at [Server.JWKSURL]
	HS256 SigningAlg = "HS256" // with the secret of the application
)

// Spellings of AppOptions.LifetimeField.
const (
	ExpiresIn     = "expires_in"
	ExpireIn      = "expire_in"
	BothLifetimes = "both"
)

// AppOptions configures the application that today's API (V3) serves. The zero value is an application for a mini
// program as its documents set it up.
type AppOptions struct {
	ID          string         // generated if empty
	Secret      authing.Secret // generated if empty
	MiniProgram string         // 唯一标识 of the identity source for the mini program; default "my-mini-program"

	ClientAuth     ClientAuth // default AuthNone. Requests of the other modes fail with "client authentication failed"
	AccessTokenAlg SigningAlg // default RS256
	IDTokenAlg     SigningAlg // default RS256

	TokenLifetime   time.Duration // of access and ID tokens; default 14 days. Refresh tokens live for 30 days
	NoRefreshTokens bool          // the grant type refresh_token is off

	// LoginOnly makes the identity source 仅登录模式: WeChat users without an account are refused.
	LoginOnly bool

	// Tenants are the IDs that a login may name as tenantId. Others are refused with apiCode 2130010.
	Tenants []string

	// The sources disagree about the name of the lifetime in a token response, and about whether the response with a
	// phone number has WeChat's phone_info.
	LifetimeField string // default ExpiresIn
	FlatPhone     bool

	// WeChatError is Options.WeChatError for this API. The default is HTTP 200 with {"statusCode":602,"message":…,
	// "data":{"errcode":…,"errmsg":…}}.
	WeChatError func(errcode int, errmsg string) (status int, body string)
}

const defaultTokenLifetime = 14 * 24 * time.Hour

func (o AppOptions) withDefaults() AppOptions {
	if o.ID == "" {
		o.ID = randomString(hexDigits, 24)
	}
	if o.Secret == "" {
		o.Secret = authing.Secret(randomString(hexDigits, 32))
	}
	if o.MiniProgram == "" {
		o.MiniProgram = "my-mini-program"
	}
	if o.ClientAuth == "" {
		o.ClientAuth = AuthNone
	}
	if o.AccessTokenAlg == "" {
		o.AccessTokenAlg = RS256
	}
	if o.IDTokenAlg == "" {
		o.IDTokenAlg = RS256
	}
	if o.TokenLifetime == 0 {
		o.TokenLifetime = defaultTokenLifetime
	}
	if o.LifetimeField == "" {
		o.LifetimeField = ExpiresIn
	}
	if o.WeChatError == nil {
		o.WeChatError = v3WeChatError
	}
	return o
}

func v3WeChatError(errcode int, errmsg string) (status int, body string) {
	const thirdPartyFailed = 602
	e := &v3Error{
		statusCode: thirdPartyFailed, message: fmt.Sprintf("微信接口返回错误：%d %s", errcode, errmsg),
		data: object{"errcode": errcode, "errmsg": errmsg},
	}
	rp := e.reply()
	return rp.status, rp.body
}

// AppHost returns the 认证地址 of the application, the base URL of today's API, without a trailing slash.
func (s *Server) AppHost() string { return s.app.URL }

// AppID returns the ID of the application of today's API.
func (s *Server) AppID() string { return s.opts.App.ID }

// AppSecret returns the secret of the application of today's API.
func (s *Server) AppSecret() authing.Secret { return s.opts.App.Secret }

// MiniProgram returns the identifier of the identity source for the mini program, which logins name as
// extIdpConnidentifier.
func (s *Server) MiniProgram() string { return s.opts.App.MiniProgram }

// ChangeApp changes the options of the application, except for ID, Secret, MiniProgram and WeChatError, which stay. The
// function must not call the server.
func (s *Server) ChangeApp(change func(*AppOptions)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.modes)
	s.modes = s.modes.withDefaults()
}

// Issuer returns the iss claim of the tokens of today's API.
func (s *Server) Issuer() string { return s.AppHost() + "/oidc" }

// JWKSURL returns the URL of the public keys that verify RS256 tokens.
func (s *Server) JWKSURL() string { return s.Issuer() + "/.well-known/jwks.json" }

// v3Call is a call of today's API. The fields that its endpoint does not need are empty.
type v3Call struct {
	body    object // of JSON or of a form
	query   url.Values
	ip      string
	account *account // whose access token came with the call
	token   *v3Token // that access token
}

// v3Endpoint describes a path of today's API.
type v3Endpoint struct {
	op     string                   // as in Server.FailNext
	opOf   func(body object) string // instead of op
	accept shape                    // of a JSON body; nil for a GET
	user   tokenNeed
	client bool // the application proves its identity
	handle func(v3Call) reply
}

// tokenNeed says whether an endpoint takes the access token of a user.
type tokenNeed int

const (
	noToken tokenNeed = iota
	optionalToken
	requiredToken
)

// routeV3 registers the endpoints of today's API, which are also served below the ID of the application.
func (s *Server) routeV3() http.Handler {
	mux := http.NewServeMux()
	for pattern, e := range s.v3Endpoints() {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.serveV3(w, r, e) })
	}
	s.routeOIDC(mux)
	s.routeUpload(mux)
	prefix := "/" + s.opts.App.ID
	belowID := http.StripPrefix(prefix, mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, pattern := mux.Handler(r) // first, because the ID may be "api"
		if pattern == "" && strings.HasPrefix(r.URL.Path, prefix+"/") {
			belowID.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (s *Server) v3Endpoints() map[string]v3Endpoint {
	return map[string]v3Endpoint{
		"POST /api/v3/signin-by-mobile": {opOf: mobileOp, accept: mobileShape, client: true, handle: s.signInByMobile},
		"POST /api/v3/signin":           {opOf: signInOp, accept: signInShape, client: true, handle: s.signInByCredentials},
		"POST /api/v3/signup":           {op: "Register", accept: signUpShape, handle: s.signUp},

		"POST /api/v3/send-sms":   {op: "GetVerificationCode", accept: smsShape, user: optionalToken, handle: s.sendSMS},
		"POST /api/v3/send-email": {op: "SendEmailCode", accept: emailShape, user: optionalToken, handle: s.sendEmail},

		"POST /api/v3/get-wechat-miniprogram-phone":    {op: "GetPhone", accept: phoneShape, user: optionalToken, handle: s.wechatPhone},
		"POST /api/v3/decrypt-wechat-miniprogram-data": {op: "Decrypt", accept: decryptShape, user: optionalToken, handle: s.wechatDecrypt},

		"GET /api/v3/get-profile":     {op: "User", user: requiredToken, handle: s.profile},
		"POST /api/v3/update-profile": {op: "Update", accept: updateShape, user: requiredToken, handle: s.updateProfile},
		"GET /api/v3/get-identities":  {op: "Identities", user: requiredToken, handle: s.identities},
		"POST /api/v3/bind-phone":     {op: "BindPhone", accept: bindShape, user: requiredToken, handle: s.bindPhoneByCode},
		"POST /connections/social/wechat-miniprogram/bind": {
			op: "BindWxapp", accept: bindWxappShape, user: requiredToken, handle: s.bindWxapp,
		},
		"POST /api/v3/verify-delete-account-request": {
			op: "VerifyDeleteAccount", accept: verifyDeleteShape, user: requiredToken, handle: s.verifyDeleteAccount,
		},
		"POST /api/v3/delete-account": {op: "DeleteAccount", accept: deleteShape, user: requiredToken, handle: s.deleteAccount},

		"GET /api/v3/system": {op: "System", handle: s.system},
	}
}

// serveV3 makes the checks that all endpoints share: body, application, client authentication, token.
func (s *Server) serveV3(w http.ResponseWriter, r *http.Request, e v3Endpoint) {
	call := v3Call{query: r.URL.Query(), ip: callerIP(r)}
	var problem string
	if e.accept != nil {
		call.body, problem = readShape(r, e.accept)
	}
	op := e.op
	if e.opOf != nil {
		op = e.opOf(call.body)
	}
	s.serve(w, r, s.v3Operation(op, func() reply {
		if problem != "" {
			return badRequest(problem).reply()
		}
		if r.URL.Path != "/api/v3/system" {
			if e := s.checkApp(r.Header); e != nil {
				return e.reply()
			}
		}
		if e.client && !s.clientAuthenticated(r.Header, call.body) {
			return (&v3Error{statusCode: http.StatusUnauthorized, message: clientAuthFailed}).reply()
		}
		if token := v3Bearer(r.Header); e.user == requiredToken || e.user == optionalToken && token != "" {
			var e *v3Error
			if call.account, call.token, e = s.v3Account(token); e != nil {
				return e.reply()
			}
		}
		return e.handle(call)
	}))
}

// v3Operation handles one call at a time.
func (s *Server) v3Operation(op string, handle func() reply) operation {
	word := s.opts.App.WeChatError
	return operation{op, func() reply {
		s.mu.Lock()
		rp := handle()
		s.mu.Unlock()
		return worded(rp, word)
	}, func(e *envelope) reply { return newV3Error(e.Code).reply() }, word}
}

// checkApp requires the header with the ID of the application, or that with the ID of the user pool, which the
// mini-program SDK sends instead.
func (s *Server) checkApp(header http.Header) *v3Error {
	app, pool := header.Get("X-Authing-App-Id"), header.Get("X-Authing-Userpool-Id")
	switch {
	case app == "" && pool == "":
		return badRequest("x-authing-app-id or x-authing-userpool-id is required")
	case app != "" && app != s.opts.App.ID:
		return newV3Error(2011)
	case pool != "" && pool != s.opts.UserPoolID:
		return newV3Error(2224)
	}
	return nil
}

const clientAuthFailed = "client authentication failed" // a sample of the documents

// clientAuthenticated reports whether a call proves the identity of the application in the way that is configured, and in
// no other. An Authorization header that is not Basic is a user's token, which SDKs send along.
func (s *Server) clientAuthenticated(header http.Header, body object) bool {
	id, secret := getString(body, "client_id"), getString(body, "client_secret")
	credentials, basic := strings.CutPrefix(header.Get("Authorization"), "Basic ")
	want := s.opts.App
	switch s.modes.ClientAuth {
	case AuthPost:
		return !basic && id == want.ID && equalText(secret, string(want.Secret))
	case AuthBasic:
		plain, err := base64.StdEncoding.DecodeString(credentials)
		return err == nil && id == "" && secret == "" && equalText(string(plain), want.ID+":"+string(want.Secret))
	default:
		return !basic && secret == "" && (id == "" || id == want.ID)
	}
}

func equalText(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// v3Bearer returns the access token, which SDKs send both bare and with a scheme.
func v3Bearer(header http.Header) string {
	return strings.TrimPrefix(header.Get("Authorization"), "Bearer ")
}

// v3Error is a failure of today's API.
type v3Error struct {
	statusCode, apiCode int
	message             string
	data                any
	errcode             int // not 0: a failure of WeChat, see reply.errcode
}

// newV3Error returns the failure with the given apiCode, or with the given statusCode if it is below 1000. The class of
// most apiCodes is not known.
func newV3Error(code int) *v3Error {
	const firstAPICode = 1000
	if code < firstAPICode {
		return &v3Error{statusCode: code, message: strings.ToLower(http.StatusText(code))}
	}
	e := &v3Error{statusCode: http.StatusBadRequest, apiCode: code, message: errorMessage(code)}
	switch code {
	case 1000:
		return &v3Error{statusCode: http.StatusInternalServerError, message: e.message}
	case 2020:
		e.statusCode = http.StatusUnauthorized
	case 1635, 2005, 2006, 2100:
		e.statusCode = http.StatusForbidden
	case 2333:
		e.statusCode, e.message = http.StatusForbidden, "Account not exists or password is incorrect."
	case 2130010:
		e.statusCode, e.message = http.StatusForbidden, "没有该租户的访问权限"
	case 2004, 2011, 2224:
		e.statusCode = http.StatusNotFound
	case 2026, 2034, 2035, 2200:
		e.statusCode = http.StatusConflict
	}
	return e
}

func badRequest(message string) *v3Error {
	return &v3Error{statusCode: http.StatusBadRequest, message: message}
}

func (e *v3Error) reply() reply {
	if e.errcode != 0 {
		return wechatError(e.errcode)
	}
	status := http.StatusOK
	if e.statusCode == http.StatusTooManyRequests {
		status = e.statusCode // the only one that is documented
	}
	return reply{status: status, body: jsonText(struct {
		StatusCode int    `json:"statusCode"`
		APICode    int    `json:"apiCode,omitempty"`
		Message    string `json:"message"`
		RequestID  string `json:"requestId"`
		Data       any    `json:"data,omitempty"`
	}{e.statusCode, e.apiCode, e.message, randomString(hexDigits, 32), e.data})}
}

// v3Success wraps data, if there is any.
func v3Success(data any) reply {
	return flat(struct {
		StatusCode int    `json:"statusCode"`
		Message    string `json:"message"`
		Data       any    `json:"data,omitempty"`
	}{http.StatusOK, "", data})
}

// flat is a reply without an envelope.
func flat(body any) reply { return reply{status: http.StatusOK, body: jsonText(body)} }

// shape lists the keys of a JSON object with the kind of their values. A key that ends in * is required; others than
// those listed are refused.
type shape map[string]any

// Kinds of values. An enum lists texts; a shape is the kind of an object.
type (
	kind string
	enum []string
)

const (
	text     kind = "a string"
	nonEmpty kind = "a non-empty string"
	boolean  kind = "a boolean"
	anything kind = "an object"
)

// readShape decodes a JSON body and checks it.
func readShape(r *http.Request, want shape) (body object, problem string) {
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	raw, err := io.ReadAll(r.Body)
	if mediaType != "application/json" || err != nil || json.Unmarshal(raw, &body) != nil || body == nil {
		return nil, "the body must be a JSON object with the content type application/json"
	}
	return body, want.check(body, "")
}

func (want shape) check(got object, path string) (problem string) {
	for key, kind := range want {
		name, required := strings.CutSuffix(key, "*")
		value, given := got[name]
		if !given {
			if required {
				return path + name + " is required"
			}
			continue
		}
		if problem := checkKind(kind, value, path+name); problem != "" {
			return problem
		}
	}
	for name := range got {
		if want[name] == nil && want[name+"*"] == nil {
			return "property " + path + name + " should not exist"
		}
	}
	return ""
}

func checkKind(want, value any, path string) (problem string) {
	switch want := want.(type) {
	case shape:
		if member, ok := value.(object); ok {
			return want.check(member, path+".")
		}
		return path + " must be an object"
	case enum:
		for _, allowed := range want {
			if value == allowed {
				return ""
			}
		}
		return path + " must be one of: " + strings.Join(want, ", ")
	}
	ok := false
	switch value := value.(type) {
	case string:
		ok = want == text || want == nonEmpty && value != ""
	case bool:
		ok = want == boolean
	case object:
		ok = want == anything
	}
	if !ok {
		return fmt.Sprintf("%s must be %s", path, want)
	}
	return ""
}

// getObject returns a member of o; nil if it is absent.
func getObject(o object, name string) object {
	member, _ := o[name].(object)
	return member
}

// v3CodesIn returns the codes and the refresh token in the body of a call.
func v3CodesIn(body []byte) []string {
	var call struct {
		Code      struct{ Code string } `json:"wechatMiniProgramCodePayload"`
		Phone     struct{ Code string } `json:"wechatMiniProgramPhonePayload"`
		CodePhone struct {
			Login struct{ Code string } `json:"wxLoginInfo"`
			Phone struct{ Code string } `json:"wxPhoneInfo"`
		} `json:"wechatMiniProgramCodeAndPhonePayload"`
		PassCode struct{ PassCode string } `json:"passCodePayload"`
	}
	if json.Unmarshal(body, &call) == nil {
		return []string{
			call.Code.Code, call.Phone.Code, call.CodePhone.Login.Code, call.CodePhone.Phone.Code, call.PassCode.PassCode,
		}
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil
	}
	return []string{form.Get("refresh_token")}
}
