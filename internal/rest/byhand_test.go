package rest_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
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
