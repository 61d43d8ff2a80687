package authingtest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing/authingtest"
)

// recordedDocument is a parsed GraphQL request recorded from the original JavaScript SDK.
type recordedDocument struct {
	Kind, Name          string
	VariableDefinitions map[string]string
	RootFields          []struct {
		Field     string
		Arguments map[string]any
	}
	Selection []string
	Variables map[string]any
}

type recordedRequest struct {
	Verb, HostRole, Path, BodyKind string
	Headers                        map[string]string
	GraphQL                        *recordedDocument
}

// text reassembles the document.
func (d recordedDocument) text() string {
	var b strings.Builder
	b.WriteString(d.Kind + " " + d.Name)
	if len(d.VariableDefinitions) > 0 {
		b.WriteString("(")
		for name, typ := range d.VariableDefinitions {
			fmt.Fprintf(&b, "$%s: %s ", name, typ)
		}
		b.WriteString(")")
	}
	b.WriteString("{" + d.RootFields[0].Field)
	if arguments := d.RootFields[0].Arguments; len(arguments) > 0 {
		b.WriteString("(")
		for _, name := range slices.Sorted(maps.Keys(arguments)) {
			b.WriteString(name + ": " + valueText(arguments[name]) + " ")
		}
		b.WriteString(")")
	}
	selection := map[string]any{}
	for _, path := range d.Selection {
		at := selection
		for _, name := range strings.Split(path, ".")[1:] {
			if at[name] == nil {
				at[name] = map[string]any{}
			}
			at = at[name].(map[string]any)
		}
	}
	return b.String() + selectionText(selection) + "}"
}

func selectionText(selection map[string]any) string {
	if len(selection) == 0 {
		return ""
	}
	text := "{"
	for name, inner := range selection {
		text += name + selectionText(inner.(map[string]any)) + " "
	}
	return text + "}"
}

func valueText(v any) string {
	object, ok := v.(map[string]any)
	if !ok {
		text, _ := json.Marshal(v)
		return string(text)
	}
	if name, ok := object["$var"]; ok {
		return "$" + name.(string)
	}
	var members []string
	for name, member := range object {
		members = append(members, name+": "+valueText(member))
	}
	return "{" + strings.Join(members, ", ") + "}"
}

// All recorded GraphQL requests of the original are valid, except those that lack a required variable.
func TestOriginalDocuments(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../internal/recordings/testdata/golden/legacy-requests.json")
	require.NoError(t, err)
	var recorded struct {
		Cases []struct {
			ID    string
			Steps []struct {
				JSDefects []string
				Requests  []recordedRequest
			}
		}
	}
	decodeJSON(t, text, &recorded)
	srv, _ := setup(t, authingtest.Options{UserPoolID: "pool00000000000000000001"})
	hosts := map[string]string{"users": srv.UsersURL(), "oauth": srv.OAuthURL()}
	sent := 0
	for _, c := range recorded.Cases {
		for _, step := range c.Steps {
			for _, req := range step.Requests {
				if req.GraphQL == nil || hosts[req.HostRole] == "" {
					continue
				}
				body := map[string]any{"query": req.GraphQL.text()}
				if req.GraphQL.Variables != nil {
					body["variables"] = replaceCiphertext(req.GraphQL.Variables)
				}
				bodyText, err := json.Marshal(body)
				require.NoError(t, err)
				header := http.Header{"Content-Type": {"application/json"}}
				for name, value := range req.Headers {
					header.Set(name, value)
				}

				status, response := send(t, rawRequest{"POST", hosts[req.HostRole], "/graphql", string(bodyText), header})

				want := http.StatusOK
				if slices.Contains(step.JSDefects, "required-variable-missing") {
					want = http.StatusBadRequest
				}
				assert.Equal(t, want, status, "%s: %s\n%s", c.ID, response, bodyText)
				sent++
			}
		}
	}
	assert.Greater(t, sent, 80)
}

// replaceCiphertext replaces the recorded description of a ciphertext with a string.
func replaceCiphertext(variables map[string]any) map[string]any {
	variables = maps.Clone(variables)
	for name, value := range variables {
		if object, ok := value.(map[string]any); ok && object["rsaEncrypted"] != nil {
			variables[name] = "ciphertext"
		}
	}
	return variables
}
