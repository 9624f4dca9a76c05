package bench

// The statements. {s} stands for the schema.
const (
	// Statistics views; no index. The WAL is the server's, the rest the database's.
	readCounters = `SELECT (pg_current_wal_lsn() - '0/0')::bigint, xact_commit, tup_inserted + tup_updated + tup_deleted
		FROM pg_stat_database WHERE datname = current_database()`

	// Scans sagas: at the end, to know how large a row is.
	readSize = `SELECT coalesce(avg(octet_length(state)), 400)::int FROM (SELECT state FROM {s}.sagas LIMIT 1000) AS few`

	// Primary key of sagas.
	limitNew = `INSERT INTO {s}.sagas (id, namespace, definition, version, level, status, bucket, seq, started_at, changed_at, wake_at, state)
		SELECT id, 'default', 'benchTravel', 'r1', 1, 1, 7, 1, now(), now(), now(), $2 FROM unnest($1::uuid[]) AS n (id)`

	// Primary key of sagas.
	limitChange = `UPDATE {s}.sagas s SET status = $3, seq = $4, changed_at = now(), wake_at = now(), state = $2
		FROM unnest($1::uuid[]) AS n (id) WHERE s.id = n.id`

	// Primary key of saga_events.
	limitEvents = `INSERT INTO {s}.saga_events (saga, seq, at, kind, step, actor, payload, sent)
		SELECT id, $2, now(), 'replied', 'flight', 'participant:flights', $3, 'hotel/do hotels/reserve 1 0123456789abcdef'
		FROM unnest($1::uuid[]) AS n (id)`

	// Primary key of outbox.
	limitSend = `INSERT INTO {s}.outbox (bucket, topic, key, headers, payload)
		SELECT 7, 'unwind.commands.flights', id::text, $2, $3 FROM unnest($1::uuid[]) AS n (id) RETURNING id`

	// Primary key of outbox.
	limitSent = `DELETE FROM {s}.outbox WHERE id = ANY($1)`

	// No table.
	dropSchema = `DROP SCHEMA IF EXISTS {s} CASCADE`
)
