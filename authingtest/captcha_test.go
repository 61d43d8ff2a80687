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
	captchaOf := func(t *testing.T, err error) string {
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
		require.NoError(t, err, "which makes up for the failures")
		for range 3 {
			_, err = client.Login(ctx, wrong)
			require.ErrorIs(t, err, authing.ErrWrongPassword)
		}
		_, err = client.Login(ctx, right)
		address := captchaOf(t, err)

		resp, err := http.Get(address)
		require.NoError(t, err)
		defer resp.Body.Close()
		picture, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.Contains(t, string(picture), ">"+srv.Captcha(address)+"<")

		elsewhere := right
		elsewhere.LastIP = "192.0.2.2"
		_, err = client.Login(ctx, elsewhere)
		assert.NoError(t, err, "other addresses are not concerned")
		solved := right
		solved.VerifyCode = srv.Captcha(address) + "0"
		_, err = client.Login(ctx, solved)
		assert.Equal(t, 2001, codeOf(t, err))
		solved.VerifyCode = srv.Captcha(address)
		_, err = client.Login(ctx, solved)
		assert.NoError(t, err)
		_, err = client.Login(ctx, right)
		assert.NoError(t, err, "the failures are forgotten")
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
		first := captchaOf(t, err)
		_, err = client.Login(ctx, right)
		assert.NotEqual(t, first, captchaOf(t, err), "every demand is a new picture")
		clock.pass(5 * time.Minute)
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

func TestRegistrationLimit(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, client := setup(t, authingtest.Options{RegistrationLimit: 3, Clock: clock.Now})
	register := func(unionID, ip string) error {
		_, err := client.Register(ctx, authing.RegisterParams{UnionID: unionID, LastIP: ip})
		return err
	}
	for _, name := range []string{"a", "b", "c"} {
		require.NoError(t, register(name, ""))
	}
	err := register("d", "")
	assert.ErrorIs(t, err, authing.ErrRateLimited)
	assert.Equal(t, 2100, codeOf(t, err))
	assert.NoError(t, register("d", "192.0.2.1"), "lastIP counts, if it is there")
	clock.pass(5 * time.Minute)
	assert.NoError(t, register("e", ""))
	assert.Len(t, srv.Users(), 5)
}
