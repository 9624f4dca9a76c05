package participant_test //nolint:testableexamples // it wants servers, and ends with an interrupt

import (
	"context"
	"log/slog"
	"os"
	"os/signal"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga/participant"
)

// Charge is the input of the command charge, and of its undo.
type Charge struct {
	Account string `json:"account"`
	Cents   int64  `json:"cents"`
}

// Charged is the result of charge.
type Charged struct {
	ChargeID int64 `json:"chargeId"`
}

// A participant that charges accounts in its own Postgres and gives the money
// back. Migrate its schema once with migrations.Up and the sets outbox and
// participant.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	pool, err := pgxpool.New(ctx, "postgres://localhost/payments?pool_max_conns=40")
	if err != nil {
		panic(err)
	}
	defer pool.Close()
	p, err := participant.New(participant.Config{
		Name: "payments", Pool: pool, Kafka: kafka.Config{Brokers: []string{"localhost:9092"}}, Log: slog.Default(),
	})
	if err != nil {
		panic(err)
	}
	participant.Handle(p, "charge", charge)
	participant.HandleUndo(p, "refund", refund)
	if err := p.Run(ctx); err != nil {
		panic(err)
	}
}

func charge(ctx context.Context, tx pgx.Tx, cmd Charge) (Charged, error) {
	var done Charged
	tag, err := tx.Exec(ctx, `UPDATE accounts SET cents = cents - $2 WHERE id = $1 AND cents >= $2`, cmd.Account, cmd.Cents)
	if err != nil {
		return done, err
	}
	if tag.RowsAffected() == 0 {
		return done, participant.Reject("card declined")
	}
	err = tx.QueryRow(ctx, `INSERT INTO charges (account, cents) VALUES ($1, $2) RETURNING id`, cmd.Account, cmd.Cents).Scan(&done.ChargeID)
	return done, err
}

func refund(ctx context.Context, tx pgx.Tx, cmd Charge, done *Charged) error {
	if done == nil {
		return nil // never charged
	}
	_, err := tx.Exec(ctx, `WITH gone AS (DELETE FROM charges WHERE id = $1 RETURNING account, cents)
UPDATE accounts a SET cents = a.cents + gone.cents FROM gone WHERE a.id = gone.account`, done.ChargeID)
	return err
}
