package main

import (
	"context"
	"errors"

	"github.com/authing-wxapp/authing"
)

// Well-formed, and enough for a server that decrypts nothing.
const (
	iv            = "EBESExQVFhcYGRobHB0eHw=="
	encryptedData = "aLhedzo+Z6es5zW+YHo9sgkoobhypSEeViQBPmmCx3fmcZGKbataj/52/+U/sVY3"
)

var (
	loginDetail = authing.Detail{ErrMsg: "getUserInfo:ok", EncryptedData: encryptedData, IV: iv}
	phoneDetail = authing.Detail{ErrMsg: "getPhoneNumber:ok", EncryptedData: encryptedData, IV: iv}
)

// errWrongUser is a result that belongs to somebody else.
var errWrongUser = errors.New("the result is somebody else's")

func mine(err error, is func() bool) error {
	if err == nil && !is() {
		return errWrongUser
	}
	return err
}

func (t ticket) owns(user *authing.User, err error) error {
	return mine(err, func() bool { return user.ID == idOf(t.user) && string(user.Token) == tokenOf(t.user) })
}

func (t ticket) ownsMetadata(m *authing.Metadata, err error) error {
	return mine(err, func() bool { return len(m.List) == 1 && m.List[0].Value == idOf(t.user) })
}

// call is a method as a backend uses it. client is that of all users; the ticket travels in whatever the call is about.
type call struct {
	read bool
	do   func(ctx context.Context, client *authing.Client, t ticket) error
}

// byToken is the client of a call that has no place for the ticket but its token.
func byToken(client *authing.Client, t ticket) *authing.Client {
	return client.As(authing.Secret(t.String()))
}

func byUser(client *authing.Client, t ticket) *authing.Client {
	return client.As(authing.Secret(tokenOf(t.user)))
}

var calls = []call{
	{do: func(ctx context.Context, c *authing.Client, t ticket) error {
		return t.owns(c.LoginWithWxapp(ctx, t.String(), loginDetail))
	}},
	{do: func(ctx context.Context, c *authing.Client, t ticket) error {
		return t.owns(byUser(c, t).BindPhone(ctx, t.String(), phoneDetail))
	}},
	{do: func(ctx context.Context, c *authing.Client, t ticket) error {
		phone, err := byUser(c, t).GetPhone(ctx, t.String(), phoneDetail)
		return mine(err, func() bool { return phone.PhoneNumber == t.String() })
	}},
	{do: func(ctx context.Context, c *authing.Client, t ticket) error {
		data, err := byUser(c, t).Decrypt(ctx, t.String(), encryptedData, iv)
		return mine(err, func() bool { return data.OpenID == idOf(t.user) })
	}},
	{do: func(ctx context.Context, c *authing.Client, t ticket) error {
		return c.GetVerificationCode(ctx, t.String())
	}},
	{do: func(ctx context.Context, c *authing.Client, t ticket) error {
		return t.owns(c.LoginByPhoneCode(ctx, t.String(), "1234"))
	}},
	{do: func(ctx context.Context, c *authing.Client, t ticket) error {
		return t.owns(c.Register(ctx, authing.RegisterParams{Username: t.String(), Password: "password"}))
	}},
	{do: func(ctx context.Context, c *authing.Client, t ticket) error {
		return t.owns(c.Login(ctx, authing.LoginParams{Username: t.String(), Password: "password"}))
	}},
	{do: func(ctx context.Context, c *authing.Client, t ticket) error {
		nickname := t.String()
		return t.owns(byUser(c, t).Update(ctx, idOf(t.user), authing.UserUpdate{Nickname: &nickname}))
	}},
	{do: func(ctx context.Context, c *authing.Client, t ticket) error {
		return t.ownsMetadata(byUser(c, t).SetMetadata(ctx, idOf(t.user), "key", t.String()))
	}},
	{read: true, do: func(ctx context.Context, c *authing.Client, t ticket) error {
		return t.owns(byToken(c, t).User(ctx, idOf(t.user)))
	}},
	{read: true, do: func(ctx context.Context, c *authing.Client, t ticket) error {
		return t.ownsMetadata(byToken(c, t).Metadata(ctx, idOf(t.user)))
	}},
	{read: true, do: func(ctx context.Context, c *authing.Client, t ticket) error {
		status, err := byToken(c, t).CheckLoginStatus(ctx)
		return mine(err, func() bool { return status.SignedIn })
	}},
	{read: true, do: func(ctx context.Context, c *authing.Client, t ticket) error {
		token, err := c.VerifyToken(ctx, authing.Secret(t.String()))
		return mine(err, func() bool { return token.UserID == idOf(t.user) })
	}},
}

// outcome is how a call ended.
type outcome int

const (
	succeeded outcome = iota
	unknown           // as the SDK must report a broken call that may not be repeated
	wrongUser
	unexpected // not what the fault of the ticket must lead to
	outcomes   = iota
)

// judge compares how a call ended with what its ticket promised. A read meets its fault once, and is sent again.
func (c call) judge(t ticket, err error) outcome {
	broken := t.fault.breaks() && !c.read
	switch {
	case errors.Is(err, errWrongUser):
		return wrongUser
	case err == nil && !broken:
		return succeeded
	case errors.Is(err, authing.ErrOutcomeUnknown) && broken:
		return unknown
	}
	return unexpected
}
