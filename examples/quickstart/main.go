// Command quickstart signs a mini-program user in and binds a phone number, without a network and without an account:
// package authingtest plays Authing, WeChat and the user's phone.
//
//	go run ./examples/quickstart       # a user pool: package authing
//	go run ./examples/quickstart -v3   # an application of today's Authing: package authingv3
//
// examples/signin does the same against the real service; examples/server is a complete backend.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

func main() {
	v3 := flag.Bool("v3", false, "tell the story of today's Authing (package authingv3)")
	flag.Parse()
	story := run
	if *v3 {
		story = runV3
	}
	if err := story(context.Background(), os.Stdout); err != nil {
		log.Fatal("quickstart: ", err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	srv := authingtest.NewServer(authingtest.Options{})
	defer srv.Close()
	ann := srv.NewPhone(authingtest.WxUser{NickName: "Ann"})

	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	if err != nil {
		return err
	}

	// The page calls wx.login, the user taps the button, and the page posts the code and e.detail.
	code, detail := ann.Login(), ann.GetUserInfo()
	user, err := client.LoginWithWxapp(ctx, code, detail)
	if err != nil {
		return err
	}
	show(out, "signed in", user)

	// The first code is used up, so the phone button needs another one.
	code, detail = ann.Login(), ann.GetPhoneNumber()
	user, err = client.As(user.Token).BindPhone(ctx, code, detail)
	if err != nil {
		return err
	}
	show(out, "phone bound", user)
	return nil
}

func show(out io.Writer, what string, u *authing.User) {
	phone := "none"
	if len(u.Phone) > 5 {
		phone = u.Phone[:3] + "…" + u.Phone[len(u.Phone)-2:]
	}
	fmt.Fprintf(out, "%-12s user %s, nickname %s, phone %s, token %v\n", what, u.ID, u.Nickname, phone, u.Token)
}
