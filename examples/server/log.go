package main

import (
	"context"
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

// logged writes one record per request, with the route and never the path, which may hold anything.
func logged(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		n := &note{}
		r = r.WithContext(context.WithValue(r.Context(), noteKey{}, n))
		answer := &statusWriter{ResponseWriter: w}
		next.ServeHTTP(answer, r)

		attrs := []slog.Attr{
			slog.String("method", r.Method), slog.String("route", r.Pattern),
			slog.Int("status", answer.status), slog.Duration("took", time.Since(start)),
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
	})
}

// statusWriter remembers the status of an answer; it is 0 if there was none.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
