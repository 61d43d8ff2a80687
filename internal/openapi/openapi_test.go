package openapi

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
	"github.com/authing-wxapp/authing/authingv3"
)

// upload is the path that the document describes as taking JSON, by mistake, and whose response is that of an SDK.
const upload = "/api/v2/upload"

// validator is a transport that fails the test for a request or a response that the document does not describe.
type validator struct {
	t      *testing.T
	router routers.Router
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
	return &validator{t, router}
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
			operation.Security = nil // some operations name a scheme that is not defined
			if operation.RequestBody == nil {
				continue
			}
			for _, content := range operation.RequestBody.Value.Content {
				closed(content.Schema)
			}
		}
	}
	// The document demands what only the grant of a code needs.
	form := doc.Components.Schemas["TokenEndPointParams"].Value
	form.Required = []string{"grant_type"}
}

func (v *validator) RoundTrip(r *http.Request) (*http.Response, error) {
	v.t.Helper()
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	checked := r.Clone(r.Context())
	checked.Body = io.NopCloser(bytes.NewReader(body))
	route, params, err := v.router.FindRoute(checked)
	if err != nil {
		return nil, err
	}
	options := &openapi3filter.Options{ExcludeRequestBody: r.URL.Path == upload}
	input := &openapi3filter.RequestValidationInput{Request: checked, PathParams: params, Route: route, Options: options}
	assert.NoError(v.t, openapi3filter.ValidateRequest(r.Context(), input), "%s %s", r.URL.Path, body)
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(text))
	if r.URL.Path == upload || bytes.Contains(text, []byte(`"requestId"`)) {
		return resp, nil // a failure, which the document demands data of
	}
	assert.NoError(v.t, openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: resp.StatusCode, Header: resp.Header, Options: options,
		Body: io.NopCloser(bytes.NewReader(text)),
	}), "%s %s", r.URL.Path, text)
	return resp, nil
}

type object = map[string]any

// call sends a request that package authingv3 has no method for.
func (v *validator) call(srv *authingtest.Server, method, path, body string) {
	v.t.Helper()
	r, err := http.NewRequest(method, srv.AppHost()+path, strings.NewReader(body))
	require.NoError(v.t, err)
	r.Header.Set("X-Authing-App-Id", srv.AppID())
	r.Header.Set("Content-Type", "application/json")
	resp, err := v.RoundTrip(r)
	require.NoError(v.t, err)
	require.Equal(v.t, http.StatusOK, resp.StatusCode)
}

// Requests of package authingv3, and the fake's replies to them.
func TestDocument(t *testing.T) {
	t.Parallel()
	for _, mode := range []struct {
		auth authingtest.ClientAuth
		in   authingv3.SecretIn
	}{
		{authingtest.AuthNone, 0}, {authingtest.AuthPost, authingv3.SecretInBody}, {authingtest.AuthBasic, authingv3.SecretInBasic},
	} {
		srv := authingtest.NewServer(authingtest.Options{App: authingtest.AppOptions{
			ClientAuth: mode.auth, Tenants: []string{"t-1"},
			LifetimeField: authingtest.ExpireIn, FlatPhone: true, // as the document has it
		}})
		t.Cleanup(srv.Close)
		v := newValidator(t, srv.AppHost())
		options := []authingv3.Option{
			authingv3.WithHTTPClient(&http.Client{Transport: v}),
			authingv3.WithTenant("t-1"), authingv3.WithScope("openid profile username email phone offline_access"),
		}
		if mode.in != 0 {
			options = append(options, authingv3.WithAppSecret(srv.AppSecret(), mode.in))
		}
		client, err := authingv3.NewClient(srv.AppHost(), srv.AppID(), srv.MiniProgram(), options...)
		require.NoError(t, err)

		wechatStory(t, srv, client)
		accountStory(t, srv, client)
		if mode.auth == authingtest.AuthNone {
			otherCalls(v, srv)
		}
	}
}

func wechatStory(t *testing.T, srv *authingtest.Server, client *authingv3.Client) {
	t.Helper()
	ctx := t.Context()
	ann := srv.NewPhone(authingtest.WxUser{NickName: "Ann", PhoneNumber: "13900000001"})
	code := ann.Login()
	_, err := client.LoginWithWxapp(ctx, code, authingv3.WithDetail(ann.GetUserInfo()),
		authingv3.WithCustomData(object{"school": "PKU"}), authingv3.WithContext(object{"page": "home"}))
	require.NoError(t, err)
	login, err := client.LoginWithWxappPhone(ctx, ann.Login(), ann.GetPhoneNumber().PhoneCode)
	require.NoError(t, err)
	_, err = client.GetPhone(ctx, ann.GetPhoneNumber().PhoneCode)
	require.NoError(t, err)
	code = ann.Login()
	detail := ann.GetUserInfo()
	_, err = client.Decrypt(ctx, code, detail.EncryptedData, detail.IV)
	require.NoError(t, err)

	asAnn := client.As(login.AccessToken)
	_, err = asAnn.Update(ctx, authingv3.UserUpdate{
		Nickname: authing.Ptr("Ann"), Gender: authing.Ptr("F"), CustomData: object{"grade": 3},
	})
	require.NoError(t, err)
	_, err = asAnn.ChangeAvatar(ctx, strings.NewReader("\x89PNG\x0D\x0A\x1A\x0A"))
	require.NoError(t, err)
	user, err := asAnn.User(ctx, authingv3.ExtraCustomData, authingv3.ExtraIdentities)
	require.NoError(t, err)
	assert.Equal(t, "13900000001", user.Phone)

	login, err = client.Refresh(ctx, login.RefreshToken)
	require.NoError(t, err)
	_, err = client.VerifyToken(ctx, login.AccessToken)
	require.NoError(t, err)
	require.NoError(t, client.Logout(ctx, login.AccessToken))
	_, err = client.VerifyToken(ctx, login.AccessToken)
	require.ErrorIs(t, err, authing.ErrLoginRequired)
	_, err = client.As(login.AccessToken).User(ctx)
	require.ErrorIs(t, err, authing.ErrLoginRequired)
	_, err = client.LoginWithWxapp(ctx, code)
	require.ErrorIs(t, err, authing.ErrCodeInvalid)
}

func accountStory(t *testing.T, srv *authingtest.Server, client *authingv3.Client) {
	t.Helper()
	ctx := t.Context()
	const bob, dora = "13900000002", "13900000003"
	require.NoError(t, client.GetVerificationCode(ctx, bob, authingv3.ChannelLogin))
	_, err := client.LoginByPhoneCode(ctx, bob, srv.LastSMS(bob), authingv3.WithAutoRegister(true), authingv3.WithClientIP("10.0.0.1"))
	require.NoError(t, err)
	require.NoError(t, client.SendEmailCode(ctx, "carl@example.com", authingv3.ChannelRegister))
	_, err = client.Register(ctx, authingv3.RegisterParams{
		Email: "carl@example.com", Code: srv.LastMail("carl@example.com").Code,
		Profile: authingv3.UserUpdate{Nickname: authing.Ptr("Carl")}, ClientIP: "10.0.0.1",
	})
	require.NoError(t, err)
	_, err = client.Register(ctx, authingv3.RegisterParams{Username: "dora", Password: "secret"})
	require.NoError(t, err)
	login, err := client.Login(ctx, "dora", "secret")
	require.NoError(t, err)
	asDora := client.As(login.AccessToken)
	require.NoError(t, client.GetVerificationCode(ctx, dora, authingv3.ChannelBindPhone))
	require.NoError(t, asDora.BindPhone(ctx, dora, srv.LastSMS(dora)))
	require.NoError(t, client.GetVerificationCode(ctx, dora, authingv3.ChannelDeleteAccount))
	require.NoError(t, asDora.DeleteAccount(ctx, authingv3.ProofByPhoneCode(dora, srv.LastSMS(dora))))
	_, err = client.Login(ctx, "dora", "secret")
	require.ErrorIs(t, err, authing.ErrWrongPassword)
}

func otherCalls(v *validator, srv *authingtest.Server) {
	v.t.Helper()
	ann := srv.NewPhone(authingtest.WxUser{})
	code := ann.Login()
	detail := ann.GetPhoneNumber()
	v.call(srv, "POST", "/api/v3/signin-by-mobile", `{"connection":"wechat_mini_program_phone","extIdpConnidentifier":"`+
		srv.MiniProgram()+`","wechatMiniProgramPhonePayload":{"code":"`+code+`","encryptedData":"`+detail.EncryptedData+
		`","iv":"`+detail.IV+`"}}`)
	v.call(srv, "GET", "/api/v3/system", "")
	v.call(srv, "GET", "/oidc/.well-known/openid-configuration", "")
	v.call(srv, "GET", "/oidc/.well-known/jwks.json", "")
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
		}), name)
	}
}
