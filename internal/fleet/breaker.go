package fleet

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/breaker"
	"github.com/unwindhq/unwind/internal/postgres"
)

// Breaker is one breaker of one process. Its times are those of the database's
// clock.
type Breaker struct {
	breaker.Status           // Status is what the process said; Successes is not kept.
	Node           string    // Node is the process, as in the table of nodes.
	At             time.Time // At is when the process said so.
}

// Reader reads what all processes show.
type Reader struct {
	pool   *pgxpool.Pool
	schema string
}

// NewReader returns a reader of a schema that is up to date.
func NewReader(pool *pgxpool.Pool, schema string) *Reader { return &Reader{pool, schema} }

// Breakers returns the breakers of all living processes for one participant, or
// for all if it is empty, sorted by participant, direction and node. They are
// about a second old.
func (r *Reader) Breakers(ctx context.Context, participant string) ([]Breaker, error) {
	rows, err := r.pool.Query(ctx, postgres.In(r.schema, readBreakers), participant)
	if err != nil {
		return nil, fmt.Errorf("read the fleet's breakers: %w", err)
	}
	all, err := pgx.CollectRows(rows, scanBreaker)
	if err != nil {
		return nil, fmt.Errorf("read the fleet's breakers: %w", err)
	}
	return all, nil
}

func scanBreaker(row pgx.CollectableRow) (b Breaker, err error) {
	var state string
	var oldest *time.Time
	if err := row.Scan(&b.Node, &b.Participant, &b.Direction, &state, &b.Since, &b.Held, &oldest, &b.Rate, &b.InFlight, &b.Requests, &b.Failures, &b.At); err != nil {
		return b, err
	}
	if oldest != nil {
		b.OldestHeld = *oldest
	}
	return b, b.State.UnmarshalText([]byte(state))
}
