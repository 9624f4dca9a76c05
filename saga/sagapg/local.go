package sagapg

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// LocalStep is a function that a definition names with local: or as a local
// step's compensation.
type LocalStep struct {
	name string
	run  func(ctx context.Context, tx pgx.Tx, input []byte) ([]byte, error)
	bare bool // it needs no transaction
}

// Local makes a LocalStep of fn. It runs in a transaction of the sagas' own
// database that also records its answer: its effect, if made through tx, happens
// once, however often the step is tried. A nil error is success; Refuse is a
// business no, after which tx is taken back; any other error is technical and is
// tried again. As a compensation, fn gets the step's input and its output is
// dropped. tx must not be committed or rolled back.
func Local[In, Out any](name string, fn func(ctx context.Context, tx pgx.Tx, in In) (Out, error)) LocalStep {
	return LocalStep{name: name, run: func(ctx context.Context, tx pgx.Tx, input []byte) ([]byte, error) {
		return call(name, input, func(in In) (Out, error) { return fn(ctx, tx, in) })
	}}
}

// Plain makes a LocalStep of a function whose effect is not in the sagas' database.
// Nothing but the saga records its answer, so it costs no transaction; the price is
// that it runs again if the process dies before that is committed, and that its
// compensation also runs where it may have been tried in vain. Both must be
// idempotent: CommandID tells a repeat. Else it is as Local.
func Plain[In, Out any](name string, fn func(ctx context.Context, in In) (Out, error)) LocalStep {
	return LocalStep{name: name, bare: true, run: func(ctx context.Context, _ pgx.Tx, input []byte) ([]byte, error) {
		return call(name, input, func(in In) (Out, error) { return fn(ctx, in) })
	}}
}

// call reads the input of a step and writes its output.
func call[In, Out any](name string, input []byte, fn func(in In) (Out, error)) ([]byte, error) {
	var in In
	if err := json.Unmarshal(input, &in); err != nil {
		return nil, fmt.Errorf("read the input of local step %s: %w", name, err)
	}
	out, err := fn(in)
	if err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

type commandKey struct{}

// CommandID returns the id of the command for which a local step is run with ctx.
// It is the same however often the step is tried, and another for its undo.
func CommandID(ctx context.Context) saga.CommandID {
	id, _ := ctx.Value(commandKey{}).(saga.CommandID) // zero outside of a step
	return id
}

type refusal struct{ reason string }

func (r *refusal) Error() string { return "refused: " + r.reason }

// Refuse returns the error with which a local step says no.
func Refuse(reason string) error { return &refusal{reason} }

// Locals runs local steps. It implements coordinator.LocalRunner.
type Locals struct {
	s     *Store
	steps map[string]LocalStep
	conns chan struct{} // held by steps with a transaction
}

var _ coordinator.LocalRunner = (*Locals)(nil)

// LocalConns is how many connections of the Store's pool local steps use at a time.
const LocalConns = 4

// Locals returns the runner of these steps.
func (s *Store) Locals(steps ...LocalStep) *Locals {
	l := &Locals{s: s, steps: make(map[string]LocalStep, len(steps)), conns: make(chan struct{}, LocalConns)}
	for _, step := range steps {
		l.steps[step.name] = step
	}
	return l
}

// Run implements coordinator.LocalRunner.
func (l *Locals) Run(ctx context.Context, cmd saga.Command) (saga.Reply, error) {
	reply := saga.Reply{ID: cmd.ID, Participant: cmd.Participant, Attempt: cmd.Attempt, Epoch: cmd.Epoch, Route: cmd.Route}
	step, ok := l.steps[cmd.Name]
	if !ok {
		reply.Outcome, reply.Reason = saga.Failed, fmt.Sprintf("this process has no local step %q", cmd.Name)
		return reply, nil
	}
	ctx = context.WithValue(ctx, commandKey{}, cmd.ID)
	run := l.recorded
	if step.bare {
		run = unrecorded
	}
	err := run(ctx, cmd, step, &reply)
	if technical, ok := errors.AsType[*failure](err); ok {
		reply.Outcome, reply.Reason = saga.Failed, saga.Clip(technical.Error())
		return reply, nil
	}
	if err != nil {
		return reply, fmt.Errorf("run local step %s: %w", cmd.ID, err)
	}
	if cmd.ID.Direction == saga.Undo {
		reply.Outcome, reply.Reason, reply.Payload = saga.Succeeded, "", saga.Payload{}
	}
	return reply, nil
}

// unrecorded runs a step that records nothing.
func unrecorded(ctx context.Context, cmd saga.Command, step LocalStep, reply *saga.Reply) (err error) {
	reply.Payload.Data, err = step.run(ctx, nil, cmd.Payload.Data)
	return answered(reply, err)
}

// answered says how a step has ended. A technical error is a failure.
func answered(reply *saga.Reply, err error) error {
	reply.Outcome = saga.Succeeded
	if no, ok := errors.AsType[*refusal](err); ok {
		reply.Outcome, reply.Reason = saga.Rejected, saga.Clip(no.reason)
		return nil
	}
	if err != nil {
		return &failure{err}
	}
	return nil
}

// recorded runs a step in a transaction, as soon as there is one for it.
func (l *Locals) recorded(ctx context.Context, cmd saga.Command, step LocalStep, reply *saga.Reply) error {
	select {
	case l.conns <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-l.conns }()
	return pgx.BeginFunc(ctx, l.s.pool, func(tx pgx.Tx) error {
		return l.guarded(ctx, tx, cmd, step, reply)
	})
}

// failure is a technical error of the step itself.
type failure struct{ cause error }

func (f *failure) Error() string { return f.cause.Error() }
func (f *failure) Unwrap() error { return f.cause }

// guarded runs the step unless its row says that it was run. The row's lock makes
// two runs of one step wait for each other.
func (l *Locals) guarded(ctx context.Context, tx pgx.Tx, cmd saga.Command, step LocalStep, reply *saga.Reply) error {
	id, name := pgtype.UUID{Bytes: cmd.ID.Saga, Valid: true}, cmd.ID.Step.String()
	var undone bool
	var outcome int16
	var epoch int
	var q pgx.Batch
	q.Queue(l.s.in(claimLocal), id, name)
	q.Queue(l.s.in(lockLocal), id, name).QueryRow(func(row pgx.Row) error {
		return row.Scan(&undone, &outcome, &reply.Reason, &reply.Payload.Data, &epoch)
	})
	q.Queue("SAVEPOINT step")
	if err := tx.SendBatch(ctx, &q).Close(); err != nil {
		return err
	}
	reply.Outcome = saga.Outcome(outcome)
	switch {
	case cmd.ID.Direction == saga.Undo:
		return l.undo(ctx, tx, cmd, step, reply.Outcome == saga.Succeeded && !undone)
	case undone:
		reply.Outcome, reply.Reason = saga.Rejected, "undone"
		return nil
	case outcome != 0 && (reply.Outcome != saga.Rejected || cmd.Epoch <= epoch): // another input may find another answer
		return nil
	}
	return l.do(ctx, tx, cmd, step, reply)
}

// do runs the step and saves its answer. What a step has done that refuses is taken
// back.
func (l *Locals) do(ctx context.Context, tx pgx.Tx, cmd saga.Command, step LocalStep, reply *saga.Reply) (err error) {
	reply.Payload.Data, err = step.run(ctx, stepTx{tx}, cmd.Payload.Data)
	if err := answered(reply, err); err != nil {
		return err
	}
	if reply.Outcome == saga.Rejected {
		if _, err := tx.Exec(ctx, "ROLLBACK TO SAVEPOINT step"); err != nil {
			return err
		}
	}
	id := pgtype.UUID{Bytes: cmd.ID.Saga, Valid: true}
	_, err = tx.Exec(ctx, l.s.in(saveLocal), id, cmd.ID.Step.String(), int16(reply.Outcome), reply.Reason, reply.Payload.Data, cmd.Epoch)
	return err
}

// undo runs the compensation if there is an effect to undo.
func (l *Locals) undo(ctx context.Context, tx pgx.Tx, cmd saga.Command, step LocalStep, effect bool) error {
	if effect {
		if _, err := step.run(ctx, stepTx{tx}, cmd.Payload.Data); err != nil {
			return &failure{err}
		}
	}
	_, err := tx.Exec(ctx, l.s.in(undoLocal), pgtype.UUID{Bytes: cmd.ID.Saga, Valid: true}, cmd.ID.Step.String())
	return err
}

// stepTx is a step's transaction. Its end is the engine's.
type stepTx struct{ pgx.Tx }

var errNotYours = errors.New("the transaction of a local step is ended by the engine: return nil, or an error")

// Commit refuses.
func (stepTx) Commit(context.Context) error { return errNotYours }

// Rollback refuses.
func (stepTx) Rollback(context.Context) error { return errNotYours }
