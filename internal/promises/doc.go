// Package promises tests what docs/reliability.md promises, over the table of all methods.
package promises
