package docs_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/doc"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

//go:generate go test . -run ^TestMethods$ -update

var update = flag.Bool("update", false, "TestMethods writes methods.md instead of comparing it")

const reference = "https://pkg.go.dev/github.com/authing-wxapp/authing"

// method is what methods.md says about a method of the client.
type method struct {
	name, summary, retry string
	original, request    string // of the JavaScript SDK, and what it sends
}

// TestMethods compares methods.md with the doc comments.
func TestMethods(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("# Methods\n\n" +
		"Written by `go generate ./docs` from the doc comments: edit those. What `ErrOutcomeUnknown` means for each method, and what\n" +
		"to do then: [errors.md](errors.md). How the methods differ from the original: [deviations.md](deviations.md).\n\n" +
		"| method | what it does | retry | original | request |\n| --- | --- | --- | --- | --- |\n")
	for _, m := range clientMethods(t) {
		require.NotEmpty(t, m.summary, m.name)
		require.NotEmpty(t, m.request, m.name)
		fmt.Fprintf(&b, "| [%s](%s) | %s | %s | %s | %s |\n",
			m.name, reference+"#Client."+m.name, m.summary, m.retry, m.original, m.request)
	}
	if *update {
		require.NoError(t, os.WriteFile("methods.md", []byte(b.String()), 0o644))
	}
	assert.Equal(t, b.String(), read(t, "docs/methods.md"), "run go generate ./docs")
}

// clientMethods returns the methods that make a call, by name.
func clientMethods(t *testing.T) []method {
	t.Helper()
	pkg := source(t)
	var methods []method
	for _, typ := range pkg.Types {
		if typ.Name != "Client" {
			continue
		}
		for _, m := range typ.Methods {
			if takesContext(m.Decl) {
				methods = append(methods, describe(pkg, m))
			}
		}
	}
	require.NotEmpty(t, methods)
	return methods
}

func takesContext(f *ast.FuncDecl) bool {
	params := f.Type.Params.List
	if len(params) == 0 {
		return false
	}
	typ, ok := params[0].Type.(*ast.SelectorExpr)
	return ok && typ.Sel.Name == "Context"
}

func describe(pkg *doc.Package, f *doc.Func) method {
	printer := pkg.Printer()
	printer.DocLinkURL = func(link *comment.DocLink) string {
		name := strings.Trim(link.Recv+"."+link.Name, ".")
		return reference + strings.TrimPrefix(link.ImportPath, pkg.ImportPath) + "#" + name
	}
	summary, _ := strings.CutPrefix(cell(pkg.Synopsis(f.Doc)), f.Name+" ")
	m := method{name: f.Name, summary: summary}
	for _, block := range pkg.Parser().Parse(f.Doc).Content {
		paragraph, ok := block.(*comment.Paragraph)
		if !ok {
			continue
		}
		text := cell(string(printer.Markdown(&comment.Doc{Content: []comment.Block{paragraph}})))
		if retry, ok := strings.CutPrefix(text, "Retry: "); ok {
			m.retry = retry
		}
		if original, ok := strings.CutPrefix(text, "Original: "); ok {
			end := strings.IndexAny(original, ",:")
			if end < 0 { // the original has no such method
				m.request = "that of the calls it makes"
				continue
			}
			m.original, m.request = "`"+original[:end]+"`", strings.TrimSpace(original[end+1:])
		}
	}
	return m
}

// cell returns text as one cell of a table.
func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}

// sentinels are the names of the errors to branch on.
func sentinels(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, v := range source(t).Vars {
		for _, name := range v.Names {
			if strings.HasPrefix(name, "Err") {
				names = append(names, name)
			}
		}
	}
	require.NotEmpty(t, names)
	return names
}

// source is the documentation of package authing.
func source(t *testing.T) *doc.Package {
	t.Helper()
	names, err := fs.Glob(repository, "*.go")
	require.NoError(t, err)
	names = slices.DeleteFunc(names, func(name string) bool { return strings.HasSuffix(name, "_test.go") })
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		file, err := parser.ParseFile(fset, name, read(t, name), parser.ParseComments)
		require.NoError(t, err)
		files = append(files, file)
	}
	pkg, err := doc.NewFromFiles(fset, files, "github.com/authing-wxapp/authing")
	require.NoError(t, err)
	return pkg
}

func TestEveryMethodSaysWhetherToRetry(t *testing.T) {
	t.Parallel()
	for _, m := range clientMethods(t) {
		assert.NotEmpty(t, m.retry, m.name)
	}
}
