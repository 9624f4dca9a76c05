package registry

const (
	// latestContract reads one end of the primary key.
	latestContract = `SELECT number, canonical FROM {s}.contracts WHERE namespace = $1 AND participant = $2 ORDER BY number DESC LIMIT 1`

	// insertContract uses the primary key, under lockName.
	insertContract = `INSERT INTO {s}.contracts (namespace, participant, number, canonical, actor, reason, forced) VALUES ($1, $2, $3, $4, $5, $6, $7)`

	// countContracts walks the primary key of a namespace, up to a limit.
	countContracts = `SELECT count(*) FROM (SELECT DISTINCT participant FROM {s}.contracts WHERE namespace = $1 LIMIT $2) AS all_of_it`

	selectContracts = `SELECT participant, number, canonical, actor, reason, forced, at FROM {s}.contracts WHERE namespace = $1 AND `

	// oneContract walks the primary key backwards.
	oneContract = `participant = $2 AND ($3 = 0 OR number = $3) ORDER BY number DESC LIMIT $4`

	// someContracts walks the primary key of a namespace; the sort is over one
	// participant's versions.
	someContracts = `SELECT DISTINCT ON (participant) participant, number, canonical, actor, reason, forced, at FROM {s}.contracts
WHERE namespace = $1 AND participant > $2 ORDER BY participant, number DESC LIMIT $3`

	// countRunning reads the partial index of sagas that have not ended.
	countRunning = `SELECT definition, version, count(*) FROM {s}.sagas WHERE status < 3 AND namespace = $1 GROUP BY 1, 2 LIMIT $2`
)
