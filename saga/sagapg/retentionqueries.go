package sagapg

// What Retention asks. {s} stands for the schema's name.
const (
	// keepQuiet touches no table; it holds until the end of the transaction.
	keepQuiet = `SELECT set_config('synchronous_commit', 'off', true), set_config('enable_seqscan', 'off', true),
    set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true)`

	// endedColumns are those of a retention.Saga.
	endedColumns = `s.id, s.retention, s.status > 2, s.attention <> '{}', s.changed_at, s.seq`

	// pageEnded walks the primary key.
	pageEnded = `SELECT ` + endedColumns + `, s.parent IS NOT NULL FROM {s}.sagas s
WHERE s.id > $1 AND s.id < $2 ORDER BY s.id LIMIT $3`

	// readFamilies uses the partial index sagas_parent and primary keys,
	// dead_letters_saga and saga_locks_saga.
	readFamilies = `WITH RECURSIVE family (id, root, depth) AS (
    SELECT r.id, r.root, 0 FROM unnest($1::uuid[], $1::uuid[]) AS r (id, root)
    UNION ALL SELECT c.id, f.root, f.depth + 1 FROM family f JOIN {s}.sagas c ON c.parent = f.id)
SELECT ` + endedColumns + `, f.root,
    EXISTS (SELECT FROM {s}.saga_mail m WHERE m.bucket = s.bucket AND m.saga = s.id)
    OR EXISTS (SELECT FROM {s}.dead_letters d WHERE d.saga = s.id AND (d.status = 'open' OR d.unsent IS NOT NULL))
    OR EXISTS (SELECT FROM {s}.saga_locks l WHERE l.saga = s.id)
    OR EXISTS (SELECT FROM {s}.trace_queue t WHERE t.saga = s.id)
FROM (SELECT * FROM family LIMIT $2) AS f JOIN {s}.sagas s ON s.id = f.id ORDER BY f.root, f.depth DESC, s.id`

	// lockEnded uses the primary key. It waits for nobody.
	lockEnded = `SELECT s.id FROM unnest($1::uuid[], $2::int8[]) AS w (id, seq) JOIN {s}.sagas s ON s.id = w.id AND s.seq = w.seq
WHERE s.status > 2 AND s.attention = '{}' FOR UPDATE OF s SKIP LOCKED`

	// deleteEvents uses the primary keys of saga_events and sagas. What quotas count is
	// taken off in a part of its own, which no process adds to.
	deleteEvents = `WITH first AS (SELECT saga, seq FROM {s}.saga_events WHERE saga = ANY($1) ORDER BY saga, seq LIMIT $2),
gone AS (DELETE FROM {s}.saga_events e USING first f WHERE e.saga = f.saga AND e.seq = f.seq
    RETURNING e.saga, coalesce(octet_length(e.payload), 0) + octet_length(e.reason) + 256 AS bytes),
freed AS (INSERT INTO {s}.quota_use AS u (namespace, part, bytes)
    SELECT s.namespace, -1, -sum(gone.bytes)::int8 FROM gone JOIN {s}.sagas s ON s.id = gone.saga GROUP BY 1 ORDER BY 1
    ON CONFLICT (namespace, part) DO UPDATE SET bytes = u.bytes + excluded.bytes)
SELECT count(*) FROM gone`

	// forgetAttributes uses the primary key.
	forgetAttributes = `DELETE FROM {s}.saga_attributes WHERE saga = ANY($1)`

	// forgetLocalSteps uses the primary key.
	forgetLocalSteps = `DELETE FROM {s}.local_steps WHERE saga = ANY($1)`

	// forgetWaits uses the primary key.
	forgetWaits = `DELETE FROM {s}.event_waits WHERE saga = ANY($1)`

	// forgetLetters uses the index dead_letters_saga.
	forgetLetters = `DELETE FROM {s}.dead_letters WHERE saga = ANY($1) AND status <> 'open' AND unsent IS NULL`

	// forgetSagas uses the primary key.
	forgetSagas = `DELETE FROM {s}.sagas WHERE id = ANY($1)`

	// forgetKeys walks the primary key of start_keys and uses that of sagas. A key and
	// its saga are committed together, so a key without one is left over.
	forgetKeys = `WITH page AS (SELECT namespace, key, saga FROM {s}.start_keys WHERE (namespace, key) > ($1, $2)
    ORDER BY namespace, key LIMIT $3),
gone AS (DELETE FROM {s}.start_keys k USING page p WHERE k.namespace = p.namespace AND k.key = p.key
    AND NOT EXISTS (SELECT FROM {s}.sagas s WHERE s.id = p.saga) RETURNING 1),
last AS (SELECT namespace, key FROM page ORDER BY namespace DESC, key DESC LIMIT 1)
SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM page),
    coalesce((SELECT namespace FROM last), ''), coalesce((SELECT key FROM last), '')`
)
