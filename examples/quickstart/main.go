// Command quickstart signs a mini-program user in and binds a phone number, and shows what happens on the way.
//
// Without flags it needs no network and no account: it starts an Authing and a WeChat inside this process and plays
// the page as well.
//
//	go run ./examples/quickstart
//
// With -code and -detail it does the same against the real service, with what a real page posted. Each call spends its
// code, so binding the phone number needs a second one:
//
//	go run ./examples/quickstart -pool ID -code CODE -detail FILE [-bind-code CODE -bind-detail FILE]
//
// FILE holds e.detail as JSON; - is standard input. The pool id may stand in AUTHING_USERPOOL_ID. -users and -oauth
// name other hosts, those of a private deployment or of examples/fakeserver.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"

	"github.com/authing-wxapp/authing"
	"github.com/authing-wxapp/authing/authingtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		stop()
		os.Exit(1)
	}
}

// posted is what a page posts: a code of wx.login and the e.detail of a button.
type posted struct {
	code   string
	detail authing.Detail
}

// page is where the codes and details come from: a phone played by the fake, or the flags.
type page struct {
	login func() posted
	bind  func() posted // nil: there is nothing to bind
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	var (
		pool       = flags.String("pool", os.Getenv("AUTHING_USERPOOL_ID"), "user pool `ID`")
		code       = flags.String("code", "", "`CODE` of wx.login, for signing in")
		detail     = flags.String("detail", "", "`FILE` with e.detail of the getUserInfo button, - for standard input")
		bindCode   = flags.String("bind-code", "", "another `CODE` of wx.login, for binding the phone number")
		bindDetail = flags.String("bind-detail", "", "`FILE` with e.detail of the getPhoneNumber button")
		hosts      authing.Hosts
	)
	flags.StringVar(&hosts.Users, "users", "", "base `URL` of the users host, if not Authing's own")
	flags.StringVar(&hosts.OAuth, "oauth", "", "base `URL` of the oauth host, if not Authing's own")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is not a flag: see -h", flags.Arg(0))
	}
	transport := &tracer{out: out}
	opts := []authing.Option{authing.WithHosts(hosts), authing.WithHTTPClient(&http.Client{Transport: transport})}
	if flags.NFlag() > 0 {
		page, err := fromFlags(ctx, *code, *detail, *bindCode, *bindDetail, in)
		if err != nil {
			return err
		}
		return story(ctx, out, *pool, opts, page)
	}

	fmt.Fprintln(out, "Offline: this program plays WeChat, the page and Authing itself.")
	srv := authingtest.NewServer(authingtest.Options{})
	defer srv.Close()
	phone := srv.NewPhone(authingtest.WxUser{NickName: "Ann"})
	return story(ctx, out, srv.UserPoolID(), append(opts, srv.ClientOptions()...), page{
		login: func() posted { return posted{phone.Login(), phone.GetUserInfo()} },
		bind:  func() posted { return posted{phone.Login(), phone.GetPhoneNumber()} },
	})
}

// story is what a backend does, with a commentary.
func story(ctx context.Context, out io.Writer, pool string, opts []authing.Option, page page) error {
	client, err := authing.NewClient(pool, opts...)
	if err != nil {
		return err
	}

	fmt.Fprintln(out, "\n1. The page calls wx.login, the user taps the button, the page posts both to the backend.")
	first := page.login()
	first.show(out)

	fmt.Fprintln(out, "\n2. The backend signs the user in: client.LoginWithWxapp(ctx, code, detail)")
	user, err := client.LoginWithWxapp(ctx, first.code, first.detail)
	if err != nil {
		return err
	}
	show(out, user)
	if page.bind == nil {
		fmt.Fprintln(out, "\nThe first code is spent. To bind the phone number, give a second one: -bind-code and -bind-detail.")
		return nil
	}

	fmt.Fprintln(out, "\n3. The first code is spent. The page calls wx.login again, the user taps the phone button.")
	second := page.bind()
	second.show(out)

	fmt.Fprintln(out, "\n4. The backend binds the number: client.As(user.Token).BindPhone(ctx, code, detail)")
	user, err = client.As(user.Token).BindPhone(ctx, second.code, second.detail)
	if err != nil {
		return err
	}
	show(out, user)
	return nil
}

func (p posted) show(out io.Writer) {
	fmt.Fprintf(out, "   code    %s\n", masked(p.code))
	fmt.Fprintf(out, "   detail  %s, %d characters of encryptedData\n", p.detail.ErrMsg, len(p.detail.EncryptedData))
}

func show(out io.Writer, u *authing.User) {
	fmt.Fprintf(out, "   user    %s, nickname %s, phone %s\n", u.ID, or(u.Nickname, "none"), or(masked(u.Phone), "none"))
	fmt.Fprintf(out, "   token   %v, until %s\n", u.Token, or(u.TokenExpiredAt.Text, "the service does not say"))
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// masked shows enough of a secret to tell it from another.
func masked(s string) string {
	if len(s) < 8 {
		return strings.Repeat("*", len(s))
	}
	return s[:3] + "…" + s[len(s)-2:]
}

// fromFlags reads everything before the first call, which spends a code that cannot be had again.
func fromFlags(ctx context.Context, code, file, bindCode, bindFile string, in io.Reader) (page, error) {
	if code == "" || file == "" {
		return page{}, errors.New("give both -code and -detail, what the page posted; without flags everything runs offline")
	}
	if (bindCode == "") != (bindFile == "") {
		return page{}, errors.New("give both -bind-code and -bind-detail, or neither")
	}
	if code == bindCode {
		return page{}, errors.New("-code and -bind-code are the same, but two calls need two codes: let the page call wx.login again")
	}
	if file == "-" && bindFile == "-" {
		return page{}, errors.New("only one of -detail and -bind-detail can be standard input")
	}
	detail, err := read(ctx, file, in)
	if err != nil {
		return page{}, err
	}
	p := page{login: func() posted { return posted{code, detail} }}
	if bindFile != "" {
		bindDetail, err := read(ctx, bindFile, in)
		if err != nil {
			return page{}, err
		}
		bind := posted{bindCode, bindDetail}
		if err := bind.refused(); err != nil {
			return page{}, fmt.Errorf("-bind-code and -bind-detail will not do: %w", err)
		}
		p.bind = func() posted { return bind }
	}
	return p, nil
}

// refused tells why the SDK would not send a call to bind the number. The first code is spent by the time of that call,
// so this makes it in advance, with a context that has ended: then nothing is sent in any case.
func (p posted) refused() error {
	client, err := authing.NewClient("nobody")
	if err != nil {
		return err
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = client.As("nobody").BindPhone(ended, p.code, p.detail)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// read returns the e.detail in a file. Reading from a terminal ends with ctx.
func read(ctx context.Context, file string, in io.Reader) (detail authing.Detail, err error) {
	type result struct {
		text []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		var r result
		if file == "-" {
			r.text, r.err = io.ReadAll(in)
		} else {
			r.text, r.err = os.ReadFile(file)
		}
		done <- r
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return detail, r.err
		}
		if err := json.Unmarshal(r.text, &detail); err != nil {
			return detail, fmt.Errorf("%s does not hold e.detail as JSON: %w", file, err)
		}
		return detail, nil
	case <-ctx.Done():
		return detail, ctx.Err()
	}
}

// tracer prints the requests that the SDK makes, without what is secret in them.
type tracer struct{ out io.Writer }

func (t *tracer) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body.Close()
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))

	var sent map[string]any
	json.Unmarshal(body, &sent)
	for key, value := range sent {
		if s, ok := value.(string); ok {
			sent[key] = masked(s)
		}
	}
	shown, _ := json.Marshal(sent)
	fmt.Fprintf(t.out, "   →       %s %s\n", r.Method, r.URL)
	if r.Header.Get("Authorization") != "" {
		fmt.Fprintln(t.out, "           Authorization: [the user's token]")
	}
	fmt.Fprintf(t.out, "           %s\n", shown)

	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		fmt.Fprintf(t.out, "   ←       HTTP %d\n", resp.StatusCode)
	}
	return resp, err
}
