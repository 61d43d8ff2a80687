package authing

import (
	"cmp"
	"context"

	"github.com/authing-wxapp/authing/internal/api"
	"github.com/authing-wxapp/authing/internal/wire"
)

// Metadata is what a backend stores with an account: a few short texts.
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
	TotalCount wire.Int `json:"totalCount"`
	List       wire.List[struct {
		Key   wire.Text `json:"key"`
		Value wire.Text `json:"value"`
	}] `json:"list"`
}

func (w *wireMetadata) missing() string {
	if w.List == nil && !w.TotalCount.Set {
		return "metadata"
	}
	return ""
}

func (w *wireMetadata) metadata(wire.Raw) (*Metadata, error) {
	all := &Metadata{TotalCount: int(w.TotalCount.Value)}
	if w.List != nil {
		all.List = make([]MetadataItem, len(w.List))
		for i, item := range w.List {
			all.List[i] = MetadataItem{Key: string(item.Key), Value: string(item.Value)}
		}
	}
	return all, nil
}

const metadataFields = ` { totalCount list { key value } }`

var userMetadata = operation[wireMetadata]{"userMetadata",
	`query userMetadata($_id: String!) { userMetadata(_id: $_id)` + metadataFields + ` }`,
	(*wireMetadata).missing,
}

// Metadata returns all metadata of a user, whose token it requires (see [Client.As]). A token that is no longer accepted
// is [ErrLoginRequired].
//
// Retry: automatic, see [WithReadRetries].
//
// Original: metadata, query userMetadata on the users host.
func (c *Client) Metadata(ctx context.Context, userID string) (*Metadata, error) {
	return callGraphQL(ctx, c, api.Request{
		Op:      "Metadata",
		Invalid: api.CheckRequired("user id", userID),
		Auth:    api.OwnBearer,
		Reads:   true,
	}, userMetadata, struct {
		ID string `json:"_id"`
	}{ID: userID}, (*wireMetadata).metadata)
}

// metadataInput is the argument of both mutations. A removal has no value.
type metadataInput struct {
	ID    string  `json:"_id"`
	Key   string  `json:"key"`
	Value *string `json:"value,omitempty"`
}

var setUserMetadata = operation[wireMetadata]{"setUserMetadata", `mutation setUserMetadata($input: SetUserMetadataInput!) {
	setUserMetadata(input: $input)` + metadataFields + `
}`, (*wireMetadata).missing}

// SetMetadata stores value under key for a user and returns all metadata. It requires that user's token (see
// [Client.As]). A token that is no longer accepted is [ErrLoginRequired].
//
// Retry: safe. Storing the same value again does no harm.
//
// Original: setMetadata, mutation setUserMetadata on the users host.
func (c *Client) SetMetadata(ctx context.Context, userID, key, value string) (*Metadata, error) {
	return callGraphQL(ctx, c, api.Request{
		Op:      "SetMetadata",
		Invalid: cmp.Or(api.CheckRequired("user id", userID), api.CheckRequired("key", key), api.CheckUTF8("value", value)),
		Auth:    api.OwnBearer,
	}, setUserMetadata, map[string]metadataInput{"input": {ID: userID, Key: key, Value: &value}}, (*wireMetadata).metadata)
}

var removeUserMetadata = operation[wireMetadata]{"removeUserMetadata", `mutation removeUserMetadata($input: RemoveUserMetadataInput!) {
	removeUserMetadata(input: $input)` + metadataFields + `
}`, (*wireMetadata).missing}

// RemoveMetadata removes what is stored under key for a user and returns the rest. It requires that user's token (see
// [Client.As]). A token that is no longer accepted is [ErrLoginRequired].
//
// Retry: safe.
//
// Original: removeMetadata, mutation removeUserMetadata on the users host.
func (c *Client) RemoveMetadata(ctx context.Context, userID, key string) (*Metadata, error) {
	return callGraphQL(ctx, c, api.Request{
		Op:      "RemoveMetadata",
		Invalid: cmp.Or(api.CheckRequired("user id", userID), api.CheckRequired("key", key)),
		Auth:    api.OwnBearer,
	}, removeUserMetadata, map[string]metadataInput{"input": {ID: userID, Key: key}}, (*wireMetadata).metadata)
}
