package outbox_test

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/outbox"
)

// An order and the message about it are committed together, or neither is.
func ExampleInsert() { //nolint:testableexamples // it wants a server
	placeOrder := func(ctx context.Context, pool *pgxpool.Pool, order string) error {
		return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			if err := outbox.LockKey(ctx, tx, order); err != nil { // keeps the order's messages in order
				return err
			}
			if _, err := tx.Exec(ctx, "INSERT INTO orders (id) VALUES ($1)", order); err != nil {
				return fmt.Errorf("insert order %s: %w", order, err)
			}
			return outbox.Insert(ctx, tx, outbox.Message{
				Topic:   "orders",
				Key:     order,
				Headers: []outbox.Header{{Key: "content-type", Value: []byte("application/json")}},
				Payload: fmt.Appendf(nil, `{"placed":%q}`, order),
			})
		})
	}
	_ = placeOrder
}
