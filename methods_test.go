package authing_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// Canaries stand for what must not show in an error or a log. They occur nowhere else, so finding one is a leak.
const (
	canaryToken         = authing.Secret("eyJcanary1.kWq83nTzVb61LmXy.sIgn4Hd7Rj0PfUe2Cx")
	canaryCode          = "081cAnArYq7Vw2XzT9kLmB4nHs6RjD0f"
	canaryIV            = "iVcNq+8Zk3TnB5/Hc7RxLm=="
	canaryEncryptedData = "dAtAcNrY9f+LwQ2sXz7VbK/4MjTn8HyRe3UpGo6CiDa5ZtWq1ExSvNk0BrPlJhYg"
	canaryPhone         = "+8613907715642"
	canaryPhoneCode     = "pHoNeCoDe5rTgYhUjKi8oLpQaWsEdRf"
	canaryRawData       = `{"nickName":"rAwDaTa6yHnMjUkIlOpQaZwSx"}`
	canarySignature     = "51gnatu4e8d0c6b2f9a3e7751b04d9c6e2f8a1b3"
	canaryCloudID       = "66_cLoUdIdQ3eR5tY7uI9oP1aS2dF4gH"
	canaryNickName      = "nIcKnAmEw3E4r5T6y7U8i9O0p"
	canaryOpenID        = "oPeNiDz1X2c3V4b5N6m7K8j9H0"
	canaryAvatar        = "https://thirdwx.qlogo.cn/mmopen/aVaTaR8u7Y6t5R4e3W2q1/132"

	// What the service answers with.
	canaryUserToken  = "eyJanswer2.uSeR7tOkEn5zXcVbNm.q1W2e3R4t5Y6u7I8"
	canaryUserPhone  = "13806628417"
	canaryUserOpenID = "uSeRoPeNiDp0O9i8U7y6T5r4E3"
)

// canaries names them for a failing test.
var canaries = map[string]string{
	"token": string(canaryToken), "code": canaryCode, "iv": canaryIV, "encrypted data": canaryEncryptedData,
	"phone": canaryPhone, "phone digits": canaryPhone[3:], "phone code": canaryPhoneCode, "raw data": canaryRawData,
	"signature": canarySignature, "cloud id": canaryCloudID, "nick name": canaryNickName, "open id": canaryOpenID,
	"avatar": canaryAvatar, "user's token": canaryUserToken, "user's phone": canaryUserPhone,
	"user's open id": canaryUserOpenID,
}

func canaryDetail(errMsg string) authing.Detail {
	return authing.Detail{
		ErrMsg: errMsg, EncryptedData: canaryEncryptedData, IV: canaryIV, RawData: canaryRawData,
		Signature: canarySignature, CloudID: canaryCloudID, PhoneCode: canaryPhoneCode,
		UserInfo: &authing.WxUserInfo{OpenID: canaryOpenID, NickName: canaryNickName, AvatarURL: canaryAvatar},
	}
}

// remoteMethod is a call of the service with canaries in all its arguments.
type remoteMethod struct {
	name   string
	call   func(ctx context.Context, c *authing.Client) (any, error)
	answer string   // of a success
	sends  []string // what a server would see in the request, and could echo
	read   bool     // changes nothing, so that it may be sent twice
}

const canaryUser = `{"code":200,"message":"ok","data":{"_id":"5e05bbf2d51b3761d5c71070","token":"` + canaryUserToken +
	`","phone":"` + canaryUserPhone + `","openid":"` + canaryUserOpenID + `","loginsCount":3,"blocked":false}}`

// remoteMethods is every call that leaves the machine. What must hold for all of them is tested over this table.
var remoteMethods = []remoteMethod{
	{
		name: "LoginWithWxapp",
		call: func(ctx context.Context, c *authing.Client) (any, error) {
			return c.LoginWithWxapp(ctx, canaryCode, canaryDetail("getUserInfo:ok"), authing.WithPhone(canaryPhone))
		},
		answer: canaryUser,
		sends:  []string{canaryCode, canaryIV, canaryEncryptedData, canaryPhone},
	},
	{
		name: "BindPhone",
		call: func(ctx context.Context, c *authing.Client) (any, error) {
			return c.BindPhone(ctx, canaryCode, canaryDetail("getPhoneNumber:ok"))
		},
		answer: canaryUser,
		sends:  []string{string(canaryToken), canaryCode, canaryIV, canaryEncryptedData},
	},
	{
		name: "GetPhone",
		call: func(ctx context.Context, c *authing.Client) (any, error) {
			return c.GetPhone(ctx, canaryCode, canaryDetail("getPhoneNumber:ok"))
		},
		answer: `{"code":200,"message":"ok","data":{"phoneNumber":"` + canaryUserPhone + `","purePhoneNumber":"` +
			canaryUserPhone + `","countryCode":"86","watermark":{"appid":"wx1","timestamp":1583400000}}}`,
		sends: []string{string(canaryToken), canaryCode, canaryIV, canaryEncryptedData},
	},
	{
		name: "Decrypt",
		call: func(ctx context.Context, c *authing.Client) (any, error) {
			return c.Decrypt(ctx, canaryCode, canaryEncryptedData, canaryIV)
		},
		answer: `{"code":200,"message":"ok","data":{"openId":"` + canaryUserOpenID + `","phoneNumber":"` +
			canaryUserPhone + `","gender":1,"watermark":{"appid":"wx1","timestamp":1583400000}}}`,
		sends: []string{string(canaryToken), canaryCode, canaryIV, canaryEncryptedData},
	},
}

// eachMethod runs a test for every method.
func eachMethod(t *testing.T, test func(t *testing.T, m remoteMethod)) {
	t.Helper()
	for _, m := range remoteMethods {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			test(t, m)
		})
	}
}

// eachCell runs a test for every cell of a table at once: many cells only wait, and t.Parallel would run no more of
// them than there are cores.
func eachCell[T fmt.Stringer](t *testing.T, cells []T, test func(t *testing.T, cell T)) {
	t.Helper()
	var running sync.WaitGroup
	defer running.Wait()
	for _, cell := range cells {
		running.Add(1)
		go func() {
			defer running.Done()
			t.Run(cell.String(), func(t *testing.T) { test(t, cell) })
		}()
	}
}

// wantFailure asserts what holds for every failed call. sent says whether the request may have taken effect.
func (m remoteMethod) wantFailure(t *testing.T, result any, err error, sent bool) {
	t.Helper()
	var e *authing.Error
	require.ErrorAs(t, err, &e)
	assert.Nil(t, result)
	assert.Equal(t, m.name, e.Op)
	if sent && !m.read {
		assert.ErrorIs(t, err, authing.ErrOutcomeUnknown)
	} else {
		assert.NotErrorIs(t, err, authing.ErrOutcomeUnknown)
	}
}

// mostArrivals is how often a request may reach the service.
func (m remoteMethod) mostArrivals() int {
	if m.read {
		return 2
	}
	return 1
}

// clientAt returns a client, signed in with the canary token, all of whose hosts are at url.
func clientAt(t *testing.T, url string, opts ...authing.Option) *authing.Client {
	t.Helper()
	client, err := authing.NewClient(pool, append([]authing.Option{
		authing.WithHosts(authing.Hosts{Users: url, OAuth: url, Upload: url, CDN: url}),
	}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	return client.As(canaryToken)
}

// transportFunc is an http.RoundTripper.
type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// clientOver returns a client, signed in with the canary token, that sends through transport.
func clientOver(t *testing.T, transport http.RoundTripper, opts ...authing.Option) *authing.Client {
	t.Helper()
	client, err := authing.NewClient(pool, append([]authing.Option{
		authing.WithHTTPClient(&http.Client{Transport: transport}),
	}, opts...)...)
	require.NoError(t, err)
	return client.As(canaryToken)
}

// startTCP starts a server below HTTP and returns its URL. serve owns its connection until it returns.
func startTCP(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var (
		open      []net.Conn
		serving   sync.WaitGroup
		accepting = make(chan struct{})
	)
	go func() {
		defer close(accepting)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			open = append(open, conn)
			serving.Add(1)
			go func() {
				defer serving.Done()
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-accepting
		for _, conn := range open {
			conn.Close()
		}
		serving.Wait()
	})
	return "http://" + listener.Addr().String()
}

// rawAnswerOf is body as a complete answer on the wire.
func rawAnswerOf(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}
