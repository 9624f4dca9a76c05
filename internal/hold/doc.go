// Package hold keeps what operators hold back: the commands to a participant, or
// those of a definition's or a namespace's sagas. A [Store] keeps it in Postgres,
// so that it outlives every process; a [Watcher] tells a process's gate about it.
package hold
