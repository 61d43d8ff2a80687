package main

import (
	"fmt"
	"regexp"
	"strconv"
)

// fault is what goes wrong with a call.
type fault int

const (
	none fault = iota
	reset
	replyCut
	badGateway
	slow
	faults = iota
)

// breaks reports whether the client cannot know what became of the call.
func (f fault) breaks() bool { return f == reset || f == replyCut || f == badGateway }

// ticket is what every call carries in place of its code, phone number, name or token: by it the server knows what to do
// to the call, and both know what must come of it. The SDK passes it on without knowing.
type ticket struct {
	number int64 // from 0, never the same
	user   int
	fault  fault
}

func (t ticket) String() string { return fmt.Sprintf("tk-%d-%d-%d", t.number, t.user, t.fault) }

var ticketText = regexp.MustCompile(`tk-(\d+)-(\d+)-(\d+)`)

// findTicket returns the first ticket in a text.
func findTicket(text []byte) (t ticket, ok bool) {
	found := ticketText.FindSubmatch(text)
	if found == nil {
		return ticket{}, false
	}
	t.number, _ = strconv.ParseInt(string(found[1]), 10, 64)
	t.user, _ = strconv.Atoi(string(found[2]))
	kind, _ := strconv.Atoi(string(found[3]))
	t.fault = fault(kind)
	return t, true
}

// What the server knows of a user.
func idOf(user int) string    { return fmt.Sprintf("user-%d", user) }
func tokenOf(user int) string { return "token-of-" + idOf(user) }
