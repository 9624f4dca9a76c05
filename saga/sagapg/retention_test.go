package sagapg_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/retention"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/sagapg"
)

// later is a Store some days from now, whose process dies amid a transaction or is told
// to stop after one.
type later struct {
	*sagapg.Retention
	by    time.Duration
	begun func(n int) error // called before the n-th transaction that deletes
	n     int
	gone  []saga.ID
}

func (l *later) Now(ctx context.Context) (time.Time, error) {
	now, err := l.Retention.Now(ctx)
	return now.Add(l.by), err
}

func (l *later) Delete(ctx context.Context, sagas []retention.Saga, events int) (gone []saga.ID, more bool, err error) {
	l.n++
	if l.begun != nil {
		if err := l.begun(l.n); err != nil {
			return nil, false, err
		}
	}
	gone, more, err = l.Retention.Delete(ctx, sagas, events)
	l.gone = append(l.gone, gone...)
	return gone, more, err
}

// counts is a retention.Meter.
type counts struct {
	mu      sync.Mutex
	deleted map[saga.Retention]int
	rounds  chan struct{} // one for each whole round
}

func newCounts() *counts {
	return &counts{deleted: map[saga.Retention]int{}, rounds: make(chan struct{}, 100)}
}

func (c *counts) Deleted(class saga.Retention, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deleted[class] += n
}

func (c *counts) Oldest(class saga.Retention, _ time.Time) {
	if class == saga.Long { // the last of three
		c.rounds <- struct{}{}
	}
}

// round runs a whole round of retention, or as much of it as the store lets.
func (w *world) round(t *testing.T, store *later, policy retention.Policy, meter *counts) {
	t.Helper()
	policy.Rate = 1_000_000
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- retention.Runner{Store: store, Policy: policy, Mine: func() bool { return true }, Every: time.Millisecond, Meter: meter, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}.Run(ctx)
	}()
	select {
	case <-meter.rounds:
	case <-time.After(2 * patience):
		t.Error("no round")
	}
	cancel()
	require.NoError(t, <-ended)
}

// left counts what is stored of sagas, by table.
func (w *world) left(t *testing.T, ids []saga.ID) map[string]int {
	t.Helper()
	list := make([][16]byte, len(ids))
	for i, id := range ids {
		list[i] = id
	}
	counts := map[string]int{}
	for table, column := range map[string]string{
		"sagas": "id", "saga_events": "saga", "start_keys": "saga", "saga_attributes": "saga", "business_keys": "saga", "far_wakes": "saga",
		"saga_mail": "saga", "local_steps": "saga", "saga_locks": "saga", "event_waits": "saga", "trace_queue": "saga", "dead_letters": "saga",
	} {
		var n int
		require.NoError(t, w.pool.QueryRow(t.Context(), fmt.Sprintf("SELECT count(*) FROM unwind.%s WHERE %s = ANY($1)", table, column), list).Scan(&n))
		if n > 0 {
			counts[table] = n
		}
	}
	return counts
}

// exec runs a statement about a saga.
func (w *world) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	_, err := w.pool.Exec(t.Context(), query, args...)
	require.NoError(t, err)
}

// many starts sagas side by side; one that could not be started has no id.
func (w *world) many(t *testing.T, definition string, n int) []saga.ID {
	ids := make([]saga.ID, n)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			res, err := w.c.Start(t.Context(), coordinator.StartRequest{
				Namespace: "default", Definition: definition, Version: "r1", Key: fmt.Sprint(definition, n, "/", i), Input: saga.JSON([]byte(`{}`)),
			})
			if err == nil {
				ids[i] = res.ID
			}
		})
	}
	all.Wait()
	return ids
}

// marked gives sagas that have ended what keeps them, and what goes with them.
func (w *world) marked(t *testing.T, gone, needs, letter []saga.ID) {
	t.Helper()
	w.exec(t, `UPDATE unwind.sagas SET attention = '{step-failed}' WHERE id = ANY($1)`, uuidsOf(needs))
	insertLetter := `INSERT INTO unwind.dead_letters (namespace, topic, partition, "offset", "timestamp", headers, class, reason, fingerprint, origin, saga, at, status)
		SELECT 'default', 't', 0, row_number() OVER () + $3, 0, '', 'c', '', '', '', id, now(), $2 FROM unnest($1::uuid[]) AS s (id)`
	w.exec(t, insertLetter, uuidsOf(letter), "open", 0)
	w.exec(t, insertLetter, uuidsOf(gone[:5]), "discarded", 100)
	w.exec(t, `INSERT INTO unwind.saga_attributes (saga, namespace, name, text) SELECT id, 'default', 'a', 'b' FROM unnest($1::uuid[]) AS s (id)`, uuidsOf(gone))
	w.exec(t, `INSERT INTO unwind.local_steps (saga, step) SELECT id, 'a' FROM unnest($1::uuid[]) AS s (id)`, uuidsOf(gone))
}

// TestEndedSagasAreDeleted: two thousand sagas that have ended go with all that belongs to
// them, beside a load that nothing holds up, though their process dies amid it; those
// that are open, need a person or are to be kept longer stay whole.
func TestEndedSagasAreDeleted(t *testing.T) {
	t.Parallel()
	const count = 2000
	short, long, open := travel(), travel(), travel()
	short.Name, short.Retention = "short", saga.Short
	long.Name, long.Retention = "long", saga.Long
	open.Name, open.Retention = "open", saga.Short
	w := setup(t, short, long, open)
	w.bus.answers(func(cmd saga.Command) []saga.Reply {
		if cmd.Definition == "open" {
			return nil
		}
		return succeed(cmd)
	})
	gone, kept, running := w.many(t, "short", count), w.many(t, "long", 20), w.many(t, "open", 20)
	needs, letter := w.many(t, "short", 2), w.many(t, "short", 3)
	for _, id := range slices.Concat(gone, kept, needs, letter) {
		w.ends(t, id, saga.Completed)
	}
	w.marked(t, gone, needs, letter)
	stays := slices.Concat(kept, needs, letter)
	before := w.left(t, stays)

	policy := retention.Policy{Short: 24 * time.Hour}
	meter := newCounts()
	killed := &later{Retention: sagapg.NewRetention(w.pool, "unwind"), by: 48 * time.Hour}
	killed.begun = func(n int) error { // twice a process dies, and another begins
		if n == 2 || n == 4 {
			return errors.New("killed")
		}
		return nil
	}
	load := make(chan []saga.ID)
	go func() { load <- w.many(t, "open", 300) }()
	began := time.Now()
	w.round(t, killed, policy, meter)
	t.Logf("%d sagas deleted in %s, beside a load", count, time.Since(began))
	fresh := <-load
	require.NotContains(t, fresh, saga.ID{}, "deletion holds up nobody")

	require.Empty(t, w.left(t, gone))
	require.Equal(t, before, w.left(t, stays))
	require.Equal(t, len(fresh)+len(running), w.left(t, slices.Concat(fresh, running))["sagas"])
	require.Equal(t, map[saga.Retention]int{saga.Short: count}, meter.deleted)
	for _, id := range kept {
		w.replays(t, long, id)
	}

	again := &later{Retention: killed.Retention, by: 48 * time.Hour}
	w.round(t, again, policy, meter)
	require.Empty(t, again.gone, "there is nothing left to do")

	res, err := w.c.Start(t.Context(), coordinator.StartRequest{
		Namespace: "default", Definition: "short", Version: "r1", Key: fmt.Sprint("short", count, "/", 0), Input: saga.JSON([]byte(`{}`)),
	})
	require.NoError(t, err)
	require.True(t, res.New, "its key went with the saga")
}

// begin opens a transaction that ends with the test at the latest.
func (w *world) begin(t *testing.T) pgx.Tx {
	t.Helper()
	tx, err := w.pool.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	return tx
}

func uuidsOf(ids []saga.ID) [][16]byte {
	list := make([][16]byte, len(ids))
	for i, id := range ids {
		list[i] = id
	}
	return list
}

// TestFamiliesAreDeletedAsAWhole: children go with their root, and stay with it while
// one of them is not to go; the quota of bytes gets back what they held.
func TestFamiliesAreDeletedAsAWhole(t *testing.T) {
	t.Parallel()
	w := setup(t, order(), settle())
	family := func() []saga.ID {
		id := w.start(t, "order", `{"n":1}`)
		w.ends(t, id, saga.Completed)
		ids := []saga.ID{id}
		for _, child := range w.children(t, id) {
			ids = append(ids, child.ID)
		}
		return ids
	}
	gone, stays := family(), family()
	require.Eventually(t, func() bool { return w.mail(t) == 0 }, patience, 5*time.Millisecond)
	w.exec(t, `UPDATE unwind.sagas SET retention = 2 WHERE id = $1`, [16]byte(stays[1]))
	before := w.left(t, stays)
	var bytes int64
	require.NoError(t, w.pool.QueryRow(t.Context(),
		`SELECT sum(coalesce(octet_length(payload), 0) + octet_length(reason) + 256) FROM unwind.saga_events WHERE saga = ANY($1)`, uuidsOf(gone)).Scan(&bytes))
	meter := newCounts()
	w.round(t, &later{Retention: sagapg.NewRetention(w.pool, "unwind"), by: 48 * time.Hour}, retention.Policy{Short: 24 * time.Hour, Standard: 24 * time.Hour}, meter)
	require.Empty(t, w.left(t, gone))
	require.Equal(t, before, w.left(t, stays))
	require.Equal(t, map[saga.Retention]int{saga.Standard: 3}, meter.deleted)
	var freed int64
	require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT sum(bytes) FROM unwind.quota_use WHERE namespace = 'default' AND part = -1`).Scan(&freed))
	require.Equal(t, -bytes, freed)
}

// TestOneTransactionIsBounded: a saga with a long history goes in pieces, the saga last;
// one that somebody works on, or that has changed since it was read, stays.
func TestOneTransactionIsBounded(t *testing.T) {
	t.Parallel()
	w := setup(t, travel())
	busy, changed, long := w.start(t, "travel", `{}`), w.start(t, "travel", `{}`), w.start(t, "travel", `{}`)
	for _, id := range []saga.ID{busy, changed, long} {
		w.ends(t, id, saga.Completed)
	}
	r := sagapg.NewRetention(w.pool, "unwind")
	all, err := r.Families(t.Context(), []saga.ID{busy, changed, long}, 10)
	require.NoError(t, err)
	require.Len(t, all, 3)
	w.exec(t, `UPDATE unwind.sagas SET seq = seq + 1 WHERE id = $1`, [16]byte(changed))
	tx := w.begin(t)
	_, err = tx.Exec(t.Context(), `SELECT FROM unwind.sagas WHERE id = $1 FOR UPDATE`, [16]byte(busy))
	require.NoError(t, err)
	var pieces int
	for more := true; more; pieces++ {
		var gone []saga.ID
		gone, more, err = r.Delete(t.Context(), all, 3)
		require.NoError(t, err)
		if more {
			require.Empty(t, gone)
		} else {
			require.Equal(t, []saga.ID{long}, gone)
		}
	}
	require.NoError(t, tx.Rollback(t.Context()))
	require.Greater(t, pieces, 1)
	require.Empty(t, w.left(t, []saga.ID{long}))
	require.Equal(t, 2, w.left(t, []saga.ID{busy, changed})["sagas"])
}

// TestItEndsAtOnce: a runner that is told to end amid a statement ends within a second.
func TestItEndsAtOnce(t *testing.T) {
	t.Parallel()
	w := setup(t, travel())
	w.ends(t, w.start(t, "travel", `{}`), saga.Completed)
	tx := w.begin(t)
	_, err := tx.Exec(t.Context(), `LOCK TABLE unwind.saga_events`)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	store := &later{Retention: sagapg.NewRetention(w.pool, "unwind"), by: 48 * time.Hour}
	store.begun = func(int) error { time.AfterFunc(50*time.Millisecond, cancel); return nil }
	require.NoError(t, retention.Runner{Store: store, Policy: retention.Policy{Short: 24 * time.Hour, Standard: 24 * time.Hour}, Mine: func() bool { return true }}.Run(ctx))
	require.NoError(t, tx.Rollback(t.Context()))
	require.Empty(t, store.gone)
}

// TestAReplyToADeletedSagaIsForgotten (pitfall 30): it is dropped and counted, while one
// to a saga that cannot have been deleted is a dead letter.
func TestAReplyToADeletedSagaIsForgotten(t *testing.T) {
	t.Parallel()
	const kept = 5 * time.Second
	w := tuned(t, func(cfg *coordinator.Config) { cfg.Forgotten = kept }, travel())
	id := w.start(t, "travel", `{}`)
	w.ends(t, id, saga.Completed)
	cmd := w.bus.commands(id)[0]
	w.exec(t, `DELETE FROM unwind.sagas WHERE id = $1`, [16]byte(id))
	w.bus.say(cmd, saga.Succeeded, `{}`)
	require.Eventually(t, func() bool { return w.count(t) == 1 }, patience, 5*time.Millisecond)
	require.Contains(t, w.letters(t), "unmatched", "it is younger than the shortest time that a saga is kept for")

	require.Eventually(t, func() bool {
		w.bus.say(cmd, saga.Succeeded, `{}`)
		w.meter.mu.Lock()
		defer w.meter.mu.Unlock()
		return w.meter.batches.Forgotten > 0
	}, 2*patience, 500*time.Millisecond)
	before := w.count(t)
	w.bus.say(cmd, saga.Failed, `{}`)
	other := w.start(t, "travel", `{}`)
	w.ends(t, other, saga.Completed)
	require.Equal(t, before, w.count(t))
	require.ErrorIs(t, w.pool.QueryRow(t.Context(), `SELECT FROM unwind.sagas WHERE id = $1`, [16]byte(id)).Scan(), pgx.ErrNoRows)
}
