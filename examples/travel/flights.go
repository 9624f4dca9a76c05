package travel

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/saga/participant"
)

// seat is the input of flights/reserve.
type seat struct {
	Flight    string `json:"flight"`
	Traveller string `json:"traveller"`
}

// booking is the result of flights/reserve and of hotels/reserve.
type booking struct {
	Booking string `json:"booking"`
}

func (s seat) String() string { return s.Flight + " for " + s.Traveller }

// reserveSeat takes a seat, or refuses.
func reserveSeat(ctx context.Context, tx pgx.Tx, in seat) (booking, error) {
	tag, err := tx.Exec(ctx, takeSeat, in.Flight)
	if err != nil {
		return booking{}, fmt.Errorf("take a seat on %s: %w", in.Flight, err)
	}
	if tag.RowsAffected() == 0 {
		return booking{}, participant.Reject("no seats left on " + in.Flight)
	}
	id := participant.Info(ctx).ID
	var number int64
	err = tx.QueryRow(ctx, bookSeat, id.Saga.String(), id.Step.String(), in.Flight, in.Traveller).Scan(&number)
	if err != nil {
		return booking{}, fmt.Errorf("book a seat on %s: %w", in.Flight, err)
	}
	return booking{fmt.Sprintf("F-%d", 1000+number)}, nil
}

// releaseSeat gives the seat back.
func releaseSeat(ctx context.Context, tx pgx.Tx, in seat, _ *booking) error {
	id := participant.Info(ctx).ID
	return undo(ctx, tx, "release the seat on "+in.Flight,
		statement{cancelSeat, []any{id.Saga.String(), id.Step.String()}},
		statement{freeSeat, []any{in.Flight}})
}
