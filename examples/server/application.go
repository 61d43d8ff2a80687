package main

import (
	"context"
	"fmt"
	"io"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingv3"
)

// application is an application of today's Authing.
type application struct{ *authingv3.Client }

// login needs no tap of the user, and no detail.
func (a application) login(ctx context.Context, in wxData) (authing.Secret, profile, error) {
	login, err := a.LoginWithWxapp(ctx, in.Code)
	if err != nil {
		return "", profile{}, err
	}
	user, err := a.profile(a.As(login.AccessToken).User(ctx))
	if err != nil {
		user = profile{ID: login.UserID} // the code is used up, so the login must not be lost with the profile
	}
	return login.AccessToken, user, nil
}

// bindPhone signs in once more, because that is how this generation binds the number of a phone button.
func (a application) bindPhone(ctx context.Context, s session, in wxData) (authing.Secret, profile, error) {
	if err := in.Detail.Err(); err != nil {
		return "", profile{}, err
	}
	login, err := a.LoginWithWxappPhone(ctx, in.Code, in.Detail.PhoneCode)
	if err != nil {
		return "", profile{}, err
	}
	user, err := a.profile(a.As(login.AccessToken).User(ctx))
	switch {
	case err != nil:
		return "", profile{}, fmt.Errorf("%w: the number may be bound, but looking failed: %w", authing.ErrOutcomeUnknown, err)
	case user.ID != s.userID:
		return "", profile{}, errOtherUser
	case user.Phone == "":
		return "", profile{}, fmt.Errorf("the number was not stored: %w", authing.ErrPhoneTaken)
	}
	return login.AccessToken, user, nil
}

func (a application) me(ctx context.Context, s session) (profile, error) {
	return a.profile(a.As(s.token).User(ctx))
}

func (a application) rename(ctx context.Context, s session, nickname string) (profile, error) {
	return a.profile(a.As(s.token).Update(ctx, authingv3.UserUpdate{Nickname: &nickname}))
}

func (a application) changeAvatar(ctx context.Context, s session, image io.Reader) (profile, error) {
	return a.profile(a.As(s.token).ChangeAvatar(ctx, image))
}

func (a application) logout(ctx context.Context, s session) error {
	return a.Logout(ctx, s.token)
}

func (application) profile(u *authingv3.User, err error) (profile, error) {
	if err != nil {
		return profile{}, err
	}
	return profile{u.ID, u.Nickname, u.Photo, u.Phone, u.PhoneVerified}, nil
}
