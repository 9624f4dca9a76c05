package participant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/saga"
)

// address names a handler: a participant may have a do and an undo of one name.
type address struct {
	direction saga.Direction
	name      string
}

// call is a decoded command, ready to run. tx is nil without a database; done is
// the stored result of the do, nil if there is none.
type call func(ctx context.Context, tx pgx.Tx, done *saga.Payload) (saga.Payload, error)

// handler runs the commands of one address.
type handler struct {
	guarded bool                             // guarded handlers run in a transaction behind the guard.
	decode  func(saga.Payload) (call, error) // decode fails if the payload does not fit the handler's type.
}

// Handle registers fn for the do command of that name. A command's JSON is
// decoded into In, fn's result is the reply's JSON; saga.Payload as In or Out
// passes bytes through untouched.
//
// fn runs at most once to success per step, inside tx, a transaction of the
// participant's own database that also stores the answer and the reply; it must
// use tx for its effects and must neither commit nor keep it. It returns nil for
// success, Reject for a business no, any other error for a technical fault. ctx
// ends after Config.HandlerTimeout.
//
// Handle must be called before Run; a fault (a name that is not a name, one
// registered twice) is reported by Run.
func Handle[In, Out any](p *Participant, name string, fn func(ctx context.Context, tx pgx.Tx, cmd In) (Out, error)) {
	p.register(saga.Do, name, handler{guarded: true, decode: func(payload saga.Payload) (call, error) {
		in, err := decode[In](payload)
		return func(ctx context.Context, tx pgx.Tx, _ *saga.Payload) (saga.Payload, error) {
			return encode(fn(ctx, tx, in))
		}, err
	}})
}

// HandleUndo registers fn for the undo command of that name: the compensation's
// name in the definition. cmd is the do's input, done its stored result. The
// guard calls fn only for a step that was done, so done is nil only if the
// outcome is unknown (see Config.UndoUnknown). Everything else is as in Handle,
// but an undo cannot be refused.
func HandleUndo[In, Out any](p *Participant, name string, fn func(ctx context.Context, tx pgx.Tx, cmd In, done *Out) error) {
	p.register(saga.Undo, name, handler{guarded: true, decode: func(payload saga.Payload) (call, error) {
		in, err := decode[In](payload)
		return func(ctx context.Context, tx pgx.Tx, stored *saga.Payload) (saga.Payload, error) {
			done, err := decodeDone[Out](stored)
			if err != nil {
				return saga.Payload{}, err
			}
			return saga.Payload{}, fn(ctx, tx, in, done)
		}, err
	}})
}

// HandleFunc registers fn for the do command of that name without a database: no
// guard, no transaction. fn must be idempotent by Info(ctx).ID, must refuse the
// same command again once it has refused it, and must refuse a do whose undo it
// has seen. The reply goes to Kafka before the command is acknowledged.
func HandleFunc[In, Out any](p *Participant, name string, fn func(ctx context.Context, cmd In) (Out, error)) {
	p.register(saga.Do, name, handler{decode: func(payload saga.Payload) (call, error) {
		in, err := decode[In](payload)
		return func(ctx context.Context, _ pgx.Tx, _ *saga.Payload) (saga.Payload, error) {
			return encode(fn(ctx, in))
		}, err
	}})
}

// HandleUndoFunc registers fn for the undo command of that name without a
// database. fn must be idempotent, and must succeed when there is nothing to
// undo: the do may never have arrived.
func HandleUndoFunc[In any](p *Participant, name string, fn func(ctx context.Context, cmd In) error) {
	p.register(saga.Undo, name, handler{decode: func(payload saga.Payload) (call, error) {
		in, err := decode[In](payload)
		return func(ctx context.Context, _ pgx.Tx, _ *saga.Payload) (saga.Payload, error) {
			return saga.Payload{}, fn(ctx, in)
		}, err
	}})
}

var errNotJSON = errors.New("not plain application/json; take a saga.Payload to read other content")

// decode reads a payload into a T.
func decode[T any](payload saga.Payload) (T, error) {
	var value T
	if raw, ok := any(&value).(*saga.Payload); ok {
		*raw = payload
		return value, nil
	}
	if !payload.IsJSON() {
		return value, fmt.Errorf("payload of type %q, codec %q: %w", payload.ContentType, payload.Codec, errNotJSON)
	}
	if err := json.Unmarshal(payload.Data, &value); err != nil {
		return value, fmt.Errorf("payload does not fit %T: %w", value, err)
	}
	return value, nil
}

// decodeDone reads the stored result of a do, if there is one.
func decodeDone[T any](stored *saga.Payload) (*T, error) {
	var done *T
	if stored == nil {
		return done, nil
	}
	value, err := decode[T](*stored)
	if err != nil {
		return nil, fmt.Errorf("stored result of the do: %w", err)
	}
	return &value, nil
}

// encode writes a handler's result.
func encode[T any](value T, err error) (saga.Payload, error) {
	if err != nil {
		return saga.Payload{}, err
	}
	if raw, ok := any(value).(saga.Payload); ok {
		return raw, nil
	}
	data, err := json.Marshal(value)
	if err != nil {
		return saga.Payload{}, fmt.Errorf("encode the result: %w", err)
	}
	return saga.JSON(data), nil
}

// contextKey is the type of this package's context keys.
type contextKey struct{}

// working is what a handler's context knows.
type working struct {
	p *Participant
	d delivery
}

// Info returns the command that the handler with this context is running: its
// id, attempt, epoch, deadline, heartbeat. Outside a handler it returns the zero
// Command.
func Info(ctx context.Context) saga.Command {
	w, _ := ctx.Value(contextKey{}).(working)
	return w.d.cmd
}
