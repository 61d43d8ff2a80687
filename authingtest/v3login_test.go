package authingtest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

func TestV3LoginWithWxapp(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, c := setupV3(t, authingtest.Options{Clock: clock.Now})
	ann := srv.NewPhone(authingtest.WxUser{OpenID: "o-1", UnionID: "u-1", NickName: "Ann"})
	login := func(code string) object { return c.post("/api/v3/signin-by-mobile", wxLogin(srv, code)) }

	code := ann.Login()
	c.data(login(code))
	c.data(login(ann.Login()))
	require.Len(t, srv.Users(), 1, "the first login creates the account, the second finds it")
	user := srv.Users()[0]
	assert.Equal(t, []any{"o-1", "u-1", "", 2}, []any{user.OpenID, user.UnionID, user.Nickname, user.LoginsCount})

	fresh := ann.Login()
	clock.advance(5 * time.Minute)
	for name, tt := range map[string]struct {
		code    string
		errcode int
	}{
		"used": {code, 40029}, "expired": {fresh, 40029}, "unknown": {"x", 40029},
		"phone code": {ann.GetPhoneNumber().PhoneCode, 40029},
	} {
		reply := login(tt.code)
		c.fails(reply, 602, 0)
		assert.EqualValues(t, tt.errcode, reply["data"].(object)["errcode"], name)
		assert.Contains(t, reply["message"], "40029 invalid code, rid: ", name)
	}
	used := ann.Login()
	login(used)
	assert.EqualValues(t, 40163, login(used)["data"].(object)["errcode"])

	wrong := wxLogin(srv, used)
	wrong["extIdpConnidentifier"] = "other"
	c.fails(c.post("/api/v3/signin-by-mobile", wrong), 404, 0)
}

// A user moves between both faces.
func TestBothFacesShareUsers(t *testing.T) {
	t.Parallel()
	srv, c := setupV3(t, authingtest.Options{})
	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	require.NoError(t, err)
	ann := srv.NewPhone(authingtest.WxUser{NickName: "Ann"})
	user, asAnn := signIn(t, client, ann)
	asUser := c.as(c.accessToken(ann))

	profile := c.data(asUser.get("/api/v3/get-profile"))
	assert.Equal(t, []any{user.ID, "Ann"}, []any{profile["userId"], profile["nickname"]})
	c.data(asUser.post("/api/v3/update-profile", object{"nickname": "Anna"}))
	again, err := asAnn.User(ctx, user.ID)
	require.NoError(t, err)
	assert.Equal(t, "Anna", again.Nickname)

	_, err = client.As(authing.Secret(asUser.token)).User(ctx, user.ID)
	assert.Equal(t, 2207, codeOf(t, err), "a token is good for its own face")
	c.fails(c.as(string(user.Token)).get("/api/v3/get-profile"), 401, 2020)
}

func TestFacesShareAddressesInAnyCase(t *testing.T) {
	t.Parallel()
	srv, c := setupV3(t, authingtest.Options{})
	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	require.NoError(t, err)
	const ann = "Ann@Example.com"
	c.data(c.post("/api/v3/signup", object{
		"connection": "PASSWORD", "passwordPayload": object{"email": ann, "password": "secret"},
		"options": object{"context": object{}},
	}))
	_, err = client.Register(ctx, authing.RegisterParams{Email: ann, Password: "secret"})
	assert.Equal(t, 2026, codeOf(t, err))

	srv.AddUser(authing.User{Email: "Bob@Example.com"})
	require.NoError(t, client.SendResetPasswordEmail(ctx, "BOB@example.com"))
	c.data(c.post("/api/v3/send-email", object{"email": "Bob@Example.com", "channel": "CHANNEL_LOGIN"}))
	assert.Equal(t, map[string]int{"bob@example.com": 2}, srv.SentMails())
}

func TestV3EncryptedProfile(t *testing.T) {
	t.Parallel()
	srv, c := setupV3(t, authingtest.Options{})
	ann := srv.NewPhone(authingtest.WxUser{NickName: "Ann"})
	login := func(detail authing.Detail, code string) object {
		body := wxLogin(srv, code)
		body["wechatMiniProgramCodePayload"] = object{"code": code, "encryptedData": detail.EncryptedData, "iv": detail.IV}
		return c.post("/api/v3/signin-by-mobile", body)
	}
	stale := ann.GetUserInfo()
	code := ann.Login()
	assert.EqualValues(t, -41003, login(stale, code)["data"].(object)["errcode"])
	code = ann.Login()
	c.data(login(ann.GetUserInfo(), code))
	assert.Equal(t, "Ann", srv.Users()[0].Nickname)
}

// A phone number is stored in an account without one, if nobody else has it. Otherwise the login succeeds all the same.
func TestV3LoginWithWxappPhone(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		known, taken bool
		phone        string // of the account before
		want         string
	}{
		"new account":         {want: "13900000001"},
		"without a number":    {known: true, want: "13900000001"},
		"with a number":       {known: true, phone: "13900000002", want: "13900000002"},
		"taken, known":        {known: true, taken: true, want: ""},
		"taken, new account":  {taken: true, want: ""},
		"its number, already": {known: true, phone: "13900000001", want: "13900000001"},
	} {
		srv, c := setupV3(t, authingtest.Options{})
		ann := srv.NewPhone(authingtest.WxUser{OpenID: "o-1", UnionID: "u-1", PhoneNumber: "13900000001"})
		if tt.known {
			srv.AddUser(authing.User{OpenID: "o-1", UnionID: "u-1", Phone: tt.phone})
		}
		if tt.taken {
			srv.AddUser(authing.User{Phone: "13900000001"})
		}
		tokens := c.data(c.post("/api/v3/signin-by-mobile", wxPhoneLogin(srv, ann.Login(), ann.GetPhoneNumber().PhoneCode)))
		profile := c.data(c.as(tokens["access_token"].(string)).get("/api/v3/get-profile"))
		phone, _ := profile["phone"].(string)
		assert.Equal(t, tt.want, phone, name)
		assert.Equal(t, tt.want != "", profile["phoneVerified"], name)
	}
}

func TestV3PhoneCodes(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, c := setupV3(t, authingtest.Options{Clock: clock.Now})
	ann := srv.NewPhone(authingtest.WxUser{})
	used, expired := ann.GetPhoneNumber().PhoneCode, ann.GetRealtimePhoneNumber().PhoneCode
	c.data(c.post("/api/v3/signin-by-mobile", wxPhoneLogin(srv, ann.Login(), used)))
	elsewhere := srv.NewPhone(authingtest.WxUser{AppID: "wx0000000000000002"}).GetPhoneNumber().PhoneCode
	for name, tt := range map[string]struct {
		code    string
		errcode int
		after   time.Duration
	}{
		"used": {used, 40163, 0}, "expired": {expired, 40029, 5 * time.Minute}, "unknown": {"x", 40029, 0},
		"login code": {ann.Login(), 40029, 0}, "other mini program": {elsewhere, 40029, 0},
	} {
		clock.advance(tt.after)
		login := c.post("/api/v3/signin-by-mobile", wxPhoneLogin(srv, ann.Login(), tt.code))
		assert.EqualValues(t, tt.errcode, login["data"].(object)["errcode"], name)
		got := c.post("/api/v3/get-wechat-miniprogram-phone", object{"extIdpConnidentifier": srv.MiniProgram(), "code": tt.code})
		c.fails(got, 602, 0)
		assert.EqualValues(t, tt.errcode, got["data"].(object)["errcode"], name)
		clock.advance(-tt.after)
	}
}

// The old phone button, whose data the wx.login code decrypts.
func TestV3EncryptedPhoneNumber(t *testing.T) {
	t.Parallel()
	srv, c := setupV3(t, authingtest.Options{NumericCountryCode: true})
	ann := srv.NewPhone(authingtest.WxUser{PhoneNumber: "51234567", CountryCode: "852"})
	code := ann.Login()
	detail := ann.GetPhoneNumber()
	c.data(c.post("/api/v3/signin-by-mobile", object{
		"connection": "wechat_mini_program_phone", "extIdpConnidentifier": srv.MiniProgram(),
		"wechatMiniProgramPhonePayload": object{"code": code, "encryptedData": detail.EncryptedData, "iv": detail.IV},
	}))
	assert.Equal(t, "+85251234567", srv.Users()[0].Phone, "as the other face stores it")
	profile := c.data(c.as(c.accessToken(ann)).get("/api/v3/get-profile"))
	assert.Equal(t, []any{"51234567", "+852"}, []any{profile["phone"], profile["phoneCountryCode"]})
}

func TestV3LoginOnly(t *testing.T) {
	t.Parallel()
	srv, c := setupV3(t, authingtest.Options{App: authingtest.AppOptions{LoginOnly: true}})
	ann := srv.NewPhone(authingtest.WxUser{OpenID: "o-1", UnionID: "u-1"})
	c.fails(c.post("/api/v3/signin-by-mobile", wxLogin(srv, ann.Login())), 404, 2004)
	srv.AddUser(authing.User{OpenID: "o-1", UnionID: "u-1"})
	c.signIn(ann)
	assert.Len(t, srv.Users(), 1)
}

func TestChangeApp(t *testing.T) {
	t.Parallel()
	srv, c := setupV3(t, authingtest.Options{})
	ann := srv.NewPhone(authingtest.WxUser{})
	c.signIn(ann)
	srv.ChangeApp(func(o *authingtest.AppOptions) { o.ClientAuth = authingtest.AuthPost })
	c.fails(c.post("/api/v3/signin-by-mobile", wxLogin(srv, ann.Login())), 401, 0)
}

func TestV3Tenants(t *testing.T) {
	t.Parallel()
	srv, c := setupV3(t, authingtest.Options{App: authingtest.AppOptions{Tenants: []string{"t-1"}}})
	code := srv.NewPhone(authingtest.WxUser{}).Login()
	login := func(tenant string) object {
		body := wxLogin(srv, code)
		body["options"] = object{"tenantId": tenant, "context": object{}, "customData": object{"school": "PKU"}}
		return c.post("/api/v3/signin-by-mobile", body)
	}
	c.fails(login("t-2"), 403, 2130010)
	tokens := c.data(login("t-1"))
	profile := c.data(c.as(tokens["access_token"].(string)).get("/api/v3/get-profile?withCustomData=true"))
	assert.Equal(t, object{"school": "PKU"}, profile["customData"])
}

func TestV3BlockedAndDeletedUsers(t *testing.T) {
	t.Parallel()
	srv, c := setupV3(t, authingtest.Options{})
	ann := srv.NewPhone(authingtest.WxUser{})
	token := c.accessToken(ann)
	id := srv.Users()[0].ID
	login := func() object { return c.post("/api/v3/signin-by-mobile", wxLogin(srv, ann.Login())) }

	srv.SetBlocked(id, true)
	c.fails(login(), 403, 2005)
	c.fails(c.as(token).get("/api/v3/get-profile"), 403, 2005)
	_, reply := c.form("/oidc/token/introspection", "token", token)
	assert.Equal(t, object{"active": false}, reply)
	srv.SetBlocked(id, false)
	c.data(c.as(token).get("/api/v3/get-profile"))

	srv.DeleteUser(id)
	c.fails(c.as(token).get("/api/v3/get-profile"), 401, 2020)
	c.data(login())
	assert.Len(t, srv.Users(), 2)
}

func TestV3Login(t *testing.T) {
	t.Parallel()
	srv, c := setupV3(t, authingtest.Options{})
	user := srv.AddUser(authing.User{Username: "ann", Email: "ann@example.com", Phone: "13900000001"})
	srv.SetPassword(user.ID, "secret")
	srv.AddUser(authing.User{Username: "bob"})
	srv.AddLDAPUser("carl", "secret")
	login := func(connection, payload string, body, options object) object {
		return c.post("/api/v3/signin", object{"connection": connection, payload: body, "options": options})
	}
	for name, account := range map[string]string{
		"username": "ann", "email": "ann@example.com", "phone": "13900000001",
	} {
		for _, key := range []string{"account", name} {
			c.data(login("PASSWORD", "passwordPayload", object{key: account, "password": "secret"}, object{"clientIp": "10.0.0.1"}))
		}
	}
	assert.Equal(t, "10.0.0.1", srv.User(user.ID).LastIP)
	encrypted := encryptPassword(t, srv.PublicKey(), "secret")
	c.data(login("PASSWORD", "passwordPayload", object{"account": "ann", "password": encrypted}, object{"passwordEncryptType": "rsa"}))
	c.data(login("LDAP", "ldapPayload", object{"sAMAccountName": "carl", "password": "secret"}, object{}))

	for name, payload := range map[string]object{
		"wrong password": {"account": "ann", "password": "x"},
		"no password":    {"account": "bob", "password": ""},
		"unknown":        {"account": "eve", "password": "secret"},
	} {
		reply := login("PASSWORD", "passwordPayload", payload, object{})
		c.fails(reply, 403, 2333)
		assert.Equal(t, "Account not exists or password is incorrect.", reply["message"], name)
	}
	c.fails(login("PASSWORD", "passwordPayload", object{"account": "ann", "password": "secret"}, object{"passwordEncryptType": "rsa"}), 400, 2016)
	c.fails(login("LDAP", "ldapPayload", object{"sAMAccountName": "carl", "password": "x"}, object{}), 403, 2006)
	srv.SetMFA(user.ID, true)
	c.fails(login("PASSWORD", "passwordPayload", object{"account": "ann", "password": "secret"}, object{}), 403, 1635)
}

func TestV3LoginByPhoneCode(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, c := setupV3(t, authingtest.Options{Clock: clock.Now})
	const phone = "13900000001"
	send := func(channel string) {
		t.Helper()
		c.data(c.post("/api/v3/send-sms", object{"phoneNumber": phone, "channel": channel}))
	}
	login := func(code string, autoRegister bool) object {
		return c.post("/api/v3/signin", object{
			"connection": "PASSCODE", "passCodePayload": object{"phone": phone, "passCode": code, "phoneCountryCode": "+86"},
			"options": object{"autoRegister": autoRegister},
		})
	}
	send("CHANNEL_LOGIN")
	code := srv.LastSMS(phone)
	assert.Regexp(t, `^0[0-9]{5}$`, code)
	c.fails(login(code, false), 404, 2004)
	c.data(login(code, true))
	assert.Equal(t, phone, srv.Users()[0].Phone)
	c.fails(login(code, false), 400, 2001)

	c.fails(c.post("/api/v3/send-sms", object{"phoneNumber": phone, "channel": "CHANNEL_LOGIN"}), 429, 0)
	send("CHANNEL_REGISTER")
	c.fails(login(srv.LastSMS(phone), false), 400, 2001)
	assert.Equal(t, map[string]int{phone: 2}, srv.SentSMS())

	clock.advance(time.Minute)
	send("CHANNEL_LOGIN")
	clock.advance(time.Minute)
	c.fails(login(srv.LastSMS(phone), false), 400, 2300)
	c.fails(c.post("/api/v3/send-sms", object{"phoneNumber": phone, "channel": "CHANNEL_X"}), 400, 0)

	send("CHANNEL_LOGIN")
	srv.SetBlocked(srv.Users()[0].ID, true)
	c.fails(login(srv.LastSMS(phone), false), 403, 2005)
	srv.SetBlocked(srv.Users()[0].ID, false)
	c.data(login(srv.LastSMS(phone), false)) // a rejected call leaves the code alone
	clock.advance(-time.Hour)
	send("CHANNEL_LOGIN")

	c.data(c.post("/api/v3/send-email", object{"email": "Ann@example.com", "channel": "CHANNEL_LOGIN"}))
	c.data(c.post("/api/v3/signin", object{
		"connection":      "PASSCODE",
		"passCodePayload": object{"email": "ann@example.com", "passCode": srv.LastMail("ann@example.com").Code},
		"options":         object{"autoRegister": true},
	}))
	assert.True(t, srv.Users()[1].EmailVerified)
}

func TestV3Register(t *testing.T) {
	t.Parallel()
	srv, c := setupV3(t, authingtest.Options{RegistrationLimit: 1})
	user := c.data(c.post("/api/v3/signup", object{
		"connection": "PASSWORD", "passwordPayload": object{"username": "ann", "email": "ann@example.com", "password": "secret"},
		"profile": object{"nickname": "Ann", "gender": "F", "customData": object{"school": "PKU"}},
		"options": object{"context": object{}, "clientIp": "10.0.0.1"},
	}))
	assert.Equal(t, []any{"ann", "Ann", "F", 0.0}, []any{user["username"], user["nickname"], user["gender"], user["loginsCount"]})
	c.data(c.post("/api/v3/signin", object{
		"connection": "PASSWORD", "passwordPayload": object{"account": "ann", "password": "secret"},
	}))

	const phone = "13900000001"
	c.data(c.post("/api/v3/send-sms", object{"phoneNumber": phone, "channel": "CHANNEL_REGISTER"}))
	signUp := object{"connection": "PASSCODE", "passCodePayload": object{"phone": phone, "passCode": srv.LastSMS(phone)}}
	user = c.data(c.post("/api/v3/signup", signUp))
	assert.Equal(t, []any{phone, true}, []any{user["phone"], user["phoneVerified"]})

	const second, address = "13900000002", "Carl@example.com"
	c.data(c.post("/api/v3/send-email", object{"email": address, "channel": "CHANNEL_COMPLETE_EMAIL"}))
	c.data(c.post("/api/v3/send-sms", object{"phoneNumber": second, "channel": "CHANNEL_COMPLETE_PHONE"}))
	completed := func(username, ip string, profile object) object {
		return c.post("/api/v3/signup", object{
			"connection": "PASSWORD", "passwordPayload": object{"username": username, "password": "secret"},
			"profile": profile,
			"options": object{
				"context": object{}, "clientIp": ip, "phonePassCodeForInformationCompletion": srv.LastSMS(second),
				"emailPassCodeForInformationCompletion": srv.LastMail(address).Code,
			},
		})
	}
	both := object{"phone": second, "email": address}
	c.fails(completed("carl", "10.0.0.1", both), 403, 2100)
	carl := c.data(completed("carl", "10.0.0.2", both)) // the rejected call did not use up the codes
	assert.Equal(t, []any{second, "carl@example.com"}, []any{carl["phone"], carl["email"]})
	srv.DeleteUser(srv.UserByPhone(second).ID)
	c.fails(completed("dora", "10.0.0.3", object{"phone": second}), 400, 2001)
	c.fails(completed("dora", "10.0.0.3", object{"email": address}), 400, 2001)

	for name, tt := range map[string]struct {
		body    object
		code    int
		apiCode int
	}{
		"spent code":   {signUp, 400, 2001},
		"username":     {object{"connection": "PASSWORD", "passwordPayload": object{"username": "ann", "password": "secret"}}, 409, 2034},
		"email":        {object{"connection": "PASSWORD", "passwordPayload": object{"email": "ann@example.com", "password": "secret"}}, 409, 2026},
		"short":        {object{"connection": "PASSWORD", "passwordPayload": object{"username": "eve", "password": "x"}}, 400, 2029},
		"nobody":       {object{"connection": "PASSWORD", "passwordPayload": object{"password": "secret"}}, 400, 0},
		"phone alone":  {object{"connection": "PASSWORD", "passwordPayload": object{"username": "eve", "password": "secret"}, "profile": object{"phone": "13900000003"}}, 400, 2001},
		"options":      {object{"connection": "PASSWORD", "options": object{}}, 400, 0},
		"without data": {object{"connection": "PASSCODE"}, 400, 0},
	} {
		reply := c.post("/api/v3/signup", tt.body)
		assert.NotEmpty(t, reply["message"], name)
		c.fails(reply, tt.code, tt.apiCode)
	}
	assert.Len(t, srv.Users(), 3)
}
