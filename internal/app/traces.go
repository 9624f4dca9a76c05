package app

import (
	"context"

	"github.com/unwindhq/unwind/saga/sagapg"
	"github.com/unwindhq/unwind/tracing"
)

// openTraces makes what exports the traces, if they are wanted.
func (a *App) openTraces(_ context.Context, p *parts) (err error) {
	if a.cfg.Tracer == nil {
		return nil
	}
	p.traces, err = tracing.NewExporter(tracing.ExporterConfig{
		Queue: sagapg.NewTraces(p.pools.read, a.cfg.Schema), Definitions: p.registry, Tracer: a.cfg.Tracer, Log: a.cfg.Log,
	})
	return err
}

// exportTraces exports traces until ctx ends.
func (p *parts) exportTraces(ctx context.Context) error {
	if p.traces == nil {
		<-ctx.Done()
		return nil
	}
	return p.traces.Run(ctx)
}
