package authingtest

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"maps"
	"net/http"
	"sync"
)

// madeKey makes the key of the servers that are given none. They share it, since making one takes longer than
// everything else. It is nil where Go was told to refuse keys of this length; then every password is refused.
var madeKey = sync.OnceValue(func() *rsa.PrivateKey {
	const bits = 1024 // as Authing's own
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil
	}
	return key
})

// PublicKey returns, as PEM text, the key that passwords are encrypted with, for authing.WithPublicKey.
func (s *Server) PublicKey() string {
	if s.opts.PrivateKey == nil {
		return ""
	}
	der, err := x509.MarshalPKIXPublicKey(&s.opts.PrivateKey.PublicKey)
	if err != nil {
		return ""
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// decryptPassword returns the password in a ciphertext, "" for none.
func (s *Server) decryptPassword(ciphertext string) (string, *envelope) {
	if ciphertext == "" {
		return "", nil
	}
	sealed, err := base64.StdEncoding.DecodeString(ciphertext)
	if err != nil || s.opts.PrivateKey == nil {
		return "", refuse(2016)
	}
	plain, err := rsa.DecryptPKCS1v15(nil, s.opts.PrivateKey, sealed)
	if err != nil {
		return "", refuse(2016)
	}
	return string(plain), nil
}

// passwordHash is what the service hands out of a password, "" for none.
func passwordHash(password string) string {
	if password == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}

// Mail is a mail that the service sent.
type Mail struct {
	Code string // to set a new password with
	Link string // to verify the address with
}

// LastMail returns the last mail to an address. It is zero if there was none.
func (s *Server) LastMail(email string) Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lastMail[email]
}

// SentMails returns how many mails each address got.
func (s *Server) SentMails() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.sentMails)
}

func (s *Server) send(email string, mail Mail) {
	s.lastMail[email] = mail
	s.sentMails[email]++
}

// mailed returns the account with the address in a call. The calls around mails need no token and look at none.
func (s *Server) mailed(call graphqlCall) (*account, *envelope) {
	email := text(call.arguments, "email")
	if refused := cmp.Or(s.checkPool(text(call.arguments, "client")), checkEmail(email, 2204)); refused != nil {
		return nil, refused
	}
	a := s.ofEmail(email)
	if a == nil {
		return nil, refuse(2004)
	}
	return a, nil
}

// done is the answer of a call that returns nothing. Its code is null, as documented.
func done(message string) object { return object{"message": message} }

func (s *Server) sendResetPasswordEmail(call graphqlCall) (any, *envelope) {
	a, refused := s.mailed(call)
	if refused != nil {
		return nil, refused
	}
	code := s.newSentCode()
	s.mailCodes[a.email] = code
	s.send(a.email, Mail{Code: code.text})
	return done("成功"), nil
}

// verifyResetPasswordVerifyCode says that a code is wrong as data, not as an error. It does not spend the code.
func (s *Server) verifyResetPasswordVerifyCode(call graphqlCall) (any, *envelope) {
	a, refused := s.mailed(call)
	if refused != nil {
		return nil, refused
	}
	if wrong := s.mailCodes[a.email].check(text(call.arguments, "verifyCode"), s.opts.Clock()); wrong != nil {
		return wrong.notice(), nil
	}
	return done("验证成功，请输入新密码"), nil
}

func (s *Server) changePassword(call graphqlCall) (any, *envelope) {
	a, refused := s.mailed(call)
	if refused != nil {
		return nil, refused
	}
	password, refused := s.decryptPassword(text(call.arguments, "password"))
	refused = cmp.Or(refused, checkNewPassword(password, false),
		s.mailCodes[a.email].check(text(call.arguments, "verifyCode"), s.opts.Clock()))
	if refused != nil {
		return nil, refused
	}
	delete(s.mailCodes, a.email)
	a.password = password
	return s.graphqlUser(a), nil
}

func (s *Server) sendVerifyEmail(call graphqlCall) (any, *envelope) {
	a, refused := s.mailed(call)
	if refused != nil {
		return nil, refused
	}
	ticket := mint(hexDigits, 32)
	s.tickets[ticket] = ticketOf{a, a.email}
	s.send(a.email, Mail{Link: s.UsersURL() + "/verify_email/" + ticket})
	return done("发送验证邮件成功"), nil
}

// ticketOf is what following a mailed link verifies.
type ticketOf struct {
	account *account
	email   string
}

// verifyEmail is the page behind the mailed link. It can be followed once.
func (s *Server) verifyEmail(r *http.Request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	ticket, ok := s.tickets[r.PathValue("ticket")]
	if !ok || ticket.account.email != ticket.email {
		return refuse(2023).reply()
	}
	delete(s.tickets, r.PathValue("ticket"))
	ticket.account.emailVerified = true
	return success(nil)
}
