package inbox

const (
	// claim uses the primary key of inbox.
	claim = `INSERT INTO {s}.inbox (consumer, message_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`

	// purge uses the index on at, and reaches the rows by ctid. SKIP LOCKED lets
	// two purges run at once.
	purge = `DELETE FROM {s}.inbox WHERE ctid = ANY (ARRAY(
SELECT ctid FROM {s}.inbox WHERE at < clock_timestamp() - $1 * interval '1 microsecond'
ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED))`
)
