package sagapg_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// travel is the saga of the tests in which time runs out.
func travel() saga.Definition {
	return trip(saga.Policy{Timeout: 200 * time.Millisecond, Attempts: 2, Backoff: 20 * time.Millisecond})
}

// patient is the same saga; its timeouts never fire, however busy the machine.
func patient() saga.Definition {
	return trip(saga.Policy{Timeout: 5 * time.Minute, Attempts: 2, Backoff: 20 * time.Millisecond})
}

func trip(p saga.Policy) saga.Definition {
	return saga.Definition{Name: "travel", Steps: []saga.Step{
		{Name: "flight", Participant: "flights", Command: "reserve", Compensation: "release", Do: p, Undo: p},
		{Name: "hotel", Participant: "hotels", Command: "reserve", Compensation: "release", Do: p, Undo: p},
		{Name: "charge", Participant: "payments", Command: "charge", Kind: saga.Pivot, Do: p},
	}}
}

func steps(commands []saga.Command) []string {
	var list []string
	for _, c := range commands {
		list = append(list, fmt.Sprintf("%s/%s@%d", c.ID.Step, c.ID.Direction, c.Attempt))
	}
	return list
}

func TestForward(t *testing.T) {
	t.Parallel()
	w := setup(t, patient())
	id := w.start(t, "travel", `{"from":"BER"}`)
	w.ends(t, id, saga.Completed)
	require.Equal(t, []string{"flight/do@1", "hotel/do@1", "charge/do@1"}, steps(w.bus.commands(id)))
	require.JSONEq(t, `{"from":"BER"}`, string(w.bus.commands(id)[2].Payload.Data))
}

func TestReverse(t *testing.T) {
	t.Parallel()
	w := setup(t, patient())
	w.bus.answers(func(cmd saga.Command) []saga.Reply {
		if cmd.Name == "charge" {
			return []saga.Reply{replyTo(cmd, saga.Rejected)}
		}
		return succeed(cmd)
	})
	id := w.start(t, "travel", `{}`)
	w.ends(t, id, saga.Compensated)
	require.Equal(t, []string{"flight/do@1", "hotel/do@1", "charge/do@1", "hotel/undo@1", "flight/undo@1"}, steps(w.bus.commands(id)))
}

// I8: what is stored is what its history folds to.
func TestReplayOfTheStoredHistory(t *testing.T) {
	t.Parallel()
	w := setup(t, patient())
	w.bus.answers(func(cmd saga.Command) []saga.Reply {
		if cmd.Name == "charge" {
			return []saga.Reply{replyTo(cmd, saga.Rejected)}
		}
		return succeed(cmd)
	})
	id := w.start(t, "travel", `{}`)
	w.ends(t, id, saga.Compensated)
	w.replays(t, travel(), id)
}

// replays checks I8 for sagas: their stored histories make their stored states.
func (w *world) replays(t *testing.T, def saga.Definition, ids ...saga.ID) {
	t.Helper()
	machine, err := saga.Compile(def)
	require.NoError(t, err)
	b, err := w.store.Store.Begin(t.Context(), coordinator.Load{Sagas: ids})
	require.NoError(t, err)
	defer b.Abort(t.Context())
	histories, err := b.Histories(t.Context(), ids)
	require.NoError(t, err)
	for _, id := range ids {
		row, _ := b.Saga(id)
		replayed, err := machine.Replay(id, histories[id])
		require.NoError(t, err)
		require.Equal(t, saga.AppendState(nil, &row.State), saga.AppendState(nil, &replayed))
	}
}

func TestTimeoutMeansUnknown(t *testing.T) {
	t.Parallel()
	w := setup(t, travel())
	w.bus.answers(func(cmd saga.Command) []saga.Reply {
		if cmd.ID.Step.Name == "hotel" && cmd.ID.Direction == saga.Do {
			return nil
		}
		return succeed(cmd)
	})
	id := w.start(t, "travel", `{}`)
	w.ends(t, id, saga.Compensated)
	require.Equal(t, []string{"flight/do@1", "hotel/do@1", "hotel/do@2", "hotel/undo@1", "flight/undo@1"}, steps(w.bus.commands(id)))
}

// DESIGN.md 6.2: while the broker is away no attempt is burned.
func TestOurOutageBurnsNoAttempt(t *testing.T) {
	t.Parallel()
	w := setup(t, travel())
	w.bus.answers(func(saga.Command) []saga.Reply { return nil })
	id := w.start(t, "travel", `{}`)
	w.bus.mu.Lock()
	w.bus.down = true
	w.bus.mu.Unlock()
	away := time.NewTimer(1500 * time.Millisecond) // several times the whole retry budget
	<-away.C
	require.Equal(t, saga.Running, w.state(t, id).Status)
	require.Len(t, w.bus.commands(id), 1, "nothing was sent again")
	w.bus.mu.Lock()
	w.bus.down = false
	w.bus.answer = succeed
	cmd := w.bus.sent[0]
	w.bus.mu.Unlock()
	w.bus.mu.Lock()
	reply := replyTo(cmd, saga.Succeeded)
	w.bus.put(saga.ReplyHeaders(saga.CommandHeaders(cmd, time.Now()), reply, time.Now()), nil, cmd.Route.ReplyPartition)
	w.bus.mu.Unlock()
	w.ends(t, id, saga.Completed)
	require.Equal(t, []string{"flight/do@1", "hotel/do@1", "charge/do@1"}, steps(w.bus.commands(id)))
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	w := setup(t, patient())
	ids := make([]saga.ID, 500)
	var g sync.WaitGroup
	for i := range ids {
		g.Go(func() { ids[i] = w.start(t, "travel", fmt.Sprintf(`{"n":%d}`, i)) })
	}
	g.Wait()
	for _, id := range ids {
		w.ends(t, id, saga.Completed)
		require.Len(t, w.bus.commands(id), 3)
	}
}

// I11, DESIGN.md 6.13.
func TestStartKeys(t *testing.T) {
	t.Parallel()
	w := setup(t, patient())
	req := coordinator.StartRequest{Namespace: "default", Definition: "travel", Version: "r1", Key: "order-1", Input: saga.JSON([]byte(`{"a":1}`))}
	ids := make([]saga.ID, 50)
	var fresh sync.Map
	var g sync.WaitGroup
	for i := range ids {
		g.Go(func() {
			res, err := w.c.Start(t.Context(), req)
			require.NoError(t, err)
			ids[i] = res.ID
			if res.New {
				fresh.Store(i, true)
			}
		})
	}
	g.Wait()
	for _, id := range ids {
		require.Equal(t, ids[0], id)
	}
	n := 0
	fresh.Range(func(any, any) bool { n++; return true })
	require.Equal(t, 1, n, "one of them started it")
	req.Input = saga.JSON([]byte(`{"a":2}`))
	_, err := w.c.Start(t.Context(), req)
	require.ErrorIs(t, err, coordinator.ErrKeyUsed)
}

// RELIABILITY: executed-but-reported-failed commits.
func TestUnknownCommitOutcome(t *testing.T) {
	t.Parallel()
	w := setup(t, patient())
	var mu sync.Mutex
	n := 0
	w.store.set(func(*coordinator.Writes) (before, after error) {
		mu.Lock()
		defer mu.Unlock()
		n++
		switch n % 3 {
		case 0:
			return nil, coordinator.ErrUnknownOutcome
		case 1:
			return errors.New("the connection broke before the commit"), nil
		}
		return nil, nil
	})
	// The bus is told of a batch only after a commit that is known, so a relay's
	// sweep is imitated: what is in the outbox is handed over again.
	for range 3 {
		id := w.start(t, "travel", `{}`)
		require.Eventually(t, func() bool {
			w.sweep(t)
			return w.state(t, id).Status == saga.Completed
		}, 20*time.Second, 20*time.Millisecond)
		require.EqualValues(t, 4, w.state(t, id).Seq, "no transition happened twice")
	}
}

// DESIGN.md 6.11: one saga never spoils a batch.
func TestOneSagaNeverSpoilsABatch(t *testing.T) {
	t.Parallel()
	w := setup(t, patient())
	guilty := w.hold(t, "travel")
	healthy := make([]saga.ID, 200)
	for i := range healthy {
		healthy[i] = w.hold(t, "travel")
	}
	w.store.set(func(writes *coordinator.Writes) (before, after error) {
		for _, row := range writes.Changed {
			if row.State.ID == guilty && len(row.State.Attention) == 0 {
				return fmt.Errorf("%w: invalid byte sequence", coordinator.ErrGuilty), nil
			}
		}
		return nil, nil
	})
	w.bus.answers(succeed)
	w.release(slices.Concat(healthy, []saga.ID{guilty}))
	for _, id := range healthy {
		w.ends(t, id, saga.Completed)
	}
	require.Eventually(t, func() bool { return len(w.state(t, guilty).Attention) > 0 }, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, saga.TransitionFailed, w.state(t, guilty).Attention[0].Reason)
	mail, err := w.store.Mail(t.Context(), buckets(), coordinator.Mail{}, 10)
	require.NoError(t, err)
	require.Len(t, mail, 1, "its reply is kept")
	require.Equal(t, guilty, mail[0].Saga)
}

func TestForgedAndUndecodableReplies(t *testing.T) {
	t.Parallel()
	w := setup(t, patient())
	w.bus.answers(func(cmd saga.Command) []saga.Reply {
		forged := replyTo(cmd, saga.Rejected)
		forged.Route.Token = "k1.AAAAAAAAAAAAAAAAAAAAAA"
		return []saga.Reply{forged}
	})
	id := w.start(t, "travel", `{}`)
	// The bus echoes the command's headers, so forge the token there.
	w.bus.mu.Lock()
	cmd := w.bus.sent[0]
	bad := cmd
	bad.Route.Token = "k1.AAAAAAAAAAAAAAAAAAAAAA"
	w.bus.put(saga.ReplyHeaders(saga.CommandHeaders(bad, time.Now()), replyTo(bad, saga.Rejected), time.Now()), nil, cmd.Route.ReplyPartition)
	w.bus.put(nil, []byte("\xff\xfe not a reply"), cmd.Route.ReplyPartition)
	other := (cmd.Route.ReplyPartition + 1) % 64
	w.bus.answer = succeed
	w.bus.put(saga.ReplyHeaders(saga.CommandHeaders(cmd, time.Now()), replyTo(cmd, saga.Succeeded), time.Now()), nil, other)
	w.bus.mu.Unlock()
	require.Eventually(t, func() bool {
		w.bus.mu.Lock()
		defer w.bus.mu.Unlock()
		return len(w.letters(t)) == 2 && len(w.bus.moved) == 1
	}, 10*time.Second, 5*time.Millisecond)
	letters := w.letters(t)
	require.Equal(t, id, letters["forged"].Saga)
	require.Equal(t, "\xff\xfe not a reply", string(letters["undecodable"].Record.Value))
	require.Equal(t, id.String(), w.bus.moved[0].Key, "a reply without a key gets its saga's")
}
