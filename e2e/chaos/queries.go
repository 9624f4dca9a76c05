package main

const (
	// createEffects creates the ledger of one participant: what its handlers have
	// really done.
	createEffects = `CREATE TABLE effects (
		id bigint GENERATED ALWAYS AS IDENTITY, saga uuid NOT NULL, step text NOT NULL, direction text NOT NULL,
		attempt int NOT NULL, epoch int NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp())`
	// insertEffect uses no index.
	insertEffect = `INSERT INTO effects (saga, step, direction, attempt, epoch) VALUES ($1, $2, $3, $4, $5)`
	// countInFlight uses sagas_active.
	countInFlight = `SELECT count(*) FROM unwind.sagas WHERE status < 3`
	// sumEpochs reads the 64 buckets: it grows with each takeover.
	sumEpochs = `SELECT sum(epoch) FROM unwind.buckets`
	// countOutbox scans what is left to send.
	countOutbox = `SELECT count(*) FROM %s.outbox`
	// countDead uses dead_letters_open.
	countDead = `SELECT count(*) FROM unwind.dead_letters`
	// readSagas scans all sagas that clients have started, with their keys, after the run.
	readSagas = `SELECT s.id, s.status, coalesce(k.key, '') FROM unwind.sagas s LEFT JOIN unwind.start_keys k ON k.saga = s.id WHERE s.definition IN ('trip', 'roam')`
	// readStays uses the primary key: the business keys of the stays that have not ended.
	readStays = `SELECT key FROM unwind.business_keys WHERE namespace = 'default' AND definition = 'stay'`
	// readEffects scans a ledger, after the run.
	readEffects = `SELECT saga, direction, count(*) FROM effects GROUP BY saga, direction`
)
