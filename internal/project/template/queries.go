package main

// The statements.
const (
	createTables = `CREATE TABLE IF NOT EXISTS stock.items (item text PRIMARY KEY, remaining integer NOT NULL CHECK (remaining >= 0));
INSERT INTO stock.items VALUES ('tea', 1000), ('piano', 0) ON CONFLICT DO NOTHING`

	takeItem = `UPDATE stock.items SET remaining = remaining - 1 WHERE item = $1 AND remaining > 0`
	giveBack = `UPDATE stock.items SET remaining = remaining + 1 WHERE item = $1`
)
