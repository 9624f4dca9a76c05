// Package lease shares buckets out among processes by leases in Postgres.
//
// Every process has one row in nodes, renewed well before it runs out, on the
// database's clock; every bucket has one row in buckets that names its owner and
// an epoch. A process claims free and orphaned buckets up to its fair share and
// gives surplus ones back after its callers have let go of them.
//
// A lease alone is no fence: a process that was stopped and woken again still
// believes in it. So a writer that relies on ownership takes a shared advisory
// lock on its buckets at the start of its transaction and compares epochs in a
// later statement ([QueueFence]), and a takeover raises the epoch, commits, and
// then waits once for the exclusive lock before it looks at anything: whatever
// the old owner was going to commit is either committed by then, or refused.
package lease
