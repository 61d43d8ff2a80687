package docs_test

//lint:file-ignore SA4006 the snippet of the package comment leaves out what to do with an error

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authinghttp"
	"github.com/authing-wxapp/authing/authingtest"
)

// repository is the root that the tests name files from.
var repository = os.DirFS("..")

var readmes = []string{"README.md", "README.zh-CN.md"}

// post is what a page sends.
type post struct {
	Code   string
	Detail authing.Detail
}

// The code from here to TestDocumentedGo is shown in the documents, and so is ExampleNewClient in example_test.go.

func TestSignIn(t *testing.T) {
	t.Parallel()
	srv := authingtest.NewServer(authingtest.Options{})
	defer srv.Close()
	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	require.NoError(t, err)

	ann := srv.NewPhone(authingtest.WxUser{NickName: "Ann"}) // her phone, with the mini program open
	user, err := client.LoginWithWxapp(context.Background(), ann.Login(), ann.GetUserInfo())
	require.NoError(t, err)
	assert.Equal(t, "Ann", user.Nickname)
}

func TestSignInMocked(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", `=~/oauth/wechatapp/auth/`,
		httpmock.NewStringResponder(200, `{"code": 200, "data": {"_id": "u1", "token": "t1"}}`))
	client, err := authing.NewClient("pool", authing.WithHTTPClient(&http.Client{Transport: mock}))
	require.NoError(t, err)

	user, err := client.LoginWithWxapp(context.Background(), "code", authing.Detail{
		ErrMsg: "getUserInfo:ok", IV: "AAAAAAAAAAAAAAAAAAAAAA==", EncryptedData: "AAAAAAAAAAAAAAAAAAAAAA==",
	})
	require.NoError(t, err)
	assert.Equal(t, "u1", user.ID)
}

var _ = func(ctx context.Context, poolID, code2 string, detail2 authing.Detail, body post) (*authing.User, error) {
	client, err := authing.NewClient(poolID)                         // once, at start-up
	user, err := client.LoginWithWxapp(ctx, body.Code, body.Detail)  // body: {code, detail} from the page
	user, err = client.As(user.Token).BindPhone(ctx, code2, detail2) // a second tap, a second code
	return user, err
}

var _ = func(client *authing.Client) *http.ServeMux {
	mux := http.NewServeMux()
	verifier := authinghttp.Cache(client, authinghttp.CacheOptions{TTL: time.Minute}) // asks once a minute per token
	mux.Handle("GET /api/me", authinghttp.RequireLogin(verifier)(http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			info, _ := authinghttp.TokenInfoFromContext(r.Context())
			token, _ := authinghttp.TokenFromContext(r.Context())
			user, err := client.As(token).User(r.Context(), info.UserID)
			switch {
			case errors.Is(err, authing.ErrLoginRequired): // signed out after the cache had asked
				http.Error(w, "sign in first", http.StatusUnauthorized)
			case err != nil:
				http.Error(w, "try again later", http.StatusServiceUnavailable)
			default:
				fmt.Fprintln(w, user.Nickname)
			}
		})))
	return mux
}

func signIn(client *authing.Client) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Code   string
			Detail authing.Detail
		}
		if json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&body) != nil {
			http.Error(w, "send {code, detail} as JSON", http.StatusBadRequest)
			return
		}
		user, err := client.LoginWithWxapp(r.Context(), body.Code, body.Detail)
		switch {
		case errors.Is(err, authing.ErrUserRefused):
			http.Error(w, "the user refused", http.StatusForbidden) // nothing was sent, the code is still good
		case errors.Is(err, authing.ErrInvalidArgument):
			log.Print(err) // says what the page does wrong
			http.Error(w, "the page sent something else than it got", http.StatusBadRequest)
		case err != nil:
			log.Print(err)
			http.Error(w, "tap again, with a fresh code", http.StatusBadGateway)
		default:
			json.NewEncoder(w).Encode(map[string]string{"token": string(user.Token)})
		}
	}
}

func TestDocumentedSignIn(t *testing.T) {
	t.Parallel()
	srv := authingtest.NewServer(authingtest.Options{})
	defer srv.Close()
	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	require.NoError(t, err)
	ann := srv.NewPhone(authingtest.WxUser{})
	code := ann.Login()
	for _, tt := range []struct {
		posted any
		status int
		answer string
	}{
		{post{code, authing.Detail{ErrMsg: "getUserInfo:fail auth deny"}}, http.StatusForbidden, "refused"},
		{post{code, ann.GetPhoneNumber()}, http.StatusBadRequest, "something else"},
		{[]int{}, http.StatusBadRequest, "as JSON"},
		{post{code, ann.GetUserInfo()}, http.StatusOK, `{"token":"`},
		{post{code, ann.GetUserInfo()}, http.StatusBadGateway, "fresh code"},
	} {
		body, err := json.Marshal(tt.posted)
		require.NoError(t, err)
		w := httptest.NewRecorder()
		signIn(client)(w, httptest.NewRequest("POST", "/login", bytes.NewReader(body)))
		assert.Equal(t, tt.status, w.Code)
		assert.Contains(t, w.Body.String(), tt.answer)
	}
}

type form struct{ Email, Password, Captcha string }

var _ = func(ctx context.Context, client *authing.Client, form form, userIP string, showCaptcha func([]byte)) (*authing.User, error) {
	user, err := client.Login(ctx, authing.LoginParams{
		Email: form.Email, Password: authing.Secret(form.Password),
		LastIP:     userIP,       // else every sign-in seems to come from your backend
		VerifyCode: form.Captcha, // empty the first time
	})
	if failed := (*authing.Error)(nil); errors.Is(err, authing.ErrCaptchaRequired) && errors.As(err, &failed) {
		showCaptcha(failed.Data) // {"url": "https://…"}; then the form comes again, with the captcha
	}
	return user, err
}

// TestDocumentedGo holds that the Go code of the documents compiles: every block of it is a run of lines of this file or of
// example_test.go.
func TestDocumentedGo(t *testing.T) {
	t.Parallel()
	compiled := unindented(read(t, "docs/docs_test.go")) + unindented(read(t, "example_test.go"))
	blocks := []string{strings.Join(submatches(`(?m)^//(\t.*\n)`, read(t, "doc.go")), "")}
	for _, name := range readmes {
		found := submatches("(?ms)^```go\n(.*?)^```$", read(t, name))
		require.NotEmpty(t, found, name)
		blocks = append(blocks, found...)
	}
	for _, block := range blocks {
		require.NotEmpty(t, strings.TrimSpace(block))
		assert.True(t, strings.Contains(compiled, unindented(block)), "not in docs_test.go or example_test.go:\n%s", block)
	}
}

// TestReadmesAgree holds that neither language says more than the other, as far as that can be counted.
func TestReadmesAgree(t *testing.T) {
	t.Parallel()
	english, chinese := read(t, readmes[0]), read(t, readmes[1])
	for what, expr := range map[string]string{
		"headings":    `(?m)^(#+) `,
		"list items":  `(?m)^(- )`,
		"code blocks": "(?ms)^```(.*?)^```$",
		"table rows":  "(?m)^\\| (`[^`]*`)", // the first column, which is code in both
	} {
		found := submatches(expr, english)
		assert.NotEmpty(t, found, what)
		assert.Equal(t, found, submatches(expr, chinese), what)
	}
	assert.Contains(t, english, "("+readmes[1]+")")
	assert.Contains(t, chinese, "("+readmes[0]+")")
}

// TestReadmeMethods holds that the table has every method that calls the service, beside the original's name for it.
func TestReadmeMethods(t *testing.T) {
	t.Parallel()
	originals := map[string]string{} // by the Go name, as the methods' comments say
	sources, err := fs.Glob(repository, "*.go")
	require.NoError(t, err)
	for _, source := range sources {
		for _, m := range matches(`// Original: (\w+).*(?:\n//.*)*\nfunc \(c \*Client\) (\w+)\(`, read(t, source)) {
			originals[m[2]] = m[1]
		}
	}
	methods := map[string]string{}
	client := reflect.TypeFor[*authing.Client]()
	for i := range client.NumMethod() {
		m := client.Method(i)
		if m.Type.NumIn() > 1 && m.Type.In(1) == reflect.TypeFor[context.Context]() {
			methods[m.Name] = originals[m.Name]
		}
	}
	for _, name := range readmes {
		rows := map[string]string{}
		for _, m := range matches("(?m)^\\| `(\\w+)` \\| `Client\\.(\\w+)` \\|", read(t, name)) {
			rows[m[2]] = m[1]
		}
		assert.Equal(t, methods, rows, name)
	}
}

// originals are the public methods of the original.
var originals = []string{
	"constructor", "login", "register", "loginByPhoneCode", "loginByLDAP", "checkLoginStatus", "user", "update", "logout",
	"sendResetPasswordEmail", "verifyResetPasswordVerifyCode", "changePassword", "sendVerifyEmail", "unbindEmail",
	"getAuthedAppList", "revokeAuthedApp", "metadata", "setMetadata", "removeMetadata", "changeAvatar", "getVerificationCode",
	"loginWithWxapp", "bindPhone", "getPhone", "decrypt",
}

// TestOriginals holds that the table leaves none of them out, and that they are all that was recorded. The internal
// ones, whose names begin with a line, are mentioned but not mirrored.
func TestOriginals(t *testing.T) {
	t.Parallel()
	recorded := map[string]bool{}
	eachRecording(t, func(c recordedMethods) {
		if c.Method == "constructor" {
			recorded[c.Method] = true
		}
		for _, step := range c.Steps {
			if !strings.HasPrefix(step.Method, "_") {
				recorded[step.Method] = true
			}
		}
	})
	assert.ElementsMatch(t, originals, slices.Collect(maps.Keys(recorded)))

	for _, name := range readmes {
		text := read(t, name)
		rows := map[string]bool{}
		for _, original := range submatches("(?m)^\\| `([^`]+)` \\| `(?:Client\\.|New)\\w+` \\|", text) {
			rows[strings.Replace(original, "new Authing({userPoolId})", "constructor", 1)] = true
		}
		assert.ElementsMatch(t, originals, slices.Collect(maps.Keys(rows)), name)
		for _, internal := range []string{"`_auth`", "`_uploadAvatar`"} {
			assert.Contains(t, text, internal, name)
		}
	}
	client := reflect.TypeFor[*authing.Client]()
	for i := range client.NumMethod() {
		assert.NotContains(t, []string{"Auth", "UploadAvatar"}, client.Method(i).Name)
	}
}

// recordedMethods is what a recording of the original says about methods and their defects.
type recordedMethods struct {
	Method string
	Steps  []struct {
		Method    string
		JSDefects []string
	}
}

func eachRecording(t *testing.T, visit func(recordedMethods)) {
	t.Helper()
	files, err := fs.Glob(repository, "internal/recordings/testdata/golden/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		var recording struct{ Cases []recordedMethods }
		require.NoError(t, json.Unmarshal([]byte(read(t, file)), &recording))
		require.NotEmpty(t, recording.Cases)
		for _, c := range recording.Cases {
			visit(c)
		}
	}
}

// TestReadmeSentinels holds that the table of errors has all of them.
func TestReadmeSentinels(t *testing.T) {
	t.Parallel()
	sentinels := submatches(`(?m)^\t(Err\w+) += errors\.New`, read(t, "errors.go"))
	require.NotEmpty(t, sentinels)
	for _, name := range readmes {
		var rows []string
		for _, cell := range submatches("(?m)^\\| (`Err.*?) \\|", read(t, name)) {
			rows = append(rows, submatches("`(Err\\w+)`", cell)...)
		}
		assert.ElementsMatch(t, sentinels, rows, name)
	}
}

// TestDocumentLinks holds that what the documents point to inside the repository is there.
func TestDocumentLinks(t *testing.T) {
	t.Parallel()
	documents := append([]string{"CHANGELOG.md", ".github/CONTRIBUTING.md", ".github/SECURITY.md", "docs/deviations.md", "docs/performance.md",
		"docs/reliability.md", "examples/miniprogram/README.md"}, readmes...)
	for _, name := range documents {
		for _, target := range submatches(`\]\(([^)#:]+)\)`, read(t, name)) {
			_, err := fs.Stat(repository, path.Join(path.Dir(name), target))
			assert.NoError(t, err, "linked from %s", name)
		}
	}
}

// TestDeviations holds that the table has every known defect of the original, by number, and every one that was
// recorded, by tag; that every line names a test, and that those tests exist.
func TestDeviations(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{}
	err := fs.WalkDir(repository, ".", func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "_test.go") {
			for _, name := range submatches(`(?m)^func ((?:Test|Fuzz|Example)\w*)\(`, read(t, path)) {
				tests[name] = true
			}
		}
		return err
	})
	require.NoError(t, err)
	listed := map[string]bool{}
	for _, row := range submatches(`(?m)^(\| .* \|)$`, read(t, "docs/deviations.md")) {
		cells := strings.Split(strings.Trim(row, "| "), " | ")
		require.Len(t, cells, 4, row)
		if cells[0] == "tag" || cells[0] == "---" {
			continue
		}
		for _, defect := range submatches("(`[a-z0-9-]+`|\\bD\\d+\\b)", cells[0]) {
			listed[defect] = true
		}
		named := submatches("`(\\w+)`", cells[3])
		assert.NotEmpty(t, named, row)
		for _, name := range named {
			assert.True(t, tests[name], "no test %s: %s", name, row)
		}
	}
	const lastDefect = 32 // of this generation of the original
	for n := range lastDefect {
		assert.True(t, listed[fmt.Sprintf("D%d", n+1)], "D%d is missing", n+1)
	}
	eachRecording(t, func(c recordedMethods) {
		for _, step := range c.Steps {
			for _, tag := range step.JSDefects {
				assert.True(t, listed["`"+tag+"`"], "%s is missing", tag)
			}
		}
	})
}

// read returns a file of the repository.
func read(t *testing.T, name string) string {
	t.Helper()
	content, err := fs.ReadFile(repository, name)
	require.NoError(t, err)
	return string(content)
}

func matches(expr, text string) [][]string {
	return regexp.MustCompile(expr).FindAllStringSubmatch(text, -1)
}

// submatches returns the first group of every match.
func submatches(expr, text string) []string {
	var groups []string
	for _, m := range matches(expr, text) {
		groups = append(groups, m[1])
	}
	return groups
}

// unindented returns text with every line trimmed and an empty line before and after, so that one text holds another
// only by whole lines.
func unindented(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return "\n" + strings.Join(lines, "\n") + "\n"
}
