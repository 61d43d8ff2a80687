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

// uploadToken requests a token like the original.
func uploadToken(t *testing.T, srv *authingtest.Server, user *authing.User) string {
	t.Helper()
	_, text := send(t, graphqlRequest(srv, query(`query qiNiuUploadToken { qiNiuUploadToken }`, ""), "Bearer "+string(user.Token)))
	var response struct {
		Data struct{ QiNiuUploadToken string }
	}
	decodeJSON(t, []byte(text), &response)
	require.NotEmpty(t, response.Data.QiNiuUploadToken)
	return response.Data.QiNiuUploadToken
}

// form is the multipart form of an upload. A nil file is omitted.
type form struct {
	token, key string
	file       []byte
}

// multipartBody returns the encoded form and its content type.
func multipartBody(t *testing.T, f form) (body *bytes.Buffer, contentType string) {
	t.Helper()
	body = &bytes.Buffer{}
	w := multipart.NewWriter(body)
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
	return body, w.FormDataContentType()
}

func upload(t *testing.T, srv *authingtest.Server, f form) (status int, response map[string]string) {
	t.Helper()
	body, contentType := multipartBody(t, f)
	return post(t, srv, contentType, body)
}

func post(t *testing.T, srv *authingtest.Server, contentType string, body io.Reader) (status int, response map[string]string) {
	t.Helper()
	resp, err := http.Post(srv.UploadURL(), contentType, body)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	decodeJSON(t, text, &response)
	return resp.StatusCode, response
}

func TestUpload(t *testing.T) {
	t.Parallel()
	clock := newClock()
	srv, _ := setup(t, authingtest.Options{UploadLimit: 100, Clock: clock.Now})
	ann := addAnn(srv)
	old := uploadToken(t, srv, ann)
	clock.advance(time.Hour)
	token := uploadToken(t, srv, ann)
	image := []byte("\x89PNG 1")
	for _, tt := range []struct {
		name   string
		form   form
		status int
		err    string
	}{
		{"new", form{token, "avatar/wechatapp/a.png", image}, 200, ""},
		{"again", form{token, "avatar/wechatapp/a.png", image}, 200, ""},
		{"different file", form{token, "avatar/wechatapp/a.png", []byte("2")}, 614, "file exists"},
		{"maximum size", form{token, "b.png", make([]byte, 100)}, 200, ""},
		{"too large", form{token, "c.png", make([]byte, 101)}, 413, "request entity too large"},
		{"no token", form{"", "c.png", image}, 400, "token not specified"},
		{"bad token", form{token + "x", "c.png", image}, 401, "bad token"},
		{"expired token", form{old, "c.png", image}, 401, "expired token"},
		{"no file", form{token, "c.png", nil}, 400, "file is not specified in multipart"},
	} {
		status, response := upload(t, srv, tt.form)
		assert.Equal(t, tt.status, status, tt.name)
		assert.Equal(t, tt.err, response["error"], tt.name)
		if tt.err == "" {
			assert.Equal(t, tt.form.key, response["key"], tt.name)
			assert.Len(t, response["hash"], 28, tt.name)
		}
	}
	_, response := upload(t, srv, form{token, "", image})
	assert.Equal(t, response["hash"], response["key"], "the key defaults to the hash")

	status, body := send(t, rawRequest{"GET", srv.CDNURL(), "/avatar/wechatapp/a.png", "", http.Header{}})
	assert.Equal(t, 200, status)
	assert.Equal(t, string(image), body)
	status, _ = send(t, rawRequest{"GET", srv.CDNURL(), "/c.png", "", http.Header{}})
	assert.Equal(t, 404, status, "a rejected file is not stored")
	status, _ = send(t, rawRequest{"POST", srv.UploadURL(), "/", "x", http.Header{"Content-Type": {"application/json"}}})
	assert.Equal(t, 400, status)
	_, text := send(t, graphqlRequest(srv, query(`{ qiNiuUploadToken }`, "")))
	assert.Contains(t, text, `"code":2020`, "an upload token requires a login")
}

func TestUploadRequiresContentLength(t *testing.T) {
	t.Parallel()
	srv, _ := setup(t, authingtest.Options{})
	f := form{uploadToken(t, srv, addAnn(srv)), "avatar/wechatapp/a.png", []byte("\x89PNG 1")}

	body, contentType := multipartBody(t, f)
	status, response := post(t, srv, contentType, iotest.HalfReader(body)) // of unknown length, so net/http sends it chunked

	assert.Equal(t, http.StatusLengthRequired, status)
	assert.Equal(t, map[string]string{"error": "missing content length"}, response)
	requests := srv.Requests()
	require.Len(t, requests, 2)
	assert.Contains(t, string(requests[1].Body), "PNG 1", "a rejected request is recorded, too")
	status, _ = send(t, rawRequest{"GET", srv.CDNURL(), "/avatar/wechatapp/a.png", "", http.Header{}})
	assert.Equal(t, http.StatusNotFound, status, "a rejected file is not stored")
	status, _ = upload(t, srv, f)
	assert.Equal(t, http.StatusOK, status)
}

func TestChangeAvatar(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{UploadLimit: 1000})
	ann := addAnn(srv)
	asAnn := client.As(ann.Token)
	png := pngImage(t)

	for range 2 {
		user, err := asAnn.ChangeAvatar(ctx, ann.ID, bytes.NewReader(png))
		require.NoError(t, err)
		assert.True(t, strings.HasPrefix(user.Photo, srv.CDNURL()+"/avatar/wechatapp/"))
		status, body := send(t, rawRequest{"GET", user.Photo, "", "", http.Header{}})
		assert.Equal(t, 200, status)
		assert.Equal(t, string(png), body)
	}
	hosts := []string{}
	for _, req := range srv.Requests() {
		hosts = append(hosts, req.Host)
	}
	assert.Equal(t, []string{"users", "upload", "users", "upload"}, hosts[:4])
	photo := srv.User(ann.ID).Photo

	_, err := asAnn.ChangeAvatar(ctx, ann.ID, bytes.NewReader(append(png, make([]byte, 1000)...)))
	var e *authing.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, http.StatusRequestEntityTooLarge, e.StatusCode)
	assert.NotErrorIs(t, err, authing.ErrOutcomeUnknown)
	for _, op := range []string{"ChangeAvatar", "Upload", "Update"} {
		srv.FailNext(op, authingtest.Fault{Code: 1000})
		_, err = asAnn.ChangeAvatar(ctx, ann.ID, bytes.NewReader(png))
		assert.Error(t, err, op)
		assert.NotErrorIs(t, err, authing.ErrOutcomeUnknown, op)
		assert.Equal(t, photo, srv.User(ann.ID).Photo, op)
	}
}
