package promises_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingv3"
	"github.com/authing-wxapp/authing/internal/testkit"
)

// Canaries take the place of secrets and personal data. They occur nowhere else, so one in an error or a log is a leak.
const (
	canaryToken         = authing.Secret("eyJcanary1.kWq83nTzVb61LmXy.sIgn4Hd7Rj0PfUe2Cx")
	canaryCode          = "081cAnArYq7Vw2XzT9kLmB4nHs6RjD0f"
	canaryIV            = "iVcNq+8Zk3TnB5/Hc7RxLm=="
	canaryEncryptedData = "dAtAcNrY9f+LwQ2sXz7VbK/4MjTn8HyRe3UpGo6CiDa5ZtWq1ExSvNk0BrPlJhYg"
	canaryPhone         = "+8613907715642"
	canaryPhoneCode     = "pHoNeCoDe5rTgYhUjKi8oLpQaWsEdRf"
	canaryRawData       = `{"nickName":"rAwDaTa6yHnMjUkIlOpQaZwSx"}`
	canarySignature     = "51gnatu4e8d0c6b2f9a3e7751b04d9c6e2f8a1b3"
	canaryCloudID       = "66_cLoUdIdQ3eR5tY7uI9oP1aS2dF4gH"
	canaryNickName      = "nIcKnAmEw3E4r5T6y7U8i9O0p"
	canaryOpenID        = "oPeNiDz1X2c3V4b5N6m7K8j9H0"
	canaryAvatar        = "https://thirdwx.qlogo.cn/mmopen/aVaTaR8u7Y6t5R4e3W2q1/132"

	canaryEmail       = "eMaIlQ9w8E7@r6T5y4U3.example"
	canaryUsername    = "uSeRnAmE5tGb6YhN7uJm"
	canaryUnionID     = "uNiOnId3eDc4RfV5tGb6YhN"
	canaryPassword    = authing.Secret("pAsSwOrD8iK zAq1XsW2cDe3Vf")
	canaryOldPassword = authing.Secret("oLdPaSs7Uj% bGt5NhY6mJu7Ki")
	canarySMSCode     = "1739154826" // a number on the wire
	canaryMailCode    = "mAiLcOdE4rFv5TgB"
	canaryCaptcha     = "cApTcHa8iKm9OlP"
	canaryLastIP      = "203.0.113.177"
	canaryMetaKey     = "kEyOfMeTa1qAz2WsX"
	canaryMetaValue   = "vAlUeOfMeTa3eDc4RfV"
	canaryGivenToken  = authing.Secret("eyJgiven3.vErIfY9iJn8UhB7.y6TgV5rFc4EdX3s")
	canaryImage       = "\x89PNG\r\n\x1a\niMaGeBy5TgB6yHn7UjM8iK"

	// In the service's responses.
	canaryUserToken   = "eyJanswer2.uSeR7tOkEn5zXcVbNm.q1W2e3R4t5Y6u7I8"
	canaryUserPhone   = "13806628417"
	canaryUserOpenID  = "uSeRoPeNiDp0O9i8U7y6T5r4E3"
	canaryUploadToken = "uPlOaDtOkEn6:h9J8k7L6m5N4:b3V2c1X0z9A8"
)

// canaries names them for the message of a failing test.
var canaries = map[string]string{
	"token": string(canaryToken), "code": canaryCode, "iv": canaryIV, "encrypted data": canaryEncryptedData,
	"phone": canaryPhone, "phone digits": canaryPhone[3:], "phone code": canaryPhoneCode, "raw data": canaryRawData,
	"signature": canarySignature, "cloud id": canaryCloudID, "nick name": canaryNickName, "open id": canaryOpenID,
	"avatar": canaryAvatar, "e-mail address": canaryEmail, "user name": canaryUsername, "union id": canaryUnionID,
	"password": string(canaryPassword), "old password": string(canaryOldPassword), "SMS code": canarySMSCode,
	"mailed code": canaryMailCode, "captcha": canaryCaptcha, "IP address": canaryLastIP, "metadata key": canaryMetaKey,
	"metadata value": canaryMetaValue, "token to verify": string(canaryGivenToken), "image": canaryImage[8:],
	"user's token": canaryUserToken, "user's phone": canaryUserPhone, "user's open id": canaryUserOpenID,
	"upload token": canaryUploadToken, "application's secret": string(canaryAppSecret), "Basic header": canaryBasic,
	"refresh token": string(canaryRefreshToken), "access token": canaryAccess, "id token": canaryIDToken,
	"new refresh token": canaryRotated, "photo": canaryPhoto, "deletion token": canaryDeletionToken,
}

func canaryDetail(errMsg string) authing.Detail {
	return authing.Detail{
		ErrMsg: errMsg, EncryptedData: canaryEncryptedData, IV: canaryIV, RawData: canaryRawData,
		Signature: canarySignature, CloudID: canaryCloudID, PhoneCode: canaryPhoneCode,
		UserInfo: &authing.WxUserInfo{OpenID: canaryOpenID, NickName: canaryNickName, AvatarURL: canaryAvatar},
	}
}

func canaryImageReader() io.Reader { return strings.NewReader(canaryImage) }

// remoteMethod is a method of the client, called with canaries in all its arguments. A method that makes several requests
// has one row for each of them.
type remoteMethod struct {
	name      string
	call      func(ctx context.Context, c pair) (any, error)
	responses []string // of a success, one for each request
	step      int      // which request the row is about
	sends     []string // the secrets in it, which a server could echo
	read      bool     // the method changes nothing, so its request may be sent twice
	spends    string   // what the call uses up even if the request fails
	v3        bool     // the method is one of package authingv3
}

func (m remoteMethod) String() string {
	name := m.name
	if m.v3 {
		name = "v3 " + name
	}
	if len(m.responses) == 1 {
		return name
	}
	return fmt.Sprintf("%s, request %d", name, m.step+1)
}

const (
	userID = "5e05bbf2d51b3761d5c71070"

	canaryUserData = `{"_id":"` + userID + `","token":"` + canaryUserToken + `","phone":"` + canaryUserPhone +
		`","openid":"` + canaryUserOpenID + `","loginsCount":3,"blocked":false}`
	canaryUser     = `{"code":200,"message":"ok","data":` + canaryUserData + `}`
	canaryNotice   = `{"message":"成功","code":null,"status":null}`
	canaryMetadata = `{"totalCount":1,"list":[{"key":"` + canaryMetaKey + `","value":"` + canaryMetaValue + `"}]}`
)

// graphqlData is a GraphQL response with one field.
func graphqlData(field, result string) string { return `{"data":{"` + field + `":` + result + `}}` }

// remoteMethods lists every method that sends requests. What all of them promise is tested over this table.
var remoteMethods = slices.Concat(legacyMethods, v3Methods)

// legacyMethods are the rows of package authing.
var legacyMethods = append([]remoteMethod{
	{
		name: "LoginWithWxapp",
		call: func(ctx context.Context, c pair) (any, error) {
			return c.LoginWithWxapp(ctx, canaryCode, canaryDetail("getUserInfo:ok"), authing.WithPhone(canaryPhone))
		},
		responses: []string{canaryUser},
		sends:     []string{canaryCode, canaryIV, canaryEncryptedData, canaryPhone},
		spends:    "code",
	},
	{
		name: "BindPhone",
		call: func(ctx context.Context, c pair) (any, error) {
			return c.BindPhone(ctx, canaryCode, canaryDetail("getPhoneNumber:ok"))
		},
		responses: []string{canaryUser},
		sends:     []string{string(canaryToken), canaryCode, canaryIV, canaryEncryptedData},
		spends:    "code",
	},
	{
		name: "GetPhone",
		call: func(ctx context.Context, c pair) (any, error) {
			return c.GetPhone(ctx, canaryCode, canaryDetail("getPhoneNumber:ok"))
		},
		responses: []string{`{"code":200,"message":"ok","data":{"phoneNumber":"` + canaryUserPhone + `","purePhoneNumber":"` +
			canaryUserPhone + `","countryCode":"86","watermark":{"appid":"wx1","timestamp":1583400000}}}`},
		sends:  []string{string(canaryToken), canaryCode, canaryIV, canaryEncryptedData},
		spends: "code",
	},
	{
		name: "Decrypt",
		call: func(ctx context.Context, c pair) (any, error) {
			return c.Decrypt(ctx, canaryCode, canaryEncryptedData, canaryIV)
		},
		responses: []string{`{"code":200,"message":"ok","data":{"openId":"` + canaryUserOpenID + `","phoneNumber":"` +
			canaryUserPhone + `","gender":1,"watermark":{"appid":"wx1","timestamp":1583400000}}}`},
		sends:  []string{string(canaryToken), canaryCode, canaryIV, canaryEncryptedData},
		spends: "code",
	},
	{
		name: "GetVerificationCode",
		call: func(ctx context.Context, c pair) (any, error) {
			return nil, c.GetVerificationCode(ctx, canaryPhone)
		},
		responses: []string{`{"code":200,"message":"发送成功"}`},
		sends:     []string{canaryPhone},
	},
	{
		name: "LoginByPhoneCode",
		call: func(ctx context.Context, c pair) (any, error) {
			return c.LoginByPhoneCode(ctx, canaryPhone, canarySMSCode)
		},
		responses: []string{graphqlData("login", canaryUserData)},
		sends:     []string{string(canaryToken), canaryPhone, canarySMSCode},
		spends:    "code",
	},
	{
		name: "Register",
		call: func(ctx context.Context, c pair) (any, error) {
			return c.Register(ctx, authing.RegisterParams{
				Email: canaryEmail, Username: canaryUsername, UnionID: canaryUnionID, Password: canaryPassword,
				Nickname: canaryNickName, Photo: canaryAvatar, OAuth: canaryRawData, LastIP: canaryLastIP,
			})
		},
		responses: []string{graphqlData("register", canaryUserData)},
		sends:     []string{string(canaryToken), canaryEmail, canaryUsername, canaryUnionID, canaryAvatar, canaryLastIP},
	},
	{
		name: "Login",
		call: func(ctx context.Context, c pair) (any, error) {
			return c.Login(ctx, authing.LoginParams{
				Email: canaryEmail, Username: canaryUsername, UnionID: canaryUnionID, Password: canaryPassword,
				LastIP: canaryLastIP, VerifyCode: canaryCaptcha,
			})
		},
		responses: []string{graphqlData("login", canaryUserData)},
		sends:     []string{string(canaryToken), canaryEmail, canaryUsername, canaryUnionID, canaryLastIP, canaryCaptcha},
	},
	{
		name: "LoginByLDAP",
		call: func(ctx context.Context, c pair) (any, error) {
			return c.LoginByLDAP(ctx, canaryUsername, canaryPassword)
		},
		responses: []string{graphqlData("LoginByLDAP", canaryUserData)},
		sends:     []string{canaryUsername, string(canaryPassword)},
	},
	{
		name:      "CheckLoginStatus",
		call:      func(ctx context.Context, c pair) (any, error) { return c.CheckLoginStatus(ctx) },
		responses: []string{graphqlData("checkLoginStatus", `{"status":true,"code":200,"message":"ok"}`)},
		sends:     []string{string(canaryToken)},
		read:      true,
	},
	{
		name:      "Logout",
		call:      func(ctx context.Context, c pair) (any, error) { return nil, c.Logout(ctx, userID) },
		responses: []string{graphqlData("updateUser", canaryUserData)},
		sends:     []string{string(canaryToken)},
	},
	{
		name:      "User",
		call:      func(ctx context.Context, c pair) (any, error) { return c.User(ctx, userID) },
		responses: []string{graphqlData("user", canaryUserData)},
		sends:     []string{string(canaryToken)},
		read:      true,
	},
	{
		name: "Update",
		call: func(ctx context.Context, c pair) (any, error) {
			email, username, phone, token := canaryEmail, canaryUsername, canaryPhone, canaryGivenToken
			password, oldPassword := canaryPassword, canaryOldPassword
			return c.Update(ctx, userID, authing.UserUpdate{
				Email: &email, Username: &username, Phone: &phone, Token: &token,
				Password: &password, OldPassword: &oldPassword,
			})
		},
		responses: []string{graphqlData("updateUser", canaryUserData)},
		sends:     []string{string(canaryToken), canaryEmail, canaryUsername, canaryPhone, string(canaryGivenToken)},
	},
	{
		name:      "UnbindEmail",
		call:      func(ctx context.Context, c pair) (any, error) { return c.UnbindEmail(ctx, userID) },
		responses: []string{graphqlData("unbindEmail", canaryUserData)},
		sends:     []string{string(canaryToken)},
	},
	{
		name: "SendResetPasswordEmail",
		call: func(ctx context.Context, c pair) (any, error) {
			return nil, c.SendResetPasswordEmail(ctx, canaryEmail)
		},
		responses: []string{graphqlData("sendResetPasswordEmail", canaryNotice)},
		sends:     []string{string(canaryToken), canaryEmail},
	},
	{
		name: "VerifyResetPasswordVerifyCode",
		call: func(ctx context.Context, c pair) (any, error) {
			return nil, c.VerifyResetPasswordVerifyCode(ctx, canaryEmail, canaryMailCode)
		},
		responses: []string{graphqlData("verifyResetPasswordVerifyCode", canaryNotice)},
		sends:     []string{string(canaryToken), canaryEmail, canaryMailCode},
	},
	{
		name: "ChangePassword",
		call: func(ctx context.Context, c pair) (any, error) {
			return c.ChangePassword(ctx, authing.ChangePasswordParams{
				Email: canaryEmail, Password: canaryPassword, VerifyCode: canaryMailCode,
			})
		},
		responses: []string{graphqlData("changePassword", canaryUserData)},
		sends:     []string{string(canaryToken), canaryEmail, canaryMailCode},
		spends:    "code",
	},
	{
		name: "SendVerifyEmail",
		call: func(ctx context.Context, c pair) (any, error) {
			return nil, c.SendVerifyEmail(ctx, canaryEmail)
		},
		responses: []string{graphqlData("sendVerifyEmail", canaryNotice)},
		sends:     []string{string(canaryToken), canaryEmail},
	},
	{
		name:      "Metadata",
		call:      func(ctx context.Context, c pair) (any, error) { return c.Metadata(ctx, userID) },
		responses: []string{graphqlData("userMetadata", canaryMetadata)},
		sends:     []string{string(canaryToken)},
		read:      true,
	},
	{
		name: "SetMetadata",
		call: func(ctx context.Context, c pair) (any, error) {
			return c.SetMetadata(ctx, userID, canaryMetaKey, canaryMetaValue)
		},
		responses: []string{graphqlData("setUserMetadata", canaryMetadata)},
		sends:     []string{string(canaryToken), canaryMetaKey, canaryMetaValue},
	},
	{
		name: "RemoveMetadata",
		call: func(ctx context.Context, c pair) (any, error) {
			return c.RemoveMetadata(ctx, userID, canaryMetaKey)
		},
		responses: []string{graphqlData("removeUserMetadata", canaryMetadata)},
		sends:     []string{string(canaryToken), canaryMetaKey},
	},
	{
		name: "GetAuthedAppList",
		call: func(ctx context.Context, c pair) (any, error) {
			return c.GetAuthedAppList(ctx, userID, authing.ListOptions{Page: 2, Count: 5})
		},
		responses: []string{graphqlData("GetUserAuthorizedApps", `{"OAuthApps":[],"OIDCApps":[{"name":"x"}],"totalCount":1}`)},
		sends:     []string{string(canaryToken)},
		read:      true,
	},
	{
		name: "RevokeAuthedApp",
		call: func(ctx context.Context, c pair) (any, error) {
			return c.RevokeAuthedApp(ctx, userID, "5d4bd78bd51b3761d5c7106f")
		},
		responses: []string{graphqlData("RevokeUserAuthorizedApp", `{"isRevoked":"true","_id":"5e","type":"oauth"}`)},
		sends:     []string{string(canaryToken)},
	},
	{
		name: "VerifyToken",
		call: func(ctx context.Context, c pair) (any, error) { return c.VerifyToken(ctx, canaryGivenToken) },
		responses: []string{graphqlData("checkLoginStatus", `{"status":true,"code":200,"message":"ok","token":`+
			`{"data":{"id":"`+userID+`","clientId":"`+pool+`"},"iat":1583400000,"exp":1584696000}}`)},
		sends: []string{string(canaryToken), string(canaryGivenToken)},
		read:  true,
	},
}, requestsOfChangeAvatar()...)

func requestsOfChangeAvatar() (requests []remoteMethod) {
	for step, sends := range [][]string{
		{string(canaryToken)}, {canaryUploadToken, canaryImage[8:]}, {string(canaryToken), userID},
	} {
		requests = append(requests, remoteMethod{
			name: "ChangeAvatar",
			call: func(ctx context.Context, c pair) (any, error) {
				return c.ChangeAvatar(ctx, userID, canaryImageReader())
			},
			responses: []string{
				graphqlData("qiNiuUploadToken", `"`+canaryUploadToken+`"`),
				`{"hash":"FhSx","key":"avatar/wechatapp/5e05.png"}`,
				graphqlData("updateUser", canaryUserData),
			},
			step:  step,
			sends: sends,
		})
	}
	return requests
}

func TestMethodsAreAllInTheTable(t *testing.T) {
	t.Parallel()
	var want, got []string
	for prefix, client := range map[string]reflect.Type{
		"": reflect.TypeFor[*authing.Client](), "v3 ": reflect.TypeFor[*authingv3.Client](),
	} {
		for i := range client.NumMethod() {
			method := client.Method(i)
			if method.Name == "AllAuthedApps" { // which calls GetAuthedAppList
				continue
			}
			for j := range method.Type.NumIn() {
				if method.Type.In(j) == reflect.TypeFor[context.Context]() {
					want = append(want, prefix+method.Name)
				}
			}
		}
	}
	for _, m := range remoteMethods {
		if m.step == 0 {
			name, _, _ := strings.Cut(m.String(), ",")
			got = append(got, name)
		}
	}
	assert.Greater(t, len(want), 40)
	assert.ElementsMatch(t, want, got)
}

// The tests over the table take from it which methods are reads, so this test does not.
func TestMethodsThatRead(t *testing.T) {
	t.Parallel()
	var reads []string
	for _, m := range remoteMethods {
		if m.read {
			reads = append(reads, m.String())
		}
	}
	assert.ElementsMatch(t, reads, []string{"User", "CheckLoginStatus", "VerifyToken", "Metadata", "GetAuthedAppList", "v3 User", "v3 VerifyToken"})
}

// Each method succeeds with the responses in the table, makes as many requests and sends the secrets.
func TestMethodsSucceed(t *testing.T) {
	t.Parallel()
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		client, got := setupResponder(t, m.succeed())

		_, err := m.call(context.Background(), client.As(canaryToken))

		require.NoError(t, err)
		require.Len(t, got.All(), len(m.responses))
		request := got.All()[m.step]
		for _, secret := range m.sends {
			assert.Contains(t, request.Line+request.Header.Get("Authorization")+request.Body, asSent(secret))
		}
	})
}

// asSent is how text looks inside JSON.
func asSent(text string) string {
	quoted, _ := json.Marshal(text)
	return strings.Trim(string(quoted), `"`)
}

// unchanged is what an error says if nothing came of the request of m: nothing, if that is the first of its call.
func (m remoteMethod) unchanged(nothing string) string {
	switch {
	case m.step == 0:
	case m.name == "ChangeAvatar":
		return "the photo is unchanged"
	case m.name == "DeleteAccount":
		return "the account is still there, but the code is used up and the next try needs a new one"
	}
	return nothing
}

// eachMethod runs test for every row of the table.
func eachMethod(t *testing.T, test func(t *testing.T, m remoteMethod)) {
	t.Helper()
	eachMethodOf(t, remoteMethods, test)
}

// eachMethodOf runs test for some rows of the table.
func eachMethodOf(t *testing.T, methods []remoteMethod, test func(t *testing.T, m remoteMethod)) {
	t.Helper()
	for _, m := range methods {
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			test(t, m)
		})
	}
}

// eachCell runs test for all cells at once. Most cells wait for the network or a timer, and t.Parallel would run only as
// many of them as there are CPUs, so each t.Run gets a goroutine.
func eachCell[T fmt.Stringer](t *testing.T, cells []T, test func(t *testing.T, cell T)) {
	t.Helper()
	var running sync.WaitGroup
	for _, cell := range cells {
		running.Go(func() {
			t.Run(cell.String(), func(t *testing.T) { test(t, cell) })
		})
	}
	running.Wait()
}

// wantFailure checks what every failed call returns. sent says whether the request may have taken effect.
func (m remoteMethod) wantFailure(t *testing.T, result any, err error, sent bool) *authing.Error {
	t.Helper()
	var e *authing.Error
	require.ErrorAs(t, err, &e)
	assert.Nil(t, result)
	assert.Equal(t, m.name, e.Op)
	if sent && !m.read {
		assert.ErrorIs(t, err, authing.ErrOutcomeUnknown)
	} else {
		assert.NotErrorIs(t, err, authing.ErrOutcomeUnknown)
	}
	return e
}

// isGET reports whether the request has no body, which net/http would send again.
func (m remoteMethod) isGET() bool {
	return m.name == "GetVerificationCode" && !m.v3 || m.name == "User" && m.v3
}

// arrivals is how often the request is sent to a service that fails with transient errors.
func (m remoteMethod) arrivals() int {
	if m.read {
		return 2
	}
	return 1
}

// succeed responds to the requests of one call after another.
func (m remoteMethod) succeed() httpmock.Responder {
	var requests atomic.Int32
	return func(*http.Request) (*http.Response, error) {
		return newResponse(http.StatusOK, m.responses[int(requests.Add(1)-1)%len(m.responses)]), nil
	}
}

// prepared responds to the requests before the row's own and passes that one, and those after it, to next.
func (m remoteMethod) prepared(next transportFunc) transportFunc {
	var (
		requests atomic.Int32
		succeed  = m.succeed()
	)
	return func(r *http.Request) (*http.Response, error) {
		if int(requests.Add(1)) <= m.step {
			return succeed(r)
		}
		return next(r)
	}
}

// setupFailing returns a client whose request of the row gets its response from respond, and a function that returns that
// request and those after it.
func (m remoteMethod) setupFailing(t *testing.T, respond httpmock.Responder, opts ...option) (pair, func() []testkit.Exchange) {
	t.Helper()
	client, got := setupResponder(t, httpmock.Responder(m.prepared(transportFunc(respond))), opts...)
	return client.As(canaryToken), func() []testkit.Exchange {
		all := got.All()
		return all[min(m.step, len(all)):]
	}
}
