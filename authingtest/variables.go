package authingtest

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
)

// coerceVariables returns the variables that op declares, or a message about one that does not have its declared type.
// It is stricter than the GraphQL library, which accepts "12" as an Int. Like the service, it ignores variables that
// are not declared.
func coerceVariables(schema *ast.Schema, op *ast.OperationDefinition, sent map[string]any) (declared map[string]any, problem string) {
	declared = map[string]any{}
	for _, d := range op.VariableDefinitions {
		value, ok := sent[d.Variable]
		switch {
		case !ok && d.DefaultValue != nil:
			continue // ast.Value.Value fills in the default
		case value == nil && d.Type.NonNull:
			return nil, fmt.Sprintf(`Variable "$%s" of required type "%s" was not provided.`, d.Variable, d.Type)
		case !ok:
			continue
		}
		if problem := coerce(schema, d.Type, value); problem != "" {
			return nil, fmt.Sprintf(`Variable "$%s" got invalid value %s; %s`, d.Variable, jsonText(value), problem)
		}
		declared[d.Variable] = value
	}
	return declared, ""
}

// coerce returns a message if a JSON value does not have the given type.
func coerce(schema *ast.Schema, typ *ast.Type, value any) (problem string) {
	if value == nil {
		if typ.NonNull {
			return fmt.Sprintf("Expected non-nullable type %s not to be null.", typ)
		}
		return ""
	}
	if definition := schema.Types[typ.Name()]; definition.Kind == ast.InputObject {
		return coerceInput(schema, definition, value)
	}
	ok := false
	switch v := value.(type) {
	case string:
		ok = typ.NamedType == "String"
	case bool:
		ok = typ.NamedType == "Boolean"
	case json.Number:
		ok = typ.NamedType == "Int" && fitsInt(v.String())
	}
	if !ok {
		return fmt.Sprintf("%s cannot represent value: %s", typ.Name(), jsonText(value))
	}
	return ""
}

func coerceInput(schema *ast.Schema, definition *ast.Definition, value any) (problem string) {
	members, ok := value.(map[string]any)
	if !ok {
		return fmt.Sprintf("Expected type %s to be an object.", definition.Name)
	}
	for name := range members {
		if definition.Fields.ForName(name) == nil {
			return fmt.Sprintf("Field %q is not defined by type %s.", name, definition.Name)
		}
	}
	for _, field := range definition.Fields {
		member, given := members[field.Name]
		if !given && field.Type.NonNull {
			return fmt.Sprintf("Field %s of required type %s was not provided.", field.Name, field.Type)
		}
		if problem := coerce(schema, field.Type, member); given && problem != "" {
			return fmt.Sprintf("at %s: %s", field.Name, problem)
		}
	}
	return ""
}

// fitsInt reports whether a number is a GraphQL Int, which has 32 bits.
func fitsInt(s string) bool {
	_, err := strconv.ParseInt(s, 10, 32)
	return err == nil
}

// argumentsOf returns the arguments of a field. An argument is absent if its variable was not sent.
func argumentsOf(field *ast.Field, variables map[string]any) (object, error) {
	arguments := object{}
	for _, argument := range field.Arguments {
		v := argument.Value
		if _, sent := variables[v.Raw]; v.Kind == ast.Variable && !sent && v.VariableDefinition.DefaultValue == nil {
			continue
		}
		value, err := v.Value(variables)
		if err != nil {
			return nil, err
		}
		arguments[argument.Name] = value
	}
	return arguments, nil
}
