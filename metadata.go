package authing

import (
	"cmp"
	"context"
)

// Metadata is what a backend stored beside an account: a small number of short texts.
type Metadata struct {
	TotalCount int            `json:"totalCount"`
	List       []MetadataItem `json:"list"`
}

// MetadataItem is one text of [Metadata].
type MetadataItem struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type wireMetadata struct {
	TotalCount number `json:"totalCount"`
	List       *[]struct {
		Key   text `json:"key"`
		Value text `json:"value"`
	} `json:"list"`
}

const metadataFields = ` { totalCount list { key value } }`

var userMetadata = operation{
	`query userMetadata($_id: String!) { userMetadata(_id: $_id)` + metadataFields + ` }`, "userMetadata",
}

// Metadata returns all metadata of a user. It needs the token of that user ([Client.As]); one that is no longer accepted
// gives [ErrLoginRequired].
//
// It is a read: after a connection failure or a 502, 503 or 504 it is sent again, see [WithReadRetries].
//
// Original: metadata, query userMetadata on the users host.
func (c *Client) Metadata(ctx context.Context, userID string) (*Metadata, error) {
	return metadata(ctx, c, request{
		op:    "Metadata",
		check: checkRequired("user id", userID),
		read:  true,
	}, userMetadata, struct {
		ID string `json:"_id"`
	}{userID})
}

// metadataInput is the argument of both mutations. A removal has no value.
type metadataInput struct {
	ID    string  `json:"_id"`
	Key   string  `json:"key"`
	Value *string `json:"value,omitempty"`
}

var setUserMetadata = operation{`mutation setUserMetadata($input: SetUserMetadataInput!) {
	setUserMetadata(input: $input)` + metadataFields + `
}`, "setUserMetadata"}

// SetMetadata stores value under key for a user and returns all metadata. It needs the token of that user
// ([Client.As]); one that is no longer accepted gives [ErrLoginRequired].
// Storing the same value again does no harm, so the caller may repeat it after [ErrOutcomeUnknown].
//
// Original: setMetadata, mutation setUserMetadata on the users host.
func (c *Client) SetMetadata(ctx context.Context, userID, key, value string) (*Metadata, error) {
	return metadata(ctx, c, request{
		op:    "SetMetadata",
		check: cmp.Or(checkRequired("user id", userID), checkRequired("key", key), checkUTF8("value", value)),
	}, setUserMetadata, map[string]metadataInput{"input": {userID, key, &value}})
}

var removeUserMetadata = operation{`mutation removeUserMetadata($input: RemoveUserMetadataInput!) {
	removeUserMetadata(input: $input)` + metadataFields + `
}`, "removeUserMetadata"}

// RemoveMetadata removes what is stored under key and returns the rest. It needs the token of that user
// ([Client.As]); one that is no longer accepted gives [ErrLoginRequired].
// The caller may repeat it after [ErrOutcomeUnknown].
//
// Original: removeMetadata, mutation removeUserMetadata on the users host.
func (c *Client) RemoveMetadata(ctx context.Context, userID, key string) (*Metadata, error) {
	return metadata(ctx, c, request{
		op:    "RemoveMetadata",
		check: cmp.Or(checkRequired("user id", userID), checkRequired("key", key)),
	}, removeUserMetadata, map[string]metadataInput{"input": {userID, key, nil}})
}

func metadata(ctx context.Context, c *Client, rq request, o operation, variables any) (*Metadata, error) {
	rq.check, rq.auth = cmp.Or(rq.check, checkToken(c.token)), c.bearer()
	wire, _, err := graphql(ctx, c, rq, o, variables, func(m *wireMetadata) string {
		if m.List == nil && !m.TotalCount.set {
			return "metadata"
		}
		return ""
	})
	if err != nil {
		return nil, err
	}
	all := &Metadata{TotalCount: int(wire.TotalCount.value)}
	if wire.List != nil {
		all.List = make([]MetadataItem, len(*wire.List))
		for i, item := range *wire.List {
			all.List[i] = MetadataItem{string(item.Key), string(item.Value)}
		}
	}
	return all, nil
}
