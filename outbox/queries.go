package outbox

import "github.com/unwindhq/unwind/internal/postgres"

// The statements name their tables as {s}.table; Schema.in replaces it.
const (
	// insertRows writes the table and its primary key, nothing else. The order of
	// the arrays is the order of the ids.
	insertRows = `INSERT INTO {s}.outbox (bucket, topic, partition, key, headers, payload)
SELECT bucket, topic, partition, key, headers, payload
FROM unnest($1::smallint[], $2::text[], $3::int[], $4::text[], $5::bytea[], $6::bytea[])
     WITH ORDINALITY AS m (bucket, topic, partition, key, headers, payload, ord)
ORDER BY ord RETURNING id`

	// insertRow is insertRows for the usual single row.
	insertRow = `INSERT INTO {s}.outbox (bucket, topic, partition, key, headers, payload)
VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`

	// deleteRows uses the primary key. The ids are sorted, so that two deletes
	// that overlap cannot lock each other out.
	deleteRows = `DELETE FROM {s}.outbox WHERE id = ANY ($1)`

	// lockKey touches no table.
	lockKey = `SELECT pg_advisory_xact_lock($1)`

	// sweepIDs walks the primary key from the floor; the table holds unsent rows
	// only, so the filter on bucket discards little. Payloads are not read.
	sweepIDs = `SELECT id, key, octet_length(key) + octet_length(headers) + coalesce(octet_length(payload), 0)
FROM {s}.outbox
WHERE id > $1 AND bucket = ANY ($2) ORDER BY id LIMIT $3`

	// readRows uses the primary key.
	readRows = `SELECT id, bucket, topic, partition, key, headers, payload FROM {s}.outbox
WHERE id = ANY ($1) ORDER BY id`
)

// in returns query with the schema put in place.
func (s Schema) in(query string) string {
	return postgres.In(s.name(), query)
}

func (s Schema) name() string {
	if s == "" {
		return string(DefaultSchema)
	}
	return string(s)
}
