package authing_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// graphqlRequest is a GraphQL body taken apart, so that white space and order do not matter.
type graphqlRequest struct {
	Kind       string            `json:"kind"` // "query" or "mutation"
	Name       string            `json:"name"`
	Declared   map[string]string `json:"variableDefinitions"` // name to type
	RootFields []rootField       `json:"rootFields"`
	Selection  []string          `json:"selection"` // the leaves, with dots from the root field, sorted
	BodyKeys   []string          `json:"bodyKeys"`
	Variables  map[string]any    `json:"variables"`
}

type rootField struct {
	Field     string         `json:"field"`
	Alias     string         `json:"alias"`
	Arguments map[string]any `json:"arguments"` // {"$var": "x"} stands for $x
}

// amendment is a rule by which the GraphQL request of Go differs from that of the original.
type amendment struct {
	reason  string
	applies func(situation) bool
	amend   func(situation, *graphqlRequest)
}

// amendments are applied one after the other.
var amendments = []amendment{
	{
		reason:  "login takes a user name since v3",
		applies: func(s situation) bool { return s.Variant == "e5ddaf4" && s.isOneOf("login") },
		amend: func(_ situation, q *graphqlRequest) {
			q.Declared["username"] = "String"
			q.RootFields[0].Arguments["username"] = map[string]any{"$var": "username"}
		},
	},
	{
		reason:  "the hash of the password is nobody's business",
		applies: func(s situation) bool { return s.isOneOf("register") },
		amend: func(_ situation, q *graphqlRequest) {
			q.Selection = slices.DeleteFunc(q.Selection, func(leaf string) bool { return leaf == "register.password" })
		},
	},
	{
		reason:  "unbindEmail sends the variables that it declares; the original forgets them",
		applies: func(s situation) bool { return s.isOneOf("unbindEmail") },
		amend: func(s situation, q *graphqlRequest) {
			q.Variables = map[string]any{"user": s.given["user"], "client": s.poolID()}
			q.BodyKeys = append(q.BodyKeys, "variables")
		},
	},
	{
		reason:  "Go has neither undefined nor null: such a field is left out of variables and of an update",
		applies: func(situation) bool { return true },
		amend: func(s situation, q *graphqlRequest) {
			for name := range q.Declared {
				if q.Variables[name] != nil {
					continue
				}
				delete(q.Variables, name)
				if _, given := s.firstArgument()[name]; given && s.isOneOf("update") {
					delete(q.Declared, name)
					delete(q.RootFields[0].Arguments["options"].(map[string]any), name)
				}
			}
		},
	},
	{
		reason:  "an empty text of a login or a registration is not sent",
		applies: func(s situation) bool { return s.isOneOf("login", "register") },
		amend: func(_ situation, q *graphqlRequest) {
			maps.DeleteFunc(q.Variables, func(_ string, value any) bool { return value == "" })
		},
	},
	{
		reason:  "a backend knows no browser",
		applies: func(s situation) bool { return s.isOneOf("loginByLDAP", "loginByPhoneCode") },
		amend:   func(_ situation, q *graphqlRequest) { delete(q.Variables, "browser") },
	},
	{
		reason:  "variables that are not declared are not sent",
		applies: func(situation) bool { return true },
		amend: func(_ situation, q *graphqlRequest) {
			maps.DeleteFunc(q.Variables, func(name string, _ any) bool { return q.Declared[name] == "" })
		},
	},
	{
		reason:  "the same goes for the members of the one variable that is an object",
		applies: func(s situation) bool { return s.isOneOf("setMetadata", "removeMetadata") },
		amend: func(s situation, q *graphqlRequest) {
			input, _ := q.Variables["input"].(map[string]any)
			maps.DeleteFunc(input, func(name string, _ any) bool {
				return name != "_id" && name != "key" && (name != "value" || s.isOneOf("removeMetadata"))
			})
		},
	},
}

// firstArgument holds what options no longer does: what was undefined.
func (s situation) firstArgument() map[string]any {
	if len(s.step.Args) == 0 {
		return nil
	}
	object, _ := s.step.Args[0].(map[string]any)
	return object
}

// amended returns the request that Go has to send in this situation.
func (q graphqlRequest) amended(s situation) graphqlRequest {
	slices.Sort(q.Selection)
	slices.Sort(q.BodyKeys)
	for _, a := range amendments {
		if a.applies(s) {
			a.amend(s, &q)
		}
	}
	return q
}

// expectGraphQL compares two requests, passwords by their plain text.
func expectGraphQL(t *differences, want, got graphqlRequest) {
	for name, value := range want.Variables {
		if secret, _ := value.(map[string]any); secret["rsaEncrypted"] != nil {
			cipher, _ := got.Variables[name].(string)
			want.Variables[name], got.Variables[name] = secret["rsaEncrypted"], decryptPassword(t, cipher)
		}
	}
	assert.Equal(t, want, got)
}

// parseGraphQL takes a body apart.
func parseGraphQL(t require.TestingT, body string) graphqlRequest {
	var sent map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &sent))
	source, _ := sent["query"].(string)
	document, err := parser.ParseQuery(&ast.Source{Input: source})
	require.NoError(t, err)
	require.Len(t, document.Operations, 1)
	require.Empty(t, document.Fragments)
	operation := document.Operations[0]

	q := graphqlRequest{
		Kind: string(operation.Operation), Name: operation.Name, Declared: map[string]string{},
		BodyKeys: slices.Sorted(maps.Keys(sent)),
	}
	for _, v := range operation.VariableDefinitions {
		q.Declared[v.Variable] = v.Type.String()
	}
	for _, selection := range operation.SelectionSet {
		field := selection.(*ast.Field)
		root := rootField{Field: field.Name, Arguments: map[string]any{}}
		if field.Alias != field.Name {
			root.Alias = field.Alias
		}
		for _, argument := range field.Arguments {
			root.Arguments[argument.Name] = literal(t, argument.Value)
		}
		q.RootFields = append(q.RootFields, root)
		q.Selection = append(q.Selection, leaves(field)...)
	}
	slices.Sort(q.Selection)
	q.Variables, _ = sent["variables"].(map[string]any)
	return q
}

// literal returns an argument in the form of the recordings.
func literal(t require.TestingT, v *ast.Value) any {
	switch v.Kind {
	case ast.Variable:
		return map[string]any{"$var": v.Raw}
	case ast.ObjectValue:
		object := map[string]any{}
		for _, member := range v.Children {
			object[member.Name] = literal(t, member.Value)
		}
		return object
	case ast.StringValue:
		return v.Raw
	case ast.IntValue, ast.FloatValue:
		n, err := strconv.ParseFloat(v.Raw, 64)
		require.NoError(t, err)
		return n
	case ast.BooleanValue:
		return v.Raw == "true"
	}
	t.Errorf("no comparison for the argument %s", v.Raw)
	return nil
}

func leaves(field *ast.Field) []string {
	if len(field.SelectionSet) == 0 {
		return []string{field.Name}
	}
	var below []string
	for _, selection := range field.SelectionSet {
		for _, leaf := range leaves(selection.(*ast.Field)) {
			below = append(below, field.Name+"."+leaf)
		}
	}
	return below
}

// passwordKey takes the place of Authing's, whose private half is not known.
var passwordKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 1024) })

func publicKeyPEM(t require.TestingT) string {
	key, err := passwordKey()
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(t, err)
	var text strings.Builder
	require.NoError(t, pem.Encode(&text, &pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	return text.String()
}

// decryptPassword returns the plain text of a password on the wire.
func decryptPassword(t require.TestingT, onWire string) string {
	const length = 172 // of 128 bytes in base64, also when the first of them are zero
	require.Len(t, onWire, length)
	key, err := passwordKey()
	require.NoError(t, err)
	cipher, err := base64.StdEncoding.DecodeString(onWire)
	require.NoError(t, err)
	plain, err := rsa.DecryptPKCS1v15(nil, key, cipher)
	require.NoError(t, err)
	return string(plain)
}
