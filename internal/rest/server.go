package rest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/unwindhq/unwind/client"
)

const (
	// maxBody is the largest body of a request, in bytes.
	maxBody = 1 << 20
	// maxHeader is the largest header of a request, in bytes.
	maxHeader = 32 << 10
	// headerTimeout and bodyTimeout bound how long a client may take to send them.
	headerTimeout = 5 * time.Second
	bodyTimeout   = 10 * time.Second
	// commitTimeout is how long a verb may wait for its commit.
	commitTimeout = 20 * time.Second
	// idleTimeout ends connections that nobody uses.
	idleTimeout = 2 * time.Minute
)

// Server is the REST API as an http.Handler.
type Server struct {
	cfg     Config
	mux     *http.ServeMux
	handler http.Handler
	api     huma.API
	waiting chan struct{} // one item for each waiting request
	ending  chan struct{} // closed when Serve ends: waiting requests answer at once
}

// New returns the API. It does not listen; see Serve.
func New(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	s := &Server{
		cfg: cfg, mux: http.NewServeMux(), ending: make(chan struct{}),
		waiting: make(chan struct{}, cfg.MaxWaiting),
	}
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		newProblem(http.StatusForbidden, client.CrossOrigin, "a page of another site may not change anything here").write(w)
	}))
	s.handler = origin.Handler(s.mux)
	if cfg.LocalOnly {
		s.handler = localOnly(s.handler)
	}
	s.api = humago.New(s.mux, s.describe())
	if cfg.Observe != nil {
		s.api.UseMiddleware(s.observe)
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		newProblem(http.StatusNotFound, client.NotFound, "there is no "+r.Method+" "+r.URL.Path+"; see /openapi.json").write(w)
	})
	s.routes()
	return s, nil
}

// describe is the head of the OpenAPI document.
func (s *Server) describe() huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Unwind", Version: s.cfg.Version,
				Description: "Start sagas, look at them, turn them back. Errors are application/problem+json with a stable code.",
			},
		},
		OpenAPIPath:                  "/openapi",
		Formats:                      huma.DefaultFormats,
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{transform},
	}
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// OpenAPI returns the description of the API, for tests and tools.
func (s *Server) OpenAPI() *huma.OpenAPI { return s.api.OpenAPI() }

// Serve answers requests on l until ctx ends; then it takes no more, lets those
// under way end, within Config.Drain, and closes l. Serve once.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       headerTimeout + bodyTimeout,
		WriteTimeout:      s.cfg.MaxWait + headerTimeout + 2*bodyTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve REST on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	close(s.ending)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Drain)
	defer cancel()
	err := server.Shutdown(drain)
	if err != nil {
		err = errors.Join(fmt.Errorf("drain REST requests: %w", err), server.Close())
	}
	if cause := <-failed; !errors.Is(cause, http.ErrServerClosed) {
		err = errors.Join(err, cause)
	}
	return err
}
