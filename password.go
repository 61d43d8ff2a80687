package authing

import (
	"cmp"
	"context"

	"github.com/authing-wxapp/authing/internal/api"
)

// mailVariables are the variables of the operations around a mailed code.
type mailVariables struct {
	Email      string `json:"email"`
	Client     string `json:"client"`
	Password   string `json:"password,omitempty"`
	VerifyCode string `json:"verifyCode,omitempty"`
}

var sendResetPasswordEmail = operation[ack]{"sendResetPasswordEmail", `mutation sendResetPasswordEmail($email: String!, $client: String!) {
	sendResetPasswordEmail(email: $email, client: $client) { message code }
}`, missingCode}

// SendResetPasswordEmail mails a code to the address of an account, for [Client.ChangePassword]. It needs no token; the
// client's is sent if it has one.
//
// Retry: at the user's request only. Each call sends a mail.
//
// Original: sendResetPasswordEmail, mutation sendResetPasswordEmail on the users host.
func (c *Client) SendResetPasswordEmail(ctx context.Context, email string) error {
	return graphqlDone(ctx, c, api.Request{
		Op:      "SendResetPasswordEmail",
		Invalid: api.CheckRequired("e-mail address", email),
		Auth:    api.Bearer,
	}, sendResetPasswordEmail, mailVariables{Email: email, Client: c.pool})
}

var verifyResetPasswordVerifyCode = operation[ack]{"verifyResetPasswordVerifyCode", `mutation verifyResetPasswordVerifyCode($email: String!, $client: String!,
	$verifyCode: String!) {
	verifyResetPasswordVerifyCode(email: $email, client: $client, verifyCode: $verifyCode) { message code }
}`, missingCode}

// VerifyResetPasswordVerifyCode checks a mailed code, so that a page can ask for the new password next. It needs no
// token; the client's is sent if it has one. A wrong or expired code is [ErrVerifyCode].
//
// Retry: no, because the service counts attempts.
//
// Original: verifyResetPasswordVerifyCode, mutation verifyResetPasswordVerifyCode on the users host.
func (c *Client) VerifyResetPasswordVerifyCode(ctx context.Context, email, verifyCode string) error {
	return graphqlDone(ctx, c, api.Request{
		Op:      "VerifyResetPasswordVerifyCode",
		Invalid: cmp.Or(api.CheckRequired("e-mail address", email), api.CheckRequired("verification code", verifyCode)),
		Auth:    api.Bearer,
	}, verifyResetPasswordVerifyCode, mailVariables{Email: email, Client: c.pool, VerifyCode: verifyCode})
}

// ChangePasswordParams are the arguments of [Client.ChangePassword]. Every field is required.
type ChangePasswordParams struct {
	Email      string
	Password   Secret // the new one, at most 117 bytes; sent encrypted
	VerifyCode string // from the mail of SendResetPasswordEmail
}

var changePassword = operation[wireUser]{"changePassword", `mutation changePassword($email: String!, $client: String!, $password: String!,
	$verifyCode: String!) {
	changePassword(email: $email, client: $client, password: $password, verifyCode: $verifyCode) {` + profileFields + `}
}`, missingID}

// ChangePassword sets a new password with a mailed code and returns the user. It needs no token; the client's is sent if
// it has one. A wrong or expired code is [ErrVerifyCode].
//
// Retry: never with the same code. After [ErrOutcomeUnknown], try to sign in.
//
// Original: changePassword, mutation changePassword on the users host.
func (c *Client) ChangePassword(ctx context.Context, p ChangePasswordParams) (*User, error) {
	password, err := c.encrypt(p.Password)
	return graphqlUser(ctx, c, api.Request{
		Op: "ChangePassword",
		Invalid: cmp.Or(err, api.CheckRequired("e-mail address", p.Email), checkPassword(p.Password),
			api.CheckRequired("verification code", p.VerifyCode)),
		Auth:    api.Bearer,
		Secrets: []string{string(p.Password)},
		Spends:  "code",
	}, changePassword, mailVariables{Email: p.Email, Client: c.pool, Password: password, VerifyCode: p.VerifyCode})
}

var sendVerifyEmail = operation[ack]{"sendVerifyEmail", `mutation sendVerifyEmail($email: String!, $client: String!) {
	sendVerifyEmail(email: $email, client: $client) { message code status }
}`, missingCode}

// SendVerifyEmail mails a link that verifies the address of an account. It needs no token; the client's is sent if it
// has one.
//
// Retry: at the user's request only. Each call sends a mail.
//
// Original: sendVerifyEmail, mutation sendVerifyEmail on the users host.
func (c *Client) SendVerifyEmail(ctx context.Context, email string) error {
	return graphqlDone(ctx, c, api.Request{
		Op:      "SendVerifyEmail",
		Invalid: api.CheckRequired("e-mail address", email),
		Auth:    api.Bearer,
	}, sendVerifyEmail, mailVariables{Email: email, Client: c.pool})
}
