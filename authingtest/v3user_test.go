package authingtest_test

import (
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

func TestV3Profile(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, c := setupV3(t, authingtest.Options{Clock: clock.Now})
	ann := srv.NewPhone(authingtest.WxUser{OpenID: "o-1", UnionID: "u-1"})
	login := func(scope string) v3 {
		body := wxLogin(srv, ann.Login())
		body["options"] = object{"scope": scope}
		return c.as(c.data(c.post("/api/v3/signin-by-mobile", body))["access_token"].(string))
	}
	all := login(fullScope)
	updated := c.data(all.post("/api/v3/update-profile", object{
		"nickname": "Ann", "username": "ann", "gender": "F", "city": "北京", "externalId": "e-1", "birthdate": "2000-01-02",
		"customData": object{"school": "PKU"},
	}))
	assert.Equal(t, "Ann", updated["nickname"])
	c.data(all.post("/api/v3/update-profile", object{"nickname": "", "customData": object{"grade": 3}}))

	profile := c.data(all.get("/api/v3/get-profile?withCustomData=true&withIdentities=true&withDepartmentIds=true"))
	assert.Subset(t, profile, object{
		"userId": srv.Users()[0].ID, "createdAt": "2020-02-27T05:33:20.796Z", "updatedAt": "2020-02-27T05:33:20.796Z",
		"status": "Activated", "workStatus": "Active", "gender": "F", "emailVerified": false, "phoneVerified": false,
		"userSourceType": "register", "username": "ann", "city": "北京", "externalId": "e-1", "birthdate": "2000-01-02",
		"customData": object{"school": "PKU", "grade": 3.0}, "departmentIds": []any{},
	})
	assert.NotContains(t, profile, "nickname", "an empty text clears a field")
	identities := profile["identities"].([]any)
	require.Len(t, identities, 2)
	for i, want := range [][2]string{{"openid", "o-1"}, {"unionid", "u-1"}} {
		row := identities[i].(object)
		assert.Equal(t, []any{want[0], want[1], "wechat"}, []any{row["type"], row["userIdInIdp"], row["provider"]})
	}
	assert.Equal(t, profile["identities"], all.get("/api/v3/get-identities")["data"])

	bare := c.data(login("openid").get("/api/v3/get-profile?withCustomData=false"))
	for _, name := range []string{"username", "city", "externalId", "birthdate", "customData", "identities", "departmentIds"} {
		assert.NotContains(t, bare, name, "not in the scope, or not asked for")
	}
	assert.Equal(t, profile["userId"], bare["userId"])

	c.fails(all.get("/api/v3/get-profile?withEverything=true"), 400, 0)
	c.fails(all.post("/api/v3/update-profile", object{"email": "a@example.com"}), 400, 0)
	c.fails(all.post("/api/v3/update-profile", object{"gender": "X"}), 400, 0)
	srv.AddUser(authing.User{Username: "bob"})
	c.fails(all.post("/api/v3/update-profile", object{"username": "bob"}), 409, 2034)
	c.fails(c.get("/api/v3/get-profile"), 401, 2020)
	c.data(c.as("Bearer " + all.token).get("/api/v3/get-profile"))
}

func TestV3GetPhone(t *testing.T) {
	t.Parallel()
	for flat, want := range map[bool]object{
		true: {"phoneNumber": "+85251234567", "purePhoneNumber": "51234567", "countryCode": "852"},
		false: {"phone_info": object{
			"phoneNumber": "+85251234567", "purePhoneNumber": "51234567", "countryCode": "852",
			"watermark": object{"timestamp": 1582781600.0, "appid": "wx1"},
		}},
	} {
		srv, c := setupV3(t, authingtest.Options{
			Clock: newClock().Now, WeChatAppID: "wx1", App: authingtest.AppOptions{FlatPhone: flat},
		})
		ann := srv.NewPhone(authingtest.WxUser{PhoneNumber: "51234567", CountryCode: "852"})
		body := object{"extIdpConnidentifier": srv.MiniProgram(), "code": ann.GetPhoneNumber().PhoneCode}
		c.fails(c.as("x").post("/api/v3/get-wechat-miniprogram-phone", body), 401, 2020)
		assert.Equal(t, want, c.data(c.post("/api/v3/get-wechat-miniprogram-phone", body)))
	}
}

func TestV3Decrypt(t *testing.T) {
	t.Parallel()
	srv, c := setupV3(t, authingtest.Options{})
	ann := srv.NewPhone(authingtest.WxUser{NickName: "Ann"})
	code := ann.Login()
	detail := ann.GetUserInfo()
	body := object{
		"extIdpConnidentifier": srv.MiniProgram(), "code": code, "encryptedData": detail.EncryptedData, "iv": detail.IV,
	}
	data := c.data(c.post("/api/v3/decrypt-wechat-miniprogram-data", body))
	assert.Equal(t, "Ann", data["nickName"])
	c.fails(c.post("/api/v3/decrypt-wechat-miniprogram-data", body), 602, 0)
}

func TestV3BindPhone(t *testing.T) {
	t.Parallel()
	srv, c := setupV3(t, authingtest.Options{})
	const phone = "13900000001"
	asAnn := c.as(c.accessToken(srv.NewPhone(authingtest.WxUser{})))
	bind := func(c v3, number, code string) object {
		return c.post("/api/v3/bind-phone", object{"phoneNumber": number, "passCode": code})
	}
	c.data(c.post("/api/v3/send-sms", object{"phoneNumber": phone, "channel": "CHANNEL_BIND_PHONE"}))
	c.fails(bind(asAnn, phone, "x"), 400, 2001)
	srv.AddUser(authing.User{Phone: "13900000002"})
	c.fails(bind(asAnn, "13900000002", "x"), 409, 2035)
	c.data(bind(asAnn, phone, srv.LastSMS(phone)))
	assert.Equal(t, phone, srv.UserByPhone(phone).Phone)
	c.fails(bind(asAnn, "13900000003", "x"), 409, 2035)
}

// The number that one face stores is what the other shows, with its own country code.
func TestForeignNumbersOnBothFaces(t *testing.T) {
	t.Parallel()
	srv, c := setupV3(t, authingtest.Options{EarlyUpdates: true})
	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	require.NoError(t, err)
	abroad := srv.NewPhone(authingtest.WxUser{OpenID: "o-1", PhoneNumber: "51234567", CountryCode: "852"})
	athome := srv.NewPhone(authingtest.WxUser{OpenID: "o-1", PhoneNumber: "13900000001", CountryCode: "86"})
	user, asUser := signIn(t, client, abroad)
	asV3 := c.as(c.accessToken(abroad))
	shows := func(legacy, country, number string) {
		t.Helper()
		assert.Equal(t, legacy, srv.User(user.ID).Phone)
		profile := c.data(asV3.get("/api/v3/get-profile"))
		assert.Equal(t, []any{country, number}, []any{profile["phoneCountryCode"], profile["phone"]})
	}
	bind := func(phone *authingtest.Phone) {
		t.Helper()
		_, err := asUser.BindPhone(ctx, phone.Login(), phone.GetPhoneNumber())
		require.NoError(t, err)
	}
	update := func(phone string) {
		t.Helper()
		_, err := asUser.Update(ctx, user.ID, authing.UserUpdate{Phone: &phone})
		require.NoError(t, err)
	}
	bind(abroad)
	shows("+85251234567", "+852", "51234567")
	update("+85251234567")
	shows("+85251234567", "+852", "51234567")
	bind(athome)
	shows("13900000001", "+86", "13900000001")
	bind(abroad)
	update("13900000002")
	shows("13900000002", "+86", "13900000002")
}

func TestV3BindWxapp(t *testing.T) {
	t.Parallel()
	srv, c := setupV3(t, authingtest.Options{})
	user := srv.AddUser(authing.User{Username: "ann"})
	srv.SetPassword(user.ID, "secret")
	tokens := c.data(c.post("/api/v3/signin", object{
		"connection": "PASSWORD", "passwordPayload": object{"account": "ann", "password": "secret"},
	}))
	asAnn := c.as(tokens["access_token"].(string))
	ann := srv.NewPhone(authingtest.WxUser{OpenID: "o-1"})
	bind := func() object {
		return asAnn.post("/connections/social/wechat-miniprogram/bind", object{
			"code": ann.Login(), "extIdpConnidentifier": srv.MiniProgram(),
		})
	}
	reply := bind()
	assert.Equal(t, []any{200.0, true}, []any{reply["statusCode"], reply["data"]})
	c.signIn(ann)
	assert.Len(t, srv.Users(), 1)
	c.fails(bind(), 409, 2026)
}

func TestV3Upload(t *testing.T) {
	t.Parallel()
	srv, _ := setupV3(t, authingtest.Options{UploadLimit: 10})
	upload := func(name, content, token string) object {
		var body strings.Builder
		form := multipart.NewWriter(&body)
		part, err := form.CreateFormFile(name, "a.png")
		require.NoError(t, err)
		io.WriteString(part, content)
		require.NoError(t, form.Close())
		header := http.Header{"Content-Type": {form.FormDataContentType()}}
		if token != "" {
			header.Set("Authorization", token)
		}
		_, text := send(t, rawRequest{"POST", srv.AppHost(), "/api/v2/upload?folder=avatar", body.String(), header})
		var reply object
		decodeJSON(t, []byte(text), &reply)
		return reply
	}
	reply := upload("file", "png", "")
	require.EqualValues(t, 200, reply["code"])
	resp, err := http.Get(reply["data"].(object)["url"].(string))
	require.NoError(t, err)
	defer resp.Body.Close()
	image, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, "png", string(image))
	assert.Regexp(t, `^avatar/[0-9a-f]{40}\.png$`, reply["data"].(object)["key"])

	assert.EqualValues(t, 400, upload("picture", "png", "")["statusCode"])
	assert.EqualValues(t, 413, upload("file", "more than ten bytes", "")["statusCode"])
	assert.EqualValues(t, 401, upload("file", "png", "x")["statusCode"])

	chunked, err := http.Post(srv.AppHost()+"/api/v2/upload", "text/plain", io.MultiReader(strings.NewReader("png")))
	require.NoError(t, err)
	defer chunked.Body.Close()
	text, err := io.ReadAll(chunked.Body)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"statusCode":411`)
}

func TestV3IgnoresTheCaseOfAddresses(t *testing.T) {
	t.Parallel()
	srv, c := setupV3(t, authingtest.Options{})
	bob := srv.AddUser(authing.User{Email: "Bob@Example.com"})
	srv.SetPassword(bob.ID, "secret")
	tokens := c.data(c.post("/api/v3/signin", object{
		"connection": "PASSWORD", "passwordPayload": object{"account": "bOB@Example.com", "password": "secret"},
	}))
	c.data(c.post("/api/v3/send-email", object{"email": "Bob@Example.com", "channel": "CHANNEL_DELETE_ACCOUNT"}))
	c = c.as(tokens["access_token"].(string))
	c.data(c.post("/api/v3/verify-delete-account-request", object{"verifyMethod": "EMAIL_PASSCODE", "emailPassCodePayload": object{
		"email": "Bob@Example.com", "passCode": srv.LastMail("Bob@Example.com").Code,
	}}))
}

func TestV3DeleteAccount(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, c := setupV3(t, authingtest.Options{Clock: clock.Now})
	ann := srv.NewPhone(authingtest.WxUser{PhoneNumber: "13900000001"})
	tokens := c.data(c.post("/api/v3/signin-by-mobile", wxPhoneLogin(srv, ann.Login(), ann.GetPhoneNumber().PhoneCode)))
	asAnn := c.as(tokens["access_token"].(string))
	verify := func(c v3, method, payload string, body object) object {
		return c.post("/api/v3/verify-delete-account-request", object{"verifyMethod": method, payload: body})
	}
	prove := func() object {
		c.data(c.post("/api/v3/send-sms", object{"phoneNumber": "13900000001", "channel": "CHANNEL_DELETE_ACCOUNT"}))
		return c.data(verify(asAnn, "PHONE_PASSCODE", "phonePassCodePayload", object{
			"phoneNumber": "13900000001", "passCode": srv.LastSMS("13900000001"),
		}))
	}
	remove := func(c v3, token any) object {
		return c.post("/api/v3/delete-account", object{"deleteAccountToken": token})
	}
	c.fails(verify(asAnn, "PASSWORD", "passwordPayload", object{"password": "x"}), 400, 0)
	c.fails(verify(asAnn, "EMAIL_PASSCODE", "emailPassCodePayload", object{"email": "a@example.com", "passCode": "x"}), 400, 0)
	c.fails(verify(asAnn, "PHONE_PASSCODE", "phonePassCodePayload", object{"phoneNumber": "13900000002", "passCode": "x"}), 400, 0)

	proof := prove()
	assert.EqualValues(t, 60, proof["tokenExpiresIn"])
	bob := c.as(c.accessToken(srv.NewPhone(authingtest.WxUser{})))
	c.fails(remove(bob, proof["deleteAccountToken"]), 400, 0)
	clock.advance(time.Minute)
	c.fails(remove(asAnn, proof["deleteAccountToken"]), 400, 0)
	assert.Equal(t, object{"success": true}, c.data(remove(asAnn, prove()["deleteAccountToken"])))
	c.fails(asAnn.get("/api/v3/get-profile"), 401, 2020)

	srv.SetPassword(srv.Users()[1].ID, "secret")
	c.fails(verify(bob, "PASSWORD", "passwordPayload", object{"password": "x"}), 403, 2006)
	c.data(verify(bob, "PASSWORD", "passwordPayload", object{"password": "secret"}))
}

func TestV3System(t *testing.T) {
	t.Parallel()
	srv, c := setupV3(t, authingtest.Options{})
	c.noHeaders = true
	assert.Equal(t, object{"publicKey": srv.PublicKey()}, c.get("/api/v3/system")["rsa"])
}
