package main

import (
	"fmt"
	"regexp"
	"strconv"
)

// fault is an error injected into a call.
type fault int

const (
	none fault = iota
	reset
	replyCut
	badGateway
	slow
	faults = iota
)

// breaks reports whether the fault leaves the outcome of the call unknown.
func (f fault) breaks() bool { return f == reset || f == replyCut || f == badGateway }

// ticket is passed in every call in place of a code, phone number, name or token. It tells the server which fault to
// inject, and both sides which result to expect.
type ticket struct {
	number int64 // unique, from 0
	user   int
	fault  fault
}

func (t ticket) String() string { return fmt.Sprintf("tk-%d-%d-%d", t.number, t.user, t.fault) }

var ticketPattern = regexp.MustCompile(`tk-(\d+)-(\d+)-(\d+)`)

// findTicket returns the first ticket in a text.
func findTicket(text []byte) (t ticket, ok bool) {
	found := ticketPattern.FindSubmatch(text)
	if found == nil {
		return ticket{}, false
	}
	t.number, _ = strconv.ParseInt(string(found[1]), 10, 64)
	t.user, _ = strconv.Atoi(string(found[2]))
	kind, _ := strconv.Atoi(string(found[3]))
	t.fault = fault(kind)
	return t, true
}

// The ID and token of a user.
func userID(user int) string    { return fmt.Sprintf("user-%d", user) }
func userToken(user int) string { return "token-of-" + userID(user) }
