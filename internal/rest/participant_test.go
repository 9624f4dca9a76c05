package rest_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/registry"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

const cards = "unwind: v1\nparticipant: cards\nowner: team-money\ncommands: {charge: {input: {type: object}, compensation: refund}}\n"

// shopContracts are contracts: one, in namespace shop.
type shopContracts struct{ *world }

func (c shopContracts) ApplyContract(_ context.Context, namespace string, a registry.Application) (registry.Applied, error) {
	broken := []registry.Broken{{
		User:  registry.User{Definition: "bookTrip", Version: "r1", Running: 3},
		Fault: saga.Fault{Path: "steps[0].command", Problem: "cards has no command pay"},
	}}
	switch {
	case a.Contract.Owner != "nobody":
		broken = nil
	case !a.Force:
		return registry.Applied{}, &registry.BreaksError{Broken: broken}
	}
	shopLetters(c).act()
	return registry.Applied{Version: "c2", Created: true, Broken: broken}, nil
}

func (c shopContracts) Contracts(_ context.Context, namespace, _ string, _ int) ([]registry.Contract, error) {
	if namespace != "shop" {
		return nil, nil
	}
	return c.ContractVersions(context.Background(), namespace, "cards", "", 1)
}

func (c shopContracts) ContractVersions(_ context.Context, namespace, participant, _ string, _ int) ([]registry.Contract, error) {
	if namespace != "shop" || participant != "cards" {
		return nil, registry.ErrNoContract
	}
	contract, err := definition.LoadContract("", []byte(cards))
	return []registry.Contract{{Contract: contract, Version: "c2", Actor: "operator:ann", Reason: "why", Forced: true, At: at}}, err
}

func (c shopContracts) Users(context.Context, string, string) ([]registry.User, error) {
	return []registry.User{{Definition: "bookTrip", Version: "r1", Latest: true, Running: 3, Commands: []string{"charge"}}}, nil
}

func TestContracts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old, err := definition.Load("", []byte("unwind: v1\nsaga: payOld\nsteps: [{step: pay, kind: pivot, command: cards/pay}]\n"), definition.Options{})
	require.NoError(t, err)
	w.files["payOld r1"] = old
	server, _ := w.guarded(t)
	as := func(key string) *client.Client {
		c, err := client.New(client.Config{URL: server.URL, APIKey: key})
		require.NoError(t, err)
		return c
	}
	operator, admin := as("shop=operator"), as("shop=admin")
	applied, err := operator.ApplyContract(t.Context(), "cards.yaml", []byte(cards), false, "")
	require.NoError(t, err)
	require.Equal(t, client.AppliedContract{Participant: "cards", Version: "c2", Created: true}, applied)
	_, err = operator.ApplyContract(t.Context(), "cards.yaml", []byte("unwind: v1\nparticipant: cards\ncommands: 7"), false, "")
	require.ErrorContains(t, err, "cards.yaml:3: commands: want commands by name")

	bad := []byte("unwind: v1\nparticipant: cards\nowner: nobody\ncommands: {refund: }\n")
	_, err = operator.ApplyContract(t.Context(), "", bad, false, "")
	require.Equal(t, client.BreaksUsers, client.CodeOf(err))
	require.ErrorContains(t, err, "bookTrip@r1: steps[0].command: cards has no command pay (3 of its sagas have not ended)")
	_, err = operator.ApplyContract(t.Context(), "", bad, true, "an emergency")
	require.Equal(t, client.Forbidden, client.CodeOf(err))
	_, err = admin.ApplyContract(t.Context(), "", bad, true, "")
	require.ErrorContains(t, err, "say why")
	applied, err = admin.ApplyContract(t.Context(), "", bad, true, "an emergency")
	require.NoError(t, err)
	require.Len(t, applied.Broken, 1)

	found, err := as("shop=viewer").Participant(t.Context(), "cards", "")
	require.NoError(t, err)
	require.Equal(t, []client.ContractUser{{Definition: "bookTrip", Version: "r1", Latest: true, Running: 3, Commands: []string{"charge"}}}, found.Users)
	require.JSONEq(t, `{"type":"object"}`, string(found.Commands[0].Input))
	require.True(t, found.Versions[0].Forced)
	page, err := operator.Participants(t.Context(), "")
	require.NoError(t, err)
	require.Nil(t, page.Contracts[0].Commands[0].Input, "a list has no schemas")
	_, err = operator.Participant(t.Context(), "none", "")
	require.Equal(t, client.NotFound, client.CodeOf(err))

	// A definition is held to the contracts that there are.
	asks := func(command string) (int, string) {
		text := "unwind: v1\nsaga: pay\nsteps:\n  - {step: pay, kind: pivot, command: cards/" + command + "}\n  - {step: mail, kind: retriable, command: mails/send}\n"
		res, body := call(t, http.MethodPut, server.URL+"/v1/definitions?namespace=shop", text, "Content-Type", "application/yaml", "Authorization", "Bearer shop=admin")
		return res.StatusCode, body
	}
	status, body := asks("charge")
	require.Equal(t, http.StatusOK, status, body)
	res, body := call(t, http.MethodPost, server.URL+"/v1/definitions/payOld/promote?namespace=shop", `{"version":"r1"}`, "Content-Type", "application/json", "Authorization", "Bearer shop=admin")
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode, body)
	require.Contains(t, body, `cards has no command \"pay\"`)
	status, body = asks("charged")
	require.Equal(t, http.StatusUnprocessableEntity, status)
	require.Contains(t, body, "did you mean charge?")
}
