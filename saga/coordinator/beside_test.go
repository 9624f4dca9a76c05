package coordinator

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
)

// drawer is a Store in memory, of one batch at a time. open is how many there are.
type drawer struct {
	Store
	rows    map[saga.ID]Row
	history map[saga.ID]saga.History
	begun   int
	open    int
}

type drawn struct {
	Batch
	d    *drawer
	now  time.Time
	over bool
}

func (d *drawer) Begin(_ context.Context, load Load) (Batch, error) {
	d.begun, d.open = d.begun+1, d.open+1
	return &drawn{d: d, now: time.Now()}, nil
}

func (b *drawn) Now() time.Time { return b.now }

func (b *drawn) Saga(id saga.ID) (Row, bool) {
	row, ok := b.d.rows[id]
	return row, ok
}

func (b *drawn) Histories(_ context.Context, ids []saga.ID) (map[saga.ID]saga.History, error) {
	found := map[saga.ID]saga.History{}
	for _, id := range ids {
		found[id] = b.d.history[id]
	}
	return found, nil
}

func (b *drawn) Commit(_ context.Context, w *Writes) error {
	for _, row := range append(w.New, w.Changed...) {
		b.d.rows[row.State.ID] = row
	}
	for _, e := range w.Events {
		b.d.history[e.Saga] = append(b.d.history[e.Saga], e.Event)
	}
	w.IDs = make([]int64, len(w.Messages))
	b.Abort(nil) //nolint:staticcheck // it looks at none
	return nil
}

func (b *drawn) Abort(context.Context) {
	if !b.over {
		b.d.open--
	}
	b.over = true
}

// nobody is a Relay that sends nothing.
type nobody struct{ Relay }

func (nobody) Hand([]outbox.Row)                         {}
func (nobody) TakeSent(func(int) bool, int, int) []int64 { return nil }
func (nobody) Deleted([]int64)                           {}

// office is a coordinator whose batches a test makes itself.
type office struct {
	t      *testing.T
	d      *drawer
	c      *Coordinator
	held   atomic.Bool  // while it is set, an endless function does not end
	ended  atomic.Int32 // functions that have come to an end
	begun  atomic.Int32
	endure time.Duration // what a function may take
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, d: &drawer{rows: map[saga.ID]Row{}, history: map[saga.ID]saga.History{}}, endure: 200 * time.Millisecond}
	pay := saga.Step{Name: "pay", Participant: "payments", Command: "charge", Reason: "a present"}
	machine, err := saga.Compile(saga.Definition{Name: "declared", Version: "r1", Steps: []saga.Step{pay}})
	require.NoError(t, err)
	defs := functions{"declared": machine}
	for name, last := range map[string]func(c *code.Context) error{
		"quick":   func(*code.Context) error { return nil },
		"endless": func(*code.Context) error { return o.spin() },
		"anew":    func(c *code.Context) error { return code.ContinueAsNew(c, "endless") },
	} {
		defs[name], err = code.Func(saga.Definition{Name: name, Version: "r1"}, func(c *code.Context, in string) (any, error) {
			o.begun.Add(1)
			defer o.ended.Add(1)
			if in == "endless" {
				return nil, o.spin()
			}
			if _, err := code.Do[any](c, pay, nil); err != nil {
				return nil, err
			}
			return nil, last(c)
		})
		require.NoError(t, err)
	}
	o.c, err = New(Config{Store: o.d, Definitions: defs, Relay: nobody{}, Keys: saga.Keys{{ID: "k1", Secret: make([]byte, 32)}}, Incarnation: 1, Writers: 1, CodeTimeout: o.endure})
	require.NoError(t, err)
	for n := range bucket.Count {
		o.c.buckets[n] = &bucketState{}
	}
	o.held.Store(true)
	t.Cleanup(func() { // nothing is left, whatever has become of it
		o.held.Store(false)
		o.c.writers[0].coroutines.forget(-1)
		if in := o.c.writers[0].beside; in != nil {
			close(in.calls)
		}
		require.Eventually(t, func() bool { return o.ended.Load() == o.begun.Load() }, 10*time.Second, time.Millisecond)
	})
	return o
}

func (o *office) spin() error {
	for o.held.Load() { //nolint:revive // that is what is tested
	}
	return errors.New("it ends")
}

// batch runs one batch, and returns what each of its items was answered.
func (o *office) batch(foreign bool, items ...*item) []answer {
	o.t.Helper()
	r := run{c: o.c, w: o.c.writers[0]}
	if foreign {
		r = run{c: o.c, foreign: true}
	}
	r.process(o.t.Context(), items)
	require.Zero(o.t, o.d.open, "a transaction was left open")
	answers := make([]answer, len(items))
	for i, it := range items {
		answers[i] = <-it.answer
	}
	return answers
}

func (o *office) start(n byte, definition string) *item {
	id := saga.ID{n}
	e := saga.Event{Kind: saga.Started, Payload: saga.JSON([]byte(`"x"`)), Extra: &saga.EventExtra{Definition: definition, Version: "r1", Level: saga.Level}}
	return &item{
		bucket: bucket.Of(id.String(), bucket.Count), saga: id, event: e, answer: make(chan answer, 1),
		start: &StartRequest{Namespace: "default", Definition: definition, Version: "r1", Input: e.Payload},
	}
}

// reply is the answer to a saga's one command.
func (o *office) reply(n byte) *item {
	id := saga.ID{n}
	e := saga.ReplyEvent(saga.Reply{
		ID: saga.CommandID{Saga: id, Step: saga.StepRef{Name: "pay"}, Direction: saga.Do}, Participant: "payments", Attempt: 1, Epoch: 1, Outcome: saga.Succeeded,
	}, time.Now())
	return &item{bucket: bucket.Of(id.String(), bucket.Count), saga: id, event: e, answer: make(chan answer, 1)}
}

func (o *office) verb(n byte, kind saga.EventKind) *item {
	id := saga.ID{n}
	return &item{bucket: bucket.Of(id.String(), bucket.Count), saga: id, event: saga.Event{Kind: kind, RequestID: "q"}, answer: make(chan answer, 1)}
}

// Functions that overrun harm their sagas alone, wherever they stand in a batch and
// however it is decided: from memory, from what is stored, or of somebody else's bucket.
func TestFunctionsThatOverrunInOneBatch(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(o *office) (foreign bool){
		"from memory": func(*office) bool { return false },
		"from the store": func(o *office) bool {
			o.c.writers[0].coroutines.forget(-1)
			clear(o.c.writers[0].known)
			return false
		},
		"of another's bucket": func(*office) bool { return true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			kinds := []string{"quick", "endless", "declared", "quick", "endless", "quick"}
			var starts, replies []*item
			for i, kind := range kinds {
				starts = append(starts, o.start(byte(i+1), kind))
				replies = append(replies, o.reply(byte(i+1)))
			}
			for _, a := range o.batch(false, starts...) {
				require.NoError(t, a.err)
			}
			foreign, begun, at := prepare(o), o.d.begun, time.Now()
			o.batch(foreign, replies...)
			require.GreaterOrEqual(t, time.Since(at), 2*o.endure)
			require.GreaterOrEqual(t, o.d.begun-begun, 3, "the batch was given back for each of them")
			for i, kind := range kinds {
				s := o.d.rows[saga.ID{byte(i + 1)}].State
				if kind != "endless" {
					require.Equal(t, saga.Completed, s.Status, kind)
					continue
				}
				require.Equal(t, saga.Running, s.Status)
				require.Len(t, s.Attention, 1)
				require.Equal(t, saga.TransitionFailed, s.Attention[0].Reason)
				require.Contains(t, s.Attention[0].Text, "the code has run for 200ms without waiting for anything")
			}
			if !foreign {
				require.Empty(t, o.c.writers[0].coroutines.at, "who needs attention is run again from its history")
			}
		})
	}
}

// What else the batch has for such a saga is decided as if nothing had been: a start is
// refused, and a cancel turns a saga back.
func TestWhatAnOverrunLeavesAlone(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.batch(false, o.start(1, "endless"), o.start(2, "anew"))
	bad := o.start(3, "endless")
	bad.event.Payload = saga.JSON([]byte(`"endless"`))
	bad.start.Input = bad.event.Payload
	got := o.batch(false, o.reply(1), o.verb(1, saga.Cancelled), bad, o.reply(2))
	require.NoError(t, got[1].err)
	require.ErrorIs(t, got[2].err, ErrBadStart)
	require.ErrorContains(t, got[2].err, "it must be quick")
	require.Equal(t, saga.Compensating, o.d.rows[saga.ID{1}].State.Status, "its command is waited for")
	require.Empty(t, o.d.rows[saga.ID{1}].State.Attention, "a cancel frees it")
	require.NotContains(t, o.d.rows, saga.ID{3})
	s := o.d.rows[saga.ID{2}].State
	require.Equal(t, saga.Running, s.Status, "its next run cannot begin")
	require.Contains(t, s.Attention[0].Text, "the next run cannot begin: the code has run for")
	require.Len(t, o.d.rows, 2)
}
