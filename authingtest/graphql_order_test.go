package authingtest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

func TestFieldsInOrderOfSelection(t *testing.T) {
	t.Parallel()
	srv, _ := setup(t, authingtest.Options{UserPoolID: "pool-1"})
	ann := srv.AddUser(authing.User{Nickname: "A<b>&", Company: "x"})
	for document, want := range map[string]string{
		`query ($id: String!) { user(id: $id, registerInClient: "pool-1") { nickname group { name _id } blocked company } }`:                                       `{"data":{"user":{"nickname":"A<b>&","group":{"name":"默认分组","_id":"`,
		`query ($id: String!) { user(id: $id, registerInClient: "pool-1") { ...F blocked nickname } } fragment F on ExtendUser { z: company nickname a: company }`: `{"data":{"user":{"z":"x","nickname":"A<b>&","a":"x","blocked":false}}}`,
		`query ($id: String!) { z: userMetadata(_id: $id) { totalCount list { value key } } a: userMetadata(_id: $id) { list { key } totalCount } }`:               `{"data":{"z":{"totalCount":0,"list":[]},"a":{"list":[],"totalCount":0}}}`,
	} {
		_, response := send(t, graphqlRequest(srv, query(document, `{"id":"`+ann.ID+`"}`), "Bearer "+string(ann.Token)))
		assert.True(t, len(response) >= len(want) && response[:len(want)] == want, response)
	}
	_, response := send(t, graphqlRequest(srv, query(
		`{ z: userMetadata(_id: "x") { totalCount } a: userMetadata(_id: "x") { totalCount } }`, "")))
	assert.Contains(t, response, `"data":{"z":null,"a":null}`)
}
