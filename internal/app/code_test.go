package app_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/app"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
	"github.com/unwindhq/unwind/saga/sagapg"
)

// A saga that is code looks to a client like any other: nothing but Postgres and
// one process.
func TestACodeSagaNeedsOnlyPostgres(t *testing.T) {
	t.Parallel()
	type order struct{ Cents int }
	add := sagapg.Local("addUp", func(_ context.Context, _ pgx.Tx, in order) (order, error) { return order{in.Cents + 1}, nil })
	take := sagapg.Local("takeBack", func(_ context.Context, _ pgx.Tx, in order) (order, error) { return in, nil })
	countUp, err := code.Func(saga.Definition{Name: "countUp", Version: "r1", Title: "Counting"}, func(c *code.Context, in order) (order, error) {
		step := saga.Step{Name: "add", Participant: saga.Local, Command: "addUp", Compensation: "takeBack"}
		for range 3 {
			if in, err := code.Do[order](c, step, in); err != nil || in.Cents < 0 {
				return in, err
			}
			in.Cents++
		}
		given, err := code.Await[order](c, "more", time.Hour)
		if err != nil {
			return in, err
		}
		if given.Cents == 0 {
			return in, errors.New("nothing more")
		}
		return order{in.Cents + given.Cents}, nil
	})
	require.NoError(t, err)
	c := start(t, app.Config{
		DatabaseURL: testserver.Postgres(t), Listen: "127.0.0.1:0", Migrate: true, Locals: []sagapg.LocalStep{add, take}, Code: []*saga.Code{countUp},
	})
	good, _, err := c.Start(t.Context(), client.Start{Definition: "countUp", Input: order{40}})
	require.NoError(t, err)
	bad, _, err := c.Start(t.Context(), client.Start{Definition: "countUp", Input: order{40}})
	require.NoError(t, err)
	_, _, err = c.Start(t.Context(), client.Start{Definition: "countUp", Input: "no order"})
	require.ErrorContains(t, err, "read the saga's input")
	_, err = c.Signal(t.Context(), good.ID, client.Verb{Signal: "more", Payload: []byte(`{"Cents":7}`)})
	require.NoError(t, err)
	_, err = c.Signal(t.Context(), bad.ID, client.Verb{Signal: "more", Payload: []byte(`{}`)})
	require.NoError(t, err)

	ended := wait(t, c, good.ID, client.End)
	require.Equal(t, "completed", ended.Status)
	require.JSONEq(t, `{"Cents":50}`, string(ended.Output))
	require.Equal(t, "Counting", ended.Title)
	require.Len(t, ended.Steps, 4)
	require.Equal(t, "add#3", ended.Steps[2].Step)
	require.Equal(t, "local/addUp", ended.Steps[2].Command)
	require.Equal(t, "signal more", ended.Steps[3].Waits)
	events, err := c.History(t.Context(), good.ID, 0, 0)
	require.NoError(t, err)
	require.Equal(t, []string{"do:add local/addUp undo takeBack"}, events.Events[0].Asked)

	ended = wait(t, c, bad.ID, client.End)
	require.Equal(t, "compensated", ended.Status)
	require.Equal(t, "nothing more", ended.Cause)
	require.Equal(t, "undone", ended.Steps[0].Phase)
}

// A saga that is code is found by its key, its attributes and its chain, and its
// input is held to a schema.
func TestCodeIsFoundAndChecked(t *testing.T) {
	t.Parallel()
	type plan struct {
		Customer string
		Months   int
	}
	made, err := code.Func(saga.Definition{
		Name: "subscribe", Version: "r1", Schema: []byte(`{"type":"object","required":["Customer"]}`),
		Key:     code.From(func(in plan) string { return in.Customer }),
		Heading: code.From(func(in plan) string { return "of " + in.Customer }),
	}, func(c *code.Context, in plan) (plan, error) {
		c.SetAttribute("months", in.Months)
		if _, err := code.Await[any](c, "paid", 0); err != nil {
			return in, err
		}
		in.Months++
		return in, code.ContinueAsNew(c, in)
	})
	require.NoError(t, err)
	c := start(t, app.Config{DatabaseURL: testserver.Postgres(t), Listen: "127.0.0.1:0", Migrate: true, Code: []*saga.Code{made}})
	_, _, err = c.Start(t.Context(), client.Start{Definition: "subscribe", Input: map[string]int{"Months": 1}})
	require.ErrorContains(t, err, "Customer")
	first, _, err := c.Start(t.Context(), client.Start{Definition: "subscribe", Input: plan{"anna", 1}})
	require.NoError(t, err)
	_, _, err = c.Start(t.Context(), client.Start{Definition: "subscribe", Input: plan{"anna", 5}})
	require.ErrorContains(t, err, "business key")
	_, err = c.Signal(t.Context(), first.ID, client.Verb{Signal: "paid"})
	require.NoError(t, err)
	page, err := c.List(t.Context(), client.Filter{Chain: first.ID})
	require.NoError(t, err)
	require.Len(t, page.Sagas, 2)
	next := page.Sagas[0]
	require.Equal(t, &client.Chain{First: first.ID, Run: 2, Before: first.ID}, next.Chain)
	require.Equal(t, next.ID, page.Sagas[1].Chain.Next)
	page, err = c.List(t.Context(), client.Filter{Key: "anna", Attributes: []string{"months=2"}})
	require.NoError(t, err)
	require.Len(t, page.Sagas, 1)
	require.Equal(t, "of anna", page.Sagas[0].Title)
	_, err = c.Signal(t.Context(), first.ID, client.Verb{Signal: "paid"})
	require.ErrorContains(t, err, "it goes on as saga "+next.ID)
}
