// Package quota bounds what a namespace may start and keep. A [Store] has the quotas
// in Postgres; a process's [Book] judges its starts by its share of them, and counts
// what its sagas do; a [Keeper] brings the two together.
package quota
