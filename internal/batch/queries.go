package batch

// The statements. {s} stands for the schema.
const (
	// No index but the primary key.
	insertBatch = `INSERT INTO {s}.batches (namespace, verb, step, reason, actor, filter, rate, parameters, changed_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $5) RETURNING id`

	// freeze has the filter's condition and a limit behind it.
	freeze = `INSERT INTO {s}.batch_sagas (batch, saga) SELECT %d, id FROM {s}.sagas WHERE `

	// Primary keys of batch_sagas and sagas.
	selectKinds = `SELECT DISTINCT s.definition, s.version, s.status = 2 FROM {s}.batch_sagas i JOIN {s}.sagas s ON s.id = i.saga
WHERE i.batch = $1 ORDER BY 1, 2, 3`

	// Primary key of batches.
	setTotal = `UPDATE {s}.batches SET total = $2, needs_approval = $3 WHERE id = $1`

	// Primary key of both.
	selectBatches = `SELECT b.id, b.namespace, b.verb, b.step, b.reason, b.actor, b.filter, b.rate, b.state, b.total, b.at, b.changed_at, b.changed_by,
    b.parameters, b.needs_approval, b.approved_by, b.approved_at,
    (SELECT count(*) FROM {s}.batch_sagas i WHERE i.batch = b.id AND i.outcome = 'done'),
    (SELECT count(*) FROM {s}.batch_sagas i WHERE i.batch = b.id AND i.outcome = 'unchanged'),
    (SELECT count(*) FROM {s}.batch_sagas i WHERE i.batch = b.id AND i.outcome = 'refused')
FROM {s}.batches b WHERE `
	oneBatch    = `b.id = $1`
	someBatches = `b.namespace = $1 AND ($2::bigint = 0 OR b.id < $2) ORDER BY b.id DESC LIMIT $3`

	// Primary key of batches.
	setState = `UPDATE {s}.batches SET state = $2, changed_by = $3, changed_at = clock_timestamp() WHERE id = $1 AND state = ANY($4)
    AND ($2 <> 'running' OR NOT needs_approval OR approved_by <> '')`

	// Primary key of batches. Who has made it is told apart by name.
	setApproved = `UPDATE {s}.batches SET approved_by = $2, approved_at = clock_timestamp()
WHERE id = $1 AND needs_approval AND approved_by = '' AND actor <> $2 AND state = 'frozen'`

	// Primary key of batches.
	setDone = `UPDATE {s}.batches SET state = 'done', changed_at = clock_timestamp() WHERE id = $1 AND state = 'running'`

	// Primary key of batch_sagas.
	selectItems = `SELECT saga, outcome, detail FROM {s}.batch_sagas
WHERE batch = $1 AND saga > $2 AND ($3::text IS NULL OR outcome = $3) ORDER BY saga LIMIT $4`

	// Index batches_running. Two processes never take one batch.
	takeBatch = `UPDATE {s}.batches SET worked_at = clock_timestamp()
WHERE id = (SELECT id FROM {s}.batches WHERE state = 'running' AND worked_at < clock_timestamp() - $1 * interval '1 microsecond'
    ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id`

	// Primary key of batches.
	stillMine = `UPDATE {s}.batches SET worked_at = clock_timestamp() WHERE id = $1 AND state = 'running'`

	// Index batch_sagas_open.
	openItems = `SELECT saga FROM {s}.batch_sagas WHERE batch = $1 AND outcome = '' ORDER BY saga LIMIT $2`

	// Primary key of batch_sagas.
	settleItems = `UPDATE {s}.batch_sagas i SET outcome = n.outcome, detail = n.detail
FROM unnest($2::uuid[], $3::text[], $4::text[]) AS n (saga, outcome, detail) WHERE i.batch = $1 AND i.saga = n.saga`
)
