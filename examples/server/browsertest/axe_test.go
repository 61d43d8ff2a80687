package browsertest

import (
	"fmt"
	"os"
	"slices"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// accessible checks the page with axe-core, in these states and all languages and color schemes.
func accessible(tab *tab, states []state) {
	script, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	require.NoError(tab.t, err, "axe-core is missing: npm ci")
	eval[chromedp.Void](tab, string(script)+";0")
	for _, state := range states {
		state.enter()
		for _, scheme := range []string{"light", "dark"} {
			call(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: scheme},
				{Name: "prefers-reduced-motion", Value: "reduce"}, // a color in transition has no contrast to measure
			}})
			for _, language := range []string{"zh", "en"} {
				eval[chromedp.Void](tab, fmt.Sprintf(`document.querySelector('[data-language=%s]').click()`, language))
				assert.Empty(tab.t, tab.violations(), "%s, %s, %s", state.name, scheme, language)
			}
		}
	}
}

// violations returns what axe-core finds.
func (tab *tab) violations() []string {
	tab.t.Helper()
	eval[chromedp.Void](tab, `window.found = null; axe.run().then(({ violations }) => {
		window.found = violations.flatMap(({ id, impact, nodes }) => nodes.map(({ target }) => [impact, id, target].join(' ')))
	}); 0`)
	tab.until(`window.found`)
	return slices.Compact(eval[[]string](tab, `window.found`))
}
