// Command signin signs a mini-program user in against the real service, with what a real page posted, to find out
// whether pool, hosts and page fit together. Every call uses up its code, so binding the phone number needs a second
// one:
//
//	go run ./examples/signin -pool ID -code CODE -detail FILE [-bind-code CODE -bind-detail FILE]
//
// FILE contains e.detail as JSON; - is standard input. The pool id can also come from AUTHING_USERPOOL_ID. -users and
// -oauth name other hosts, those of a private deployment or of examples/fakeserver.
//
// With an application of today's Authing instead of a user pool, one code signs in, and another, of the phone button
// (e.detail.code), may come with it:
//
//	go run ./examples/signin -app ID -host https://my-shop.authing.cn -mini-program IDENTIFIER -code CODE [-phone-code CODE]
//
// The secret of the application, if it has one, comes from AUTHING_APP_SECRET, and AUTHING_APP_SECRET_IN is "basic" unless
// it goes into the body.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/authing-wxapp/authing"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "signin:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("signin", flag.ContinueOnError)
	var (
		pool       = flags.String("pool", os.Getenv("AUTHING_USERPOOL_ID"), "user pool `ID`")
		code       = flags.String("code", "", "`CODE` from wx.login, for signing in")
		detail     = flags.String("detail", "", "`FILE` with e.detail of the getUserInfo button, - for standard input")
		bindCode   = flags.String("bind-code", "", "another `CODE` from wx.login, for binding the phone number")
		bindDetail = flags.String("bind-detail", "", "`FILE` with e.detail of the getPhoneNumber button")
		hosts      authing.Hosts
	)
	var (
		app         = flags.String("app", "", "`ID` of an application of today's Authing, instead of -pool")
		host        = flags.String("host", "", "with -app: its address, a `URL`")
		miniProgram = flags.String("mini-program", "", "with -app: `IDENTIFIER` of the identity source")
		phoneCode   = flags.String("phone-code", "", "with -app: `CODE` of the phone button")
	)
	flags.StringVar(&hosts.Users, "users", "", "base `URL` of the users host, if not Authing's own")
	flags.StringVar(&hosts.OAuth, "oauth", "", "base `URL` of the oauth host, if not Authing's own")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is not a flag: see -h", flags.Arg(0))
	}

	if *app != "" {
		if *detail != "" || *bindCode != "" {
			return errors.New("-app takes neither -detail nor -bind-code: its phone button has a -phone-code")
		}
		client, err := newV3(*host, *app, *miniProgram, authing.Secret(os.Getenv("AUTHING_APP_SECRET")), os.Getenv("AUTHING_APP_SECRET_IN"))
		if err != nil {
			return err
		}
		return signInV3(ctx, out, client, *code, *phoneCode)
	}

	// Everything is checked before the first call, which uses up a code.
	login, bind, err := readPosts(ctx, in, *code, *detail, *bindCode, *bindDetail)
	if err != nil {
		return err
	}
	client, err := authing.NewClient(*pool, authing.WithHosts(hosts))
	if err != nil {
		return err
	}
	if bind != nil {
		if err := checkBind(client, *bind); err != nil {
			return fmt.Errorf("-bind-code and -bind-detail cannot be used: %w", err)
		}
	}

	user, err := client.LoginWithWxapp(ctx, login.code, login.detail)
	if err != nil {
		return err
	}
	show(out, "signed in", user)
	if bind == nil {
		return nil
	}
	user, err = client.As(user.Token).BindPhone(ctx, bind.code, bind.detail)
	if err != nil {
		return err
	}
	show(out, "phone bound", user)
	return nil
}

// post is what the page sends for one call.
type post struct {
	code   string
	detail authing.Detail
}

// readPosts returns a nil bind if only the sign-in was given.
func readPosts(ctx context.Context, in io.Reader, code, file, bindCode, bindFile string) (login post, bind *post, err error) {
	switch {
	case code == "" || file == "":
		return login, nil, errors.New("give both -code and -detail, what the page posted: see -h, or run examples/quickstart, which needs neither")
	case (bindCode == "") != (bindFile == ""):
		return login, nil, errors.New("give both -bind-code and -bind-detail, or neither")
	case code == bindCode:
		return login, nil, errors.New("-code and -bind-code are the same, but two calls need two codes: let the page call wx.login again")
	case file == "-" && bindFile == "-":
		return login, nil, errors.New("only one of -detail and -bind-detail can be standard input")
	}
	login.code = code
	if login.detail, err = readDetail(ctx, in, file); err != nil || bindFile == "" {
		return login, nil, err
	}
	bind = &post{code: bindCode}
	bind.detail, err = readDetail(ctx, in, bindFile)
	return login, bind, err
}

// checkBind finds out whether the SDK would reject p, while the first code is still unused. With a context that is
// already done, a call that is not rejected sends nothing either.
func checkBind(client *authing.Client, p post) error {
	done, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := client.As("placeholder").BindPhone(done, p.code, p.detail)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// readDetail reads in a goroutine, so that Ctrl-C ends the program while it waits for a terminal.
func readDetail(ctx context.Context, in io.Reader, file string) (detail authing.Detail, err error) {
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
			return detail, fmt.Errorf("%s does not contain e.detail as JSON: %w", file, err)
		}
		return detail, nil
	case <-ctx.Done():
		return detail, ctx.Err()
	}
}

func show(out io.Writer, what string, u *authing.User) {
	fmt.Fprintf(out, "%-12s user %s, nickname %s, phone %s, token %v, until %s\n", what, u.ID,
		or(u.Nickname, "none"), or(masked(u.Phone), "none"), u.Token, or(u.TokenExpiredAt.Text, "unknown"))
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func masked(s string) string {
	if len(s) < 8 {
		return strings.Repeat("*", len(s))
	}
	return s[:3] + "…" + s[len(s)-2:]
}
