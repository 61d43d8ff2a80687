package authingtest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

// dateForms are spellings of 2026-12-12 22:31:38 UTC, in every form that the service or JavaScript writes.
var dateForms = []string{
	"2026-12-12T22:31:38.000Z",
	"2026-12-12T22:31:38Z",
	"2026-12-13T06:31:38+08:00",
	"2026-12-13T06:31:38+0800",
	"2026-12-13T06:31:38.000",
	"2026-12-13 06:31:38",
	"2026-12-13 06:31:38 +0800",
	"Sun Dec 13 2026 06:31:38 GMT+0800 (CST)",
	"Sun Dec 13 2026 06:31:38 GMT+0800 (China Standard Time)",
	"Sun Dec 13 2026 06:31:38 GMT+0800 (中国标准时间)",
	"Sun Dec 13 2026 06:31:38 GMT+0800",
	"Sun Dec 13 2026 06:31:38 GMT 0800 (CST)",
	"Sat Dec 12 2026 22:31:38 GMT+0000 (UTC)",
	"Sat, 12 Dec 2026 22:31:38 GMT",
	"12/13/2026, 6:31:38 AM",
	"2026/12/13 06:31:38",
	"2026/12/13 上午6:31:38",
	"1797114698",
	"1797114698000",
}

func TestUpdateReadsEveryDateForm(t *testing.T) {
	t.Parallel()
	want := time.Date(2026, 12, 12, 22, 31, 38, 0, time.UTC)
	srv, client := setup(t, authingtest.Options{Clock: newClock().Now})
	for _, form := range dateForms {
		ann := srv.AddUser(authing.User{Nickname: "Ann"})
		asAnn := client.As(ann.Token)

		_, err := asAnn.Update(ctx, ann.ID, authing.UserUpdate{TokenExpiredAt: &form, SignedUp: &form, LastLogin: &form})
		require.NoError(t, err, form)

		_, err = asAnn.User(ctx, ann.ID)
		assert.NoError(t, err, "%s: still signed in", form)
		stored := srv.User(ann.ID)
		assert.Equal(t, want, stored.TokenExpiredAt.UTC(), form)
		assert.Equal(t, want, stored.SignedUp.UTC(), form)
		assert.Equal(t, want, stored.LastLogin.UTC(), form)
	}
}

// Sending a user back as received, with dates of the past or that mean nothing, signs no user out.
func TestOnlyZeroSignsOut(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{Clock: newClock().Now})
	for expires, signedOut := range map[string]bool{
		"0": true, "": false, "Invalid date": false, "soon": false, "2001-01-01T00:00:00.000Z": false,
		"Mon Jan 01 2001 08:00:00 GMT+0800 (CST)": false, "1": false, "00": false,
	} {
		ann := srv.AddUser(authing.User{})
		_, err := client.As(ann.Token).Update(ctx, ann.ID, authing.UserUpdate{TokenExpiredAt: &expires})
		require.NoError(t, err, expires)
		_, err = client.As(ann.Token).User(ctx, ann.ID)
		assert.Equal(t, signedOut, err != nil, expires)
	}
}

func TestUpdateIgnoresUnreadableDates(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{})
	ann := srv.AddUser(authing.User{})
	for _, form := range []string{"", "0", "Invalid date", "-5", "2026-13-45T00:00:00Z"} {
		_, err := client.As(ann.Token).Update(ctx, ann.ID, authing.UserUpdate{SignedUp: &form, LastLogin: &form})
		require.NoError(t, err, form)
		stored := srv.User(ann.ID)
		assert.Equal(t, ann.SignedUp, stored.SignedUp, form)
		assert.Equal(t, ann.LastLogin, stored.LastLogin, form)
	}
}
