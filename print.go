package authing

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/authing-wxapp/authing/internal/api"
)

// Types that hold secrets or personal data implement fmt.Formatter and slog.LogValuer, so that neither a %+v nor a log
// shows them. Format has a value receiver: it then serves pointers, too.

// Format implements fmt.Formatter.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// Format implements fmt.Formatter.
func (c Client) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "authing.Client{UserPoolID:%q}", c.pool) }

// Format implements fmt.Formatter.
func (e Error) Format(f fmt.State, verb rune) {
	if verb == 'q' {
		fmt.Fprintf(f, "%q", (*api.Error)(&e).Error())
		return
	}
	io.WriteString(f, (*api.Error)(&e).Error())
}

// MarshalText implements encoding.TextMarshaler, so that JSON shows no more than a log does.
func (e Error) MarshalText() ([]byte, error) { return []byte((*api.Error)(&e).Error()), nil }

// Format implements fmt.Formatter.
func (d Detail) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "authing.Detail{ErrMsg:%q, Errno:%d, …}", d.redactedErrMsg(), d.Errno)
}

// Format implements fmt.Formatter.
func (w WxUserInfo) Format(f fmt.State, _ rune) { io.WriteString(f, "authing.WxUserInfo{…}") }

// Format implements fmt.Formatter.
func (d DecryptedData) Format(f fmt.State, _ rune) { io.WriteString(f, "authing.DecryptedData{…}") }

// Format implements fmt.Formatter.
func (p PhoneNumber) Format(f fmt.State, _ rune) { io.WriteString(f, "authing.PhoneNumber{…}") }

// Format implements fmt.Formatter.
func (u User) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "authing.User{ID:%q, …}", u.ID) }

// Format implements fmt.Formatter.
func (u UserUpdate) Format(f fmt.State, _ rune) { io.WriteString(f, "authing.UserUpdate{…}") }

// Format implements fmt.Formatter.
func (p RegisterParams) Format(f fmt.State, _ rune) { io.WriteString(f, "authing.RegisterParams{…}") }

// Format implements fmt.Formatter.
func (p LoginParams) Format(f fmt.State, _ rune) { io.WriteString(f, "authing.LoginParams{…}") }

// Format implements fmt.Formatter.
func (p ChangePasswordParams) Format(f fmt.State, _ rune) {
	io.WriteString(f, "authing.ChangePasswordParams{…}")
}

// Format implements fmt.Formatter.
func (t TokenInfo) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "authing.TokenInfo{UserID:%q, …}", t.UserID)
}

// Format implements fmt.Formatter.
func (a AuthedApps) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "authing.AuthedApps{TotalCount:%d, …}", a.TotalCount)
}

// Format implements fmt.Formatter.
func (a RevokedApp) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "authing.RevokedApp{AppID:%q, …}", a.AppID)
}

// Format implements fmt.Formatter.
func (s LoginStatus) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "authing.LoginStatus{SignedIn:%t, Code:%d, …}", s.SignedIn, s.Code)
}

// Format implements fmt.Formatter.
func (m Metadata) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "authing.Metadata{TotalCount:%d, …}", m.TotalCount)
}

// Format implements fmt.Formatter.
func (i MetadataItem) Format(f fmt.State, _ rune) {
	io.WriteString(f, "authing.MetadataItem{…}")
}

// logValue is what slog shows of a value that formats itself.
func logValue(v fmt.Formatter) slog.Value { return slog.StringValue(fmt.Sprint(v)) }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return logValue(s) }

// LogValue implements slog.LogValuer.
func (e Error) LogValue() slog.Value { return logValue(e) }

// LogValue implements slog.LogValuer.
func (d Detail) LogValue() slog.Value { return logValue(d) }

// LogValue implements slog.LogValuer.
func (w WxUserInfo) LogValue() slog.Value { return logValue(w) }

// LogValue implements slog.LogValuer.
func (d DecryptedData) LogValue() slog.Value { return logValue(d) }

// LogValue implements slog.LogValuer.
func (p PhoneNumber) LogValue() slog.Value { return logValue(p) }

// LogValue implements slog.LogValuer.
func (u User) LogValue() slog.Value { return logValue(u) }

// LogValue implements slog.LogValuer.
func (u UserUpdate) LogValue() slog.Value { return logValue(u) }

// LogValue implements slog.LogValuer.
func (p RegisterParams) LogValue() slog.Value { return logValue(p) }

// LogValue implements slog.LogValuer.
func (p LoginParams) LogValue() slog.Value { return logValue(p) }

// LogValue implements slog.LogValuer.
func (p ChangePasswordParams) LogValue() slog.Value { return logValue(p) }

// LogValue implements slog.LogValuer.
func (t TokenInfo) LogValue() slog.Value { return logValue(t) }

// LogValue implements slog.LogValuer.
func (a AuthedApps) LogValue() slog.Value { return logValue(a) }

// LogValue implements slog.LogValuer.
func (a RevokedApp) LogValue() slog.Value { return logValue(a) }

// LogValue implements slog.LogValuer.
func (s LoginStatus) LogValue() slog.Value { return logValue(s) }

// LogValue implements slog.LogValuer.
func (m Metadata) LogValue() slog.Value { return logValue(m) }

// LogValue implements slog.LogValuer.
func (i MetadataItem) LogValue() slog.Value { return logValue(i) }
