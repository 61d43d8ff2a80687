package authing_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/testkit"
)

func readUser(t testing.TB, in string) authing.User {
	t.Helper()
	var u authing.User
	require.NoError(t, json.Unmarshal([]byte(in), &u), in)
	return u
}

// assertSameUser compares everything but Raw.
func assertSameUser(t testing.TB, want, got authing.User) {
	t.Helper()
	assert.Equal(t, asJSON(t, want), asJSON(t, got))
	for name, pair := range map[string][2]authing.Timestamp{
		"TokenExpiredAt":  {want.TokenExpiredAt, got.TokenExpiredAt},
		"LastLogin":       {want.LastLogin, got.LastLogin},
		"SignedUp":        {want.SignedUp, got.SignedUp},
		"Group.CreatedAt": {want.Group.CreatedAt, got.Group.CreatedAt},
	} {
		assert.True(t, pair[0].Equal(pair[1].Time), "%s: %v and %v", name, pair[0], pair[1])
	}
}

func TestUserFromREST(t *testing.T) {
	t.Parallel()
	u := readUser(t, annUser)
	assert.Equal(t, annUser, string(u.Raw()))
	assert.True(t, u.LastLogin.Equal(moment(t, "2020-02-27T05:33:20.796Z")))
	assert.True(t, u.SignedUp.Equal(moment(t, "2020-02-27T05:30:55.875Z")))
	assert.True(t, u.TokenExpiredAt.Equal(moment(t, "2020-03-13T05:33:20Z")))
	assertSameUser(t, authing.User{
		ID: annID, Username: "Ann", Nickname: "Ann", Photo: "https://usercontents.authing.cn/a.png", LoginsCount: 2,
		RegisterMethod: "oauth:wxapp", OAuth: `{"nickName":"Ann","gender":1,"openid":"o-1","unionid":"u-1"}`, UnionID: "u-1",
		OpenID: "o-1", LastIP: "::ffff:192.0.2.6", Token: "h.p.s",
		LastLogin:      authing.Timestamp{Time: u.LastLogin.Time, Text: "2020-02-27T05:33:20.796Z"},
		SignedUp:       authing.Timestamp{Time: u.SignedUp.Time, Text: "2020-02-27T05:30:55.875Z"},
		TokenExpiredAt: authing.Timestamp{Time: u.TokenExpiredAt.Time, Text: "2020-03-13T05:33:20.000Z"},
	}, u)

	profile, ok := u.WxProfile()
	require.True(t, ok)
	assert.Equal(t, &authing.WxUserInfo{NickName: "Ann", Gender: 1, OpenID: "o-1", UnionID: "u-1"}, profile)
}

func TestUserEveryField(t *testing.T) {
	t.Parallel()
	const in = `{"_id":"1","email":"a@example.com","emailVerified":true,"phone":"13800000000","phoneVerified":true,"username":"un",` +
		`"nickname":"nn","company":"co","photo":"ph","browser":"br","device":"de","unionid":"ui","openid":"oi","oauth":"{}",` +
		`"registerInClient":"rc","registerMethod":"rm","token":"h.p.s","loginsCount":3,"lastIP":"192.0.2.1","blocked":true,` +
		`"isDeleted":true,"tokenExpiredAt":"2020-03-13T05:33:20Z","lastLogin":"2020-02-27T05:33:20Z","signedUp":"2020-02-27T05:30:55Z",` +
		`"group":{"_id":"g1","name":"admins","descriptions":"all","createdAt":"2019-01-01T00:00:00Z"}}`
	u := readUser(t, in)
	assert.Equal(t, "co", u.Company)
	assert.Equal(t, "br", u.Browser)
	assert.Equal(t, "de", u.Device)
	assert.True(t, u.PhoneVerified && u.EmailVerified && u.Blocked && u.IsDeleted)
	assert.Equal(t, "g1", u.Group.ID)
	assert.Equal(t, "all", u.Group.Descriptions)
	assert.True(t, u.Group.CreatedAt.Equal(moment(t, "2019-01-01T00:00:00Z")))
	assert.JSONEq(t, in, asJSON(t, u), "every field and nothing else")
	assertSameUser(t, u, readUser(t, asJSON(t, u)))
}

func TestUserZeroValuesAreLeftOut(t *testing.T) {
	t.Parallel()
	assert.Equal(t, `{}`, asJSON(t, authing.User{}))
	assert.Equal(t, `{"group":{"name":"admins"}}`, asJSON(t, authing.User{Group: authing.Group{Name: "admins"}}))
	assert.Equal(t, `{"_id":"1"}`, asJSON(t, &authing.User{ID: "1"}))
	byHand := authing.User{ID: "1", SignedUp: authing.Timestamp{Time: moment(t, "2020-02-27T13:33:20+08:00")}}
	assert.Equal(t, `{"_id":"1","signedUp":"2020-02-27T13:33:20+08:00"}`, asJSON(t, byHand))
	assert.True(t, readUser(t, asJSON(t, byHand)).SignedUp.Equal(byHand.SignedUp.Time))
}

func TestUserID(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"_id":"a"}`:            "a",
		`{"id":"b"}`:             "b",
		`{"_id":"a","id":"a"}`:   "a",
		`{"id":"b","_id":"a"}`:   "a",
		`{"_id":null,"id":"b"}`:  "b",
		`{"_id":"","id":"b"}`:    "b",
		`{"_id":null,"id":null}`: "",
		`{}`:                     "",
	} {
		assert.Equal(t, want, readUser(t, in).ID, in)
	}
	assert.Equal(t, `{"_id":"b"}`, asJSON(t, readUser(t, `{"id":"b"}`)))
}

func TestUserNullsAndUnknownFields(t *testing.T) {
	t.Parallel()
	var nulls []string
	for _, name := range []string{
		"_id", "id", "email", "emailVerified", "phone", "phoneVerified", "username", "nickname", "company", "photo", "browser",
		"device", "unionid", "openid", "oauth", "registerInClient", "registerMethod", "token", "tokenExpiredAt", "loginsCount",
		"lastLogin", "lastIP", "signedUp", "blocked", "isDeleted", "group",
	} {
		nulls = append(nulls, `"`+name+`":null`)
	}
	u := readUser(t, "{"+strings.Join(nulls, ",")+"}")
	assert.Equal(t, `{}`, asJSON(t, u))

	const in = `{ "_id":"1", "metadata":"\"\"", "userLocation":[], "__v":0, "identities":[{"provider":"wx"}], "status":null }`
	u = readUser(t, in)
	assert.Equal(t, in, string(u.Raw()))
	var more struct{ Identities []struct{ Provider string } }
	require.NoError(t, json.Unmarshal(u.Raw(), &more))
	assert.Equal(t, "wx", more.Identities[0].Provider)
}

func TestUserBadJSON(t *testing.T) {
	t.Parallel()
	for _, in := range []string{``, `[]`, `"u"`, `{"_id":"1"`, `{"_id":"1","_id":"2"}`} {
		u := authing.User{ID: "kept"}
		assert.Error(t, json.Unmarshal([]byte(in), &u), in)
		assert.Equal(t, "kept", u.ID, "a failure changes nothing")
	}
}

func TestUserRaw(t *testing.T) {
	t.Parallel()
	assert.Nil(t, (&authing.User{ID: "1"}).Raw())

	in := []byte(`{"_id":"1"}`)
	u := readUser(t, string(in))
	u.Raw()[2] = 'X'
	assert.Equal(t, string(in), string(u.Raw()), "Raw returns a copy")

	var reused authing.User
	require.NoError(t, json.Unmarshal(in, &reused))
	copy(in, `{"gone":"9`)
	assert.Equal(t, `{"_id":"1"}`, string(reused.Raw()), "the buffer may be reused")

	const spaced = "{ \"_id\" : \"1\",\n\t\"token\":\"h.p.s\", \"nickname\":\"\\u5f20\\/\" }"
	client, _ := setup(t, 200, "\xef\xbb\xbf {\"data\": "+spaced+" ,\"code\":200}")
	user, err := client.LoginWithWxapp(context.Background(), code, loginDetail)
	require.NoError(t, err)
	assert.Equal(t, "张/", user.Nickname)
	assert.Equal(t, spaced, string(user.Raw()), "byte for byte")
}

func TestWxProfile(t *testing.T) {
	t.Parallel()
	u := authing.User{OAuth: `{"openId":"o-1","unionId":"u-1","nickName":"Ann","avatarUrl":"a","gender":"2","city":"c","province":"p","country":"y","language":"zh_CN","phone":"1"}`}
	profile, ok := u.WxProfile()
	require.True(t, ok)
	assert.Equal(t, &authing.WxUserInfo{
		OpenID: "o-1", UnionID: "u-1", NickName: "Ann", AvatarURL: "a", Gender: 2, City: "c", Province: "p", Country: "y", Language: "zh_CN",
	}, profile)
	for _, none := range []string{"", "null", "{}", "[]", `""`, "no JSON", `{"login":"octocat"}`, `{"nickName":[]}`} {
		profile, ok := (&authing.User{OAuth: none}).WxProfile()
		assert.False(t, ok, none)
		assert.Nil(t, profile, none)
	}
}

func TestTimestamp(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`"2020-02-27T05:33:20.796Z"`:                "2020-02-27T05:33:20.796Z",
		`"Tue Oct 17 2017 21:02:01 GMT+0800 (CST)"`: "2017-10-17T13:02:01Z",
		`1586750416000`:                             "2020-04-13T04:00:16Z",
		`"1586750416123"`:                           "2020-04-13T04:00:16.123Z",
	} {
		var got authing.Timestamp
		require.NoError(t, json.Unmarshal([]byte(in), &got), in)
		assert.True(t, got.Equal(moment(t, want)), "%s: got %s, want %s", in, got.Time, want)
		assert.Equal(t, strings.Trim(in, `"`), got.Text)

		var again authing.Timestamp
		require.NoError(t, json.Unmarshal([]byte(asJSON(t, got)), &again))
		assert.True(t, got.Equal(again.Time), in)
		assert.Equal(t, got.Text, again.Text)
	}
	for in, text := range map[string]string{
		`"Invalid date"`: "Invalid date", `""`: "", `null`: "", `"0"`: "0", `0`: "0", `0.5`: "0.5",
	} {
		var got authing.Timestamp
		require.NoError(t, json.Unmarshal([]byte(in), &got), in)
		assert.True(t, got.IsZero(), in)
		assert.Equal(t, text, got.Text, in)
		assert.Equal(t, asJSON(t, text), asJSON(t, got), in)
	}
	for _, in := range []string{`{}`, `[]`} {
		var got authing.Timestamp
		require.NoError(t, json.Unmarshal([]byte(in), &got), in)
		assert.Equal(t, authing.Timestamp{}, got, in)
	}
	assert.Error(t, new(authing.Timestamp).UnmarshalJSON([]byte(`"`)))
	assert.Equal(t, `""`, asJSON(t, authing.Timestamp{}))
}

func TestUserByID(t *testing.T) {
	t.Parallel()
	wantAnn(t, operationCall[*authing.User]{
		do: func(ctx context.Context, c *authing.Client) (*authing.User, error) {
			return c.User(ctx, "u1")
		},
		operation: "query user", variables: `{"id":"u1","registerInClient":"` + pool + `"}`,
		field: "user", result: annGraphQL,
	}.check(t))

	for _, result := range []string{`null`, `{}`, `{"_id":null,"email":"ann@example.com"}`} {
		client, _ := setup(t, 200, graphqlData("user", result))
		user, err := client.As(token).User(context.Background(), "u1")
		assert.Nil(t, user)
		assertOnly(t, authing.ErrBadResponse, err, "a read: "+result)
	}
}

func TestUnbindEmail(t *testing.T) {
	t.Parallel()
	wantAnn(t, operationCall[*authing.User]{
		do: func(ctx context.Context, c *authing.Client) (*authing.User, error) {
			return c.UnbindEmail(ctx, "u1")
		},
		operation: "mutation unbindEmail", variables: `{"user":"u1","client":"` + pool + `"}`,
		field: "unbindEmail", result: annGraphQL,
	}.check(t))

	for n, text := range map[int]string{2217: "the only way left to sign in", 2219: "the user has no e-mail address"} {
		client, _ := setup(t, 200, fmt.Sprintf(`{"errors":[{"message":{"code":%d,"message":"said","data":null}}]}`, n))
		_, err := client.As(token).UnbindEmail(context.Background(), "u1")
		assertOnly(t, nil, err, "a refusal")
		assert.Contains(t, err.Error(), text)
		assert.Equal(t, n, requireError(t, err).Code)
	}
}

// updateFields are the fields that can be updated alone, with their GraphQL type, a value and the zero value as JSON.
var updateFields = []struct{ name, typ, value, zero string }{
	{"email", "String", `"ann@example.com"`, `""`},
	{"emailVerified", "Boolean", `true`, `false`},
	{"username", "String", `"ann"`, `""`},
	{"nickname", "String", `"Ann 词 \"A\""`, `""`},
	{"company", "String", `"Shop"`, `""`},
	{"photo", "String", `"https://x/p.png"`, `""`},
	{"phone", "String", `"13800000000"`, `""`},
	{"browser", "String", `"b"`, `""`},
	{"token", "String", `"h.p.s"`, `""`},
	{"tokenExpiredAt", "String", `"0"`, `""`},
	{"loginsCount", "Int", `7`, `0`},
	{"lastLogin", "String", `"2018-01-12T05:55:25Z"`, `""`},
	{"lastIP", "String", `"192.0.2.1"`, `""`},
	{"signedUp", "String", `"2018-01-12T05:55:25Z"`, `""`},
	{"blocked", "Boolean", `true`, `false`},
	{"isDeleted", "Boolean", `true`, `false`},
}

// checkUpdate makes an update with fields, a JSON object, and checks that exactly these are declared, passed and sent.
// encoding/json finds the fields of UserUpdate because it ignores case.
func checkUpdate(t *testing.T, fields string, types map[string]string) {
	t.Helper()
	var update authing.UserUpdate
	require.NoError(t, json.Unmarshal([]byte(fields), &update))
	given := asJSON(t, update)
	client, got := setup(t, 200, graphqlData("updateUser", annGraphQL), authing.WithPublicKey(testkit.PublicKeyPEM(t)))
	user, err := client.As(token).Update(context.Background(), "u1", update)
	require.NoError(t, err)
	wantAnn(t, user)
	assert.Equal(t, given, asJSON(t, update), "the arguments do not change")

	sent := got.Only(t)
	assert.Equal(t, "POST https://users.authing.cn/graphql", sent.Line)
	assert.Equal(t, []string{"Bearer " + string(token)}, sent.Header["Authorization"])
	q := testkit.ParseGraphQL(t, sent.Body)
	assert.Equal(t, "mutation UpdateUser", q.Kind+" "+q.Name)

	declared := map[string]string{"_id": "String!", "registerInClient": "String!"}
	maps.Copy(declared, types)
	assert.Equal(t, declared, q.Declared)
	passed := map[string]any{}
	for name := range declared {
		passed[name] = map[string]any{"$var": name}
	}
	assert.Equal(t, []testkit.RootField{{Field: "updateUser", Arguments: map[string]any{"options": passed}}}, q.RootFields)

	for name, value := range q.Variables {
		if onWire, _ := value.(string); strings.HasSuffix(strings.ToLower(name), "password") {
			q.Variables[name] = testkit.DecryptPassword(t, onWire)
		}
	}
	var want map[string]any
	require.NoError(t, json.Unmarshal([]byte(fields), &want))
	want["_id"], want["registerInClient"] = "u1", pool
	assert.Equal(t, want, q.Variables)
}

func TestUpdateFields(t *testing.T) {
	t.Parallel()
	for _, field := range updateFields {
		t.Run(field.name, func(t *testing.T) {
			t.Parallel()
			types := map[string]string{field.name: field.typ}
			checkUpdate(t, `{"`+field.name+`":`+field.value+`}`, types)
			checkUpdate(t, `{"`+field.name+`":`+field.zero+`}`, types)
		})
	}
}

func TestUpdateAllFields(t *testing.T) {
	t.Parallel()
	passwords := map[string]string{"password": "String", "oldPassword": "String"}
	checkUpdate(t, `{"password":"neu 密码","oldPassword":"old"}`, passwords)

	values, zeros, types := []string{}, []string{}, map[string]string{}
	for _, field := range updateFields {
		values = append(values, `"`+field.name+`":`+field.value)
		zeros = append(zeros, `"`+field.name+`":`+field.zero)
		types[field.name] = field.typ
	}
	checkUpdate(t, `{}`, nil)
	checkUpdate(t, `{`+strings.Join(zeros, ",")+`}`, types)
	maps.Copy(types, passwords)
	checkUpdate(t, `{`+strings.Join(values, ",")+`,"password":"new","oldPassword":"old"}`, types)
	assert.Len(t, types, reflect.TypeFor[authing.UserUpdate]().NumField(), "the table has every field")
}

func TestUpdateRefusals(t *testing.T) {
	t.Parallel()
	update := authing.UserUpdate{Nickname: authing.Ptr("Ann")}
	for n, sentinel := range map[int]error{2203: authing.ErrWrongPassword, 2020: authing.ErrLoginRequired, 2200: authing.ErrEmailTaken, 2225: nil, 2202: nil} {
		client, _ := setup(t, 200, fmt.Sprintf(`{"errors":[{"message":{"code":%d,"message":"said","data":null}}]}`, n))
		_, err := client.As(token).Update(context.Background(), "u1", update)
		assertOnly(t, sentinel, err, err.Error())
		assert.Equal(t, "Update", requireError(t, err).Op)
	}
	client, _ := setup(t, 200, `{"data":{"updateUser":{"nickname":"Ann"}}}`)
	_, err := client.As(token).Update(context.Background(), "u1", update)
	wantIncomplete(t, err, "no id")
}

func TestLoginsCountLimits(t *testing.T) {
	t.Parallel()
	for _, count := range []int{math.MaxInt32, math.MinInt32} {
		client, got := setup(t, 200, `{}`)
		client.As(token).Update(t.Context(), "u1", authing.UserUpdate{LoginsCount: &count})
		assert.Contains(t, got.Only(t).Body, strconv.Itoa(count))
	}
}

func TestUserBadInput(t *testing.T) {
	t.Parallel()
	c, got := setup(t, 200, `{}`)
	c = c.As(token)
	ctx := context.Background()
	update := func(id string, u authing.UserUpdate) error { return errorOf(c.Update(ctx, id, u)) }
	secret, empty := authing.Ptr(authing.Secret("secret")), authing.Ptr(authing.Secret(""))
	rejections := []rejection{
		{errorOf(c.User(ctx, "")), "the user id is empty"},
		{errorOf(c.User(ctx, "u\n")), "the user id contains"},
		{errorOf(c.UnbindEmail(ctx, "")), "the user id is empty"},
		{errorOf(c.UnbindEmail(ctx, "u\n")), "the user id contains"},
		{update("", authing.UserUpdate{}), "the user id is empty"},
		{update("u\n", authing.UserUpdate{}), "the user id contains"},
		{update("u1", authing.UserUpdate{Email: authing.Ptr("a\x00")}), "the email contains"},
		{update("u1", authing.UserUpdate{Username: authing.Ptr("a\x00")}), "the username contains"},
		{update("u1", authing.UserUpdate{Phone: authing.Ptr("a\x00")}), "the phone contains"},
		{update("u1", authing.UserUpdate{Token: authing.Ptr(authing.Secret("a\x00"))}), "the token contains"},
		{update("u1", authing.UserUpdate{Password: secret}), "Password and OldPassword go together"},
		{update("u1", authing.UserUpdate{OldPassword: secret}), "Password and OldPassword go together"},
		{update("u1", authing.UserUpdate{Password: empty, OldPassword: secret}), "the password is empty"},
		{update("u1", authing.UserUpdate{Password: secret, OldPassword: empty}), "the password is empty"},
	}
	if beyond, ok := beyondInt32(); ok {
		rejections = append(rejections,
			rejection{update("u1", authing.UserUpdate{LoginsCount: &beyond}), "LoginsCount is larger than the service can read"},
			rejection{update("u1", authing.UserUpdate{LoginsCount: authing.Ptr(-beyond - 1)}), "LoginsCount is larger than the service can read"})
	}
	wantRejections(t, got, rejections)
}

func FuzzUser(f *testing.F) {
	for _, seed := range []string{
		annUser, `{}`, `null`, `{"id":"b","loginsCount":"2","lastLogin":"Tue Oct 17 2017 21:02:01 GMT+0800 (CST)"}`,
		`{"_id":"a","group":{"name":"g","createdAt":1586750416000},"tokenExpiredAt":"Invalid date","signedUp":null}`,
		`{"_id":"a","token":"\ud800","oauth":"{}","lastLogin":"0"}`, `{"ID":"c","_ID":"d","EMAIL":"e"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var user, again authing.User
		if json.Unmarshal(b, &user) != nil {
			return
		}
		user.WxProfile()
		written := asJSON(t, user)
		require.NoError(t, json.Unmarshal([]byte(written), &again))
		assertSameUser(t, user, again)
		assert.Equal(t, user.Token, again.Token)
		assert.Equal(t, written, string(again.Raw()))
	})
}

func FuzzTimestamp(f *testing.F) {
	for _, seed := range []string{
		"2020-02-27T05:33:20.796Z", "2017-06-07T14:34:08.700", "Tue Oct 17 2017 21:02:01 GMT+0800 (China Standard Time)",
		"Fri May 31 2019 08:48:07 GMT 0800 (CST)", "Invalid date", "", "0", "1586750416000", "-1", "1e15", "0x1p-2", "9999-12-31T23:59:59-23:59",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return // not possible in JSON
		}
		var read, again authing.Timestamp
		require.NoError(t, json.Unmarshal([]byte(asJSON(t, text)), &read))
		assert.Equal(t, text, read.Text)
		require.NoError(t, json.Unmarshal([]byte(asJSON(t, read)), &again))
		assert.Equal(t, text, again.Text)
		assert.True(t, read.Equal(again.Time))
	})
}

// Only what a call promises decides about it. An odd field is read as what it can only mean, or left out and kept in Raw.
func TestOddFieldsDoNotCostTheLogin(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]authing.User{
		`"emailVerified":"true"`:   {EmailVerified: true},
		`"emailVerified":1`:        {EmailVerified: true},
		`"blocked":0`:              {},
		`"blocked":"no"`:           {},
		`"isDeleted":[]`:           {},
		`"phone":13800138000`:      {Phone: "13800138000"},
		`"nickname":true`:          {},
		`"nickname":{"zh":"安"}`:    {},
		`"company":[]`:             {},
		`"group":[]`:               {},
		`"group":"staff"`:          {},
		`"group":{"name":7}`:       {Group: authing.Group{Name: "7"}},
		`"oauth":{"nickName":"A"}`: {},
		`"lastLogin":{}`:           {},
		`"loginsCount":"many"`:     {},
		`"loginsCount":2.5`:        {},
		`"loginsCount":"7"`:        {LoginsCount: 7},
		`"NICKNAME":"A"`:           {},
	} {
		data := `{"_id":"u1","token":"h.p.s",` + field + `}`
		want.ID, want.Token = "u1", "h.p.s"
		client, _ := setup(t, 200, `{"code":200,"data":`+data+`}`)
		user, err := client.LoginWithWxapp(context.Background(), code, loginDetail)
		require.NoError(t, err, field)
		assert.Equal(t, asJSON(t, want), asJSON(t, user), field)
		assert.Equal(t, data, string(user.Raw()), field)
	}
}

// A call that promises no token does not fail for an odd one.
func TestOddTokenBesideAUser(t *testing.T) {
	t.Parallel()
	for _, odd := range []string{"false", "5", "{}", "[]", "null"} {
		client, _ := setup(t, 200, graphqlData("user", `{"_id":"u1","token":`+odd+`}`))
		user, err := client.As(token).User(context.Background(), "u1")
		require.NoError(t, err, odd)
		assert.Empty(t, user.Token, odd)
	}
}

// Two users in one response must not become one.
func TestDuplicateKeysAreRejected(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"code":200,"data":{"_id":"u1","token":"h.p.s"},"data":{"_id":"u2"}}`,
		`{"code":200,"data":{"_id":"u1","token":"h.p.s","token":"x.y.z"}}`,
		`{"code":200,"code":200,"data":{"_id":"u1","token":"h.p.s"}}`,
		`{"CODE":200,"data":{"_id":"u1","token":"h.p.s"}}`,
		`{"code":200,"data":{"_ID":"u1","TOKEN":"h.p.s"}}`,
	} {
		client, _ := setup(t, 200, body)
		_, err := client.LoginWithWxapp(context.Background(), code, loginDetail)
		require.ErrorIs(t, err, authing.ErrBadResponse, body)
		require.ErrorIs(t, err, authing.ErrOutcomeUnknown, body)
	}
}
