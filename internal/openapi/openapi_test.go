package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing/authingtest"
)

// validator is a transport that fails the test for a request or a response that the document does not describe.
type validator struct {
	t      *testing.T
	router routers.Router
	calls  map[string]int // by path
}

// newValidator makes the document refuse keys that it does not list.
func newValidator(t *testing.T, host string) *validator {
	t.Helper()
	path := os.Getenv("AUTHING_OPENAPI")
	if path == "" {
		t.Skip("AUTHING_OPENAPI is not set: it must be the path of Authing's OpenAPI document")
	}
	doc, err := openapi3.NewLoader().LoadFromFile(path)
	require.NoError(t, err)
	doc.Servers = openapi3.Servers{{URL: host}}
	closeRequests(doc)
	router, err := gorillamux.NewRouter(doc)
	require.NoError(t, err)
	return &validator{t, router, map[string]int{}}
}

func closeRequests(doc *openapi3.T) {
	no := false
	seen := map[*openapi3.Schema]bool{}
	var closed func(*openapi3.SchemaRef)
	closed = func(ref *openapi3.SchemaRef) {
		if ref == nil || seen[ref.Value] {
			return
		}
		seen[ref.Value] = true
		if len(ref.Value.Properties) > 0 {
			ref.Value.AdditionalProperties.Has = &no
		}
		for _, property := range ref.Value.Properties {
			closed(property)
		}
		for _, part := range ref.Value.AllOf {
			closed(part)
		}
	}
	for _, path := range doc.Paths.Map() {
		for _, operation := range path.Operations() {
			if operation.RequestBody == nil {
				continue
			}
			for _, content := range operation.RequestBody.Value.Content {
				closed(content.Schema)
			}
		}
	}
	// Where the SDKs do otherwise: the document demands what only the grant of a code needs.
	form := doc.Components.Schemas["TokenEndPointParams"].Value
	form.Required = []string{"grant_type"}
}

func (v *validator) RoundTrip(r *http.Request) (*http.Response, error) {
	v.t.Helper()
	v.calls[r.URL.Path]++
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	route, params, err := v.router.FindRoute(r)
	if err != nil {
		return nil, err
	}
	options := &openapi3filter.Options{
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
		// It describes the upload as JSON, by mistake.
		ExcludeRequestBody:  r.URL.Path == "/api/v2/upload",
		ExcludeResponseBody: r.URL.Path == "/api/v2/upload",
	}
	input := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: options}
	r.Body = io.NopCloser(bytes.NewReader(body))
	assert.NoError(v.t, openapi3filter.ValidateRequest(r.Context(), input), "%s %s", r.URL.Path, body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(text))
	assert.NoError(v.t, errors.Join(err, openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: resp.StatusCode, Header: resp.Header, Options: options,
		Body: io.NopCloser(bytes.NewReader(text)),
	})), "%s %s", r.URL.Path, text)
	return resp, err
}

type object = map[string]any

// call sends a request and returns the data of the response, or the response itself where there is no envelope.
func (v *validator) call(srv *authingtest.Server, method, path, token, contentType, body string) object {
	v.t.Helper()
	r, err := http.NewRequest(method, srv.AppHost()+path, strings.NewReader(body))
	require.NoError(v.t, err)
	r.Header.Set("X-Authing-App-Id", srv.AppID())
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if token != "" {
		r.Header.Set("Authorization", token)
	}
	resp, err := v.RoundTrip(r)
	require.NoError(v.t, err)
	var reply object
	require.NoError(v.t, json.NewDecoder(resp.Body).Decode(&reply))
	require.Equal(v.t, http.StatusOK, resp.StatusCode, "%v", reply)
	if code, enveloped := reply["statusCode"]; enveloped {
		require.EqualValues(v.t, 200, code, "%s: %v", path, reply)
		data, _ := reply["data"].(object)
		return data
	}
	return reply
}

func (v *validator) post(srv *authingtest.Server, path, token string, body any) object {
	v.t.Helper()
	text, err := json.Marshal(body)
	require.NoError(v.t, err)
	return v.call(srv, "POST", path, token, "application/json", string(text))
}

func (v *validator) form(srv *authingtest.Server, path string, fields url.Values) object {
	v.t.Helper()
	fields.Set("client_id", srv.AppID())
	return v.call(srv, "POST", path, "", "application/x-www-form-urlencoded", fields.Encode())
}

// The requests are those of package authingtest's tests, which it accepts, and the replies are its own.
func TestFakeFollowsTheDocument(t *testing.T) {
	t.Parallel()
	srv := authingtest.NewServer(authingtest.Options{App: authingtest.AppOptions{
		LifetimeField: authingtest.ExpireIn, FlatPhone: true, // as the document has it
	}})
	t.Cleanup(srv.Close)
	v := newValidator(t, srv.AppHost())
	ann := srv.NewPhone(authingtest.WxUser{NickName: "Ann", PhoneNumber: "13900000001"})
	options := object{"scope": "openid profile username email phone offline_access"}

	v.post(srv, "/api/v3/signin-by-mobile", "", object{
		"connection": "wechat_mini_program_code", "extIdpConnidentifier": srv.MiniProgram(),
		"wechatMiniProgramCodePayload": object{"code": ann.Login()},
	})
	tokens := v.post(srv, "/api/v3/signin-by-mobile", "", object{
		"connection": "wechat_mini_program_code_and_phone", "extIdpConnidentifier": srv.MiniProgram(),
		"wechatMiniProgramCodeAndPhonePayload": object{
			"wxLoginInfo": object{"code": ann.Login()}, "wxPhoneInfo": object{"code": ann.GetPhoneNumber().PhoneCode},
		},
		"options": options,
	})
	code := ann.Login()
	detail := ann.GetPhoneNumber()
	v.post(srv, "/api/v3/signin-by-mobile", "", object{
		"connection": "wechat_mini_program_phone", "extIdpConnidentifier": srv.MiniProgram(),
		"wechatMiniProgramPhonePayload": object{"code": code, "encryptedData": detail.EncryptedData, "iv": detail.IV},
	})
	v.post(srv, "/api/v3/get-wechat-miniprogram-phone", "", object{
		"extIdpConnidentifier": srv.MiniProgram(), "code": ann.GetPhoneNumber().PhoneCode,
	})
	code = ann.Login()
	detail = ann.GetUserInfo()
	v.post(srv, "/api/v3/decrypt-wechat-miniprogram-data", "", object{
		"extIdpConnidentifier": srv.MiniProgram(), "code": code, "encryptedData": detail.EncryptedData, "iv": detail.IV,
	})

	token := tokens["access_token"].(string)
	v.post(srv, "/api/v3/update-profile", token, object{"nickname": "Ann", "gender": "F", "customData": object{"grade": 3}})
	v.call(srv, "GET", "/api/v3/get-profile?withCustomData=true&withIdentities=true&withDepartmentIds=true", token, "", "")
	v.call(srv, "GET", "/api/v3/get-identities", token, "", "")
	v.call(srv, "GET", "/api/v3/system", "", "", "")

	const bob = "13900000002"
	v.post(srv, "/api/v3/send-sms", "", object{"phoneNumber": bob, "channel": "CHANNEL_LOGIN", "phoneCountryCode": "+86"})
	v.post(srv, "/api/v3/signin", "", object{
		"connection":      "PASSCODE",
		"passCodePayload": object{"phone": bob, "passCode": srv.LastSMS(bob), "phoneCountryCode": "+86"},
		"options":         object{"autoRegister": true, "clientIp": "10.0.0.1"},
	})
	v.post(srv, "/api/v3/send-email", "", object{"email": "carl@example.com", "channel": "CHANNEL_REGISTER"})
	v.post(srv, "/api/v3/signup", "", object{
		"connection":      "PASSCODE",
		"passCodePayload": object{"email": "carl@example.com", "passCode": srv.LastMail("carl@example.com").Code},
		"profile":         object{"nickname": "Carl"},
		"options":         object{"context": object{}},
	})
	v.post(srv, "/api/v3/signup", "", object{
		"connection": "PASSWORD", "passwordPayload": object{"username": "dora", "password": "secret"},
	})
	dora := v.post(srv, "/api/v3/signin", "", object{
		"connection": "PASSWORD", "passwordPayload": object{"account": "dora", "password": "secret"},
	})["access_token"].(string)
	const doras = "13900000003"
	v.post(srv, "/api/v3/send-sms", dora, object{"phoneNumber": doras, "channel": "CHANNEL_BIND_PHONE"})
	v.post(srv, "/api/v3/bind-phone", dora, object{"phoneNumber": doras, "passCode": srv.LastSMS(doras)})
	v.post(srv, "/api/v3/send-sms", dora, object{"phoneNumber": doras, "channel": "CHANNEL_DELETE_ACCOUNT"})
	proof := v.post(srv, "/api/v3/verify-delete-account-request", dora, object{
		"verifyMethod": "PHONE_PASSCODE", "phonePassCodePayload": object{"phoneNumber": doras, "passCode": srv.LastSMS(doras)},
	})
	v.post(srv, "/api/v3/delete-account", dora, object{"deleteAccountToken": proof["deleteAccountToken"]})

	v.form(srv, "/oidc/token", url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)},
	})
	v.form(srv, "/oidc/token/introspection", url.Values{"token": {token}})
	v.call(srv, "GET", "/oidc/me", "Bearer "+token, "", "")
	v.form(srv, "/oidc/token/revocation", url.Values{"token": {token}})
	v.form(srv, "/oidc/token/introspection", url.Values{"token": {token}})
	v.call(srv, "GET", "/oidc/.well-known/openid-configuration", "", "", "")
	v.call(srv, "GET", "/oidc/.well-known/jwks.json", "", "", "")

	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "a.png")
	require.NoError(t, err)
	io.WriteString(part, "png")
	require.NoError(t, form.Close())
	v.call(srv, "POST", "/api/v2/upload?folder=avatar", "", form.FormDataContentType(), body.String())

	assert.Len(t, v.calls, 21)
}

// The validator sees what the test relies on it to see.
func TestValidatorRefuses(t *testing.T) {
	t.Parallel()
	v := newValidator(t, "http://fake.test")
	for name, body := range map[string]string{
		"unknown key":           `{"email":"a@example.com","channel":"CHANNEL_LOGIN","x":1}`,
		"missing key":           `{"channel":"CHANNEL_LOGIN"}`,
		"number":                `{"email":1,"channel":"CHANNEL_LOGIN"}`,
		"outside of the values": `{"email":"a@example.com","channel":"x"}`,
	} {
		r, err := http.NewRequest("POST", "http://fake.test/api/v3/send-email", strings.NewReader(body))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/json")
		route, params, err := v.router.FindRoute(r)
		require.NoError(t, err)
		assert.Error(t, openapi3filter.ValidateRequest(t.Context(), &openapi3filter.RequestValidationInput{
			Request: r, PathParams: params, Route: route,
			Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
		}), name)
	}
}
