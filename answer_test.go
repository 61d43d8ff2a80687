package authing_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

func TestEnvelopesOfSuccess(t *testing.T) {
	t.Parallel()
	const data = `{"_id":"u1","token":"h.p.s"}`
	for _, body := range []string{
		`{"code":200,"message":"ok","data":` + data + `}`,
		`{"code":"200","message":"ok","data":` + data + `}`,
		`{"code":200.0,"data":` + data + `}`,
		`{"code":2e2,"message":null,"data":` + data + `}`,
		`{"code":200,"message":{"x":1},"data":` + data + `}`,
		`{"data":` + data + `,"extra":[1],"code":200}`,
		" \r\n\t{\"code\":200,\"data\":" + data + "}\n",
		"\xef\xbb\xbf" + `{"code":200,"data":` + data + `}`,
	} {
		client, _ := setup(t, 200, body)
		user, err := client.LoginWithWxapp(context.Background(), code, loginDetail)
		if !assert.NoError(t, err, body) {
			continue
		}
		assert.Equal(t, "u1", user.ID, body)
		assert.Equal(t, data, string(user.Raw()), body)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		status int
		body   string
		code   int // what the service gave as its code
	}{
		{"empty", 200, "", 0},
		{"white space", 200, " \n", 0},
		{"null", 200, "null", 0},
		{"HTML", 200, "<!DOCTYPE html><title>502</title>", 0},
		{"a list", 200, "[]", 0},
		{"a text", 200, `"ok"`, 0},
		{"a number", 200, "200", 0},
		{"no code", 200, `{"data":{"_id":"u1","token":"h.p.s"}}`, 0},
		{"code null", 200, `{"code":null,"data":{"_id":"u1","token":"h.p.s"}}`, 0},
		{"code empty", 200, `{"code":"","data":{"_id":"u1","token":"h.p.s"}}`, 0},
		{"code a word", 200, `{"code":"ok","data":{"_id":"u1","token":"h.p.s"}}`, 0},
		{"code true", 200, `{"code":true,"data":{"_id":"u1","token":"h.p.s"}}`, 0},
		{"code a fraction", 200, `{"code":200.5,"data":{"_id":"u1","token":"h.p.s"}}`, 0},
		{"code beyond any integer", 200, `{"code":1e999,"data":{"_id":"u1","token":"h.p.s"}}`, 0},
		{"cut", 200, annAnswer[:len(annAnswer)/2], 0},
		{"something after", 200, annAnswer + "x", 0},
		{"two answers", 200, annAnswer + annAnswer, 0},
		{"invalid UTF-8", 200, `{"code":200,"data":{"_id":"u1","token":"h.p.s","nickname":"` + "\xff" + `"}}`, 0},
		{"HTML over 502", 502, "<html>", 0},
		{"empty over 204", 204, "", 0},
		{"success over 500", 500, annAnswer, 200},
		{"success over 201", 201, annAnswer, 200},
		{"success over 302", 302, annAnswer, 200},
		{"user not an object", 200, `{"code":200,"data":"u1"}`, 200},
		{"user with a wrong type", 200, `{"code":200,"data":{"_id":["u1"],"token":"h.p.s"}}`, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client, got := setup(t, tt.status, tt.body)
			user, err := client.LoginWithWxapp(context.Background(), code, loginDetail)
			assert.Nil(t, user)
			require.ErrorIs(t, err, authing.ErrBadResponse)
			require.ErrorIs(t, err, authing.ErrOutcomeUnknown)
			e := requireError(t, err)
			assert.Equal(t, "LoginWithWxapp", e.Op)
			assert.Equal(t, tt.status, e.StatusCode)
			assert.Equal(t, tt.code, e.Code)
			assert.NotContains(t, err.Error(), "h.p.s")
			got.Only(t)
		})
	}
}

func TestBadAnswerKeepsItsBody(t *testing.T) {
	t.Parallel()
	for body, text := range map[string]string{
		"<html>": "authing: GetPhone: the service sent a response that is not Authing's (HTTP 503): the server is in trouble: try later",
		"":       "authing: GetPhone: the service sent an empty response (HTTP 503): the server is in trouble: try later",
	} {
		client, _ := setup(t, 503, body)
		_, err := client.GetPhone(context.Background(), code, phoneDetail)
		assert.Equal(t, body, string(requireError(t, err).Body))
		assert.Contains(t, err.Error(), text)
	}
}
