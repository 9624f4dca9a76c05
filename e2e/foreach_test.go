package e2e

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/saga"
)

// TestFanOut kills the only coordinator while sagas are amid the items of a list, going
// forward and in reverse. Every item has its effect once, and no more than four are
// under way at once.
func TestFanOut(t *testing.T) {
	t.Parallel()
	const items = 40
	w := newWorld(t, testserver.Kafka(t), 1)
	slow := func(also script) script {
		s := script{"flights": {"slow:100ms"}, "mails": {"slow:100ms"}, "flights.undo": {"slow:100ms"}}
		for i := range items {
			s["lines"] = append(s["lines"], fmt.Sprintf("line %d", i))
		}
		maps.Copy(s, also)
		return s
	}
	through := w.start(t, "parcels", slow(nil))
	refused := w.start(t, "parcels", slow(script{"payments": {"reject"}}))
	cancelled := w.start(t, "parcels", slow(nil))
	w.items(t, through, "flight", saga.Done, 6)
	w.again()
	w.items(t, cancelled, "flight", saga.Done, 10)
	w.operator(t, "cancel", cancelled, "--reason", "changed plans")
	w.items(t, refused, "flight", saga.Undone, 4)
	w.items(t, through, "mail", saga.Done, 4)
	out, _ := w.cli(t, "saga", "show", through.String())
	require.Contains(t, out, "of 40 done")
	require.Contains(t, out, "mail[")
	w.again()

	for id, want := range map[saga.ID]saga.Status{through: saga.Completed, refused: saga.Compensated, cancelled: saga.Compensated} {
		history := w.ended(t, id, want)
		unburned(t, history)
		crowded(t, history)
	}
	require.Len(t, strings.Fields(w.did(t, through)), 2*items+1)
	require.Len(t, strings.Fields(w.did(t, refused)), 2*items)
}

// items waits until so many items of a step have come that far.
func (w *world) items(t *testing.T, id saga.ID, step string, phase saga.Phase, n int) {
	t.Helper()
	w.until(t, id, fmt.Sprintf("with %d items of %s %s", n, step, phase), func(s client.Saga) bool {
		for _, one := range s.Steps {
			if one.Step == step {
				return one.Items[phase.String()] >= n
			}
		}
		return false
	})
}

// crowded: no more than four items of a step were under way at once.
func crowded(t *testing.T, history []client.Event) {
	t.Helper()
	underWay := map[string]int{}
	for _, e := range history {
		if step, _, isItem := strings.Cut(e.Step, "["); isItem && e.Kind == string(saga.Replied) {
			underWay[step+"/"+e.Direction]--
		}
		for _, c := range e.Sent {
			if step, _, isItem := strings.Cut(c.Step, "["); isItem {
				underWay[step+"/"+c.Direction]++
				require.LessOrEqual(t, underWay[step+"/"+c.Direction], 4, "event %d", e.Seq)
			}
		}
	}
}
