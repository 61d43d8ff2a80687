package authingtest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Anybody may let the server send codes to made-up receivers.
func TestSentCodesAreBounded(t *testing.T) {
	t.Parallel()
	s := NewServer(Options{})
	t.Cleanup(s.Close)
	for i := range keepCodes + 10 {
		s.sendEmail(v3Call{body: object{"channel": "CHANNEL_LOGIN", "email": fmt.Sprintf("u%d@example.com", i)}})
		s.sendSMS(v3Call{body: object{"channel": "CHANNEL_LOGIN", "phoneNumber": fmt.Sprintf("138%08d", i)}})
	}
	s.record(Request{Body: []byte(`{"code":"` + strings.Repeat("x", longestCode+1) + `"}`)})
	assert.Empty(t, s.arrivals.entries)
	assert.Len(t, s.SentMails(), keepCodes)
	assert.Len(t, s.lastMail.entries, keepCodes)
	assert.Len(t, s.SentSMS(), keepCodes)
	assert.Zero(t, s.LastMail("u9@example.com"))
	assert.NotZero(t, s.LastMail("u10@example.com"))
}
