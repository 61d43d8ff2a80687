package authing

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// personal is what looks like a phone number or an e-mail address, which the service knows and the caller never sent.
var personal = regexp.MustCompile(`\+?\b[0-9]{3,4}(?:[ -]?[0-9]{3,4}){2,}\b|[\w.+-]+@[\w.-]+`)

// quotable makes the service's words fit for one line of a log: secrets that the caller sent are taken out, since a
// service may echo them, and personal data, control characters and endless texts.
func quotable(message string, secrets []string) string {
	const limit = 300
	for _, s := range secrets {
		message = strings.ReplaceAll(message, s, redacted)
	}
	message = personal.ReplaceAllString(message, redacted)
	message = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, message)
	if runes := []rune(message); len(runes) > limit {
		message = string(runes[:limit]) + "…"
	}
	return message
}

// secretsOf returns what a caller sent that must not show in an error: the token, every text of the body, the URL.
func secretsOf(rq request, body []byte) []string {
	found := append([]string{strings.TrimPrefix(rq.auth, "Bearer ")}, rq.hide...)
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
	var sent map[string]any
	if json.Unmarshal(body, &sent) == nil {
		delete(sent, "query") // of GraphQL: it holds no values, but words that messages use
		collect(sent)
	}
	return withParts(found, rq.url)
}

// withParts adds parts to secrets that count as secrets too, since a text can come back in another spelling ("\u003c",
// "%2F"): its longer runs of letters and digits. whole has none: the words of an address are used in messages, too.
func withParts(secrets []string, whole ...string) []string {
	const tooShort, longRun = 4, 8 // a shorter text stands in many messages by chance
	found := slices.Concat(secrets, whole)
	for _, s := range secrets {
		for _, run := range strings.FieldsFunc(s, func(r rune) bool { return !isAlphanumeric(r) }) {
			if len(run) >= longRun {
				found = append(found, run)
			}
		}
	}
	found = slices.DeleteFunc(found, func(s string) bool { return len(s) < tooShort })
	slices.SortFunc(found, func(a, b string) int { return len(b) - len(a) }) // a text before the parts of it
	return found
}

// withoutSecrets returns err, or if a text in it holds a secret or personal data an error of the same kind that does
// not: net/http quotes what it cannot read.
func withoutSecrets(err error, secrets []string) error {
	if !holdsSecret(err, secrets) {
		return err
	}
	for _, ended := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, ended) {
			return ended
		}
	}
	return errors.New(quotable(err.Error(), secrets))
}

// holdsSecret looks through all layers of err: an inner one may say more than the outer one.
func holdsSecret(err error, secrets []string) bool {
	if err == nil {
		return false
	}
	text := err.Error()
	if personal.MatchString(text) || slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(text, s) }) {
		return true
	}
	switch wrapper := err.(type) {
	case interface{ Unwrap() error }:
		return holdsSecret(wrapper.Unwrap(), secrets)
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(wrapper.Unwrap(), func(e error) bool { return holdsSecret(e, secrets) })
	}
	return false
}
