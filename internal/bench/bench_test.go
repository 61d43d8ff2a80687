package main_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/bench/contest"
)

// The benchmarks start this program again as their server.
func TestMain(m *testing.M) {
	contest.ServeIfChild()
	os.Exit(m.Run())
}

type contender = func(base string, rt http.RoundTripper) contest.Calls

var contenders = map[string]contender{"authing": contest.SDK, "by hand": contest.ByHand}

// offline are the calls without a network.
var offline = map[string]func(contender) contest.Call{
	"Login": func(c contender) contest.Call {
		return c("http://127.0.0.1", contest.NoNetwork{Responses: contest.Logins}).Login
	},
	"V3Login": func(c contender) contest.Call {
		return c("http://127.0.0.1", contest.NoNetwork{Responses: contest.V3Logins}).V3Login
	},
	"User": func(c contender) contest.Call {
		return c("http://127.0.0.1", contest.NoNetwork{Responses: contest.Users}).User
	},
	"VerifyToken": func(c contender) contest.Call {
		return c("http://127.0.0.1", contest.NoNetwork{Responses: contest.Tokens}).VerifyToken
	},
}

// BenchmarkNoNetwork and BenchmarkLoopback are for profiles. The table of docs/performance.md comes from internal/bench,
// which compares neighboring slices.
func BenchmarkNoNetwork(b *testing.B) {
	for call, of := range offline {
		for name, c := range contenders {
			b.Run(call+"/"+name, func(b *testing.B) { measure(b, of(c), 1) })
		}
	}
}

func BenchmarkLoopback(b *testing.B) {
	server, err := contest.StartServer()
	require.NoError(b, err)
	b.Cleanup(server.Close)
	for _, goroutines := range []int{1, 64, 256} {
		for name, c := range contenders {
			b.Run(fmt.Sprintf("%d/%s", goroutines, name), func(b *testing.B) { measure(b, c(server.URL, nil).Login, goroutines) })
		}
	}
}

func measure(b *testing.B, call contest.Call, goroutines int) {
	b.ReportAllocs()
	b.ResetTimer()
	start := contest.CPU()
	err := contest.Run(context.Background(), call, goroutines, b.N)
	b.StopTimer()
	b.ReportMetric(float64(contest.CPU()-start)/float64(b.N), "cpu-ns/op")
	require.NoError(b, err)
}

func BenchmarkAs(b *testing.B) {
	client, err := authing.NewClient(contest.Pool)
	require.NoError(b, err)
	b.ReportAllocs()
	b.ResetTimer()
	var user *authing.Client
	for range b.N {
		user = client.As("header.payload.signature")
	}
	require.NotSame(b, client, user)
}
