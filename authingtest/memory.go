package authingtest

import "maps"

// A server that runs for long keeps only the latest of what calls leave behind. Accounts and phones, which a user of
// this package creates on purpose, are kept.
const (
	keepCodes  = 100_000
	keepOthers = 10_000
	keepTokens = 1_000    // of one account
	keepBodies = 64 << 20 // bytes, of all kept requests, and of all images

	longestCode = 8 << 10 // bytes, of those whose arrivals are counted
)

// recent is a map of the latest entries. The zero value is empty.
type recent[V any] struct {
	entries map[string]V
	order   []string // of insertion
}

// get returns the zero value for a key that is not there.
func (r *recent[V]) get(key string) V { return r.entries[key] }

// set forgets the oldest entries beyond limit.
func (r *recent[V]) set(key string, value V, limit int) {
	if r.entries == nil {
		r.entries = map[string]V{}
	}
	if _, known := r.entries[key]; !known {
		r.order = append(r.order, key)
	}
	r.entries[key] = value
	for len(r.order) > limit {
		r.dropOldest()
	}
}

func (r *recent[V]) dropOldest() V {
	key := r.order[0]
	value := r.entries[key]
	delete(r.entries, key)
	r.order = r.order[1:]
	return value
}

// delete keeps the place of the key in order, so that a later set does not add a second one.
func (r *recent[V]) delete(key string) {
	if _, known := r.entries[key]; known {
		var zero V
		r.entries[key] = zero
	}
}

// deleteFunc is for keys that are never set again.
func (r *recent[V]) deleteFunc(match func(V) bool) {
	maps.DeleteFunc(r.entries, func(_ string, value V) bool { return match(value) })
}

func (r *recent[V]) all() map[string]V {
	all := maps.Clone(r.entries)
	if all == nil {
		all = map[string]V{}
	}
	return all
}

// sizeOf returns about how many bytes of memory a request takes.
func sizeOf(req Request) int {
	size := len(req.Method) + len(req.Path) + len(req.Body)
	for name, values := range req.Header {
		size += len(name)
		for _, value := range values {
			size += len(value)
		}
	}
	return size
}

// requestLog contains the latest requests.
type requestLog struct {
	list  []Request
	bytes int // of them
	count int // of all requests
}

func (l *requestLog) add(req Request, limit int) {
	l.count++
	l.list = append(l.list, req)
	l.bytes += sizeOf(req)
	for len(l.list) > max(limit, 0) || l.bytes > keepBodies {
		l.bytes -= sizeOf(l.list[0])
		l.list[0] = Request{} // the array behind the slice must not keep the body
		l.list = l.list[1:]
	}
}
