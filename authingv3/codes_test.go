package authingv3_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// The reason decides where there is one, and each has advice that no other has.
func TestReasons(t *testing.T) {
	t.Parallel()
	sentinels := map[int]error{
		1635: authing.ErrMFARequired, 1636: authing.ErrMFARequired, 2004: authing.ErrUserNotFound, 2005: authing.ErrUserLocked,
		2006: authing.ErrWrongPassword, 2333: authing.ErrWrongPassword, 2020: authing.ErrLoginRequired,
	}
	all := []error{
		authing.ErrMFARequired, authing.ErrUserNotFound, authing.ErrUserLocked, authing.ErrWrongPassword, authing.ErrLoginRequired,
		authing.ErrRateLimited, authing.ErrCodeInvalid, authing.ErrBadResponse, authing.ErrOutcomeUnknown, authing.ErrCaptchaRequired,
	}
	const class = "wait before you call again"
	for apiCode, advice := range map[int]string{
		1635: "second factor", 1636: "second factor", 1639: "reset the password", 2058: "reset the password", 1640: "bind an existing account",
		1641: "bind an existing account", 1642: "complete the profile", 1643: "unlock the account", 1699: "own flow ended", 2004: "does not exist",
		2005: "an administrator has to unlock", 2006: "the account or the password is wrong", 2333: "the account or the password is wrong",
		2011: "check the id given to NewClient", 2020: "client.As(login.AccessToken)", 2031: "does not accept new users",
		2224: "check WithUserPool", 2120008: "this tenant", 2130010: "this tenant", 2820002: "LDAP", 4021: "billing", 9999: "",
	} {
		e := failure(t, http.StatusOK, fmt.Sprintf(`{"statusCode":403,"apiCode":%d,"message":"no","requestId":"q1","data":{"a":1}}`, apiCode), login)
		assert.Equal(t, 403, e.Code)
		assert.Equal(t, apiCode, e.APICode)
		assert.Equal(t, "no", e.Message)
		assert.Equal(t, "q1", e.RequestID)
		assert.JSONEq(t, `{"a":1}`, string(e.Data))
		assert.Contains(t, e.Hint, advice)
		assert.NotContains(t, e.Hint, class)
		for _, sentinel := range all {
			assert.Equal(t, sentinels[apiCode] == sentinel, errors.Is(e, sentinel), "%d, %v", apiCode, sentinel) //nolint:errorlint // identity
		}
		require.ErrorContains(t, e, fmt.Sprintf("authing: LoginWithWxapp: no (code 403, API code %d, HTTP 200)", apiCode))
	}
}

func TestClasses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		code    int
		advice  string
		unknown bool
	}{
		{300, "", false}, {400, "a parameter is malformed", false}, {401, "the service wants a token", false}, {402, "the plan of the pool", false},
		{403, "", false}, {404, "", false}, {409, "", false}, {413, "", false}, {422, "", false}, {429, "wait before you call again", false}, {499, "", false},
		{500, "try later", true}, {501, "try later", true}, {502, "try later", true}, {503, "try later", true},
		{601, "asked somebody else", true}, {602, "asked somebody else", true}, {603, "own pipeline or database", true},
		{0, "", true}, {199, "", true}, {201, "", true}, {-1, "", true}, {700, "", true},
	} {
		for _, do := range []doing{login, deletionByPassword, refresh} {
			e := failure(t, http.StatusOK, fmt.Sprintf(`{"statusCode":%d,"message":"no"}`, tt.code), do)
			assert.Equal(t, tt.code, e.Code)
			assert.Contains(t, e.Hint, tt.advice)
			assert.Equal(t, tt.unknown, isUnknown(e), tt.code)
			assert.Equal(t, tt.code == 429, errors.Is(e, authing.ErrRateLimited), tt.code)
		}
		assert.False(t, isUnknown(failure(t, http.StatusOK, fmt.Sprintf(`{"statusCode":%d,"message":"no"}`, tt.code), user)), "a read")
	}
}

func TestRateLimitBesideAReason(t *testing.T) {
	t.Parallel()
	e := failure(t, http.StatusOK, `{"statusCode":429,"apiCode":2005,"message":"slow"}`, login)
	require.ErrorIs(t, e, authing.ErrRateLimited)
	require.ErrorIs(t, e, authing.ErrUserLocked)
}

var deletionByPassword = deletion(proofByPassword)
