package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	// readTimeout bounds a request's head, writeTimeout its answer.
	readTimeout, writeTimeout = 5 * time.Second, 15 * time.Second
	// idleTimeout ends connections that nobody uses.
	idleTimeout = 2 * time.Minute
	// maxHeader is the largest head of a request, in bytes.
	maxHeader = 16 << 10
	// maxScrapes is how many scrapes may run at once; one more answers 503.
	maxScrapes = 4
	// drain is how long Serve waits for scrapes at its end.
	drain = 2 * time.Second
)

// Handler answers GET /metrics, as text or OpenMetrics, whichever is asked for,
// and GET /healthz.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		EnableOpenMetrics: true, MaxRequestsInFlight: maxScrapes, Timeout: writeTimeout - time.Second,
		ErrorHandling: promhttp.ContinueOnError,
		ErrorLog:      slog.NewLogLogger(m.cfg.Log.Handler(), slog.LevelWarn),
	}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok\n") // whoever asked has gone
	})
	return mux
}

// Serve answers on l until ctx ends, and closes l.
func (m *Metrics) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler: m.Handler(), ReadHeaderTimeout: readTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(m.cfg.Log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve metrics on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		_ = server.Close() // a scrape that hangs is of no worth
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics on %s: %w", l.Addr(), err)
	}
	return nil
}
