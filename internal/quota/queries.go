package quota

// The statements name their tables as {s}.table; postgres.In replaces the schema.
const (
	// lockQuotas lets one change after the other in.
	lockQuotas = `LOCK TABLE {s}.quotas IN SHARE ROW EXCLUSIVE MODE`

	// columns are those of a Setting.
	columns = `namespace, starts, burst, open, bytes, id, reason, actor, request_id, at`

	// readLast walks the primary key backwards.
	readLast = `SELECT ` + columns + ` FROM {s}.quotas WHERE namespace = $1 ORDER BY id DESC LIMIT $2`

	// insertQuota uses the primary key.
	insertQuota = `INSERT INTO {s}.quotas (namespace, starts, burst, open, bytes, reason, actor, request_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING ` + columns

	// forgetQuotas uses the primary key: of each namespace so many rows are kept.
	forgetQuotas = `DELETE FROM {s}.quotas WHERE namespace = $1 AND id <= (
SELECT id FROM {s}.quotas WHERE namespace = $1 ORDER BY id DESC OFFSET $2 LIMIT 1)`

	// countNamespaces scans quotas, which is small.
	countNamespaces = `SELECT count(DISTINCT namespace) FROM {s}.quotas`

	// readEffective scans quotas and nodes, and for each namespace with a limit of
	// bytes walks the primary key of quota_use.
	readEffective = `SELECT q.namespace, q.starts, q.burst, q.open, q.bytes, coalesce(u.bytes, 0),
    (SELECT count(*) FROM {s}.nodes n WHERE n.until > clock_timestamp())
FROM (SELECT DISTINCT ON (namespace) * FROM {s}.quotas ORDER BY namespace, id DESC) AS q
LEFT JOIN LATERAL (SELECT sum(bytes)::bigint AS bytes FROM {s}.quota_use u WHERE u.namespace = q.namespace AND q.bytes > 0) AS u ON true
WHERE q.starts > 0 OR q.open > 0 OR q.bytes > 0`

	// countOpen uses the partial index sagas_active: it reads the sagas that have not
	// ended, and no others.
	countOpen = `SELECT namespace, count(*) FROM {s}.sagas WHERE status < 3 AND namespace = ANY($1) GROUP BY 1`

	// readBytes walks the primary key of quota_use.
	readBytes = `SELECT coalesce(sum(bytes), 0)::bigint FROM {s}.quota_use WHERE namespace = $1`

	// addBytes uses the primary key of quota_use.
	addBytes = `INSERT INTO {s}.quota_use AS u (namespace, part, bytes)
SELECT a.namespace, $1, a.bytes FROM unnest($2::text[], $3::bigint[]) AS a (namespace, bytes) ORDER BY 1
ON CONFLICT (namespace, part) DO UPDATE SET bytes = u.bytes + excluded.bytes`
)
