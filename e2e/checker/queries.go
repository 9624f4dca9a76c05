package main

// All statements read whole tables: the checker looks at everything.
const (
	selectSagas = `SELECT id::text, namespace, definition, version, status, attention, seq FROM sagas`
	// By the primary key (saga, seq).
	selectEvents = `SELECT saga::text, seq, at, kind, step, direction, attempt, epoch, outcome, actor, detail, sent,
			request_id, CASE WHEN kind = 'signalled' THEN payload END
		FROM saga_events ORDER BY saga, seq`
	selectDefinitions = `SELECT namespace, name, 'r' || number, canonical, at,
		EXISTS (SELECT FROM disabled_definitions x WHERE (x.namespace, x.name) = (d.namespace, d.name)) FROM definitions d`
	selectKeys    = `SELECT namespace, key, saga::text FROM start_keys`
	selectTaken   = `SELECT saga::text FROM business_keys`
	selectMail    = `SELECT DISTINCT saga::text FROM saga_mail`
	selectQueues  = `SELECT namespace, key, saga::text, granted IS NOT NULL FROM saga_locks`
	selectOutbox  = `SELECT id, topic, key FROM outbox ORDER BY id`
	selectLetters = `SELECT id, topic, partition, "offset", key, headers, value, command FROM dead_letters ORDER BY id`
	selectEffects = `SELECT saga::text, step, direction, at FROM effects ORDER BY at`
	findOutbox    = `SELECT to_regclass('outbox') IS NOT NULL`
	// By the index sagas_active.
	countUnrest = `SELECT (SELECT count(*) FROM sagas WHERE status < 3 AND attention = '{}') + (SELECT count(*) FROM outbox)`
	countOutbox = `SELECT count(*) FROM outbox`
)
