package schedule

// The statements. {s} stands for the schema.
const (
	clock = `SELECT clock_timestamp()`

	// Primary key.
	lockOne = `SELECT spec, paused, next_at, clock_timestamp() FROM {s}.schedules WHERE namespace = $1 AND name = $2 FOR UPDATE`

	// Primary key, up to a limit.
	countAll = `SELECT count(*) FROM (SELECT FROM {s}.schedules WHERE namespace = $1 LIMIT $2) AS all_of_it`

	// Primary key.
	upsert = `INSERT INTO {s}.schedules (namespace, name, spec, next_at, changed_by) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (namespace, name) DO UPDATE SET spec = excluded.spec, next_at = excluded.next_at, changed_by = excluded.changed_by, changed_at = clock_timestamp()`

	// Primary key.
	setPaused = `UPDATE {s}.schedules SET paused = $3, next_at = $4, changed_by = $5, changed_at = clock_timestamp() WHERE namespace = $1 AND name = $2`

	// Primary key; the fires go with it by theirs.
	deleteOne = `DELETE FROM {s}.schedules WHERE namespace = $1 AND name = $2`

	// Primary key.
	selectSchedules = `SELECT namespace, spec, paused, next_at, created_at, changed_at, changed_by FROM {s}.schedules WHERE namespace = $1 AND `
	oneSchedule     = `name = $2`
	someSchedules   = `name > $2 ORDER BY name LIMIT $3`

	insertChange = `INSERT INTO {s}.schedule_changes (namespace, name, change, actor, detail) VALUES ($1, $2, $3, $4, $5)`

	// Index schedule_changes_name.
	trimChanges = `DELETE FROM {s}.schedule_changes WHERE namespace = $1 AND name = $2
    AND id < (SELECT id FROM {s}.schedule_changes WHERE namespace = $1 AND name = $2 ORDER BY id DESC OFFSET $3 LIMIT 1)`

	// Index schedule_changes_name.
	selectChanges = `SELECT at, change, actor, detail FROM {s}.schedule_changes WHERE namespace = $1 AND name = $2 ORDER BY id DESC LIMIT $3`

	// Index schedules_due. Two processes never decide about one schedule at once.
	lockDue = `SELECT namespace, name, spec, next_at, queued_at, clock_timestamp() FROM {s}.schedules
WHERE next_at <= clock_timestamp() AND paused IS NULL AND namespace = ANY($1) AND name <> ALL($2) ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED`

	// Index schedules_queued.
	selectQueued = `SELECT namespace, name, spec, queued_at FROM {s}.schedules
WHERE queued_at IS NOT NULL AND paused IS NULL AND namespace = ANY($1) ORDER BY queued_at LIMIT $2`

	// Primary keys of schedule_fires and sagas: as many rows as are kept of a schedule.
	selectBusy = `SELECT f.saga, f.at FROM {s}.schedule_fires f LEFT JOIN {s}.sagas s ON s.id = f.saga
WHERE f.namespace = $1 AND f.name = $2 AND (f.outcome = 'due' OR s.status < 3) ORDER BY f.at`

	// Primary key.
	insertFire = `INSERT INTO {s}.schedule_fires (namespace, name, at, outcome, detail, actor) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`

	// Primary key.
	setDecided = `UPDATE {s}.schedules SET next_at = $3, queued_at = $4 WHERE namespace = $1 AND name = $2`

	// Primary keys. It takes the row only once: the second one finds another time, or none, waiting.
	release = `WITH mine AS (UPDATE {s}.schedules SET queued_at = NULL WHERE namespace = $1 AND name = $2 AND queued_at = $3 RETURNING 1)
UPDATE {s}.schedule_fires SET outcome = 'due', decided_at = clock_timestamp()
WHERE namespace = $1 AND name = $2 AND at = $3 AND outcome = 'queued' AND EXISTS (SELECT FROM mine)`

	// Primary key.
	setOutcome = `UPDATE {s}.schedule_fires SET outcome = $4, saga = $5, detail = $6, decided_at = clock_timestamp()
WHERE namespace = $1 AND name = $2 AND at = $3 AND outcome = ANY($7)`

	// Primary keys. A fire whose saga is under way stays.
	trimFires = `DELETE FROM {s}.schedule_fires f WHERE namespace = $1 AND name = $2 AND outcome NOT IN ('due', 'queued')
    AND at < (SELECT at FROM {s}.schedule_fires WHERE namespace = $1 AND name = $2 ORDER BY at DESC OFFSET $3 LIMIT 1)
    AND NOT EXISTS (SELECT FROM {s}.sagas s WHERE s.id = f.saga AND s.status < 3)`

	// Primary key.
	selectFires = `SELECT at, outcome, saga, detail, actor, decided_at FROM {s}.schedule_fires WHERE namespace = $1 AND name = $2 ORDER BY at DESC LIMIT $3`

	// Index schedule_fires_due, the oldest first.
	claimFires = `UPDATE {s}.schedule_fires f SET claimed_at = clock_timestamp() FROM {s}.schedules s
WHERE s.namespace = f.namespace AND s.name = f.name AND (f.namespace, f.name, f.at) IN (
    SELECT namespace, name, at FROM {s}.schedule_fires
    WHERE outcome = 'due' AND claimed_at < clock_timestamp() - $1 * interval '1 microsecond' AND namespace = ANY($2)
    ORDER BY at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING f.namespace, s.spec, f.at, f.actor, clock_timestamp()`

	// Primary key of start_keys.
	startedBy = `SELECT saga FROM {s}.start_keys WHERE namespace = $1 AND key = $2`
)
