// Package bench measures the real path of a saga: a closed loop of sagas of three
// steps through Postgres and Kafka, with the coordinator and participants that do
// nothing as processes of their own, and in the same run what the same servers
// can do at most. Machines differ and are busy with other things, so ratios to
// that limit are what to compare.
//
// Run starts the program again for the two processes, with the role as its only
// argument; that program hands over to Serve. They are told what to do by lines
// of JSON on standard input and end when that ends, however the parent does.
package bench
