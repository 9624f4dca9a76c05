package sagapg_test

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/sagapg"
)

// backlog is a coordinator with one writer and small batches that cannot commit
// until it is let go, with starts that have come meanwhile.
type backlog struct {
	*world
	free  chan struct{}
	first chan struct{} // closed when the first batch waits to be committed
	group errgroup.Group

	mu    sync.Mutex
	order []saga.ID // of the new sagas, as they were committed
}

const (
	batchOf  = 10
	waitsFor = 400
)

func newBacklog(t *testing.T) *backlog {
	t.Helper()
	small := func(cfg *coordinator.Config) { cfg.Writers, cfg.BatchMax = 1, batchOf }
	b := &backlog{world: tuned(t, small, patient()), free: make(chan struct{}), first: make(chan struct{})}
	var once sync.Once
	b.store.set(func(w *coordinator.Writes) (before, after error) {
		once.Do(func() { close(b.first) })
		<-b.free
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, row := range w.New {
			b.order = append(b.order, row.State.ID)
		}
		return before, after
	})
	return b
}

// ask starts a saga some time, and writes its id down.
func (b *backlog) ask(t *testing.T, req coordinator.StartRequest, id *saga.ID) {
	t.Helper()
	req.Definition, req.Version, req.Input = "travel", "r1", saga.JSON([]byte(`{}`))
	b.group.Go(func() error {
		res, err := b.c.Start(t.Context(), req)
		*id = res.ID
		return err
	})
}

// flood asks for many sagas and returns once they wait.
func (b *backlog) flood(t *testing.T, req coordinator.StartRequest) {
	t.Helper()
	for range waitsFor {
		b.ask(t, req, new(saga.ID))
	}
	<-b.first
	b.waiting(t, waitsFor-batchOf)
}

// waiting returns once so many starts wait.
func (b *backlog) waiting(t *testing.T, n int) {
	t.Helper()
	require.Eventually(t, func() bool { return b.c.Stats().Queued[0] >= n }, patience, 5*time.Millisecond)
}

// place lets the commits go and returns how many sagas began before this one.
func (b *backlog) place(t *testing.T, id *saga.ID) int {
	t.Helper()
	close(b.free)
	require.NoError(t, b.group.Wait())
	for i, other := range b.order {
		if other == *id {
			return i
		}
	}
	t.Fatal("it did not begin")
	return 0
}

// A start of high priority overtakes the backlog of low ones; all of these begin.
func TestAHighPriorityOvertakesABacklog(t *testing.T) {
	t.Parallel()
	b := newBacklog(t)
	b.flood(t, coordinator.StartRequest{Namespace: "default", Priority: saga.Low})
	var id saga.ID
	b.ask(t, coordinator.StartRequest{Namespace: "default", Priority: saga.High}, &id)
	b.waiting(t, waitsFor-batchOf+1)
	require.Less(t, b.place(t, &id), 2*batchOf)
	require.Len(t, b.order, waitsFor+1)
}

// The flood of one namespace does not make another's single start wait for it.
func TestAFloodOfOneNamespaceHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	b := newBacklog(t)
	b.flood(t, coordinator.StartRequest{Namespace: "flood", Priority: saga.High})
	var id saga.ID
	b.ask(t, coordinator.StartRequest{Namespace: "calm", Priority: saga.Low}, &id)
	b.waiting(t, waitsFor-batchOf+1)
	require.Less(t, b.place(t, &id), 2*batchOf)
	require.Len(t, b.order, waitsFor+1)
}

// stepField is an expression: a field of a step's output.
type stepField struct{ step, name string }

func (f stepField) String() string    { return f.step + "." + f.name }
func (f stepField) Reads() saga.Reads { return saga.Reads{Steps: []string{f.step}} }

func (f stepField) Eval(scope saga.Scope) (json.RawMessage, error) {
	data, ok, err := scope.Output(f.step)
	if err != nil || !ok {
		return json.RawMessage("null"), err
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(data, &doc); err != nil || doc[f.name] == nil {
		return json.RawMessage("null"), err
	}
	return doc[f.name], nil
}

func labelOf(s saga.State) *saga.Label { return s.Extras().Label }

// What a saga is known by is stored with it, and an attribute of a step with the
// event that ends the step.
func TestLabelsAndAttributesOfSteps(t *testing.T) {
	t.Parallel()
	def := found()
	def.Heading, def.Subject, def.Retention = inputField("title"), inputField("customer"), saga.Long
	first := def.Steps[0].Name
	def.Attributes = append(def.Attributes, saga.Attribute{Name: "ref", Value: stepField{first, "ref"}})
	w := setup(t, def)
	w.bus.answers(func(cmd saga.Command) []saga.Reply {
		if cmd.ID.Step.Name != first {
			return nil
		}
		r := replyTo(cmd, saga.Succeeded)
		r.Payload = saga.JSON([]byte(`{"ref":"P-7"}`))
		return []saga.Reply{r}
	})
	id := w.start(t, "travel", `{"title":"Trip 7","customer":"c7","cents":5}`)
	require.Eventually(t, func() bool { return w.state(t, id).Steps[0].Phase == saga.Done }, patience, 5*time.Millisecond)
	require.Equal(t, &saga.Label{Title: "Trip 7", Subject: "c7", Retention: saga.Long}, labelOf(w.state(t, id)))
	var class int
	require.NoError(t, w.pool.QueryRow(t.Context(), "SELECT retention FROM unwind.sagas WHERE id = $1", [16]byte(id)).Scan(&class))
	require.Equal(t, int(saga.Long), class)
	reader := sagapg.NewReader(w.pool, "unwind")
	for _, match := range []saga.Match{{Name: saga.SubjectName, Value: "c7"}, {Name: "ref", Value: "P-*"}, {Name: "cents", Value: "5"}} {
		page, _, err := reader.List(t.Context(), sagapg.Filter{Namespace: "default", Attributes: []saga.Match{match}})
		require.NoError(t, err)
		require.Len(t, page, 1, match)
	}
	w.replays(t, def, id)
}
