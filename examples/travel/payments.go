package travel

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/saga/participant"
)

// charge is the input of payments/charge.
type charge struct {
	Card  string `json:"card"`
	Cents int    `json:"cents"`
	Text  string `json:"text"`
}

// receipt is the result of payments/charge.
type receipt struct {
	Receipt string `json:"receipt"`
}

func (c charge) String() string {
	return fmt.Sprintf("%d.%02d from card %s", c.Cents/100, c.Cents%100, c.Card)
}

// chargeCard takes the money, or refuses.
func chargeCard(ctx context.Context, tx pgx.Tx, in charge) (receipt, error) {
	tag, err := tx.Exec(ctx, takeMoney, in.Card, in.Cents)
	if err != nil {
		return receipt{}, fmt.Errorf("charge card %s: %w", in.Card, err)
	}
	if tag.RowsAffected() == 0 {
		return receipt{}, participant.Reject("card " + in.Card + " declined")
	}
	id := participant.Info(ctx).ID
	var number int64
	err = tx.QueryRow(ctx, bookCharge, id.Saga.String(), id.Step.String(), in.Card, in.Cents, in.Text).Scan(&number)
	if err != nil {
		return receipt{}, fmt.Errorf("book the charge of card %s: %w", in.Card, err)
	}
	return receipt{fmt.Sprintf("P-%d", 1000+number)}, nil
}

// refundCard gives the money back. In travel.yaml the charge is the pivot and is
// never undone; a definition that goes on after it may need this.
func refundCard(ctx context.Context, tx pgx.Tx, in charge, _ *receipt) error {
	id := participant.Info(ctx).ID
	return undo(ctx, tx, "refund card "+in.Card,
		statement{cancelCharge, []any{id.Saga.String(), id.Step.String()}},
		statement{giveMoney, []any{in.Card, in.Cents}})
}
