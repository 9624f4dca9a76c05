package tracing

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/unwindhq/unwind/saga"
)

// Story is one window of a saga that has come to its end.
type Story struct {
	Saga      saga.ID      // Saga is whose story it is.
	Namespace string       // Namespace is its tenant.
	Window    int64        // Window says which of its traces: see saga.State.Window.
	History   saga.History // History is the saga's from its beginning, at least up to the window's end.
	Decider   saga.Decider // Decider is the definition's that the saga is pinned to.
}

// maxEvents bounds the span events of a root.
const maxEvents = 128

// errWindow says that a history has nothing of the window.
var errWindow = errors.New("the history does not reach the trace's first event")

// Tell returns the spans of a story: the root first, then one for each attempt of a
// command that was sent in the window and for each time that one had to wait. It
// is pure: the same story gives the same spans, whoever tells it and how often.
func Tell(s Story) ([]tracetest.SpanStub, error) {
	t := teller{story: s, names: map[string]int{}}
	if defined, ok := s.Decider.(interface{ Definition() saga.Definition }); ok {
		t.steps = defined.Definition().Steps
	}
	for i, step := range t.steps {
		t.names[step.Name] = i
	}
	decide, code := s.Decider.Decide, saga.Run{}
	defer code.Stop()
	if d, ok := s.Decider.(*saga.Code); ok {
		decide = func(state saga.State, h saga.History, e saga.Event) (saga.State, []saga.Effect, error) {
			return d.DecideIn(&code, state, h, e)
		}
	}
	state := saga.State{ID: s.Saga}
	for i, e := range s.History {
		next, effects, err := decide(state, s.History[:i+1], e)
		if err != nil {
			return nil, fmt.Errorf("trace of saga %s: event %d (%s): %w", s.Saga, e.Seq, e.Kind, err)
		}
		t.note(moment{event: &s.History[i], before: state, after: next, effects: effects})
		if t.over {
			break
		}
		state = next
	}
	if t.root == nil {
		return nil, fmt.Errorf("trace of saga %s: %w (%d of %d)", s.Saga, errWindow, s.Window, len(s.History))
	}
	return t.finish(), nil
}

// moment is one event and what it did.
type moment struct {
	event         *saga.Event
	before, after saga.State
	effects       []saga.Effect
}

// teller folds a history into the spans of one window.
type teller struct {
	story Story
	steps []saga.Step    // a declared saga's
	names map[string]int // them by name
	root  *tracetest.SpanStub
	open  []*attempt
	waits []*tracetest.SpanStub // the wait under way, for each step and item
	done  []*tracetest.SpanStub
	last  saga.State
	over  bool
}

// attempt is a command that was sent and not answered yet.
type attempt struct {
	cmd  saga.Command
	span *tracetest.SpanStub
}

// note takes one event in. The first event of the next window still ends what this
// one has left open.
func (t *teller) note(m moment) {
	mine := m.after.Window == t.story.Window
	if !mine && t.root == nil {
		return
	}
	if t.root == nil {
		t.begin(m)
	}
	t.answers(m)
	t.over = !mine
	if !mine {
		return
	}
	t.remark(m)
	t.waited(m)
	t.sends(m)
	t.root.EndTime = m.after.Last
	t.last = m.after
	t.over = m.after.Status.Ended()
}

// begin opens the root.
func (t *teller) begin(m moment) {
	id := t.story.Saga
	t.root = t.span(saga.TraceRoot(id, t.story.Window), rootName(m.after.Definition), m.after.Last)
	t.root.Parent = trace.SpanContext{}
	t.root.Attributes = []attribute.KeyValue{
		keySaga.String(id.String()), keyNamespace.String(t.story.Namespace),
		keyDefinition.String(m.after.Definition), keyVersion.String(m.after.Version), keyWindow.Int64(t.story.Window),
	}
	switch by, err := saga.ParseTraceParent(m.event.Extras().Trace); {
	case t.story.Window > 0:
		before := saga.TraceRoot(id, m.before.Window)
		before.Sampled = true
		t.root.Links = []sdktrace.Link{{SpanContext: spanContext(before)}}
	case m.event.Extras().Trace != "" && err == nil:
		t.root.Links = []sdktrace.Link{{SpanContext: spanContext(by).WithRemote(true)}}
		t.root.Attributes = append(t.root.Attributes, keyStartedBy.String(by.Trace.String()))
	}
}

// span opens a span below the root.
func (t *teller) span(c saga.TraceContext, name string, at time.Time) *tracetest.SpanStub {
	c.Sampled = true
	root := saga.TraceRoot(t.story.Saga, t.story.Window)
	root.Sampled = true
	return &tracetest.SpanStub{
		Name: name, SpanContext: spanContext(c), Parent: spanContext(root), SpanKind: trace.SpanKindInternal,
		StartTime: at, EndTime: at, InstrumentationScope: instrumentation.Scope{Name: scope},
	}
}

// sends opens a span for each command that the event sent.
func (t *teller) sends(m moment) {
	for _, effect := range m.effects {
		send, ok := effect.(saga.Send)
		if !ok {
			continue
		}
		cmd := send.Command
		span := t.span(saga.TraceAttempt(cmd.ID, t.story.Window, cmd.Attempt, cmd.Epoch), attemptName(cmd.ID), m.after.Last)
		span.SpanKind = trace.SpanKindProducer
		span.Attributes = []attribute.KeyValue{
			keySaga.String(t.story.Saga.String()), keyStep.String(cmd.ID.Step.String()), keyDirection.String(cmd.ID.Direction.String()),
			keyParticipant.String(cmd.Participant), keyCommand.String(cmd.Name), keyAttempt.Int(cmd.Attempt), keyEpoch.Int(cmd.Epoch),
		}
		t.open = append(t.open, &attempt{cmd: cmd, span: span})
	}
}

// answers ends the attempts that the event has ended, one way or another.
func (t *teller) answers(m moment) {
	t.open = slices.DeleteFunc(t.open, func(a *attempt) bool {
		st := t.stateOf(&m.after, a.cmd.ID.Step)
		sent := st.Phase == saga.Doing || st.Phase == saga.Undoing
		answered := m.event.Kind == saga.Replied && m.event.Step == a.cmd.ID.Step && m.event.Direction == a.cmd.ID.Direction
		if sent && st.Attempt == a.cmd.Attempt && st.Epoch == a.cmd.Epoch {
			if answered && m.event.Outcome == saga.Ongoing {
				a.span.Events = append(a.span.Events, sdktrace.Event{Name: eventOngoing, Time: m.after.Last})
			}
			return false
		}
		outcome := outcomeTimeout
		switch {
		case answered:
			outcome = m.event.Outcome.String()
			if m.event.Attempt != a.cmd.Attempt {
				a.span.Attributes = append(a.span.Attributes, keyAnswered.Int(m.event.Attempt))
			}
		case m.event.Kind != saga.Woke:
			outcome = string(m.event.Kind)
		}
		t.end(a.span, m.after.Last, outcome)
		return true
	})
}

// end ends an attempt's span.
func (t *teller) end(span *tracetest.SpanStub, at time.Time, outcome string) {
	span.EndTime = at
	span.Attributes = append(span.Attributes, keyOutcome.String(outcome))
	if outcome != saga.Succeeded.String() && outcome != outcomePending {
		span.Status = sdktrace.Status{Code: codes.Error, Description: outcome}
	}
	t.done = append(t.done, span)
	if at.After(t.root.EndTime) {
		t.root.EndTime = at
	}
}

// waited ends and begins the spans of commands that have to wait.
func (t *teller) waited(m moment) {
	for i, count := 0, max(rows(&m.before), rows(&m.after)); i < count; i++ { // a step that begins anew takes its items away
		if i == len(t.waits) { // a step that was not there before
			t.waits = append(t.waits, nil)
		}
		ref, is := t.row(&m.after, i)
		_, before := t.row(&m.before, i)
		word, direction := waiting(is)
		was, _ := waiting(before)
		if w := t.waits[i]; w != nil && (word == "" || word != was) {
			w.EndTime = m.after.Last
			t.done, t.waits[i] = append(t.done, w), nil
		}
		if word == "" || word == was {
			continue
		}
		cmd := saga.CommandID{Saga: t.story.Saga, Step: ref, Direction: direction}
		t.waits[i] = t.span(saga.TraceWait(cmd, t.story.Window, m.after.Seq), waitName(word, ref.Name), m.after.Last)
		t.waits[i].Attributes = []attribute.KeyValue{
			keySaga.String(t.story.Saga.String()), keyStep.String(ref.String()), keyDirection.String(direction.String()),
		}
	}
}

// rows is how many steps and items a saga has had.
func rows(s *saga.State) int {
	if plan := s.Extras().Plan; plan != nil {
		return int(plan.Asked)
	}
	return len(s.Steps)
}

// row is one of them: what it is called and how far it is. One that is not there,
// or no longer, waits for nothing.
func (t *teller) row(s *saga.State, i int) (ref saga.StepRef, phase saga.Phase) {
	plan := s.Extras().Plan
	switch {
	case plan != nil:
		if at, ok := plan.ByAsk(int64(i + 1)); ok {
			return plan.Steps[at].Ref(), s.Steps[at].Phase
		}
	case i < len(s.Steps):
		step, item := s.Place(i)
		return saga.StepRef{Name: t.steps[step].Name, Item: item}, s.Steps[i].Phase
	}
	return ref, saga.Waiting
}

// stateOf is how far a step or item is; zero if it is not there any more.
func (t *teller) stateOf(s *saga.State, ref saga.StepRef) saga.StepState {
	if plan := s.Extras().Plan; plan != nil {
		if i, ok := plan.Find(ref); ok {
			return s.Steps[i]
		}
		return saga.StepState{}
	}
	i, ok := s.At(t.names[ref.Name], ref.Item)
	if !ok {
		return saga.StepState{}
	}
	return s.Steps[i]
}

// waiting is the word for a step's wait, if its phase is one.
func waiting(p saga.Phase) (word string, direction saga.Direction) {
	switch p {
	case saga.Held:
		return wordHeld, saga.Do
	case saga.UndoHeld:
		return wordHeld, saga.Undo
	case saga.Resting:
		return wordRest, saga.Do
	case saga.UndoResting:
		return wordRest, saga.Undo
	case saga.Sleeping:
		return wordSleep, saga.Do
	case saga.Awaiting:
		return wordAwait, saga.Do
	case saga.Asking:
		return wordApproval, saga.Do
	}
	return "", 0
}

// remark puts what is neither a command nor an answer on the root.
func (t *teller) remark(m moment) {
	for _, a := range m.after.Attention {
		same := func(b saga.Attention) bool { return b.Reason == a.Reason && b.Step == a.Step }
		if !slices.ContainsFunc(m.before.Attention, same) {
			t.event(eventAttention, m.after.Last, keyReason.String(string(a.Reason)), keyStep.String(a.Step))
		}
	}
	switch m.event.Kind {
	case saga.Started, saga.Replied, saga.Woke:
	default:
		t.event(string(m.event.Kind), m.after.Last, keyActor.String(string(m.event.Actor.Kind)), keyStep.String(m.event.Step.String()))
	}
}

func (t *teller) event(name string, at time.Time, about ...attribute.KeyValue) {
	if len(t.root.Events) < maxEvents {
		t.root.Events = append(t.root.Events, sdktrace.Event{Name: name, Time: at, Attributes: about})
	}
}

// finish ends what is still open when the window is over and puts the spans in
// order: the root, then by their beginnings.
func (t *teller) finish() []tracetest.SpanStub {
	for _, a := range t.open {
		t.end(a.span, t.root.EndTime, outcomePending)
	}
	for _, w := range t.waits {
		if w != nil {
			w.EndTime = t.root.EndTime
			t.done = append(t.done, w)
		}
	}
	t.root.Attributes = append(t.root.Attributes, keyStatus.String(t.last.Status.String()))
	var attention []string
	for _, a := range t.last.Attention {
		attention = append(attention, string(a.Reason))
	}
	if len(attention) > 0 {
		t.root.Attributes = append(t.root.Attributes, keyAttention.StringSlice(attention))
	}
	if s := t.last.Status; s == saga.Compensating || s == saga.Compensated || s == saga.Abandoned || len(attention) > 0 {
		t.root.Status = sdktrace.Status{Code: codes.Error, Description: s.String()}
	}
	t.root.Attributes = append(t.root.Attributes, keySpans.Int(1+len(t.done)))
	slices.SortStableFunc(t.done, func(a, b *tracetest.SpanStub) int { return a.StartTime.Compare(b.StartTime) })
	spans := []tracetest.SpanStub{*t.root}
	for _, span := range t.done {
		spans = append(spans, *span)
	}
	return spans
}
