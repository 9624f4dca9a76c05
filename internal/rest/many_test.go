package rest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/batch"
	"github.com/unwindhq/unwind/internal/rest"
	"github.com/unwindhq/unwind/saga"
)

// A batch may ask what can be asked of one saga, with what the verb says beside. It
// waits for a second person only where there are keys.
func TestManyVerbs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	above := func(c *rest.Config) { c.Batches, c.ApproveAbove = shopBatches{w}, 7 }
	open, _ := w.serve(t, above)
	closed, _ := w.serve(t, above, func(c *rest.Config) { c.Access = keys{} })
	for body, want := range map[string]batch.Request{
		`"verb":"resolve","step":"a","output":{"room": 12}`:              {Verb: saga.StepResolved, Step: "a", Parameters: batch.Parameters{Payload: []byte(`{"room": 12}`)}},
		`"verb":"edit","step":"a","input":[1]`:                           {Verb: saga.StepEdited, Step: "a", Parameters: batch.Parameters{Payload: []byte(`[1]`)}},
		`"verb":"reset","step":"a"`:                                      {Verb: saga.Reset, Step: "a"},
		`"verb":"signal","signal":"paid"`:                                {Verb: saga.Signalled, Parameters: batch.Parameters{Signal: "paid", Payload: []byte(`null`)}},
		`"verb":"approve","step":"sign"`:                                 {Verb: saga.Decided, Step: "sign", Parameters: batch.Parameters{Outcome: saga.Succeeded, Groups: []string{"*"}}},
		`"verb":"refuse","step":"sign"`:                                  {Verb: saga.Decided, Step: "sign", Parameters: batch.Parameters{Outcome: saga.Rejected, Groups: []string{"*"}}},
		`"verb":"assign","to":"user:ann"`:                                {Verb: saga.Assigned, Parameters: batch.Parameters{Payload: []byte(`{"to":"user:ann"}`)}},
		`"verb":"acknowledge","attention":"undeliverable"`:               {Verb: saga.Acknowledged, Parameters: batch.Parameters{Payload: []byte(`{"attention":"undeliverable"}`)}},
		`"verb":"snooze","until":"2030-01-01T00:00:00Z","step":"a"`:      {Verb: saga.Snoozed, Step: "a", Parameters: batch.Parameters{Payload: []byte(`{"until":"2030-01-01T00:00:00Z"}`)}},
		`"verb":"describe","attributes":{"customer":"c8","cents": null}`: {Verb: saga.Described, Parameters: batch.Parameters{Payload: []byte(`{"cents":null,"customer":"c8"}`)}},
		`"verb":"annotate"`:                                              {Verb: saga.Annotated},
		`"verb":"restart"`:                                               {Verb: batch.Restarted},
	} {
		for _, asks := range []bool{false, true} {
			server, alone := open.URL, 0
			if asks {
				server, alone = closed.URL, 7
			}
			res, text := call(t, http.MethodPost, server+"/v1/batches?namespace=default", "{"+body+`,"reason":"r","filter":{"attention":true}}`, "Authorization", "Bearer default=operator")
			require.Equal(t, http.StatusOK, res.StatusCode, text)
			got := w.batches[len(w.batches)-1]
			require.Equal(t, alone, got.ApproveAbove)
			if alone > 0 {
				want.Parameters.Groups = nil // those of the key
			}
			require.Equal(t, want, batch.Request{Verb: got.Verb, Step: got.Step, Parameters: got.Parameters}, body)
		}
	}
}
