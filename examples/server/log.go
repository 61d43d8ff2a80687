package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"
)

// logEntry contains the parts of a log record that only the handler knows.
type logEntry struct {
	user   string
	reason string
	err    error
}

type logEntryKey struct{}

func logEntryFrom(r *http.Request) *logEntry {
	if entry, ok := r.Context().Value(logEntryKey{}).(*logEntry); ok {
		return entry
	}
	return &logEntry{}
}

// logRequests writes one record per request. It logs the route instead of the path, which may contain anything. A panic
// is logged, too, and then propagates to net/http, which logs its value and closes the connection.
func logRequests(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		entry := &logEntry{}
		r = r.WithContext(context.WithValue(r.Context(), logEntryKey{}, entry))
		sw := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		panicked := true
		defer func() {
			if panicked {
				// The page gets no status, because the connection is closed.
				sw.status, entry.reason, entry.err = http.StatusInternalServerError, "panic", errPanicked
			}
			logRequest(log, r, entry, sw.status, time.Since(start))
		}()
		next.ServeHTTP(sw, r)
		panicked = false
	})
}

var errPanicked = errors.New("handler panicked, connection closed")

func logRequest(log *slog.Logger, r *http.Request, entry *logEntry, status int, took time.Duration) {
	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("route", r.Pattern),
		slog.Int("status", status), slog.Duration("took", took),
	}
	level := slog.LevelInfo
	if entry.reason != "" {
		attrs = append(attrs, slog.String("reason", entry.reason))
	}
	if entry.user != "" {
		attrs = append(attrs, slog.String("user", entry.user))
	}
	if entry.err != nil {
		if status >= http.StatusInternalServerError {
			level = slog.LevelError
		}
		attrs = append(attrs, slog.String("error", entry.err.Error()))
	}
	log.LogAttrs(context.Background(), level, "request", attrs...)
}

// statusWriter records the status of the response.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap supports http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
