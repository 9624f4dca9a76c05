package sagapg

import "github.com/unwindhq/unwind/internal/postgres"

// The statements. {s} stands for the schema.
const (
	// Primary key of sagas. Locks in the order of the ids.
	lockSagas = `SELECT id, namespace, state FROM {s}.sagas WHERE id = ANY($1) ORDER BY id FOR UPDATE`

	// Primary key of sagas. Locks in the order of the ids, and fails (SQLSTATE
	// 21000) where a state has another seq.
	compareKnown = `SELECT CASE WHEN
			coalesce((SELECT array_agg(seq) FROM (SELECT seq FROM {s}.sagas WHERE id = ANY($1) ORDER BY id FOR UPDATE) AS mine), '{}')
				IS DISTINCT FROM $2::int8[]
		THEN (SELECT n FROM generate_series(1, 2) AS g (n)) END`

	// Primary key of start_keys. Sorted, so that two batches cannot deadlock.
	claimKeys = `INSERT INTO {s}.start_keys (namespace, key, hash, saga)
		SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::uuid[]) AS k (namespace, key, hash, saga)
		ORDER BY 1, 2 ON CONFLICT DO NOTHING`

	// Primary key of start_keys. A statement of its own: it sees what a
	// concurrent winner has committed.
	readKeys = `SELECT k.namespace, k.key, k.hash, k.saga FROM {s}.start_keys k
		JOIN unnest($1::text[], $2::text[]) AS w (namespace, key) USING (namespace, key)`

	// Primary key of business_keys. Sorted, so that two batches cannot deadlock.
	claimUnique = `INSERT INTO {s}.business_keys (namespace, definition, key, saga)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[]) AS k (namespace, definition, key, saga)
		ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING`

	// Primary key of business_keys. A statement of its own: it sees what a
	// concurrent winner has committed.
	readUnique = `SELECT k.namespace, k.definition, k.key, k.saga FROM {s}.business_keys k
		JOIN unnest($1::text[], $2::text[], $3::text[]) AS w (namespace, definition, key) USING (namespace, definition, key)`

	// Primary key of business_keys. Gives back only the key of that very saga.
	dropUnique = `DELETE FROM {s}.business_keys k USING unnest($1::text[], $2::text[], $3::text[], $4::uuid[])
			AS w (namespace, definition, key, saga)
		WHERE k.namespace = w.namespace AND k.definition = w.definition AND k.key = w.key AND k.saga = w.saga`

	// Primary key of business_keys. Gives on only the key of that very saga.
	handUnique = `UPDATE {s}.business_keys SET saga = $5 WHERE namespace = $1 AND definition = $2 AND key = $3 AND saga = $4`

	// Primary key of saga_attributes. What is there already as it is costs no write.
	insertAttributes = `INSERT INTO {s}.saga_attributes AS old (saga, namespace, name, text, number)
		SELECT saga, namespace, name, text, number::numeric
		FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[]) AS a (saga, namespace, name, text, number)
		ON CONFLICT (saga, name) DO UPDATE SET text = excluded.text, number = excluded.number
		WHERE (old.text, old.number) IS DISTINCT FROM (excluded.text, excluded.number)`

	// Primary key of saga_attributes.
	dropAttributes = `DELETE FROM {s}.saga_attributes a WHERE a.saga = ANY($1) AND NOT EXISTS (
		SELECT FROM unnest($2::uuid[], $3::text[]) AS k (saga, name) WHERE k.saga = a.saga AND k.name = a.name)`

	// Primary key of event_waits.
	insertWaits = `INSERT INTO {s}.event_waits (saga, step, namespace, definition, version, key)
		SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
		ON CONFLICT (saga, step) DO UPDATE SET key = excluded.key`

	// Primary key of event_waits.
	deleteWaits = `DELETE FROM {s}.event_waits e USING unnest($1::uuid[], $2::text[]) AS w (saga, step)
		WHERE e.saga = w.saga AND e.step = w.step`

	// Index event_waits_key.
	findWaits = `SELECT w.definition, w.version, w.saga, w.step, w.key FROM {s}.event_waits w
			JOIN unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS k (definition, version, step, key)
			ON w.definition = k.definition AND w.version = k.version AND w.step = k.step AND w.key = k.key
		WHERE w.namespace = $1 AND (w.saga, w.step) > ($6, $7) ORDER BY w.saga, w.step LIMIT $8`

	// No table.
	readClock = `SELECT clock_timestamp()`

	// Primary key of sagas.
	insertSagas = `INSERT INTO {s}.sagas (id, namespace, definition, version, level, status, attention, bucket,
			seq, started_at, changed_at, wake_at, state, retention, waiting)
		SELECT id, namespace, definition, version, level, status, string_to_array(attention, ' '), bucket,
			seq, started_at, changed_at, wake_at, state, retention, waiting
		FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::int2[], $6::int2[], $7::text[], $8::int2[],
			$9::int8[], $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::bytea[], $14::int2[], $15::int2[])
			AS n (id, namespace, definition, version, level, status, attention, bucket,
				seq, started_at, changed_at, wake_at, state, retention, waiting)`

	// Primary key of sagas. Only the starts of children pay for it.
	setParents = `UPDATE {s}.sagas s SET parent = n.parent, root = n.root
		FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS n (id, parent, root) WHERE s.id = n.id`

	// setSaga is what a transition changes of a saga's row.
	setSaga = `status = n.status, attention = string_to_array(n.attention, ' '), seq = n.seq,
			changed_at = n.changed_at, wake_at = n.wake_at, state = n.state, waiting = n.waiting`

	// Primary key of sagas. No indexed column changes but for status at the end.
	updateSagas = `UPDATE {s}.sagas s SET ` + setSaga + `
		FROM unnest($1::uuid[], $2::int2[], $3::text[], $4::int8[], $5::timestamptz[], $6::timestamptz[], $7::bytea[], $8::int2[])
			AS n (id, status, attention, seq, changed_at, wake_at, state, waiting)
		WHERE s.id = n.id`

	// Primary key of sagas. updateSagas that fails (SQLSTATE 21000) where a state has
	// another seq than the one that was known: to lock the rows and compare them in a
	// statement before would write each of them twice.
	moveSagas = `WITH moved AS (UPDATE {s}.sagas s SET ` + setSaga + `
		FROM unnest($1::uuid[], $2::int2[], $3::text[], $4::int8[], $5::timestamptz[], $6::timestamptz[], $7::bytea[], $8::int2[], $9::int8[])
			AS n (id, status, attention, seq, changed_at, wake_at, state, waiting, known)
		WHERE s.id = n.id AND s.seq = n.known RETURNING 1)
		SELECT CASE WHEN (SELECT count(*) FROM moved) <> $10::int8 THEN (SELECT n FROM generate_series(1, 2) AS g (n)) END`

	// Primary key of saga_events: a second event of one seq fails the batch.
	insertEvents = `INSERT INTO {s}.saga_events (saga, seq, at, kind, step, direction, attempt, epoch, outcome,
			actor, reason, request_id, content_type, codec, key_id, payload, detail, sent)
		SELECT * FROM unnest($1::uuid[], $2::int8[], $3::timestamptz[], $4::text[], $5::text[], $6::int2[], $7::int4[],
			$8::int4[], $9::int2[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[],
			$16::bytea[], $17::text[], $18::text[]) AS n`

	// Primary key of saga_events, from what is known of each on.
	readEvents = `SELECT saga, seq, at, kind, step, direction, attempt, epoch, outcome,
			actor, reason, request_id, content_type, codec, key_id, payload, detail, sent
		FROM unnest($1::uuid[], $2::int8[]) AS n (id, known) JOIN {s}.saga_events e ON e.saga = n.id AND e.seq > n.known
		ORDER BY saga, seq`

	// Primary key of start_keys. Gives back only the key of that very saga.
	dropKeys = `DELETE FROM {s}.start_keys k USING unnest($1::text[], $2::text[], $3::uuid[]) AS w (namespace, key, saga)
		WHERE k.namespace = w.namespace AND k.key = w.key AND k.saga = w.saga`

	// Primary key of saga_mail.
	insertMail = `INSERT INTO {s}.saga_mail (bucket, saga, record)
		SELECT bucket, saga, record FROM unnest($1::int2[], $2::uuid[], $3::bytea[]) WITH ORDINALITY
			AS n (bucket, saga, record, ord) ORDER BY ord RETURNING id`

	// No table. A statement of its own, so that the next ones see what those before
	// us have committed.
	lockKeys = `SELECT pg_advisory_xact_lock(k) FROM unnest($1::int8[]) AS k`

	// Index saga_locks_saga.
	releaseLocks = `DELETE FROM {s}.saga_locks l USING unnest($1::text[], $2::text[], $3::uuid[]) AS w (namespace, key, saga)
		WHERE l.namespace = w.namespace AND l.key = w.key AND l.saga = w.saga`

	// Primary key of saga_locks.
	acquireLocks = `INSERT INTO {s}.saga_locks (namespace, key, saga, bucket)
		SELECT namespace, key, saga, bucket FROM unnest($1::text[], $2::text[], $3::uuid[], $4::int2[]) WITH ORDINALITY
			AS n (namespace, key, saga, bucket, ord) ORDER BY ord`

	// Primary key of saga_locks: the first of each key.
	grantLocks = `WITH first AS (SELECT l.*, w.record FROM unnest($1::text[], $2::text[], $3::bytea[]) AS w (namespace, key, record)
			CROSS JOIN LATERAL (SELECT namespace, key, n, saga, bucket, granted FROM {s}.saga_locks k
				WHERE k.namespace = w.namespace AND k.key = w.key ORDER BY n LIMIT 1) AS l WHERE l.granted IS NULL),
		given AS (UPDATE {s}.saga_locks l SET granted = clock_timestamp() FROM first f
			WHERE l.namespace = f.namespace AND l.key = f.key AND l.n = f.n RETURNING l.bucket, l.saga, f.record),
		woken AS (INSERT INTO {s}.far_wakes (bucket, at, saga)
			SELECT bucket, clock_timestamp(), saga FROM (SELECT DISTINCT bucket, saga FROM given WHERE bucket <> ALL ($4)) AS others
			ON CONFLICT DO NOTHING)
		INSERT INTO {s}.saga_mail (bucket, saga, record) SELECT bucket, saga, record FROM given RETURNING saga, id, record`

	// Primary key of saga_mail.
	deleteMail = `DELETE FROM {s}.saga_mail m USING unnest($1::int2[], $2::uuid[], $3::int8[]) AS w (bucket, saga, id)
		WHERE m.bucket = w.bucket AND m.saga = w.saga AND m.id = w.id`

	// Primary key of saga_mail.
	readMail = `SELECT saga, id, record FROM {s}.saga_mail WHERE bucket = ANY($1) AND (bucket, saga, id) > ($2, $3, $4)
		ORDER BY bucket, saga, id LIMIT $5`

	// Primary key of far_wakes.
	insertFar = `INSERT INTO {s}.far_wakes (bucket, at, saga)
		SELECT * FROM unnest($1::int2[], $2::timestamptz[], $3::uuid[]) ON CONFLICT DO NOTHING`

	// Primary key of far_wakes.
	deleteFar = `DELETE FROM {s}.far_wakes f USING unnest($1::int2[], $2::timestamptz[], $3::uuid[]) AS w (bucket, at, saga)
		WHERE f.bucket = w.bucket AND f.at = w.at AND f.saga = w.saga`

	// Primary key of far_wakes.
	readFar = `SELECT saga, at FROM {s}.far_wakes WHERE bucket = ANY($1) AND at <= clock_timestamp() ORDER BY at LIMIT $2`

	// Index sagas_active.
	readWakes = `SELECT id, wake_at FROM {s}.sagas WHERE bucket = $1 AND status < 3 AND id > $2 ORDER BY id LIMIT $3`

	// Primary key of local_steps.
	claimLocal = `INSERT INTO {s}.local_steps (saga, step) VALUES ($1, $2) ON CONFLICT DO NOTHING`

	// Primary key of local_steps.
	lockLocal = `SELECT undone, outcome, reason, payload, epoch FROM {s}.local_steps WHERE saga = $1 AND step = $2 FOR UPDATE`

	// Primary key of local_steps.
	saveLocal = `UPDATE {s}.local_steps SET outcome = $3, reason = $4, payload = $5, epoch = $6 WHERE saga = $1 AND step = $2`

	// Primary key of local_steps.
	undoLocal = `UPDATE {s}.local_steps SET undone = true WHERE saga = $1 AND step = $2`

	// Primary key of trace_queue.
	insertTraced = `INSERT INTO {s}.trace_queue (saga, window_seq)
		SELECT * FROM unnest($1::uuid[], $2::int8[]) ON CONFLICT DO NOTHING`

	// Index trace_queue_next. Two processes never take the same note.
	claimTraced = `UPDATE {s}.trace_queue q SET next = clock_timestamp() + $2 * interval '1 microsecond'
		FROM (SELECT saga, window_seq FROM {s}.trace_queue WHERE next <= clock_timestamp()
			ORDER BY next LIMIT $1 FOR UPDATE SKIP LOCKED) AS due
		WHERE q.saga = due.saga AND q.window_seq = due.window_seq RETURNING q.saga, q.window_seq`

	// Primary key of trace_queue.
	deleteTraced = `DELETE FROM {s}.trace_queue q USING unnest($1::uuid[], $2::int8[]) AS w (saga, window_seq)
		WHERE q.saga = w.saga AND q.window_seq = w.window_seq`

	// Index trace_queue_at.
	expireTraced = `DELETE FROM {s}.trace_queue WHERE at < clock_timestamp() - $1 * interval '1 microsecond'
		OR at < (SELECT at FROM {s}.trace_queue ORDER BY at DESC OFFSET $2 LIMIT 1)`

	// Primary key of settings.
	readSettings = `SELECT name, value FROM {s}.settings ORDER BY name`
)

// in puts the schema into a statement.
func (s *Store) in(query string) string {
	return postgres.In(s.schema, query)
}
