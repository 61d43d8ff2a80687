//go:build race

package promises_test

// memoryLimit is how many bytes a hostile response may make the SDK allocate. The race detector drops pooled buffers.
const memoryLimit = 16 << 20
