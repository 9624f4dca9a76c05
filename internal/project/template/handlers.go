package main

import (
	"context"
	"log/slog"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/saga/participant"
)

// The payloads of the commands, as contracts/stock.yaml has them.
type (
	order struct {
		Item string `json:"item"`
	}
	reservation struct {
		Place string `json:"place"`
	}
	shipment struct {
		Parcel string `json:"parcel"`
	}
)

// reserve takes an item, or refuses: then the saga turns back. Any other error is a
// technical one, and the command comes again.
func reserve(ctx context.Context, tx pgx.Tx, in order) (reservation, error) {
	tag, err := tx.Exec(ctx, takeItem, in.Item)
	if err != nil {
		return reservation{}, err
	}
	if tag.RowsAffected() == 0 {
		return reservation{}, participant.Reject("no " + in.Item + " is left")
	}
	slog.InfoContext(ctx, "reserved", "item", in.Item)
	return reservation{Place: "shelf of " + in.Item}, nil
}

// release gives the item back. done is what reserve has answered; nil if that is not
// known to have run.
func release(ctx context.Context, tx pgx.Tx, in order, done *reservation) error {
	if done == nil {
		return nil
	}
	slog.InfoContext(ctx, "released", "item", in.Item)
	_, err := tx.Exec(ctx, giveBack, in.Item)
	return err
}

// ship stands behind the pivot: it may fail and is tried again, but it cannot refuse.
func ship(ctx context.Context, _ pgx.Tx, in reservation) (shipment, error) {
	slog.InfoContext(ctx, "shipped", "from", in.Place)
	return shipment{Parcel: "P-1"}, nil
}
