package office

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/unwindhq/unwind/internal/record"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// Effect is what redriving a letter would do as things stand.
type Effect struct {
	Sentence string // Sentence says it to people.
	Refused  bool   // Refused: it must not be done.
	Forcible bool   // Forcible: Decision.Force does it nevertheless.
}

func refused(format string, args ...any) Effect {
	return Effect{Sentence: fmt.Sprintf(format, args...), Refused: true}
}

func does(format string, args ...any) Effect { return Effect{Sentence: fmt.Sprintf(format, args...)} }

// objection is what an operator has to insist on; the zero Effect if nothing is.
func (o *Office) objection(ctx context.Context, from querier, l *Letter, d Decision) (Effect, error) {
	against, err := o.against(ctx, from, l, d.passed)
	if err != nil || against == "" || d.Force {
		return Effect{}, err
	}
	return Effect{Sentence: against, Refused: true, Forcible: true}, nil
}

// foretell says what the record itself would do. It asks for connections of its
// own.
func (o *Office) foretell(ctx context.Context, l *Letter) (Effect, error) {
	if l.Class == ClassEvent {
		return does("the definitions that wait for the event take it again; if it has started a saga of one before, it starts no second one"), nil
	}
	kind, _ := record.Get(l.Record.Headers, saga.HeaderType)
	switch string(kind) {
	case saga.TypeReply:
		return o.reply(ctx, l)
	case saga.TypeCommand:
		return o.command(ctx, l)
	case saga.TypeStart:
		return does("the start is read again; if its key has started a saga meanwhile, it starts no second one"), nil
	}
	return does("the record is written to %s again; it does not say what it is, so its effect cannot be foretold", l.Again().Topic), nil
}

// against returns what speaks against redriving unless it is forced, or "".
func (o *Office) against(ctx context.Context, from querier, l *Letter, passed []int64) (string, error) {
	if l.Status != Open {
		return fmt.Sprintf("it was %s before, by %s", l.Status, l.Actor), nil
	}
	if n := Redrives(l.Record.Headers) + l.Redrives; n >= o.cfg.MaxRedrives {
		return fmt.Sprintf("the record was redriven %d times before and came back each time; the limit is %d", n, o.cfg.MaxRedrives), nil
	}
	id, err := o.earlier(ctx, from, l, passed)
	if err != nil || id == 0 {
		return "", err
	}
	return fmt.Sprintf("dead letter %d of the same saga comes before it and is still open; redrive or discard that one first", id), nil
}

// again says that a record would become a dead letter once more.
func again(why any) Effect {
	return does("it would become a dead letter again as things stand: %v", why)
}

// reply foretells a reply by what the saga's own decision would be.
func (o *Office) reply(ctx context.Context, l *Letter) (Effect, error) {
	reply, err := saga.DecodeReply(l.Record.Headers, l.Record.Value)
	if err == nil {
		err = o.cfg.Keys.Verify(reply)
	}
	if err != nil {
		return again(err), nil
	}
	if n := reply.Route.Incarnation; n != o.cfg.Incarnation {
		return again(fmt.Sprintf("it is of incarnation %d, this database is incarnation %d", n, o.cfg.Incarnation)), nil
	}
	row, err := o.cfg.Sagas.Get(ctx, reply.ID.Saga)
	if errors.Is(err, coordinator.ErrNotFound) {
		return again(fmt.Sprintf("there is no saga %s", reply.ID.Saga)), nil
	}
	if err != nil {
		return Effect{}, err
	}
	decider, i, err := o.step(ctx, row, reply.ID.Step)
	if err != nil {
		return Effect{}, err
	}
	return taken(decider, row.State, i, reply), nil
}

// taken says what a reply does to a saga.
func taken(decider saga.Decider, state saga.State, i int, reply saga.Reply) Effect {
	step := reply.ID.Step
	switch {
	case state.Status.Ended():
		return does("saga %s has ended (%s): the reply changes nothing", state.ID, state.Status)
	case i < 0:
		return does("saga %s has no step %s: the reply changes nothing", state.ID, step)
	case reply.Epoch != state.Steps[i].Epoch:
		return does("the reply is of epoch %d of step %s, which is at epoch %d: it changes nothing", reply.Epoch, step, state.Steps[i].Epoch)
	}
	before := state.Steps[i].Phase
	after, _, err := decider.Decide(state, nil, saga.ReplyEvent(reply, time.Now()))
	switch {
	case errors.Is(err, saga.ErrNeedHistory):
		return does("saga %s waits for it: step %s is %s, and the saga goes on", state.ID, step, before)
	case err != nil:
		return does("saga %s waits for it, but cannot take it: %v; it would get attention", state.ID, err)
	case after.Steps[i].Phase != before:
		return does("saga %s waits for it: step %s goes from %s to %s, and the saga is then %s", state.ID, step, before, after.Steps[i].Phase, after.Status)
	}
	return does("saga %s does not wait for it: step %s is %s; the reply changes nothing", state.ID, step, before)
}

// step returns a saga's decider and where the state of one of its steps or items is,
// -1 without it.
func (o *Office) step(ctx context.Context, row coordinator.Row, ref saga.StepRef) (saga.Decider, int, error) {
	name, version := row.State.Definition, row.State.Version
	decider, ok := o.cfg.Definitions.Decider(row.Namespace, name, version)
	if !ok {
		if err := o.cfg.Definitions.Load(ctx, row.Namespace, name, version); err != nil {
			return nil, -1, fmt.Errorf("load definition %s %s: %w", name, version, err)
		}
		if decider, ok = o.cfg.Definitions.Decider(row.Namespace, name, version); !ok {
			return nil, -1, fmt.Errorf("definition %s %s: %w", name, version, coordinator.ErrNoDefinition)
		}
	}
	var steps []saga.Step
	if defined, ok := decider.(interface{ Definition() saga.Definition }); ok {
		steps = defined.Definition().Steps
	}
	i, _, ok := row.State.Find(steps, ref)
	if !ok {
		i = -1
	}
	return decider, i, nil
}

// command foretells a command by what its step is about.
func (o *Office) command(ctx context.Context, l *Letter) (Effect, error) {
	cmd, err := saga.DecodeCommand(l.Record.Headers, l.Record.Value)
	if err != nil {
		return again(err), nil
	}
	row, err := o.cfg.Sagas.Get(ctx, cmd.ID.Saga)
	if errors.Is(err, coordinator.ErrNotFound) {
		return refused("there is no saga %s: nobody waits for the command", cmd.ID.Saga), nil
	}
	if err != nil {
		return Effect{}, err
	}
	_, i, err := o.step(ctx, row, cmd.ID.Step)
	if err != nil {
		return Effect{}, err
	}
	if i < 0 {
		return refused("saga %s has no step %s: nobody waits for the command", cmd.ID.Saga, cmd.ID.Step), nil
	}
	return judge(&row.State, i, cmd), nil
}

// judge says what a command does. A do whose effect nobody would undo any more is
// refused, whoever asks.
func judge(state *saga.State, i int, cmd saga.Command) Effect {
	step, phase := cmd.ID.Step, state.Steps[i].Phase
	undo := cmd.ID.Direction == saga.Undo
	switch phase {
	case saga.Undone:
		if !undo {
			return refused("step %s was undone: doing it now would leave an effect that nobody undoes", step)
		}
	case saga.Undoing, saga.UndoResting, saga.UndoHeld:
		if !undo {
			return refused("step %s is being undone: doing it now could leave an effect that nobody undoes", step)
		}
		if cmd.Epoch == state.Steps[i].Epoch {
			return does("saga %s waits for it: %s undoes step %s, or repeats its answer", state.ID, cmd.Participant, step)
		}
	case saga.Doing, saga.Resting, saga.Held:
		if !undo && cmd.Epoch == state.Steps[i].Epoch {
			return does("saga %s waits for it: %s does step %s, or repeats its answer", state.ID, cmd.Participant, step)
		}
	case saga.Unknown:
		if !undo {
			return refused("step %s is to be undone: doing it now could leave an effect that nobody undoes", step)
		}
	case saga.Refused, saga.Waiting, saga.Skipped:
		return refused("step %s is %s: the saga does not wait for the command, and nobody would undo its effect", step, phase)
	}
	if cmd.Epoch != state.Steps[i].Epoch {
		return does("the command is of epoch %d of step %s, which is at epoch %d: %s refuses it or repeats its answer, and the reply changes nothing",
			cmd.Epoch, step, state.Steps[i].Epoch, cmd.Participant)
	}
	return does("saga %s does not wait for it: step %s is %s; %s repeats its answer, which changes nothing", state.ID, step, phase, cmd.Participant)
}
