// Package contract holds a participant to docs/wire-contract.md: duplicates, undo before
// do, older epochs and incarnations, refusals that stay, items of a list, commands that
// nobody can read, and, of a handler that was made with saga/participant, crashes before
// and after its commit.
//
// [Test] holds a *participant.Participant on real Postgres to it, in a Go test and without
// Kafka. [Over] does so over Kafka with whatever runs there, in any language; it is what
// `unwind participant check` calls. Both are judged by the same [Check].
package contract
