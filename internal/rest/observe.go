package rest

import (
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// observe tells Config.Observe of every request that has a route.
func (s *Server) observe(ctx huma.Context, next func(huma.Context)) {
	began := time.Now()
	next(ctx)
	s.cfg.Observe(ctx.Operation().OperationID, ctx.Status(), time.Since(began))
}
