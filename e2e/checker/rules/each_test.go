package rules_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/e2e/checker/rules"
)

// fanned is a run of one saga that books three flights, two at once, is refused the
// payment and undoes them.
func fanned() rules.Run {
	r := begun()
	def := definition()
	def.Steps = []rules.Step{def.Steps[0], def.Steps[2]}
	def.Steps[0].Each, def.Steps[1].After = 2, []string{"flight"}
	r.Definitions[trip] = def
	item := func(n string, direction string) rules.Sent {
		s := sent("flight", direction, 1)
		s.Step += n
		return s
	}
	answer := func(n string, direction string, sent ...rules.Sent) rules.Event {
		e := reply("flight", direction, 1, rules.Succeeded)
		e.Step += n
		return with(e, sent...)
	}
	add(
		&r, sad, rules.Compensated,
		with(rules.Event{Kind: rules.Started}, item("[0]", rules.Do), item("[1]", rules.Do)),
		answer("[1]", rules.Do, item("[2]", rules.Do)),
		answer("[0]", rules.Do),
		answer("[2]", rules.Do, sent("payment", rules.Do, 1)),
		with(reply("payment", rules.Do, 1, rules.Rejected), item("[2]", rules.Undo), item("[1]", rules.Undo)),
		answer("[1]", rules.Undo, item("[0]", rules.Undo)),
		answer("[2]", rules.Undo),
		answer("[0]", rules.Undo),
	)
	return r
}

// TestItems: the rules know a step's items by the events that name them.
func TestItems(t *testing.T) {
	t.Parallel()
	require.Empty(t, rules.Check(fanned()))
	undone := func(e rules.Effect) bool { return e.Step == "flight[0]" && e.Direction == rules.Undo }
	for _, test := range []struct {
		name    string
		spoil   func(r *rules.Run)
		finding string
	}{
		{"too many at once", func(r *rules.Run) {
			first, second := event(r, sad, 1), event(r, sad, 2)
			first.Sent, second.Sent = append(first.Sent, second.Sent...), nil
		}, "I3: saga " + sad + ": event 1 sends flight[2], the 3th of flight that is under way at once: at most 2 may be"},
		{"before all are over", func(r *rules.Run) {
			third, fourth := event(r, sad, 3), event(r, sad, 4)
			third.Sent, fourth.Sent = fourth.Sent, nil
		}, "I3: saga " + sad + ": event 3 does payment before the steps that it comes after are over"},
		{
			"one is left", func(r *rules.Run) { r.Effects = slices.DeleteFunc(r.Effects, undone) },
			"I2: saga " + sad + ": it is compensated, and the effect of flight[0] is left",
		},
		{"not an item", func(r *rules.Run) { event(r, sad, 2).Sent[0].Step = "payment[0]" }, "I8: saga " + sad + ": event 2 sends payment[0]/do, and there is no such step"},
		{"the step itself", func(r *rules.Run) { event(r, sad, 2).Sent[0].Step = "flight" }, "I8: saga " + sad + ": event 2 sends flight/do, and the step has no command of its own"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := fanned()
			test.spoil(&r)
			var findings []string
			for _, f := range rules.Check(r) {
				findings = append(findings, f.String())
			}
			require.Contains(t, findings, test.finding)
		})
	}
}
