package api

import "slices"

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
