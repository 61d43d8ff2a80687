package authingtest_test

import (
	"bytes"
	"fmt"
	"math"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing/authingtest"
)

func TestRequestsAreBounded(t *testing.T) {
	t.Parallel()
	for keep, want := range map[int]int{0: 25, 10: 10, -1: 0} {
		srv, _ := setup(t, authingtest.Options{KeepRequests: keep})
		for i := range 25 {
			send(t, rawRequest{"GET", srv.UsersURL(), fmt.Sprintf("/x/%d", i), "", http.Header{}})
		}
		requests := srv.Requests()
		require.Len(t, requests, want)
		for i, req := range requests {
			assert.Equal(t, fmt.Sprintf("/x/%d", 25-want+i), req.Path)
		}
		assert.Equal(t, 25, srv.RequestCount())
	}
}

func TestMemoryIsBounded(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	srv := authingtest.NewServer(authingtest.Options{})
	defer srv.Close()
	before := heap()
	half := strings.Repeat("x", 1<<19)
	for range 200 {
		send(t, rawRequest{"POST", srv.UploadURL(), "/", half, http.Header{"Content-Type": {"text/plain"}, "X-Half": {half}}})
	}
	for i := range 40 { // the server counts the refresh tokens, without the bodies that they came in
		send(t, rawRequest{
			"POST", srv.AppHost(), "/oidc/token", fmt.Sprintf("refresh_token=%d&x=", i) + strings.Repeat("x", 4<<20),
			http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		})
	}
	assert.Less(t, heap(), before+100<<20)
	assert.Equal(t, 240, srv.RequestCount())
	assert.Len(t, srv.Requests(), 15)
}

func TestLongPathsAndMethodsAreDropped(t *testing.T) {
	t.Parallel()
	const long = 900 << 10
	for name, req := range map[string]rawRequest{
		"path":   {"GET", "", "/?" + strings.Repeat("x", long), "", http.Header{}},
		"method": {strings.Repeat("X", long), "", "/", "", http.Header{}},
	} {
		srv, _ := setup(t, authingtest.Options{})
		req.base = srv.UsersURL()
		for range 80 {
			send(t, req)
		}
		assert.Len(t, srv.Requests(), 72, name)
	}
}

func TestOversizedBody(t *testing.T) {
	t.Parallel()
	srv, _ := setup(t, authingtest.Options{UploadLimit: 1000})
	status, _ := send(t, rawRequest{"POST", srv.UsersURL(), "/graphql", strings.Repeat("x", 2<<20), http.Header{}})
	assert.Equal(t, http.StatusRequestEntityTooLarge, status)
}

func TestLargestUploadLimit(t *testing.T) {
	t.Parallel()
	srv, _ := setup(t, authingtest.Options{UploadLimit: math.MaxInt64})
	status, _ := send(t, rawRequest{"POST", srv.UsersURL(), "/graphql", "{}", http.Header{}})
	assert.NotEqual(t, http.StatusRequestEntityTooLarge, status)
}

func TestRequestsAreCopies(t *testing.T) {
	t.Parallel()
	srv, _ := setup(t, authingtest.Options{})
	send(t, rawRequest{"POST", srv.UsersURL(), "/x", "body", http.Header{"X-A": {"a"}}})
	got := srv.Requests()[0]
	got.Header.Set("X-A", "b")
	got.Header["X-A"][0] = "c"
	copy(got.Body, "BODY")
	again := srv.Requests()[0]
	assert.Equal(t, "a", again.Header.Get("X-A"))
	assert.Equal(t, "body", string(again.Body))
}

// Clients that dial, send part of a request, do not read, or reconnect for as long as the server accepts.
func TestCloseDoesNotWaitForClients(t *testing.T) {
	t.Parallel()
	for range 5 {
		srv := authingtest.NewServer(authingtest.Options{})
		stop := make(chan struct{})
		var clients sync.WaitGroup
		for _, text := range []string{
			"", "POST /graph", "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{",
			strings.Repeat("GET /x HTTP/1.1\r\nHost: x\r\n\r\n", 1000),
		} {
			for _, url := range []string{srv.UsersURL(), srv.OAuthURL(), srv.UploadURL()} {
				for range 2 {
					clients.Go(func() {
						for {
							conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
							if err == nil {
								conn.Write([]byte(text))
								conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
								conn.Read(make([]byte, 1))
								defer conn.Close()
							}
							select {
							case <-stop:
								return
							case <-time.After(time.Millisecond):
							}
						}
					})
				}
			}
		}
		time.Sleep(30 * time.Millisecond)
		closed := make(chan struct{})
		began := time.Now()
		go func() {
			srv.Close()
			close(closed)
		}()
		select {
		case <-closed:
			assert.Less(t, time.Since(began), time.Second)
		case <-time.After(10 * time.Second):
			t.Error("Close hangs")
		}
		close(stop)
		clients.Wait()
		srv.Close()
	}
}

func TestWeChatErrorMayAskServer(t *testing.T) {
	t.Parallel()
	var srv *authingtest.Server
	srv, client := setup(t, authingtest.Options{WeChatError: func(errcode int, errmsg string) (int, string) {
		return http.StatusOK, fmt.Sprintf(`{"code":500,"message":"%d users, %d requests","data":null}`, len(srv.Users()), srv.RequestCount())
	}})
	ann := srv.NewPhone(authingtest.WxUser{})
	done := make(chan error, 1)
	go func() {
		_, err := client.LoginWithWxapp(ctx, "0unknown", ann.GetUserInfo())
		done <- err
	}()
	select {
	case err := <-done:
		assert.ErrorContains(t, err, "0 users, 1 requests")
	case <-time.After(5 * time.Second):
		t.Fatal("deadlock")
	}
	srv.FailNext("LoginWithWxapp", authingtest.Fault{ErrCode: -1})
	_, err := client.LoginWithWxapp(ctx, ann.Login(), ann.GetUserInfo())
	assert.ErrorContains(t, err, "0 users, 2 requests")
}

func TestOldImagesAreDropped(t *testing.T) {
	t.Parallel()
	srv, client := setup(t, authingtest.Options{})
	ann, asAnn := signIn(t, client, srv.NewPhone(authingtest.WxUser{}))
	image := append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 5<<20-8)...)
	var urls []string
	for i := range 14 {
		image[8] = byte(i)
		user, err := asAnn.ChangeAvatar(ctx, ann.ID, bytes.NewReader(image))
		require.NoError(t, err)
		urls = append(urls, user.Photo)
	}
	for i, want := range map[int]int{0: http.StatusNotFound, 13: http.StatusOK} {
		resp, err := http.Get(urls[i])
		require.NoError(t, err)
		resp.Body.Close()
		assert.Equal(t, want, resp.StatusCode)
	}
}
