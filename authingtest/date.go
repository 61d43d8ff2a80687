package authingtest

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

var china = time.FixedZone("CST", 8*60*60)

// dateLayouts are the forms in which the service and JavaScript write dates. Those without a zone are China's time.
var dateLayouts = []string{
	time.RFC3339Nano,
	"2006-01-02T15:04:05Z0700",
	"2006-01-02T15:04:05",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05 Z0700",
	"2006-01-02 15:04:05Z0700",
	"2006-01-02 15:04:05",
	"2006/1/2 15:04:05",
	"2006-01-02",
	"Mon Jan _2 2006 15:04:05 GMT-0700",
	"Mon Jan _2 2006 15:04:05",
	"Mon, _2 Jan 2006 15:04:05 GMT",
	"1/2/2006, 3:04:05 PM",
	"1/2/2006, 15:04:05",
}

// zoneName is the comment that Date.toString appends, in the language of the system.
var zoneName = regexp.MustCompile(`\s*\([^)]*\)$`)

// parseDate reads a date in any form that the service writes, including one that lost the plus of its offset to URL
// decoding, and seconds or milliseconds since 1970.
func parseDate(text string) (t time.Time, ok bool) {
	text = strings.TrimSpace(zoneName.ReplaceAllString(strings.TrimSpace(text), ""))
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		const firstMillis = 1e11 // as seconds, in the year 5138
		switch {
		case n <= 0:
			return time.Time{}, false
		case n >= firstMillis:
			return time.UnixMilli(n), true
		}
		return time.Unix(n, 0), true
	}
	text = strings.Replace(text, "GMT ", "GMT+", 1)
	for _, layout := range dateLayouts {
		t, err := time.ParseInLocation(layout, text, china)
		if err != nil {
			continue
		}
		if strings.HasSuffix(layout, " GMT") { // time.Parse takes the name literally, not as a zone
			t = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
		}
		return t, true
	}
	return time.Time{}, false
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
