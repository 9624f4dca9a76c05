package sagapg_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// seatOf is an expression: the field seat of a step's output.
type seatOf string

func (s seatOf) String() string    { return string(s) }
func (s seatOf) Reads() saga.Reads { return saga.Reads{Steps: []string{string(s)}} }

func (s seatOf) Eval(scope saga.Scope) (json.RawMessage, error) {
	data, _, err := scope.Output(string(s))
	if err != nil {
		return nil, err
	}
	var doc struct{ Seat json.RawMessage }
	err = json.Unmarshal(data, &doc)
	return doc.Seat, err
}

// A signal that came early, a decision and a sleep are as good with the next owner;
// a large payload is read from the history, and the history makes the same state.
func TestWaitsOutliveTheirOwner(t *testing.T) {
	t.Parallel()
	def := patient()
	def.Name = "claim"
	def.Steps[1] = saga.Step{Name: "sign", Approval: &saga.Approval{By: []string{"group:desk"}, Due: time.Hour}}
	def.Steps[2].Input = seatOf("seat")
	def.Steps = append(def.Steps[:2],
		saga.Step{Name: "seat", Await: &saga.Await{Signals: []string{"seated"}}},
		saga.Step{Name: "nap", Sleep: &saga.Sleep{For: 100 * time.Millisecond}}, def.Steps[2])
	w := setup(t, def)
	w.bus.answers(succeed)
	id := w.start(t, "claim", `{}`)
	require.Eventually(t, func() bool { return w.state(t, id).Steps[1].Phase == saga.Asking }, 10*time.Second, 5*time.Millisecond)
	large := saga.JSON([]byte(`{"seat":"12A","pad":"` + strings.Repeat("x", saga.InlineMax) + `"}`))
	_, err := w.c.Do(t.Context(), coordinator.Verb{Kind: saga.Signalled, Saga: id, Signal: "seated", Payload: large, RequestID: "s"})
	require.NoError(t, err)
	mine := w.bus.ends()[bucket.Of(id.String(), bucket.Count):][:1]
	w.c.Lose(mine)
	w.c.Gain(context.Background(), mine)
	require.Equal(t, []string{"approval"}, new(w.state(t, id)).WaitingFor())

	decide := coordinator.Verb{Kind: saga.Decided, Saga: id, Step: "sign", Outcome: saga.Succeeded, Groups: []string{"guests"}, RequestID: "d1"}
	_, err = w.c.Do(t.Context(), decide)
	require.ErrorIs(t, err, saga.ErrNotYours)
	decide.Groups, decide.RequestID = []string{"desk"}, "d2"
	_, err = w.c.Do(t.Context(), decide)
	require.NoError(t, err)
	w.ends(t, id, saga.Completed)
	sent := w.bus.commands(id)
	require.Equal(t, `"12A"`, string(sent[len(sent)-1].Payload.Data))
	w.replays(t, def, id)
}
