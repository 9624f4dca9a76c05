package sagatest_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
	"github.com/unwindhq/unwind/sagatest"
)

// fewer are worlds for a test that is run often.
func fewer(own sagatest.Own) sagatest.Own {
	own.Seeds = 30
	return own
}

// TestSimulateOwn: the examples' sagas end in every world, though one sleeps for a month
// and the other waits for weeks for a decision.
func TestSimulateOwn(t *testing.T) {
	t.Parallel()
	input := func(draw *rand.Rand) any { return map[string]int{"cents": draw.IntN(200_000)} }
	t.Run("declared", func(t *testing.T) {
		t.Parallel()
		all := sagatest.SimulateOwn(t, orders(), fewer(sagatest.Own{Input: input, Answers: map[string][]sagatest.Answer{
			"charge": {{}, {}, {Reject: "declined"}, {Fail: "no line"}, {Silent: true}},
		}}))
		require.Positive(t, all.Completed)
		require.Positive(t, all.Compensated)
	})
	t.Run("code", func(t *testing.T) {
		t.Parallel()
		all := sagatest.SimulateOwn(t, trips(), fewer(sagatest.Own{Input: input, Answers: map[string][]sagatest.Answer{
			"pay": {sagatest.With(func(cents int) sagatest.Answer { return sagatest.Answer{Output: ticket{Ref: fmt.Sprint(cents)}} })},
		}}))
		require.Greater(t, all.Virtual, 30*24*time.Hour)
		require.Positive(t, all.Completed)
	})
}

// TestSimulateOwnWithChildrenAndChains: families end, and a chain is cut after its third run.
func TestSimulateOwnWithChildrenAndChains(t *testing.T) {
	t.Parallel()
	read := saga.Step{Name: "read", Participant: "meters", Command: "read", Reason: "it reads only"}
	monthly, err := code.Func(saga.Definition{Name: "monthly", Version: "r1"}, func(c *code.Context, in trip) (int, error) {
		_, _ = code.Do[any](c, read, in)
		c.Sleep(30 * 24 * time.Hour)
		_, err := code.Child[any](c, "book", saga.Child{Definition: "book"}, in)
		return 0, err
	})
	require.NoError(t, err)
	book, err := code.Func(saga.Definition{Name: "book", Version: "r1"}, func(c *code.Context, in trip) (int, error) {
		_, err := code.Do[any](c, saga.Step{Name: "seat", Participant: "airline", Command: "reserve", Compensation: "release"}, in)
		return 0, err
	})
	require.NoError(t, err)
	sagatest.SimulateOwn(t, monthly, fewer(sagatest.Own{With: []sagatest.Saga{book}}))

	chain, err := code.Func(saga.Definition{Name: "chain", Version: "r1"}, func(c *code.Context, in trip) (int, error) {
		_, _ = code.Do[any](c, read, in)
		c.Sleep(365 * 24 * time.Hour)
		return 0, code.ContinueAsNew(c, in)
	})
	require.NoError(t, err)
	all := sagatest.SimulateOwn(t, chain, sagatest.Own{Seeds: 5, Until: 20 * 365 * 24 * time.Hour})
	require.Greater(t, all.Virtual, 3*365*24*time.Hour)
}

// TestSimulateOwnFinds: what is wrong with a saga is found, with the line that runs it
// again and its story.
func TestSimulateOwnFinds(t *testing.T) {
	t.Parallel()
	step := func(name string) saga.Step {
		return saga.Step{Name: name, Participant: "stock", Command: name, Compensation: "undo"}
	}
	calls := 0
	for name, c := range map[string]struct {
		fn    func(c *code.Context, in trip) (int, error)
		own   sagatest.Own
		finds string
	}{
		"not deterministic": {fn: func(c *code.Context, _ trip) (int, error) {
			calls++
			_, err := code.Do[any](c, step([]string{"one", "two"}[calls%2]), calls)
			if err == nil {
				_, err = code.Do[any](c, step("three"), nil)
			}
			return 0, err
		}, finds: "the code does not do what it did"},
		"an error behind its pivot": {fn: func(c *code.Context, _ trip) (int, error) {
			if _, err := code.Do[any](c, saga.Step{Name: "pay", Kind: saga.Pivot, Participant: "cards", Command: "pay"}, nil); err != nil {
				return 0, err
			}
			return 0, errors.New("no stamp")
		}, finds: "the code returned an error after its pivot"},
		"it never ends": {fn: func(c *code.Context, _ trip) (int, error) {
			for {
				_, _ = code.Do[any](c, saga.Step{Name: "look", Participant: "stock", Command: "look", Reason: "it reads"}, nil)
			}
		}, own: sagatest.Own{Seeds: 1, Sagas: 1}, finds: "have not ended"},
		"an invariant": {fn: func(c *code.Context, _ trip) (int, error) {
			_, err := code.Do[any](c, step("one"), nil)
			return 7, err
		}, own: sagatest.Own{Seeds: 3, Invariant: func(p *sagatest.Played) error {
			var n int
			if p.State.Status == saga.Completed && p.Output(&n) == nil && n == 7 {
				return errors.New("seven came out")
			}
			return nil
		}}, finds: "seven came out"},
		"a child that is not there": {fn: func(c *code.Context, _ trip) (int, error) {
			_, err := code.Child[any](c, "ship", saga.Child{Definition: "shipOrder"}, nil)
			return 0, err
		}, own: sagatest.Own{Seeds: 1, Sagas: 1, Until: time.Hour}, finds: "there is no saga shipOrder, which is begun as a child: put it among Own.With"},
	} {
		t.Run(name, func(t *testing.T) {
			made, err := code.Func(saga.Definition{Name: "wrong", Version: "r1"}, c.fn)
			require.NoError(t, err)
			mute := &caught{}
			all := sagatest.SimulateOwn(mute, made, c.own)
			require.NotEmpty(t, all.Broken)
			text := mute.said
			require.Contains(t, text, c.finds)
			require.Contains(t, text, fmt.Sprintf("run it again: sagatest.Own{First: %d, Seeds: 1}", all.Broken[0].Seed))
		})
	}
}

// TestSimulateOwnIsDeterministic: a seed is one course of the world.
func TestSimulateOwnIsDeterministic(t *testing.T) {
	t.Parallel()
	own := sagatest.Own{First: 5, Seeds: 3}
	first, second := sagatest.SimulateOwn(t, trips(), own), sagatest.SimulateOwn(t, trips(), own)
	require.Equal(t, first, second)
}
