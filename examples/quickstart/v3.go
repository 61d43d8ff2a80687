package main

import (
	"context"
	"fmt"
	"io"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
	"github.com/authing-wxapp/authing/authingv3"
)

// runV3 tells the story of today's Authing: a login without a tap, then the phone number, then a token that is checked
// without asking anybody.
func runV3(ctx context.Context, out io.Writer) error {
	srv := authingtest.NewServer(authingtest.Options{})
	defer srv.Close()
	ann := srv.NewPhone(authingtest.WxUser{NickName: "Ann"})

	client, err := authingv3.NewClient(srv.AppHost(), srv.AppID(), srv.MiniProgram())
	if err != nil {
		return err
	}
	verifier, err := authingv3.NewVerifier(authingv3.VerifierOptions{
		Issuer: srv.Issuer(), Audience: srv.AppID(), JWKSURL: srv.JWKSURL(),
	})
	if err != nil {
		return err
	}

	// The page calls wx.login and posts the code. WeChat tells no name: the user types one.
	login, err := client.LoginWithWxapp(ctx, ann.Login())
	if err != nil {
		return err
	}
	if _, err := client.As(login.AccessToken).Update(ctx, authingv3.UserUpdate{Nickname: authing.Ptr("Ann")}); err != nil {
		return err
	}
	if err := showV3(ctx, out, "signed in", client, login); err != nil {
		return err
	}

	// The user taps the phone button. The page posts its code beside a fresh one of wx.login.
	login, err = client.LoginWithWxappPhone(ctx, ann.Login(), ann.GetPhoneNumber().PhoneCode)
	if err != nil {
		return err
	}
	if err := showV3(ctx, out, "phone bound", client, login); err != nil {
		return err
	}

	// A later request brings the token.
	info, err := verifier.VerifyToken(ctx, login.AccessToken)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%-12s user %s, checked locally\n", "token valid", info.UserID)
	return nil
}

func showV3(ctx context.Context, out io.Writer, what string, client *authingv3.Client, login *authingv3.Login) error {
	u, err := client.As(login.AccessToken).User(ctx)
	if err != nil {
		return err
	}
	show(out, what, &authing.User{ID: u.ID, Nickname: u.Nickname, Phone: u.Phone, Token: login.AccessToken})
	return nil
}
