// Package authingtest provides an in-process Authing server, and the WeChat behind it, for testing programs that use
// package authing. It is to package authing what net/http/httptest is to net/http, and needs no network, account or
// phone.
//
// A test starts a server, points a client at it and signs in the user of a simulated phone:
//
//	srv := authingtest.NewServer(authingtest.Options{})
//	defer srv.Close()
//	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
//
//	ann := srv.NewPhone(authingtest.WxUser{NickName: "Ann"})
//	code := ann.Login()         // wx.login
//	detail := ann.GetUserInfo() // e.detail of the button
//	user, err := client.LoginWithWxapp(ctx, code, detail)
//
// # What to test
//
// Expiry: set Options.Clock and advance it. A wx.login code is valid for five minutes, a texted or mailed code for ten,
// a token for fifteen days.
//
// Denied authorization: [Phone.Deny] returns what the page gets when the user taps "refuse", [Phone.Fail] what it gets
// when the button fails.
//
// Failures: [Server.FailNext] makes a call fail, before or after it has taken effect. Then check that your code sent
// nothing twice: [Server.Requests] returns everything that arrived, and [Server.SpentCodes], [Server.SentSMS] and
// [Server.SentMails] count codes and messages.
//
// A server that runs for long keeps the latest requests (Options.KeepRequests), codes, messages and images;
// [Server.RequestCount] counts all requests. It keeps every account and phone.
//
// Messages: [Server.LastSMS] and [Server.LastMail] return what the user would have received, [Server.Captcha] what the
// user would have read.
//
// Accounts: [Server.AddUser], [Server.SetPassword], [Server.SetBlocked], [Server.SetMFA], [Server.DeleteUser],
// [Server.AddLDAPUser] and [Server.AuthorizeApp] set up a scenario. [Server.User], [Server.UserByPhone] and
// [Server.Users] return what is stored.
//
// # What is faithful
//
// The server has the three hosts of Authing, with the paths, methods, headers and envelopes that the mini-program SDK
// of 2018 to 2020 uses; that SDK works with this server unchanged.
//
// WeChat's side is complete: a wx.login code works once, while it is fresh, for the mini program it was issued to, and
// at most a hundred times a minute per user. Details are encrypted and signed with the session key current at the time,
// and the server decrypts them with the session key of the code. The usual mistakes therefore fail as they do in
// production: sending a code twice, calling wx.login in the button's callback, using one code for login and bind,
// sending the phone code as the login code, prefixing the token with "Bearer " over REST or omitting it over GraphQL.
//
// GraphQL documents are parsed and validated against a schema, variables must have their declared types, and the
// response contains only the selected fields, in their order. An invalid document gets HTTP 400 and a text message; an error of the
// service gets HTTP 200 and an object with code, message and data, except that VerifyResetPasswordVerifyCode reports a
// wrong code inside data. Dates are JavaScript date strings over GraphQL and ISO 8601 over REST. Passwords are
// decrypted with the server's private key. The storage for avatars requires a Content-Length and does not overwrite a
// different file.
//
// # What is not known about the real service
//
// Where neither documents nor recordings say what Authing does, this server picks one behavior:
//
//   - The wording of a WeChat failure: see Options.WeChatError. Data that cannot be decrypted is reported the same way.
//   - The HTTP status of an error: 200, or 400 for a body that is not JSON, has a value of the wrong type, or has data
//     after the JSON object.
//   - The order of the checks: user pool, body, token, code. An invalid token does not use up the code.
//   - Whether a login verifies the phone number passed to it (it does not), and whether it adds the number to an
//     account found by its WeChat user (it does not; a new account gets it).
//   - Whether the response of BindPhone contains the token (it does).
//   - Whether a new wx.login code invalidates the previous one: see Options.NewCodeKillsOld.
//   - The error for a code that is both used and expired: expired.
//   - Which tokens a logout invalidates, and the error they get afterwards: all tokens of the user, 2206.
//   - When Authing stopped allowing updates of e-mail addresses and phone numbers: see Options.EarlyUpdates. An update
//     of the token has no effect. A new tokenExpiredAt has none on the validity of tokens, except for "0".
//   - The username of an account made with an e-mail address or a phone number: empty text.
//   - What CheckLoginStatus says about a locked user: 2207. Other calls fail with 2005.
//   - The exact text of the error for a malformed ID, which is the database's and has code 500.
//   - The error for accessing another user's data: 1001, or 2202 for changes to the account.
//   - Whether a real-time phone number comes with encryptedData: see Options.RealtimeEncrypted.
//   - How long WeChat keeps a session key, and the text of a failed checkSession: see [Phone.CheckSession].
//   - Which calls count toward the limits per address: see Options.LoginLimit. A rejected registration uses up the
//     wx.login code.
//   - The lifetime of texted and mailed codes, and whether a rejected call uses them up: ten minutes, and it does not.
//   - The host that serves authorized apps: both do.
//   - The schema: only what SDKs of the period used is known, and the types of some fields are inferred from samples.
//
// # What is missing
//
// Limits on text messages and mails, account history, groups and roles, token refresh, completing a login with a second
// factor, and everything else that the mini-program SDK has no method for.
package authingtest
