package main

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/saga/sagapg"
)

// errFull says no.
var errFull = errors.New("the hotel is full")

// reserve takes a ticket. The hotel is full for every seventh trip.
func reserve(ctx context.Context, tx pgx.Tx, t Ticket) (Ticket, error) {
	if t.Kind == "hotel" && t.Trip%7 == 0 {
		return t, errFull
	}
	_, err := tx.Exec(ctx, takeTicket, t.Kind, t.Trip, t.Cents)
	return t, err
}

// giveBack is the compensation of reserve.
func giveBack(ctx context.Context, tx pgx.Tx, t Ticket) error {
	_, err := tx.Exec(ctx, dropTicket, t.Kind, t.Trip)
	return err
}

// localSteps are the desk in this process. Each step runs in a transaction of its
// own, together with the record that it was carried out.
func localSteps() []sagapg.LocalStep {
	return []sagapg.LocalStep{
		sagapg.Local("reserve", func(ctx context.Context, tx pgx.Tx, t Ticket) (Ticket, error) {
			t, err := reserve(ctx, tx, t)
			if errors.Is(err, errFull) {
				err = sagapg.Refuse(err.Error())
			}
			return t, err
		}),
		sagapg.Local("giveBack", func(ctx context.Context, tx pgx.Tx, t Ticket) (Ticket, error) {
			return t, giveBack(ctx, tx, t)
		}),
	}
}
