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
	"net/http"
	"strings"
	"sync"
)

// defaultKey is shared by all servers without a PrivateKey, because generating a key dominates the cost of NewServer.
// It is nil where Go is configured to reject short RSA keys; such a server rejects all passwords.
var defaultKey = sync.OnceValue(func() *rsa.PrivateKey {
	const bits = 1024 // like Authing's key
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil
	}
	return key
})

// PublicKey returns the key for encrypting passwords in PEM format, for authing.WithPublicKey.
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

// decryptPassword returns "" for an empty ciphertext.
func (s *Server) decryptPassword(ciphertext string) (string, *envelope) {
	if ciphertext == "" {
		return "", nil
	}
	sealed, err := base64.StdEncoding.DecodeString(ciphertext)
	if err != nil || s.opts.PrivateKey == nil {
		return "", newError(2016)
	}
	plain, err := rsa.DecryptPKCS1v15(nil, s.opts.PrivateKey, sealed)
	if err != nil {
		return "", newError(2016)
	}
	return string(plain), nil
}

// passwordHash returns the value of the password field in a response.
func passwordHash(password string) string {
	if password == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}

// Mail is a mail sent to a user.
type Mail struct {
	Code string // for setting a new password
	Link string // for verifying the address
}

// LastMail returns the last mail sent to an address, whose case does not matter, or the zero Mail.
func (s *Server) LastMail(email string) Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lastMail.get(strings.ToLower(email))
}

// SentMails returns the number of mails sent to each address, in lower case. A count of two for one tap means that the
// request was sent twice.
func (s *Server) SentMails() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sentMails.all()
}

func (s *Server) send(email string, mail Mail) {
	email = strings.ToLower(email)
	s.lastMail.set(email, mail, keepCodes)
	s.sentMails.set(email, s.sentMails.get(email)+1, keepCodes)
}

// mailAccount returns the account with the e-mail address in a call. The calls that use it ignore the token.
func (s *Server) mailAccount(call graphqlCall) (*account, *envelope) {
	email := getString(call.arguments, "email")
	if apiErr := cmp.Or(s.checkPool(getString(call.arguments, "client")), checkEmail(email, 2204)); apiErr != nil {
		return nil, apiErr
	}
	a := s.accountByEmail(email)
	if a == nil {
		return nil, newError(2004)
	}
	return a, nil
}

// okMessage is the response of a call without a result. Its code is null, as documented.
func okMessage(message string) object { return object{"message": message} }

func (s *Server) sendResetPasswordEmail(call graphqlCall) (any, *envelope) {
	a, apiErr := s.mailAccount(call)
	if apiErr != nil {
		return nil, apiErr
	}
	code := s.newSentCode()
	s.mailCodes[a.email] = code
	s.send(a.email, Mail{Code: code.text})
	return okMessage("成功"), nil
}

// verifyResetPasswordVerifyCode reports a wrong code in data instead of errors. It does not use up the code.
func (s *Server) verifyResetPasswordVerifyCode(call graphqlCall) (any, *envelope) {
	a, apiErr := s.mailAccount(call)
	if apiErr != nil {
		return nil, apiErr
	}
	if apiErr := s.mailCodes[a.email].check(getString(call.arguments, "verifyCode"), s.opts.Clock()); apiErr != nil {
		return apiErr.asData(), nil
	}
	return okMessage("验证成功，请输入新密码"), nil
}

func (s *Server) changePassword(call graphqlCall) (any, *envelope) {
	a, apiErr := s.mailAccount(call)
	if apiErr != nil {
		return nil, apiErr
	}
	password, apiErr := s.decryptPassword(getString(call.arguments, "password"))
	apiErr = cmp.Or(apiErr, checkNewPassword(password, false),
		s.mailCodes[a.email].check(getString(call.arguments, "verifyCode"), s.opts.Clock()))
	if apiErr != nil {
		return nil, apiErr
	}
	delete(s.mailCodes, a.email)
	a.password = password
	return s.graphqlUser(a), nil
}

func (s *Server) sendVerifyEmail(call graphqlCall) (any, *envelope) {
	a, apiErr := s.mailAccount(call)
	if apiErr != nil {
		return nil, apiErr
	}
	ticket := randomString(hexDigits, 32)
	s.tickets.set(ticket, emailTicket{a, a.email}, keepOthers)
	s.send(a.email, Mail{Link: s.UsersURL() + "/verify_email/" + ticket})
	return okMessage("发送验证邮件成功"), nil
}

// emailTicket is what a mailed link verifies. It is void once the account has another address.
type emailTicket struct {
	account *account
	email   string
}

// verifyEmail serves the mailed link, which works once.
func (s *Server) verifyEmail(r *http.Request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	ticket := s.tickets.get(r.PathValue("ticket"))
	if ticket.account == nil || ticket.account.email != ticket.email {
		return newError(2023).reply()
	}
	s.tickets.delete(r.PathValue("ticket"))
	ticket.account.emailVerified = true
	return success(nil)
}
