package authingtest

import (
	"encoding/json"
	"time"

	"github.com/authing-wxapp/authing"
)

// account is a user of the pool as Authing stores it.
type account struct {
	id, email, phone, username, nickname, company, photo string
	unionID, openID, oauth                               string
	registerMethod, lastIP, token                        string
	signedUp, lastLogin, tokenExpires                    time.Time
	loginsCount                                          int
}

// AddUser registers an account as if it had been there before, and signs it in once. Of u it takes Email, Phone,
// Username, Nickname, Company, Photo, UnionID, OpenID, OAuth and RegisterMethod; the ID and the Token are minted.
func (s *Server) AddUser(u authing.User) *authing.User {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &account{
		email: u.Email, phone: u.Phone, username: u.Username, nickname: u.Nickname, company: u.Company, photo: u.Photo,
		unionID: u.UnionID, openID: u.OpenID, oauth: u.OAuth, registerMethod: u.RegisterMethod,
	}
	s.register(a)
	s.signIn(a, "::1")
	return a.user()
}

// User returns the account with this id as it is stored, its latest token included, or nil.
func (s *Server) User(id string) *authing.User {
	return s.lookUp(func(a *account) bool { return a.id == id })
}

// UserByPhone returns the account that holds this phone number, or nil.
func (s *Server) UserByPhone(phone string) *authing.User {
	return s.lookUp(func(a *account) bool { return a.phone == phone })
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

func (s *Server) lookUp(is func(*account) bool) *authing.User {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.find(is); a != nil {
		return a.user()
	}
	return nil
}

// find returns the first account that matches, or nil.
func (s *Server) find(is func(*account) bool) *account {
	for _, a := range s.accounts {
		if is(a) {
			return a
		}
	}
	return nil
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
	return restUser{
		ID:             a.id,
		Email:          a.email,
		Username:       a.username,
		Nickname:       a.nickname,
		Company:        a.company,
		Photo:          a.photo,
		LoginsCount:    a.loginsCount,
		RegisterMethod: a.registerMethod,
		OAuth:          a.oauth,
		Metadata:       `""`,
		UnionID:        orNull(a.unionID),
		OpenID:         orNull(a.openID),
		LastIP:         a.lastIP,
		LastLogin:      isoDate(a.lastLogin),
		SignedUp:       isoDate(a.signedUp),
		Token:          a.token,
		TokenExpiredAt: isoDate(a.tokenExpires),
		Phone:          a.phone,
	}
}

// user returns what the client makes of a.
func (a *account) user() *authing.User {
	var u authing.User
	json.Unmarshal([]byte(jsonText(a.rest())), &u) // User reads every object of this shape
	return &u
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func isoDate(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
