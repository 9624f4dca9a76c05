package fleet

// The statements name their tables as {s}.table; postgres.In replaces the schema.
const (
	// writeBreakers uses the primary key of breakers. Times come as ages, because
	// the writer's clock may be wrong.
	writeBreakers = `INSERT INTO {s}.breakers AS b
(node, participant, direction, state, since, held, oldest_held, rate, in_flight, requests, failures, at)
SELECT $1, n.participant, n.direction, n.state, now.at - n.age * interval '1 microsecond', n.held, now.at - n.oldest * interval '1 microsecond',
       n.rate, n.in_flight, n.requests, n.failures, now.at
FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::int[], $7::bigint[], $8::int[], $9::int[], $10::int[], $11::int[])
     AS n (participant, direction, state, age, held, oldest, rate, in_flight, requests, failures),
     (SELECT clock_timestamp() AS at) AS now
ON CONFLICT (node, participant, direction) DO UPDATE SET state = excluded.state, since = excluded.since, held = excluded.held,
oldest_held = excluded.oldest_held, rate = excluded.rate, in_flight = excluded.in_flight, requests = excluded.requests,
failures = excluded.failures, at = excluded.at`

	// buryBreakers scans breakers and nodes. Rows of a node that only was away are
	// written again by it.
	buryBreakers = `DELETE FROM {s}.breakers b WHERE b.node <> $1 AND NOT EXISTS (SELECT FROM {s}.nodes n WHERE n.node = b.node)`

	// leaveBreakers uses the primary key of breakers.
	leaveBreakers = `DELETE FROM {s}.breakers WHERE node = $1`

	// readBreakers scans breakers and nodes, a row per process.
	readBreakers = `SELECT b.node, b.participant, b.direction, b.state, b.since, b.held, b.oldest_held, b.rate, b.in_flight, b.requests, b.failures, b.at
FROM {s}.breakers b JOIN {s}.nodes n ON n.node = b.node AND n.until > clock_timestamp()
WHERE $1 = '' OR b.participant = $1
ORDER BY b.participant, b.direction, b.node`
)
