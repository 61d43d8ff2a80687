package authingtest

import (
	"strings"
	"time"

	"github.com/authing-wxapp/authing/internal/wire"
)

var china = time.FixedZone("CST", 8*60*60)

// parseDate reads a date in any form that the service writes. One before 1970 is none.
func parseDate(text string) (t time.Time, ok bool) {
	t = wire.ParseTime(strings.TrimSpace(text))
	return t, t.Unix() > 0
}

const isoLayout = "2006-01-02T15:04:05.000Z"

// isoDate formats a time for the REST endpoints; "" for the zero time.
func isoDate(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(isoLayout)
}

// jsDate formats a time for the GraphQL endpoints, as JavaScript's Date.toString does in China's time zone; "" for the
// zero time.
func jsDate(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(china).Format("Mon Jan 02 2006 15:04:05 GMT-0700 (MST)")
}

// isoToJSDate returns text that is not an ISO date unchanged.
func isoToJSDate(iso string) string {
	t, err := time.Parse(isoLayout, iso)
	if err != nil {
		return iso
	}
	return jsDate(t)
}
