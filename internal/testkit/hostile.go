package testkit

import (
	"slices"
	"strings"
)

// HostileValues returns more than 200 texts that would change a URL, a header or a body if they became part of one
// unescaped: each alone, and at the end and at the start of something harmless.
func HostileValues() []string {
	values := []string{
		"", ".", "..", "../x", "../../graphql", "x/..", "./x", "...", "/", "//", "/x", "x/", "//evil.example", "a/b", "a//b",
		"%2e", "%2e%2e", "%2e%2e%2f", "..%2f", "%2f", "%2F", "%5c", "%00", "%0d%0a", "%", "%zz", "%25%32%66", `\`, `..\x`, "a\\b",
		"?", "?a=b", "a?b#c", "#", "a#f", "&a=b", "a=b", ";", ";x=y", "@", "@evil.example", "a@evil.example", ":80", "a:b@c",
		"http://evil.example", "https:evil.example", "javascript:alert(1)", "[::1]", "*", "~", "$(id)", "`id`", "' or 1=1--",
		`"`, `","code":"x`, `"}`, "{{.}}", "<script>", "null", "\r\n", "a\r\nX-Evil: 1", "\na", "\x00", "a\x00b", "\t", " ", "a b",
		" a", "a ", "\u00a0", "\u0085", "\u2028", "\u202e", "\uff0f", "\u2024\u2024", "\uff0e\uff0e", "e\u0301", "\u200b", "\ufeff", "安", "😀",
		"\xff", "a\xc0\xafb", strings.Repeat("a", 10<<10), strings.Repeat("../", 1000), strings.Repeat("a", 64), "a-b_C9",
	}
	for _, value := range slices.Clone(values) {
		values = append(values, "a"+value, value+"a")
	}
	slices.Sort(values)
	return slices.Compact(values)
}
