// Package coordinator runs sagas: it turns batches of replies, starts, wakes and
// verbs into transitions (package saga decides them) and commits each batch in
// one transaction.
//
// The order is that of etcd/raft's Ready: commit first; only then, and
// independently of each other, publish the commands and acknowledge what was
// read. Either may repeat, neither may come first. Everything after the commit
// is idempotent by command id.
//
// Each bucket belongs to one process by a lease and there to one writer, with
// its replies, starts, wakes and verbs; so the sagas of two batches that run at
// the same time are never the same, and a saga's messages are decided in order.
// A writer takes whatever has gathered while its last batch was committing:
// batches grow with the load and there is no linger.
package coordinator
