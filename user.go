package authing

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/authing-wxapp/authing/internal/api"
	"github.com/authing-wxapp/authing/internal/transport"
	"github.com/authing-wxapp/authing/internal/wire"
)

// User is an account of the user pool. The service leaves out what it does not select or know, so every field but ID may
// be empty. What has no field here is in [User.Raw].
//
// json.Marshal writes the fields that are set, Token included and in clear, under the service's names; json.Unmarshal
// reads that back, and also what the service sends. Store a User that way: encoding/gob drops Raw and the texts of dates.
type User struct {
	ID               string    `json:"_id,omitempty"`
	Email            string    `json:"email,omitempty"`
	EmailVerified    bool      `json:"emailVerified,omitempty"`
	Phone            string    `json:"phone,omitempty"`
	PhoneVerified    bool      `json:"phoneVerified,omitempty"`
	Username         string    `json:"username,omitempty"`
	Nickname         string    `json:"nickname,omitempty"`
	Company          string    `json:"company,omitempty"`
	Photo            string    `json:"photo,omitempty"`
	Browser          string    `json:"browser,omitempty"`
	Device           string    `json:"device,omitempty"`
	UnionID          string    `json:"unionid,omitempty"`
	OpenID           string    `json:"openid,omitempty"`
	OAuth            string    `json:"oauth,omitempty"` // JSON text: see WxProfile
	RegisterInClient string    `json:"registerInClient,omitempty"`
	RegisterMethod   string    `json:"registerMethod,omitempty"`
	Token            Secret    `json:"token,omitempty"` // for Client.As
	TokenExpiredAt   Timestamp `json:"tokenExpiredAt"`
	LoginsCount      int       `json:"loginsCount,omitempty"`
	LastLogin        Timestamp `json:"lastLogin"`
	LastIP           string    `json:"lastIP,omitempty"`
	SignedUp         Timestamp `json:"signedUp"`
	Blocked          bool      `json:"blocked,omitempty"`
	IsDeleted        bool      `json:"isDeleted,omitempty"`
	Group            Group     `json:"group"`

	raw wire.Raw
}

// Group is the group a user belongs to.
type Group struct {
	ID           string    `json:"_id,omitempty"`
	Name         string    `json:"name,omitempty"`
	Descriptions string    `json:"descriptions,omitempty"`
	CreatedAt    Timestamp `json:"createdAt"`
}

// Raw returns the user as the service sent it, including fields that [User] lacks. It contains the token.
// It is nil for a User that was not decoded from JSON.
func (u *User) Raw() json.RawMessage { return u.raw.JSON() }

// WxProfile decodes the WeChat profile that the account was created from, which is JSON text in OAuth.
// It returns false if there is none or it cannot be decoded.
func (u *User) WxProfile() (*WxUserInfo, bool) {
	var profile WxUserInfo
	if wire.Decode([]byte(u.OAuth), &profile) != nil || profile == (WxUserInfo{}) {
		return nil, false
	}
	return &profile, true
}

type plainUser User // User without its methods

// wireUser is a user as the service sends it. encoding/json prefers the outer fields to those of the embedded User.
type wireUser struct {
	plainUser
	Token          wire.Maybe[Secret] `json:"token"`
	OtherID        string             `json:"id"` // some responses have it beside _id or instead
	TokenExpiredAt wire.Text          `json:"tokenExpiredAt"`
	LoginsCount    wire.Int           `json:"loginsCount"`
	LastLogin      wire.Text          `json:"lastLogin"`
	SignedUp       wire.Text          `json:"signedUp"`
	Group          wire.Maybe[Group]  `json:"group"`
}

// user returns the user inside of w: a copy would cost another 640 bytes.
func (w *wireUser) user(raw wire.Raw) *User {
	u := (*User)(&w.plainUser)
	u.ID, u.Token = cmp.Or(u.ID, w.OtherID), w.Token.Value
	u.TokenExpiredAt, u.LastLogin, u.SignedUp = timestamp(w.TokenExpiredAt), timestamp(w.LastLogin), timestamp(w.SignedUp)
	u.LoginsCount = int(w.LoginsCount.Value)
	u.Group = w.Group.Value
	u.raw = raw
	return u
}

func userOf(w *wireUser, raw wire.Raw) (*User, error) { return w.user(raw), nil }

// missingID and missingToken name what a promised user lacks, or return "".
func missingID(w *wireUser) string {
	if w.ID == "" && w.OtherID == "" {
		return "user id"
	}
	return ""
}

func missingToken(w *wireUser) string {
	switch {
	case w.Token.Value == "":
		return "token"
	case !api.IsHeaderText(string(w.Token.Value)):
		return "token that could be sent back"
	}
	return missingID(w)
}

// UnmarshalJSON decodes a user as the service sends it: the id under _id or id, numbers as numbers or text, dates in every
// form that the service uses.
func (u *User) UnmarshalJSON(b []byte) error {
	var decoded wireUser
	if err := wire.Decode(b, &decoded); err != nil {
		return err
	}
	*u = *decoded.user(wire.At(bytes.Clone(b), [2]string{}))
	return nil
}

// MarshalJSON writes the fields that are set.
func (u User) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		plainUser
		TokenExpiredAt *Timestamp `json:"tokenExpiredAt,omitempty"`
		LastLogin      *Timestamp `json:"lastLogin,omitempty"`
		SignedUp       *Timestamp `json:"signedUp,omitempty"`
		Group          *Group     `json:"group,omitempty"`
	}{plainUser(u), set(&u.TokenExpiredAt), set(&u.LastLogin), set(&u.SignedUp), set(&u.Group)})
}

// MarshalJSON writes the fields that are set.
func (g Group) MarshalJSON() ([]byte, error) {
	type plain Group
	return json.Marshal(struct {
		plain
		CreatedAt *Timestamp `json:"createdAt,omitempty"`
	}{plain(g), set(&g.CreatedAt)})
}

// set returns v, or nil if v is zero, so that omitempty leaves it out.
func set[T comparable](v *T) *T {
	var zero T
	if *v == zero {
		return nil
	}
	return v
}

// Timestamp is a time as the service writes it, in one of many forms. Text keeps the original. If it is not a date
// ("Invalid date", "", or the "0" of a user who signed out), Time is zero. A date without a zone is in China's time.
type Timestamp struct {
	time.Time
	Text string
}

// UnmarshalJSON never fails on valid JSON: what is not a date is kept as Text.
func (t *Timestamp) UnmarshalJSON(b []byte) error {
	s, err := wire.String(b)
	if err != nil {
		return err
	}
	*t = timestamp(s)
	return nil
}

func timestamp[T ~string](text T) Timestamp {
	return Timestamp{Time: wire.ParseTime(string(text)), Text: string(text)}
}

// MarshalJSON writes Text, or for a Timestamp without one, the time in RFC 3339.
func (t Timestamp) MarshalJSON() ([]byte, error) {
	if t.Text != "" || t.IsZero() {
		return json.Marshal(t.Text)
	}
	return json.Marshal(t.Time)
}

var userByID = operation[wireUser]{"user", `query user($id: String!, $registerInClient: String!) {
	user(id: $id, registerInClient: $registerInClient) {` + profileFields + ` phone}
}`, missingID}

// User returns the account with this id. It requires that user's token (see [Client.As]). A token that is no longer
// accepted is [ErrLoginRequired].
//
// Retry: automatic, see [WithReadRetries].
//
// Original: user, query user on the users host.
func (c *Client) User(ctx context.Context, id string) (*User, error) {
	return graphqlUser(ctx, c, api.Request{
		Op:      "User",
		Invalid: api.CheckRequired("user id", id),
		Auth:    api.OwnBearer,
		Reads:   true,
	}, userByID, &struct {
		ID               string `json:"id"`
		RegisterInClient string `json:"registerInClient"`
	}{ID: id, RegisterInClient: c.pool})
}

// UserUpdate selects what to change: nil leaves a field as it is, a pointer to a zero value clears it. See [Ptr].
type UserUpdate struct {
	Email          *string
	EmailVerified  *bool
	Username       *string
	Nickname       *string
	Company        *string
	Photo          *string
	Phone          *string
	Browser        *string
	Password       *Secret // with OldPassword; both are sent encrypted
	OldPassword    *Secret
	Token          *Secret
	TokenExpiredAt *string
	LoginsCount    *int
	LastLogin      *string
	LastIP         *string
	SignedUp       *string
	Blocked        *bool
	IsDeleted      *bool
}

// Ptr returns a pointer to v, for the fields of [UserUpdate]:
//
//	authing.UserUpdate{Nickname: authing.Ptr("Ann"), Company: authing.Ptr("")}
func Ptr[T any](v T) *T { return &v }

// Update changes an account and returns it. It requires that user's token (see [Client.As]).
//
// Since 2020 the service does not change e-mail addresses and phone numbers this way (codes 2225 and 2226): use
// [Client.BindPhone] for a phone number. Changing the password requires OldPassword; a wrong one is [ErrWrongPassword].
//
// Retry: safe, unless it changes the password.
//
// Original: update, mutation updateUser on the users host.
func (c *Client) Update(ctx context.Context, userID string, u UserUpdate) (*User, error) {
	return c.update(ctx, "Update", userID, u)
}

func (c *Client) update(ctx context.Context, op, userID string, u UserUpdate) (*User, error) {
	req, read := c.updateRequest(op, userID, u)
	return call(ctx, c, req, read)
}

// updateRequest declares and passes exactly the fields that are set, as the original does.
func (c *Client) updateRequest(op, userID string, u UserUpdate) (api.Request, func(transport.Response) (*User, error)) {
	variables, err := u.variables(&c.config)
	variables["_id"], variables["registerInClient"] = userID, c.pool
	var declared, passed []string
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		declared = append(declared, "$"+name+": "+updateType(name, variables[name]))
		passed = append(passed, name+": $"+name)
	}
	req := api.Request{Op: op, Invalid: cmp.Or(api.CheckRequired("user id", userID), err), Auth: api.OwnBearer}
	for _, password := range []*Secret{u.Password, u.OldPassword} {
		if password != nil {
			req.Secrets = append(req.Secrets, string(*password))
		}
	}
	return graphql(c, req, operation[wireUser]{"updateUser",
		"mutation UpdateUser(" + strings.Join(declared, ", ") + ") {\n" +
			"\tupdateUser(options: {" + strings.Join(passed, ", ") + "}) {" + profileFields + " phone}\n}", missingID,
	}, variables, userOf)
}

// updateType is the GraphQL type of a variable of updateUser.
func updateType(name string, value any) string {
	switch value.(type) {
	case bool:
		return "Boolean"
	case int:
		return "Int"
	}
	if name == "_id" || name == "registerInClient" {
		return "String!"
	}
	return "String"
}

// variables returns the fields that are set under their wire names.
func (u UserUpdate) variables(c *config) (map[string]any, error) {
	variables := map[string]any{}
	for _, f := range []struct {
		name  string
		value *string
		check func(name, value string) error
	}{
		{"email", u.Email, api.CheckText}, {"username", u.Username, api.CheckText}, {"phone", u.Phone, api.CheckText},
		{"token", (*string)(u.Token), api.CheckText}, {"nickname", u.Nickname, api.CheckUTF8},
		{"company", u.Company, api.CheckUTF8}, {"photo", u.Photo, api.CheckUTF8}, {"browser", u.Browser, api.CheckUTF8},
		{"tokenExpiredAt", u.TokenExpiredAt, api.CheckUTF8}, {"lastLogin", u.LastLogin, api.CheckUTF8},
		{"lastIP", u.LastIP, api.CheckUTF8}, {"signedUp", u.SignedUp, api.CheckUTF8},
	} {
		if f.value == nil {
			continue
		}
		if err := f.check(f.name, *f.value); err != nil {
			return variables, err
		}
		variables[f.name] = *f.value
	}
	for name, b := range map[string]*bool{"emailVerified": u.EmailVerified, "blocked": u.Blocked, "isDeleted": u.IsDeleted} {
		if b != nil {
			variables[name] = *b
		}
	}
	if u.LoginsCount != nil && (*u.LoginsCount > math.MaxInt32 || *u.LoginsCount < math.MinInt32) {
		return variables, api.Invalid("LoginsCount is larger than the service can read")
	}
	if u.LoginsCount != nil {
		variables["loginsCount"] = *u.LoginsCount
	}
	if u.Password == nil && u.OldPassword == nil {
		return variables, nil
	}
	if u.Password == nil || u.OldPassword == nil {
		return variables, api.Invalid("Password and OldPassword go together")
	}
	for name, password := range map[string]Secret{"password": *u.Password, "oldPassword": *u.OldPassword} {
		cipher, err := c.encrypt(password)
		if err = cmp.Or(checkPassword(password), err); err != nil {
			return variables, err
		}
		variables[name] = cipher
	}
	return variables, nil
}

var unbindEmail = operation[wireUser]{"unbindEmail", `mutation unbindEmail($user: String, $client: String) {
	unbindEmail(user: $user, client: $client) {` + profileFields + `}
}`, missingID}

// UnbindEmail removes the e-mail address from an account and returns it. It requires that user's token (see [Client.As]).
// The service rejects it if the address is the only way left to sign in (code 2217) or if there is none (2219).
//
// Retry: safe. After [ErrOutcomeUnknown], code 2219 means that the first call succeeded.
//
// Original: unbindEmail, mutation unbindEmail on the users host.
func (c *Client) UnbindEmail(ctx context.Context, userID string) (*User, error) {
	return graphqlUser(ctx, c, api.Request{
		Op:      "UnbindEmail",
		Invalid: api.CheckRequired("user id", userID),
		Auth:    api.OwnBearer,
	}, unbindEmail, struct {
		User   string `json:"user"`
		Client string `json:"client"`
	}{User: userID, Client: c.pool})
}
