package authingtest

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/authing-wxapp/authing"
)

// account is a user of the pool as Authing stores it.
type account struct {
	id, email, phone, username, nickname, company, photo string
	unionID, openID, oauth                               string
	registerMethod, lastIP, browser, device              string
	password                                             string // empty: none was set
	signedUp, lastLogin                                  time.Time
	loginsCount                                          int
	emailVerified, blocked, deleted, mfa                 bool

	token        string          // the latest
	tokens       map[string]bool // those that are accepted until they expire
	tokenExpires string          // in JavaScript's form or, after the user signed out, what the client wrote

	metadata []authing.MetadataItem
	grants   []*grant
}

// AddUser registers an account as if it had been there before, and signs it in once. Of u it takes Email, EmailVerified,
// Phone, Username, Nickname, Company, Photo, UnionID, OpenID, OAuth and RegisterMethod; the ID and the Token are minted.
// It has no password: see [Server.SetPassword].
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

// SetPassword gives the account with this id a password; an empty one takes it away. An unknown id changes nothing, here
// and in the methods like this one.
func (s *Server) SetPassword(id, password string) {
	s.change(id, func(a *account) { a.password = password })
}

// SetBlocked locks an account, so that it can neither sign in nor use its tokens, or unlocks it.
func (s *Server) SetBlocked(id string, blocked bool) {
	s.change(id, func(a *account) { a.blocked = blocked })
}

// SetMFA says whether the password of an account is refused with the demand for a second factor.
func (s *Server) SetMFA(id string, on bool) {
	s.change(id, func(a *account) { a.mfa = on })
}

// DeleteUser marks an account as deleted: nobody finds it any more, except by [Server.User] and [Server.Users].
func (s *Server) DeleteUser(id string) {
	s.change(id, func(a *account) { a.deleted = true })
}

func (s *Server) change(id string, edit func(*account)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.ofID(id); a != nil {
		edit(a)
	}
}

// User returns the account with this id as it is stored, its latest token included, or nil.
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

// UserByPhone returns the account that holds this phone number, or nil.
func (s *Server) UserByPhone(phone string) *authing.User {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.ofPhone(phone); a != nil {
		return a.user()
	}
	return nil
}

// Users returns all accounts in the order of their registration.
func (s *Server) Users() []*authing.User {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*authing.User, 0, len(s.accounts))
	for _, a := range s.accounts {
		all = append(all, a.user())
	}
	return all
}

// find returns the first account that matches, or nil.
func (s *Server) find(is func(*account) bool) *account {
	i := slices.IndexFunc(s.accounts, func(a *account) bool { return !a.deleted && is(a) })
	if i < 0 {
		return nil
	}
	return s.accounts[i]
}

// These return the account that holds something, or nil. Nobody holds an empty text.
func (s *Server) ofID(id string) *account {
	return s.find(func(a *account) bool { return a.id == id })
}

func (s *Server) ofPhone(phone string) *account {
	return s.find(func(a *account) bool { return phone != "" && a.phone == phone })
}

func (s *Server) ofEmail(email string) *account {
	return s.find(func(a *account) bool { return email != "" && a.email == email })
}

// ofUsername looks at accounts with a password only: the user names of the others are nicknames from WeChat, which
// several may have.
func (s *Server) ofUsername(username string) *account {
	return s.find(func(a *account) bool { return username != "" && a.username == username && a.password != "" })
}

func (s *Server) ofUnionID(unionID string) *account {
	return s.find(func(a *account) bool { return unionID != "" && a.unionID == unionID })
}

// register gives a an id and adds it to the pool.
func (s *Server) register(a *account) {
	a.id = mint(hexDigits, 24)
	a.signedUp = s.opts.Clock()
	s.accounts = append(s.accounts, a)
}

func (s *Server) signIn(a *account, ip string) {
	a.loginsCount++
	a.lastLogin, a.lastIP = s.opts.Clock(), ip
	s.newToken(a)
}

// restUser is an account as the REST endpoints write it.
type restUser struct {
	ID             string  `json:"_id"`
	Email          string  `json:"email,omitempty"` // users without an address lack the key
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
		Username:       a.username,
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
		LastLogin:      isoDate(a.lastLogin),
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

// graphqlUser is an account as the GraphQL endpoints write it: with null for what is not known and other dates.
func (s *Server) graphqlUser(a *account) object {
	return object{
		"_id":              a.id,
		"email":            orNull(a.email),
		"emailVerified":    a.emailVerified,
		"phone":            orNull(a.phone),
		"unionid":          orNull(a.unionID),
		"openid":           orNull(a.openID),
		"username":         orNull(a.username),
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
		"tokenExpiredAt":   orNull(jsDateOf(a.tokenExpires)),
		"loginsCount":      a.loginsCount,
		"lastLogin":        orNull(jsDate(a.lastLogin)),
		"lastIP":           orNull(a.lastIP),
		"signedUp":         jsDate(a.signedUp),
		"blocked":          a.blocked,
		"isDeleted":        a.deleted,
		"group":            object{"_id": s.groupID, "name": "默认分组", "descriptions": "", "createdAt": nil},
	}
}

// user returns what the client makes of a.
func (a *account) user() *authing.User {
	var u authing.User
	json.Unmarshal([]byte(jsonText(a.rest())), &u) // User reads every object of this shape
	return &u
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

const isoLayout = "2006-01-02T15:04:05.000Z"

// isoDate is a moment as the REST endpoints write it, "" for none.
func isoDate(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(isoLayout)
}

// jsDate is a moment as the GraphQL endpoints write it: JavaScript's Date text in China's time zone, "" for none.
func jsDate(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(time.FixedZone("CST", 8*60*60)).Format("Mon Jan 02 2006 15:04:05 GMT-0700 (MST)")
}

// jsDateOf turns one form into the other. What is no date stays as it is.
func jsDateOf(iso string) string {
	t, err := time.Parse(isoLayout, iso)
	if err != nil {
		return iso
	}
	return jsDate(t)
}
