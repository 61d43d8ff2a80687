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
			call.result = `{"totalCount":2,"list":[{"key":"shop","value":"a"},{"key":"empty","value":""}]}`
			assert.Equal(t, &authing.Metadata{
				TotalCount: 2, List: []authing.MetadataItem{{Key: "shop", Value: "a"}, {Key: "empty"}},
			}, call.check(t))
		})
	}
}

func TestMetadataResults(t *testing.T) {
	t.Parallel()
	for result, want := range map[string]*authing.Metadata{
		`{"totalCount":0,"list":[]}`:                                    {List: []authing.MetadataItem{}},
		`{"totalCount":"1","list":[{"key":"k","value":null,"more":1}]}`: {TotalCount: 1, List: []authing.MetadataItem{{Key: "k"}}},
		`{"totalCount":0,"list":null}`:                                  {},
		`{"list":[]}`:                                                   {List: []authing.MetadataItem{}},
		`null`:                                                          nil,
		`{}`:                                                            nil,
		`{"totalCount":null,"list":null}`:                               nil,
		`{"list":{}}`:                                                   nil,
		`{"totalCount":2,"list":[{"key":"k"},7]}`:                       {TotalCount: 2, List: []authing.MetadataItem{{Key: "k"}}},
		`{"totalCount":2,"list":{}}`:                                    {TotalCount: 2},
		`{"totalCount":1,"list":[{"key":"k","value":7}]}`:  {TotalCount: 1, List: []authing.MetadataItem{{Key: "k", Value: "7"}}},
		`{"totalCount":1,"list":[{"key":"k","value":[]}]}`: {TotalCount: 1, List: []authing.MetadataItem{{Key: "k"}}},
	} {
		client, _ := setup(t, 200, `{"data":{"userMetadata":`+result+`,"setUserMetadata":`+result+`}}`)
		client = client.As(token)
		got, err := client.Metadata(context.Background(), "u1")
		assert.Equal(t, want, got, result)
		if want != nil {
			require.NoError(t, err, result)
			continue
		}
		assertOnly(t, authing.ErrBadResponse, err, "a read: "+result)
		_, err = client.SetMetadata(context.Background(), "u1", "k", "v")
		wantIncomplete(t, err, result)
	}
}

func TestMetadataBadInput(t *testing.T) {
	t.Parallel()
	c, got := setup(t, 200, `{}`)
	c = c.As(token)
	ctx := context.Background()
	wantRejections(t, got, []rejection{
		{errorOf(c.Metadata(ctx, "")), "the user id is empty"},
		{errorOf(c.Metadata(ctx, "u\x00")), "the user id contains"},
		{errorOf(c.SetMetadata(ctx, "", "k", "v")), "the user id is empty"},
		{errorOf(c.SetMetadata(ctx, "u1", "", "v")), "the key is empty"},
		{errorOf(c.SetMetadata(ctx, "u1", "k\n", "v")), "the key contains"},
		{errorOf(c.RemoveMetadata(ctx, "", "k")), "the user id is empty"},
		{errorOf(c.RemoveMetadata(ctx, "u1", "")), "the key is empty"},
		{errorOf(c.RemoveMetadata(ctx, "u1", "\xff")), "the key contains"},
	})
}
