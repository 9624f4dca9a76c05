package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/saga"
)

const (
	// deadFor is how long a participant is dead; patient's retries last twice as long.
	deadFor = 60 * time.Second
	// startEvery is the time between two starts meanwhile.
	startEvery = 100 * time.Millisecond
	// firstRate and rateDoubles are the defaults of --breaker-ramp and
	// --breaker-ramp-double, probes those of --breaker-probes.
	firstRate, rateDoubles, probes = 20, 5 * time.Second, 3
	// sway is how far apart the moment at which the gate is asked and the one that
	// is written down may be on a machine that is busy.
	sway = 500 * time.Millisecond
)

// apart makes flights a process of its own, and returns it.
func (w *world) apart() *process {
	w.hands.kill()
	w.hands = w.employ("hotels,payments,mails")
	return w.employ("flights")
}

// load starts patient sagas one after the other until the returned function is
// called, which returns them.
func (w *world) load() func() ([]saga.ID, error) {
	var stop atomic.Bool
	var ids []saga.ID
	ended := make(chan error, 1)
	go func() {
		tick := time.NewTicker(startEvery)
		defer tick.Stop()
		for n := 0; !stop.Load(); n++ {
			id, err := w.insist(fmt.Sprintf("patient %d", n), "patient", nil)
			if err != nil {
				ended <- err
				return
			}
			ids = append(ids, id)
			<-tick.C
		}
		ended <- nil
	}()
	return func() ([]saga.ID, error) {
		stop.Store(true)
		return ids, <-ended
	}
}

// turn is a change of a breaker's state, as the log of a coordinator has it.
type turn struct {
	Time                        time.Time
	Msg, Participant, Direction string
}

// turns reads the changes of flights' breaker for doing.
func (n *node) turns() (all []turn) {
	for line := range strings.Lines(n.output()) {
		var one turn
		if json.Unmarshal([]byte(line), &one) == nil && strings.HasPrefix(one.Msg, "breaker is ") && one.Participant == "flights" && one.Direction == "do" {
			one.Msg = strings.TrimPrefix(one.Msg, "breaker is ")
			all = append(all, one)
		}
	}
	return all
}

// flights reads the breaker over REST; ok is false while there is none.
func (w *world) flights() (b client.Breaker, ok bool) {
	status, data, err := w.send(request{method: http.MethodGet, path: "/v1/breakers/flights", node: w.alive()})
	var all client.Breakers
	if err != nil || status != http.StatusOK || json.Unmarshal(data, &all) != nil {
		return b, false
	}
	i := slices.IndexFunc(all.Breakers, func(b client.Breaker) bool { return b.Direction == "do" })
	return all.Breakers[max(i, 0)], i >= 0
}

// openWith waits until flights' breaker is open and holds that many sagas.
func (w *world) openWith(t *testing.T, held int) {
	t.Helper()
	eventually(t, "the breaker of flights is open", func() bool {
		b, ok := w.flights()
		return ok && b.State == "open" && b.Held >= held && b.OldestHeld != nil
	})
}

// sending is one command for flights, as the histories have it.
type sending struct {
	saga    saga.ID
	attempt int
	at      time.Time
}

// completed waits for all sagas to complete and returns what was sent to flights,
// in order.
func (w *world) completed(t *testing.T, ids []saga.ID) (all []sending) {
	t.Helper()
	for _, id := range ids {
		for _, e := range w.ended(t, id, saga.Completed) {
			for _, c := range e.Sent {
				if c.Step == "flight" {
					all = append(all, sending{id, c.Attempt, e.At})
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b sending) int { return a.at.Compare(b.at) })
	return all
}

// gentle checks that no second had more than the ramp that began then allows.
func gentle(t *testing.T, began time.Time, moments []time.Time, room float64) {
	t.Helper()
	first, most := 0, 0
	for last, at := range moments {
		for at.Sub(moments[first]) >= time.Second {
			first++
		}
		limit := firstRate << max(0, int((at.Sub(began)+sway)/rateDoubles))
		require.LessOrEqual(t, float64(last-first+1), float64(limit)*room, "commands in the second before %v after the beginning", at.Sub(began))
		most = max(most, last-first+1)
	}
	t.Logf("recovery: %d commands in %v, at most %d in a second", len(moments), moments[len(moments)-1].Sub(began), most)
}

// TestDeadParticipant: a participant is dead for a minute under load. Its commands
// are held: nothing fails, hardly an attempt is burned, and when it is back it is
// not overrun.
func TestDeadParticipant(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testserver.Kafka(t), 1)
	hands := w.apart()
	w.ended(t, w.start(t, "patient", nil), saga.Completed)
	hands.kill()
	stop, back := w.load(), time.After(deadFor)
	w.openWith(t, 50)
	w.shownByCommands(t)
	<-back
	require.NotEqual(t, "closed", w.nodes[0].turns()[len(w.nodes[0].turns())-1].Msg)
	w.employ("flights")
	ids, err := stop()
	require.NoError(t, err)

	sent := w.completed(t, ids)
	turns := w.nodes[0].turns()
	closed := turns[len(turns)-1]
	require.Equal(t, "closed", closed.Msg)
	w.spared(t, turns, sent, len(ids))
	var recovery, arrived []time.Time
	for _, s := range sent {
		if s.at.After(closed.Time) {
			recovery = append(recovery, s.at)
			for _, e := range w.ledger(t, s.saga) {
				if e.Step == "flight" && e.Attempt == s.attempt {
					arrived = append(arrived, e.At)
				}
			}
		}
	}
	require.Greater(t, len(recovery), 100)
	gentle(t, closed.Time, recovery, 1)
	slices.SortFunc(arrived, time.Time.Compare)
	gentle(t, closed.Time, arrived, 1.5) // what is on its way for different times may come together
}

// spared: while the breaker was open nothing was sent, and only what was out when
// it opened, and probes, had to be sent again.
func (w *world) spared(t *testing.T, turns []turn, sent []sending, sagas int) {
	t.Helper()
	before, opened := 0, 0
	for i, turn := range turns {
		if turn.Msg != "open" {
			continue
		}
		opened++
		until := turns[i+1].Time.Add(-sway)
		for _, s := range sent {
			require.False(t, s.at.After(turn.Time) && s.at.Before(until), "sent while the breaker was open: %+v", s)
			if opened == 1 && s.at.Before(turn.Time) {
				before++
			}
		}
	}
	again := len(sent) - sagas
	t.Logf("%d sagas, %d commands out when the breaker opened, opened %d times, %d sent again", sagas, before, opened, again)
	require.LessOrEqual(t, again, before+probes*opened)
	require.Less(t, before, sagas/4)
}

// shownByCommands: unwind breaker says what REST says.
func (w *world) shownByCommands(t *testing.T) {
	t.Helper()
	for _, args := range [][]string{{"breaker", "list"}, {"breaker", "show", "flights"}} {
		cmd := exec.Command(unwindBinary, args...)
		cmd.Env = append(os.Environ(), "UNWIND_URL="+w.nodes[0].url)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		require.NoError(t, cmd.Run(), &out)
		require.Regexp(t, `flights +do +(open|half-open) +\S+ \S+ +\d+ `, out.String())
		t.Log("unwind " + strings.Join(args, " ") + "\n" + out.String())
	}
}

// TestTakeoverWhileHeld: a coordinator is killed while it holds many commands. The
// next one knows nothing of its breakers: it finds all of them and lets them go as
// slowly.
func TestTakeoverWhileHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testserver.Kafka(t), 1)
	w.apart().kill()
	stop := w.load()
	w.openWith(t, 200)
	ids, err := stop()
	require.NoError(t, err)
	w.nodes[0].kill()
	w.employ("flights")
	w.nodes = append(w.nodes, &node{})
	killed := time.Now()
	w.begin(1)

	var recovery []time.Time
	for _, s := range w.completed(t, ids) {
		if s.at.After(killed) {
			recovery = append(recovery, s.at)
		}
	}
	// Those whose first attempt still lay in the topic are answered without another one.
	require.Greater(t, len(recovery), 100)
	gentle(t, recovery[0], recovery, 1)
}
