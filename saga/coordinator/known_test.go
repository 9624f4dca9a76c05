package coordinator

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
)

// committed is a batch of one saga.
func committed(id byte, phase saga.Phase, output []byte) *fold {
	s := &folding{id: saga.ID{id}, events: make([]EventRow, 1)}
	s.row.State = saga.State{ID: s.id, Seq: 3, Status: saga.Running, Steps: []saga.StepState{{Phase: phase, Output: output}}}
	return &fold{ids: []saga.ID{s.id}, sagas: map[saga.ID]*folding{s.id: s}}
}

func TestKnownIsWhatWasCommittedAndAwaitsAReply(t *testing.T) {
	t.Parallel()
	k := known{}
	buffer := []byte(`{"a":1}`)
	f := committed(1, saga.Doing, buffer)
	k.keep(f)
	rows, list, ok := k.recall(f.ids)
	require.True(t, ok)
	require.Equal(t, []Known{{Saga: saga.ID{1}, Seq: 3}}, list)
	kept := rows[saga.ID{1}].State.Steps[0].Output
	require.Equal(t, buffer, kept)
	require.NotSame(t, &buffer[0], &kept[0], "a document may be a small part of a large message")
	require.Same(t, &buffer[0], &f.sagas[saga.ID{1}].row.State.Steps[0].Output[0], "somebody may be reading it")

	_, _, ok = k.recall([]saga.ID{{1}, {2}})
	require.False(t, ok, "all or nothing")
	k.keep(committed(1, saga.Awaiting, nil))
	require.Empty(t, k, "it waits for what may be long in coming")
	k.keep(f)
	k.forget(f)
	require.Empty(t, k)
	large := committed(1, saga.Doing, nil)
	large.sagas[saga.ID{1}].row.State.Own().Spreads = make([]saga.Spread, 1)
	k.keep(large)
	require.Empty(t, k)
	code := committed(1, saga.Doing, nil)
	state := &code.sagas[saga.ID{1}].row.State
	state.Own().Plan = &saga.Plan{Steps: make([]*saga.Planned, knownSteps)}
	k.keep(code)
	require.Len(t, k, 1)
	state.Own().Plan = &saga.Plan{Steps: make([]*saga.Planned, knownSteps+1)}
	k.keep(code)
	require.Empty(t, k, "its plan has grown")
}

func TestKnownIsBounded(t *testing.T) {
	t.Parallel()
	k := known{}
	for n := range knownMax + 100 {
		f := committed(1, saga.Doing, nil)
		s := f.sagas[f.ids[0]]
		s.id[1], s.id[2] = byte(n>>8), byte(n)
		f.sagas = map[saga.ID]*folding{s.id: s}
		k.keep(f)
		require.LessOrEqual(t, len(k), knownMax)
	}
}

// The estimate follows the database's clock, and is not thrown back by an answer
// that took long to arrive.
func TestGuess(t *testing.T) {
	t.Parallel()
	var c Coordinator
	require.Zero(t, c.guess(), "the clock was never seen")
	c.tick(time.Now().Add(time.Hour))
	require.WithinDuration(t, time.Now().Add(time.Hour), c.guess(), time.Second)
	before := c.clock.Load()
	c.tick(time.Now().Add(time.Hour - 50*time.Millisecond))
	require.InDelta(t, before, c.clock.Load(), float64(5*time.Millisecond))
	c.tick(time.Now().Add(-time.Hour))
	require.WithinDuration(t, time.Now().Add(-time.Hour), c.guess(), time.Second, "somebody has set a clock")
	c.ticked.Store(time.Now().Add(-2 * guessFor).UnixNano())
	require.Zero(t, c.guess())
}
