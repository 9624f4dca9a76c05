package sagapg_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/lease"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/migrations"
	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/sagapg"
)

type entry struct {
	Cents int `json:"cents"`
}

// newStore makes a store in a database of its own.
func newStore(t *testing.T) (*pgxpool.Pool, *sagapg.Store) {
	t.Helper()
	url := testserver.Postgres(t)
	require.NoError(t, migrations.Up(t.Context(), url, "unwind", migrations.Outbox, migrations.Coordinator))
	pool, err := pgxpool.New(t.Context(), url+"&pool_max_conns=20")
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	store, err := sagapg.New(sagapg.Config{Pool: pool})
	require.NoError(t, err)
	return pool, store
}

// Local steps need no Kafka: coordinator, relay and lease on Postgres alone.
func TestLocalStepsWithoutKafka(t *testing.T) {
	t.Parallel()
	pool, store := newStore(t)
	_, err := pool.Exec(t.Context(), `CREATE TABLE ledger (cents int)`)
	require.NoError(t, err)

	var flaky atomic.Int32
	runner := store.Locals(
		sagapg.Local("book", func(ctx context.Context, tx pgx.Tx, in entry) (entry, error) {
			_, err := tx.Exec(ctx, `INSERT INTO ledger VALUES ($1)`, in.Cents)
			if flaky.Add(1) == 1 {
				return in, errors.New("out of luck")
			}
			return in, err
		}),
		sagapg.Local("unbook", func(ctx context.Context, tx pgx.Tx, in entry) (struct{}, error) {
			_, err := tx.Exec(ctx, `DELETE FROM ledger WHERE cents = $1`, in.Cents)
			return struct{}{}, err
		}),
		sagapg.Local("limit", func(_ context.Context, _ pgx.Tx, in entry) (entry, error) {
			if in.Cents > 100 {
				return in, sagapg.Refuse("over the limit")
			}
			return in, nil
		}))
	fast := saga.Policy{Timeout: time.Second, Attempts: 3, Backoff: 10 * time.Millisecond}
	m, err := saga.Compile(saga.Definition{Name: "pay", Steps: []saga.Step{
		{Name: "book", Participant: saga.Local, Command: "book", Compensation: "unbook", Do: fast},
		{Name: "limit", Participant: saga.Local, Command: "limit", Kind: saga.Pivot, Do: fast},
	}})
	require.NoError(t, err)
	c := embed(t, pool, store, runner, library{"pay": m})

	end := func(input string) saga.State {
		res, err := c.Start(t.Context(), coordinator.StartRequest{Namespace: "default", Definition: "pay", Version: "r1", Input: saga.JSON([]byte(input))})
		require.NoError(t, err)
		w := &world{store: &faulty{Store: store}}
		require.Eventually(t, func() bool { return w.state(t, res.ID).Status.Ended() }, 20*time.Second, 10*time.Millisecond)
		return w.state(t, res.ID)
	}
	require.Equal(t, saga.Completed, end(`{"cents":50}`).Status)
	require.Equal(t, saga.Compensated, end(`{"cents":500}`).Status)
	var booked []int
	rows, err := pool.Query(t.Context(), `SELECT cents FROM ledger`)
	require.NoError(t, err)
	booked, err = pgx.CollectRows(rows, pgx.RowTo[int])
	require.NoError(t, err)
	require.Equal(t, []int{50}, booked, "one effect, once; the other one undone")
}

// TestLocalStepsOfASagaRunSideBySide: each of three steps that may waits for the other
// two, and their undoes do, too; so it is with the items of a list.
func TestLocalStepsOfASagaRunSideBySide(t *testing.T) {
	t.Parallel()
	const steps = 3
	pool, store := newStore(t)
	meet := func(ctx context.Context, met *atomic.Int32) error {
		for met.Add(1); met.Load() < steps; {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Millisecond):
			}
		}
		return nil
	}
	var done, undone, items atomic.Int32
	with := func(name string, met *atomic.Int32) sagapg.LocalStep {
		return sagapg.Local(name, func(ctx context.Context, _ pgx.Tx, _ json.RawMessage) (int, error) { return 1, meet(ctx, met) })
	}
	refuse := sagapg.Plain("refuse", func(context.Context, json.RawMessage) (int, error) { return 0, sagapg.Refuse("no") })
	item := sagapg.Plain("item", func(ctx context.Context, _ json.RawMessage) (int, error) { return 1, meet(ctx, &items) })
	def := saga.Definition{Name: "meet"}
	var names []string
	for _, name := range []string{"a", "b", "c"} {
		def.Steps = append(def.Steps, saga.Step{Name: name, After: []string{}, Participant: saga.Local, Command: "do", Compensation: "undo"})
		names = append(names, name)
	}
	def.Steps = append(def.Steps, saga.Step{
		Name: "each", After: names, Participant: saga.Local, Command: "item", Reason: "none", ForEach: &saga.ForEach{List: listOf("input"), Concurrency: steps},
	})
	def.Steps = append(def.Steps, saga.Step{Name: "no", Participant: saga.Local, Command: "refuse", Reason: "none"})
	m, err := saga.Compile(def)
	require.NoError(t, err)
	c := embed(t, pool, store, store.Locals(with("do", &done), with("undo", &undone), refuse, item), library{"meet": m})
	res, err := c.Start(t.Context(), coordinator.StartRequest{Namespace: "default", Definition: "meet", Version: "r1", Input: saga.JSON([]byte(lines(steps)))})
	require.NoError(t, err)
	w := &world{store: &faulty{Store: store}}
	require.Eventually(t, func() bool { return w.state(t, res.ID).Status == saga.Compensated }, 20*time.Second, 10*time.Millisecond)
	require.Equal(t, [3]int32{steps, steps, steps}, [3]int32{done.Load(), undone.Load(), items.Load()}, "each of them once")
}

// A step without a transaction leaves no row behind: the saga alone remembers its
// answer.
func TestPlainStepsRecordNothing(t *testing.T) {
	t.Parallel()
	pool, store := newStore(t)
	var seen []string
	runner := store.Locals(
		sagapg.Plain("charge", func(ctx context.Context, in entry) (entry, error) {
			seen = append(seen, sagapg.CommandID(ctx).String())
			switch {
			case in.Cents > 100:
				return in, sagapg.Refuse("over the limit")
			case in.Cents == 0:
				return in, errors.New("out of luck")
			}
			return entry{in.Cents + 1}, nil
		}))
	run := func(direction saga.Direction, input string) saga.Reply {
		id := saga.CommandID{Saga: saga.ID{7}, Step: saga.StepRef{Name: "pay"}, Direction: direction}
		reply, err := runner.Run(t.Context(), saga.Command{ID: id, Name: "charge", Payload: saga.JSON([]byte(input))})
		require.NoError(t, err)
		return reply
	}
	require.Equal(t, `{"cents":51}`, string(run(saga.Do, `{"cents":50}`).Payload.Data))
	no := run(saga.Do, `{"cents":500}`)
	require.Equal(t, saga.Rejected, no.Outcome)
	require.Equal(t, "over the limit", no.Reason)
	failed := run(saga.Do, `{}`)
	require.Equal(t, saga.Failed, failed.Outcome)
	require.Equal(t, "out of luck", failed.Reason)
	require.Contains(t, run(saga.Do, `no JSON`).Reason, "read the input of local step charge")
	undone := run(saga.Undo, `{"cents":50}`)
	require.Equal(t, saga.Succeeded, undone.Outcome)
	require.Empty(t, undone.Payload.Data)
	require.Equal(t, "07000000-0000-0000-0000-000000000000/pay/undo", seen[len(seen)-1])
	require.Zero(t, sagapg.CommandID(t.Context()))
	var rows int
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT count(*) FROM unwind.local_steps`).Scan(&rows))
	require.Zero(t, rows)
}

// A refusal takes back what the step has done, and nobody but the engine ends its
// transaction.
func TestALocalStepsTransactionIsTheEngines(t *testing.T) {
	t.Parallel()
	pool, store := newStore(t)
	_, err := pool.Exec(t.Context(), `CREATE TABLE ledger (cents int)`)
	require.NoError(t, err)
	runner := store.Locals(sagapg.Local("book", func(ctx context.Context, tx pgx.Tx, in entry) (entry, error) {
		_, err := tx.Exec(ctx, `INSERT INTO ledger VALUES ($1)`, in.Cents)
		require.NoError(t, err)
		require.ErrorContains(t, tx.Commit(ctx), "ended by the engine")
		require.ErrorContains(t, tx.Rollback(ctx), "ended by the engine")
		if in.Cents > 100 {
			return in, sagapg.Refuse("over the limit")
		}
		return in, pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO ledger VALUES ($1)`, -in.Cents)
			return err
		})
	}))
	for i, input := range []string{`{"cents":50}`, `{"cents":500}`, `{"cents":50}`} {
		id := saga.CommandID{Saga: saga.ID{byte(i % 2)}, Step: saga.StepRef{Name: "pay"}}
		reply, err := runner.Run(t.Context(), saga.Command{ID: id, Name: "book", Payload: saga.JSON([]byte(input))})
		require.NoError(t, err)
		require.Equal(t, []saga.Outcome{saga.Succeeded, saga.Rejected, saga.Succeeded}[i], reply.Outcome)
	}
	rows, err := pool.Query(t.Context(), `SELECT cents FROM ledger ORDER BY cents`)
	require.NoError(t, err)
	booked, err := pgx.CollectRows(rows, pgx.RowTo[int])
	require.NoError(t, err)
	require.Equal(t, []int{-50, 50}, booked)
}

// embed runs a whole engine in this process, on Postgres alone.
func embed(t *testing.T, pool *pgxpool.Pool, store *sagapg.Store, runner coordinator.LocalRunner, defs library) *coordinator.Coordinator {
	t.Helper()
	locals := coordinator.NewLocals(runner, nil, "", 16)
	relay, err := outbox.NewRelay(outbox.RelayConfig{Pool: pool, Publisher: locals, Lane: locals.Lane})
	require.NoError(t, err)
	c, err := coordinator.New(coordinator.Config{
		Store: store, Definitions: defs, Relay: relay, Locals: locals, Keys: keys, Incarnation: 1,
	})
	require.NoError(t, err)
	leases, err := lease.New(lease.Config{Pool: pool, Node: t.Name(), OnGain: c.Gain, OnLoss: c.Lose})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	leased, stop := context.WithCancel(ctx)
	ended := make(chan error, 3)
	go func() { ended <- c.Run(ctx) }()
	go func() { ended <- relay.Run(ctx) }()
	released := make(chan error, 1)
	go func() { released <- leases.Run(leased) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-released)
		cancel()
		require.NoError(t, <-ended)
		require.NoError(t, <-ended)
	})
	require.Eventually(t, func() bool { return c.Ready() == nil }, 10*time.Second, 10*time.Millisecond)
	return c
}
