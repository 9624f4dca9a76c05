package coordinator

import "github.com/unwindhq/unwind/saga"

// Traced is one trace that can be exported: a saga has ended, or its story goes
// on in another trace.
type Traced struct {
	Saga   saga.ID // Saga is whose trace it is.
	Window int64   // Window says which one: see saga.State.Window.
}

// traceOf returns the traceparent of who starts a saga in its canonical form, or
// none: what a stranger sends is neither trusted nor a reason to refuse.
func traceOf(req StartRequest) string {
	c, err := saga.ParseTraceParent(req.Trace)
	if err != nil {
		return ""
	}
	return c.String()
}

// trace notes the window of a transition's effects, and the traces that it has
// brought to their end. The note is committed with the transition, so that no
// crash loses a trace.
func (f *fold) trace(s *folding, before, after *saga.State, effects int) {
	for range effects {
		s.windows = append(s.windows, after.Window)
	}
	traced := f.r.c.cfg.Traced
	if traced == nil || before.Status.Ended() || !traced(s.id) {
		return
	}
	if before.Seq > 0 && after.Window != before.Window {
		s.traced = append(s.traced, Traced{Saga: s.id, Window: before.Window})
	}
	if after.Status.Ended() {
		s.traced = append(s.traced, Traced{Saga: s.id, Window: after.Window})
	}
}

// traceHeaders returns the headers that lead a participant's spans to the
// command's own; none if tracing is off.
func (f *fold) traceHeaders(cmd *saga.Command, window int64) []saga.Header {
	traced := f.r.c.cfg.Traced
	if traced == nil {
		return nil
	}
	c := saga.TraceAttempt(cmd.ID, window, cmd.Attempt, cmd.Epoch)
	c.Sampled = traced(cmd.ID.Saga)
	return []saga.Header{c.Header()}
}
