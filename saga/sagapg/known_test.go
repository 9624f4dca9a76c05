package sagapg_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// I7: what was decided from memory is committed only if it is still true.
func TestCommitComparesWhatItWasDecidedFrom(t *testing.T) {
	t.Parallel()
	w := setup(t, travel())
	w.bus.answers(func(saga.Command) []saga.Reply { return nil })
	id := w.start(t, "travel", `{}`)
	seq := w.state(t, id).Seq
	taken := slices.Clone(all())
	taken[7].Epoch++
	own := bucket.Of(id.String(), bucket.Count)
	for name, c := range map[string]struct {
		change func(load *coordinator.Load)
		stale  bool
	}{
		"all is as it was":         {func(*coordinator.Load) {}, false},
		"no saga":                  {func(load *coordinator.Load) { load.Known = nil }, false},
		"the saga has gone on":     {func(load *coordinator.Load) { load.Known[0].Seq-- }, true},
		"the saga is not there":    {func(load *coordinator.Load) { load.Known[0].Saga[15]++ }, true},
		"one of two is not there":  {func(load *coordinator.Load) { load.Known = append(load.Known, coordinator.Known{Seq: 1}) }, true},
		"a bucket has a new owner": {func(load *coordinator.Load) { load.Held = taken }, true},
		"one bucket":               {func(load *coordinator.Load) { load.Held = load.Held[own : own+1] }, false},
		"one that is lost":         {func(load *coordinator.Load) { load.Held = taken[7:8] }, true},
		"no saga, and the clock":   {func(load *coordinator.Load) { load.Known, load.At = nil, load.At.Add(2*time.Second) }, true},
		"the clock went back":      {func(load *coordinator.Load) { load.At = load.At.Add(2 * time.Second) }, true},
		"the clock has jumped":     {func(load *coordinator.Load) { load.At = load.At.Add(-time.Minute) }, true},
	} {
		now, err := w.store.Now(t.Context())
		require.NoError(t, err)
		load := coordinator.Load{Held: all(), Known: []coordinator.Known{{Saga: id, Seq: seq}}, At: now}
		c.change(&load)
		b, err := w.store.Store.Begin(t.Context(), load)
		require.NoError(t, err)
		require.Equal(t, load.At, b.Now())
		_, err = b.Histories(t.Context(), []saga.ID{id})
		require.ErrorIs(t, err, coordinator.ErrStale, "nothing was asked yet")
		far := coordinator.Wake{Saga: id, At: now.Add(time.Hour)}
		err = b.Commit(t.Context(), &coordinator.Writes{Far: []coordinator.Wake{far}})
		var n int
		require.NoError(t, w.pool.QueryRow(t.Context(), `WITH gone AS (DELETE FROM unwind.far_wakes RETURNING 1) SELECT count(*) FROM gone`).Scan(&n))
		if c.stale {
			require.ErrorIs(t, err, coordinator.ErrStale, name)
			require.NotErrorIs(t, err, coordinator.ErrUnknownOutcome, name)
			require.Zero(t, n, name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, 1, n, name)
		require.WithinDuration(t, now, b.Now(), time.Minute)
		require.NotEqual(t, load.At, b.Now(), "the clock was read")
	}
}

// A verb of another node changes a saga that its owner has in memory: the owner
// notices, and goes on from there.
func TestAnotherNodesVerbIsNotOverlooked(t *testing.T) {
	t.Parallel()
	w := setup(t, patient())
	held := make(chan saga.Command, 1)
	w.bus.answers(func(cmd saga.Command) []saga.Reply {
		if cmd.ID.Direction == saga.Do {
			held <- cmd
			return nil
		}
		return succeed(cmd)
	})
	id := w.start(t, "travel", `{}`)
	cmd := <-held
	machine, err := saga.Compile(patient())
	require.NoError(t, err)
	other, err := coordinator.New(coordinator.Config{
		Store: w.store, Definitions: library{"travel": machine}, Relay: w.bus, Keys: keys, Incarnation: 1,
	})
	require.NoError(t, err)
	_, err = other.Do(t.Context(), coordinator.Verb{Kind: saga.Cancelled, Saga: id, Reason: "no"})
	require.NoError(t, err)
	w.bus.answers(succeed)
	w.bus.mu.Lock()
	w.bus.put(saga.ReplyHeaders(saga.CommandHeaders(cmd, time.Now()), replyTo(cmd, saga.Succeeded), time.Now()), nil, cmd.Route.ReplyPartition)
	w.bus.mu.Unlock()
	w.ends(t, id, saga.Compensated)
	w.replays(t, patient(), id)
}
