package office

// The statements. {s} stands for the schema.
const (
	// Unique index dead_letters_place: a record that is read twice is one letter. The
	// primary key of sagas: a saga's letter is its namespace's, whatever the record
	// says or leaves out.
	insertLetter = `INSERT INTO {s}.dead_letters (namespace, topic, partition, "offset", "timestamp", key, headers, value,
			class, reason, fingerprint, origin, saga, command, at, unsent)
		VALUES (coalesce((SELECT s.namespace FROM {s}.sagas s WHERE s.id = $13), $1), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) ON CONFLICT DO NOTHING`

	// columns are those of scan.
	columns = `id, namespace, topic, partition, "offset", "timestamp", key, headers, value, octet_length(value), class, reason,
		fingerprint, origin, saga, command, at, status, redrives, actor, note, changed_at, unsent, sent_at, trouble`

	// brief are columns without the record's bytes.
	brief = `id, namespace, topic, partition, "offset", "timestamp", NULL::bytea, '\x00'::bytea, NULL::bytea, octet_length(value),
		class, reason, fingerprint, origin, saga, command, at, status, redrives, actor, note, changed_at, unsent, sent_at, trouble`

	// Primary key.
	readLetter = `SELECT ` + columns + ` FROM {s}.dead_letters WHERE id = $1`

	// Primary key. Two decisions about one letter wait for each other.
	lockLetter = readLetter + ` FOR UPDATE`

	// Walks the primary key, or dead_letters_open, or dead_letters_saga, as its
	// conditions let it.
	listLetters  = `SELECT ` + brief + ` FROM {s}.dead_letters WHERE `
	listIDs      = `SELECT id FROM {s}.dead_letters WHERE `
	newestFirst  = ` ORDER BY id DESC LIMIT $%d`
	oldestFirst  = ` AND id > $%d ORDER BY id LIMIT $%d`
	whereBefore  = ` AND id < $%d`
	whereOpen    = ` AND status = 'open'`
	whereStatus  = ` AND status = $%d`
	whereTopic   = ` AND topic = $%d`
	whereClass   = ` AND class = $%d`
	whereSaga    = ` AND saga = $%d`
	largestFirst = ` GROUP BY fingerprint, topic, class ORDER BY 5 DESC, 1 LIMIT $%d`

	whereNamespace   = ` AND namespace = $%d`
	whereFingerprint = ` AND fingerprint = $%d`

	// Reads all that its conditions choose.
	groupLetters = `SELECT fingerprint, topic, class, (array_agg(reason ORDER BY id DESC))[1], count(*), count(DISTINCT saga),
		min(at), max(at), max(id) FROM {s}.dead_letters WHERE `

	// Primary key.
	decide = `UPDATE {s}.dead_letters SET status = $2, actor = $3, note = $4, changed_at = clock_timestamp(),
		unsent = coalesce($5, unsent), redrives = redrives + $6, trouble = '' WHERE id = $1`

	// Index dead_letters_saga.
	earlierOpen = `SELECT id FROM {s}.dead_letters WHERE saga = $1 AND id < $2 AND status = 'open' AND NOT id = ANY ($3)
		ORDER BY id LIMIT 1`

	// Index dead_letters_unsent.
	listUnsent = `SELECT ` + columns + ` FROM {s}.dead_letters JOIN (
			SELECT id, upto, row_number() OVER (ORDER BY id) AS place FROM (
				SELECT id, sum(octet_length(headers) + coalesce(octet_length(value), 0)) OVER (ORDER BY id) AS upto
				FROM {s}.dead_letters WHERE unsent IS NOT NULL AND NOT topic = ANY ($1) ORDER BY id LIMIT $2) sized) listed USING (id)
		WHERE upto <= $3 OR place = 1 ORDER BY id`

	// Primary key. What was decided meanwhile is still to be sent.
	markSent = `UPDATE {s}.dead_letters SET unsent = NULL, sent_at = clock_timestamp(), trouble = ''
		WHERE id = $1 AND unsent = $2 AND redrives = $3`

	// Primary key. A record that cannot be redriven is open again.
	markTrouble = `UPDATE {s}.dead_letters SET unsent = NULL, trouble = $4,
		status = CASE WHEN unsent = 'record' THEN 'open' ELSE status END WHERE id = $1 AND unsent = $2 AND redrives = $3`

	// Primary key of dead_letter_imports.
	readPositions = `SELECT topic, partition, position FROM {s}.dead_letter_imports`

	// Primary key of dead_letter_imports.
	savePosition = `INSERT INTO {s}.dead_letter_imports (topic, partition, position) VALUES ($1, $2, $3)
		ON CONFLICT (topic, partition) DO UPDATE SET position = excluded.position`
)
