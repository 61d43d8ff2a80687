package authing

import (
	"github.com/authing-wxapp/authing/internal/api"
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

// encrypt returns the ciphertext of a password, or "" for none.
func (c *config) encrypt(password Secret) (string, error) {
	if password == "" || c.publicKey == nil {
		return "", nil // a Client without a key sends nothing at all
	}
	if limit := passwd.Limit(c.publicKey); len(password) > limit {
		return "", api.Invalid("the password is longer than the %d bytes of UTF-8 that can be encrypted", limit)
	}
	if err := api.CheckUTF8("password", string(password)); err != nil {
		return "", err
	}
	ciphertext, err := passwd.Encrypt(c.publicKey, string(password))
	if err != nil {
		return "", api.Invalid("the password cannot be encrypted")
	}
	return ciphertext, nil
}

func checkPassword(password Secret) error {
	if password == "" {
		return api.Invalid("the password is empty")
	}
	return nil
}
