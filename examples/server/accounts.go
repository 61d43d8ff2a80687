package main

import (
	"context"
	"io"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authinghttp"
)

// accounts is what this backend needs of Authing. Its two generations implement it; a backend of your own needs one.
type accounts interface {
	authinghttp.Verifier

	// login signs in with what the page posted.
	login(ctx context.Context, in wxData) (token authing.Secret, user profile, err error)

	// bindPhone may return a new token, which replaces that of the session.
	bindPhone(ctx context.Context, s session, in wxData) (token authing.Secret, user profile, err error)

	me(ctx context.Context, s session) (profile, error)
	rename(ctx context.Context, s session, nickname string) (profile, error)
	changeAvatar(ctx context.Context, s session, image io.Reader) (profile, error)
	logout(ctx context.Context, s session) error
}

// session is a signed-in user.
type session struct {
	token  authing.Secret
	userID string
}

// userPool is a user pool of 2018 to 2020, or a private deployment of that time.
type userPool struct{ *authing.Client }

func (p userPool) login(ctx context.Context, in wxData) (authing.Secret, profile, error) {
	user, err := p.LoginWithWxapp(ctx, in.Code, in.Detail)
	if err != nil {
		return "", profile{}, err
	}
	return user.Token, profileOf(user), nil
}

func (p userPool) bindPhone(ctx context.Context, s session, in wxData) (authing.Secret, profile, error) {
	user, err := p.profile(p.As(s.token).BindPhone(ctx, in.Code, in.Detail))
	return "", user, err
}

func (p userPool) me(ctx context.Context, s session) (profile, error) {
	return p.profile(p.As(s.token).User(ctx, s.userID))
}

func (p userPool) rename(ctx context.Context, s session, nickname string) (profile, error) {
	return p.profile(p.As(s.token).Update(ctx, s.userID, authing.UserUpdate{Nickname: &nickname}))
}

func (p userPool) changeAvatar(ctx context.Context, s session, image io.Reader) (profile, error) {
	return p.profile(p.As(s.token).ChangeAvatar(ctx, s.userID, image))
}

func (p userPool) logout(ctx context.Context, s session) error {
	return p.As(s.token).Logout(ctx, s.userID)
}

func (userPool) profile(user *authing.User, err error) (profile, error) {
	if err != nil {
		return profile{}, err
	}
	return profileOf(user), nil
}

func profileOf(u *authing.User) profile {
	return profile{u.ID, u.Nickname, u.Photo, u.Phone, u.PhoneVerified}
}
