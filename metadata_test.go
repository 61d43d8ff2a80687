package authing_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

func TestMetadata(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]operationCall[*authing.Metadata]{
		"read": {
			do: func(ctx context.Context, c *authing.Client) (*authing.Metadata, error) {
				return c.Metadata(ctx, "u1")
			},
			operation: "query userMetadata", field: "userMetadata", variables: `{"_id":"u1"}`,
		},
		"set": {
			do: func(ctx context.Context, c *authing.Client) (*authing.Metadata, error) {
				return c.SetMetadata(ctx, "u1", "shop", "a \"b\"\n词")
			},
			operation: "mutation setUserMetadata", field: "setUserMetadata",
			variables: `{"input":{"_id":"u1","key":"shop","value":"a \"b\"\n词"}}`,
		},
		"set to nothing": {
			do: func(ctx context.Context, c *authing.Client) (*authing.Metadata, error) {
				return c.SetMetadata(ctx, "u1", "shop", "")
			},
			operation: "mutation setUserMetadata", field: "setUserMetadata",
			variables: `{"input":{"_id":"u1","key":"shop","value":""}}`,
		},
		"remove": {
			do: func(ctx context.Context, c *authing.Client) (*authing.Metadata, error) {
				return c.RemoveMetadata(ctx, "u1", "shop")
			},
			operation: "mutation removeUserMetadata", field: "removeUserMetadata",
			variables: `{"input":{"_id":"u1","key":"shop"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			call.answer = `{"totalCount":2,"list":[{"key":"shop","value":"a"},{"key":"empty","value":""}]}`
			assert.Equal(t, &authing.Metadata{
				TotalCount: 2, List: []authing.MetadataItem{{Key: "shop", Value: "a"}, {Key: "empty"}},
			}, call.check(t))
		})
	}
}

func TestMetadataAnswers(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]*authing.Metadata{
		`{"totalCount":0,"list":[]}`:                                    {List: []authing.MetadataItem{}},
		`{"totalCount":"1","list":[{"key":"k","value":null,"more":1}]}`: {TotalCount: 1, List: []authing.MetadataItem{{Key: "k"}}},
		`{"totalCount":0,"list":null}`:                                  {},
		`{"list":[]}`:                                                   {List: []authing.MetadataItem{}},
		`null`:                                                          nil,
		`{}`:                                                            nil,
		`{"totalCount":null,"list":null}`:                               nil,
		`{"list":{}}`:                                                   nil,
		`{"totalCount":1,"list":[{"key":"k","value":7}]}`:  {TotalCount: 1, List: []authing.MetadataItem{{Key: "k", Value: "7"}}},
		`{"totalCount":1,"list":[{"key":"k","value":[]}]}`: nil,
	} {
		client, _ := setup(t, 200, `{"data":{"userMetadata":`+answer+`,"setUserMetadata":`+answer+`}}`)
		got, err := client.As(token).Metadata(context.Background(), "u1")
		assert.Equal(t, want, got, answer)
		if want != nil {
			require.NoError(t, err, answer)
			continue
		}
		assertOnly(t, authing.ErrBadResponse, err, "a read has no outcome: "+answer)
		_, err = client.As(token).SetMetadata(context.Background(), "u1", "k", "v")
		require.ErrorIs(t, err, authing.ErrBadResponse, answer)
		require.ErrorIs(t, err, authing.ErrOutcomeUnknown, answer)
	}
}

func TestMetadataBadInput(t *testing.T) {
	t.Parallel()
	read := func(text, id string) unsentCall {
		return unsentCall{text, func(ctx context.Context, c *authing.Client) (any, error) {
			all, err := c.Metadata(ctx, id)
			return orNil(all), err
		}}
	}
	set := func(text, id, key string) unsentCall {
		return unsentCall{text, func(ctx context.Context, c *authing.Client) (any, error) {
			all, err := c.SetMetadata(ctx, id, key, "v")
			return orNil(all), err
		}}
	}
	remove := func(text, id, key string) unsentCall {
		return unsentCall{text, func(ctx context.Context, c *authing.Client) (any, error) {
			all, err := c.RemoveMetadata(ctx, id, key)
			return orNil(all), err
		}}
	}
	checkUnsent(t, []unsentCall{
		read("the user id is empty", ""),
		read("the user id contains", "u\x00"),
		set("the user id is empty", "", "k"),
		set("the key is empty", "u1", ""),
		set("the key contains", "u1", "k\n"),
		remove("the user id is empty", "", "k"),
		remove("the key is empty", "u1", ""),
		remove("the key contains", "u1", "\xff"),
	})
}
