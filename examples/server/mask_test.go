package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMaskBody(t *testing.T) {
	t.Parallel()
	for input, want := range map[string]string{
		``:                  `null`,
		`{"code":"061Abc"}`: `{"code":"•••• (6)"}`,
		`{"code":500,"errcode":40163,"exp":1795375118}`:       `{"code":500,"errcode":40163,"exp":"•••• (10)"}`,
		`{"expires_in":1209600,"errno":14000010}`:             `{"expires_in":1209600,"errno":"•••• (8)"}`,
		`{"code":13800000001}`:                                `{"code":"•••• (11)"}`,
		`{"phone":"13800000001","phoneVerified":true}`:        `{"phone":"138••••0001","phoneVerified":true}`,
		`{"phoneNumber":"+44 20 7946 0000","phone":null}`:     `{"phoneNumber":"•••• (16)","phone":null}`,
		`{"nickname":"林小雨","photo":""}`:                       `{"nickname":"林小雨","photo":""}`,
		`{"nickName":"call 13800000001 or a@b.cn"}`:           `{"nickName":"call •••• (11) or •••• (6)"}`,
		`{"errMsg":"getRealtimePhoneNumber:fail user deny"}`:  `{"errMsg":"getRealtimePhoneNumber:fail user deny"}`,
		`{"reason":"method_not_allowed","next":"none"}`:       `{"reason":"method_not_allowed","next":"none"}`,
		`{"message":"code 061AbcDefGhiJklMnoPqrStu0VwXyZ01"}`: `{"message":"code •••• (32)"}`,
		`{"a":[{"token":"t"},"x",null,1]}`:                    `{"a":[{"token":"•••• (1)"},"•••• (1)",null,"•••• (1)"]}`,
		`{"13800000001":true,"061AbcDef":1}`:                  `{"•••• (11)":true,"•••• (9)":"•••• (1)"}`,
		`"text"`:                                              `"•••• (4)"`,
		`<html>`:                                              `"•••• (6)"`,
		`{"code":1} x`:                                        `"•••• (12)"`,
		`{"query":"query 061Abc"}`:                            `{"query":"•••• (12)"}`,
	} {
		got, err := json.Marshal(maskBody("application/json", []byte(input)))
		require.NoError(t, err)
		assert.JSONEq(t, want, string(got), input)
	}
}

func TestMaskForm(t *testing.T) {
	t.Parallel()
	const form = "--b\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\nsecret\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"061AbcDef\"\r\n\r\nx\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"13800000001.png\"\r\n\r\n\x89PNG\r\n\x1a\n123"
	contentType := "multipart/form-data; boundary=b"
	assert.Equal(t, map[string]any{"token": "•••• (6)", "•••• (9)": "•••• (1)", "file": "image/png, 11 bytes"},
		maskBody(contentType, []byte(form+"\r\n--b--\r\n")))
	assert.Equal(t, "image/png, 11 bytes or more", maskCall(contentType, []byte(form)).(map[string]any)["file"])
	assert.Empty(t, maskBody("multipart/form-data", []byte("secret")))
}

func TestMaskCall(t *testing.T) {
	t.Parallel()
	for input, want := range map[string]string{
		`{"query":"query user($id: String!) { user }","variables":{"id":"u","code":200,"message":"m"}}`: `{"query":"query user","variables":{"id":"•••• (1)","code":"•••• (3)","message":"•••• (1)"}}`,
		`{"query":"{ user(id: \"u\") }","variables":null,"other":1}`:                                    `{"query":"•••• (17)"}`,
		`{"iv":"x"}`: `{"iv":"•••• (1)"}`,
		`[]`:         `[]`,
		``:           `null`,
	} {
		got, err := json.Marshal(maskCall("application/json", []byte(input)))
		require.NoError(t, err)
		assert.JSONEq(t, want, string(got), input)
	}
}

func TestMaskPath(t *testing.T) {
	t.Parallel()
	for input, want := range map[string]string{
		"/graphql":                     "/graphql",
		"/oauth/wechatapp/auth/p00l":   "/oauth/wechatapp/auth/p00l",
		"/oauth/wechatapp/auth/0ther":  "/oauth/wechatapp/auth/•••• (5)",
		"/send_smscode/13800000001/p0": "/send_smscode/•••• (11)/•••• (2)",
		"/demo/phones/12/tap":          "/demo/phones/12/tap",
		"/":                            "/",
	} {
		assert.Equal(t, want, maskPath(input, "p00l"))
	}
}
