package sagapg

import "github.com/unwindhq/unwind/saga"

// What Reader asks. {s} stands for the schema's name.
const (
	// viewSaga uses the primary key.
	viewSaga = `SELECT id, namespace, state FROM {s}.sagas WHERE id = $1`

	// listSagas walks the primary key backwards, or the partial index
	// sagas_attention, and filters; the following are its optional conditions.
	listSagas      = `SELECT id, namespace, state FROM {s}.sagas WHERE `
	listNamespace  = `namespace = $1`
	listDefinition = ` AND definition = $%d`
	listStatus     = ` AND status = $%d`
	listChanged    = ` AND changed_at > $%d`
	listParent     = ` AND parent = $%d` // the partial index sagas_parent
	listWaiting    = ` AND status < 3 AND waiting & $%[1]d = $%[1]d`
	// The primary key of saga_attributes says whose attention was put off.
	listOpen    = ` AND attention <> '{}' AND NOT EXISTS (` + snoozed + `)`
	listSnoozed = ` AND attention <> '{}' AND EXISTS (` + snoozed + `)`
	snoozed     = `SELECT FROM {s}.saga_attributes o WHERE o.saga = sagas.id AND o.name = '` + saga.SnoozedName + `'
    AND o.number > extract(epoch FROM clock_timestamp()) * 1000000`
	countSagas = `SELECT count(*) FROM (SELECT FROM {s}.sagas WHERE %s LIMIT %d) AS n`
	// The index saga_attributes_text, and saga_attributes_number for numbers.
	listText   = ` AND id IN (SELECT saga FROM {s}.saga_attributes WHERE namespace = $1 AND name = $a AND text = $b)`
	listPrefix = ` AND id IN (SELECT saga FROM {s}.saga_attributes WHERE namespace = $1 AND name = $a
    AND text ~>=~ $b AND text ~<~ $c)`
	listNumber = ` AND id IN (SELECT saga FROM {s}.saga_attributes WHERE namespace = $1 AND name = $a AND text = $b
    UNION ALL SELECT saga FROM {s}.saga_attributes WHERE namespace = $1 AND name = $a AND number = $c::text::numeric)`
	listAfter = ` AND id < $%d`
	listLimit = ` ORDER BY id DESC LIMIT $%d`

	// readLocks uses the index saga_locks_saga, and for each key the primary key.
	readLocks = `SELECT l.key, l.granted IS NOT NULL, first.saga, ahead.n FROM {s}.saga_locks l
    CROSS JOIN LATERAL (SELECT saga FROM {s}.saga_locks f WHERE f.namespace = l.namespace AND f.key = l.key ORDER BY f.n LIMIT 1) AS first
    CROSS JOIN LATERAL (SELECT count(*) AS n FROM (SELECT FROM {s}.saga_locks a
        WHERE a.namespace = l.namespace AND a.key = l.key AND a.n < l.n LIMIT 1000) AS most) AS ahead
WHERE l.saga = $1 ORDER BY l.key`

	// readHistory walks the primary key.
	readHistory = `SELECT saga, seq, at, kind, step, direction, attempt, epoch, outcome,
    actor, reason, request_id, content_type, codec, key_id, payload, detail, sent
FROM {s}.saga_events WHERE saga = $1 AND seq > $2 ORDER BY seq LIMIT $3`
)
