package recordings_test

import (
	"maps"
	"slices"

	"github.com/stretchr/testify/assert"

	"github.com/authing-wxapp/authing/internal/testkit"
)

// amendment is a rule by which the GraphQL request of Go differs from that of the original.
type amendment struct {
	reason  string
	applies func(situation) bool
	amend   func(situation, *testkit.GraphQLRequest)
}

// amendments are applied one after the other.
var amendments = []amendment{
	{
		reason:  "login takes a user name since v3",
		applies: func(s situation) bool { return s.Variant == "e5ddaf4" && s.isOneOf("login") },
		amend: func(_ situation, q *testkit.GraphQLRequest) {
			q.Declared["username"] = "String"
			q.RootFields[0].Arguments["username"] = map[string]any{"$var": "username"}
		},
	},
	{
		reason:  "the hash of the password is nobody's business",
		applies: func(s situation) bool { return s.isOneOf("register") },
		amend: func(_ situation, q *testkit.GraphQLRequest) {
			q.Selection = slices.DeleteFunc(q.Selection, func(leaf string) bool { return leaf == "register.password" })
		},
	},
	{
		reason:  "unbindEmail sends the variables that it declares; the original forgets them",
		applies: func(s situation) bool { return s.isOneOf("unbindEmail") },
		amend: func(s situation, q *testkit.GraphQLRequest) {
			q.Variables = map[string]any{"user": s.given["user"], "client": s.poolID()}
			q.BodyKeys = append(q.BodyKeys, "variables")
		},
	},
	{
		reason:  "Go has neither undefined nor null: such a field is left out of variables and of an update",
		applies: func(situation) bool { return true },
		amend: func(s situation, q *testkit.GraphQLRequest) {
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
		amend: func(_ situation, q *testkit.GraphQLRequest) {
			maps.DeleteFunc(q.Variables, func(_ string, value any) bool { return value == "" })
		},
	},
	{
		reason:  "a backend knows no browser",
		applies: func(s situation) bool { return s.isOneOf("loginByLDAP", "loginByPhoneCode") },
		amend:   func(_ situation, q *testkit.GraphQLRequest) { delete(q.Variables, "browser") },
	},
	{
		reason:  "variables that are not declared are not sent",
		applies: func(situation) bool { return true },
		amend: func(_ situation, q *testkit.GraphQLRequest) {
			maps.DeleteFunc(q.Variables, func(name string, _ any) bool { return q.Declared[name] == "" })
		},
	},
	{
		reason:  "the same goes for the members of the one variable that is an object",
		applies: func(s situation) bool { return s.isOneOf("setMetadata", "removeMetadata") },
		amend: func(s situation, q *testkit.GraphQLRequest) {
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
func amended(q testkit.GraphQLRequest, s situation) testkit.GraphQLRequest {
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
func expectGraphQL(t *differences, want, got testkit.GraphQLRequest) {
	for name, value := range want.Variables {
		if secret, _ := value.(map[string]any); secret["rsaEncrypted"] != nil {
			cipher, _ := got.Variables[name].(string)
			want.Variables[name], got.Variables[name] = secret["rsaEncrypted"], testkit.DecryptPassword(t, cipher)
		}
	}
	assert.Equal(t, want, got)
}
