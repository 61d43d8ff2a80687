package testkit

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// GraphQLRequest is a GraphQL body taken apart, so that white space and order do not matter.
type GraphQLRequest struct {
	Kind       string            `json:"kind"` // "query" or "mutation"
	Name       string            `json:"name"`
	Declared   map[string]string `json:"variableDefinitions"` // name to type
	RootFields []RootField       `json:"rootFields"`
	Selection  []string          `json:"selection"` // the leaves, with dots from the root field, sorted
	BodyKeys   []string          `json:"bodyKeys"`
	Variables  map[string]any    `json:"variables"`
}

// RootField is one field at the top of an operation.
type RootField struct {
	Field     string         `json:"field"`
	Alias     string         `json:"alias"`
	Arguments map[string]any `json:"arguments"` // {"$var": "x"} stands for $x
}

// ParseGraphQL takes a body apart.
func ParseGraphQL(t require.TestingT, body string) GraphQLRequest {
	var sent map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &sent))
	source, _ := sent["query"].(string)
	document, err := parser.ParseQuery(&ast.Source{Input: source})
	require.NoError(t, err)
	require.Len(t, document.Operations, 1)
	require.Empty(t, document.Fragments)
	operation := document.Operations[0]

	q := GraphQLRequest{
		Kind: string(operation.Operation), Name: operation.Name, Declared: map[string]string{},
		BodyKeys: slices.Sorted(maps.Keys(sent)),
	}
	for _, v := range operation.VariableDefinitions {
		q.Declared[v.Variable] = v.Type.String()
	}
	for _, selection := range operation.SelectionSet {
		field := selection.(*ast.Field)
		root := RootField{Field: field.Name, Arguments: map[string]any{}}
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
