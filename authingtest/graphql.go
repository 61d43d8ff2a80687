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

// Root fields are served by the users host, except for these. Sources disagree about the host of the authorized apps,
// so both hosts serve them.
var (
	oauthOnly = []string{"LoginByLDAP"}
	bothHosts = []string{"GetUserAuthorizedApps", "RevokeUserAuthorizedApp"}
)

// loadSchema returns the schema restricted to the root fields that host serves.
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

// resolver resolves one root field.
type resolver struct {
	method  string // of the client that requests the field
	resolve func(graphqlCall) (any, *envelope)
}

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

// clientMethod returns the name of the client method that requests a field. Three fields serve two methods each.
func clientMethod(field string, r resolver, arguments object) string {
	switch field {
	case "login":
		if getString(arguments, "phone") != "" {
			return "LoginByPhoneCode"
		}
	case "checkLoginStatus":
		if getString(arguments, "token") != "" {
			return "VerifyToken"
		}
	case "updateUser":
		if options, _ := arguments["options"].(object); getString(options, "tokenExpiredAt") == "0" {
			return "Logout"
		}
	}
	return r.method
}

// graphqlCall is the call of one root field.
type graphqlCall struct {
	arguments     object
	authorization string // the header
	ip            string // of the caller, see callerIP
}

// document is a valid GraphQL request.
type document struct {
	fragments ast.FragmentDefinitionList
	variables map[string]any
	fields    []*rootField
}

type rootField struct {
	*ast.Field
	resolver resolver
	method   string // of the client
	call     graphqlCall
}

// routeGraphQL registers the GraphQL endpoint of a host.
func (s *Server) routeGraphQL(mux *http.ServeMux, host string) {
	schema, err := loadSchema(host)
	resolvers := s.resolvers()
	mux.HandleFunc("POST /graphql", func(w http.ResponseWriter, r *http.Request) {
		if err != nil { // schema.graphql is invalid
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		doc, problem := readDocument(schema, resolvers, r)
		if problem != "" {
			invalidDocument(problem).write(w)
			return
		}
		s.serve(w, r, operation{doc.method(), func() reply { return s.execute(doc) }, doc.errorReply, s.opts.WeChatError})
	})
}

// invalidDocument returns the error of the GraphQL layer, which differs from those of the service.
func invalidDocument(problem string) reply {
	return reply{status: http.StatusBadRequest, body: jsonText(object{"errors": []any{object{"message": problem}}})}
}

// readDocument parses a request and validates it against the schema.
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
	for _, field := range doc.collectFields(operation.SelectionSet) {
		arguments, err := argumentsOf(field, variables)
		if err != nil {
			return nil, err.Error()
		}
		resolver := resolvers[field.Name]
		if strings.HasPrefix(field.Name, "__") {
			return nil, "GraphQL introspection is not allowed"
		}
		doc.fields = append(doc.fields, &rootField{
			Field: field, resolver: resolver, method: clientMethod(field.Name, resolver, arguments),
			call: graphqlCall{arguments: arguments, authorization: r.Header.Get("Authorization"), ip: callerIP(r)},
		})
	}
	return doc, ""
}

// method returns the name of the client method that sends the document. The client requests one root field at a time.
func (doc *document) method() string {
	if len(doc.fields) == 0 {
		return ""
	}
	return doc.fields[0].method
}

// errorReply reports the same error for every field.
func (doc *document) errorReply(e *envelope) reply {
	var (
		data selection
		errs []any
	)
	for _, field := range doc.fields {
		data = append(data, member{field.Alias, nil})
		errs = append(errs, object{"message": e})
	}
	return graphqlReply(data, errs)
}

func (s *Server) execute(doc *document) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	var (
		data selection
		errs []any
	)
	for _, field := range doc.fields {
		value, apiErr := field.resolver.resolve(field.call)
		if apiErr != nil {
			data = append(data, member{field.Alias, nil})
			errs = append(errs, object{"message": apiErr})
			continue
		}
		data = append(data, member{field.Alias, doc.selectFields(field.SelectionSet, value)})
	}
	return graphqlReply(data, errs)
}

// selection is a JSON object whose members keep the order in which a document selects them, as GraphQL requires.
type selection []member

type member struct {
	name  string
	value any
}

func (s selection) MarshalJSON() ([]byte, error) {
	members := make([]string, len(s))
	for i, m := range s {
		members[i] = jsonText(m.name) + ":" + jsonText(m.value)
	}
	return []byte("{" + strings.Join(members, ",") + "}"), nil
}

func graphqlReply(data selection, errs []any) reply {
	body := object{"data": data}
	if len(errs) > 0 {
		body["errors"] = errs
	}
	return reply{status: http.StatusOK, body: jsonText(body)}
}

// selectFields reduces value to the fields in set.
func (doc *document) selectFields(set ast.SelectionSet, value any) any {
	switch value := value.(type) {
	case object:
		if value == nil {
			return nil
		}
		var selected selection
		for _, field := range doc.collectFields(set) {
			if field.Name == "__typename" {
				selected = append(selected, member{field.Alias, field.ObjectDefinition.Name})
				continue
			}
			selected = append(selected, member{field.Alias, doc.selectFields(field.SelectionSet, value[field.Name])})
		}
		return selected
	case []object:
		selected := make([]any, len(value))
		for i, element := range value {
			selected[i] = doc.selectFields(set, element)
		}
		return selected
	}
	return value
}

// collectFields flattens a selection set: it expands fragments and merges fields with the same alias. The schema has no
// interfaces or unions, so every valid fragment applies.
func (doc *document) collectFields(set ast.SelectionSet) []*ast.Field {
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
			if doc.shouldInclude(selection.Directives) {
				add(selection)
			}
			continue
		case *ast.InlineFragment:
			if doc.shouldInclude(selection.Directives) {
				inner = selection.SelectionSet
			}
		case *ast.FragmentSpread:
			if doc.shouldInclude(selection.Directives) {
				inner = doc.fragments.ForName(selection.Name).SelectionSet
			}
		}
		for _, field := range doc.collectFields(inner) {
			add(field)
		}
	}
	return fields
}

func (doc *document) shouldInclude(directives ast.DirectiveList) bool {
	for _, d := range directives {
		condition := d.ArgumentMap(doc.variables)["if"]
		if d.Name == "skip" && condition == true || d.Name == "include" && condition == false {
			return false
		}
	}
	return true
}

// getString returns a string member of o, or "" if it is absent or null.
func getString(o object, name string) string {
	s, _ := o[name].(string)
	return s
}

// getInt returns an Int member of o, which came from a variable (json.Number) or from the document (int64).
func getInt(o object, name string) (n int, ok bool) {
	switch v := o[name].(type) {
	case json.Number:
		i, err := v.Int64()
		return int(i), err == nil
	case int64:
		return int(v), true
	}
	return 0, false
}
