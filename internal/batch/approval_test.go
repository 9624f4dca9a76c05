package batch_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/batch"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// What a verb says beside its step is kept with the batch and said to each saga, unless
// the saga's definition refuses it.
func TestABatchHasParameters(t *testing.T) {
	t.Parallel()
	store, _ := open(t, 4)
	r := request()
	r.Verb, r.Filter.Status = saga.Signalled, 0
	r.Parameters = batch.Parameters{Signal: "paid", Groups: []string{"desk"}, Outcome: saga.Rejected, Payload: []byte(`{"ref": 1.0}`)}
	made, err := store.Create(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, r.Parameters, made.Parameters)
	var e engine
	check := func(_ context.Context, v coordinator.Verb) error {
		if v.Saga[15] == 4 {
			return fmt.Errorf("%w: not what the schema asks for", saga.ErrInvalid)
		}
		return nil
	}
	runs(t, batch.Runner{Store: store, Engine: &e, Check: check})
	_, err = store.Change(t.Context(), made.ID, batch.Running, "operator:ann")
	require.NoError(t, err)
	done := is(t, store, made.ID, batch.Done)
	require.Len(t, e.verbs, 3)
	for id, verbs := range e.verbs {
		require.Equal(t, []coordinator.Verb{{
			Kind: saga.Signalled, Saga: id, Signal: "paid", Groups: []string{"desk"}, Outcome: saga.Rejected, Payload: saga.JSON([]byte(`{"ref": 1.0}`)),
			Reason: "the hotel is back", RequestID: fmt.Sprintf("batch %d", made.ID), Actor: saga.Actor{Kind: saga.Operator, Name: "ann"},
		}}, verbs)
	}
	require.Equal(t, 2, done.Counts[batch.Refused], "one by its state, one by its definition")
}

// A batch above the size runs when somebody else than its maker has said so.
func TestALargeBatchNeedsASecondPerson(t *testing.T) {
	t.Parallel()
	store, _ := open(t, 20)
	r := request()
	r.ApproveAbove = 10
	small, err := store.Create(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, 10, small.Total)
	require.False(t, small.NeedsApproval)
	_, err = store.Approve(t.Context(), small.ID, "operator:bob")
	require.ErrorIs(t, err, batch.ErrState)
	_, err = store.Change(t.Context(), small.ID, batch.Running, "operator:ann")
	require.NoError(t, err)

	r.ApproveAbove = 9
	large, err := store.Create(t.Context(), r)
	require.NoError(t, err)
	require.True(t, large.NeedsApproval)
	for _, who := range []string{"operator:ann", "operator:bob"} {
		_, err = store.Change(t.Context(), large.ID, batch.Running, who)
		require.ErrorIs(t, err, batch.ErrUnapproved)
	}
	_, err = store.Approve(t.Context(), large.ID, "operator:ann")
	require.ErrorIs(t, err, batch.ErrSamePerson)
	for range 2 {
		large, err = store.Approve(t.Context(), large.ID, "operator:bob")
		require.NoError(t, err)
		require.Equal(t, "operator:bob", large.ApprovedBy)
		require.NotNil(t, large.ApprovedAt)
	}
	_, err = store.Approve(t.Context(), large.ID, "operator:cid")
	require.ErrorIs(t, err, batch.ErrState)
	var e engine
	run(t, store, &e)
	_, err = store.Change(t.Context(), large.ID, batch.Running, "operator:ann")
	require.NoError(t, err)
	is(t, store, large.ID, batch.Done)

	stopped, err := store.Create(t.Context(), r)
	require.NoError(t, err)
	_, err = store.Change(t.Context(), stopped.ID, batch.Stopped, "operator:ann")
	require.NoError(t, err)
	_, err = store.Approve(t.Context(), stopped.ID, "operator:bob")
	require.ErrorIs(t, err, batch.ErrState)
	_, err = store.Approve(t.Context(), 77, "operator:bob")
	require.ErrorIs(t, err, batch.ErrNotFound)
}
