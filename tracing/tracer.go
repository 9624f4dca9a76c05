package tracing

import (
	"context"
	"errors"
	"fmt"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/unwindhq/unwind/saga"
)

// Tracer exports traces. Its methods may be called from any goroutine.
type Tracer struct {
	exporter sdktrace.SpanExporter
	resource *resource.Resource
	provider *sdktrace.TracerProvider
	ratio    float64
}

// Setup returns the Tracer that the environment asks for, or nil if it turns no
// traces on. It connects to nothing: a collector that is away fails no one. The
// caller ends it with Shutdown.
func Setup(ctx context.Context, cfg Config) (*Tracer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if on, err := cfg.on(); !on {
		return nil, err
	}
	ratio, err := cfg.ratio()
	if err != nil {
		return nil, err
	}
	exporter, err := cfg.exporter(ctx)
	if err != nil {
		return nil, fmt.Errorf("tracing: make the exporter: %w", err)
	}
	about, err := cfg.resource(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("tracing: describe this service: %w", err), exporter.Shutdown(ctx))
	}
	return newTracer(exporter, about, ratio), nil
}

// newTracer always follows the parent of a span: what a saga's own spans below a
// command are worth was decided with the saga.
func newTracer(exporter sdktrace.SpanExporter, about *resource.Resource, ratio float64) *Tracer {
	return &Tracer{
		exporter: exporter, resource: about, ratio: ratio,
		provider: sdktrace.NewTracerProvider(
			sdktrace.WithBatcher(exporter), sdktrace.WithResource(about),
			sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(ratio))),
		),
	}
}

// Sampled says whether a saga is traced. Every process with the same environment
// says the same.
func (t *Tracer) Sampled(id saga.ID) bool { return saga.TraceShare(id) < t.ratio }

// Provider is for the spans of your own code, such as a participant's: with it,
// what a handler does hangs below the handler's span.
func (t *Tracer) Provider() trace.TracerProvider { return t.provider }

// export sends spans and returns once the collector has them.
func (t *Tracer) export(ctx context.Context, spans []tracetest.SpanStub) error {
	for i := range spans {
		spans[i].Resource = t.resource
	}
	return t.exporter.ExportSpans(ctx, tracetest.SpanStubs(spans).Snapshots())
}

// Shutdown sends what is left of the participants' spans, for as long as ctx
// lasts, and ends the Tracer. A nil Tracer is one that was never set up.
func (t *Tracer) Shutdown(ctx context.Context) error {
	if t == nil {
		return nil
	}
	if err := t.provider.Shutdown(ctx); err != nil { // it ends the exporter as well
		return fmt.Errorf("tracing: send the last spans: %w", err)
	}
	return nil
}
