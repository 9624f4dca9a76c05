package code_test

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
)

var (
	testID    = saga.ID{0x01, 0x90, 0xa1, 0xb2, 0xc3, 0xd4, 0x7e, 0x5f, 0x8a, 0x9b, 0x0c, 0x1d, 0x2e, 0x3f, 0x4a, 0x5b}
	testStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// world keeps one saga that is code, as a coordinator would: its state as it is
// stored, its history, and its coroutine.
type world struct {
	t       require.TestingT
	code    *saga.Code
	run     saga.Run
	state   saga.State
	history saga.History
	now     time.Time
	version string
	told    []saga.Tell    // what the last event has told other sagas
	sent    []saga.Command // what it has sent

	continues *saga.Continue // the next run that it has asked for
}

func newWorld(t require.TestingT, code *saga.Code) *world {
	return &world{t: t, code: code, state: saga.State{ID: testID}, now: testStart, version: code.Definition().Version}
}

func (w *world) start(input string) []saga.Command { return w.event(w.started(input)) }

func (w *world) started(input string) saga.Event {
	e := saga.Event{Kind: saga.Started, Payload: saga.JSON([]byte(input))}
	e.Own().Definition, e.Own().Version, e.Own().Level = w.code.Definition().Name, w.version, saga.Level
	return e
}

// event decides an event and returns the commands that were sent.
func (w *world) event(e saga.Event) []saga.Command {
	commands, err := w.try(e)
	require.NoError(w.t, err)
	return commands
}

// try is event with the error that Decide answers.
func (w *world) try(e saga.Event) ([]saga.Command, error) {
	e.At = w.now
	next, effects, err := w.code.DecideIn(&w.run, w.state, nil, e)
	if errors.Is(err, saga.ErrNeedHistory) {
		next, effects, err = w.code.DecideIn(&w.run, w.state, w.history, e)
	}
	if err != nil {
		w.forget()
		return nil, err
	}
	if next.Seq == w.state.Seq {
		return nil, nil
	}
	w.history = append(w.history, e.Stored(&next, effects))
	w.state, err = saga.DecodeState(w.state.ID, saga.AppendState(nil, &next))
	require.NoError(w.t, err)
	require.Equal(w.t, next, w.state, "the stored state is not the decided one")
	w.sent, w.told = commands(effects), told(effects)
	for _, effect := range effects {
		if next, ok := effect.(saga.Continue); ok {
			w.continues = &next
		}
	}
	return w.sent, nil
}

func commands(effects []saga.Effect) (list []saga.Command) {
	for _, effect := range effects {
		if send, ok := effect.(saga.Send); ok {
			list = append(list, send.Command)
		}
	}
	return list
}

// forget is a restart: the coroutine is gone.
func (w *world) forget() { w.run.Stop() }

// reply answers a command.
func (w *world) reply(c saga.Command, outcome saga.Outcome, payload, reason string) []saga.Command {
	return w.event(replyTo(c, outcome, payload, reason))
}

func replyTo(c saga.Command, outcome saga.Outcome, payload, reason string) saga.Event {
	return saga.ReplyEvent(saga.Reply{
		ID: c.ID, Participant: c.Participant, Attempt: c.Attempt, Epoch: c.Epoch, Outcome: outcome,
		Reason: reason, Payload: saga.JSON([]byte(payload)),
	}, time.Time{})
}

// wake lets time pass until something is due.
func (w *world) wake() []saga.Command {
	w.now = w.state.WakeAt()
	return w.event(saga.Event{Kind: saga.Woke, Actor: saga.Actor{Kind: saga.Engine}})
}

func (w *world) signal(name, payload string) []saga.Command {
	e := saga.Event{Kind: saga.Signalled, Payload: saga.JSON([]byte(payload))}
	e.Own().Signal = name
	return w.event(e)
}

// steps says where the steps are.
func (w *world) steps() (list []string) {
	for i, step := range w.state.Extras().Plan.Steps {
		list = append(list, fmt.Sprintf("%s %s", step.Ref(), w.state.Steps[i].Phase))
	}
	return list
}

// sent says what was sent.
func sent(list []saga.Command) (texts []string) {
	for _, c := range list {
		texts = append(texts, fmt.Sprintf("%s %s %s/%s %s", c.ID.Direction, c.ID.Step, c.Participant, c.Name, c.Payload.Data))
	}
	return texts
}

// replay checks that the history alone leads to the state, at every prefix.
func (w *world) replay() {
	var run saga.Run
	defer run.Stop()
	s := saga.State{ID: w.state.ID}
	for i, e := range w.history {
		next, effects, err := w.code.DecideIn(&run, s, w.history[:i+1], e)
		require.NoError(w.t, err)
		require.Equal(w.t, e, e.Stored(&next, effects), "another record of event %d", e.Seq)
		s = next
		alone, err := w.code.Replay(w.state.ID, slices.Clone(w.history[:i+1]))
		require.NoError(w.t, err)
		require.Equal(w.t, s, alone)
	}
	require.Equal(w.t, saga.AppendState(nil, &w.state), saga.AppendState(nil, &s))
}
