package authing_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"path"
	"strings"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

// Ann signs in and binds her phone number. The Authing in these examples is a fake in the same process. With the real one,
// NewClient needs only the id of the user pool, and the page posts the codes and details.
func Example() {
	srv := authingtest.NewServer(authingtest.Options{})
	defer srv.Close()
	ann := srv.NewPhone(authingtest.WxUser{NickName: "Ann", PhoneNumber: "13800138000"})
	ctx := context.Background()

	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...) // once, at start-up
	if err != nil {
		fmt.Println(err)
		return
	}
	user, err := client.LoginWithWxapp(ctx, ann.Login(), ann.GetUserInfo())
	if err != nil {
		fmt.Println(err)
		return
	}
	user, err = client.As(user.Token).BindPhone(ctx, ann.Login(), ann.GetPhoneNumber()) // a second code
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(user.Nickname, user.Phone)
	// Output: Ann 13800138000
}

// post is what a page posts.
type post struct {
	Code   string
	Detail authing.Detail
}

func ExampleNewClient() {
	var (
		ctx          = context.Background()
		userPoolID   = "your user pool id"
		login, phone post
	)

	client, err := authing.NewClient(userPoolID) // once, at start-up
	if err != nil {
		log.Fatal(err)
	}
	user, err := client.LoginWithWxapp(ctx, login.Code, login.Detail) // login: {code, detail} from the page
	if err != nil {
		log.Fatal(err)
	}
	user, err = client.As(user.Token).BindPhone(ctx, phone.Code, phone.Detail) // phone: a second tap, a second code
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(user.ID, user.Phone)
}

// A handler decodes what the page posted, signs the user in and keeps the token in its session store.
func ExampleClient_LoginWithWxapp() {
	srv := authingtest.NewServer(authingtest.Options{})
	defer srv.Close()
	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	if err != nil {
		fmt.Println(err)
		return
	}
	ann := srv.NewPhone(authingtest.WxUser{NickName: "Ann"})
	posted, _ := json.Marshal(map[string]any{"code": ann.Login(), "detail": ann.GetUserInfo()})

	var body struct {
		Code   string         `json:"code"`
		Detail authing.Detail `json:"detail"`
	}
	if err := json.Unmarshal(posted, &body); err != nil {
		fmt.Println(err)
		return
	}
	user, err := client.LoginWithWxapp(context.Background(), body.Code, body.Detail)
	if err != nil {
		fmt.Println(err)
		return
	}
	sessions := map[string]string{"session of Ann": string(user.Token)}
	fmt.Println(user.Nickname, len(sessions), user.Token)
	// Output: Ann 1 [redacted]
}

func ExampleClient_BindPhone() {
	srv := authingtest.NewServer(authingtest.Options{})
	defer srv.Close()
	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	if err != nil {
		fmt.Println(err)
		return
	}
	ann := srv.NewPhone(authingtest.WxUser{PhoneNumber: "13800138000"})
	user, err := client.LoginWithWxapp(context.Background(), ann.Login(), ann.GetUserInfo())
	if err != nil {
		fmt.Println(err)
		return
	}

	// In a later request, the token comes from the session, and code and detail from the page.
	token, code, detail := user.Token, ann.Login(), ann.GetPhoneNumber()
	user, err = client.As(token).BindPhone(context.Background(), code, detail)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(user.Phone)
	// Output: 13800138000
}

// One client serves all users. Each call acts as the owner of the token passed to As.
func ExampleClient_As() {
	srv := authingtest.NewServer(authingtest.Options{})
	defer srv.Close()
	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	phones := []*authingtest.Phone{
		srv.NewPhone(authingtest.WxUser{NickName: "Ann", PhoneNumber: "13800138000"}),
		srv.NewPhone(authingtest.WxUser{NickName: "Bob", PhoneNumber: "13900139000"}),
	}
	var tokens []authing.Secret
	for _, phone := range phones {
		user, err := client.LoginWithWxapp(ctx, phone.Login(), phone.GetUserInfo())
		if err != nil {
			fmt.Println(err)
			return
		}
		tokens = append(tokens, user.Token)
	}
	for i, phone := range phones {
		user, err := client.As(tokens[i]).BindPhone(ctx, phone.Login(), phone.GetPhoneNumber())
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(user.Nickname, user.Phone)
	}
	// Output:
	// Ann 13800138000
	// Bob 13900139000
}

// After a few sign-ins from one address the service asks for a captcha. LastIP is the user's address: without it, all
// sign-ins seem to come from the backend.
func ExampleClient_Login() {
	srv := authingtest.NewServer(authingtest.Options{LoginLimit: 1})
	defer srv.Close()
	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	if _, err := client.Register(ctx, authing.RegisterParams{Username: "ann", Password: "correct horse"}); err != nil {
		fmt.Println(err)
		return
	}
	params := authing.LoginParams{Username: "ann", Password: "wrong horse", LastIP: "192.0.2.1"}
	_, err = client.Login(ctx, params)
	fmt.Println(errors.Is(err, authing.ErrWrongPassword))

	params.Password = "correct horse"
	user, err := client.Login(ctx, params)
	if failed := (*authing.Error)(nil); errors.Is(err, authing.ErrCaptchaRequired) && errors.As(err, &failed) {
		params.VerifyCode = srv.Captcha(failed.CaptchaURL()) // what the user reads in the picture
		user, err = client.Login(ctx, params)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(user.Username, user.Token)
	// Output:
	// true
	// ann [redacted]
}

// A user signs in with a code from a text message.
func ExampleClient_LoginByPhoneCode() {
	srv := authingtest.NewServer(authingtest.Options{})
	defer srv.Close()
	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	if err := client.GetVerificationCode(ctx, "13800138000"); err != nil {
		fmt.Println(err)
		return
	}
	typed := srv.LastSMS("13800138000") // what the user types
	user, err := client.LoginByPhoneCode(ctx, "13800138000", typed)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(user.Phone, user.Token)
	// Output: 13800138000 [redacted]
}

// Nil leaves a field as it is. An empty text clears it.
func ExampleClient_Update() {
	srv := authingtest.NewServer(authingtest.Options{})
	defer srv.Close()
	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	if err != nil {
		fmt.Println(err)
		return
	}
	ann := srv.AddUser(authing.User{Username: "ann", Nickname: "Ann", Company: "Example Inc."})

	user, err := client.As(ann.Token).Update(context.Background(), ann.ID, authing.UserUpdate{
		Nickname: authing.Ptr("Ann Lee"),
		Company:  authing.Ptr(""),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%q %q %q\n", user.Username, user.Nickname, user.Company)
	// Output: "ann" "Ann Lee" ""
}

// The image can be any reader: an open file, or the body of an upload.
func ExampleClient_ChangeAvatar() {
	srv := authingtest.NewServer(authingtest.Options{})
	defer srv.Close()
	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	if err != nil {
		fmt.Println(err)
		return
	}
	ann := srv.AddUser(authing.User{Username: "ann"})

	image := strings.NewReader("GIF89a\x01\x00\x01\x00\x00\x00\x00;")
	user, err := client.As(ann.Token).ChangeAvatar(context.Background(), ann.ID, image)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.HasPrefix(user.Photo, srv.CDNURL()), path.Ext(user.Photo))
	// Output: true .gif
}

func ExampleClient_AllAuthedApps() {
	srv := authingtest.NewServer(authingtest.Options{})
	defer srv.Close()
	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	if err != nil {
		fmt.Println(err)
		return
	}
	ann := srv.AddUser(authing.User{Username: "ann"})
	srv.AuthorizeApp(ann.ID, authing.OAuthApp{Name: "Shop"})
	srv.AuthorizeOIDCApp(ann.ID, authing.OIDCApp{Name: "Blog"})

	for app, err := range client.As(ann.Token).AllAuthedApps(context.Background(), ann.ID) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(app.Name, app.OIDC != nil)
	}
	// Output:
	// Shop false
	// Blog true
}

// A page sends its token with each request, and the backend asks whose it is. Package authinghttp does this for net/http.
func ExampleClient_VerifyToken() {
	srv := authingtest.NewServer(authingtest.Options{})
	defer srv.Close()
	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	if err != nil {
		fmt.Println(err)
		return
	}
	ann := srv.AddUser(authing.User{Username: "ann", Email: "ann@example.com"})
	ctx := context.Background()

	owner, err := client.VerifyToken(ctx, ann.Token)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(owner.UserID == ann.ID, owner.Email)

	if err := client.As(ann.Token).Logout(ctx, ann.ID); err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.VerifyToken(ctx, ann.Token)
	fmt.Println(errors.Is(err, authing.ErrLoginRequired))
	// Output:
	// true ann@example.com
	// true
}

// traced prints the name of each call and its HTTP status.
type traced struct{ http.RoundTripper }

func (t traced) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(r)
	if err == nil {
		fmt.Println(authing.OperationFromContext(r.Context()), resp.StatusCode)
	}
	return resp, err
}

// A tracer wraps the SDK's own transport and so keeps its connection pool and limits.
func ExampleNewTransport() {
	srv := authingtest.NewServer(authingtest.Options{})
	defer srv.Close()
	transport := traced{authing.NewTransport()}
	client, err := authing.NewClient(srv.UserPoolID(),
		append(srv.ClientOptions(), authing.WithHTTPClient(&http.Client{Transport: transport}))...)
	if err != nil {
		fmt.Println(err)
		return
	}
	ann := srv.NewPhone(authingtest.WxUser{NickName: "Ann"})
	if _, err := client.LoginWithWxapp(context.Background(), ann.Login(), ann.GetUserInfo()); err != nil {
		fmt.Println(err)
	}
	// Output: LoginWithWxapp 200
}

// A backend branches on the sentinels to answer the page.
func ExampleError() {
	srv := authingtest.NewServer(authingtest.Options{})
	defer srv.Close()
	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	if err != nil {
		fmt.Println(err)
		return
	}
	signIn := func(code string, detail authing.Detail) string {
		_, err := client.LoginWithWxapp(context.Background(), code, detail)
		var failed *authing.Error
		switch {
		case err == nil:
			return "welcome"
		case errors.Is(err, authing.ErrUserRefused):
			return "explain why it is needed"
		case errors.Is(err, authing.ErrCodeInvalid):
			return "call wx.login and let the user tap again"
		case errors.As(err, &failed):
			return fmt.Sprintf("%s failed with code %d", failed.Op, failed.Code)
		}
		return "not an error of this package"
	}

	ann := srv.NewPhone(authingtest.WxUser{NickName: "Ann"})
	code, detail := ann.Login(), ann.GetUserInfo()
	fmt.Println(signIn(code, detail))
	fmt.Println(signIn(code, detail)) // the same code again
	fmt.Println(signIn(ann.Login(), ann.Deny("getUserInfo")))
	// Output:
	// welcome
	// call wx.login and let the user tap again
	// explain why it is needed
}
