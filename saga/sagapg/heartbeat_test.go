package sagapg_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
)

// A command that is heard is not sent again, though it takes far longer than its
// heartbeat; its progress is in the state. Once it falls silent it is sent again.
func TestHeartbeatsKeepACommandAlive(t *testing.T) {
	t.Parallel()
	const heartbeat = time.Second
	def := saga.Definition{Name: "travel", Steps: []saga.Step{
		{Name: "pack", Participant: "warehouse", Command: "pack", Compensation: "unpack", Do: saga.Policy{Heartbeat: heartbeat}},
	}}
	w := setup(t, def)
	beat := make(chan saga.Command, 1)
	w.bus.answers(func(cmd saga.Command) []saga.Reply {
		if cmd.Attempt == 1 {
			beat <- cmd
			return nil
		}
		return succeed(cmd)
	})
	id := w.start(t, "travel", `{}`)
	cmd := <-beat
	require.Equal(t, heartbeat, cmd.Heartbeat)
	every := time.NewTicker(heartbeat / 10)
	defer every.Stop()
	for range 30 { // three times the heartbeat
		w.bus.say(cmd, saga.Ongoing, `{"packed":1}`)
		<-every.C
	}
	require.Len(t, w.bus.commands(id), 1)
	require.JSONEq(t, `{"packed":1}`, string(w.state(t, id).Steps[0].Extras().Progress.Data))
	w.ends(t, id, saga.Completed) // silence: the second attempt succeeds
	require.Len(t, w.bus.commands(id), 2)
	w.replays(t, def, id)
}
