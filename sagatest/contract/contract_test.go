package contract_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/migrations"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/participant"
	"github.com/unwindhq/unwind/sagatest/contract"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

// charge and receipt are a command and its result.
type (
	charge  struct{ Cents int }
	receipt struct{ Number string }
)

func newParticipant(t *testing.T, pool *pgxpool.Pool) *participant.Participant {
	t.Helper()
	p, err := participant.New(participant.Config{Name: "payments", Pool: pool, Kafka: kafka.Config{Brokers: []string{"127.0.0.1:1"}}, RetryMax: time.Millisecond})
	require.NoError(t, err)
	return p
}

func database(t *testing.T) *pgxpool.Pool {
	t.Helper()
	url := testserver.Postgres(t)
	require.NoError(t, migrations.Up(t.Context(), url, "payments", migrations.Outbox, migrations.Participant))
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	_, err = pool.Exec(t.Context(), `CREATE TABLE charges (saga text, step text, cents int)`)
	require.NoError(t, err)
	return pool
}

func config() contract.Config {
	return contract.Config{Participant: "payments", Command: "charge", Undo: "refund", Input: []byte(`{"Cents":100}`), Refused: []byte(`{"Cents":-1}`), Timeout: time.Second}
}

// TestAGoodHandler: one that writes in the transaction it is given keeps every rule.
func TestAGoodHandler(t *testing.T) {
	t.Parallel()
	pool := database(t)
	p := newParticipant(t, pool)
	participant.Handle(p, "charge", func(ctx context.Context, tx pgx.Tx, in charge) (receipt, error) {
		id := participant.Info(ctx).ID
		_, err := tx.Exec(ctx, `INSERT INTO charges VALUES ($1, $2, $3)`, id.Saga.String(), id.Step.String(), in.Cents)
		if in.Cents < 0 {
			return receipt{}, participant.Reject("declined")
		}
		return receipt{rand.Text()}, err
	})
	participant.HandleUndo(p, "refund", func(ctx context.Context, tx pgx.Tx, _ charge, _ *receipt) error {
		id := participant.Info(ctx).ID
		_, err := tx.Exec(ctx, `DELETE FROM charges WHERE saga = $1 AND step = $2`, id.Saga.String(), id.Step.String())
		return err
	})
	cfg := config()
	cfg.Effects = func(ctx context.Context, id saga.ID) (n int, err error) {
		return n, pool.QueryRow(ctx, `SELECT count(*) FROM charges WHERE saga = $1`, id.String()).Scan(&n)
	}
	log := &told{t.Context(), ""}
	contract.Test(log, p, cfg)
	require.Equal(t, "12 rules of 12 were looked at\n", log.said)
}

// TestAHandlerThatWritesBesideItsTransaction is found by the crash before its commit.
func TestAHandlerThatWritesBesideItsTransaction(t *testing.T) {
	t.Parallel()
	pool := database(t)
	p := newParticipant(t, pool)
	participant.Handle(p, "charge", func(ctx context.Context, _ pgx.Tx, in charge) (receipt, error) {
		id := participant.Info(ctx).ID
		_, err := pool.Exec(ctx, `INSERT INTO charges VALUES ($1, $2, $3)`, id.Saga.String(), id.Step.String(), in.Cents)
		return receipt{rand.Text()}, err
	})
	cfg := config()
	cfg.Undo, cfg.Refused = "", nil
	cfg.Effects = func(ctx context.Context, id saga.ID) (n int, err error) {
		return n, pool.QueryRow(ctx, `SELECT count(*) FROM charges WHERE saga = $1`, id.String()).Scan(&n)
	}
	log := &told{t.Context(), ""}
	contract.Test(log, p, cfg)
	require.Contains(t, log.said, "docs/wire-contract.md#the-guard crash-before-commit: a do that died before its commit: want 0 effects, got 1\n  a participant that died")
	require.Contains(t, log.said, "the do again: want 1 effects, got 2")
}

// careless is a participant without a database, with faults.
type careless struct {
	mu                             sync.Mutex
	done, refused, undone          map[string]receipt
	forgetful, reborn, moody, rash bool
}

func (c *careless) charge(ctx context.Context, payload saga.Payload) (receipt, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := participant.Info(ctx).ID.Saga.String() + participant.Info(ctx).ID.Step.String()
	in := string(payload.Data)
	if !strings.HasPrefix(in, `{"Cents"`) && !c.rash {
		return receipt{}, errors.New("not for me")
	}
	if _, was := c.undone[key]; was && !c.reborn {
		return receipt{}, participant.Reject("undone")
	}
	if _, was := c.refused[key]; was && !c.moody || strings.Contains(in, "-1") {
		c.refused[key] = receipt{}
		return receipt{}, participant.Reject("declined")
	}
	if was, ok := c.done[key]; ok && !c.forgetful {
		return was, nil
	}
	c.done[key] = receipt{rand.Text()}
	return c.done[key], nil
}

func (c *careless) refund(ctx context.Context, _ saga.Payload) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.undone[participant.Info(ctx).ID.Saga.String()+participant.Info(ctx).ID.Step.String()] = receipt{}
	return nil
}

// TestBadHandlers: each fault is found by the rule that is for it.
func TestBadHandlers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		fault func(c *careless)
		want  []string
	}{
		{func(c *careless) { c.forgetful = true }, []string{"#the-guard repeat: the same do again: want the same answer, succeeded {\"Number\":"}},
		{func(c *careless) { c.reborn = true }, []string{
			"#the-guard do-after-undo: a do after its undo, epoch 1: want rejected, got succeeded",
			"#the-guard undo-first: the do after an undo that came first, epoch 1: want rejected, got succeeded",
		}},
		{func(c *careless) { c.moody = true }, []string{"#the-guard refusal-stays: attempt 2, when it could succeed: want rejected, got succeeded"}},
		{func(c *careless) { c.rash = true }, []string{"#dead-letters unreadable: a value that is no JSON: want a dead letter and no reply, got a reply: succeeded"}},
		{func(*careless) {}, []string{"#incarnation-epoch-attempt stale-epoch: after it: undo false, incarnation 2, epoch 2: want rejected, got succeeded"}},
	} {
		c := &careless{done: map[string]receipt{}, refused: map[string]receipt{}, undone: map[string]receipt{}}
		test.fault(c)
		p := newParticipant(t, nil)
		participant.HandleFunc(p, "charge", c.charge)
		participant.HandleUndoFunc(p, "refund", c.refund)
		log := &told{t.Context(), ""}
		contract.Test(log, p, config())
		require.Contains(t, log.said, "11 rules of 12 were looked at", "a handler without a transaction has no commit")
		for _, want := range test.want {
			require.Contains(t, log.said, want)
		}
	}
}

// TestWhoIsNotThere: nothing else is looked at if the first do is not answered.
func TestWhoIsNotThere(t *testing.T) {
	t.Parallel()
	p := newParticipant(t, nil)
	participant.HandleFunc(p, "other", func(context.Context, charge) (receipt, error) { return receipt{}, nil })
	log := &told{t.Context(), ""}
	contract.Test(log, p, config())
	require.Contains(t, log.said, `#reply answer: a do: want a reply, got a dead letter: participant payments has no do handler named "charge"`)
	require.Contains(t, log.said, "1 rules of 12 were looked at")
}

// told is a test that keeps what it is told.
type told struct {
	ctx  context.Context //nolint:containedctx // a test has one
	said string
}

func (*told) Helper()                    {}
func (t *told) Context() context.Context { return t.ctx }

func (t *told) Logf(format string, args ...any) { t.said += fmt.Sprintf(format, args...) + "\n" }

func (t *told) Errorf(format string, args ...any) { t.Logf(format, args...) }

func (t *told) Fatalf(format string, args ...any) {
	t.Logf(format, args...)
	panic(t.said)
}
