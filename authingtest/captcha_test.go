package authingtest_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

func TestCaptcha(t *testing.T) {
	t.Parallel()
	captchaURL := func(t *testing.T, err error) string {
		t.Helper()
		require.ErrorIs(t, err, authing.ErrCaptchaRequired)
		var e *authing.Error
		require.ErrorAs(t, err, &e)
		var data struct{ URL string }
		decodeJSON(t, e.Data, &data)
		return data.URL
	}
	wrong := authing.LoginParams{Username: "ann", Password: "wrong one", LastIP: "192.0.2.1"}
	right := authing.LoginParams{Username: "ann", Password: "password", LastIP: "192.0.2.1"}

	t.Run("after failures", func(t *testing.T) {
		t.Parallel()
		clock := newClock()
		srv, client := setup(t, authingtest.Options{FailureLimit: 3, Clock: clock.Now})
		addAnn(srv)
		for range 2 {
			_, err := client.Login(ctx, wrong)
			require.ErrorIs(t, err, authing.ErrWrongPassword)
		}
		_, err := client.Login(ctx, right)
		require.NoError(t, err, "a success resets the failures")
		for range 3 {
			_, err = client.Login(ctx, wrong)
			require.ErrorIs(t, err, authing.ErrWrongPassword)
		}
		_, err = client.Login(ctx, right)
		url := captchaURL(t, err)

		resp, err := http.Get(url)
		require.NoError(t, err)
		defer resp.Body.Close()
		svg, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.Contains(t, string(svg), ">"+srv.Captcha(url)+"<")

		elsewhere := right
		elsewhere.LastIP = "192.0.2.2"
		_, err = client.Login(ctx, elsewhere)
		assert.NoError(t, err, "other addresses are not limited")
		solved := right
		solved.VerifyCode = srv.Captcha(url) + "0"
		_, err = client.Login(ctx, solved)
		assert.Equal(t, 2001, codeOf(t, err))
		solved.VerifyCode = srv.Captcha(url)
		_, err = client.Login(ctx, solved)
		assert.NoError(t, err)
		_, err = client.Login(ctx, right)
		assert.NoError(t, err, "the failures were reset")
	})

	t.Run("after logins", func(t *testing.T) {
		t.Parallel()
		clock := newClock()
		srv, client := setup(t, authingtest.Options{LoginLimit: 3, Clock: clock.Now})
		addAnn(srv)
		for range 3 {
			_, err := client.Login(ctx, right)
			require.NoError(t, err)
		}
		_, err := client.Login(ctx, right)
		first := captchaURL(t, err)
		_, err = client.Login(ctx, right)
		assert.NotEqual(t, first, captchaURL(t, err), "every error has a new captcha")
		clock.advance(5 * time.Minute)
		_, err = client.Login(ctx, right)
		assert.NoError(t, err)
	})

	t.Run("no limit", func(t *testing.T) {
		t.Parallel()
		srv, client := setup(t, authingtest.Options{})
		addAnn(srv)
		for range 20 {
			_, err := client.Login(ctx, wrong)
			require.ErrorIs(t, err, authing.ErrWrongPassword)
		}
		assert.Empty(t, srv.Captcha("x"))
		status, _ := send(t, rawRequest{"GET", srv.UsersURL(), "/captcha/x", "", http.Header{}})
		assert.Equal(t, 404, status)
	})
}

// Other ways to sign in have no captcha parameter.
func TestLoginLimitAppliesToLoginOnly(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{LoginLimit: 1, FailureLimit: 1})
	addAnn(srv)
	srv.AddLDAPUser("bob", "password")
	phone := srv.NewPhone(authingtest.WxUser{})
	signInAll := func() {
		t.Helper()
		signIn(t, client, phone)
		require.NoError(t, client.GetVerificationCode(ctx, "13900000000"))
		_, err := client.LoginByPhoneCode(ctx, "13900000000", srv.LastSMS("13900000000"))
		require.NoError(t, err)
		_, err = client.LoginByLDAP(ctx, "bob", "password")
		require.NoError(t, err)
	}
	login := func() error {
		_, err := client.Login(ctx, authing.LoginParams{Username: "ann", Password: "password"})
		return err
	}

	signInAll()
	require.NoError(t, login(), "other ways to sign in do not count")
	require.ErrorIs(t, login(), authing.ErrCaptchaRequired)
	signInAll()

	srv.FailNext("LoginWithWxapp", authingtest.Fault{Code: 2000})
	_, err := client.LoginWithWxapp(ctx, phone.Login(), phone.GetUserInfo())
	assert.ErrorIs(t, err, authing.ErrCaptchaRequired, "FailNext can still return it")
}

func TestRegistrationLimitCountsNewAccounts(t *testing.T) {
	t.Parallel()
	registrations := map[string]func(*authingtest.Server, *authing.Client) error{
		"Register": func(_ *authingtest.Server, c *authing.Client) error {
			_, err := c.Register(ctx, authing.RegisterParams{UnionID: "u"})
			return err
		},
		"LoginWithWxapp": func(s *authingtest.Server, c *authing.Client) error {
			phone := s.NewPhone(authingtest.WxUser{OpenID: "o"})
			_, err := c.LoginWithWxapp(ctx, phone.Login(), phone.GetUserInfo())
			return err
		},
		"LoginByPhoneCode": func(s *authingtest.Server, c *authing.Client) error {
			if s.LastSMS("13900000000") == "" {
				if err := c.GetVerificationCode(ctx, "13900000000"); err != nil {
					return err
				}
			}
			_, err := c.LoginByPhoneCode(ctx, "13900000000", s.LastSMS("13900000000"))
			return err
		},
		"LoginByLDAP": func(_ *authingtest.Server, c *authing.Client) error {
			_, err := c.LoginByLDAP(ctx, "ann", "password")
			return err
		},
	}
	for name, register := range registrations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := newClock()
			srv, client := setup(t, authingtest.Options{RegistrationLimit: 1, Clock: clock.Now})
			srv.AddLDAPUser("ann", "password")
			srv.AddUser(authing.User{}) // does not count
			known := srv.NewPhone(authingtest.WxUser{})
			signIn(t, client, known)

			err := register(srv, client)
			assert.ErrorIs(t, err, authing.ErrRateLimited)
			assert.NotErrorIs(t, err, authing.ErrOutcomeUnknown)
			assert.Equal(t, 2100, codeOf(t, err))
			assert.Len(t, srv.Users(), 2)
			signIn(t, client, known)

			clock.advance(5 * time.Minute)
			require.NoError(t, register(srv, client), "five minutes later, with the same texted code")
			assert.Len(t, srv.Users(), 3)
			_, err = client.Register(ctx, authing.RegisterParams{UnionID: "u-2"})
			assert.Equal(t, 2100, codeOf(t, err), "the last registration counts")
		})
	}
}

func TestRejectedRegistrationsDoNotCount(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{RegistrationLimit: 1})
	srv.AddUser(authing.User{UnionID: "taken"})
	for range 3 {
		_, err := client.Register(ctx, authing.RegisterParams{UnionID: "taken"})
		require.ErrorIs(t, err, authing.ErrUserExists)
	}
	_, err := client.Register(ctx, authing.RegisterParams{UnionID: "free"})
	assert.NoError(t, err)
}

func TestRejectedRegistrationUsesUpCode(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, client := setup(t, authingtest.Options{RegistrationLimit: 1, Clock: clock.Now})
	signIn(t, client, srv.NewPhone(authingtest.WxUser{}))
	ben := srv.NewPhone(authingtest.WxUser{})
	code, detail := ben.Login(), ben.GetUserInfo()
	for _, want := range []error{authing.ErrRateLimited, authing.ErrCodeInvalid} {
		_, err := client.LoginWithWxapp(ctx, code, detail)
		assert.ErrorIs(t, err, want)
	}
}

func TestRegistrationLimit(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, client := setup(t, authingtest.Options{RegistrationLimit: 3, Clock: clock.Now})
	register := func(unionID, ip string) error {
		_, err := client.Register(ctx, authing.RegisterParams{UnionID: unionID, LastIP: ip})
		return err
	}
	for _, unionID := range []string{"a", "b", "c"} {
		require.NoError(t, register(unionID, ""))
	}
	err := register("d", "")
	assert.ErrorIs(t, err, authing.ErrRateLimited)
	assert.Equal(t, 2100, codeOf(t, err))
	assert.NoError(t, register("d", "192.0.2.1"), "lastIP takes precedence over the peer's address")
	clock.advance(5 * time.Minute)
	assert.NoError(t, register("e", ""))
	assert.Len(t, srv.Users(), 5)
}
