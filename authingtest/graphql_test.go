package authingtest_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

// graphqlRequest returns a GraphQL request to the users host, in the form the original SDK sends.
func graphqlRequest(srv *authingtest.Server, body string, authorization ...string) rawRequest {
	header := http.Header{"Content-Type": {"application/json"}}
	if authorization != nil {
		header["Authorization"] = authorization
	}
	return rawRequest{"POST", srv.UsersURL(), "/graphql", body, header}
}

func query(document, variables string) string {
	if variables == "" {
		return `{"query":` + strconv.Quote(document) + `}`
	}
	return `{"query":` + strconv.Quote(document) + `,"variables":` + variables + `}`
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	srv, _ := setup(t, authingtest.Options{UserPoolID: "pool-1", Secret: "s3cret"})
	srv.AddUser(authing.User{Phone: "13900000000"})
	const login = `mutation login($phone: String, $phoneCode: Int, $registerInClient: String!) {
		login(phone: $phone, phoneCode: $phoneCode, registerInClient: $registerInClient) { _id } }`
	const register = `mutation register($registerInClient: String!, $forceLogin: Boolean) {
		register(userInfo: {registerInClient: $registerInClient, forceLogin: $forceLogin, unionid: "u"}) { __typename who: unionid } }`
	const metadata = `mutation set($input: SetUserMetadataInput!) { setUserMetadata(input: $input) { totalCount } }`
	wrongCode := `{"data":{"login":null},"errors":[{"message":{"code":2001,"message":"验证码验证失败(验证码错误)","data":null}}]}`
	notSignedIn := `{"data":{"setUserMetadata":null},"errors":[{"message":{"code":2020,"message":"尚未登录，无权限访问此请求","data":null}}]}`
	exists := func(selection string) string {
		return query(`query { userExist(userPoolId: "pool-1", phone: "13900000000") `+selection+`}`, "")
	}
	for name, tt := range map[string]struct {
		body     string
		status   int
		response string // JSON, or a substring
	}{
		"anonymous":      {exists(""), 200, `{"data":{"userExist":true}}`},
		"null variables": {query(`query { userExist(userPoolId: "pool-1", phone: "1") }`, "null"), 200, `{"data":{"userExist":false}}`},
		"alias":          {query(`{ a: userExist(userPoolId: "pool-1"), b: userExist(userPoolId: "pool-1") }`, ""), 200, `{"data":{"a":false,"b":false}}`},
		"__typename":     {query(register, `{"registerInClient":"pool-1"}`), 200, `{"data":{"register":{"__typename":"ExtendUser","who":"u"}}}`},
		"partial error":  {query(`{ a: userExist(userPoolId: "pool-1"), b: userExist(userPoolId: "x") }`, ""), 200, `{"data":{"a":false,"b":null},"errors":[{"message":{"code":2224,"message":"用户池不存在","data":null}}]}`},
		"fragments":      {query(`{ checkLoginStatus { ...F ... on LoginStatus { message status } } } fragment F on LoginStatus { code status }`, ""), 200, `{"data":{"checkLoginStatus":{"code":2020,"message":"未登录","status":false}}}`},
		"merged selections": {query(`mutation { register(userInfo: {registerInClient: "pool-1", unionid: "u2"}) {
			group { name } group { descriptions } } }`, ""), 200, `{"data":{"register":{"group":{"name":"默认分组","descriptions":""}}}}`},
		"skip and include":     {query(`query q($no: Boolean!) { checkLoginStatus { code @include(if: $no) message @skip(if: true) status @skip(if: $no) } }`, `{"no":false}`), 200, `{"data":{"checkLoginStatus":{"status":false}}}`},
		"all fields skipped":   {query(`{ checkLoginStatus @skip(if: true) { code } }`, ""), 200, `{"data":{}}`},
		"undeclared variables": {query(login, `{"registerInClient":"pool-1","phone":"1","phoneCode":1,"nonsense":{"a":[1]}}`), 200, wrongCode},
		"phoneCode null":       {query(login, `{"registerInClient":"pool-1","phone":"1","phoneCode":null}`), 200, wrongCode},
		"phoneCode absent":     {query(login, `{"registerInClient":"pool-1","phone":"1"}`), 200, wrongCode},
		"phoneCode inline":     {query(`mutation { login(registerInClient: "pool-1", phone: "1", phoneCode: 12) { _id } }`, ""), 200, wrongCode},
		"default value":        {query(`query q($p: String! = "pool-1") { userExist(userPoolId: $p) }`, ""), 200, `{"data":{"userExist":false}}`},
		"operationName": {`{"query":"query a { checkLoginStatus { code } } query b { checkLoginStatus { status } }","operationName":"b"}`,
			200, `{"data":{"checkLoginStatus":{"status":false}}}`},
		"input object": {query(metadata, `{"input":{"_id":"x","key":"k","value":"v"}}`), 200, notSignedIn},

		"phoneCode as string":         {query(login, `{"registerInClient":"pool-1","phone":"1","phoneCode":"12"}`), 400, `"Variable \"$phoneCode\" got invalid value \"12\"; Int cannot represent value: \"12\""`},
		"phoneCode as a fraction":     {query(login, `{"registerInClient":"pool-1","phone":"1","phoneCode":1.5}`), 400, `Int cannot represent`},
		"phoneCode too large":         {query(login, `{"registerInClient":"pool-1","phone":"1","phoneCode":2147483648}`), 400, `Int cannot represent`},
		"phoneCode inline, string":    {query(`mutation { login(registerInClient: "pool-1", phoneCode: "12") { _id } }`, ""), 400, `Int cannot represent`},
		"phoneCode inline, large":     {query(`mutation { login(registerInClient: "pool-1", phoneCode: 99999999999999999999) { _id } }`, ""), 400, `Int cannot represent non 32-bit`},
		"number for String":           {query(login, `{"registerInClient":1}`), 400, `String cannot represent value: 1`},
		"string for Boolean":          {query(register, `{"registerInClient":"pool-1","forceLogin":"true"}`), 400, `Boolean cannot represent`},
		"required variable missing":   {query(login, `{}`), 400, `{"errors":[{"message":"Variable \"$registerInClient\" of required type \"String!\" was not provided."}]}`},
		"required variable null":      {query(login, `{"registerInClient":null}`), 400, `$registerInClient`},
		"required argument missing":   {query(`{ userExist }`, ""), 400, `userPoolId`},
		"input field missing":         {query(metadata, `{"input":{"_id":"x","key":"k"}}`), 400, `Field value of required type String! was not provided.`},
		"input field unknown":         {query(metadata, `{"input":{"_id":"x","key":"k","value":"v","x":1}}`), 400, `\"x\" is not defined`},
		"input field null":            {query(metadata, `{"input":{"_id":"x","key":"k","value":null}}`), 400, `at value: Expected non-nullable type String! not to be null.`},
		"input is not an object":      {query(metadata, `{"input":"x"}`), 400, `Expected type SetUserMetadataInput to be an object.`},
		"misspelt field":              {query(`query checkLoginStatus { checkLoginStatus { mesage } }`, ""), 400, `{"errors":[{"message":"Cannot query field \"mesage\" on type \"LoginStatus\". Did you mean \"message\"?"}]}`},
		"misspelt operation":          {query(`{ checkLoginStatuses { code } }`, ""), 400, `Cannot query field \"checkLoginStatuses\"`},
		"misspelt argument":           {query(`{ checkLoginStatus(tokn: "x") { code } }`, ""), 400, `Unknown argument \"tokn\"`},
		"undeclared variable used":    {query(`{ checkLoginStatus(token: $t) { code } }`, ""), 400, `\"$t\" is not defined`},
		"variable of wrong type":      {query(`query q($t: Int) { checkLoginStatus(token: $t) { code } }`, ""), 400, `$t`},
		"no selection":                {query(`{ checkLoginStatus }`, ""), 400, `must have a selection`},
		"selection of a scalar":       {query(`{ checkLoginStatus { code { x } } }`, ""), 400, `\"x\" on type \"Int\"`},
		"query as mutation":           {query(`mutation { checkLoginStatus { code } }`, ""), 400, `Cannot query field`},
		"syntax":                      {query(`{ checkLoginStatus { code }`, ""), 400, `Expected`},
		"several unnamed operations":  {query(`query a { checkLoginStatus { code } } query b { checkLoginStatus { code } }`, ""), 400, `Must provide operation name`},
		"introspection":               {query(`{ __schema { types { name } } }`, ""), 400, `introspection`},
		"no query":                    {`{"variables":{}}`, 400, `{"errors":[{"message":"Must provide query string."}]}`},
		"not JSON":                    {`query { x }`, 400, `"errors"`},
		"data after the JSON":         {exists("") + "x", 400, `POST body sent invalid JSON.`},
		"Query":                       {strings.Replace(exists(""), `"query"`, `"Query"`, 1), 400, `Must provide query string.`},
		"Variables":                   {`{"query":"query q($p: String!) { userExist(userPoolId: $p) }","Variables":{"p":"pool-1"}}`, 400, `was not provided`},
		"variables are not an object": {query(`{ checkLoginStatus { code } }`, `"x"`), 400, `POST body sent invalid JSON.`},
		"operationname": {`{"query":"query a { checkLoginStatus { code } } query b { checkLoginStatus { code } }","operationname":"a"}`,
			400, `Must provide operation name`},
		"LDAP on the users host": {query(`mutation { LoginByLDAP(username: "a", password: "b", clientId: "c") { _id } }`, ""), 400, `Cannot query field \"LoginByLDAP\"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, response := send(t, graphqlRequest(srv, tt.body))
			assert.Equal(t, tt.status, status, response)
			if strings.HasPrefix(tt.response, "{") {
				assert.JSONEq(t, tt.response, response)
				return
			}
			assert.Contains(t, response, tt.response)
			assert.NotContains(t, response, `"data"`)
		})
	}
}

func TestGraphQLHeaders(t *testing.T) {
	t.Parallel()
	srv, _ := setup(t, authingtest.Options{UserPoolID: "pool-1"})
	token := string(srv.AddUser(authing.User{Nickname: "Ann"}).Token)
	metadata := query(`query userMetadata($_id: String!) { userMetadata(_id: $_id) { totalCount } }`,
		`{"_id":"`+srv.Users()[0].ID+`"}`)
	for name, tt := range map[string]struct {
		header []string
		code   string // "": accepted
	}{
		"Bearer":               {[]string{"Bearer " + token}, ""},
		"none":                 {nil, "2020"},
		"empty":                {[]string{""}, "2020"},
		"bare":                 {[]string{token}, "2207"},
		"Bearer undefined":     {[]string{"Bearer undefined"}, "2207"},
		"invalid token":        {[]string{"Bearer " + token + "x"}, "2207"},
		"Bearer without token": {[]string{"Bearer "}, "2207"},
	} {
		status, response := send(t, graphqlRequest(srv, metadata, tt.header...))
		assert.Equal(t, 200, status, name)
		if tt.code == "" {
			assert.JSONEq(t, `{"data":{"userMetadata":{"totalCount":0}}}`, response, name)
			continue
		}
		assert.Contains(t, response, `"code":`+tt.code+`,`, name)
		assert.Contains(t, response, `"data":{"userMetadata":null}`, name)
	}

	req := graphqlRequest(srv, metadata, "Bearer "+token)
	req.header.Set("Content-Type", "text/plain")
	status, _ := send(t, req)
	assert.Equal(t, 400, status)
	req = graphqlRequest(srv, "", "Bearer "+token)
	req.method = "GET"
	status, _ = send(t, req)
	assert.Equal(t, 405, status)
	req = graphqlRequest(srv, metadata, "Bearer "+token)
	req.path = "/"
	status, _ = send(t, req)
	assert.Equal(t, 404, status)
}

// The server supports what the original SDK sends in spite of its defects.
func TestOriginalDefects(t *testing.T) {
	t.Parallel()
	srv, _ := setup(t, authingtest.Options{UserPoolID: "pool-1", Secret: "s3cret"})
	ann := srv.AddUser(authing.User{Email: "ann@example.com", Phone: "13900000000"})
	bearer := "Bearer " + string(ann.Token)

	status, response := send(t, graphqlRequest(srv,
		query(`query { getAccessTokenByAppSecret(secret:"s3cret", clientId:"pool-1") }`, "")))
	require.Equal(t, 200, status)
	var owner struct {
		Data struct{ GetAccessTokenByAppSecret string }
	}
	decodeJSON(t, []byte(response), &owner)
	require.NotEmpty(t, owner.Data.GetAccessTokenByAppSecret)
	_, response = send(t, graphqlRequest(srv, query(`query { getAccessTokenByAppSecret(secret:"x", clientId:"pool-1") }`, "")))
	assert.Contains(t, response, `"code":2011`)

	// The owner has access to all users.
	user := query(`query user($id: String!, $registerInClient: String!) { user(id: $id, registerInClient: $registerInClient) { phone token } }`,
		`{"id":"`+ann.ID+`","registerInClient":"pool-1"}`)
	_, response = send(t, graphqlRequest(srv, user, "Bearer "+owner.Data.GetAccessTokenByAppSecret))
	assert.JSONEq(t, `{"data":{"user":{"phone":"13900000000","token":"`+string(ann.Token)+`"}}}`, response)

	// sendVerifyEmail sends the string "undefined" as its token.
	_, response = send(t, graphqlRequest(srv, query(`mutation sendVerifyEmail($email: String!, $client: String!) {
		sendVerifyEmail(email: $email, client: $client) { message code status } }`,
		`{"email":"ann@example.com","client":"pool-1"}`), "Bearer undefined"))
	assert.JSONEq(t, `{"data":{"sendVerifyEmail":{"message":"发送验证邮件成功","code":null,"status":null}}}`, response)

	// unbindEmail declares variables but sends none, so it applies to the caller.
	unbind := query(`mutation unbindEmail($user: String, $client: String) {
		unbindEmail(user: $user, client: $client) { _id email emailVerified } }`, "")
	_, response = send(t, graphqlRequest(srv, unbind))
	assert.Contains(t, response, `"code":2020`)
	_, response = send(t, graphqlRequest(srv, unbind, bearer))
	assert.JSONEq(t, `{"data":{"unbindEmail":{"_id":"`+ann.ID+`","email":null,"emailVerified":false}}}`, response)
	assert.Empty(t, srv.User(ann.ID).Email)

	// update sends variables that it does not declare.
	_, response = send(t, graphqlRequest(srv, query(`mutation UpdateUser($_id: String!, $nickname: String, $registerInClient: String!) {
		updateUser(options: {_id: $_id, nickname: $nickname, registerInClient: $registerInClient}) { nickname company } }`,
		`{"_id":"`+ann.ID+`","nickname":"Ann","registerInClient":"pool-1","gender":"F","company":"not declared"}`), bearer))
	assert.JSONEq(t, `{"data":{"updateUser":{"nickname":"Ann","company":""}}}`, response)
}

// GraphQL dates differ from those of REST, and unset fields are null.
func TestUserOverGraphQL(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, _ := setup(t, authingtest.Options{UserPoolID: "pool-1", Clock: clock.Now})
	_, response := send(t, graphqlRequest(srv, query(`mutation register($p: String!) {
		register(userInfo: {username: "ann", unionid: "u-1", registerInClient: $p, lastIP: "192.0.2.1"}) {
			email phone openid unionid username token tokenExpiredAt loginsCount lastLogin lastIP signedUp password
			blocked isDeleted emailVerified registerInClient registerMethod oauth group { name } } }`, `{"p":"pool-1"}`)))
	assert.JSONEq(t, `{"data":{"register":{
		"email":null,"phone":null,"openid":null,"unionid":"u-1","username":"ann","token":null,"tokenExpiredAt":null,
		"loginsCount":0,"lastLogin":"Thu Feb 27 2020 13:33:20 GMT+0800 (CST)","lastIP":"192.0.2.1","signedUp":"Thu Feb 27 2020 13:33:20 GMT+0800 (CST)",
		"password":null,"blocked":false,"isDeleted":false,"emailVerified":false,"registerInClient":"pool-1",
		"registerMethod":"default:username-password","oauth":"","group":{"name":"默认分组"}}}}`, response)
}

func TestDecodeJwtToken(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, _ := setup(t, authingtest.Options{UserPoolID: "pool-1", Clock: clock.Now})
	ann := srv.AddUser(authing.User{Email: "ann@example.com"})
	decode := func(token string) string {
		_, response := send(t, graphqlRequest(srv, query(`query decode($t: String) { decodeJwtToken(token: $t) {
			data { email id clientId unionid } status { message code status } iat exp } }`, `{"t":"`+token+`"}`)))
		return response
	}
	assert.JSONEq(t, `{"data":{"decodeJwtToken":{
		"data":{"email":"ann@example.com","id":"`+ann.ID+`","clientId":"pool-1","unionid":null},
		"status":{"message":"已登录","code":200,"status":true},"iat":1582781600,"exp":1584077600}}}`, decode(string(ann.Token)))
	assert.JSONEq(t, `{"data":{"decodeJwtToken":{"data":null,
		"status":{"message":"登录信息有误","code":2207,"status":false},"iat":null,"exp":null}}}`, decode("x"))
}
