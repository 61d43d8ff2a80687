package main

import (
	"crypto/rand"
	"net/http"
	"regexp"
	"slices"
	"sync"
)

// visitorCookie tells browsers apart, so that visitors neither see each other's requests nor get each other's outage.
const visitorCookie = "demo-visitor"

var visitorID = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// visitor returns the ID of a browser, or "" if it has none.
func visitor(r *http.Request) string {
	cookie, err := r.Cookie(visitorCookie)
	if err != nil || !visitorID.MatchString(cookie.Value) {
		return ""
	}
	return cookie.Value
}

// setVisitor gives a new browser an ID. A browser keeps its ID when the server restarts.
func setVisitor(w http.ResponseWriter, r *http.Request) {
	if visitor(r) == "" {
		// Lax, because a link from another site must not make the browser look new.
		http.SetCookie(w, &http.Cookie{Name: visitorCookie, Value: rand.Text(), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	}
}

// maxVisitors bounds the demo's memory.
const maxVisitors = 20

// traces keeps the traces of the latest visitors.
type traces struct {
	done <-chan struct{}

	mu     sync.Mutex
	latest []visitorTrace // most recently used last
}

type visitorTrace struct {
	id string
	*trace
}

func (t *traces) of(id string) *trace {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.IndexFunc(t.latest, func(v visitorTrace) bool { return v.id == id })
	found := visitorTrace{id, nil}
	if i >= 0 {
		found = t.latest[i]
		t.latest = slices.Delete(t.latest, i, i+1)
	} else {
		found.trace = newTrace(t.done)
	}
	t.latest = append(t.latest, found)
	if len(t.latest) > maxVisitors {
		t.latest = slices.Delete(t.latest, 0, 1)
	}
	return found.trace
}

func (d *demo) traceOf(r *http.Request) *trace {
	if id := visitor(r); id != "" {
		return d.traces.of(id)
	}
	return d.trace
}
