package postgres

const (
	// applySettings touches no table. A commit that does not wait for the disk may be
	// lost after its messages have left; a choice stricter than on stays.
	applySettings = `SELECT set_config(name, value, false) FROM unnest($1::text[], $2::text[]) AS s (name, value)
UNION ALL SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`

	// readUnsafe touches no table.
	readUnsafe = `SELECT name FROM unnest('{fsync,full_page_writes}'::text[]) AS s (name) WHERE current_setting(name) = 'off'`
)
