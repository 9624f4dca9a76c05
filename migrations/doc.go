// Package migrations holds the database schema of Unwind and brings a database
// up to it. The schema comes in sets, because not every user needs all of it: a
// coordinator's schema is Outbox + Coordinator, a participant's is Outbox +
// Participant, and Outbox alone is enough to publish from a transaction.
//
// Each set has its own folder of SQL files and its own version table inside the
// schema. The files name their tables unqualified; they run with the schema as
// the search_path, so that the schema's name stays the user's choice.
//
// Changes expand first and contract one minor release later, so that two
// neighbouring releases can run side by side on one schema.
package migrations
