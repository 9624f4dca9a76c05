package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/saga"
)

// journey has a child before its pivot. It is applied by its test, behind its child.
const journey = `
unwind: v1
saga: journey
defaults: {timeout: 30s, retry: {attempts: 3, backoff: 100ms, cap: 1s}, undo: {retry: {backoff: 100ms, cap: 1s}}}
steps:
  - {step: flight, command: flights/book, compensation: cancel}
  - {step: outing, child: outing}
  - {step: charge, kind: pivot, command: payments/book}
`

// TestFamiliesAndLocks kills the only coordinator while sagas run children, hold locks
// and wait for them.
func TestFamiliesAndLocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testserver.Kafka(t), 1)
	w.call(t, request{method: http.MethodPut, path: "/v1/definitions?file=journey.yaml", body: []byte(journey), want: http.StatusOK})
	slow := script{"hotels": {"slow:1500ms"}}
	through, cancelled := w.start(t, "journey", slow), w.start(t, "journey", slow)
	refused := w.start(t, "journey", script{"payments": {"reject", "slow:1500ms"}})
	failed := w.start(t, "journey", script{"hotels": {"slow:1s"}, "mails": {"reject"}})
	var queue [2][]saga.ID
	for i := range 10 {
		account := script{"account": {fmt.Sprint("a", i%2)}, "flights": {"slow:400ms"}}
		queue[i%2] = append(queue[i%2], w.start(t, "guarded", account))
	}
	for _, id := range []saga.ID{through, cancelled} {
		w.phase(t, id, "outing", saga.Raising.String())
	}
	out, _ := w.cli(t, "saga", "show", queue[0][4].String())
	require.Contains(t, out, "waits for the lock account a0, which ")
	w.again()
	w.operator(t, "cancel", cancelled, "--reason", "changed plans")
	w.again()

	everyone := map[saga.ID]saga.Status{through: saga.Completed, cancelled: saga.Compensated, refused: saga.Compensated, failed: saga.Compensated}
	for id, want := range everyone {
		w.ended(t, id, want)
		child := w.childOf(t, id)
		w.ended(t, child, want)
	}
	for _, ids := range queue {
		w.oneAtATime(t, ids)
	}
	list := acknowledged(t, []saga.ID{through, cancelled, refused, failed})
	found, _ := w.checked(t, list)
	require.Empty(t, found)
}

// convoy has a child for each item of a list. It is applied by its test, behind its child.
const convoy = `
unwind: v1
saga: convoy
defaults: {timeout: 30s, retry: {attempts: 3, backoff: 100ms, cap: 1s}, undo: {retry: {backoff: 100ms, cap: 1s}}}
steps:
  - {step: flight, command: flights/book, compensation: cancel}
  - step: outings
    child: outing
    forEach: ${input.script.lines}
    limit: {items: 20, concurrency: 3}
    input: {script: "${input.script}", line: "${item}"}
  - {step: charge, kind: pivot, command: payments/book, input: {script: "${input.script}", outings: "${steps.outings.outputs}"}}
`

// TestAChildForEachItem kills the only coordinator while sagas run a child for each item
// of a list, three at once, forward and in reverse: every child fares as its parent.
func TestAChildForEachItem(t *testing.T) {
	t.Parallel()
	const items = 8
	w := newWorld(t, testserver.Kafka(t), 1)
	w.call(t, request{method: http.MethodPut, path: "/v1/definitions?file=convoy.yaml", body: []byte(convoy), want: http.StatusOK})
	with := func(also script) script {
		s := script{"hotels": {"slow:200ms"}, "hotels.undo": {"slow:200ms"}}
		for i := range items {
			s["lines"] = append(s["lines"], fmt.Sprint("line ", i))
		}
		maps.Copy(s, also)
		return s
	}
	through, cancelled := w.start(t, "convoy", with(nil)), w.start(t, "convoy", with(nil))
	refused := w.start(t, "convoy", with(script{"payments": {"reject"}}))
	w.items(t, through, "outings", saga.Done, 2)
	out, _ := w.cli(t, "saga", "show", through.String())
	require.Contains(t, out, "outings[")
	w.again()
	w.items(t, cancelled, "outings", saga.Done, 3)
	w.operator(t, "cancel", cancelled, "--reason", "changed plans")
	w.items(t, refused, "outings", saga.Undone, 2)
	w.again()

	everyone := map[saga.ID]saga.Status{through: saga.Completed, cancelled: saga.Compensated, refused: saga.Compensated}
	for id, want := range everyone {
		w.ended(t, id, want)
		children := w.childrenOf(t, id)
		if id != cancelled {
			require.Len(t, children, items)
		}
		for _, child := range children {
			w.ended(t, child, want)
		}
	}
	found, _ := w.checked(t, acknowledged(t, slices.Collect(maps.Keys(everyone))))
	require.Empty(t, found)
}

// childrenOf lists the children of a saga.
func (w *world) childrenOf(t *testing.T, id saga.ID) (children []saga.ID) {
	t.Helper()
	c, err := client.New(client.Config{URL: w.nodes[0].url})
	require.NoError(t, err)
	page, err := c.List(t.Context(), client.Filter{Parent: id.String(), Limit: 100})
	require.NoError(t, err)
	for _, s := range page.Sagas {
		child, err := saga.ParseID(s.ID)
		require.NoError(t, err)
		children = append(children, child)
	}
	return children
}

// childOf is the child of a journey.
func (w *world) childOf(t *testing.T, id saga.ID) saga.ID {
	t.Helper()
	s, ok := w.look(id)
	require.True(t, ok)
	child, err := saga.ParseID(s.Steps[1].Child)
	require.NoError(t, err)
	out, _ := w.cli(t, "saga", "list", "--parent", id.String())
	require.Contains(t, out, child.String())
	return child
}

// oneAtATime: sagas that were started in this order have had their lock in it, each
// after the end of the one before.
func (w *world) oneAtATime(t *testing.T, ids []saga.ID) {
	t.Helper()
	const clocks = 200 * time.Millisecond // an owner may estimate the time
	var free time.Time
	for _, id := range ids {
		history := w.ended(t, id, saga.Completed)
		var granted client.Event
		for _, e := range history {
			if e.Kind == string(saga.Granted) {
				granted = e
			}
		}
		require.False(t, granted.At.Before(free.Add(-clocks)), "saga %s has its lock at %s, and the one before had it until %s", id, granted.At, free)
		free = history[len(history)-1].At
	}
}
