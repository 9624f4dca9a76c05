// Package embedded is what `unwind dev` and `unwind demo` run on when nobody
// names servers to them: a PostgreSQL and a Kafka that need no set-up, with
// their state in one folder, so that it survives a restart.
//
// PostgreSQL is, in this order, the server of a given URL, one run from
// installed server binaries, one run from binaries that are downloaded once.
// Kafka is the given brokers, or an in-process broker that speaks the real
// protocol to clients of any language, for one machine and small loads.
//
// A folder serves one process at a time. Package server does the work of
// running PostgreSQL, also when this process is root.
package embedded
