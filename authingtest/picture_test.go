package authingtest_test

import (
	"bytes"
	"image/png"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing/authingtest"
)

func TestChooseAvatar(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{})
	ann, bob := srv.NewPhone(authingtest.WxUser{}), srv.NewPhone(authingtest.WxUser{})
	file := ann.ChooseAvatar()
	assert.Regexp(t, `^http://tmp/[0-9A-Za-z]{32}\.png$`, file.Path)
	assert.NotEqual(t, file.Path, ann.ChooseAvatar().Path)
	picture, err := png.Decode(bytes.NewReader(file.Content))
	require.NoError(t, err)
	assert.Equal(t, 132, picture.Bounds().Dx())
	assert.Equal(t, file.Content, srv.NewPhone(ann.User()).ChooseAvatar().Content)
	assert.NotEqual(t, file.Content, bob.ChooseAvatar().Content)

	user, asAnn := signIn(t, client, ann)
	changed, err := asAnn.ChangeAvatar(ctx, user.ID, bytes.NewReader(file.Content))
	require.NoError(t, err)
	assert.Equal(t, changed.Photo, srv.User(user.ID).Photo)
	assert.NotEqual(t, user.Photo, changed.Photo)
}
