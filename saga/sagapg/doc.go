// Package sagapg keeps sagas in Postgres: the coordinator's Store.
//
// A batch is two round trips. The first fences the buckets, locks and loads the
// sagas in the order of their ids, claims start and business keys and reads the
// clock; the second writes everything and commits. If the coordinator has the sagas
// in memory there is only the second, which fences, locks and compares as well. Many
// rows are one statement with arrays. The lock order is the same everywhere: bucket,
// saga, start key, business key, lock key, far wake, outbox.
package sagapg
