package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// TestMain makes the test binary act as the server in the child process.
func TestMain(m *testing.M) {
	if tickets := os.Getenv(serverEnv); tickets != "" {
		exit(runServer(tickets))
		return
	}
	os.Exit(m.Run())
}

// Two seconds are too short to tell growth from noise, so summarize only gets one sample.
func TestRun(t *testing.T) {
	t.Parallel()
	url, stop, err := startServer(1 << 20)
	require.NoError(t, err)
	t.Cleanup(stop)
	client, err := authing.NewClient(pool, authing.WithHosts(authing.Hosts{Users: url, OAuth: url}))
	require.NoError(t, err)
	s := &soak{config: config{duration: 2 * time.Second, rate: 500, faults: 0.2, seed: 1}, client: client, url: url}

	samples := s.soak(context.Background(), io.Discard)

	assert.NotEmpty(t, samples)
	assert.Positive(t, s.counts[succeeded].Load())
	for _, f := range []fault{reset, replyCut, badGateway} {
		assert.Positive(t, s.unknownByFault[f].Load(), "no call had fault %d", f)
	}
	var out strings.Builder
	err = s.summarize(samples[:1], &out)
	require.NoError(t, err, "%s", &out)
	assert.Contains(t, out.String(), "all rules hold")
}

func TestRunEndsEarly(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	var out bytes.Buffer
	start := time.Now()

	err := run(ctx, config{duration: time.Hour, rate: 100, seed: 1}, &out)

	require.NoError(t, err)
	assert.Less(t, time.Since(start), 30*time.Second)
	assert.Contains(t, out.String(), "the run was too short to check for growth")
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for _, bad := range []config{
		{}, {duration: time.Second}, {rate: 1}, {duration: -1, rate: 1}, {duration: time.Second, rate: 1, faults: 2},
		{duration: 24 * 365 * time.Hour, rate: 1000},
	} {
		require.Error(t, run(context.Background(), bad, io.Discard), "%+v", bad)
	}
}

// The rules depend on what the server detects.
func TestServerDetectsViolations(t *testing.T) {
	t.Parallel()
	url, stop, err := startServer(100)
	require.NoError(t, err)
	t.Cleanup(stop)
	post := func(token, body string) {
		r, err := http.NewRequest(http.MethodPost, url+"/x", strings.NewReader(body))
		require.NoError(t, err)
		r.Header.Set("Authorization", token)
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		resp.Body.Close()
	}
	user := `{"query":"query user($id: String!) {\n\tuser(id: $id) {_id}}"}`

	post(userToken(1), `{"code":"tk-1-1-0"}`)
	post(userToken(1), `{"code":"tk-1-1-0"}`)           // repeated
	post("Bearer "+userToken(2), `{"code":"tk-2-1-0"}`) // another user's token
	post(userToken(1), `{"code":"x"}`)                  // no ticket
	post(userToken(1), `{"code":"tk-1000-1-0"}`)        // ticket of no call
	post("Bearer tk-3-1-0", user)                       // a read
	post("Bearer tk-3-1-0", user)                       // may be repeated
	s := soak{url: url}
	report, err := s.fetchReport()

	require.NoError(t, err)
	report.Connections = 0
	assert.Equal(t, serverReport{Requests: 7, Repeats: 1, WrongTokens: 1, Unmatched: 2}, report)
}
