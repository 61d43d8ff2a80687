package authingtest_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

func ExampleNewServer() {
	srv := authingtest.NewServer(authingtest.Options{})
	defer srv.Close()
	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()

	ann := srv.NewPhone(authingtest.WxUser{NickName: "Ann", PhoneNumber: "13900000001"})
	code := ann.Login()
	user, err := client.LoginWithWxapp(ctx, code, ann.GetUserInfo())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("signed in:", user.Nickname)

	user, err = client.As(user.Token).BindPhone(ctx, ann.Login(), ann.GetPhoneNumber())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("bound:", user.Phone)

	_, err = client.LoginWithWxapp(ctx, code, ann.GetUserInfo())
	fmt.Println("same code rejected:", errors.Is(err, authing.ErrCodeInvalid))
	fmt.Println("code received:", srv.SpentCodes()[code], "times")

	// Output:
	// signed in: Ann
	// bound: 13900000001
	// same code rejected: true
	// code received: 2 times
}

func ExampleServer_FailNext() {
	srv := authingtest.NewServer(authingtest.Options{})
	defer srv.Close()
	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	if err != nil {
		log.Fatal(err)
	}

	// The account is created, but the response is lost.
	srv.FailNext("LoginWithWxapp", authingtest.Fault{When: authingtest.After, Drop: true})
	ann := srv.NewPhone(authingtest.WxUser{})
	_, err = client.LoginWithWxapp(context.Background(), ann.Login(), ann.GetUserInfo())

	fmt.Println(errors.Is(err, authing.ErrOutcomeUnknown), len(srv.Users()))
	// Output: true 1
}

func ExampleServer_LastSMS() {
	srv := authingtest.NewServer(authingtest.Options{})
	defer srv.Close()
	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()

	if err := client.GetVerificationCode(ctx, "13900000001"); err != nil {
		log.Fatal(err)
	}
	user, err := client.LoginByPhoneCode(ctx, "13900000001", srv.LastSMS("13900000001"))
	if err != nil {
		log.Fatal(err)
	}

	fmt.Println(user.Phone, srv.SentSMS())
	// Output: 13900000001 map[13900000001:1]
}
