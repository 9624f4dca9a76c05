package tracing

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/participant"
)

// keeper is an exporter in memory whose spans outlive its end.
type keeper struct{ *tracetest.InMemoryExporter }

func (keeper) Shutdown(context.Context) error { return nil }

// TestCommand: the participant's span hangs below the attempt, the handler's below
// the participant's, and nothing comes of baggage.
func TestCommand(t *testing.T) {
	t.Parallel()
	spans := keeper{tracetest.NewInMemoryExporter()}
	tracer := newTracer(spans, resource.Empty(), 0)
	cmd := saga.Command{
		ID:          saga.CommandID{Saga: storyID, Step: saga.StepRef{Name: "charge"}, Direction: saga.Do},
		Participant: "payments", Name: "charge", Attempt: 2, Epoch: 1,
	}
	parent := saga.TraceAttempt(cmd.ID, 0, 2, 1)
	parent.Sampled = true
	headers := []saga.Header{parent.Header(), {Key: "baggage", Value: []byte("secret=1")}}
	ctx, end := tracer.Command(t.Context(), cmd, headers)
	require.Zero(t, baggage.FromContext(ctx).Len())
	_, inner := tracer.Provider().Tracer("mine").Start(ctx, "SELECT")
	inner.End()
	end(participant.Handled{Outcome: saga.Rejected, Repeated: true})

	parent.Sampled = false
	_, end = tracer.Command(t.Context(), cmd, []saga.Header{parent.Header()})
	end(participant.Handled{Outcome: saga.Succeeded}) // not sampled: not exported
	_, end = tracer.Command(t.Context(), cmd, []saga.Header{{Key: "traceparent", Value: []byte("nonsense")}})
	end(participant.Handled{}) // a trace of its own, by the ratio: none

	require.NoError(t, tracer.Shutdown(t.Context()))
	got := spans.GetSpans()
	require.Len(t, got, 2)
	mine, work := got[0], got[1]
	require.Equal(t, "payments/charge", work.Name)
	require.Equal(t, parent.Span.String(), work.Parent.SpanID().String())
	require.Equal(t, parent.Trace.String(), work.SpanContext.TraceID().String())
	require.Contains(t, work.Attributes, keyOutcome.String("rejected"))
	require.Contains(t, work.Attributes, keyRepeated.Bool(true))
	require.Equal(t, work.SpanContext.SpanID(), mine.Parent.SpanID())
}
