// Package authing signs the users of a WeChat mini program in with Authing, from a Go backend. It mirrors Authing's
// mini-program SDK of 2018 to 2020 call by call. It is not an official Authing package.
//
// It serves user pools of that generation: those with a user pool id and the hosts users.authing.cn and
// oauth.authing.cn. Applications with an app id and a host of their own (*.authing.cn, since about 2021) speak another
// API: see package authingv3.
//
// # Quickstart
//
// A page of the mini program calls wx.login, shows an open-type button, and posts the code and e.detail to the backend.
// The backend signs the user in:
//
//	client, err := authing.NewClient(poolID)                         // once, at start-up
//	user, err := client.LoginWithWxapp(ctx, body.Code, body.Detail)  // body: {code, detail} from the page
//	user, err = client.As(user.Token).BindPhone(ctx, code2, detail2) // a second tap, a second code
//
// The page must call wx.login before the tap, never in the button's callback: a new login replaces the key that
// e.detail is encrypted with.
//
// # Users and tokens
//
// A [Client] belongs to a user pool, not to a user. It is immutable and remembers no login: [Client.LoginWithWxapp]
// returns a [User] with a Token, and [Client.As] returns a copy of the client that acts as the token's owner. Keep the
// token in your session store, or give it to the page and let it come back with each request. Instances of a backend
// share nothing.
//
// # One code, one call
//
// A wx.login code can be used once. Any call that takes one uses it up as soon as it is sent, even if it fails, so two
// calls need two codes. The package sends such a call at most once and leaves net/http nothing to replay. When no usable
// response comes, the error matches [ErrOutcomeUnknown]: ask the page for a fresh code instead of repeating the call.
// The Retry line of each method says whether it may be repeated.
//
// # Errors
//
// Every failure is an [*Error] with the method, HTTP status, and the service's code and message. Branch with errors.Is on
// the sentinels. An error may match several, so test [ErrUserRefused], [ErrNotPermitted], [ErrLoginRequired] and
// [ErrCodeInvalid] first, then [ErrOutcomeUnknown], then the others: only the first four are right to act on whatever else
// the error matches.
//
// # Printing
//
// No error text and no log record of this package contains a token, code, password, phone number or e-mail address. Types
// that contain such data ([Secret], [User], [Detail], [Error], …) print without it under every verb of fmt and in slog, by
// value and by pointer. fmt does not call methods of unexported fields, so a value in an unexported field of your own
// struct prints in full. JSON contains everything, except of an Error: it is how you store and send these values.
//
// # Concurrency
//
// One Client serves all goroutines. Copies made by As share its connections.
//
// # Other packages
//
// Package authinghttp checks the token that a page sends with each request to a net/http backend. Package authingtest
// is an Authing and a WeChat in the same process, for tests without a network or an account.
package authing
