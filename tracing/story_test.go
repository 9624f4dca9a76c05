package tracing

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"pgregory.net/rapid"

	"github.com/unwindhq/unwind/saga"
)

var (
	storyID    = saga.ID{0x01, 0x90, 0xa1, 0xb2, 6: 0x70, 8: 0x80, 15: 1}
	storyStart = time.Date(2026, 11, 23, 20, 0, 0, 0, time.UTC)
)

// trip is: a flight and a hotel side by side, then the payment.
func trip(t require.TestingT) *saga.Machine {
	step := func(name string, kind saga.Kind, after ...string) saga.Step {
		s := saga.Step{
			Name: name, Participant: name + "s", Command: "book", Kind: kind, After: append([]string{}, after...),
			Do: saga.Policy{Timeout: 10 * time.Second, Attempts: 2},
		}
		if kind == saga.Compensable {
			s.Compensation = "cancel"
		}
		return s
	}
	m, err := saga.Compile(saga.Definition{Name: "trip", Version: "r1", Steps: []saga.Step{
		step("flight", saga.Compensable), step("hotel", saga.Compensable), step("payment", saga.Pivot, "flight", "hotel"),
	}})
	require.NoError(t, err)
	return m
}

// play is a saga that a test drives.
type play struct {
	t       require.TestingT
	m       *saga.Machine
	at      time.Time
	state   saga.State
	history saga.History
	sent    []saga.TraceContext // the span of each command, in the trace that its header names
}

func begin(t require.TestingT, trace string) *play {
	p := &play{t: t, m: trip(t), at: storyStart, state: saga.State{ID: storyID}}
	p.event(saga.Event{Kind: saga.Started, Extra: &saga.EventExtra{Definition: "trip", Version: "r1", Level: saga.Level, Trace: trace}, Payload: saga.JSON([]byte("{}"))})
	return p
}

// event decides an event a second after the one before.
func (p *play) event(e saga.Event) {
	e.At = p.at
	p.at = p.at.Add(time.Second)
	next, effects, err := p.m.Decide(p.state, p.history, e)
	if err != nil || next.Seq == p.state.Seq {
		return
	}
	p.state, p.history = next, append(p.history, e.Stored(&next, effects))
	for _, effect := range effects {
		if send, ok := effect.(saga.Send); ok {
			p.sent = append(p.sent, saga.TraceAttempt(send.Command.ID, next.Window, send.Command.Attempt, send.Command.Epoch))
		}
	}
}

// reply answers the present attempt of a step.
func (p *play) reply(step string, direction saga.Direction, outcome saga.Outcome) {
	i := slices.IndexFunc(p.m.Definition().Steps, func(s saga.Step) bool { return s.Name == step })
	st := p.state.Steps[i]
	p.event(saga.Event{
		Kind: saga.Replied, Step: saga.StepRef{Name: step}, Direction: direction, Attempt: st.Attempt, Epoch: st.Epoch, Outcome: outcome,
		Reason: "secret reason", Payload: saga.JSON([]byte(`{"secret":"payload"}`)),
	})
}

func (p *play) wake() {
	if due := p.state.WakeAt(); !due.IsZero() {
		p.at = due
	}
	p.event(saga.Event{Kind: saga.Woke})
}

// tell tells one window of the story.
func (p *play) tell(window int64) []tracetest.SpanStub {
	spans, err := Tell(Story{Saga: storyID, Namespace: "default", Window: window, History: p.history, Decider: p.m})
	require.NoError(p.t, err)
	return spans
}

// drawn writes spans as a person would draw them, with seconds since the start.
func drawn(spans []tracetest.SpanStub) string {
	var b strings.Builder
	for i, s := range spans {
		indent := "  "
		if i == 0 {
			indent = ""
		}
		fmt.Fprintf(&b, "%s%s %v-%v", indent, s.Name, second(s.StartTime), second(s.EndTime))
		for _, key := range []attribute.Key{keyStatus, keyOutcome, keyAnswered, keyAttention, keyStartedBy} {
			for _, a := range s.Attributes {
				if a.Key == key {
					fmt.Fprintf(&b, " %s", a.Value.String())
				}
			}
		}
		if s.Status.Description != "" {
			b.WriteString(" ERROR")
		}
		for _, e := range s.Events {
			b.WriteString(" *" + e.Name)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func second(at time.Time) float64 { return float64(at.Sub(storyStart).Milliseconds()) / 1000 }

// stories are what happens to a saga, and the spans that tell it.
var stories = map[string]struct {
	tell func(p *play)
	want string
}{
	"completed": {func(p *play) {
		p.reply("flight", saga.Do, saga.Succeeded)
		p.reply("hotel", saga.Do, saga.Succeeded)
		p.reply("payment", saga.Do, saga.Succeeded)
	}, `saga trip 0-3 completed
  do flight 0-1 succeeded
  do hotel 0-2 succeeded
  do payment 2-3 succeeded
`},
	"compensated": {func(p *play) {
		p.reply("flight", saga.Do, saga.Succeeded)
		p.reply("hotel", saga.Do, saga.Rejected)
		p.reply("flight", saga.Undo, saga.Succeeded)
	}, `saga trip 0-3 compensated ERROR
  do flight 0-1 succeeded
  do hotel 0-2 rejected ERROR
  undo flight 2-3 succeeded
`},
	"failed, then silent": {func(p *play) {
		p.reply("flight", saga.Do, saga.Ongoing)
		p.reply("hotel", saga.Do, saga.Failed)
		p.reply("flight", saga.Do, saga.Succeeded)
		p.wake()
		p.wake()
		p.event(saga.Event{Kind: saga.Cancelled, Reason: "no"})
		p.reply("hotel", saga.Undo, saga.Succeeded)
		p.reply("flight", saga.Undo, saga.Succeeded)
	}, `saga trip 0-16 compensated ERROR
  do hotel 0-2 failed ERROR
  do flight 0-3 succeeded *ongoing
  rest hotel 2-3
  do hotel 3-13 timeout ERROR
  undo hotel 13-15 succeeded
  undo flight 13-16 succeeded
`},
	"turned back by hand": {func(p *play) {
		p.event(saga.Event{Kind: saga.Cancelled, Hold: true, Reason: "no"})
		p.reply("flight", saga.Do, saga.Succeeded)
		p.reply("hotel", saga.Do, saga.Succeeded)
		p.event(saga.Event{Kind: saga.Poisoned, Reason: "x"})
		p.reply("hotel", saga.Undo, saga.Failed)
		p.wake()
		p.reply("hotel", saga.Undo, saga.Succeeded)
		p.reply("flight", saga.Undo, saga.Succeeded)
	}, `saga trip 0-7.944 compensated ["transition-failed"] ERROR *cancelled *attention *poisoned
  do flight 0-2 succeeded
  do hotel 0-3 succeeded
  undo hotel 3-5 failed ERROR
  undo flight 3-7.944 succeeded
  rest hotel 5-5.944
  undo hotel 5.944-6.944 succeeded
`},
	"held": {func(p *play) {
		p.reply("hotel", saga.Do, saga.Failed)
		p.at = p.state.WakeAt()
		p.event(saga.Event{Kind: saga.Woke, Hold: true})
		p.at = p.at.Add(3 * time.Second)
		p.event(saga.Event{Kind: saga.Woke})
		p.reply("hotel", saga.Do, saga.Rejected)
		p.reply("flight", saga.Do, saga.Rejected)
	}, `saga trip 0-7.944 compensated ERROR
  do hotel 0-1 failed ERROR
  do flight 0-7.944 rejected ERROR
  rest hotel 1-1.944
  held hotel 1.944-5.944
  do hotel 5.944-6.944 rejected ERROR
`},
}

func TestStories(t *testing.T) {
	t.Parallel()
	for name, c := range stories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := begin(t, "")
			c.tell(p)
			spans := p.tell(0)
			require.Equal(t, c.want, drawn(spans))
			require.NotContains(t, fmt.Sprintf("%+v", spans), "secret", "neither payloads nor reasons")
		})
	}
}

// TestLinkToWhoStarted: the trace is the saga's own and links to the client's.
func TestLinkToWhoStarted(t *testing.T) {
	t.Parallel()
	p := begin(t, "00-0190a1b2c3d47e5f8a9b0c1d2e3f4a5b-00f067aa0ba902b7-01")
	root := p.tell(0)[0]
	require.False(t, root.Parent.IsValid())
	require.Equal(t, "0190a1b20000700080000000000000"+"01", root.SpanContext.TraceID().String())
	require.Len(t, root.Links, 1)
	require.Equal(t, "00f067aa0ba902b7", root.Links[0].SpanContext.SpanID().String())
	require.Contains(t, drawn([]tracetest.SpanStub{root}), "0190a1b2c3d47e5f8a9b0c1d2e3f4a5b")
}

// TestLinkedTrace: after an hour idle the story goes on in another trace; the
// event that opens it still ends what the one before had left open.
func TestLinkedTrace(t *testing.T) {
	t.Parallel()
	p := begin(t, "")
	p.reply("flight", saga.Do, saga.Succeeded)
	p.at = p.at.Add(2 * time.Hour)
	p.reply("hotel", saga.Do, saga.Succeeded)
	p.reply("payment", saga.Do, saga.Succeeded)
	require.EqualValues(t, 3, p.state.Window)
	require.Equal(t, "saga trip 0-7202 running\n  do flight 0-1 succeeded\n  do hotel 0-7202 succeeded\n", drawn(p.tell(0)))
	second := p.tell(3)
	require.Equal(t, "saga trip 7202-7203 completed\n  do payment 7202-7203 succeeded\n", drawn(second))
	require.Equal(t, p.tell(0)[0].SpanContext.SpanID(), second[0].Links[0].SpanContext.SpanID())
	require.Equal(t, p.tell(0)[0].SpanContext.TraceID(), second[0].Links[0].SpanContext.TraceID())
}

// TestEveryCommandHasOneSpan: whatever happens to a saga, each command that was
// sent has exactly one span, the one that its header names, below the one root of
// its trace and within its time.
func TestEveryCommandHasOneSpan(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := begin(t, "")
		windows := []int64{0}
		for range rapid.IntRange(0, 40).Draw(t, "events") {
			p.any(t)
			if w := p.state.Window; w != windows[len(windows)-1] {
				windows = append(windows, w)
			}
			if p.state.Status.Ended() {
				break
			}
		}
		var told []saga.TraceContext
		for _, w := range windows {
			spans := p.tell(w)
			require.Equal(t, spans, p.tell(w), "told twice, it is the same")
			for _, s := range spans {
				c := saga.TraceContext{Trace: saga.TraceID(s.SpanContext.TraceID()), Span: saga.SpanID(s.SpanContext.SpanID())}
				if strings.HasPrefix(s.Name, "do ") || strings.HasPrefix(s.Name, "undo ") {
					told = append(told, c)
				}
			}
			within(t, spans)
			if len(windows) == 1 {
				noGap(t, spans)
			}
		}
		require.ElementsMatch(t, p.sent, told)
	})
}

// within checks that spans are one tree of one root, in time and without a twin.
func within(t require.TestingT, spans []tracetest.SpanStub) {
	seen := map[string]bool{}
	for i, s := range spans {
		require.False(t, seen[s.SpanContext.SpanID().String()], "a span id twice")
		seen[s.SpanContext.SpanID().String()] = true
		require.Equal(t, spans[0].SpanContext.TraceID(), s.SpanContext.TraceID())
		require.False(t, s.EndTime.Before(s.StartTime))
		if i > 0 {
			require.Equal(t, spans[0].SpanContext.SpanID(), s.Parent.SpanID())
			require.False(t, s.StartTime.Before(spans[0].StartTime) || s.EndTime.After(spans[0].EndTime), "%s is not within the root", s.Name)
		}
	}
}

// noGap checks that the root's time is told without a gap.
func noGap(t require.TestingT, spans []tracetest.SpanStub) {
	told := spans[0].StartTime
	for _, s := range spans[1:] { // by their beginnings
		require.False(t, s.StartTime.After(told), "nothing tells what happened before %s", s.Name)
		if s.EndTime.After(told) {
			told = s.EndTime
		}
	}
	require.Equal(t, spans[0].EndTime, told)
}

// any lets something happen, sensible or not.
func (p *play) any(t *rapid.T) {
	step := rapid.SampledFrom([]string{"flight", "hotel", "payment"}).Draw(t, "step")
	direction := rapid.SampledFrom([]saga.Direction{saga.Do, saga.Undo}).Draw(t, "direction")
	outcome := rapid.SampledFrom([]saga.Outcome{saga.Succeeded, saga.Succeeded, saga.Rejected, saga.Failed, saga.Ongoing}).Draw(t, "outcome")
	switch rapid.IntRange(0, 9).Draw(t, "what") {
	case 0, 1:
		p.wake()
	case 2:
		p.event(saga.Event{Kind: saga.Cancelled, Hold: rapid.Bool().Draw(t, "hold")})
	case 3:
		p.at = p.at.Add(2 * time.Hour)
	case 4:
		p.event(saga.Event{Kind: saga.Woke, Hold: true})
	default:
		p.reply(step, direction, outcome)
	}
}
