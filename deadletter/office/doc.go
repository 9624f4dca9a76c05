// Package office is where dead letters lie until somebody decides about them: a
// table in Postgres, byte for byte. The coordinator writes them in the very
// transaction in which it is done with the record, so that neither a topic that
// cannot be written nor a crash loses one. An Office carries them on to their
// dead-letter topics, brings in those that others have put there, and sends a
// record to its own topic again when an operator redrives it.
package office
