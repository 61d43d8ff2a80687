package authingv3

import (
	"fmt"
	"io"
	"log/slog"
)

// Types that hold secrets or personal data implement fmt.Formatter and slog.LogValuer, so that neither a %+v nor a log
// shows them. Format has a value receiver: it then serves pointers, too.

// Format implements fmt.Formatter.
func (c Client) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "authingv3.Client{AppID:%q}", c.appID)
}

// Format implements fmt.Formatter.
func (l Login) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "authingv3.Login{UserID:%q, …}", l.UserID)
}

// Format implements fmt.Formatter.
func (u User) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "authingv3.User{ID:%q, …}", u.ID) }

// Format implements fmt.Formatter.
func (i Identity) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "authingv3.Identity{Provider:%q, Type:%q, …}", i.Provider, i.Type)
}

// Format implements fmt.Formatter.
func (u UserUpdate) Format(f fmt.State, _ rune) { io.WriteString(f, "authingv3.UserUpdate{…}") }

// Format implements fmt.Formatter.
func (p RegisterParams) Format(f fmt.State, _ rune) {
	io.WriteString(f, "authingv3.RegisterParams{…}")
}

// Format implements fmt.Formatter.
func (p Proof) Format(f fmt.State, _ rune) { io.WriteString(f, "authingv3.Proof{…}") }

// Format implements fmt.Formatter.
func (o VerifierOptions) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "authingv3.VerifierOptions{Issuer:%q, Audience:%q, …}", o.Issuer, o.Audience)
}

// logValue is what slog shows of a value that formats itself.
func logValue(v fmt.Formatter) slog.Value { return slog.StringValue(fmt.Sprint(v)) }

// LogValue implements slog.LogValuer.
func (l Login) LogValue() slog.Value { return logValue(l) }

// LogValue implements slog.LogValuer.
func (u User) LogValue() slog.Value { return logValue(u) }

// LogValue implements slog.LogValuer.
func (i Identity) LogValue() slog.Value { return logValue(i) }

// LogValue implements slog.LogValuer.
func (u UserUpdate) LogValue() slog.Value { return logValue(u) }

// LogValue implements slog.LogValuer.
func (p RegisterParams) LogValue() slog.Value { return logValue(p) }

// LogValue implements slog.LogValuer.
func (p Proof) LogValue() slog.Value { return logValue(p) }

// LogValue implements slog.LogValuer.
func (o VerifierOptions) LogValue() slog.Value { return logValue(o) }
