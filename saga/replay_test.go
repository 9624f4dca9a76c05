package saga_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/unwindhq/unwind/saga"
)

// TestDecideProperties sends any events to any saga and checks what must hold
// after each: I8 (replay equals the fold), I12 (what is stale changes nothing),
// determinism, and that no argument is changed.
func TestDecideProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		def := drawDefinition(t)
		machine, err := saga.Compile(def)
		require.NoError(t, err)
		f := &fold{t: t, machine: machine, def: def, state: saga.State{ID: storyID}}
		for range rapid.IntRange(1, 40).Draw(t, "events") {
			f.decide(drawEvent(t, def, f.state))
		}
		replayed, err := machine.Replay(storyID, f.history)
		require.NoError(t, err)
		require.Equal(t, f.state, replayed)
	})
}

// fold keeps a saga's state and history.
type fold struct {
	t       *rapid.T
	machine *saga.Machine
	def     saga.Definition
	state   saga.State
	history saga.History
}

func (f *fold) decide(e saga.Event) {
	before := copyState(f.state)
	next, effects, err := f.machine.Decide(f.state, nil, e)
	if errors.Is(err, saga.ErrNeedHistory) {
		next, effects, err = f.machine.Decide(f.state, f.history, e)
	}
	require.Equal(f.t, before, f.state, "Decide changed its argument")
	again, sameEffects, _ := f.machine.Decide(f.state, f.history, e)
	require.Equal(f.t, next, again, "Decide is not deterministic")
	require.Equal(f.t, effects, sameEffects, "Decide is not deterministic")
	if err != nil {
		require.True(f.t, saga.IsRefusal(err), "%s: %s", e.Kind, err)
		require.NotContains(f.t, []saga.EventKind{saga.Started, saga.Replied, saga.Woke}, e.Kind)
	}
	if next.Seq == f.state.Seq {
		require.Equal(f.t, f.state, next, "changed without a sequence number")
		require.Empty(f.t, effects)
		return
	}
	f.check(next, effects, e)
	f.history = append(f.history, e.Stored(&next, effects))
	f.state = next
}

func (f *fold) check(next saga.State, effects []saga.Effect, e saga.Event) {
	require.Equal(f.t, f.state.Seq+1, next.Seq)
	require.False(f.t, next.Last.Before(f.state.Last), "time went back")
	decoded, err := saga.DecodeState(next.ID, saga.AppendState(nil, &next))
	require.NoError(f.t, err)
	require.Equal(f.t, next, decoded, "the codec loses something")
	require.False(f.t, f.state.PivotSent && !next.PivotSent)
	if f.state.Status.Ended() {
		require.Equal(f.t, f.state.Status, next.Status)
		require.Empty(f.t, effects)
	}
	people := slices.ContainsFunc(next.WaitingFor(), func(w string) bool { return w == "signal" || w == "approval" || w == "operator" })
	if !next.Status.Ended() && !people {
		require.False(f.t, next.WakeAt().IsZero(), "nothing will ever wake this saga")
	}
	for _, effect := range effects {
		f.checkCommand(next, effect.(saga.Send).Command, e)
	}
	f.checkTurn(next)
	f.checkStale(next, e)
}

// checkCommand checks what is sent against the state it is sent from.
func (f *fold) checkCommand(next saga.State, c saga.Command, e saga.Event) {
	require.False(f.t, e.Hold, "a node that may not send has sent")
	require.NotContains(f.t, e.Extras().Held, saga.Way{Participant: c.Participant, Direction: c.ID.Direction}, "sent though the gate is closed")
	i, k := f.place(next, c.ID.Step)
	st := next.Steps[k]
	if each := f.def.Steps[i].ForEach; each != nil {
		require.LessOrEqual(f.t, underWay(next.Items(i)), each.Concurrency, "more at once than allowed")
	}
	require.Equal(f.t, st.Epoch, c.Epoch)
	require.Equal(f.t, st.Attempt, c.Attempt)
	require.Equal(f.t, st.Due, c.Deadline)
	require.Equal(f.t, st.Hash, saga.PayloadHash(c.Payload))
	require.Equal(f.t, f.def.Steps[i].Participant, c.Participant)
	if c.ID.Direction == saga.Do {
		require.NotEqual(f.t, saga.Compensating, next.Status, "a step was begun while turning back")
		return
	}
	if next.Extras().Reset > 0 {
		require.Equal(f.t, saga.Running, next.Status)
		return // what does not go back may be done beside it
	}
	require.Equal(f.t, saga.Compensating, next.Status)
}

// checkTurn: a saga that turns back begins to undo nothing beside a step that is still
// being done. What a reset has begun to undo before goes on.
func (f *fold) checkTurn(next saga.State) {
	if next.Status != saga.Compensating || f.state.Extras().Reset > 0 {
		return
	}
	for i, st := range next.Steps[:len(f.state.Steps)] {
		if st.Phase.Back() && !f.state.Steps[i].Phase.Back() {
			require.NotContains(f.t, phases(next.Steps), saga.Doing, "step %d is undone beside a step that is still being done", i)
		}
	}
}

func phases(steps []saga.StepState) (all []saga.Phase) {
	for _, st := range steps {
		all = append(all, st.Phase)
	}
	return all
}

// checkStale: an answer of another epoch than the step's is only counted.
func (f *fold) checkStale(next saga.State, e saga.Event) {
	if e.Kind != saga.Replied {
		return
	}
	i, k := f.place(f.state, e.Step)
	if e.Epoch == f.state.Steps[k].Epoch {
		return
	}
	want := copyState(f.state)
	want.Steps[i].Ignored++
	want.Seq, want.Last = next.Seq, next.Last
	require.Equal(f.t, want, next)
}

// place finds a step in the definition, and the state of it or of its item.
func (f *fold) place(s saga.State, ref saga.StepRef) (step, state int) {
	step = slices.IndexFunc(f.def.Steps, func(s saga.Step) bool { return s.Name == ref.Name })
	state, ok := s.At(step, ref.Item)
	require.True(f.t, ok, "there is no %s", ref)
	return step, state
}

// underWay counts the items that have been sent and have not settled.
func underWay(items []saga.StepState) (n int) {
	for _, st := range items {
		switch st.Phase {
		case saga.Doing, saga.Resting, saga.Held, saga.Undoing, saga.UndoResting, saga.UndoHeld, saga.Raising, saga.Reversing:
			n++
		}
	}
	return n
}

func copyState(s saga.State) saga.State {
	s.Input.Data = slices.Clone(s.Input.Data)
	s.Steps = slices.Clone(s.Steps)
	for i := range s.Steps {
		s.Steps[i].Output = slices.Clone(s.Steps[i].Output)
	}
	s.Attention = slices.Clone(s.Attention)
	s.Requests = slices.Clone(s.Requests)
	return s
}

func TestReplayRefusesForeignHistory(t *testing.T) {
	t.Parallel()
	machine, err := saga.Compile(threeSteps())
	require.NoError(t, err)
	started := saga.Event{Seq: 1, Kind: saga.Started, At: storyStart, Extra: &saga.EventExtra{Level: 1}}
	for _, test := range []struct {
		name    string
		history saga.History
		want    string
	}{
		{"repeated", saga.History{started, started}, "replay event 1 (started) of saga " + storyID.String() + ": want event 2, or it changed nothing"},
		{"unknown", saga.History{started, {Seq: 2, Kind: "migrated"}}, "replay event 2 (migrated) of saga " + storyID.String() + `: unknown event kind "migrated"`},
		{"newer", saga.History{{Seq: 1, Kind: saga.Started, Extra: &saga.EventExtra{Level: 9}}}, "replay event 1 (started) of saga " + storyID.String() + ": the saga was started with a newer engine level: 9, this build knows 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := machine.Replay(storyID, test.history)
			require.EqualError(t, err, test.want)
		})
	}
}

// TestMappingMustBeDeterministic: a re-sent command carries the bytes of the
// first attempt, or none is sent.
func TestMappingMustBeDeterministic(t *testing.T) {
	t.Parallel()
	def := threeSteps()
	def.Steps[0].Input = broken{calls: new(int)}
	machine, err := saga.Compile(def)
	require.NoError(t, err)
	state, _, err := machine.Decide(saga.State{ID: storyID}, nil, saga.Event{Kind: saga.Started, At: storyStart})
	require.NoError(t, err)
	after, effects, err := machine.Decide(state, nil, saga.Event{Kind: saga.Woke, At: storyStart.Add(saga.DefaultTimeout)})
	require.EqualError(t, err, "step flight: input: the bytes differ from those of the first attempt")
	require.Equal(t, state, after)
	require.Empty(t, effects)
}

func TestStateOfAnotherDefinition(t *testing.T) {
	t.Parallel()
	machine, err := saga.Compile(threeSteps())
	require.NoError(t, err)
	other := saga.State{ID: storyID, Status: saga.Running, Steps: make([]saga.StepState, 2)}
	_, _, err = machine.Decide(other, nil, saga.Event{Kind: saga.Woke, At: storyStart})
	require.ErrorIs(t, err, saga.ErrState)
	require.EqualError(t, err, "saga "+storyID.String()+" has 2 steps, its definition trip r1 has 3: not a state that this build can read")
}

// TestRequestsAreRemembered: a request id that was applied changes nothing; the
// last 128 are known.
func TestRequestsAreRemembered(t *testing.T) {
	t.Parallel()
	def := saga.Definition{Name: "wide", Version: "r1"}
	for i := range 8 {
		def.Steps = append(def.Steps, saga.Step{Name: fmt.Sprintf("s%d", i), Participant: "p", Command: "run", Compensation: "unrun"})
	}
	machine, err := saga.Compile(def)
	require.NoError(t, err)
	state, _, err := machine.Decide(saga.State{ID: storyID}, nil, saga.Event{Kind: saga.Started, At: storyStart, RequestID: "first"})
	require.NoError(t, err)
	cancel := saga.Event{Kind: saga.Cancelled, At: storyStart, RequestID: "first"}
	same, effects, err := machine.Decide(state, nil, cancel)
	require.NoError(t, err)
	require.Equal(t, state, same)
	require.Empty(t, effects)
	for i := range 128 {
		stale := saga.Event{Kind: saga.Replied, At: storyStart, Epoch: 9, Direction: saga.Do, RequestID: fmt.Sprint(i)}
		stale.Step.Name = fmt.Sprintf("s%d", i%8)
		state, _, err = machine.Decide(state, nil, stale)
		require.NoError(t, err)
	}
	require.Len(t, state.Requests, 128)
	turned, _, err := machine.Decide(state, nil, cancel)
	require.NoError(t, err)
	require.Equal(t, saga.Compensating, turned.Status, "the oldest request is forgotten")
}
