package authing

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/authing-wxapp/authing/internal/api"
)

// checkPoolID rejects an id that could change the URLs it becomes part of.
func checkPoolID(id string) error {
	if id == "" {
		return api.Invalid("the user pool id is empty: copy it from the Authing console")
	}
	if len(id) > 64 || strings.ContainsFunc(id, func(r rune) bool {
		return !isAlphanumeric(r) && r != '-' && r != '_'
	}) {
		return api.Invalid("the user pool id contains characters other than letters, digits, - and _, or more than 64: copy it from the Authing console")
	}
	return nil
}

func isAlphanumeric(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// checkCode rejects obvious non-codes. WeChat does not document the format, so it cannot be stricter.
func checkCode(code string) error {
	switch {
	case code == "":
		return api.Invalid("the code is empty: call wx.login before the tap and post its code")
	case strings.ContainsFunc(code, notInCode) || !utf8.ValidString(code):
		return api.Invalid("the code contains white space or control characters: post the code from wx.login unchanged " +
			"(developer tools without an AppID return a placeholder text instead of a code)")
	}
	return nil
}

func notInCode(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) }

// checkText rejects control characters and invalid UTF-8. Empty is allowed.
func checkText(name, s string) error {
	if strings.ContainsFunc(s, unicode.IsControl) || !utf8.ValidString(s) {
		return api.Invalid("the %s contains control characters or is not valid UTF-8", name)
	}
	return nil
}

// checkUTF8 rejects a text that encoding/json would change silently.
func checkUTF8(name, s string) error {
	if !utf8.ValidString(s) {
		return api.Invalid("the %s is not valid UTF-8", name)
	}
	return nil
}

// checkRequired is checkText that also rejects the empty string.
func checkRequired(name, s string) error {
	if s == "" {
		return api.Invalid("the %s is empty", name)
	}
	return checkText(name, s)
}

// checkEncrypted rejects what cannot be WeChat's ciphertext and names the usual accidents.
func checkEncrypted(encryptedData, iv string) error {
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
		return api.Invalid("iv is %d bytes long, not 16: post e.detail unchanged", ivLen)
	case dataLen%blockSize != 0:
		return api.Invalid("encryptedData is not a whole number of 16-byte blocks, it was cut: post e.detail unchanged")
	}
	return nil
}

const base64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// decodedLen returns the number of bytes that a base64 text decodes to. Not decoding it saves two allocations.
func decodedLen(name, text string) (int, error) {
	switch {
	case text == "":
		return 0, api.Invalid("%s is missing: let the page post e.detail unchanged, from a call made with credentials", name)
	case strings.Contains(text, " "):
		return 0, api.Invalid("%s contains spaces instead of plus signs: it was decoded as a form, post it as JSON", name)
	case strings.Contains(text, "%"):
		return 0, api.Invalid("%s is percent-encoded: post it as JSON, unchanged", name)
	}
	digits := strings.TrimRight(text, "=")
	padding := len(text) - len(digits)
	if len(text)%4 != 0 || padding > 2 || strings.Trim(digits, base64Digits) != "" {
		return 0, api.Invalid("%s is not standard base64: post e.detail unchanged", name)
	}
	return len(text)/4*3 - padding, nil
}

// checkSegment rejects what would change the URL that it becomes part of.
func checkSegment(name, s string) error {
	if s == "." || s == ".." || strings.ContainsAny(s, `/\?#%`) {
		return api.Invalid("the %s contains characters that would change the URL", name)
	}
	return nil
}

// checkDigits returns a texted code as the number that is sent.
func checkDigits(code string) (int, error) {
	if code == "" {
		return 0, api.Invalid("the code is empty: the user reads it from the text message")
	}
	n, err := strconv.ParseInt(code, 10, 32)
	if err != nil || strings.ContainsAny(code, "+-") {
		return 0, api.Invalid("the code is not made of digits alone, or has too many")
	}
	return int(n), nil
}
