package participant

import "github.com/unwindhq/unwind/internal/postgres"

// The statements name their table as {s}.guard. All of them use the primary
// key (saga, step) and no other index.
const (
	// claimGuard makes the row that later statements lock. A second delivery of
	// the command waits here for the first one's transaction. Its content is
	// replaced before the commit, except a tombstone's.
	claimGuard = `INSERT INTO {s}.guard (saga, step, state, incarnation, epoch)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT (saga, step) DO NOTHING`

	// loadGuard locks the row and reads it with the database's clock. It is a
	// statement of its own so that it sees what claimGuard waited for.
	loadGuard = `SELECT state, incarnation, epoch, outcome, content_type, payload, reason, at, clock_timestamp()
FROM {s}.guard WHERE saga = $1 AND step = $2 FOR UPDATE`

	// saveGuard updates in place: no indexed column changes.
	saveGuard = `UPDATE {s}.guard SET state = $3, incarnation = $4, epoch = $5, outcome = $6,
content_type = $7, payload = $8, reason = $9, at = $10 WHERE saga = $1 AND step = $2`

	// probeGuard reads nothing; it fails if the table is missing.
	probeGuard = `SELECT FROM {s}.guard, {s}.outbox LIMIT 0`

	// drainOutbox takes all rows, of which a test has few; the order is that of their
	// writing.
	drainOutbox = `WITH gone AS (DELETE FROM {s}.outbox RETURNING id, topic, partition, key, headers, payload)
SELECT topic, partition, key, headers, payload FROM gone ORDER BY id`

	// setSavepoint and toSavepoint bracket the handler's work, so that a refusal
	// can take it back and still be stored.
	setSavepoint = `SAVEPOINT unwind_handler`
	toSavepoint  = `ROLLBACK TO SAVEPOINT unwind_handler`

	commit = `COMMIT`
)

// queries are the statements for one schema.
type queries struct{ claim, load, save, probe, drain string }

// newQueries puts the quoted schema in place.
func newQueries(schema string) queries {
	in := func(query string) string { return postgres.In(schema, query) }
	return queries{claim: in(claimGuard), load: in(loadGuard), save: in(saveGuard), probe: in(probeGuard), drain: in(drainOutbox)}
}
