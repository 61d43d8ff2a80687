package promises_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

// person is one user of the backend.
type person struct {
	srv    *authingtest.Server
	client *authing.Client // shared by all
	me     *authing.User
	as     *authing.Client
	phone  *authingtest.Phone
	appID  string
	rand   *rand.Rand
	unique func() int
}

const (
	ownPassword = "correct horse"
	ownKey      = "owner"
)

// newPerson creates an account with everything that the calls need.
func newPerson(t *testing.T, srv *authingtest.Server, client *authing.Client, seed uint64, unique func() int) *person {
	t.Helper()
	phone := srv.NewPhone(authingtest.WxUser{})
	wx := phone.User()
	me := srv.AddUser(authing.User{
		Email: fmt.Sprintf("person%d@example.com", unique()), UnionID: wx.UnionID, OpenID: wx.OpenID,
	})
	srv.SetPassword(me.ID, ownPassword)
	p := &person{
		srv: srv, client: client, me: me, as: client.As(me.Token), phone: phone, unique: unique,
		appID: srv.AuthorizeApp(me.ID, authing.OAuthApp{Name: me.ID}),
		rand:  rand.New(rand.NewPCG(seed, uint64(unique()))),
	}
	_, err := p.as.SetMetadata(context.Background(), me.ID, ownKey, me.ID)
	require.NoError(t, err)
	return p
}

// errWrongUser is the failure that must never happen.
var errWrongUser = errors.New("the result belongs to another user")

func (p *person) owns(user *authing.User, err error) error {
	return p.same(err, func() bool { return user.ID == p.me.ID })
}

func (p *person) same(err error, mine func() bool) error {
	if err == nil && !mine() {
		return errWrongUser
	}
	return err
}

func (p *person) ownsMetadata(m *authing.Metadata, err error) error {
	return p.same(err, func() bool {
		return slices.Contains(m.List, authing.MetadataItem{Key: ownKey, Value: p.me.ID})
	})
}

// newcomer creates an account for a single call.
func (p *person) newcomer() *authing.User {
	return p.srv.AddUser(authing.User{Email: fmt.Sprintf("newcomer%d@example.com", p.unique()), UnionID: fmt.Sprint("u", p.unique())})
}

func (p *person) newNumber() string { return fmt.Sprintf("139%08d", p.unique()) }

// callKind is a method as a person calls it. Calls that only prepare for it get a context without a fate.
type callKind struct {
	name    string
	read    bool
	refused error // what the service always answers
	do      func(ctx context.Context, p *person) error
}

var callKinds = []callKind{
	{name: "LoginWithWxapp", do: func(ctx context.Context, p *person) error {
		return p.owns(p.client.LoginWithWxapp(ctx, p.phone.Login(), p.phone.GetUserInfo()))
	}},
	{name: "BindPhone", do: func(ctx context.Context, p *person) error {
		user, err := p.as.BindPhone(ctx, p.phone.Login(), p.phone.GetPhoneNumber())
		return p.same(p.owns(user, err), func() bool { return user.Phone == p.phone.User().PhoneNumber })
	}},
	{name: "GetPhone", do: func(ctx context.Context, p *person) error {
		number, err := p.as.GetPhone(ctx, p.phone.Login(), p.phone.GetPhoneNumber())
		return p.same(err, func() bool { return number.PhoneNumber == p.phone.User().PhoneNumber })
	}},
	{name: "Decrypt", do: func(ctx context.Context, p *person) error {
		code, detail := p.phone.Login(), p.phone.GetUserInfo()
		data, err := p.client.Decrypt(ctx, code, detail.EncryptedData, detail.IV)
		return p.same(err, func() bool { return data.OpenID == p.phone.User().OpenID })
	}},
	{name: "GetVerificationCode", do: func(ctx context.Context, p *person) error {
		return p.client.GetVerificationCode(ctx, p.newNumber())
	}},
	{name: "LoginByPhoneCode", do: func(ctx context.Context, p *person) error {
		number := p.newNumber()
		if err := p.client.GetVerificationCode(context.Background(), number); err != nil {
			return fmt.Errorf("no code came: %w", err)
		}
		user, err := p.client.LoginByPhoneCode(ctx, number, p.srv.LastSMS(number))
		return p.same(err, func() bool { return user.Phone == number })
	}},
	{name: "Register", do: func(ctx context.Context, p *person) error {
		email := fmt.Sprintf("new%d@example.com", p.unique())
		user, err := p.client.Register(ctx, authing.RegisterParams{Email: email, Password: "new password"})
		return p.same(err, func() bool { return user.Email == email })
	}},
	{name: "Login", do: func(ctx context.Context, p *person) error {
		return p.owns(p.client.Login(ctx, authing.LoginParams{Email: p.me.Email, Password: ownPassword}))
	}},
	{name: "LoginByLDAP", do: func(ctx context.Context, p *person) error {
		name := fmt.Sprint("ldap", p.unique())
		p.srv.AddLDAPUser(name, ownPassword)
		user, err := p.client.LoginByLDAP(ctx, name, ownPassword)
		return p.same(err, func() bool { return user.Username == name })
	}},
	{name: "Logout", do: func(ctx context.Context, p *person) error {
		user := p.newcomer()
		return p.client.As(user.Token).Logout(ctx, user.ID)
	}},
	{name: "Update", do: func(ctx context.Context, p *person) error {
		nickname := fmt.Sprint("name ", p.unique())
		user, err := p.as.Update(ctx, p.me.ID, authing.UserUpdate{Nickname: &nickname})
		return p.same(p.owns(user, err), func() bool { return user.Nickname == nickname })
	}},
	{name: "UnbindEmail", do: func(ctx context.Context, p *person) error {
		newcomer := p.newcomer()
		user, err := p.client.As(newcomer.Token).UnbindEmail(ctx, newcomer.ID)
		return p.same(err, func() bool { return user.ID == newcomer.ID && user.Email == "" })
	}},
	{name: "SendVerifyEmail", do: func(ctx context.Context, p *person) error {
		return p.client.SendVerifyEmail(ctx, p.newcomer().Email)
	}},
	{name: "SendResetPasswordEmail", do: func(ctx context.Context, p *person) error {
		return p.client.SendResetPasswordEmail(ctx, p.newcomer().Email)
	}},
	{name: "ChangePassword", do: func(ctx context.Context, p *person) error {
		newcomer := p.newcomer()
		if err := p.client.SendResetPasswordEmail(context.Background(), newcomer.Email); err != nil {
			return fmt.Errorf("no mail came: %w", err)
		}
		user, err := p.client.ChangePassword(ctx, authing.ChangePasswordParams{
			Email: newcomer.Email, Password: "new password", VerifyCode: p.srv.LastMail(newcomer.Email).Code,
		})
		return p.same(err, func() bool { return user.ID == newcomer.ID })
	}},
	{name: "SetMetadata", do: func(ctx context.Context, p *person) error {
		return p.ownsMetadata(p.as.SetMetadata(ctx, p.me.ID, "last", fmt.Sprint(p.unique())))
	}},
	{name: "RemoveMetadata", do: func(ctx context.Context, p *person) error {
		return p.ownsMetadata(p.as.RemoveMetadata(ctx, p.me.ID, "last"))
	}},
	{name: "ChangeAvatar", do: func(ctx context.Context, p *person) error {
		return p.owns(p.as.ChangeAvatar(ctx, p.me.ID, canaryImageReader()))
	}},
	{name: "RevokeAuthedApp", do: func(ctx context.Context, p *person) error {
		app, err := p.as.RevokeAuthedApp(ctx, p.me.ID, p.srv.AuthorizeApp(p.me.ID, authing.OAuthApp{}))
		return p.same(err, func() bool { return app.UserID == p.me.ID })
	}},
	{name: "LoginWithWxapp, unknown code", refused: authing.ErrCodeInvalid, do: func(ctx context.Context, p *person) error {
		return p.owns(p.client.LoginWithWxapp(ctx, fmt.Sprint("unknown", p.unique()), p.phone.GetUserInfo()))
	}},
	{name: "Login, wrong password", refused: authing.ErrWrongPassword, do: func(ctx context.Context, p *person) error {
		return p.owns(p.client.Login(ctx, authing.LoginParams{Email: p.me.Email, Password: "wrong"}))
	}},
	{name: "User", read: true, do: lookUp},
	{name: "User of a phone", read: true, do: lookUp}, // what backends do most
	{name: "User of a page", read: true, do: lookUp},
	{name: "CheckLoginStatus", read: true, do: func(ctx context.Context, p *person) error {
		status, err := p.as.CheckLoginStatus(ctx)
		return p.same(err, func() bool { return status.SignedIn })
	}},
	{name: "VerifyToken", read: true, do: func(ctx context.Context, p *person) error {
		token, err := p.client.VerifyToken(ctx, p.me.Token)
		return p.same(err, func() bool { return token.UserID == p.me.ID })
	}},
	{name: "Metadata", read: true, do: func(ctx context.Context, p *person) error {
		return p.ownsMetadata(p.as.Metadata(ctx, p.me.ID))
	}},
	{name: "GetAuthedAppList", read: true, do: func(ctx context.Context, p *person) error {
		apps, err := p.as.GetAuthedAppList(ctx, p.me.ID, authing.ListOptions{})
		return p.same(err, func() bool { return len(apps.OAuthApps) > 0 && apps.OAuthApps[0].Name == p.me.ID })
	}},
}

func lookUp(ctx context.Context, p *person) error {
	return p.owns(p.as.User(ctx, p.me.ID))
}
