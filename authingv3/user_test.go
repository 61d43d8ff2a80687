package authingv3_test

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingv3"
)

func update(u authingv3.UserUpdate) doing {
	return func(ctx context.Context, c *authingv3.Client) (any, error) { return result(c.Update(ctx, u)) }
}

func TestUserRequests(t *testing.T) {
	t.Parallel()
	responses := []string{enveloped(ann)}
	checkRequests(t, []request{
		{name: "User", do: user, line: "GET " + host + "/api/v3/get-profile", auth: string(token), responses: responses},
		{name: "User with extras", do: func(ctx context.Context, c *authingv3.Client) (any, error) {
			return result(c.User(ctx, authingv3.ExtraIdentities, authingv3.ExtraCustomData, authingv3.ExtraDepartmentIDs))
		}, line: "GET " + host + "/api/v3/get-profile?withCustomData=true&withDepartmentIds=true&withIdentities=true",
			auth: string(token), responses: responses},
		{name: "User with a hostile extra", do: func(ctx context.Context, c *authingv3.Client) (any, error) {
			return result(c.User(ctx, "a=b&c#/.."))
		}, line: "GET " + host + "/api/v3/get-profile?a%3Db%26c%23%2F..=true", auth: string(token), responses: responses},
		{name: "Update", do: update(authingv3.UserUpdate{Nickname: authing.Ptr("Ann"), Company: authing.Ptr("")}),
			path: "/api/v3/update-profile", auth: string(token), responses: responses, body: `{"nickname":"Ann","company":""}`},
		{name: "Update of custom data", do: update(authingv3.UserUpdate{CustomData: map[string]any{"tier": 2}}),
			path: "/api/v3/update-profile", auth: string(token), responses: responses, body: `{"customData":{"tier":2}}`},
		{name: "Update with no custom data", do: update(authingv3.UserUpdate{CustomData: map[string]any{}}),
			path: "/api/v3/update-profile", auth: string(token), responses: responses, body: `{"customData":{}}`},
	})
}

// Every field of an update is sent under a name of its own, and checked.
func TestUpdateFields(t *testing.T) {
	t.Parallel()
	for field := range reflect.TypeFor[authingv3.UserUpdate]().Fields() {
		if field.Type.Kind() != reflect.Pointer {
			continue
		}
		for value, valid := range map[string]bool{"x": true, "\xff": false} {
			var u authingv3.UserUpdate
			reflect.ValueOf(&u).Elem().FieldByName(field.Name).Set(reflect.ValueOf(&value))
			client, got := setup(t, http.StatusOK, enveloped(ann))
			_, err := client.As(token).Update(context.Background(), u)
			if !valid {
				require.ErrorIs(t, err, authing.ErrInvalidArgument, field.Name)
				assert.Empty(t, got.All())
				continue
			}
			require.NoError(t, err)
			var sent map[string]any
			require.NoError(t, json.Unmarshal([]byte(got.Only(t).Body), &sent))
			assert.Len(t, sent, 1, field.Name)
			assert.Contains(t, sent, jsonName(field))
		}
	}
}

// jsonName is the name of a field with the same meaning in User.
func jsonName(field reflect.StructField) string {
	same, _ := reflect.TypeFor[authingv3.User]().FieldByName(field.Name)
	var name string
	for _, r := range same.Tag.Get("json") {
		if r == ',' {
			break
		}
		name += string(r)
	}
	return name
}

func TestUserRefuses(t *testing.T) {
	t.Parallel()
	checkRefused(t, map[string]doing{
		"Update: there is nothing to update":           update(authingv3.UserUpdate{}),
		"Update: the nickname is not valid UTF-8":      update(authingv3.UserUpdate{Nickname: authing.Ptr("\xff")}),
		"Update: the custom data cannot be written":    update(authingv3.UserUpdate{CustomData: map[string]any{"a": "\xff"}}),
		"Update: the custom data cannot be written as": update(authingv3.UserUpdate{CustomData: map[string]any{"f": func() {}}}),
	})
}

// Calls about a user require a token.
func TestTokenRequired(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]doing{
		"User": user, "Update": update(authingv3.UserUpdate{Name: authing.Ptr("x")}), "BindPhone": bindPhone("138", "1"),
		"DeleteAccount": deletion(authingv3.ProofByPassword("x")), "ChangeAvatar": changeAvatar(png),
		"BindWxapp": func(ctx context.Context, c *authingv3.Client) (any, error) { return nil, c.BindWxapp(ctx, code) },
	} {
		client, got := setup(t, http.StatusOK, nothing)
		_, err := do(context.Background(), client)
		require.ErrorIs(t, err, authing.ErrLoginRequired)
		require.EqualError(t, err, "authing: "+name+": no token: use client.As with the token of a login; nothing was sent")
		assert.Empty(t, got.All())
		_, err = do(context.Background(), client.As("Bearer a"))
		require.ErrorContains(t, err, `pass it unchanged, without "Bearer "`)
		assert.Empty(t, got.All())
	}
}

const everything = `{"userId":"ann","status":"Activated","workStatus":"Active","externalId":"e","email":"a@b.test","emailVerified":true,` +
	`"phone":"138","phoneCountryCode":"+86","phoneVerified":true,"username":"u","name":"n","nickname":"k","photo":"p","gender":"F",` +
	`"birthdate":"2001-02-03","country":"c","province":"pr","city":"ci","address":"ad","streetAddress":"sa","postalCode":"pc",` +
	`"company":"co","identityNumber":"in","loginsCount":3,"lastLogin":"2022-07-03T02:20:30.000Z","lastIp":"192.0.2.1",` +
	`"createdAt":"2022-07-03T02:20:30.000Z","updatedAt":"2022-07-03T02:20:30.000Z","passwordLastSetAt":"2022-07-03T02:20:30.000Z",` +
	`"userSourceType":"register","tenantId":"t","departmentIds":["d"],"identities":[` +
	`{"identityId":"i0","extIdpId":"x","provider":"qq","type":"openid","userIdInIdp":"q1"},` +
	`{"identityId":"i1","extIdpId":"x","provider":"wechat","type":"openid","userIdInIdp":"o1","userInfoInIdp":{"a":1},"originConnIds":["c"]},` +
	`{"identityId":"i2","type":"unionid","userIdInIdp":"u1"}],"customData":{"tier":1}}`

func TestUserResult(t *testing.T) {
	t.Parallel()
	client, _ := setup(t, http.StatusOK, enveloped(everything))
	u, err := client.As(token).User(context.Background())
	require.NoError(t, err)
	assert.Equal(t, everything, string(u.Raw()))
	assert.Equal(t, "o1", u.OpenID())
	assert.Equal(t, "u1", u.UnionID())
	assert.Equal(t, map[string]any{"tier": 1.0}, u.CustomData)
	for i := range reflect.TypeFor[authingv3.User]().NumField() {
		assert.False(t, reflect.ValueOf(*u).Field(i).IsZero(), reflect.TypeFor[authingv3.User]().Field(i).Name)
	}
	encoded, err := json.Marshal(u)
	require.NoError(t, err)
	assert.JSONEq(t, everything, string(encoded))
	var again authingv3.User
	require.NoError(t, json.Unmarshal(encoded, &again))
	assert.Equal(t, u.Identities, again.Identities)
	assert.Nil(t, (&authingv3.User{}).Raw())
	assert.Empty(t, (&authingv3.User{}).OpenID())
}

// Only the id is needed. What cannot be read does not hide the user.
func TestUserReadingIsTolerant(t *testing.T) {
	t.Parallel()
	for _, data := range []string{
		`{"userId":"ann"}`, `{"userId":"ann","email":null,"identities":null,"customData":null,"departmentIds":null,"lastLogin":null}`,
		`{"userId":"ann","loginsCount":"3","lastLogin":"yesterday","identities":"none","customData":[],"gender":"X","extra":{"a":[]}}`,
	} {
		client, _ := setup(t, http.StatusOK, enveloped(data))
		u, err := client.As(token).User(context.Background())
		require.NoError(t, err, data)
		assert.Equal(t, "ann", u.ID)
	}
	client, _ := setup(t, http.StatusOK, enveloped(`{"userId":"ann","identities":[1,{"type":"openid","userIdInIdp":"o1"},"x"]}`))
	u, err := client.As(token).User(context.Background())
	require.NoError(t, err)
	assert.Equal(t, "o1", u.OpenID())
	e := failure(t, http.StatusOK, enveloped(`{"phone":"138"}`), user)
	require.ErrorContains(t, e, "sent no user id")
	require.ErrorIs(t, e, authing.ErrBadResponse)
	assert.Error(t, json.Unmarshal([]byte(`[]`), new(authingv3.User)))
}
