package postgres

import (
	"strings"

	"github.com/jackc/pgx/v5"
)

// In returns a statement, which names its tables as {s}.table, with the schema put in
// place.
func In(schema, query string) string {
	return strings.ReplaceAll(query, "{s}", pgx.Identifier{schema}.Sanitize())
}
