package authingtest

import (
	"slices"

	"github.com/authing-wxapp/authing"
)

// metadataList is the response of all three metadata calls.
func metadataList(a *account) object {
	list := make([]object, len(a.metadata))
	for i, item := range a.metadata {
		list[i] = object{"key": item.Key, "value": item.Value}
	}
	return object{"totalCount": len(list), "list": list}
}

func (s *Server) userMetadata(call graphqlCall) (any, *envelope) {
	a, apiErr := s.authorizedAccount(call, getString(call.arguments, "_id"), 1001)
	if apiErr != nil {
		return nil, apiErr
	}
	return metadataList(a), nil
}

func (s *Server) setUserMetadata(call graphqlCall) (any, *envelope) {
	input, _ := call.arguments["input"].(object)
	a, apiErr := s.authorizedAccount(call, getString(input, "_id"), 1001)
	if apiErr != nil {
		return nil, apiErr
	}
	item := authing.MetadataItem{Key: getString(input, "key"), Value: getString(input, "value")}
	if i := metadataIndex(a, item.Key); i >= 0 {
		a.metadata[i] = item
	} else {
		a.metadata = append(a.metadata, item)
	}
	return metadataList(a), nil
}

// removeUserMetadata succeeds even if the key does not exist.
func (s *Server) removeUserMetadata(call graphqlCall) (any, *envelope) {
	input, _ := call.arguments["input"].(object)
	a, apiErr := s.authorizedAccount(call, getString(input, "_id"), 1001)
	if apiErr != nil {
		return nil, apiErr
	}
	if i := metadataIndex(a, getString(input, "key")); i >= 0 {
		a.metadata = slices.Delete(a.metadata, i, i+1)
	}
	return metadataList(a), nil
}

func metadataIndex(a *account, key string) int {
	return slices.IndexFunc(a.metadata, func(item authing.MetadataItem) bool { return item.Key == key })
}
