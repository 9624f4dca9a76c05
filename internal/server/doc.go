// Package server starts real servers as child processes: PostgreSQL from
// installed binaries and Apache Kafka (KRaft) on an installed JDK. Tests, the
// end-to-end suite and the embedded default use it, so that nobody has to set
// up a server or run a container first.
//
// Every server listens on 127.0.0.1 only, keeps its files in one folder, and
// returns to the same port and the same data when it is started there again.
// A folder is used by one process at a time (ErrInUse). A server never
// outlives the process that started it by more than moments: a guard shell
// ends it when that process dies without stopping it (on Windows, which has no
// guard, the next start in the same folder does so).
package server
