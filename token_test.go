package authing_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// pageToken is the token to verify, as opposed to the client's own.
const pageToken = authing.Secret("page.token.value")

func TestVerifyToken(t *testing.T) {
	t.Parallel()
	const result = `{"status":true,"code":200,"message":"已登录","token":{"data":{"email":"ann@example.com","id":"u1",` +
		`"clientId":"` + pool + `","unionid":"u-1"},"iat":1586750416,"exp":1588046416}}`
	info := operationCall[*authing.TokenInfo]{
		do: func(ctx context.Context, c *authing.Client) (*authing.TokenInfo, error) {
			return c.VerifyToken(ctx, pageToken)
		},
		operation: "query checkLoginStatus", variables: `{"token":"` + string(pageToken) + `"}`,
		field: "checkLoginStatus", result: result,
	}.check(t)
	assert.Equal(t, "u1", info.UserID)
	assert.Equal(t, pool, info.UserPoolID)
	assert.Equal(t, "ann@example.com", info.Email)
	assert.Equal(t, "u-1", info.UnionID)
	assert.Empty(t, info.Phone)
	assert.True(t, info.IssuedAt.Equal(moment(t, "2020-04-13T04:00:16Z")))
	assert.True(t, info.ExpiresAt.Equal(moment(t, "2020-04-28T04:00:16Z")))
	assert.Equal(t, result, string(info.Raw()))
}

func TestVerifyTokenTimes(t *testing.T) {
	t.Parallel()
	for times, want := range map[string]time.Time{
		`"iat":1,"exp":1588046416`: time.Unix(1588046416, 0), `"iat":1,"exp":"1588046416"`: time.Unix(1588046416, 0), `"iat":1,"exp":1588046416.0`: time.Unix(1588046416, 0),
		`"iat":1`: {}, `"iat":"1","exp":null`: {}, `"iat":1,"exp":""`: {},
	} {
		client, _ := setup(t, 200, `{"data":{"checkLoginStatus":{"code":200,"status":true,"token":{"data":{"id":"u1","clientId":"`+pool+`"},`+times+`}}}}`)
		info, err := client.VerifyToken(context.Background(), pageToken)
		require.NoError(t, err, times)
		assert.True(t, want.Equal(info.ExpiresAt), "%s: %s", times, info.ExpiresAt)
		assert.Equal(t, want.IsZero(), info.ExpiresAt.IsZero(), times)
		assert.True(t, info.IssuedAt.Equal(time.Unix(1, 0)))
	}
}

func TestVerifyTokenRefusals(t *testing.T) {
	t.Parallel()
	for result, n := range map[string]int{
		`{"status":false,"code":2206,"message":"登录信息已过期","token":null}`: 2206,
		`{"status":false,"code":"2207","message":"登录信息有误"}`:             2207,
		`{"code":2020,"token":{"data":{"id":"u1"}}}`:                    2020,
		`{"status":null,"code":2020}`:                                   2020,
		`{"status":false}`:                                              0,
		`{"status":false,"message":"no"}`:                               0,
		`{"status":"expired","code":2206}`:                              2206,
		// A refusal counts whatever is in place of the token.
		`{"status":false,"message":"expired","token":""}`:         0,
		`{"status":false,"code":200,"token":[]}`:                  200,
		`{"status":false,"code":2206,"token":{"iat":"x"}}`:        2206,
		`{"status":false,"code":2206,"token":{"data":{"id":{}}}}`: 2206,
		// A good token from another pool.
		`{"status":true,"code":200,"token":{"data":{"id":"u1","clientId":"5e4cdd055df3df65dc58b97e"}}}`: 0,
	} {
		var log bytes.Buffer
		client, _ := setup(t, 200, graphqlData("checkLoginStatus", result), authing.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		info, err := client.VerifyToken(context.Background(), pageToken)
		assert.Nil(t, info)
		assertOnly(t, authing.ErrLoginRequired, err, result)
		e := requireError(t, err)
		assert.Equal(t, "VerifyToken", e.Op)
		assert.Equal(t, n, e.Code)
		assert.Equal(t, 200, e.StatusCode)
		assert.Contains(t, log.String(), "level=WARN")
	}
	for _, result := range []string{
		`null`, `{}`, `{"status":true,"code":200}`, `{"status":true,"code":200,"token":null}`, `{"code":200,"token":{"data":{"id":""}}}`,
		`{"code":200,"token":{"data":null}}`, `{"code":200,"token":{"data":{"id":"u1","clientId":"` + pool + `"},"exp":"soon"}}`,
		// Without a verdict or a pool, it is unknown whether the token is good here.
		`{"token":{"data":{"id":"u1","clientId":"` + pool + `"}}}`,
		`{"status":null,"code":null,"token":{"data":{"id":"u1","clientId":"` + pool + `"}}}`,
		`{"status":"ok","code":200,"token":{"data":{"id":"u1","clientId":"` + pool + `"}}}`,
		`{"status":true,"code":"?","token":{"data":{"id":"u1","clientId":"` + pool + `"}}}`,
		`{"status":true,"code":200,"token":{"data":{"id":"u1"}}}`,
		`{"status":true,"code":200,"token":{"data":{"id":"u1","clientId":null}}}`,
	} {
		client, _ := setup(t, 200, graphqlData("checkLoginStatus", result))
		info, err := client.VerifyToken(context.Background(), pageToken)
		assert.Nil(t, info)
		assertOnly(t, authing.ErrBadResponse, err, "a read: "+result)
	}
}

func TestVerifyTokenBadInput(t *testing.T) {
	t.Parallel()
	client, got := setup(t, 200, `{}`)
	_, err := client.As(token).VerifyToken(context.Background(), "")
	assertOnly(t, authing.ErrLoginRequired, err, "the client's own token does not matter")
	assert.EqualError(t, err, "authing: VerifyToken: no token to verify: nothing was sent")
	assert.Empty(t, got.All())

	for _, bad := range []authing.Secret{"Bearer h.p.s", "h.p.s\n", "令牌"} {
		_, err := client.VerifyToken(context.Background(), bad)
		wantRejected(t, err, got)
		require.ErrorIs(t, err, authing.ErrLoginRequired, "for the page that sent it")
		assert.Contains(t, err.Error(), `"Bearer " is not part of it`)
	}
	_, err = client.As("Bearer h.p.s").VerifyToken(context.Background(), pageToken)
	wantRejected(t, err, got)
}

func TestTokenInfoJSON(t *testing.T) {
	t.Parallel()
	const answer = `{"code":200,"status":true,"token":{"data":{"id":"u1","clientId":"` + pool + `","email":"a@b.c","unionid":"un"},"iat":1,"exp":1588046416},"extra":[1]}`
	client, _ := setup(t, 200, graphqlData("checkLoginStatus", answer))
	info, err := client.VerifyToken(context.Background(), pageToken)
	require.NoError(t, err)
	text, err := json.Marshal(*info)
	require.NoError(t, err)
	assert.NotContains(t, string(text), string(pageToken))
	for _, name := range []string{`"userId":"u1"`, `"userPoolId":"` + pool + `"`, `"email":"a@b.c"`, `"unionid":"un"`, `"issuedAt":"`, `"expiresAt":"`, `"raw":{`} {
		assert.Contains(t, string(text), name)
	}
	var read authing.TokenInfo
	require.NoError(t, json.Unmarshal(text, &read))
	assert.Equal(t, answer, string(read.Raw()))
	assert.True(t, info.ExpiresAt.Equal(read.ExpiresAt))
	assert.True(t, info.IssuedAt.Equal(read.IssuedAt))
	again, err := json.Marshal(read)
	require.NoError(t, err)
	assert.Equal(t, string(text), string(again))

	empty, err := json.Marshal(authing.TokenInfo{})
	require.NoError(t, err)
	assert.Equal(t, `{"userId":"","userPoolId":""}`, string(empty))
	require.NoError(t, json.Unmarshal(empty, &read))
	assert.Equal(t, authing.TokenInfo{}.Email, read.Email, "nothing is left of what was there")
	assert.Nil(t, read.Raw())
	assert.Error(t, json.Unmarshal([]byte(`{"userId":1}`), &read))
}

func TestTokenInfoSetRaw(t *testing.T) {
	t.Parallel()
	var info authing.TokenInfo
	info.SetRaw([]byte(`{"sub":"u1"}`))
	assert.JSONEq(t, `{"sub":"u1"}`, string(info.Raw()))
}
