package docs_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// repository is the root that the tests name files from.
var repository = os.DirFS("..")

// inBothLanguages are the documents that also exist in Chinese.
var inBothLanguages = []string{"README.md", "docs/errors.md", "docs/migrating.md", "docs/miniprogram.md", "docs/production.md",
	"docs/v3.md"}

// bilingual returns the names of a document in English and in Chinese.
func bilingual(name string) []string {
	return []string{name, strings.TrimSuffix(name, ".md") + ".zh-CN.md"}
}

func documents(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.md", "docs/*.md", ".github/*.md", "examples/*/*.md"} {
		names, err := fs.Glob(repository, pattern)
		require.NoError(t, err)
		require.NotEmpty(t, names, pattern)
		all = append(all, names...)
	}
	return all
}

// TestDocumentedGo checks that the Go code of the documents compiles: every block has to be a run of lines of a test.
func TestDocumentedGo(t *testing.T) {
	t.Parallel()
	compiled := unindented(read(t, "example_test.go"))
	names, err := fs.Glob(repository, "docs/*_test.go")
	require.NoError(t, err)
	for _, name := range names {
		compiled += unindented(read(t, name))
	}
	blocks := []string{strings.Join(submatches(`(?m)^//(\t.*\n)`, read(t, "doc.go")), "")}
	for _, name := range inBothLanguages {
		for _, name := range bilingual(name) {
			found := submatches("(?ms)^```go\n(.*?)^```$", read(t, name))
			require.NotEmpty(t, found, name)
			blocks = append(blocks, found...)
		}
	}
	for _, block := range blocks {
		require.NotEmpty(t, strings.TrimSpace(block))
		assert.True(t, strings.Contains(compiled, unindented(block)), "not in docs/*_test.go or example_test.go:\n%s", block)
	}
}

// TestLanguagesAgree checks that neither language says more than the other, as far as that can be counted.
func TestLanguagesAgree(t *testing.T) {
	t.Parallel()
	for _, name := range inBothLanguages {
		names := bilingual(name)
		english, chinese := read(t, names[0]), read(t, names[1])
		assert.Equal(t, submatches("(?ms)^```(.*?)^```$", english), submatches("(?ms)^```(.*?)^```$", chinese), name)

		english, chinese = prose(english), prose(chinese)
		for what, expr := range map[string]string{
			"headings":   `(?m)^(#+) `,
			"list items": `(?m)^(- )`,
			"tables":     "(?m)^\\| (`[^`]*`|---|)", // the first column, where it begins with code
		} {
			assert.Equal(t, submatches(expr, english), submatches(expr, chinese), "%s: %s", name, what)
		}
		for what, expr := range map[string]string{
			"code":  "`([^`\n]+)`",
			"links": `\]\(([^)]+)\)`,
		} {
			assert.ElementsMatch(t, distinct(expr, english), distinct(expr, chinese), "%s: %s", name, what)
		}
	}
}

// prose returns a document without its blocks of code.
func prose(document string) string {
	return regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(document, "")
}

// distinct returns the first groups of all matches, without the language in file names.
func distinct(expr, text string) []string {
	found := map[string]bool{}
	for _, s := range submatches(expr, text) {
		found[strings.Replace(s, ".zh-CN", "", 1)] = true
	}
	return slices.Collect(maps.Keys(found))
}

// TestLinks checks that files and directories that the documents link to or run exist.
func TestLinks(t *testing.T) {
	t.Parallel()
	for _, name := range documents(t) {
		text := read(t, name)
		for _, target := range submatches(`\]\(([^)#:]+)[^):]*\)`, text) {
			_, err := fs.Stat(repository, path.Join(path.Dir(name), target))
			assert.NoError(t, err, "linked from %s", name)
		}
		for _, target := range submatches(`\bgo (?:run|test|generate)[^#\n`+"`"+`]* \./([a-z][\w/]*)`, text) {
			_, err := fs.Stat(repository, target)
			assert.NoError(t, err, "a command in %s", name)
		}
	}
}

func TestBadges(t *testing.T) {
	t.Parallel()
	required := submatches(`(?m)^go (\d+\.\d+)`, read(t, "go.mod"))
	for _, name := range bilingual("README.md") {
		assert.Equal(t, required, submatches(`badge/go-([\d.]+)%2B`, read(t, name)), name)
		assert.Contains(t, read(t, name), "[![Go "+required[0]+"+]", name)
	}
}

// documentedSentinels are those in the tables of a document, in the order of their rows.
func documentedSentinels(t *testing.T, name string) []string {
	t.Helper()
	var names []string
	for _, cell := range submatches("(?m)^\\| (`Err[A-Z].*?) \\|", read(t, name)) {
		names = append(names, submatches("`(Err[A-Z]\\w+)`", cell)...)
	}
	return names
}

// TestSentinels checks that the table has them all.
func TestSentinels(t *testing.T) {
	t.Parallel()
	for _, name := range bilingual("docs/errors.md") {
		assert.ElementsMatch(t, sentinels(t), documentedSentinels(t, name), name)
	}
	for _, name := range bilingual("README.md") {
		assert.Subset(t, documentedSentinels(t, "docs/errors.md"), documentedSentinels(t, name), name)
	}
}

// TestErrorFields compares the table of docs/errors.md with the struct.
func TestErrorFields(t *testing.T) {
	t.Parallel()
	var fields []string
	for i := range reflect.TypeFor[authing.Error]().NumField() {
		fields = append(fields, reflect.TypeFor[authing.Error]().Field(i).Name)
	}
	for _, name := range bilingual("docs/errors.md") {
		var rows []string
		_, table, _ := strings.Cut(read(t, name), "\n| `Op`")
		table, _, _ = strings.Cut("| `Op`"+table, "\n\n")
		for _, cell := range submatches(`(?m)^\| (.*?) \|`, table) {
			rows = append(rows, submatches("`(\\w+)`", cell)...)
		}
		assert.Equal(t, fields, rows, name)
	}
}

// TestOrderOfSentinels checks that the example backend tests them in the order of the documents.
func TestOrderOfSentinels(t *testing.T) {
	t.Parallel()
	tested := submatches(`(?m)^\t\{is\(authing\.(Err\w+)\)`, read(t, "examples/server/errors.go"))
	require.NotEmpty(t, tested)
	for _, name := range bilingual("docs/errors.md") {
		documented := slices.DeleteFunc(documentedSentinels(t, name), func(s string) bool { return !slices.Contains(tested, s) })
		assert.Equal(t, tested, documented, name)
	}
}

// TestUnknownOutcomes checks that the table of what to do then names methods that exist.
func TestUnknownOutcomes(t *testing.T) {
	t.Parallel()
	var methods []string
	for _, m := range clientMethods(t) {
		methods = append(methods, m.name)
	}
	for _, name := range bilingual("docs/errors.md") {
		_, table, found := strings.Cut(read(t, name), "\n| `LoginWithWxapp`")
		require.True(t, found, name)
		table, _, _ = strings.Cut("| `LoginWithWxapp`"+table, "\n\n")
		for _, cell := range submatches(`(?m)^\| (.*?) \|`, table) {
			assert.Subset(t, methods, submatches("`(\\w+)`", cell), name)
		}
	}
}

// originals are the public methods of the original.
var originals = []string{
	"constructor", "login", "register", "loginByPhoneCode", "loginByLDAP", "checkLoginStatus", "user", "update", "logout",
	"sendResetPasswordEmail", "verifyResetPasswordVerifyCode", "changePassword", "sendVerifyEmail", "unbindEmail",
	"getAuthedAppList", "revokeAuthedApp", "metadata", "setMetadata", "removeMetadata", "changeAvatar", "getVerificationCode",
	"loginWithWxapp", "bindPhone", "getPhone", "decrypt",
}

// TestOriginals checks that none of them is left out, in the documents or in the client. The internal ones, whose names
// begin with an underscore, are mentioned but not mirrored.
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

	mirrored := map[string]bool{"constructor": true}
	for _, m := range clientMethods(t) {
		if m.original != "" {
			mirrored[strings.Trim(m.original, "`")] = true
		}
	}
	assert.ElementsMatch(t, originals, slices.Collect(maps.Keys(mirrored)))
	for _, name := range bilingual("docs/migrating.md") {
		text := read(t, name)
		assert.ElementsMatch(t, originals, submatches(`(?m)^### (\w+)$`, text), name)
		for _, internal := range []string{"`_auth`", "`_uploadAvatar`"} {
			assert.Contains(t, text, internal, name)
		}
	}
	client := reflect.TypeFor[*authing.Client]()
	for i := range client.NumMethod() {
		assert.NotContains(t, []string{"Auth", "UploadAvatar"}, client.Method(i).Name)
	}
}

// TestClientMethods checks that methods.md misses no method that takes a context.
func TestClientMethods(t *testing.T) {
	t.Parallel()
	var documented, exported []string
	for _, m := range clientMethods(t) {
		documented = append(documented, m.name)
	}
	client := reflect.TypeFor[*authing.Client]()
	for i := range client.NumMethod() {
		m := client.Method(i)
		if m.Type.NumIn() > 1 && m.Type.In(1) == reflect.TypeFor[context.Context]() {
			exported = append(exported, m.Name)
		}
	}
	assert.ElementsMatch(t, exported, documented)
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

// TestNamedTests checks that the tests which the documents name exist.
func TestNamedTests(t *testing.T) {
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
	for _, name := range documents(t) {
		for _, test := range submatches("`((?:Test|Fuzz)[A-Z]\\w*)`", read(t, name)) {
			assert.True(t, tests[test], "%s names %s, which does not exist", name, test)
		}
	}
}

// TestDeviations checks that the tables have every known defect of the original, by number, and every one that was
// recorded, by tag; and that every row names a test.
func TestDeviations(t *testing.T) {
	t.Parallel()
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
		assert.NotEmpty(t, submatches("`((?:Test|Fuzz)\\w+)`", cells[3]), row)
	}
	require.NotEmpty(t, listed)
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

// unindented returns text with every line trimmed and an empty line before and after, so that one text contains another
// only by whole lines.
func unindented(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return "\n" + strings.Join(lines, "\n") + "\n"
}
