package authing

import (
	"strconv"
	"strings"

	"github.com/authing-wxapp/authing/internal/api"
)

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
