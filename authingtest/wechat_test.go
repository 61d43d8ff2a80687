package authingtest_test

import (
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

// errcode returns WeChat's errcode in err, 0 if err is nil.
func errcode(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	var e *authing.Error
	require.ErrorAs(t, err, &e)
	var data struct{ Errcode int }
	decodeJSON(t, e.Data, &data)
	return data.Errcode
}

func TestCodeWorksOnce(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{})
	ann := srv.NewPhone(authingtest.WxUser{})
	code, detail := ann.Login(), ann.GetUserInfo()
	assert.Regexp(t, `^0[0-9A-Za-z]{31}$`, code)

	_, err := client.LoginWithWxapp(ctx, code, detail)
	require.NoError(t, err)
	_, err = client.LoginWithWxapp(ctx, code, detail)

	assert.ErrorIs(t, err, authing.ErrCodeInvalid)
	assert.NotErrorIs(t, err, authing.ErrOutcomeUnknown)
	assert.Equal(t, 40163, errcode(t, err))
	var e *authing.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, http.StatusOK, e.StatusCode)
	assert.Regexp(t, `"errmsg":"code been used, rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}"`, string(e.Data))
	assert.Equal(t, map[string]int{code: 2}, srv.SpentCodes())
}

func TestCodeWorksOnceConcurrently(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{})
	ann := srv.NewPhone(authingtest.WxUser{})
	code, detail := ann.Login(), ann.GetUserInfo()
	const calls = 20
	errs := make([]error, calls)
	var wg sync.WaitGroup
	for i := range calls {
		wg.Add(1)
		go func() {
			defer wg.Done()
			_, errs[i] = client.LoginWithWxapp(ctx, code, detail)
		}()
	}
	wg.Wait()

	signedIn := 0
	for _, err := range errs {
		if err == nil {
			signedIn++
			continue
		}
		assert.Equal(t, 40163, errcode(t, err))
	}
	assert.Equal(t, 1, signedIn)
	assert.Equal(t, map[string]int{code: calls}, srv.SpentCodes())
}

func TestRejectedCodes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		code func(*authingtest.Server, *clock, *authingtest.Phone) string
		want int
	}{
		"fresh": {func(_ *authingtest.Server, c *clock, p *authingtest.Phone) string {
			code := p.Login()
			c.advance(5*time.Minute - time.Nanosecond)
			return code
		}, 0},
		"expired": {func(_ *authingtest.Server, c *clock, p *authingtest.Phone) string {
			code := p.Login()
			c.advance(5 * time.Minute)
			return code
		}, 40029},
		"unknown": {func(*authingtest.Server, *clock, *authingtest.Phone) string {
			return "061AbcDefGhiJklMnoPqrStu0VwXyZ01"
		}, 40029},
		"phone code": {func(_ *authingtest.Server, _ *clock, p *authingtest.Phone) string {
			return p.GetPhoneNumber().PhoneCode
		}, 40029},
		"another mini program": {func(s *authingtest.Server, _ *clock, p *authingtest.Phone) string {
			return s.NewPhone(authingtest.WxUser{OpenID: p.User().OpenID, AppID: "wx0000000000000002"}).Login()
		}, 40029},
		"blocked user": {func(s *authingtest.Server, _ *clock, p *authingtest.Phone) string {
			return s.NewPhone(authingtest.WxUser{Blocked: true}).Login()
		}, 40226},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := newClock()
			srv, client := setup(t, authingtest.Options{Clock: clock.Now, MinKeyAge: authingtest.KeepKey})
			ann := srv.NewPhone(authingtest.WxUser{})
			_, err := client.LoginWithWxapp(ctx, tt.code(srv, clock, ann), ann.GetUserInfo())
			assert.Equal(t, tt.want, errcode(t, err))
			assert.Equal(t, tt.want == 40029, errors.Is(err, authing.ErrCodeInvalid))
		})
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, client := setup(t, authingtest.Options{Clock: clock.Now})
	ann := srv.NewPhone(authingtest.WxUser{})
	for range 100 {
		signIn(t, client, ann)
	}
	signIn(t, client, srv.NewPhone(authingtest.WxUser{})) // other users are not limited

	code, detail := ann.Login(), ann.GetUserInfo()
	clock.advance(time.Minute - time.Nanosecond)
	_, err := client.LoginWithWxapp(ctx, code, detail)
	assert.Equal(t, 45011, errcode(t, err))
	assert.ErrorIs(t, err, authing.ErrRateLimited)

	clock.advance(time.Nanosecond)
	_, err = client.LoginWithWxapp(ctx, code, detail)
	assert.NoError(t, err, "a rate-limited call does not use up the code")
}

func TestNewCodeKillsOld(t *testing.T) {
	t.Parallel()
	for _, kills := range []bool{false, true} {
		srv, client := setup(t, authingtest.Options{NewCodeKillsOld: kills, MinKeyAge: authingtest.KeepKey})
		ann, bob := srv.NewPhone(authingtest.WxUser{}), srv.NewPhone(authingtest.WxUser{})
		bobs, old, fresh := bob.Login(), ann.Login(), ann.Login()
		_, err := client.LoginWithWxapp(ctx, old, ann.GetUserInfo())
		assert.Equal(t, kills, errors.Is(err, authing.ErrCodeInvalid))
		_, err = client.LoginWithWxapp(ctx, fresh, ann.GetUserInfo())
		assert.NoError(t, err)
		_, err = client.LoginWithWxapp(ctx, bobs, bob.GetUserInfo())
		assert.NoError(t, err)
	}
}

// Calling wx.login after the detail is created, which WeChat's documentation warns against, fails if it replaces the
// session key.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		minKeyAge, age time.Duration
		replaced       bool
	}{
		"always":            {0, 0, true},
		"never":             {authingtest.KeepKey, 10000 * time.Hour, false},
		"before the period": {time.Hour, time.Hour - 1, false},
		"after the period":  {time.Hour, time.Hour, true},
		"clock set back":    {0, -time.Hour, true},
		"kept, set back":    {authingtest.KeepKey, -time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := newClock()
			srv, client := setup(t, authingtest.Options{Clock: clock.Now, MinKeyAge: tt.minKeyAge})
			ann := srv.NewPhone(authingtest.WxUser{})
			detail := ann.GetUserInfo()
			clock.advance(tt.age)
			code := ann.Login()

			_, err := client.LoginWithWxapp(ctx, code, detail)
			if !tt.replaced {
				require.NoError(t, err)
				return
			}
			assert.Equal(t, -41003, errcode(t, err))
			_, err = client.LoginWithWxapp(ctx, code, detail)
			assert.Equal(t, 40163, errcode(t, err), "the failed call used up the code")
		})
	}
}

func TestMinKeyAgeAppliesToNewKeys(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, client := setup(t, authingtest.Options{Clock: clock.Now, MinKeyAge: time.Hour})
	ann := srv.NewPhone(authingtest.WxUser{})
	clock.advance(time.Hour)
	ann.Login()
	detail := ann.GetUserInfo()
	clock.advance(time.Hour - 1)
	_, err := client.LoginWithWxapp(ctx, ann.Login(), detail)
	assert.NoError(t, err)
}

// A code decrypts details created with the same session key, even if a newer key exists.
func TestOldCodeDecryptsOldDetail(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{})
	ann := srv.NewPhone(authingtest.WxUser{})
	oldCode, oldDetail := ann.Login(), ann.GetUserInfo()
	newCode, newDetail := ann.Login(), ann.GetUserInfo()

	_, err := client.LoginWithWxapp(ctx, oldCode, oldDetail)
	assert.NoError(t, err)
	_, err = client.LoginWithWxapp(ctx, newCode, newDetail)
	assert.NoError(t, err)
}

func TestPhonesOfOneUserShareSessionKey(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{})
	first := srv.NewPhone(authingtest.WxUser{OpenID: "o-1"})
	second := srv.NewPhone(authingtest.WxUser{OpenID: "o-1"})
	code := second.Login()
	_, err := client.LoginWithWxapp(ctx, code, first.GetUserInfo())
	assert.NoError(t, err)
}

func TestWeChatError(t *testing.T) {
	t.Parallel()
	_, client := setup(t, authingtest.Options{
		WeChatError: func(errcode int, errmsg string) (int, string) {
			assert.Equal(t, 40029, errcode)
			assert.Regexp(t, "^invalid code, rid: ", errmsg)
			return 400, `{"code":40029,"message":"微信说不"}`
		},
	})
	_, err := client.LoginWithWxapp(ctx, "unknown", authing.Detail{
		ErrMsg: "getUserInfo:ok", IV: "EBESExQVFhcYGRobHB0eHw==", EncryptedData: "EBESExQVFhcYGRobHB0eHw==",
	})
	assert.ErrorIs(t, err, authing.ErrCodeInvalid)
	var e *authing.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, 400, e.StatusCode)
	assert.Equal(t, "微信说不", e.Message)
}
