package authing

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/authing-wxapp/authing/internal/passwd"
)

var sendResetPasswordEmail = operation{`mutation sendResetPasswordEmail($email: String!, $client: String!) {
	sendResetPasswordEmail(email: $email, client: $client) { message code }
}`, "sendResetPasswordEmail"}

// SendResetPasswordEmail mails a code to the address of an account, for [Client.ChangePassword]. It needs no token; one
// that the client holds is sent along. Each call sends a mail; it is sent once.
//
// Original: sendResetPasswordEmail, mutation of that name on the users host.
func (c *Client) SendResetPasswordEmail(ctx context.Context, email string) error {
	_, _, err := graphql[notice](ctx, c, request{
		op:    "SendResetPasswordEmail",
		check: cmp.Or(checkRequired("e-mail address", email), checkToken(c.token)),
		auth:  c.bearer(),
	}, sendResetPasswordEmail, mailVariables{Email: email, Client: c.pool}, nil)
	return err
}

// mailVariables are what the operations around a mailed code take.
type mailVariables struct {
	Email      string `json:"email"`
	Client     string `json:"client"`
	Password   string `json:"password,omitempty"`
	VerifyCode string `json:"verifyCode,omitempty"`
}

var verifyResetPasswordVerifyCode = operation{`mutation verifyResetPasswordVerifyCode($email: String!, $client: String!,
	$verifyCode: String!) {
	verifyResetPasswordVerifyCode(email: $email, client: $client, verifyCode: $verifyCode) { message code }
}`, "verifyResetPasswordVerifyCode"}

// VerifyResetPasswordVerifyCode checks a mailed code, so that a page can ask for the new password next. It needs no
// token; one that the client holds is sent along. A wrong or expired code gives [ErrVerifyCode]. It is sent once.
//
// Original: verifyResetPasswordVerifyCode, mutation of that name on the users host.
func (c *Client) VerifyResetPasswordVerifyCode(ctx context.Context, email, verifyCode string) error {
	_, _, err := graphql[notice](ctx, c, request{
		op: "VerifyResetPasswordVerifyCode",
		check: cmp.Or(checkRequired("e-mail address", email), checkRequired("verification code", verifyCode),
			checkToken(c.token)),
		auth: c.bearer(),
	}, verifyResetPasswordVerifyCode, mailVariables{Email: email, Client: c.pool, VerifyCode: verifyCode}, nil)
	return err
}

// ChangePasswordParams is what [Client.ChangePassword] takes. Every field is required.
type ChangePasswordParams struct {
	Email      string
	Password   Secret // the new one, at most 117 bytes; travels encrypted
	VerifyCode string // from the mail of SendResetPasswordEmail
}

// Format prints nothing personal.
func (p ChangePasswordParams) Format(f fmt.State, _ rune) {
	io.WriteString(f, "authing.ChangePasswordParams{…}")
}

// LogValue logs what [ChangePasswordParams.Format] prints.
func (p ChangePasswordParams) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(p)) }

var changePassword = operation{`mutation changePassword($email: String!, $client: String!, $password: String!,
	$verifyCode: String!) {
	changePassword(email: $email, client: $client, password: $password, verifyCode: $verifyCode) {` + profileFields + `}
}`, "changePassword"}

// ChangePassword sets a new password with a mailed code and returns the user. It needs no token; one that the client
// holds is sent along. A wrong or expired code gives [ErrVerifyCode]. The code is spent: after [ErrOutcomeUnknown] try to
// sign in.
//
// Original: changePassword, mutation of that name on the users host.
func (c *Client) ChangePassword(ctx context.Context, p ChangePasswordParams) (*User, error) {
	password, err := c.encrypt(p.Password)
	return graphqlUser(ctx, c, request{
		op: "ChangePassword",
		check: cmp.Or(err, checkRequired("e-mail address", p.Email), checkPassword(p.Password),
			checkRequired("verification code", p.VerifyCode), checkToken(c.token)),
		auth:       c.bearer(),
		hide:       []string{string(p.Password)},
		spendsCode: true,
	}, changePassword, mailVariables{Email: p.Email, Client: c.pool, Password: password, VerifyCode: p.VerifyCode}, identified)
}

var sendVerifyEmail = operation{`mutation sendVerifyEmail($email: String!, $client: String!) {
	sendVerifyEmail(email: $email, client: $client) { message code status }
}`, "sendVerifyEmail"}

// SendVerifyEmail mails a link that verifies the address of an account. It needs no token; one that the client holds is
// sent along. Each call sends a mail; it is sent once.
//
// Original: sendVerifyEmail, mutation of that name on the users host.
func (c *Client) SendVerifyEmail(ctx context.Context, email string) error {
	_, _, err := graphql[notice](ctx, c, request{
		op:    "SendVerifyEmail",
		check: cmp.Or(checkRequired("e-mail address", email), checkToken(c.token)),
		auth:  c.bearer(),
	}, sendVerifyEmail, mailVariables{Email: email, Client: c.pool}, nil)
	return err
}

// encrypt returns the ciphertext of a password, "" for none.
func (c *config) encrypt(password Secret) (string, error) {
	if password == "" || c.publicKey == nil {
		return "", nil // a Client without a key sends nothing at all
	}
	if limit := passwd.Limit(c.publicKey); len(password) > limit {
		return "", invalid("the password is longer than the %d bytes of UTF-8 that can be encrypted", limit)
	}
	if err := checkUTF8("password", string(password)); err != nil {
		return "", err
	}
	cipher, err := passwd.Encrypt(c.publicKey, string(password))
	if err != nil {
		return "", invalid("the password cannot be encrypted")
	}
	return cipher, nil
}

func checkPassword(password Secret) error {
	if password == "" {
		return invalid("the password is empty")
	}
	return nil
}
