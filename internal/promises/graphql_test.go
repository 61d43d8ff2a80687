package promises_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/testkit"
)

func TestGraphQLSuccesses(t *testing.T) {
	t.Parallel()
	success := graphqlData("login", asJSON(t, serviceUser()))
	client, _ := setup(t, http.StatusOK, success)
	want, err := tryPassword(client)
	require.NoError(t, err)
	for name, body := range map[string]string{
		"byte order mark": "\ufeff" + success,
		"no errors":       `{"errors":[],` + success[1:],
		"null errors":     `{"errors":null,` + success[1:],
		"extensions":      `{"extensions":{"cost":1},` + success[1:],
		"unrelated code":  `{"code":2004,` + success[1:],
		"another result":  strings.Replace(success, `{"login"`, `{"register":null,"login"`, 1),
		"1 MiB":           success + strings.Repeat(" ", 1<<20-len(success)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := setup(t, http.StatusOK, body)

			user, err := tryPassword(client)

			require.NoError(t, err)
			assert.JSONEq(t, string(want.Raw()), string(user.Raw()))
			assert.Equal(t, want.Token, user.Token)
		})
	}
}

// Operations that return nothing else return an acknowledgement, which may be a refusal.
func TestGraphQLAcknowledgements(t *testing.T) {
	t.Parallel()
	for _, m := range legacyMethods {
		if !slices.Contains([]string{"SendResetPasswordEmail", "VerifyResetPasswordVerifyCode", "SendVerifyEmail"}, m.name) {
			continue
		}
		for ack, want := range map[string]struct {
			success bool
			code    int
			is      error
		}{
			`{"message":"成功","code":null}`:                        {success: true},
			`{"message":"成功"}`:                                    {success: true},
			`{"message":"成功","code":200,"status":true}`:           {success: true},
			`{"message":"成功","code":"200","status":null}`:         {success: true},
			`{"message":"验证码过期","code":2300,"status":false}`:      {code: 2300, is: authing.ErrVerifyCode},
			`{"message":"验证码过期","code":"2300"}`:                   {code: 2300, is: authing.ErrVerifyCode},
			`{"message":"用户不存在","code":2004,"status":true}`:       {code: 2004, is: authing.ErrUserNotFound},
			`{"message":"no","code":500}`:                         {code: 500},
			`{"message":"no","code":0}`:                           {},
			`{"message":"no","status":false}`:                     {},
			`{"message":"ok, or not","code":200,"status":false}`:  {code: 200},
			`{"message":"ok, or not","code":null,"status":false}`: {},
		} {
			t.Run(m.name+" "+ack, func(t *testing.T) {
				t.Parallel()
				field, _, _ := strings.Cut(strings.TrimPrefix(m.responses[0], `{"data":{"`), `"`)
				client, _ := setup(t, http.StatusOK, graphqlData(field, ack))

				_, err := m.call(context.Background(), client)

				if want.success {
					require.NoError(t, err)
					return
				}
				e := m.wantFailure(t, nil, err, false)
				assert.Equal(t, want.code, e.Code)
				assert.NotEmpty(t, e.Message)
				assert.Contains(t, err.Error(), e.Message)
				if want.is != nil {
					require.ErrorIs(t, err, want.is)
				}
			})
		}
	}
}

// sentOperation is a GraphQL operation in a request.
type sentOperation struct {
	document  string
	variables map[string]any
}

// operationsIn returns the GraphQL operations among the requests.
func operationsIn(t *testing.T, requests []testkit.Exchange) (operations []sentOperation) {
	t.Helper()
	for _, e := range requests {
		if !strings.HasSuffix(e.Line, "/graphql") {
			continue
		}
		var body map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(e.Body), &body))
		for key := range body {
			assert.Contains(t, []string{"query", "variables"}, key)
		}
		var o sentOperation
		require.NoError(t, json.Unmarshal(body["query"], &o.document))
		if body["variables"] != nil {
			numbers := json.NewDecoder(strings.NewReader(string(body["variables"])))
			numbers.UseNumber()
			require.NoError(t, numbers.Decode(&o.variables))
		}
		operations = append(operations, o)
	}
	return operations
}

func documentsOf(operations []sentOperation) (documents []string) {
	for _, o := range operations {
		documents = append(documents, o.document)
	}
	return documents
}

// graphqlCalls pass s as every argument that can be any text.
var graphqlCalls = map[string]func(ctx context.Context, c pair, s string) error{
	"LoginByPhoneCode": func(ctx context.Context, c pair, s string) error {
		return second(c.LoginByPhoneCode(ctx, s, "123456"))
	},
	"Register": func(ctx context.Context, c pair, s string) error {
		return second(c.Register(ctx, authing.RegisterParams{
			Email: s, Username: s, UnionID: s, Password: "x", Nickname: s, Photo: s, OAuth: s, RegisterMethod: s, LastIP: s,
		}))
	},
	"Login": func(ctx context.Context, c pair, s string) error {
		return second(c.Login(ctx, authing.LoginParams{
			Email: s, Username: s, UnionID: s, Password: "x", LastIP: s, VerifyCode: s,
		}))
	},
	"LoginByLDAP": func(ctx context.Context, c pair, s string) error {
		return second(c.LoginByLDAP(ctx, s, authing.Secret(s)))
	},
	"Logout": func(ctx context.Context, c pair, s string) error { return c.Logout(ctx, s) },
	"User":   func(ctx context.Context, c pair, s string) error { return second(c.User(ctx, s)) },
	"Update": func(ctx context.Context, c pair, s string) error {
		return second(c.Update(ctx, s, updateOf(s, ^0)))
	},
	"UnbindEmail": func(ctx context.Context, c pair, s string) error { return second(c.UnbindEmail(ctx, s)) },
	"SendResetPasswordEmail": func(ctx context.Context, c pair, s string) error {
		return c.SendResetPasswordEmail(ctx, s)
	},
	"VerifyResetPasswordVerifyCode": func(ctx context.Context, c pair, s string) error {
		return c.VerifyResetPasswordVerifyCode(ctx, s, s)
	},
	"ChangePassword": func(ctx context.Context, c pair, s string) error {
		return second(c.ChangePassword(ctx, authing.ChangePasswordParams{Email: s, Password: "x", VerifyCode: s}))
	},
	"SendVerifyEmail": func(ctx context.Context, c pair, s string) error { return c.SendVerifyEmail(ctx, s) },
	"Metadata":        func(ctx context.Context, c pair, s string) error { return second(c.Metadata(ctx, s)) },
	"SetMetadata": func(ctx context.Context, c pair, s string) error {
		return second(c.SetMetadata(ctx, s, s, s))
	},
	"RemoveMetadata": func(ctx context.Context, c pair, s string) error {
		return second(c.RemoveMetadata(ctx, s, s))
	},
	"ChangeAvatar": func(ctx context.Context, c pair, s string) error {
		return second(c.ChangeAvatar(ctx, s, canaryImageReader()))
	},
	"GetAuthedAppList": func(ctx context.Context, c pair, s string) error {
		return second(c.GetAuthedAppList(ctx, s, authing.ListOptions{Page: 1, Count: 2}))
	},
	"RevokeAuthedApp": func(ctx context.Context, c pair, s string) error {
		return second(c.RevokeAuthedApp(ctx, s, s))
	},
	"VerifyToken": func(ctx context.Context, c pair, s string) error {
		return second(c.VerifyToken(ctx, authing.Secret(s)))
	},
}

func second[T any](_ T, err error) error { return err }

// updateOf returns an update with the fields whose bits are set. Texts are s.
func updateOf(s string, fields int) (u authing.UserUpdate) {
	v := reflect.ValueOf(&u).Elem()
	for i := range v.NumField() {
		if fields>>i&1 == 0 {
			continue
		}
		value := reflect.New(v.Field(i).Type().Elem())
		switch name := v.Type().Field(i).Name; {
		case strings.HasSuffix(name, "Password"):
			value.Elem().SetString("x")
		case value.Elem().Kind() == reflect.String:
			value.Elem().SetString(s)
		case value.Elem().Kind() == reflect.Int:
			value.Elem().SetInt(int64(len(s)))
		}
		v.Field(i).Set(value)
	}
	return u
}

// Documents are constants: what a caller passes travels in the variables, unchanged, and nowhere else.
func TestGraphQLInjection(t *testing.T) {
	t.Parallel()
	for _, m := range legacyMethods {
		call := graphqlCalls[m.name]
		if call == nil || m.step > 0 {
			continue
		}
		run := func(t *testing.T, s string) ([]sentOperation, error) {
			client, got := setupResponder(t, m.succeed())
			err := call(context.Background(), client.As(token), s)
			for _, e := range got.All() {
				assert.Contains(t, []string{
					"POST https://users.authing.cn/graphql", "POST https://oauth.authing.cn/graphql", "POST https://up.qiniup.com",
				}, e.Line)
				if m.name != "LoginByLDAP" && strings.HasSuffix(e.Line, "/graphql") {
					assert.Equal(t, []string{"Bearer " + string(token)}, e.Header["Authorization"])
				}
			}
			return operationsIn(t, got.All()), err
		}
		usual, err := run(t, "usual")
		require.NoError(t, err)
		require.NotEmpty(t, usual)
		t.Run(m.name, func(t *testing.T) {
			eachHostileValue(t, func(t *testing.T, value string) {
				operations, err := run(t, value)
				if err != nil {
					assert.True(t, errors.Is(err, authing.ErrInvalidArgument) || value == "" && errors.Is(err, authing.ErrLoginRequired))
					assert.Empty(t, operations)
					return
				}
				assert.Equal(t, documentsOf(usual), documentsOf(operations))
				for i, o := range operations {
					assert.Equal(t, withText(usual[i].variables, value), withText(o.variables, value))
				}
			})
		})
	}
}

// withText returns variables with value instead of the usual text, and without the ciphertexts and numbers, which differ
// from call to call.
func withText(variables map[string]any, value string) map[string]any {
	same := maps.Clone(variables)
	for name, v := range same {
		switch v := v.(type) {
		case map[string]any:
			same[name] = withText(v, value)
		case json.Number:
			same[name] = "a number"
		case string:
			if v == "usual" {
				same[name] = value
			}
			if strings.HasSuffix(strings.ToLower(name), "password") && len(v) == 172 {
				same[name] = "a ciphertext"
			}
		}
	}
	return same
}

// The document of an update depends on which fields are set, and not on their values.
func TestGraphQLUpdateDocument(t *testing.T) {
	t.Parallel()
	fields := reflect.TypeFor[authing.UserUpdate]().NumField()
	declared := regexp.MustCompile(`\$(\w+): `)
	seen := map[string]bool{}
	document := func(s string, set int) sentOperation {
		client, got := setup(t, http.StatusOK, graphqlData("updateUser", canaryUserData))
		_, err := client.As(token).Update(context.Background(), userID, updateOf(s, set))
		require.NoError(t, err)
		return operationsIn(t, got.All())[0]
	}
	const passwords = 1<<8 | 1<<9 // only both together are valid
	for bit := range fields {
		for _, set := range []int{1 << bit, 1<<bit | 1, 1<<fields - 1 - 1<<bit} {
			if both := set & passwords; both != 0 && both != passwords {
				continue
			}
			one, other := document("one", set), document(`other") { _id } #`, set)
			assert.Equal(t, one.document, other.document)
			var names []string
			for _, match := range declared.FindAllStringSubmatch(one.document, -1) {
				names = append(names, match[1])
			}
			assert.ElementsMatch(t, slices.Collect(maps.Keys(one.variables)), slices.Compact(slices.Sorted(slices.Values(names))))
			seen[one.document] = true
		}
	}
	assert.Greater(t, len(seen), 2*fields, "the documents hardly differ")
}

func TestGraphQLDocumentsAreValid(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../authingtest/schema.graphql")
	require.NoError(t, err)
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "schema.graphql", Input: string(text)})
	require.NoError(t, err)
	valid := func(document string) bool {
		_, errs := gqlparser.LoadQueryWithRules(schema, document, nil)
		return len(errs) == 0
	}
	// The last word before the closing braces is a selected field.
	last := regexp.MustCompile(`(\w+)(\s*\}\s*)+$`)
	var tested int
	check := func(t *testing.T, o sentOperation) {
		t.Helper()
		query, errs := gqlparser.LoadQueryWithRules(schema, o.document, nil)
		require.Empty(t, errs)
		require.Len(t, query.Operations, 1)
		_, err := validator.VariableValues(schema, query.Operations[0], o.variables)
		require.NoError(t, err)

		at := last.FindStringSubmatchIndex(o.document)
		require.NotNil(t, at)
		assert.False(t, valid(o.document[:at[3]]+"x"+o.document[at[3]:]), "a misspelt field is not noticed")
		root := query.Operations[0].SelectionSet[0].(*ast.Field).Position.End
		assert.False(t, valid(o.document[:root]+"x"+o.document[root:]), "a misspelt operation is not noticed")
		tested++
	}
	for _, m := range legacyMethods {
		client, got := setupResponder(t, m.succeed())
		_, err := m.call(context.Background(), client.As(canaryToken))
		require.NoError(t, err)
		operations := operationsIn(t, got.All())
		_, isGraphQL := graphqlCalls[m.name]
		assert.Equal(t, isGraphQL || m.name == "CheckLoginStatus", len(operations) > 0, m.name)
		for _, o := range operations {
			check(t, o)
		}
	}
	client, got := setup(t, http.StatusOK, graphqlData("updateUser", canaryUserData))
	_, err = client.Update(context.Background(), userID, updateOf("x", ^0))
	require.NoError(t, err)
	check(t, operationsIn(t, got.All())[0])
	assert.Greater(t, tested, 20)
}
