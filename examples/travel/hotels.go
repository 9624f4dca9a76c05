package travel

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/saga/participant"
)

// room is the input of hotels/reserve.
type room struct {
	Hotel  string `json:"hotel"`
	Guest  string `json:"guest"`
	Nights int    `json:"nights"`
}

func (r room) String() string { return fmt.Sprintf("%s for %s, %d nights", r.Hotel, r.Guest, r.Nights) }

// reserveRoom takes a room, or refuses.
func reserveRoom(ctx context.Context, tx pgx.Tx, in room) (booking, error) {
	tag, err := tx.Exec(ctx, takeRoom, in.Hotel)
	if err != nil {
		return booking{}, fmt.Errorf("take a room at %s: %w", in.Hotel, err)
	}
	if tag.RowsAffected() == 0 {
		return booking{}, participant.Reject("no rooms left at " + in.Hotel)
	}
	id := participant.Info(ctx).ID
	var number int64
	err = tx.QueryRow(ctx, bookRoom, id.Saga.String(), id.Step.String(), in.Hotel, in.Guest, in.Nights).Scan(&number)
	if err != nil {
		return booking{}, fmt.Errorf("book a room at %s: %w", in.Hotel, err)
	}
	return booking{fmt.Sprintf("H-%d", 1000+number)}, nil
}

// releaseRoom gives the room back.
func releaseRoom(ctx context.Context, tx pgx.Tx, in room, _ *booking) error {
	id := participant.Info(ctx).ID
	return undo(ctx, tx, "release the room at "+in.Hotel,
		statement{cancelRoom, []any{id.Saga.String(), id.Step.String()}},
		statement{freeRoom, []any{in.Hotel}})
}
