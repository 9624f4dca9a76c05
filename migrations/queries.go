package migrations

const (
	// schemaExists uses pg_namespace's unique index on nspname.
	schemaExists = `SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1)`

	// lockSchema touches no table.
	lockSchema = `SELECT pg_advisory_xact_lock($1)`
)
