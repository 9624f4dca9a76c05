// Package rawconn takes a connection's short reads and writes past Go's scheduler.
//
// Go announces every system call to its scheduler, which in a process that was idle
// wakes the runtime's monitor thread: with one saga in flight a third of our context
// switches, before each write that somebody waits for. A read or write of a socket
// that never blocks needs no announcement: it is over before the monitor would do
// anything about it. On systems other than Linux connections stay as they are.
package rawconn
