package rules_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/e2e/checker/rules"
)

// inTurn is a run of two sagas with one lock, one of which has it after the other.
func inTurn() rules.Run {
	r := begun()
	def := definition()
	def.Steps, def.Locked = def.Steps[:2], true
	r.Definitions[trip] = def
	for i, id := range []string{happy, sad} {
		from0 := float64(10 * i)
		add(
			&r, id, rules.Completed,
			from(rules.Event{Kind: rules.Started}, from0),
			from(with(rules.Event{Kind: rules.Granted, Lock: "k"}, sent("flight", rules.Do, 1)), from0+1),
			from(with(reply("flight", rules.Do, 1, rules.Succeeded), sent("hotel", rules.Do, 1)), from0+5),
			from(reply("hotel", rules.Do, 1, rules.Succeeded), from0+7),
		)
	}
	r.Queues = []rules.Queued{}
	return r
}

// TestLocks: one saga at a time has a lock. Their events' times may differ a little, and
// what they have done may not.
func TestLocks(t *testing.T) {
	t.Parallel()
	require.Empty(t, rules.Check(inTurn()))
	for name, test := range map[string]struct {
		spoil   func(*rules.Run)
		finding string
	}{
		"had at once": {
			func(r *rules.Run) { event(r, happy, 4).At = at(13.5) },
			"I11: saga " + sad + ": it got the lock \"k\" at 00:00:11.000000, and saga " + happy + " had it until 00:00:13.500000",
		},
		"at work at once": {
			func(r *rules.Run) {
				event(r, happy, 4).At = at(12) // the clocks may differ by so much
				effect(r, "flight", rules.Do).At = at(6.9)
			},
			"I11: saga " + sad + ": with the lock \"k\" it was at work at 00:00:06.900000, and saga " + happy + " was until 00:00:07.000000",
		},
		"kept": {
			func(r *rules.Run) {
				r.Queues = append(r.Queues, rules.Queued{Namespace: "default", Key: "k", Saga: sad, Granted: true})
			},
			"I11: saga " + sad + ": it has ended, and is left in the queue of the lock \"k\"",
		},
		"of nobody": {
			func(r *rules.Run) { r.Queues = append(r.Queues, rules.Queued{Key: "k", Saga: nobod}) },
			"I11: saga " + nobod + ": it is in the queue of the lock \"k\", and there is no such saga",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := inTurn()
			test.spoil(&r)
			require.Contains(t, found(r), test.finding)
		})
	}
	late := inTurn()
	event(&late, happy, 4).At = at(12.9)
	require.Empty(t, rules.Check(late), "by an estimate of the clock")
}

// found are a run's findings as texts.
func found(r rules.Run) (all []string) {
	for _, f := range rules.Check(r) {
		all = append(all, f.String())
	}
	return all
}
