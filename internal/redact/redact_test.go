package redact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLine(t *testing.T) {
	t.Parallel()
	secrets := New([]string{"ab<cdefghij>k", "x", "061Abc+Def/Ghij", "Ok", "Wx9z"}, "https://oauth.authing.cn/x")
	for text, want := range map[string]string{
		"got ab<cdefghij>k":                                   "got [redacted]",
		`got ab\u003ccdefghij\u003ek`:                         `got ab\u003c[redacted]\u003ek`,
		"x of ab":                                             "x of ab",
		"see https://oauth.authing.cn/x":                      "see [redacted]",
		"the oauth of authing":                                "the oauth of authing",
		"手机号 13812345678 已绑定":                                 "手机号 [redacted] 已绑定",
		"+8613812345678, 138-1234-5678":                       "[redacted], [redacted]",
		"to ann.b+c@mail.example.com":                         "to [redacted]",
		"rid: 65a1b2c3-12345678-0f0f0f0f":                     "rid: 65a1b2c3-12345678-0f0f0f0f",
		"tel13812345678, 手机１３８１２３４５６７８":                       "tel[redacted], 手机[redacted]",
		"138\t1234\t5678 (138)1234.5678":                      "[redacted]",
		"138\u00a01234\u00a05678, 138–1234–5678":              "[redacted], [redacted]",
		"[138]1234-5678, 【138】12345678, 138_1234_5678":        "[redacted], [redacted], [redacted]",
		"token%3Dabc&x=1, token：abc":                          "token%3D[redacted]&x=1, token：[redacted]",
		"o'neil@example.com 张三@例子.公司":                         "[redacted] [redacted]",
		"GOT AB<CDEFGHIJ>K":                                   "GOT [redacted]",
		"session_key=abc123== token: x.y.z":                   "session_key=[redacted] token: [redacted]",
		`{"secret":"s","Authorization":"Bearer abc"}`:         `{"secret":"[redacted]","Authorization":"Bearer [redacted]"}`,
		"a whole Wx9z or aWx9zb":                              "a whole [redacted] or a[redacted]b",
		"sent with Bearer a.b.c":                              "sent with Bearer [redacted]",
		"openid oUpF8uMuAJO_M2pxb1Q9zNjWeS6o":                 "openid [redacted]",
		"key 0123456789abcdef0123456789abcdef":                "key [redacted]",
		"cannot decrypt with tiihtNczfxvyAKRyjwEUhQ==":        "cannot decrypt with [redacted]",
		"or QbGnYw-ZdPuKxhRtVfAos":                            "or [redacted]",
		"the longlowercasetext==, ONLY/CAPITALS/HERE==":       "the longlowercasetext==, ONLY/CAPITALS/HERE==",
		"no wechatMiniProgramCodeAndPhonePayload":             "no wechatMiniProgramCodeAndPhonePayload",
		"2026: UserRegistrationDisabled":                      "2026: UserRegistrationDisabled",
		"getNewAccessTokenByRefreshToken":                     "getNewAccessTokenByRefreshToken",
		"only OIDC/SAML/LDAP.LoginURL":                        "only OIDC/SAML/LDAP.LoginURL",
		"https://users.authing.cn/oauth/wechatapp/GetPhone":   "https://users.authing.cn/oauth/wechatapp/GetPhone",
		"令牌：abc12345 无效, 密钥: s3cr3tK3y, 秘钥=abc":               "令牌：[redacted] 无效, 密钥: [redacted], 秘钥=[redacted]",
		"口令：abc, 凭证: abc, 票据＝abc":                             "口令：[redacted], 凭证: [redacted], 票据＝[redacted]",
		"user 5e00000000000000000000a1":                       "user 5e00000000000000000000a1",
		"at 2020-02-27 05:33:20 from 192.168.100.200":         "at 2020-02-27 05:33:20 from 192.168.100.200",
		"Cannot POST /oauth/wechatapp/phone/5e4cdd":           "Cannot POST /oauth/wechatapp/phone/5e4cdd",
		"an ok is no ok9":                                     "an [redacted] is no ok9",
		"two\r\nlines\x1b[31m\ufffd":                          "two  lines [31m ",
		strings.Repeat("长", 301):                              strings.Repeat("长", 300) + "…",
		"code 061Abc+Def/Ghij, again 061Abc%2BDef":            "code [redacted], again 061Abc%2BDef",
		"tel +86 138 0000 0000 taken":                         "tel [redacted] taken",
		"138/1234/5678, 138·1234·5678, 138\u200b12345678":     "[redacted], [redacted], [redacted]",
		"at 2020/2/27 05:33:20":                               "at 2020/2/27 05:33:20",
		"2019-11-20 13800138000 is taken":                     "2019-11-20 [redacted] is taken",
		"2026/11/28 138 0013 8000":                            "2026/11/28 [redacted]",
		"2019-11-20,2019-11-21 20:20:25.123":                  "2019-11-20,2019-11-21 20:20:25.123",
		"2019-11-20 20:20:25, 2019-11-20T20:20:25.123Z":       "2019-11-20 20:20:25, 2019-11-20T20:20:25.123Z",
		"138,0013,8000, 138%200013%208000, 138+0013+8000":     "[redacted], [redacted], [redacted]",
		"138，0013，8000, 138、0013、8000":                        "[redacted], [redacted]",
		"codes 2001,2002,2003 and 40029,40163":                "codes 2001,2002,2003 and 40029,40163",
		"2020-05-01T12:00:00.123+0000, (2019-11-20 20:20:25)": "2020-05-01T12:00:00.123+0000, (2019-11-20 20:20:25)",
		"令牌：已失效，请重新登录, 密码：abc，请":                              "令牌：已失效，请重新登录, 密码：[redacted]，请",
		`on field "y". Did you mean "@z"? {"error":"@bad"}`:   `on field "y". Did you mean "@z"? {"error":"@bad"}`,
		`the "phone" and "@openid" fields`:                    `the "phone" and "@openid" fields`,
		"1,2,3,4,5,6,7,8,9,10 from 10.0.0.1,192.168.100.200":  "1,2,3,4,5,6,7,8,9,10 from 10.0.0.1,192.168.100.200",
		`{"to":"\"john doe\"@b.example"}, j@[192.168.0.1]`:    `{"to":"\[redacted]"}, [redacted]`,
		"j@[IPv6:2001:db8::1], email=j@b.example":             "[redacted], email=[redacted]",
		`a%40b.example a\u0040b.example a!b@b.example`:        "[redacted] [redacted] [redacted]",
		"Authorization: Basic YTpi, authorization=Digest abc": "Authorization: Basic [redacted], authorization=Digest [redacted]",
		`{"detail":"{\"session_key\":\"abc\u003cdef\"}"}`:     `{"detail":"{\"session_key\":\"[redacted]"}"}`,
		"session key: abc, x-api-key: abc, pwd=abc, 密码：abc":   "session key: [redacted], x-api-key: [redacted], pwd=[redacted], 密码：[redacted]",
		"Set-Cookie: sid=abc; token => abc, credential=abc":   "Set-Cookie: [redacted]; token => [redacted], credential=[redacted]",
	} {
		assert.Equal(t, want, secrets.Line(text))
	}
}

// A message may be as long as a response, and then is only looked at as far as it is shown.
func TestLineOfALongText(t *testing.T) {
	const limit, size = 300, 1 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	assert.Equal(t, strings.Repeat("a ", limit/2)+"…", New(nil).Line(strings.Repeat("a ", size/2)))
	runtime.ReadMemStats(&after)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(2*size), "the text itself is half of that")

	secret := strings.Repeat("x ", 4<<10)
	long := New([]string{secret})
	assert.Equal(t, "[redacted]…", long.Line(secret+strings.Repeat(" ", 7<<10)+secret))
	assert.Equal(t, "[redacted]…", long.Line(secret+"and "+secret+secret))
	assert.Equal(t, "…", New([]string{secret + secret + secret}).Line(secret+secret+secret))
}

func TestStrings(t *testing.T) {
	t.Parallel()
	found := Strings([]byte(`{"query":"skipped","variables":{"a":"1","list":["2",{"b":"3"}],"n":4},"c":"5"}`), "query")
	slices.Sort(found)
	assert.Equal(t, []string{"1", "2", "3", "5"}, found)
	assert.Empty(t, Strings([]byte("not JSON"), ""))
	assert.Empty(t, Strings(nil, ""))
}

func TestError(t *testing.T) {
	t.Parallel()
	secrets := New([]string{"s3cr3t-token"})
	require.NoError(t, secrets.Error(nil))
	for _, harmless := range []error{io.EOF, fmt.Errorf("read: %w", io.EOF)} {
		assert.Same(t, harmless, secrets.Error(harmless))
	}
	assert.Equal(t, quiet{}, secrets.Error(quiet{}), "an error that wraps nothing")
	for _, ended := range []error{context.Canceled, context.DeadlineExceeded} {
		assert.Equal(t, ended, secrets.Error(fmt.Errorf("sending s3cr3t-token: %w", ended)))
	}
	inner := errors.New("sent s3cr3t-token")
	for _, showing := range []error{
		inner,
		fmt.Errorf("sending: %w", inner),
		errors.Join(io.EOF, inner),
		quiet{inner},
		quietJoin{io.EOF, inner},
		errors.New("for 13812345678"),
		errors.New(`malformed HTTP response "x-token: s3cr3t-of-the-service"`),
		errors.New("malformed MIME header line: x-token s3cr3t-of-the-service"),
		errors.New(`net/http: HTTP/1.x transport connection broken: bad Content-Length "s3cr3t"`),
		errors.New(`malformed HTTP status code "s3cr3t"`),
		errors.New(`malformed MIME header: missing colon: "s3cr3t and more"`),
		errors.New(`http: message cannot contain multiple Content-Length headers; got ["1" "s3cr3t"]`),
		errors.New("too many transfer encodings: [\"s3cr3t\"]"),
		fmt.Errorf("reading: %w", errors.New(`unsupported transfer encoding: "s3cr3t"`)),
	} {
		err := secrets.Error(showing)
		assert.NotContains(t, err.Error(), "s3cr3t")
		assert.NotContains(t, err.Error(), "138")
		assert.NotErrorIs(t, err, inner)
		assert.NotEmpty(t, err.Error())
	}
}

// quiet hides in its own text what the error inside says.
type quiet struct{ error }

func (quiet) Error() string   { return "failed" }
func (q quiet) Unwrap() error { return q.error }

type quietJoin []error

func (quietJoin) Error() string     { return "failed" }
func (q quietJoin) Unwrap() []error { return q }

func FuzzLine(f *testing.F) {
	f.Add("got s3cr3t-token", "s3cr3t-token")
	f.Add("\x00\n\xff", "abc")
	f.Fuzz(func(t *testing.T, text, secret string) {
		line := New([]string{secret}).Line(text)
		assert.False(t, strings.ContainsFunc(line, unicode.IsControl), "%q", line)
		assert.LessOrEqual(t, utf8.RuneCountInString(line), 301)
		secret = printable(secret)
		if len(secret) >= 4 && !strings.Contains(Mark, secret) && !strings.Contains(secret, Mark) {
			// A secret may only reappear where the mark's own letters complete it.
			assert.NotContains(t, strings.ReplaceAll(line, Mark, "\n"), secret)
		}
	})
}
