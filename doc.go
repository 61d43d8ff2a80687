// Package authing signs the users of a WeChat mini program in with Authing, from a Go backend. It mirrors Authing's
// mini-program SDK of 2018 to 2020 call by call. It is not an official Authing package.
//
// # Quickstart
//
// A page of the mini program calls wx.login, shows an open-type button, and posts the code of the one and the
// e.detail of the other. The backend signs the user in:
//
//	client, err := authing.NewClient(poolID)                         // once, at start-up
//	user, err := client.LoginWithWxapp(ctx, body.Code, body.Detail)  // body: {code, detail} from the page
//	user, err = client.As(user.Token).BindPhone(ctx, code2, detail2) // a second tap, a second code
//
// Let the page call wx.login before the tap, never in the button's callback: a new login replaces the key that
// e.detail is encrypted with.
//
// # Users and tokens
//
// A [Client] belongs to a user pool, not to a user. It never changes and remembers no login: [Client.LoginWithWxapp]
// returns a [User] with a Token, and [Client.As] makes a copy of the client that acts as the holder of a token. Keep
// the token in your session store, or hand it to the page and let it come back with each request. Instances of a
// backend share nothing.
//
// # One code, one call
//
// Every call that takes a code of wx.login has spent it once it was sent, also when it then fails. Two calls need two
// codes. The package sends such a call at most once and gives net/http nothing to send again. When no usable answer
// comes the error matches [ErrOutcomeUnknown]: ask the page for a fresh code rather than repeating the call.
//
// # Errors
//
// Every failure is a *[Error] with the method, HTTP status, code and message of the service. Branch with errors.Is on
// the sentinels ([ErrUserRefused], [ErrCodeInvalid], [ErrLoginRequired], …). Texts of errors and log records hold no
// token, code, password, phone number or e-mail address; Error.Message and Error.Data are the service's own words and may.
//
// # Concurrency
//
// One Client serves all goroutines. Copies made by As share its connections.
//
// # Other packages
//
// Package authinghttp checks the token that a page sends with each request to a net/http backend. Package authingtest
// is an Authing and a WeChat in this process, for tests that need no network and no account.
package authing
