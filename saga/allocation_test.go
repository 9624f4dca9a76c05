//go:build !race

package saga_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
)

// What a saga allocates on its way is counted, because the collector's time is the
// price: more than this is a fault, less is a new bound. No time is measured.
// Without the race detector, which allocates too.
func TestAllocations(t *testing.T) { //nolint:paralleltest // counts the process's allocations
	machine, err := saga.Compile(threeSteps())
	require.NoError(t, err)
	state := saga.State{ID: storyID}
	events := happyPath()
	var effects []saga.Effect
	state, effects, err = machine.Decide(state, nil, events[0])
	require.NoError(t, err)
	send, isSend := effects[0].(saga.Send)
	require.True(t, isSend)
	cmd := send.Command
	cmd.Route = saga.Route{Namespace: "default", Incarnation: 1, ReplyTopic: "unwind.replies.g1", ReplyPartition: 7, Token: "k1.0123456789"}
	headers := saga.CommandHeaders(cmd, storyStart)
	reply := saga.Reply{ID: cmd.ID, Participant: cmd.Participant, Attempt: 1, Epoch: 1, Outcome: saga.Succeeded}
	stored := saga.AppendState(nil, &state)
	buf := make([]byte, 0, 1024)
	for _, c := range []struct {
		what string
		most float64
		do   func()
	}{
		{"a transition", 4, func() { _, _, _ = machine.Decide(state, nil, events[1]) }},
		{"a state written", 0, func() { buf = saga.AppendState(buf[:0], &state) }},
		{"a state read", 3, func() { _, _ = saga.DecodeState(storyID, stored) }},
		{"a command's headers", 8, func() { saga.CommandHeaders(cmd, storyStart) }},
		{"a reply's headers", 7, func() { saga.ReplyHeaders(headers, reply, storyStart) }},
		{"a command read", 14, func() { _, _ = saga.DecodeCommand(headers, nil) }},
	} {
		got := testing.AllocsPerRun(200, c.do)
		require.LessOrEqual(t, got, c.most, c.what)
		t.Logf("%s: %v of %v", c.what, got, c.most)
	}
}
