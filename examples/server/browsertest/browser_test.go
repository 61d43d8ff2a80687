package browsertest

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// open starts a browser that can only connect to this machine.
func open(t *testing.T) (browser context.Context) {
	ctx, cancel := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(chromium(t)),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Headless,
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-renderer-backgrounding", true), // the tabs run in parallel
		chromedp.Flag("disable-background-timer-throttling", true),
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
		chromedp.WSURLReadTimeout(time.Minute),
	)
	t.Cleanup(cancel)
	browser, _ = chromedp.NewContext(ctx)
	t.Cleanup(func() { chromedp.Cancel(browser) }) // waits for the exit, so that the directory can be removed
	require.NoError(t, chromedp.Do(browser))
	return browser
}

func chromium(t *testing.T) (path string) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("no browser found: apt-get update && apt-get install -y --no-install-recommends chromium fonts-noto-cjk")
	return ""
}
