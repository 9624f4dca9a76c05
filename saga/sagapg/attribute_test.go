package sagapg_test

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/sagapg"
)

// inputField is an expression: a field of the input, null without it.
type inputField string

func (f inputField) String() string    { return string(f) }
func (f inputField) Reads() saga.Reads { return saga.Reads{Input: true} }

func (f inputField) Eval(scope saga.Scope) (json.RawMessage, error) {
	data, err := scope.Input()
	if err != nil {
		return nil, err
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(data, &doc); err != nil || doc[string(f)] == nil {
		return json.RawMessage("null"), err
	}
	return doc[string(f)], nil
}

func found() saga.Definition {
	def := patient()
	def.Attributes = []saga.Attribute{{Name: "customer", Value: inputField("customer")}, {Name: "cents", Value: inputField("cents")}}
	def.Output = inputField("cents")
	return def
}

func (w *world) startKey(t *testing.T, key, input, idempotency string) (coordinator.StartResult, error) {
	t.Helper()
	return w.c.Start(t.Context(), coordinator.StartRequest{
		Namespace: "default", Definition: "travel", Version: "r1", Input: saga.JSON([]byte(input)), BusinessKey: key, Key: idempotency,
	})
}

// One running saga for each business key, however many ask at once; the idempotency
// key is judged first; the end gives the key back.
func TestOneRunningSagaForEachBusinessKey(t *testing.T) {
	t.Parallel()
	w := setup(t, found())
	w.bus.answers(func(saga.Command) []saga.Reply { return nil })
	var won atomic.Int64
	var all errgroup.Group
	for i := range 40 {
		all.Go(func() error {
			_, err := w.startKey(t, fmt.Sprintf("order-%d", i%4), `{"customer":"c1","cents":7}`, "")
			if err == nil {
				won.Add(1)
				return nil
			}
			require.ErrorIs(t, err, coordinator.ErrKeyTaken)
			return nil
		})
	}
	require.NoError(t, all.Wait())
	require.EqualValues(t, 4, won.Load())

	first, err := w.startKey(t, "order-9", `{}`, "once")
	require.NoError(t, err)
	again, err := w.startKey(t, "order-9", `{}`, "once")
	require.NoError(t, err)
	require.Equal(t, first.ID, again.ID)
	require.False(t, again.New)
	_, err = w.startKey(t, "order-9", `{}`, "twice")
	require.ErrorIs(t, err, coordinator.ErrKeyTaken)
	require.ErrorContains(t, err, first.ID.String())
	w.bus.answers(succeed)
	w.release([]saga.ID{first.ID})
	w.ends(t, first.ID, saga.Completed)
	again, err = w.startKey(t, "order-9", `{}`, "once") // a repeat claims nothing
	require.NoError(t, err)
	require.Equal(t, first.ID, again.ID)
	second, err := w.startKey(t, "order-9", `{}`, "twice") // nor was its idempotency key used up
	require.NoError(t, err)
	w.ends(t, second.ID, saga.Completed)

	var left int
	require.NoError(t, w.pool.QueryRow(t.Context(), "SELECT count(*) FROM unwind.business_keys WHERE key = 'order-9'").Scan(&left))
	require.Zero(t, left)
}

// A start that cannot begin gives its business key back.
func TestARefusedStartKeepsNoBusinessKey(t *testing.T) {
	t.Parallel()
	w := setup(t, found())
	_, err := w.startKey(t, "order-1", `{"customer":{"name":"ann"}}`, "k")
	require.ErrorIs(t, err, coordinator.ErrBadStart)
	res, err := w.startKey(t, "order-1", `{"customer":"ann"}`, "k2")
	require.NoError(t, err)
	w.ends(t, res.ID, saga.Completed)
	w.replays(t, found(), res.ID)
	state := w.state(t, res.ID)
	require.Equal(t, "null", string(state.Extras().Output))
}

func TestSagasAreFoundByTheirAttributes(t *testing.T) {
	t.Parallel()
	w := setup(t, found())
	ids := map[string]int{}
	for i, input := range []string{`{"customer":"anna","cents":100}`, `{"customer":"ann","cents":1e2}`, `{"customer":"50%","cents":-1}`, `{"customer":"100"}`} {
		res, err := w.startKey(t, fmt.Sprintf("order-%d", i), input, "")
		require.NoError(t, err)
		ids[res.ID.String()] = i
	}
	reader := sagapg.NewReader(w.pool, "unwind")
	for _, tt := range []struct {
		match []saga.Match
		want  []int
	}{
		{[]saga.Match{{Value: "order-1"}}, []int{1}},
		{[]saga.Match{{Value: "order-*"}}, []int{3, 2, 1, 0}},
		{[]saga.Match{{Value: "ord"}}, nil},
		{[]saga.Match{{Name: "customer", Value: "ann"}}, []int{1}},
		{[]saga.Match{{Name: "customer", Value: "ann*"}}, []int{1, 0}},
		{[]saga.Match{{Name: "customer", Value: "50%"}}, []int{2}},
		{[]saga.Match{{Name: "customer", Value: "5%*"}}, nil},
		{[]saga.Match{{Name: "cents", Value: "100"}}, []int{1, 0}},
		{[]saga.Match{{Name: "customer", Value: "100"}}, []int{3}},
		{[]saga.Match{{Name: "cents", Value: "100"}, {Name: "customer", Value: "anna"}}, []int{0}},
		{[]saga.Match{{Name: "cents", Value: "1e400000"}}, nil},
	} {
		page, _, err := reader.List(t.Context(), sagapg.Filter{Namespace: "default", Attributes: tt.match})
		require.NoError(t, err, tt.match)
		var got []int
		for _, row := range page {
			got = append(got, ids[row.State.ID.String()])
		}
		require.ElementsMatch(t, tt.want, got, tt.match) // ids of one millisecond have no order
	}
}

// noSeat is an expression: what step flight says of a seat, which is nothing.
type noSeat struct{}

func (noSeat) String() string                           { return "steps.flight.output.seat" }
func (noSeat) Reads() saga.Reads                        { return saga.Reads{Steps: []string{"flight"}} }
func (noSeat) Eval(saga.Scope) (json.RawMessage, error) { return json.RawMessage("null"), nil }

// Where a step says that there is no such attribute, what was there is found no more.
func TestAnAttributeGoes(t *testing.T) {
	t.Parallel()
	def := patient()
	def.Attributes = []saga.Attribute{{Name: "seat", Value: noSeat{}}}
	w := setup(t, def)
	w.bus.answers(func(saga.Command) []saga.Reply { return nil })
	id := w.start(t, "travel", `{}`)
	_, err := w.c.Do(t.Context(), coordinator.Verb{Kind: saga.Described, Saga: id, Payload: saga.JSON([]byte(`{"seat":"12A"}`)), Actor: saga.Actor{Kind: saga.Operator}})
	require.NoError(t, err)
	rows := func() (n int) {
		require.NoError(t, w.pool.QueryRow(t.Context(), "SELECT count(*) FROM unwind.saga_attributes WHERE saga = $1", [16]byte(id)).Scan(&n))
		return n
	}
	require.Equal(t, 1, rows())
	w.bus.answers(succeed)
	w.release([]saga.ID{id})
	w.ends(t, id, saga.Completed)
	state := w.state(t, id)
	require.Empty(t, state.Extras().Attributes)
	require.Zero(t, rows())
}
