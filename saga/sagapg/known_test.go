package sagapg_test

import (
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/sagapg"
)

// I7: what was decided from memory is committed only if it is still true.
func TestCommitComparesWhatItWasDecidedFrom(t *testing.T) {
	t.Parallel()
	w := setup(t, travel())
	w.bus.answers(func(saga.Command) []saga.Reply { return nil })
	id := w.start(t, "travel", `{}`)
	row := coordinator.Row{Namespace: "default", State: w.state(t, id)}
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
		"no saga, and the clock":   {func(load *coordinator.Load) { load.Known, load.At = nil, load.At.Add(time.Hour) }, true},
		"the clock went back":      {func(load *coordinator.Load) { load.At = load.At.Add(time.Hour) }, true},
		"the clock has jumped":     {func(load *coordinator.Load) { load.At = load.At.Add(-time.Minute) }, true},
	} {
		for _, changes := range []bool{false, true} { // a saga that changes is compared as it is written
			now, n, err := w.commitKnown(t, func(load *coordinator.Load, writes *coordinator.Writes) {
				load.Known[0] = coordinator.Known{Saga: id, Seq: row.State.Seq}
				if c.change(load); changes && len(load.Known) > 0 {
					writes.Changed = []coordinator.Row{row}
					writes.Changed[0].State.ID = load.Known[0].Saga
				}
			})
			if c.stale {
				require.ErrorIs(t, err, coordinator.ErrStale, name)
				require.NotErrorIs(t, err, coordinator.ErrUnknownOutcome, name)
				require.Zero(t, n, name)
				continue
			}
			require.NoError(t, err, name)
			require.Equal(t, 1, n, name)
			require.WithinDuration(t, time.Now(), now, time.Minute)
		}
	}
}

// commitKnown commits a far wake with what change makes of a batch that is decided
// from memory, and returns the clock that was read and how many wakes were stored. It
// begins anew where a busy machine made it so late that the clock is another one.
func (w *world) commitKnown(t *testing.T, change func(*coordinator.Load, *coordinator.Writes)) (now time.Time, n int, err error) {
	for began := time.Now(); ; began = time.Now() {
		now, err = w.store.Now(t.Context())
		require.NoError(t, err)
		load := coordinator.Load{Held: all(), Known: make([]coordinator.Known, 1), At: now}
		writes := &coordinator.Writes{Far: []coordinator.Wake{{Saga: saga.ID{1}, At: now.Add(time.Hour)}}}
		change(&load, writes)
		b, err := w.store.Store.Begin(t.Context(), load)
		require.NoError(t, err)
		require.Equal(t, load.At, b.Now())
		_, err = b.Histories(t.Context(), []saga.ID{{1}})
		require.ErrorIs(t, err, coordinator.ErrStale, "nothing was asked yet")
		err = b.Commit(t.Context(), writes)
		require.NoError(t, w.pool.QueryRow(t.Context(), `WITH gone AS (DELETE FROM unwind.far_wakes RETURNING 1) SELECT count(*) FROM gone`).Scan(&n))
		if err == nil || time.Since(began) < time.Second/2 {
			require.False(t, err == nil && load.At.Equal(b.Now()), "the clock is read with the commit")
			return b.Now(), n, err
		}
	}
}

// What one round trip writes has the isolation of the session. Where that would not
// show a takeover, all is asked first, in a transaction that names its own.
func TestAnotherIsolationIsNotTrusted(t *testing.T) {
	t.Parallel()
	w := setup(t, travel())
	w.bus.answers(func(saga.Command) []saga.Reply { return nil })
	id := w.start(t, "travel", `{}`)
	row := coordinator.Row{Namespace: "default", State: w.state(t, id)}
	pool, err := pgxpool.New(t.Context(), w.pool.Config().ConnString()+"&default_transaction_isolation=serializable")
	require.NoError(t, err)
	defer pool.Close()
	store, err := sagapg.New(sagapg.Config{Pool: pool})
	require.NoError(t, err)
	now, err := store.Now(t.Context())
	require.NoError(t, err)
	b, err := store.Begin(t.Context(), coordinator.Load{Held: all(), Known: []coordinator.Known{{Saga: id, Seq: row.State.Seq}}, At: now})
	require.NoError(t, err)
	require.ErrorIs(t, b.Commit(t.Context(), &coordinator.Writes{Changed: []coordinator.Row{row}}), coordinator.ErrStale)
	b, err = store.Begin(t.Context(), coordinator.Load{Held: all(), Sagas: []saga.ID{id}})
	require.NoError(t, err)
	require.NoError(t, b.Commit(t.Context(), &coordinator.Writes{Changed: []coordinator.Row{row}}))
}

// A row that nothing is known of is not written, and neither is what belongs to it.
func TestOnlyWhatIsKnownIsMoved(t *testing.T) {
	t.Parallel()
	w := setup(t, travel())
	w.bus.answers(func(saga.Command) []saga.Reply { return nil })
	id := w.start(t, "travel", `{}`)
	now, err := w.store.Now(t.Context())
	require.NoError(t, err)
	b, err := w.store.Store.Begin(t.Context(), coordinator.Load{Held: all(), At: now})
	require.NoError(t, err)
	err = b.Commit(t.Context(), &coordinator.Writes{Changed: []coordinator.Row{{State: w.state(t, id)}}})
	require.ErrorIs(t, err, coordinator.ErrStale)
}

// A transaction may fail when it is committed, after each of its statements has
// succeeded: that is an error, too, and one that says that nothing was written.
func TestACommitThatFailsAtItsEnd(t *testing.T) {
	t.Parallel()
	w := setup(t, travel())
	w.bus.answers(func(saga.Command) []saga.Reply { return nil })
	id := w.start(t, "travel", `{}`)
	_, err := w.pool.Exec(t.Context(), `
		CREATE FUNCTION unwind.no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END $$;
		CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON unwind.sagas DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION unwind.no()`)
	require.NoError(t, err)
	row := coordinator.Row{Namespace: "default", State: w.state(t, id)}
	now, err := w.store.Now(t.Context())
	require.NoError(t, err)
	b, err := w.store.Store.Begin(t.Context(), coordinator.Load{Held: all(), Known: []coordinator.Known{{Saga: id, Seq: row.State.Seq}}, At: now})
	require.NoError(t, err)
	row.State.Seq++
	err = b.Commit(t.Context(), &coordinator.Writes{Changed: []coordinator.Row{row}})
	require.ErrorContains(t, err, "40001")
	require.NotErrorIs(t, err, coordinator.ErrUnknownOutcome)
	require.Equal(t, row.State.Seq-1, w.state(t, id).Seq)
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
