package tracing

import (
	"context"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/unwindhq/unwind/internal/record"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/participant"
)

// Command is for participant.Config.Trace: it begins the span of a participant's
// work on a command, below the span that the command's traceparent names, and
// returns what ends it. Nothing else is taken from the headers, no baggage above
// all. Without a traceparent that can be read, the span begins a trace of its own.
func (t *Tracer) Command(ctx context.Context, cmd saga.Command, headers []saga.Header) (context.Context, func(participant.Handled)) {
	if parent, ok := parentOf(headers); ok {
		ctx = trace.ContextWithRemoteSpanContext(ctx, parent)
	}
	//nolint:spancheck // see the function that is returned
	ctx, span := t.provider.Tracer(scope).Start(ctx, workName(cmd), trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
		keySaga.String(cmd.ID.Saga.String()), keyStep.String(cmd.ID.Step.String()), keyDirection.String(cmd.ID.Direction.String()),
		keyParticipant.String(cmd.Participant), keyCommand.String(cmd.Name), keyAttempt.Int(cmd.Attempt), keyEpoch.Int(cmd.Epoch),
	))
	return ctx, func(h participant.Handled) { //nolint:spancheck // it ends the span
		outcome := h.Outcome.String()
		if h.Outcome == 0 {
			outcome = outcomeTrouble
		}
		span.SetAttributes(keyOutcome.String(outcome), keyRepeated.Bool(h.Repeated))
		if h.Outcome != saga.Succeeded {
			span.SetStatus(codes.Error, outcome)
		}
		span.End()
	}
}

// parentOf reads the traceparent of a command.
func parentOf(headers []saga.Header) (trace.SpanContext, bool) {
	value, ok := record.Get(headers, saga.HeaderTraceParent)
	if !ok {
		return trace.SpanContext{}, false
	}
	c, err := saga.ParseTraceParent(string(value))
	return spanContext(c).WithRemote(true), err == nil
}

func spanContext(c saga.TraceContext) trace.SpanContext {
	var flags trace.TraceFlags
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID(c.Trace), SpanID: trace.SpanID(c.Span), TraceFlags: flags.WithSampled(c.Sampled),
	})
}
