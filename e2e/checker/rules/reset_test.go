package rules_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/e2e/checker/rules"
)

// TestLateWhileAResetWaits: no event says that an approval behind a condition was late,
// and a step that a reset waits for may be refused after it: that turned nothing back.
func TestLateWhileAResetWaits(t *testing.T) {
	t.Parallel()
	r := begun()
	def := definition()
	def.Steps = def.Steps[:2]
	def.Steps[0].Compensation, def.Steps[0].Uncompensated = "", true
	def.Steps[1].After = nil
	def.Steps = append(def.Steps, rules.Step{
		Name: "approve", Kind: rules.Compensable, Conditional: true, Wait: &rules.Wait{For: 5 * time.Second, Approval: true},
	})
	r.Definitions[trip] = def
	add(
		&r, sad, rules.Compensated,
		with(rules.Event{Kind: rules.Started}, sent("flight", rules.Do, 1), sent("hotel", rules.Do, 1)),
		from(rules.Event{Kind: rules.Reset, Step: "flight"}, 1),
		from(rules.Event{Kind: rules.Woke}, 5),
		from(reply("flight", rules.Do, 1, rules.Rejected), 6),
		from(with(reply("hotel", rules.Do, 1, rules.Succeeded), sent("hotel", rules.Undo, 1)), 7),
		from(reply("hotel", rules.Undo, 1, rules.Succeeded), 8),
	)
	require.Empty(t, rules.Check(r))

	event(&r, sad, 3).At = at(4.9)
	require.Contains(t, rules.Check(r), rules.Finding{
		Invariant: "I3", Saga: sad, Message: "event 5 undoes hotel before its turn: what came after it is not undone yet, or the saga goes forward",
	}, "the approval was not late, and the refusal was that of a step on its way back")
}
