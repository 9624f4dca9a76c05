package hold

// The statements name their tables as {s}.table; postgres.In replaces the schema.
const (
	// lockHolds lets one change after the other in.
	lockHolds = `LOCK TABLE {s}.holds IN SHARE ROW EXCLUSIVE MODE`

	// readLast walks the primary key backwards.
	readLast = `SELECT kind, namespace, name, id, held, rate, reason, actor, request_id, at FROM {s}.holds
WHERE kind = $1 AND namespace = $2 AND name = $3 ORDER BY id DESC LIMIT 1`

	// insertHold uses the primary key.
	insertHold = `INSERT INTO {s}.holds (kind, namespace, name, held, rate, reason, actor, request_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING kind, namespace, name, id, held, rate, reason, actor, request_id, at`

	// forgetHolds uses the primary key: of each target so many rows are kept.
	forgetHolds = `DELETE FROM {s}.holds WHERE kind = $1 AND namespace = $2 AND name = $3 AND id <= (
SELECT id FROM {s}.holds WHERE kind = $1 AND namespace = $2 AND name = $3 ORDER BY id DESC OFFSET $4 LIMIT 1)`

	// countTargets scans holds, which is small.
	countTargets = `SELECT count(DISTINCT (kind, namespace, name)) FROM {s}.holds`

	// readHolds scans holds, which is small: how each target stands.
	readHolds = `SELECT DISTINCT ON (kind, namespace, name) kind, namespace, name, id, held, rate, reason, actor, request_id, at FROM {s}.holds
ORDER BY kind, namespace, name, id DESC`

	// readHistory walks the primary key.
	readHistory = `SELECT kind, namespace, name, id, held, rate, reason, actor, request_id, at FROM {s}.holds
WHERE kind = $1 AND namespace = $2 AND name = $3 ORDER BY id DESC`

	// readLimits scans contracts, of which each participant's latest counts; the least of
	// several namespaces does.
	readLimits = `SELECT participant, coalesce(min(concurrency), 0), coalesce(min(rate), 0),
    (SELECT count(*) FROM {s}.nodes n WHERE n.until > clock_timestamp())
FROM (SELECT DISTINCT ON (namespace, participant) participant, (canonical::json #>> '{limits,concurrency}')::int AS concurrency,
        (canonical::json #>> '{limits,rate}')::int AS rate FROM {s}.contracts ORDER BY namespace, participant, number DESC) AS c
WHERE concurrency IS NOT NULL OR rate IS NOT NULL GROUP BY participant`

	// readEffective scans holds and nodes: what gates have to know. A release without a
	// rate is none, and one is forgotten after a day.
	readEffective = `SELECT h.kind, h.namespace, h.name, h.id, h.held, h.rate, h.reason, h.actor, h.request_id, h.at,
    (SELECT count(*) FROM {s}.nodes n WHERE n.until > clock_timestamp())
FROM (SELECT DISTINCT ON (kind, namespace, name) * FROM {s}.holds ORDER BY kind, namespace, name, id DESC) AS h
WHERE h.held OR h.rate > 0 AND h.at > clock_timestamp() - interval '1 day'`
)
