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
// Pictures: [Phone.ChooseAvatar] returns the one that the user chooses and the page uploads.
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
// # Today's API
//
// The server also has the V3 API of today's Authing, at [Server.AppHost], for the same users, phones and clock: an account
// that one API creates signs in with the other. Tokens are not shared. [Server.AppID], [Server.AppSecret] and
// [Server.MiniProgram] are what a client needs; [Server.Issuer] and [Server.JWKSURL] what verifies tokens locally.
// Options.App chooses among the settings of the console, and [Server.ChangeApp] changes them. [Server.RotateKeys],
// [Server.DropOldKeys] and [Server.RevokeTokens] play the administrator. The code of the phone button is
// authing.Detail.PhoneCode.
//
// It serves sign-in by WeChat code, with and without the phone button, by texted or mailed code, by password and by LDAP;
// registration; refresh, revocation, introspection, keys and discovery; the profile with identities and custom data; the
// phone number of a phone code; decryption; avatars; binding a phone number or a WeChat user; deleting an account. A
// request with a key or a value that the OpenAPI document does not list is refused, and so is one that proves the identity
// of the application in another way than configured. The mini-program SDK and the SDK for Node.js need no change, so the ID
// of the user pool may come instead of that of the application, a token bare or with Bearer, and empty text for the data
// that a login does not have.
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
//   - Whether the case of an e-mail address matters: it does not.
//   - The host that serves authorized apps: both do.
//   - The schema: only what SDKs of the period used is known, and the types of some fields are inferred from samples.
//
// Of today's API, in addition:
//
//   - Every message but "client authentication failed", "grant request is invalid", that of apiCode 2333 and that of
//     statusCode 429, which are samples of the documents.
//   - The statusCode that goes with an apiCode, except for 403 with 2333, and which apiCode stands for a wrong or expired
//     code (2001, 2300), a phone number, e-mail address or username that is taken (2035, 2026, 2034, all 409), and too many
//     registrations (2100). A code that is sent too early gets HTTP 429.
//   - A failure of WeChat: statusCode 602 with WeChat's words. See AppOptions.WeChatError.
//   - A scope that is unknown or lacks openid: statusCode 400. Without a scope, a login gets "openid profile".
//   - The order of the checks: body, application, client authentication, token, scope and tenant, code. A login with two
//     codes uses up that of wx.login first.
//   - That encryptedData and iv of a login fill the profile of a new account, and change no other.
//   - That custom data is merged, that an empty text clears a field, and that keys need no definition in the console.
//   - That a refresh token is refused as soon as it has been used, and lives for 30 days.
//   - That a revoked token leaves those issued with it valid.
//   - That a wrong token fails calls that need none: send-sms, the phone number, decryption and the upload.
//   - HTTP 400 and 401 for failures of the token endpoints, and the reply to a revocation.
//   - That an upload is answered as the mini-program SDK reads it, with code instead of statusCode, and needs a
//     Content-Length.
//
// # What is missing
//
// Limits on text messages and mails, account history, groups and roles, token refresh, completing a login with a second
// factor, and everything else that the mini-program SDK has no method for. Of today's API: changing a password, phone number
// or e-mail address, devices, limits per address other than that of registrations, SM2, and login pages.
package authingtest
