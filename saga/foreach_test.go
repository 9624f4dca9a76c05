package saga_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/unwindhq/unwind/saga"
)

// TestForEachEqualsItsUnrolledTwin: a step with forEach does what as many steps beside
// each other do, event by event: the same commands, causes, phases and ends.
func TestForEachEqualsItsUnrolledTwin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(t, "items")
		behind := rapid.Bool().Draw(t, "behind the pivot")
		each, twin := newTwin(t, eachTwin(behind), n), newTwin(t, unrolledTwin(behind, n), n)
		e := saga.Event{Kind: saga.Started, At: storyStart, Extra: &saga.EventExtra{Level: saga.Level}, Payload: saga.JSON(twinInput(n))}
		for range rapid.IntRange(1, 40).Draw(t, "events") {
			require.Equal(t, twin.decide(e), each.decide(e))
			if e = drawTwinEvent(t, each.state, n); e.Kind == saga.Started {
				break
			}
		}
	})
}

// twinInput has the items as a list and each by its own name.
func twinInput(n int) []byte {
	var items, names []string
	for i := range n {
		items = append(items, fmt.Sprintf(`{"n":%d}`, i))
		names = append(names, fmt.Sprintf(`"e%d":{"n":%d}`, i, i))
	}
	return fmt.Appendf(nil, `{"list":[%s],%s}`, strings.Join(items, ","), strings.Join(names, ","))
}

func twinStep(name string, behind bool) saga.Step {
	step := saga.Step{Name: name, Participant: "p", Command: "run", After: []string{"first"}, Do: saga.Policy{Attempts: 2}}
	if behind {
		step.Kind, step.Do.Attempts = saga.Retriable, 0
		return step
	}
	step.Compensation, step.Undo.Attempts = "unrun", 2
	return step
}

func twinEnds(behind bool, middle []saga.Step, after []string) saga.Definition {
	first := saga.Step{Name: "first", Participant: "q", Command: "run", Compensation: "unrun"}
	last := saga.Step{Name: "last", Participant: "q", Command: "run", Compensation: "unrun", After: after}
	if behind {
		first.Kind, first.Compensation = saga.Pivot, ""
		last.Kind, last.Compensation = saga.Retriable, ""
	}
	return saga.Definition{Name: "twin", Version: "r1", Steps: append(append([]saga.Step{first}, middle...), last)}
}

func eachTwin(behind bool) saga.Definition {
	step := twinStep("e", behind)
	step.ForEach = &saga.ForEach{List: path("input.list")}
	return twinEnds(behind, []saga.Step{step}, []string{"e"})
}

func unrolledTwin(behind bool, n int) saga.Definition {
	var steps []saga.Step
	var names []string
	for i := range n {
		step := twinStep(fmt.Sprintf("e%d", i), behind)
		step.Input = path("input." + step.Name)
		steps, names = append(steps, step), append(names, step.Name)
	}
	return twinEnds(behind, steps, names)
}

// twinOf is one of the two sagas.
type twinOf struct {
	t       *rapid.T
	machine *saga.Machine
	state   saga.State
	items   int
	each    bool
}

func newTwin(t *rapid.T, def saga.Definition, n int) *twinOf {
	machine, err := saga.Compile(def)
	require.NoError(t, err)
	return &twinOf{t: t, machine: machine, state: saga.State{ID: storyID}, items: n, each: len(def.Steps) == 3 && def.Steps[1].ForEach != nil}
}

// decide decides an event about the items and tells what came of it, in the words of
// both twins.
func (w *twinOf) decide(e saga.Event) string {
	if e.Step.Item > 0 && !w.each {
		e.Step = saga.StepRef{Name: fmt.Sprintf("e%d", e.Step.Item-1)}
	}
	next, effects, err := w.machine.Decide(w.state, nil, e)
	var told strings.Builder
	if err != nil {
		for _, refusal := range []error{saga.ErrNotNow, saga.ErrEnded, saga.ErrPastPivot} {
			fmt.Fprint(&told, errors.Is(err, refusal), " ")
		}
		return told.String()
	}
	w.state = next
	for _, effect := range effects {
		c := effect.(saga.Send).Command
		if c.ID.Step.Name != "first" && c.ID.Step.Name != "last" {
			fmt.Fprintf(&told, "send %s %s %d %d %s\n", c.ID, c.Name, c.Attempt, c.Epoch, c.Payload.Data)
			continue
		}
		fmt.Fprintf(&told, "send %s %s %d %d\n", c.ID, c.Name, c.Attempt, c.Epoch)
	}
	steps := next.Steps[1 : len(next.Steps)-1]
	if w.each {
		steps = slices.Concat(next.Items(1), make([]saga.StepState, w.items))[:w.items] // none before it begins
	}
	fmt.Fprintf(&told, "%s because %s; %s", next.Status, next.Cause, next.Steps[0].Phase)
	for _, st := range steps {
		fmt.Fprintf(&told, " %s %d %d", st.Phase, st.Epoch, st.Attempt)
	}
	for _, a := range next.Attention {
		fmt.Fprintf(&told, "; %s %s %s", a.Reason, a.Step, a.Text)
	}
	text := told.String()
	for i := range steps { // e[2] and e2 are one
		text = strings.ReplaceAll(text, fmt.Sprintf("e[%d]", i), fmt.Sprintf("e%d", i))
	}
	return text
}

// drawTwinEvent makes an event that both understand: an answer to what is under way, a
// wake at which every timer is due, or a verb. Started is none.
func drawTwinEvent(t *rapid.T, s saga.State, n int) saga.Event {
	e := saga.Event{At: s.Last.Add(time.Second), Kind: rapid.SampledFrom([]saga.EventKind{
		saga.Replied, saga.Replied, saga.Replied, saga.Replied, saga.Woke, saga.Cancelled, saga.StepResolved, saga.Retried, saga.Paused, saga.Resumed, saga.Started,
	}).Draw(t, "kind")}
	switch refs := []saga.StepRef{{Name: "first"}, {Name: "last"}}; {
	case e.Kind == saga.Woke:
		e.At = s.Last.Add(10 * time.Minute)
	case len(s.Items(1)) < n || rapid.IntRange(0, 4).Draw(t, "end") == 0:
		e.Step = rapid.SampledFrom(refs).Draw(t, "step")
	default:
		e.Step = saga.StepRef{Name: "e", Item: rapid.IntRange(1, n).Draw(t, "item")}
	}
	index := map[string]int{"first": 0, "e": 1, "last": 2}[e.Step.Name]
	k, _ := s.At(index, e.Step.Item)
	st := s.Steps[k]
	e.Direction = saga.Do
	if st.Epoch > 1 {
		e.Direction = saga.Undo
	}
	e.Epoch, e.Attempt, e.Actor = max(1, st.Epoch), max(1, st.Attempt), saga.Actor{Kind: saga.Participant}
	e.Outcome = rapid.SampledFrom([]saga.Outcome{saga.Succeeded, saga.Succeeded, saga.Rejected, saga.Failed, saga.Ongoing}).Draw(t, "outcome")
	if e.Kind == saga.StepResolved && index == 1 && len(s.Items(1)) == 0 {
		e.Step = saga.StepRef{Name: "first"}
	}
	return e
}

// TestAThousandItems: the state stays small however many items there are, and nothing
// in a saga of a thousand of them grows with the square.
func TestAThousandItems(t *testing.T) {
	t.Parallel()
	step := saga.Step{Name: "reserve", Participant: "stock", Command: "reserve", Compensation: "release", ForEach: &saga.ForEach{List: path("input.lines")}}
	last := saga.Step{Name: "pay", Participant: "cards", Command: "charge", Compensation: "refund", Input: path("reserve")}
	machine, err := saga.Compile(saga.Definition{Name: "order", Version: "r1", Steps: []saga.Step{step, last}})
	require.NoError(t, err)
	g := &grower{t: t, machine: machine, state: saga.State{ID: storyID}}
	g.decide(saga.Event{Kind: saga.Started, At: storyStart, Extra: &saga.EventExtra{Level: saga.Level}, Payload: saga.JSON(manyLines(saga.MaxItems))})
	for g.state.Status == saga.Running {
		require.NotEmpty(t, g.out, "nothing is under way")
		c := g.out[0]
		g.out = g.out[1:]
		outcome := saga.Succeeded
		if c.ID.Step.Name == "pay" {
			outcome = saga.Rejected
			require.Equal(t, saga.MaxItems-1, strings.Count(string(c.Payload.Data), `},{`), "an output is missing")
		}
		g.reply(c, outcome)
	}
	for g.state.Status == saga.Compensating {
		c := g.out[0]
		g.out = g.out[1:]
		g.reply(c, saga.Succeeded)
	}
	require.Equal(t, saga.Compensated, g.state.Status)
	require.Equal(t, 2*saga.MaxItems+2, g.events)
	t.Logf("%d events, the largest state %d bytes, %d bytes of states in all", g.events, g.largest, g.bytes)
	require.Less(t, g.largest, 3000, "2 KiB of outputs, and little else")
	require.Less(t, g.bytes/g.events, 400)
}

// manyLines is an input with n lines.
func manyLines(n int) []byte {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf(`{"sku":"sku-%04d","quantity":%d}`, i, i%7)
	}
	return []byte(`{"lines":[` + strings.Join(lines, ",") + `]}`)
}

// grower measures the states of a saga.
type grower struct {
	t                      *testing.T
	machine                *saga.Machine
	state                  saga.State
	history                saga.History
	out                    []saga.Command
	told                   []saga.Tell
	events, largest, bytes int
}

func (g *grower) reply(c saga.Command, outcome saga.Outcome) {
	r := saga.Reply{ID: c.ID, Participant: c.Participant, Attempt: c.Attempt, Epoch: c.Epoch, Outcome: outcome, Payload: saga.JSON([]byte(`{"reservation":"0190a1b2"}`))}
	g.decide(saga.ReplyEvent(r, g.state.Last))
}

func (g *grower) decide(e saga.Event) {
	next, effects, err := g.machine.Decide(g.state, nil, e)
	if errors.Is(err, saga.ErrNeedHistory) {
		next, effects, err = g.machine.Decide(g.state, g.history, e)
	}
	require.NoError(g.t, err)
	g.history = append(g.history, e.Stored(&next, effects))
	data := saga.AppendState(nil, &next)
	g.events, g.largest, g.bytes = g.events+1, max(g.largest, len(data)), g.bytes+len(data)
	g.state, err = saga.DecodeState(next.ID, data)
	require.NoError(g.t, err)
	require.LessOrEqual(g.t, underWay(g.state.Items(0)), saga.DefaultConcurrency)
	for _, effect := range effects {
		switch effect := effect.(type) {
		case saga.Send:
			g.out = append(g.out, effect.Command)
		case saga.Tell:
			g.told = append(g.told, effect)
		}
	}
}

// TestItemsAreThoseOfTheList: whatever a list holds, and however it is written, each
// item is sent as it stands in the list.
func TestItemsAreThoseOfTheList(t *testing.T) {
	t.Parallel()
	step := saga.Step{Name: "e", Participant: "p", Command: "run", Reason: "reads", ForEach: &saga.ForEach{List: path("input.list"), Concurrency: 1}}
	machine, err := saga.Compile(saga.Definition{Name: "each", Version: "r1", Steps: []saga.Step{step}})
	require.NoError(t, err)
	for _, list := range []string{`[1]`, "[ 1 ,\n2 ]", `[["a",[]],{"b":"],[{"},"\"],",null,true,-1.5e3," "]`, `["\\\\","\\\"",{}]`, `["ä,]"]`} {
		g := &grower{t: t, machine: machine, state: saga.State{ID: storyID}}
		g.decide(saga.Event{Kind: saga.Started, At: storyStart, Extra: &saga.EventExtra{Level: saga.Level}, Payload: saga.JSON([]byte(`{"list":` + list + `}`))})
		var want []json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(list), &want))
		for _, item := range want {
			require.Equal(t, string(item), string(g.out[0].Payload.Data), list)
			g.reply(g.out[0], saga.Succeeded)
			g.out = g.out[1:]
		}
		require.Equal(t, saga.Completed, g.state.Status)
	}
}
