package authingv3

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/api"
	"github.com/authing-wxapp/authing/internal/transport"
	"github.com/authing-wxapp/authing/internal/wire"
)

// User is an account. The service leaves out what it does not know and what the token's scope does not permit, so every
// field but ID may be empty. What has no field here is in [User.Raw].
type User struct {
	ID                string            `json:"userId"`
	Status            string            `json:"status,omitempty"`     // "Activated", "Suspended", "Deactivated", "Resigned", "Archived"
	WorkStatus        string            `json:"workStatus,omitempty"` // "Active", "Closed"
	ExternalID        string            `json:"externalId,omitempty"`
	Email             string            `json:"email,omitempty"`
	EmailVerified     bool              `json:"emailVerified,omitempty"`
	Phone             string            `json:"phone,omitempty"` // without the country code
	PhoneCountryCode  string            `json:"phoneCountryCode,omitempty"`
	PhoneVerified     bool              `json:"phoneVerified,omitempty"`
	Username          string            `json:"username,omitempty"`
	Name              string            `json:"name,omitempty"`
	Nickname          string            `json:"nickname,omitempty"`
	Photo             string            `json:"photo,omitempty"`
	Gender            string            `json:"gender,omitempty"` // "M", "F", "U"
	Birthdate         string            `json:"birthdate,omitempty"`
	Country           string            `json:"country,omitempty"`
	Province          string            `json:"province,omitempty"`
	City              string            `json:"city,omitempty"`
	Address           string            `json:"address,omitempty"`
	StreetAddress     string            `json:"streetAddress,omitempty"`
	PostalCode        string            `json:"postalCode,omitempty"`
	Company           string            `json:"company,omitempty"`
	IdentityNumber    string            `json:"identityNumber,omitempty"`
	LoginsCount       int               `json:"loginsCount,omitempty"`
	LastLogin         authing.Timestamp `json:"lastLogin,omitzero"`
	LastIP            string            `json:"lastIp,omitempty"`
	CreatedAt         authing.Timestamp `json:"createdAt,omitzero"`
	UpdatedAt         authing.Timestamp `json:"updatedAt,omitzero"`
	PasswordLastSetAt authing.Timestamp `json:"passwordLastSetAt,omitzero"`
	UserSourceType    string            `json:"userSourceType,omitempty"`
	TenantID          string            `json:"tenantId,omitempty"`
	DepartmentIDs     []string          `json:"departmentIds,omitempty"` // with ExtraDepartmentIDs
	Identities        []Identity        `json:"identities,omitempty"`    // with ExtraIdentities
	CustomData        map[string]any    `json:"customData,omitempty"`    // with ExtraCustomData

	raw wire.Raw
}

// Identity is an account of somebody else's that the user can sign in with. WeChat gives two: one of Type "openid", and one
// of Type "unionid" if the mini program belongs to a WeChat open platform account.
type Identity struct {
	ID            string          `json:"identityId"`
	ExtIDPID      string          `json:"extIdpId,omitempty"` // of the identity source
	Provider      string          `json:"provider,omitempty"` // "wechat"
	Type          string          `json:"type,omitempty"`
	UserIDInIDP   string          `json:"userIdInIdp,omitempty"`
	UserInfoInIDP json.RawMessage `json:"userInfoInIdp,omitempty"`
	OriginConnIDs []string        `json:"originConnIds,omitempty"` // of the identity sources that the user came through
}

// Raw returns the user as the service sent it, including fields that [User] lacks. It is nil for a User that was not decoded
// from JSON.
func (u *User) Raw() json.RawMessage { return u.raw.JSON() }

// OpenID returns the user's WeChat openid, or "". It requires a call of [Client.User] with [ExtraIdentities]. Each WeChat app
// has an openid of its own: if the user signs in through several, this is the first that the service lists.
func (u *User) OpenID() string { return u.wechat("openid") }

// UnionID returns the user's WeChat unionid, or "". It requires a call of [Client.User] with [ExtraIdentities].
func (u *User) UnionID() string { return u.wechat("unionid") }

func (u *User) wechat(kind string) string {
	for _, identity := range u.Identities {
		if identity.Type == kind && (identity.Provider == "wechat" || identity.Provider == "") {
			return identity.UserIDInIDP
		}
	}
	return ""
}

type plainUser User // User without its methods

// wireUser is a user as the service sends it. The outer fields win over those of the embedded User.
type wireUser struct {
	plainUser
	LoginsCount wire.Int                   `json:"loginsCount"`
	Identities  wire.List[Identity]        `json:"identities"`
	CustomData  wire.Maybe[map[string]any] `json:"customData"`
}

func (w *wireUser) missing() string {
	if w.ID == "" {
		return "user id"
	}
	return ""
}

func (w *wireUser) user(raw wire.Raw) *User {
	u := (*User)(&w.plainUser)
	u.LoginsCount, u.Identities, u.CustomData = int(w.LoginsCount.Value), w.Identities, w.CustomData.Value
	u.raw = raw
	return u
}

// UnmarshalJSON decodes a user as the service sends it: numbers as numbers or text, dates in every form.
func (u *User) UnmarshalJSON(b []byte) error {
	var w wireUser
	if err := wire.Decode(b, &w); err != nil {
		return err
	}
	*u = *w.user(wire.At(bytes.Clone(b), [2]string{}))
	return nil
}

func decodeUser(resp transport.Response) (*User, error) {
	w, err := decodeComplete(resp, (*wireUser).missing)
	if err != nil {
		return nil, err
	}
	return w.user(wire.At(resp.Body, [2]string{"data"})), nil
}

// Extra is a part of a user that the service sends on request only.
type Extra string

// The extras of [Client.User].
const (
	ExtraCustomData    Extra = "withCustomData"
	ExtraIdentities    Extra = "withIdentities" // for User.OpenID and User.UnionID
	ExtraDepartmentIDs Extra = "withDepartmentIds"
)

// User returns the user that the client acts as. It requires a token (see [Client.As]). A token that is no longer accepted is
// [authing.ErrLoginRequired].
//
// Retry: automatic, see [WithReadRetries].
//
// Source: GET /api/v3/get-profile; getUserInfo of the mini-program SDK.
func (c *Client) User(ctx context.Context, extras ...Extra) (*User, error) {
	address := "/api/v3/get-profile"
	query := url.Values{}
	for _, extra := range extras {
		query.Set(string(extra), "true")
	}
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	return call(ctx, c, api.Request{
		Op:     "User",
		Method: http.MethodGet,
		URL:    address,
		Auth:   api.BareRequired,
		Reads:  true,
	}, decodeUser)
}

// UserUpdate selects what to change: nil leaves a field as it is. An empty text and an empty map are sent; whether they clear
// the field is not known. See [authing.Ptr].
type UserUpdate struct {
	Name           *string        `json:"name,omitempty"`
	Nickname       *string        `json:"nickname,omitempty"`
	Photo          *string        `json:"photo,omitempty"` // URL
	ExternalID     *string        `json:"externalId,omitempty"`
	Birthdate      *string        `json:"birthdate,omitempty"` // "2001-02-03"
	Country        *string        `json:"country,omitempty"`
	Province       *string        `json:"province,omitempty"`
	City           *string        `json:"city,omitempty"`
	Address        *string        `json:"address,omitempty"`
	StreetAddress  *string        `json:"streetAddress,omitempty"`
	PostalCode     *string        `json:"postalCode,omitempty"`
	Gender         *string        `json:"gender,omitempty"` // "M", "F" or "U"
	Username       *string        `json:"username,omitempty"`
	Company        *string        `json:"company,omitempty"`
	IdentityNumber *string        `json:"identityNumber,omitempty"`
	CustomData     map[string]any `json:"customData,omitzero"` // fields that are defined in the Authing console
}

// check rejects what encoding/json would change silently.
func (u UserUpdate) check() error {
	for name, text := range map[string]*string{
		"name": u.Name, "nickname": u.Nickname, "photo": u.Photo, "external id": u.ExternalID, "birthdate": u.Birthdate,
		"country": u.Country, "province": u.Province, "city": u.City, "address": u.Address, "street address": u.StreetAddress,
		"postal code": u.PostalCode, "gender": u.Gender, "user name": u.Username, "company": u.Company,
		"identity number": u.IdentityNumber,
	} {
		if text == nil {
			continue
		}
		if err := api.CheckUTF8(name, *text); err != nil {
			return err
		}
	}
	if u.CustomData != nil && !wire.Encodable(u.CustomData) {
		return api.Invalid("the custom data cannot be written as JSON, or contains invalid UTF-8")
	}
	return nil
}

// Update changes the user that the client acts as and returns it. It requires a token (see [Client.As]). Phone number,
// e-mail address and password are not changed this way. An update of nothing is [authing.ErrInvalidArgument]; expect
// [authing.ErrLoginRequired] for a token that is missing or not accepted.
//
// Retry: safe.
//
// Source: POST /api/v3/update-profile; updateUserInfo of the mini-program SDK.
func (c *Client) Update(ctx context.Context, u UserUpdate) (*User, error) {
	return call(ctx, c, updateRequest("Update", u), decodeUser)
}

func updateRequest(op string, u UserUpdate) api.Request {
	invalid := u.check()
	if b, err := json.Marshal(u); err == nil && string(b) == "{}" {
		invalid = cmp.Or(invalid, error(api.Invalid("there is nothing to update")))
	}
	return api.Request{Op: op, Invalid: invalid, URL: "/api/v3/update-profile", Auth: api.BareRequired, Body: u}
}
