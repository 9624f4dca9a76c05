package access

// The statements name their table as {s}.api_keys; postgres.In replaces it.
const (
	// insertKey meets the primary key.
	insertKey = `INSERT INTO {s}.api_keys (id, name, hash, roles, groups, expires_at)
VALUES ($1, $2, $3, $4, $6, clock_timestamp() + $5::bigint * interval '1 microsecond')`

	// listKeys reads all; they are few.
	listKeys = `SELECT id, name, roles, groups, created_at, created_by, expires_at, revoked_at, last_used_at
FROM {s}.api_keys ORDER BY created_at, id`

	// revokeKey uses the primary key. The first time stays.
	revokeKey = `UPDATE {s}.api_keys SET revoked_at = coalesce(revoked_at, clock_timestamp()) WHERE id = $1`

	// findKey uses the primary key. A key that has ended is not found; remaining is how
	// long the key has yet, in microseconds.
	findKey = `SELECT name, hash, roles, groups,
    (extract(epoch FROM expires_at - clock_timestamp()) * 1000000)::bigint AS remaining,
    last_used_at IS NULL OR last_used_at < clock_timestamp() - interval '1 minute' AS stale
FROM {s}.api_keys
WHERE id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())`

	// usedKey uses the primary key; of several processes one writes.
	usedKey = `UPDATE {s}.api_keys SET last_used_at = clock_timestamp()
WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < clock_timestamp() - interval '1 minute')`
)
