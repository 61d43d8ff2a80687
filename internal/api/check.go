package api

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// PrintableASCII reports whether s can be sent in an HTTP header.
func PrintableASCII(s string) bool {
	return !slices.ContainsFunc([]byte(s), func(b byte) bool { return b < ' ' || b > '~' })
}

// IsHeaderText reports whether token can be sent in a header.
func IsHeaderText(token string) bool {
	for i := range len(token) {
		if token[i] <= ' ' || token[i] > '~' {
			return false
		}
	}
	return true
}

// CheckID rejects an id of the console that could change the URL or header it becomes part of.
func CheckID(name, id string) error {
	const longest = 64
	if id == "" {
		return Invalid("the %s is empty: copy it from the Authing console", name)
	}
	if len(id) > longest || strings.ContainsFunc(id, func(r rune) bool { return !isAlphanumeric(r) && r != '-' && r != '_' }) {
		return Invalid("the %s contains characters other than letters, digits, - and _, or more than %d: copy it from the "+
			"Authing console", name, longest)
	}
	return nil
}

func isAlphanumeric(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// CheckCode rejects obvious non-codes. WeChat does not document the format, so it cannot be stricter.
func CheckCode(code string) error {
	switch {
	case code == "":
		return Invalid("the code is empty: call wx.login before the tap and post its code")
	case IsHeaderText(code): // the usual code, in one pass
		return nil
	case strings.ContainsFunc(code, notInCode) || !utf8.ValidString(code):
		return Invalid("the code contains white space or control characters: post the code from wx.login unchanged " +
			"(developer tools without an AppID return a placeholder text instead of a code)")
	}
	return nil
}

func notInCode(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) }

// CheckText rejects control characters, which no identifier contains, and invalid UTF-8. Empty is allowed.
func CheckText(name, s string) error {
	if !PrintableASCII(s) && (strings.ContainsFunc(s, unicode.IsControl) || !utf8.ValidString(s)) {
		return Invalid("the %s contains control characters or is not valid UTF-8", name)
	}
	return nil
}

// CheckUTF8 is for free text, which may contain anything (WeChat allows control characters in nicknames). It rejects what
// encoding/json would change silently.
func CheckUTF8(name, s string) error {
	if !utf8.ValidString(s) {
		return Invalid("the %s is not valid UTF-8", name)
	}
	return nil
}

// CheckRequired is CheckText that also rejects the empty string.
func CheckRequired(name, s string) error {
	if s == "" {
		return Invalid("the %s is empty", name)
	}
	return CheckText(name, s)
}

// CheckEncrypted rejects what cannot be WeChat's ciphertext and names the usual accidents.
func CheckEncrypted(encryptedData, iv string) error {
	const ivSize, blockSize = 16, 16
	ivLen, err := decodedLen("iv", iv)
	if err != nil {
		return err
	}
	dataLen, err := decodedLen("encryptedData", encryptedData)
	switch {
	case err != nil:
		return err
	case ivLen != ivSize:
		return Invalid("iv is %d bytes long, not 16: post e.detail unchanged", ivLen)
	case dataLen%blockSize != 0:
		return Invalid("encryptedData is not a whole number of 16-byte blocks, it was cut: post e.detail unchanged")
	}
	return nil
}

// A table makes the check of encryptedData several times as fast.
var base64Digit = func() (is [256]bool) {
	for _, digit := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		is[digit] = true
	}
	return is
}()

// decodedLen returns the number of bytes that a base64 text decodes to. Not decoding it saves two allocations.
func decodedLen(name, text string) (int, error) {
	digits := strings.TrimRight(text, "=")
	padding := len(text) - len(digits)
	if text != "" && len(text)%4 == 0 && padding <= 2 && isBase64(digits) {
		return len(text)/4*3 - padding, nil
	}
	switch {
	case text == "":
		return 0, Invalid("%s is missing: let the page post e.detail unchanged, from a call made with credentials", name)
	case strings.Contains(text, " "):
		return 0, Invalid("%s contains spaces instead of plus signs: it was decoded as a form, post it as JSON", name)
	case strings.Contains(text, "%"):
		return 0, Invalid("%s is percent-encoded: post it as JSON, unchanged", name)
	}
	return 0, Invalid("%s is not standard base64: post e.detail unchanged", name)
}

func isBase64(digits string) bool {
	for i := range len(digits) {
		if !base64Digit[digits[i]] {
			return false
		}
	}
	return true
}

// CheckSegment rejects what would change the URL that it becomes part of.
func CheckSegment(name, s string) error {
	if s == "." || s == ".." || strings.ContainsAny(s, `/\?#%`) {
		return Invalid("the %s contains characters that would change the URL", name)
	}
	return nil
}
