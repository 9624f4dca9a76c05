package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/unwindhq/unwind/client"
)

// checkTimeout bounds one check of readiness.
const checkTimeout = 2 * time.Second

type healthOutput struct {
	Body struct {
		Status string `json:"status" enum:"ok"`
	}
}

// health answers as long as the process can answer.
func (s *Server) health(context.Context, *struct{}) (*healthOutput, error) {
	out := &healthOutput{}
	out.Body.Status = "ok"
	return out, nil
}

// ready runs every check and names all that fail.
func (s *Server) ready(ctx context.Context, _ *struct{}) (*healthOutput, error) {
	p := newProblem(http.StatusServiceUnavailable, client.NotReady, "not ready")
	for _, check := range s.cfg.Checks {
		ctx, cancel := context.WithTimeout(ctx, checkTimeout)
		if err := check.Run(ctx); err != nil {
			p.Errors = append(p.Errors, client.Fault{Path: check.Name, Problem: err.Error()})
		}
		cancel()
	}
	if err := s.cfg.Engine.Ready(); err != nil {
		p.Errors = append(p.Errors, client.Fault{Path: "engine", Problem: err.Error()})
	}
	if len(p.Errors) > 0 {
		return nil, p
	}
	return s.health(ctx, nil)
}
