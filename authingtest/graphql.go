package authingtest

import (
	_ "embed"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

//go:embed schema.graphql
var schemaText string

// oauthOnly and bothHosts say which host serves which field. Sources disagree about the apps, so both hosts serve them.
var (
	oauthOnly = []string{"LoginByLDAP"}
	bothHosts = []string{"GetUserAuthorizedApps", "RevokeUserAuthorizedApp"}
)

// loadSchema returns the part of the schema that a host serves.
func loadSchema(host string) (*ast.Schema, error) {
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "schema.graphql", Input: schemaText})
	if err != nil {
		return nil, err
	}
	for _, root := range []*ast.Definition{schema.Query, schema.Mutation} {
		root.Fields = slices.DeleteFunc(root.Fields, func(f *ast.FieldDefinition) bool {
			if strings.HasPrefix(f.Name, "__") || slices.Contains(bothHosts, f.Name) {
				return false
			}
			return slices.Contains(oauthOnly, f.Name) != (host == "oauth")
		})
	}
	return schema, nil
}

// resolver answers one field of a root type.
type resolver struct {
	op      string // the method of the client that asks for it
	resolve func(graphqlCall) (any, *envelope)
}

// resolvers are all fields of the root types.
func (s *Server) resolvers() map[string]resolver {
	return map[string]resolver{
		"login":                         {"Login", s.login},
		"register":                      {"Register", s.registerUser},
		"LoginByLDAP":                   {"LoginByLDAP", s.loginByLDAP},
		"checkLoginStatus":              {"CheckLoginStatus", s.checkLoginStatus},
		"decodeJwtToken":                {"", s.decodeJwtToken},
		"getAccessTokenByAppSecret":     {"", s.getAccessTokenByAppSecret},
		"userExist":                     {"", s.userExist},
		"user":                          {"User", s.user},
		"updateUser":                    {"Update", s.updateUser},
		"unbindEmail":                   {"UnbindEmail", s.unbindEmail},
		"sendResetPasswordEmail":        {"SendResetPasswordEmail", s.sendResetPasswordEmail},
		"verifyResetPasswordVerifyCode": {"VerifyResetPasswordVerifyCode", s.verifyResetPasswordVerifyCode},
		"changePassword":                {"ChangePassword", s.changePassword},
		"sendVerifyEmail":               {"SendVerifyEmail", s.sendVerifyEmail},
		"userMetadata":                  {"Metadata", s.userMetadata},
		"setUserMetadata":               {"SetMetadata", s.setUserMetadata},
		"removeUserMetadata":            {"RemoveMetadata", s.removeUserMetadata},
		"qiNiuUploadToken":              {"ChangeAvatar", s.qiNiuUploadToken},
		"GetUserAuthorizedApps":         {"GetAuthedAppList", s.getUserAuthorizedApps},
		"RevokeUserAuthorizedApp":       {"RevokeAuthedApp", s.revokeUserAuthorizedApp},
	}
}

// opOf returns the method of the client that asks for a field: three fields serve two methods each.
func opOf(field string, r resolver, arguments object) string {
	switch field {
	case "login":
		if text(arguments, "phone") != "" {
			return "LoginByPhoneCode"
		}
	case "checkLoginStatus":
		if text(arguments, "token") != "" {
			return "VerifyToken"
		}
	case "updateUser":
		if options, _ := arguments["options"].(object); text(options, "tokenExpiredAt") == "0" {
			return "Logout"
		}
	}
	return r.op
}

// graphqlCall is one field of a root type that is asked for.
type graphqlCall struct {
	arguments object
	bearer    string // the Authorization header
	ip        string // of the caller, in the words of the service
}

// document is a GraphQL request that is valid.
type document struct {
	fragments ast.FragmentDefinitionList
	variables map[string]any
	fields    []*rootField
}

type rootField struct {
	*ast.Field
	resolver resolver
	op       string
	call     graphqlCall
}

// routeGraphQL adds the GraphQL endpoint of a host.
func (s *Server) routeGraphQL(mux *http.ServeMux, host string) {
	schema, err := loadSchema(host)
	resolvers := s.resolvers()
	mux.HandleFunc("POST /graphql", func(w http.ResponseWriter, r *http.Request) {
		if err != nil { // the schema itself is wrong
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		doc, problem := readDocument(schema, resolvers, r)
		if problem != "" {
			invalidDocument(problem).write(w)
			return
		}
		s.serve(w, r, exchange{doc.op(), func() reply { return s.execute(doc) }, doc.refused})
	})
}

// invalidDocument is how the GraphQL layer itself refuses.
func invalidDocument(problem string) reply {
	return reply{http.StatusBadRequest, jsonText(object{"errors": []any{object{"message": problem}}})}
}

// readDocument reads a request and checks it against the schema.
func readDocument(schema *ast.Schema, resolvers map[string]resolver, r *http.Request) (doc *document, problem string) {
	var (
		source, operationName string
		sent                  map[string]any
	)
	if !readBody(r, map[string]any{"query": &source, "operationName": &operationName, "variables": &sent}) {
		return nil, "POST body sent invalid JSON."
	}
	if source == "" {
		return nil, "Must provide query string."
	}
	query, errs := gqlparser.LoadQueryWithRules(schema, source, nil)
	if len(errs) > 0 {
		return nil, errs[0].Message
	}
	operation := query.Operations.ForName(operationName)
	if operation == nil {
		return nil, "Must provide operation name if query contains multiple operations."
	}
	variables, problem := coerceVariables(schema, operation, sent)
	if problem != "" {
		return nil, problem
	}
	doc = &document{fragments: query.Fragments, variables: variables}
	for _, field := range doc.collect(operation.SelectionSet) {
		arguments, err := argumentsOf(field, variables)
		if err != nil {
			return nil, err.Error()
		}
		resolver := resolvers[field.Name]
		if strings.HasPrefix(field.Name, "__") {
			return nil, "GraphQL introspection is not allowed"
		}
		doc.fields = append(doc.fields, &rootField{
			Field: field, resolver: resolver, op: opOf(field.Name, resolver, arguments),
			call: graphqlCall{arguments: arguments, bearer: r.Header.Get("Authorization"), ip: callerIP(r)},
		})
	}
	return doc, ""
}

// op returns the method of the client that sends such a document. Methods ask for one field.
func (doc *document) op() string {
	if len(doc.fields) == 0 {
		return ""
	}
	return doc.fields[0].op
}

// refused answers all fields with one refusal.
func (doc *document) refused(e *envelope) reply {
	data, errs := object{}, []any{}
	for _, field := range doc.fields {
		data[field.Alias] = nil
		errs = append(errs, object{"message": e})
	}
	return graphqlReply(data, errs)
}

// execute answers the fields one after the other, and one call at a time.
func (s *Server) execute(doc *document) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, errs := object{}, []any{}
	for _, field := range doc.fields {
		value, refused := field.resolver.resolve(field.call)
		if refused != nil {
			data[field.Alias] = nil
			errs = append(errs, object{"message": refused})
			continue
		}
		data[field.Alias] = doc.selected(field.SelectionSet, value)
	}
	return graphqlReply(data, errs)
}

func graphqlReply(data object, errs []any) reply {
	answer := object{"data": data}
	if len(errs) > 0 {
		answer["errors"] = errs
	}
	return reply{http.StatusOK, jsonText(answer)}
}

// selected returns of value what is asked for.
func (doc *document) selected(set ast.SelectionSet, value any) any {
	switch value := value.(type) {
	case object:
		if value == nil {
			return nil
		}
		part := object{}
		for _, field := range doc.collect(set) {
			if field.Name == "__typename" {
				part[field.Alias] = field.ObjectDefinition.Name
				continue
			}
			part[field.Alias] = doc.selected(field.SelectionSet, value[field.Name])
		}
		return part
	case []object:
		parts := make([]any, len(value))
		for i, element := range value {
			parts[i] = doc.selected(set, element)
		}
		return parts
	}
	return value
}

// collect returns the fields of a selection, those of fragments included, each once. All types of the schema are
// objects, so that every fragment that is valid applies.
func (doc *document) collect(set ast.SelectionSet) []*ast.Field {
	var fields []*ast.Field
	add := func(field *ast.Field) {
		i := slices.IndexFunc(fields, func(f *ast.Field) bool { return f.Alias == field.Alias })
		if i < 0 {
			fields = append(fields, field)
			return
		}
		merged := *fields[i]
		merged.SelectionSet = slices.Concat(merged.SelectionSet, field.SelectionSet)
		fields[i] = &merged
	}
	for _, selection := range set {
		var inner ast.SelectionSet
		switch selection := selection.(type) {
		case *ast.Field:
			if doc.included(selection.Directives) {
				add(selection)
			}
			continue
		case *ast.InlineFragment:
			if doc.included(selection.Directives) {
				inner = selection.SelectionSet
			}
		case *ast.FragmentSpread:
			if doc.included(selection.Directives) {
				inner = doc.fragments.ForName(selection.Name).SelectionSet
			}
		}
		for _, field := range doc.collect(inner) {
			add(field)
		}
	}
	return fields
}

func (doc *document) included(directives ast.DirectiveList) bool {
	for _, d := range directives {
		condition := d.ArgumentMap(doc.variables)["if"]
		if d.Name == "skip" && condition == true || d.Name == "include" && condition == false {
			return false
		}
	}
	return true
}

// text returns a member that is a string, "" if it is absent or null.
func text(o object, name string) string {
	s, _ := o[name].(string)
	return s
}

// integer returns a member that is an Int, of a variable or written in the document.
func integer(o object, name string) (n int, ok bool) {
	switch v := o[name].(type) {
	case json.Number:
		i, err := v.Int64()
		return int(i), err == nil
	case int64:
		return int(v), true
	}
	return 0, false
}
