package browsertest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const patience = 30 * time.Second

// tab is a browser tab with its own profile and its own server.
type tab struct {
	t       *testing.T
	ctx     context.Context
	address string
	stop    func() // stops the server

	mu       sync.Mutex
	stopped  bool
	requests map[network.RequestID]*network.Request
	empty    map[network.RequestID]bool // responses with status 204
	traffic  []string                   // what is posted to the backend and the phone, and the responses: "POST /api/login", "POST /api/login 200"
	errors   []string                   // error responses, such as "POST /api/login 403"
	problems []string                   // anything that fails the test
}

// visit opens the page in a tab with the given Accept-Language.
func visit(t *testing.T, browser context.Context, program, language string) *tab {
	tab := &tab{t: t, requests: map[network.RequestID]*network.Request{}, empty: map[network.RequestID]bool{}}
	tab.address, tab.stop = start(t, program)
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext(), chromedp.WithListener(tab.watch))
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(ctx)) // without the timeout, which would close the tab
	tab.ctx, cancel = context.WithTimeout(ctx, patience)
	t.Cleanup(cancel)
	t.Cleanup(func() {
		tab.mu.Lock()
		defer tab.mu.Unlock()
		assert.Empty(t, tab.problems)
	})
	call(tab, audits.Enable, cdp.Empty{})
	call(tab, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: "test", AcceptLanguage: language})
	tab.do(chromedp.EmulateViewport(1280, 800), chromedp.Navigate(tab.address))
	tab.until(`document.getElementById('sign-in').innerText`)
	return tab
}

// watch records problems. Error responses are recorded separately, because many are expected.
func (tab *tab) watch(event any) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	problem := func(format string, args ...any) { tab.problems = append(tab.problems, fmt.Sprintf(format, args...)) }
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		problem("console: %s %s", e.Type, e.Args[0].Description)
	case *runtime.EventExceptionThrown:
		problem("exception: %s", e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		if e.Entry.Source != log.EntrySourceNetwork {
			problem("log: %s %s", e.Entry.Text, e.Entry.URL)
		}
	case *audits.EventIssueAdded: // such as a violation of the Content-Security-Policy
		problem("issue: %s", e.Issue.Code)
	case *network.EventRequestWillBeSent:
		tab.requests[e.RequestID] = e.Request
		if !strings.HasPrefix(e.Request.URL, tab.address+"/") && !strings.HasPrefix(e.Request.URL, "data:") {
			problem("request to another host: %s", e.Request.URL)
		}
		tab.record(tab.line(e.RequestID))
	case *network.EventResponseReceived:
		tab.empty[e.RequestID] = e.Response.Status == http.StatusNoContent
		line := fmt.Sprintf("%s %d", tab.line(e.RequestID), e.Response.Status)
		tab.record(line)
		if e.Response.Status >= 400 {
			tab.errors = append(tab.errors, line)
		}
	case *network.EventLoadingFailed:
		// A reload aborts the event stream, and Chromium reports a response without a body as aborted.
		if e.Type != network.ResourceTypeEventSource && !tab.empty[e.RequestID] && !tab.stopped {
			problem("request failed: %s %s", tab.requests[e.RequestID].URL, e.ErrorText)
		}
	}
}

func (tab *tab) line(id network.RequestID) string {
	request := tab.requests[id]
	return request.Method + " " + strings.TrimPrefix(request.URL, tab.address)
}

func (tab *tab) record(line string) {
	if strings.HasPrefix(line, "POST ") && (strings.Contains(line, "/api/") || strings.Contains(line, "/demo/")) {
		tab.traffic = append(tab.traffic, line)
	}
}

// waitForTraffic waits until there is enough traffic. Waiting for the trace would not do, because it shows a response
// before it is sent.
func (tab *tab) waitForTraffic(enough func(traffic []string) bool) (traffic []string) {
	for {
		tab.mu.Lock()
		traffic = slices.Clone(tab.traffic)
		tab.mu.Unlock()
		if enough(traffic) {
			return traffic
		}
		select {
		case <-tab.ctx.Done():
			return traffic
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// switchDown uses the switch "Authing is down" and waits for the server, because a reload would abort the request.
func (tab *tab) switchDown() {
	tab.t.Helper()
	tab.mu.Lock()
	before := len(tab.traffic)
	tab.mu.Unlock()
	tab.click("down")
	tab.waitForTraffic(func(traffic []string) bool {
		return slices.Contains(traffic[before:], "POST /demo/authing 204")
	})
}

// errorResponses checks that the tab got exactly these error responses.
func (tab *tab) errorResponses(want ...string) {
	tab.t.Helper()
	tab.mu.Lock()
	defer tab.mu.Unlock()
	assert.Equal(tab.t, want, tab.errors)
}

func (tab *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	require.NoError(tab.t, chromedp.Do(tab.ctx, steps...))
}

func run[T any](tab *tab, action chromedp.Action[T]) T {
	tab.t.Helper()
	result, err := chromedp.Run(tab.ctx, action)
	require.NoError(tab.t, err)
	return result
}

func call[P, R any](tab *tab, command cdp.Command[P, R], params P) R {
	tab.t.Helper()
	result, err := chromedp.Call(tab.ctx, command, params)
	require.NoError(tab.t, err)
	return result
}

// until waits for a condition, in JavaScript.
func (tab *tab) until(condition string) {
	tab.t.Helper()
	// Poll by time, because tabs in the background do not render frames.
	_, err := chromedp.Run(tab.ctx, chromedp.Poll[chromedp.Void](condition,
		chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(0)))
	if err != nil {
		tab.t.Logf("text of the page:\n%s", tab.pageText())
	}
	require.NoError(tab.t, err, "waiting for %s", condition)
}

// pageText returns the text of the page even after the test has timed out.
func (tab *tab) pageText() string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tab.ctx), time.Second)
	defer cancel()
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText`))
	return text
}

func (tab *tab) click(id string) {
	tab.t.Helper()
	tab.do(chromedp.Click(chromedp.ID(id), chromedp.NodeVisible))
}

// press sends a key to an element. "\r" is the Enter key.
func (tab *tab) press(id, key string) {
	tab.t.Helper()
	tab.do(chromedp.Focus(chromedp.ID(id)), chromedp.KeyEvent(key))
}

// load reloads the page.
func (tab *tab) load() {
	tab.t.Helper()
	tab.do(chromedp.Reload())
}

// shows waits until the element is visible and contains text.
func (tab *tab) shows(id, text string) {
	tab.t.Helper()
	tab.until(fmt.Sprintf(`document.getElementById(%q).checkVisibility() && document.getElementById(%[1]q).innerText.includes(%q)`, id, text))
}

func (tab *tab) hides(id string) {
	tab.t.Helper()
	tab.until(fmt.Sprintf(`!document.getElementById(%q).checkVisibility()`, id))
}

// steps evaluates to a summary of the trace.
const steps = `[...document.querySelectorAll('.step')].map(step => [
	step.querySelector('.route').textContent,
	...[...step.querySelectorAll('.op, .path, .status')].map(e => e.textContent.replace(/[0-9a-f]{24}/, 'POOL')),
].filter(Boolean).join(' '))`

// traced waits for a step in the trace, which arrives independently of the responses.
func (tab *tab) traced(step string) {
	tab.t.Helper()
	tab.until(fmt.Sprintf(`%s.includes(%q)`, steps, step))
}

// traceShows waits for text in the trace, bodies included.
func (tab *tab) traceShows(text string) {
	tab.t.Helper()
	tab.until(fmt.Sprintf(`document.getElementById('trace').textContent.includes(%q)`, text))
}

func eval[T any](tab *tab, expression string) T {
	tab.t.Helper()
	return run(tab, chromedp.Evaluate[T](expression))
}

// text returns the text of an element, including collapsed parts.
func (tab *tab) text(selector string) string {
	tab.t.Helper()
	return run(tab, chromedp.TextContent(chromedp.CSS(selector)))
}
