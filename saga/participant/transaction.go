package participant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/internal/failpoint"
	"github.com/unwindhq/unwind/internal/postgres"
	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/saga"
)

// quickRetries is how often a transaction that lost against another one
// (SQLSTATE 40001, 40P01) runs again at once. Everything else is retried by the
// coordinator alone.
const quickRetries = 2

// fault is a technical error of a handler: it is answered as failed. Any other
// error is trouble of the participant's own: nothing is answered.
type fault struct{ cause error }

func (f *fault) Error() string { return f.cause.Error() }
func (f *fault) Unwrap() error { return f.cause }

// serveGuarded answers a command in one transaction behind the guard. An error
// means that nothing was answered.
func (p *Participant) serveGuarded(ctx context.Context, d delivery) error {
	for try := 0; ; try++ {
		err := p.transact(ctx, d)
		var technical *fault
		switch {
		case err == nil:
			p.nudge()
			return nil
		case ctx.Err() != nil || !errors.As(err, &technical):
			return err
		case try < quickRetries && lostRace(err):
			continue
		}
		p.log(d).Warn("a handler failed", "error", technical.cause)
		return p.answerFailed(ctx, d, technical.cause)
	}
}

// answerFailed puts a failed reply into the outbox in a transaction of its own;
// the guard knows nothing of it.
func (p *Participant) answerFailed(ctx context.Context, d delivery, cause error) error {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.StatementTimeout)
	defer cancel()
	var b pgx.Batch
	p.cfg.outbox().Queue(&b, []outbox.Message{p.reply(d, failure(cause))}, nil)
	if err := p.cfg.Pool.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("store the failed reply to %s: %w", d.cmd.ID, err)
	}
	*d.handled = Handled{Outcome: saga.Failed}
	p.nudge()
	return nil
}

// transact is one try: guard row, handler, answer and reply in one transaction.
// Without the handler's own statements it is two round trips.
func (p *Participant) transact(ctx context.Context, d delivery) error {
	conn, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	t := &transaction{p: p, d: d, conn: conn}
	defer t.release(ctx)
	if err := t.open(ctx); err != nil {
		return fmt.Errorf("open the guard of %s: %w", d.cmd.ID, err)
	}
	answer, store, err := t.decide(ctx)
	if err != nil {
		return &fault{err}
	}
	failpoint.Hit(failpoint.BeforeCommit)
	if d.dies {
		return ErrCrashed
	}
	if err := failpoint.Lose(failpoint.LoseCommit, t.finish(ctx, answer, store)); err != nil {
		return fmt.Errorf("commit the answer to %s: %w", d.cmd.ID, err)
	}
	failpoint.Hit(failpoint.AfterCommit)
	*d.handled = Handled{Outcome: answer.outcome, Repeated: !t.ran}
	return nil
}

func (p *Participant) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.StatementTimeout)
	defer cancel()
	conn, err := p.cfg.Pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("get a connection of the participant's database: %w", err)
	}
	return conn, nil
}

// transaction is the work on one command. It commits inside a batch, which
// saves a round trip, so that pgx's own Tx serves the handler only.
type transaction struct {
	p      *Participant
	d      delivery
	conn   *pgxpool.Conn
	tx     pgx.Tx
	stored entry
	now    time.Time
	ran    bool // the handler was called
}

// open begins, locks the command's row and reads it. It waits for another
// delivery of the same step that is with its handler.
func (t *transaction) open(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, t.p.cfg.HandlerTimeout+t.p.cfg.StatementTimeout)
	defer cancel()
	id, at := t.d.cmd.ID, positionOf(t.d.cmd)
	initial := stateDone
	if id.Direction == saga.Undo {
		initial = stateTombstone
	}
	fresh := false
	b := &pgx.Batch{}
	b.BeginTx(pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
	b.Queue(t.p.queries.claim, [16]byte(id.Saga), id.Step.String(), initial.String(), at.incarnation, at.epoch).
		Exec(func(tag pgconn.CommandTag) error {
			fresh = tag.RowsAffected() == 1
			return nil
		})
	b.Queue(t.p.queries.load, [16]byte(id.Saga), id.Step.String()).QueryRow(t.read)
	b.Queue(setSavepoint)
	results := t.conn.SendBatch(ctx, b)
	t.tx = results.Tx()
	err := results.Close()
	if fresh {
		t.stored = entry{}
	}
	return err
}

// read scans the guard's row.
func (t *transaction) read(row pgx.Row) error {
	var word, outcome string
	e := &t.stored
	err := row.Scan(&word, &e.at.incarnation, &e.at.epoch, &outcome, &e.result.ContentType, &e.result.Data, &e.reason, &e.time, &t.now)
	if err != nil {
		return err
	}
	if e.state, err = parseState(word); err != nil {
		return err
	}
	if outcome != "" { // empty only in the row that this transaction has just made
		e.outcome, err = saga.ParseOutcome(outcome)
	}
	return err
}

// decide answers by the guard alone or, if it says so, by the handler.
func (t *transaction) decide(ctx context.Context) (answer entry, store bool, err error) {
	direction, at := t.d.cmd.ID.Direction, positionOf(t.d.cmd)
	ruling := rule(t.stored, direction, at)
	unknown := ruling == entomb && t.p.cfg.UndoUnknown
	if t.ran = ruling == runHandler || unknown; t.ran {
		answer, err = t.p.execute(ctx, t.d, handlerTx{t.tx}, t.done())
		answer.at, store = at, true
	} else {
		answer, store = ruling.answer(t.stored, at)
	}
	if unknown {
		answer.state = stateTombstone
	}
	if answer.time.IsZero() {
		answer.time = t.now
	}
	if err == nil && store {
		err = t.settle(ctx, answer)
	}
	return answer, store, err
}

// settle takes a refused handler's work back and makes sure that the transaction
// can still be committed.
func (t *transaction) settle(ctx context.Context, answer entry) error {
	if answer.state == stateRejected {
		// A statement of its own: the handler's error may have left the transaction
		// in a state in which nothing else can even be parsed.
		if _, err := t.conn.Exec(ctx, toSavepoint); err != nil {
			return fmt.Errorf("take the refused work back: %w", err)
		}
	}
	switch t.conn.Conn().PgConn().TxStatus() {
	case 'I':
		return errEnds
	case 'E':
		return errAborted
	}
	return nil
}

// done is the stored result of the do, if an undo is to see one.
func (t *transaction) done() *saga.Payload {
	if t.stored.state != stateDone {
		return nil
	}
	return &t.stored.result
}

// finish stores answer and reply and commits, in one round trip. A fault is an
// error that the handler's own work causes, such as a deferred constraint.
func (t *transaction) finish(ctx context.Context, answer entry, store bool) error {
	ctx, cancel := context.WithTimeout(ctx, t.p.cfg.StatementTimeout)
	defer cancel()
	b := &pgx.Batch{}
	if store {
		t.queueSave(b, answer)
	}
	t.p.cfg.outbox().Queue(b, []outbox.Message{t.p.reply(t.d, answer)}, nil)
	b.Queue(commit)
	err := t.conn.SendBatch(ctx, b).Close()
	if err != nil && ctx.Err() == nil && !t.conn.Conn().IsClosed() && !ownTrouble(err) {
		return &fault{err}
	}
	return err
}

func (t *transaction) queueSave(b *pgx.Batch, e entry) {
	id := t.d.cmd.ID
	b.Queue(t.p.queries.save, [16]byte(id.Saga), id.Step.String(), e.state.String(), e.at.incarnation, e.at.epoch,
		e.outcome.String(), e.result.ContentType, e.result.Data, e.reason, e.time)
}

// release gives the connection back, without an open transaction on it.
func (t *transaction) release(ctx context.Context) {
	if conn := t.conn.Conn(); !conn.IsClosed() && conn.PgConn().TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.p.cfg.StatementTimeout)
		defer cancel()
		_, _ = conn.Exec(ctx, "ROLLBACK") // a connection that stays in a transaction is discarded
	}
	t.conn.Release()
}

// What a handler must not do.
var (
	errEnds    = errors.New("a handler must not end its transaction: return nil to commit, an error to undo its work")
	errAborted = errors.New("the handler dropped the error of a statement, which has aborted the transaction: return it, or contain the statement with tx.Begin")
)

// handlerTx is the handler's transaction: all of pgx's but its end.
type handlerTx struct{ pgx.Tx }

// Commit refuses.
func (handlerTx) Commit(context.Context) error { return errEnds }

// Rollback refuses.
func (handlerTx) Rollback(context.Context) error { return errEnds }

// lostRace reports whether the same transaction may well succeed at once.
func lostRace(err error) bool {
	code := postgres.State(err)
	return code == "40001" || code == "40P01"
}

// ownTrouble reports whether an error says something of the database and nothing
// of the work: connection, resources, shutdown, read-only after a failover, locks.
func ownTrouble(err error) bool {
	code := postgres.State(err)
	if code == "25006" || code == "55P03" {
		return true
	}
	switch code[:min(2, len(code))] {
	case "08", "53", "57", "58", "XX":
		return true
	}
	return false
}
