package authingtest

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/authing-wxapp/authing"
)

// account is a user of the pool as Authing stores it.
type account struct {
	id, email, phone, username, nickname, company, photo string
	unionID, openID, oauth                               string
	registerMethod, lastIP, browser, device              string
	password                                             string // empty if none is set
	signedUp, lastLogin                                  time.Time
	loginsCount                                          int
	emailVerified, blocked, deleted, mfa                 bool

	token        string       // the latest
	tokens       recent[bool] // those accepted until they expire
	tokenExpires string       // in isoLayout or, after an update with text that is not a date, as sent by the client

	metadata []authing.MetadataItem
	grants   []*grant

	// Only today's API knows these.
	countryCode string // of phone, such as "+852"; empty for China
	details     object // further fields of the profile, by name
	customData  object
	updated     time.Time
}

// AddUser adds an account that has signed in once. It copies Email, EmailVerified, Phone, Username, Nickname, Company,
// Photo, UnionID, OpenID, OAuth and RegisterMethod from u, and generates the ID and the Token. The account has no
// password: see [Server.SetPassword].
func (s *Server) AddUser(u authing.User) *authing.User {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &account{
		email: u.Email, phone: u.Phone, username: u.Username, nickname: u.Nickname, company: u.Company, photo: u.Photo,
		unionID: u.UnionID, openID: u.OpenID, oauth: u.OAuth, registerMethod: u.RegisterMethod,
		emailVerified: u.EmailVerified,
	}
	s.register(a)
	s.signIn(a, "::1")
	return a.user()
}

// SetPassword sets the password of an account; an empty one removes it. Like the other setters, it ignores an unknown
// ID.
func (s *Server) SetPassword(id, password string) {
	s.change(id, func(a *account) { a.password = password })
}

// SetBlocked locks or unlocks an account. A locked account can neither sign in nor use its tokens.
func (s *Server) SetBlocked(id string, blocked bool) {
	s.change(id, func(a *account) { a.blocked = blocked })
}

// SetMFA sets whether a login with the password of an account requires a second factor, and therefore fails.
func (s *Server) SetMFA(id string, on bool) {
	s.change(id, func(a *account) { a.mfa = on })
}

// DeleteUser marks an account as deleted. Only [Server.User] and [Server.Users] still return it.
func (s *Server) DeleteUser(id string) {
	s.change(id, func(a *account) { a.deleted = true })
}

func (s *Server) change(id string, edit func(*account)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.accountByID(id); a != nil {
		edit(a)
	}
}

// User returns the stored account with the given ID, including its latest token, or nil.
func (s *Server) User(id string) *authing.User {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.accounts {
		if a.id == id {
			return a.user()
		}
	}
	return nil
}

// UserByPhone returns the account with the given phone number, or nil.
func (s *Server) UserByPhone(phone string) *authing.User {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.accountByPhone(phone); a != nil {
		return a.user()
	}
	return nil
}

// Users returns all accounts in order of registration.
func (s *Server) Users() []*authing.User {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*authing.User, 0, len(s.accounts))
	for _, a := range s.accounts {
		all = append(all, a.user())
	}
	return all
}

// find returns the first account that matches and is not deleted, or nil.
func (s *Server) find(match func(*account) bool) *account {
	i := slices.IndexFunc(s.accounts, func(a *account) bool { return !a.deleted && match(a) })
	if i < 0 {
		return nil
	}
	return s.accounts[i]
}

func (s *Server) accountByID(id string) *account {
	return s.find(func(a *account) bool { return a.id == id })
}

func (s *Server) accountByPhone(phone string) *account {
	return s.find(func(a *account) bool { return phone != "" && a.phone == phone })
}

// accountByEmail ignores the case on both faces: otherwise one address could have an account on each.
func (s *Server) accountByEmail(email string) *account {
	return s.find(func(a *account) bool { return email != "" && strings.EqualFold(a.email, email) })
}

// accountByUsername only finds accounts with a password: the usernames of the others are WeChat nicknames, which
// several users may share.
func (s *Server) accountByUsername(username string) *account {
	return s.find(func(a *account) bool { return username != "" && a.username == username && a.password != "" })
}

func (s *Server) accountByUnionID(unionID string) *account {
	return s.find(func(a *account) bool { return unionID != "" && a.unionID == unionID })
}

// register assigns an ID to a and adds it to the pool.
func (s *Server) register(a *account) {
	a.id = randomString(hexDigits, 24)
	a.signedUp = s.opts.Clock()
	s.accounts = append(s.accounts, a)
}

func (s *Server) signIn(a *account, ip string) {
	s.countSignIn(a, ip)
	s.newToken(a)
}

func (s *Server) countSignIn(a *account, ip string) {
	a.loginsCount++
	a.lastLogin, a.lastIP = s.opts.Clock(), ip
}

// restUser is an account in the format of the REST endpoints.
type restUser struct {
	ID             string  `json:"_id"`
	Email          string  `json:"email,omitempty"` // absent if there is none
	EmailVerified  bool    `json:"emailVerified"`
	Username       string  `json:"username"`
	Nickname       string  `json:"nickname"`
	Company        string  `json:"company"`
	Photo          string  `json:"photo"`
	Browser        string  `json:"browser"`
	LoginsCount    int     `json:"loginsCount"`
	RegisterMethod string  `json:"registerMethod"`
	Blocked        bool    `json:"blocked"`
	IsDeleted      bool    `json:"isDeleted"`
	OAuth          string  `json:"oauth"`
	Metadata       string  `json:"metadata"`
	UnionID        *string `json:"unionid"`
	OpenID         *string `json:"openid"`
	LastIP         string  `json:"lastIP"`
	LastLogin      string  `json:"lastLogin"`
	SignedUp       string  `json:"signedUp"`
	Token          string  `json:"token"`
	TokenExpiredAt string  `json:"tokenExpiredAt"`
	Phone          string  `json:"phone"`
}

func (a *account) rest() restUser {
	u := restUser{
		ID:             a.id,
		Email:          a.email,
		EmailVerified:  a.emailVerified,
		Username:       a.shownUsername(),
		Nickname:       a.nickname,
		Company:        a.company,
		Photo:          a.photo,
		Browser:        a.browser,
		LoginsCount:    a.loginsCount,
		RegisterMethod: a.registerMethod,
		Blocked:        a.blocked,
		IsDeleted:      a.deleted,
		OAuth:          a.oauth,
		Metadata:       `""`,
		LastIP:         a.lastIP,
		LastLogin:      isoDate(a.shownLastLogin()),
		SignedUp:       isoDate(a.signedUp),
		Token:          a.token,
		TokenExpiredAt: a.tokenExpires,
		Phone:          a.phone,
	}
	if a.unionID != "" {
		u.UnionID = &a.unionID
	}
	if a.openID != "" {
		u.OpenID = &a.openID
	}
	return u
}

// graphqlUser is an account in the format of the GraphQL endpoints, with other dates than restUser and more nulls.
func (s *Server) graphqlUser(a *account) object {
	return object{
		"_id":              a.id,
		"email":            orNull(a.email),
		"emailVerified":    a.emailVerified,
		"phone":            orNull(a.phone),
		"unionid":          orNull(a.unionID),
		"openid":           orNull(a.openID),
		"username":         a.shownUsername(),
		"nickname":         a.nickname,
		"company":          a.company,
		"photo":            a.photo,
		"browser":          a.browser,
		"device":           a.device,
		"password":         orNull(passwordHash(a.password)),
		"registerInClient": s.opts.UserPoolID,
		"registerMethod":   a.registerMethod,
		"oauth":            a.oauth,
		"token":            orNull(a.token),
		"tokenExpiredAt":   orNull(isoToJSDate(a.tokenExpires)),
		"loginsCount":      a.loginsCount,
		"lastLogin":        jsDate(a.shownLastLogin()),
		"lastIP":           orNull(a.lastIP),
		"signedUp":         jsDate(a.signedUp),
		"blocked":          a.blocked,
		"isDeleted":        a.deleted,
		"group":            object{"_id": s.groupID, "name": "默认分组", "descriptions": "", "createdAt": nil},
	}
}

// user converts a to the client's type.
func (a *account) user() *authing.User {
	var u authing.User
	json.Unmarshal([]byte(jsonText(a.rest())), &u) // cannot fail for an object of this form
	return &u
}

// shownUsername is text for every account, never null. WeChat users without a username get their nickname. That it is
// empty for accounts of an e-mail address or a phone number is this server's choice.
func (a *account) shownUsername() string {
	if a.unionID != "" || a.openID != "" {
		return cmp.Or(a.username, a.nickname)
	}
	return a.username
}

// shownLastLogin is the date of registration if the user has never signed in.
func (a *account) shownLastLogin() time.Time {
	if a.lastLogin.IsZero() {
		return a.signedUp
	}
	return a.lastLogin
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
