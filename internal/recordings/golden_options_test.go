package recordings_test

import (
	"crypto/sha256"
	"encoding/base64"
)

// positional names the arguments of methods that take no options object, positionalIn2019 of those that take one since.
var (
	positional = map[string][]string{
		"getVerificationCode": {"phone"},
		"logout":              {"_id"},
		"metadata":            {"_id"},
		"changeAvatar":        {"_id"},
	}
	positionalIn2019 = map[string][]string{
		"loginWithWxapp": {"code", "detail"},
		"bindPhone":      {"code", "detail"},
	}
)

// optionsOf returns the arguments of a step as one options object and fit for sending. What the user does on the phone
// is one of them, since a caller of the Go API brings the picture.
func optionsOf(variant string, step recordedStep) any {
	names := positional[step.Method]
	if names == nil && variant == "e5ddaf4" {
		names = positionalIn2019[step.Method]
	}
	if names == nil {
		if len(step.Args) == 0 || undefined(step.Args[0]) {
			return nil
		}
		return fit(step.Args[0])
	}
	options := map[string]any{}
	for i, arg := range step.Args {
		if i < len(names) {
			options[names[i]] = arg
		}
	}
	if step.Method == "changeAvatar" {
		options["picked"] = step.Environment.picked()
	}
	return fit(options)
}

// fit returns a recorded value without what was undefined, and with a real iv and ciphertext in place of invented
// ones, which Go refuses to send. The same text always becomes the same, so it fits arguments and bodies alike.
func fit(v any) any {
	switch v := v.(type) {
	case []any:
		list := make([]any, len(v))
		for i, element := range v {
			if !undefined(element) {
				list[i] = fit(element)
			}
		}
		return list
	case map[string]any:
		object := map[string]any{}
		for key, member := range v {
			if text, ok := member.(string); ok {
				object[key] = wellFormed(key, text)
			} else if !undefined(member) {
				object[key] = fit(member)
			}
		}
		return object
	}
	return v
}

func undefined(v any) bool {
	special, _ := v.(map[string]any)
	return special["$js"] == "undefined"
}

// wellFormed replaces the text under key if that is an iv or a ciphertext only by name. Empty texts stay.
func wellFormed(key, text string) string {
	digest := sha256.Sum256([]byte(text))
	switch {
	case text == "":
	case key == "iv" && decodedSize(text) != 16:
		return base64.StdEncoding.EncodeToString(digest[:16])
	case key == "encryptedData" && decodedSize(text)%16 != 0:
		return base64.StdEncoding.EncodeToString(digest[:])
	}
	return text
}

// decodedSize returns how many bytes a base64 text stands for, and -1 if it is none.
func decodedSize(text string) int {
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return -1
	}
	return len(decoded)
}
