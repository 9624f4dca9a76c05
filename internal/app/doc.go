// Package app puts one coordinator process together: pools, leases, relay, Kafka,
// coordinator, definitions and REST. unwind serve, dev and demo and the tests run
// the same thing.
//
// The parts stop in the order that hands everything over: REST takes no more
// requests, the lease gives the buckets back while the coordinator drains and the
// relay settles them, then coordinator, relay, Kafka and the pools end.
package app
