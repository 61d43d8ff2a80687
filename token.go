package authing

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// Secret is a token or a password. It prints as [redacted] under fmt and slog, so that it does not slip into a log;
// string(s) is the explicit way to read it. As a field of a struct it is written to JSON in clear, since sessions are
// stored that way. In an unexported field of a struct of yours fmt asks no methods and prints it in clear, too.
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

// TokenInfo is what a token says about its holder.
type TokenInfo struct {
	UserID     string
	UserPoolID string
	Email      string
	Phone      string // the service leaves it out, unless it was made to send it
	UnionID    string
	IssuedAt   time.Time
	ExpiresAt  time.Time // zero for a token that never expires

	raw rawAnswer
}

// Raw returns the answer as the service sent it.
func (t *TokenInfo) Raw() json.RawMessage { return t.raw.value() }

// Format prints the user's id and nothing personal.
func (t TokenInfo) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "authing.TokenInfo{UserID:%q, …}", t.UserID)
}

// LogValue logs what [TokenInfo.Format] prints.
func (t TokenInfo) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(t)) }

type wireToken struct {
	notice
	Token wireHolder `json:"token"`
}

type wireHolder struct {
	Data struct {
		ID       string `json:"id"`
		ClientID string `json:"clientId"`
		Email    string `json:"email"`
		Phone    string `json:"phone"`
		UnionID  string `json:"unionid"`
	} `json:"data"`
	IssuedAt  number `json:"iat"`
	ExpiresAt number `json:"exp"`

	unreadable bool
}

// UnmarshalJSON never fails, since a refusal counts whatever stands beside it.
func (h *wireHolder) UnmarshalJSON(b []byte) error {
	type plain wireHolder
	h.unreadable = json.Unmarshal(b, (*plain)(h)) != nil
	return nil
}

// refused makes a status that is false without a reason, and a token of another pool, the same as an invalid token.
func (w *wireToken) refused(pool string) error {
	err := w.notice.refused(pool)
	switch e, ok := err.(*Error); {
	case ok && (e.Code == 0 || e.Code == http.StatusOK):
		e.kinds = append(e.kinds, ErrLoginRequired)
	case !ok && w.Token.Data.ClientID != pool:
		return &Error{kinds: []error{ErrLoginRequired}, settled: true,
			summary: "the token belongs to another user pool", hint: "sign in to this one"}
	}
	return err
}

// lacks names what an accepted token must come with. A mere absence of a refusal does not make a token valid.
func (w *wireToken) lacks() string {
	switch {
	case !w.Code.set && w.Status == nil:
		return "verdict on the token"
	case w.notice.refused("") != nil:
		return ""
	case w.Token.unreadable:
		return "token that can be read"
	case w.Token.Data.ID == "":
		return "user id"
	case w.Token.Data.ClientID == "":
		return "user pool id"
	}
	return ""
}

var verifyToken = operation{`query checkLoginStatus($token: String) {
	checkLoginStatus(token: $token) { status code message token { data { email id clientId unionid } iat exp } }
}`, "checkLoginStatus"}

// VerifyToken asks Authing whose token this is, for a request that a page sends with its token. A token that has
// expired, is not valid or belongs to another user pool gives [ErrLoginRequired]. There is no way to verify a token of
// this generation without asking: its key is not published. It needs no [Client.As]; a token that the client holds is sent
// along.
//
// It is a read: after a connection failure or a 502, 503 or 504 it is sent again, see [WithReadRetries].
//
// Original: checkLoginStatus, with the token as argument: query checkLoginStatus(token) on the users host, which keeps
// the token out of URLs.
func (c *Client) VerifyToken(ctx context.Context, token Secret) (*TokenInfo, error) {
	wire, raw, err := graphql(ctx, c, request{
		op:    "VerifyToken",
		check: cmp.Or(checkVerifiable(token), checkToken(c.token)),
		auth:  c.bearer(),
		read:  true,
	}, verifyToken, map[string]string{"token": string(token)}, (*wireToken).lacks)
	if err != nil {
		return nil, err
	}
	holder := wire.Token.Data
	return &TokenInfo{
		UserID: holder.ID, UserPoolID: holder.ClientID, Email: holder.Email, Phone: holder.Phone, UnionID: holder.UnionID,
		IssuedAt: wire.Token.IssuedAt.seconds(), ExpiresAt: wire.Token.ExpiresAt.seconds(), raw: raw,
	}, nil
}

// checkVerifiable refuses what cannot be a token. To the caller it is one that is not valid: it came from a page.
func checkVerifiable(token Secret) error {
	e := &Error{kinds: []error{ErrLoginRequired}, hint: "nothing was sent"}
	switch {
	case token == "":
		e.summary = "there is no token to verify"
	case checkToken(token) != nil:
		e.kinds = append(e.kinds, ErrInvalidArgument)
		e.summary = `what came as a token holds white space or other characters that no token has ("Bearer " is not part of it)`
	default:
		return nil
	}
	return e
}
