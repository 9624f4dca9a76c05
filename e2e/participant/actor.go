package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/participant"
)

// order is the input of every command.
type order struct {
	Script map[string][]string `json:"script"`
}

// ticket is the result of book.
type ticket struct {
	Number string `json:"number,omitempty"`
}

// actor acts one participant's part.
type actor struct {
	name string

	mu    sync.Mutex
	calls map[saga.CommandID]int
}

func newActor(name string) *actor { return &actor{name: name, calls: map[saga.CommandID]int{}} }

// word returns what is to become of this call.
func (a *actor) word(id saga.CommandID, o order) string {
	key := a.name
	if id.Direction == saga.Undo {
		key += ".undo"
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	n := a.calls[id]
	a.calls[id]++
	words := o.Script[key]
	if len(words) == 0 {
		return "ok"
	}
	return words[min(n, len(words)-1)]
}

// effect writes the effect into the ledger.
func (a *actor) effect(ctx context.Context, tx pgx.Tx, cmd saga.Command) error {
	_, err := tx.Exec(ctx, fmt.Sprintf(insertEffect, a.name),
		cmd.ID.Saga.String(), cmd.ID.Step.String(), cmd.ID.Direction.String(), cmd.Attempt, cmd.Epoch)
	return err
}

const insertEffect = `INSERT INTO %s.effects (saga, step, direction, attempt, epoch) VALUES ($1, $2, $3, $4, $5)`

func (a *actor) book(ctx context.Context, tx pgx.Tx, o order) (ticket, error) {
	cmd := participant.Info(ctx)
	word := a.word(cmd.ID, o)
	if err := a.effect(ctx, tx, cmd); err != nil {
		return ticket{}, err
	}
	if err := act(ctx, word); err != nil {
		return ticket{}, err
	}
	if word == "bare" {
		return ticket{}, nil
	}
	return ticket{Number: a.name + "-1"}, nil
}

func (a *actor) cancel(ctx context.Context, tx pgx.Tx, o order, _ *ticket) error {
	cmd := participant.Info(ctx)
	word := a.word(cmd.ID, o)
	if err := a.effect(ctx, tx, cmd); err != nil {
		return err
	}
	return act(ctx, word)
}

var errTold = errors.New("told to fail")

// act does what the script says.
func act(ctx context.Context, word string) error {
	name, argument, _ := strings.Cut(word, ":")
	switch name {
	case "ok", "bare":
		return nil
	case "reject":
		return participant.Reject("told to refuse")
	case "fail":
		return errTold
	case "slow":
		return wait(ctx, argument)
	}
	return fmt.Errorf("the script says %q, which nobody knows", word)
}

func wait(ctx context.Context, text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		return err
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
