package authing

import (
	"cmp"
	"context"

	"github.com/authing-wxapp/authing/internal/api"
	"github.com/authing-wxapp/authing/internal/wire"
)

// RegisterParams describes a new account. At least one of Email, Username and UnionID is required; an empty field is not
// sent.
type RegisterParams struct {
	Email    string
	Username string
	UnionID  string
	Password Secret // at most 117 bytes; sent encrypted

	Nickname       string
	Photo          string // URL
	OAuth          string // JSON text: what another provider says about the user
	RegisterMethod string // "default:username-password"
	LastIP         string // the user's address; without it the service counts registrations by the backend's address
	ForceLogin     *bool
}

// register selects what the original does, except the password hash.
var register = operation[wireUser]{"register", `mutation register($unionid: String, $email: String, $password: String, $lastIP: String,
	$forceLogin: Boolean, $registerInClient: String!, $oauth: String, $username: String, $nickname: String,
	$registerMethod: String, $photo: String) {
	register(userInfo: {unionid: $unionid, email: $email, password: $password, lastIP: $lastIP, forceLogin: $forceLogin,
		registerInClient: $registerInClient, oauth: $oauth, registerMethod: $registerMethod, photo: $photo,
		username: $username, nickname: $nickname}) {
		_id email emailVerified username nickname company photo browser token group { name } blocked
	}
}`, missingID}

// Register creates an account and returns it. It does not sign in: call [Client.Login] for a token. It needs no token;
// the client's is sent if it has one.
//
// Expect [ErrUserExists] for an account that exists, and [ErrRateLimited] after a few registrations from one address
// within minutes: pass LastIP.
//
// Retry: no. After [ErrOutcomeUnknown], try to sign in.
//
// Original: register, mutation register on the users host.
func (c *Client) Register(ctx context.Context, p RegisterParams) (*User, error) {
	password, err := c.encrypt(p.Password)
	return graphqlUser(ctx, c, api.Request{
		Op: "Register",
		Invalid: cmp.Or(err, checkIdentity(p.Email, p.Username, p.UnionID),
			api.CheckUTF8("nickname", p.Nickname), api.CheckUTF8("photo", p.Photo), api.CheckUTF8("register method", p.RegisterMethod),
			api.CheckUTF8("last IP", p.LastIP), api.CheckUTF8("OAuth text", p.OAuth)),
		Auth:    api.Bearer,
		Secrets: []string{string(p.Password)},
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
		Email: p.Email, Username: p.Username, UnionID: p.UnionID, Password: password, Nickname: p.Nickname, Photo: p.Photo,
		OAuth: p.OAuth, RegisterMethod: p.RegisterMethod, LastIP: p.LastIP, ForceLogin: p.ForceLogin, RegisterInClient: c.pool,
	})
}

// LoginParams says who signs in: by Email, Username or UnionID. An empty field is not sent.
type LoginParams struct {
	Email    string
	Username string
	UnionID  string
	Password Secret // at most 117 bytes; sent encrypted

	LastIP     string // the user's address; without it the service counts logins by the backend's address
	VerifyCode string // the captcha, after ErrCaptchaRequired
}

var login = operation[wireUser]{"login", `mutation login($unionid: String, $email: String, $username: String, $password: String,
	$lastIP: String, $registerInClient: String!, $verifyCode: String) {
	login(unionid: $unionid, email: $email, username: $username, password: $password, lastIP: $lastIP,
		registerInClient: $registerInClient, verifyCode: $verifyCode) {` + accountFields + ` isDeleted}
}`, missingToken}

// Login signs in with a password and returns the user with a Token for [Client.As]. It needs no token; the client's is
// sent if it has one.
//
// Expect [ErrUserNotFound], [ErrWrongPassword], [ErrUserLocked], [ErrMFARequired], and after a few logins from one
// address [ErrCaptchaRequired]: then show the picture at [Error.CaptchaURL] and call again with VerifyCode.
//
// Retry: no, because the service counts attempts.
//
// Original: login, mutation login on the users host.
func (c *Client) Login(ctx context.Context, p LoginParams) (*User, error) {
	password, err := c.encrypt(p.Password)
	return graphqlUser(ctx, c, api.Request{
		Op: "Login",
		Invalid: cmp.Or(err, checkIdentity(p.Email, p.Username, p.UnionID),
			api.CheckUTF8("last IP", p.LastIP), api.CheckText("captcha", p.VerifyCode)),
		Auth:    api.Bearer,
		Secrets: []string{string(p.Password)},
	}, login, struct {
		Email            string `json:"email,omitempty"`
		Username         string `json:"username,omitempty"`
		UnionID          string `json:"unionid,omitempty"`
		Password         string `json:"password,omitempty"`
		LastIP           string `json:"lastIP,omitempty"`
		VerifyCode       string `json:"verifyCode,omitempty"`
		RegisterInClient string `json:"registerInClient"`
	}{
		Email: p.Email, Username: p.Username, UnionID: p.UnionID, Password: password, LastIP: p.LastIP,
		VerifyCode: p.VerifyCode, RegisterInClient: c.pool,
	})
}

var loginByLDAP = operation[wireUser]{"LoginByLDAP", `mutation LoginByLDAP($username: String!, $password: String!, $clientId: String!,
	$browser: String) {
	LoginByLDAP(username: $username, clientId: $clientId, password: $password, browser: $browser) {` +
	accountFields + ` unionid openid oauth registerMethod}
}`, missingToken}

// LoginByLDAP signs in with the directory that the pool is connected to and returns the user with a Token.
// The password is sent in clear inside TLS, as in the original: the directory needs it. No token is sent.
//
// Retry: no, because the directory counts attempts.
//
// Original: loginByLDAP, mutation LoginByLDAP on the oauth host.
func (c *Client) LoginByLDAP(ctx context.Context, username string, password Secret) (*User, error) {
	return graphqlUser(ctx, c, api.Request{
		Op:      "LoginByLDAP",
		Invalid: cmp.Or(api.CheckRequired("user name", username), checkPassword(password), api.CheckUTF8("password", string(password))),
		URL:     c.oauth,
	}, loginByLDAP, struct {
		Username string `json:"username"`
		Password string `json:"password"`
		ClientID string `json:"clientId"`
	}{Username: username, Password: string(password), ClientID: c.pool})
}

// LoginStatus reports whether a token is accepted, and if not, why.
type LoginStatus struct {
	SignedIn bool
	Code     int    // 200, or 2020 not signed in, 2206 expired, 2207 invalid
	Message  string // the service's words
}

var checkLoginStatus = operation[ack]{"checkLoginStatus",
	`query checkLoginStatus { checkLoginStatus { status code message } }`,
	(*ack).missingVerdict,
}

// CheckLoginStatus asks whether the client's token is still accepted. A token that is not accepted is no error here but
// a LoginStatus; [Client.VerifyToken] treats it as an error and returns the token's owner.
// Without a token the result is code 2020, 未登录, and no request is made.
//
// Retry: automatic, see [WithReadRetries].
//
// Original: checkLoginStatus, query checkLoginStatus on the users host.
func (c *Client) CheckLoginStatus(ctx context.Context) (*LoginStatus, error) {
	if c.token == "" && ctx != nil && c.api.IsOpen() {
		return &LoginStatus{Code: 2020, Message: "未登录"}, nil
	}
	return callGraphQL(ctx, c, api.Request{
		Op:    "CheckLoginStatus",
		Auth:  api.Bearer,
		Reads: true,
	}, checkLoginStatus, nil, func(a *ack, _ wire.Raw) (*LoginStatus, error) {
		signedIn := a.Status.Value || !a.Status.Set && a.refused() == nil
		return &LoginStatus{SignedIn: signedIn, Code: int(a.Code.Value), Message: string(a.Message)}, nil
	})
}

// Logout ends the session of a user, whose token it requires (see [Client.As]): the service then rejects that token.
// Delete it from your session store as well. A token that is no longer accepted is [ErrLoginRequired].
//
// Retry: safe. Ending a session twice does no harm.
//
// Original: logout, mutation updateUser with tokenExpiredAt "0" on the users host.
func (c *Client) Logout(ctx context.Context, userID string) error {
	_, err := c.update(ctx, "Logout", userID, UserUpdate{TokenExpiredAt: Ptr("0")})
	return err
}

func checkIdentity(email, username, unionID string) error {
	if email == "" && username == "" && unionID == "" {
		return api.Invalid("no account given: set Email, Username or UnionID")
	}
	return cmp.Or(api.CheckText("e-mail address", email), api.CheckText("user name", username), api.CheckText("union id", unionID))
}
