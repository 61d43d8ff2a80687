package authing

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a token or a password. It prints as [redacted] under fmt and slog, so that it does not slip into a log;
// string(s) is the explicit way to read it. As a field of a struct it is written to JSON in clear, since sessions are
// stored that way.
type Secret string

const redacted = "[redacted]"

// String returns [redacted], or nothing for an empty secret. Use string(s) for the value.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// Format writes what [Secret.String] returns, under every verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// LogValue keeps the secret out of slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// checkToken refuses what cannot stand in a header. An empty token is fine: it stands for nobody.
func checkToken(token Secret) error {
	for _, b := range []byte(token) {
		if b <= ' ' || b > '~' {
			return invalid("the token given to As holds white space or control characters: " +
				`pass User.Token as it is, without "Bearer "`)
		}
	}
	return nil
}
