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

// BenchmarkLogin compares the login call of this SDK with the same call made by other means. The table of
// docs/performance.md comes from internal/bench, which compares neighbouring slices.
func BenchmarkLogin(b *testing.B) {
	ctx := context.Background()
	for _, goroutines := range []int{1, 64, 256} {
		for _, contender := range contest.All {
			b.Run(fmt.Sprintf("no network/%d/%s", goroutines, contender.Name), func(b *testing.B) {
				login, err := contender.New("http://127.0.0.1", contest.Pool, contest.NoNetwork{})
				require.NoError(b, err)
				measureLogin(ctx, b, login, goroutines)
			})
		}
	}
	server, err := contest.StartServer()
	require.NoError(b, err)
	b.Cleanup(server.Close)
	for _, goroutines := range []int{1, 64, 256} {
		for _, contender := range contest.All {
			b.Run(fmt.Sprintf("loopback/%d/%s", goroutines, contender.Name), func(b *testing.B) {
				login, err := contender.New(server.URL, contest.Pool, nil)
				require.NoError(b, err)
				before, err := server.Connections()
				require.NoError(b, err)
				measureLogin(ctx, b, login, goroutines)
				after, err := server.Connections()
				require.NoError(b, err)
				b.ReportMetric(float64(after-before-1)*10_000/float64(b.N), "conns/10k")
			})
		}
	}
}

func measureLogin(ctx context.Context, b *testing.B, login contest.Login, goroutines int) {
	b.ReportAllocs()
	b.ResetTimer()
	start := contest.CPU()
	err := contest.Run(ctx, login, goroutines, b.N)
	b.StopTimer()
	b.ReportMetric(float64(contest.CPU()-start)/float64(b.N), "cpu-ns/op")
	require.NoError(b, err)
}

func BenchmarkNewClient(b *testing.B) {
	b.ReportAllocs()
	for range b.N {
		if _, err := authing.NewClient(contest.Pool); err != nil {
			b.Fatal(err)
		}
	}
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

// BenchmarkUser is a GraphQL read.
func BenchmarkUser(b *testing.B) {
	client, err := authing.NewClient(contest.Pool, authing.WithHTTPClient(&http.Client{Transport: contest.NoNetwork{}}))
	require.NoError(b, err)
	user := client.As("header.payload.signature")
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if _, err := user.User(context.Background(), "5e00000000000000000000a1"); err != nil {
			b.Fatal(err)
		}
	}
}
