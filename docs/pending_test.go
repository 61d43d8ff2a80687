package docs_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/authing-wxapp/authing"
)

// What waits for the source: the snippets belong into snippets_test.go and migrating_test.go, the tests into docs_test.go.

var _ = func(poolID string, proxy *url.URL) (*authing.Client, error) {
	transport := authing.NewTransport()
	transport.Proxy = http.ProxyURL(proxy)
	client, err := authing.NewClient(poolID, authing.WithHTTPClient(&http.Client{Transport: traced{transport}}))
	return client, err
}

type form struct{ Email, Password, Captcha string }

var _ = func(ctx context.Context, client *authing.Client, form form, userIP string, showCaptcha func(string)) (*authing.User, error) {
	user, err := client.Login(ctx, authing.LoginParams{
		Email: form.Email, Password: authing.Secret(form.Password),
		LastIP:     userIP,       // otherwise every sign-in seems to come from your backend
		VerifyCode: form.Captcha, // empty the first time
	})
	if failed := (*authing.Error)(nil); errors.Is(err, authing.ErrCaptchaRequired) && errors.As(err, &failed) {
		showCaptcha(failed.CaptchaURL()) // the next form comes with the captcha
	}
	return user, err
}

var _ = func(ctx context.Context, client *authing.Client, token authing.Secret, id string) error {
	for app, err := range client.As(token).AllAuthedApps(ctx, id) {
		if err != nil {
			return err
		}
		fmt.Println(app)
	}
	return nil
}

// TestErrorFields compares the table of docs/errors.md with the struct.
func TestErrorFields(t *testing.T) {
	t.Parallel()
	var fields []string
	for i := range reflect.TypeFor[authing.Error]().NumField() {
		fields = append(fields, reflect.TypeFor[authing.Error]().Field(i).Name)
	}
	for _, name := range bilingual("docs/errors.md") {
		var rows []string
		_, table, _ := strings.Cut(read(t, name), "\n| `Op`")
		table, _, _ = strings.Cut("| `Op`"+table, "\n\n")
		for _, cell := range submatches(`(?m)^\| (.*?) \|`, table) {
			rows = append(rows, submatches("`(\\w+)`", cell)...)
		}
		assert.Equal(t, fields, rows, name)
	}
}

func TestNoSentinelIsInvented(t *testing.T) {
	t.Parallel()
	for _, name := range bilingual("docs/errors.md") {
		assert.ElementsMatch(t, sentinels(t), documentedSentinels(t, name), name)
	}
}

func TestEveryMethodSaysWhetherToRetry(t *testing.T) {
	t.Parallel()
	for _, m := range clientMethods(t) {
		assert.NotEmpty(t, m.retry, m.name)
	}
}
