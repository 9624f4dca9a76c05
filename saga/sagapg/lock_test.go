package sagapg_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/sagapg"
)

// accountOf is an expression: a field of the input.
type accountOf string

func (a accountOf) String() string  { return string(a) }
func (accountOf) Reads() saga.Reads { return saga.Reads{Input: true} }

func (a accountOf) Eval(scope saga.Scope) (json.RawMessage, error) {
	data, err := scope.Input()
	if err != nil {
		return nil, err
	}
	var doc map[string]json.RawMessage
	err = json.Unmarshal(data, &doc)
	return doc[string(a)], err
}

// transfer takes the locks of two accounts.
func transfer() saga.Definition {
	return saga.Definition{
		Name: "transfer", Version: "r1", Locks: []saga.Expr{accountOf("from"), accountOf("to")},
		Steps: []saga.Step{
			{Name: "debit", Participant: "bank", Command: "debit", Compensation: "credit"},
			{Name: "note", Participant: "bank", Command: "note", Compensation: "strike"},
		},
	}
}

// holders says who runs for each account, as the participants see it.
type holders struct {
	mu    sync.Mutex
	now   map[string]saga.ID
	order map[string][]saga.ID
	wrong []string
}

func (h *holders) answer(cmd saga.Command) []saga.Reply {
	h.mu.Lock()
	defer h.mu.Unlock()
	var doc map[string]string
	_ = json.Unmarshal(cmd.Payload.Data, &doc)
	for _, account := range []string{doc["from"], doc["to"]} {
		if other, taken := h.now[account]; taken && other != cmd.ID.Saga {
			h.wrong = append(h.wrong, fmt.Sprintf("%s runs for %s beside %s", cmd.ID.Saga, account, other))
		}
		if cmd.Name == "debit" {
			h.now[account] = cmd.ID.Saga
			h.order[account] = append(h.order[account], cmd.ID.Saga)
		} else {
			delete(h.now, account)
		}
	}
	return succeed(cmd)
}

// beside is a second coordinator on the database of w, with half of its buckets.
func (w *world) beside(t *testing.T, defs ...saga.Definition) *world {
	t.Helper()
	store, err := sagapg.New(sagapg.Config{Pool: w.pool})
	require.NoError(t, err)
	other := &world{pool: w.pool, store: &faulty{Store: store}, bus: newBus(), meter: &tally{}}
	deciders := library{}
	for _, def := range defs {
		deciders[def.Name], err = saga.Compile(def)
		require.NoError(t, err)
	}
	other.c, err = coordinator.New(coordinator.Config{
		Store: other.store, Definitions: deciders, Admission: deciders, Relay: other.bus, Replies: other.bus, SaveOffsets: other.bus.save,
		Keys: keys, Incarnation: 1, Writers: 2, CheckEvery: 20 * time.Millisecond, FarEvery: 50 * time.Millisecond,
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- other.c.Run(ctx) }()
	t.Cleanup(func() {
		other.c.Lose(all())
		cancel()
		require.NoError(t, <-ended)
	})
	w.c.Lose(all()[:32])
	other.c.Gain(ctx, all()[:32])
	return other
}

// One saga at a time for each key, in the order of arrival, over two coordinators; no
// two sagas with two keys each wait for each other.
func TestLocks(t *testing.T) {
	t.Parallel()
	w := setup(t, transfer())
	other := w.beside(t, transfer())
	h := &holders{now: map[string]saga.ID{}, order: map[string][]saga.ID{}}
	w.bus.answers(h.answer)
	other.bus.answers(h.answer)
	var ids []saga.ID
	want := map[string][]saga.ID{}
	for i := range 40 {
		from, to := fmt.Sprint("a", i%4), fmt.Sprint("a", (i+1+i/4%3)%4)
		id := []*world{w, other}[i%2].start(t, "transfer", fmt.Sprintf(`{"from":%q,"to":%q}`, from, to))
		ids = append(ids, id)
		want[from], want[to] = append(want[from], id), append(want[to], id)
	}
	for _, id := range ids {
		w.ends(t, id, saga.Completed)
		w.replays(t, transfer(), id)
	}
	require.Empty(t, h.wrong)
	require.Equal(t, want, h.order, "in the order of arrival")
	require.Empty(t, w.queues(t))
	require.Eventually(t, func() bool { return w.mail(t) == 0 }, 10*time.Second, 5*time.Millisecond)
}

// queues counts the rows of each key.
func (w *world) queues(t *testing.T) map[string]int {
	t.Helper()
	rows, err := w.pool.Query(t.Context(), `SELECT key, count(*) FROM unwind.saga_locks GROUP BY key`)
	require.NoError(t, err)
	defer rows.Close()
	queues := map[string]int{}
	for rows.Next() {
		var key string
		var n int
		require.NoError(t, rows.Scan(&key, &n))
		queues[key] = n
	}
	return queues
}

// Who waits is seen with who has the key; whoever is cancelled, terminated or too late
// leaves the queue, and the next one goes on.
func TestLocksAreGivenBack(t *testing.T) {
	t.Parallel()
	def := transfer()
	def.Locks = def.Locks[:1]
	late := def
	late.Name, late.LockTimeout = "late", 300*time.Millisecond
	w := setup(t, def, late)
	w.bus.answers(func(saga.Command) []saga.Reply { return nil })
	var ids []saga.ID
	for _, name := range []string{"transfer", "transfer", "transfer", "late", "transfer"} {
		ids = append(ids, w.start(t, name, `{"from":"a1"}`))
	}
	reader := sagapg.NewReader(w.pool, "unwind")
	locks, err := reader.Locks(t.Context(), ids[2])
	require.NoError(t, err)
	require.Equal(t, []coordinator.LockView{{Key: "a1", Holder: ids[0], Ahead: 2}}, locks)
	require.Equal(t, []string{"lock"}, new(w.state(t, ids[2])).WaitingFor())
	w.ends(t, ids[3], saga.Compensated)

	w.verb(t, ids[1], saga.Cancelled)
	w.verb(t, ids[2], saga.Terminated)
	require.Equal(t, map[string]int{"a1": 2}, w.queues(t))
	require.Eventually(t, func() bool { return len(w.bus.commands(ids[0])) == 1 }, 10*time.Second, 5*time.Millisecond)
	w.bus.answers(succeed)
	w.verb(t, ids[0], saga.Terminated)
	w.ends(t, ids[4], saga.Completed)
	require.Empty(t, w.queues(t))
	locks, err = reader.Locks(t.Context(), ids[0])
	require.NoError(t, err)
	require.Empty(t, locks)
}

// A commit of unknown outcome loses no grant, and a new owner finds it.
func TestLocksAfterACommitOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	def := transfer()
	for i := range def.Steps { // an answer that its owner has lost is asked for again
		def.Steps[i].Do = saga.Policy{Timeout: 500 * time.Millisecond, Attempts: 30}
	}
	w := setup(t, def)
	var mu sync.Mutex
	n := 0
	w.store.set(func(writes *coordinator.Writes) (before, after error) {
		mu.Lock()
		defer mu.Unlock()
		if len(writes.Messages) == 0 && len(writes.Acquire)+len(writes.Release) > 0 {
			if n++; n%3 == 0 {
				return nil, coordinator.ErrUnknownOutcome
			}
		}
		return nil, nil
	})
	var ids []saga.ID
	for range 12 {
		ids = append(ids, w.start(t, "transfer", `{"from":"a1","to":"a2"}`))
	}
	w.c.Lose(all())
	w.c.Gain(context.Background(), w.bus.ends())
	for _, id := range ids {
		w.ends(t, id, saga.Completed)
	}
	require.Empty(t, w.queues(t))
}
