package authing

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
)

// RegisterParams describes a new account. At least one of Email, Username and UnionID is needed; an empty field is not
// sent.
type RegisterParams struct {
	Email    string
	Username string
	UnionID  string
	Password Secret // at most 117 bytes; travels encrypted

	Nickname       string
	Photo          string // URL
	OAuth          string // JSON text, what another provider said about the user
	RegisterMethod string // "default:username-password"
	LastIP         string // the user's address: the service otherwise counts registrations by that of the backend
	ForceLogin     *bool
}

// Format prints nothing personal.
func (p RegisterParams) Format(f fmt.State, _ rune) { io.WriteString(f, "authing.RegisterParams{…}") }

// LogValue logs what [RegisterParams.Format] prints.
func (p RegisterParams) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(p)) }

// register selects what the original does, but for the password hash.
var register = operation{`mutation register($unionid: String, $email: String, $password: String, $lastIP: String,
	$forceLogin: Boolean, $registerInClient: String!, $oauth: String, $username: String, $nickname: String,
	$registerMethod: String, $photo: String) {
	register(userInfo: {unionid: $unionid, email: $email, password: $password, lastIP: $lastIP, forceLogin: $forceLogin,
		registerInClient: $registerInClient, oauth: $oauth, registerMethod: $registerMethod, photo: $photo,
		username: $username, nickname: $nickname}) {
		_id email emailVerified username nickname company photo browser token group { name } blocked
	}
}`, "register"}

// Register creates an account and returns it. It does not sign in: use [Client.Login] for a token. It needs none; one
// that the client holds is sent along.
//
// An account that exists gives [ErrUserExists]; more than a few registrations from one address within minutes give
// [ErrRateLimited], so pass LastIP. It is sent once: after [ErrOutcomeUnknown] try to sign in.
//
// Original: register, mutation register on the users host.
func (c *Client) Register(ctx context.Context, p RegisterParams) (*User, error) {
	password, err := c.encrypt(p.Password)
	return graphqlUser(ctx, c, request{
		op: "Register",
		check: cmp.Or(err, checkIdentity(p.Email, p.Username, p.UnionID), checkToken(c.token),
			checkText("nickname", p.Nickname), checkText("photo", p.Photo), checkText("register method", p.RegisterMethod),
			checkText("last IP", p.LastIP), checkUTF8("OAuth text", p.OAuth)),
		auth: c.bearer(),
		hide: []string{string(p.Password)},
	}, register, struct {
		Email            string `json:"email,omitempty"`
		Username         string `json:"username,omitempty"`
		UnionID          string `json:"unionid,omitempty"`
		Password         string `json:"password,omitempty"`
		Nickname         string `json:"nickname,omitempty"`
		Photo            string `json:"photo,omitempty"`
		OAuth            string `json:"oauth,omitempty"`
		RegisterMethod   string `json:"registerMethod,omitempty"`
		LastIP           string `json:"lastIP,omitempty"`
		ForceLogin       *bool  `json:"forceLogin,omitempty"`
		RegisterInClient string `json:"registerInClient"`
	}{
		p.Email, p.Username, p.UnionID, password, p.Nickname, p.Photo, p.OAuth, p.RegisterMethod, p.LastIP, p.ForceLogin,
		c.pool,
	}, identified)
}

// LoginParams says who signs in: by Email, Username or UnionID. An empty field is not sent.
type LoginParams struct {
	Email    string
	Username string
	UnionID  string
	Password Secret // at most 117 bytes; travels encrypted

	LastIP     string // the user's address: the service otherwise counts logins by that of the backend
	VerifyCode string // the captcha, after ErrCaptchaRequired
}

// Format prints nothing personal.
func (p LoginParams) Format(f fmt.State, _ rune) { io.WriteString(f, "authing.LoginParams{…}") }

// LogValue logs what [LoginParams.Format] prints.
func (p LoginParams) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(p)) }

var login = operation{`mutation login($unionid: String, $email: String, $username: String, $password: String,
	$lastIP: String, $registerInClient: String!, $verifyCode: String) {
	login(unionid: $unionid, email: $email, username: $username, password: $password, lastIP: $lastIP,
		registerInClient: $registerInClient, verifyCode: $verifyCode) {` + accountFields + ` isDeleted}
}`, "login"}

// Login signs in with a password and returns the user with a Token for [Client.As]. It needs none; one that the client
// holds is sent along.
//
// Expect [ErrUserNotFound], [ErrWrongPassword], [ErrUserLocked], [ErrMFARequired], and after a few logins from one
// address [ErrCaptchaRequired]: then show the captcha, whose address is in Error.Data, and repeat with VerifyCode.
// It is sent once, since the service counts attempts.
//
// Original: login, mutation login on the users host.
func (c *Client) Login(ctx context.Context, p LoginParams) (*User, error) {
	password, err := c.encrypt(p.Password)
	return graphqlUser(ctx, c, request{
		op: "Login",
		check: cmp.Or(err, checkIdentity(p.Email, p.Username, p.UnionID), checkToken(c.token),
			checkText("last IP", p.LastIP), checkText("captcha", p.VerifyCode)),
		auth: c.bearer(),
		hide: []string{string(p.Password)},
	}, login, struct {
		Email            string `json:"email,omitempty"`
		Username         string `json:"username,omitempty"`
		UnionID          string `json:"unionid,omitempty"`
		Password         string `json:"password,omitempty"`
		LastIP           string `json:"lastIP,omitempty"`
		VerifyCode       string `json:"verifyCode,omitempty"`
		RegisterInClient string `json:"registerInClient"`
	}{p.Email, p.Username, p.UnionID, password, p.LastIP, p.VerifyCode, c.pool}, signedIn)
}

var loginByLDAP = operation{`mutation LoginByLDAP($username: String!, $password: String!, $clientId: String!,
	$browser: String) {
	LoginByLDAP(username: $username, clientId: $clientId, password: $password, browser: $browser) {` +
	accountFields + ` unionid openid oauth registerMethod}
}`, "LoginByLDAP"}

// LoginByLDAP signs in with the directory that the pool is connected to and returns the user with a Token.
// The password travels in clear inside TLS, as in the original: the directory needs it. It needs no token and sends none.
//
// It is sent once.
//
// Original: loginByLDAP, mutation LoginByLDAP on the oauth host.
func (c *Client) LoginByLDAP(ctx context.Context, username string, password Secret) (*User, error) {
	return graphqlUser(ctx, c, request{
		op:    "LoginByLDAP",
		check: cmp.Or(checkRequired("user name", username), checkPassword(password), checkUTF8("password", string(password))),
		url:   c.oauth,
	}, loginByLDAP, struct {
		Username string `json:"username"`
		Password string `json:"password"`
		ClientID string `json:"clientId"`
	}{username, string(password), c.pool}, signedIn)
}

// LoginStatus says whether a token is accepted, and why not.
type LoginStatus struct {
	SignedIn bool
	Code     int    // 200, or 2020 not signed in, 2206 expired, 2207 invalid
	Message  string // the service's words
}

var checkLoginStatus = operation{`query checkLoginStatus { checkLoginStatus { status code message } }`, "checkLoginStatus"}

// CheckLoginStatus asks whether the token that the client acts with is still accepted. A token that is not is no
// error but a LoginStatus; [Client.VerifyToken] makes it one and tells whose token it is.
// Without a token the answer is code 2020, 未登录, and nothing is sent.
//
// It is a read: after a connection failure or a 502, 503 or 504 it is sent again, see [WithReadRetries].
//
// Original: checkLoginStatus, query checkLoginStatus on the users host.
func (c *Client) CheckLoginStatus(ctx context.Context) (*LoginStatus, error) {
	if c.token == "" && ctx != nil && c.http != nil {
		return &LoginStatus{Code: 2020, Message: "未登录"}, nil
	}
	status, _, err := graphql(ctx, c, request{
		op:    "CheckLoginStatus",
		check: checkToken(c.token),
		auth:  c.bearer(),
		read:  true,
	}, checkLoginStatus, nil, func(n *wireStatus) string {
		if !n.Code.set && n.Status == nil {
			return "login status"
		}
		return ""
	})
	if err != nil {
		return nil, err
	}
	return &LoginStatus{status.Status != nil && *status.Status, int(status.Code.value), string(status.Message)}, nil
}

// wireStatus is a notice whose code is the answer, not a refusal.
type wireStatus notice

// Logout ends the session of the user with this id, whose token the client must act with ([Client.As]): the service
// then refuses that token. Forget it in your session store too. A token that is no longer accepted gives
// [ErrLoginRequired].
//
// After [ErrOutcomeUnknown] it may be repeated: ending a session twice does no harm.
//
// Original: logout, mutation updateUser with tokenExpiredAt "0" on the users host.
func (c *Client) Logout(ctx context.Context, userID string) error {
	ended := "0"
	_, err := c.update(ctx, request{op: "Logout"}, userID, UserUpdate{TokenExpiredAt: &ended})
	return err
}

func checkIdentity(email, username, unionID string) error {
	if email == "" && username == "" && unionID == "" {
		return invalid("nobody is named: give an Email, Username or UnionID")
	}
	return cmp.Or(checkText("e-mail address", email), checkText("user name", username), checkText("union id", unionID))
}
