package authing_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/internal/testkit"
)

func TestBadInputSendsNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		code string
		edit func(*authing.Detail)
		text string // cause and next step
	}{
		{"empty code", "", nil, "the code is empty: call wx.login before the tap and post its code"},
		{"space in code", "the code is a mock one", nil, "developer tools without an AppID return a placeholder text"},
		{"trailing newline in code", code + "\n", nil, "the code contains white space or control characters: post the code from wx.login unchanged"},
		{"full-width space in code", "061\u3000", nil, "white space"},
		{"NUL in code", "061\x00", nil, "control characters"},
		{"invalid UTF-8 in code", "061\xff", nil, "control characters"},
		{"no iv", code, func(d *authing.Detail) { d.IV = "" }, "iv is missing: let the page post e.detail unchanged"},
		{"no data", code, func(d *authing.Detail) { d.EncryptedData = "" }, "encryptedData is missing: let the page post e.detail unchanged"},
		{
			"space for plus", code, func(d *authing.Detail) { d.EncryptedData = strings.ReplaceAll(d.EncryptedData, "+", " ") },
			"encryptedData contains spaces instead of plus signs: it was decoded as a form, post it as JSON",
		},
		{"space in iv", code, func(d *authing.Detail) { d.IV = " " + d.IV }, "iv contains spaces"},
		{
			"percent-encoded data", code, func(d *authing.Detail) { d.EncryptedData = strings.ReplaceAll(d.EncryptedData, "+", "%2B") },
			"encryptedData is percent-encoded: post it as JSON, unchanged",
		},
		{"percent-encoded iv", code, func(d *authing.Detail) { d.IV = strings.ReplaceAll(d.IV, "=", "%3D") }, "iv is percent-encoded"},
		{
			"URL-safe base64", code, func(d *authing.Detail) {
				d.EncryptedData = strings.NewReplacer("+", "-", "/", "_").Replace(d.EncryptedData)
			},
			"encryptedData is not standard base64: post e.detail unchanged",
		},
		{"newline in data", code, func(d *authing.Detail) { d.EncryptedData += "\n" }, "encryptedData is not standard base64"},
		{"newline in iv", code, func(d *authing.Detail) { d.IV = d.IV[:8] + "\r\n" + d.IV[8:] }, "iv is not standard base64"},
		{"no padding", code, func(d *authing.Detail) { d.IV = strings.TrimRight(d.IV, "=") }, "iv is not standard base64"},
		{"iv of 15 bytes", code, func(d *authing.Detail) { d.IV = "EBESExQVFhcYGRobHB0e" }, "iv is 15 bytes long, not 16: post e.detail unchanged"},
		{"iv of 17 bytes", code, func(d *authing.Detail) { d.IV = "EBESExQVFhcYGRobHB0eHyA=" }, "iv is 17 bytes long"},
		{
			"data cut", code, func(d *authing.Detail) { d.EncryptedData = d.EncryptedData[:len(d.EncryptedData)-4] },
			"encryptedData is not a whole number of 16-byte blocks, it was cut: post e.detail unchanged",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			eachCodeCall(t, func(t *testing.T, call codeCall) {
				client, got := setup(t, 200, call.response)
				detail := call.detail
				if tt.edit != nil {
					tt.edit(&detail)
				}
				_, err := call.do(context.Background(), client.As(token), tt.code, detail)
				wantRejected(t, err, got)
				assert.ErrorContains(t, err, "authing: "+call.op+": ")
				assert.ErrorContains(t, err, tt.text)
				for _, secret := range []string{code, detail.IV, detail.EncryptedData} {
					if secret != "" {
						assert.NotContains(t, err.Error(), secret)
					}
				}
			})
		})
	}
}

// The length is checked without decoding, which must not accept anything that encoding/base64 does not.
func TestBase64IsCheckedLikeEncodingBase64(t *testing.T) {
	t.Parallel()
	const alphabet = "AZaz09+/=-_.\x00é"
	random := rand.New(rand.NewPCG(1, 2))
	texts := []string{"=", "==", "===", "====", "A===", "AA==", "AAA=", "AAAA", "AAAA=", "AA=A", "=AAA", "AB==", "AAAA====", "AAAAAA=="}
	for range 20_000 {
		digits := make([]byte, 1+random.IntN(12))
		for i := range digits {
			digits[i] = alphabet[random.IntN(len(alphabet))]
			if random.IntN(3) > 0 {
				digits[i] = 'A'
			}
		}
		texts = append(texts, string(digits))
	}
	client, last := stub(t, 200, phoneResponse)
	accepted := 0
	for _, text := range texts {
		want := "iv is not standard base64"
		if decoded, err := base64.StdEncoding.DecodeString(text); err == nil {
			want = fmt.Sprintf("iv is %d bytes long, not 16", len(decoded))
			accepted++
		}
		_, err := client.Decrypt(context.Background(), code, encryptedData, text)
		require.ErrorContains(t, err, want, "%q", text)
	}
	assert.Nil(t, *last)
	assert.Greater(t, accepted, 1000)
}

// WeChat allows control characters in nicknames.
func TestFreeTextIsSentAsItIs(t *testing.T) {
	t.Parallel()
	const text = "\x00 \a\t\r\n\x1b\x7f\u0085 安\u202e"
	for name, tt := range map[string]struct {
		do   func(context.Context, *authing.Client)
		want string // the variables, with ? for the text
	}{
		"Update": {
			func(ctx context.Context, c *authing.Client) {
				s := authing.Ptr(text)
				c.Update(ctx, "u1", authing.UserUpdate{
					Nickname: s, Company: s, Photo: s, Browser: s, LastIP: s, TokenExpiredAt: s, LastLogin: s, SignedUp: s,
				})
			},
			`{"_id":"u1","registerInClient":"` + pool + `","nickname":?,"company":?,"photo":?,"browser":?,"lastIP":?,
				"tokenExpiredAt":?,"lastLogin":?,"signedUp":?}`,
		},
		"Register": {
			func(ctx context.Context, c *authing.Client) {
				c.Register(ctx, authing.RegisterParams{
					Username: "ann", Nickname: text, Photo: text, OAuth: text, RegisterMethod: text, LastIP: text,
				})
			},
			`{"username":"ann","registerInClient":"` + pool + `","nickname":?,"photo":?,"oauth":?,"registerMethod":?,"lastIP":?}`,
		},
		"Login": {
			func(ctx context.Context, c *authing.Client) {
				c.Login(ctx, authing.LoginParams{Username: "ann", LastIP: text})
			},
			`{"username":"ann","registerInClient":"` + pool + `","lastIP":?}`,
		},
		"LoginByLDAP": {
			func(ctx context.Context, c *authing.Client) { c.LoginByLDAP(ctx, "ann", text) },
			`{"username":"ann","clientId":"` + pool + `","password":?}`,
		},
		"SetMetadata": {
			func(ctx context.Context, c *authing.Client) { c.SetMetadata(ctx, "u1", "k", text) },
			`{"input":{"_id":"u1","key":"k","value":?}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, got := setup(t, 200, `{}`)
			tt.do(t.Context(), client.As(token))
			quoted, err := json.Marshal(text)
			require.NoError(t, err)
			var sent struct{ Variables json.RawMessage }
			require.NoError(t, json.Unmarshal([]byte(got.Only(t).Body), &sent))
			assert.JSONEq(t, strings.ReplaceAll(tt.want, "?", string(quoted)), string(sent.Variables))
		})
	}
}

// encoding/json would replace invalid UTF-8 silently, and so change a password or a stored value.
func TestInvalidUTF8SendsNothing(t *testing.T) {
	t.Parallel()
	c, got := setup(t, 200, "")
	c = c.As(token)
	ctx := context.Background()
	wantRejections(t, got, []rejection{
		{errorOf(c.SetMetadata(ctx, "u1", "k", "a\xffb")), "the value is not valid UTF-8"},
		{errorOf(c.Update(ctx, "u1", authing.UserUpdate{Nickname: authing.Ptr("a\xff")})), "the nickname is not valid UTF-8"},
		{errorOf(c.Register(ctx, authing.RegisterParams{Email: "a@b.c", Nickname: "\xff"})), "the nickname is not valid UTF-8"},
		{errorOf(c.Register(ctx, authing.RegisterParams{Email: "a@b.c", Photo: "\xff"})), "the photo is not valid UTF-8"},
		{errorOf(c.Register(ctx, authing.RegisterParams{Email: "a@b.c", RegisterMethod: "\xff"})), "the register method is not valid UTF-8"},
		{errorOf(c.Register(ctx, authing.RegisterParams{Email: "a@b.c", LastIP: "\xff"})), "the last IP is not valid UTF-8"},
		{errorOf(c.Login(ctx, authing.LoginParams{Email: "a@b.c", LastIP: "\xff"})), "the last IP is not valid UTF-8"},
		{errorOf(c.LoginByLDAP(ctx, "lin", "pa\xffss")), "the password is not valid UTF-8"},
		{errorOf(c.Register(ctx, authing.RegisterParams{Email: "a@b.c", OAuth: "\xff"})), "the OAuth text is not valid UTF-8"},
		{errorOf(c.Login(ctx, authing.LoginParams{Email: "a@b.c", Password: "\xff"})), "the password is not valid UTF-8"},
	})
}

// The phone number is the only argument that becomes part of a URL.
func FuzzSegment(f *testing.F) {
	for _, value := range testkit.HostileValues() {
		f.Add(value)
	}
	f.Add("+86 138")
	f.Fuzz(func(t *testing.T, phone string) {
		client, last := stub(t, 200, `{"code":200}`)
		err := client.GetVerificationCode(context.Background(), phone)
		if err != nil {
			assert.ErrorIs(t, err, authing.ErrInvalidArgument)
			assert.Nil(t, *last)
			return
		}
		sent := (*last).URL
		assert.Equal(t, "https", sent.Scheme)
		assert.Equal(t, "users.authing.cn", sent.Host)
		assert.Nil(t, sent.User)
		assert.Empty(t, sent.Fragment)
		segments := strings.Split(sent.RequestURI(), "/")
		require.Len(t, segments, 4)
		got, err := url.PathUnescape(segments[2])
		assert.NoError(t, err)
		assert.Equal(t, []string{"", "send_smscode", phone, pool}, []string{segments[0], segments[1], got, segments[3]})
	})
}
