package promises_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// No method of package authingv3 takes one of these for a success, or for a refusal.
func TestHostileResponsesOfV3(t *testing.T) {
	t.Parallel()
	hostile := []string{
		" ", "null", "true", "7", `"text"`, "[]", `[{"statusCode":200}]`, "<html>welcome</html>", "{", "}", `{"statusCode":`,
		`{"statusCode":200`, "\xff\xfe{\x00}\x00", "{\"statusCode\":200,\"message\":\"\xff\"}", `{"statusCode":200}{"statusCode":200}`,
		`{"statusCode":200} x`, `{"statusCode":{}}`, `{"statusCode":[200]}`, `{"statusCode":"2oo"}`, `{"statusCode":200.5}`,
		`{"statusCode":null}`, `{"statusCode":true}`, `{"statusCode":1e400}`, `{"statusCode":99999999999999999999}`,
		`{"statusCode":200,"statusCode":403}`, strings.Repeat("[", 100_000), `{"data":` + strings.Repeat("[", 100_000),
		strings.Repeat("x", 1<<20+1), // longer than the limit
	}
	eachMethodOf(t, v3Methods, func(t *testing.T, m remoteMethod) {
		bodies := slices.Clone(hostile)
		for cut := range len(m.responses[m.step]) - 1 {
			bodies = append(bodies, m.responses[m.step][:cut+1])
		}
		for _, body := range bodies {
			if m.name == "Logout" && slices.Contains([]string{"", "null", `{"statusCode":null}`}, strings.TrimSpace(body)) {
				continue // whose success may be empty or anything without an error
			}
			client, _ := m.setupFailing(t, func(*http.Request) (*http.Response, error) {
				return newResponse(http.StatusOK, body), nil
			}, withReadRetries(0))

			result, err := m.call(context.Background(), client)

			about := strconv.Quote(body[:min(len(body), 50)])
			require.Error(t, err, about)
			m.wantFailure(t, result, err, true)
			assert.ErrorIs(t, err, authing.ErrBadResponse, about)
			assert.NotErrorIs(t, err, authing.ErrLoginRequired, about)
		}
	})
}

// A number may be text, an unknown field may be anything, and a success may be 201.
func TestTolerantReadingOfV3(t *testing.T) {
	t.Parallel()
	eachMethodOf(t, v3Methods, func(t *testing.T, m remoteMethod) {
		for _, change := range []*strings.Replacer{
			strings.NewReplacer(`"statusCode":200`, `"statusCode":"200"`, `"code":200`, `"code":"200"`, `"expires_in":7200`, `"expires_in":"7200"`,
				`"loginsCount":3`, `"loginsCount":"3"`, `"exp":1584696000`, `"exp":"1584696000"`),
			strings.NewReplacer(`{`, `{"unknown":[{"deep":null}],`),
			strings.NewReplacer(`"expires_in":7200`, `"expire_in":7200`, `"scope":"openid"`, `"scope":null`),
			strings.NewReplacer(`{`, " {\r\n\t"),
		} {
			client, _ := m.setupFailing(t, func(*http.Request) (*http.Response, error) {
				response := newResponse(http.StatusCreated, "")
				response.Body = io.NopCloser(strings.NewReader(change.Replace(m.responses[m.step])))
				if m.step+1 < len(m.responses) {
					m.step++
				}
				return response, nil
			})
			step := m.step

			_, err := m.call(context.Background(), client)

			m.step = step
			require.NoError(t, err)
		}
	})
}
