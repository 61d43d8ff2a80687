// Package authingv3 signs the users of a WeChat mini program in with today's Authing, from a Go backend. It is not an
// official Authing package. It was made from Authing's published API description and recordings of Authing's own SDKs, and was
// never run against the service: docs/v3.md lists what nobody could verify.
//
// # Which package do I need?
//
//   - A user pool id, and the hosts users.authing.cn and oauth.authing.cn: package authing.
//   - An application id and an address of its own (https://….authing.cn, since about 2021): this package.
//
// # Quickstart
//
// A page of the mini program calls wx.login and posts the code to the backend. That signs a user in without a tap. A button
// with open-type="getPhoneNumber" adds a second code, of another kind, to which a phone number belongs.
//
//	client, err := authingv3.NewClient("https://my-shop.authing.cn", appID, "my-mini-program") // once, at start-up
//	login, err := client.LoginWithWxapp(ctx, body.Code)                                       // or:
//	login, err = client.LoginWithWxappPhone(ctx, body.Code, body.PhoneCode)
//	user, err := client.As(login.AccessToken).User(ctx)
//	login, err = client.Refresh(ctx, login.RefreshToken) // when the access token has expired
//
// # Users and tokens
//
// A [Client] belongs to an application, not to a user. It is immutable and remembers no login: a sign-in returns a [Login]
// with tokens, and [Client.As] returns a copy of the client that acts as the token's owner. No call takes a user id.
//
// Check the token of a request with a [Verifier], which needs no network in the steady state, or with [Client.VerifyToken],
// which asks Authing and notices revoked tokens. Both are an authinghttp.Verifier.
//
// # One code, one call
//
// A code can be used once, and so can a refresh token. Any call that takes one uses it up as soon as it is sent, even if it
// fails. The package sends such a call at most once. When no usable response comes, the error matches
// [authing.ErrOutcomeUnknown]: ask the page for fresh codes instead of repeating the call. The Retry line of each method says
// whether it may be repeated.
//
// # Errors
//
// Every failure is an [*authing.Error]; its Code is the class of the failure (statusCode) and its APICode the reason. Branch
// with errors.Is on the sentinels of package authing, in the order that its documentation gives. Which failure of WeChat
// stands for a spent code is a guess of this package, since no source says it: [authing.ErrCodeInvalid] may be missing.
//
// # Coming from package authing
//
//	LoginWithWxapp(code, detail)    LoginWithWxapp(code): tokens instead of a user; the detail is optional
//	BindPhone(code, detail)         LoginWithWxappPhone(code, phoneCode), or BindPhone with a texted code
//	GetPhone(code, detail)          GetPhone(phoneCode): the code of the button
//	Decrypt                         Decrypt
//	GetVerificationCode(phone)      GetVerificationCode(phone, channel)
//	LoginByPhoneCode                LoginByPhoneCode: the code is text, no zeros are lost
//	Login, LoginByLDAP              Login; LDAP is not covered
//	Register                        Register
//	CheckLoginStatus, VerifyToken   VerifyToken, or a Verifier
//	Logout(userID)                  Logout(token): ends one token; call it for the refresh token as well
//	User(id), Update(id, …)         User(), Update(…): the owner of the token only
//	Metadata and its setters        User with ExtraCustomData, Update with CustomData
//	ChangeAvatar(id, image)         ChangeAvatar(image): the owner of the token only
//	SendVerifyEmail and the others  SendEmailCode sends the codes; changing a password is not covered
//	GetAuthedAppList and the others no equivalent
package authingv3
