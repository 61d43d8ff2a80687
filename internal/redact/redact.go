// Package redact decides what a text that leaves the SDK may show: errors and log records go through it.
package redact

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Mark replaces what is taken out.
const Mark = "[redacted]"

// personal matches what looks like a phone number or an e-mail address. The service may mention one the caller never sent.
var personal = regexp.MustCompile(`\+?\b[0-9]{3,4}(?:[ -]?[0-9]{3,4}){2,}\b|[\w.+-]+@[\w.-]+`)

// Secrets are the texts that must not show, the longest first.
type Secrets []string

// New returns the texts in secrets together with their longer runs of letters and digits, because a service may echo a
// secret in another spelling ("\u003c", "%2F"). The texts in whole are taken as they are: the words of an address also
// appear in ordinary messages.
func New(secrets []string, whole ...string) Secrets {
	const tooShort, longRun = 4, 8 // shorter texts occur in messages by chance
	found := slices.Concat(secrets, whole)
	for i := range found {
		found[i] = printable(found[i]) // as Line compares it
	}
	for _, s := range secrets {
		for _, run := range strings.FieldsFunc(s, func(r rune) bool { return !isAlphanumeric(r) }) {
			if len(run) >= longRun {
				found = append(found, run)
			}
		}
	}
	found = slices.DeleteFunc(found, func(s string) bool { return len(s) < tooShort })
	slices.SortFunc(found, func(a, b string) int { return len(b) - len(a) })
	return found
}

// Strings returns every string in a JSON object, except those under the key skip.
func Strings(body []byte, skip string) (found []string) {
	var collect func(v any)
	collect = func(v any) {
		switch v := v.(type) {
		case string:
			found = append(found, v)
		case map[string]any:
			for _, member := range v {
				collect(member)
			}
		case []any:
			for _, element := range v {
				collect(element)
			}
		}
	}
	var object map[string]any
	if json.Unmarshal(body, &object) == nil {
		delete(object, skip)
		collect(object)
	}
	return found
}

// Line makes text fit for one line of a log: without the secrets, personal data and control characters, and not too long.
func (s Secrets) Line(text string) string {
	const limit = 300
	text = printable(text)
	for _, secret := range s {
		text = strings.ReplaceAll(text, secret, Mark)
	}
	text = personal.ReplaceAllString(text, Mark)
	if runes := []rune(text); len(runes) > limit {
		text = string(runes[:limit]) + "…"
	}
	return text
}

// Error returns err, or if its text shows a secret or personal data, an error without them. net/http quotes what it
// cannot parse. The end of a context stays recognizable.
func (s Secrets) Error(err error) error {
	if !s.shownBy(err) {
		return err
	}
	for _, ended := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, ended) {
			return ended
		}
	}
	return errors.New(s.Line(err.Error()))
}

// shownBy looks through all layers of err, because an inner one may say more than the outer one.
func (s Secrets) shownBy(err error) bool {
	if err == nil {
		return false
	}
	text := err.Error()
	if personal.MatchString(text) || slices.ContainsFunc(s, func(secret string) bool { return strings.Contains(text, secret) }) {
		return true
	}
	switch wrapper := err.(type) { //nolint:errorlint // each layer is looked at by itself
	case interface{ Unwrap() error }:
		return s.shownBy(wrapper.Unwrap())
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(wrapper.Unwrap(), s.shownBy)
	}
	return false
}

// printable replaces control characters and invalid UTF-8 by spaces.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, text)
}

func isAlphanumeric(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}
