package authing

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// checkPoolID refuses an identifier that could change the URL it becomes a part of.
func checkPoolID(id string) error {
	if id == "" {
		return invalid("the user pool id is empty: copy it from the Authing console")
	}
	if len(id) > 64 || strings.ContainsFunc(id, func(r rune) bool {
		return !isAlphanumeric(r) && r != '-' && r != '_'
	}) {
		return invalid("the user pool id holds other characters than letters, digits, - and _, or more than 64: copy it from the Authing console")
	}
	return nil
}

// checkToken refuses what cannot stand in a header. An empty token is fine: it stands for nobody.
func checkToken(token Secret) error {
	for _, b := range []byte(token) {
		if b <= ' ' || b > '~' {
			return invalid("the token given to As holds white space or control characters: " +
				`pass User.Token as it is, without "Bearer "`)
		}
	}
	return nil
}

// checkCode refuses what is not a code. The form of a code is not documented, so little can be said.
func checkCode(code string) error {
	switch {
	case code == "":
		return invalid("the code is empty: call wx.login before the tap and post its code")
	case strings.ContainsFunc(code, notInCode) || !utf8.ValidString(code):
		return invalid("the code holds white space or control characters: post the code of wx.login unchanged " +
			"(developer tools without an AppID give a mock text instead of a code)")
	}
	return nil
}

func isAlphanumeric(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

func notInCode(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) }

// checkText refuses a text that no service could mean. An empty one is fine.
func checkText(name, s string) error {
	if strings.ContainsFunc(s, unicode.IsControl) || !utf8.ValidString(s) {
		return invalid("the %s holds control characters or is not valid UTF-8", name)
	}
	return nil
}

// checkUTF8 refuses a text that JSON cannot carry: encoding/json would change it silently.
func checkUTF8(name, s string) error {
	if !utf8.ValidString(s) {
		return invalid("the %s is not valid UTF-8", name)
	}
	return nil
}

// checkRequired refuses an empty text, and what checkText does.
func checkRequired(name, s string) error {
	if s == "" {
		return invalid("the %s is empty", name)
	}
	return checkText(name, s)
}

// checkEncrypted refuses what cannot be WeChat's ciphertext, naming the accidents that happen on the way.
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
		return invalid("iv is %d bytes long, not 16: post e.detail unchanged", ivLen)
	case dataLen%blockSize != 0:
		return invalid("encryptedData is not a whole number of 16-byte blocks, it was cut: post e.detail unchanged")
	}
	return nil
}

const base64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// decodedLen returns the number of bytes that the base64 text stands for.
func decodedLen(name, text string) (int, error) {
	if text == "" {
		return 0, invalid("%s is missing: let the page post e.detail unchanged, of a call made with credentials", name)
	}
	switch {
	case strings.Contains(text, " "):
		return 0, invalid("%s holds spaces where there were plus signs: it was decoded as a form, post it as JSON", name)
	case strings.Contains(text, "%"):
		return 0, invalid("%s is percent-encoded: post it as JSON, unchanged", name)
	}
	// Only the length is asked for, so nothing is decoded: that saves two allocations.
	digits := strings.TrimRight(text, "=")
	padding := len(text) - len(digits)
	if len(text)%4 != 0 || padding > 2 || strings.Trim(digits, base64Digits) != "" {
		return 0, invalid("%s is not standard base64: post e.detail unchanged", name)
	}
	return len(text)/4*3 - padding, nil
}

// checkSegment refuses what would change the URL that it becomes a part of.
func checkSegment(name, s string) error {
	if s == "." || s == ".." || strings.ContainsAny(s, `/\?#%`) {
		return invalid("the %s holds characters that would change the address", name)
	}
	return nil
}

// checkDigits returns the number that a texted code travels as.
func checkDigits(code string) (int, error) {
	if code == "" {
		return 0, invalid("the code is empty: the user reads it from the text message")
	}
	n, err := strconv.ParseInt(code, 10, 32)
	if err != nil || strings.ContainsAny(code, "+-") {
		return 0, invalid("the code is not made of digits alone, or of too many")
	}
	return int(n), nil
}
