// Package outbox publishes messages that were written in a database transaction:
// all of a committed transaction's, none of an aborted one's, each at least once,
// and the messages of one key in the order of their ids.
//
// [Insert] writes messages in the caller's transaction. A [Relay] publishes them:
// it is handed fresh rows after their commit, or finds them by its sweep, and
// deletes a row once the broker has acknowledged it. What is in the table is what
// is left to send; there is no cursor that a late commit could fall behind.
//
// # Order
//
// Ids rise in the order of the inserts. They are the order of the commits too if
// the transactions that write one key come one after the other: because each of
// them locks the same row first, or by [LockKey]. Without that, two messages of a
// key may be published in the order of their commits instead.
//
// The relay never has two attempts at one key under way, and never goes past a
// message that the broker has not acknowledged; other keys go on meanwhile.
// After a failure or a takeover a message may be published twice.
//
// # Who relays
//
// Keys are spread over 64 buckets, and a relay publishes the buckets it has been
// given ([Relay.Gain], [Relay.Lose]). [Standalone] is a relay with leases of its
// own, for programs that use the outbox without sagas.
package outbox
