// Package recordings replays recordings of the original JavaScript SDK against this one.
package recordings
