package authing

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// User is an account of the user pool. The service leaves out what it does not select or does not know, so every
// field but ID may be empty. What has no field here is in [User.Raw].
//
// A User prints as its ID only, but for one in an unexported field of a struct of yours, where fmt asks no methods.
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

	raw rawAnswer
}

// Group is the group a user belongs to.
type Group struct {
	ID           string    `json:"_id,omitempty"`
	Name         string    `json:"name,omitempty"`
	Descriptions string    `json:"descriptions,omitempty"`
	CreatedAt    Timestamp `json:"createdAt"`
}

// Raw returns the user as the service sent it, fields included that have no place in [User]. It holds the token.
// It is nil for a User that no JSON was read into.
func (u *User) Raw() json.RawMessage { return u.raw.value() }

// WxProfile returns the WeChat profile that the account was created from, out of the JSON text in OAuth.
// It is false when there is none that can be read.
func (u *User) WxProfile() (*WxUserInfo, bool) {
	var profile WxUserInfo
	if json.Unmarshal([]byte(u.OAuth), &profile) != nil || profile == (WxUserInfo{}) {
		return nil, false
	}
	return &profile, true
}

// Format prints the ID and nothing personal.
func (u User) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "authing.User{ID:%q, …}", u.ID) }

// LogValue logs what [User.Format] prints.
func (u User) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(u)) }

type plainUser User // User without its methods

// wireUser is a user as the service sends it. encoding/json prefers the outer fields to those of the embedded User.
type wireUser struct {
	plainUser
	OtherID     string `json:"id"` // late answers have it beside _id or instead
	LoginsCount number `json:"loginsCount"`
}

// user returns the user inside of w: a copy would cost another 640 bytes.
func (w *wireUser) user(raw rawAnswer) *User {
	u := (*User)(&w.plainUser)
	u.ID = cmp.Or(u.ID, w.OtherID)
	u.LoginsCount = int(w.LoginsCount.value)
	u.raw = raw
	return u
}

// userOf is the last step of every call that returns a user.
func userOf(wire *wireUser, raw rawAnswer, err error) (*User, error) {
	if err != nil {
		return nil, err
	}
	return wire.user(raw), nil
}

// identified and signedIn name what a promised user lacks.
func identified(w *wireUser) string {
	if w.ID == "" && w.OtherID == "" {
		return "user id"
	}
	return ""
}

func signedIn(w *wireUser) string {
	switch {
	case w.Token == "":
		return "token"
	case checkToken(w.Token) != nil:
		return "token that could be sent back"
	}
	return identified(w)
}

// UnmarshalJSON reads a user as the service sends it: id under _id or id, numbers as numbers or text, dates in
// every form that the service uses.
func (u *User) UnmarshalJSON(b []byte) error {
	var wire wireUser
	if err := json.Unmarshal(b, &wire); err != nil {
		return err
	}
	*u = *wire.user(rawAnswer{body: bytes.Clone(b)})
	return nil
}

// MarshalJSON writes the fields that are set.
func (u User) MarshalJSON() ([]byte, error) {
	wire := struct {
		plainUser
		TokenExpiredAt *Timestamp `json:"tokenExpiredAt,omitempty"`
		LastLogin      *Timestamp `json:"lastLogin,omitempty"`
		SignedUp       *Timestamp `json:"signedUp,omitempty"`
		Group          *Group     `json:"group,omitempty"`
	}{plainUser(u), set(&u.TokenExpiredAt), set(&u.LastLogin), set(&u.SignedUp), set(&u.Group)}
	return json.Marshal(wire)
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

// Timestamp is a moment as the service writes it, in one of many forms. Text keeps the original.
// A text that is no date ("Invalid date", "", or the "0" of a user who signed out) leaves Time zero.
type Timestamp struct {
	time.Time
	Text string
}

// The forms that were seen. The last is JavaScript's Date text, without the zone's name in parentheses.
var dateLayouts = []string{time.RFC3339, "2006-01-02T15:04:05", "Mon Jan 02 2006 15:04:05 GMT-0700"}

// UnmarshalJSON never fails on a string or a number: what cannot be read is kept as Text.
func (t *Timestamp) UnmarshalJSON(b []byte) error {
	s, err := readText(b)
	if err != nil {
		return err
	}
	*t = Timestamp{Time: parseTime(s), Text: s}
	return nil
}

// MarshalJSON writes Text, or for a Timestamp made by hand the time in RFC 3339.
func (t Timestamp) MarshalJSON() ([]byte, error) {
	if t.Text != "" || t.Time.IsZero() {
		return json.Marshal(t.Text)
	}
	return json.Marshal(t.Time)
}

func parseTime(s string) time.Time {
	date, _, _ := strings.Cut(s, " (")              // the zone's name can be several words
	date = strings.Replace(date, "GMT ", "GMT+", 1) // URL decoding ate the plus
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, date); err == nil {
			return t
		}
	}
	if ms, ok := wholeNumber(s); ok && ms != 0 {
		return time.UnixMilli(ms)
	}
	return time.Time{}
}

var userByID = operation{`query user($id: String!, $registerInClient: String!) {
	user(id: $id, registerInClient: $registerInClient) {` + profileFields + ` phone}
}`, "user"}

// User returns the account with this id. It needs the token of that user ([Client.As]); one that is no longer accepted
// gives [ErrLoginRequired].
//
// It is a read: after a connection failure or a 502, 503 or 504 it is sent again, see [WithReadRetries].
//
// Original: user, query user on the users host.
func (c *Client) User(ctx context.Context, id string) (*User, error) {
	return graphqlUser(ctx, c, request{
		op:    "User",
		check: cmp.Or(checkRequired("user id", id), checkToken(c.token)),
		auth:  c.bearer(),
		read:  true,
	}, userByID, struct {
		ID               string `json:"id"`
		RegisterInClient string `json:"registerInClient"`
	}{id, c.pool}, identified)
}

// UserUpdate says what to change: nil leaves a field as it is, a pointer to a zero value clears it.
type UserUpdate struct {
	Email          *string
	EmailVerified  *bool
	Username       *string
	Nickname       *string
	Company        *string
	Photo          *string
	Phone          *string
	Browser        *string
	Password       *Secret // with OldPassword; both travel encrypted
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

// Format prints nothing personal.
func (p UserUpdate) Format(f fmt.State, _ rune) { io.WriteString(f, "authing.UserUpdate{…}") }

// LogValue logs what [UserUpdate.Format] prints.
func (p UserUpdate) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(p)) }

// Update changes an account and returns it. It needs the token of that user ([Client.As]).
//
// The service has refused to change e-mail addresses and phone numbers this way since 2020 (codes 2225 and 2226): use
// [Client.BindPhone] for a phone number. Changing the password needs OldPassword; a wrong one gives
// [ErrWrongPassword].
//
// Setting the same values again does no harm, so the caller may repeat it after [ErrOutcomeUnknown], unless it
// changed the password.
//
// Original: update, mutation updateUser on the users host.
func (c *Client) Update(ctx context.Context, userID string, u UserUpdate) (*User, error) {
	return c.update(ctx, request{op: "Update"}, userID, u)
}

// update declares and passes exactly the fields that are set, as the original does.
func (c *Client) update(ctx context.Context, rq request, userID string, u UserUpdate) (*User, error) {
	variables, err := u.variables(&c.config)
	variables["_id"], variables["registerInClient"] = userID, c.pool
	var declared, passed []string
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		declared = append(declared, "$"+name+": "+updateType(name, variables[name]))
		passed = append(passed, name+": $"+name)
	}
	rq.check = cmp.Or(checkRequired("user id", userID), err, checkToken(c.token))
	rq.auth = c.bearer()
	for _, password := range []*Secret{u.Password, u.OldPassword} {
		if password != nil {
			rq.hide = append(rq.hide, string(*password))
		}
	}
	return graphqlUser(ctx, c, rq, operation{
		"mutation UpdateUser(" + strings.Join(declared, ", ") + ") {\n" +
			"\tupdateUser(options: {" + strings.Join(passed, ", ") + "}) {" + profileFields + " phone}\n}", "updateUser",
	}, variables, identified)
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
	}{
		{"email", u.Email}, {"username", u.Username}, {"nickname", u.Nickname}, {"company", u.Company}, {"photo", u.Photo},
		{"phone", u.Phone}, {"browser", u.Browser}, {"token", (*string)(u.Token)}, {"tokenExpiredAt", u.TokenExpiredAt},
		{"lastLogin", u.LastLogin}, {"lastIP", u.LastIP}, {"signedUp", u.SignedUp},
	} {
		if f.value == nil {
			continue
		}
		if err := checkText(f.name, *f.value); err != nil {
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
		return variables, invalid("LoginsCount is larger than the service can read")
	}
	if u.LoginsCount != nil {
		variables["loginsCount"] = *u.LoginsCount
	}
	if u.Password == nil && u.OldPassword == nil {
		return variables, nil
	}
	if u.Password == nil || u.OldPassword == nil {
		return variables, invalid("Password and OldPassword go together")
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

var unbindEmail = operation{`mutation unbindEmail($user: String, $client: String) {
	unbindEmail(user: $user, client: $client) {` + profileFields + `}
}`, "unbindEmail"}

// UnbindEmail removes the e-mail address from an account and returns it. It needs the token of that user ([Client.As]).
// The service refuses when the address is the only way left to sign in (code 2217) or there is none (2219).
// After [ErrOutcomeUnknown] the caller may repeat it and take 2219 for success.
//
// Original: unbindEmail, mutation unbindEmail on the users host.
func (c *Client) UnbindEmail(ctx context.Context, userID string) (*User, error) {
	return graphqlUser(ctx, c, request{
		op:    "UnbindEmail",
		check: cmp.Or(checkRequired("user id", userID), checkToken(c.token)),
		auth:  c.bearer(),
	}, unbindEmail, struct {
		User   string `json:"user"`
		Client string `json:"client"`
	}{userID, c.pool}, identified)
}
