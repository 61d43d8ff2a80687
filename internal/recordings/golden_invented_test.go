package recordings_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// invention is a case made out of a recorded one: what the original makes of it follows from its rules.
type invention struct {
	base   string
	change func(*recordedCase)
}

// answered changes the last answer of the last step, and how the original settles on it.
func answered(status int, body, kind, value string, defects ...string) func(*recordedCase) {
	return func(c *recordedCase) {
		step := &c.Steps[len(c.Steps)-1]
		step.Answers[len(step.Answers)-1] = serverAnswer{Status: status, Body: body}
		step.settle(kind, value, defects...)
	}
}

func (s *recordedStep) settle(kind, value string, defects ...string) {
	s.Outcome.Kind, s.Outcome.Value, s.JSDefects = kind, json.RawMessage(value), defects
}

// given changes an option, and the variable that the original makes of it.
func given(name string, value any) func(*recordedCase) {
	return func(c *recordedCase) {
		step := &c.Steps[0]
		step.Args[0].(map[string]any)[name] = value
		q := &step.Sent[0].GraphQL
		q.Variables[name] = value
	}
}

// withoutToken makes a sequence begin with a login that brings no token, by GraphQL if there is a field. The original
// then acts as nobody.
func withoutToken(field, held string) func(*recordedCase) {
	const user = `{"_id":"u","token":null}`
	return func(c *recordedCase) {
		c.StateBefore.Token = held
		login := &c.Steps[0]
		login.Answers[0].Body = `{"code":200,"data":` + user + `}`
		if field != "" {
			login.Answers[0].Body = `{"data":{"` + field + `":` + user + `}}`
			if held != "" {
				login.Sent[0].Headers["authorization"] = "Bearer " + held
			}
		}
		login.settle("resolved", user)
		for i := range c.Steps {
			step := &c.Steps[i]
			step.StoredTokenAfter = nil
			for j := range step.Sent {
				if i > 0 {
					delete(step.Sent[j].Headers, "authorization")
				}
			}
			if notSignedIn := held == "" && field == ""; notSignedIn && step.Method == "bindPhone" {
				step.settle("rejected", `"`+loginFirst+`"`, "sends-though-rejected-locally")
			}
		}
	}
}

// inventions are what the recordings have no case of, although they could.
func inventions() map[string]invention {
	const (
		soft      = `{"code":2300,"message":"expired","status":false}`
		crash     = `{"$js":"Error","name":"TypeError","message":"…"}`
		whole     = `{"_id":"u","token":"a.b.c"}`
		spaced    = `{"_id":"u","token":"a b"}`
		moreKeys  = `{"code":2012,"message":"invalid code","requestId":"r1"}`
		threeKeys = `{"code":2012,"message":"invalid code","data":{"errcode":40029},"requestId":"r1"}`
		textual   = `{"status":"true","code":200,"message":"ok"}`
	)
	all := map[string]invention{
		"soft refusal of loginByLDAP": {"v3/loginByLDAP/200-data",
			answered(200, `{"data":{"LoginByLDAP":`+soft+`}}`, "rejected", crash, "engine-error-leaks")},
		"soft refusal of revokeAuthedApp": {"v3/revokeAuthedApp/basic",
			answered(200, `{"data":{"RevokeUserAuthorizedApp":`+soft+`}}`, "threw", crash, "engine-error-leaks")},
		"soft refusal of changeAvatar": {"v3/changeAvatar/all-ok",
			answered(200, `{"data":{"updateUser":`+soft+`}}`, "resolved", soft)},
		"soft refusal without a code": {"v3/user/200-data",
			answered(200, `{"data":{"user":{"status":false}}}`, "resolved", `{"status":false}`)},
		"notice without a code": {"v3/sendResetPasswordEmail/200-data",
			answered(200, `{"data":{"sendResetPasswordEmail":{"message":"ok","code":null}}}`, "resolved", `{"message":"ok","code":null}`)},
		"notice with a false status": {"v3/sendResetPasswordEmail/200-data",
			answered(200, `{"data":{"sendResetPasswordEmail":{"message":"no","status":false}}}`, "resolved", `{"message":"no","status":false}`)},

		"refusal with further keys": {"v3/bindPhone/200-code2012-message",
			answered(200, moreKeys, "rejected", moreKeys)},
		"refusal with data and further keys": {"v3/bindPhone/200-code2012-message",
			answered(200, threeKeys, "rejected", `{"errcode":40029}`, "code-and-message-lost")},
		"refusal with null data and further keys": {"v3/bindPhone/200-code2012-message",
			answered(401, `{"code":2020,"message":"m","data":null,"at":1}`, "rejected", `{"code":2020,"message":"m","data":null,"at":1}`)},
		"refusal without a readable code": {"v3/bindPhone/200-code2012-message",
			answered(400, `{"code":"E1","message":"m"}`, "rejected", `{"code":"E1","message":"m"}`)},
		"code with a fraction of zeros": {"v3/bindPhone/200-code200-user",
			answered(200, `{"code":200.0,"data":{"_id":"u"}}`, "resolved", `{"_id":"u"}`)},
		"code with a fraction": {"v3/bindPhone/200-code200-user",
			answered(200, `{"code":200.5,"message":"m"}`, "rejected", `{"code":200.5,"message":"m"}`)},
		"GraphQL error with a code beside the message": {"v3/user/200-data",
			answered(200, `{"errors":[{"message":"no","code":2020,"data":{"a":1}}]}`, "rejected", `"no"`)},
		"good data under HTTP 201": {"v3/login/200-data",
			answered(201, `{"data":{"login":`+whole+`}}`, "pending", `null`, "never-settles")},
		"good data under HTTP 500": {"v3/user/200-data",
			answered(500, `{"data":{"user":`+whole+`}}`, "pending", `null`, "never-settles")},
		"errors of another type": {"v3/user/200-data",
			answered(500, `{"code":500,"message":"m","errors":"many"}`, "pending", `null`, "never-settles")},

		"token with white space by REST": {"v3/loginWithWxapp/200-code200-user",
			answered(200, `{"code":200,"data":`+spaced+`}`, "resolved", spaced)},
		"token with white space by GraphQL": {"v3/login/200-data",
			answered(200, `{"data":{"login":`+spaced+`}}`, "resolved", spaced)},
		"status that is a text": {"v3/checkLoginStatus/200-data",
			answered(200, `{"data":{"checkLoginStatus":`+textual+`}}`, "resolved", textual)},
		"user whose flag is a text": {"v3/user/200-data",
			answered(200, `{"data":{"user":{"_id":"u","blocked":"no"}}}`, "resolved", `{"_id":"u","blocked":"no"}`)},

		"image that exists": {"v3/changeAvatar/upload-401",
			answered(614, `{"error":"file exists"}`, "pending", `null`, "never-settles")},
		"upload that failed but has a key": {"v3/changeAvatar/all-ok", func(c *recordedCase) {
			c.Steps[0].Answers[1] = serverAnswer{Status: 500, Body: `{"key":"k.png"}`}
		}},
		"upload without a token": {"v3/changeAvatar/upload-401", func(c *recordedCase) {
			c.Steps[0].Answers[0] = serverAnswer{Status: 200, Body: `{"data":{"qiNiuUploadToken":null}}`}
		}},

		"control character in an unknown option":          {"v3/register/unknown-key", given("phone", "1\n2")},
		"control character in an unknown option of login": {"v3/login/email", given("extra", "1\n2")},
		"control character in an option":                  {"v3/login/email", given("lastIP", "1\n2")},
		"null in an update":                               {"v3/update/nickname", given("nickname", nil)},
		"null for a phone": {"v3/loginWithWxapp/with-phone", func(c *recordedCase) {
			c.Steps[0].Args[0].(map[string]any)["phone"] = nil
			c.Steps[0].Sent[0].Body.(map[string]any)["phone"] = nil
		}},
		"logins beyond Int": {"v3/update/nickname", given("loginsCount", 2147483648.0)},
	}
	for _, held := range []string{"", "tok.fixture.AAA"} {
		all["login without a token, holding "+held] = invention{"v3/sequence/login-logout-user", withoutToken("login", held)}
		all["wxapp login without a token, holding "+held] = invention{"v3/sequence/wxlogin-status-bind", withoutToken("", held)}
	}
	for method, field := range map[string]string{
		"login": "login", "loginByPhoneCode": "login", "user": "user", "update": "updateUser", "logout": "updateUser",
		"register": "register", "changePassword": "changePassword", "unbindEmail": "unbindEmail", "metadata": "userMetadata",
		"setMetadata": "setUserMetadata", "removeMetadata": "removeUserMetadata",
		"verifyResetPasswordVerifyCode": "verifyResetPasswordVerifyCode",
	} {
		all["soft refusal of "+method] = invention{
			"v3/" + method + "/200-data", answered(200, `{"data":{"`+field+`":`+soft+`}}`, "resolved", soft),
		}
	}
	return all
}

func TestGoldenInvented(t *testing.T) {
	t.Parallel()
	recorded := map[string]recordedCase{}
	for _, file := range recordings(t) {
		for _, c := range load(t, file).Cases {
			recorded[c.ID] = c
		}
	}
	for name, invented := range inventions() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, recorded, invented.base)
			c := clone(t, recorded[invented.base])
			invented.change(&c)
			found, unmade := differencesIn(c)
			assert.Empty(t, found)
			assert.Zero(t, unmade)
		})
	}
}
