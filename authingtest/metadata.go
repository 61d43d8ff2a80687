package authingtest

import (
	"slices"

	"github.com/authing-wxapp/authing"
)

// metadataOf lists everything that is stored for a, the oldest first.
func metadataOf(a *account) object {
	list := make([]object, len(a.metadata))
	for i, item := range a.metadata {
		list[i] = object{"key": item.Key, "value": item.Value}
	}
	return object{"totalCount": len(list), "list": list}
}

func (s *Server) userMetadata(call graphqlCall) (any, *envelope) {
	a, refused := s.acting(call, text(call.arguments, "_id"), 1001)
	if refused != nil {
		return nil, refused
	}
	return metadataOf(a), nil
}

func (s *Server) setUserMetadata(call graphqlCall) (any, *envelope) {
	input, _ := call.arguments["input"].(object)
	a, refused := s.acting(call, text(input, "_id"), 1001)
	if refused != nil {
		return nil, refused
	}
	item := authing.MetadataItem{Key: text(input, "key"), Value: text(input, "value")}
	if i := indexOfKey(a, item.Key); i >= 0 {
		a.metadata[i] = item
	} else {
		a.metadata = append(a.metadata, item)
	}
	return metadataOf(a), nil
}

// removeUserMetadata takes it for done if nothing is stored under the key.
func (s *Server) removeUserMetadata(call graphqlCall) (any, *envelope) {
	input, _ := call.arguments["input"].(object)
	a, refused := s.acting(call, text(input, "_id"), 1001)
	if refused != nil {
		return nil, refused
	}
	if i := indexOfKey(a, text(input, "key")); i >= 0 {
		a.metadata = slices.Delete(a.metadata, i, i+1)
	}
	return metadataOf(a), nil
}

func indexOfKey(a *account, key string) int {
	return slices.IndexFunc(a.metadata, func(item authing.MetadataItem) bool { return item.Key == key })
}
