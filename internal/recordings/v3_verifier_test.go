package recordings_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingv3"
	"github.com/authing-wxapp/authing/internal/testkit"
)

type verifierCase struct {
	ID        string `json:"id"`
	Construct struct {
		Secret authing.Secret `json:"appSecret"`
	} `json:"construct"`
	Steps []struct {
		Args    []any          `json:"args"`
		Answers []serverAnswer `json:"serverAnswers"` // the key set
		Expect  struct {
			GoCall   string `json:"goCall"`
			Result   string `json:"result"` // "success", "failure" or "either"
			Verifier struct {
				Issuer    string `json:"issuer"`
				Audience  string `json:"audience"`
				Algorithm string `json:"algorithm"`
				TokenUse  string `json:"tokenUse"` // "access" or "id"
			} `json:"verifier"`
			Value struct {
				UserID string `json:"userId"`
			} `json:"value"`
			Matches []string `json:"matches"`
		} `json:"expect"`
	} `json:"steps"`
}

// TestVerifierRecordings verifies the recorded tokens. The original only looks at signatures, so what has to come out is
// written in the file beside what it did.
func TestVerifierRecordings(t *testing.T) {
	t.Parallel()
	replayed := 0
	for _, c := range load[verifierCase](t, "v3api-responses.json", 471) {
		for _, step := range c.Steps {
			want := step.Expect
			if want.GoCall != "Verifier" {
				continue
			}
			replayed++
			o := authingv3.VerifierOptions{
				Issuer: want.Verifier.Issuer, Audience: want.Verifier.Audience, IDToken: want.Verifier.TokenUse == "id",
			}
			if want.Verifier.Algorithm == "HS256" {
				o.Secret = c.Construct.Secret
			} else {
				require.Len(t, step.Answers, 1, c.ID)
				o.JWKSURL = o.Issuer + "/.well-known/jwks.json"
				transport, _ := testkit.Record(func(*http.Request) (*http.Response, error) { return step.Answers[0].response() })
				o.HTTPClient = &http.Client{Transport: transport}
			}
			v, err := authingv3.NewVerifier(o)
			require.NoError(t, err, c.ID)
			token, ok := step.Args[0].(string)
			require.True(t, ok, c.ID)
			info, err := v.VerifyToken(t.Context(), authing.Secret(token))
			switch {
			case want.Result == "either":
			case want.Result == "success":
				require.NoError(t, err, c.ID)
				assert.Equal(t, want.Value.UserID, info.UserID, c.ID)
			case len(want.Matches) > 0:
				assert.Equal(t, []string{"ErrLoginRequired"}, want.Matches, c.ID)
				require.ErrorIs(t, err, authing.ErrLoginRequired, c.ID)
			default:
				require.Error(t, err, c.ID)
				require.NotErrorIs(t, err, authing.ErrLoginRequired, c.ID)
			}
		}
	}
	assert.Equal(t, 44, replayed)
}
