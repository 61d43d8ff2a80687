package authingv3_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/jarcoal/httpmock"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingv3"
)

// service stands for Authing. It answers by path.
func service(answers map[string]string) authingv3.Option {
	mock := httpmock.NewMockTransport()
	for path, answer := range answers {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			mock.RegisterResponder(method, "https://my-shop.authing.cn"+path, httpmock.NewStringResponder(http.StatusOK, answer))
		}
	}
	return authingv3.WithHTTPClient(&http.Client{Transport: mock})
}

// The code from wx.login signs a user in without a tap.
func ExampleClient_LoginWithWxapp() {
	client, err := authingv3.NewClient("https://my-shop.authing.cn", "65f0c1d2e3b4a59687766554", "my-mini-program", service(map[string]string{
		"/api/v3/signin-by-mobile": `{"statusCode":200,"message":"","data":{"access_token":"a.b.c","id_token":"h.eyJzdWIiOiJhbm4ifQ.s",` +
			`"refresh_token":"r1","token_type":"Bearer","expires_in":7200}}`,
		"/api/v3/get-profile": `{"statusCode":200,"message":"","data":{"userId":"ann","nickname":"Ann"}}`,
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	login, err := client.LoginWithWxapp(ctx, "061AbcDefGhiJklMnoPqrStu0VwXyZ01")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(login.UserID, login.AccessToken)
	user, err := client.As(login.AccessToken).User(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(user.Nickname)
	// Output:
	// ann [redacted]
	// Ann
}

// The phone button gives a code of its own. The login succeeds in any case, so the user shows whether the number was stored.
func ExampleClient_LoginWithWxappPhone() {
	client, err := authingv3.NewClient("https://my-shop.authing.cn", "65f0c1d2e3b4a59687766554", "my-mini-program", service(map[string]string{
		"/api/v3/signin-by-mobile": `{"statusCode":200,"message":"","data":{"access_token":"a.b.c"}}`,
		"/api/v3/get-profile":      `{"statusCode":200,"message":"","data":{"userId":"ann","phone":"13800138000","phoneCountryCode":"+86"}}`,
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	login, err := client.LoginWithWxappPhone(ctx, "061AbcDefGhiJklMnoPqrStu0VwXyZ01", "e2f1a0b9c8d7")
	if err != nil {
		fmt.Println(err)
		return
	}
	user, err := client.As(login.AccessToken).User(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(user.PhoneCountryCode, user.Phone)
	// Output: +86 13800138000
}

// A refresh token is good once: store the new one.
func ExampleClient_Refresh() {
	client, err := authingv3.NewClient("https://my-shop.authing.cn", "65f0c1d2e3b4a59687766554", "my-mini-program", service(map[string]string{
		"/oidc/token": `{"access_token":"d.e.f","refresh_token":"r2","token_type":"Bearer","expires_in":7200}`,
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	login, err := client.Refresh(context.Background(), "r1")
	switch {
	case errors.Is(err, authing.ErrLoginRequired):
		fmt.Println("sign in again")
	case err != nil:
		fmt.Println(err)
	default:
		fmt.Println(string(login.RefreshToken))
	}
	// Output: r2
}

// A backend branches on the sentinels to answer the page.
func Example_errors() {
	for _, answer := range []string{
		`{"statusCode":602,"message":"{\"errcode\":40029,\"errmsg\":\"invalid code\"}"}`,
		`{"statusCode":403,"apiCode":2005,"message":"locked"}`,
		`{"statusCode":403,"apiCode":2031,"message":"registration is disabled","requestId":"q-1"}`,
		`<html>try later`,
	} {
		client, err := authingv3.NewClient("https://my-shop.authing.cn", "65f0c1d2e3b4a59687766554", "my-mini-program", service(map[string]string{
			"/api/v3/signin-by-mobile": answer,
		}))
		if err != nil {
			fmt.Println(err)
			return
		}
		_, err = client.LoginWithWxapp(context.Background(), "061AbcDefGhiJklMnoPqrStu0VwXyZ01")
		var failed *authing.Error
		switch {
		case errors.Is(err, authing.ErrCodeInvalid):
			fmt.Println("call wx.login again")
		case errors.Is(err, authing.ErrUserLocked):
			fmt.Println("call our support")
		case errors.Is(err, authing.ErrOutcomeUnknown):
			fmt.Println("call wx.login again, and do not send this code twice")
		case errors.As(err, &failed):
			fmt.Println(failed.Code, failed.APICode, failed.RequestID)
		}
	}
	// Output:
	// call wx.login again
	// call our support
	// 403 2031 q-1
	// call wx.login again, and do not send this code twice
}
