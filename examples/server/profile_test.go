package main

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

// form is the body of an upload and its content type.
type form struct {
	contentType string
	body        []byte
}

func formFile(field, name string, content []byte) form {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	w.WriteField("note", "sent before the file")
	file, _ := w.CreateFormFile(field, name)
	file.Write(content)
	w.Close()
	return form{w.FormDataContentType(), b.Bytes()}
}

func uploadAvatar(t *testing.T, url, token string, f form, headers ...string) response {
	t.Helper()
	r, err := http.NewRequest("POST", url+"/api/avatar", bytes.NewReader(f.body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", f.contentType)
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return send(t, r)
}

func TestChangeAvatar(t *testing.T) {
	t.Parallel()
	fake := newFake(t)
	p := startBackend(t, fake)
	ann := fake.NewPhone(authingtest.WxUser{NickName: "Ann"})
	login := request(t, "POST", p.url+"/api/login", "", loginBody(ann.Login(), ann.GetUserInfo()))
	file := ann.ChooseAvatar()

	got := uploadAvatar(t, p.url, login.Token, formFile("file", path.Base(file.Path), file.Content))
	require.Equal(t, http.StatusOK, got.status, got.text)
	want := login.User
	want.Photo = fake.User(login.User.ID).Photo
	assert.Equal(t, want, got.User)
	assert.Equal(t, file.Content, get(t, got.User.Photo))
	assert.NotContains(t, got.text, "oken")

	for _, token := range []string{"", "a.b.c"} {
		again := uploadAvatar(t, p.url, token, formFile("file", "a.png", file.Content))
		assert.Equal(t, http.StatusUnauthorized, again.status)
		assert.Equal(t, "signin", again.Error.Next)
	}
	require.NoError(t, p.stop())
	assert.Regexp(t, `method=POST route="POST /api/avatar" status=200 took=\S+ user=`+login.User.ID, p.log.String())
}

func TestAvatarRules(t *testing.T) {
	t.Parallel()
	fake := newFake(t)
	p := startBackend(t, fake)
	ann := fake.NewPhone(authingtest.WxUser{NickName: "Ann"})
	token := request(t, "POST", p.url+"/api/login", "", loginBody(ann.Login(), ann.GetUserInfo())).Token
	image := ann.ChooseAvatar().Content
	pad := func(size int) []byte { return append(bytes.Clone(image), make([]byte, size-len(image))...) }
	whole := formFile("file", "a.png", image)
	for name, tt := range map[string]struct {
		form   form
		status int
		reason string
	}{
		"maximum size":        {formFile("file", "a.png", pad(maxAvatar)), 200, ""},
		"too large":           {formFile("file", "a.png", pad(maxAvatar+1)), 413, "too_large"},
		"much too large":      {formFile("another", "a.png", pad(2*maxAvatar)), 413, "too_large"},
		"text":                {formFile("file", "a.png", []byte("text")), 400, "bad_image"},
		"SVG":                 {formFile("file", "a.svg", []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`)), 400, "bad_image"},
		"empty":               {formFile("file", "a.png", nil), 400, "bad_image"},
		"another field":       {formFile("avatar", "a.png", image), 400, "bad_request"},
		"no file name":        {formFile("file", "", image), 400, "bad_request"},
		"truncated":           {form{whole.contentType, whole.body[:len(whole.body)-70]}, 400, "bad_request"},
		"truncated in header": {form{whole.contentType, whole.body[:20]}, 400, "bad_request"},
		"no boundary":         {form{"multipart/form-data", whole.body}, 400, "bad_request"},
		"mixed":               {form{strings.Replace(whole.contentType, "form-data", "mixed", 1), whole.body}, 415, "wrong_type"},
		"JSON":                {form{"application/json", []byte("{}")}, 415, "wrong_type"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := uploadAvatar(t, p.url, token, tt.form)
			assert.Equal(t, tt.status, got.status, got.text)
			assert.Equal(t, tt.reason, got.Error.Reason)
		})
	}
}

// A bad picture must not cost a request, and one that does not arrive is no fault of Authing.
func TestBrokenUploadSendsNothing(t *testing.T) {
	t.Parallel()
	fake := newFake(t)
	p := startBackend(t, fake)
	ann := fake.NewPhone(authingtest.WxUser{NickName: "Ann"})
	token := request(t, "POST", p.url+"/api/login", "", loginBody(ann.Login(), ann.GetUserInfo())).Token
	request(t, "GET", p.url+"/api/me", token, nil) // from now on, the token is cached
	before := len(fake.Requests())
	whole := formFile("file", "a.png", ann.ChooseAvatar().Content)

	r, err := http.NewRequest("POST", p.url+"/api/avatar", io.MultiReader(
		bytes.NewReader(whole.body[:len(whole.body)/2]), iotest.ErrReader(io.ErrClosedPipe)))
	require.NoError(t, err)
	r.Header.Set("Content-Type", whole.contentType)
	r.Header.Set("Authorization", "Bearer "+token)
	_, err = http.DefaultClient.Do(r)
	assert.ErrorIs(t, err, io.ErrClosedPipe)
	uploadAvatar(t, p.url, token, formFile("file", "a.png", []byte("text")))
	require.NoError(t, p.stop())
	assert.Len(t, fake.Requests(), before)
	assert.NotContains(t, p.log.String(), "level=ERROR")
}

func TestTooManyUploads(t *testing.T) {
	t.Parallel()
	fake := newFake(t)
	client, err := authing.NewClient(fake.UserPoolID(), fake.ClientOptions()...)
	require.NoError(t, err)
	a, mux := newAPI(userPool{client}), http.NewServeMux()
	a.register(mux, "")
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	ann := fake.NewPhone(authingtest.WxUser{NickName: "Ann"})
	user, err := client.LoginWithWxapp(t.Context(), ann.Login(), ann.GetUserInfo())
	require.NoError(t, err)
	upload := func() response {
		return uploadAvatar(t, server.URL, string(user.Token), formFile("file", "a.png", ann.ChooseAvatar().Content))
	}
	for range maxUploads {
		a.uploads <- struct{}{}
	}
	got := upload()
	assert.Equal(t, http.StatusServiceUnavailable, got.status)
	assert.Equal(t, "retry", got.Error.Next)
	<-a.uploads
	for range 2 {
		assert.Equal(t, http.StatusOK, upload().status, "there is room again")
	}
}

func TestChangeNickname(t *testing.T) {
	t.Parallel()
	fake := newFake(t)
	p := startBackend(t, fake)
	ann := fake.NewPhone(authingtest.WxUser{AnonymousUserInfo: true})
	login := request(t, "POST", p.url+"/api/login", "", loginBody(ann.Login(), ann.GetUserInfo()))
	before := fake.User(login.User.ID)
	patch := func(token string, body any) response { return request(t, "PATCH", p.url+"/api/me", token, body) }

	for input, want := range map[string]string{
		"林小雨": "林小雨", " Ann\u3000": "Ann", "👩‍💻": "👩‍💻", strings.Repeat("雨", 32): strings.Repeat("雨", 32),
	} {
		got := patch(login.Token, map[string]string{"nickname": input})
		require.Equal(t, http.StatusOK, got.status, got.text)
		assert.Equal(t, want, got.User.Nickname)
		assert.Equal(t, want, fake.User(login.User.ID).Nickname)
		assert.NotContains(t, got.text, "oken")
	}
	put := request(t, "PUT", p.url+"/api/me", login.Token, map[string]string{"nickname": "Ann"})
	assert.Equal(t, "Ann", put.User.Nickname, "wx.request cannot send PATCH")
	after := fake.User(login.User.ID)
	assert.Equal(t, before.Photo, after.Photo, "nothing else changes")

	for _, bad := range []string{"", " ", "a\nb", "a\x00b", strings.Repeat("雨", 33)} {
		got := patch(login.Token, map[string]string{"nickname": bad})
		assert.Equal(t, 400, got.status)
		assert.Equal(t, "bad_nickname", got.Error.Reason, "%q", bad)
	}
	assert.Equal(t, "bad_request", patch(login.Token, map[string]any{"nickname": "x", "blocked": false}).Error.Reason)
	assert.Equal(t, "login_required", patch("", map[string]string{"nickname": "x"}).Error.Reason)
	assert.Equal(t, after.Nickname, fake.User(login.User.ID).Nickname)
}

// The server's limits are for small bodies. A picture may take longer.
func TestSlowUpload(t *testing.T) {
	t.Parallel()
	fake := newFake(t)
	client, err := authing.NewClient(fake.UserPoolID(), fake.ClientOptions()...)
	require.NoError(t, err)
	mux, log := http.NewServeMux(), (&logBuffer{}).logger()
	newAPI(userPool{client}).register(mux, "")
	server := httptest.NewUnstartedServer(nil)
	server.Config = newServer(logRequests(log, mux), log)
	server.Config.ReadTimeout, server.Config.WriteTimeout = time.Nanosecond, time.Nanosecond
	server.Start()
	t.Cleanup(server.Close)
	ann := fake.NewPhone(authingtest.WxUser{NickName: "Ann"})
	user, err := client.LoginWithWxapp(t.Context(), ann.Login(), ann.GetUserInfo())
	require.NoError(t, err)

	got := uploadAvatar(t, server.URL, string(user.Token), formFile("file", "a.png", append(ann.ChooseAvatar().Content, make([]byte, 1<<20)...)))
	assert.Equal(t, http.StatusOK, got.status, got.text)
}
