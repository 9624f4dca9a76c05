package rest_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/batch"
	"github.com/unwindhq/unwind/internal/registry"
	"github.com/unwindhq/unwind/internal/rest"
	"github.com/unwindhq/unwind/saga/definition"
)

// flights is a contract of one participant of bookTrip.
const flights = `unwind: v1
participant: flights
commands:
  reserve: {input: {type: object, required: [seat]}, result: {type: object, required: [number]}, compensation: release}
`

type flightsContract struct{ shopContracts }

func (flightsContract) ContractVersions(_ context.Context, _, participant, _ string, _ int) ([]registry.Contract, error) {
	if participant != "flights" {
		return nil, registry.ErrNoContract
	}
	contract, err := definition.LoadContract("", []byte(flights))
	return []registry.Contract{{Contract: contract}}, err
}

// What an operator writes for a step is held to its participant's contract.
func TestByHandIsHeldToTheContract(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.serve(t, func(c *rest.Config) { c.Contracts = flightsContract{shopContracts{w}} })
	c, err := client.New(client.Config{URL: server.URL})
	require.NoError(t, err)
	id := w.add().String()
	for _, bad := range []string{`{}`, `7`, `null`} {
		_, err = c.Resolve(t.Context(), id, client.Verb{Step: "reserve", Output: json.RawMessage(bad), Reason: "r"})
		requireCode(t, client.InvalidInput, err)
		_, err = c.Edit(t.Context(), id, client.Verb{Step: "reserve", Input: json.RawMessage(bad), Reason: "r"})
		requireCode(t, client.InvalidInput, err)
	}
	_, err = c.Resolve(t.Context(), id, client.Verb{Step: "reserve", Reason: "r"})
	requireCode(t, client.InvalidInput, err)
	require.Empty(t, w.verbs)
	_, err = c.Resolve(t.Context(), id, client.Verb{Step: "reserve", Output: json.RawMessage(`{"number":"LH 400"}`), Reason: "r"})
	require.NoError(t, err)
	_, err = c.Edit(t.Context(), id, client.Verb{Step: "reserve", Input: json.RawMessage(`{"seat":"12A"}`), Reason: "r"})
	require.NoError(t, err)
	_, err = c.Edit(t.Context(), id, client.Verb{Step: "charge", Input: json.RawMessage(`7`), Reason: "no contract"})
	require.NoError(t, err)
	require.Len(t, w.verbs, 3)
}

// What a batch writes for a step of its sagas is held to the contracts before anybody
// is asked: of each version that they have, and of the way that they go.
func TestABatchIsHeldToTheContracts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.serve(t, func(c *rest.Config) { c.Contracts, c.Batches = flightsContract{shopContracts{w}}, shopBatches{w} })
	c, err := client.New(client.Config{URL: server.URL})
	require.NoError(t, err)
	edit := func(input string) client.BatchRequest {
		return client.BatchRequest{Verb: "edit", Step: "reserve[3]", Input: json.RawMessage(input), Reason: "r", Filter: client.BatchFilter{Attention: true}}
	}
	resolve := func(output string) client.BatchRequest {
		return client.BatchRequest{Verb: "resolve", Step: "reserve", Output: json.RawMessage(output), Reason: "r", Filter: client.BatchFilter{Attention: true}}
	}
	w.kinds = []batch.Kind{{Definition: "claim", Version: "r1"}, {Definition: "bookTrip", Version: "r1"}, {Definition: "bookTrip", Version: "r99"}}
	for _, bad := range []client.BatchRequest{edit(`{}`), edit(`7`), resolve(`{}`), resolve(`null`), {Verb: "resolve", Step: "reserve", Reason: "r", Filter: client.BatchFilter{Attention: true}}} {
		_, err := c.CreateBatch(t.Context(), bad)
		requireCode(t, client.InvalidInput, err)
		require.ErrorContains(t, err, "(sagas of bookTrip r1)")
	}
	require.Empty(t, w.batches, "none was made")
	w.kinds = append(w.kinds, batch.Kind{Definition: "bookTrip", Version: "r1", Back: true}) // there is no contract of release
	for _, good := range []client.BatchRequest{edit(`{"seat":"12A"}`), resolve(`{"number":"LH 400"}`)} {
		_, err := c.CreateBatch(t.Context(), good)
		require.NoError(t, err)
	}
	w.kinds = w.kinds[3:]
	_, err = c.CreateBatch(t.Context(), edit(`{}`))
	require.NoError(t, err, "they are compensating, and their compensation takes anything")
	require.Len(t, w.batches, 3)
}
