package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"
)

// note is what only a handler can tell the log about a request.
type note struct {
	user   string
	reason string
	err    error
}

type noteKey struct{}

func noteOf(r *http.Request) *note {
	if n, ok := r.Context().Value(noteKey{}).(*note); ok {
		return n
	}
	return &note{}
}

// logged writes one record per request, with the route and never the path, which may hold anything. A handler that
// panics leaves one, too; what it panicked with goes on to net/http, which logs that and cuts the connection.
func logged(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		n := &note{}
		r = r.WithContext(context.WithValue(r.Context(), noteKey{}, n))
		answer := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		panicked := true
		defer func() {
			if panicked {
				// The page sees no status, but a connection that was cut.
				answer.status, n.reason, n.err = http.StatusInternalServerError, "panic", errPanicked
			}
			logRequest(log, r, n, answer.status, time.Since(start))
		}()
		next.ServeHTTP(answer, r)
		panicked = false
	})
}

var errPanicked = errors.New("the handler panicked and the connection was cut")

func logRequest(log *slog.Logger, r *http.Request, n *note, status int, took time.Duration) {
	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("route", r.Pattern),
		slog.Int("status", status), slog.Duration("took", took),
	}
	level := slog.LevelInfo
	if n.reason != "" {
		attrs = append(attrs, slog.String("reason", n.reason))
	}
	if n.user != "" {
		attrs = append(attrs, slog.String("user", n.user))
	}
	if n.err != nil {
		level = slog.LevelError
		attrs = append(attrs, slog.String("error", n.err.Error()))
	}
	log.LogAttrs(context.Background(), level, "request", attrs...)
}

// statusWriter remembers the status of an answer. It is 200 unless the handler says otherwise, as with net/http.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
