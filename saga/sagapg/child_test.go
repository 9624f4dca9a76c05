package sagapg_test

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/sagapg"
)

// order begins two children side by side, and then asks for a command.
func order() saga.Definition {
	return saga.Definition{Name: "order", Version: "r1", Steps: []saga.Step{
		{Name: "reserve", Participant: "stock", Command: "reserve", Compensation: "release"},
		{Name: "settle", Child: &saga.Child{Definition: "settle", Version: "r1"}},
		{Name: "count", After: []string{"reserve"}, Child: &saga.Child{Definition: "settle", Version: "r1"}},
		{Name: "mail", After: []string{"settle", "count"}, Participant: "post", Command: "send", Compensation: "unsend"},
	}}
}

// settle is its child.
func settle() saga.Definition {
	return saga.Definition{Name: "settle", Version: "r1", Steps: []saga.Step{
		{Name: "book", Participant: "ledger", Command: "book", Compensation: "unbook"},
		{Name: "pay", Participant: "bank", Command: "pay", Compensation: "repay"},
	}}
}

// hasty is settle with a payment that is soon taken for lost.
func hasty() saga.Definition {
	def := settle()
	def.Steps[1].Do = saga.Policy{Timeout: 700 * time.Millisecond, Attempts: 1}
	return def
}

// children lists a saga's children, the oldest first.
func (w *world) children(t *testing.T, id saga.ID) []saga.State {
	t.Helper()
	page, _, err := sagapg.NewReader(w.pool, "unwind").List(t.Context(), sagapg.Filter{Namespace: "default", Parent: id})
	require.NoError(t, err)
	states := make([]saga.State, len(page))
	for i, view := range page {
		states[len(page)-1-i] = view.State
	}
	return states
}

// mail counts the messages that lie beside sagas.
func (w *world) mail(t *testing.T) int {
	t.Helper()
	mail, err := w.store.Mail(t.Context(), buckets(), coordinator.Mail{}, 1000)
	require.NoError(t, err)
	return len(mail)
}

// Children run side by side, in their parent's bucket, and their end is their step's.
func TestChildren(t *testing.T) {
	t.Parallel()
	w := setup(t, order(), settle())
	id := w.start(t, "order", `{"n":1}`)
	w.ends(t, id, saga.Completed)
	children := w.children(t, id)
	require.Len(t, children, 2)
	for _, child := range children {
		require.Equal(t, saga.Completed, child.Status)
		require.Equal(t, id, child.Extras().Family.Parent)
		require.Equal(t, bucket.Of(id.String(), bucket.Count), bucket.Of(child.ID.String(), bucket.Count))
		w.replays(t, settle(), child.ID)
	}
	w.replays(t, order(), id)
	require.Eventually(t, func() bool { return w.mail(t) == 0 }, 10*time.Second, 5*time.Millisecond, "what was folded is deleted")
}

// A parent that turns back undoes its children first, and they undo themselves.
func TestChildrenAreTurnedBack(t *testing.T) {
	t.Parallel()
	w := setup(t, order(), settle())
	w.bus.answers(func(cmd saga.Command) []saga.Reply {
		if cmd.Name == "send" {
			return []saga.Reply{replyTo(cmd, saga.Rejected)}
		}
		return succeed(cmd)
	})
	id := w.start(t, "order", `{"n":1}`)
	w.ends(t, id, saga.Compensated)
	for _, child := range w.children(t, id) {
		require.Equal(t, saga.Compensated, child.Status)
		sent := w.bus.commands(child.ID)
		require.Equal(t, []string{"book", "pay", "repay", "unbook"}, []string{sent[0].Name, sent[1].Name, sent[2].Name, sent[3].Name})
		w.replays(t, settle(), child.ID)
	}
	w.replays(t, order(), id)
}

// Of two children one fails: so does its step, and the other child is turned back while it runs.
func TestAFailingChildTurnsItsParentBack(t *testing.T) {
	t.Parallel()
	w := setup(t, order(), hasty())
	first := make(chan struct{}, 1)
	first <- struct{}{}
	w.bus.answers(func(cmd saga.Command) []saga.Reply {
		if cmd.Name != "pay" {
			return succeed(cmd)
		}
		select {
		case <-first:
			return []saga.Reply{replyTo(cmd, saga.Rejected)}
		default:
			return nil // the other child is left waiting
		}
	})
	id := w.start(t, "order", `{"n":1}`)
	w.ends(t, id, saga.Compensated)
	for _, child := range w.children(t, id) {
		require.Equal(t, saga.Compensated, child.Status)
	}
}

// A child that cannot be started fails its step.
func TestAChildThatIsNotStarted(t *testing.T) {
	t.Parallel()
	def := order()
	def.Steps[1].Child.Definition = "nobody"
	w := setup(t, def, settle())
	id := w.start(t, "order", `{"n":1}`)
	w.ends(t, id, saga.Compensated)
	state := w.state(t, id)
	require.Equal(t, saga.Refused, state.Steps[1].Phase)
	require.Contains(t, state.Cause, "nobody")
	require.Len(t, w.children(t, id), 1)
}

// Cancel goes down on a node that does not own the bucket too, and a new owner finds
// what was told.
func TestChildrenOutliveTheirOwner(t *testing.T) {
	t.Parallel()
	w := setup(t, order(), hasty())
	w.bus.answers(func(cmd saga.Command) []saga.Reply {
		if cmd.Name == "pay" {
			return nil
		}
		return succeed(cmd)
	})
	id := w.start(t, "order", `{"n":1}`)
	paying := func() bool {
		list := w.children(t, id)
		return len(list) == 2 && list[0].Steps[1].Phase == saga.Doing && list[1].Steps[1].Phase == saga.Doing
	}
	require.Eventually(t, paying, 10*time.Second, 5*time.Millisecond)
	mine := w.bus.ends()[bucket.Of(id.String(), bucket.Count):][:1]
	w.c.Lose(mine)
	_, err := w.c.Do(t.Context(), coordinator.Verb{Kind: saga.Cancelled, Saga: id, RequestID: "c"})
	require.NoError(t, err)
	require.Equal(t, 2, w.mail(t), "each child is told")
	w.bus.answers(succeed)
	w.c.Gain(context.Background(), mine)
	w.ends(t, id, saga.Compensated)
	for _, child := range w.children(t, id) {
		require.Equal(t, saga.Compensated, child.Status)
	}
	w.replays(t, order(), id)
}

// Of a commit of unknown outcome nothing is lost: what it told is found in the store.
func TestChildrenAfterACommitOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	w := setup(t, order(), settle())
	var n atomic.Int32
	w.store.set(func(writes *coordinator.Writes) (before, after error) {
		if len(writes.Messages) == 0 && len(writes.Tell) > 0 && n.Add(1)%2 == 0 {
			return nil, coordinator.ErrUnknownOutcome
		}
		return nil, nil
	})
	ids := make([]saga.ID, 10)
	for i := range ids {
		ids[i] = w.start(t, "order", `{"n":1}`)
	}
	for _, id := range ids {
		w.ends(t, id, saga.Completed)
		require.Len(t, w.children(t, id), 2)
		w.replays(t, order(), id)
	}
	require.Positive(t, n.Load())
	require.Eventually(t, func() bool { return w.mail(t) == 0 }, 10*time.Second, 5*time.Millisecond)
}

// A message that comes twice changes nothing.
func TestMailThatComesTwice(t *testing.T) {
	t.Parallel()
	w := setup(t, order(), settle())
	id := w.start(t, "order", `{"n":1}`)
	w.ends(t, id, saga.Completed)
	seq := w.state(t, id).Seq
	number, nobody := bucket.Of(id.String(), bucket.Count), id
	for nobody[15]++; bucket.Of(nobody.String(), bucket.Count) != number; nobody[14]++ {
		nobody[15]++
	}
	_, err := w.pool.Exec(t.Context(), `INSERT INTO unwind.saga_mail (bucket, saga, record) VALUES
		($1, $2, convert_to('{"Namespace":"default","Kind":"childEnded","Step":{"Name":"settle"},"Outcome":2}', 'UTF8')),
		($1, $3, convert_to('{"Kind":"reversed"}', 'UTF8'))`, number, [16]byte(id), [16]byte(nobody))
	require.NoError(t, err)
	mine := w.bus.ends()[number:][:1]
	w.c.Lose(mine)
	w.c.Gain(context.Background(), mine)
	require.Eventually(t, func() bool { return w.mail(t) == 0 }, 10*time.Second, 5*time.Millisecond, "one changes nothing, one is for nobody")
	require.Equal(t, seq, w.state(t, id).Seq)
}

// Admit implements coordinator.Admission.
func (l library) Admit(_ context.Context, _, name, version string, _ saga.Payload) (pinned, key string, err error) {
	if _, ok := l[name]; !ok {
		return "", "", fmt.Errorf("%w: there is no %s", coordinator.ErrBadStart, name)
	}
	return cmp.Or(version, "r1"), "", nil
}
