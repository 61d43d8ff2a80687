package browsertest

import (
	"cmp"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

var (
	screenshot         = flag.String("screenshot", "", "`file` to which TestScreenshot writes an image of the page")
	screenshotLanguage = flag.String("language", "en-US", "`language` of the page in the image, such as zh-CN")
)

// TestScreenshot creates the images in the READMEs:
//
//	go test -run TestScreenshot -screenshot ../../../docs/demo.png
//	go test -run TestScreenshot -screenshot ../../../docs/demo.zh-CN.png -language zh-CN
func TestScreenshot(t *testing.T) {
	t.Parallel()
	file := cmp.Or(*screenshot, filepath.Join(t.TempDir(), "page.png"))
	tab := visit(t, open(t), build(t), *screenshotLanguage)
	tab.click("sign-in")
	tab.shows("nickname", "微信用户")
	tab.click("choose")
	tab.shows("avatar-image", "")
	tab.do(chromedp.SendKeys(chromedp.ID("name"), "林小雨\r"))
	tab.shows("nickname", "林小雨")
	tab.click("bind")
	tab.shows("phone-number", "••••")
	tab.hides("bind")
	tab.until(steps + `.filter(step => step.endsWith('login:ok')).length === 3`) // one at first, and one after each call that used it
	tab.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 0, 0), chromedp.EmulateViewport(1280, 800, chromedp.EmulateScale(2)))
	require.NoError(t, os.WriteFile(file, run(tab, chromedp.CaptureScreenshot()), 0o644))
}
