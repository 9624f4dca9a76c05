package e2e

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/saga"
)

// healthy is how many sagas share a batch with the one that fails.
const healthy = 200

// TestPoisonedSaga: a transition that fails puts attention on its own saga, and
// the 200 healthy ones of the same batch complete.
func TestPoisonedSaga(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testserver.Kafka(t), 0)
	w.nodes = []*node{{}}
	w.begin(0, "UNWIND_WRITERS=1") // one writer: all replies that wait make one batch
	w.define(t)
	require.NoError(t, w.hands.pause())
	poisoned := w.start(t, "mapped", script{"flights": {"bare"}}) // the next step's input reads what is not there
	ids := w.startMany(t, healthy, func(int) (string, script) { return "mapped", nil })
	// All commands are out, then all replies come while the coordinator stands still.
	flights := w.commands("flights")
	eventually(t, "all commands are sent", func() bool { return len(flights.find(everything)) == healthy+1 })
	require.NoError(t, w.nodes[0].pause())
	require.NoError(t, w.hands.resume())
	eventually(t, "all are answered", func() bool { return len(w.replies().find(everything)) == healthy+1 })
	require.NoError(t, w.nodes[0].resume())

	w.attention(t, poisoned, saga.TransitionFailed)
	for _, id := range ids {
		w.ended(t, id, saga.Completed)
	}
	s, _ := w.look(poisoned)
	require.Equal(t, saga.Running.String(), s.Status)
	require.Len(t, s.Attention, 1)
	require.Equal(t, "flight", w.did(t, poisoned), "it stands still")
	w.cancel(t, poisoned, http.StatusOK) // the way out
	w.until(t, poisoned, "compensated", client.Saga.Ended)
	require.Equal(t, "flight -flight", w.did(t, poisoned))
}

// startMany starts n sagas at once, as each says.
func (w *world) startMany(t *testing.T, n int, each func(i int) (string, script)) []saga.ID {
	t.Helper()
	ids, err := w.crowd(n, each)()
	require.NoError(t, err)
	return ids
}

// crowd begins to start n sagas, as each says; the function that it returns waits
// for all of them.
func (w *world) crowd(n int, each func(i int) (string, script)) func() ([]saga.ID, error) {
	ids, key := make([]saga.ID, n), rand.Text()
	var all errgroup.Group
	all.SetLimit(32)
	begun := make(chan struct{})
	go func() {
		defer close(begun)
		for i := range ids {
			all.Go(func() (err error) {
				definition, s := each(i)
				ids[i], err = w.insist(fmt.Sprintf("%s/%d", key, i), definition, s)
				return err
			})
		}
	}()
	return func() ([]saga.ID, error) {
		<-begun
		return ids, all.Wait()
	}
}
