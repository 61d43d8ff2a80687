package authingtest_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

// uploadToken asks for a token as the original does.
func uploadToken(t *testing.T, srv *authingtest.Server, user *authing.User) string {
	t.Helper()
	_, text := send(t, graphqlRequest(srv, query(`query qiNiuUploadToken { qiNiuUploadToken }`, ""), "Bearer "+string(user.Token)))
	var answer struct {
		Data struct{ QiNiuUploadToken string }
	}
	decodeJSON(t, []byte(text), &answer)
	require.NotEmpty(t, answer.Data.QiNiuUploadToken)
	return answer.Data.QiNiuUploadToken
}

// form is what an upload consists of. A nil file is absent.
type form struct {
	token, key string
	file       []byte
}

// upload posts a form, in chunks if it is not to say how long it is.
func upload(t *testing.T, srv *authingtest.Server, f form, chunked bool) (status int, answer map[string]string) {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, value := range map[string]string{"token": f.token, "key": f.key} {
		if value != "" {
			require.NoError(t, w.WriteField(name, value))
		}
	}
	if f.file != nil {
		part, err := w.CreateFormFile("file", "a.png")
		require.NoError(t, err)
		_, err = part.Write(f.file)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	var reader io.Reader = &body
	if chunked {
		reader = iotest.HalfReader(&body)
	}
	resp, err := http.Post(srv.UploadURL(), w.FormDataContentType(), reader)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	decodeJSON(t, text, &answer)
	return resp.StatusCode, answer
}

func TestUpload(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, _ := setup(t, authingtest.Options{UploadLimit: 100, Clock: clock.Now})
	ann := addAnn(srv)
	old := uploadToken(t, srv, ann)
	clock.pass(time.Hour)
	token := uploadToken(t, srv, ann)
	image := []byte("\x89PNG 1")
	for _, tt := range []struct {
		name   string
		form   form
		status int
		err    string
	}{
		{"fine", form{token, "avatar/wechatapp/a.png", image}, 200, ""},
		{"again", form{token, "avatar/wechatapp/a.png", image}, 200, ""},
		{"over another", form{token, "avatar/wechatapp/a.png", []byte("2")}, 614, "file exists"},
		{"as large as can be", form{token, "b.png", make([]byte, 100)}, 200, ""},
		{"too large", form{token, "c.png", make([]byte, 101)}, 413, "request entity too large"},
		{"no token", form{"", "c.png", image}, 400, "token not specified"},
		{"bad token", form{token + "x", "c.png", image}, 401, "bad token"},
		{"expired token", form{old, "c.png", image}, 401, "expired token"},
		{"no file", form{token, "c.png", nil}, 400, "file is not specified in multipart"},
	} {
		for _, chunked := range []bool{false, true} {
			status, answer := upload(t, srv, tt.form, chunked)
			assert.Equal(t, tt.status, status, tt.name)
			assert.Equal(t, tt.err, answer["error"], tt.name)
			if tt.err == "" {
				assert.Equal(t, tt.form.key, answer["key"], tt.name)
				assert.Len(t, answer["hash"], 28, tt.name)
			}
		}
	}
	_, answer := upload(t, srv, form{token, "", image}, false)
	assert.Equal(t, answer["hash"], answer["key"], "without a key the storage takes the hash")

	status, body := send(t, rawRequest{"GET", srv.CDNURL(), "/avatar/wechatapp/a.png", "", http.Header{}})
	assert.Equal(t, 200, status)
	assert.Equal(t, string(image), body)
	status, _ = send(t, rawRequest{"GET", srv.CDNURL(), "/c.png", "", http.Header{}})
	assert.Equal(t, 404, status, "what was refused is not stored")
	status, _ = send(t, rawRequest{"POST", srv.UploadURL(), "/", "x", http.Header{"Content-Type": {"application/json"}}})
	assert.Equal(t, 400, status)
	_, text := send(t, graphqlRequest(srv, query(`{ qiNiuUploadToken }`, "")))
	assert.Contains(t, text, `"code":2020`, "a token is for users only")
}

func TestChangeAvatar(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{UploadLimit: 1000})
	ann := addAnn(srv)
	asAnn := client.As(ann.Token)
	picture := pngImage(t)

	for name, image := range map[string]io.Reader{
		"known length":   bytes.NewReader(picture),
		"unknown length": iotest.OneByteReader(bytes.NewReader(picture)),
	} {
		user, err := asAnn.ChangeAvatar(ctx, ann.ID, image)
		require.NoError(t, err, name)
		assert.True(t, strings.HasPrefix(user.Photo, srv.CDNURL()+"/avatar/wechatapp/"), name)
		status, body := send(t, rawRequest{"GET", user.Photo, "", "", http.Header{}})
		assert.Equal(t, 200, status, name)
		assert.Equal(t, string(picture), body, name)
	}
	hosts := []string{}
	for _, rq := range srv.Requests() {
		hosts = append(hosts, rq.Host)
	}
	assert.Equal(t, []string{"users", "upload", "users", "upload"}, hosts[:4])
	photo := srv.User(ann.ID).Photo

	_, err := asAnn.ChangeAvatar(ctx, ann.ID, bytes.NewReader(append(picture, make([]byte, 1000)...)))
	var e *authing.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, http.StatusRequestEntityTooLarge, e.StatusCode)
	assert.NotErrorIs(t, err, authing.ErrOutcomeUnknown)
	for _, op := range []string{"ChangeAvatar", "Upload", "Update"} {
		srv.FailNext(op, authingtest.Fault{Code: 1000})
		_, err = asAnn.ChangeAvatar(ctx, ann.ID, bytes.NewReader(picture))
		assert.Error(t, err, op)
		assert.NotErrorIs(t, err, authing.ErrOutcomeUnknown, op)
		assert.Equal(t, photo, srv.User(ann.ID).Photo, op)
	}
}
