package main

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/saga/sagapg"
)

// steps are the local steps. Each runs in a transaction of its own, together with
// the record that it was carried out.
func steps() []sagapg.LocalStep {
	return []sagapg.LocalStep{sagapg.Local("reserve", reserve), sagapg.Local("giveBack", giveBack)}
}

// reserve takes a ticket. The hotel is full for every seventh trip.
func reserve(ctx context.Context, tx pgx.Tx, t Ticket) (Ticket, error) {
	if t.Kind == "hotel" && t.Trip%7 == 0 {
		return t, sagapg.Refuse("the hotel is full")
	}
	_, err := tx.Exec(ctx, takeTicket, t.Kind, t.Trip, t.Cents)
	return t, err
}

// giveBack is the compensation of reserve.
func giveBack(ctx context.Context, tx pgx.Tx, t Ticket) (Ticket, error) {
	_, err := tx.Exec(ctx, dropTicket, t.Kind, t.Trip)
	return t, err
}
