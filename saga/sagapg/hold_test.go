package sagapg_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/breaker"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// A hold keeps the commands of its group back, through a takeover, and burns no
// attempt; new sagas begin and wait. A release lets all of them go, each once.
func TestAHoldBurnsNoAttempt(t *testing.T) {
	t.Parallel()
	for name, group := range map[string]breaker.Group{
		"participant": {Kind: breaker.ParticipantGroup, Name: "hotels"},
		"definition":  {Kind: coordinator.DefinitionGroup, Within: "default", Name: "travel"},
		"namespace":   {Kind: coordinator.NamespaceGroup, Name: "default"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gate := newGate(t)
			w := gated(t, gate, patient())
			gate.SetHolds([]breaker.Hold{{ID: 1, Group: group}})
			var ids []saga.ID
			for range 20 {
				ids = append(ids, w.start(t, "travel", `{}`))
			}
			isHeld := func() bool { return len(gate.Holds()) == 1 && gate.Holds()[0].Held == len(ids) }
			require.Eventually(t, isHeld, patience, 5*time.Millisecond)
			ids = append(ids, w.start(t, "travel", `{}`))
			require.Eventually(t, isHeld, patience, 5*time.Millisecond)

			w.c.Lose(all()) // and another process takes over: here the same again
			require.Eventually(t, func() bool { return gate.Holds()[0].Held == 0 }, patience, 5*time.Millisecond)
			w.c.Gain(t.Context(), w.bus.ends())
			require.Eventually(t, isHeld, patience, 5*time.Millisecond)

			gate.SetHolds([]breaker.Hold{{ID: 2, Group: group, Rate: 200}})
			for _, id := range ids {
				w.ends(t, id, saga.Completed)
				for _, cmd := range w.bus.commands(id) {
					require.Equal(t, 1, cmd.Attempt)
				}
				require.Len(t, w.bus.commands(id), 3)
			}
			require.Empty(t, gate.Holds())
			w.replays(t, patient(), ids...)
		})
	}
}

// A participant is asked no more at once than its limit allows; the rest waits, and
// goes as its answers come.
func TestALimitIsKept(t *testing.T) {
	t.Parallel()
	gate := newGate(t)
	w := gated(t, gate, patient())
	gate.SetLimits(map[string]breaker.Limit{"flights": {Concurrency: 2}})
	out := make(chan saga.Command, 20)
	w.bus.answers(func(cmd saga.Command) []saga.Reply {
		if cmd.Participant == "flights" {
			out <- cmd
			return nil
		}
		return succeed(cmd)
	})
	var ids []saga.ID
	for range 10 {
		ids = append(ids, w.start(t, "travel", `{}`))
	}
	for answered := range ids {
		left := len(ids) - answered
		require.Eventually(t, func() bool { return status(gate, "flights", false).InFlight == min(2, left) }, patience, 5*time.Millisecond)
		require.LessOrEqual(t, len(out), 2)
		w.bus.say(<-out, saga.Succeeded, `{}`)
	}
	for _, id := range ids {
		w.ends(t, id, saga.Completed)
		require.Len(t, w.bus.commands(id), 3, "no attempt is burned")
	}
	w.replays(t, patient(), ids...)
}
