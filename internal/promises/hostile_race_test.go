//go:build race

package promises_test

// memoryLimit is what a hostile answer may cost, in bytes, under the race detector: it makes pools forget.
const memoryLimit = 16 << 20
