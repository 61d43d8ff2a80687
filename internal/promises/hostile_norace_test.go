//go:build !race

package promises_test

// memoryLimit is how many bytes a hostile response may make the SDK allocate.
const memoryLimit = 8 << 20
