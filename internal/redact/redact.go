// Package redact decides what a text that leaves the SDK may show: errors and log records go through it.
//
// What it does not find: a secret of one character, one that the service splits or encodes in other ways than JSON and
// URLs do, short numbers that identify somebody only in their context, a phone number with unusual separators, the part of
// an e-mail address before a "=" or "/", and a secret that looks like a word, unless the caller sent it or the text names it.
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

// What looks secret or personal is taken out even if the caller never sent it: the service knows more than the caller.
var (
	email = regexp.MustCompile(`(?:[\p{L}\p{N}._%+'&!#$*^~-]+|"[\p{L}\p{N}][^"]{0,63}")(?:@|%40|\\u0040)` +
		`(?:[\p{L}\p{N}.-]+|\[[0-9A-Fa-f:.IPv]+\])`)
	phone = regexp.MustCompile(`1[0-9]{2}[,，、+][0-9]{4}[,，、+][0-9]{4}|` + // other lists of numbers are no phone number
		`(?:\+|00)?[(（\[【]?[0-9](?:[\s\p{Zs}\p{Pd}()（）\[\]【】._·/]*[0-9]|%20[0-9])+`)
	dates = regexp.MustCompile(`^(?:[(（\[【]?[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}\b[\s,/]*)+`)
	ipv4  = regexp.MustCompile(`^[0-9]{1,3}(?:\.[0-9]{1,3}){3}$`)

	// The ids of WeChat's requests and of Authing's objects, which support asks for.
	id = regexp.MustCompile(`\b(?:[0-9a-f]{8}(?:-[0-9a-f]{8}){2}|[0-9a-f]{24})\b`)

	// A value that is called a secret.
	named = regexp.MustCompile(`(?i)((?:token|secret|session[ _-]?key|passwo?r?d|pwd|密码|令牌|密钥|秘钥|口令|凭证|票据|` +
		`(?:api|access|private)[ _-]?key|authorization|ticket|signature|cookie|credentials?)` +
		quote + `\s*(?:[:=：＝]+>?|%3[ad])\s*` + quote + `(?:(?:Bearer|Basic|Digest|Token)\s+)?)` +
		`([^\s"'&,;{}\[\]，。；、！？\p{Han}][^\s"'&,;{}\[\]，。；、！？]*)`) // Chinese characters are a reason, not a secret
	bearer = regexp.MustCompile(`(?i)(Bearer\s+)([^\s"'&,;{}\[\]]+)`)

	// A long run that means nothing to people.
	opaque = regexp.MustCompile(`[A-Za-z0-9+/=_.\-]{20,}`)
)

// quote is one that may be escaped: a message may contain JSON as text.
const quote = `\\*["']?`

const (
	phoneDigits = 9 // a shorter number is more likely a code
	longestWord = 24
)

// Secrets are the texts that must not show, the longest first.
type Secrets []string

// New returns the texts in secrets together with their longer runs of letters and digits, because a service may echo a
// secret in another spelling ("\u003c", "%2F"). The texts in whole are taken as they are: the words of an address also
// appear in ordinary messages.
func New(secrets []string, whole ...string) Secrets {
	const tooShort, longRun = 2, 8
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
	return slices.Compact(found)
}

// Strings returns every string in a JSON object, except those under the keys skip.
func Strings(body []byte, skip ...string) (found []string) {
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
		for _, key := range skip {
			delete(object, key)
		}
		collect(object)
	}
	return found
}

// Line makes text fit for one line of a log: without the secrets, personal data and control characters, and not too long.
func (s Secrets) Line(text string) string {
	const limit, looked = 300, 16 << 10 // the expressions are slow, and a text may be as long as a response
	isCut := len(text) > looked
	if isCut {
		text = text[:looked]
	}
	runes := []rune(s.hide(printable(text)))
	if isCut { // perhaps inside of a secret, whose beginning was not found
		runes = runes[:max(0, len(runes)-s.longest())]
	}
	if isCut || len(runes) > limit {
		return string(runes[:min(len(runes), limit)]) + "…"
	}
	return string(runes)
}

// longest is no shorter than what hide may take out.
func (s Secrets) longest() int {
	const usual = 4 << 10
	if len(s) == 0 {
		return usual
	}
	return max(usual, len(s[0]))
}

func (s Secrets) hide(text string) string {
	for _, secret := range s {
		text = replaceFold(text, secret)
	}
	text = named.ReplaceAllString(text, "${1}"+Mark)
	text = bearer.ReplaceAllString(text, "${1}"+Mark)
	text = email.ReplaceAllString(text, Mark)
	var b strings.Builder
	end := 0
	for _, at := range append(id.FindAllStringIndex(text, -1), []int{len(text), len(text)}) {
		b.WriteString(hideNumbers(text[end:at[0]]) + text[at[0]:at[1]])
		end = at[1]
	}
	return b.String()
}

// hideNumbers takes out opaque runs and phone numbers.
func hideNumbers(text string) string {
	text = opaque.ReplaceAllStringFunc(text, func(found string) string {
		if isOpaque(found) {
			return Mark
		}
		return found
	})
	return phone.ReplaceAllStringFunc(text, func(found string) string {
		before := dates.FindString(found)
		if digits(found[len(before):]) < phoneDigits || ipv4.MatchString(found) {
			return found
		}
		return before + Mark
	})
}

// Error returns err, or if its text shows a secret, personal data or a part of a malformed response, an error without
// them: net/http quotes what it cannot parse. The end of a context stays recognizable.
func (s Secrets) Error(err error) error {
	if !s.shownBy(err) {
		return err
	}
	for _, ended := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, ended) {
			return ended
		}
	}
	return errors.New(strings.TrimSpace(s.Line(unquoted(err.Error()))))
}

// shownBy looks through all layers of err, because an inner one may say more than the outer one.
func (s Secrets) shownBy(err error) bool {
	if err == nil {
		return false
	}
	text := printable(err.Error())
	if unquoted(text) != text || s.hide(text) != text {
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

// quotes are what net/http says before it quotes a malformed head.
var quotes = regexp.MustCompile(`((?:malformed|bad Content-Length|unsupported transfer encoding|` +
	`too many transfer encodings|multiple|invalid|unexpected|duplicate|suspicious)\b[\w ./;:-]*?)` +
	`[:;\s]*(?:got )?(?:["\[{].*|(?:header )?line: .*)`)

// unquoted cuts off what a text quotes of a malformed response.
func unquoted(text string) string {
	if at := quotes.FindStringSubmatchIndex(text); at != nil {
		return text[:at[3]]
	}
	return text
}

// replaceFold replaces secret in text, whatever the case of ASCII letters. A short secret counts as a whole word only.
func replaceFold(text, secret string) string {
	const short = 4
	folded, find := lower(text), lower(secret)
	if find == "" || !strings.Contains(folded, find) {
		return text
	}
	var b strings.Builder
	for {
		i := strings.Index(folded, find)
		if i < 0 {
			return b.String() + text
		}
		end := i + len(find)
		if len(find) < short && (i > 0 && isWord(folded[i-1]) || end < len(folded) && isWord(folded[end])) {
			b.WriteString(text[:end])
		} else {
			b.WriteString(text[:i] + Mark)
		}
		text, folded = text[end:], folded[end:]
	}
}

// lower folds ASCII letters only, which keeps the positions of the text.
func lower(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

// isOpaque tells a key or a token from words, paths and ids: it mixes digits with letters of both cases, or is too long for
// an id. One in 35 of WeChat's keys has no digit: it ends in two equals signs, as the base64 of 16 bytes does. In most others a
// third of the letters are capitals, many of them right after a small letter, which few names in programs have.
func isOpaque(run string) bool {
	var lower, upper, digit, other, humps int
	wasLower := false
	for _, r := range run {
		isLower := r >= 'a' && r <= 'z'
		switch {
		case isLower:
			lower++
		case r >= 'A' && r <= 'Z':
			upper++
			if wasLower {
				humps++
			}
		case r >= '0' && r <= '9':
			digit++
		default:
			other++
		}
		wasLower = isLower
	}
	mixed := lower > 0 && upper > 0
	if digit == 0 {
		return mixed && (strings.HasSuffix(run, "==") || 3*upper >= lower+upper && 8*humps >= len(run))
	}
	return mixed || len(run) > longestWord && other == 0 && lower+upper > 0
}

func digits(s string) (n int) {
	for _, r := range s {
		if r >= '0' && r <= '9' {
			n++
		}
	}
	return n
}

// printable replaces control characters and invalid UTF-8 by spaces, and full-width digits and letters by those of ASCII. It
// takes out what does not show.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r) || r == unicode.ReplacementChar || r == '\u3000':
			return ' '
		case unicode.Is(unicode.Cf, r):
			return -1
		case r >= '０' && r <= '９', r >= 'Ａ' && r <= 'Ｚ', r >= 'ａ' && r <= 'ｚ', r == '＠', r == '＋', r == '－', r == '．':
			return r - '！' + '!'
		}
		return r
	}, text)
}

func isWord(b byte) bool { return isAlphanumeric(rune(b)) || b >= 0x80 }

func isAlphanumeric(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}
