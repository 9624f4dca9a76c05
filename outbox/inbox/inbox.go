package inbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/internal/postgres"
)

// PurgeRows is the most rows that one Purge deletes.
const PurgeRows = 1000

// DefaultSchema is the schema of the package's functions.
const DefaultSchema Schema = "unwind"

// Schema is the inbox in the database schema of that name, which the migration
// set "outbox" has created. The empty Schema is DefaultSchema.
type Schema string

// Claim claims a message in DefaultSchema; see Schema.Claim.
func Claim(ctx context.Context, tx pgx.Tx, consumer, messageID string) (first bool, err error) {
	return DefaultSchema.Claim(ctx, tx, consumer, messageID)
}

// Purge forgets old messages in DefaultSchema; see Schema.Purge.
func Purge(ctx context.Context, tx pgx.Tx, olderThan time.Duration) (purged int64, err error) {
	return DefaultSchema.Purge(ctx, tx, olderThan)
}

// Claim notes in tx that consumer handles messageID. first is true if no committed
// transaction has done so; handle the message only then. A transaction that is
// claiming the same message at this moment is waited for. Consumers are
// independent of each other. Both names must be valid UTF-8 without NUL.
func (s Schema) Claim(ctx context.Context, tx pgx.Tx, consumer, messageID string) (first bool, err error) {
	if consumer == "" || messageID == "" {
		return false, errors.New("claim a message: consumer and message id must not be empty")
	}
	tag, err := tx.Exec(ctx, s.in(claim), consumer, messageID)
	if err != nil {
		return false, fmt.Errorf("claim message %q for consumer %q: %w", messageID, consumer, err)
	}
	return tag.RowsAffected() == 1, nil
}

// Purge forgets at most PurgeRows messages that were claimed longer than olderThan
// ago, by the database's clock, oldest first; call it again while it returns
// PurgeRows. A message that is delivered again after it was purged is handled
// again: olderThan must exceed the topic's retention and the longest pause of the
// consumer.
func (s Schema) Purge(ctx context.Context, tx pgx.Tx, olderThan time.Duration) (purged int64, err error) {
	tag, err := tx.Exec(ctx, s.in(purge), olderThan.Microseconds(), PurgeRows)
	if err != nil {
		return 0, fmt.Errorf("purge the inbox: %w", err)
	}
	return tag.RowsAffected(), nil
}

// in returns query with the schema put in place.
func (s Schema) in(query string) string {
	if s == "" {
		s = DefaultSchema
	}
	return postgres.In(string(s), query)
}
