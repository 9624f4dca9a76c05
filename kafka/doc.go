// Package kafka is Unwind's way to Kafka: records as they are on the wire, a
// batch producer, a reader of explicitly assigned partitions, an administrator
// of topics, and watermill's Publisher and Subscriber on top of the same
// settings.
//
// The settings aim at one promise, at least once and in order per key:
// idempotent production acknowledged by all in-sync replicas, one request to a
// broker in flight, Kafka's own murmur2 partitioner (so that Java and Python clients
// choose the same partition), no topic created by accident, no offset reset by
// accident, and a bound on everything that is held in memory.
//
// A record is never flattened on the way: the order of its headers, their
// duplicates, and the difference between no value and an empty one survive,
// also through watermill, where the record travels in the message's context
// (see RecordFrom).
package kafka
