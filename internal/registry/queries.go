package registry

// The statements name their table as {s}.definitions; postgres.In replaces it.
const (
	// lockName touches no table: it serialises the applies of one name.
	lockName = `SELECT pg_advisory_xact_lock($1)`

	// findHash uses the unique index on (namespace, name, hash).
	findHash = `SELECT number FROM {s}.definitions WHERE namespace = $1 AND name = $2 AND hash = $3`

	// touch uses the primary key. The time of an apply never falls behind that of
	// an earlier one, whatever the clock does.
	touch = `UPDATE {s}.definitions SET at = greatest(clock_timestamp(),
    (SELECT max(at) + interval '1 microsecond' FROM {s}.definitions WHERE namespace = $1 AND name = $2 AND number <> $3))
WHERE namespace = $1 AND name = $2 AND number = $3`

	// insertNext reads the versions of one name by the primary key.
	insertNext = `INSERT INTO {s}.definitions (namespace, name, number, hash, canonical, topics, at)
SELECT $1, $2, coalesce(max(number), 0) + 1, $3, $4, $5,
    greatest(clock_timestamp(), max(at) + interval '1 microsecond')
FROM {s}.definitions WHERE namespace = $1 AND name = $2
RETURNING number`

	// insertCode meets the primary key. One that is there stays as it is.
	insertCode = `INSERT INTO {s}.definitions (namespace, name, number, hash, canonical, at)
SELECT $1, $2, $3::integer, $4, $5::bytea,
    greatest(clock_timestamp(), max(at) + interval '1 microsecond')
FROM {s}.definitions WHERE namespace = $1 AND name = $2
ON CONFLICT DO NOTHING`

	// findNumber uses the primary key.
	findNumber = `SELECT hash FROM {s}.definitions WHERE namespace = $1 AND name = $2 AND number = $3`

	// latest reads the few versions of one name by the primary key.
	latest = `SELECT d.number, x.reason FROM {s}.definitions d LEFT JOIN {s}.disabled_definitions x USING (namespace, name)
WHERE d.namespace = $1 AND d.name = $2 ORDER BY d.at DESC LIMIT 1`

	// disable meets the primary key.
	disable = `INSERT INTO {s}.disabled_definitions (namespace, name, reason, actor) VALUES ($1, $2, $3, $4)
ON CONFLICT (namespace, name) DO UPDATE SET reason = excluded.reason, actor = excluded.actor, at = clock_timestamp()`

	// enable uses the primary key.
	enable = `DELETE FROM {s}.disabled_definitions WHERE namespace = $1 AND name = $2`

	// version uses the primary key.
	version = `SELECT canonical FROM {s}.definitions WHERE namespace = $1 AND name = $2 AND number = $3`

	// list walks the primary key within a namespace; the sort is over one name's
	// versions.
	list = `SELECT DISTINCT ON (d.name) d.name, d.number, d.hash, d.at, coalesce(x.reason, '') FROM {s}.definitions d
LEFT JOIN {s}.disabled_definitions x USING (namespace, name)
WHERE d.namespace = $1 AND d.name > $2 ORDER BY d.name, d.at DESC LIMIT $3`

	// listeners walks the primary key within a namespace; the sort is over one name's
	// versions.
	listeners = `SELECT name, number, topics, at FROM (
	SELECT DISTINCT ON (name) name, number, topics, at FROM {s}.definitions WHERE namespace = $1 ORDER BY name, at DESC) latest
WHERE topics <> '{}' LIMIT $2`

	// awaiters reads the definitions of a namespace by the primary key, and looks into
	// the index event_waits_key for each version that could wait.
	awaiters = `SELECT d.name, d.number, d.topics, d.at FROM {s}.definitions d
WHERE d.namespace = $1 AND d.topics <> '{}' AND EXISTS (SELECT FROM {s}.event_waits w
	WHERE w.namespace = $1 AND w.definition = d.name AND w.version = 'r' || d.number) LIMIT $2`

	// versions walks the primary key backwards.
	versions = `SELECT number, hash, at FROM {s}.definitions
WHERE namespace = $1 AND name = $2 ORDER BY number DESC LIMIT $3`
)
