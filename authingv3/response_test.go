package authingv3_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingv3"
)

var proofByPassword = authingv3.ProofByPassword("x")

func TestSuccess(t *testing.T) {
	t.Parallel()
	for body, status := range map[string]int{
		enveloped(tokens): 200, `{"statusCode":"200","data":` + tokens + `}`: 201, `{"data":` + tokens + `,"statusCode":200,"x":[{}]}`: 200,
	} {
		client, _ := setup(t, status, body)
		_, err := client.LoginWithWxapp(context.Background(), code)
		require.NoError(t, err, body)
	}
}

func TestBadResponses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status     int
		body, text string
	}{
		{200, "", "an empty response (HTTP 200): check the configured hosts and any proxy"},
		{200, "<html>", "a response that is not Authing's"},
		{200, `{"data":` + tokens + `}`, "a response that is not Authing's"},
		{200, `{"code":200,"data":` + tokens + `}`, "a response that is not Authing's"},
		{200, `{"statusCode":403,"message":"no"`, "a response that is not Authing's"},
		{200, `{"error":"invalid_grant"}`, "a response that is not Authing's"},
		{302, enveloped(tokens), "a success, but not under an HTTP status of one (code 200, HTTP 302): redirects are not followed"},
		{400, enveloped(tokens), "a success, but not under an HTTP status of one (code 200, HTTP 400)"},
		{500, enveloped(tokens), "a success, but not under an HTTP status of one (code 200, HTTP 500): the server is in trouble"},
		{200, `{"statusCode":200,"data":[]}`, "a success that cannot be read (code 200, HTTP 200): the call may have"},
	} {
		e := failure(t, tt.status, tt.body, login)
		require.ErrorIs(t, e, authing.ErrBadResponse, tt.body)
		require.ErrorIs(t, e, authing.ErrOutcomeUnknown, tt.body)
		require.ErrorContains(t, e, "authing: LoginWithWxapp: the service sent "+tt.text)
		assert.Equal(t, tt.body, string(e.Body))
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status  int
		body    string
		unknown bool
	}{
		{200, `{"statusCode":403,"message":"no"}`, false}, {403, `{"statusCode":403,"message":"no"}`, false},
		{403, `{"statusCode":"403","message":"no"}`, false}, {500, `{"statusCode":403,"message":"no"}`, true},
		{503, `{"statusCode":403,"message":"no"}`, true},
	} {
		e := failure(t, tt.status, tt.body, login)
		require.NotErrorIs(t, e, authing.ErrBadResponse)
		assert.Equal(t, tt.unknown, isUnknown(e), tt.body)
		assert.Equal(t, 403, e.Code)
		assert.Equal(t, tt.status, e.StatusCode)
	}
}

// The message, the request id and Retry-After are kept, unless a log could not show them.
func TestRefusalFields(t *testing.T) {
	t.Parallel()
	client, _ := setupResponder(t, httpmock.NewStringResponder(429, `{"statusCode":429,"message":{"a":1},"requestId":7}`).
		HeaderSet(http.Header{"Retry-After": {"3"}, "X-Request-Id": {"header"}}))
	_, err := client.LoginWithWxapp(context.Background(), code)
	var e *authing.Error
	require.ErrorAs(t, err, &e)
	require.ErrorIs(t, err, authing.ErrRateLimited)
	assert.Equal(t, 3*time.Second, e.RetryAfter)
	assert.Equal(t, `{"a":1}`, e.Message)
	assert.Equal(t, "7", e.RequestID)
	assert.Nil(t, e.Data)

	client, _ = setupResponder(t, httpmock.NewStringResponder(200, `{"statusCode":403,"message":"","requestId":"a\nb"}`).
		HeaderSet(http.Header{"X-Request-Id": {"header"}}))
	_, err = client.LoginWithWxapp(context.Background(), code)
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "header", e.RequestID)
	require.ErrorContains(t, err, "the service rejected the call (code 403")
}
