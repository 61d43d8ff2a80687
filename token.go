package authing

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/authing-wxapp/authing/internal/api"
	"github.com/authing-wxapp/authing/internal/wire"
)

// TokenInfo is what a token says about its owner. Its JSON keeps every field and the response, so that a cache can store
// it, but not the token.
type TokenInfo struct {
	UserID     string    `json:"userId"`
	UserPoolID string    `json:"userPoolId"`
	Email      string    `json:"email,omitempty"`
	Phone      string    `json:"phone,omitempty"` // empty unless the service was configured to send it
	UnionID    string    `json:"unionid,omitempty"`
	IssuedAt   time.Time `json:"issuedAt,omitzero"`
	ExpiresAt  time.Time `json:"expiresAt,omitzero"` // zero for a token that never expires

	raw wire.Raw
}

// Raw returns the response as the service sent it.
func (t *TokenInfo) Raw() json.RawMessage { return t.raw.JSON() }

// SetRaw sets what Raw returns, for a Verifier of your own.
func (t *TokenInfo) SetRaw(response json.RawMessage) { t.raw = wire.At(response, [2]string{}) }

type tokenInfoFields TokenInfo // without the methods

type storedTokenInfo struct {
	tokenInfoFields
	Raw json.RawMessage `json:"raw,omitempty"`
}

// MarshalJSON writes the fields that are set, and the response as "raw".
func (t TokenInfo) MarshalJSON() ([]byte, error) {
	return json.Marshal(storedTokenInfo{tokenInfoFields(t), t.Raw()})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (t *TokenInfo) UnmarshalJSON(b []byte) error {
	var stored storedTokenInfo
	if err := json.Unmarshal(b, &stored); err != nil {
		return err
	}
	*t = TokenInfo(stored.tokenInfoFields)
	t.raw = wire.At(stored.Raw, [2]string{})
	return nil
}

type wireToken struct {
	ack
	Token wire.Maybe[wireOwner] `json:"token"`
}

type wireOwner struct {
	Data struct {
		ID       string `json:"id"`
		ClientID string `json:"clientId"`
		Email    string `json:"email"`
		Phone    string `json:"phone"`
		UnionID  string `json:"unionid"`
	} `json:"data"`
	IssuedAt  wire.Seconds `json:"iat"`
	ExpiresAt wire.Seconds `json:"exp"`
}

func (w *wireToken) missing() string {
	switch missing := w.missingVerdict(); {
	case missing != "":
		return missing
	case w.refused() != nil:
		return ""
	case w.Token.Value.ExpiresAt.Odd || w.Token.Value.IssuedAt.Odd:
		return "readable lifetime of the token"
	case w.Token.Value.Data.ID == "":
		return "user id"
	case w.Token.Value.Data.ClientID == "":
		return "user pool id"
	}
	return ""
}

// info returns what the token says, unless the service refused it. A false status without a code, or a token from
// another pool, counts as an invalid token.
func (w *wireToken) info(pool string, raw wire.Raw) (*TokenInfo, error) {
	owner := w.Token.Value.Data
	if err := w.refused(); err != nil {
		if e, ok := errors.AsType[*api.Error](err); ok && (e.Code == 0 || e.Code == http.StatusOK) {
			e.Match(ErrLoginRequired)
		}
		return nil, err
	}
	if owner.ClientID != pool {
		return nil, &api.Error{Reason: "the token belongs to another user pool", Hint: "sign in to this one", Err: ErrLoginRequired}
	}
	return &TokenInfo{
		UserID: owner.ID, UserPoolID: owner.ClientID, Email: owner.Email, Phone: owner.Phone, UnionID: owner.UnionID,
		IssuedAt: w.Token.Value.IssuedAt.Time(), ExpiresAt: w.Token.Value.ExpiresAt.Time(), raw: raw,
	}, nil
}

var verifyToken = operation[wireToken]{"checkLoginStatus", `query checkLoginStatus($token: String) {
	checkLoginStatus(token: $token) { status code message token { data { email id clientId unionid } iat exp } }
}`, (*wireToken).missing}

// VerifyToken asks Authing whose token this is, for a request that a page sends with its token. A token that has
// expired, is invalid or belongs to another user pool is [ErrLoginRequired]. Tokens of this generation cannot be verified
// without asking: their key is not published. It needs no [Client.As]; the client's own token is sent if it has one.
//
// Retry: automatic, see [WithReadRetries].
//
// Original: checkLoginStatus, query checkLoginStatus(token) on the users host.
func (c *Client) VerifyToken(ctx context.Context, token Secret) (*TokenInfo, error) {
	return callGraphQL(ctx, c, api.Request{
		Op:      "VerifyToken",
		Invalid: checkVerifiable(token),
		Auth:    api.Bearer,
		Reads:   true,
	}, verifyToken, &struct {
		Token string `json:"token"`
	}{Token: string(token)}, func(w *wireToken, raw wire.Raw) (*TokenInfo, error) { return w.info(c.pool, raw) })
}

// checkVerifiable rejects malformed tokens. They come from clients, so the caller sees ErrLoginRequired.
func checkVerifiable(token Secret) error {
	switch {
	case token == "":
		return &api.Error{Reason: "no token to verify", Hint: "nothing was sent", Err: ErrLoginRequired}
	case !api.IsHeaderText(string(token)):
		e := api.Invalid(`the token contains white space or other characters that no token has ("Bearer " is not part of it)`)
		e.Hint = "nothing was sent"
		e.Match(ErrLoginRequired)
		return e
	}
	return nil
}
