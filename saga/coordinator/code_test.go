package coordinator

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
)

// A long history is warned of once, by the batch in which it becomes long.
func TestTheLogWarnsOfALongHistory(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	r := run{c: &Coordinator{cfg: Config{Log: slog.New(slog.NewTextHandler(&out, nil))}}}
	for seq := int64(longHistory - 3); seq < longHistory+6; seq += 2 {
		s := &folding{id: saga.ID{1}, events: make([]EventRow, 2)}
		s.row.State.Seq = seq
		r.warn(s)
	}
	require.Equal(t, 1, strings.Count(out.String(), "the saga's history is long"))
	require.Contains(t, out.String(), "events=10001 most=50000")
}

// stopping is a coroutine that says when it is stopped.
type stopping struct {
	saga.Coroutine
	stops *int
}

func (stopping) Resume(saga.News) saga.Turn { return saga.Turn{Ended: true} }
func (s stopping) Stop()                    { *s.stops++ }

// The runs of sagas that have completed serve those to come, so many as there is room for.
func TestRunsAreUsedAgain(t *testing.T) {
	t.Parallel()
	begun, stops := 0, 0
	made, err := saga.NewCode(saga.Definition{Name: "trip", Version: "r1"}, func(_ saga.ID, _ json.RawMessage, before saga.Coroutine) saga.Coroutine {
		if before != nil {
			before.Stop()
		}
		begun++
		return stopping{stops: &stops}
	})
	require.NoError(t, err)
	c := newCoroutines(2)
	var runs []*saga.Run
	for n := range byte(4) {
		runs = append(runs, c.take(saga.ID{n}))
		e := saga.Event{Kind: saga.Started, At: time.Unix(1, 0), Payload: saga.JSON([]byte("7")), Extra: &saga.EventExtra{Level: saga.Level}}
		state, _, err := made.DecideIn(runs[n], saga.State{ID: saga.ID{n}}, nil, e)
		require.NoError(t, err)
		require.Equal(t, saga.Completed, state.Status)
	}
	for _, run := range runs {
		c.leave(run)
	}
	require.Len(t, c.spare, 2)
	require.Equal(t, 2, stops, "there is no room for the others")
	require.Same(t, runs[1], c.take(saga.ID{9}))
	require.Same(t, runs[0], c.take(saga.ID{8}))
	c.leave(runs[0])
	c.forget(3)
	require.Len(t, c.spare, 1, "they are of no bucket")
	c.forget(-1)
	require.Empty(t, c.spare)
	runs[1].Stop()
	require.Equal(t, begun, stops)
}
