package authing

import (
	"github.com/authing-wxapp/authing/internal/passwd"
	"github.com/authing-wxapp/authing/internal/redact"
)

// Secret is a token or a password. It prints as [redacted] under fmt and slog, so that it does not slip into a log;
// string(s) is the explicit way to read it. JSON contains it in clear, because sessions are stored that way. fmt does not
// call methods of unexported fields, so a Secret in one prints in clear.
type Secret string

// String returns [redacted], or "" for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redact.Mark
}

// checkAuth returns why a call that needs a token of this kind cannot be made.
func (c *Client) checkAuth(a auth) error {
	switch {
	case a == bareRequired && c.token == "":
		return noToken()
	case a == anonymous || isHeaderText(c.token):
		return nil
	}
	return invalid("the token given to As contains white space or control characters: " +
		`pass User.Token unchanged, without "Bearer "`)
}

func noToken() *Error {
	return &Error{Reason: "no token", Hint: "call client.As(user.Token); nothing was sent", Err: ErrLoginRequired}
}

// isHeaderText reports whether token can be sent in a header.
func isHeaderText(token Secret) bool {
	for i := range len(token) {
		if token[i] <= ' ' || token[i] > '~' {
			return false
		}
	}
	return true
}

// encrypt returns the ciphertext of a password, or "" for none.
func (c *config) encrypt(password Secret) (string, error) {
	if password == "" || c.publicKey == nil {
		return "", nil // a Client without a key sends nothing at all
	}
	if limit := passwd.Limit(c.publicKey); len(password) > limit {
		return "", invalid("the password is longer than the %d bytes of UTF-8 that can be encrypted", limit)
	}
	if err := checkUTF8("password", string(password)); err != nil {
		return "", err
	}
	ciphertext, err := passwd.Encrypt(c.publicKey, string(password))
	if err != nil {
		return "", invalid("the password cannot be encrypted")
	}
	return ciphertext, nil
}

func checkPassword(password Secret) error {
	if password == "" {
		return invalid("the password is empty")
	}
	return nil
}
