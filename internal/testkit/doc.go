// Package testkit contains helpers that the tests of several packages share.
package testkit
