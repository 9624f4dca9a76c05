package metrics

// What a look at the database asks. {s} stands for the schema's name.
const (
	// setLimits touches no table; it holds until the end of the transaction. A look
	// keeps to its indexes whatever the planner believes of the tables' sizes, and
	// to one process of the server.
	setLimits = `SELECT set_config('statement_timeout', $1, true), set_config('enable_seqscan', 'off', true),
    set_config('max_parallel_workers_per_gather', '0', true), set_config('jit', 'off', true)`

	// countActive uses the partial index sagas_active: it reads sagas that have not
	// ended, and no others.
	countActive = `SELECT definition, status::bigint, count(*) FROM {s}.sagas WHERE status < 3 GROUP BY 1, 2`

	// countAttention uses the partial index sagas_attention. A saga with several
	// reasons is counted for each.
	countAttention = `SELECT namespace, definition, version, r.reason, count(DISTINCT id),
    extract(epoch FROM clock_timestamp() - min(started_at))::float8
FROM {s}.sagas, unnest(attention) AS r (reason) WHERE attention <> '{}' GROUP BY 1, 2, 3, 4`

	// countOutbox walks the primary key, which alone it needs, up to a limit.
	countOutbox = `SELECT count(*) FROM (SELECT FROM {s}.outbox LIMIT 100000) AS rows`

	// oldestOutbox walks the primary key to its first row.
	oldestOutbox = `SELECT headers, clock_timestamp() FROM {s}.outbox ORDER BY id LIMIT 1`

	// countDeadLetters uses the partial index dead_letters_open.
	countDeadLetters = `SELECT class, count(*) FROM {s}.dead_letters WHERE status = 'open' GROUP BY 1`

	// countLeft reads two tables that are nearly always empty, up to a limit.
	countLeft = `SELECT (SELECT count(*) FROM (SELECT FROM {s}.far_wakes LIMIT 100000) AS far),
    (SELECT count(*) FROM (SELECT FROM {s}.saga_mail LIMIT 100000) AS mail)`
)
