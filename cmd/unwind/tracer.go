package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/unwindhq/unwind/tracing"
)

// tracing configures what the standard OTEL_ environment asks for.
func (p *program) tracing() tracing.Config {
	return tracing.Config{Getenv: p.getenv, Version: buildVersion()}
}

// tracerTime bounds the last export at the end of a process.
const tracerTime = 5 * time.Second

func endTracer(t *tracing.Tracer, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), tracerTime)
	defer cancel()
	if err := t.Shutdown(ctx); err != nil {
		log.Warn("tracing did not end in order", "error", err)
	}
}
