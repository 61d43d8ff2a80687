package main

import (
	"context"
	"errors"

	"github.com/authing-wxapp/authing"
)

// The server does not decrypt, so any well-formed values will do.
const (
	iv            = "EBESExQVFhcYGRobHB0eHw=="
	encryptedData = "aLhedzo+Z6es5zW+YHo9sgkoobhypSEeViQBPmmCx3fmcZGKbataj/52/+U/sVY3"
)

var (
	loginDetail = authing.Detail{ErrMsg: "getUserInfo:ok", EncryptedData: encryptedData, IV: iv}
	phoneDetail = authing.Detail{ErrMsg: "getPhoneNumber:ok", EncryptedData: encryptedData, IV: iv}
)

var errWrongUser = errors.New("the result belongs to another user")

// checkOwner returns errWrongUser if a successful call did not return the data of its own user.
func checkOwner(err error, owned func() bool) error {
	if err == nil && !owned() {
		return errWrongUser
	}
	return err
}

func (t ticket) owns(user *authing.User, err error) error {
	return checkOwner(err, func() bool { return user.ID == userID(t.user) && string(user.Token) == userToken(t.user) })
}

func (t ticket) ownsMetadata(m *authing.Metadata, err error) error {
	return checkOwner(err, func() bool { return len(m.List) == 1 && m.List[0].Value == userID(t.user) })
}

// call is a method of the client. The ticket is passed in one of its arguments.
type call struct {
	read bool
	do   func(ctx context.Context, client *authing.Client, t ticket) error
}

// byToken is for calls that can only carry the ticket as their token.
func byToken(client *authing.Client, t ticket) *authing.Client {
	return client.As(authing.Secret(t.String()))
}

func byUser(client *authing.Client, t ticket) *authing.Client {
	return client.As(authing.Secret(userToken(t.user)))
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
		return checkOwner(err, func() bool { return phone.PhoneNumber == t.String() })
	}},
	{do: func(ctx context.Context, c *authing.Client, t ticket) error {
		data, err := byUser(c, t).Decrypt(ctx, t.String(), encryptedData, iv)
		return checkOwner(err, func() bool { return data.OpenID == userID(t.user) })
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
		return t.owns(byUser(c, t).Update(ctx, userID(t.user), authing.UserUpdate{Nickname: &nickname}))
	}},
	{do: func(ctx context.Context, c *authing.Client, t ticket) error {
		return t.ownsMetadata(byUser(c, t).SetMetadata(ctx, userID(t.user), "key", t.String()))
	}},
	{read: true, do: func(ctx context.Context, c *authing.Client, t ticket) error {
		return t.owns(byToken(c, t).User(ctx, userID(t.user)))
	}},
	{read: true, do: func(ctx context.Context, c *authing.Client, t ticket) error {
		return t.ownsMetadata(byToken(c, t).Metadata(ctx, userID(t.user)))
	}},
	{read: true, do: func(ctx context.Context, c *authing.Client, t ticket) error {
		status, err := byToken(c, t).CheckLoginStatus(ctx)
		return checkOwner(err, func() bool { return status.SignedIn })
	}},
	{read: true, do: func(ctx context.Context, c *authing.Client, t ticket) error {
		token, err := c.VerifyToken(ctx, authing.Secret(t.String()))
		return checkOwner(err, func() bool { return token.UserID == userID(t.user) })
	}},
}

// outcome is how a call ended.
type outcome int

const (
	succeeded outcome = iota
	unknown           // ErrOutcomeUnknown, as required after a fault in a call that must not be repeated
	wrongUser
	unexpected // anything else
	outcomes   = iota
)

// classify compares the result of a call with the fault in its ticket. A read is sent again and succeeds.
func (c call) classify(t ticket, err error) outcome {
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
