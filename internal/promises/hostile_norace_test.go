//go:build !race

package promises_test

// memoryLimit is what a hostile answer may cost, in bytes.
const memoryLimit = 8 << 20
