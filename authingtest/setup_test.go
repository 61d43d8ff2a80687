package authingtest_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
	"github.com/authing-wxapp/authing/internal/passwd"
)

var ctx = context.Background()

// clock only moves when told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock {
	return &clock{now: time.Date(2020, 2, 27, 13, 33, 20, 796e6, time.FixedZone("CST", 8*60*60))}
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// setup starts a server for the duration of the test and returns it with a client.
func setup(t *testing.T, opts authingtest.Options) (*authingtest.Server, *authing.Client) {
	t.Helper()
	srv := authingtest.NewServer(opts)
	t.Cleanup(srv.Close)
	client, err := authing.NewClient(srv.UserPoolID(), srv.ClientOptions()...)
	require.NoError(t, err)
	return srv, client
}

// signIn signs in the user of p and returns the account and a client acting as it.
func signIn(t *testing.T, client *authing.Client, p *authingtest.Phone) (*authing.User, *authing.Client) {
	t.Helper()
	user, err := client.LoginWithWxapp(ctx, p.Login(), p.GetUserInfo())
	require.NoError(t, err)
	return user, client.As(user.Token)
}

// rawRequest is a request that the client cannot send.
type rawRequest struct {
	method, base, path, body string
	header                   http.Header
}

// send returns the status and body of the response.
func send(t *testing.T, req rawRequest) (int, string) {
	t.Helper()
	r, err := http.NewRequest(req.method, req.base+req.path, strings.NewReader(req.body))
	require.NoError(t, err)
	r.Header = req.header
	resp, err := http.DefaultTransport.RoundTrip(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

func decodeJSON(t *testing.T, text []byte, v any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(text, v), "%s", text)
}

// decodeToken returns the header and payload of a JWT.
func decodeToken(t *testing.T, token string) (header, payload string) {
	t.Helper()
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)
	var text [2][]byte
	for i := range text {
		var err error
		text[i], err = base64.RawURLEncoding.DecodeString(parts[i])
		require.NoError(t, err)
	}
	return string(text[0]), string(text[1])
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

func encryptPassword(t *testing.T, publicKey, password string) string {
	t.Helper()
	key, err := passwd.ParseKey(publicKey)
	require.NoError(t, err)
	ciphertext, err := passwd.Encrypt(key, password)
	require.NoError(t, err)
	return ciphertext
}
