package participant

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
)

// handlerCase is a handler, what must be answered, and what must be left.
type handlerCase struct {
	run     func(ctx context.Context, tx pgx.Tx, in booking) (ticket, error)
	outcome saga.Outcome
	reason  string // part of the reply's reason
	effects int
	state   string // the guard's; "" is no row
}

var handlerCases = map[string]handlerCase{
	"success": {func(ctx context.Context, tx pgx.Tx, _ booking) (ticket, error) {
		return ticket{"T1"}, note(ctx, tx, "")
	}, saga.Succeeded, "", 1, "done"},
	"rejection takes the work back": {func(ctx context.Context, tx pgx.Tx, _ booking) (ticket, error) {
		return ticket{}, errors.Join(note(ctx, tx, ""), Reject("no seats"))
	}, saga.Rejected, "no seats", 0, "rejected"},
	"rejection for a broken statement": {func(ctx context.Context, tx pgx.Tx, _ booking) (ticket, error) {
		_, err := tx.Exec(ctx, `SELECT 1/0`)
		return ticket{}, errors.Join(err, Reject("zero seats"))
	}, saga.Rejected, "zero seats", 0, "rejected"},
	"rejection with a text that Postgres refuses": {func(context.Context, pgx.Tx, booking) (ticket, error) {
		return ticket{}, Reject("no\x00 seats\xff" + strings.Repeat("!", 2*saga.MaxReason))
	}, saga.Rejected, "no seats!", 0, "rejected"},
	"error": {func(ctx context.Context, tx pgx.Tx, _ booking) (ticket, error) {
		return ticket{}, errors.Join(note(ctx, tx, ""), errors.New("disk is full"))
	}, saga.Failed, "disk is full", 0, ""},
	"panic": {func(ctx context.Context, tx pgx.Tx, _ booking) (ticket, error) {
		panic(errors.Join(note(ctx, tx, ""), errors.New("nil map")))
	}, saga.Failed, "panic: nil map", 0, ""},
	"error swallowed": {func(ctx context.Context, tx pgx.Tx, _ booking) (ticket, error) {
		_, _ = tx.Exec(ctx, `SELECT 1/0`)
		return ticket{}, nil
	}, saga.Failed, "aborted", 0, ""},
	"error contained by a nested transaction": {func(ctx context.Context, tx pgx.Tx, _ booking) (ticket, error) {
		err := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `SELECT 1/0`)
			return err
		})
		if err == nil {
			return ticket{}, errors.New("no error")
		}
		return ticket{"T1"}, note(ctx, tx, "")
	}, saga.Succeeded, "", 1, "done"},
	"deferred constraint": {func(ctx context.Context, tx pgx.Tx, _ booking) (ticket, error) {
		_, err := tx.Exec(ctx, `CREATE TABLE seats (n int UNIQUE DEFERRABLE INITIALLY DEFERRED); INSERT INTO seats VALUES (1), (1)`)
		return ticket{}, errors.Join(err, note(ctx, tx, ""))
	}, saga.Failed, "23505", 0, ""},
	"rows left open": {func(ctx context.Context, tx pgx.Tx, _ booking) (ticket, error) {
		_, err := tx.Query(ctx, `SELECT generate_series(1, 10)`)
		return ticket{}, err
	}, saga.Failed, "busy", 0, ""},
	"end of the transaction": {func(ctx context.Context, tx pgx.Tx, _ booking) (ticket, error) {
		return ticket{}, tx.Commit(ctx)
	}, saga.Failed, "must not end", 0, ""},
	"end of the transaction behind our back": {func(ctx context.Context, tx pgx.Tx, _ booking) (ticket, error) {
		_, err := tx.Conn().Exec(ctx, `ROLLBACK; SELECT 1`)
		return ticket{}, err
	}, saga.Failed, "must not end", 0, ""},
	"time is up": {func(ctx context.Context, tx pgx.Tx, _ booking) (ticket, error) {
		_, err := tx.Exec(ctx, `SELECT pg_sleep(60)`)
		return ticket{}, err
	}, saga.Failed, "after the handler's time of 1s", 0, ""},
	"connection lost while the database is well": {func(ctx context.Context, tx pgx.Tx, _ booking) (ticket, error) {
		_, err := tx.Exec(ctx, `SELECT pg_terminate_backend(pg_backend_pid())`)
		return ticket{}, err
	}, saga.Failed, "57P01", 0, ""},
}

func TestEndsOfAHandler(t *testing.T) {
	t.Parallel()
	for name, c := range handlerCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, func(c *Config) { c.HandlerTimeout = time.Second })
			Handle(f.p, "try", c.run)
			id := newSaga()
			reply := f.give(ask{saga: id, name: "try"}.record())
			require.Equal(t, c.outcome, reply.Outcome, reply.Reason)
			require.Contains(t, reply.Reason, c.reason)
			require.LessOrEqual(t, len(reply.Reason), saga.MaxReason)
			do, _ := f.effects(id)
			require.Equal(t, c.effects, do)
			require.Equal(t, c.state, f.state(id))
		})
	}
}

// state is the guard's state of step fly, or "".
func (f *fixture) state(id saga.ID) string {
	f.t.Helper()
	var state string
	err := f.pool.QueryRow(context.Background(), `SELECT coalesce(max(state), '') FROM flights.guard WHERE saga = $1`, id.String()).Scan(&state)
	require.NoError(f.t, err)
	return state
}

func TestResultTooLargeIsAFault(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	Handle(f.p, "try", func(context.Context, pgx.Tx, booking) (string, error) {
		return strings.Repeat("x", saga.MaxPayload), nil
	})
	reply := f.give(ask{saga: newSaga(), name: "try"}.record())
	require.Equal(t, saga.Failed, reply.Outcome)
	require.Contains(t, reply.Reason, "answer a reference instead")
}

func TestPayloadPassesThroughUntouched(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	Handle(f.p, "try", func(_ context.Context, _ pgx.Tx, in saga.Payload) (saga.Payload, error) {
		return saga.Payload{Data: append([]byte("got "), in.Data...), ContentType: "text/plain"}, nil
	})
	r := ask{saga: newSaga(), name: "try", value: "anything"}.record()
	first, second := f.give(r), f.give(r)
	require.Equal(t, saga.Payload{Data: []byte("got anything"), ContentType: "text/plain"}, first.Payload)
	require.Equal(t, first, second)
}

func TestAnUndoCannotBeRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	HandleUndo(f.p, "try", func(context.Context, pgx.Tx, booking, *ticket) error { return Reject("too late") })
	id := newSaga()
	f.give(ask{saga: id}.record())
	reply := f.give(ask{saga: id, undo: true, name: "try", epoch: 2}.record())
	require.Equal(t, saga.Failed, reply.Outcome)
	require.Equal(t, "an undo cannot be refused: rejected: too late", reply.Reason)
	require.Equal(t, "done", f.state(id))
}

// A lost race runs again at once, twice; then it is the coordinator's to retry.
func TestLostRacesAreRetriedTwice(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]int32{"40001": 3, "40P01": 3, "23505": 1} {
		f := newFixture(t)
		var runs atomic.Int32
		Handle(f.p, "try", func(context.Context, pgx.Tx, booking) (ticket, error) {
			runs.Add(1)
			return ticket{}, &pgconn.PgError{Code: code, Message: "lost"}
		})
		require.Equal(t, saga.Failed, f.give(ask{saga: newSaga(), name: "try"}.record()).Outcome)
		require.Equal(t, want, runs.Load(), code)
	}
}

// One command delivered to two instances at once: one runs, the other waits.
func TestParallelDeliveriesHaveOneEffect(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.HandlerTimeout = time.Minute })
	for value, want := range map[string]saga.Outcome{`{"seat":1}`: saga.Succeeded, `{"reject":"no seats"}`: saga.Rejected} {
		id := newSaga()
		r := ask{saga: id, value: value}.record()
		var all sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			all.Go(func() { errs[i] = f.p.take(context.Background(), r) })
		}
		all.Wait()
		require.NoError(t, errors.Join(errs...))
		replies := f.replies()
		require.Len(t, replies, len(errs))
		for _, m := range replies {
			reply, err := saga.DecodeReply(m.Headers, m.Payload)
			require.NoError(t, err)
			require.Equal(t, want, reply.Outcome)
			require.Equal(t, replies[0].Payload, m.Payload)
		}
		do, _ := f.effects(id)
		require.LessOrEqual(t, do, 1)
	}
}

// What the handler would say today does not matter once it has refused.
func TestRejectionSticks(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var seats atomic.Int32
	Handle(f.p, "try", func(ctx context.Context, tx pgx.Tx, _ booking) (ticket, error) {
		if seats.Load() == 0 {
			return ticket{}, Reject("no seats")
		}
		return ticket{"T1"}, note(ctx, tx, "")
	})
	id := newSaga()
	require.Equal(t, saga.Rejected, f.give(ask{saga: id, name: "try"}.record()).Outcome)
	seats.Store(1)
	again := f.give(ask{saga: id, name: "try", attempt: 2}.record())
	require.Equal(t, saga.Rejected, again.Outcome)
	require.Equal(t, "no seats", again.Reason)
	require.Equal(t, saga.Succeeded, f.give(ask{saga: id, name: "try", epoch: 2}.record()).Outcome, "a re-opened step asks anew")
}

// While the database is away nothing is answered and nothing acknowledged.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	away, err := pgxpool.New(t.Context(), "postgres://nobody@127.0.0.1:1/none")
	require.NoError(t, err)
	t.Cleanup(away.Close)
	f.p.cfg.Pool = away
	r := ask{saga: newSaga()}.record()
	require.ErrorContains(t, f.p.take(t.Context(), r), "connection of the participant's database")
	require.Empty(t, f.replies())
	f.p.cfg.Pool = f.pool
	require.Equal(t, saga.Succeeded, f.give(r).Outcome)
}

// A handler that is cut off by the end of the drain is not the participant's
// answer: the command stays for the next run.
func TestEndOfTheDrainIsNoAnswer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, end := context.WithCancel(t.Context())
	Handle(f.p, "try", func(ctx context.Context, _ pgx.Tx, _ booking) (ticket, error) {
		end()
		<-ctx.Done()
		return ticket{}, ctx.Err()
	})
	require.Error(t, f.p.take(ctx, ask{saga: newSaga(), name: "try"}.record()))
	require.Empty(t, f.replies())
}

// TestDeliver: what Run would have written to Kafka is returned, and a process that died
// has kept nothing.
func TestDeliver(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a := ask{saga: newSaga()}
	_, err := f.p.Deliver(t.Context(), a.record(), BeforeCommit)
	require.ErrorIs(t, err, ErrCrashed)
	done, _ := f.effects(a.saga)
	require.Zero(t, done)
	written, err := f.p.Deliver(t.Context(), a.record(), NoCrash)
	require.NoError(t, err)
	require.Len(t, written, 1)
	require.Equal(t, int32(7), written[0].Partition)
	reply, err := saga.DecodeReply(written[0].Headers, written[0].Value)
	require.NoError(t, err)
	require.Equal(t, saga.Succeeded, reply.Outcome)
	f.p.started.Store(true)
	_, err = f.p.Deliver(t.Context(), a.record(), NoCrash)
	require.ErrorIs(t, err, errStarted)
}
