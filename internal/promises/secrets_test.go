package promises_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/authing-wxapp/authing"
)

// leakSearch searches texts for canaries and counts the searches, so that a test can check how thorough it was.
type leakSearch struct{ searches atomic.Int64 }

// report checks that the test and its subtests make more than that many searches.
func (s *leakSearch) report(t *testing.T, least int64) {
	t.Helper()
	t.Cleanup(func() {
		t.Logf("searched for secrets %d times", s.searches.Load())
		assert.Greater(t, s.searches.Load(), least)
	})
}

// text searches a text for every canary. Half of a long secret is also a leak.
func (s *leakSearch) text(t *testing.T, where, text string) {
	t.Helper()
	for name, secret := range canaries {
		parts := []string{secret}
		if half := len(secret) / 2; half >= 12 {
			parts = []string{secret[:half], secret[half:]}
		}
		for _, part := range parts {
			s.searches.Add(1)
			if strings.Contains(text, part) {
				t.Errorf("%s shows the %s: %s", where, name, text)
			}
		}
	}
}

// value searches everything that a program could print or log of v.
func (s *leakSearch) value(t *testing.T, what string, v any) {
	t.Helper()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		s.text(t, what+" under "+verb, fmt.Sprintf(verb, v))
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("shown", "value", v, slog.Group("group", "value", v))
	slog.New(slog.NewJSONHandler(&log, nil)).Info("shown", "value", v, slog.Group("group", "value", v))
	s.text(t, what+" in a log", log.String())
}

// failure searches an error and everything that it wraps.
func (s *leakSearch) failure(t *testing.T, err error) {
	t.Helper()
	s.value(t, "the error", err)
	text, jsonErr := json.Marshal(err)
	require.NoError(t, jsonErr)
	s.text(t, "the error as JSON", string(text))
	s.layers(t, err)
}

func (s *leakSearch) layers(t *testing.T, err error) {
	t.Helper()
	s.text(t, fmt.Sprintf("a layer, %T,", err), err.Error())
	s.value(t, fmt.Sprintf("a layer, %T,", err), err)
	switch wrapper := err.(type) { //nolint:errorlint // each layer is looked at by itself
	case interface{ Unwrap() error }:
		if inner := wrapper.Unwrap(); inner != nil {
			s.layers(t, inner)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range wrapper.Unwrap() {
			s.layers(t, inner)
		}
	}
}

// seen is a request, which a server, a proxy or a transport could quote, and the response to it that would be a success.
type seen struct{ url, path, authorization, body, success string }

func see(r *http.Request, success string) seen {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	return seen{r.URL.String(), r.URL.RequestURI(), r.Header.Get("Authorization"), string(body), success}
}

func (s seen) String() string { return s.url + " " + s.authorization + " " + s.body }

// field is the field in a GraphQL success.
func (s seen) field() string {
	_, member, _ := strings.Cut(s.success, `{"data":{"`)
	field, _, _ := strings.Cut(member, `"`)
	return field
}

// quoted is the request as a JSON string.
func (s seen) quoted() string {
	text, _ := json.Marshal(s.String())
	return string(text)
}

// indiscretion is a failure that quotes what was sent.
type indiscretion struct {
	name    string
	respond func(s seen) (status int, body string, err error)
}

func (i indiscretion) String() string { return i.name }

func saying(name string, status int, body func(s seen) string) indiscretion {
	return indiscretion{name, func(s seen) (int, string, error) { return status, body(s), nil }}
}

func breaking(name string, err func(s seen) error) indiscretion {
	return indiscretion{name, func(s seen) (int, string, error) { return 0, "", err(s) }}
}

// opaque is an error that says nothing itself but wraps one that says everything.
type opaque struct{ inner error }

func (opaque) Error() string   { return "the transport failed" }
func (o opaque) Unwrap() error { return o.inner }

var indiscretions = []indiscretion{
	saying("message", 200, func(s seen) string { return `{"code":2004,"statusCode":403,"message":` + s.quoted() + `}` }),
	saying("message with a 500", 500, func(s seen) string { return `{"code":500,"statusCode":500,"message":` + s.quoted() + `}` }),
	saying("message with a 429", 429, func(s seen) string { return `{"code":500,"statusCode":500,"message":` + s.quoted() + `}` }),
	saying("object as message", 200, func(s seen) string { return `{"code":2004,"statusCode":403,"message":{"said":` + s.quoted() + `}}` }),
	saying("list as message", 200, func(s seen) string { return `{"code":2004,"statusCode":403,"message":[` + s.quoted() + `]}` }),
	saying("long message", 200, func(s seen) string {
		long, _ := json.Marshal(strings.Repeat("x", 290) + s.String())
		return `{"code":2004,"statusCode":403,"message":` + string(long) + `}`
	}),
	saying("message of an incomplete success", 200, func(s seen) string { return `{"code":200,"statusCode":200,"message":` + s.quoted() + `}` }),
	saying("data", 200, func(s seen) string { return `{"code":2004,"statusCode":403,"message":"no","data":` + s.quoted() + `}` }),
	saying("WeChat error in data", 200, func(s seen) string {
		return `{"code":500,"statusCode":500,"message":"no","data":{"errcode":40029,"errmsg":` + s.quoted() + `}}`
	}),
	saying("GraphQL error", 200, func(s seen) string { return `{"errors":[{"message":` + s.quoted() + `}],"data":null}` }),
	saying("GraphQL error with a code", 200, func(s seen) string {
		return `{"errors":[{"message":{"code":2004,"statusCode":403,"message":` + s.quoted() + `,"data":` + s.quoted() + `}}],"data":null}`
	}),
	saying("code", 200, func(s seen) string { return `{"code":` + s.quoted() + `}` }),
	saying("HTML", 200, func(s seen) string { return "<html>" + s.String() }),
	saying("HTML with a 502", 502, func(s seen) string { return "<html>" + s.String() }),
	saying("JSON string", 200, func(s seen) string { return s.quoted() }),
	saying("plain text", 200, func(s seen) string { return s.String() }),
	saying("redirect page", 302, func(s seen) string { return "<a href=" + s.url + ">" + s.String() }),
	saying("text instead of a flag", 200, func(s seen) string {
		return `{"code":200,"statusCode":200,"data":{"_id":"1","token":"` + canaryUserToken + `","blocked":` + s.quoted() + `,"watermark":` + s.quoted() + `}}`
	}),
	saying("text instead of a number", 200, func(s seen) string {
		return `{"code":200,"statusCode":200,"data":{"_id":"1","token":"` + canaryUserToken + `","loginsCount":` + s.quoted() + `,"gender":` + s.quoted() + `}}`
	}),
	saying("number instead of text", 200, func(s seen) string {
		return `{"code":200,"statusCode":200,"data":{"_id":"1","token":` + canaryPhone[1:] + `,"openId":` + canaryUserPhone + `,"phoneNumber":` + canaryUserPhone + `}}`
	}),
	saying("number instead of a flag", 200, func(s seen) string {
		return `{"code":200,"statusCode":200,"data":{"blocked":` + canaryUserPhone + `,"watermark":` + canaryUserPhone + `}}`
	}),
	saying("cut", 200, func(s seen) string { return `{"code":200,"statusCode":200,"message":` + s.quoted()[:len(s.quoted())-1] }),
	saying("invalid UTF-8", 200, func(s seen) string { return `{"code":200,"statusCode":200,"message":"` + "\xff" + s.String() }),
	saying("half a success", 200, func(s seen) string { return s.success[:len(s.success)-2] }),
	saying("success with a 500", 500, func(s seen) string { return s.success }),
	saying("success with trailing text", 200, func(s seen) string { return s.success + s.String() }),
	saying("success of another operation", 200, func(s seen) string { return graphqlData("another", s.quoted()) }),
	saying("several GraphQL errors", 200, func(s seen) string {
		return `{"errors":[` + s.quoted() + `,{"message":` + s.quoted() + `},{"extensions":` + s.quoted() +
			`},{"message":{"code":2005,"message":` + s.quoted() + `}}]}`
	}),
	saying("text instead of a result", 200, func(s seen) string { return graphqlData(s.field(), s.quoted()) }),
	saying("text instead of any type", 200, func(s seen) string {
		return graphqlData(s.field(), `{"blocked":`+s.quoted()+`,"status":`+s.quoted()+`,"list":`+s.quoted()+
			`,"OAuthApps":`+s.quoted()+`,"when":[`+s.quoted()+`]}`)
	}),
	saying("acknowledgement", 200, func(s seen) string {
		return graphqlData(s.field(), `{"code":2300,"message":`+s.quoted()+`,"status":false}`)
	}),
	saying("storage error", 401, func(s seen) string { return `{"error":` + s.quoted() + `}` }),
	saying("OpenID Connect error", 400, func(s seen) string {
		return `{"error":"invalid_grant","error_description":` + s.quoted() + `}`
	}),
	saying("storage key", 200, func(s seen) string { return `{"key":["` + s.quoted() + `]}` }),

	breaking("error", func(s seen) error { return fmt.Errorf("cannot send %v", s) }),
	breaking("error with only the path", func(s seen) error { return errors.New("cannot send " + s.path) }),
	breaking("error, quoted", func(s seen) error { return fmt.Errorf("cannot send %q", s) }),
	breaking("error of net/url", func(s seen) error { return &url.Error{Op: "Post", URL: s.url, Err: errors.New(s.String())} }),
	breaking("wrapped error of net/url", func(s seen) error {
		return fmt.Errorf("sending %v: %w", s, &url.Error{Op: "Post", URL: s.String(), Err: errors.New(s.body)})
	}),
	breaking("two errors", func(s seen) error { return errors.Join(errors.New("one"), errors.New(s.String())) }),
	breaking("two wrapped errors", func(s seen) error { return fmt.Errorf("%w, %w", errors.New("one"), errors.New(s.String())) }),
	breaking("name not found", func(s seen) error { return &net.DNSError{Err: "no such host " + s.String(), Name: s.url} }),
	breaking("refused connection", func(s seen) error { return &net.OpError{Op: "dial", Net: "tcp", Err: errors.New(s.String())} }),
	breaking("canceled", func(s seen) error { return fmt.Errorf("%v: %w", s, context.Canceled) }),
	breaking("timeout", func(s seen) error { return fmt.Errorf("%v: %w", s, context.DeadlineExceeded) }),
	breaking("malformed response", func(seen) error {
		return fmt.Errorf("malformed HTTP response %q", canaryEmail+" "+canaryUserPhone)
	}),
	breaking("opaque error", func(s seen) error { return opaque{errors.New(s.String())} }),
	breaking("opaque error of net/url", func(s seen) error { return opaque{&url.Error{Op: "Post", URL: s.url, Err: errors.New(s.body)}} }),
}

// brokenBody fails with err after its first part.
type brokenBody struct {
	io.Reader
	err error
}

func (b *brokenBody) Read(p []byte) (int, error) {
	if n, err := b.Reader.Read(p); err == nil {
		return n, nil
	}
	return 0, b.err
}

func (*brokenBody) Close() error { return nil }

// promiseNothing are the methods that take any success.
var promiseNothing = []string{
	"GetVerificationCode", "CheckLoginStatus", "v3 GetVerificationCode", "v3 SendEmailCode", "v3 BindPhone", "v3 BindWxapp", "v3 Logout",
	"v3 DeleteAccount, request 2",
}

func TestSecretsInFailures(t *testing.T) {
	t.Parallel()
	search := &leakSearch{}
	search.report(t, 50_000)
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		eachCell(t, indiscretions, func(t *testing.T, i indiscretion) {
			var (
				log     bytes.Buffer
				request seen
			)
			client := clientOver(t, m.prepared(func(r *http.Request) (*http.Response, error) {
				request = see(r, m.responses[m.step])
				status, body, err := i.respond(request)
				if err != nil {
					return nil, err
				}
				return newResponse(status, body), nil
			}), withLogger(slog.New(slog.NewJSONHandler(&log, nil))))

			result, err := m.call(context.Background(), client)

			require.NotEmpty(t, log.String())
			search.text(t, "the log", log.String())
			for _, secret := range m.sends {
				assert.Contains(t, request.String(), asSent(secret), "a secret that was not sent proves nothing")
			}
			if err == nil { // a call that promises nothing, and one for which a refusal is a result
				if !strings.Contains(i.String(), " instead of ") { // odd fields cost nothing
					assert.Contains(t, promiseNothing, m.String())
				}
				return
			}
			assert.Nil(t, result)
			search.failure(t, err)
			assert.NotContains(t, err.Error(), request.url)
			switch i.name {
			case "canceled":
				require.ErrorIs(t, err, context.Canceled)
			case "timeout":
				require.ErrorIs(t, err, context.DeadlineExceeded)
			case "malformed response":
				require.ErrorContains(t, err, "malformed HTTP response")
			}
		})
	})
}

// A service may echo what it was sent. The error's text shows the rest of the message, and its fields show all of it.
func TestSecretsAreRedactedInMessages(t *testing.T) {
	t.Parallel()
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		var secrets []string
		for _, secret := range m.sends {
			if secret != userID && secret != canaryImage[8:] {
				secrets = append(secrets, secret)
			}
		}
		said := "bad " + strings.Join(secrets, " ") + " end"
		client, _ := m.setupFailing(t, httpmock.NewStringResponder(400,
			`{"code":1000,"statusCode":400,"message":`+asJSON(t, said)+`,"error":`+asJSON(t, said)+`,"data":`+asJSON(t, said)+`}`))

		_, err := m.call(context.Background(), client)

		assert.ErrorContains(t, err, "bad"+strings.Repeat(" [redacted]", len(secrets))+" end (")
		var e *authing.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, said, e.Message)
		switch {
		case m.v3: // some endpoints have no envelope, so that their data is everything
			assert.Contains(t, string(e.Data), asJSON(t, said))
		case m.step == 1: // the storage gives no code and no data
			assert.Contains(t, string(e.Body), asJSON(t, said))
		default:
			assert.Equal(t, asJSON(t, said), string(e.Data))
		}
	})
}

// However a program prints, logs or encodes an error, by itself or inside something else, the service's own words do not show.
func TestSecretsInPrintedErrors(t *testing.T) {
	t.Parallel()
	search := &leakSearch{}
	search.report(t, 10_000)
	failed := func(body string) *authing.Error {
		client, _ := setup(t, http.StatusOK, body)
		_, err := client.LoginWithWxapp(context.Background(), canaryCode, canaryDetail("getUserInfo:ok"))
		var e *authing.Error
		require.ErrorAs(t, err, &e)
		return e
	}
	said := asJSON(t, canaryCode+" "+canaryUserPhone)
	for name, e := range map[string]*authing.Error{
		"refusal":      failed(`{"code":2004,"message":` + said + `,"data":` + said + `,"more":` + said + `}`),
		"bad response": failed("<html>" + said),
		"caller's own": {
			Op: "VerifyToken", Message: canaryUserPhone, Data: json.RawMessage(said), Body: []byte(canaryNickName),
			Err: errors.Join(authing.ErrLoginRequired, errors.New("session "+canaryUserToken)),
		},
	} {
		require.Contains(t, e.Message+string(e.Data)+string(e.Body), canaryUserPhone, "nothing to hide")
		type holder struct {
			Value   authing.Error
			Pointer *authing.Error
			Err     error
		}
		inside := holder{*e, e, e}
		for what, v := range map[string]any{
			"pointer": e, "value": *e, "pointer to a pointer": &e,
			"struct": inside, "pointer to a struct": &inside, "structs": []holder{inside}, "map of structs": map[string]holder{"k": inside},
			"slice of values": []authing.Error{*e}, "slice of pointers": []*authing.Error{e}, "slice of errors": []error{e},
			"map of values": map[string]authing.Error{"k": *e}, "map of errors": map[string]error{"k": e}, "slice of any": []any{e, *e},
		} {
			what = name + ", " + what
			search.value(t, what, v)
			for _, verb := range "bcdegoOtTUxX" { // for which fmt does not call Error
				search.text(t, what+" under %"+string(verb), fmt.Sprintf("%"+string(verb), v))
			}
			search.text(t, what+" as JSON", asJSON(t, v))
		}
		search.value(t, name+", wrapped", fmt.Errorf("sign-in: %w", e))
		search.value(t, name+", joined", errors.Join(e, e))
		// fmt calls no methods of an unexported field, but under these verbs it prints a pointer as its address.
		private := struct{ err error }{e}
		for _, verb := range []string{"%v", "%+v", "%#v"} {
			search.text(t, name+", unexported, under "+verb, fmt.Sprintf(verb, private))
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			assert.Equal(t, e.Error(), fmt.Sprintf(verb, e))
			assert.Equal(t, e.Error(), fmt.Sprintf(verb, *e))
		}
	}
}

func TestSecretsInBrokenBodies(t *testing.T) {
	t.Parallel()
	search := &leakSearch{}
	search.report(t, 5000)
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		for name, err := range map[string]func(seen) error{
			"plain":   func(s seen) error { return errors.New(s.String()) },
			"net/url": func(s seen) error { return &url.Error{Op: "read", URL: s.url, Err: errors.New(s.String())} },
			"opaque":  func(s seen) error { return opaque{errors.New(s.String())} },
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				client := clientOver(t, m.prepared(func(r *http.Request) (*http.Response, error) {
					response := m.responses[m.step]
					body := &brokenBody{strings.NewReader(response[:len(response)-1]), err(see(r, response))}
					return &http.Response{StatusCode: 200, Header: http.Header{}, Body: body}, nil
				}), withReadRetries(0))

				_, err := m.call(context.Background(), client)

				require.Error(t, err)
				search.failure(t, err)
			})
		}
	})
}

// net/http quotes the parts of a response's head that it cannot parse.
func TestSecretsInBrokenHeads(t *testing.T) {
	t.Parallel()
	search := &leakSearch{}
	search.report(t, 10_000)
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		for _, secret := range m.sends {
			for _, head := range []string{
				"%s", "HTTP/1.1 %s", "HTTP/%s 200 OK", "HTTP/1.1 200 OK\r\n%s", "HTTP/1.1 200 OK\r\nContent-Length: %s",
				"HTTP/1.1 200 OK\r\nTransfer-Encoding: %s", "HTTP/1.1 302 Found\r\nLocation: ://%%zz%s",
				"HTTP/1.1 200 OK\r\nContent-Encoding: %s", "HTTP/1.1 429 %[1]s\r\nRetry-After: %[1]s",
			} {
				head = fmt.Sprintf(head, secret)
				t.Run(head, func(t *testing.T) {
					t.Parallel()
					srv := m.startFaulty(t, faultCell{fault: fault{at: respond(func(string) string {
						return head + "\r\nConnection: close\r\n\r\n"
					})}}, nil)

					_, err := m.call(context.Background(), clientAt(t, srv.url, withReadRetries(0)))

					if m.name == "Logout" && m.v3 && err == nil { // for which an empty response is a success
						return
					}
					require.Error(t, err)
					search.failure(t, err)
				})
			}
		}
	})
}

// A service may escape what it echoes.
func TestSecretsRespelled(t *testing.T) {
	t.Parallel()
	const head, tail = "c0dEhEaD6yHn", "c0dEtAiL9oLp"
	const unusual = head + `"/<&>\+%'é` + tail
	for name, respell := range map[string]func(string) string{
		"unchanged": func(s string) string { return s },
		"as JSON": func(s string) string {
			text, _ := json.Marshal(s)
			return string(text)
		},
		"quoted by Go": func(s string) string { return fmt.Sprintf("%q", s) },
		"as a form":    url.QueryEscape,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := clientOver(t, transportFunc(func(*http.Request) (*http.Response, error) {
				return nil, errors.New("cannot send " + respell(unusual))
			}))

			_, err := client.LoginWithWxapp(context.Background(), unusual, loginDetail)

			require.Error(t, err)
			assert.NotContains(t, err.Error(), head)
			assert.NotContains(t, err.Error(), tail)
		})
	}
	t.Run("slashes escaped", func(t *testing.T) {
		t.Parallel()
		client, _ := setup(t, http.StatusOK,
			`{"code":2004,"message":{"iv":"`+strings.ReplaceAll(canaryIV, "/", `\/`)+`"}}`)

		_, err := client.Decrypt(context.Background(), canaryCode, canaryEncryptedData, canaryIV)

		require.Error(t, err)
		assert.NotContains(t, err.Error(), canaryIV[:9])
	})
}

// The SDK names the arguments it rejects without showing them.
func TestSecretsInRefusals(t *testing.T) {
	t.Parallel()
	search := &leakSearch{}
	search.report(t, 10_000)
	signIn := func(code string, detail authing.Detail, opts ...authing.LoginOption) func(pair) error {
		return func(c pair) error {
			_, err := c.LoginWithWxapp(context.Background(), code, detail, opts...)
			return err
		}
	}
	decrypt := func(code, encryptedData, iv string) func(pair) error {
		return func(c pair) error {
			_, err := c.Decrypt(context.Background(), code, encryptedData, iv)
			return err
		}
	}
	bind := func(code string, token authing.Secret) func(pair) error {
		return func(c pair) error {
			_, err := c.As(token).BindPhone(context.Background(), code, canaryDetail("getPhoneNumber:ok"))
			return err
		}
	}
	building := func(opts ...authing.Option) func(pair) error {
		return func(pair) error {
			_, err := authing.NewClient(pool, opts...)
			return err
		}
	}
	for name, call := range map[string]func(pair) error{
		"white space in the code":        signIn(canaryCode+" ", canaryDetail("getUserInfo:ok")),
		"control character in the code":  signIn(canaryCode+"\x00", canaryDetail("getUserInfo:ok")),
		"invalid UTF-8 in the code":      signIn(canaryCode+"\xff", canaryDetail("getUserInfo:ok")),
		"the phone code as code":         signIn(canaryPhoneCode, canaryDetail("getUserInfo:ok")),
		"no code":                        signIn("", canaryDetail("getUserInfo:ok")),
		"declined by the user":           signIn(canaryCode, canaryDetail("getUserInfo:fail auth deny")),
		"failed on the phone":            signIn(canaryCode, canaryDetail("getUserInfo:fail timeout")),
		"detail from another API":        signIn(canaryCode, canaryDetail("getPhoneNumber:ok")),
		"no errMsg":                      signIn(canaryCode, canaryDetail("")),
		"control character in the phone": signIn(canaryCode, canaryDetail("getUserInfo:ok"), authing.WithPhone(canaryPhone+"\n")),
		"invalid UTF-8 in the phone":     signIn(canaryCode, canaryDetail("getUserInfo:ok"), authing.WithPhone(canaryPhone+"\xff")),
		"short iv":                       decrypt(canaryCode, canaryEncryptedData, canaryIV[:20]),
		"no iv":                          decrypt(canaryCode, canaryEncryptedData, ""),
		"iv decoded as a form":           decrypt(canaryCode, canaryEncryptedData, strings.ReplaceAll(canaryIV, "+", " ")),
		"percent-encoded iv":             decrypt(canaryCode, canaryEncryptedData, url.QueryEscape(canaryIV)),
		"iv that is not base64":          decrypt(canaryCode, canaryEncryptedData, "-"+canaryIV[1:]),
		"cut data":                       decrypt(canaryCode, canaryEncryptedData[:60], canaryIV),
		"data decoded as a form":         decrypt(canaryCode, strings.ReplaceAll(canaryEncryptedData, "+", " "), canaryIV),
		"percent-encoded data":           decrypt(canaryCode, url.QueryEscape(canaryEncryptedData), canaryIV),
		"data that is not base64":        decrypt(canaryCode, canaryEncryptedData+"-", canaryIV),
		"data with a line break":         decrypt(canaryCode, canaryEncryptedData+"\n", canaryIV),
		"no data":                        decrypt(canaryCode, "", canaryIV),
		"no token":                       bind(canaryCode, ""),
		"line break in the token":        bind(canaryCode, canaryToken+"\r\n"),
		"white space in the token":       bind(canaryCode, "Bearer "+canaryToken),
		"token beyond ASCII":             bind(canaryCode, canaryToken+"é"),
		"white space in a token to verify": func(c pair) error {
			_, err := c.VerifyToken(context.Background(), canaryGivenToken+" ")
			return err
		},
		"control character in an e-mail address": func(c pair) error {
			return c.SendVerifyEmail(context.Background(), canaryEmail+"\n")
		},
		"control character in a mailed code": func(c pair) error {
			return c.VerifyResetPasswordVerifyCode(context.Background(), canaryEmail, canaryMailCode+"\x00")
		},
		"control character in a user name": func(c pair) error {
			_, err := c.LoginByLDAP(context.Background(), canaryUsername+"\x7f", canaryPassword)
			return err
		},
		"invalid UTF-8 in a captcha": func(c pair) error {
			_, err := c.Login(context.Background(), authing.LoginParams{Email: canaryEmail, VerifyCode: canaryCaptcha + "\xff"})
			return err
		},
		"long password": func(c pair) error {
			_, err := c.Register(context.Background(),
				authing.RegisterParams{Username: canaryUsername, Password: canaryPassword + authing.Secret(strings.Repeat("x", 117))})
			return err
		},
		"password without the old one": func(c pair) error {
			password := canaryPassword
			_, err := c.Update(context.Background(), userID, authing.UserUpdate{Password: &password})
			return err
		},
		"control character in an update": func(c pair) error {
			token := canaryGivenToken + "\r\n"
			_, err := c.Update(context.Background(), userID, authing.UserUpdate{Token: &token})
			return err
		},
		"control character in a metadata key": func(c pair) error {
			_, err := c.SetMetadata(context.Background(), userID, canaryMetaKey+"\t", canaryMetaValue)
			return err
		},
		"metadata without a user id": func(c pair) error {
			_, err := c.SetMetadata(context.Background(), "", canaryMetaKey, canaryMetaValue)
			return err
		},
		"SMS code with letters": func(c pair) error {
			_, err := c.LoginByPhoneCode(context.Background(), canaryPhone, canarySMSCode+"x")
			return err
		},
		"path in a phone number": func(c pair) error {
			return c.GetVerificationCode(context.Background(), canaryPhone+"/x")
		},
		"image of an unknown type": func(c pair) error {
			_, err := c.ChangeAvatar(context.Background(), userID, strings.NewReader(canaryImage[8:]))
			return err
		},
		"large image": func(c pair) error {
			_, err := c.ChangeAvatar(context.Background(), userID, strings.NewReader(canaryImage+strings.Repeat("x", 5<<20)))
			return err
		},
		"pool id":                   func(pair) error { _, err := authing.NewClient(canaryPhone); return err },
		"password in a host":        building(authing.WithHosts(authing.Hosts{Users: "https://ann:" + canaryCode + "@example.com"})),
		"secret in a query":         building(authing.WithHosts(authing.Hosts{OAuth: "https://example.com?key=" + canaryCode})),
		"host that is no URL":       building(authing.WithHosts(authing.Hosts{OAuth: "https://exa mple.com/%zz" + canaryCode})),
		"user agent":                building(authing.WithUserAgent(canaryCode + "\n")),
		"public key":                building(authing.WithPublicKey("-----BEGIN PUBLIC KEY-----\n" + canaryEncryptedData + "\n-----END PUBLIC KEY-----")),
		"public key that is no PEM": building(authing.WithPublicKey(canaryEncryptedData)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			client, got := setup(t, http.StatusOK, canaryUser, withLogger(slog.New(slog.NewJSONHandler(&log, nil))))

			err := call(client.As(canaryToken))

			var e *authing.Error
			require.ErrorAs(t, err, &e)
			assert.Empty(t, got.All())
			search.failure(t, err)
			search.text(t, "Error.Message", e.Message)
			search.text(t, "Error.Data", string(e.Data))
			search.text(t, "the log", log.String())
		})
	}
}

// errMsg comes from the page, which could put anything into it.
func TestSecretsInErrMsg(t *testing.T) {
	t.Parallel()
	search := &leakSearch{}
	search.report(t, 1000)
	var log bytes.Buffer
	client, got := setup(t, http.StatusOK, canaryUser, withLogger(slog.New(slog.NewJSONHandler(&log, nil))))
	for _, secret := range []string{
		string(canaryToken), canaryCode, canaryIV, canaryEncryptedData, canaryRawData, canarySignature, canaryCloudID,
		canaryPhoneCode, canaryPhone, canaryEmail,
	} {
		for _, outcome := range []string{"getPhoneNumber:fail user deny ", "getPhoneNumber:fail ", "getUserInfo:ok"} {
			detail := canaryDetail(outcome + secret)

			_, err := client.As(canaryToken).BindPhone(context.Background(), canaryCode, detail)

			var e *authing.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, detail.ErrMsg, e.Message)
			search.failure(t, err)
			if secret != string(canaryToken) && secret != canaryCode { // which the detail does not contain
				search.value(t, "a detail", detail)
			}
		}
	}
	const short = "51234567" // too short to look like a phone number
	_, err := client.LoginWithWxapp(context.Background(), canaryCode, authing.Detail{ErrMsg: "getUserInfo:fail " + short}, authing.WithPhone(short))
	require.Error(t, err)
	assert.NotContains(t, err.Error(), short)

	assert.Empty(t, got.All())
	search.text(t, "the log", log.String())
	assert.NotContains(t, log.String(), short)
}

func TestSecretsInSuccesses(t *testing.T) {
	t.Parallel()
	search := &leakSearch{}
	search.report(t, 100)
	eachMethod(t, func(t *testing.T, m remoteMethod) {
		var log bytes.Buffer
		client, _ := setupResponder(t, m.succeed(), withLogger(slog.New(slog.NewJSONHandler(&log, nil))))

		_, err := m.call(context.Background(), client.As(canaryToken))

		require.NoError(t, err)
		require.NotEmpty(t, log.String())
		search.text(t, "the log", log.String())
	})
}

func TestSecretsInClients(t *testing.T) {
	t.Parallel()
	search := &leakSearch{}
	search.report(t, 1000)
	opts := []authing.Option{
		authing.WithUserAgent("shop/1"),
		authing.WithHTTPClient(&http.Client{Transport: transportFunc(func(*http.Request) (*http.Response, error) { return nil, io.EOF })}),
	}
	client, err := authing.NewClient(pool, opts...)
	require.NoError(t, err)
	client = client.As(canaryToken)

	search.value(t, "a client", client)
	search.value(t, "the value of a client", *client)
	search.value(t, "a struct with a client", struct{ Client *authing.Client }{client})
	search.value(t, "clients", []*authing.Client{client})
	search.value(t, "a token", canaryToken)
	search.value(t, "a detail", canaryDetail("getUserInfo:ok"))
	search.value(t, "registration", authing.RegisterParams{Email: canaryEmail, Username: canaryUsername, UnionID: canaryUnionID,
		Password: canaryPassword, Nickname: canaryNickName, Photo: canaryAvatar, LastIP: canaryLastIP})
	search.value(t, "a login", authing.LoginParams{Email: canaryEmail, Username: canaryUsername, UnionID: canaryUnionID,
		Password: canaryPassword, LastIP: canaryLastIP, VerifyCode: canaryCaptcha})
	search.value(t, "a password change",
		authing.ChangePasswordParams{Email: canaryEmail, Password: canaryPassword, VerifyCode: canaryMailCode})
	email, password := canaryEmail, canaryPassword
	search.value(t, "an update", authing.UserUpdate{Email: &email, Password: &password})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d"} {
		search.text(t, "options under "+verb, fmt.Sprintf(verb, opts))
		search.text(t, "login options under "+verb, fmt.Sprintf(verb, []authing.LoginOption{authing.WithPhone(canaryPhone)}))
	}
	text, err := json.Marshal(map[string]any{"client": client})
	require.NoError(t, err)
	search.text(t, "a client as JSON", string(text))
}

// On the wire an SMS code is a number, so its leading zeros are lost. A service that echoes it still shows the code.
func TestSecretsSMSCodeWithoutItsZeros(t *testing.T) {
	t.Parallel()
	client, got := setup(t, http.StatusOK, `{"errors":[{"message":"the code 915482 has expired"}]}`)

	_, err := client.LoginByPhoneCode(context.Background(), canaryPhone, "00915482")

	require.Error(t, err)
	assert.Contains(t, got.Only(t).Body, `"phoneCode":915482,`)
	assert.NotContains(t, err.Error(), "915482")
}

// Passwords travel encrypted, except to LDAP, which needs them in clear.
func TestSecretsPasswordsTravelEncrypted(t *testing.T) {
	t.Parallel()
	ciphers := map[string]int{"Register": 1, "Login": 1, "Update": 2, "ChangePassword": 1}
	eachMethodOf(t, legacyMethods, func(t *testing.T, m remoteMethod) {
		client, got := setupResponder(t, m.succeed())

		_, err := m.call(context.Background(), client.As(canaryToken))

		require.NoError(t, err)
		sent := fmt.Sprint(got.All())
		for _, password := range []authing.Secret{canaryPassword, canaryOldPassword} {
			assert.Equal(t, m.name == "LoginByLDAP" && password == canaryPassword, strings.Contains(sent, asSent(string(password))))
		}
		assert.Len(t, cipherText.FindAllString(sent, -1), ciphers[m.name])
	})
}

// cipherText is 128 bytes in base64.
var cipherText = regexp.MustCompile(`"[0-9A-Za-z+/]{171}="`)
