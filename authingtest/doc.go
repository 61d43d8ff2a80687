// Package authingtest is an Authing in this process and the WeChat behind it, for tests of programs that use package
// authing, as net/http/httptest is for programs that use net/http. It needs no network, account or phone.
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
// # What to test with it
//
// Let time pass with Options.Clock: codes of wx.login live five minutes, texted and mailed ones ten, tokens fifteen
// days. Let the user refuse with [Phone.Deny]. Let calls fail, before or after they took effect, with
// [Server.FailNext]. Look at what arrived with [Server.Requests], and that nothing was sent twice with
// [Server.SpentCodes], [Server.SentSMS] and [Server.SentMails].
//
// Read what the service sent with [Server.LastSMS], [Server.LastMail] and [Server.Captcha]. Set the stage with
// [Server.AddUser], [Server.SetPassword], [Server.SetBlocked], [Server.SetMFA], [Server.DeleteUser],
// [Server.AddLDAPUser] and [Server.AuthorizeApp]; look at the accounts with [Server.User] and its kin.
//
// # What is faithful
//
// Three hosts, with the paths, verbs, header formats and envelopes of the mini-program SDK of 2018 to 2020, which works
// with this server too. A code of wx.login is accepted once, while it is fresh, from the mini program it was minted for,
// a hundred times a minute for one user. Details are encrypted and signed as WeChat does it, with the session key of
// their moment, and the server decrypts with the key that the code brings. So the usual mistakes fail as they do in the
// field: a code sent twice, wx.login called in the callback of a button, one code for login and bind, the phone code
// sent as the login code, "Bearer" before the token over REST, no "Bearer" before it over GraphQL.
//
// GraphQL documents go through a parser and a validator against a schema, variables must have their types, and only
// what is selected is returned. A document that is not valid gets HTTP 400 and a text, a refusal HTTP 200 and an object
// with code, message and data; codes that were mailed are refused inside data. Dates are JavaScript's texts there and
// ISO 8601 over REST. Passwords are decrypted with the private key of the server.
//
// # What is not known about the real service
//
//   - How Authing words a failure of WeChat: see Options.WeChatError. The same words cover data that does not decrypt.
//   - The HTTP status of a refusal: 200 here, and 400 for a body that is not JSON, has a value of another type, or goes
//     on after its object.
//   - In which order it checks: here the pool, the body, the token, then the code. A refused token spends no code.
//   - Whether the login verifies the phone number it is given (not here), and adds it to an account that is known by its
//     WeChat user only (not here; a new account gets it).
//   - Whether the answer of BindPhone holds the token (here it does).
//   - Whether a new code of wx.login kills an older one: see Options.NewCodeKillsOld.
//   - How an expired code that was used before is refused: as an expired one here.
//   - Which tokens signing out ends, and with which code they are refused then: all of the user, with 2206 here.
//   - Since when exactly updates of e-mail addresses and phone numbers are refused: see Options.EarlyUpdates. What an
//     update of the token does: nothing here.
//   - With which code a user may not read what belongs to another: 1001 here, and 2202 for changes of the account.
//   - Which calls count as logins and registrations for the limits of an address: see Options.LoginLimit. Whether the
//     refusal of a registration spends the code of wx.login: here it does.
//   - How long texted and mailed codes live, and whether a refused call spends them: ten minutes and no here.
//   - The host of the calls about authorized apps: both hosts answer them.
//   - The schema: only what the SDKs of the period used is known, and the types of fields are guessed from samples.
//
// # What it leaves out
//
// Limits on text messages and mails, the account's history, groups and roles, refreshing tokens, signing in with a
// second factor, and whatever else the mini-program SDK had no method for.
package authingtest
