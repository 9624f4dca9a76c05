package tracing

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
)

// everyLine is an expression: the saga's input.
type everyLine struct{}

func (everyLine) String() string                                 { return "input" }
func (everyLine) Reads() saga.Reads                              { return saga.Reads{Input: true} }
func (everyLine) Eval(scope saga.Scope) (json.RawMessage, error) { return scope.Input() }

// TestItemsHaveSpans: each item of a list has its own spans, also for the times that it
// has to wait; the name is the step's, so that names are few, the item an attribute.
func TestItemsHaveSpans(t *testing.T) {
	t.Parallel()
	m, err := saga.Compile(saga.Definition{Name: "order", Version: "r1", Steps: []saga.Step{{
		Name: "reserve", Participant: "stock", Command: "reserve", Compensation: "release", ForEach: &saga.ForEach{List: everyLine{}, Concurrency: 2},
		Do: saga.Policy{Timeout: 10 * time.Second},
	}}})
	require.NoError(t, err)
	p := &play{t: t, m: m, at: storyStart, state: saga.State{ID: storyID}}
	p.event(saga.Event{Kind: saga.Started, Extra: &saga.EventExtra{Definition: "order", Version: "r1", Level: saga.Level}, Payload: saga.JSON([]byte("[1,2,3]"))})
	item := func(n, attempt int, outcome saga.Outcome) {
		p.event(saga.Event{Kind: saga.Replied, Step: saga.StepRef{Name: "reserve", Item: n}, Direction: saga.Do, Attempt: attempt, Epoch: 1, Outcome: outcome})
	}
	item(2, 1, saga.Failed)
	item(1, 1, saga.Succeeded)
	p.wake()
	item(2, 2, saga.Succeeded)
	item(3, 1, saga.Succeeded)
	require.Equal(t, saga.Completed, p.state.Status)
	spans := p.tell(0)
	require.Equal(t, `order 0-4.092 completed
  do reserve 0-1 failed ERROR
  do reserve 0-2 succeeded
  rest reserve 1-2.092
  do reserve 2-4.092 succeeded
  do reserve 2.092-3.092 succeeded
`, strings.TrimPrefix(drawn(spans), "saga "))
	var steps []string
	for _, span := range spans[1:] {
		for _, a := range span.Attributes {
			if a.Key == keyStep {
				steps = append(steps, a.Value.AsString())
			}
		}
	}
	require.ElementsMatch(t, []string{"reserve[0]", "reserve[1]", "reserve[1]", "reserve[1]", "reserve[2]"}, steps)
	require.Equal(t, spans, p.tell(0))
}
