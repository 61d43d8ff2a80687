package authingv3

import (
	"cmp"
	"context"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/api"
	"github.com/authing-wxapp/authing/internal/transport"
	"github.com/authing-wxapp/authing/internal/wire"
)

type passCode struct {
	PassCode    string `json:"passCode"`
	Email       string `json:"email,omitempty"`
	Phone       string `json:"phone,omitempty"`
	CountryCode string `json:"phoneCountryCode,omitempty"`
}

type passwordPayload struct {
	Password string `json:"password"`
	Account  string `json:"account,omitempty"`
	Email    string `json:"email,omitempty"`
	Username string `json:"username,omitempty"`
}

// LoginByPhoneCode signs in with a code that [Client.GetVerificationCode] sent over [ChannelLogin]. phone is a number of
// mainland China ("13800138000"), or has its country code in front, separated by a space ("+1 5550100"). An unknown number
// is rejected unless [WithAutoRegister] is given. No token is sent.
//
// Retry: never with the same code. After [authing.ErrOutcomeUnknown], ask for a new one.
//
// Source: POST /api/v3/signin with PASSCODE; loginByPassCode of the mini-program SDK.
func (c *Client) LoginByPhoneCode(ctx context.Context, phone, smsCode string, opts ...LoginOption) (*Login, error) {
	o := collect(opts)
	country, number := splitPhone(phone)
	return c.signIn(ctx, api.Request{
		Op:      "LoginByPhoneCode",
		Invalid: cmp.Or(checkPhone(country, number), checkSMSCode(smsCode), o.checkAccount()),
		URL:     "/api/v3/signin",
		Spends:  "code",
	}, &signIn{Connection: "PASSCODE", PassCode: &passCode{PassCode: smsCode, Phone: number, CountryCode: country}}, o)
}

// Login signs in with a password. account is a user name, a phone number or an e-mail address. The password is sent in clear
// inside TLS. No token is sent. Expect [authing.ErrWrongPassword], [authing.ErrUserNotFound], [authing.ErrUserLocked], and
// [authing.ErrMFARequired], since this API does not support a second factor.
//
// Retry: no, because the service counts attempts.
//
// Source: POST /api/v3/signin with PASSWORD; loginByPassword of the mini-program SDK.
func (c *Client) Login(ctx context.Context, account string, password authing.Secret, opts ...LoginOption) (*Login, error) {
	o := collect(opts)
	return c.signIn(ctx, api.Request{
		Op:      "Login",
		Invalid: cmp.Or(api.CheckRequired("account", account), checkPassword(password), o.checkAccount()),
		URL:     "/api/v3/signin",
	}, &signIn{Connection: "PASSWORD", Password: &passwordPayload{Password: string(password), Account: account}}, o)
}

// RegisterParams describes a new account: Password with Email or Username, or Code with Email or Phone. An empty field is
// not sent.
type RegisterParams struct {
	Email    string
	Username string
	Phone    string // as in [Client.LoginByPhoneCode]
	Password authing.Secret
	Code     string // that was sent over ChannelRegister

	Profile  UserUpdate // without Username, ExternalID, Province, City and IdentityNumber, which Update can set afterwards
	ClientIP string     // the user's address
}

// Register creates an account and returns it. It does not sign in: call [Client.Login] or [Client.LoginByPhoneCode]. It
// needs no token. A value that is taken has no sentinel: the service documents Error.Code 409 for it.
//
// Retry: no. After [authing.ErrOutcomeUnknown], try to sign in.
//
// Source: POST /api/v3/signup.
func (c *Client) Register(ctx context.Context, p RegisterParams) (*User, error) {
	body, invalid := p.body()
	return call(ctx, c, api.Request{
		Op:      "Register",
		Invalid: invalid,
		URL:     "/api/v3/signup",
		Body:    body,
	}, decodeUser)
}

type signUp struct {
	Connection string           `json:"connection"`
	Password   *passwordPayload `json:"passwordPayload,omitempty"`
	PassCode   *passCode        `json:"passCodePayload,omitempty"`
	Profile    UserUpdate       `json:"profile,omitzero"`
	Options    struct {
		ClientIP string   `json:"clientIp,omitempty"`
		Context  struct{} `json:"context"` // required, also when there is nothing in it
	} `json:"options"`
}

// body returns what is sent, or why it cannot be.
func (p RegisterParams) body() (signUp, error) {
	var body signUp
	body.Profile, body.Options.ClientIP = p.Profile, p.ClientIP
	country, number := splitPhone(p.Phone)
	err := cmp.Or(api.CheckText("e-mail address", p.Email), api.CheckText("user name", p.Username), api.CheckUTF8("client IP", p.ClientIP),
		p.checkProfile())
	switch {
	case (p.Password == "") == (p.Code == ""):
		err = api.Invalid("an account needs either Password or Code")
	case p.Password != "":
		body.Connection = "PASSWORD"
		body.Password = &passwordPayload{Password: string(p.Password), Email: p.Email, Username: p.Username}
		switch {
		case p.Phone != "":
			err = api.Invalid("an account with a phone number is registered by Code")
		case p.Email == "" && p.Username == "":
			err = api.Invalid("no account given: set Email or Username")
		}
		err = cmp.Or(err, checkPassword(p.Password))
	default:
		body.Connection = "PASSCODE"
		body.PassCode = &passCode{PassCode: p.Code, Email: p.Email}
		if p.Phone != "" {
			body.PassCode.Phone, body.PassCode.CountryCode = number, country
			err = cmp.Or(err, checkPhone(country, number))
		}
		switch {
		case p.Username != "":
			err = api.Invalid("an account with a user name is registered by Password")
		case (p.Email == "") == (p.Phone == ""):
			err = api.Invalid("a code belongs to either Email or Phone")
		}
		err = cmp.Or(err, checkSMSCode(p.Code))
	}
	return body, err
}

// checkProfile rejects what the API does not take when it registers a user.
func (p RegisterParams) checkProfile() error {
	u := p.Profile
	if u.Username != nil || u.ExternalID != nil || u.Province != nil || u.City != nil || u.IdentityNumber != nil {
		return api.Invalid("a new account takes no Username, ExternalID, Province, City or IdentityNumber in its Profile: update it afterwards")
	}
	return u.check()
}

// Proof shows that a user wants to delete the account: [ProofByPassword], [ProofByPhoneCode] or [ProofByEmailCode].
type Proof struct {
	body   deletion
	spends string // what the service accepts once
	err    error
}

type deletion struct {
	Method    string           `json:"verifyMethod"`
	PhoneCode *phoneCode       `json:"phonePassCodePayload,omitempty"`
	EmailCode *passCode        `json:"emailPassCodePayload,omitempty"`
	Password  *passwordPayload `json:"passwordPayload,omitempty"`
}

// phoneCode is a code that was sent to a phone.
type phoneCode struct {
	Number      string `json:"phoneNumber"`
	PassCode    string `json:"passCode"`
	CountryCode string `json:"phoneCountryCode"`
}

// ProofByPassword is the user's password.
func ProofByPassword(password authing.Secret) Proof {
	return Proof{body: deletion{Method: "PASSWORD", Password: &passwordPayload{Password: string(password)}}, err: checkPassword(password)}
}

// ProofByPhoneCode is a code that was sent to the user's phone over [ChannelDeleteAccount].
func ProofByPhoneCode(phone, smsCode string) Proof {
	country, number := splitPhone(phone)
	return Proof{
		body:   deletion{Method: "PHONE_PASSCODE", PhoneCode: &phoneCode{Number: number, PassCode: smsCode, CountryCode: country}},
		spends: "code",
		err:    cmp.Or(checkPhone(country, number), checkSMSCode(smsCode)),
	}
}

// ProofByEmailCode is a code that was sent to the user's e-mail address over [ChannelDeleteAccount].
func ProofByEmailCode(email, code string) Proof {
	return Proof{
		body:   deletion{Method: "EMAIL_PASSCODE", EmailCode: &passCode{Email: email, PassCode: code}},
		spends: "code",
		err:    cmp.Or(api.CheckRequired("e-mail address", email), checkSMSCode(code)),
	}
}

// DeleteAccount deletes the account of the user that the client acts as. It requires a token (see [Client.As]). It makes
// two requests: one that proves, and one that deletes within a minute.
//
// Retry: with a new code only. After [authing.ErrOutcomeUnknown], [Client.User] fails once the account is gone.
//
// Source: POST /api/v3/verify-delete-account-request, then POST /api/v3/delete-account.
func (c *Client) DeleteAccount(ctx context.Context, proof Proof) error {
	const op = "DeleteAccount"
	if proof.body.Method == "" {
		proof.err = api.Invalid("the proof is empty: use ProofByPassword, ProofByPhoneCode or ProofByEmailCode")
	}
	log := api.Begin(op)
	token, err := exchange(ctx, c, api.Request{
		Op:      op,
		Invalid: proof.err,
		URL:     "/api/v3/verify-delete-account-request",
		Auth:    api.BareRequired,
		Body:    proof.body,
		Spends:  proof.spends,
	}, &log, decodeDeletionToken)
	if err == nil {
		_, err = exchange(ctx, c, api.Request{
			Op:     op,
			URL:    "/api/v3/delete-account",
			Auth:   api.BareRequired,
			Body:   map[string]string{"deleteAccountToken": token},
			Spends: proof.spends, // the first request did
		}, &log, decodeDeleted)
		if err != nil {
			state := "the account is still there"
			if proof.spends != "" {
				state += ", but the code is used up and the next try needs a new one"
			}
			err = api.SentBefore(err, state)
		}
	}
	return c.finish(ctx, log, err)
}

func decodeDeletionToken(resp transport.Response) (string, error) {
	type proved struct {
		Token string `json:"deleteAccountToken"`
	}
	data, err := decodeComplete(resp, func(p *proved) string {
		if p.Token == "" {
			return "token for the deletion"
		}
		return ""
	})
	if err != nil {
		return "", err
	}
	return data.Token, nil
}

func decodeDeleted(resp transport.Response) (none struct{}, err error) {
	type deleted struct {
		Success wire.Bool `json:"success"`
	}
	data, err := decode[wire.Maybe[deleted]](resp)
	if err == nil && data != nil && data.Value.Success.Set && !data.Value.Success.Value {
		err = notDone(resp)
	}
	return none, err
}

// notDone reports a success that says that nothing was done.
func notDone(resp transport.Response) error {
	r, _ := readReply(resp) // which was read before
	e := &api.Error{Reason: "the service did not do it and does not say why"}
	r.keepIn(e)
	return e
}

func checkPassword(password authing.Secret) error {
	if password == "" {
		return api.Invalid("the password is empty")
	}
	return api.CheckUTF8("password", string(password))
}
